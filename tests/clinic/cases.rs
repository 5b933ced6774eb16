//! The catalogue put together: every case that the clinic runs, and which causes of the registry they produce.

use std::collections::{BTreeMap, BTreeSet};

use sesam_doctor::checks::REGISTRY;

use super::{
    Scenario as NetworkScenario,
    catalogue::{Catalogue, Fault, OfTheLab, directory},
    scenarios,
};

/// What kind of case it is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A machine without a fault.
    Healthy,
    /// One thing is broken.
    Single,
    /// Two things are.
    Pair,
}

/// One case: a machine in a state, and what has to be said of it.
#[derive(Clone, Debug)]
pub struct Case {
    pub kind: Kind,
    pub fault: Fault,
}

/// All of it.
pub struct Clinic {
    pub cases: Vec<Case>,
    pub of_the_lab: Vec<OfTheLab>,
    pub catalogue: Catalogue,
}

/// Reads the catalogue, and the scenarios that the network's lab has.
pub fn clinic() -> Clinic {
    let mut whole = Catalogue::default();
    let mut files: Vec<_> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let part = Catalogue::part(file.file_stem().unwrap().to_str().unwrap());
        whole.faults.extend(part.faults);
        whole.pairs.extend(part.pairs);
        whole.healthy.extend(part.healthy);
        whole.uncovered.extend(part.uncovered);
        whole.scenarios.extend(part.scenarios);
        whole.of_the_lab.extend(part.of_the_lab);
    }
    let mut cases: Vec<Case> = whole
        .healthy
        .iter()
        .map(|form| Case {
            kind: Kind::Healthy,
            fault: Fault {
                name: form.name.clone(),
                edition: form.edition.clone(),
                internet: form.internet.clone(),
                breaks: form.forms.clone(),
                heals: form.heals.clone(),
                found: form.found.clone(),
                ..Fault::default()
            },
        })
        .collect();
    cases.extend(whole.faults.iter().map(|fault| Case {
        kind: Kind::Single,
        fault: fault.clone(),
    }));
    cases.extend(
        scenarios::ALL
            .iter()
            .filter_map(|scenario| of_the_network(scenario, &whole)),
    );
    let pairs: Vec<Case> = whole
        .pairs
        .iter()
        .map(|pair| {
            let [one, other] = pair.faults.clone().map(|name| {
                let case = cases
                    .iter()
                    .find(|case| case.fault.name == name && case.kind == Kind::Single);
                case.unwrap_or_else(|| panic!("a pair names “{name}”, which is no fault"))
                    .fault
                    .clone()
            });
            Case {
                kind: Kind::Pair,
                fault: both(one, other, pair.found.clone()),
            }
        })
        .collect();
    cases.extend(pairs);
    Clinic {
        cases,
        of_the_lab: whole.of_the_lab.clone(),
        catalogue: whole,
    }
}

/// A scenario of the network's lab on a whole machine; nothing where the catalogue leaves it to that lab.
fn of_the_network(scenario: &NetworkScenario, whole: &Catalogue) -> Option<Case> {
    let here = whole
        .scenarios
        .iter()
        .find(|here| here.name == scenario.name);
    if here.is_some_and(|here| here.left_out.is_some()) {
        return None;
    }
    let roots = scenario
        .roots
        .iter()
        .map(|(id, cause)| format!("{id} {cause}"));
    let warned = scenario
        .items
        .iter()
        .filter(|(_, _, status, _)| *status == scenario.status)
        .map(|(id, _, _, cause)| format!("{id} {cause}"));
    let as_there = || {
        let proxy = of_the_shell_alone(scenario).then(|| DAEMON_HAS_NONE.to_owned());
        let named: Vec<String> = if scenario.roots.is_empty() && scenario.status != "pass" {
            warned.collect()
        } else {
            roots.collect()
        };
        proxy.into_iter().chain(named).collect()
    };
    let found: Vec<String> = here
        .and_then(|here| here.found.clone())
        .unwrap_or_else(as_there);
    Some(Case {
        kind: if found.is_empty() {
            Kind::Healthy
        } else {
            Kind::Single
        },
        fault: Fault {
            name: scenario.name.to_owned(),
            edition: "2023".into(),
            internet: scenario.arrange.to_owned(),
            arguments: scenario
                .arguments
                .replace("system.clock ", "")
                .replace("--timeout 2", ""),
            fix: here.is_some_and(|here| here.fix) || found == [DAEMON_HAS_NONE],
            found,
            advice: scenario
                .advice
                .iter()
                .map(|subject| (*subject).to_owned())
                .collect(),
            ..Fault::default()
        },
    })
}

const DAEMON_HAS_NONE: &str = "software.docker-proxy daemon-has-none";

/// Whether the scenario gives the shell a proxy; the Docker daemon of a whole machine has none.
fn of_the_shell_alone(scenario: &NetworkScenario) -> bool {
    let variables = scenario.arrange.split("variables+=(").skip(1);
    variables
        .filter_map(|rest| rest.split(')').next())
        .any(|set| set.to_lowercase().contains("_proxy=http") || set.contains("_proxy=socks"))
}

fn both(one: Fault, other: Fault, found: Option<Vec<String>>) -> Fault {
    assert_eq!(
        one.edition, other.edition,
        "{} and {}",
        one.name, other.name
    );
    let lines = |one: String, other: String| {
        [one, other]
            .into_iter()
            .filter(|text| !text.trim().is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let words = |one: String, other: String| lines(one, other).replace('\n', " ");
    Fault {
        name: format!("{} + {}", one.name, other.name),
        edition: one.edition,
        internet: lines(one.internet, other.internet),
        breaks: lines(one.breaks, other.breaks),
        heals: lines(one.heals, other.heals),
        through: words(one.through, other.through),
        arguments: words(one.arguments, other.arguments),
        found_in_docker_alone: None,
        found: found.unwrap_or_else(|| [one.found, other.found].concat()),
        advice: Vec::new(),
        fix: one.fix && other.fix,
        left: [one.left, other.left].concat(),
        left_because: lines(one.left_because, other.left_because),
        sample: one.sample && other.sample,
    }
}

/// The causes of the registry that no case produces, without those that the catalogue gives a reason for; and the
/// reasons that are not needed.
pub fn uncovered(clinic: &Clinic) -> (Vec<String>, Vec<String>) {
    let found: BTreeSet<&str> = clinic
        .cases
        .iter()
        .flat_map(|case| &case.fault.found)
        .map(String::as_str)
        .collect();
    let mut reasons: BTreeMap<String, bool> = BTreeMap::new();
    let mut without_reason = Vec::new();
    for check in REGISTRY {
        for cause in check.causes {
            let name = format!("{} {}", check.id, cause.code);
            let covered = found.iter().any(|line| {
                line.split_once(' ')
                    .is_some_and(|(id, code)| check.covers(id) && code == cause.code)
            });
            let given = clinic.catalogue.uncovered.iter().find(|entry| {
                let same = entry.check == check.id
                    || entry
                        .check
                        .strip_suffix('*')
                        .is_some_and(|start| check.id.starts_with(start));
                same && (entry.causes.is_empty()
                    || entry.causes.iter().any(|code| code == cause.code))
            });
            if let Some(entry) = given {
                let key = format!(
                    "{} {}",
                    entry.check,
                    if entry.causes.is_empty() {
                        "*"
                    } else {
                        cause.code
                    }
                );
                *reasons.entry(key).or_default() |= !covered;
            } else if !covered {
                without_reason.push(name);
            }
        }
    }
    let not_needed = reasons
        .into_iter()
        .filter(|(_, needed)| !needed)
        .map(|(key, _)| key)
        .collect();
    (without_reason, not_needed)
}
