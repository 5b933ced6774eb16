//! Directories of the manual, and the link from the node's base to its data.

use std::path::PathBuf;

use super::{Made, command, one};
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
    let user = situation.node_user().unwrap_or(0);
    let attributes = match directory {
        Directory::Data | Directory::Logs => FileAttributes {
            mode: 0o755,
            owner: (user, user),
        },
        Directory::LetsEncrypt | Directory::Certificates => FileAttributes {
            mode: 0o700,
            owner: (0, 0),
        },
        Directory::Node | Directory::Agent => FileAttributes {
            mode: 0o755,
            owner: (0, 0),
        },
    };
    one(MakeDirectory {
        path: path.to_path_buf(),
        attributes,
    })
}

/// The step that makes a directory which something else than the manual asks for.
pub(super) fn at(path: PathBuf, mode: u32, owner: u32) -> Box<dyn Step + Send> {
    Box::new(MakeDirectory {
        path,
        attributes: FileAttributes {
            mode,
            owner: (owner, owner),
        },
    })
}

struct MakeDirectory {
    path: PathBuf,
    attributes: FileAttributes,
}

impl Step for MakeDirectory {
    fn words(&self) -> String {
        let FileAttributes { mode, owner } = self.attributes;
        format!(
            "make the directory {} (mode {mode:o}, owner {}:{})",
            self.path.display(),
            owner.0,
            owner.1
        )
    }

    fn script(&self) -> Vec<String> {
        let FileAttributes { mode, owner } = self.attributes;
        let mode = format!("{mode:o}");
        let (user, group) = (owner.0.to_string(), owner.1.to_string());
        let path = self.path.display().to_string();
        vec![command([
            "install", "-d", "-m", &mode, "-o", &user, "-g", &group, &path,
        ])]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(!machine.has_directory(&self.path)?)
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        change.make_directory(&self.path, self.attributes)
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
