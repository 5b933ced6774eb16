//! What a file tree looks like, so that two looks can be compared.
#![allow(dead_code, clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

/// For each path below a directory: kind, mode, owner, and the content or target.
pub type Listing = BTreeMap<PathBuf, String>;

/// Everything below `root`, without what is below one of `without`.
pub fn listing(root: &Path, without: &[&str]) -> Listing {
    let mut listing = Listing::new();
    let mut pending = vec![root.to_path_buf()];
    while let Some(path) = pending.pop() {
        let inside = path.strip_prefix(root).unwrap().to_path_buf();
        if without.iter().any(|left_out| inside.starts_with(left_out)) {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).unwrap();
        let kind = metadata.file_type();
        let content = if kind.is_dir() {
            for entry in fs::read_dir(&path).unwrap() {
                pending.push(entry.unwrap().path());
            }
            "directory".to_owned()
        } else if kind.is_symlink() {
            format!("→ {}", fs::read_link(&path).unwrap().display())
        } else if kind.is_file() {
            format!("{:?}", String::from_utf8_lossy(&fs::read(&path).unwrap()))
        } else if kind.is_fifo() {
            "pipe".to_owned()
        } else {
            "device".to_owned()
        };
        let described = format!(
            "{:o} {}:{} {content}",
            metadata.mode() & 0o7777,
            metadata.uid(),
            metadata.gid()
        );
        listing.insert(inside, described);
    }
    listing
}

/// What is in one listing and not, or otherwise, in the other.
pub fn difference(one: &Listing, other: &Listing) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, described) in one {
        if other.get(path) != Some(described) {
            lines.push(format!("- {} {described}", path.display()));
        }
    }
    for (path, described) in other {
        if one.get(path) != Some(described) {
            lines.push(format!("+ {} {described}", path.display()));
        }
    }
    lines
}
