use super::super::arrange::*;
use super::PROXY;
use crate::facts::proxies::{Proxies, ProxySettings, Scheme};
use crate::{
    checks::{
        Status,
        cases::{Case, judge_cases, nothing_observed, verdict},
    },
    facts::{Facts, Observed, outbound::*},
};

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
                through_proxy(Some(refused(407)), Connect::Open),
            ),
            fail(
                "forbidden",
                "proxy-forbidden",
                through_proxy(Some(refused(403)), Connect::Open),
            ),
            fail(
                "bad gateway",
                "proxy-error",
                through_proxy(Some(refused(502)), Connect::Open),
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
                proxies.shell.source = "the environment".into();
                proxies
                    .shell
                    .problems
                    .push("https_proxy: it names no host".into());
                facts.proxies = Observed::Seen(proxies);
            }),
            Case::new(
                "SOCKS before version 5",
                Status::Unknown,
                Some("proxy-unsupported"),
                old_socks,
            ),
            Case::new(
                "not observed",
                Status::Unknown,
                Some("not-observed"),
                |_: &mut Facts| {},
            ),
            Case::new("offline", Status::Skip, None, |facts: &mut Facts| {
                facts.offline = true;
            }),
        ],
    );
}

/// One host gets another answer than that the way is open.
fn but_one(tunnel: Tunnel) -> impl Fn(&mut Facts) {
    move |facts| {
        through_proxy(Some(Tunnel::Open), Connect::Open)(facts);
        for path in &mut seen(facts).hosts[0].paths {
            connects(&mut path.attempt, Connect::Open);
            path.attempt.tunnel = Some(tunnel.clone());
        }
    }
}

fn with_headers(status: u16, headers: &[(&str, &str)]) -> Tunnel {
    Tunnel::Refused {
        status,
        reason: "No".into(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

#[test]
fn what_only_some_hosts_meet() {
    judge_cases(
        &PROXY,
        &[
            fail("one is forbidden", "proxy-forbidden", but_one(refused(403))),
            fail("one needs a login", "proxy-auth", but_one(refused(407))),
            Case::new(
                "one cannot be connected to",
                Status::Pass,
                None,
                but_one(refused(502)),
            ),
        ],
    );
}

#[test]
fn what_a_proxy_adds() {
    let answers = |status, headers: &[(&str, &str)]| {
        through_proxy(Some(with_headers(status, headers)), Connect::Open)
    };
    let with_login = |facts: &mut Facts| {
        through_proxy(Some(refused(407)), Connect::Open)(facts);
        for probe in &mut seen(facts).hosts {
            probe.proxy.as_mut().unwrap().address.has_login = true;
        }
    };
    judge_cases(
        &PROXY,
        &[
            fail(
                "why it forbids",
                "proxy-forbidden",
                answers(
                    403,
                    &[("x-squid-error", "ERR_ACCESS_DENIED 0"), ("via", "x")],
                ),
            ),
            fail(
                "who it is",
                "proxy-error",
                answers(503, &[("server", "squid/5.7")]),
            ),
            fail(
                "the login that it wants",
                "proxy-auth",
                answers(407, &[("proxy-authenticate", "Basic realm=\"x\"")]),
            ),
            fail("the login is wrong", "proxy-auth", with_login),
            fail(
                "it hangs up",
                "proxy-error",
                through_proxy(
                    Some(Tunnel::Cut {
                        how: "closed".into(),
                    }),
                    Connect::Open,
                ),
            ),
            fail(
                "its name does not resolve",
                "proxy-unreachable",
                |facts: &mut Facts| {
                    through_proxy(None, Connect::Open)(facts);
                    for probe in &mut seen(facts).hosts {
                        probe.paths.clear();
                    }
                },
            ),
            Case::new(
                "a kind that is not examined",
                Status::Unknown,
                Some("proxy-unsupported"),
                through_proxy(
                    Some(Tunnel::Unsupported {
                        what: "SOCKS 4".into(),
                    }),
                    Connect::Open,
                ),
            ),
        ],
    );
}

#[test]
fn proxies_that_speak_socks() {
    judge_cases(
        &PROXY,
        &[
            fail(
                "SOCKS: login wanted",
                "proxy-auth",
                through_proxy(Some(Tunnel::LoginWanted), Connect::Open),
            ),
            fail(
                "SOCKS: login refused",
                "proxy-auth",
                through_proxy(Some(Tunnel::LoginRefused), Connect::Open),
            ),
            fail(
                "SOCKS: forbidden",
                "proxy-forbidden",
                through_proxy(Some(Tunnel::Forbidden), Connect::Open),
            ),
            fail(
                "SOCKS: no way",
                "proxy-error",
                through_proxy(Some(Tunnel::NoWay { how: "?".into() }), Connect::Open),
            ),
            fail("SOCKS: silent", "proxy-error", |facts: &mut Facts| {
                through_proxy(Some(Tunnel::Silent), Connect::Open)(facts);
                for probe in &mut seen(facts).hosts {
                    probe.proxy.as_mut().unwrap().address.scheme = Scheme::Socks5;
                }
            }),
            fail(
                "SOCKS: something else",
                "proxy-error",
                through_proxy(Some(Tunnel::NotSocks { what: "?".into() }), Connect::Open),
            ),
        ],
    );
}

#[test]
fn a_damaged_file_of_docker_explains_that_its_proxy_is_not_known() {
    let follows = |problem: &str| {
        let mut facts = nothing_observed();
        portal(|_| {})(&mut facts);
        let containers = ProxySettings {
            problems: vec![problem.to_owned()],
            ..ProxySettings::default()
        };
        facts.proxies = Observed::Seen(Proxies {
            containers: Observed::Seen(containers),
            ..Proxies::default()
        });
        let follows = verdict(&PROXY, &facts).follows;
        follows
            .iter()
            .map(|followed| followed.check.id)
            .collect::<Vec<_>>()
    };
    let client = follows("/root/.docker/config.json:1:10: no JSON");
    assert_eq!(client, ["software.registry-login"]);
    let daemon = follows("/etc/docker/daemon.json:1:10: no JSON");
    assert_eq!(daemon, ["software.docker-config"]);
    assert!(follows("https_proxy: it names no host").is_empty());
    // Where a proxy is known, it is looked at, whatever the damaged file would say.
    let mut facts = nothing_observed();
    through_proxy(Some(Tunnel::Open), Connect::Open)(&mut facts);
    let containers = ProxySettings {
        problems: vec!["/root/.docker/config.json:1:10: no JSON".into()],
        ..ProxySettings::default()
    };
    facts.proxies = Observed::Seen(Proxies {
        containers: Observed::Seen(containers),
        ..Proxies::default()
    });
    assert!(verdict(&PROXY, &facts).follows.is_empty());
}

#[test]
fn proxies_that_are_spoken_to_over_tls() {
    judge_cases(
        &PROXY,
        &[
            Case::new(
                "its own TLS is well",
                Status::Pass,
                None,
                over_tls(Handshake::Done, TrustVerdict::Trusted),
            ),
            fail(
                "its own certificate is not trusted",
                "proxy-error",
                over_tls(Handshake::Done, TrustVerdict::UnknownIssuer),
            ),
            fail(
                "its own certificate is for other names",
                "proxy-error",
                over_tls(Handshake::Done, TrustVerdict::WrongName),
            ),
            fail(
                "its own certificate has expired",
                "proxy-error",
                over_tls(Handshake::Done, TrustVerdict::Expired),
            ),
            fail(
                "its own certificate is not valid yet",
                "proxy-error",
                over_tls(Handshake::Done, TrustVerdict::NotYetValid),
            ),
            fail(
                "its own certificate is odd",
                "proxy-error",
                over_tls(Handshake::Done, TrustVerdict::Otherwise("odd".into())),
            ),
            fail(
                "its TLS is too old",
                "proxy-error",
                over_tls(Handshake::Version("1.0".into()), TrustVerdict::Trusted),
            ),
            fail(
                "its TLS is cut",
                "proxy-error",
                over_tls(Handshake::Cut("reset".into()), TrustVerdict::Trusted),
            ),
            fail(
                "it speaks no TLS",
                "proxy-error",
                over_tls(Handshake::NotTls("?".into()), TrustVerdict::Trusted),
            ),
            fail(
                "its TLS is silent",
                "proxy-error",
                over_tls(Handshake::Silent, TrustVerdict::Trusted),
            ),
        ],
    );
}
