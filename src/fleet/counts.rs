//! What is counted over all machines: common root causes, requirements, expiries, versions.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Serialize;

use super::machine::Digest;
use crate::{
    checks::{Category, Level},
    report::Situation,
};

/// Far more than anybody plans for; a fleet of thousands has a few for each machine.
const MOST_EXPIRIES: usize = 20_000;

/// A failure that no other failure explains, and the machines that it fails on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommonCause {
    /// The check.
    pub check: String,
    /// What was told apart.
    pub cause: Option<String>,
    /// The requirement in words.
    pub title: String,
    /// The machines, the worst first.
    pub machines: Vec<String>,
    /// How many findings of these machines it keeps from being judged.
    pub blocked: usize,
}

/// A requirement, and how many machines stand how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// The check.
    pub check: String,
    /// The requirement in words.
    pub title: String,
    /// How much it matters.
    pub level: Level,
    /// The number of machines by situation; situations of none are left out.
    pub machines: BTreeMap<&'static str, usize>,
    /// Whether it is met, or does not apply, on every machine that was judged by it.
    pub is_met_everywhere: bool,
}

/// Something that expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expiry {
    /// The machine.
    pub machine: String,
    /// The check that saw it.
    pub check: String,
    /// What it is.
    pub what: String,
    /// When it expires.
    pub at: Timestamp,
    /// How long it still holds; negative where it has expired.
    pub remaining_seconds: i64,
}

/// A doctor and a profile, and how many machines they judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The doctor's version.
    pub tool_version: String,
    /// The profile's name.
    pub profile: String,
    /// The profile's hash: profiles of one name may differ.
    pub profile_sha256: String,
    /// How many machines.
    pub machines: usize,
}

/// The digests come the worst first, and so do the machines of each cause.
pub(super) fn root_causes(digests: &[Digest]) -> Vec<CommonCause> {
    let mut causes: BTreeMap<(&str, Option<&str>), CommonCause> = BTreeMap::new();
    for digest in digests {
        for judged in digest.requirements.iter().filter(|judged| judged.is_root) {
            let cause = causes
                .entry((judged.check.as_str(), judged.cause.as_deref()))
                .or_insert_with(|| CommonCause {
                    check: judged.check.clone(),
                    cause: judged.cause.clone(),
                    title: judged.title.clone(),
                    machines: Vec::new(),
                    blocked: 0,
                });
            cause.machines.push(digest.machine.name.clone());
            cause.blocked += judged.blocks;
        }
    }
    let mut causes: Vec<CommonCause> = causes.into_values().collect();
    causes.sort_by_key(|cause| std::cmp::Reverse((cause.machines.len(), cause.blocked)));
    causes
}

pub(super) fn requirements(digests: &[Digest]) -> Vec<Requirement> {
    struct Counted<'a> {
        category: Category,
        title: &'a str,
        level: Level,
        situations: BTreeMap<Situation, usize>,
    }
    let mut order: Vec<&str> = Vec::new();
    let mut counted: HashMap<&str, Counted> = HashMap::new();
    for judged in digests.iter().flat_map(|digest| &digest.requirements) {
        let entry = counted.entry(&judged.check).or_insert_with(|| {
            order.push(&judged.check);
            Counted {
                category: judged.category,
                title: &judged.title,
                level: judged.level,
                situations: BTreeMap::new(),
            }
        });
        *entry.situations.entry(judged.situation).or_default() += 1;
    }
    let mut requirements: Vec<(Category, Requirement)> = order
        .into_iter()
        .filter_map(|check| {
            let counted = counted.remove(check)?;
            let requirement = Requirement {
                check: check.to_owned(),
                title: counted.title.to_owned(),
                level: counted.level,
                is_met_everywhere: counted.situations.keys().all(|situation| {
                    matches!(
                        situation,
                        Situation::Pass | Situation::Skip | Situation::NotSelected
                    )
                }),
                machines: counted
                    .situations
                    .into_iter()
                    .map(|(situation, count)| (situation.word(), count))
                    .collect(),
            };
            Some((counted.category, requirement))
        })
        .collect();
    // Within a category the first report's order is the registry's.
    requirements.sort_by_key(|(category, _)| *category);
    requirements
        .into_iter()
        .map(|(_, requirement)| requirement)
        .collect()
}

/// The soonest first.
pub(super) fn expiries(digests: &[Digest]) -> Vec<Expiry> {
    let mut expiries: Vec<Expiry> = digests
        .iter()
        .flat_map(|digest| digest.expiries.iter().cloned())
        .collect();
    expiries.sort_by(|one, other| {
        (one.at, &one.machine, &one.what).cmp(&(other.at, &other.machine, &other.what))
    });
    expiries.truncate(MOST_EXPIRIES);
    expiries
}

pub(super) fn versions(digests: &[Digest]) -> Vec<Version> {
    let mut versions: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for Digest { machine, .. } in digests {
        *versions
            .entry((
                machine.tool_version.as_str(),
                machine.profile.as_str(),
                machine.profile_sha256.as_str(),
            ))
            .or_default() += 1;
    }
    versions
        .into_iter()
        .map(|((tool, profile, sha256), machines)| Version {
            tool_version: tool.to_owned(),
            profile: profile.to_owned(),
            profile_sha256: sha256.to_owned(),
            machines,
        })
        .collect()
}
