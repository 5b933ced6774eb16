use super::*;
use crate::{
    checks::{
        Status,
        cases::{Case, asked, judge_cases, nothing_observed, verdict},
        verdict::Followed,
    },
    facts::{Facts, Observed, dns::Reply, node_names::ServedAddress, outbound::Names},
};

fn answers(code: ReplyCode, addresses: &'static [&'static str]) -> NodeNames {
    let own = |address: &str| OwnAddress {
        address: address.parse().unwrap(),
        interface: "eth0".into(),
    };
    NodeNames {
        domain: "node.acme.example".into(),
        names: Names {
            servers: vec![asked(
                "10.0.0.1",
                Answer::Replied(Reply {
                    code,
                    addresses: addresses
                        .iter()
                        .map(|address| address.parse().unwrap())
                        .collect(),
                    ..Reply::default()
                }),
            )],
            ..Names::default()
        },
        own_addresses: Observed::Seen(vec![
            own("127.0.0.1"),
            own("169.254.0.7"),
            own("10.0.0.7"),
            own("::1"),
            own("fe80::7"),
            own("2001:db8::7"),
            OwnAddress {
                address: "172.17.0.1".parse().unwrap(),
                interface: "docker0".into(),
            },
        ]),
        ..NodeNames::default()
    }
}

fn seen(code: ReplyCode, addresses: &'static [&'static str]) -> impl Fn(&mut Facts) {
    move |facts| facts.node_names = Observed::Seen(answers(code, addresses))
}

/// The name leads to both of the machine's addresses, and something listens at some.
fn served(at: &'static [(&'static str, bool)]) -> impl Fn(&mut Facts) {
    move |facts| {
        let mut node = answers(ReplyCode::NoError, &["10.0.0.7", "2001:db8::7"]);
        for (address, listens) in at {
            node.served.push(ServedAddress {
                address: address.parse().unwrap(),
                listens: *listens,
            });
        }
        facts.node_names = Observed::Seen(node);
    }
}

fn fail(name: &'static str, cause: &'static str, arrange: impl Fn(&mut Facts) + 'static) -> Case {
    Case::new(name, Status::Fail, Some(cause), arrange)
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn cases() {
    judge_cases(
        &NODE_DOMAIN,
        &[
            Case::new(
                "this machine",
                Status::Pass,
                None,
                seen(ReplyCode::NoError, &["10.0.0.7", "2001:db8::7"]),
            ),
            Case::new("declared", Status::Pass, None, |facts: &mut Facts| {
                seen(ReplyCode::NoError, &["203.0.113.7"])(facts);
                facts.settings.public_addresses = vec!["203.0.113.7".parse().unwrap()];
            }),
            fail(
                "elsewhere",
                "other-address",
                seen(ReplyCode::NoError, &["10.0.0.7", "203.0.113.7"]),
            ),
            fail(
                "every client itself",
                "other-address",
                seen(ReplyCode::NoError, &["127.0.0.1"]),
            ),
            fail(
                "Docker's bridge",
                "other-address",
                seen(ReplyCode::NoError, &["172.17.0.1"]),
            ),
            fail(
                "every client's own link",
                "other-address",
                seen(ReplyCode::NoError, &["10.0.0.7", "fe80::7"]),
            ),
            fail(
                "the name servers count, whatever the system says",
                "other-address",
                |facts: &mut Facts| {
                    let mut node = answers(ReplyCode::NoError, &["203.0.113.7"]);
                    node.names.system = Lookup::Found(vec!["10.0.0.7".parse().unwrap()]);
                    facts.node_names = Observed::Seen(node);
                },
            ),
            Case::new(
                "IPv6 is served too",
                Status::Pass,
                None,
                served(&[("10.0.0.7", true), ("2001:db8::7", true)]),
            ),
            Case::new(
                "neither is served yet",
                Status::Pass,
                None,
                served(&[("10.0.0.7", false), ("2001:db8::7", false)]),
            ),
            fail(
                "IPv6 is not served",
                "ipv6-not-served",
                served(&[("10.0.0.7", true), ("2001:db8::7", false)]),
            ),
            Case::new(
                "nothing is served yet",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    let mut node = answers(ReplyCode::NoError, &["2001:db8::7"]);
                    node.served.push(ServedAddress {
                        address: "2001:db8::7".parse().unwrap(),
                        listens: false,
                    });
                    facts.node_names = Observed::Seen(node);
                },
            ),
            fail(
                "no such name",
                "dns-nxdomain",
                seen(ReplyCode::NxDomain, &[]),
            ),
            fail(
                "no address",
                "dns-no-address",
                seen(ReplyCode::NoError, &[]),
            ),
            fail(
                "the server fails",
                "dns-servfail",
                seen(ReplyCode::ServFail, &[]),
            ),
            fail("refused", "dns-refused", seen(ReplyCode::Refused, &[])),
            Case::new(
                "the system knows before a name server answers",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    let mut node = answers(ReplyCode::NoError, &[]);
                    node.names.servers.clear();
                    node.names.system = Lookup::Found(vec!["10.0.0.7".parse().unwrap()]);
                    facts.node_names = Observed::Seen(node);
                },
            ),
            Case::new(
                "the hosts file knows before a name server answers",
                Status::Unknown,
                Some("timed-out"),
                |facts: &mut Facts| {
                    let mut node = answers(ReplyCode::NoError, &[]);
                    node.names.servers.clear();
                    node.names.hosts_file = vec!["10.0.0.7".parse().unwrap()];
                    node.names.system = Lookup::Found(vec!["10.0.0.7".parse().unwrap()]);
                    facts.node_names = Observed::Seen(node);
                },
            ),
        ],
    );
}

#[test]
fn names_without_an_address() {
    let changed = |change: fn(&mut NodeNames)| {
        move |facts: &mut Facts| {
            let mut node = answers(ReplyCode::NxDomain, &[]);
            change(&mut node);
            facts.node_names = Observed::Seen(node);
        }
    };
    judge_cases(
        &NODE_DOMAIN,
        &[
            fail(
                "nobody answers",
                "dns-unreachable",
                changed(|node| node.names.servers[0].answer = Answer::Silent),
            ),
            fail(
                "nobody answers properly",
                "dns-unreachable",
                changed(|node| node.names.servers[0].answer = Answer::Garbage("soup".into())),
            ),
            fail(
                "only the hosts file knows it",
                "dns-nxdomain",
                changed(|node| {
                    let known = vec!["10.0.0.7".parse().unwrap()];
                    node.names.hosts_file.clone_from(&known);
                    node.names.system = Lookup::Found(known);
                }),
            ),
            fail(
                "one server knows the name, another does not",
                "dns-no-address",
                changed(|node| {
                    let mut knowing = answers(ReplyCode::NoError, &[]).names.servers;
                    knowing.append(&mut node.names.servers);
                    node.names.servers = knowing;
                }),
            ),
        ],
    );
}

#[test]
fn what_is_not_known() {
    judge_cases(
        &NODE_DOMAIN,
        &[
            Case::new(
                "own addresses are unknown",
                Status::Unknown,
                Some("observation-failed"),
                |facts: &mut Facts| {
                    let mut node = answers(ReplyCode::NoError, &["10.0.0.7"]);
                    node.own_addresses = Observed::Failed("no /proc".into());
                    facts.node_names = Observed::Seen(node);
                },
            ),
            Case::new("no name", Status::Skip, None, |facts: &mut Facts| {
                facts.node_names = Observed::Absent;
            }),
            Case::new("offline", Status::Skip, None, |facts: &mut Facts| {
                facts.offline = true;
            }),
            Case::new(
                "an older doctor",
                Status::Unknown,
                Some("not-observed"),
                |_: &mut Facts| {},
            ),
        ],
    );
}

#[test]
fn ipv6_that_a_stranger_on_the_port_does_not_serve_is_the_strangers() {
    let blamed = |addresses: &'static [&'static str]| {
        let mut facts = nothing_observed();
        let mut node = answers(ReplyCode::NoError, addresses);
        for (address, listens) in [("10.0.0.7", true), ("2001:db8::7", false)] {
            node.served.push(ServedAddress {
                address: address.parse().unwrap(),
                listens,
            });
        }
        facts.node_names = Observed::Seen(node);
        let verdict = verdict(&NODE_DOMAIN, &facts);
        assert_eq!(verdict.status, Status::Fail);
        let names = |followed: &Followed| (followed.check.id, followed.cause);
        verdict.follows.iter().map(names).collect::<Vec<_>>()
    };
    let stranger = ("inbound.https", Some("port-taken"));
    assert_eq!(blamed(&["10.0.0.7", "2001:db8::7"]), [stranger]);
    assert_eq!(blamed(&["203.0.113.7", "2001:db8::7"]), []);
}
