//! The kernel's own view of its clock.

use std::path::Path;

use rtime_clock::adjtime::{Timex, adjtimex};
use serde::{Deserialize, Serialize};

use super::{Observed, Root, Site, bounded, proc};

/// `STA_UNSYNC` of `adjtimex(2)`: nobody keeps the clock.
const UNSYNCHRONISED: i32 = 0x40;

/// `TIME_ERROR` of `adjtimex(2)`, what the call returns of a clock that is not to be relied on.
const TIME_ERROR: i32 = 5;

/// The kernel's clock, and the programs that could keep it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// What the kernel says of its clock.
    #[serde(default)]
    pub kernel: Observed<KernelClock>,
    /// Programs for keeping the clock that run.
    #[serde(default)]
    pub running: Observed<Vec<TimeService>>,
    /// Programs for keeping the clock that are installed.
    #[serde(default)]
    pub installed: Observed<Vec<TimeService>>,
}

/// The answer of `adjtimex(2)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelClock {
    /// The state of the clock, which the call returns: 0 is well, 5 is an error.
    pub state: i32,
    /// The status bits (`STA_…`).
    pub status: i32,
    /// How far off it is estimated to be, in microseconds.
    pub estimated_error_us: i64,
    /// How far off it can be at most, in microseconds; grows while nobody keeps it.
    pub maximum_error_us: i64,
}

impl KernelClock {
    /// Whether somebody keeps the clock.
    #[must_use]
    pub fn is_synchronised(&self) -> bool {
        self.status & UNSYNCHRONISED == 0 && self.state != TIME_ERROR
    }
}

/// A program that keeps the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeService {
    /// systemd's own.
    Timesyncd,
    /// chrony.
    Chrony,
    /// ntpd of NTP, ntpsec or `OpenNTPD`.
    Ntpd,
    /// linuxptp's `phc2sys`, which takes the time from a network card.
    Phc2sys,
}

/// Each service, how the kernel knows its process, and where its program may be.
const SERVICES: [(TimeService, &str, &[&str]); 4] = [
    (
        TimeService::Timesyncd,
        "systemd-timesyn",
        &[
            "/usr/lib/systemd/systemd-timesyncd",
            "/lib/systemd/systemd-timesyncd",
        ],
    ),
    (TimeService::Chrony, "chronyd", &["/usr/sbin/chronyd"]),
    (TimeService::Ntpd, "ntpd", &["/usr/sbin/ntpd"]),
    (TimeService::Phc2sys, "phc2sys", &["/usr/sbin/phc2sys"]),
];

/// Asks the kernel, and looks who could keep its clock.
pub async fn observe(site: Site) -> Observed<Clock> {
    let root = site.root.clone();
    let (kernel, running, installed) = tokio::join!(
        bounded(site.deadline, "the kernel's clock", kernel),
        bounded(site.deadline, "the list of processes", running),
        bounded(site.deadline, "the programs for keeping time", move || {
            installed(&root)
        }),
    );
    Observed::Seen(Clock {
        kernel,
        running,
        installed,
    })
}

fn kernel() -> Observed<KernelClock> {
    // All zero, `modes` included, which makes the call a mere question: it sets nothing.
    let mut answer = Timex::new();
    match adjtimex(&mut answer) {
        Ok(state) => Observed::Seen(KernelClock {
            state,
            status: answer.0.status,
            estimated_error_us: answer.0.esterror,
            maximum_error_us: answer.0.maxerror,
        }),
        Err(error) => Observed::from_error(&error, "the kernel's clock"),
    }
}

/// Time services run under users of their own, so every process counts, whoever runs it.
fn running() -> Observed<Vec<TimeService>> {
    let names = SERVICES.map(|(_, name, _)| name);
    proc::observed(proc::processes(&names), "the list of processes").map(|found| {
        SERVICES
            .iter()
            .filter(|(_, name, _)| found.contains_key(name))
            .map(|(service, _, _)| *service)
            .collect()
    })
}

fn installed(root: &Root) -> Observed<Vec<TimeService>> {
    let is_there = |program: &&str| {
        root.locate(Path::new(program))
            .is_ok_and(|located| rustix::fs::stat(&located).is_ok())
    };
    Observed::Seen(
        SERVICES
            .iter()
            .filter(|(_, _, programs)| programs.iter().any(is_there))
            .map(|(service, _, _)| *service)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_sets_nothing() {
        assert_eq!(Timex::new().0.modes, 0);
        // Without CAP_SYS_TIME the kernel refuses anything but a question; as root two questions have the same answer.
        let (first, second) = (kernel(), kernel());
        let (first, second) = (first.seen().unwrap(), second.seen().unwrap());
        assert_eq!(first.status, second.status);
        assert_eq!(first.state, second.state);
    }

    #[test]
    fn either_sign_of_an_error_is_one() {
        let clock = |state, status| KernelClock {
            state,
            status,
            ..KernelClock::default()
        };
        assert!(clock(0, 0x2001).is_synchronised());
        assert!(clock(1, 0x2011).is_synchronised());
        assert!(!clock(0, 0x41).is_synchronised());
        assert!(!clock(5, 0).is_synchronised());
    }

    #[test]
    fn programs_are_sought_in_the_examined_root() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(place.path().join("usr/sbin")).unwrap();
        std::fs::write(place.path().join("usr/sbin/chronyd"), "").unwrap();
        assert_eq!(
            installed(&Root::at(place.path()).unwrap()),
            Observed::Seen(vec![TimeService::Chrony])
        );
    }
}
