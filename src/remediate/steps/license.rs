//! The license, from where a person has it to where the node reads it.

use std::path::PathBuf;

use super::{ByHand, Made, command, one, owner::Owner};
use crate::{
    files::{Root, read_bounded},
    remediate::{
        change::Change,
        files::FileAttributes,
        machine::Machine,
        step::{Situation, Step, StepError},
    },
};

/// The step that puts the license in its place.
pub(super) fn make(situation: &Situation, machine: &Machine) -> Made {
    let profile = &situation.facts.profile;
    let Some(source) = situation.license_source() else {
        return Err(ByHand(
            "nobody said where the license is: name it in the answers as license_file".into(),
        ));
    };
    let content = read_bounded(&Root::machine(), &source, profile.license.largest_bytes)
        .map_err(|error| ByHand(format!("{} cannot be read: {error}", source.display())))?;
    machine.redactor().learn(&String::from_utf8_lossy(&content));
    one(PlaceLicense {
        source,
        target: situation.license_file(),
        content,
        owner: Owner::of_node(situation),
    })
}

struct PlaceLicense {
    source: PathBuf,
    target: PathBuf,
    content: Vec<u8>,
    owner: Owner,
}

/// The node reads it, its group may, and nobody else.
const MODE: u32 = 0o640;

impl Step for PlaceLicense {
    fn words(&self) -> String {
        format!(
            "put the license {} at {} (mode {MODE:o}, {})",
            self.source.display(),
            self.target.display(),
            self.owner.words()
        )
    }

    fn script(&self) -> Vec<String> {
        let owner = self.owner.shell_word();
        let (source, target) = (
            self.source.display().to_string(),
            self.target.display().to_string(),
        );
        vec![format!(
            "install -m {MODE:o} -o {owner} -g {owner} {}",
            command([source.as_str(), target.as_str()])
        )]
    }

    /// A license that is there is never replaced here: what is in it a person decides.
    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(machine
            .entry(&self.target)?
            .is_none_or(|entry| entry.status.st_size == 0))
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let attributes = FileAttributes {
            mode: MODE,
            owner: self.owner.known()?,
        };
        change.write_file(&self.target, &self.content, attributes)?;
        Ok(())
    }
}
