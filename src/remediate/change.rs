//! The only hands that change the machine. Whatever they do is in the journal before, with the way back.

use std::path::{Path, PathBuf};

use rustix::fs::{Mode, mkdirat, renameat, symlinkat};

use super::{
    fault,
    files::{self, FileAttributes, digest},
    journal::{ChangeNumber, Journal, Record},
    machine::{Call, Machine, Said},
    step::StepError,
    undo::{Attributes, Undo},
    walk::{Directory, Entry, PlaceError},
};
use crate::files::FileKind;

/// Changes of one step.
pub struct Change<'a> {
    machine: &'a Machine,
    journal: &'a mut Journal,
}

/// How a program's effect is taken back.
#[derive(Clone, Debug)]
pub enum WayBack {
    /// By another program, which must do no harm where there is nothing to take back.
    Program {
        /// What that does, as in “remove the network sesam”.
        words: String,
        /// The program. What it reads stands in the journal, so it is no secret; its environment does not.
        call: Call,
        /// Whether it may be done by itself when a later step of the run fails.
        is_safe: bool,
    },
    /// Not at all, as with packages; what stays is said.
    None {
        /// What stays, as in “the package docker.io stays installed”.
        words: String,
    },
}

impl WayBack {
    fn into_undo(self) -> Undo {
        match self {
            Self::Program {
                words,
                call,
                is_safe,
            } => {
                let (program, arguments, input) = call.into_parts();
                Undo::Run {
                    words,
                    program,
                    arguments,
                    input: input.map(|input| String::from_utf8_lossy(&input).into_owned()),
                    is_safe,
                }
            }
            Self::None { words } => Undo::Stays { words },
        }
    }
}

impl<'a> Change<'a> {
    /// Hands for one step of the run that the journal is of.
    pub(super) fn new(machine: &'a Machine, journal: &'a mut Journal) -> Self {
        Self { machine, journal }
    }

    /// The machine, to look at.
    #[must_use]
    pub fn machine(&self) -> &'a Machine {
        self.machine
    }

    /// Makes a directory, and those above it that are missing; these belong to root with mode 755.
    ///
    /// # Errors
    /// Where something else stands there, and the system's.
    pub fn make_directory(
        &mut self,
        path: &Path,
        attributes: FileAttributes,
    ) -> Result<(), StepError> {
        let mut missing: Vec<&Path> = Vec::new();
        for ancestor in path.ancestors() {
            if self.machine.has_directory(ancestor)? {
                break;
            }
            missing.push(ancestor);
        }
        for directory in missing.iter().rev() {
            let attributes = if *directory == path {
                attributes
            } else {
                FileAttributes {
                    mode: 0o755,
                    owner: (0, 0),
                }
            };
            self.make_one_directory(directory, attributes)?;
        }
        Ok(())
    }

    fn make_one_directory(
        &mut self,
        path: &Path,
        attributes: FileAttributes,
    ) -> Result<(), StepError> {
        let (parent, name) = Directory::above(self.machine.root(), path)?;
        let failed = |error: std::io::Error| PlaceError::io(path, error);
        if let Some(entry) = parent.find(&name)? {
            return Err(PlaceError::NotADirectory {
                path: entry.path.clone(),
                kind: entry.kind(),
            }
            .into());
        }
        let change = self.intend(Undo::RemoveDirectory {
            path: path.to_path_buf(),
        })?;
        fault::point("mkdir").map_err(failed)?;
        mkdirat(&parent, &name, Mode::RWXU).map_err(|error| PlaceError::io(path, error))?;
        fault::point("after mkdir").map_err(failed)?;
        let entry = parent.look(&name)?;
        // Whoever may write to the directory above could have put another one in its place.
        if entry.kind() != FileKind::Directory
            || entry.status.st_uid != rustix::process::geteuid().as_raw()
        {
            return Err(PlaceError::Changed(path.to_path_buf()).into());
        }
        files::set_attributes(&entry, attributes)?;
        parent.synchronise()?;
        self.done(change)
    }

    /// Makes a symbolic link where nothing is.
    ///
    /// # Errors
    /// Where something is there, and the system's.
    pub fn make_link(&mut self, path: &Path, target: &Path) -> Result<(), StepError> {
        let (parent, name) = Directory::above(self.machine.root(), path)?;
        if let Some(entry) = parent.find(&name)? {
            return Err(StepError::Other(format!(
                "{} is {} already; no link is put in its place",
                path.display(),
                entry.kind()
            )));
        }
        let change = self.intend(Undo::RemoveLink {
            path: path.to_path_buf(),
            target: target.to_path_buf(),
        })?;
        let failed = |error: std::io::Error| PlaceError::io(path, error);
        fault::point("symlink").map_err(failed)?;
        symlinkat(target, &parent, &name).map_err(|error| PlaceError::io(path, error))?;
        fault::point("after symlink").map_err(failed)?;
        parent.synchronise()?;
        self.done(change)
    }

    /// Writes a file whole or not at all. One that was there is kept beside it, as `NAME.before-RUN`; its path is returned.
    ///
    /// # Errors
    /// Where a link, a pipe, a device, or a file with another name stands there, and the system's.
    pub fn write_file(
        &mut self,
        path: &Path,
        content: &[u8],
        attributes: FileAttributes,
    ) -> Result<Option<PathBuf>, StepError> {
        let (parent, name) = Directory::above(self.machine.root(), path)?;
        let former = parent.find(&name)?;
        if let Some(former) = &former {
            former.require_plain_file()?;
        }
        let number = self.journal.next_number();
        let run = self.journal.run.clone();
        let temporary = format!(".sesam-doctor-{run}-{number}");
        let kept = match &former {
            None => None,
            Some(_) => Some(free_name(&parent, &name.to_string_lossy(), &run)?),
        };
        let change = self.intend(Undo::RestoreFile {
            path: path.to_path_buf(),
            temporary: temporary.clone(),
            kept: kept.clone(),
            digest: digest(content, &self.journal.salt),
        })?;
        files::prepare(&parent, temporary.as_ref(), content, attributes)?;
        match &kept {
            None => files::put(&parent, temporary.as_ref(), &name)?,
            Some(kept) => files::replace(&parent, temporary.as_ref(), &name, kept.as_ref())?,
        }
        self.done(change)?;
        Ok(kept.map(|kept| parent.path.join(kept)))
    }

    /// Sets owner and permissions of one file or directory; what is not said stays.
    ///
    /// # Errors
    /// Where it is a link, a pipe, a device, or has another name, and the system's.
    pub fn set_attributes(
        &mut self,
        path: &Path,
        owner: Option<(u32, u32)>,
        mode: Option<u32>,
    ) -> Result<(), StepError> {
        let entry = self
            .machine
            .entry(path)?
            .ok_or_else(|| PlaceError::io(path, rustix::io::Errno::NOENT))?;
        match entry.kind() {
            FileKind::Directory => {}
            _ => entry.require_plain_file()?,
        }
        let wanted = FileAttributes {
            owner: owner.unwrap_or(entry.owner()),
            mode: mode.unwrap_or(entry.mode()),
        };
        self.set_all(&[(entry, wanted)])
    }

    /// Sets owner and permissions of several things at once: one record of the journal for all of them.
    ///
    /// # Errors
    /// As for [`Change::set_attributes`].
    pub(super) fn set_all(&mut self, entries: &[(Entry, FileAttributes)]) -> Result<(), StepError> {
        let recorded = entries
            .iter()
            .map(|(entry, wanted)| {
                let (owner, group) = entry.owner();
                let (uid, gid) = wanted.owner;
                Attributes {
                    path: entry.path.clone(),
                    inode: entry.status.st_ino,
                    before: (owner, group, entry.mode()),
                    after: (uid, gid, wanted.mode),
                }
            })
            .collect();
        let change = self.intend(Undo::RestoreAttributes { entries: recorded })?;
        for (entry, wanted) in entries {
            files::set_attributes(entry, *wanted)?;
        }
        self.done(change)
    }

    /// Runs a program whose effect needs no way back, as fetching lists of packages, and keeps what it says beside the
    /// journal.
    ///
    /// # Errors
    /// As for [`Machine::run`]; where the program failed, the error names the place of what it said.
    pub fn ask(&mut self, call: &Call) -> Result<Said, StepError> {
        let (machine, journal) = (self.machine, &mut *self.journal);
        let mut kept = None;
        let answer = machine.run_heard(call, &mut |said| {
            let said = format!("{}{}", said.stdout, said.stderr);
            let entry = format!("$ {}\n{said}\n", call.line());
            // A full disk costs the record of a program and not its effect.
            kept = journal.keep_said(&machine.redactor().text(&entry)).ok();
        });
        answer.map_err(|error| match (error, kept) {
            (StepError::Program { line, how }, Some(place)) => StepError::Program {
                line,
                how: format!("{how} (all that it said is in {})", place.display()),
            },
            (error, _) => error,
        })
    }

    /// Runs a program that changes something.
    ///
    /// # Errors
    /// As for [`Machine::run`].
    pub fn run(&mut self, call: &Call, way_back: WayBack) -> Result<Said, StepError> {
        let change = self.intend(way_back.into_undo())?;
        let failed = |error| PlaceError::io(Path::new(&call.line()), error);
        fault::point("run a program").map_err(failed)?;
        let said = self.ask(call)?;
        fault::point("after a program").map_err(failed)?;
        self.done(change)?;
        Ok(said)
    }

    /// Does something else that changes the machine, as through the Docker engine.
    ///
    /// # Errors
    /// What `act` says.
    pub(super) fn act(
        &mut self,
        way_back: WayBack,
        act: impl FnOnce(&Machine) -> Result<(), StepError>,
    ) -> Result<(), StepError> {
        let change = self.intend(way_back.into_undo())?;
        let failed = |error| PlaceError::io(Path::new("the machine"), error);
        fault::point("act").map_err(failed)?;
        act(self.machine)?;
        fault::point("after an act").map_err(failed)?;
        self.done(change)
    }

    /// Gives a directory another name on its file system, where nothing has that name, or an empty directory.
    ///
    /// # Errors
    /// Where something is there, and the system's.
    pub(super) fn move_directory(&mut self, from: &Path, to: &Path) -> Result<(), StepError> {
        let (old, old_name) = Directory::above(self.machine.root(), from)?;
        let (new, new_name) = Directory::above(self.machine.root(), to)?;
        let entry = old.look(&old_name)?;
        if entry.kind() != FileKind::Directory {
            return Err(PlaceError::NotADirectory {
                path: entry.path.clone(),
                kind: entry.kind(),
            }
            .into());
        }
        let change = self.intend(Undo::MoveBack {
            from: from.to_path_buf(),
            to: to.to_path_buf(),
            inode: entry.status.st_ino,
        })?;
        let failed = |error: std::io::Error| PlaceError::io(to, error);
        fault::point("rename a directory").map_err(failed)?;
        // The kernel replaces a directory by another one only where it is empty.
        renameat(&old, &old_name, &new, &new_name).map_err(|error| PlaceError::io(to, error))?;
        fault::point("after rename of a directory").map_err(failed)?;
        old.synchronise()?;
        new.synchronise()?;
        self.done(change)
    }

    fn intend(&mut self, undo: Undo) -> Result<ChangeNumber, StepError> {
        Ok(self.journal.intend(undo)?)
    }

    fn done(&mut self, change: ChangeNumber) -> Result<(), StepError> {
        Ok(self.journal.append(&Record::Did { change })?)
    }
}

/// A name beside a file, under which it can be kept.
fn free_name(parent: &Directory, name: &str, run: &str) -> Result<String, PlaceError> {
    let wanted = format!("{name}.before-{run}");
    let mut free = wanted.clone();
    for again in 2..100 {
        if parent.find(free.as_ref())?.is_none() {
            return Ok(free);
        }
        free = format!("{wanted}-{again}");
    }
    Err(PlaceError::Changed(parent.path.join(wanted)))
}
