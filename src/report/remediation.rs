//! What `--fix` did between the look before and the look after.

use serde::{Deserialize, Serialize};

use super::{Report, Summary};
use crate::checks::Status;

/// What `--fix` did; the report itself is of the machine afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Remediation {
    /// The name of the run, for `undo`; none where nothing was changed.
    pub run: Option<String>,
    /// The state of the machine before.
    pub status_before: Status,
    /// How many findings had which status before.
    pub summary_before: Summary,
    /// What was planned, and what became of it.
    pub steps: Vec<RemediationStep>,
    /// The findings whose status is another one now.
    pub changed: Vec<ChangedFinding>,
    /// Where a step failed: what was taken back.
    pub taken_back: Vec<String>,
    /// What could not be taken back or was left to a person.
    pub left: Vec<String>,
}

/// One step, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RemediationStep {
    /// What it was to do.
    pub words: String,
    /// `done`, `not-needed`, `declined`, `failed` or `not-reached`.
    pub result: String,
    /// Why it failed.
    pub reason: Option<String>,
}

/// A finding before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ChangedFinding {
    /// The check's stable name.
    pub id: String,
    /// How it stood.
    pub before: Status,
    /// How it stands.
    pub after: Status,
}

impl Remediation {
    /// The findings that stand otherwise than before.
    #[must_use]
    pub fn changes(before: &Report, after: &Report) -> Vec<ChangedFinding> {
        after
            .findings
            .iter()
            .filter_map(|finding| {
                let former = before.findings.iter().find(|old| old.id == finding.id)?;
                (former.status != finding.status).then(|| ChangedFinding {
                    id: finding.id.clone(),
                    before: former.status,
                    after: finding.status,
                })
            })
            .collect()
    }
}
