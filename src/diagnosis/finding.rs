//! One finding, as it stands in the report.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    checks::{Category, Connection, Evidence, Item, Level, Measurement, Status},
    settings::Waiver,
};

/// What one check found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// The check's stable name.
    pub id: String,
    /// What it is about.
    pub category: Category,
    /// The requirement in words.
    pub title: String,
    /// How much it matters.
    pub level: Level,
    /// How it stands.
    pub status: Status,
    /// Whether the run was about it; a deselected check has the status `skip`.
    pub selected: bool,
    /// The stable code of what was told apart; null on pass and skip.
    pub cause: Option<String>,
    /// The things that the check is over.
    pub items: Vec<Item>,
    /// The verdict in one sentence.
    pub summary: String,
    /// What was seen.
    pub observed: Value,
    /// What would have been right.
    pub expected: Option<String>,
    /// What the verdict rests on.
    pub evidence: Vec<Evidence>,
    /// Figures for monitoring systems and graphics.
    #[serde(default)]
    pub measurements: Vec<Measurement>,
    /// The connections that it is about, for whoever runs the firewall.
    #[serde(default)]
    pub connections: Vec<Connection>,
    /// The findings that this one follows from, where it is blocked.
    pub because_of: Vec<String>,
    /// What to do, one step each.
    pub advice: Vec<String>,
    /// What is worth knowing although it changes no verdict.
    pub remarks: Vec<String>,
    /// What the doctor itself can do about it.
    pub fix: Fix,
    /// Where the requirement comes from.
    pub reference: String,
    /// The sources of facts that it was judged by.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Who accepted it, where somebody did.
    pub waiver: Option<WaiverNote>,
    /// How long observing took for it, in milliseconds.
    pub duration_ms: u64,
}

/// What the doctor itself can do about a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fix {
    /// Whether it needs no decision by a person.
    pub automatic: bool,
    /// What it would do, one step each.
    pub steps: Vec<String>,
}

/// A waiver and whether it still holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WaiverNote {
    /// What the settings say.
    #[serde(flatten)]
    pub waiver: Waiver,
    /// Whether its last day has passed, so that it does nothing.
    pub expired: bool,
}

impl WaiverNote {
    /// The moment at which it runs out: the end, in UTC, of its last day.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        let last = self.waiver.until.to_datetime(jiff::civil::Time::MAX);
        jiff::tz::Offset::UTC.to_timestamp(last).ok()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_waiver_runs_out_with_its_last_day() {
        let note = WaiverNote {
            waiver: Waiver {
                check: "hardware.cpu".into(),
                reason: "agreed".into(),
                approved_by: "IT".into(),
                until: date(2026, 11, 23),
            },
            expired: false,
        };
        let end = note.end().map(Timestamp::as_second);
        let next_day: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
        assert_eq!(end, Some(next_day.as_second() - 1));
    }
}
