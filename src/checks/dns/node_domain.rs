//! `dns.node-domain`

use std::net::IpAddr;

use super::{NODE_DOMAIN_UNKNOWN, RESOLVERS};
use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, OFFLINE, Prose, Verdict,
        config, inbound,
    },
    facts::{
        Gap, Source,
        dns::{Answer, ReplyCode},
        host::addresses::{OwnAddress, is_near},
        node_names::NodeNames,
        outbound::Lookup,
    },
};

const UNREACHABLE: Cause = Cause::new("dns-unreachable", "no name server answers for the name");
const NXDOMAIN: Cause = Cause::new("dns-nxdomain", "the name does not exist");
const SERVFAIL: Cause = Cause::new("dns-servfail", "the name server fails on the name");
const REFUSED: Cause = Cause::new("dns-refused", "the name server refuses to resolve the name");
const NO_ADDRESS: Cause = Cause::new("dns-no-address", "the name exists and has no address");
const OTHER_ADDRESS: Cause = Cause::new(
    "other-address",
    "the name leads to an address at which others do not find this machine and that the settings do not declare",
);
const IPV6_NOT_SERVED: Cause = Cause::new(
    "ipv6-not-served",
    "the name has an IPv6 address of this machine at which nothing listens, while IPv4 is served",
);

/// See [`Prose::checks`] in the declaration.
pub static NODE_DOMAIN: Check = Check {
    id: "dns.node-domain",
    title: "The node's name leads to this machine",
    category: Category::Dns,
    level: Level::Required,
    needs: &[&RESOLVERS, &config::ENV],
    reads: &[Source::NodeNames, Source::Stack],
    reference: "Operator's manual, .env: NODE_DOMAIN",
    causes: &[
        UNREACHABLE,
        NXDOMAIN,
        SERVFAIL,
        REFUSED,
        NO_ADDRESS,
        OTHER_ADDRESS,
        IPV6_NOT_SERVED,
    ],
    prose: Prose {
        checks: "The name servers are asked for `NODE_DOMAIN` of `.env`. Every address that they give has to be one of this machine's own by which others can reach it (not a loopback, a link-local or a container bridge's one), or one that the settings declare in `public_addresses`; at an IPv6 address of this machine something has to listen where IPv4 is served.",
        why: "Clients and Let's Encrypt come by this name. Where it leads elsewhere, the node is not reached and no certificate is issued; an IPv6 address that nothing serves fails those clients, and Let's Encrypt, that prefer IPv6.",
        remedy: "Have whoever runs the zone point the name at this machine. Behind a router that translates addresses, declare the outer ones in the settings' `public_addresses`.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    if context.facts.is_offline() {
        return Ok(Verdict::skip(OFFLINE));
    }
    let Some(node) = context.facts.node_names().seen_or_absent()? else {
        return Ok(Verdict::skip(NODE_DOMAIN_UNKNOWN));
    };
    let addresses = addresses(node)?;
    let expected = "an address of this machine, or one declared in public_addresses";
    if addresses.is_empty() {
        return Ok(unresolved(node).expected(expected));
    }
    let own = node.own_addresses.seen()?;
    let declared = &context.settings.public_addresses;
    let serves_ipv4 = node
        .served
        .iter()
        .any(|served| served.address.is_ipv4() && served.listens);
    let items: Vec<Item> = addresses
        .iter()
        .map(|address| {
            let silent = node
                .served
                .iter()
                .any(|served| served.address == *address && !served.listens);
            item(*address, own, declared, silent && serves_ipv4)
        })
        .collect();
    let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let all_well = format!("{} leads to {}", node.domain, shown.join(" and "));
    let verdict = Verdict::worst_of(items, all_well)
        .observed(shown.clone())
        .expected(expected)
        .evidence(&node.domain, shown.join(", "));
    Ok(advised(verdict, node, own))
}

/// What the name servers give. Where the system resolved the name before any of them answered, what they gave the system.
fn addresses(node: &NodeNames) -> Result<Vec<IpAddr>, Gap> {
    match &node.names.system {
        Lookup::Found(found) if node.names.servers.is_empty() => {
            if node.names.hosts_file.is_empty() {
                Ok(found.clone())
            } else {
                Err(Gap::TimedOut(format!(
                    "this machine's hosts file knows {}, and the name servers did not answer in time",
                    node.domain
                )))
            }
        }
        _ => Ok(node.names.server_addresses()),
    }
}

fn item(address: IpAddr, own: &[OwnAddress], declared: &[IpAddr], is_silent: bool) -> Item {
    let name = address.to_string();
    let known = own.iter().find(|known| known.address == address);
    if let Some(known) = known.filter(|known| known.is_for_others()) {
        if address.is_ipv6() && is_silent {
            return Item::fail(
                name,
                IPV6_NOT_SERVED,
                format!(
                    "it is this machine's ({}), but nothing listens on its port 443, as something does over IPv4",
                    known.interface
                ),
            );
        }
        return Item::pass(name, format!("is this machine's ({})", known.interface));
    }
    if declared.contains(&address) {
        return Item::pass(name, "is declared in public_addresses");
    }
    let why = match known {
        _ if is_near(address) => {
            "it leads every client to itself or to its own link, not to this machine".to_owned()
        }
        Some(known) => format!(
            "only containers of this machine reach it there ({})",
            known.interface
        ),
        None => "it is neither this machine's nor declared in the settings".to_owned(),
    };
    Item::fail(name, OTHER_ADDRESS, why)
}

fn advised(verdict: Verdict, node: &NodeNames, own: &[OwnAddress]) -> Verdict {
    let has = |cause: Cause| {
        verdict
            .items
            .iter()
            .any(|item| item.cause.as_deref() == Some(cause.code))
    };
    let (other, ipv6) = (has(OTHER_ADDRESS), has(IPV6_NOT_SERVED));
    let mut verdict = verdict;
    if ipv6 && !other {
        // Whoever holds the port in the stack's place chose the addresses.
        verdict = verdict.follows_cause(&inbound::HTTPS, inbound::causes::PORT_TAKEN);
    }
    if other {
        let own: Vec<String> = own
            .iter()
            .filter(|known| known.is_for_others())
            .map(|known| known.address.to_string())
            .collect();
        verdict = verdict.advice(format!(
            "have whoever runs the zone point {} at this machine ({}), or, if a router passes that address on to it, declare it as public_addresses in the settings",
            node.domain,
            own.join(", ")
        ));
    }
    if ipv6 {
        verdict = verdict.advice(format!(
            "take the AAAA record of {} away, or have the stack publish its ports over IPv6 too",
            node.domain
        ));
    }
    verdict
}

fn unresolved(node: &NodeNames) -> Verdict {
    let domain = &node.domain;
    let zone = format!(
        "have whoever runs the zone of {domain} add an A record with this machine's address"
    );
    let replies = node
        .names
        .servers
        .iter()
        .filter_map(|asked| Some((asked.server, asked.reply()?)));
    let Some((server, reply)) = replies
        .into_iter()
        .max_by_key(|(_, reply)| reply.code == ReplyCode::NoError)
    else {
        let silent = node
            .names
            .servers
            .iter()
            .all(|asked| matches!(asked.answer, Answer::Silent));
        let how = if silent {
            "none answers"
        } else {
            "none gives a usable answer"
        };
        return Verdict::fail(
            UNREACHABLE,
            format!("no name server can be asked for {domain}: {how}"),
        )
        .advice("see that a name server answers this machine on port 53 (UDP and TCP)");
    };
    let pinned = if node.names.hosts_file.is_empty() {
        ""
    } else {
        "; only this machine's own hosts file knows it, which does not help clients"
    };
    match reply.code {
        ReplyCode::NxDomain => Verdict::fail(
            NXDOMAIN,
            format!("the name server {server} says that {domain} does not exist{pinned}"),
        )
        .advice(zone),
        ReplyCode::Refused => Verdict::fail(
            REFUSED,
            format!("the name server {server} refuses to resolve {domain}{pinned}"),
        )
        .advice(format!("ask whoever runs the name server {server} to answer this machine for {domain}")),
        ReplyCode::NoError => Verdict::fail(
            NO_ADDRESS,
            format!("{domain} exists and has no address, says the name server {server}{pinned}"),
        )
        .advice(zone),
        ReplyCode::ServFail | ReplyCode::Other(_) => Verdict::fail(
            SERVFAIL,
            format!("the name server {server} fails on {domain}{pinned}"),
        )
        .advice(format!("ask whoever runs the zone of {domain} or the name server {server} why it fails (DNSSEC, or a dead zone server)")),
    }
}

#[cfg(test)]
mod tests;
