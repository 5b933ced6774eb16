//! The places whose file systems matter.

use std::path::{Path, PathBuf};

use super::{DockerRootOrigin, MOUNT_TABLE, Mounts};
use crate::facts::{
    Gap, Root, Site,
    layout::resolve::{Ending, resolve},
    read_text,
};

/// A place that matters, as a path inside the site's root.
#[derive(Clone, Debug)]
pub(in crate::facts) struct Place {
    /// The path.
    pub path: PathBuf,
    /// Whether it is the node's data on the root disk.
    pub root_disk_variant: bool,
    /// How it is known, for Docker's place.
    pub docker_root_origin: Option<DockerRootOrigin>,
}

/// Where a place really is on this machine.
pub(in crate::facts) struct Located {
    /// The place, or the nearest directory above it that exists; every link followed.
    pub path: PathBuf,
    /// Whether the place itself exists.
    pub exists: bool,
}

impl Place {
    pub(super) fn at(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            root_disk_variant: false,
            docker_root_origin: None,
        }
    }

    /// Finds the place on this machine; where it is missing, the directory in which it would be made.
    pub(in crate::facts) fn locate(&self, site: &Site) -> Result<Located, Gap> {
        let resolution = resolve(&site.root, &self.path);
        match resolution.ending {
            Ending::Found(_) => Ok(Located {
                path: resolution.located,
                exists: true,
            }),
            Ending::Missing { .. } | Ending::Loop | Ending::NotADirectory(_) => Ok(Located {
                path: resolution.located,
                exists: false,
            }),
            Ending::Denied(directory) => Err(Gap::Denied(format!(
                "looking into {} needs root",
                site.root.inside(&directory).display()
            ))),
            Ending::Failed(error) => Err(Gap::Failed(format!(
                "looking at {} failed: {error}",
                self.path.display()
            ))),
        }
    }
}

/// The place of the node's data: the data disk's mount point, be it one below the usual one that is nearer to the data;
/// or, where nothing is mounted there and the node's base holds a real directory, that directory.
pub(super) fn data_place_in(site: &Site, mounts: &Mounts) -> Place {
    let layout = &site.profile.layout;
    let on_data_disk = Place::at(&layout.data_mount);
    if let Some(nearer) = nearer_mount(site, mounts, &on_data_disk) {
        return Place::at(&nearer);
    }
    let mounted = on_data_disk.locate(site).is_ok_and(|located| {
        located.exists
            && mounts
                .holding(&located.path)
                .is_some_and(|(mount, _)| Path::new(&mount.mount_point) == located.path)
    });
    if mounted || !is_real_directory(&site.root, &layout.data_link) {
        return on_data_disk;
    }
    Place {
        root_disk_variant: true,
        ..Place::at(&layout.data_link)
    }
}

/// The mount point that the data directory lies on, where that is below the usual one.
fn nearer_mount(site: &Site, mounts: &Mounts, usual: &Place) -> Option<PathBuf> {
    let usual = usual.locate(site).ok().filter(|usual| usual.exists)?;
    // Without one there is no need to look into a file system that may hang.
    if !mounts.has_one_below(&usual.path) {
        return None;
    }
    let data = Place::at(&site.profile.layout.data_dir).locate(site).ok()?;
    let (mount, _) = mounts.holding(&data.path)?;
    let mount_point = Path::new(&mount.mount_point);
    let is_nearer = mount_point != usual.path && mount_point.starts_with(&usual.path);
    is_nearer.then(|| site.root.inside(mount_point))
}

/// The same, for an observer that has no table of mounts at hand.
pub(in crate::facts) fn data_place(site: &Site) -> Place {
    let table = read_text(
        &Root::machine(),
        Path::new(MOUNT_TABLE),
        super::LARGEST_MOUNT_TABLE,
    );
    let mounts = table.map_or_else(|_| Mounts::default(), |text| Mounts::parse(&text));
    data_place_in(site, &mounts)
}

fn is_real_directory(root: &Root, path: &Path) -> bool {
    root.locate_link(path)
        .and_then(|located| located.symlink_metadata())
        .is_ok_and(|metadata| metadata.is_dir())
}
