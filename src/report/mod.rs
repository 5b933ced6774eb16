//! The finished report, and one file per format. Formats see nothing but the report.

mod changes;
mod exposition;
mod html;
mod json;
mod junit;
mod markdown;
mod nagios;
mod oscal;
mod prometheus;
mod redaction;
mod remediation;
mod situation;
mod table;
mod text;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use exposition::Exposition;
pub(crate) use html::{SituationView, measured_thing};
pub(crate) use table::colored_status;
pub(crate) use text::{one_line, readable, sha256};

pub use changes::{Change, Changes, Side, State};
pub use html::{BUILT_IN_TEMPLATES, PageError, Templates, embedded, html};
pub use json::{json, schema};
pub use junit::junit;
pub use markdown::markdown;
pub use nagios::nagios;
pub use oscal::oscal;
pub use prometheus::prometheus;
pub use remediation::{ChangedFinding, Remediation, RemediationStep};
pub use situation::Situation;
pub use table::{Detail, Look, table};

pub use crate::diagnosis::{Finding, Fix, WaiverNote};

use crate::{
    checks::Status,
    diagnosis::Diagnosis,
    document::compact,
    facts::{Facts, Tool},
    profile,
};

/// The version of the report's schema; fields are added, never renamed or removed, within one.
pub const SCHEMA_VERSION: u32 = 1;

/// The report of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The program that judged.
    pub tool: Tool,
    /// The requirements by which was judged.
    pub profile: ProfileNote,
    /// The machine that was observed.
    pub host: HostNote,
    /// SHA-256 of the facts that were judged, in hexadecimal.
    #[serde(default)]
    pub facts_sha256: String,
    /// The account that the doctor ran under, and whose it was before sudo; none where it is not known.
    #[serde(default)]
    pub run_by: Option<String>,
    /// When the run began, RFC 3339 in UTC.
    #[cfg_attr(test, schemars(with = "String"))]
    pub started_at: Timestamp,
    /// When the machine was observed, RFC 3339 in UTC; earlier than `started_at` for recorded facts.
    #[cfg_attr(test, schemars(with = "String"))]
    pub observed_at: Timestamp,
    /// The time by which was judged, RFC 3339 in UTC.
    #[cfg_attr(test, schemars(with = "String"))]
    pub judged_as_of: Timestamp,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
    /// The state of the machine in one word.
    pub status: Status,
    /// The process's exit code: 0 passed, 1 warning, 2 failure, 3 undetermined.
    pub exit_code: u8,
    /// How many findings have which status.
    pub summary: Summary,
    /// The ids of the failures that no other failure explains.
    pub root_causes: Vec<String>,
    /// One for each check, in an order that never changes.
    pub findings: Vec<Finding>,
    /// What `--fix` did before this was observed; only there after such a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<Remediation>,
}

/// Which requirements were used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProfileNote {
    /// Its name.
    pub name: String,
    /// `built-in` or the file it was read from.
    pub source: String,
    /// SHA-256 of all it says, in hexadecimal.
    pub sha256: String,
    /// The edition of the operator's manual that it follows.
    #[serde(default)]
    pub edition: String,
}

/// Which machine was observed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HostNote {
    /// Its name.
    pub hostname: String,
    /// Its operating system, as it calls itself.
    pub os: String,
    /// The release of its kernel.
    pub kernel: String,
    /// The kind of its CPUs, as in `x86_64`.
    pub architecture: String,
    /// Its addresses, as far as they were observed.
    #[serde(default)]
    pub addresses: Vec<String>,
}

/// How many findings have which status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(missing_docs)]
pub struct Summary {
    pub pass: usize,
    pub warn: usize,
    pub fail: usize,
    pub skip: usize,
    pub unknown: usize,
    pub blocked: usize,
    pub waived: usize,
}

/// When a run took place, and by which time it judged.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// When it began.
    pub started_at: Timestamp,
    /// The time by which was judged.
    pub judged_as_of: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

impl Report {
    /// The report of a diagnosis of these facts.
    #[must_use]
    pub fn new(facts: &Facts, diagnosis: Diagnosis, timing: Timing) -> Self {
        let summary = Summary::of(&diagnosis.findings);
        let ending = summary.ending();
        Self {
            schema_version: SCHEMA_VERSION,
            tool: Tool::this(),
            profile: ProfileNote {
                name: facts.profile.name.clone(),
                source: facts.profile.source.clone(),
                sha256: profile::sha256(&facts.profile),
                edition: facts.profile.edition.clone(),
            },
            host: facts
                .host
                .seen()
                .map(|host| HostNote {
                    hostname: host.hostname.clone(),
                    os: host.os_name(),
                    kernel: host.kernel.clone(),
                    architecture: host.architecture.clone(),
                    addresses: host.addresses(),
                })
                .unwrap_or_default(),
            facts_sha256: facts_sha256(facts),
            run_by: None,
            started_at: timing.started_at,
            observed_at: facts.observed_at,
            judged_as_of: timing.judged_as_of,
            duration_ms: timing.duration_ms,
            status: ending.status(),
            exit_code: ending.code(),
            summary,
            root_causes: diagnosis.root_causes,
            findings: diagnosis.findings,
            remediation: None,
        }
    }

    /// The findings that no other failure explains.
    pub fn roots(&self) -> impl Iterator<Item = &Finding> {
        self.root_causes
            .iter()
            .filter_map(|id| self.findings.iter().find(|finding| finding.id == *id))
    }

    /// The findings that are blocked by the one of this id.
    pub fn blocked_by<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.because_of.iter().any(|cause| cause == id))
    }
}

/// The hash of facts as a recording holds them.
fn facts_sha256(facts: &Facts) -> String {
    compact(facts).map_or_else(|_| String::new(), |text| text::sha256(text.as_bytes()))
}

/// How a run that came to a report ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All passed, were skipped or waived.
    Passed,
    /// At least one warning.
    Warned,
    /// At least one failure.
    Failed,
    /// No failure, but something could not be determined, or nothing was evaluated.
    Undetermined,
}

impl Ending {
    /// The exit code of the monitoring-plugin convention.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Warned => 1,
            Self::Failed => 2,
            Self::Undetermined => 3,
        }
    }

    fn status(self) -> Status {
        match self {
            Self::Passed => Status::Pass,
            Self::Warned => Status::Warn,
            Self::Failed => Status::Fail,
            Self::Undetermined => Status::Unknown,
        }
    }
}

impl Summary {
    fn of(findings: &[Finding]) -> Self {
        let count = |status| {
            findings
                .iter()
                .filter(|finding| finding.status == status)
                .count()
        };
        Self {
            pass: count(Status::Pass),
            warn: count(Status::Warn),
            fail: count(Status::Fail),
            skip: count(Status::Skip),
            unknown: count(Status::Unknown),
            blocked: count(Status::Blocked),
            waived: count(Status::Waived),
        }
    }

    /// The number of findings of a status.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        match status {
            Status::Pass => self.pass,
            Status::Warn => self.warn,
            Status::Fail => self.fail,
            Status::Skip => self.skip,
            Status::Unknown => self.unknown,
            Status::Blocked => self.blocked,
            Status::Waived => self.waived,
        }
    }

    fn ending(&self) -> Ending {
        let evaluated = self.pass + self.warn + self.fail + self.unknown + self.waived;
        if self.fail > 0 {
            Ending::Failed
        } else if self.unknown > 0 || evaluated == 0 {
            Ending::Undetermined
        } else if self.warn > 0 {
            Ending::Warned
        } else {
            Ending::Passed
        }
    }
}
