//! Directories and links of the manual: what stands there, and where it leads.

pub(in crate::facts) mod resolve;

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use self::resolve::{Ending, Resolution, resolve};
use super::{FileKind, Observed, Root, Site, bounded};
use crate::profile::AbsolutePath;

/// What stands at each path of the profile's `[layout]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Layout {
    /// Mount point of the data disk.
    pub data_mount: Observed<Place>,
    /// The node's data on the data disk.
    pub data_dir: Observed<Place>,
    /// The node's base directory.
    pub node_dir: Observed<Place>,
    /// The link to the node's data.
    pub data_link: Observed<Place>,
    /// The node's logs.
    pub logs_dir: Observed<Place>,
    /// The agent's configuration directory; not asked where the profile has none.
    pub agent_dir: Observed<Place>,
    /// Traefik's ACME directory.
    pub letsencrypt_dir: Observed<Place>,
    /// Where the customer's own certificate is put.
    pub certificates_dir: Observed<Place>,
}

/// What stands at a path, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The path.
    pub path: String,
    /// What stands there itself, links not followed; nothing where nothing does.
    pub entry: Option<Entry>,
    /// What a link in the last place says.
    pub target: Option<String>,
    /// Where the path leads, every link followed.
    pub end: End,
}

/// Kind, permissions and owner of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits.
    pub mode: u32,
    /// User that owns it.
    pub uid: u32,
    /// Group that owns it.
    pub gid: u32,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "leads", rename_all = "kebab-case")]
pub enum End {
    /// To something that is there.
    Found(Destination),
    /// To nothing: the first step that is missing, no link being on the way.
    Missing {
        /// That step.
        first: String,
    },
    /// A link on the way leads to nothing.
    Dangling {
        /// The first step that is missing.
        first: String,
    },
    /// Links lead in a circle, or through too many others.
    Loop,
    /// Something on the way is no directory.
    NotADirectory {
        /// That step.
        step: String,
    },
    /// This run may not search a directory on the way.
    Denied {
        /// That directory.
        directory: String,
    },
    /// The file system failed.
    Failed {
        /// How.
        reason: String,
    },
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Its path without any link.
    pub path: String,
    /// Kind, permissions and owner.
    #[serde(flatten)]
    pub entry: Entry,
    /// The number of the file system: with the next one the same for all names of one thing, bind mounts included.
    pub device: u64,
    /// The number within the file system.
    pub inode: u64,
    /// Of a directory: whether anything is in it; nothing where this run may not look.
    pub has_entries: Option<bool>,
}

impl Place {
    /// What the path leads to, where it leads to anything.
    #[must_use]
    pub fn destination(&self) -> Option<&Destination> {
        match &self.end {
            End::Found(destination) => Some(destination),
            _ => None,
        }
    }

    /// Whether a directory stands there itself, not a link to one.
    #[must_use]
    pub fn is_real_directory(&self) -> bool {
        self.entry
            .is_some_and(|entry| entry.kind == FileKind::Directory)
    }

    /// Whether the path leads to a directory.
    #[must_use]
    pub fn leads_to_directory(&self) -> bool {
        self.destination()
            .is_some_and(|end| end.entry.kind == FileKind::Directory)
    }
}

impl From<&Metadata> for Entry {
    fn from(metadata: &Metadata) -> Self {
        let mode = metadata.mode();
        Self {
            kind: rustix::fs::FileType::from_raw_mode(mode).into(),
            mode: mode & 0o7777,
            uid: metadata.uid(),
            gid: metadata.gid(),
        }
    }
}

/// Looks at every path of the layout at once.
pub async fn observe(site: Site) -> Observed<Layout> {
    let paths = &site.profile.layout;
    let agent = async {
        match &paths.agent_dir {
            Some(path) => place(&site, path).await,
            None => Observed::NotAsked,
        }
    };
    let (
        data_mount,
        data_dir,
        node_dir,
        data_link,
        logs_dir,
        agent_dir,
        letsencrypt_dir,
        certificates_dir,
    ) = tokio::join!(
        place(&site, &paths.data_mount),
        place(&site, &paths.data_dir),
        place(&site, &paths.node_dir),
        place(&site, &paths.data_link),
        place(&site, &paths.logs_dir),
        agent,
        place(&site, &paths.letsencrypt_dir),
        place(&site, &paths.certificates_dir),
    );
    Observed::Seen(Layout {
        data_mount,
        data_dir,
        node_dir,
        data_link,
        logs_dir,
        agent_dir,
        letsencrypt_dir,
        certificates_dir,
    })
}

async fn place(site: &Site, path: &AbsolutePath) -> Observed<Place> {
    let (root, path) = (site.root.clone(), path.to_path_buf());
    let what = path.display().to_string();
    bounded(site.deadline, what, move || {
        Observed::Seen(look(&root, &path))
    })
    .await
}

fn look(root: &Root, path: &Path) -> Place {
    let itself = itself(root, path);
    let metadata = itself
        .as_ref()
        .and_then(|located| located.symlink_metadata().ok());
    let target = metadata
        .as_ref()
        .filter(|metadata| metadata.is_symlink())
        .and(itself.as_ref())
        .and_then(|located| std::fs::read_link(located).ok());
    Place {
        path: text(path),
        entry: metadata.as_ref().map(Entry::from),
        target: target.map(|target| text(&target)),
        end: end(root, resolve(root, path)),
    }
}

/// The path with every link but one in the last place followed.
fn itself(root: &Root, path: &Path) -> Option<PathBuf> {
    let Some(name) = path.file_name() else {
        return Some(resolve(root, path).located);
    };
    let above = resolve(root, path.parent()?);
    matches!(above.ending, Ending::Found(_)).then(|| above.located.join(name))
}

fn end(root: &Root, resolution: Resolution) -> End {
    let shown = |path: &Path| text(&root.inside(path));
    match resolution.ending {
        Ending::Found(metadata) => End::Found(Destination {
            path: shown(&resolution.located),
            entry: Entry::from(metadata.as_ref()),
            device: metadata.dev(),
            inode: metadata.ino(),
            has_entries: metadata
                .is_dir()
                .then(|| has_entries(&resolution.located))
                .flatten(),
        }),
        Ending::Missing {
            first,
            through_link: false,
        } => End::Missing {
            first: shown(&first),
        },
        Ending::Missing { first, .. } => End::Dangling {
            first: shown(&first),
        },
        Ending::Loop => End::Loop,
        Ending::NotADirectory(step) => End::NotADirectory { step: shown(&step) },
        Ending::Denied(directory) => End::Denied {
            directory: shown(&directory),
        },
        Ending::Failed(error) => End::Failed {
            reason: error.to_string(),
        },
    }
}

/// Reads no more than the first entry, since a directory may hold millions.
fn has_entries(directory: &Path) -> Option<bool> {
    let mut entries = std::fs::read_dir(directory).ok()?;
    Some(entries.next().is_some())
}

/// Names on disk need not be UTF-8, recorded facts have to be.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_stands_at_a_path_and_where_it_leads_are_both_seen() {
        let place = tempfile::tempdir().unwrap();
        let base = place.path();
        std::fs::create_dir_all(base.join("srv/data/x")).unwrap();
        std::fs::create_dir_all(base.join("sesam")).unwrap();
        symlink("/srv/data", base.join("sesam/link")).unwrap();
        symlink("link", base.join("sesam/chain")).unwrap();
        symlink("circle", base.join("sesam/circle")).unwrap();
        symlink("/srv/gone", base.join("sesam/dangling")).unwrap();
        let root = Root::at(base).unwrap();
        let look = |path: &str| look(&root, Path::new(path));

        let chain = look("/sesam/chain/");
        assert_eq!(chain.entry.unwrap().kind, FileKind::Symlink);
        assert_eq!(chain.target.as_deref(), Some("link"));
        let end = chain.destination().unwrap();
        assert_eq!(
            (end.path.as_str(), end.has_entries),
            ("/srv/data", Some(true))
        );
        assert!(chain.leads_to_directory() && !chain.is_real_directory());
        assert_eq!(
            look("/srv/data/x").destination().unwrap().has_entries,
            Some(false)
        );
        assert_eq!(look("/sesam/circle").end, End::Loop);
        assert!(look("/sesam/circle").entry.is_some());
        assert_eq!(
            look("/sesam/dangling").end,
            End::Dangling {
                first: "/srv/gone".into()
            }
        );
        let missing = look("/nowhere/at/all");
        assert_eq!(
            (missing.entry, missing.end),
            (
                None,
                End::Missing {
                    first: "/nowhere".into()
                }
            )
        );
    }

    #[test]
    fn names_that_are_no_utf8_can_be_recorded() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        let place = tempfile::tempdir().unwrap();
        symlink(OsStr::from_bytes(b"\xff\xfe"), place.path().join("link")).unwrap();
        let root = Root::at(place.path()).unwrap();
        let seen = look(&root, Path::new("/link"));
        assert!(serde_json::to_value(&seen).is_ok());
    }
}
