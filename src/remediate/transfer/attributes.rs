//! Owner, permissions, extended attributes and times of a copy.

use std::{ffi::CStr, io, os::fd::BorrowedFd, path::Path};

use rustix::{
    fs::{
        AtFlags, Gid, Mode, Stat, Timespec, Timestamps, Uid, XattrFlags, chownat, fchmod, fchown,
        fgetxattr, flistxattr, fsetxattr, futimens, utimensat,
    },
    io::Errno,
};

use super::TransferError;

/// Longer names, and values, than the kernel takes (`xattr(7)`).
const MOST_ATTRIBUTES: usize = 65_536;

/// Gives an open file or directory what the original has; the times last, since they say that the copy is complete.
pub(super) fn give(
    path: &Path,
    original: BorrowedFd,
    status: &Stat,
    copy: BorrowedFd,
) -> Result<(), TransferError> {
    let failed = |error: Errno| TransferError::io(path, error);
    fchown(
        copy,
        Some(Uid::from_raw(status.st_uid)),
        Some(Gid::from_raw(status.st_gid)),
    )
    .map_err(failed)?;
    extended(original, copy).map_err(|cause| TransferError::io(path, cause))?;
    // After the owner, whose change takes set-user-id away.
    fchmod(copy, Mode::from_raw_mode(status.st_mode & 0o7777)).map_err(failed)?;
    futimens(copy, &times(status)).map_err(failed)
}

/// Gives a link what the original has.
pub(super) fn give_link(
    path: &Path,
    directory: BorrowedFd,
    name: &CStr,
    status: &Stat,
) -> Result<(), TransferError> {
    let failed = |error: Errno| TransferError::io(path, error);
    chownat(
        directory,
        name,
        Some(Uid::from_raw(status.st_uid)),
        Some(Gid::from_raw(status.st_gid)),
        AtFlags::SYMLINK_NOFOLLOW,
    )
    .map_err(failed)?;
    utimensat(directory, name, &times(status), AtFlags::SYMLINK_NOFOLLOW).map_err(failed)
}

#[allow(
    clippy::useless_conversion,
    clippy::cast_possible_wrap,
    clippy::unnecessary_cast
)]
fn times(status: &Stat) -> Timestamps {
    let time = |seconds, nanoseconds| Timespec {
        tv_sec: seconds as i64,
        tv_nsec: nanoseconds as i64,
    };
    Timestamps {
        last_access: time(status.st_atime, status.st_atime_nsec),
        last_modification: time(status.st_mtime, status.st_mtime_nsec),
    }
}

fn extended(original: BorrowedFd, copy: BorrowedFd) -> io::Result<()> {
    let mut names = vec![0; MOST_ATTRIBUTES];
    let length = match flistxattr(original, &mut names) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    names.truncate(length);
    let mut value = vec![0; MOST_ATTRIBUTES];
    for name in names.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else {
            continue;
        };
        let length = match fgetxattr(original, name, &mut value) {
            Ok(length) => length,
            Err(Errno::NODATA) => continue,
            Err(error) => return Err(error.into()),
        };
        let value = value.get(..length).unwrap_or_default();
        match fsetxattr(copy, name, value, XattrFlags::empty()) {
            // The label of a security module is the kernel's to give, and not every file system takes every kind.
            Err(Errno::OPNOTSUPP | Errno::PERM) if name.to_bytes().starts_with(b"security.") => {}
            result => result?,
        }
    }
    Ok(())
}
