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
        checks: "Each name server of `resolv.conf` is asked by itself, by UDP, once more, then by TCP; behind the stub of systemd-resolved its upstream servers too; those on one link (`fe80::1%eth0`) are not asked by themselves. None that answers fails, and so does none that answers over UDP, by which programs ask (unless `resolv.conf` has `options use-vc`); some that do not, or that are slow, warn.",
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
    if let Some(verdict) = only_on_links(resolvers, &file) {
        return Ok(verdict);
    }
    let by_tcp = resolvers.configuration.asks_by_tcp();
    let programs = if by_tcp { Asker::ByTcp } else { Asker::ByUdp };
    let servers: Vec<Item> = resolvers
        .servers
        .iter()
        .map(|asked| item(asked, &asked.server.to_string(), slow_ms, programs))
        .collect();
    let upstreams: Vec<Item> = resolvers
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
    let replies = resolvers
        .servers
        .iter()
        .filter(|asked| matches!(asked.answer, Answer::Replied(_)))
        .filter(|asked| by_tcp || !is_tcp_only(asked))
        .count();
    let upstreams_dead = !resolvers.upstreams.is_empty()
        && resolvers
            .upstreams
            .iter()
            .all(|asked| asked.reply().is_none());
    let all_dead = replies == 0 || upstreams_dead;
    let steps = steps(resolvers, &servers, &upstreams, &file);
    let unusable = resolvers.configuration.unusable.iter().map(|line| {
        Item::fail(
            line.clone(),
            UNUSABLE,
            format!("{file} names “{line}” as a name server, which is no address"),
        )
    });
    let mut items: Vec<Item> = servers
        .into_iter()
        .chain(unusable)
        .chain(upstreams)
        .collect();
    if !all_dead {
        for item in &mut items {
            if item.status == Status::Fail {
                item.status = Status::Warn;
            }
        }
    }
    let verdict = verdict(resolvers, items, &file, all_dead);
    Ok(verdict.advice_all(steps))
}

/// The verdict where there is no server to ask: what those on a link do shows in the names of the outbound hosts.
fn only_on_links(resolvers: &Resolvers, file: &str) -> Option<Verdict> {
    let configuration = &resolvers.configuration;
    let on_links = &configuration.on_links;
    let has_others = !resolvers.servers.is_empty() || !configuration.unusable.is_empty();
    if has_others || on_links.is_empty() {
        return None;
    }
    Some(
        Verdict::pass(format!(
            "{file} names {}, on a link of this machine; what is there is not asked by itself",
            on_links.join(" and ")
        ))
        .expected("an answer of every name server"),
    )
}

/// What to do about the servers that do not answer as they should, each kind where it is configured.
fn steps(resolvers: &Resolvers, servers: &[Item], upstreams: &[Item], file: &str) -> Vec<String> {
    // A stub that says so only passes on what its upstreams say.
    let upstreams_are_well = upstreams.iter().all(|item| item.status == Status::Pass);
    let mut steps = Vec::new();
    let (local, remote): (Vec<_>, Vec<_>) = servers
        .iter()
        .zip(&resolvers.servers)
        .partition(|(_, asked)| asked.server.is_loopback());
    let local = local.into_iter().filter(|(item, _)| {
        item.status == Status::Fail || item.status == Status::Warn && upstreams_are_well
    });
    for (_, asked) in local {
        steps.push(format!(
            "look at the name server of this machine itself at {} (systemd-resolved: systemctl status systemd-resolved, resolvectl status, on Ubuntu 18.04 systemd-resolve --status), or name another in {file}",
            asked.server
        ));
    }
    let upstreams: Vec<_> = upstreams.iter().zip(&resolvers.upstreams).collect();
    let resolved = "the configuration of systemd-resolved (resolvectl status, on Ubuntu 18.04 systemd-resolve --status)";
    for (asked, place) in [(remote, file), (upstreams, resolved)] {
        let all_with = |status: Status| -> Option<String> {
            let servers: Vec<String> = asked
                .iter()
                .filter(|(item, _)| item.status == status)
                .map(|(_, asked)| asked.server.to_string())
                .collect();
            (!servers.is_empty()).then(|| servers.join(" and "))
        };
        steps.extend(all_with(Status::Fail).map(|servers| format!(
            "have the network team open port 53 (UDP and TCP) from this machine to {servers}, or name others in {place}: programs wait for an answer before they ask the next one"
        )));
        steps.extend(all_with(Status::Warn).map(|servers| {
            format!("repair {servers}, or name others in {place}: programs lose time there")
        }));
    }
    for line in &resolvers.configuration.unusable {
        steps.push(format!(
            "put the address of a name server in the place of “{line}” in {file}, or take the line out"
        ));
    }
    steps
}

fn verdict(resolvers: &Resolvers, items: Vec<Item>, file: &str, all_dead: bool) -> Verdict {
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
        let dead: Vec<String> = verdict
            .items
            .iter()
            .filter(|item| item.status == Status::Fail)
            .map(|item| format!("{}: {}", item.name, item.summary))
            .collect();
        verdict.summary = format!("{who}: {}", dead.join("; "));
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
    for server in &resolvers.configuration.on_links {
        verdict = verdict.remark(format!(
            "{file} also names {server}, a name server on one link, which was not asked by itself"
        ));
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
    asked.transport == Transport::Tcp && asked.udp_is_silent
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
        Answer::Garbage(how) => {
            Item::fail(name, GARBAGE, format!("it gives no proper reply: {how}"))
        }
        Answer::Replied(reply) => match reply.code {
            ReplyCode::Refused | ReplyCode::ServFail | ReplyCode::Other(_) => Item::warn(
                name,
                REFUSES,
                match reply.code {
                    ReplyCode::Refused => "it answers, but refuses the question (REFUSED)".into(),
                    ReplyCode::Other(code) => format!("it answers, but with code {code}"),
                    _ => "it answers, but fails on the question (SERVFAIL)".into(),
                },
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
mod tests;
