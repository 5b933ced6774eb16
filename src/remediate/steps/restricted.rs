//! Permissions that somebody must not have: on the license, and on Traefik's ACME store.

use std::path::PathBuf;

use super::{ByHand, Made, command, one};
use crate::{
    checks::Restricted,
    remediate::{
        change::Change,
        machine::Machine,
        step::{Situation, Step, StepError},
        walk::PlaceError,
    },
};

/// The step that takes permissions away.
pub(super) fn make(what: Restricted, situation: &Situation, machine: &Machine) -> Made {
    let layout = &situation.facts.profile.layout;
    let step = match what {
        Restricted::License => Restrict {
            path: situation.license_file(),
            taken: 0o007,
        },
        // Traefik skips a resolver whose store anybody else may read.
        Restricted::AcmeStore => Restrict {
            path: layout.letsencrypt_dir.join("acme.json"),
            taken: 0o177,
        },
    };
    let by_hand = |error: PlaceError| ByHand(error.to_string());
    if let Some(there) = machine.entry(&step.path).map_err(by_hand)? {
        there.require_plain_file().map_err(by_hand)?;
    }
    one(step)
}

struct Restrict {
    path: PathBuf,
    taken: u32,
}

impl Step for Restrict {
    fn words(&self) -> String {
        let left = 0o777 & !self.taken;
        format!("leave {} no more than mode {left:o}", self.path.display())
    }

    fn script(&self) -> Vec<String> {
        let path = self.path.display().to_string();
        let taken = if self.taken == 0o007 {
            "o="
        } else {
            "u-x,g=,o="
        };
        vec![command(["chmod", taken, "--", &path])]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(machine
            .entry(&self.path)?
            .is_some_and(|entry| entry.mode() & self.taken != 0))
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let Some(entry) = change.machine().entry(&self.path)? else {
            return Ok(());
        };
        change.set_attributes(&self.path, None, Some(entry.mode() & !self.taken))
    }
}
