//! All that a person is told of a door.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    checks::cases::{NOW, hold_to_words},
    facts::outbound::HttpAnswer,
};

/// A visit whose answer came with headers, at a time.
fn answered(visit: Visit, change: impl Fn(&mut HttpAnswer)) -> Visit {
    let mut visit = visit;
    if let HttpOutcome::Answered(answer) = &mut visit.http.outcome {
        change(answer);
    }
    visit
}

/// A certificate whose dates do not fit, so many hours before its end (a day after its beginning), seen by a machine
/// whose clock is so many seconds ahead.
fn clock_ahead(trust: TrustVerdict, seconds: i64, hours_left: i64) -> impl Fn(&mut Door) {
    move |door| {
        with_trust(&trust)(door);
        let date: Timestamp = NOW.parse().unwrap();
        let silent = Visit {
            http: Http {
                outcome: HttpOutcome::Silent,
                took_ms: 1,
            },
            ..visit(Purpose::Front, 200, "")
        };
        let told = answered(visit(Purpose::Api, 200, "pong"), |answer| {
            answer.date = Some(date);
            answer.received_at = Some(date + SignedDuration::from_secs(seconds));
        });
        door.visits = vec![silent, told];
        let leaf = &mut door.tls.as_mut().unwrap().chain[0];
        leaf.not_before = Some(date + SignedDuration::from_hours(hours_left - 24));
        leaf.not_after = Some(date + SignedDuration::from_hours(hours_left));
    }
}

fn chain(door: &mut Door) -> &mut Vec<Certificate> {
    &mut door.tls.as_mut().unwrap().chain
}

fn unknown_issuer(door: &mut Door) {
    with_trust(&TrustVerdict::UnknownIssuer)(door);
    door.tls.as_mut().unwrap().organization_is_trusted = false;
}

/// Each with its name, its port, whether a token was given, and what makes it of a good one.
type Doors = Vec<(&'static str, u16, bool, Box<dyn Fn(&mut Door)>)>;

fn closed_doors() -> Doors {
    let how = || "x".to_owned();
    let connect = |connect: Connect| -> Box<dyn Fn(&mut Door)> {
        Box::new(move |door| door.connect = connect.clone())
    };
    let handshake = |handshake: Handshake| -> Box<dyn Fn(&mut Door)> {
        Box::new(move |door| door.tls.as_mut().unwrap().handshake = handshake.clone())
    };
    let by = Some("192.0.2.1".parse().unwrap());
    vec![
        ("refused", 80, false, connect(Connect::Refused)),
        (
            "silent, twice",
            80,
            false,
            Box::new(|door| {
                door.connect = Connect::Silent;
                door.tries = 2;
            }),
        ),
        (
            "filtered",
            80,
            false,
            connect(Connect::Filtered { by, how: how() }),
        ),
        (
            "filtered at home",
            80,
            false,
            connect(Connect::Filtered {
                by: None,
                how: how(),
            }),
        ),
        (
            "no route",
            80,
            false,
            connect(Connect::Unreachable {
                by: None,
                how: how(),
            }),
        ),
        ("failed", 80, false, connect(Connect::Failed { how: how() })),
        (
            "no address to come from",
            80,
            false,
            Box::new(|door| {
                door.connect = Connect::Silent;
                door.from = None;
            }),
        ),
        ("TLS hangs", 443, false, handshake(Handshake::Silent)),
        ("no TLS", 443, false, handshake(Handshake::NotTls(how()))),
        ("old TLS", 443, false, handshake(Handshake::Version(how()))),
        ("TLS is cut", 443, false, handshake(Handshake::Cut(how()))),
    ]
}

fn doors_with_answers() -> Doors {
    let api = |status: u16, text: &'static str| -> Box<dyn Fn(&mut Door)> {
        Box::new(move |door| {
            door.visits = vec![answered(visit(Purpose::Api, status, text), |answer| {
                answer.headers.insert("server".into(), "nginx".into());
            })];
        })
    };
    let word = |word: DoctorsWord| -> Box<dyn Fn(&mut Door)> {
        Box::new(move |door| {
            door.visits = vec![Visit {
                doctor: Some(word),
                ..visit(Purpose::Challenge, 200, "sesam-doctor listen")
            }];
        })
    };
    vec![
        ("good", 443, false, Box::new(|_| {})),
        ("good, and redirects", 80, false, Box::new(|_| {})),
        (
            "nothing asked",
            443,
            false,
            Box::new(|door| door.visits.clear()),
        ),
        ("a doctor", 443, true, word(DoctorsWord::Proven)),
        (
            "a doctor without a token",
            443,
            false,
            word(DoctorsWord::Unproven),
        ),
        ("another doctor", 443, true, word(DoctorsWord::WrongToken)),
        (
            "a doctor behind another certificate",
            443,
            true,
            word(DoctorsWord::OtherCertificate),
        ),
        (
            "a doctor behind no certificate",
            443,
            true,
            Box::new(move |door| {
                word(DoctorsWord::OtherCertificate)(door);
                chain(door).clear();
            }),
        ),
        ("no doctor", 443, true, api(404, "<h1>Not found</h1>")),
        ("no doctor, without a word", 443, true, api(404, "<hr>")),
        (
            "no doctor, silent at last",
            443,
            true,
            Box::new(|door| {
                door.visits = vec![
                    visit(Purpose::Api, 404, "lost"),
                    Visit {
                        http: Http {
                            outcome: HttpOutcome::Silent,
                            took_ms: 5000,
                        },
                        ..visit(Purpose::Front, 200, "")
                    },
                ];
            }),
        ),
        (
            "blocked",
            443,
            false,
            api(403, "This page has been blocked"),
        ),
        ("unwell", 443, false, api(503, "")),
        ("somebody else", 443, false, api(404, "router")),
        (
            "silent",
            443,
            false,
            Box::new(|door| {
                door.visits[0].http = Http {
                    outcome: HttpOutcome::Silent,
                    took_ms: 5000,
                };
            }),
        ),
        (
            "no redirect",
            80,
            false,
            Box::new(|door| {
                door.visits = vec![
                    visit(Purpose::Challenge, 404, ""),
                    visit(Purpose::Front, 200, "It works!"),
                ];
            }),
        ),
    ]
}

fn doors_with_certificates() -> Doors {
    let trust = |trust: TrustVerdict| -> Box<dyn Fn(&mut Door)> { Box::new(with_trust(&trust)) };
    let other_name = |names: &'static [&'static str]| -> Box<dyn Fn(&mut Door)> {
        Box::new(move |door| {
            with_trust(&TrustVerdict::WrongName)(door);
            let leaf = &mut chain(door)[0];
            leaf.names = names.iter().map(|name| (*name).to_owned()).collect();
        })
    };
    let expired = |seconds: i64, hours_left: i64| -> Box<dyn Fn(&mut Door)> {
        Box::new(clock_ahead(TrustVerdict::Expired, seconds, hours_left))
    };
    let to_come = |seconds: i64, hours_left: i64| -> Box<dyn Fn(&mut Door)> {
        Box::new(clock_ahead(TrustVerdict::NotYetValid, seconds, hours_left))
    };
    vec![
        (
            "for other names",
            443,
            false,
            other_name(&["a.example.com", "b.example.com"]),
        ),
        ("for no name", 443, false, other_name(&[])),
        (
            "expired at some time",
            443,
            false,
            trust(TrustVerdict::Expired),
        ),
        (
            "an intermediate is missing",
            443,
            false,
            trust(TrustVerdict::UnknownIssuer),
        ),
        ("expired", 443, false, expired(0, -1)),
        (
            "expired, and the clock is ahead as well",
            443,
            false,
            expired(3600, -1),
        ),
        ("expired now", 443, false, expired(3600, 0)),
        (
            "expired for a clock that is a little ahead",
            443,
            false,
            expired(60, 1),
        ),
        (
            "expired for a clock that is ahead",
            443,
            false,
            expired(61, 1),
        ),
        (
            "valid from now for a clock that is behind",
            443,
            false,
            to_come(-7200, 24),
        ),
        (
            "valid later, and the clock is behind as well",
            443,
            false,
            to_come(-7200, 25),
        ),
        (
            "signed by somebody unknown",
            443,
            false,
            Box::new(unknown_issuer),
        ),
        (
            "self-signed",
            443,
            false,
            Box::new(|door| {
                unknown_issuer(door);
                chain(door)[0].self_issued = true;
            }),
        ),
        (
            "refused for another reason, and no node",
            443,
            false,
            Box::new(|door| {
                unknown_issuer(door);
                with_trust(&TrustVerdict::Otherwise("bad encoding".into()))(door);
                door.visits = vec![visit(Purpose::Api, 404, "router")];
            }),
        ),
    ]
}

#[test]
fn what_a_person_reads_of_a_door() {
    let mut words = String::new();
    let doors = [
        closed_doors(),
        doors_with_answers(),
        doors_with_certificates(),
    ];
    for (name, port, has_token, change) in doors.into_iter().flatten() {
        let mut door = door(FOUR, port, Connect::Open);
        change(&mut door);
        let mut probe = probe(0, vec![door.clone()]);
        probe.has_token = has_token;
        let outside = Outside {
            probe: &probe,
            profile: &profile::load("2023").unwrap(),
        };
        let verdict = judge(outside, &door);
        let cause = verdict.cause.map_or("", |cause| cause.code);
        writeln!(words, "## {name}\n{} {cause}", verdict.status.word()).unwrap();
        writeln!(words, "  {}", verdict.summary).unwrap();
        if let Some(advice) = verdict.advice {
            writeln!(words, "  > {advice}").unwrap();
        }
    }
    hold_to_words("probe", &words);
}
