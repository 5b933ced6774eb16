//! A time service that keeps the clock. The doctor itself never sets it.

use std::path::Path;

use super::{ByHand, Made, command, one};
use crate::remediate::{
    change::{Change, WayBack},
    machine::{Call, Machine},
    step::{Step, StepError},
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

/// The step that enables time synchronisation.
pub(super) fn make(machine: &Machine) -> Made {
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
    match UNITS.iter().find(|unit| is_known(machine, unit)) {
        Some(unit) => one(Synchronise { unit }),
        None => Err(ByHand(
            "no time service is installed: install chrony, and let it reach a time server (123/udp)"
                .into(),
        )),
    }
}

/// Whether systemd runs the machine (`sd_booted(3)`).
fn has_systemd(machine: &Machine) -> bool {
    machine
        .root()
        .locate(Path::new("/run/systemd/system"))
        .is_ok_and(|located| located.is_dir())
}

fn is_known(machine: &Machine, unit: &str) -> bool {
    machine
        .run(&Call::new("systemctl").arguments(["cat", unit]))
        .is_ok()
}

struct Synchronise {
    unit: &'static str,
}

impl Step for Synchronise {
    fn words(&self) -> String {
        format!("let {} keep the clock", self.unit)
    }

    fn script(&self) -> Vec<String> {
        vec![command(["systemctl", "enable", "--now", self.unit])]
    }

    /// One that runs and does not reach its servers is no matter of enabling it.
    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(UNITS.iter().all(|unit| {
            machine
                .run(&Call::new("systemctl").arguments(["is-active", "--quiet", unit]))
                .is_err()
        }))
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        change.run(
            &Call::new("systemctl").arguments(["enable", "--now", self.unit]),
            WayBack::Program {
                words: format!("stop {} and disable it", self.unit),
                call: Call::new("systemctl").arguments(["disable", "--now", self.unit]),
                is_safe: true,
            },
        )?;
        Ok(())
    }
}
