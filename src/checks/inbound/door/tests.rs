use super::*;
use crate::{
    checks::inbound::samples::{door, probe, visit},
    facts::{
        outbound::{Certificate, Http, TrustVerdict},
        probe_report::Redirects,
    },
    profile,
};

mod words;

const FOUR: &str = "203.0.113.7";

/// Status, cause, and whether the way is open, of a door that was changed.
fn told(port: u16, change: impl Fn(&mut Door)) -> (Status, &'static str, Option<bool>) {
    told_with(port, false, change)
}

fn told_with(
    port: u16,
    has_token: bool,
    change: impl Fn(&mut Door),
) -> (Status, &'static str, Option<bool>) {
    let mut door = door(FOUR, port, Connect::Open);
    change(&mut door);
    let mut probe = probe(0, vec![door.clone()]);
    probe.has_token = has_token;
    let profile = profile::load("2023").unwrap();
    let outside = Outside {
        probe: &probe,
        profile: &profile,
    };
    let verdict = judge(outside, &door);
    assert!(!verdict.summary.is_empty());
    let is_fine = matches!(verdict.status, Status::Pass | Status::Skip);
    assert_eq!(verdict.advice.is_none(), is_fine, "{verdict:?}");
    assert_eq!(verdict.cause.is_none(), is_fine, "{verdict:?}");
    (
        verdict.status,
        verdict.cause.map_or("", |cause| cause.code),
        verdict.way_is_open,
    )
}

fn with_trust(trust: &TrustVerdict) -> impl Fn(&mut Door) + use<> {
    let trust = trust.clone();
    move |door| {
        if let Some(tls) = &mut door.tls {
            tls.trust = Some(trust.clone());
        }
    }
}

#[test]
fn a_door_that_does_not_open() {
    let by = Some("192.0.2.1".parse().unwrap());
    let how = || "x".to_owned();
    for (connect, cause) in [
        (Connect::Refused, "tcp-refused"),
        (Connect::Silent, "tcp-timeout"),
        (Connect::Filtered { by, how: how() }, "admin-prohibited"),
        (Connect::Unreachable { by, how: how() }, "net-unreachable"),
        (Connect::Failed { how: how() }, "net-unreachable"),
    ] {
        let seen = told(80, |door| door.connect = connect.clone());
        assert_eq!(seen, (Status::Fail, cause, Some(false)));
    }
    let without_route = told(80, |door| {
        door.connect = Connect::Unreachable {
            by: None,
            how: how(),
        };
        door.from = None;
    });
    assert_eq!(without_route, (Status::Skip, "", None));
}

#[test]
fn tls_that_does_not_come_about() {
    let how = || "x".to_owned();
    for (handshake, cause, way) in [
        (Handshake::Silent, "tls-timeout", false),
        (Handshake::NotTls(how()), "not-tls", false),
        (Handshake::Version(how()), "tls-version", true),
        (Handshake::Cut(how()), "tls-cut", false),
        (Handshake::Alert(how()), "tls-cut", false),
        (Handshake::Failed(how()), "tls-cut", false),
    ] {
        let seen = told(443, |door| {
            door.tls.as_mut().unwrap().handshake = handshake.clone();
        });
        assert_eq!(seen, (Status::Fail, cause, Some(way)));
    }
}

#[test]
fn certificates_that_a_client_would_not_trust() {
    for (trust, cause) in [
        (TrustVerdict::WrongName, "tls-wrong-name"),
        (TrustVerdict::Expired, "tls-expired"),
        (TrustVerdict::NotYetValid, "tls-not-yet-valid"),
        (TrustVerdict::UnknownIssuer, "tls-incomplete-chain"),
    ] {
        let seen = told(443, with_trust(&trust));
        assert_eq!(seen, (Status::Fail, cause, Some(true)));
    }
    let unknown = |door: &mut Door| {
        with_trust(&TrustVerdict::Otherwise("x".into()))(door);
        door.tls.as_mut().unwrap().organization_is_trusted = false;
    };
    assert_eq!(
        told(443, unknown),
        (Status::Fail, "tls-unknown-issuer", Some(true))
    );
    // Neither the certificate nor the answer is the node's: the way leads elsewhere.
    let elsewhere = |door: &mut Door| {
        unknown(door);
        door.visits = vec![visit(Purpose::Api, 404, "router")];
    };
    assert_eq!(
        told(443, elsewhere),
        (Status::Fail, "tls-unknown-issuer", Some(false))
    );
    let default = |door: &mut Door| {
        elsewhere(door);
        door.tls.as_mut().unwrap().chain = vec![Certificate {
            subject: "CN=TRAEFIK DEFAULT CERT".into(),
            ..Certificate::default()
        }];
    };
    assert_eq!(
        told(443, default),
        (Status::Fail, "default-certificate", Some(true))
    );
}

#[test]
fn answers_that_are_not_the_nodes() {
    for (status, text, port, expected) in [
        (200, "pong", 443, (Status::Pass, "", Some(true))),
        (503, "", 443, (Status::Warn, "service-error", Some(true))),
        (404, "", 443, (Status::Fail, "wrong-service", Some(true))),
        (
            403,
            "This page has been blocked",
            443,
            (Status::Fail, "block-page", Some(false)),
        ),
        (
            400,
            "Blocked by policy",
            443,
            (Status::Fail, "block-page", Some(false)),
        ),
        (
            511,
            "log in",
            443,
            (Status::Fail, "block-page", Some(false)),
        ),
    ] {
        let seen = told(port, |door| {
            door.visits = vec![visit(Purpose::Api, status, text)];
        });
        assert_eq!(seen, expected, "{status} {text}");
    }
    for (outcome, cause) in [
        (HttpOutcome::Silent, "http-timeout"),
        (HttpOutcome::Cut("x".into()), "wrong-service"),
        (HttpOutcome::NotHttp("x".into()), "wrong-service"),
    ] {
        for (port, purpose) in [(80, Purpose::Challenge), (443, Purpose::Api)] {
            let seen = told(port, |door| {
                door.visits = vec![Visit {
                    http: Http {
                        outcome: outcome.clone(),
                        took_ms: 1,
                    },
                    ..visit(purpose, 200, "")
                }];
            });
            assert_eq!(seen, (Status::Fail, cause, Some(false)));
        }
    }
}

#[test]
fn redirects_as_lets_encrypt_follows_them() {
    let to = || "https://node.example.com:8443/".to_owned();
    for (stop, cause) in [
        (RedirectStop::TooMany(to()), "redirect-loop"),
        (RedirectStop::OtherPort(to()), "redirect-elsewhere"),
        (RedirectStop::NotHttp(to()), "redirect-elsewhere"),
        (RedirectStop::OtherHost(to()), "redirect-elsewhere"),
    ] {
        let seen = told(80, |door| {
            door.visits = vec![Visit {
                redirects: Redirects {
                    followed: Vec::new(),
                    stopped: Some(stop.clone()),
                },
                ..visit(Purpose::Challenge, 301, "")
            }];
        });
        assert_eq!(seen, (Status::Fail, cause, Some(false)));
    }
    assert_eq!(told(80, |_| {}), (Status::Pass, "", Some(true)));
    let plain = told(80, |door| {
        door.visits = vec![
            visit(Purpose::Front, 200, "It works!"),
            visit(Purpose::Challenge, 404, ""),
        ];
    });
    assert_eq!(plain, (Status::Warn, "no-redirect", Some(true)));
    for status in [500, 502] {
        let unwell = told(80, |door| {
            door.visits = vec![visit(Purpose::Challenge, status, "")];
        });
        assert_eq!(unwell, (Status::Warn, "service-error", Some(true)));
    }
}

#[test]
fn a_doctor_that_listens_is_known_by_its_token() {
    for (word, has_token, expected) in [
        (DoctorsWord::Proven, true, (Status::Pass, "", Some(true))),
        (DoctorsWord::Unproven, false, (Status::Pass, "", Some(true))),
        (
            DoctorsWord::WrongToken,
            true,
            (Status::Fail, "wrong-service", Some(false)),
        ),
        (
            DoctorsWord::OtherCertificate,
            true,
            (Status::Fail, "tls-intercepted", Some(false)),
        ),
    ] {
        let seen = told_with(443, has_token, |door| {
            door.visits = vec![
                visit(Purpose::Api, 404, ""),
                Visit {
                    doctor: Some(word),
                    ..visit(Purpose::Challenge, 200, "sesam-doctor listen")
                },
            ];
        });
        assert_eq!(seen, expected, "{word:?}");
    }
    let seen = told_with(443, true, |_| {});
    assert_eq!(seen, (Status::Fail, "wrong-service", Some(false)));
    let silent = told_with(443, true, |door| {
        door.visits.push(Visit {
            http: Http {
                outcome: HttpOutcome::Silent,
                took_ms: 1,
            },
            ..visit(Purpose::Challenge, 200, "")
        });
    });
    assert_eq!(silent, (Status::Fail, "http-timeout", Some(false)));
}

#[test]
fn ipv6_that_leads_nowhere_is_a_warning_where_ipv4_works() {
    let six = |connect| door("2001:db8::7", 80, connect);
    let profile = profile::load("2023").unwrap();
    for (four, port, expected) in [
        (Connect::Open, 80, (Status::Warn, "ipv6-broken")),
        (Connect::Silent, 80, (Status::Fail, "tcp-timeout")),
        (Connect::Open, 443, (Status::Fail, "tcp-timeout")),
    ] {
        let probe = probe(0, vec![door(FOUR, port, four), six(Connect::Silent)]);
        let outside = Outside {
            probe: &probe,
            profile: &profile,
        };
        let verdict = judge(outside, &six(Connect::Silent));
        assert_eq!((verdict.status, verdict.cause.unwrap().code), expected);
        assert_eq!(verdict.way_is_open, Some(false));
    }
}
