use super::*;
use crate::{
    checks::cases::{self, Case, judge_cases},
    facts::{Facts, Observed, dns::Reply},
};

fn slow_after(more_ms: u64) -> impl Fn(&mut Facts) {
    move |facts| {
        servers(&[well])(facts);
        let Observed::Seen(resolvers) = &mut facts.resolvers else {
            panic!("not seen");
        };
        resolvers.servers[0].took_ms = facts.profile.network.resolver_slow_ms + more_ms;
    }
}

/// What the stub says, and what the servers behind it say.
fn stub(answer: fn() -> Answer, upstreams: &'static [fn() -> Asked]) -> impl Fn(&mut Facts) {
    move |facts| {
        facts.resolvers = Observed::Seen(Resolvers {
            asked_for: "letsencrypt.org".into(),
            servers: vec![asked("127.0.0.53", answer())],
            upstreams: upstreams.iter().map(|answer| answer()).collect(),
            ..Resolvers::default()
        });
    }
}

fn asked(server: &str, answer: Answer) -> Asked {
    Asked {
        took_ms: 3,
        ..cases::asked(server, answer)
    }
}

fn reply(code: ReplyCode) -> Answer {
    Answer::Replied(Reply {
        code,
        ..Reply::default()
    })
}

/// What the servers say that `resolv.conf` names.
fn servers(answers: &'static [fn() -> Asked]) -> impl Fn(&mut Facts) {
    move |facts| {
        facts.resolvers = Observed::Seen(Resolvers {
            asked_for: "letsencrypt.org".into(),
            servers: answers.iter().map(|answer| answer()).collect(),
            ..Resolvers::default()
        });
    }
}

fn on_link(facts: &mut Facts) {
    if let Observed::Seen(resolvers) = &mut facts.resolvers {
        let server = "fe80::1%eth0".to_owned();
        resolvers.configuration.on_links.push(server);
    }
}

fn well() -> Asked {
    asked("10.0.0.1", reply(ReplyCode::NoError))
}

fn by_tcp() -> Asked {
    Asked {
        transport: Transport::Tcp,
        tries: 3,
        udp_is_silent: true,
        ..well()
    }
}

fn silent() -> Asked {
    asked("10.0.0.2", Answer::Silent)
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn cases() {
    let warn = |name, cause, answers| Case::new(name, Status::Warn, Some(cause), servers(answers));
    let fail = |name, cause, answers| Case::new(name, Status::Fail, Some(cause), servers(answers));
    judge_cases(
        &RESOLVERS,
        &[
            Case::new("well", Status::Pass, None, servers(&[well])),
            Case::new(
                "the name does not exist",
                Status::Pass,
                None,
                servers(&[|| asked("10.0.0.1", reply(ReplyCode::NxDomain))]),
            ),
            Case::new(
                "well, and one on a link",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    servers(&[well])(facts);
                    on_link(facts);
                },
            ),
            Case::new(
                "none but one on a link",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    servers(&[])(facts);
                    on_link(facts);
                },
            ),
            warn("one dead", "silent", &[well, silent]),
            warn(
                "one rejects",
                "rejected",
                &[well, || asked("10.0.0.2", Answer::Rejected("no".into()))],
            ),
            warn(
                "one is beyond",
                "unreachable",
                &[well, || {
                    asked("10.0.0.2", Answer::Unreachable("no route".into()))
                }],
            ),
            warn(
                "one is odd",
                "garbage",
                &[well, || asked("10.0.0.2", Answer::Garbage("soup".into()))],
            ),
            warn(
                "refuses",
                "refuses",
                &[|| asked("10.0.0.1", reply(ReplyCode::Refused))],
            ),
            warn(
                "one fails",
                "refuses",
                &[well, || asked("10.0.0.2", reply(ReplyCode::ServFail))],
            ),
            warn(
                "one has a code of its own",
                "refuses",
                &[well, || asked("10.0.0.2", reply(ReplyCode::Other(9)))],
            ),
            Case::new("just in time", Status::Pass, None, slow_after(0)),
            Case::new("slow", Status::Warn, Some("slow"), slow_after(1)),
            Case::new(
                "an answer too long for a datagram",
                Status::Pass,
                None,
                servers(&[|| Asked {
                    tries: 2,
                    udp_is_silent: false,
                    ..by_tcp()
                }]),
            ),
            Case::new(
                "a datagram was lost, and the answer is too long for one",
                Status::Pass,
                None,
                servers(&[|| Asked {
                    udp_is_silent: false,
                    ..by_tcp()
                }]),
            ),
            Case::new(
                "a datagram was lost twice",
                Status::Pass,
                None,
                servers(&[|| Asked { tries: 3, ..well() }]),
            ),
            fail("TCP only", "tcp-only", &[by_tcp]),
            warn(
                "one of two by TCP only",
                "tcp-only",
                &[well, || Asked {
                    server: "10.0.0.2".parse().unwrap(),
                    ..by_tcp()
                }],
            ),
            Case::new(
                "TCP only, and programs ask by TCP",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    let mut resolvers = Resolvers {
                        asked_for: "letsencrypt.org".into(),
                        servers: vec![by_tcp()],
                        ..Resolvers::default()
                    };
                    resolvers.configuration.options.push("use-vc".into());
                    facts.resolvers = Observed::Seen(resolvers);
                },
            ),
            Case::new(
                "TCP only behind the stub",
                Status::Warn,
                Some("tcp-only"),
                stub(|| reply(ReplyCode::NoError), &[by_tcp]),
            ),
            Case::new(
                "one of two behind the stub is dead",
                Status::Warn,
                Some("silent"),
                stub(|| reply(ReplyCode::NoError), &[well, silent]),
            ),
            Case::new(
                "the stub fails, and not what is behind it",
                Status::Warn,
                Some("refuses"),
                stub(|| reply(ReplyCode::ServFail), &[well]),
            ),
            Case::new(
                "the stub is dead, and not what is behind it",
                Status::Fail,
                Some("rejected"),
                stub(|| Answer::Rejected("no".into()), &[well]),
            ),
            warn(
                "two of three are dead",
                "silent",
                &[well, silent, || asked("10.0.0.3", Answer::Silent)],
            ),
            fail(
                "all dead",
                "silent",
                &[silent, || {
                    asked("10.0.0.3", Answer::Unreachable("no route".into()))
                }],
            ),
            Case::new(
                "the stub's upstreams are dead",
                Status::Fail,
                Some("silent"),
                stub(|| reply(ReplyCode::ServFail), &[silent]),
            ),
            Case::new(
                "a line names no address",
                Status::Warn,
                Some("unusable"),
                |facts: &mut Facts| {
                    servers(&[well])(facts);
                    let Observed::Seen(resolvers) = &mut facts.resolvers else {
                        panic!("not seen");
                    };
                    resolvers.configuration.unusable.push("dns.acme".into());
                },
            ),
            Case::new(
                "more than the C library asks",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    servers(&[well])(facts);
                    let Observed::Seen(resolvers) = &mut facts.resolvers else {
                        panic!("not seen");
                    };
                    let fourth = "10.0.0.4".parse().unwrap();
                    resolvers.configuration.ignored.push(fourth);
                },
            ),
            Case::new(
                "not observed",
                Status::Unknown,
                Some("not-observed"),
                |_: &mut Facts| {},
            ),
            Case::new(
                "denied",
                Status::Unknown,
                Some("needs-root"),
                |facts: &mut Facts| {
                    facts.resolvers =
                        Observed::Denied("reading /etc/resolv.conf needs root".into());
                },
            ),
            Case::new("offline", Status::Skip, None, |facts: &mut Facts| {
                facts.offline = true;
            }),
        ],
    );
}
