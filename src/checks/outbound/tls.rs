//! TLS that fails, and certificates that are not trusted: whose fault it is.

use jiff::{SignedDuration, Timestamp};

use super::{
    causes,
    trouble::{HOSTS, Trouble},
    way::Surroundings,
};
use crate::{
    facts::outbound::{Attempt, Certificate, Handshake, Tls, TrustVerdict},
    units::roughly,
};

/// A handshake that did not end well.
pub fn failed(around: Surroundings, attempt: &Attempt, tls: &Tls) -> Trouble {
    let address = attempt.address;
    let host = HOSTS;
    let opened = format!("the connection opens in {} ms", attempt.connect_ms);
    match &tls.handshake {
        Handshake::Silent => Trouble::fail(
            causes::TLS_TIMEOUT,
            format!(
                "{opened}, then TLS gets no answer within {} ms",
                tls.took_ms
            ),
            format!(
                "large packets from {address} may not get through: have the network team check the path MTU (try ip link set dev IFACE mtu 1400, and do not filter ICMP “fragmentation needed”), or an inspection device that hangs on {host}"
            ),
        ),
        Handshake::NotTls(how) => Trouble::fail(
            causes::NOT_TLS,
            format!("what answers at {address} does not speak TLS: {how}"),
            format!(
                "something between this machine and {host} answers in its place: ask the network team what listens at {address}"
            ),
        ),
        Handshake::Version(how) => Trouble::fail(
            causes::TLS_VERSION,
            format!("{address} and this machine have no version of TLS in common: {how}"),
            format!(
                "the real {} speaks TLS 1.2 and 1.3: ask the network team to update the inspection device or relay at {address} that does not",
                around.probe.host.host
            ),
        ),
        Handshake::Alert(alert) => Trouble::fail(
            causes::TLS_CUT,
            format!("{opened}, then {address} refuses TLS for this name: {alert}"),
            format!("ask the network team what at {address} refuses TLS for {host}"),
        ),
        Handshake::Cut(how) | Handshake::Failed(how) => Trouble::fail(
            causes::TLS_CUT,
            format!(
                "{opened}, then it is cut {} ms into the TLS handshake: {how}",
                tls.took_ms
            ),
            format!(
                "a filter that reads the server name cuts connections to {host}: ask the network team to allow this name in TLS inspection, not only the address {address}"
            ),
        ),
        Handshake::Done => Trouble::fail(causes::TLS_CUT, "the handshake is done", "nothing"),
    }
}

/// Why a presented chain is not trusted; none where it is.
pub fn distrust(around: Surroundings, attempt: &Attempt, tls: &Tls) -> Option<Trouble> {
    let host = HOSTS;
    let name = around
        .probe
        .host
        .server_name
        .as_ref()
        .unwrap_or(&around.probe.host.host);
    let trust = tls.trust.as_ref()?;
    let now = around.landscape.hosts_time();
    let Some(leaf) = tls.chain.first() else {
        return Some(Trouble::fail(
            causes::TLS_UNKNOWN_ISSUER,
            format!("{} presents no certificate at all", attempt.address),
            format!(
                "ask the network team what answers at {} in place of {host}",
                attempt.address
            ),
        ));
    };
    let trouble = match trust {
        TrustVerdict::Trusted => return None,
        TrustVerdict::UnknownIssuer => unknown_issuer(around, tls, None),
        TrustVerdict::Otherwise(how) => unknown_issuer(around, tls, Some(how)),
        TrustVerdict::WrongName => Trouble::fail(
            causes::TLS_WRONG_NAME,
            format!(
                "{} presents a certificate for {}, not for {name}, issued by {}",
                attempt.address,
                names_of(leaf),
                issuer(tls)
            ),
            format!(
                "another server answers in place of {host}: ask the network team what stands at {}, and whether the name resolves rightly",
                attempt.address
            ),
        ),
        TrustVerdict::Expired => {
            let at = tls.chain.iter().filter_map(|link| link.not_after).min();
            let what = Dated {
                cause: causes::TLS_EXPIRED,
                at,
                what: "expired on",
                holds: at.zip(now).is_some_and(|(end, now)| now < end),
            };
            dated(around, attempt, tls, what)
        }
        TrustVerdict::NotYetValid => {
            let at = tls.chain.iter().filter_map(|link| link.not_before).max();
            let what = Dated {
                cause: causes::TLS_NOT_YET_VALID,
                at,
                what: "is valid only from",
                holds: at.zip(now).is_some_and(|(begin, now)| begin <= now),
            };
            dated(around, attempt, tls, what)
        }
    };
    Some(trouble)
}

/// What a certificate is for, in words; its subject does not count (RFC 9525).
pub fn names_of(leaf: &Certificate) -> String {
    if leaf.names.is_empty() {
        format!("no name at all (its subject is “{}”)", leaf.subject)
    } else {
        leaf.names.join(", ")
    }
}

fn issuer(tls: &Tls) -> String {
    tls.chain
        .first()
        .map_or_else(|| "nobody".into(), |leaf| format!("“{}”", leaf.issuer))
}

fn unknown_issuer(around: Surroundings, tls: &Tls, how: Option<&str>) -> Trouble {
    let host = HOSTS;
    let issuer = issuer(tls);
    if around.trust.authorities == 0 {
        return Trouble::fail(
            causes::TLS_UNKNOWN_ISSUER,
            format!("this machine trusts no authority at all, so not {issuer} either"),
            "install the system's authorities (Ubuntu: apt install --reinstall ca-certificates; RHEL: yum reinstall ca-certificates)",
        );
    }
    let interceptor = tls
        .chain
        .iter()
        .map(|link| &link.issuer)
        .find(|issuer| around.landscape.intercepts(issuer));
    if let Some(interceptor) = interceptor {
        return Trouble::fail(
            causes::TLS_INTERCEPTED,
            format!(
                "TLS is broken open on the way: “{interceptor}” signs for this and unrelated hosts"
            ),
            format!(
                "ask whoever runs “{interceptor}” to exempt {host} from TLS inspection; where that is refused, its authority has to be trusted by this machine, by the Docker daemon and by every container"
            ),
        );
    }
    let last = tls.chain.last();
    if last.is_some_and(|last| misses_intermediate(around, tls, last)) {
        let missing = last.map_or_else(String::new, |last| last.issuer.clone());
        return Trouble::fail(
            causes::TLS_INCOMPLETE_CHAIN,
            format!("the server does not send the intermediate certificate of “{missing}”"),
            format!(
                "whoever runs {host} has to configure the whole chain, with the certificate of “{missing}”"
            ),
        );
    }
    let how = how.map_or_else(String::new, |how| format!(" ({how})"));
    let kind = match tls.chain.first() {
        Some(leaf) if leaf.self_issued => {
            format!("its certificate is self-signed by {issuer}{how}")
        }
        _ => {
            format!("its certificate is signed by {issuer}, whom this machine does not trust{how}")
        }
    };
    Trouble::fail(
        causes::TLS_UNKNOWN_ISSUER,
        kind,
        format!(
            "find out who {issuer} is: if it is the company's own, exempt {host} from it; if {host} is meant to have it, name its authority as `ca_file` in the profile"
        ),
    )
}

/// Whether the chain ends at a certificate whose issuer belongs to a public hierarchy and only was not sent.
fn misses_intermediate(around: Surroundings, tls: &Tls, last: &Certificate) -> bool {
    !last.self_issued
        && (tls.organization_is_trusted
            || last.names_issuer_location
            || around.landscape.knows_intermediate(&last.issuer))
}

#[derive(Clone, Copy)]
struct Dated {
    cause: crate::checks::Cause,
    at: Option<Timestamp>,
    what: &'static str,
    /// Whether the certificate is valid by the hosts' own clocks.
    holds: bool,
}

/// A certificate whose dates do not fit; the clock is examined before it is blamed.
fn dated(around: Surroundings, attempt: &Attempt, tls: &Tls, dated: Dated) -> Trouble {
    let when = dated
        .at
        .map_or_else(|| "an impossible date".into(), |at| at.to_string());
    let limit = SignedDuration::from_secs(i64::from(around.network.clock_off_seconds));
    let host = HOSTS;
    let ahead = around.landscape.clock_ahead();
    let off = ahead.filter(|ahead| ahead.abs() > limit).map(|ahead| {
        let direction = if ahead.is_negative() {
            "behind"
        } else {
            "ahead of"
        };
        format!("{} {direction}", roughly(ahead))
    });
    if let Some(off) = &off
        && dated.holds
    {
        let trouble = Trouble::fail(
            dated.cause,
            format!(
                "its certificate seems wrong ({} {when}), but this machine's clock is {off} the hosts' own",
                dated.what
            ),
            format!(
                "set this machine's clock, which is {off} the time that the hosts give, and switch time synchronisation on (timedatectl set-ntp true)"
            ),
        );
        return Trouble {
            is_the_clock: true,
            ..trouble
        };
    }
    let mut first = "";
    let clock = match (off, ahead) {
        (Some(off), _) => {
            format!("this machine's clock is {off} the hosts' own, which does not explain it")
        }
        (None, Some(_)) => "this machine's clock agrees with the hosts' own".into(),
        (None, None) => {
            first = "look first whether this machine's clock is right (timedatectl); if it is, ";
            "this machine's clock could not be compared".into()
        }
    };
    Trouble::fail(
        dated.cause,
        format!(
            "its certificate, issued by {}, {} {when}; {clock}",
            issuer(tls),
            dated.what
        ),
        format!(
            "{first}whoever runs what answers at {} for {host} has to renew its certificate, with dates that hold now",
            attempt.address
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::SESAM;
    use super::super::arrange::*;
    use crate::{
        checks::cases::{judge_cases, nothing_observed, verdict},
        facts::{Facts, Observed, outbound::*},
    };
    use jiff::{SignedDuration, Timestamp};

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn encryption() {
        judge_cases(
            &SESAM,
            &[
                fail("cut", "tls-cut", handshake(Handshake::Cut("reset".into()))),
                fail(
                    "alert",
                    "tls-cut",
                    handshake(Handshake::Alert(
                        "it knows no such name (TLS alert 112)".into(),
                    )),
                ),
                fail("odd", "tls-cut", handshake(Handshake::Failed("?".into()))),
                fail("hangs", "tls-timeout", handshake(Handshake::Silent)),
                fail(
                    "no TLS",
                    "not-tls",
                    handshake(Handshake::NotTls("SSH".into())),
                ),
                fail(
                    "old",
                    "tls-version",
                    handshake(Handshake::Version("1.1".into())),
                ),
                fail(
                    "unknown issuer",
                    "tls-unknown-issuer",
                    trust(TrustVerdict::UnknownIssuer),
                ),
                fail(
                    "odd distrust",
                    "tls-unknown-issuer",
                    trust(TrustVerdict::Otherwise("?".into())),
                ),
                fail(
                    "an empty chain",
                    "tls-unknown-issuer",
                    ways(|attempt| {
                        let tls = attempt.tls.as_mut().unwrap();
                        tls.chain.clear();
                        tls.trust = Some(TrustVerdict::UnknownIssuer);
                    }),
                ),
                fail(
                    "self-signed",
                    "tls-unknown-issuer",
                    distrusted(TrustVerdict::UnknownIssuer, |leaf| leaf.self_issued = true),
                ),
                fail(
                    "no authority is trusted",
                    "tls-unknown-issuer",
                    |facts: &mut Facts| {
                        trust(TrustVerdict::UnknownIssuer)(facts);
                        seen(facts).trust.authorities = 0;
                    },
                ),
                fail(
                    "wrong name",
                    "tls-wrong-name",
                    distrusted(TrustVerdict::WrongName, |leaf| {
                        leaf.names = vec!["a.example".into(), "b.example".into()];
                    }),
                ),
                fail("no name", "tls-wrong-name", trust(TrustVerdict::WrongName)),
                fail(
                    "expired",
                    "tls-expired",
                    distrusted(TrustVerdict::Expired, |leaf| {
                        leaf.not_after = Some("2026-11-01T00:00:00Z".parse().unwrap());
                    }),
                ),
                fail(
                    "of the future",
                    "tls-not-yet-valid",
                    distrusted(TrustVerdict::NotYetValid, |leaf| {
                        leaf.not_before = Some("2027-01-01T00:00:00Z".parse().unwrap());
                    }),
                ),
                fail("no date", "tls-expired", trust(TrustVerdict::Expired)),
                fail(
                    "intermediate missing",
                    "tls-incomplete-chain",
                    ways(|attempt| {
                        let tls = attempt.tls.as_mut().unwrap();
                        tls.organization_is_trusted = true;
                        tls.trust = Some(TrustVerdict::UnknownIssuer);
                    }),
                ),
                fail(
                    "an intermediate missing that another host sends",
                    "tls-incomplete-chain",
                    |facts: &mut Facts| {
                        trust(TrustVerdict::UnknownIssuer)(facts);
                        for path in &mut seen(facts).hosts[1].paths {
                            let tls = path.attempt.tls.as_mut().unwrap();
                            let mut link = tls.chain[0].clone();
                            link.subject.clone_from(&tls.chain[0].issuer);
                            tls.chain.push(link);
                        }
                    },
                ),
                fail("broken open", "tls-intercepted", |facts: &mut Facts| {
                    let mut hosts = vec![probe("portal.sesam.io"), probe("files.example")];
                    for path in hosts.iter_mut().flat_map(|probe| &mut probe.paths) {
                        path.attempt.tls.as_mut().unwrap().trust =
                            Some(TrustVerdict::UnknownIssuer);
                    }
                    facts.outbound = Observed::Seen(outbound(hosts));
                }),
            ],
        );
    }

    /// The host's own certificate is changed and not trusted.
    fn distrusted(
        verdict: TrustVerdict,
        change: impl Fn(&mut Certificate) + 'static,
    ) -> impl Fn(&mut Facts) {
        ways(move |attempt| {
            let tls = attempt.tls.as_mut().unwrap();
            change(&mut tls.chain[0]);
            tls.trust = Some(verdict.clone());
        })
    }

    /// A certificate of the days from October to November 2026, the time by the hosts, and a clock that is so many seconds
    /// ahead of theirs.
    fn clock_ahead(verdict: TrustVerdict, time: &'static str, seconds: i64) -> impl Fn(&mut Facts) {
        ways(move |attempt| {
            let tls = attempt.tls.as_mut().unwrap();
            tls.chain[0].not_before = Some("2026-10-01T00:00:00Z".parse().unwrap());
            tls.chain[0].not_after = Some("2026-11-01T00:00:00Z".parse().unwrap());
            tls.trust = Some(verdict.clone());
            let HttpOutcome::Answered(answer) = &mut attempt.http.as_mut().unwrap().outcome else {
                panic!("no answer");
            };
            let time: Timestamp = time.parse().unwrap();
            answer.date = Some(time);
            answer.received_at = Some(time + SignedDuration::from_secs(seconds));
        })
    }

    const LAST_SECOND: &str = "2026-10-31T23:59:59Z";

    #[test]
    fn a_date_is_blamed_on_the_clock_where_the_hosts_say_so() {
        let expired = |name, time, seconds| {
            let arrange = clock_ahead(TrustVerdict::Expired, time, seconds);
            fail(name, "tls-expired", arrange)
        };
        let early = |name, time, seconds| {
            let arrange = clock_ahead(TrustVerdict::NotYetValid, time, seconds);
            fail(name, "tls-not-yet-valid", arrange)
        };
        judge_cases(
            &SESAM,
            &[
                expired("as far as is allowed", LAST_SECOND, 60),
                expired("some seconds", LAST_SECOND, 61),
                expired("some minutes", LAST_SECOND, 600),
                expired("some hours", LAST_SECOND, 36_000),
                expired("some days", LAST_SECOND, 864_000),
                expired("expired anyway", "2026-11-01T00:00:00Z", 864_000),
                expired("expired, and behind", "2026-12-01T00:00:00Z", -36_000),
                early("behind", "2026-10-01T00:00:00Z", -36_000),
                fail(
                    "one host's clock is wrong",
                    "tls-expired",
                    |facts: &mut Facts| {
                        clock_ahead(TrustVerdict::Expired, LAST_SECOND, 600)(facts);
                        let hosts = &mut seen(facts).hosts;
                        let mut answers = hosts[0].paths.clone();
                        let Some(HttpOutcome::Answered(answer)) = answers[0]
                            .attempt
                            .http
                            .as_mut()
                            .map(|http| &mut http.outcome)
                        else {
                            panic!("no answer");
                        };
                        answer.date = Some("2026-12-01T00:00:00Z".parse().unwrap());
                        for path in &mut answers {
                            path.attempt.tls.as_mut().unwrap().trust = Some(TrustVerdict::Trusted);
                        }
                        hosts[1].paths = answers;
                    },
                ),
                early("too early anyway", "2026-09-30T23:59:59Z", -36_000),
            ],
        );
        for (seconds, follows) in [(60, 0), (61, 1)] {
            let mut facts = nothing_observed();
            clock_ahead(TrustVerdict::Expired, LAST_SECOND, seconds)(&mut facts);
            assert_eq!(verdict(&SESAM, &facts).follows.len(), follows);
        }
    }
}
