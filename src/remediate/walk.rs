//! The way to a place, one opened directory after another, so that nobody can lead it elsewhere in the meantime.
//!
//! The data directory belongs to a less privileged account, which may plant links and move things while a run works in it.
//! Every step is therefore taken relative to a directory that is already open, and a link is followed only where root made
//! it in a directory that nobody else may write to. This needs nothing newer than Linux 3.6 (`O_PATH` with `fstat`).

use std::{
    ffi::{OsStr, OsString},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FileType, Mode, OFlags, Stat, fstat, openat, readlinkat},
    io::Errno,
};
use thiserror::Error;

use crate::files::{self, FileKind, Root};

/// Linux follows at most this many links in one path (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// Why a place cannot be changed.
#[derive(Debug, Error)]
pub enum PlaceError {
    /// Somebody other than root could have made the link.
    #[error(
        "{} is a symbolic link that another account than root may have made; it is not followed",
        .0.display()
    )]
    Link(PathBuf),
    /// Links lead in a circle, or through too many others.
    #[error("{} leads through too many symbolic links", .0.display())]
    Loop(PathBuf),
    /// Something on the way is no directory.
    #[error("{} is {kind}, not a directory", path.display())]
    NotADirectory {
        /// That step.
        path: PathBuf,
        /// What it is.
        kind: FileKind,
    },
    /// Something else than a file stands where a file belongs.
    #[error("{} is {kind}, not a file; it is left alone", path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
        /// What it is.
        kind: FileKind,
    },
    /// The file has another name, which may be anywhere on its file system.
    #[error(
        "{} has {links} names (hard links), so that changing it would change a file elsewhere; it is left alone",
        path.display()
    )]
    HardLinked {
        /// Its path.
        path: PathBuf,
        /// How many names it has.
        links: u64,
    },
    /// It is larger than anything of its kind should be.
    #[error("{} has more than {limit} bytes; it is left alone", path.display())]
    TooLarge {
        /// Its path.
        path: PathBuf,
        /// What is read at most.
        limit: u64,
    },
    /// Another process changed it in the meantime.
    #[error("{} was changed by somebody else while it was being worked on", .0.display())]
    Changed(PathBuf),
    /// A journal that somebody else than this run's user wrote.
    #[error(
        "{} belongs to another account, which has no say in what is taken back; move it out of that directory",
        .0.display()
    )]
    NotOwned(PathBuf),
    /// A journal of which only the beginning can be read.
    #[error(
        "line {line} of {} is no record that this sesam-doctor knows: the file is damaged, or a newer release wrote it; with that release, or once the file is moved out of its directory (what its run did can then no longer be taken back), it goes on",
        path.display()
    )]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// The first line that cannot be read.
        line: usize,
    },
    /// The path has no name in its last place.
    #[error("{} names no file", .0.display())]
    Nameless(PathBuf),
    /// The system refused or failed.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// How.
        cause: io::Error,
    },
}

impl PlaceError {
    /// The system's error about a path.
    pub(super) fn io(path: &Path, cause: impl Into<io::Error>) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            cause: cause.into(),
        }
    }

    /// Whether it only says that nothing is there.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { cause, .. } if cause.kind() == io::ErrorKind::NotFound)
    }
}

/// A directory that is open, and how messages call it.
#[derive(Debug)]
pub(super) struct Directory {
    descriptor: OwnedFd,
    /// Its path inside the root.
    pub(super) path: PathBuf,
}

/// Something in a directory, opened without acting on it (`O_PATH`) and without following it.
#[derive(Debug)]
pub(super) struct Entry {
    descriptor: OwnedFd,
    /// Its path inside the root.
    pub(super) path: PathBuf,
    /// What the kernel says of it.
    pub(super) status: Stat,
}

impl Directory {
    /// Opens the directory at `path` inside `root`.
    ///
    /// # Errors
    /// Where it is missing, no directory, or reached through a link that root did not make.
    pub(super) fn open(root: &Root, path: &Path) -> Result<Self, PlaceError> {
        let start = rustix::fs::open(
            root.directory(),
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|error| PlaceError::io(Path::new("/"), error))?;
        let mut way = vec![Self {
            descriptor: start,
            path: PathBuf::from("/"),
        }];
        let mut pending = files::steps(path);
        let mut links = 0;
        while let Some(step) = pending.pop_front() {
            match step {
                files::Step::Root => way.truncate(1),
                files::Step::Up => {
                    if way.len() > 1 {
                        way.pop();
                    }
                }
                files::Step::Down(name) => {
                    let Some(here) = way.last() else {
                        return Err(PlaceError::Nameless(path.to_path_buf()));
                    };
                    let entry = here.look(&name)?;
                    match entry.kind() {
                        FileKind::Directory => way.push(Self {
                            descriptor: entry.descriptor,
                            path: entry.path,
                        }),
                        FileKind::Symlink => {
                            links += 1;
                            if links > MOST_LINKS {
                                return Err(PlaceError::Loop(path.to_path_buf()));
                            }
                            let mut onward = files::steps(&here.followed(&entry)?);
                            onward.append(&mut pending);
                            pending = onward;
                        }
                        kind => {
                            return Err(PlaceError::NotADirectory {
                                path: entry.path,
                                kind,
                            });
                        }
                    }
                }
            }
        }
        way.pop()
            .ok_or_else(|| PlaceError::Nameless(path.to_path_buf()))
    }

    /// Opens the directory that `path` is in, and gives the name that it has there.
    ///
    /// # Errors
    /// As for [`Directory::open`]; also where the path ends in no name.
    pub(super) fn above(root: &Root, path: &Path) -> Result<(Self, OsString), PlaceError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(PlaceError::Nameless(path.to_path_buf()));
        };
        Ok((Self::open(root, parent)?, name.to_owned()))
    }

    /// What of this name is in it, links not followed.
    ///
    /// # Errors
    /// The system's; that nothing is there among them.
    pub(super) fn look(&self, name: &OsStr) -> Result<Entry, PlaceError> {
        let path = self.path.join(name);
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = openat(&self.descriptor, name, flags, Mode::empty())
            .map_err(|error| PlaceError::io(&path, error))?;
        let status = fstat(&descriptor).map_err(|error| PlaceError::io(&path, error))?;
        Ok(Entry {
            descriptor,
            path,
            status,
        })
    }

    /// Like [`Directory::look`], but that nothing is there is no error.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn find(&self, name: &OsStr) -> Result<Option<Entry>, PlaceError> {
        match self.look(name) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where a link in it says that it leads.
    fn followed(&self, entry: &Entry) -> Result<PathBuf, PlaceError> {
        let own = fstat(&self.descriptor).map_err(|error| PlaceError::io(&self.path, error))?;
        if entry.status.st_uid != 0 || !is_roots_alone(&own) {
            return Err(PlaceError::Link(entry.path.clone()));
        }
        entry.target()
    }

    /// A descriptor of it that can be read and synchronised.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn reopened(&self) -> Result<OwnedFd, PlaceError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(&self.descriptor, ".", flags, Mode::empty())
            .map_err(|error| PlaceError::io(&self.path, error))
    }

    /// Waits until what was changed in it is on the disk.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn synchronise(&self) -> Result<(), PlaceError> {
        super::fault::point("fsync of a directory")
            .and_then(|()| {
                rustix::fs::fsync(self.reopened().map_err(io::Error::other)?).or_else(|error| {
                    match error {
                        // Some file systems have nothing to synchronise.
                        Errno::INVAL => Ok(()),
                        other => Err(other.into()),
                    }
                })
            })
            .map_err(|error| PlaceError::io(&self.path, error))
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl AsFd for Entry {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Entry {
    /// What it is.
    pub(super) fn kind(&self) -> FileKind {
        FileKind::from(FileType::from_raw_mode(self.status.st_mode))
    }

    /// Its permission bits.
    pub(super) fn mode(&self) -> u32 {
        self.status.st_mode & 0o7777
    }

    /// Its owner and group.
    pub(super) fn owner(&self) -> (u32, u32) {
        (self.status.st_uid, self.status.st_gid)
    }

    /// What tells it from everything else on the machine, as long as it is there.
    pub(super) fn identity(&self) -> (u64, u64) {
        (self.status.st_dev, self.status.st_ino)
    }

    /// What a link says.
    ///
    /// # Errors
    /// The system's, also where it is no link.
    pub(super) fn target(&self) -> Result<PathBuf, PlaceError> {
        use std::os::unix::ffi::OsStringExt;
        let target = readlinkat(&self.descriptor, "", Vec::new())
            .map_err(|error| PlaceError::io(&self.path, error))?;
        Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }

    /// It, as a directory to work in.
    ///
    /// # Errors
    /// Where it is none.
    pub(super) fn into_directory(self) -> Result<Directory, PlaceError> {
        match self.kind() {
            FileKind::Directory => Ok(Directory {
                descriptor: self.descriptor,
                path: self.path,
            }),
            kind => Err(PlaceError::NotADirectory {
                path: self.path,
                kind,
            }),
        }
    }

    /// Refuses everything but a regular file that has no other name.
    ///
    /// # Errors
    /// What it is instead.
    pub(super) fn require_plain_file(&self) -> Result<(), PlaceError> {
        match self.kind() {
            FileKind::Regular => {}
            kind => {
                return Err(PlaceError::NotAFile {
                    path: self.path.clone(),
                    kind,
                });
            }
        }
        self.require_one_name()
    }

    /// Refuses a file that has another name somewhere; the account that may write here could have made it, to have
    /// that other one changed.
    ///
    /// # Errors
    /// Where there is another name.
    pub(super) fn require_one_name(&self) -> Result<(), PlaceError> {
        let links = self.status.st_nlink;
        if self.kind() != FileKind::Directory && links > 1 {
            return Err(PlaceError::HardLinked {
                path: self.path.clone(),
                links,
            });
        }
        Ok(())
    }

    /// A descriptor for reading the very file that was looked at.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn readable(&self) -> Result<OwnedFd, PlaceError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        rustix::fs::open(self.by_descriptor(), flags, Mode::empty())
            .map_err(|error| PlaceError::io(&self.path, error))
    }

    /// A path that leads to it whatever becomes of its name, for calls that take no `O_PATH` descriptor.
    pub(super) fn by_descriptor(&self) -> PathBuf {
        use std::os::fd::AsRawFd;
        PathBuf::from(format!("/proc/self/fd/{}", self.descriptor.as_raw_fd()))
    }
}

/// Whether nobody but root can put anything into a directory.
fn is_roots_alone(directory: &Stat) -> bool {
    const GROUP_WRITES: u32 = 0o020;
    const OTHERS_WRITE: u32 = 0o002;
    directory.st_uid == 0
        && directory.st_mode & OTHERS_WRITE == 0
        && (directory.st_mode & GROUP_WRITES == 0 || directory.st_gid == 0)
}
