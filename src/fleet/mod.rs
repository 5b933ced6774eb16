//! Many machines at once: any number of finished reports in one view, the worst first.

mod counts;
mod gather;
mod html;
mod machine;
mod prometheus;
mod table;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub use counts::{CommonCause, Expiry, Requirement, Version};
pub use gather::{Superseded, Unreadable, gather};
pub use machine::{Machine, Outcome};

use crate::{
    checks::Status,
    document::pretty,
    report::{self, PageError, SCHEMA_VERSION, Templates},
};
use machine::Digest;

/// By which time and by which rules the reports are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The time by which ages and expiries are told.
    pub as_of: Timestamp,
    /// A report that is older says nothing of today.
    pub stale_after: SignedDuration,
    /// Whether older reports of a machine count beside its newest.
    pub every_report: bool,
}

/// Any number of reports in one view.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fleet {
    /// The version of this document's schema; fields are added, never renamed or removed, within one.
    pub schema_version: u32,
    /// The version of the doctor that made the view.
    pub tool_version: String,
    /// The time by which ages and expiries are told.
    pub as_of: Timestamp,
    /// The age from which a report is stale, in seconds.
    pub stale_after_seconds: i64,
    /// The worst of all machines; stale and unreadable reports count as unknown.
    pub status: Status,
    /// The exit code that goes with it.
    pub exit_code: u8,
    /// How many machines have which status.
    pub summary: Summary,
    /// What fails for no other reason, by how many machines it fails on.
    pub root_causes: Vec<CommonCause>,
    /// Every requirement of any report, in the manual's order.
    pub requirements: Vec<Requirement>,
    /// What expires when, the soonest first.
    pub expiries: Vec<Expiry>,
    /// Which doctors and profiles judged.
    pub versions: Vec<Version>,
    /// The machines, the worst first.
    pub machines: Vec<Machine>,
    /// Files that are no report or could not be read.
    pub unreadable: Vec<Unreadable>,
    /// Older reports of machines that have a newer one, and other forms of the same report.
    pub superseded: Vec<Superseded>,
}

/// How many machines have which status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Summary {
    pub machines: usize,
    pub fail: usize,
    pub unknown: usize,
    pub warn: usize,
    pub pass: usize,
    /// Of all these, those whose report is stale.
    pub stale: usize,
    pub unreadable: usize,
    pub superseded: usize,
}

impl Fleet {
    /// The view of what was read.
    fn of(
        terms: Terms,
        mut digests: Vec<Digest>,
        unreadable: Vec<Unreadable>,
        superseded: Vec<Superseded>,
    ) -> Self {
        digests.sort_by_key(|one| one.machine.rank());
        machine::tell_apart(&mut digests);
        let count = |status| {
            digests
                .iter()
                .filter(|digest| digest.machine.status == status)
                .count()
        };
        let summary = Summary {
            machines: digests.len(),
            fail: count(Status::Fail),
            unknown: count(Status::Unknown),
            warn: count(Status::Warn),
            pass: count(Status::Pass),
            stale: digests
                .iter()
                .filter(|digest| digest.machine.is_stale)
                .count(),
            unreadable: unreadable.len(),
            superseded: superseded.len(),
        };
        let (status, exit_code) = summary.ending();
        Self {
            schema_version: SCHEMA_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            as_of: terms.as_of,
            stale_after_seconds: terms.stale_after.as_secs(),
            status,
            exit_code,
            summary,
            root_causes: counts::root_causes(&digests),
            requirements: counts::requirements(&digests),
            expiries: counts::expiries(&digests),
            versions: counts::versions(&digests),
            machines: digests.into_iter().map(|digest| digest.machine).collect(),
            unreadable,
            superseded,
        }
    }

    /// As JSON.
    ///
    /// # Errors
    /// None that a fleet can cause; the serializer's own are passed on.
    pub fn json(&self) -> serde_json::Result<String> {
        pretty(self)
    }

    /// As a page that needs nothing but itself.
    ///
    /// # Errors
    /// A template of the site's own that is wrong.
    pub fn html(&self, templates: &Templates) -> Result<String, PageError> {
        html::page(self, templates)
    }

    /// As metrics.
    #[must_use]
    pub fn prometheus(&self) -> String {
        prometheus::metrics(self)
    }

    /// As a person at a terminal reads it.
    #[must_use]
    pub fn table(&self, look: report::Look) -> String {
        table::table(self, look)
    }

    /// The verdict on all machines in one sentence.
    fn verdict(&self) -> String {
        let all = count_of(self.summary.machines, "machine");
        match (self.status, self.summary.machines) {
            (_, 0) => "No report could be read.".to_owned(),
            (Status::Fail, _) => {
                let are = if self.summary.fail == 1 { "is" } else { "are" };
                format!("{} of {all} {are} not ready for Sesam.", self.summary.fail)
            }
            (Status::Warn, _) => format!("Nothing fails on {all}, but there are warnings."),
            (Status::Pass, _) => format!("All is well on {all}."),
            _ => format!("Nothing fails on {all}, but not everything is known."),
        }
    }
}

impl Summary {
    /// Not knowing outranks a warning, as within one report.
    fn ending(&self) -> (Status, u8) {
        if self.fail > 0 {
            (Status::Fail, 2)
        } else if self.unknown + self.stale + self.unreadable > 0 || self.machines == 0 {
            (Status::Unknown, 3)
        } else if self.warn > 0 {
            (Status::Warn, 1)
        } else {
            (Status::Pass, 0)
        }
    }
}

/// `1 machine`, `12 machines`.
fn count_of(count: usize, noun: &str) -> String {
    crate::units::counted(u64::try_from(count).unwrap_or(u64::MAX), noun)
}

/// The age of a report or the distance of an expiry in words: `3 hours`, `12 days`.
fn distance(seconds: i64) -> String {
    crate::units::roughly(jiff::SignedDuration::from_secs(seconds))
}
