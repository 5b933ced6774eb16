//! What a probe's report says of one port.

use jiff::{SignedDuration, Timestamp};

use super::door::{self, DoorVerdict, Outside};
use crate::{
    checks::Context,
    facts::{Gap, Observed, probe_report::Probe},
    units::counted,
};

/// What a report from outside says.
pub enum View<'a> {
    /// There is none.
    None,
    /// There is one that does not count; says why.
    Useless(String),
    /// It counts.
    Seen(Seen<'a>),
}

/// What was seen at one port from outside.
pub struct Seen<'a> {
    /// The report.
    pub probe: &'a Probe,
    /// Every address at which it was looked, with the verdict.
    pub doors: Vec<(String, DoorVerdict)>,
    /// How old it is, in words.
    pub age: String,
}

impl Seen<'_> {
    /// The addresses where one gets through (or where not), with the verdicts.
    pub fn ways(&self, open: bool) -> impl Iterator<Item = &(String, DoorVerdict)> {
        self.doors
            .iter()
            .filter(move |(_, verdict)| verdict.way_is_open == Some(open))
    }

    /// Who looked, at what, and when.
    pub fn source(&self) -> String {
        format!(
            "{} looked at {} {} ago ({})",
            self.probe.from, self.probe.host, self.age, self.probe.probed_at
        )
    }
}

/// What the report that the settings name says of a port.
pub fn view<'a>(context: &Context<'a>, port: u16) -> View<'a> {
    let probe = match context.facts.probe_report() {
        Observed::Seen(probe) => probe,
        Observed::NotAsked => return View::None,
        Observed::Absent => {
            return View::Useless(
                "the probe's report that the settings name (`probe_report`) is not there".into(),
            );
        }
        other => {
            let gap = other.seen().err().unwrap_or(Gap::NotAsked);
            return View::Useless(format!("the probe's report does not count: {gap}"));
        }
    };
    let age = context.now.duration_since(probe.probed_at);
    let valid_hours = context.profile.vantage.report_valid_hours;
    if age > SignedDuration::from_hours(i64::from(valid_hours)) {
        return View::Useless(format!(
            "the probe's report is {} old and does not count any more (after {}): probe again",
            in_words(age),
            in_words(SignedDuration::from_hours(i64::from(valid_hours)))
        ));
    }
    if probe.probed_at > later(context.now) {
        return View::Useless(format!(
            "the probe's report is of a time to come ({}) and does not count: look at the clocks of both machines",
            probe.probed_at
        ));
    }
    let outside = Outside {
        probe,
        profile: context.profile,
    };
    let doors: Vec<(String, DoorVerdict)> = probe
        .doors
        .iter()
        .filter(|door| door.port == port)
        .map(|door| (door::name(door), door::judge(outside, door)))
        .collect();
    if doors
        .iter()
        .all(|(_, verdict)| verdict.way_is_open.is_none())
    {
        return View::Useless(format!(
            "the probe of {} did not look at port {port}",
            probe.host
        ));
    }
    View::Seen(Seen {
        probe,
        doors,
        age: in_words(age.max(SignedDuration::ZERO)),
    })
}

/// By how much two machines' clocks may differ.
fn later(now: Timestamp) -> Timestamp {
    now.checked_add(SignedDuration::from_mins(10))
        .unwrap_or(now)
}

fn in_words(duration: SignedDuration) -> String {
    let minutes = duration.as_secs().unsigned_abs() / 60;
    match minutes {
        0..=119 => counted(minutes, "minute"),
        120..=2_879 => counted(minutes / 60, "hour"),
        _ => counted(minutes / 1440, "day"),
    }
}
