//! A group of hosts: the worst of them, and the addresses that may stand in for their names.

use super::{
    PROXY, causes,
    host::{self, HostVerdict},
    landscape::Landscape,
    phases, request,
    trouble::Steps,
    way::Surroundings,
};
use crate::{
    checks::{Context, Item, Judgement, OFFLINE, Status, Verdict, certificate_mode, system},
    facts::outbound::{Connect, Download, HostProbe, Outbound},
    profile::{GroupLevel, OutboundGroup},
    units::counted,
};

/// Judges the group of this id.
pub fn judge(context: &Context, id: &str) -> Judgement {
    let group = context.profile.outbound.iter().find(|group| group.id == id);
    if let Some(why) =
        group.and_then(|group| certificate_mode::not_needed(context, &group.skipped_when))
    {
        return Ok(Verdict::skip(why));
    }
    if context.facts.is_offline() {
        let verdict = Verdict::skip(OFFLINE);
        return Ok(match group {
            Some(group) => request::unmeasured(verdict, group, "the run was offline"),
            None => verdict,
        });
    }
    // An older doctor's profile has no groups, and then nobody looked either.
    let outbound = context.facts.outbound().seen()?;
    let Some(group) = group else {
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
    let verdict = if is_the_clock && verdict.status != Status::Pass {
        verdict.follows(&system::CLOCK)
    } else {
        verdict
    };
    // A proxy that nobody can examine is said once.
    let verdict = if verdict.cause.as_deref() == Some(causes::PROXY_UNSUPPORTED.code) {
        verdict.follows_cause(&PROXY, causes::PROXY_UNSUPPORTED)
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
    let all_well = match items.as_slice() {
        [_] => "the host answers".into(),
        all => format!(
            "all {} answer",
            counted(u64::try_from(all.len()).unwrap_or(u64::MAX), "host")
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
    let names: Vec<String> = group
        .hosts
        .iter()
        .map(|host| format!("{} port {}/tcp", host.host, host.port))
        .collect();
    let open = match fallbacks.as_slice() {
        [_] => format!("the address {addresses} is open"),
        _ => format!("the addresses {addresses} are open"),
    };
    let mut verdict = Verdict::warn(
        causes::ADDRESS_ONLY,
        format!("only {open}, not the names; an address may change at any time"),
    )
    .expected(expected(group))
    .advice(format!(
        "have the firewall allow {} by name, instead of {addresses}",
        names.join(", ")
    ));
    verdict.items = items;
    Some(verdict)
}

/// Where an image's layers come from is only seen once the registry has said so.
fn remarks(context: &Context, id: &str, probes: &[&HostProbe], verdict: Verdict) -> Verdict {
    let blob = &context.profile.network.registry_blob;
    let registry = probes.iter().find(|probe| probe.host.host == blob.registry);
    let followed = probes.iter().any(|probe| probe.led_here.is_some());
    let Some(registry) = registry.filter(|_| id == "docker" && !followed) else {
        return verdict;
    };
    if verdict.status == Status::Fail {
        return verdict;
    }
    let seen = match &registry.download {
        Some(Download::SameHost) => {
            return verdict.remark(format!(
                "{} sends the layers of images itself",
                blob.registry
            ));
        }
        Some(Download::NoToken) => format!(
            "{} gave no token without a login, so {} could not be asked where it sends the layers of images from",
            blob.token_host, blob.registry
        ),
        Some(Download::NotRedirected {
            status: Some(status),
        }) => format!(
            "{} answered {status} to the request for a public layer ({}) and did not say where it sends layers from",
            blob.registry, blob.repository
        ),
        Some(Download::TooLate { host }) => format!(
            "{} sends the layers of images from {host}, and there was too little time left to look at that host: run again with a longer --timeout",
            blob.registry
        ),
        Some(Download::Led | Download::NotRedirected { status: None }) | None => format!(
            "{} did not say where it sends the layers of images from",
            blob.registry
        ),
    };
    verdict.remark(format!(
        "{seen}; it has used {} before, so the firewall has to allow these too, and where the layers of private images come from only a login shows",
        blob.known_hosts.join(" and ")
    ))
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

#[cfg(test)]
mod tests {
    use super::super::{DOCKER, LETSENCRYPT, SESAM, arrange::*};
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
        },
        facts::{Facts, Observed, outbound::*},
        profile::GroupLevel,
    };

    fn pass(name: &'static str, arrange: impl Fn(&mut Facts) + 'static) -> Case {
        Case::new(name, Status::Pass, None, arrange)
    }

    /// The hosts of a group, all of which are well.
    fn hosts(group: &'static str, names: &'static [&'static str]) -> impl Fn(&mut Facts) {
        move |facts| {
            let hosts = names.iter().map(|name| HostProbe {
                group: group.into(),
                ..probe(name)
            });
            facts.outbound = Observed::Seen(outbound(hosts.collect()));
        }
    }

    #[test]
    fn one_host() {
        judge_cases(
            &LETSENCRYPT,
            &[
                pass(
                    "well",
                    hosts("letsencrypt", &["acme-v02.api.letsencrypt.org"]),
                ),
                Case::new("no host", Status::Skip, None, |facts: &mut Facts| {
                    hosts("letsencrypt", &[])(facts);
                    for group in &mut facts.profile.outbound {
                        group.hosts.clear();
                    }
                }),
            ],
        );
    }

    /// What the registry's answer to the request for a layer led to.
    fn led_to(download: Option<Download>) -> impl Fn(&mut Facts) {
        move |facts| {
            hosts("docker", &["registry-1.docker.io", "auth.docker.io"])(facts);
            seen(facts).hosts[0].download.clone_from(&download);
        }
    }

    #[test]
    fn where_layers_come_from() {
        let answered = |status| led_to(Some(Download::NotRedirected { status }));
        let host = "storage.example".to_owned();
        judge_cases(
            &DOCKER,
            &[
                pass("the registry itself", led_to(Some(Download::SameHost))),
                pass("no token", led_to(Some(Download::NoToken))),
                pass("another answer", answered(Some(404))),
                pass("no answer", answered(None)),
                pass("no time left", led_to(Some(Download::TooLate { host }))),
                pass("an older doctor", led_to(None)),
                pass("followed", |facts: &mut Facts| {
                    led_to(Some(Download::Led))(facts);
                    let mut storage = probe("storage.example");
                    storage.group = "docker".into();
                    storage.led_here = Some("registry-1.docker.io".into());
                    seen(facts).hosts.push(storage);
                }),
                pass("another registry", hosts("docker", &["registry.acme"])),
                fail("not reached", "tcp-refused", |facts: &mut Facts| {
                    led_to(None)(facts);
                    for path in &mut seen(facts).hosts[0].paths {
                        connects(&mut path.attempt, Connect::Refused);
                    }
                }),
            ],
        );
        judge_cases(
            &SESAM,
            &[pass(
                "the registry in another group",
                hosts("sesam", &["registry-1.docker.io"]),
            )],
        );
    }

    #[test]
    fn how_much_a_group_matters() {
        let with = |level: GroupLevel, arrange: fn(&mut Facts)| {
            move |facts: &mut Facts| {
                arrange(facts);
                for group in &mut facts.profile.outbound {
                    group.level = level;
                }
            }
        };
        let refused: fn(&mut Facts) = |facts| unconnected(Connect::Refused)(facts);
        let busy: fn(&mut Facts) = |facts| answer(|answer| answer.status = 429)(facts);
        judge_cases(
            &SESAM,
            &[
                fail(
                    "required",
                    "tcp-refused",
                    with(GroupLevel::Required, refused),
                ),
                warn(
                    "recommended",
                    "tcp-refused",
                    with(GroupLevel::Recommended, refused),
                ),
                pass("information", with(GroupLevel::Information, refused)),
                warn(
                    "recommended, and almost well",
                    "rate-limited",
                    with(GroupLevel::Recommended, busy),
                ),
                pass(
                    "information, and almost well",
                    with(GroupLevel::Information, busy),
                ),
            ],
        );
    }

    #[test]
    fn what_is_said_once() {
        judge_cases(
            &SESAM,
            &[
                fail("one host twice", "tcp-refused", |facts: &mut Facts| {
                    hosts("sesam", &["portal.sesam.io", "portal.sesam.io"])(facts);
                    for path in seen(facts)
                        .hosts
                        .iter_mut()
                        .flat_map(|probe| &mut probe.paths)
                    {
                        connects(&mut path.attempt, Connect::Refused);
                    }
                }),
                pass("what is wrong with the authorities", |facts: &mut Facts| {
                    portal(|_| {})(facts);
                    let problem = "/etc/ssl/relay.pem holds no certificate".to_owned();
                    seen(facts).trust.problems.push(problem);
                }),
            ],
        );
    }

    #[test]
    fn behind_a_proxy() {
        judge_cases(
            &SESAM,
            &[
                pass("open", through_proxy(Some(Tunnel::Open), Connect::Open)),
                fail(
                    "no connection",
                    "proxy-unreachable",
                    through_proxy(None, Connect::Silent),
                ),
                fail(
                    "forbidden",
                    "proxy-forbidden",
                    through_proxy(Some(refused(403)), Connect::Open),
                ),
                Case::new(
                    "SOCKS before version 5",
                    Status::Unknown,
                    Some("proxy-unsupported"),
                    old_socks,
                ),
            ],
        );
    }
}
