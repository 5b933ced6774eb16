//! The file systems behind the data, Docker's data and `/`.

pub(in crate::facts) mod docker_root;
pub(in crate::facts) mod fstab;
pub(in crate::facts) mod mounts;
mod octal;
mod place;
mod raw;
mod units;

use std::{path::Path, sync::Arc};

use rustix::fs::{Dir, FileType, Mode, OFlags, StatVfsMountFlags};
use serde::{Deserialize, Serialize};

use self::{mounts::Mounts, place::Place};
use super::{Observed, Root, Site, bounded, read_text};
use crate::units::Bytes;

pub(super) use self::place::data_place;
pub use self::{
    docker_root::DockerRootOrigin, fstab::FstabEntry, mounts::Mount, raw::RawTables,
    units::MountUnit,
};

/// The kernel's table of this process's mounts; no file of `--root`.
const MOUNT_TABLE: &str = "/proc/self/mountinfo";

/// What is mounted at boot.
const FSTAB: &str = "/etc/fstab";

/// A hundred thousand mounts with long options fit in.
const LARGEST_MOUNT_TABLE: Bytes = Bytes(64_000_000);

/// Far more than the largest fstab.
const LARGEST_FSTAB: Bytes = Bytes(1_000_000);

/// The kernel counts a device's size in sectors of this many bytes, whatever the device's own are.
const SECTOR: u64 = 512;

/// File systems, and what is mounted at boot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volumes {
    /// The one behind the node's data.
    pub data: Observed<Volume>,
    /// The one behind Docker's data.
    pub docker: Observed<Volume>,
    /// The one at `/`.
    pub root: Observed<Volume>,
    /// Whether the node's base holds a real data directory while no data disk is mounted (the root-disk variant).
    pub root_disk_variant: bool,
    /// How it is known where Docker keeps its data; nothing where looking for it did not end.
    pub docker_root_origin: Option<DockerRootOrigin>,
    /// What fstab mounts; empty where there is no fstab.
    pub fstab: Observed<Vec<FstabEntry>>,
    /// What systemd's own units mount.
    pub mount_units: Observed<Vec<MountUnit>>,
    /// Lines of the kernel's table of mounts that could not be understood.
    pub damaged_mount_lines: u64,
    /// The texts behind these facts, so that a parser's mistake can be replayed.
    pub raw: RawTables,
}

/// One file system and the place for which it was looked up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// The place that matters.
    pub asked: String,
    /// The place that was examined, every link followed: the one asked for, or the nearest directory above it that exists.
    pub examined: String,
    /// Whether the place asked for exists.
    pub exists: bool,
    /// Whether the place asked for is where the file system is mounted.
    pub is_mount_point: bool,
    /// The mount that the examined place lies on.
    pub mount: Mount,
    /// Size of the block device; nothing where none can be seen, as behind btrfs, zfs, overlay and network file systems.
    pub device_bytes: Option<Bytes>,
    /// How full it is.
    pub space: Observed<Space>,
    /// Whether directory entries tell their type, which overlay2 needs; looked at for xfs only,
    /// absent where no entry was there to tell by.
    pub entry_types: Observed<bool>,
}

/// How full a file system is (`statvfs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Size of the file system.
    pub total_bytes: Bytes,
    /// Free, what only root may use included.
    pub free_bytes: Bytes,
    /// Free for everybody.
    pub available_bytes: Bytes,
    /// Inodes; zero where the file system does not count them.
    pub inodes: u64,
    /// Free inodes that everybody may use.
    pub inodes_available: u64,
    /// Whether it refuses writes.
    pub read_only: bool,
}

impl Volume {
    /// Whether both places lie on one file system.
    #[must_use]
    pub fn shares_file_system(&self, other: &Self) -> bool {
        self.mount.device == other.mount.device
    }

    /// Whether it refuses writes, by its options or by what the file system says.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.mount.read_only || matches!(&self.space, Observed::Seen(space) if space.read_only)
    }
}

/// Looks up the three places at once, so that one on a dead mount costs only itself.
pub async fn observe(site: Site) -> Observed<Volumes> {
    let (volumes, fstab_text, mount_units) =
        tokio::join!(mounted(&site), read_fstab(&site), look_for_units(&site),);
    volumes.map(|volumes| Volumes {
        raw: RawTables {
            fstab: raw::without_secrets(
                fstab_text.seen().map_or("", String::as_str),
                &site.redactor,
            ),
            ..volumes.raw
        },
        fstab: fstab_text.map(|text| fstab::parse(&text)),
        mount_units,
        ..volumes
    })
}

/// What the kernel has mounted at the three places.
async fn mounted(site: &Site) -> Observed<Volumes> {
    let table = bounded(site.deadline, MOUNT_TABLE, || {
        read(&Root::machine(), MOUNT_TABLE, LARGEST_MOUNT_TABLE)
            .map(|text| Arc::new(Mounts::parse(&text)))
    })
    .await;
    let mounts = match table.seen() {
        Ok(mounts) => mounts.clone(),
        Err(gap) => return gap.into(),
    };
    let (data, docker, root) = tokio::join!(
        data_volume(site, &mounts),
        docker_volume(site, &mounts),
        volume(site, &mounts, Path::new("/"), |_| Place::at(Path::new("/"))),
    );
    let found = [&data, &docker, &root];
    let lines = found.iter().filter_map(|found| found.seen().ok());
    let mountinfo = raw::mount_lines(lines.map(|found| found.line.as_str()), &site.redactor);
    Observed::Seen(Volumes {
        root_disk_variant: data.seen().is_ok_and(|found| found.place.root_disk_variant),
        docker_root_origin: docker
            .seen()
            .ok()
            .and_then(|found| found.place.docker_root_origin.clone()),
        data: data.map(|found| found.volume),
        docker: docker.map(|found| found.volume),
        root: root.map(|found| found.volume),
        damaged_mount_lines: mounts.damaged,
        raw: RawTables {
            mountinfo,
            ..RawTables::default()
        },
        ..Volumes::default()
    })
}

fn read(root: &Root, path: &str, limit: Bytes) -> Observed<String> {
    match read_text(root, Path::new(path), limit) {
        Ok(text) => Observed::Seen(text),
        Err(problem) => Observed::from_problem(&problem, path),
    }
}

/// A machine without an fstab mounts nothing by it, which is as good as an empty one.
async fn read_fstab(site: &Site) -> Observed<String> {
    let root = site.root.clone();
    let look = move || read(&root, FSTAB, LARGEST_FSTAB);
    match bounded(site.deadline, FSTAB, look).await {
        Observed::Absent => Observed::Seen(String::new()),
        other => other,
    }
}

async fn look_for_units(site: &Site) -> Observed<Vec<MountUnit>> {
    let root = site.root.clone();
    let look = move || units::look(&root);
    bounded(site.deadline, "the list of systemd's mount units", look).await
}

async fn data_volume(site: &Site, mounts: &Arc<Mounts>) -> Observed<Found> {
    let table = mounts.clone();
    let hint = site.profile.layout.data_mount.clone();
    volume(site, mounts, &hint, move |site| {
        place::data_place_in(site, &table)
    })
    .await
}

async fn docker_volume(site: &Site, mounts: &Arc<Mounts>) -> Observed<Found> {
    let hint = site.profile.storage.docker_root.clone();
    volume(site, mounts, &hint, |site| {
        let (directory, origin) = docker_root::look(&site.root, &site.profile.storage.docker_root);
        Place {
            docker_root_origin: Some(origin),
            ..Place::at(&directory)
        }
    })
    .await
}

/// A volume, with what it was found by.
struct Found {
    place: Place,
    volume: Volume,
    /// The line of the table of mounts.
    line: String,
}

/// Looks up the place that `choose` names. Where it lies and how full it is are asked at once: of a dead network
/// mount the kernel often still knows the first and never answers the second.
async fn volume<Choose>(
    site: &Site,
    mounts: &Arc<Mounts>,
    hint: &Path,
    choose: Choose,
) -> Observed<Found>
where
    Choose: Fn(&Site) -> Place + Clone + Send + 'static,
{
    let what = described(hint, site, mounts);
    let finding = {
        let (site, mounts, choose) = (site.clone(), mounts.clone(), choose.clone());
        move || find(choose(&site), &site, &mounts)
    };
    let measuring = {
        let (site, mounts) = (site.clone(), mounts.clone());
        move || measure(&choose(&site), &site, &mounts)
    };
    let (mut found, measured) = tokio::join!(
        bounded(site.deadline, what.as_str(), finding),
        bounded(site.deadline, what.as_str(), measuring),
    );
    if let Observed::Seen(found) = &mut found {
        found.volume.entry_types = match &measured {
            Observed::Seen((_, entry_types)) => entry_types.clone(),
            _ => Observed::NotAsked,
        };
        found.volume.space = measured.map(|(space, _)| space);
    }
    found
}

/// What a person calls the file system of a place, as far as the table of mounts alone can tell.
fn described(place: &Path, site: &Site, mounts: &Mounts) -> String {
    let located = site.root.locate(Path::new("/")).map(|base| {
        let inside = place.strip_prefix("/").unwrap_or(place);
        base.join(inside)
    });
    let mount = located.ok().and_then(|path| mounts.holding(&path));
    match mount {
        Some((mount, _)) => format!(
            "the file system of {} ({} mounted at {})",
            place.display(),
            mount.fs_type,
            mount.mount_point
        ),
        None => format!("the file system of {}", place.display()),
    }
}

fn find(place: Place, site: &Site, mounts: &Mounts) -> Observed<Found> {
    let located = match place.locate(site) {
        Ok(located) => located,
        Err(gap) => return gap.into(),
    };
    let Some((mount, line)) = mounts.holding(&located.path) else {
        return Observed::Failed(format!(
            "the kernel's table of mounts names none for {}",
            located.path.display()
        ));
    };
    let volume = Volume {
        asked: place.path.to_string_lossy().into_owned(),
        examined: shown(&site.root, &located.path),
        exists: located.exists,
        is_mount_point: located.exists && Path::new(&mount.mount_point) == located.path,
        device_bytes: device_size(&mount.device),
        mount,
        space: Observed::NotAsked,
        entry_types: Observed::NotAsked,
    };
    Observed::Seen(Found {
        place,
        volume,
        line: line.to_owned(),
    })
}

fn shown(root: &Root, path: &Path) -> String {
    root.inside(path).to_string_lossy().into_owned()
}

/// The size of a block device, as the kernel tells it.
fn device_size(device: &str) -> Option<Bytes> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (major, minor) = device.split_once(':')?;
    if !is_number(major) || !is_number(minor) {
        return None;
    }
    let file = format!("/sys/dev/block/{major}:{minor}/size");
    // Every file of sysfs says it has the size of a page.
    let text = read_text(&Root::machine(), Path::new(&file), Bytes(65_536)).ok()?;
    let sectors: u64 = text.trim().parse().ok()?;
    let bytes = sectors.checked_mul(SECTOR)?;
    (bytes > 0).then_some(Bytes(bytes))
}

fn measure(place: &Place, site: &Site, mounts: &Mounts) -> Observed<(Space, Observed<bool>)> {
    let located = match place.locate(site) {
        Ok(located) => located,
        Err(gap) => return gap.into(),
    };
    let status = match rustix::fs::statvfs(&located.path) {
        Ok(status) => status,
        Err(error) => {
            return Observed::from_error(&error.into(), &shown(&site.root, &located.path));
        }
    };
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(status.f_frsize));
    let space = Space {
        total_bytes: bytes(status.f_blocks),
        free_bytes: bytes(status.f_bfree),
        available_bytes: bytes(status.f_bavail),
        inodes: status.f_files,
        inodes_available: status.f_favail,
        read_only: status.f_flag.contains(StatVfsMountFlags::RDONLY),
    };
    let entry_types = match mounts.holding(&located.path) {
        Some((mount, _)) if mount.fs_type == "xfs" => {
            tells_entry_types(&[&located.path, Path::new(&mount.mount_point)])
        }
        _ => Observed::NotAsked,
    };
    Observed::Seen((space, entry_types))
}

/// Whether the first entry of the directories tells its type. `.` and `..` are no witnesses:
/// xfs answers for them in small directories even where it keeps no types.
fn tells_entry_types(directories: &[&Path]) -> Observed<bool> {
    let mut answer = Observed::Absent;
    for directory in directories {
        match first_entry_type(directory) {
            Ok(Some(kind)) => return Observed::Seen(kind != FileType::Unknown),
            Ok(None) => {}
            Err(error) => answer = Observed::from_error(&error, &directory.to_string_lossy()),
        }
    }
    answer
}

fn first_entry_type(directory: &Path) -> std::io::Result<Option<FileType>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let descriptor = rustix::fs::open(directory, flags, Mode::empty())?;
    for entry in Dir::new(descriptor)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            return Ok(Some(entry.file_type()));
        }
    }
    Ok(None)
}
