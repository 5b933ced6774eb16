//! Data and logs for the node's user: owners, and no permission to write for everybody.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use rustix::fs::Dir;

use super::{ByHand, Made, command, one};
use crate::{
    files::FileKind,
    remediate::{
        change::Change,
        content::stack::Disk,
        files::FileAttributes,
        machine::Machine,
        step::{Situation, Step, StepError},
        walk::{Directory, Entry, PlaceError},
    },
    units::counted,
};

/// So many things are changed for one record of the journal; each is held open until it is done.
const BATCH: usize = 128;

/// A database has a handful of levels; more are a trap for whoever descends.
const DEEPEST: usize = 64;

const EVERYBODY_WRITES: u32 = 0o002;
const EVERYBODY_ENTERS: u32 = 0o001;

/// The step that hands data and logs over.
pub(super) fn make(situation: &Situation) -> Made {
    let layout = &situation.facts.profile.layout;
    let Some(user) = situation.node_user() else {
        return Err(ByHand(
            "the node's user is not known: USER_ID is not in .env, and nobody answered it".into(),
        ));
    };
    let data = match situation.disk() {
        Disk::Data => &layout.data_dir,
        Disk::Root => &layout.data_link,
    };
    one(HandOver {
        trees: vec![data.to_path_buf(), layout.logs_dir.to_path_buf()],
        user,
    })
}

struct HandOver {
    trees: Vec<PathBuf>,
    user: u32,
}

/// Told of something that is to have another owner or mode; says whether to go on.
type Visit<'v> = dyn FnMut(Entry, Wanted) -> Result<bool, StepError> + 'v;

/// What is to become of a thing that is not as it should be.
enum Wanted {
    /// It gets these.
    Attributes(FileAttributes),
    /// It is left alone: its owner could have borrowed it from elsewhere, as a file with another name, or it is none.
    Nothing,
}

impl HandOver {
    /// What a thing is to be; none where it is that already.
    fn wanted(&self, entry: &Entry) -> Option<Wanted> {
        let (uid, gid) = entry.owner();
        let mode = entry.mode();
        let is_link = entry.kind() == FileKind::Symlink;
        let wanted_mode = if is_link {
            mode
        } else {
            mode & !EVERYBODY_WRITES
        };
        if uid == self.user && mode == wanted_mode {
            return None;
        }
        let is_file = matches!(
            entry.kind(),
            FileKind::Regular | FileKind::Directory | FileKind::Symlink
        );
        if !is_file || entry.require_one_name().is_err() {
            return Some(Wanted::Nothing);
        }
        let owner = if uid == self.user {
            (uid, gid)
        } else {
            (self.user, self.user)
        };
        Some(Wanted::Attributes(FileAttributes {
            owner,
            mode: wanted_mode,
        }))
    }

    /// Goes through a tree, links not followed and other file systems not entered, and tells `visit` of everything that
    /// is to be changed; ends where that says so.
    fn walk(&self, machine: &Machine, tree: &Path, visit: &mut Visit) -> Result<(), StepError> {
        let (parent, name) = match Directory::above(machine.root(), tree) {
            Ok(found) => found,
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let Some(entry) = parent.find(&name)? else {
            return Ok(());
        };
        let device = entry.identity().0;
        if let Some(wanted) = self.wanted(&entry)
            && !visit(parent.look(&name)?, wanted)?
        {
            return Ok(());
        }
        if entry.kind() == FileKind::Directory {
            self.descend(&Directory::open(machine.root(), tree)?, device, 0, visit)?;
        }
        Ok(())
    }

    fn descend(
        &self,
        directory: &Directory,
        device: u64,
        depth: usize,
        visit: &mut Visit,
    ) -> Result<bool, StepError> {
        if depth > DEEPEST {
            return Err(StepError::Other(format!(
                "{} lies deeper than {DEEPEST} directories; look what made that",
                directory.path.display()
            )));
        }
        let failed = |error| PlaceError::io(&directory.path, error);
        for listed in Dir::read_from(directory.reopened()?).map_err(failed)? {
            let listed = listed.map_err(failed)?;
            let name = OsStr::from_bytes(listed.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            // It may have been removed since it was listed.
            let Some(entry) = directory.find(name)? else {
                continue;
            };
            if entry.identity().0 != device {
                continue;
            }
            let is_directory = entry.kind() == FileKind::Directory;
            let below = if is_directory {
                Some(directory.find(name)?)
            } else {
                None
            };
            if let Some(wanted) = self.wanted(&entry)
                && !visit(entry, wanted)?
            {
                return Ok(false);
            }
            if let Some(Some(below)) = below
                && !self.descend(&below.into_directory()?, device, depth + 1, visit)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The directories on the way to the trees through which the node's user may not pass.
    fn closed_ways(&self, machine: &Machine) -> Result<Vec<Entry>, StepError> {
        let mut closed = Vec::new();
        for tree in &self.trees {
            for ancestor in tree.ancestors().skip(1) {
                let Some(entry) = machine.entry(ancestor).or_else(|error| match error {
                    // The root itself has no name.
                    PlaceError::Nameless(_) => Ok(None),
                    other => Err(other),
                })?
                else {
                    continue;
                };
                let (uid, gid) = entry.owner();
                let needed = if uid == self.user {
                    0o100
                } else if gid == self.user {
                    0o010
                } else {
                    EVERYBODY_ENTERS
                };
                let is_listed = |other: &Entry| other.path == entry.path;
                if entry.kind() == FileKind::Directory
                    && entry.mode() & needed == 0
                    && !closed.iter().any(is_listed)
                {
                    closed.push(entry);
                }
            }
        }
        Ok(closed)
    }
}

impl Step for HandOver {
    fn words(&self) -> String {
        let trees: Vec<String> = self
            .trees
            .iter()
            .map(|tree| tree.display().to_string())
            .collect();
        format!(
            "hand {} to user {}, and let nobody else write there",
            trees.join(" and "),
            self.user
        )
    }

    fn script(&self) -> Vec<String> {
        let owner = format!("{0}:{0}", self.user);
        self.trees
            .iter()
            .flat_map(|tree| {
                let tree = tree.display().to_string();
                [
                    format!("if [ -d {0} ]; then", command([tree.as_str()])),
                    format!("    {}", command(["chown", "-Rh", "--", &owner, &tree])),
                    format!(
                        "    {}",
                        command([
                            "find", &tree, "-xdev", "!", "-type", "l", "-perm", "-0002", "-exec",
                            "chmod", "o-w", "{}", "+",
                        ])
                    ),
                    "fi".to_owned(),
                ]
            })
            .collect()
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        if !self.closed_ways(machine)?.is_empty() {
            return Ok(true);
        }
        let mut is_needed = false;
        for tree in &self.trees {
            self.walk(machine, tree, &mut |_, wanted| {
                is_needed |= matches!(wanted, Wanted::Attributes(_));
                Ok(!is_needed)
            })?;
        }
        Ok(is_needed)
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let closed = self.closed_ways(machine)?;
        if !closed.is_empty() {
            let opened: Vec<(Entry, FileAttributes)> = closed
                .into_iter()
                .map(|entry| {
                    let wanted = FileAttributes {
                        owner: entry.owner(),
                        mode: entry.mode() | EVERYBODY_ENTERS,
                    };
                    (entry, wanted)
                })
                .collect();
            change.set_all(&opened)?;
        }
        for tree in &self.trees {
            let mut batch: Vec<(Entry, FileAttributes)> = Vec::new();
            let mut count = 0_usize;
            let mut left: Vec<PathBuf> = Vec::new();
            self.walk(machine, tree, &mut |entry, wanted| {
                let Wanted::Attributes(wanted) = wanted else {
                    left.push(entry.path);
                    return Ok(true);
                };
                batch.push((entry, wanted));
                if batch.len() >= BATCH {
                    count += batch.len();
                    change.set_all(&batch)?;
                    batch.clear();
                    machine
                        .watch()
                        .doing(&format!("{count} things in {} handed over", tree.display()));
                }
                Ok(true)
            })?;
            if !batch.is_empty() {
                change.set_all(&batch)?;
            }
            if let Some(first) = left.first() {
                machine.watch().say(&format!(
                    "  left as they are, since they have other names (hard links) or are no files: {}, as {}; the node hands them to its user when it starts",
                    counted(left.len() as u64, "thing"),
                    first.display()
                ));
            }
        }
        Ok(())
    }
}
