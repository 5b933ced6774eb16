//! What is kept of one report: a line of the fleet, and what is counted over all of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Terms, counts::Expiry};
use crate::{
    checks::{Category, Level, Measurement, Status},
    report::{Finding, Report, Situation, Summary, measured_thing, one_line, readable},
};

/// What the names of times until an expiry end in.
const REMAINING: &str = "_remaining_seconds";

/// Reports are files that anybody may have written: longer names are cut.
const LONGEST_NAME: usize = 120;

/// Longer sentences are cut.
const LONGEST_SENTENCE: usize = 300;

/// No report of the doctor's own has nearly as many findings.
const MOST_FINDINGS: usize = 1_000;

/// How many expiries of one report are kept.
const MOST_EXPIRIES: usize = 50;

/// One machine, as its newest report has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// Its host name, made unambiguous within the fleet by the file where needed.
    pub name: String,
    /// The file that the report was read from.
    pub file: String,
    /// Its host name.
    pub hostname: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Its operating system.
    pub os: String,
    /// The profile by which it was judged.
    pub profile: String,
    /// The profile's hash.
    pub profile_sha256: String,
    /// The doctor that judged.
    pub tool_version: String,
    /// When it was observed.
    pub observed_at: Timestamp,
    /// By which time it was judged.
    pub judged_as_of: Timestamp,
    /// How old the observation is, in seconds; negative where the machine's clock is ahead.
    pub age_seconds: i64,
    /// Whether it is too old to say anything of today.
    pub is_stale: bool,
    /// The report's status.
    pub status: Status,
    /// The report's exit code.
    pub exit_code: u8,
    /// How many of its findings have which status.
    pub summary: Summary,
    /// The failures that no other failure explains.
    pub root_causes: Vec<String>,
    /// How each requirement stands.
    #[serde(serialize_with = "by_check")]
    pub outcomes: Vec<Outcome>,
}

/// How one requirement stands on one machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The check.
    pub check: String,
    /// How it stands.
    pub situation: Situation,
}

/// A machine and what is counted over all of them.
pub(super) struct Digest {
    pub machine: Machine,
    /// The requirements behind the machine's outcomes, in the same order.
    pub requirements: Vec<Judged>,
    pub expiries: Vec<Expiry>,
    /// What tells reports of one machine from those of others.
    pub facts_sha256: String,
}

/// What a report says of one requirement.
pub(super) struct Judged {
    pub check: String,
    pub category: Category,
    pub title: String,
    pub level: Level,
    pub situation: Situation,
    pub cause: Option<String>,
    pub is_root: bool,
    pub blocks: usize,
}

fn by_check<S: serde::Serializer>(outcomes: &[Outcome], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        outcomes
            .iter()
            .map(|outcome| (&outcome.check, outcome.situation.word())),
    )
}

impl Machine {
    /// Sorts the worst first, and equals by name.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        let severity = match self.status {
            Status::Fail => 0,
            Status::Unknown | Status::Blocked => 1,
            _ if self.is_stale => 1,
            Status::Warn => 2,
            _ => 3,
        };
        let most = |count: usize| std::cmp::Reverse(count);
        (
            severity,
            most(self.root_causes.len()),
            most(self.summary.fail),
            most(self.summary.unknown),
            most(self.summary.warn),
            self.hostname.clone(),
            self.file.clone(),
        )
    }
}

impl Digest {
    /// What is kept of the report that was read from `file`.
    pub(super) fn of(report: &Report, file: &str, terms: Terms) -> Self {
        let name = |text: &str| readable(&one_line(text), LONGEST_NAME);
        let age = terms.as_of.duration_since(report.observed_at);
        let findings: Vec<&Finding> = report.findings.iter().take(MOST_FINDINGS).collect();
        let requirements: Vec<Judged> = findings
            .iter()
            .map(|finding| judged(report, finding))
            .collect();
        let mut expiries: Vec<Expiry> = findings
            .iter()
            .flat_map(|finding| expiries(report, finding, terms.as_of))
            .collect();
        expiries.sort_by_key(|expiry| expiry.at);
        expiries.truncate(MOST_EXPIRIES);
        let hostname = name(&report.host.hostname);
        Self {
            machine: Machine {
                name: hostname.clone(),
                file: name(file),
                hostname,
                addresses: report
                    .host
                    .addresses
                    .iter()
                    .take(8)
                    .map(|it| name(it))
                    .collect(),
                os: name(&report.host.os),
                profile: name(&report.profile.name),
                profile_sha256: name(&report.profile.sha256),
                tool_version: name(&report.tool.version),
                observed_at: report.observed_at,
                judged_as_of: report.judged_as_of,
                age_seconds: age.as_secs(),
                is_stale: age > terms.stale_after,
                status: report.status,
                exit_code: report.exit_code,
                summary: report.summary,
                root_causes: requirements
                    .iter()
                    .filter(|judged| judged.is_root)
                    .map(|judged| judged.check.clone())
                    .collect(),
                outcomes: requirements
                    .iter()
                    .map(|judged| Outcome {
                        check: judged.check.clone(),
                        situation: judged.situation,
                    })
                    .collect(),
            },
            requirements,
            expiries,
            facts_sha256: report.facts_sha256.clone(),
        }
    }
}

fn judged(report: &Report, finding: &Finding) -> Judged {
    let words = |text: &str, longest| readable(&one_line(text), longest);
    let is_root = report.root_causes.contains(&finding.id);
    Judged {
        check: words(&finding.id, LONGEST_NAME),
        category: finding.category,
        title: words(&finding.title, LONGEST_SENTENCE),
        level: finding.level,
        situation: Situation::of(finding),
        cause: finding
            .cause
            .as_deref()
            .map(|cause| words(cause, LONGEST_NAME)),
        is_root,
        blocks: if is_root {
            report.blocked_by(&finding.id).count()
        } else {
            0
        },
    }
}

fn expiries<'a>(
    report: &'a Report,
    finding: &'a Finding,
    as_of: Timestamp,
) -> impl Iterator<Item = Expiry> + 'a {
    let expiry = move |what: String, at: Timestamp| Expiry {
        machine: String::new(),
        check: readable(&finding.id, LONGEST_NAME),
        what: readable(&one_line(&what), LONGEST_NAME),
        at,
        remaining_seconds: at.duration_since(as_of).as_secs(),
    };
    let end_of = move |measurement: &Measurement| {
        let left = jiff::SignedDuration::try_from_secs_f64(measurement.value).ok()?;
        report.judged_as_of.checked_add(left).ok()
    };
    let measured = finding
        .measurements
        .iter()
        .filter(|measurement| measurement.name.ends_with(REMAINING))
        .filter_map(move |measurement| Some((measured_thing(measurement), end_of(measurement)?)));
    let waived = finding
        .waiver
        .iter()
        .filter_map(move |note| Some((format!("waiver of {}", finding.id), note.end()?)));
    measured
        .chain(waived)
        .map(move |(what, at)| expiry(what, at))
}

/// Gives machines that share a name, or have none, the name of their file as well.
pub(super) fn tell_apart(digests: &mut [Digest]) {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for digest in &*digests {
        *known.entry(digest.machine.hostname.clone()).or_default() += 1;
    }
    for digest in digests {
        let machine = &mut digest.machine;
        let is_alone = known.get(&machine.hostname) == Some(&1);
        machine.name = match (machine.hostname.as_str(), is_alone) {
            ("", _) => format!("no name ({})", machine.file),
            (_, true) => machine.hostname.clone(),
            (hostname, false) => format!("{hostname} ({})", machine.file),
        };
        for expiry in &mut digest.expiries {
            expiry.machine.clone_from(&machine.name);
        }
    }
}
