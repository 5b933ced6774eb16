//! A group of hosts: the worst of them, and the addresses that may stand in for their names.

use super::{
    causes,
    host::{self, HostVerdict},
    landscape::Landscape,
    phases, request,
    trouble::Steps,
    way::Surroundings,
};
use crate::{
    checks::{Context, Item, Judgement, OFFLINE, Status, Verdict, system},
    facts::outbound::{Connect, HostProbe, Outbound},
    profile::{GroupLevel, OutboundGroup},
    units::counted,
};

/// Judges the group of this id.
pub fn judge(context: &Context, id: &str) -> Judgement {
    if context.facts.is_offline() {
        let verdict = Verdict::skip(OFFLINE);
        let group = context.profile.outbound.iter().find(|group| group.id == id);
        return Ok(match group {
            Some(group) => request::unmeasured(verdict, group, "the run was offline"),
            None => verdict,
        });
    }
    // An older doctor's profile has no groups, and then nobody looked either.
    let outbound = context.facts.outbound().seen()?;
    let Some(group) = context.profile.outbound.iter().find(|group| group.id == id) else {
        return Ok(Verdict::skip(format!("the profile has no group “{id}”")));
    };
    if group.hosts.is_empty() {
        return Ok(Verdict::skip("the profile names no host for it"));
    }
    let landscape = Landscape::of(outbound);
    let probes: Vec<&HostProbe> = outbound
        .hosts
        .iter()
        .filter(|probe| probe.group == id)
        .collect();
    if probes.is_empty() {
        return Err(crate::facts::Gap::NotAsked);
    }
    let verdicts: Vec<HostVerdict> = probes
        .iter()
        .map(|probe| {
            host::judge(Surroundings {
                probe,
                landscape: &landscape,
                network: &context.profile.network,
                trust: &outbound.trust,
            })
        })
        .collect();
    let connections = request::measured(group, &probes, &verdicts);
    let is_the_clock = verdicts.iter().all(|verdict| verdict.is_the_clock);
    let verdict = address_only(group, outbound, &verdicts)
        .unwrap_or_else(|| together(group, &probes, verdicts));
    let verdict = probes.iter().fold(verdict, |verdict, probe| {
        let verdict = verdict.evidence(host::item_name(probe), host::evidence(probe));
        phases::measured(&group.id, probe).fold(verdict, Verdict::measure)
    });
    let verdict = connections.into_iter().fold(verdict, Verdict::connection);
    let verdict = outbound
        .trust
        .problems
        .iter()
        .fold(verdict, |verdict, problem| verdict.remark(problem.clone()));
    let verdict = if is_the_clock {
        verdict.follows(&system::CLOCK)
    } else {
        verdict
    };
    Ok(leveled(group, remarks(context, id, &probes, verdict)))
}

fn together(group: &OutboundGroup, probes: &[&HostProbe], verdicts: Vec<HostVerdict>) -> Verdict {
    let mut items = Vec::new();
    let mut steps = Steps::default();
    let mut remarks = Vec::new();
    for (verdict, probe) in verdicts.into_iter().zip(probes) {
        items.extend(verdict.items);
        for step in verdict.steps {
            steps.add(&step, probe);
        }
        remarks.extend(verdict.remarks);
    }
    let all_well = match items.len() {
        1 => "the host answers".into(),
        _ => format!(
            "all {} answer",
            counted(u64::try_from(group.hosts.len()).unwrap_or(u64::MAX), "host")
        ),
    };
    let mut verdict = Verdict::worst_of(items, all_well).expected(expected(group));
    if verdict.status == Status::Fail && !group.breaks.is_empty() {
        verdict = verdict.remark(format!("until then {}", group.breaks));
    }
    verdict.advice = steps.in_words();
    verdict.remarks.extend(remarks);
    verdict
}

fn expected(group: &OutboundGroup) -> String {
    let hosts: Vec<String> = group
        .hosts
        .iter()
        .map(|host| format!("{}:{}", host.host, host.port))
        .collect();
    format!("an answer of the service itself at {}", hosts.join(", "))
}

/// The names are closed and every address is open that stands in for them: it works until the addresses change.
fn address_only(
    group: &OutboundGroup,
    outbound: &Outbound,
    verdicts: &[HostVerdict],
) -> Option<Verdict> {
    let fallbacks: Vec<_> = outbound
        .fallbacks
        .iter()
        .filter(|fallback| fallback.group == group.id)
        .collect();
    let all_open = !fallbacks.is_empty()
        && fallbacks
            .iter()
            .all(|fallback| fallback.connect == Connect::Open);
    if !all_open || !verdicts.iter().all(|verdict| verdict.is_blocked_on_the_way) {
        return None;
    }
    let addresses: Vec<String> = fallbacks
        .iter()
        .map(|fallback| fallback.address.to_string())
        .collect();
    let addresses = addresses.join(" and ");
    let mut items: Vec<Item> = fallbacks
        .iter()
        .map(|fallback| {
            Item::pass(
                fallback.address.to_string(),
                format!("opens in {} ms", fallback.connect_ms),
            )
            .observed(fallback.connect_ms)
        })
        .collect();
    for item in verdicts.iter().flat_map(|verdict| &verdict.items) {
        let mut item = item.clone();
        if item.status == Status::Fail {
            item.status = Status::Warn;
        }
        items.push(item);
    }
    let names: Vec<&str> = group.hosts.iter().map(|host| host.host.as_str()).collect();
    let mut verdict = Verdict::warn(
        causes::ADDRESS_ONLY,
        format!(
            "only the addresses {addresses} are open, not the names; these may change at any time"
        ),
    )
    .expected(expected(group))
    .advice(format!(
        "have the firewall allow {} by name on port 443/tcp, instead of {addresses}",
        names.join(", ")
    ));
    verdict.items = items;
    Some(verdict)
}

/// Where an image's layers come from is only seen once the registry has said so.
fn remarks(context: &Context, id: &str, probes: &[&HostProbe], verdict: Verdict) -> Verdict {
    let blob = &context.profile.network.registry_blob;
    let has_registry = probes.iter().any(|probe| probe.host.host == blob.registry);
    let followed = probes.iter().any(|probe| probe.led_here.is_some());
    if id == "docker" && has_registry && !followed && verdict.status != Status::Fail {
        return verdict.remark(format!(
            "the registry led to no host for downloads, so only those of the profile were looked at; it has used {} before, and what it does for private images only a login shows",
            blob.known_hosts.join(" and ")
        ));
    }
    verdict
}

/// A group that the profile only recommends cannot fail.
fn leveled(group: &OutboundGroup, mut verdict: Verdict) -> Verdict {
    match (group.level, verdict.status) {
        (GroupLevel::Recommended, Status::Fail) => verdict.status = Status::Warn,
        (GroupLevel::Information, Status::Fail | Status::Warn) => {
            verdict.status = Status::Pass;
            verdict.cause = None;
        }
        _ => {}
    }
    verdict
}
