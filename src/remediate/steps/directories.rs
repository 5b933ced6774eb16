//! Directories of the manual, and the link from the node's base to its data.

use std::path::PathBuf;

use super::{Made, command, one, owner::Owner};
use crate::{
    checks::Directory,
    files::FileKind,
    remediate::{
        change::Change,
        content::stack::Disk,
        files::FileAttributes,
        machine::Machine,
        step::{Situation, Step, StepError},
    },
};

/// The step that makes a directory of the manual.
pub(super) fn make(directory: Directory, situation: &Situation) -> Made {
    let profile = &situation.facts.profile;
    let path = match (directory, situation.disk()) {
        // Without a disk of their own, the data are where the link would be.
        (Directory::Data, Disk::Root) => Some(&*profile.layout.data_link),
        _ => directory.path(profile),
    };
    let Some(path) = path else {
        return Ok(Vec::new());
    };
    let (mode, owner) = match directory {
        Directory::Data | Directory::Logs => (0o755, Owner::of_node(situation)),
        Directory::LetsEncrypt | Directory::Certificates => (0o700, Owner::ROOT),
        Directory::Node | Directory::Agent => (0o755, Owner::ROOT),
    };
    Ok(vec![at(path.to_path_buf(), mode, owner)])
}

/// The step that makes a directory, one of the manual or one that something else asks for.
pub(super) fn at(path: PathBuf, mode: u32, owner: Owner) -> Box<dyn Step + Send> {
    Box::new(MakeDirectory { path, mode, owner })
}

struct MakeDirectory {
    path: PathBuf,
    mode: u32,
    owner: Owner,
}

impl Step for MakeDirectory {
    fn words(&self) -> String {
        format!(
            "make the directory {} (mode {:o}, {})",
            self.path.display(),
            self.mode,
            self.owner.words()
        )
    }

    fn script(&self) -> Vec<String> {
        let owner = self.owner.shell_word();
        let path = self.path.display().to_string();
        vec![format!(
            "install -d -m {:o} -o {owner} -g {owner} {}",
            self.mode,
            command([path.as_str()])
        )]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(!machine.has_directory(&self.path)?)
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let attributes = FileAttributes {
            mode: self.mode,
            owner: self.owner.known()?,
        };
        change.make_directory(&self.path, attributes)
    }
}

/// The step that links the node's base to its data.
pub(super) fn link(situation: &Situation) -> Made {
    let layout = &situation.facts.profile.layout;
    if situation.disk() == Disk::Root {
        return Ok(Vec::new());
    }
    one(LinkData {
        link: layout.data_link.to_path_buf(),
        target: layout.data_dir.to_path_buf(),
    })
}

struct LinkData {
    link: PathBuf,
    target: PathBuf,
}

impl Step for LinkData {
    fn words(&self) -> String {
        format!("link {} to {}", self.link.display(), self.target.display())
    }

    fn script(&self) -> Vec<String> {
        let (link, target) = (
            self.link.display().to_string(),
            self.target.display().to_string(),
        );
        vec![command(["ln", "-s", "--", &target, &link])]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        match machine.entry(&self.link)? {
            None => Ok(true),
            Some(entry) if entry.kind() == FileKind::Symlink => {
                let target = entry.target()?;
                if target == self.target {
                    return Ok(false);
                }
                Err(StepError::Other(format!(
                    "{} leads to {}; a link that somebody made is not changed",
                    self.link.display(),
                    target.display()
                )))
            }
            Some(entry) => Err(StepError::Other(format!(
                "{} is {}; nothing is put in its place",
                self.link.display(),
                entry.kind()
            ))),
        }
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        change.make_link(&self.link, &self.target)
    }
}
