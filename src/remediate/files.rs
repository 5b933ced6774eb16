//! Reading files for a change, and the few system calls that change what a file is.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use data_encoding::HEXLOWER;
use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, Uid, chmod, chownat, linkat, openat, renameat, unlinkat,
};
use sha2::{Digest, Sha256};

use super::{
    fault,
    walk::{Directory, Entry, PlaceError},
};
use crate::files::FileKind;

/// A configuration file or license is far smaller.
pub(super) const LARGEST: u64 = 4_000_000;

/// The content of the very file that was looked at, at most `limit` bytes.
///
/// # Errors
/// Where it is no plain file, larger, or cannot be read.
pub(super) fn read(entry: &Entry, limit: u64) -> Result<Vec<u8>, PlaceError> {
    if entry.kind() != FileKind::Regular {
        return Err(PlaceError::NotAFile {
            path: entry.path.clone(),
            kind: entry.kind(),
        });
    }
    let mut content = Vec::new();
    File::from(entry.readable()?)
        .take(limit + 1)
        .read_to_end(&mut content)
        .map_err(|error| PlaceError::io(&entry.path, error))?;
    if content.len() as u64 > limit {
        return Err(PlaceError::TooLarge {
            path: entry.path.clone(),
            limit,
        });
    }
    Ok(content)
}

/// A digest that tells whether a file is still the same, and nothing else of it.
pub(super) fn digest(content: &[u8], salt: &str) -> String {
    let digest = Sha256::new()
        .chain_update(salt.as_bytes())
        .chain_update(content)
        .finalize();
    HEXLOWER.encode(&digest)
}

/// Sets owner, group and permissions of the very thing that was looked at. A link's own owner is set, never that of
/// what it leads to, and a link has no permissions.
///
/// # Errors
/// Where it is neither file nor directory nor link, has another name, or the system refuses.
pub(super) fn set_attributes(entry: &Entry, wanted: FileAttributes) -> Result<(), PlaceError> {
    let FileAttributes {
        mode,
        owner: (uid, gid),
    } = wanted;
    match entry.kind() {
        FileKind::Regular | FileKind::Directory | FileKind::Symlink => {}
        kind => {
            return Err(PlaceError::NotAFile {
                path: entry.path.clone(),
                kind,
            });
        }
    }
    entry.require_one_name()?;
    let failed = |error: io::Error| PlaceError::io(&entry.path, error);
    if entry.owner() != (uid, gid) {
        fault::point("chown").map_err(failed)?;
        chownat(
            entry,
            "",
            Some(Uid::from_raw(uid)),
            Some(Gid::from_raw(gid)),
            AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW,
        )
        .map_err(|error| failed(error.into()))?;
        fault::point("after chown").map_err(failed)?;
    }
    if entry.kind() != FileKind::Symlink {
        let now = rustix::fs::fstat(entry).map_err(|error| failed(error.into()))?;
        if now.st_mode & 0o7777 != mode {
            fault::point("chmod").map_err(failed)?;
            chmod(entry.by_descriptor(), Mode::from_raw_mode(mode))
                .map_err(|error| failed(error.into()))?;
            fault::point("after chmod").map_err(failed)?;
        }
    }
    Ok(())
}

/// What a file becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileAttributes {
    /// Permission bits.
    pub mode: u32,
    /// User and group.
    pub owner: (u32, u32),
}

/// Prepares a file under a name of its own: owner and permissions are set before anything is in it.
///
/// # Errors
/// The system's; then nothing of that name is left.
pub(super) fn prepare(
    directory: &Directory,
    temporary: &OsStr,
    content: &[u8],
    attributes: FileAttributes,
) -> Result<(), PlaceError> {
    let path = directory.path.join(temporary);
    let attempt = || -> io::Result<()> {
        fault::point("create a temporary file")?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = openat(directory, temporary, flags, Mode::RUSR | Mode::WUSR)?;
        fault::point("chown the temporary file")?;
        let (uid, gid) = attributes.owner;
        rustix::fs::fchown(
            &descriptor,
            Some(Uid::from_raw(uid)),
            Some(Gid::from_raw(gid)),
        )?;
        fault::point("chmod the temporary file")?;
        rustix::fs::fchmod(&descriptor, Mode::from_raw_mode(attributes.mode))?;
        let mut file = File::from(descriptor);
        fault::point("write the temporary file")?;
        let half = content.len() / 2;
        file.write_all(content.get(..half).unwrap_or_default())?;
        fault::point("in the middle of the temporary file")?;
        file.write_all(content.get(half..).unwrap_or_default())?;
        fault::point("fsync the temporary file")?;
        file.sync_all()
    };
    attempt().map_err(|error| {
        // It was never in force.
        let _ = unlinkat(directory, temporary, AtFlags::empty());
        PlaceError::io(&path, error)
    })
}

/// Gives the prepared file its name, where nothing has that name.
///
/// # Errors
/// Where something has that name by now, and the system's.
pub(super) fn put(
    directory: &Directory,
    temporary: &OsStr,
    name: &OsStr,
) -> Result<(), PlaceError> {
    let path = directory.path.join(name);
    let attempt = || -> io::Result<()> {
        fault::point("link a new file")?;
        linkat(directory, temporary, directory, name, AtFlags::empty())?;
        fault::point("unlink the temporary name")?;
        unlinkat(directory, temporary, AtFlags::empty())?;
        fault::point("after a new file")
    };
    attempt().map_err(|error| PlaceError::io(&path, error))?;
    directory.synchronise()
}

/// Puts the prepared file in the place of another one, which is kept under a name of its own.
///
/// # Errors
/// The system's; until the prepared file is in place, the former one is.
pub(super) fn replace(
    directory: &Directory,
    temporary: &OsStr,
    name: &OsStr,
    kept: &OsStr,
) -> Result<(), PlaceError> {
    let path = directory.path.join(name);
    let attempt = || -> io::Result<()> {
        fault::point("keep the former file")?;
        linkat(directory, name, directory, kept, AtFlags::empty())?;
        fault::point("rename over the former file")?;
        renameat(directory, temporary, directory, name)?;
        fault::point("after a replaced file")
    };
    attempt().map_err(|error| PlaceError::io(&path, error))?;
    directory.synchronise()
}

/// What is at a path, without any link that root did not make; nothing where nothing is there.
///
/// # Errors
/// Where the way there is not safe, and the system's.
pub(super) fn find(root: &crate::files::Root, path: &Path) -> Result<Option<Entry>, PlaceError> {
    match Directory::above(root, path) {
        Ok((directory, name)) => directory.find(&name),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}
