//! Whether anybody but root could have written a file, or could have put it where it is.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io,
    path::{Component, Path, PathBuf},
};

use rustix::fs::{FileType, Stat, lstat};
use serde::{Deserialize, Serialize};

/// Linux follows at most this many links in one path (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

const WRITABLE_BY_OTHERS: u32 = 0o022;
const RUNS_AS_ITS_OWNER: u32 = 0o6000;
const EXECUTABLE: u32 = 0o111;

/// Why a file is not to be executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Refusal {
    /// It, or what it is in, belongs to somebody else than root.
    NotRootOwned {
        /// What belongs to somebody else.
        path: String,
        /// Whom it belongs to.
        uid: u32,
    },
    /// It, or what it is in, can be written by others than its owner.
    WritableByOthers {
        /// What can be written.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// It would run with other rights than the doctor's (set-user-ID or set-group-ID).
    ForeignRights {
        /// The file.
        path: String,
        /// Its permissions.
        mode: u32,
    },
}

/// What stands at a path, once nobody but root can have put it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trusted {
    /// An executable file; the path has no link in it any more.
    Program(PathBuf),
    /// A file without any run bit.
    NotExecutable,
    /// A directory, a pipe, a device.
    NotAFile,
}

/// Why a path is not trusted.
#[derive(Debug)]
pub(super) enum Distrust {
    /// Others could have a hand in it.
    Refused(Refusal),
    /// It could not be looked at.
    Io(io::Error),
}

impl From<rustix::io::Errno> for Distrust {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

/// Follows an absolute path as the kernel does, and holds every directory and link on the way to the rule.
///
/// The file is executed later, by the path that is returned. Nobody but root can change anything on that path,
/// so what is executed is what was looked at, or what root has put there since.
pub(super) fn examine(path: &Path) -> Result<Trusted, Distrust> {
    let mut place = PathBuf::from("/");
    let mut status = lstat(&place)?;
    require_roots(&place, &status, IsLink::No)?;
    let mut pending = components(path);
    let mut links = 0;
    while let Some(step) = pending.pop_front() {
        let name = match step {
            Step::Top => {
                place = PathBuf::from("/");
                status = lstat(&place)?;
                continue;
            }
            Step::Up => {
                place.pop();
                status = lstat(&place)?;
                continue;
            }
            Step::Down(name) => name,
        };
        place.push(name);
        status = lstat(&place)?;
        if FileType::from_raw_mode(status.st_mode) == FileType::Symlink {
            require_roots(&place, &status, IsLink::Yes)?;
            links += 1;
            if links > MOST_LINKS {
                return Err(rustix::io::Errno::LOOP.into());
            }
            let target = std::fs::read_link(&place).map_err(Distrust::Io)?;
            place.pop();
            let mut steps = components(&target);
            steps.append(&mut pending);
            pending = steps;
        } else {
            require_roots(&place, &status, IsLink::No)?;
        }
    }
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Ok(Trusted::NotAFile);
    }
    if status.st_mode & EXECUTABLE == 0 {
        return Ok(Trusted::NotExecutable);
    }
    if status.st_mode & RUNS_AS_ITS_OWNER != 0 {
        return Err(Distrust::Refused(Refusal::ForeignRights {
            path: place.display().to_string(),
            mode: status.st_mode & 0o7777,
        }));
    }
    Ok(Trusted::Program(place))
}

/// A link's own permissions mean nothing: who may change it is up to its directory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IsLink {
    Yes,
    No,
}

fn require_roots(path: &Path, status: &Stat, is_link: IsLink) -> Result<(), Distrust> {
    let path = || path.display().to_string();
    if status.st_uid != 0 {
        return Err(Distrust::Refused(Refusal::NotRootOwned {
            path: path(),
            uid: status.st_uid,
        }));
    }
    // In a sticky directory others cannot replace the file, but they could have put theirs there first.
    if is_link == IsLink::No && status.st_mode & WRITABLE_BY_OTHERS != 0 {
        return Err(Distrust::Refused(Refusal::WritableByOthers {
            path: path(),
            mode: status.st_mode & 0o7777,
        }));
    }
    Ok(())
}

enum Step {
    Top,
    Up,
    Down(OsString),
}

fn components(path: &Path) -> VecDeque<Step> {
    path.components()
        .filter_map(|component| match component {
            Component::RootDir => Some(Step::Top),
            Component::ParentDir => Some(Step::Up),
            Component::Normal(name) => Some(Step::Down(name.to_owned())),
            Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_own_programs_are_trusted() {
        // `/bin` is a link on most systems, and `sh` is one too.
        let Trusted::Program(shell) = examine(Path::new("/bin/sh")).unwrap() else {
            panic!("/bin/sh is no program")
        };
        assert_eq!(shell, std::fs::canonicalize("/bin/sh").unwrap());
        assert_eq!(
            examine(Path::new("/etc/../etc/passwd")).unwrap(),
            Trusted::NotExecutable
        );
        assert_eq!(examine(Path::new("/etc")).unwrap(), Trusted::NotAFile);
        assert!(matches!(
            examine(Path::new("/no/such/file")),
            Err(Distrust::Io(_))
        ));
    }

    #[test]
    fn what_is_in_a_directory_that_all_may_write_is_refused() {
        let place = tempfile::tempdir_in("/tmp").unwrap();
        assert!(matches!(
            examine(place.path()),
            Err(Distrust::Refused(Refusal::WritableByOthers { path, mode: 0o1777 })) if path == "/tmp"
        ));
    }
}
