//! What a check says.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Cause, Check, Connection, Measurement, cause::gap_cause};
use crate::facts::Gap;

/// How a requirement stands. The order is from good to bad, so that the worst of several is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Does not apply here, or was deselected.
    Skip,
    /// Met.
    Pass,
    /// Unmet or about to be, and somebody has accepted that.
    Waived,
    /// Could not be judged because of another finding.
    Blocked,
    /// Met only just, or a recommendation that is not met.
    Warn,
    /// Could not be determined.
    Unknown,
    /// Not met.
    Fail,
}

impl Status {
    /// Every status, from bad to good.
    pub const ALL: [Self; 7] = [
        Self::Fail,
        Self::Unknown,
        Self::Warn,
        Self::Blocked,
        Self::Waived,
        Self::Pass,
        Self::Skip,
    ];

    /// The word for it in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Pass => "pass",
            Self::Waived => "waived",
            Self::Blocked => "blocked",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }
}

/// A verdict, or the gap in the facts that forbids one.
pub type Judgement = Result<Verdict, Gap>;

/// One thing that was seen, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evidence {
    /// What it is.
    pub label: String,
    /// What was seen.
    pub value: String,
}

/// One of several things that a check is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Item {
    /// The host, container, file system, variable …
    pub name: String,
    /// How it stands.
    pub status: Status,
    /// What was told apart; null on pass and skip.
    pub cause: Option<String>,
    /// The verdict on it in one sentence.
    pub summary: String,
    /// What was seen of it.
    pub observed: Value,
}

impl Item {
    /// A thing that is as it should be.
    pub fn pass(name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self::new(name, Status::Pass, None, summary)
    }

    /// A thing that is only just as it should be.
    pub fn warn(name: impl Into<String>, cause: Cause, summary: impl Into<String>) -> Self {
        Self::new(name, Status::Warn, Some(cause), summary)
    }

    /// A thing that is not as it should be.
    pub fn fail(name: impl Into<String>, cause: Cause, summary: impl Into<String>) -> Self {
        Self::new(name, Status::Fail, Some(cause), summary)
    }

    /// A thing that does not apply.
    pub fn skip(name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self::new(name, Status::Skip, None, summary)
    }

    /// A thing that could not be determined.
    pub fn unknown(name: impl Into<String>, gap: &Gap) -> Self {
        Self::new(name, Status::Unknown, Some(gap_cause(gap)), gap.to_string())
    }

    /// A thing that could not be determined, for a reason that has a code of its own.
    pub fn undetermined(name: impl Into<String>, cause: Cause, summary: impl Into<String>) -> Self {
        Self::new(name, Status::Unknown, Some(cause), summary)
    }

    /// With what was seen of it.
    #[must_use]
    pub fn observed(mut self, observed: impl Into<Value>) -> Self {
        self.observed = observed.into();
        self
    }

    fn new(
        name: impl Into<String>,
        status: Status,
        cause: Option<Cause>,
        summary: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            status,
            cause: cause.map(|cause| cause.code.to_owned()),
            summary: summary.into(),
            observed: Value::Null,
        }
    }
}

/// What a check says of the facts; levels, waivers and other findings come later.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Pass, warn, fail, skip or unknown.
    pub status: Status,
    /// The code of what was told apart; none on pass and skip.
    pub cause: Option<String>,
    /// The verdict in one sentence.
    pub summary: String,
    /// What was seen, for machines.
    pub observed: Value,
    /// What would have been right.
    pub expected: Option<String>,
    /// What the verdict rests on.
    pub evidence: Vec<Evidence>,
    /// What to do, one step each.
    pub advice: Vec<String>,
    /// What is worth knowing although it changes no verdict.
    pub remarks: Vec<String>,
    /// The things that the check is over.
    pub items: Vec<Item>,
    /// Figures for monitoring systems and graphics.
    pub measurements: Vec<Measurement>,
    /// The connections that the check is about, for whoever runs the firewall.
    pub connections: Vec<Connection>,
    /// Whether a person has to decide what to do, so that `--fix` does nothing although the cause has its remedy.
    pub by_hand: bool,
    /// Other checks that are about the same trouble: where one of them fails or warns, this finding follows from it.
    pub follows: Vec<Followed>,
    /// Whether it rests on facts of its own, so that the failure of a check that it needs explains nothing of it.
    pub stands_alone: bool,
}

/// What a finding may follow from.
#[derive(Clone, Copy, Debug)]
pub struct Followed {
    /// The check that is about the same trouble.
    pub check: &'static Check,
    /// Its only cause that explains the finding; none where any does.
    pub cause: Option<&'static str>,
}

impl Verdict {
    /// The requirement is met.
    pub fn pass(summary: impl Into<String>) -> Self {
        Self::new(Status::Pass, None, summary)
    }

    /// The requirement is met only just, or will not be for long.
    pub fn warn(cause: Cause, summary: impl Into<String>) -> Self {
        Self::new(Status::Warn, Some(cause.code), summary)
    }

    /// The requirement is not met.
    pub fn fail(cause: Cause, summary: impl Into<String>) -> Self {
        Self::new(Status::Fail, Some(cause.code), summary)
    }

    /// The requirement does not apply here.
    pub fn skip(summary: impl Into<String>) -> Self {
        Self::new(Status::Skip, None, summary)
    }

    /// Whether the requirement is met could not be determined.
    pub fn unknown(cause: Cause, summary: impl Into<String>) -> Self {
        Self::new(Status::Unknown, Some(cause.code), summary)
    }

    /// The verdict on several things: the worst of them, and why.
    #[must_use]
    pub fn worst_of(items: Vec<Item>, all_well: impl Into<String>) -> Self {
        // Of equally bad ones the first counts.
        let worst = items
            .iter()
            .rev()
            .max_by_key(|item| item.status)
            .filter(|item| item.status > Status::Pass);
        let mut verdict = match worst {
            None => Self::pass(all_well),
            Some(worst) => {
                let others = items
                    .iter()
                    .filter(|item| item.status > Status::Pass)
                    .count()
                    - 1;
                let summary = match others {
                    0 => format!("{}: {}", worst.name, worst.summary),
                    others => format!("{}: {} (and {others} more)", worst.name, worst.summary),
                };
                let mut verdict = Self::new(worst.status, None, summary);
                verdict.cause.clone_from(&worst.cause);
                verdict
            }
        };
        verdict.items = items;
        verdict
    }

    fn new(status: Status, cause: Option<&'static str>, summary: impl Into<String>) -> Self {
        Self {
            status,
            cause: cause.map(ToOwned::to_owned),
            summary: summary.into(),
            observed: Value::Null,
            expected: None,
            evidence: Vec::new(),
            advice: Vec::new(),
            remarks: Vec::new(),
            items: Vec::new(),
            measurements: Vec::new(),
            connections: Vec::new(),
            by_hand: false,
            follows: Vec::new(),
            stands_alone: false,
        }
    }

    /// With what was seen, for machines.
    #[must_use]
    pub fn observed(mut self, observed: impl Into<Value>) -> Self {
        self.observed = observed.into();
        self
    }

    /// With what would have been right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// With one more thing that the verdict rests on.
    #[must_use]
    pub fn evidence(mut self, label: impl Into<String>, value: impl std::fmt::Display) -> Self {
        self.evidence.push(Evidence {
            label: label.into(),
            value: value.to_string(),
        });
        self
    }

    /// With one more step to take.
    #[must_use]
    pub fn advice(mut self, step: impl Into<String>) -> Self {
        self.advice.push(step.into());
        self
    }

    /// With several more steps to take, each said once.
    #[must_use]
    pub fn advice_all(mut self, steps: impl IntoIterator<Item = String>) -> Self {
        for step in steps {
            if !self.advice.contains(&step) {
                self.advice.push(step);
            }
        }
        self
    }

    /// With one more thing worth knowing.
    #[must_use]
    pub fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remarks.push(remark.into());
        self
    }

    /// With one more figure; one that is not finite is no figure and left out.
    #[must_use]
    pub fn measure(mut self, measurement: Measurement) -> Self {
        if measurement.value.is_finite() {
            self.measurements.push(measurement);
        }
        self
    }

    /// With one more connection that the check is about.
    #[must_use]
    pub fn connection(mut self, connection: Connection) -> Self {
        self.connections.push(connection);
        self
    }

    /// As a finding that only a person can decide about, whatever its cause.
    #[must_use]
    pub fn by_hand(mut self) -> Self {
        self.by_hand = true;
        self
    }

    /// As a finding that follows from `check`, where that one fails or warns too.
    #[must_use]
    pub fn follows(mut self, check: &'static Check) -> Self {
        self.follows.push(Followed { check, cause: None });
        self
    }

    /// As a finding that follows from `check`, where that one has this very cause.
    #[must_use]
    pub fn follows_cause(mut self, check: &'static Check, cause: Cause) -> Self {
        self.follows.push(Followed {
            check,
            cause: Some(cause.code),
        });
        self
    }

    /// As a finding that the facts prove whatever else is wrong: failing needs do not explain it.
    #[must_use]
    pub fn stands_alone(mut self) -> Self {
        self.stands_alone = true;
        self
    }
}

impl From<Gap> for Verdict {
    /// Not knowing is `unknown`, with the reason, and never a pass.
    fn from(gap: Gap) -> Self {
        let verdict = Self::unknown(gap_cause(&gap), gap.to_string());
        match gap {
            Gap::Denied(_) => verdict.advice("run the doctor as root, for example with sudo"),
            _ => verdict,
        }
    }
}
