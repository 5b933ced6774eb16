//! Copying a tree with everything that matters about it, and proving that the copy is the same.
//!
//! Sparse files stay sparse, hard links within the tree stay hard links, owners, permissions, times and extended attributes
//! stay. Links are copied and never followed. A copy that was interrupted is carried on: what is there already with the
//! same size and time is not written again, but is compared like everything else.

mod attributes;
mod content;
mod tree;

use crate::units::Bytes;
use std::{io, path::PathBuf};

use thiserror::Error;

pub use tree::{copy, goes_beyond, measure, room};

/// Why a copy was not made, or is not to be trusted.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The system refused or failed.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Where, within the tree.
        path: PathBuf,
        /// How.
        cause: io::Error,
    },
    /// Something was changed while it was copied.
    #[error("{} was changed while it was copied; stop what writes to it, and begin again", .0.display())]
    Changed(PathBuf),
    /// What was read back is not what was written.
    #[error("the copy of {} is not the same as the original; the disk may be failing", .0.display())]
    Different(PathBuf),
    /// Something stands in the copy's place that was not copied.
    #[error("{} stands where the copy would go, and is no copy; it is left alone", .0.display())]
    InTheWay(PathBuf),
    /// Directories within directories without end.
    #[error("{} is nested too deeply", .0.display())]
    TooDeep(PathBuf),
}

impl TransferError {
    fn io(path: &std::path::Path, cause: impl Into<io::Error>) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            cause: cause.into(),
        }
    }
}

/// How much a tree holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Files, links and directories below its top.
    pub entries: u64,
    /// What its files say; a file with several names counts once.
    pub bytes: u64,
    /// What they take on their disk, which is less where they are sparse.
    pub allocated: u64,
}

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// All that is in the copy.
    pub amount: Amount,
    /// Files that an earlier, interrupted copy had brought over.
    pub found: u64,
    /// Sockets and devices, which are no data and were left out.
    pub left_out: Vec<PathBuf>,
}

/// What is free on a file system for an account without privileges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes.
    pub bytes: u64,
    /// Files; none where the file system has no such limit.
    pub files: Option<u64>,
}

impl Room {
    /// What is missing for a tree of this amount, in words; none where there is room for it.
    #[must_use]
    pub fn lacks(&self, amount: Amount) -> Option<String> {
        // A file takes a block more than it says, and the directories something too.
        const OVERHEAD: u64 = 4_096;
        let needed = amount
            .allocated
            .saturating_add(amount.entries.saturating_mul(OVERHEAD));
        if needed > self.bytes {
            return Some(format!(
                "{} are needed, and {} are free",
                Bytes(needed),
                Bytes(self.bytes)
            ));
        }
        self.files
            .filter(|files| *files < amount.entries)
            .map(|files| {
                format!(
                    "{} files are to be made, and the file system has room for {files}",
                    amount.entries
                )
            })
    }
}

#[cfg(test)]
mod tests;
