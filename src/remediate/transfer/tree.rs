//! Going through a tree, relative to opened directories only: whoever owns the data may plant links meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{CStr, CString, OsStr},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{
        AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, fstatvfs, linkat, mkdirat, mknodat,
        openat, readlinkat, statat, symlinkat, syncfs, unlinkat,
    },
    io::Errno,
};

use super::{Amount, Copied, Room, TransferError, attributes, content};

/// No data directory is nested so deeply; beyond, descriptors run out.
const DEEPEST: usize = 200;

/// How much a tree holds.
///
/// # Errors
/// Where part of it cannot be read.
pub fn measure(top: BorrowedFd) -> Result<Amount, TransferError> {
    let mut amount = Amount::default();
    let mut seen = BTreeSet::new();
    measure_below(top, Path::new(""), 0, &mut seen, &mut amount)?;
    Ok(amount)
}

fn measure_below(
    directory: BorrowedFd,
    path: &Path,
    depth: usize,
    seen: &mut BTreeSet<(u64, u64)>,
    amount: &mut Amount,
) -> Result<(), TransferError> {
    for name in names(directory, path)? {
        let below = path.join(OsStr::from_bytes(name.to_bytes()));
        let status = look(directory, &name, &below)?;
        amount.entries += 1;
        let is_again = status.st_nlink > 1
            && kind(&status) == FileType::RegularFile
            && !seen.insert(identity(&status));
        if !is_again {
            add(amount, &status);
        }
        if kind(&status) == FileType::Directory {
            let inner = open_directory(directory, &name, &below, depth)?;
            measure_below(inner.as_fd(), &below, depth + 1, seen, amount)?;
        }
    }
    Ok(())
}

fn add(amount: &mut Amount, status: &Stat) {
    const SECTOR: u64 = 512;
    amount.allocated += u64::try_from(status.st_blocks).unwrap_or(0) * SECTOR;
    if kind(status) == FileType::RegularFile {
        amount.bytes += size(status);
    }
}

/// Whether a tree has anything, by its names, that the other one has not.
///
/// # Errors
/// Where part of one cannot be read.
pub fn goes_beyond(tree: BorrowedFd, other: BorrowedFd) -> Result<bool, TransferError> {
    goes_beyond_below(tree, other, Path::new(""), 0)
}

fn goes_beyond_below(
    tree: BorrowedFd,
    other: BorrowedFd,
    path: &Path,
    depth: usize,
) -> Result<bool, TransferError> {
    for name in names(tree, path)? {
        let below = path.join(OsStr::from_bytes(name.to_bytes()));
        let there = match statat(other, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) => kind(&there),
            Err(Errno::NOENT) => return Ok(true),
            Err(error) => return Err(TransferError::io(&below, error)),
        };
        if kind(&look(tree, &name, &below)?) != FileType::Directory {
            continue;
        }
        if there != FileType::Directory {
            return Ok(true);
        }
        let inner = open_directory(tree, &name, &below, depth)?;
        let inner_other = open_directory(other, &name, &below, depth)?;
        if goes_beyond_below(inner.as_fd(), inner_other.as_fd(), &below, depth + 1)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is free where an opened directory is.
///
/// # Errors
/// The system's.
pub fn room(directory: BorrowedFd) -> Result<Room, TransferError> {
    let status = fstatvfs(directory)
        .map_err(|error| TransferError::io(Path::new("the new place"), error))?;
    Ok(Room {
        bytes: status.f_bavail.saturating_mul(status.f_frsize),
        // btrfs says zero of zero.
        files: (status.f_files > 0).then_some(status.f_favail),
    })
}

/// Copies what is below `from` to below `to`, which nobody else may write to meanwhile, and compares each file's content
/// with what was read, by SHA-256. `done` is told the bytes of each piece. The copy is on the disk when this returns.
///
/// # Errors
/// Where something cannot be read or written, was changed meanwhile, or does not read back the same.
pub fn copy(
    from: BorrowedFd,
    to: BorrowedFd,
    done: &mut dyn FnMut(u64),
) -> Result<Copied, TransferError> {
    let mut copying = Copying {
        top: to,
        names: BTreeMap::new(),
        copied: Copied::default(),
        done,
    };
    let top = Path::new("");
    copying.directory(from, to, top, 0)?;
    let status = fstat(from).map_err(|error| TransferError::io(top, error))?;
    attributes::give(top, from, &status, to)?;
    syncfs(to).map_err(|error| TransferError::io(top, error))?;
    Ok(copying.copied)
}

struct Copying<'a> {
    top: BorrowedFd<'a>,
    /// Where the first name of a file with several names was copied to.
    names: BTreeMap<(u64, u64), PathBuf>,
    copied: Copied,
    done: &'a mut dyn FnMut(u64),
}

impl Copying<'_> {
    fn directory(
        &mut self,
        from: BorrowedFd,
        to: BorrowedFd,
        path: &Path,
        depth: usize,
    ) -> Result<(), TransferError> {
        for name in names(from, path)? {
            let below = path.join(OsStr::from_bytes(name.to_bytes()));
            let status = look(from, &name, &below)?;
            self.copied.amount.entries += 1;
            match kind(&status) {
                FileType::Directory => {
                    self.one_directory(from, to, &name, &below, depth)?;
                    add(&mut self.copied.amount, &status);
                }
                FileType::RegularFile => self.file(from, to, &name, &below)?,
                FileType::Symlink => link(from, to, &name, &below, &status)?,
                FileType::Fifo => fifo(to, &name, &below, &status)?,
                _ => {
                    self.copied.amount.entries -= 1;
                    self.copied.left_out.push(below);
                }
            }
        }
        Ok(())
    }

    fn one_directory(
        &mut self,
        from: BorrowedFd,
        to: BorrowedFd,
        name: &CStr,
        path: &Path,
        depth: usize,
    ) -> Result<(), TransferError> {
        let inner = open_directory(from, name, path, depth)?;
        match mkdirat(to, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(TransferError::io(path, error)),
        }
        let Ok(copy) = open_directory(to, name, path, depth) else {
            return Err(TransferError::InTheWay(path.to_path_buf()));
        };
        self.directory(inner.as_fd(), copy.as_fd(), path, depth + 1)?;
        let status = fstat(&inner).map_err(|error| TransferError::io(path, error))?;
        attributes::give(path, inner.as_fd(), &status, copy.as_fd())
    }

    fn file(
        &mut self,
        from: BorrowedFd,
        to: BorrowedFd,
        name: &CStr,
        path: &Path,
    ) -> Result<(), TransferError> {
        let failed = |error: Errno| TransferError::io(path, error);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let original = openat(from, name, flags, Mode::empty()).map_err(failed)?;
        let status = fstat(&original).map_err(failed)?;
        if kind(&status) != FileType::RegularFile {
            return Err(TransferError::Changed(path.to_path_buf()));
        }
        if let Some(first) = self.names.get(&identity(&status)) {
            return match linkat(self.top, first, to, name, AtFlags::empty()) {
                Ok(()) => Ok(()),
                Err(Errno::EXIST) => {
                    // From an interrupted copy; made anew, since it may be another file.
                    unlinkat(to, name, AtFlags::empty()).map_err(failed)?;
                    linkat(self.top, first, to, name, AtFlags::empty()).map_err(failed)
                }
                Err(error) => Err(failed(error)),
            };
        }
        let (copy, sum) = match found(to, name, &status, path)? {
            Some(copy) => {
                self.copied.found += 1;
                (self.done)(size(&status));
                let sum = content::sum(original.as_fd(), size(&status))
                    .map_err(|error| TransferError::io(path, error))?;
                (copy, sum)
            }
            None => self.written(&original, to, name, &status, path)?,
        };
        // Read back from what was written, and not from what was meant.
        let back = content::sum(copy.as_fd(), size(&status))
            .map_err(|error| TransferError::io(path, error))?;
        let length = fstat(&copy).map_err(failed)?.st_size;
        if back != sum || length != status.st_size {
            return Err(TransferError::Different(path.to_path_buf()));
        }
        let now = fstat(&original).map_err(failed)?;
        if (now.st_size, now.st_mtime, now.st_mtime_nsec)
            != (status.st_size, status.st_mtime, status.st_mtime_nsec)
        {
            return Err(TransferError::Changed(path.to_path_buf()));
        }
        attributes::give(path, original.as_fd(), &status, copy.as_fd())?;
        if status.st_nlink > 1 {
            self.names.insert(identity(&status), path.to_path_buf());
        }
        add(&mut self.copied.amount, &status);
        Ok(())
    }

    fn written(
        &mut self,
        original: &OwnedFd,
        to: BorrowedFd,
        name: &CStr,
        status: &Stat,
        path: &Path,
    ) -> Result<(OwnedFd, content::Sum), TransferError> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let copy = openat(to, name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| TransferError::io(path, error))?;
        let sum = content::copy(
            original.as_fd(),
            size(status),
            copy.as_fd(),
            &mut *self.done,
        )
        .map_err(|error| TransferError::io(path, error))?;
        Ok((copy, sum))
    }
}

/// The copy that an earlier attempt has completed, where there is one.
fn found(
    to: BorrowedFd,
    name: &CStr,
    original: &Stat,
    path: &Path,
) -> Result<Option<OwnedFd>, TransferError> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let copy = match openat(to, name, flags, Mode::empty()) {
        Ok(copy) => copy,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => {
            return Err(TransferError::InTheWay(path.to_path_buf()));
        }
        Err(error) => return Err(TransferError::io(path, error)),
    };
    let status = fstat(&copy).map_err(|error| TransferError::io(path, error))?;
    let times = |status: &Stat| (status.st_size, status.st_mtime, status.st_mtime_nsec);
    let is_complete = kind(&status) == FileType::RegularFile
        && times(&status) == times(original)
        // A file that got other names then is made anew with those.
        && original.st_nlink == 1
        && status.st_nlink == 1;
    if is_complete {
        return Ok(Some(copy));
    }
    unlinkat(to, name, AtFlags::empty()).map_err(|error| TransferError::io(path, error))?;
    Ok(None)
}

fn link(
    from: BorrowedFd,
    to: BorrowedFd,
    name: &CStr,
    path: &Path,
    status: &Stat,
) -> Result<(), TransferError> {
    let failed = |error: Errno| TransferError::io(path, error);
    let target = readlinkat(from, name, Vec::new()).map_err(failed)?;
    match symlinkat(&target, to, name) {
        Ok(()) => {}
        Err(Errno::EXIST) => match readlinkat(to, name, Vec::new()) {
            Ok(there) if there == target => {}
            _ => return Err(TransferError::InTheWay(path.to_path_buf())),
        },
        Err(error) => return Err(failed(error)),
    }
    attributes::give_link(path, to, name, status)
}

fn fifo(to: BorrowedFd, name: &CStr, path: &Path, status: &Stat) -> Result<(), TransferError> {
    let failed = |error: Errno| TransferError::io(path, error);
    match mknodat(
        to,
        name,
        FileType::Fifo,
        Mode::from_raw_mode(status.st_mode & 0o777),
        0,
    ) {
        Ok(()) => {}
        Err(Errno::EXIST) if kind(&look(to, name, path)?) == FileType::Fifo => {}
        Err(Errno::EXIST) => return Err(TransferError::InTheWay(path.to_path_buf())),
        Err(error) => return Err(failed(error)),
    }
    attributes::give_link(path, to, name, status)
}

/// The names in a directory, in an order of their own.
fn names(directory: BorrowedFd, path: &Path) -> Result<Vec<CString>, TransferError> {
    let failed = |error: Errno| TransferError::io(path, error);
    let mut names = Vec::new();
    for entry in Dir::read_from(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if ![c".", c".."].contains(&name) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn look(directory: BorrowedFd, name: &CStr, path: &Path) -> Result<Stat, TransferError> {
    statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| TransferError::io(path, error))
}

fn open_directory(
    directory: BorrowedFd,
    name: &CStr,
    path: &Path,
    depth: usize,
) -> Result<OwnedFd, TransferError> {
    if depth >= DEEPEST {
        return Err(TransferError::TooDeep(path.to_path_buf()));
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::empty()).map_err(|error| TransferError::io(path, error))
}

fn kind(status: &Stat) -> FileType {
    FileType::from_raw_mode(status.st_mode)
}

fn size(status: &Stat) -> u64 {
    u64::try_from(status.st_size).unwrap_or(0)
}

fn identity(status: &Stat) -> (u64, u64) {
    (status.st_dev, status.st_ino)
}
