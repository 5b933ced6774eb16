//! The kernel's table of mounts (`/proc/self/mountinfo`).

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use procfs::process::MountInfo;
use serde::{Deserialize, Serialize};

use super::octal;

/// One mounted file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where it is mounted, as this machine calls the place.
    pub mount_point: String,
    /// Its type, as in `ext4` or `fuse.sshfs`.
    pub fs_type: String,
    /// What is mounted, as in `/dev/sda1`; nothing where the kernel names nothing.
    pub source: Option<String>,
    /// The number of the device, as in `8:1`; a major number of 0 is no block device. Equal for all mounts of one file system.
    pub device: String,
    /// Options of this mount and of the file system, sorted.
    pub options: Vec<String>,
    /// Whether the mount or the file system is read-only.
    pub read_only: bool,
}

/// The table of mounts, in which the mount that a path lies on can be found.
#[derive(Debug, Default)]
pub(in crate::facts) struct Mounts {
    entries: Vec<Entry>,
    /// The entries mounted on another one, by that one's mount id.
    children: HashMap<i32, Vec<usize>>,
    /// Lines that could not be understood.
    pub damaged: u64,
}

#[derive(Debug)]
struct Entry {
    id: i32,
    parent: i32,
    mount_point: PathBuf,
    line: String,
}

impl Mounts {
    /// Reads the table; a damaged line is counted and costs only itself.
    pub fn parse(text: &str) -> Self {
        let mut mounts = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            match entry(line) {
                Some(entry) => {
                    let index = mounts.entries.len();
                    mounts.children.entry(entry.parent).or_default().push(index);
                    mounts.entries.push(entry);
                }
                None => mounts.damaged += 1,
            }
        }
        mounts
    }

    /// The mount that `path` (absolute, without links) lies on, and the table's line for it.
    pub fn holding(&self, path: &Path) -> Option<(Mount, &str)> {
        let entry = self
            .walk(path)
            .or_else(|| self.nearest(path))
            .and_then(|index| self.entries.get(index))?;
        Some((mount(&entry.line)?, &entry.line))
    }

    /// Whether something is mounted below a directory.
    pub fn has_one_below(&self, directory: &Path) -> bool {
        let mut places = self.entries.iter().map(|entry| &entry.mount_point);
        places.any(|place| place != directory && place.starts_with(directory))
    }

    /// Walks the tree of mounts as the kernel walks the path, so that a mount hidden below a later one is not taken for it.
    fn walk(&self, path: &Path) -> Option<usize> {
        let known: HashSet<i32> = self.entries.iter().map(|entry| entry.id).collect();
        let mut here = self.entries.iter().position(|entry| {
            entry.mount_point == Path::new("/") && !known.contains(&entry.parent)
        })?;
        let mut visited = HashSet::new();
        while visited.insert(here) {
            let id = self.entries.get(here)?.id;
            let next = self
                .children
                .get(&id)
                .into_iter()
                .flatten()
                .copied()
                .filter(|child| {
                    self.entries
                        .get(*child)
                        .is_some_and(|child| path.starts_with(&child.mount_point))
                })
                // The way along the path meets the shortest one first.
                .min_by_key(|child| {
                    self.entries
                        .get(*child)
                        .map(|child| child.mount_point.as_os_str().len())
                });
            match next {
                Some(child) => here = child,
                None => return Some(here),
            }
        }
        None
    }

    /// The longest mount point above the path, where the table names no root; of equals the last.
    fn nearest(&self, path: &Path) -> Option<usize> {
        self.entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| path.starts_with(&entry.mount_point))
            .max_by_key(|(_, entry)| entry.mount_point.as_os_str().len())
            .map(|(index, _)| index)
    }
}

fn entry(line: &str) -> Option<Entry> {
    let parsed = MountInfo::from_line(line).ok()?;
    Some(Entry {
        id: parsed.mnt_id,
        parent: parsed.pid,
        mount_point: mount_point(&parsed),
        line: line.to_owned(),
    })
}

fn mount(line: &str) -> Option<Mount> {
    let parsed = MountInfo::from_line(line).ok()?;
    let mut options: Vec<String> = parsed
        .mount_options
        .iter()
        .chain(&parsed.super_options)
        .map(|(name, value)| match value {
            Some(value) => octal::unescape(&format!("{name}={value}")),
            None => octal::unescape(name),
        })
        .collect();
    options.sort();
    options.dedup();
    let read_only = options.iter().any(|option| option == "ro");
    Some(Mount {
        mount_point: mount_point(&parsed).to_string_lossy().into_owned(),
        fs_type: octal::unescape(&parsed.fs_type),
        source: parsed.mount_source.as_deref().map(octal::unescape),
        device: parsed.majmin,
        options,
        read_only,
    })
}

fn mount_point(parsed: &MountInfo) -> PathBuf {
    octal::unescape(&parsed.mount_point.to_string_lossy()).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = include_str!("../../../tests/fixtures/storage/mountinfo");

    fn on(path: &str) -> String {
        let mounts = Mounts::parse(TABLE);
        mounts.holding(Path::new(path)).unwrap().0.mount_point
    }

    #[test]
    fn the_mount_that_a_path_lies_on_is_found() {
        for (path, mount_point) in [
            ("/", "/"),
            ("/srv", "/"),
            ("/srv/data", "/srv/data"),
            ("/srv/data/sesam", "/srv/data"),
            ("/srv/database", "/"),
            ("/mnt/with space/x", "/mnt/with space"),
            ("/sesam/node-00", "/sesam"),
        ] {
            assert_eq!(on(path), mount_point, "{path}");
        }
    }

    #[test]
    fn a_mount_below_a_later_one_is_hidden() {
        let mounts = Mounts::parse(TABLE);
        let (mount, _) = mounts.holding(Path::new("/sesam/node-00/data")).unwrap();
        assert_eq!(
            (mount.mount_point.as_str(), mount.fs_type.as_str()),
            ("/sesam", "xfs")
        );
        assert!(mount.read_only);
    }

    #[test]
    fn a_damaged_line_costs_only_itself() {
        let mounts = Mounts::parse(&format!("{TABLE}\n40 27 8:1 / /torn rw\nnonsense\n"));
        assert_eq!(mounts.damaged, 2);
        assert!(mounts.holding(Path::new("/srv/data")).is_some());
    }

    #[test]
    fn a_table_without_a_root_or_with_a_circle_is_survived() {
        let mounts = Mounts::parse("1 2 8:1 / / rw - ext4 a rw\n2 1 8:2 / / rw - ext4 b rw");
        assert!(mounts.holding(Path::new("/x")).is_some());
        assert!(Mounts::parse("").holding(Path::new("/")).is_none());
    }

    #[test]
    fn a_hundred_thousand_mounts_are_read_in_one_go() {
        use std::fmt::Write;
        let mut table = String::from("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
        for id in 2..100_000 {
            writeln!(
                table,
                "{id} {} 0:{id} / /m/{id} rw - tmpfs tmpfs rw",
                id - 1
            )
            .unwrap();
        }
        let mounts = Mounts::parse(&table);
        assert_eq!(mounts.damaged, 0);
        let (mount, _) = mounts.holding(Path::new("/m/2/x")).unwrap();
        assert_eq!(mount.mount_point, "/m/2");
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(text in any::<String>(), path in any::<String>()) {
            let _ = Mounts::parse(&text).holding(Path::new(&path));
        }

        #[test]
        fn nothing_like_a_table_makes_it_panic(
            fields in prop::collection::vec("[0-9a-z/:,=\\\\ -]{0,12}", 0..14),
        ) {
            let _ = Mounts::parse(&fields.join(" ")).holding(Path::new("/a"));
        }
    }
}
