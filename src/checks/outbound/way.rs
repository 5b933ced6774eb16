//! One way to one host: the first thing on it that is not as it should be.

use std::net::IpAddr;

use super::{
    causes, http,
    landscape::{Landscape, has_route},
    proxy_hop, tls,
    trouble::{HOSTS, Trouble},
};
use crate::{
    facts::outbound::{Attempt, Connect, Handshake, HostProbe, Path},
    profile::Network,
};

/// What the judgement of one way needs to know.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The host.
    pub probe: &'a HostProbe,
    /// What all hosts together tell.
    pub landscape: &'a Landscape,
    /// How the network is judged.
    pub network: &'a Network,
    /// How many authorities the machine trusts, and where they stand.
    pub trust: &'a crate::facts::outbound::TrustNote,
}

/// How a way to a host stands.
pub enum Way {
    /// The service answers.
    Fine,
    /// This machine has no route in this address family.
    NoRoute(Trouble),
    /// Something is wrong.
    Troubled(Trouble),
}

/// Judges one way.
pub fn judge(around: Surroundings, path: &Path) -> Way {
    let attempt = &path.attempt;
    let family = path.family.word();
    if attempt.connect != Connect::Open {
        let trouble = unconnected(around, path);
        return if has_route(attempt) {
            Way::Troubled(trouble)
        } else {
            Way::NoRoute(trouble)
        };
    }
    let trouble = proxy_hop::judge(around, attempt)
        .or_else(|| {
            let tls = attempt.tls.as_ref()?;
            match tls.handshake {
                // A page that says who blocks tells more than the certificate it came with.
                Handshake::Done => http::block_page(around, attempt)
                    .or_else(|| tls::distrust(around, attempt, tls))
                    .or_else(|| http::judge(around, attempt)),
                _ => Some(tls::failed(around, attempt, tls)),
            }
        })
        .or_else(|| slow(around, attempt, family));
    trouble.map_or(Way::Fine, Way::Troubled)
}

fn unconnected(around: Surroundings, path: &Path) -> Trouble {
    let attempt = &path.attempt;
    let address = attempt.address;
    let from = attempt
        .from
        .map_or_else(String::new, |from| format!(" from {from}"));
    if let Some(proxy) = &around.probe.proxy {
        return Trouble::fail(
            causes::PROXY_UNREACHABLE,
            format!(
                "the proxy {} (set in {}) cannot be connected to at {address}: {}",
                proxy.address,
                proxy.source,
                in_words(attempt)
            ),
            format!(
                "ask the network team whether the proxy {} is running and lets this machine{from} connect; if it is no longer used, take it out of {}",
                proxy.address, proxy.source
            ),
        );
    }
    let host = HOSTS;
    match &attempt.connect {
        Connect::Refused => Trouble::fail(
            causes::TCP_REFUSED,
            format!(
                "{address} resets the connection after {} ms",
                attempt.connect_ms
            ),
            format!(
                "a firewall or proxy resets connections to {address}: ask the network team to allow {host}{from}"
            ),
        ),
        Connect::Silent => Trouble::fail(
            causes::TCP_TIMEOUT,
            format!(
                "{address} did not answer within {} ms{}",
                attempt.connect_ms,
                tries(path.tries)
            ),
            format!(
                "a firewall drops packets to {address} without a word: ask the network team to allow {host}{from}"
            ),
        ),
        Connect::Filtered { by, how } => Trouble::fail(
            causes::ADMIN_PROHIBITED,
            format!("{} says that {address} is forbidden: {how}", sender(*by)),
            format!(
                "the filter at {} forbids it: ask whoever runs it to allow {host}{from}",
                sender(*by)
            ),
        ),
        Connect::Unreachable { by, how } => Trouble::fail(
            causes::NET_UNREACHABLE,
            format!("{} has no way to {address}: {how}", sender(*by)),
            match by {
                None if attempt.from.is_none() => format!(
                    "give this machine a route to {address}, usually a default route (ip route show, ip -6 route show)"
                ),
                None => format!(
                    "the next hop towards {address} does not answer: check the gateway and the cable or virtual network (ip route get {})",
                    address.ip()
                ),
                Some(by) => format!(
                    "the router {by} has no route to {address}: ask the network team to look at its routing"
                ),
            },
        ),
        Connect::Failed { how } => Trouble::fail(
            causes::NET_UNREACHABLE,
            format!("connecting to {address} failed: {how}"),
            format!("look at what the kernel says of {address}: {how}"),
        ),
        Connect::Open => Trouble::fail(causes::NET_UNREACHABLE, "it is open", "nothing"),
    }
}

/// What became of connecting, for a sentence about something else.
fn in_words(attempt: &Attempt) -> String {
    match &attempt.connect {
        Connect::Open => "it opens".into(),
        Connect::Refused => format!("it resets the connection after {} ms", attempt.connect_ms),
        Connect::Silent => format!("no answer within {} ms", attempt.connect_ms),
        Connect::Filtered { by, how } | Connect::Unreachable { by, how } => {
            format!("{} says: {how}", sender(*by))
        }
        Connect::Failed { how } => how.clone(),
    }
}

fn sender(by: Option<IpAddr>) -> String {
    by.map_or_else(|| "this machine".into(), |by| by.to_string())
}

fn tries(count: u8) -> &'static str {
    if count > 1 { ", tried twice" } else { "" }
}

fn slow(around: Surroundings, attempt: &Attempt, family: &str) -> Option<Trouble> {
    let total = attempt.total_ms();
    (total > around.network.slow_ms).then(|| {
        let mut phases = vec![("connecting", attempt.connect_ms)];
        phases.extend(attempt.tls.as_ref().map(|tls| ("TLS", tls.took_ms)));
        phases.extend(attempt.http.as_ref().map(|http| ("the answer", http.took_ms)));
        let (slowest, took) = phases
            .into_iter()
            .max_by_key(|(_, took)| *took)
            .unwrap_or_default();
        Trouble::warn(
            causes::SLOW,
            format!(
                "it works over {family} but takes {total} ms, most of it {slowest} ({took} ms)"
            ),
            format!(
                "ask the network team what slows connections to {HOSTS} down: {slowest} took {took} ms of {total} ms"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::SESAM;
    use super::super::arrange::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
        },
        facts::{Facts, Observed, outbound::*},
    };

    fn unreachable() -> Connect {
        Connect::Unreachable {
            by: None,
            how: "Network is unreachable".into(),
        }
    }

    /// Answers that take as long as the profile allows, and some more.
    fn takes(more_ms: u64) -> impl Fn(&mut Facts) {
        move |facts| {
            let slow_ms = facts.profile.network.slow_ms;
            ways(move |attempt| {
                let http = attempt.http.as_mut().unwrap();
                http.took_ms = slow_ms + more_ms - attempt.connect_ms - 20;
            })(facts);
        }
    }

    #[test]
    fn connections() {
        judge_cases(
            &SESAM,
            &[
                Case::new("well", Status::Pass, None, portal(|_| {})),
                fail("reset", "tcp-refused", unconnected(Connect::Refused)),
                fail("dropped", "tcp-timeout", unconnected(Connect::Silent)),
                fail(
                    "forbidden",
                    "admin-prohibited",
                    unconnected(Connect::Filtered {
                        by: Some(ip("192.0.2.1")),
                        how: "communication administratively prohibited".into(),
                    }),
                ),
                fail(
                    "no way",
                    "net-unreachable",
                    unconnected(Connect::Unreachable {
                        by: Some(ip("192.0.2.1")),
                        how: "host unreachable".into(),
                    }),
                ),
                fail(
                    "no route",
                    "net-unreachable",
                    ways(|attempt| {
                        attempt.from = None;
                        connects(attempt, unreachable());
                    }),
                ),
                fail(
                    "a next hop that is silent",
                    "net-unreachable",
                    ways(|attempt| connects(attempt, unreachable())),
                ),
                fail(
                    "dropped twice",
                    "tcp-timeout",
                    portal(|probe| {
                        for path in &mut probe.paths {
                            path.tries = 2;
                            connects(&mut path.attempt, Connect::Silent);
                        }
                    }),
                ),
                Case::new("just quick enough", Status::Pass, None, takes(0)),
                warn("just too slow", "slow", takes(1)),
                fail(
                    "odd",
                    "net-unreachable",
                    unconnected(Connect::Failed { how: "?".into() }),
                ),
            ],
        );
    }

    /// The names are closed, and this is how the addresses stand that stand in for them.
    fn fallbacks(at: &'static [(&'static str, Connect)]) -> impl Fn(&mut Facts) {
        move |facts| {
            unconnected(Connect::Silent)(facts);
            let outbound = seen(facts);
            for path in outbound.hosts.iter_mut().flat_map(|probe| &mut probe.paths) {
                connects(&mut path.attempt, Connect::Silent);
            }
            for (address, connect) in at {
                outbound.fallbacks.push(FallbackProbe {
                    group: "sesam".into(),
                    address: ip(address),
                    port: 443,
                    connect: connect.clone(),
                    connect_ms: 5,
                });
            }
        }
    }

    #[test]
    fn families_fallbacks_and_gaps() {
        judge_cases(
            &SESAM,
            &[
                Case::new(
                    "no IPv6 here",
                    Status::Pass,
                    None,
                    portal(|probe| {
                        let attempt = &mut probe.paths[1].attempt;
                        attempt.from = None;
                        connects(attempt, unreachable());
                    }),
                ),
                warn(
                    "one host over IPv6",
                    "tcp-timeout",
                    portal(|probe| {
                        connects(&mut probe.paths[1].attempt, Connect::Silent);
                    }),
                ),
                fail(
                    "one host over IPv4",
                    "tcp-timeout",
                    portal(|probe| {
                        connects(&mut probe.paths[0].attempt, Connect::Silent);
                    }),
                ),
                warn("IPv6 as such", "ipv6-broken", |facts: &mut Facts| {
                    let mut hosts = vec![probe("portal.sesam.io"), probe("downloads.sesam.io")];
                    for probe in &mut hosts {
                        connects(&mut probe.paths[1].attempt, Connect::Silent);
                    }
                    facts.outbound = Observed::Seen(outbound(hosts));
                }),
                warn(
                    "one address only",
                    "address-only",
                    fallbacks(&[("137.116.234.60", Connect::Open)]),
                ),
                warn(
                    "addresses only",
                    "address-only",
                    fallbacks(&[
                        ("137.116.234.60", Connect::Open),
                        ("52.142.116.113", Connect::Open),
                    ]),
                ),
                fail(
                    "not even every address",
                    "tcp-timeout",
                    fallbacks(&[
                        ("137.116.234.60", Connect::Open),
                        ("52.142.116.113", Connect::Silent),
                    ]),
                ),
                Case::new(
                    "not observed",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "timed out",
                    Status::Unknown,
                    Some("timed-out"),
                    |facts: &mut Facts| {
                        facts.outbound = Observed::TimedOut("too long".into());
                    },
                ),
                Case::new(
                    "recorded without this group",
                    Status::Unknown,
                    Some("not-observed"),
                    |facts: &mut Facts| {
                        facts.outbound = Observed::Seen(Outbound::default());
                    },
                ),
                Case::new("offline", Status::Skip, None, |facts: &mut Facts| {
                    facts.offline = true;
                }),
                Case::new("no such group", Status::Skip, None, |facts: &mut Facts| {
                    facts.profile.outbound.clear();
                    facts.outbound = Observed::Seen(Outbound::default());
                }),
            ],
        );
    }
}
