//! `dns.resolvers`

use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, OFFLINE, Prose, Status,
        Verdict,
    },
    facts::{
        Source,
        dns::{Answer, Asked, ReplyCode, Transport},
        resolvers::Resolvers,
    },
    units::counted,
};

const SILENT: Cause = Cause::new(
    "silent",
    "a name server does not answer within the deadline",
);
const REJECTED: Cause = Cause::new(
    "rejected",
    "a name server, or something on the way to it, refuses the packet",
);
const UNREACHABLE: Cause = Cause::new("unreachable", "there is no route to a name server");
const GARBAGE: Cause = Cause::new(
    "garbage",
    "what answers on port 53 is no reply to the question",
);
const UNUSABLE: Cause = Cause::new(
    "unusable",
    "a line in the resolver's configuration names no address",
);
const TCP_ONLY: Cause = Cause::new(
    "tcp-only",
    "a name server answers over TCP and not over UDP",
);
const SLOW: Cause = Cause::new(
    "slow",
    "a name server answers later than the profile allows",
);
const REFUSES: Cause = Cause::new(
    "refuses",
    "a name server answers, but refuses or fails on a name that exists",
);

/// See [`Prose::checks`] in the declaration.
pub static RESOLVERS: Check = Check {
    id: "dns.resolvers",
    title: "Every name server answers",
    category: Category::Dns,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Resolvers],
    reference: "resolv.conf(5); operator's manual, firewall: outbound hosts are given by name",
    causes: &[
        SILENT,
        REJECTED,
        UNREACHABLE,
        GARBAGE,
        UNUSABLE,
        TCP_ONLY,
        SLOW,
        REFUSES,
    ],
    prose: Prose {
        checks: "Each name server of `resolv.conf` is asked by itself, by UDP, once more, then by TCP; behind the stub of systemd-resolved its upstream servers too. None that answers fails, and so does none that answers over UDP, by which programs ask (unless `resolv.conf` has `options use-vc`); some that do not, or that are slow, warn.",
        why: "The system asks the servers in order and waits five seconds for each. One dead server in the list slows down every connection; if all are dead, no host can be reached by its name.",
        remedy: "Correct or remove the server that is named in the finding, where the configuration comes from (netplan, NetworkManager, systemd-resolved, DHCP), or have the network team open port 53 over UDP and TCP to it.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    if context.facts.is_offline() {
        return Ok(Verdict::skip(OFFLINE));
    }
    let resolvers = context.facts.resolvers().seen()?;
    let file = context.profile.network.resolv_conf.display().to_string();
    let slow_ms = context.profile.network.resolver_slow_ms;
    let by_tcp = resolvers.configuration.asks_by_tcp();
    let programs = if by_tcp { Asker::ByTcp } else { Asker::ByUdp };
    let mut items: Vec<Item> = resolvers
        .servers
        .iter()
        .map(|asked| item(asked, &asked.server.to_string(), slow_ms, programs))
        .collect();
    let mut upstream_items: Vec<Item> = resolvers
        .upstreams
        .iter()
        .map(|asked| {
            item(
                asked,
                &format!("{} (behind the stub)", asked.server),
                slow_ms,
                Asker::Stub,
            )
        })
        .collect();
    for line in &resolvers.configuration.unusable {
        items.push(Item::fail(
            line.clone(),
            UNUSABLE,
            format!("{file} names “{line}” as a name server, which is no address"),
        ));
    }
    let replies = resolvers
        .servers
        .iter()
        .filter(|asked| matches!(asked.answer, Answer::Replied(_)))
        .filter(|asked| by_tcp || !is_tcp_only(asked))
        .count();
    let upstream_replies = resolvers
        .upstreams
        .iter()
        .filter(|asked| matches!(asked.answer, Answer::Replied(_)))
        .count();
    let upstreams_dead = !resolvers.upstreams.is_empty() && upstream_replies == 0;
    let all_dead = replies == 0 || upstreams_dead;
    items.append(&mut upstream_items);
    if !all_dead {
        for item in &mut items {
            if item.status == Status::Fail {
                item.status = Status::Warn;
            }
        }
    }
    Ok(verdict(resolvers, items, &file, all_dead))
}

fn verdict(resolvers: &Resolvers, items: Vec<Item>, file: &str, all_dead: bool) -> Verdict {
    let troubled: Vec<String> = items
        .iter()
        .filter(|item| item.status > Status::Pass)
        .map(|item| item.name.clone())
        .collect();
    let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
    let all_well = match items.as_slice() {
        [only] => format!("{} answers", only.name),
        _ => format!("all {} answer", counted(count, "name server")),
    };
    let mut verdict = Verdict::worst_of(items, all_well).expected("an answer of every name server");
    if all_dead {
        let who = if verdict.cause.as_deref() == Some(TCP_ONLY.code) {
            "no name server answers programs on this machine"
        } else {
            "no name server answers"
        };
        verdict.summary = format!(
            "{who}: {}",
            verdict
                .items
                .iter()
                .map(|item| format!("{} ({})", item.name, item.summary))
                .collect::<Vec<_>>()
                .join(", ")
        );
        verdict = verdict.advice(format!(
            "have the network team open port 53 (UDP and TCP) from this machine to {}, or name servers in {file} that answer",
            troubled.join(", ")
        ));
    } else if !troubled.is_empty() {
        verdict = verdict.advice(format!(
            "repair {} or take it out of {file}: programs wait for it before they ask the next one",
            troubled.join(", ")
        ));
    }
    for asked in resolvers.servers.iter().chain(&resolvers.upstreams) {
        verdict = verdict.evidence(
            format!("name server {}", asked.server),
            format!(
                "{} ms by {}, asked {} for {}",
                asked.took_ms,
                asked.transport.word(),
                counted(asked.tries.into(), "time"),
                resolvers.asked_for
            ),
        );
    }
    for ignored in &resolvers.configuration.ignored {
        verdict = verdict.remark(format!(
            "{file} also names {ignored}, which the C library ignores after the first three"
        ));
    }
    verdict
}

/// How a server is asked by those that need it.
#[derive(Clone, Copy)]
enum Asker {
    /// The C library and Go ask over UDP, and over TCP only where an answer was too long (resolv.conf(5)).
    ByUdp,
    /// They ask over TCP, since `resolv.conf` has the option `use-vc`.
    ByTcp,
    /// systemd-resolved goes over to TCP where UDP is lost.
    Stub,
}

fn is_tcp_only(asked: &Asked) -> bool {
    asked.transport == Transport::Tcp && asked.tries > 2
}

fn item(asked: &Asked, name: &str, slow_ms: u64, by: Asker) -> Item {
    let item = match &asked.answer {
        Answer::Silent => Item::fail(
            name,
            SILENT,
            format!(
                "no answer within {} ms, neither by UDP nor by TCP",
                asked.took_ms
            ),
        ),
        Answer::Rejected(how) => Item::fail(name, REJECTED, how.clone()),
        Answer::Unreachable(how) => Item::fail(name, UNREACHABLE, how.clone()),
        Answer::Garbage(how) => Item::fail(name, GARBAGE, format!("it answers {how}")),
        Answer::Replied(reply) => match reply.code {
            ReplyCode::Refused | ReplyCode::ServFail | ReplyCode::Other(_) => Item::warn(
                name,
                REFUSES,
                format!("it answers, but with {:?}", reply.code),
            ),
            ReplyCode::NoError | ReplyCode::NxDomain if is_tcp_only(asked) => match by {
                Asker::ByUdp => Item::fail(
                    name,
                    TCP_ONLY,
                    "it answers over TCP and not over UDP, by which programs ask",
                ),
                Asker::Stub => Item::warn(name, TCP_ONLY, "it answers over TCP and not over UDP"),
                Asker::ByTcp => {
                    Item::pass(name, "answers over TCP, by which programs ask (use-vc)")
                }
            },
            ReplyCode::NoError | ReplyCode::NxDomain if asked.took_ms > slow_ms => Item::warn(
                name,
                SLOW,
                format!("it answers only after {} ms", asked.took_ms),
            ),
            ReplyCode::NoError | ReplyCode::NxDomain => {
                Item::pass(name, format!("answers in {} ms", asked.took_ms))
            }
        },
    };
    item.observed(asked.took_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::cases::{Case, judge_cases},
        facts::{
            Facts, Observed,
            dns::{RecordKind, Reply},
        },
    };

    fn asked(server: &str, answer: Answer) -> Asked {
        Asked {
            server: server.parse().unwrap(),
            kind: RecordKind::A,
            transport: Transport::Udp,
            tries: 1,
            took_ms: 3,
            answer,
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
                servers: answers.iter().map(|answer| answer()).collect(),
                ..Resolvers::default()
            });
        }
    }

    fn well() -> Asked {
        asked("10.0.0.1", reply(ReplyCode::NoError))
    }

    fn by_tcp() -> Asked {
        Asked {
            transport: Transport::Tcp,
            tries: 4,
            ..well()
        }
    }

    fn silent() -> Asked {
        asked("10.0.0.2", Answer::Silent)
    }

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn cases() {
        let warn =
            |name, cause, answers| Case::new(name, Status::Warn, Some(cause), servers(answers));
        let fail =
            |name, cause, answers| Case::new(name, Status::Fail, Some(cause), servers(answers));
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
                    "slow",
                    "slow",
                    &[|| Asked {
                        took_ms: 4_000,
                        ..well()
                    }],
                ),
                fail("TCP only", "tcp-only", &[by_tcp]),
                warn("one of two by TCP only", "tcp-only", &[well, by_tcp]),
                Case::new(
                    "TCP only, and programs ask by TCP",
                    Status::Pass,
                    None,
                    |facts: &mut Facts| {
                        let mut resolvers = Resolvers {
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
                    |facts: &mut Facts| {
                        facts.resolvers = Observed::Seen(Resolvers {
                            servers: vec![well()],
                            upstreams: vec![by_tcp()],
                            ..Resolvers::default()
                        });
                    },
                ),
                fail("all dead", "silent", &[silent, silent]),
                Case::new(
                    "the stub's upstreams are dead",
                    Status::Fail,
                    Some("silent"),
                    |facts: &mut Facts| {
                        facts.resolvers = Observed::Seen(Resolvers {
                            servers: vec![asked("127.0.0.53", reply(ReplyCode::ServFail))],
                            upstreams: vec![silent()],
                            ..Resolvers::default()
                        });
                    },
                ),
                Case::new(
                    "a line names no address",
                    Status::Warn,
                    Some("unusable"),
                    |facts: &mut Facts| {
                        let mut resolvers = Resolvers {
                            servers: vec![well()],
                            ..Resolvers::default()
                        };
                        resolvers.configuration.unusable.push("dns.acme".into());
                        facts.resolvers = Observed::Seen(resolvers);
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
}
