//! One run at a time; who holds the lock is named to the other.

use std::{fs::File, io::Write, path::Path};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, openat},
    io::Errno,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    files, journal,
    walk::{Directory, PlaceError},
};
use crate::files::Root;

const NAME: &str = "lock";

/// Who holds the lock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// The account that it runs under, and whose it was before sudo.
    pub by: String,
    /// Since when.
    pub since: jiff::Timestamp,
}

/// Why there is no lock.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another run has it.
    #[error("another run is changing this machine: {}", described(.0.as_ref()))]
    Held(Option<Holder>),
    /// It could not be made.
    #[error("the journal's directory cannot be used: {0}")]
    Place(#[from] PlaceError),
}

fn described(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => format!(
            "process {}, of {}, since {}",
            holder.pid,
            holder.by,
            holder.since.strftime("%Y-%m-%d %H:%M:%S UTC")
        ),
        None => "it has not said who it is".into(),
    }
}

/// The lock; given back when this is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    /// The journal's directory, opened.
    pub(super) directory: Directory,
}

impl Lock {
    /// Takes the lock, and makes the journal's directory where it is missing.
    ///
    /// # Errors
    /// Where another run has it, or the directory cannot be written to.
    pub fn take(root: &Root, by: String) -> Result<Self, LockError> {
        let directory = journal_directory(root)?;
        let path = directory.path.join(NAME);
        let failed = |error: Errno| PlaceError::io(&path, error);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor =
            openat(&directory, NAME, flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
        match flock(&descriptor, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let holder = directory
                    .look(NAME.as_ref())
                    .and_then(|entry| files::read(&entry, 10_000))
                    .ok()
                    .and_then(|content| serde_json::from_slice(&content).ok());
                return Err(LockError::Held(holder));
            }
            Err(error) => return Err(failed(error).into()),
        }
        let mut file = File::from(descriptor);
        let holder = Holder {
            pid: std::process::id(),
            by,
            since: jiff::Timestamp::now(),
        };
        let attempt = |file: &mut File| -> std::io::Result<()> {
            let text = serde_json::to_vec(&holder)?;
            file.set_len(0)?;
            file.write_all(&text)?;
            file.sync_data()
        };
        attempt(&mut file).map_err(|error| PlaceError::io(&path, error))?;
        Ok(Self {
            _file: file,
            directory,
        })
    }

    /// Whether a run has it just now.
    #[must_use]
    pub fn is_held(root: &Root) -> bool {
        let open = || {
            let directory = Directory::open(root, Path::new(journal::DIRECTORY)).ok()?;
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            openat(&directory, NAME, flags, Mode::empty()).ok()
        };
        open().is_some_and(|file| {
            flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
        })
    }
}

fn journal_directory(root: &Root) -> Result<Directory, PlaceError> {
    let path = Path::new(journal::DIRECTORY);
    match Directory::open(root, path) {
        Ok(directory) => return Ok(directory),
        Err(error) if error.is_missing() => {}
        Err(error) => return Err(error),
    }
    for part in ["/var", "/var/lib", journal::DIRECTORY] {
        let (parent, name) = Directory::above(root, Path::new(part))?;
        if parent.find(&name)?.is_some() {
            continue;
        }
        let mode = if part == journal::DIRECTORY {
            Mode::RWXU
        } else {
            Mode::from_raw_mode(0o755)
        };
        super::fault::point("make the journal's directory")
            .map_err(|error| PlaceError::io(Path::new(part), error))?;
        match rustix::fs::mkdirat(&parent, &name, mode) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(PlaceError::io(Path::new(part), error)),
        }
        parent.synchronise()?;
    }
    Directory::open(root, path)
}
