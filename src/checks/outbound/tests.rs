use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;

use super::{PROXY, SESAM, SITE_GROUPS};
use crate::{
    checks::{
        Status,
        cases::{Case, judge_cases, nothing_observed, verdict, verdicts},
    },
    facts::{
        Facts, Observed,
        dns::{Answer, Asked, RecordKind, Reply, ReplyCode, Transport},
        outbound::{
            Attempt, Certificate, Connect, FallbackProbe, Family, Handshake, HostProbe, Http,
            HttpAnswer, HttpOutcome, Lookup, Names, Outbound, Path, ProxyUse, Tls, TrustNote,
            TrustVerdict, Tunnel,
        },
        proxies::{Proxies, ProxyAddress, Scheme},
    },
    profile::OutboundHost,
};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A way to a host on which all is well.
fn well(address: &str) -> Path {
    let address = ip(address);
    Path {
        family: Family::of(address),
        tries: 1,
        attempt: Attempt {
            address: SocketAddr::new(address, 443),
            from: Some(ip("198.51.100.7")),
            connect: Connect::Open,
            connect_ms: 10,
            tunnel: None,
            tls: Some(Tls {
                handshake: Handshake::Done,
                chain: vec![Certificate {
                    subject: "CN=portal.sesam.io".into(),
                    issuer: "CN=Somebody".into(),
                    ..Certificate::default()
                }],
                trust: Some(TrustVerdict::Trusted),
                organization_is_trusted: false,
                version: Some("TLS 1.3".into()),
                took_ms: 20,
            }),
            http: Some(Http {
                outcome: HttpOutcome::Answered(HttpAnswer {
                    status: 200,
                    ..HttpAnswer::default()
                }),
                took_ms: 30,
            }),
        },
    }
}

fn said(code: ReplyCode, addresses: &[&str]) -> Asked {
    Asked {
        server: ip("10.0.0.1"),
        kind: RecordKind::A,
        transport: Transport::Udp,
        tries: 1,
        took_ms: 1,
        answer: Answer::Replied(Reply {
            code,
            addresses: addresses.iter().map(|address| ip(address)).collect(),
            ..Reply::default()
        }),
    }
}

fn probe(name: &str) -> HostProbe {
    HostProbe {
        group: "sesam".into(),
        host: OutboundHost {
            host: name.into(),
            why: "the portal".into(),
            ..OutboundHost::default()
        },
        led_here: None,
        proxy: None,
        names: Some(Names {
            system: Lookup::Found(vec![ip("203.0.113.50")]),
            servers: vec![said(ReplyCode::NoError, &["203.0.113.50"])],
            took_ms: 2,
            ..Names::default()
        }),
        paths: vec![well("203.0.113.50"), well("2001:db8::50")],
    }
}

fn outbound(hosts: Vec<HostProbe>) -> Outbound {
    Outbound {
        hosts,
        trust: TrustNote {
            authorities: 140,
            ..TrustNote::default()
        },
        ..Outbound::default()
    }
}

/// Facts in which one host is as `change` makes it and another is well.
fn portal(change: impl Fn(&mut HostProbe) + 'static) -> impl Fn(&mut Facts) {
    move |facts| {
        let mut troubled = probe("portal.sesam.io");
        change(&mut troubled);
        facts.outbound = Observed::Seen(outbound(vec![troubled, probe("downloads.sesam.io")]));
        facts.proxies = Observed::Seen(Proxies::default());
    }
}

/// The same over both address families.
fn ways(change: impl Fn(&mut Attempt) + 'static) -> impl Fn(&mut Facts) {
    portal(move |probe| {
        for path in &mut probe.paths {
            change(&mut path.attempt);
        }
    })
}

fn unconnected(connect: Connect) -> impl Fn(&mut Facts) {
    ways(move |attempt| {
        attempt.connect = connect.clone();
        attempt.tls = None;
        attempt.http = None;
    })
}

fn handshake(handshake: Handshake) -> impl Fn(&mut Facts) {
    ways(move |attempt| {
        attempt.http = None;
        attempt.tls.as_mut().unwrap().handshake = handshake.clone();
    })
}

fn trust(trust: TrustVerdict) -> impl Fn(&mut Facts) {
    ways(move |attempt| attempt.tls.as_mut().unwrap().trust = Some(trust.clone()))
}

fn answer(change: impl Fn(&mut HttpAnswer) + 'static) -> impl Fn(&mut Facts) {
    ways(move |attempt| {
        let HttpOutcome::Answered(answer) = &mut attempt.http.as_mut().unwrap().outcome else {
            panic!("no answer");
        };
        change(answer);
    })
}

fn unresolved(asked: Vec<Asked>) -> impl Fn(&mut Facts) {
    portal(move |probe| {
        probe.paths.clear();
        probe.names = Some(Names {
            system: Lookup::Failed("Name or service not known".into()),
            servers: asked.clone(),
            ..Names::default()
        });
    })
}

fn through_proxy(tunnel: Option<Tunnel>, connect: Connect) -> impl Fn(&mut Facts) {
    move |facts| {
        let mut hosts = vec![probe("portal.sesam.io"), probe("downloads.sesam.io")];
        for probe in &mut hosts {
            probe.proxy = Some(ProxyUse {
                address: ProxyAddress {
                    scheme: Scheme::Http,
                    host: "proxy.acme".into(),
                    port: 3128,
                    has_login: false,
                },
                source: "the environment".into(),
            });
            for path in &mut probe.paths {
                path.attempt.connect = connect.clone();
                path.attempt.tunnel.clone_from(&tunnel);
                if path.attempt.tunnel != Some(Tunnel::Open) {
                    path.attempt.tls = None;
                    path.attempt.http = None;
                }
            }
        }
        facts.outbound = Observed::Seen(outbound(hosts));
        facts.proxies = Observed::Seen(Proxies::default());
    }
}

fn refused(status: u16) -> Option<Tunnel> {
    Some(Tunnel::Refused {
        status,
        reason: "No".into(),
        headers: std::collections::BTreeMap::new(),
    })
}

fn fail(name: &'static str, cause: &'static str, arrange: impl Fn(&mut Facts) + 'static) -> Case {
    Case::new(name, Status::Fail, Some(cause), arrange)
}

fn warn(name: &'static str, cause: &'static str, arrange: impl Fn(&mut Facts) + 'static) -> Case {
    Case::new(name, Status::Warn, Some(cause), arrange)
}

#[test]
fn names() {
    judge_cases(
        &SESAM,
        &[
            fail(
                "unknown",
                "dns-nxdomain",
                unresolved(vec![said(ReplyCode::NxDomain, &[])]),
            ),
            fail(
                "failed",
                "dns-servfail",
                unresolved(vec![said(ReplyCode::ServFail, &[])]),
            ),
            fail(
                "odd code",
                "dns-servfail",
                unresolved(vec![said(ReplyCode::Other(4095), &[])]),
            ),
            fail(
                "refused",
                "dns-refused",
                unresolved(vec![said(ReplyCode::Refused, &[])]),
            ),
            fail(
                "no address",
                "dns-no-address",
                unresolved(vec![said(ReplyCode::NoError, &[])]),
            ),
            fail("nobody", "dns-unreachable", unresolved(Vec::new())),
            fail(
                "no look at all",
                "dns-no-address",
                portal(|probe| {
                    probe.paths.clear();
                    probe.names = None;
                }),
            ),
            fail(
                "the system cannot",
                "dns-differs",
                portal(|probe| {
                    probe.names.as_mut().unwrap().system = Lookup::Failed("no".into());
                }),
            ),
            warn(
                "pinned",
                "dns-differs",
                portal(|probe| {
                    probe.names.as_mut().unwrap().hosts_file = vec![ip("203.0.113.99")];
                }),
            ),
            Case::new(
                "pinned rightly",
                Status::Pass,
                None,
                portal(|probe| {
                    probe.names.as_mut().unwrap().hosts_file = vec![ip("203.0.113.50")];
                }),
            ),
            fail(
                "sinkhole",
                "dns-sinkhole",
                portal(|probe| {
                    let mut path = well("10.0.0.9");
                    path.attempt.connect = Connect::Refused;
                    probe.paths = vec![path];
                }),
            ),
            Case::new(
                "a private address that is the service",
                Status::Pass,
                None,
                portal(|probe| {
                    probe.paths = vec![well("10.0.0.9")];
                }),
            ),
        ],
    );
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
                    attempt.connect = Connect::Unreachable {
                        by: None,
                        how: "Network is unreachable".into(),
                    };
                    attempt.tls = None;
                    attempt.http = None;
                }),
            ),
            fail(
                "odd",
                "net-unreachable",
                unconnected(Connect::Failed { how: "?".into() }),
            ),
            Case::new(
                "no IPv6 here",
                Status::Pass,
                None,
                portal(|probe| {
                    let attempt = &mut probe.paths[1].attempt;
                    attempt.from = None;
                    attempt.connect = Connect::Unreachable {
                        by: None,
                        how: "no".into(),
                    };
                }),
            ),
            warn(
                "one host over IPv6",
                "tcp-timeout",
                portal(|probe| {
                    probe.paths[1].attempt.connect = Connect::Silent;
                    probe.paths[1].attempt.http = None;
                }),
            ),
            fail(
                "one host over IPv4",
                "tcp-timeout",
                portal(|probe| {
                    probe.paths[0].attempt.connect = Connect::Silent;
                    probe.paths[0].attempt.http = None;
                }),
            ),
            warn("IPv6 as such", "ipv6-broken", |facts: &mut Facts| {
                let mut hosts = vec![probe("portal.sesam.io"), probe("downloads.sesam.io")];
                for probe in &mut hosts {
                    probe.paths[1].attempt.connect = Connect::Silent;
                    probe.paths[1].attempt.http = None;
                }
                facts.outbound = Observed::Seen(outbound(hosts));
            }),
            warn("addresses only", "address-only", |facts: &mut Facts| {
                let mut hosts = vec![probe("portal.sesam.io"), probe("downloads.sesam.io")];
                for path in hosts.iter_mut().flat_map(|probe| &mut probe.paths) {
                    path.attempt.connect = Connect::Silent;
                    path.attempt.http = None;
                }
                let mut outbound = outbound(hosts);
                outbound.fallbacks.push(FallbackProbe {
                    group: "sesam".into(),
                    address: ip("137.116.234.60"),
                    port: 443,
                    connect: Connect::Open,
                    connect_ms: 5,
                });
                facts.outbound = Observed::Seen(outbound);
            }),
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
                facts.offline = true
            }),
            Case::new("no such group", Status::Skip, None, |facts: &mut Facts| {
                facts.profile.outbound.clear()
            }),
        ],
    );
}

#[test]
fn encryption() {
    judge_cases(
        &SESAM,
        &[
            fail("cut", "tls-cut", handshake(Handshake::Cut("reset".into()))),
            fail(
                "alert",
                "tls-cut",
                handshake(Handshake::Alert("UnrecognisedName".into())),
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
                "wrong name",
                "tls-wrong-name",
                trust(TrustVerdict::WrongName),
            ),
            fail("expired", "tls-expired", trust(TrustVerdict::Expired)),
            fail(
                "of the future",
                "tls-not-yet-valid",
                trust(TrustVerdict::NotYetValid),
            ),
            fail(
                "intermediate missing",
                "tls-incomplete-chain",
                ways(|attempt| {
                    let tls = attempt.tls.as_mut().unwrap();
                    tls.organization_is_trusted = true;
                    tls.trust = Some(TrustVerdict::UnknownIssuer);
                }),
            ),
            fail("broken open", "tls-intercepted", |facts: &mut Facts| {
                let mut hosts = vec![probe("portal.sesam.io"), probe("files.example")];
                for path in hosts.iter_mut().flat_map(|probe| &mut probe.paths) {
                    path.attempt.tls.as_mut().unwrap().trust = Some(TrustVerdict::UnknownIssuer);
                }
                facts.outbound = Observed::Seen(outbound(hosts));
            }),
        ],
    );
}

#[test]
fn a_date_is_blamed_on_the_clock_where_the_hosts_say_so() {
    let mut facts = nothing_observed();
    ways(|attempt| {
        attempt.tls.as_mut().unwrap().trust = Some(TrustVerdict::Expired);
        let HttpOutcome::Answered(answer) = &mut attempt.http.as_mut().unwrap().outcome else {
            panic!("no answer");
        };
        answer.date = Some("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
        answer.received_at = Some("2027-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    })(&mut facts);
    let verdict = verdict(&SESAM, &facts);
    assert_eq!(verdict.cause.as_deref(), Some("tls-expired"));
    assert!(
        verdict.advice[0].contains("set this machine's clock"),
        "{:?}",
        verdict.advice
    );
    assert_eq!(verdict.follows.len(), 1);
}

#[test]
fn answers() {
    judge_cases(
        &SESAM,
        &[
            warn(
                "down",
                "service-error",
                answer(|answer| answer.status = 503),
            ),
            warn(
                "too often",
                "rate-limited",
                answer(|answer| answer.status = 429),
            ),
            warn(
                "slow",
                "slow",
                ways(|attempt| attempt.http.as_mut().unwrap().took_ms = 60_000),
            ),
            fail(
                "blocked",
                "block-page",
                answer(|answer| {
                    answer.status = 403;
                    answer.text = Some("<p>This page is BLOCKED BY Acme".into());
                }),
            ),
            fail(
                "captive",
                "block-page",
                answer(|answer| {
                    answer.status = 511;
                    answer.text = Some("log in".into());
                }),
            ),
            fail(
                "never",
                "http-timeout",
                ways(|attempt| attempt.http.as_mut().unwrap().outcome = HttpOutcome::Silent),
            ),
            fail(
                "closed",
                "wrong-service",
                ways(|attempt| {
                    attempt.http.as_mut().unwrap().outcome = HttpOutcome::Cut("closed".into());
                }),
            ),
            fail(
                "no HTTP",
                "wrong-service",
                ways(|attempt| {
                    attempt.http.as_mut().unwrap().outcome = HttpOutcome::NotHttp("binary".into());
                }),
            ),
        ],
    );
}

#[test]
fn proxies() {
    judge_cases(
        &PROXY,
        &[
            Case::new("none", Status::Pass, None, portal(|_| {})),
            Case::new(
                "open",
                Status::Pass,
                None,
                through_proxy(Some(Tunnel::Open), Connect::Open),
            ),
            fail(
                "not there",
                "proxy-unreachable",
                through_proxy(None, Connect::Refused),
            ),
            fail(
                "login",
                "proxy-auth",
                through_proxy(refused(407), Connect::Open),
            ),
            fail(
                "forbidden",
                "proxy-forbidden",
                through_proxy(refused(403), Connect::Open),
            ),
            fail(
                "bad gateway",
                "proxy-error",
                through_proxy(refused(502), Connect::Open),
            ),
            fail(
                "silent",
                "proxy-error",
                through_proxy(Some(Tunnel::Silent), Connect::Open),
            ),
            fail(
                "binary",
                "proxy-error",
                through_proxy(Some(Tunnel::NotHttp { what: "?".into() }), Connect::Open),
            ),
            warn("misspelled", "proxy-misspelled", |facts: &mut Facts| {
                portal(|_| {})(facts);
                let mut proxies = Proxies::default();
                proxies
                    .shell
                    .problems
                    .push("https_proxy: it names no host".into());
                facts.proxies = Observed::Seen(proxies);
            }),
            Case::new(
                "SOCKS",
                Status::Unknown,
                Some("proxy-unsupported"),
                |facts: &mut Facts| {
                    through_proxy(None, Connect::Open)(facts);
                    let Observed::Seen(outbound) = &mut facts.outbound else {
                        panic!("not seen");
                    };
                    for probe in &mut outbound.hosts {
                        probe.proxy.as_mut().unwrap().address.scheme = Scheme::Socks;
                        probe.paths.clear();
                    }
                },
            ),
            Case::new(
                "not observed",
                Status::Unknown,
                Some("not-observed"),
                |_: &mut Facts| {},
            ),
            Case::new("offline", Status::Skip, None, |facts: &mut Facts| {
                facts.offline = true
            }),
        ],
    );
}

#[test]
fn a_group_of_the_site_has_a_finding_of_its_own() {
    let mut facts = nothing_observed();
    let mut group = facts.profile.outbound[0].clone();
    group.id = "relay".into();
    facts.profile.outbound.push(group);
    let mut host = probe("relay.acme");
    host.group = "relay".into();
    facts.outbound = Observed::Seen(outbound(vec![host]));
    let found = verdicts(&SITE_GROUPS, &facts);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "relay");
    assert_eq!(found[0].1.status, Status::Pass);
}
