//! A time service that keeps the clock. The doctor itself never sets it.

use std::path::Path;

use super::{ByHand, Made, command, packages};
use crate::remediate::{
    change::{Change, WayBack},
    machine::{Call, Machine},
    step::{Situation, Step, StepError},
};

/// Units of time services, the distribution's own first.
const UNITS: [&str; 6] = [
    "systemd-timesyncd.service",
    "chrony.service",
    "chronyd.service",
    "ntpsec.service",
    "ntp.service",
    "ntpd.service",
];

/// The steps that enable time synchronisation: a time service, where none is installed, and its start.
pub(super) fn make(situation: &Situation, machine: &Machine) -> Made {
    if !has_systemd(machine) {
        return Err(ByHand(
            "without systemd the doctor does not know how the clock is kept here".into(),
        ));
    }
    let is_container = machine
        .run(&Call::new("systemd-detect-virt").arguments(["--container", "--quiet"]))
        .is_ok();
    if is_container {
        return Err(ByHand(
            "this machine is a container: its clock is kept by the machine that it runs on".into(),
        ));
    }
    let clock = situation.facts.clock.seen().ok();
    let runs = clock.and_then(|clock| clock.running.seen().ok());
    if runs.is_some_and(|running| !running.is_empty()) {
        return Err(ByHand(
            "a time service runs, and does not reach its time servers: let it (123/udp), or name others in its configuration"
                .into(),
        ));
    }
    if installed(machine).is_none()
        && let Some(unit) = UNITS
            .iter()
            .find(|unit| load_state(machine, unit) == MASKED)
    {
        return Err(ByHand(format!(
            "{unit} is masked, which somebody decided: `systemctl unmask {unit}`, and begin again"
        )));
    }
    let mut steps = packages::time_service(situation, machine);
    steps.push(Box::new(Synchronise));
    Ok(steps)
}

/// Whether systemd runs the machine (`sd_booted(3)`).
fn has_systemd(machine: &Machine) -> bool {
    machine
        .root()
        .locate(Path::new("/run/systemd/system"))
        .is_ok_and(|located| located.is_dir())
}

/// How systemd calls a unit that may be started, and one that nobody may start.
const LOADED: &str = "loaded";
const MASKED: &str = "masked";

fn load_state(machine: &Machine, unit: &str) -> String {
    let show = Call::new("systemctl").arguments(["show", "--property=LoadState", unit]);
    let said = machine.run(&show).unwrap_or_default();
    let state = said.stdout.trim().strip_prefix("LoadState=");
    state.unwrap_or_default().to_owned()
}

/// The unit of a time service that could be started.
pub(super) fn installed(machine: &Machine) -> Option<&'static str> {
    let is_loaded = |unit: &&str| load_state(machine, unit) == LOADED;
    UNITS.into_iter().find(is_loaded)
}

/// Whether systemd affirms something of a unit.
fn affirms(machine: &Machine, question: &str, unit: &str) -> bool {
    let ask = Call::new("systemctl").arguments([question, "--quiet", unit]);
    machine.run(&ask).is_ok()
}

struct Synchronise;

impl Step for Synchronise {
    fn words(&self) -> String {
        "let the machine's time service keep the clock, from now on and after a reboot".into()
    }

    fn script(&self) -> Vec<String> {
        let enable = UNITS.map(|unit| command(["systemctl", "enable", "--now", unit]));
        vec![enable.join(" 2>/dev/null || ")]
    }

    /// One that runs and does not reach its servers is no matter of enabling it.
    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(!UNITS.iter().any(|unit| affirms(machine, "is-active", unit)))
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let Some(unit) = installed(change.machine()) else {
            return Err(StepError::NotHere(
                "no time service is installed: install chrony, and let it reach a time server (123/udp)"
                    .into(),
            ));
        };
        let systemctl = |words: &[&str]| Call::new("systemctl").arguments(words);
        // One that only stands still goes on starting with the machine when this is taken back.
        let (call, words, back) = if affirms(change.machine(), "is-enabled", unit) {
            let words = format!("stop {unit}");
            (
                systemctl(&["start", unit]),
                words,
                systemctl(&["stop", unit]),
            )
        } else {
            (
                systemctl(&["enable", "--now", unit]),
                format!("stop {unit} and disable it"),
                systemctl(&["disable", "--now", unit]),
            )
        };
        let way_back = WayBack::Program {
            words,
            call: back,
            is_safe: true,
        };
        change.run(&call, way_back)?;
        Ok(())
    }
}
