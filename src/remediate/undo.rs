//! How each kind of change is taken back, and what it takes for that to be right.

use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, renameat, unlinkat};
use serde::{Deserialize, Serialize};

use super::{
    fault,
    files::{self, digest},
    machine::Machine,
    path_text,
    step::StepError,
    walk::{Directory, Entry, PlaceError},
};

/// How a change is taken back. It is written before the change is made, and holds no secret.
///
/// Taking back is safe to begin again: whatever part of it was done already is recognised. Where the world has changed
/// since, so that taking back would destroy what somebody else did, it is refused with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Undo {
    /// Remove the directory, where it is empty.
    RemoveDirectory {
        #[serde(with = "path_text")]
        path: PathBuf,
    },
    /// Remove the link, where it still says the same.
    RemoveLink {
        #[serde(with = "path_text")]
        path: PathBuf,
        #[serde(with = "path_text")]
        target: PathBuf,
    },
    /// Remove the file, or put back the one that was there, where it is still as it was written.
    RestoreFile {
        #[serde(with = "path_text")]
        path: PathBuf,
        /// The name under which the content was prepared, in the same directory.
        temporary: String,
        /// The name under which the former file was kept, in the same directory.
        kept: Option<String>,
        /// Salted digest of what was written.
        digest: String,
    },
    /// Give things back to their former owners, with their former permissions, where they are still as they were set.
    RestoreAttributes { entries: Vec<Attributes> },
    /// Give the directory its former name back, where it is still the same and nothing has that name.
    MoveBack {
        #[serde(with = "path_text")]
        from: PathBuf,
        #[serde(with = "path_text")]
        to: PathBuf,
        inode: u64,
    },
    /// Run a program. It must do no harm where there is nothing to take back.
    Run {
        /// What that does, as in “remove the network sesam”.
        words: String,
        #[serde(with = "path_text")]
        program: PathBuf,
        arguments: Vec<String>,
        /// What it reads on its stdin.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<String>,
        /// Whether it may be done by itself when a later step of the run fails; `undo` does it in any case.
        is_safe: bool,
    },
    /// Nothing: it stays, as packages do.
    Stays {
        /// What stays.
        words: String,
    },
}

/// Owner and permissions of one thing, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attributes {
    #[serde(with = "path_text")]
    pub path: PathBuf,
    pub inode: u64,
    pub before: (u32, u32, u32),
    pub after: (u32, u32, u32),
}

/// What came of taking one change back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// It is as it was before.
    Yes,
    /// It stays, and why.
    Kept(String),
}

impl Undo {
    /// What is taken back, in words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::RemoveDirectory { path } => format!("remove the directory {}", path.display()),
            Self::RemoveLink { path, .. } => format!("remove the link {}", path.display()),
            Self::RestoreFile {
                path, kept: None, ..
            } => format!("remove {}", path.display()),
            Self::RestoreFile { path, .. } => format!("put back the former {}", path.display()),
            Self::RestoreAttributes { entries } => match entries.as_slice() {
                [one] => format!("give {} its former owner and mode", one.path.display()),
                several => format!(
                    "give {} things their former owners and modes",
                    several.len()
                ),
            },
            Self::MoveBack { from, to, .. } => {
                format!("move {} back to {}", to.display(), from.display())
            }
            Self::Run { words, .. } => words.clone(),
            Self::Stays { words } => format!("nothing: {words}"),
        }
    }

    /// Whether it may be done without being asked for, because a later step of the same run failed.
    pub(super) fn is_safe(&self) -> bool {
        match self {
            Self::Run { is_safe, .. } => *is_safe,
            _ => true,
        }
    }

    /// Takes the change back; `was_made` says whether it is known to have been made.
    ///
    /// # Errors
    /// Where the system fails; the change then stands as before, and can be taken back later.
    pub(super) fn take_back(
        &self,
        machine: &Machine,
        salt: &str,
        was_made: bool,
    ) -> Result<Undone, StepError> {
        match self {
            Self::RemoveDirectory { path } => remove_directory(machine, path),
            Self::RemoveLink { path, target } => remove_link(machine, path, target),
            Self::RestoreFile {
                path,
                temporary,
                kept,
                digest,
            } => restore_file(machine, path, temporary, kept.as_deref(), digest, salt),
            Self::RestoreAttributes { entries } => restore_attributes(machine, entries),
            Self::MoveBack { from, to, inode } => move_back(machine, from, to, *inode),
            Self::Run {
                program,
                arguments,
                input,
                ..
            } => {
                fault::point("run a program that takes back")
                    .map_err(|error| StepError::from(PlaceError::io(program, error)))?;
                let call = super::machine::Call::new(program).arguments(arguments);
                let call = match input {
                    Some(input) => call.input(input.as_str()),
                    None => call,
                };
                match machine.run(&call) {
                    Ok(_) => Ok(Undone::Yes),
                    // What was never made cannot be taken back.
                    Err(_) if !was_made => Ok(Undone::Yes),
                    Err(error) => Err(error),
                }
            }
            Self::Stays { words } => Ok(Undone::Kept(words.clone())),
        }
    }
}

/// The directory that a path is in; none where that is gone, so that there is nothing to take back.
fn above(
    machine: &Machine,
    path: &Path,
) -> Result<Option<(Directory, std::ffi::OsString)>, PlaceError> {
    match Directory::above(machine.root(), path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove_directory(machine: &Machine, path: &Path) -> Result<Undone, StepError> {
    use rustix::io::Errno;
    let Some((parent, name)) = above(machine, path)? else {
        return Ok(Undone::Yes);
    };
    let failed = |error| PlaceError::io(path, error);
    fault::point("rmdir").map_err(failed)?;
    match unlinkat(&parent, &name, AtFlags::REMOVEDIR) {
        Ok(()) => parent.synchronise()?,
        Err(Errno::NOENT) => {}
        Err(Errno::NOTEMPTY | Errno::EXIST) => {
            return Ok(Undone::Kept(format!(
                "{} holds something by now, which is not removed",
                path.display()
            )));
        }
        Err(Errno::NOTDIR) => {
            return Ok(Undone::Kept(format!(
                "{} is no directory any more",
                path.display()
            )));
        }
        Err(Errno::BUSY) => {
            return Ok(Undone::Kept(format!("{} is in use", path.display())));
        }
        Err(error) => return Err(PlaceError::io(path, error).into()),
    }
    fault::point("after rmdir").map_err(failed)?;
    Ok(Undone::Yes)
}

fn remove_link(machine: &Machine, path: &Path, target: &Path) -> Result<Undone, StepError> {
    let Some((parent, name)) = above(machine, path)? else {
        return Ok(Undone::Yes);
    };
    let Some(entry) = parent.find(&name)? else {
        return Ok(Undone::Yes);
    };
    let is_ours = entry.kind() == crate::files::FileKind::Symlink && entry.target()? == target;
    if !is_ours {
        return Ok(Undone::Kept(format!(
            "{} is no longer the link that was made",
            path.display()
        )));
    }
    remove(&parent, &name)?;
    Ok(Undone::Yes)
}

fn remove(parent: &Directory, name: &std::ffi::OsStr) -> Result<(), PlaceError> {
    let path = parent.path.join(name);
    let failed = |error: std::io::Error| PlaceError::io(&path, error);
    fault::point("unlink").map_err(failed)?;
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(PlaceError::io(&path, error)),
    }
    fault::point("after unlink").map_err(failed)?;
    parent.synchronise()
}

fn move_back(machine: &Machine, from: &Path, to: &Path, inode: u64) -> Result<Undone, StepError> {
    let (Some((new, new_name)), Some((old, old_name))) =
        (above(machine, to)?, above(machine, from)?)
    else {
        return Ok(Undone::Kept(format!(
            "the place of {} or {} is gone",
            from.display(),
            to.display()
        )));
    };
    let is_ours = |entry: &Entry| entry.status.st_ino == inode;
    match (new.find(&new_name)?, old.find(&old_name)?) {
        // It was never moved, or is back already.
        (_, Some(entry)) if is_ours(&entry) => Ok(Undone::Yes),
        (Some(entry), None) if is_ours(&entry) => {
            let failed = |error: std::io::Error| PlaceError::io(from, error);
            fault::point("rename a directory back").map_err(failed)?;
            renameat(&new, &new_name, &old, &old_name)
                .map_err(|error| PlaceError::io(from, error))?;
            fault::point("after rename of a directory back").map_err(failed)?;
            new.synchronise()?;
            old.synchronise()?;
            Ok(Undone::Yes)
        }
        (_, Some(_)) => Ok(Undone::Kept(format!(
            "{} holds something else by now, so {} stays where it is",
            from.display(),
            to.display()
        ))),
        _ => Ok(Undone::Kept(format!(
            "{} is no longer what was moved there",
            to.display()
        ))),
    }
}

fn restore_file(
    machine: &Machine,
    path: &Path,
    temporary: &str,
    kept: Option<&str>,
    written: &str,
    salt: &str,
) -> Result<Undone, StepError> {
    let Some((parent, name)) = above(machine, path)? else {
        return Ok(Undone::Yes);
    };
    // Nobody else makes a file of this name; what is in it never was in force.
    if parent.find(temporary.as_ref())?.is_some() {
        remove(&parent, temporary.as_ref())?;
    }
    let present = parent.find(&name)?;
    let former = match kept {
        None => None,
        Some(kept) => match parent.find(kept.as_ref())? {
            Some(former) => Some((kept, former)),
            None => {
                return Ok(match &present {
                    Some(present) if is_as_written(present, written, salt)? => {
                        Undone::Kept(format!(
                            "{} stays as it was written: the former one, which was kept as {}, is gone",
                            path.display(),
                            parent.path.join(kept).display()
                        ))
                    }
                    // It was put back already, or was not yet kept.
                    _ => Undone::Yes,
                });
            }
        },
    };
    if let (Some(present), Some((kept, former))) = (&present, &former)
        && present.identity() == former.identity()
    {
        // The former file was kept, and nothing put in its place yet.
        remove(&parent, (*kept).as_ref())?;
        return Ok(Undone::Yes);
    }
    if let Some(present) = &present
        && !is_as_written(present, written, salt)?
    {
        return Ok(Undone::Kept(format!(
            "{} was changed since; it is left as it is{}",
            path.display(),
            kept.map_or_else(String::new, |kept| format!(
                ", and what was there before is {}",
                parent.path.join(kept).display()
            ))
        )));
    }
    match (former, present) {
        (Some((kept, _)), _) => {
            let failed = |error: std::io::Error| PlaceError::io(path, error);
            fault::point("rename back").map_err(failed)?;
            renameat(&parent, kept, &parent, &name).map_err(|error| PlaceError::io(path, error))?;
            fault::point("after rename back").map_err(failed)?;
            parent.synchronise()?;
        }
        (None, Some(_)) => remove(&parent, &name)?,
        (None, None) => {}
    }
    Ok(Undone::Yes)
}

fn is_as_written(entry: &Entry, written: &str, salt: &str) -> Result<bool, PlaceError> {
    if entry.kind() != crate::files::FileKind::Regular {
        return Ok(false);
    }
    match files::read(entry, files::LARGEST) {
        Ok(content) => Ok(digest(&content, salt) == written),
        Err(PlaceError::TooLarge { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn restore_attributes(machine: &Machine, entries: &[Attributes]) -> Result<Undone, StepError> {
    let mut changed: Option<&Path> = None;
    for wanted in entries.iter().rev() {
        let Some((parent, name)) = above(machine, &wanted.path)? else {
            continue;
        };
        let Some(entry) = parent.find(&name)? else {
            continue;
        };
        if entry.status.st_ino != wanted.inode {
            changed = Some(&wanted.path);
            continue;
        }
        let (uid, gid) = entry.owner();
        let now = (uid, gid, entry.mode());
        if now == wanted.before {
            continue;
        }
        // A kill may have come between owner and mode, so each of the two may be of either time.
        let is_known = |index: fn(&(u32, u32, u32)) -> u32| {
            let now = index(&now);
            now == index(&wanted.before) || now == index(&wanted.after)
        };
        if !(is_known(|a| a.0) && is_known(|a| a.1) && is_known(|a| a.2)) {
            changed = Some(&wanted.path);
            continue;
        }
        let (uid, gid, mode) = wanted.before;
        let former = files::FileAttributes {
            owner: (uid, gid),
            mode,
        };
        files::set_attributes(&entry, former)?;
    }
    Ok(match changed {
        None => Undone::Yes,
        Some(path) => Undone::Kept(format!(
            "{} was changed since, so its owner and mode stay",
            path.display()
        )),
    })
}
