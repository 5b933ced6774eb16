//! Volumes for tables of cases: a data disk, and Docker's data on the root disk.

use crate::{
    facts::{
        Facts, Observed,
        volumes::{FstabEntry, Mount, Space, Volume, Volumes},
    },
    units::Bytes,
};

/// A decimal gigabyte.
pub const GB: u64 = 1_000_000_000;

/// A file system of 400 GB, half of it free, behind `asked`.
pub fn volume(asked: &str, mount_point: &str, device: &str) -> Volume {
    Volume {
        asked: asked.into(),
        examined: asked.into(),
        exists: true,
        is_mount_point: asked == mount_point,
        mount: Mount {
            mount_point: mount_point.into(),
            fs_type: "ext4".into(),
            source: Some("/dev/sdb1".into()),
            device: device.into(),
            options: vec!["relatime".into(), "rw".into()],
            read_only: false,
        },
        device_bytes: Some(Bytes(400 * GB)),
        space: Observed::Seen(Space {
            total_bytes: Bytes(400 * GB),
            free_bytes: Bytes(210 * GB),
            available_bytes: Bytes(200 * GB),
            inodes: 1_000_000,
            inodes_available: 900_000,
            read_only: false,
        }),
        entry_types: Observed::NotAsked,
    }
}

/// A machine as the manual has it, its data disk mounted by fstab.
pub fn volumes() -> Volumes {
    Volumes {
        data: Observed::Seen(volume("/srv/data", "/srv/data", "8:17")),
        docker: Observed::Seen(volume("/var/lib/docker", "/", "8:1")),
        root: Observed::Seen(volume("/", "/", "8:1")),
        fstab: Observed::Seen(vec![FstabEntry {
            mount_point: "/srv/data".into(),
            fs_type: "ext4".into(),
            by_hand: false,
        }]),
        mount_units: Observed::Seen(Vec::new()),
        ..Volumes::default()
    }
}

/// That machine with something changed.
pub fn with(change: impl Fn(&mut Volumes)) -> impl Fn(&mut Facts) {
    move |facts| {
        let mut volumes = volumes();
        change(&mut volumes);
        facts.volumes = Observed::Seen(volumes);
    }
}

/// The volume behind an observation that a sample made.
pub fn of(volume: &mut Observed<Volume>) -> &mut Volume {
    match volume {
        Observed::Seen(volume) => volume,
        gap => panic!("the sample has no volume: {gap:?}"),
    }
}

/// The space of a sample's volume.
pub fn space(volume: &mut Observed<Volume>) -> &mut Space {
    match &mut of(volume).space {
        Observed::Seen(space) => space,
        gap => panic!("the sample has no space: {gap:?}"),
    }
}
