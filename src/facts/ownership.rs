//! Who owns what below the data and log directories.

use std::{
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
    time::Instant,
};

use serde::{Deserialize, Serialize};
use walkdir::{DirEntry, WalkDir};

use super::{
    Observed, Root, Site, bounded,
    layout::resolve::{Ending, resolve},
    volumes::data_place,
};

/// More entries are not looked at; the data directory of a large node has some ten thousand.
const MOST_ENTRIES: u64 = 200_000;

/// More owners are counted and not told apart.
const MOST_OWNERS: usize = 100;

/// Deeper trees are walked with fewer open files, at the price of memory.
const MOST_OPEN_DIRECTORIES: usize = 100;

/// The clock is looked at once in so many entries.
const ENTRIES_BETWEEN_LOOKS: usize = 256;

/// Who owns what, in the two trees that the node writes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ownership {
    /// The node's data: the data directory, or the real directory in its place in the root-disk variant.
    pub data: Observed<Tree>,
    /// The node's logs.
    pub logs: Observed<Tree>,
}

/// What was seen of one tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// Its top, every link followed.
    pub path: String,
    /// The directories from `/` to the one above the top, in that order.
    pub parents: Vec<Parent>,
    /// Entries that were looked at, the top included.
    pub entries: u64,
    /// Why not all entries were looked at.
    pub cut_short: Option<CutShort>,
    /// Entries that this run may not look at.
    pub denied: u64,
    /// The first of those.
    pub first_denied: Option<String>,
    /// The first entry at which the file system failed, and how.
    pub first_failure: Option<String>,
    /// The owners, in the order in which they were met.
    pub owners: Vec<Owner>,
    /// The first entry that is no link and that everybody may write to.
    pub world_writable: Option<Writable>,
}

/// Why not everything was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CutShort {
    /// There are too many entries.
    TooMany,
    /// The deadline came first.
    Deadline,
}

/// One owner of entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// How many entries.
    pub entries: u64,
    /// The first of them.
    pub first: String,
}

/// An entry that everybody may write to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writable {
    /// Where.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
}

/// A directory above a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Where.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
    /// The user that owns it.
    pub uid: u32,
    /// The group that owns it.
    pub gid: u32,
}

/// Walks both trees at once.
pub async fn observe(site: Site) -> Observed<Ownership> {
    let (data, logs) = tokio::join!(
        tree(&site, "the node's data directory", |site| {
            let place = data_place(site);
            if place.root_disk_variant {
                place.path
            } else {
                site.profile.layout.data_dir.to_path_buf()
            }
        }),
        tree(&site, "the node's log directory", |site| {
            site.profile.layout.logs_dir.to_path_buf()
        }),
    );
    Observed::Seen(Ownership { data, logs })
}

async fn tree(
    site: &Site,
    what: &str,
    choose: impl FnOnce(&Site) -> PathBuf + Send + 'static,
) -> Observed<Tree> {
    let looked = site.clone();
    bounded(site.deadline, what, move || {
        // Some time is left to say what was seen before the deadline cuts in.
        let until = Instant::now() + looked.deadline.mul_f64(0.8);
        look(&looked.root, &choose(&looked), until)
    })
    .await
}

fn look(root: &Root, path: &Path, until: Instant) -> Observed<Tree> {
    let resolution = resolve(root, path);
    let top = resolution.located;
    match resolution.ending {
        Ending::Found(metadata) if metadata.is_dir() => {}
        Ending::Denied(directory) => {
            return Observed::Denied(format!(
                "looking into {} needs root",
                shown(root, &directory)
            ));
        }
        Ending::Failed(error) => return Observed::from_error(&error, &shown(root, path)),
        _ => return Observed::Absent,
    }
    let mut tree = Tree {
        path: shown(root, &top),
        parents: parents(root, &top),
        ..Tree::default()
    };
    walk(root, &top, until, &mut tree);
    Observed::Seen(tree)
}

fn walk(root: &Root, top: &Path, until: Instant, tree: &mut Tree) {
    let walk = WalkDir::new(top)
        .follow_links(false)
        .max_open(MOST_OPEN_DIRECTORIES)
        .same_file_system(true);
    let mut device = None;
    for (looked, entry) in walk.into_iter().enumerate() {
        if tree.entries >= MOST_ENTRIES {
            tree.cut_short = Some(CutShort::TooMany);
            return;
        }
        if looked.is_multiple_of(ENTRIES_BETWEEN_LOOKS) && Instant::now() >= until {
            tree.cut_short = Some(CutShort::Deadline);
            return;
        }
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                tree.note_error(root, &error);
                continue;
            }
        };
        match entry.metadata() {
            Ok(metadata) => {
                // The top of another file system that is mounted below is named by the walk but not entered.
                if *device.get_or_insert(metadata.dev()) == metadata.dev() {
                    tree.note(root, &entry, &metadata);
                }
            }
            Err(error) => tree.note_error(root, &error),
        }
    }
}

impl Tree {
    fn note(&mut self, root: &Root, entry: &DirEntry, metadata: &std::fs::Metadata) {
        // Every ext file system has this directory of root's at its top.
        if entry.depth() == 1 && entry.file_name() == "lost+found" {
            return;
        }
        self.entries += 1;
        let (uid, gid) = (metadata.uid(), metadata.gid());
        let known = self.owners.len();
        let owner = self
            .owners
            .iter_mut()
            .find(|owner| (owner.uid, owner.gid) == (uid, gid));
        if let Some(owner) = owner {
            owner.entries += 1;
        } else if known < MOST_OWNERS {
            self.owners.push(Owner {
                uid,
                gid,
                entries: 1,
                first: shown(root, entry.path()),
            });
        }
        let mode = metadata.mode() & 0o7777;
        if self.world_writable.is_none() && mode & 0o002 != 0 && !metadata.is_symlink() {
            self.world_writable = Some(Writable {
                path: shown(root, entry.path()),
                mode,
            });
        }
    }

    /// What vanished while it was looked at is no gap; what this run may not see is one.
    fn note_error(&mut self, root: &Root, error: &walkdir::Error) {
        let path = || error.path().map(|path| shown(root, path));
        match error.io_error() {
            Some(cause) if cause.kind() == ErrorKind::NotFound => {}
            Some(cause) if cause.kind() == ErrorKind::PermissionDenied => {
                self.denied = self.denied.saturating_add(1);
                self.first_denied = self.first_denied.take().or_else(path);
            }
            cause => {
                let cause = cause.map_or_else(|| "unknown".into(), ToString::to_string);
                let failure = || Some(format!("{}: {cause}", path().unwrap_or_default()));
                self.first_failure = self.first_failure.take().or_else(failure);
            }
        }
    }
}

/// The directories above `top`, inside the root.
fn parents(root: &Root, top: &Path) -> Vec<Parent> {
    let inside = root.inside(top);
    let mut parents = Vec::new();
    let mut here = PathBuf::from("/");
    for component in inside.parent().into_iter().flat_map(Path::components) {
        if let Component::Normal(name) = component {
            here.push(name);
        }
        let metadata = root
            .locate(&here)
            .and_then(|located| located.symlink_metadata());
        if let Ok(metadata) = metadata {
            parents.push(Parent {
                path: here.to_string_lossy().into_owned(),
                mode: metadata.mode() & 0o7777,
                uid: metadata.uid(),
                gid: metadata.gid(),
            });
        }
    }
    parents
}

fn shown(root: &Root, path: &Path) -> String {
    root.inside(path).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::{
        fs::Permissions,
        os::unix::fs::{PermissionsExt, symlink},
        time::Duration,
    };

    use super::*;

    fn far_off() -> Instant {
        Instant::now() + Duration::from_mins(10)
    }

    #[test]
    fn a_tree_is_walked_without_following_links() {
        let place = tempfile::tempdir().unwrap();
        let base = place.path();
        std::fs::create_dir_all(base.join("srv/data/pipes")).unwrap();
        std::fs::create_dir_all(base.join("elsewhere/more")).unwrap();
        std::fs::write(base.join("srv/data/pipes/open"), "").unwrap();
        std::fs::set_permissions(
            base.join("srv/data/pipes/open"),
            Permissions::from_mode(0o666),
        )
        .unwrap();
        std::fs::set_permissions(base.join("srv"), Permissions::from_mode(0o700)).unwrap();
        symlink("/elsewhere", base.join("srv/data/out")).unwrap();
        symlink(".", base.join("srv/data/circle")).unwrap();
        let root = Root::at(base).unwrap();
        let Observed::Seen(tree) = look(&root, Path::new("/srv/data"), far_off()) else {
            panic!("not seen");
        };
        assert_eq!(tree.entries, 5);
        assert_eq!(
            tree.owners.iter().map(|owner| owner.entries).sum::<u64>(),
            5
        );
        assert_eq!(
            tree.world_writable,
            Some(Writable {
                path: "/srv/data/pipes/open".into(),
                mode: 0o666
            })
        );
        let above: Vec<(&str, u32)> = tree
            .parents
            .iter()
            .map(|parent| (parent.path.as_str(), parent.mode))
            .collect();
        assert_eq!(above.last(), Some(&("/srv", 0o700)));
        assert_eq!(above.len(), 2);
        assert_eq!(tree.cut_short, None);
    }

    #[test]
    fn the_walk_ends_at_its_deadline_and_says_so() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::at(place.path()).unwrap();
        let Observed::Seen(tree) = look(&root, Path::new("/"), Instant::now()) else {
            panic!("not seen");
        };
        assert_eq!(tree.cut_short, Some(CutShort::Deadline));
    }

    #[test]
    fn what_is_no_directory_is_absent() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("file"), "").unwrap();
        let root = Root::at(place.path()).unwrap();
        for path in ["/file", "/missing"] {
            assert_eq!(look(&root, Path::new(path), far_off()), Observed::Absent);
        }
    }
}
