use super::super::{SESAM, arrange::*};
use crate::{
    checks::{
        Status,
        cases::{Case, judge_cases},
    },
    facts::{
        Facts,
        dns::{Answer, Asked, ExtendedError, RecordKind, Reply, ReplyCode},
        outbound::*,
    },
};

/// The name leads to an address that refuses.
fn leads_to(address: &'static str) -> impl Fn(&mut Facts) {
    portal(move |probe| {
        let mut path = well(address);
        connects(&mut path.attempt, Connect::Refused);
        probe.paths = vec![path];
        let names = probe.names.as_mut().unwrap();
        names.servers = vec![said(ReplyCode::NoError, &[address])];
    })
}

fn sinkhole(name: &'static str, address: &'static str) -> Case {
    fail(name, "dns-sinkhole", leads_to(address))
}

#[test]
fn addresses_that_cannot_be_it() {
    judge_cases(
        &SESAM,
        &[
            sinkhole("null", "0.0.0.0"),
            sinkhole("this machine", "127.0.0.1"),
            sinkhole("private", "10.0.0.9"),
            sinkhole("this link", "169.254.0.9"),
            sinkhole("null in IPv6", "::"),
            sinkhole("this machine in IPv6", "::1"),
            sinkhole("private in IPv6", "fd00::9"),
            sinkhole("this link in IPv6", "fe80::9"),
            fail("public", "tcp-refused", leads_to("203.0.113.50")),
            fail("a host within", "tcp-refused", |facts: &mut Facts| {
                leads_to("10.0.0.9")(facts);
                let outbound = seen(facts);
                outbound.hosts[0].host.public = false;
            }),
            fail("the hosts file", "dns-sinkhole", |facts: &mut Facts| {
                leads_to("10.0.0.9")(facts);
                let names = seen(facts).hosts[0].names.as_mut().unwrap();
                names.hosts_file = vec![ip("10.0.0.9")];
            }),
            fail("the system alone", "dns-sinkhole", |facts: &mut Facts| {
                leads_to("10.0.0.9")(facts);
                let names = seen(facts).hosts[0].names.as_mut().unwrap();
                names.servers.clear();
            }),
        ],
    );
}

fn of(kind: RecordKind, code: ReplyCode) -> Asked {
    Asked {
        kind,
        ..said(code, &[])
    }
}

fn without_reply(server: &str, kind: RecordKind, answer: Answer) -> Asked {
    Asked {
        server: ip(server),
        answer,
        ..of(kind, ReplyCode::NoError)
    }
}

fn replied(change: impl Fn(&mut Reply)) -> Asked {
    let mut asked = said(ReplyCode::NoError, &[]);
    let Answer::Replied(reply) = &mut asked.answer else {
        panic!("no reply");
    };
    change(reply);
    asked
}

fn extended(code: u16, text: &str) -> Option<ExtendedError> {
    Some(ExtendedError {
        code,
        text: text.into(),
    })
}

/// Which of several replies tells why there is no address, and what it adds.
#[test]
fn replies_without_an_address() {
    let servfail = |error: Option<ExtendedError>, answers_without_validation: bool| {
        unresolved(vec![replied(|reply| {
            reply.code = ReplyCode::ServFail;
            reply.extended_error.clone_from(&error);
            reply.answers_without_validation = answers_without_validation;
        })])
    };
    judge_cases(
        &SESAM,
        &[
            fail(
                "IPv4 has none, and IPv6 fails",
                "dns-no-address",
                unresolved(vec![
                    of(RecordKind::A, ReplyCode::NoError),
                    of(RecordKind::Aaaa, ReplyCode::ServFail),
                ]),
            ),
            fail(
                "IPv6 has none, and IPv4 fails at another server",
                "dns-servfail",
                unresolved(vec![
                    without_reply("10.0.0.2", RecordKind::A, Answer::Silent),
                    of(RecordKind::Aaaa, ReplyCode::NoError),
                    of(RecordKind::A, ReplyCode::ServFail),
                ]),
            ),
            fail(
                "filtered",
                "dns-nxdomain",
                unresolved(vec![replied(|reply| {
                    reply.code = ReplyCode::NxDomain;
                    reply.extended_error = extended(17, "by policy");
                })]),
            ),
            fail(
                "refused, with a reason",
                "dns-refused",
                unresolved(vec![replied(|reply| {
                    reply.code = ReplyCode::Refused;
                    reply.extended_error = extended(20, "not authoritative");
                })]),
            ),
            fail(
                "aliases that lead nowhere",
                "dns-no-address",
                unresolved(vec![replied(|reply| {
                    reply.aliases = vec!["a.example".into(), "b.example".into()];
                })]),
            ),
            fail(
                "aliases that go in a circle",
                "dns-no-address",
                unresolved(vec![replied(|reply| {
                    reply.aliases = vec!["a.example".into(), "b.example".into()];
                    reply.alias_loop = true;
                })]),
            ),
            fail(
                "fails for a reason of its own",
                "dns-servfail",
                servfail(extended(22, "no reachable authority"), false),
            ),
            fail(
                "fails and says that it cannot validate",
                "dns-servfail",
                servfail(extended(6, "DNSSEC bogus"), false),
            ),
            fail(
                "fails unless asked not to validate",
                "dns-servfail",
                servfail(None, true),
            ),
            fail(
                "silent, and rejected",
                "dns-unreachable",
                unresolved(vec![
                    without_reply("10.0.0.1", RecordKind::A, Answer::Silent),
                    without_reply("10.0.0.1", RecordKind::Aaaa, Answer::Garbage("?".into())),
                    without_reply("10.0.0.2", RecordKind::A, Answer::Rejected("no".into())),
                ]),
            ),
            fail(
                "not even the system in time",
                "dns-unreachable",
                portal(|probe| {
                    probe.paths.clear();
                    probe.names = Some(Names {
                        system: Lookup::Pending,
                        ..Names::default()
                    });
                }),
            ),
        ],
    );
}

#[test]
fn what_the_hosts_file_knows_alone() {
    let known = |system: Lookup| {
        portal(move |probe| {
            let names = probe.names.as_mut().unwrap();
            names.hosts_file = vec![ip("203.0.113.50")];
            names.servers.clear();
            names.system = system.clone();
        })
    };
    judge_cases(
        &SESAM,
        &[
            Case::new(
                "and the system with it",
                Status::Pass,
                None,
                known(Lookup::Found(vec![ip("203.0.113.50")])),
            ),
            Case::new(
                "and the system does not read it",
                Status::Pass,
                None,
                known(Lookup::Failed("no".into())),
            ),
        ],
    );
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
                "dns-unreachable",
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
