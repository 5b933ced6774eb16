//! What a host's name resolves to: nothing, something else for programs than for name servers, or a place that cannot be it.

use std::net::IpAddr;

use super::{causes, trouble::Trouble, way::Surroundings};
use crate::facts::{
    dns::{Answer, Asked, RecordKind, Reply, ReplyCode},
    outbound::{Lookup, Names, Path},
};

/// The way's address, where nothing public can be there.
pub fn sinkhole(around: Surroundings, path: &Path) -> Option<Trouble> {
    if !around.probe.host.public || around.probe.proxy.is_some() {
        return None;
    }
    let address = path.attempt.address.ip();
    // An address that the profile itself names is what it means.
    let names = around.probe.names.as_ref()?;
    let kind = kind_of(address).or_else(|| {
        around
            .network
            .block_addresses
            .iter()
            .any(|network| network.contains(&address))
            .then_some("an address that filters give for names that they block")
    })?;
    let host = &around.probe.host.host;
    let (source, advice) = if names.hosts_file.contains(&address) {
        let file = around.network.hosts_file.display().to_string();
        let advice = format!("take {host} out of {file}");
        (file, advice)
    } else {
        let source = source_of(names, address);
        let advice = format!("ask whoever runs {source} to resolve {host} to its public addresses");
        (source, advice)
    };
    Some(Trouble::fail(
        causes::DNS_SINKHOLE,
        format!("it resolves to {address}, {kind}, says {source}"),
        advice,
    ))
}

fn kind_of(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) if address.is_unspecified() => Some("a null address"),
        IpAddr::V4(address) if address.is_loopback() => Some("this machine itself"),
        IpAddr::V4(address) if address.is_private() => Some("a private address"),
        IpAddr::V4(address) if address.is_link_local() => Some("a link-local address"),
        IpAddr::V6(address) if address.is_unspecified() => Some("a null address"),
        IpAddr::V6(address) if address.is_loopback() => Some("this machine itself"),
        IpAddr::V6(address) if address.is_unique_local() => Some("a private address"),
        IpAddr::V6(address) if address.is_unicast_link_local() => Some("a link-local address"),
        _ => None,
    }
}

/// Who gave an address that does not stand in the hosts file.
fn source_of(names: &Names, address: IpAddr) -> String {
    names
        .servers
        .iter()
        .find(|asked| {
            asked
                .reply()
                .is_some_and(|reply| reply.addresses.contains(&address))
        })
        .map_or_else(
            || "this machine's resolver".into(),
            |asked| format!("the name server {}", asked.server),
        )
}

/// Why a name has no address.
pub fn unresolved(around: Surroundings, names: &Names) -> Trouble {
    let host = around
        .probe
        .proxy
        .as_ref()
        .map_or(&around.probe.host.host, |proxy| &proxy.address.host);
    let trouble = name_trouble(around, names, host);
    match &around.probe.proxy {
        None => trouble,
        Some(proxy) => Trouble::fail(
            causes::PROXY_UNREACHABLE,
            format!(
                "the name of the proxy {} (set in {}) does not resolve: {}",
                proxy.address, proxy.source, trouble.summary
            ),
            trouble.advice,
        ),
    }
}

fn name_trouble(around: Surroundings, names: &Names, host: &str) -> Trouble {
    let replies: Vec<(&Asked, &Reply)> = names
        .servers
        .iter()
        .filter_map(|asked| Some((asked, asked.reply()?)))
        .collect();
    // What the first server says is what programs are told; its word on IPv4 addresses stands for both.
    let telling = replies
        .iter()
        .find(|(_, reply)| reply.code != ReplyCode::NoError)
        .filter(|_| {
            !replies.iter().any(|(asked, reply)| {
                asked.kind == RecordKind::A && reply.code == ReplyCode::NoError
            })
        })
        .or_else(|| replies.first());
    let Some((asked, reply)) = telling else {
        return silent_servers(around, names, host);
    };
    let server = asked.server;
    let filtered = reply
        .extended_error
        .as_ref()
        .map_or_else(String::new, |error| {
            let kind = if error.is_about_filtering() {
                "it filters the name"
            } else {
                "extended error"
            };
            format!(" ({kind}: {} {})", error.code, error.text)
        });
    match reply.code {
        ReplyCode::NxDomain => Trouble::fail(
            causes::DNS_NXDOMAIN,
            format!("the name server {server} says that {host} does not exist{filtered}"),
            format!(
                "ask whoever runs the name server {server} to resolve {host}: where other networks know the name, this server filters it or cannot look outside"
            ),
        ),
        ReplyCode::Refused => Trouble::fail(
            causes::DNS_REFUSED,
            format!("the name server {server} refuses to resolve {host}{filtered}"),
            format!(
                "ask whoever runs the name server {server} to answer this machine for {host} (recursion may not be allowed from here)"
            ),
        ),
        ReplyCode::ServFail => servfail(asked, reply, host),
        ReplyCode::Other(code) => Trouble::fail(
            causes::DNS_SERVFAIL,
            format!("the name server {server} answers with code {code} for {host}"),
            format!("ask whoever runs the name server {server} why it fails on {host}"),
        ),
        ReplyCode::NoError => {
            let through = match (reply.alias_loop, reply.aliases.last()) {
                (true, _) => format!(
                    ": its aliases go in a circle ({})",
                    reply.aliases.join(" → ")
                ),
                (false, Some(alias)) => format!(": it leads to {alias}, which has none"),
                (false, None) => String::new(),
            };
            Trouble::fail(
                causes::DNS_NO_ADDRESS,
                format!(
                    "the name server {server} knows {host} but no address of it{through}{filtered}"
                ),
                format!(
                    "ask whoever runs the name server {server} why {host} has no address there"
                ),
            )
        }
    }
}

fn servfail(asked: &Asked, reply: &Reply, host: &str) -> Trouble {
    let server = asked.server;
    let validation = reply
        .extended_error
        .as_ref()
        .filter(|error| error.is_about_validation());
    let words = reply
        .extended_error
        .as_ref()
        .map_or_else(String::new, |error| {
            format!(" (extended error {} {})", error.code, error.text)
        });
    if validation.is_some() || reply.answers_without_validation {
        Trouble::fail(
            causes::DNS_SERVFAIL,
            format!("the name server {server} cannot validate {host} with DNSSEC{words}"),
            format!(
                "ask whoever runs the name server {server} to look at its DNSSEC validation of {host}: its clock, its trust anchor, or a forwarder that strips signatures"
            ),
        )
    } else {
        Trouble::fail(
            causes::DNS_SERVFAIL,
            format!("the name server {server} fails on {host}, validated or not{words}"),
            format!(
                "ask whoever runs the name server {server} why it fails on {host}: its own forwarders may not answer"
            ),
        )
    }
}

fn silent_servers(around: Surroundings, names: &Names, host: &str) -> Trouble {
    let mut states: Vec<String> = Vec::new();
    for asked in names
        .servers
        .iter()
        .filter(|asked| asked.kind == RecordKind::A)
    {
        let how = match &asked.answer {
            Answer::Silent => format!("no answer within {} ms", asked.took_ms),
            Answer::Rejected(how) | Answer::Unreachable(how) | Answer::Garbage(how) => how.clone(),
            Answer::Replied(_) => continue,
        };
        states.push(format!("{}: {how}", asked.server));
    }
    let states = if states.is_empty() {
        match &names.system {
            Lookup::Failed(how) => how.clone(),
            _ => "none answered in time".into(),
        }
    } else {
        states.join("; ")
    };
    Trouble::fail(
        causes::DNS_UNREACHABLE,
        format!("no name server answers for {host} ({states})"),
        format!(
            "see that a name server in {} answers this machine on port 53 (UDP and TCP)",
            around.network.resolv_conf.display()
        ),
    )
}

/// Where programs on this machine are told something else than the name servers say.
pub fn difference(around: Surroundings, names: &Names) -> Option<Trouble> {
    let servers = names.server_addresses();
    let host = &around.probe.host.host;
    match &names.system {
        Lookup::Failed(how) if !servers.is_empty() => Some(Trouble::fail(
            causes::DNS_DIFFERS,
            format!("the name servers resolve it, but programs on this machine cannot: {how}"),
            format!(
                "look at the line `hosts:` in /etc/nsswitch.conf, which has to name `dns` (or `resolve`), with getent ahosts {host}"
            ),
        )),
        Lookup::Found(_) if !servers.is_empty() => {
            let pinned: Vec<String> = names
                .hosts_file
                .iter()
                .filter(|address| !servers.contains(address))
                .map(ToString::to_string)
                .collect();
            (!pinned.is_empty()).then(|| {
                Trouble::warn(
                    causes::DNS_DIFFERS,
                    format!(
                        "{} pins it to {}, which no name server gives",
                        around.network.hosts_file.display(),
                        pinned.join(", ")
                    ),
                    format!(
                        "take {host} out of {}: the address works today and will not follow when the service moves",
                        around.network.hosts_file.display()
                    ),
                )
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
