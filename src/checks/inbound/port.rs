//! One inbound port: who holds it, what the machine's firewall does with it, and what was seen from outside.

use super::{
    causes,
    firewall::{self, Gate},
    outside::{self, Seen, View},
};
use crate::{
    checks::{
        Connection, Context, Direction, Judgement, Status, Verdict, certificate_mode,
        command_line::quoted,
    },
    facts::{
        Gap,
        listeners::{Holder, Listener},
    },
    profile::{InboundPort, Speaks},
};

/// The verdict on the inbound port of this id.
pub fn judge(context: &Context, id: &str) -> Judgement {
    let verdict = judge_port(context, id)?;
    let inbound = context.profile.inbound.iter().find(|port| port.id == id);
    Ok(match inbound {
        Some(inbound) if verdict.status != Status::Skip => request(verdict, inbound),
        _ => verdict,
    })
}

/// What the network team has to let in, and how it stands.
fn request(verdict: Verdict, inbound: &InboundPort) -> Verdict {
    let row = Connection {
        direction: Direction::Inbound,
        protocol: "TCP".into(),
        port: inbound.port,
        source: inbound.from.clone(),
        destination: "this machine".into(),
        purpose: inbound.why.clone(),
        consequence: match inbound.speaks {
            Speaks::Http => "certificates are neither issued nor renewed",
            Speaks::Https => "no client reaches the node's API",
        }
        .into(),
        status: verdict.status,
        state: verdict.summary.clone(),
    };
    verdict.connection(row)
}

fn judge_port(context: &Context, id: &str) -> Judgement {
    let Some(inbound) = context
        .profile
        .inbound
        .iter()
        .find(|inbound| inbound.id == id)
    else {
        return Ok(Verdict::skip("the profile names no such port"));
    };
    if let Some(why) = certificate_mode::not_needed(context, &inbound.skipped_when) {
        return Ok(Verdict::skip(format!("port {} is {why}", inbound.port)));
    }
    let listeners = context.facts.listeners().seen()?;
    let sockets: Vec<&Listener> = listeners
        .sockets
        .iter()
        .filter(|socket| socket.port == inbound.port)
        .collect();
    let verdict = match taken(context, inbound, &sockets) {
        Some(verdict) => verdict,
        None => from_firewall_and_outside(context, inbound, &sockets)?,
    };
    let mut verdict = verdict.expected(expected(inbound));
    for socket in &sockets {
        verdict = verdict.evidence("listens", words(socket));
    }
    Ok(verdict.evidence("needed by", format!("{}: {}", inbound.from, inbound.why)))
}

fn expected(inbound: &InboundPort) -> String {
    format!(
        "Traefik, or nothing yet, holds port {}, and it is let in from {}",
        inbound.port, inbound.from
    )
}

/// The verdict where what listens is itself the trouble.
fn taken(context: &Context, inbound: &InboundPort, sockets: &[&Listener]) -> Option<Verdict> {
    let port = inbound.port;
    let stranger = sockets
        .iter()
        .filter_map(|socket| socket.holder.as_ref())
        .find(|holder| !is_expected(context, holder));
    if let Some(holder) = stranger {
        return Some(
            Verdict::fail(
                causes::PORT_TAKEN,
                format!(
                    "port {port} is held by {}, so Traefik cannot have it",
                    described(holder)
                ),
            )
            .observed(holder.command.clone())
            .advice(format!(
                "stop {} for good ({}), or have it listen elsewhere",
                holder.command,
                match short_id(holder) {
                    Some(id) => format!("docker update --restart no {id} && docker stop {id}"),
                    None => format!(
                        "find its unit: systemctl status {}; then systemctl disable --now UNIT",
                        holder.pid
                    ),
                }
            )),
        );
    }
    let loopback_only = !sockets.is_empty() && sockets.iter().all(|socket| !socket.serves_others());
    if loopback_only {
        let listed: Vec<String> = sockets.iter().map(|socket| words(socket)).collect();
        return Some(
            Verdict::fail(
                causes::LOOPBACK_ONLY,
                format!("port {port} is bound to the machine itself only: {}", listed.join(", ")),
            )
            .advice(format!(
                "publish the port on all addresses: “{port}:{port}” in the ports of Traefik in the compose file, not “127.0.0.1:{port}:{port}”"
            )),
        );
    }
    None
}

fn is_expected(context: &Context, holder: &Holder) -> bool {
    // The doctor's own `listen` holds the port for the time of a probe.
    holder.command == env!("CARGO_PKG_NAME") || is_one_of(&context.profile.vantage.holders, holder)
}

/// Whether a process has one of these names, of which the kernel keeps the first 15 characters.
fn is_one_of(names: &[String], holder: &Holder) -> bool {
    names
        .iter()
        .any(|name| holder.command == name.chars().take(15).collect::<String>())
}

/// The container that a process runs in, as `docker ps` writes it.
fn short_id(holder: &Holder) -> Option<String> {
    let id = holder.container.as_ref()?;
    Some(id.chars().take(12).collect())
}

fn described(holder: &Holder) -> String {
    let program = holder
        .program
        .as_ref()
        .map_or_else(String::new, |program| format!(", {}", program.display()));
    let container = short_id(holder).map_or_else(String::new, |id| format!(", in container {id}"));
    format!(
        "{} (pid {}{program}{container})",
        holder.command, holder.pid
    )
}

fn words(socket: &Listener) -> String {
    let address = std::net::SocketAddr::new(socket.address, socket.port);
    match &socket.holder {
        Some(holder) => format!("{address} by {}", described(holder)),
        None => address.to_string(),
    }
}

fn from_firewall_and_outside(
    context: &Context,
    inbound: &InboundPort,
    sockets: &[&Listener],
) -> Judgement {
    let port = inbound.port;
    let view = outside::view(context, port);
    let is_published = sockets
        .iter()
        .filter_map(|socket| socket.holder.as_ref())
        .any(|holder| is_one_of(&context.profile.vantage.publishers, holder));
    let gate = context
        .facts
        .firewall()
        .seen()
        .map_or_else(Gate::Unknown, |firewall| firewall::judge(firewall, port));
    let gate = match gate {
        Gate::Limited { how, command } if inbound.open_to_all => Gate::Closed(firewall::Closed {
            summary: format!("{how}, but it is needed from {}", inbound.from),
            command,
        }),
        gate => gate,
    };
    let verdict = match (gate, &view) {
        (Gate::Closed(closed), _) if is_published => with_view(context, inbound, sockets, view)?.remark(format!(
            "{}; Docker publishes the port around it all the same, so clients get through. To have the firewall show what is so, {} (rules that are to hold for published ports belong into the chain DOCKER-USER)",
            closed.summary, closed.command
        )),
        (Gate::Closed(closed), View::Seen(seen)) if seen.ways(true).next().is_some() => {
            Verdict::warn(
                causes::FIREWALL_CLOSED,
                format!("{}, although a probe got through: {}", closed.summary, seen.source()),
            )
            .advice(closed.command)
            .advice("probe again from outside, to see which is so")
        }
        (Gate::Closed(closed), _) => Verdict::fail(causes::FIREWALL_CLOSED, closed.summary)
            .advice(closed.command)
            .remark("ports that Docker publishes for a container go around ufw and firewalld, through the chains FORWARD and DOCKER-USER: once Traefik runs it may be reachable all the same; Let's Encrypt and clients should not depend on that"),
        // What was seen from outside tells more than rules that cannot be read.
        (Gate::Unknown(gap), View::Seen(_)) => with_view(context, inbound, sockets, view)?
            .remark(format!("the machine's own firewall could not be looked at: {gap}")),
        (Gate::Unknown(gap), _) => return Err(gap),
        (Gate::OpenOverIpv4 { how, missing }, View::Seen(_)) => {
            with_view(context, inbound, sockets, view)?
                .evidence("firewall", how)
                .remark(format!("over IPv6 not: {}", missing.summary))
        }
        (Gate::OpenOverIpv4 { how, missing }, _) if name_has_ipv6(context) => Verdict::warn(
            causes::FIREWALL_CLOSED,
            format!(
                "the node's name has an IPv6 address, and over IPv6 port {port} is closed: {}",
                missing.summary
            ),
        )
        .evidence("firewall", how)
        .advice(missing.command)
        .remark("whoever comes over IPv6 first, as Let's Encrypt does, waits in vain before trying IPv4"),
        (Gate::OpenOverIpv4 { how, missing }, _) => with_view(context, inbound, sockets, view)?
            .evidence("firewall", how)
            .remark(format!(
                "over IPv6 port {port} is closed ({}), which matters once the node's name has an IPv6 address: {}",
                missing.summary, missing.command
            )),
        (Gate::Open(how) | Gate::Limited { how, .. } | Gate::Unjudged(how), _) => {
            with_view(context, inbound, sockets, view)?.evidence("firewall", how)
        }
        (Gate::None, _) => with_view(context, inbound, sockets, view)?,
    };
    Ok(with_rule_set(context, verdict))
}

/// Whether the node's name is known to have an IPv6 address.
fn name_has_ipv6(context: &Context) -> bool {
    context
        .facts
        .node_names()
        .seen()
        .is_ok_and(|node| node.names.addresses().iter().any(std::net::IpAddr::is_ipv6))
}

/// Rules from elsewhere are named and not judged.
fn with_rule_set(context: &Context, verdict: Verdict) -> Verdict {
    let Ok(firewall) = context.facts.firewall().seen() else {
        return verdict;
    };
    let Ok(set) = firewall.rule_set.seen() else {
        return verdict;
    };
    let chains: Vec<String> = set
        .input_chains
        .iter()
        .map(|chain| {
            let policy = if chain.drops_by_default {
                "drop"
            } else {
                "accept"
            };
            format!("{} {} (policy {policy})", chain.table, chain.chain)
        })
        .collect();
    if chains.is_empty() {
        return verdict;
    }
    let drops = set.input_chains.iter().any(|chain| chain.drops_by_default);
    let has_manager =
        firewall.ufw.seen().is_ok_and(|ufw| ufw.enabled) || firewall.firewalld.seen().is_ok();
    let verdict = verdict.evidence("packet filter", chains.join(", "));
    if drops && !has_manager {
        verdict.remark("the kernel has a packet filter of its own that drops what no rule speaks of; its rules are not judged here, a probe from outside shows what they let in (nft list ruleset)")
    } else {
        verdict
    }
}

/// The verdict by who listens and what was seen from outside, where no firewall stands in the way.
fn with_view(
    context: &Context,
    inbound: &InboundPort,
    sockets: &[&Listener],
    view: View,
) -> Judgement {
    let held = held(inbound.port, sockets);
    let is_unseen = sockets.iter().any(|socket| socket.holder.is_none());
    let verdict = match view {
        View::Seen(seen) => with_seen(inbound, &held, &seen),
        // What was not seen from outside either may be anything.
        View::None | View::Useless(_) if is_unseen => return Err(unseen(context, inbound.port)),
        View::None => Verdict::pass(held).remark(format!(
            "never seen from outside: run sesam-doctor probe {} --report json=PROBE.json on another machine{}, and give that file to this run (--facts PROBE.json), or name it as `probe_report` in the settings",
            quoted(node_domain(context).unwrap_or("NODE_DOMAIN")),
            if sockets.is_empty() { " while sesam-doctor listen runs here" } else { "" }
        )),
        View::Useless(why) => Verdict::pass(held).remark(why),
    };
    let verdict = if is_unseen {
        verdict.remark(unseen(context, inbound.port).to_string())
    } else {
        verdict
    };
    let has_docker = context.facts.firewall().seen().is_ok_and(|firewall| {
        firewall
            .rule_set
            .seen()
            .is_ok_and(|set| set.has_docker_chains)
    });
    Ok(if sockets.is_empty() && has_docker {
        verdict.remark("Docker can publish a port without listening on it (`userland-proxy` off); container.traefik says whether Traefik runs")
    } else {
        verdict
    })
}

/// The node's name, as far as the stack tells it.
pub(super) fn node_domain<'a>(context: &Context<'a>) -> Option<&'a str> {
    context
        .facts
        .certificates()
        .seen()
        .ok()?
        .node_domain
        .as_deref()
}

/// Why it is not known who holds a port.
fn unseen(context: &Context, port: u16) -> Gap {
    let is_hidden = context
        .facts
        .listeners()
        .seen()
        .is_ok_and(|listeners| listeners.processes_hidden);
    if is_hidden {
        Gap::Denied(format!("seeing which program holds port {port} needs root"))
    } else {
        Gap::Failed(format!(
            "something holds port {port}, and no process that can be seen from here does"
        ))
    }
}

fn held(port: u16, sockets: &[&Listener]) -> String {
    let Some(first) = sockets.first() else {
        return format!("nothing listens on port {port} yet");
    };
    match &first.holder {
        Some(holder) => format!("port {port} is held by {}", described(holder)),
        None => format!("something listens on port {port}"),
    }
}

fn with_seen(inbound: &InboundPort, held: &str, seen: &Seen) -> Verdict {
    let port = inbound.port;
    let shut: Vec<&(String, _)> = seen.ways(false).collect();
    let open: Vec<String> = seen.ways(true).map(|(door, _)| door.clone()).collect();
    let verdict = match (shut.first(), open.is_empty()) {
        (None, _) => Verdict::pass(format!(
            "{held}, and a probe got through: {}",
            seen.source()
        )),
        (Some((door, told)), true) => advised(
            Verdict::fail(
                causes::NOT_REACHABLE,
                format!(
                    "a probe did not get through to {door}: {} ({})",
                    told.summary,
                    seen.source()
                ),
            ),
            &shut,
        ),
        (Some((door, told)), false) => advised(
            Verdict::warn(
                causes::PARTLY_REACHABLE,
                format!(
                    "a probe got through to {} and not to {door}: {} ({})",
                    open.join(", "),
                    told.summary,
                    seen.source()
                ),
            ),
            &shut,
        ),
    };
    let mut verdict = verdict;
    for (door, told) in &seen.doors {
        let cause = told
            .cause
            .map_or_else(String::new, |cause| format!(" ({})", cause.code));
        verdict = verdict.evidence(
            format!("from outside, {door}"),
            format!("{}{cause}", told.summary),
        );
    }
    if !seen.phases.is_empty() {
        verdict = verdict.evidence("from outside, times", seen.phases.join("; "));
    }
    if seen.probe.has_token {
        verdict = verdict.remark(format!(
            "the probe looked at the doctor's own listen on port {port}, so at the way and not at Traefik"
        ));
    }
    verdict
}

fn advised(mut verdict: Verdict, shut: &[&(String, super::door::DoorVerdict)]) -> Verdict {
    for (_, told) in shut {
        if let Some(advice) = told
            .advice
            .as_ref()
            .filter(|advice| !verdict.advice.contains(advice))
        {
            verdict = verdict.advice(advice.clone());
        }
    }
    verdict
}
