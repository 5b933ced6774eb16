use super::*;
use crate::{
    checks::{
        Status,
        cases::{Case, NOW, judge_cases, nothing_observed, verdict},
    },
    facts::{Facts, Observed},
    units::Bytes,
};

pub fn reply(status: u16) -> Answer {
    Answer::Answered(Reply {
        status,
        took_ms: 7,
        media_type: Some("application/json".into()),
        excerpt: None,
    })
}

fn refused() -> Answer {
    Answer::NoConnection {
        why: NoConnection::Refused,
    }
}

pub fn place(way: Way, ping: Answer, health: Answer) -> Place {
    Place {
        way,
        url: "http://127.0.0.1:9042".into(),
        ping,
        health,
        license: refused(),
        license_says: None,
    }
}

pub fn at(facts: &mut Facts, places: Vec<Place>) -> &mut Node {
    facts.node = Observed::Seen(Node {
        places: Observed::Seen(places),
        token: Observed::Absent,
        stacktrace: Observed::Absent,
    });
    match &mut facts.node {
        Observed::Seen(node) => node,
        _ => unreachable!("it was set just now"),
    }
}

fn saying(ping: Answer, health: Answer) -> impl Fn(&mut Facts) {
    move |facts| {
        let published = place(Way::Published, ping.clone(), health.clone());
        at(facts, vec![published]);
    }
}

fn through_traefik(status: u16, excerpt: &'static str) -> impl Fn(&mut Facts) {
    move |facts| {
        let answer = Answer::Answered(Reply {
            status,
            excerpt: Some(excerpt.into()),
            ..Reply::default()
        });
        let published = place(Way::Published, refused(), refused());
        let traefik = place(Way::Traefik, answer.clone(), answer);
        at(facts, vec![published, traefik]);
    }
}

fn with_trace(hours_ago: i64) -> impl Fn(&mut Facts) {
    move |facts| {
        let now: jiff::Timestamp = NOW.parse().unwrap();
        at(facts, vec![place(Way::Published, reply(200), reply(200))]).stacktrace =
            Observed::Seen(Stacktrace {
                path: "/sesam/node-00/logs/stacktrace.html".into(),
                modified: now - jiff::SignedDuration::from_hours(hours_ago),
                size_bytes: Bytes(1000),
            });
    }
}

#[test]
fn what_is_wrong_with_traefik_explains_what_is_seen_through_it() {
    let follows = |arrange: &dyn Fn(&mut Facts)| {
        let mut facts = nothing_observed();
        arrange(&mut facts);
        let follows = verdict(&HEALTH, &facts).follows;
        follows
            .iter()
            .map(|followed| followed.check.id)
            .collect::<Vec<_>>()
    };
    let through = follows(&through_traefik(502, "Bad Gateway"));
    let traefik = [
        "container.traefik",
        "tls.endpoint",
        "inbound.http",
        "inbound.https",
    ];
    assert_eq!(through, traefik);
    let nothing_listens = follows(&|facts: &mut Facts| {
        let published = place(Way::Published, refused(), refused());
        let through = place(Way::Traefik, refused(), refused());
        at(facts, vec![published, through]);
    });
    assert_eq!(nothing_listens, traefik);
    let node_itself = follows(&|facts: &mut Facts| {
        let container = place(Way::Container, refused(), refused());
        let through = place(Way::Traefik, refused(), refused());
        at(facts, vec![container, through]);
    });
    assert!(node_itself.is_empty());
    let node_hangs = follows(&|facts: &mut Facts| {
        let silent = Answer::TimedOut { after_ms: 5_000 };
        let published = place(Way::Published, silent.clone(), silent);
        let through = place(Way::Traefik, refused(), refused());
        at(facts, vec![published, through]);
    });
    assert!(node_hangs.is_empty(), "{node_hangs:?}");
    assert!(follows(&saying(refused(), refused())).is_empty());
}

#[test]
#[allow(clippy::too_many_lines)]
fn cases() {
    use Status::{Fail, Pass, Skip, Unknown, Warn};
    let page = || {
        Answer::Answered(Reply {
            status: 200,
            media_type: Some("text/html".into()),
            ..Reply::default()
        })
    };
    let after = |took_ms| {
        Answer::Answered(Reply {
            status: 200,
            took_ms,
            ..Reply::default()
        })
    };
    let slow = || after(4_000);
    let hung = || Answer::TimedOut { after_ms: 5_000 };
    let cut = || Answer::NoConnection {
        why: NoConnection::Cut {
            reason: "closed".into(),
        },
    };
    let garbage = || Answer::NotHttp {
        reason: "no version".into(),
    };
    let not_tls = || Answer::NoConnection {
        why: NoConnection::NotTls {
            reason: "HTTP".into(),
        },
    };
    judge_cases(
        &HEALTH,
        &[
            Case::new("well", Pass, None, saying(reply(200), reply(200))),
            Case::new(
                "not published, well through Traefik",
                Pass,
                None,
                through_traefik(200, "pong"),
            ),
            Case::new(
                "pings, unwell",
                Fail,
                Some("unwell"),
                saying(reply(200), reply(503)),
            ),
            Case::new(
                "refused",
                Fail,
                Some("refused"),
                saying(refused(), refused()),
            ),
            Case::new("not slow yet", Pass, None, saying(reply(200), after(2_000))),
            Case::new(
                "slow by a moment",
                Warn,
                Some("slow"),
                saying(reply(200), after(2_001)),
            ),
            Case::new("slow", Warn, Some("slow"), saying(reply(200), slow())),
            Case::new("hung", Fail, Some("not-answering"), saying(hung(), hung())),
            Case::new(
                "pings, health hangs",
                Fail,
                Some("not-answering"),
                saying(reply(200), hung()),
            ),
            Case::new("cut", Fail, Some("not-answering"), saying(cut(), cut())),
            Case::new(
                "500",
                Fail,
                Some("not-answering"),
                saying(reply(500), reply(500)),
            ),
            Case::new(
                "garbage",
                Fail,
                Some("wrong-service"),
                saying(garbage(), garbage()),
            ),
            Case::new(
                "no TLS",
                Fail,
                Some("wrong-service"),
                saying(not_tls(), not_tls()),
            ),
            Case::new(
                "endless",
                Fail,
                Some("wrong-service"),
                saying(Answer::TooLarge, Answer::TooLarge),
            ),
            Case::new(
                "a web page",
                Fail,
                Some("wrong-service"),
                saying(page(), page()),
            ),
            Case::new(
                "no such path",
                Fail,
                Some("wrong-service"),
                saying(reply(404), reply(404)),
            ),
            Case::new(
                "no router",
                Fail,
                Some("wrong-service"),
                through_traefik(404, "404 page not found"),
            ),
            Case::new(
                "router without a node",
                Fail,
                Some("not-answering"),
                through_traefik(503, "no available server"),
            ),
            Case::new(
                "bad gateway",
                Fail,
                Some("not-answering"),
                through_traefik(502, "Bad Gateway"),
            ),
            Case::new(
                "unwell through Traefik",
                Fail,
                Some("unwell"),
                through_traefik(503, "{\"status\": \"unwell\"}"),
            ),
            Case::new("fresh trace", Warn, Some("fresh-stacktrace"), with_trace(1)),
            Case::new(
                "trace of a day ago",
                Warn,
                Some("fresh-stacktrace"),
                with_trace(24),
            ),
            Case::new("old trace", Pass, None, with_trace(25)),
            Case::new("logs not readable", Pass, None, |facts: &mut Facts| {
                at(facts, vec![place(Way::Published, reply(200), reply(200))]).stacktrace =
                    Observed::Denied("needs root".into());
            }),
            Case::new(
                "no way to ask",
                Unknown,
                Some("not-observed"),
                |facts: &mut Facts| {
                    at(facts, vec![]);
                },
            ),
            Case::new("offline", Skip, None, |facts: &mut Facts| {
                with_trace(25)(facts);
                facts.offline = true;
            }),
            Case::new(
                "offline, fresh trace",
                Warn,
                Some("fresh-stacktrace"),
                |facts: &mut Facts| {
                    with_trace(1)(facts);
                    facts.offline = true;
                },
            ),
            Case::new(
                "not observed",
                Unknown,
                Some("not-observed"),
                |_: &mut Facts| {},
            ),
        ],
    );
}
