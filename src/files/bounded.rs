//! Reading one file, bounded in size, and never hanging on what is no file.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::Path,
};

use rustix::fs::{FileType, Mode, OFlags};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Root;
use crate::units::Bytes;

/// What stands at a path where a regular file was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character or block device.
    Device,
    /// Anything else the kernel may invent.
    Unknown,
}

impl From<FileType> for FileKind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::Regular,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Symlink,
            FileType::Fifo => Self::Fifo,
            FileType::Socket => Self::Socket,
            FileType::CharacterDevice | FileType::BlockDevice => Self::Device,
            FileType::Unknown => Self::Unknown,
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Regular => "a file",
            Self::Directory => "a directory",
            Self::Symlink => "a symbolic link",
            Self::Fifo => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Unknown => "neither file nor directory",
        })
    }
}

/// Why a file could not be read.
#[derive(Debug, Error)]
pub enum FileProblem {
    /// Something else stands there.
    #[error("it is {0}, not a file")]
    NotAFile(FileKind),
    /// It is larger than anything of its kind should be.
    #[error("it has {size}, more than the {limit} that are read at most")]
    TooLarge {
        /// Its size.
        size: Bytes,
        /// What would have been read at most.
        limit: Bytes,
    },
    /// The system refused or failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Whether a link in the last place of a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastLink {
    /// It leads to the file, as those of configuration may.
    Followed,
    /// It is refused: whoever may write to a directory could make the doctor read anything.
    Refused,
}

/// Opens the regular file at `path` inside `root`; returns its size, too.
///
/// # Errors
/// Anything that is no regular file is refused unopened, since opening a pipe or a device can block or act.
pub fn open_regular(
    root: &Root,
    path: &Path,
    last: LastLink,
) -> Result<(File, Bytes), FileProblem> {
    let (located, status, flags) = match last {
        LastLink::Followed => {
            let located = root.locate(path)?;
            let status = rustix::fs::stat(&located).map_err(io::Error::from)?;
            (located, status, OFlags::empty())
        }
        LastLink::Refused => {
            let located = root.locate_link(path)?;
            let status = rustix::fs::lstat(&located).map_err(io::Error::from)?;
            (located, status, OFlags::NOFOLLOW)
        }
    };
    require_regular(status.st_mode)?;
    let descriptor = rustix::fs::open(
        &located,
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | flags,
        Mode::empty(),
    )
    .map_err(io::Error::from)?;
    let status = rustix::fs::fstat(&descriptor).map_err(io::Error::from)?;
    require_regular(status.st_mode)?;
    let size = Bytes(u64::try_from(status.st_size).unwrap_or(0));
    Ok((File::from(descriptor), size))
}

/// Reads the regular file at `path` inside `root`, at most `limit` bytes.
///
/// # Errors
/// As for [`open_regular`], following links; and where it is larger than the limit.
pub fn read_bounded(root: &Root, path: &Path, limit: Bytes) -> Result<Vec<u8>, FileProblem> {
    let (file, size) = open_regular(root, path, LastLink::Followed)?;
    if size > limit {
        return Err(FileProblem::TooLarge { size, limit });
    }
    let mut content = Vec::new();
    file.take(limit.0.saturating_add(1))
        .read_to_end(&mut content)?;
    // Files under /proc say zero and then have a content; others may grow while they are read.
    let size = Bytes(content.len() as u64);
    if size > limit {
        return Err(FileProblem::TooLarge { size, limit });
    }
    Ok(content)
}

/// Like [`read_bounded`], as text; bytes that are no UTF-8 become U+FFFD.
///
/// # Errors
/// As for [`read_bounded`].
pub fn read_text(root: &Root, path: &Path, limit: Bytes) -> Result<String, FileProblem> {
    let content = read_bounded(root, path, limit)?;
    Ok(match String::from_utf8(content) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

fn require_regular(mode: u32) -> Result<(), FileProblem> {
    match FileKind::from(FileType::from_raw_mode(mode)) {
        FileKind::Regular => Ok(()),
        other => Err(FileProblem::NotAFile(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Bytes = Bytes(8);

    #[test]
    fn what_is_no_file_is_refused_without_opening_it() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        for (path, kind) in [
            (pipe.as_path(), FileKind::Fifo),
            (place.path(), FileKind::Directory),
            (Path::new("/dev/zero"), FileKind::Device),
        ] {
            let problem = read_bounded(&Root::machine(), path, LIMIT).unwrap_err();
            assert!(
                matches!(problem, FileProblem::NotAFile(found) if found == kind),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_not_beyond() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        std::fs::write(&path, "12345678").unwrap();
        assert_eq!(
            read_text(&Root::machine(), &path, LIMIT).unwrap(),
            "12345678"
        );
        std::fs::write(&path, "123456789").unwrap();
        assert!(matches!(
            read_bounded(&Root::machine(), &path, LIMIT).unwrap_err(),
            FileProblem::TooLarge { size: Bytes(9), .. }
        ));
        File::create(&path).unwrap().set_len(5_000_000_000).unwrap();
        assert!(matches!(
            read_bounded(&Root::machine(), &path, LIMIT).unwrap_err(),
            FileProblem::TooLarge { .. }
        ));
    }

    #[test]
    fn a_file_that_says_zero_and_has_a_content_is_bounded_too() {
        assert!(matches!(
            read_bounded(&Root::machine(), Path::new("/proc/self/mountinfo"), LIMIT).unwrap_err(),
            FileProblem::TooLarge { .. }
        ));
    }
}
