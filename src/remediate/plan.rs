//! From what findings propose to an order of steps.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    answers::Question,
    content::stack::Disk,
    machine::Machine,
    step::{Situation, Step},
    steps,
};
use crate::{
    checks::{Remedy, Safety},
    diagnosis::Proposal,
};

/// What a run will do, in order.
pub struct Plan {
    /// The steps.
    pub steps: Vec<Planned>,
    /// What was proposed and cannot be done by this doctor on this machine, in words.
    pub left_to_a_person: Vec<String>,
}

/// One step, why it is there, and what a person has to say to it.
pub struct Planned {
    /// What it mends.
    pub remedy: Remedy,
    /// The findings that it is for.
    pub findings: Vec<String>,
    /// The step itself.
    pub step: Box<dyn Step + Send>,
}

/// A plan, as JSON has it.
#[derive(Debug, Serialize)]
pub struct PlanDocument {
    /// See [`PLAN_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The steps in their order.
    pub steps: Vec<StepDocument>,
    /// What is left to a person.
    pub left_to_a_person: Vec<String>,
}

/// The version of the plan's schema; fields are added, never renamed or removed, within one.
pub const PLAN_SCHEMA_VERSION: u32 = 1;

/// One step, as JSON has it.
#[derive(Debug, Serialize)]
pub struct StepDocument {
    /// What it mends.
    pub remedy: Remedy,
    /// What it does.
    pub words: String,
    /// The findings that it is for.
    pub findings: Vec<String>,
    /// How much a person has to say to it.
    pub safety: Safety,
    /// What it cuts off while it is done.
    pub cuts: Option<&'static str>,
    /// What it writes, as a unified diff.
    pub difference: Option<String>,
    /// What a person would type instead.
    pub script: Vec<String>,
}

/// The remedies of a plan with what they bring along, and the findings that each is for.
#[must_use]
pub fn remedies(proposals: &[Proposal]) -> BTreeMap<Remedy, Vec<String>> {
    let mut remedies: BTreeMap<Remedy, Vec<String>> = BTreeMap::new();
    let mut pending: Vec<(Remedy, &str)> = proposals
        .iter()
        .rev()
        .map(|proposal| (proposal.remedy, proposal.finding.as_str()))
        .collect();
    while let Some((remedy, finding)) = pending.pop() {
        let findings = remedies.entry(remedy).or_default();
        if findings.iter().any(|known| known == finding) {
            continue;
        }
        findings.push(finding.to_owned());
        pending.extend(remedy.brings().iter().map(|brought| (*brought, finding)));
    }
    remedies
}

/// The order in which remedies are done: each after those that it needs before it, otherwise as they are declared.
#[must_use]
pub fn ordered(remedies: impl IntoIterator<Item = Remedy>) -> Vec<Remedy> {
    let mut waiting: BTreeSet<Remedy> = remedies.into_iter().collect();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let next = waiting
            .iter()
            .copied()
            .find(|remedy| {
                remedy
                    .after()
                    .iter()
                    .all(|before| !waiting.contains(before))
            })
            // A circle would be a defect, which a test looks for; the declared order is still an order.
            .or_else(|| waiting.first().copied());
        let Some(next) = next else { break };
        waiting.remove(&next);
        order.push(next);
    }
    order
}

/// What has to be known for a plan of these proposals, each question once.
#[must_use]
pub fn questions(
    proposals: &[Proposal],
    situation: &Situation,
    machine: &Machine,
) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    for remedy in ordered(remedies(proposals).into_keys()) {
        for question in steps::questions(remedy, situation, machine) {
            if !questions.iter().any(|known| known.key == question.key) {
                questions.push(question);
            }
        }
    }
    // The license that is to be brought tells whose it is.
    if questions
        .iter()
        .any(|question| question.key == "license_file")
    {
        questions.retain(|question| question.key != "subscription_id");
    }
    questions
}

impl Plan {
    /// The plan for what was proposed.
    #[must_use]
    pub fn make(proposals: &[Proposal], situation: &Situation, machine: &Machine) -> Self {
        let wanted = remedies(proposals);
        let all: BTreeSet<Remedy> = wanted.keys().copied().collect();
        let mut planned: BTreeSet<Remedy> = BTreeSet::new();
        let lacks_docker =
            !all.contains(&Remedy::InstallDocker) && machine.program(&["docker"]).is_none();
        let mut plan = Self {
            steps: Vec::new(),
            left_to_a_person: Vec::new(),
        };
        let mut by_hand: BTreeSet<Remedy> = BTreeSet::new();
        let on_root_disk = situation.disk() == Disk::Root;
        let words = |remedy: Remedy| remedy.words(&situation.facts.profile, on_root_disk);
        for remedy in ordered(all.iter().copied()) {
            let findings = wanted.get(&remedy).cloned().unwrap_or_default();
            let missing = remedy.requires().iter().find(|required| {
                by_hand.contains(required) || (lacks_docker && **required == Remedy::InstallDocker)
            });
            let made = match missing {
                None => steps::make(remedy, situation, machine),
                Some(required) => Err(steps::ByHand(format!(
                    "not before a person did this: {}",
                    words(*required)
                ))),
            };
            match made {
                Ok(steps) => {
                    for step in steps {
                        let words = step.words();
                        let is_there = plan.steps.iter().any(|other| other.step.words() == words);
                        if !is_there && step.belongs(&planned, machine) {
                            planned.insert(remedy);
                            plan.steps.push(Planned {
                                remedy,
                                findings: findings.clone(),
                                step,
                            });
                        }
                    }
                }
                Err(steps::ByHand(why)) => {
                    by_hand.insert(remedy);
                    let words = words(remedy);
                    plan.left_to_a_person.push(format!("{words}: {why}"));
                }
            }
        }
        plan
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// As JSON has it.
    #[must_use]
    pub fn document(&self, machine: &Machine) -> PlanDocument {
        PlanDocument {
            schema_version: PLAN_SCHEMA_VERSION,
            steps: self
                .steps
                .iter()
                .map(|planned| StepDocument {
                    remedy: planned.remedy,
                    words: planned.step.words(),
                    findings: planned.findings.clone(),
                    safety: planned.remedy.safety(),
                    cuts: planned.remedy.cuts(),
                    difference: planned.step.difference(machine),
                    script: planned.step.script(),
                })
                .collect(),
            left_to_a_person: self.left_to_a_person.clone(),
        }
    }

    /// For a person: each step in a line, with what it writes.
    #[must_use]
    pub fn table(&self, machine: &Machine) -> String {
        use std::fmt::Write;
        let mut text = String::new();
        for (number, planned) in self.steps.iter().enumerate() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{:>3}. {}", number + 1, planned.step.words());
            if let Some(cut) = planned.remedy.cuts() {
                let _ = writeln!(text, "     ! asks first: {cut}");
            }
            if let Some(difference) = planned.step.difference(machine) {
                for line in difference.lines() {
                    let _ = writeln!(text, "     | {line}");
                }
            }
        }
        for left in &self.left_to_a_person {
            let _ = writeln!(text, "  -  by hand: {left}");
        }
        text
    }

    /// As a shell script that does the same.
    #[must_use]
    pub fn script(&self) -> String {
        use std::fmt::Write;
        let mut text = String::from(
            "#!/bin/sh\n# What sesam-doctor --fix would do, for an administrator who does it by hand.\n# Read it before running it: it keeps no journal, and nothing takes it back.\nset -eu\n",
        );
        for planned in &self.steps {
            let _ = writeln!(text, "\n# {}", planned.step.words().replace('\n', " "));
            if let Some(cut) = planned.remedy.cuts() {
                let _ = writeln!(text, "# Careful: {cut}.");
            }
            for line in planned.step.script() {
                let _ = writeln!(text, "{line}");
            }
        }
        for left in &self.left_to_a_person {
            let _ = writeln!(text, "\n# By hand: {}", left.replace('\n', " "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::REGISTRY;

    fn proposals(remedies: impl IntoIterator<Item = Remedy>) -> Vec<Proposal> {
        remedies
            .into_iter()
            .map(|remedy| Proposal {
                finding: "a.b".into(),
                remedy,
            })
            .collect()
    }

    #[test]
    fn every_remedy_comes_after_what_it_needs_before_it() {
        let all = remedies(&proposals(
            REGISTRY.iter().flat_map(|check| check.remedies()),
        ));
        let order = ordered(all.keys().copied());
        assert_eq!(order.len(), all.len());
        for (place, remedy) in order.iter().enumerate() {
            for before in remedy.after() {
                if let Some(other) = order.iter().position(|other| other == before) {
                    assert!(other < place, "{before:?} has to come before {remedy:?}");
                }
            }
        }
    }

    #[test]
    fn what_a_remedy_requires_comes_before_it() {
        let all = remedies(&proposals(
            REGISTRY.iter().flat_map(|check| check.remedies()),
        ));
        let order = ordered(all.keys().copied());
        let place = |sought: &Remedy| order.iter().position(|remedy| remedy == sought);
        for remedy in &order {
            for required in remedy.requires() {
                assert!(place(required) < place(remedy), "{required:?} {remedy:?}");
            }
        }
    }

    #[test]
    fn what_is_brought_along_is_planned_once_for_all_that_brings_it() {
        let proposed = proposals([Remedy::ComposeUp, Remedy::WriteComposeFile]);
        let all = remedies(&proposed);
        let order = ordered(all.keys().copied());
        assert_eq!(
            order,
            [
                Remedy::WriteComposeFile,
                Remedy::CreateNetworks,
                Remedy::PullImages,
                Remedy::ComposeUp,
                Remedy::AwaitHealth
            ]
        );
    }
}
