//! EXPLAIN: which findings follow from which, what was waived, and what is left as the root cause.

mod apart;
mod finding;
mod mending;

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use jiff::{Timestamp, civil::Date};

pub use apart::diagnose_apart;
pub use finding::{Finding, Fix, WaiverNote};
use mending::{fix, remedies};

use crate::{
    checks::{
        Cause, Check, Context, GAP_CAUSES, Judge, Level, REGISTRY, Remedy, Selection, Status,
        Verdict,
    },
    facts::{Facts, Source, View},
    settings::Waiver,
    utc::date_of,
};

/// How a run is judged, beyond profile and facts.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Which checks the run is about.
    pub selection: Selection,
    /// Whether recommendations count as requirements and warnings as failures.
    pub strict: bool,
    /// The time to judge by.
    pub now: Timestamp,
}

/// The findings of a run, in the registry's order, and those that no other one explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// One for each check, and for each member of a family.
    pub findings: Vec<Finding>,
    /// The ids of the failures that no other failure explains.
    pub root_causes: Vec<String>,
    /// What `--fix` can do about the findings, in their order.
    pub proposals: Vec<Proposal>,
}

/// Something that `--fix` can do about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The id of the finding.
    pub finding: String,
    /// What can be done.
    pub remedy: Remedy,
}

/// The sources that a selection needs: what its checks read, and what the checks that they depend on read.
#[must_use]
pub fn sources(selection: &Selection) -> BTreeSet<Source> {
    let mut sources = BTreeSet::from([Source::Host]);
    let mut pending: Vec<&Check> = REGISTRY
        .iter()
        .copied()
        .filter(|check| selection.may_include(check))
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(check) = pending.pop() {
        if seen.insert(check.id) {
            sources.extend(check.reads);
            pending.extend(check.needs);
        }
    }
    sources
}

/// Judges the facts and explains the findings.
#[must_use]
pub fn diagnose(facts: &Facts, rules: &Rules) -> Diagnosis {
    diagnose_by(REGISTRY, facts, rules)
}

fn diagnose_by(checks: &[&'static Check], facts: &Facts, rules: &Rules) -> Diagnosis {
    let instances = instances(checks, facts, rules);
    let because: Vec<Vec<usize>> = explain(&instances);
    let wanted: BTreeSet<usize> = instances
        .iter()
        .zip(&because)
        .filter(|(instance, _)| instance.selected)
        .flat_map(|(_, roots)| roots.iter().copied())
        .collect();
    let ids: Vec<String> = instances
        .iter()
        .map(|instance| instance.id.clone())
        .collect();
    let remedies = remedies(&instances, &because);
    let proposals: Vec<Proposal> = instances
        .iter()
        .zip(&remedies)
        .filter(|(instance, _)| instance.selected)
        .flat_map(|(instance, remedies)| {
            remedies.iter().map(|remedy| Proposal {
                finding: instance.id.clone(),
                remedy: *remedy,
            })
        })
        .collect();
    let mut findings: Vec<Finding> = instances
        .into_iter()
        .zip(because)
        .enumerate()
        .map(|(index, (instance, roots))| {
            let shown = instance.selected || wanted.contains(&index);
            let because_of = roots
                .iter()
                .filter_map(|root| ids.get(*root).cloned())
                .collect();
            finish(instance, shown, because_of, facts, rules.now)
        })
        .collect();
    let root_causes = findings
        .iter()
        .filter(|finding| finding.status == Status::Fail)
        .map(|finding| finding.id.clone())
        .collect();
    for (finding, remedies) in findings.iter_mut().zip(&remedies) {
        finding.fix = fix(finding, remedies, facts);
    }
    let unwaived: BTreeSet<&str> = findings
        .iter()
        .filter(|finding| !finding.fix.steps.is_empty())
        .map(|finding| finding.id.as_str())
        .collect();
    let proposals = proposals
        .into_iter()
        .filter(|proposal| unwaived.contains(proposal.finding.as_str()))
        .collect();
    Diagnosis {
        findings,
        root_causes,
        proposals,
    }
}

/// One check, or one member of a family, with what it says of the facts.
struct Instance {
    check: &'static Check,
    id: String,
    selected: bool,
    verdict: Option<Verdict>,
    /// The verdict's status under the check's level and `--strict`.
    status: Status,
}

impl Instance {
    /// Whether the requirement itself is unmet, whatever its level makes of that.
    fn is_unmet(&self) -> bool {
        self.verdict
            .as_ref()
            .is_some_and(|verdict| verdict.status == Status::Fail)
    }

    fn has_cause(&self, cause: &str) -> bool {
        self.verdict
            .as_ref()
            .is_some_and(|verdict| verdict.cause.as_deref() == Some(cause))
    }
}

fn instances(checks: &[&'static Check], facts: &Facts, rules: &Rules) -> Vec<Instance> {
    let relevant = relevant(checks, &rules.selection);
    let shared = Context::new(facts, &[], rules.now);
    checks
        .iter()
        .copied()
        .flat_map(|check| {
            let context = Context {
                facts: View::new(facts, check.reads),
                ..shared
            };
            let is_relevant = relevant.contains(check.id);
            ids(check, &context)
                .into_iter()
                .map(|(id, member)| {
                    let selected = rules.selection.includes(check, &id);
                    let verdict = is_relevant.then(|| judge(check, &context, &member));
                    let status = verdict.as_ref().map_or(Status::Skip, |verdict| {
                        effective(verdict.status, check.level, rules.strict)
                    });
                    Instance {
                        check,
                        id,
                        selected,
                        verdict,
                        status,
                    }
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The checks that were selected or on which a selected one depends, without those that were deselected by name.
fn relevant(checks: &[&'static Check], selection: &Selection) -> BTreeSet<&'static str> {
    let mut relevant = BTreeSet::new();
    let mut pending: Vec<&'static Check> = checks
        .iter()
        .copied()
        .filter(|check| selection.may_include(check))
        .collect();
    while let Some(check) = pending.pop() {
        if !selection.excludes(check, check.id) && relevant.insert(check.id) {
            pending.extend(check.needs);
        }
    }
    relevant
}

fn ids(check: &Check, context: &Context) -> Vec<(String, String)> {
    match check.judge {
        Judge::One(_) => vec![(check.id.to_owned(), String::new())],
        Judge::Family { members, .. } => {
            let prefix = check.family_prefix().unwrap_or(check.id);
            members(context)
                .into_iter()
                .map(|member| (format!("{prefix}{member}"), member))
                .collect()
        }
    }
}

const BROKEN: Cause = Cause::new("observation-failed", "");

/// A check that panics is a defect of the doctor: it is said, and the others are judged all the same.
fn judge(check: &Check, context: &Context, member: &str) -> Verdict {
    if !apart::may_judge(check.id) {
        return broken();
    }
    let attempt = catch_unwind(AssertUnwindSafe(|| match check.judge {
        Judge::One(judge) => judge(context),
        Judge::Family { judge, .. } => judge(context, member),
    }));
    match attempt {
        Ok(judgement) => judgement.unwrap_or_else(Verdict::from),
        Err(_panic) => broken(),
    }
}

fn broken() -> Verdict {
    debug_assert!(GAP_CAUSES.iter().any(|cause| cause.code == BROKEN.code));
    Verdict::unknown(
        BROKEN,
        "judging failed inside the doctor; please report this with the facts",
    )
}

fn effective(status: Status, level: Level, strict: bool) -> Status {
    match (status, level) {
        (Status::Fail, Level::Recommended) if !strict => Status::Warn,
        (Status::Fail | Status::Warn, Level::Information) => Status::Pass,
        (Status::Warn, _) if strict => Status::Fail,
        (status, _) => status,
    }
}

/// For each instance, the instances that are at the root of its trouble; none where it is a root itself.
fn explain(instances: &[Instance]) -> Vec<Vec<usize>> {
    let by_id: BTreeMap<&str, usize> = instances
        .iter()
        .enumerate()
        .map(|(index, instance)| (instance.id.as_str(), index))
        .collect();
    let mut explained: Vec<Option<Vec<usize>>> = vec![None; instances.len()];
    for index in 0..instances.len() {
        roots(index, instances, &by_id, &mut explained);
    }
    explained
        .into_iter()
        .map(Option::unwrap_or_default)
        .collect()
}

fn roots(
    index: usize,
    instances: &[Instance],
    by_id: &BTreeMap<&str, usize>,
    explained: &mut Vec<Option<Vec<usize>>>,
) -> Vec<usize> {
    if let Some(Some(known)) = explained.get(index) {
        return known.clone();
    }
    // Marked before descending, so that a circle of needs ends here.
    if let Some(place) = explained.get_mut(index) {
        *place = Some(Vec::new());
    }
    let Some(instance) = instances.get(index) else {
        return Vec::new();
    };
    let mut found = BTreeSet::new();
    for (cause, explains_itself) in related(instance, instances, by_id) {
        let deeper = roots(cause, instances, by_id, explained);
        if deeper.is_empty() && explains_itself {
            found.insert(cause);
        }
        found.extend(deeper);
    }
    let found: Vec<usize> = found.into_iter().filter(|root| *root != index).collect();
    if let Some(place) = explained.get_mut(index) {
        *place = Some(found.clone());
    }
    found
}

/// The instances that can explain the trouble of one, and whether they are trouble enough by themselves; one that
/// is itself explained by another passes that on. A check that passed needs no explanation.
fn related(
    instance: &Instance,
    instances: &[Instance],
    by_id: &BTreeMap<&str, usize>,
) -> Vec<(usize, bool)> {
    let Some(verdict) = &instance.verdict else {
        return Vec::new();
    };
    if !matches!(
        verdict.status,
        Status::Fail | Status::Warn | Status::Unknown
    ) {
        return Vec::new();
    }
    let judged = |check: &Check| {
        let index = *by_id.get(check.id)?;
        Some((index, instances.get(index)?))
    };
    let needed = instance
        .check
        .needs
        .iter()
        .filter(|_| !verdict.stands_alone)
        .filter_map(|check| judged(check))
        .map(|(index, other)| (index, other.is_unmet()));
    let followed = verdict
        .follows
        .iter()
        .filter_map(|followed| Some((followed.cause, judged(followed.check)?)))
        .map(|(cause, (index, other))| {
            let is_trouble = match (other.status, cause) {
                (Status::Fail | Status::Warn, None) => true,
                (Status::Fail | Status::Warn | Status::Unknown, Some(cause)) => {
                    other.has_cause(cause)
                }
                _ => false,
            };
            // What is not known is explained by a warning too.
            let explains = other.status >= instance.status || instance.status == Status::Unknown;
            (index, is_trouble && explains)
        });
    needed.chain(followed).collect()
}

fn finish(
    instance: Instance,
    shown: bool,
    because_of: Vec<String>,
    facts: &Facts,
    now: Timestamp,
) -> Finding {
    let Instance {
        check,
        id,
        verdict,
        status,
        ..
    } = instance;
    let verdict = verdict
        .filter(|_| shown)
        .unwrap_or_else(|| Verdict::skip("not selected"));
    let mut finding = Finding {
        id,
        category: check.category,
        title: check.title.to_owned(),
        level: check.level,
        status: if shown { status } else { Status::Skip },
        selected: shown,
        cause: verdict.cause,
        items: verdict.items,
        measurements: verdict.measurements,
        connections: verdict.connections,
        summary: verdict.summary,
        observed: verdict.observed,
        expected: verdict.expected,
        evidence: verdict.evidence,
        because_of: Vec::new(),
        advice: verdict.advice,
        remarks: verdict.remarks,
        fix: Fix::default(),
        reference: check.reference.to_owned(),
        sources: check
            .reads
            .iter()
            .map(|source| source.name().to_owned())
            .collect(),
        waiver: None,
        duration_ms: duration(check, facts),
    };
    if !shown {
        return finding;
    }
    if because_of.is_empty() {
        waive(&mut finding, &facts.settings.waivers, date_of(now));
    } else {
        block(&mut finding, because_of);
    }
    if matches!(finding.status, Status::Pass | Status::Skip) {
        finding.cause = None;
    }
    finding
}

fn block(finding: &mut Finding, because_of: Vec<String>) {
    finding.status = Status::Blocked;
    finding.summary = format!(
        "not judged because of {}: {}",
        because_of.join(", "),
        finding.summary
    );
    // What to do is said once, at the cause.
    finding.advice.clear();
    finding.because_of = because_of;
}

fn waive(finding: &mut Finding, waivers: &[Waiver], today: Date) {
    // Of several waivers for one check the one that holds longest counts.
    let Some(waiver) = waivers
        .iter()
        .filter(|waiver| waiver.check == finding.id)
        .max_by_key(|waiver| waiver.until)
    else {
        return;
    };
    let expired = waiver.until < today;
    match finding.status {
        Status::Fail | Status::Warn => {
            if !expired {
                finding.status = Status::Waived;
            }
            finding.waiver = Some(WaiverNote {
                waiver: waiver.clone(),
                expired,
            });
        }
        _ => finding.remarks.push(format!(
            "the waiver until {} is not needed: there is nothing to waive",
            waiver.until
        )),
    }
}

/// How long observing took for what the check reads; sources are asked at once, so the slowest counts.
fn duration(check: &Check, facts: &Facts) -> u64 {
    check
        .reads
        .iter()
        .filter_map(|source| facts.durations_ms.get(source).copied())
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
