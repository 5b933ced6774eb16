//! How a finding stands, as a reader tells findings apart: the statuses, and what else matters to an auditor.

use super::{Finding, Report};
use crate::checks::{Level, Status};

/// One of nine situations, each with a word and a symbol of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Situation {
    /// Not met.
    Fail,
    /// Not met, and the waiver that accepted it has run out.
    WaiverExpired,
    /// Could not be determined.
    Unknown,
    /// Met only just, or a recommendation that is not met.
    Warn,
    /// Could not be judged because of another finding.
    Blocked,
    /// Not met, and somebody has accepted that.
    Waived,
    /// Met.
    Pass,
    /// Does not apply here.
    Skip,
    /// The run was not about it.
    NotSelected,
}

impl Situation {
    /// Every situation, from bad to good.
    pub const ALL: [Self; 9] = [
        Self::Fail,
        Self::WaiverExpired,
        Self::Unknown,
        Self::Warn,
        Self::Blocked,
        Self::Waived,
        Self::Pass,
        Self::Skip,
        Self::NotSelected,
    ];

    /// The situation of a finding.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        let is_expired = finding.waiver.as_ref().is_some_and(|note| note.expired);
        match finding.status {
            _ if !finding.selected => Self::NotSelected,
            Status::Fail | Status::Warn if is_expired => Self::WaiverExpired,
            Status::Fail => Self::Fail,
            Status::Warn => Self::Warn,
            Status::Unknown => Self::Unknown,
            Status::Blocked => Self::Blocked,
            Status::Waived => Self::Waived,
            Status::Pass => Self::Pass,
            Status::Skip => Self::Skip,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::WaiverExpired => "waiver expired",
            Self::Unknown => "unknown",
            Self::Warn => "warn",
            Self::Blocked => "blocked",
            Self::Waived => "waived",
            Self::Pass => "pass",
            Self::Skip => "skip",
            Self::NotSelected => "not selected",
        }
    }

    /// The name of its symbol and colour in the page.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::WaiverExpired => "expired",
            Self::NotSelected => "deselected",
            other => other.word(),
        }
    }

    /// Whether it was found out how the requirement stands.
    #[must_use]
    pub fn is_evaluated(self) -> bool {
        matches!(
            self,
            Self::Fail | Self::WaiverExpired | Self::Warn | Self::Waived | Self::Pass
        )
    }
}

/// The verdict on the whole machine in one sentence.
pub(super) fn verdict(report: &Report) -> String {
    let required = report
        .findings
        .iter()
        .filter(|finding| finding.status == Status::Fail && finding.level == Level::Required)
        .count();
    let roots = match report.root_causes.len() {
        1 => "1 root cause".to_owned(),
        count => format!("{count} root causes"),
    };
    match report.status {
        Status::Fail if required > 0 => format!("This machine is not ready for Sesam: {roots}."),
        Status::Fail => format!("Recommendations that count here are not met: {roots}."),
        Status::Warn => "Nothing fails, but there are warnings.".to_owned(),
        Status::Pass => "This machine is ready for Sesam: everything evaluated is met.".to_owned(),
        _ => "Nothing fails, but not everything could be determined.".to_owned(),
    }
}
