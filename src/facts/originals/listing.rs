//! What is in a directory.

use std::path::{Path, PathBuf};

use tokio::runtime::Handle;

use crate::{
    facts::{FileKind, Observed, Site, bounded},
    units::Bytes,
};

/// More files are not looked at.
const MOST_ENTRIES: usize = 10_000;

/// One thing in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// What it is; links are not followed.
    pub kind: FileKind,
    /// Its size.
    pub size: Bytes,
}

/// Everything in a directory itself, by name. Has to be called where blocking is allowed.
#[must_use]
pub fn list(site: &Site, directory: &Path, runtime: &Handle) -> Observed<Vec<Entry>> {
    let (root, directory) = (site.root.clone(), directory.to_path_buf());
    let what = directory.display().to_string();
    let looking = bounded(site.deadline, what.clone(), move || {
        let entries = root.locate(&directory).and_then(std::fs::read_dir);
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return Observed::from_error(&error, &what),
        };
        let mut found: Vec<Entry> = entries
            .take(MOST_ENTRIES)
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let status = entry.metadata().ok()?;
                Some(Entry {
                    path: directory.join(entry.file_name()),
                    kind: kind(&status),
                    size: Bytes(status.len()),
                })
            })
            .collect();
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Observed::Seen(found)
    });
    runtime.block_on(looking)
}

fn kind(status: &std::fs::Metadata) -> FileKind {
    use std::os::unix::fs::MetadataExt;
    rustix::fs::FileType::from_raw_mode(status.mode()).into()
}
