//! The texts behind the facts, as they are: files, logs, what programs say. A bundle takes them along, through the redactor.
//!
//! Whatever is read comes piece by piece from a task of its own: what hangs costs its deadline and is cut off there.

mod kernel;
mod listing;
mod programs;
mod reading;

use std::{
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
};

use tokio::{runtime::Handle, sync::mpsc};

pub use listing::{Entry, list};
pub use programs::PROGRAMS;
pub use reading::Reading;

use super::{Site, docker};
use crate::{
    defects::Watch,
    files::{LastLink, open_regular},
    units::Bytes,
};

/// What one original is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Original {
    /// A file of the machine.
    File {
        /// Where.
        path: PathBuf,
        /// Whether it may be a link to the file.
        last: LastLink,
    },
    /// What a program says; the words of its command line.
    Program(&'static [&'static str]),
    /// What the kernel said about memory and disks.
    KernelLog,
    /// The log of a container.
    ContainerLog {
        /// The engine's socket.
        socket: PathBuf,
        /// The container.
        id: String,
    },
}

impl std::fmt::Display for Original {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, .. } => write!(formatter, "{}", path.display()),
            Self::Program(words) => formatter.write_str(&words.join(" ")),
            Self::KernelLog => formatter.write_str("/dev/kmsg"),
            Self::ContainerLog { id, .. } => write!(formatter, "log of container {id}"),
        }
    }
}

/// How many pieces may wait to be taken.
const WAITING: usize = 4;
const PIECE: usize = 262_144;

impl Original {
    /// Begins to read the last `most` bytes of it. Has to be called where blocking is allowed.
    #[must_use]
    pub fn read(&self, site: &Site, most: Bytes, runtime: &Handle) -> Reading {
        let (pieces, taking) = mpsc::channel(WAITING);
        let original = self.clone();
        let reading_site = site.clone();
        // Where it panics no more pieces come, and whoever takes them gives up at the deadline.
        let watch = Watch::new(|| ());
        let task = match self {
            Self::File { path, last } => {
                let (path, last) = (path.clone(), *last);
                runtime.spawn_blocking(move || {
                    watch.over(|| send_file(&reading_site, &path, last, most, &pieces))
                })
            }
            Self::KernelLog => runtime.spawn_blocking(move || watch.over(|| kernel::send(&pieces))),
            Self::Program(words) => {
                let words = *words;
                runtime.spawn(watch.over_task(async move {
                    programs::send(words, most, reading_site.deadline, &pieces).await
                }))
            }
            Self::ContainerLog { socket, id } => {
                let (socket, id) = (socket.clone(), id.clone());
                runtime.spawn(
                    watch.over_task(
                        async move { docker::send_log(&socket, &id, most, &pieces).await },
                    ),
                )
            }
        };
        Reading::new(
            original.to_string(),
            taking,
            task,
            site.deadline,
            runtime.clone(),
        )
    }
}

/// Sends the last `most` bytes of a file, whole lines only; returns how many were left out.
fn send_file(
    site: &Site,
    path: &std::path::Path,
    last: LastLink,
    most: Bytes,
    pieces: &mpsc::Sender<Vec<u8>>,
) -> Result<u64, String> {
    let (mut file, length) =
        open_regular(&site.root, path, last).map_err(|problem| match problem {
            crate::files::FileProblem::Io(error)
                if error.kind() == std::io::ErrorKind::NotFound =>
            {
                "there is no such file".to_owned()
            }
            crate::files::FileProblem::Io(error)
                if error.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                "reading it needs root".to_owned()
            }
            other => other.to_string(),
        })?;
    let mut skipped = length.0.saturating_sub(most.0);
    file.seek(SeekFrom::Start(skipped))
        .map_err(|error| error.to_string())?;
    // The line that was cut into goes as a whole, so that no half of a secret is left of it.
    let mut is_line_cut = skipped > 0;
    // A log that is written to faster than it is read must not keep us.
    let mut file = file.take(most.0.min(length.0.max(PIECE as u64)));
    loop {
        let mut piece = vec![0; PIECE];
        let length = file
            .read(&mut piece)
            .map_err(|error| format!("reading it failed: {error}"))?;
        if length == 0 {
            return Ok(skipped);
        }
        piece.truncate(length);
        if is_line_cut {
            let end = piece.iter().position(|byte| *byte == b'\n');
            is_line_cut = end.is_none();
            let cut = end.map_or(length, |end| end + 1);
            skipped += cut as u64;
            piece.drain(..cut);
        }
        if pieces.blocking_send(piece).is_err() {
            return Ok(skipped);
        }
    }
}
