//! One host: its name, then its ways, IPv4 and IPv6 together.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{
    causes,
    way::{self, Surroundings, Trouble, Way},
};
use crate::{
    checks::{Item, Status},
    facts::{
        dns::{Answer, Asked, RecordKind, Reply, ReplyCode},
        outbound::{Family, HostProbe, Lookup, Names, Path},
        proxies::Scheme,
    },
};

/// The verdict on one host, in one item or one for each address family.
pub struct HostVerdict {
    /// What the finding lists.
    pub items: Vec<Item>,
    /// What to do.
    pub advice: Vec<String>,
    /// Worth knowing although it changes nothing.
    pub remarks: Vec<String>,
    /// Whether something that a firewall does keeps the host away.
    pub is_blocked_on_the_way: bool,
}

/// Judges one host.
pub fn judge(around: Surroundings) -> HostVerdict {
    let name = item_name(around.probe);
    let mut verdict = HostVerdict {
        items: Vec::new(),
        advice: Vec::new(),
        remarks: Vec::new(),
        is_blocked_on_the_way: false,
    };
    if let Some(trouble) = unexamined(around) {
        verdict.add(around, name, trouble);
        return verdict;
    }
    if around.probe.paths.is_empty() {
        let trouble = around.probe.names.as_ref().map_or_else(
            || Trouble::fail(causes::DNS_NO_ADDRESS, "it has no address", "nothing"),
            |names| unresolved(around, names),
        );
        verdict.add(around, name, trouble);
        return verdict;
    }
    judge_ways(around, &name, &mut verdict);
    if let Some(trouble) = around
        .probe
        .names
        .as_ref()
        .and_then(|names| difference(around, names))
        && verdict.items.iter().all(|item| item.status == Status::Pass)
    {
        verdict.items.clear();
        verdict.add(around, name, trouble);
    }
    verdict
}

/// What reports call a host.
pub fn item_name(probe: &HostProbe) -> String {
    match probe.host.port {
        443 => probe.host.host.clone(),
        port => format!("{}:{port}", probe.host.host),
    }
}

impl HostVerdict {
    fn add(&mut self, around: Surroundings, name: String, trouble: Trouble) {
        let item = match trouble.status {
            Status::Warn => Item::warn(name, trouble.cause, trouble.summary),
            Status::Unknown => {
                let mut item = Item::fail(name, trouble.cause, trouble.summary);
                item.status = Status::Unknown;
                item
            }
            _ => Item::fail(name, trouble.cause, trouble.summary),
        };
        let on_the_way = [
            causes::TCP_REFUSED,
            causes::TCP_TIMEOUT,
            causes::ADMIN_PROHIBITED,
            causes::NET_UNREACHABLE,
        ];
        self.is_blocked_on_the_way |= on_the_way.contains(&trouble.cause);
        self.items.push(item.observed(observed(around.probe)));
        if !self.advice.contains(&trouble.advice) {
            self.advice.push(trouble.advice);
        }
    }
}

fn unexamined(around: Surroundings) -> Option<Trouble> {
    let proxy = around.probe.proxy.as_ref()?;
    let kind = match proxy.address.scheme {
        Scheme::Http => return None,
        Scheme::Https => "a proxy that is itself spoken to over TLS",
        Scheme::Socks => "a SOCKS proxy",
    };
    Some(Trouble::unknown(
        causes::PROXY_UNSUPPORTED,
        format!(
            "it would be reached through {} ({}), {kind}, which is not examined",
            proxy.address, proxy.source
        ),
        format!(
            "try it by hand: curl -v --proxy {} https://{}/",
            proxy.address, around.probe.host.host
        ),
    ))
}

fn judge_ways(around: Surroundings, name: &str, verdict: &mut HostVerdict) {
    let mut fine: Vec<&Path> = Vec::new();
    let mut routeless = Vec::new();
    let mut troubled = Vec::new();
    for path in &around.probe.paths {
        match way::judge(around, path) {
            Way::Fine => fine.push(path),
            Way::NoRoute(trouble) => routeless.push((path, trouble)),
            Way::Troubled(trouble) => {
                troubled.push((path, sinkhole(around, path).unwrap_or(trouble)))
            }
        }
    }
    if let Some(path) = fine.first() {
        let ways: Vec<&str> = fine.iter().map(|path| path.family.word()).collect();
        let item = Item::pass(name, answered(around.probe, path, &ways));
        verdict.items.push(item.observed(observed(around.probe)));
        for (path, trouble) in troubled {
            let only_half = one_family(around, path, trouble);
            verdict.add(
                around,
                format!("{name} ({})", path.family.word()),
                only_half,
            );
        }
        return;
    }
    if troubled.is_empty() {
        // No route in any family, or only in one and the name has no address there.
        for (path, trouble) in routeless.into_iter().take(1) {
            let trouble = sinkhole(around, path).unwrap_or(trouble);
            verdict.add(around, name.to_owned(), trouble);
        }
        return;
    }
    let same = troubled
        .windows(2)
        .all(|pair| matches!(pair, [(_, one), (_, other)] if one.cause == other.cause));
    if same {
        let both = troubled.len() > 1;
        for (_, mut trouble) in troubled.into_iter().take(1) {
            if both {
                trouble.summary.push_str("; the same over IPv6");
            }
            verdict.add(around, name.to_owned(), trouble);
        }
    } else {
        for (path, trouble) in troubled {
            verdict.add(around, format!("{name} ({})", path.family.word()), trouble);
        }
    }
}

/// A trouble over one address family while the other works.
fn one_family(around: Surroundings, path: &Path, trouble: Trouble) -> Trouble {
    if around.probe.proxy.is_none() && path.family == Family::V4 {
        // Containers usually have IPv4 only.
        return trouble;
    }
    if around.probe.proxy.is_none() && around.landscape.ipv6_reaches_nobody() {
        let from = path
            .attempt
            .from
            .map_or_else(|| "this machine".into(), |from| from.to_string());
        return Trouble::warn(
            causes::IPV6_BROKEN,
            format!(
                "IPv6 has addresses and a route but does not work, IPv4 does: {}",
                trouble.summary
            ),
            format!(
                "have the network team repair IPv6 from {from} (or take its default route away), since programs that prefer it wait for it on every connection"
            ),
        );
    }
    // Programs fall back to the other family, after a while.
    Trouble {
        status: Status::Warn,
        ..trouble
    }
}

/// The way's address, where nothing public can be there.
fn sinkhole(around: Surroundings, path: &Path) -> Option<Trouble> {
    if !around.probe.host.public || around.probe.proxy.is_some() {
        return None;
    }
    let address = path.attempt.address.ip();
    // An address that the profile itself names is what it means.
    around.probe.names.as_ref()?;
    let kind = kind_of(address).or_else(|| {
        around
            .network
            .block_addresses
            .iter()
            .any(|network| network.contains(&address))
            .then_some("an address that filters give for names that they block")
    })?;
    let source = source_of(around, address);
    Some(Trouble::fail(
        causes::DNS_SINKHOLE,
        format!("it resolves to {address}, {kind}, says {source}"),
        format!(
            "ask whoever runs {source} to resolve {} to its public addresses",
            around.probe.host.host
        ),
    ))
}

fn kind_of(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) if address.is_unspecified() => Some("a null address"),
        IpAddr::V4(address) if address.is_loopback() => Some("this machine itself"),
        IpAddr::V4(address) if address.is_private() => Some("a private address"),
        IpAddr::V4(address) if address.is_link_local() => Some("a link-local address"),
        IpAddr::V6(address) if address.is_unspecified() => Some("a null address"),
        IpAddr::V6(address) if address.is_loopback() => Some("this machine itself"),
        IpAddr::V6(address) if address.is_unique_local() => Some("a private address"),
        IpAddr::V6(address) if address.is_unicast_link_local() => Some("a link-local address"),
        _ => None,
    }
}

/// Who gave an address.
fn source_of(around: Surroundings, address: IpAddr) -> String {
    let Some(names) = &around.probe.names else {
        return "the profile".into();
    };
    if names.hosts_file.contains(&address) {
        return around.network.hosts_file.display().to_string();
    }
    names
        .servers
        .iter()
        .find(|asked| {
            asked
                .reply()
                .is_some_and(|reply| reply.addresses.contains(&address))
        })
        .map_or_else(
            || "this machine's resolver".into(),
            |asked| format!("the name server {}", asked.server),
        )
}

fn unresolved(around: Surroundings, names: &Names) -> Trouble {
    let host = around
        .probe
        .proxy
        .as_ref()
        .map_or(&around.probe.host.host, |proxy| &proxy.address.host);
    let trouble = name_trouble(around, names, host);
    match &around.probe.proxy {
        None => trouble,
        Some(proxy) => Trouble::fail(
            causes::PROXY_UNREACHABLE,
            format!(
                "the name of the proxy {} (set in {}) does not resolve: {}",
                proxy.address, proxy.source, trouble.summary
            ),
            trouble.advice,
        ),
    }
}

fn name_trouble(around: Surroundings, names: &Names, host: &str) -> Trouble {
    let replies: Vec<(&Asked, &Reply)> = names
        .servers
        .iter()
        .filter_map(|asked| Some((asked, asked.reply()?)))
        .collect();
    // What the first server says is what programs are told; its word on IPv4 addresses stands for both.
    let telling = replies
        .iter()
        .find(|(_, reply)| reply.code != ReplyCode::NoError)
        .filter(|_| {
            !replies.iter().any(|(asked, reply)| {
                asked.kind == RecordKind::A && reply.code == ReplyCode::NoError
            })
        })
        .or_else(|| replies.first());
    let Some((asked, reply)) = telling else {
        return silent_servers(around, names, host);
    };
    let server = asked.server;
    let filtered = reply
        .extended_error
        .as_ref()
        .map_or_else(String::new, |error| {
            let kind = if error.is_about_filtering() {
                "it filters the name"
            } else {
                "extended error"
            };
            format!(" ({kind}: {} {})", error.code, error.text)
        });
    match reply.code {
        ReplyCode::NxDomain => Trouble::fail(
            causes::DNS_NXDOMAIN,
            format!("the name server {server} says that {host} does not exist{filtered}"),
            format!(
                "ask whoever runs the name server {server} to resolve {host}; it denies a name that exists on the internet, so it filters it or cannot look outside"
            ),
        ),
        ReplyCode::Refused => Trouble::fail(
            causes::DNS_REFUSED,
            format!("the name server {server} refuses to resolve {host}{filtered}"),
            format!(
                "ask whoever runs the name server {server} to answer this machine for {host} (recursion may not be allowed from here)"
            ),
        ),
        ReplyCode::ServFail => servfail(asked, reply, host),
        ReplyCode::Other(code) => Trouble::fail(
            causes::DNS_SERVFAIL,
            format!("the name server {server} answers with code {code} for {host}"),
            format!("ask whoever runs the name server {server} why it fails on {host}"),
        ),
        ReplyCode::NoError => {
            let through = match (reply.alias_loop, reply.aliases.last()) {
                (true, _) => format!(
                    ": its aliases go in a circle ({})",
                    reply.aliases.join(" → ")
                ),
                (false, Some(alias)) => format!(": it leads to {alias}, which has none"),
                (false, None) => String::new(),
            };
            Trouble::fail(
                causes::DNS_NO_ADDRESS,
                format!(
                    "the name server {server} knows {host} but no address of it{through}{filtered}"
                ),
                format!(
                    "ask whoever runs the name server {server} why {host} has no address there"
                ),
            )
        }
    }
}

fn servfail(asked: &Asked, reply: &Reply, host: &str) -> Trouble {
    let server = asked.server;
    let validation = reply
        .extended_error
        .as_ref()
        .filter(|error| error.is_about_validation());
    let words = reply
        .extended_error
        .as_ref()
        .map_or_else(String::new, |error| {
            format!(" (extended error {} {})", error.code, error.text)
        });
    if validation.is_some() || reply.answers_without_validation {
        Trouble::fail(
            causes::DNS_SERVFAIL,
            format!("the name server {server} cannot validate {host} with DNSSEC{words}"),
            format!(
                "ask whoever runs the name server {server} to look at its DNSSEC validation of {host}: its clock, its trust anchor, or a forwarder that strips signatures"
            ),
        )
    } else {
        Trouble::fail(
            causes::DNS_SERVFAIL,
            format!("the name server {server} fails on {host}, validated or not{words}"),
            format!(
                "ask whoever runs the name server {server} why it fails on {host}: its own forwarders may not answer"
            ),
        )
    }
}

fn silent_servers(around: Surroundings, names: &Names, host: &str) -> Trouble {
    let mut states: Vec<String> = Vec::new();
    for asked in names
        .servers
        .iter()
        .filter(|asked| asked.kind == RecordKind::A)
    {
        let how = match &asked.answer {
            Answer::Silent => format!("no answer within {} ms", asked.took_ms),
            Answer::Rejected(how) | Answer::Unreachable(how) | Answer::Garbage(how) => how.clone(),
            Answer::Replied(_) => continue,
        };
        states.push(format!("{}: {how}", asked.server));
    }
    let states = if states.is_empty() {
        match &names.system {
            Lookup::Failed(how) => how.clone(),
            _ => "none answered in time".into(),
        }
    } else {
        states.join("; ")
    };
    Trouble::fail(
        causes::DNS_UNREACHABLE,
        format!("no name server answers for {host} ({states})"),
        format!(
            "see that a name server in {} answers this machine on port 53 (UDP and TCP)",
            around.network.resolv_conf.display()
        ),
    )
}

/// Where programs on this machine are told something else than the name servers say.
fn difference(around: Surroundings, names: &Names) -> Option<Trouble> {
    let servers = names.server_addresses();
    let host = &around.probe.host.host;
    match &names.system {
        Lookup::Failed(how) if !servers.is_empty() => Some(Trouble::fail(
            causes::DNS_DIFFERS,
            format!("the name servers resolve it, but programs on this machine cannot: {how}"),
            format!(
                "look at the line `hosts:` in /etc/nsswitch.conf, which has to name `dns` (or `resolve`), with getent ahosts {host}"
            ),
        )),
        Lookup::Found(_) if !names.hosts_file.is_empty() && !servers.is_empty() => {
            let pinned: Vec<String> = names
                .hosts_file
                .iter()
                .filter(|address| !servers.contains(address))
                .map(ToString::to_string)
                .collect();
            (!pinned.is_empty()).then(|| {
                Trouble::warn(
                    causes::DNS_DIFFERS,
                    format!(
                        "{} pins it to {}, which no name server gives",
                        around.network.hosts_file.display(),
                        pinned.join(", ")
                    ),
                    format!(
                        "take {host} out of {}: the address works today and will not follow when the service moves",
                        around.network.hosts_file.display()
                    ),
                )
            })
        }
        _ => None,
    }
}

fn answered(probe: &HostProbe, path: &Path, ways: &[&str]) -> String {
    let through = probe.proxy.as_ref().map_or_else(String::new, |proxy| {
        format!(" through the proxy {}", proxy.address)
    });
    format!(
        "answers over {}{through} in {} ms",
        ways.join(" and "),
        path.attempt.total_ms()
    )
}

/// What was seen of a host, for machines.
fn observed(probe: &HostProbe) -> Value {
    let paths: Vec<Value> = probe
        .paths
        .iter()
        .map(|path| {
            json!({
                "family": path.family.word(),
                "address": path.attempt.address.to_string(),
                "tries": path.tries,
                "connect_ms": path.attempt.connect_ms,
                "tls_ms": path.attempt.tls.as_ref().map(|tls| tls.took_ms),
                "http_ms": path.attempt.http.as_ref().map(|http| http.took_ms),
                "issuer": path.attempt.tls.as_ref().and_then(|tls| tls.chain.first()).map(|leaf| &leaf.issuer),
            })
        })
        .collect();
    json!({
        "resolve_ms": probe.names.as_ref().map(|names| names.took_ms),
        "proxy": probe.proxy.as_ref().map(|proxy| proxy.address.to_string()),
        "paths": paths,
    })
}

/// The way in words, with the milliseconds of each phase.
pub fn evidence(probe: &HostProbe) -> String {
    let resolve = probe
        .names
        .as_ref()
        .map_or_else(String::new, |names| format!("name {} ms; ", names.took_ms));
    let ways: Vec<String> = probe
        .paths
        .iter()
        .map(|path| {
            let attempt = &path.attempt;
            let mut words = format!(
                "{} {}: connect {} ms",
                path.family.word(),
                attempt.address,
                attempt.connect_ms
            );
            if let Some(tls) = &attempt.tls {
                words.push_str(&format!(", TLS {} ms", tls.took_ms));
            }
            if let Some(http) = &attempt.http {
                words.push_str(&format!(", answer {} ms", http.took_ms));
            }
            if path.tries > 1 {
                words.push_str(", tried twice");
            }
            words
        })
        .collect();
    format!("{resolve}{}", ways.join("; "))
}
