//! `outbound.proxy`

use std::collections::BTreeMap;

use super::{
    causes,
    host::item_name,
    landscape::Landscape,
    trouble::{Steps, Trouble},
    way::{self, Surroundings, Way},
};
use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, OFFLINE, Prose, Verdict,
        certificate_mode, dns, software,
    },
    facts::{
        Source,
        outbound::{HostProbe, Outbound, Tunnel},
        proxies::{Proxies, ProxySettings, Scheme},
    },
    units::counted,
};

const MISSPELLED: Cause = Cause::new("proxy-misspelled", "what is set as a proxy is no address");

/// See [`Prose::checks`] in the declaration.
pub static PROXY: Check = Check {
    id: "outbound.proxy",
    title: "The proxy lets connections through",
    category: Category::Outbound,
    level: Level::Required,
    needs: &[&dns::RESOLVERS],
    reads: &[Source::Outbound, Source::Proxies, Source::Certificates],
    reference: "Operator's manual, firewall: customers whose firewall cannot filter by name",
    causes: &[
        causes::PROXY_UNREACHABLE,
        causes::PROXY_AUTH,
        causes::PROXY_FORBIDDEN,
        causes::PROXY_ERROR,
        causes::PROXY_UNSUPPORTED,
        MISSPELLED,
    ],
    prose: Prose {
        checks: "Every proxy that the shell's variables, the Docker daemon's configuration or the Docker client's configuration name for `https` (`http://`, `https://` where the proxy itself is spoken to over TLS, `socks5://` and `socks5h://`): it can be connected to, is trusted where it speaks TLS, takes the login, and opens a way to every host of the outbound groups that is not excepted. A SOCKS proxy is given the host's name and resolves it. Without any proxy it passes.",
        why: "Where a machine is meant to go through a proxy, a proxy that is down, wants a login or forbids a host looks to programs as if the hosts themselves were down.",
        remedy: "The finding names the proxy, where it is configured, and what it answered. Give it to whoever runs the proxy, or correct the configuration.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    if context.facts.is_offline() {
        return Ok(Verdict::skip(OFFLINE));
    }
    let outbound = context.facts.outbound().seen()?;
    let proxies = context.facts.proxies().seen()?;
    let landscape = Landscape::of(outbound);
    let mut by_proxy: BTreeMap<String, Vec<&HostProbe>> = BTreeMap::new();
    for probe in needed(context, outbound) {
        if let Some(proxy) = &probe.proxy {
            by_proxy
                .entry(proxy.address.to_string())
                .or_default()
                .push(probe);
        }
    }
    let mut items = Vec::new();
    let mut advice = Vec::new();
    for settings in places(proxies) {
        for problem in &settings.problems {
            items.push(Item::warn(
                settings.source.clone(),
                MISSPELLED,
                problem.clone(),
            ));
            advice.push(format!(
                "correct the proxy in {}, as in http://proxy.example.com:3128",
                settings.source
            ));
        }
    }
    for (name, probes) in &by_proxy {
        let found = judge_proxy(context, outbound, &landscape, name, probes);
        items.extend(found.0);
        for step in found.1 {
            if !advice.contains(&step) {
                advice.push(step);
            }
        }
    }
    if by_proxy.is_empty() && items.is_empty() {
        return Ok(Verdict::pass("no proxy is set"));
    }
    let all_well: Vec<String> = items
        .iter()
        .map(|item| format!("{} {}", item.name, item.summary))
        .collect();
    let mut verdict = Verdict::worst_of(items, all_well.join(", "))
        .expected("a way through to every host of the outbound groups");
    verdict.advice = advice;
    // A file that is no JSON is named by its own check, and what it says of proxies follows from that.
    if by_proxy.is_empty() && problems(proxies).all(|problem| problem.ends_with("no JSON")) {
        for (file, check) in [
            ("daemon.json", &software::DOCKER_CONFIG),
            ("config.json", &software::REGISTRY_LOGIN),
        ] {
            if problems(proxies).any(|problem| problem.contains(file)) {
                verdict = verdict.follows(check);
            }
        }
    }
    for settings in places(proxies).filter(|settings| settings.is_set()) {
        let shown = settings
            .https
            .as_ref()
            .or(settings.http.as_ref())
            .map(ToString::to_string)
            .unwrap_or_default();
        verdict = verdict.evidence(settings.source.clone(), shown);
    }
    Ok(verdict)
}

/// The hosts that are needed with the certificates that are served here.
fn needed<'a>(context: &Context, outbound: &'a Outbound) -> impl Iterator<Item = &'a HostProbe> {
    let spared: Vec<&str> = context
        .profile
        .outbound
        .iter()
        .filter(|group| certificate_mode::not_needed(context, &group.skipped_when).is_some())
        .map(|group| group.id.as_str())
        .collect();
    outbound
        .hosts
        .iter()
        .filter(move |probe| !spared.contains(&probe.group.as_str()))
}

fn places(proxies: &Proxies) -> impl Iterator<Item = &ProxySettings> {
    [
        &proxies.login,
        &proxies.daemon_file,
        &proxies.daemon_unit,
        &proxies.containers,
    ]
    .into_iter()
    .filter_map(|observed| observed.seen().ok())
    .chain([&proxies.shell])
}

fn problems(proxies: &Proxies) -> impl Iterator<Item = &String> {
    places(proxies).flat_map(|settings| &settings.problems)
}

/// One proxy: trouble that every host meets is the proxy's, and so is a host that it forbids.
fn judge_proxy(
    context: &Context,
    outbound: &Outbound,
    landscape: &Landscape,
    name: &str,
    probes: &[&HostProbe],
) -> (Vec<Item>, Vec<String>) {
    let unsupported = probes
        .iter()
        .filter_map(|probe| probe.proxy.as_ref())
        .find(|proxy| proxy.address.scheme == Scheme::Socks);
    if let Some(proxy) = unsupported {
        let item = Item::undetermined(
            name,
            causes::PROXY_UNSUPPORTED,
            "it is set as a SOCKS proxy of a version before 5, which is not examined",
        );
        return (
            vec![item],
            vec![format!(
                "if the proxy {name} speaks SOCKS 5, write socks5h:// for it in {}",
                proxy.source
            )],
        );
    }
    let troubles: Vec<(&HostProbe, Trouble)> = probes
        .iter()
        .filter_map(|probe| {
            let around = Surroundings {
                probe,
                landscape,
                network: &context.profile.network,
                trust: &outbound.trust,
            };
            Some((*probe, trouble_before_the_host(around)?))
        })
        .collect();
    let opened = probes.len().saturating_sub(troubles.len());
    if let Some((_, trouble)) = troubles.first()
        && opened == 0
    {
        // One sentence for all hosts.
        let item = trouble.item(name);
        let mut steps = Steps::default();
        for probe in probes {
            steps.add(&trouble.advice, probe);
        }
        return (vec![item], steps.in_words());
    }
    let mut items = Vec::new();
    let mut steps = Steps::default();
    for (probe, trouble) in troubles {
        if trouble.cause == causes::PROXY_FORBIDDEN || trouble.cause == causes::PROXY_AUTH {
            items.push(trouble.item(item_name(probe)));
            steps.add(&trouble.advice, probe);
        }
    }
    if items.is_empty() {
        let opens = match probes.len() {
            all if all == opened => format!("opens a way to {}", counted_hosts(all)),
            all => format!("opens a way to {opened} of {}", counted_hosts(all)),
        };
        items.push(Item::pass(name, opens));
    }
    (items, steps.in_words())
}

fn counted_hosts(count: usize) -> String {
    counted(u64::try_from(count).unwrap_or(u64::MAX), "host")
}

fn trouble_before_the_host(around: Surroundings) -> Option<Trouble> {
    let opened = around
        .probe
        .paths
        .iter()
        .any(|path| path.attempt.tunnel == Some(Tunnel::Open));
    if opened {
        return None;
    }
    if around.probe.paths.is_empty() {
        let proxy = around.probe.proxy.as_ref()?;
        return Some(Trouble::fail(
            causes::PROXY_UNREACHABLE,
            format!("the name of the proxy {} does not resolve", proxy.address),
            format!(
                "correct the name of the proxy in {}, or have the name server resolve {}",
                proxy.source, proxy.address.host
            ),
        ));
    }
    around
        .probe
        .paths
        .iter()
        .find_map(|path| match way::judge(around, path) {
            Way::Fine => None,
            Way::NoRoute(trouble) | Way::Troubled(trouble) => Some(trouble),
        })
}

#[cfg(test)]
mod tests;
