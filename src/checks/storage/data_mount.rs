//! `storage.data-mount`

use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Prose, Verdict,
        command_line::quoted,
    },
    facts::{
        Gap, Source,
        volumes::{FstabEntry, Mount, Volume, Volumes},
    },
};

const NOT_A_MOUNT: Cause = Cause::new("not-a-mount", "the data has no partition of its own");
pub const NOT_MOUNTED: Cause = Cause::new(
    "not-mounted",
    "the data partition is to be mounted at boot, and is not mounted",
);
const NOT_PERSISTENT: Cause = Cause::new(
    "not-persistent",
    "the data partition was mounted by hand and is gone after a reboot",
);

/// See [`Prose::checks`] in the declaration.
pub static DATA_MOUNT: Check = Check {
    id: "storage.data-mount",
    title: "The data partition is mounted, and is after a reboot",
    category: Category::Storage,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Volumes],
    reference: "Operator's manual, preparing the machine: data disk",
    causes: &[NOT_MOUNTED, NOT_A_MOUNT, NOT_PERSISTENT],
    prose: Prose {
        checks: "Whether `layout.data_mount`, or a directory below it on the way to the data, is the mount point of a file system of its own, and whether that is mounted at boot: by a line of `/etc/fstab` without `noauto`, by a systemd mount unit, or by ZFS. A mount that is in neither warns, and so does a data directory on the root disk. Where one of them names the mount point and nothing is mounted there, it fails.",
        why: "A data partition that was only mounted by hand is missing after the next reboot; the node then starts with an empty data directory on the root disk. So it does where the partition could not be mounted, and what is written there meanwhile is hidden once it is. Data on the root disk fills it up, and the system with it.",
        remedy: "See why a disk that is to be mounted is not (`systemctl status`, the kernel's log), and mount it before anything is written there. Mount a disk at the data mount point, and write it into `/etc/fstab` by its UUID. The root-disk variant works, and warns; waive the warning where that is agreed.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let mount_point = context.profile.layout.data_mount.display();
    let volumes = context.facts.volumes().seen()?;
    let data = volumes.data.seen()?;
    let below = &data.mount.mount_point;
    if let Some(file) = named_by(data, volumes)
        && !data.is_mount_point
        && !volumes.root_disk_variant
    {
        return Ok(not_mounted(data, file));
    }
    let verdict = if volumes.root_disk_variant {
        Verdict::warn(
            NOT_A_MOUNT,
            format!(
                "nothing is mounted at {mount_point}; {} is a real directory on the file system at {below} (root-disk variant)",
                data.asked
            ),
        )
    } else if !data.exists {
        Verdict::warn(
            NOT_A_MOUNT,
            format!("{mount_point} is not there; the data would go to the file system at {below}"),
        )
    } else if !data.is_mount_point {
        Verdict::warn(
            NOT_A_MOUNT,
            format!("nothing is mounted at {mount_point}; it lies on the file system at {below}"),
        )
    } else {
        return judge_mounted(data, volumes);
    };
    Ok(verdict
        .observed(data.mount.mount_point.as_str())
        .expected(expected(&mount_point.to_string()))
        .advice(format!(
            "give the data a disk of its own: make a file system on it (mkfs.ext4 /dev/…), write a line “UUID=… {mount_point} ext4 defaults 0 2” into /etc/fstab, then mkdir -p {mount_point} && mount {mount_point}; move existing data while the stack is stopped"
        ))
        .advice("or keep the data on the root disk, and waive this warning with the reason"))
}

fn not_mounted(data: &Volume, file: &str) -> Verdict {
    let (mount_point, below) = (&data.asked, &data.mount.mount_point);
    Verdict::fail(
        NOT_MOUNTED,
        format!("nothing is mounted at {mount_point}, although {file} names it; what is written there now goes to the file system at {below}"),
    )
    .observed(below.as_str())
    .expected(expected(mount_point))
    .advice(format!(
        "mount it before anything is written there: mount {}",
        quoted(mount_point)
    ))
    .advice("where that fails, see why: journalctl -k -b, blkid, and whether the UUID in the file is that of the disk")
    .advice(format!(
        "where there is no such disk any more, take its line out of {file}"
    ))
}

/// The file that has the data partition mounted; none where none does, as far as they could be read.
fn named_by<'v>(data: &Volume, volumes: &'v Volumes) -> Option<&'v str> {
    let lines = volumes.fstab.seen().ok().into_iter().flatten();
    let units = volumes.mount_units.seen().ok().into_iter().flatten();
    let mut lines = lines.filter(|line| line.mount_point == data.asked);
    let mut units = units.filter(|unit| unit.mount_point == data.asked);
    lines
        .next()
        .map(|_| "/etc/fstab")
        .or_else(|| units.next().map(|unit| unit.file.as_str()))
}

fn judge_mounted(data: &Volume, volumes: &Volumes) -> Judgement {
    let mount_point = &data.examined;
    let source = data.mount.source.as_deref().unwrap_or("a file system");
    let summary = format!("{source} is mounted at {mount_point}");
    let verdict = match survival(data, volumes)? {
        Survival::By(file) => Verdict::pass(summary).evidence("mounted at boot by", file),
        Survival::ByHand => Verdict::warn(
            NOT_PERSISTENT,
            format!(
                "{summary}, but its line in /etc/fstab says noauto, so it is not mounted at boot"
            ),
        )
        .advice(format!(
            "take noauto out of the options of {mount_point} in /etc/fstab"
        )),
        Survival::None => Verdict::warn(
            NOT_PERSISTENT,
            format!("{summary}, but neither /etc/fstab nor a mount unit mounts it at boot"),
        )
        .advice(format!(
            "write it into /etc/fstab: echo \"{}\" >> /etc/fstab; then see that mount takes it: mount -fav",
            fstab_line(mount_point, &data.mount)
        )),
    };
    Ok(verdict
        .observed(mount_point.as_str())
        .expected(expected(mount_point))
        .evidence("file system", &data.mount.fs_type)
        .evidence("options", data.mount.options.join(",")))
}

/// The line that mounts the same thing at boot, to be expanded by a shell.
fn fstab_line(mount_point: &str, mount: &Mount) -> String {
    let fs_type = &mount.fs_type;
    // Without it btrfs mounts its default subvolume, which has other data or none.
    let options = mount
        .options
        .iter()
        .find(|option| option.starts_with("subvol="))
        .map_or("defaults", String::as_str);
    match &mount.source {
        // What comes from elsewhere has no UUID.
        Some(source) if !source.starts_with("/dev/") => {
            format!("{source} {mount_point} {fs_type} {options} 0 0")
        }
        _ => {
            format!("UUID=$(findmnt -no UUID {mount_point}) {mount_point} {fs_type} {options} 0 2")
        }
    }
}

fn expected(mount_point: &str) -> String {
    format!("a file system of its own at {mount_point}, mounted at boot")
}

/// What becomes of a mount at the next boot.
enum Survival {
    /// It is mounted by this file.
    By(String),
    /// It is left to a person.
    ByHand,
    /// Nobody knows of it.
    None,
}

fn survival(data: &Volume, volumes: &Volumes) -> Result<Survival, Gap> {
    let is_it = |place: &str| place == data.examined || place == data.asked;
    let units = volumes.mount_units.seen();
    let unit = units
        .iter()
        .flat_map(|units| units.iter())
        .find(|unit| is_it(&unit.mount_point));
    let entries = volumes.fstab.seen();
    let lines: Vec<&FstabEntry> = entries
        .iter()
        .flat_map(|entries| entries.iter())
        .filter(|entry| is_it(&entry.mount_point))
        .collect();
    let is_listed = !lines.is_empty();
    // systemd's generator makes a unit of every line of fstab, of those that say noauto too.
    let own_unit = unit.filter(|unit| !(is_listed && unit.file.starts_with("/run/")));
    if lines.iter().any(|line| !line.by_hand) {
        Ok(Survival::By("/etc/fstab".into()))
    } else if let Some(unit) = own_unit {
        Ok(Survival::By(unit.file.clone()))
    } else if is_listed {
        Ok(Survival::ByHand)
    } else if data.mount.fs_type == "zfs" {
        // A dataset carries its own mount point, and ZFS mounts what fstab does not name.
        Ok(Survival::By("ZFS, by the dataset's own mountpoint".into()))
    } else {
        // Nothing was found, which says nothing where one of them could not be read.
        entries?;
        units?;
        Ok(Survival::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
            storage::samples::{of, volume, with},
        },
        facts::{Facts, Observed, volumes::MountUnit},
    };

    fn no_fstab(volumes: &mut Volumes) {
        volumes.fstab = Observed::Seen(Vec::new());
    }

    fn lines(volumes: &mut Volumes, lines: &[(&str, bool)]) {
        volumes.fstab = Observed::Seen(
            lines
                .iter()
                .map(|(mount_point, by_hand)| FstabEntry {
                    mount_point: (*mount_point).into(),
                    fs_type: "ext4".into(),
                    by_hand: *by_hand,
                })
                .collect(),
        );
    }

    fn by_hand(volumes: &mut Volumes) {
        lines(volumes, &[("/srv/data", true)]);
    }

    fn unit(volumes: &mut Volumes, file: &str) {
        volumes.mount_units = Observed::Seen(vec![MountUnit {
            file: file.into(),
            mount_point: "/srv/data".into(),
        }]);
    }

    fn through_a_link(volumes: &mut Volumes) {
        let data = of(&mut volumes.data);
        data.examined = "/mnt/disk".into();
        data.mount.mount_point = "/mnt/disk".into();
    }

    #[test]
    #[allow(clippy::too_many_lines)]
    fn mounted() {
        let not_persistent = || Some("not-persistent");
        judge_cases(
            &DATA_MOUNT,
            &[
                Case::new("in fstab", Status::Pass, None, with(|_| {})),
                Case::new(
                    "in a unit",
                    Status::Pass,
                    None,
                    with(|volumes| {
                        no_fstab(volumes);
                        unit(volumes, "/etc/systemd/system/srv-data.mount");
                    }),
                ),
                Case::new("in neither", Status::Warn, not_persistent(), with(no_fstab)),
                Case::new(
                    "a dataset of ZFS, in neither",
                    Status::Pass,
                    None,
                    with(|volumes| {
                        no_fstab(volumes);
                        let mount = &mut of(&mut volumes.data).mount;
                        mount.fs_type = "zfs".into();
                        mount.source = Some("tank/data".into());
                    }),
                ),
                Case::new("noauto", Status::Warn, not_persistent(), with(by_hand)),
                Case::new(
                    "noauto, and the unit that is generated for it",
                    Status::Warn,
                    not_persistent(),
                    with(|volumes| {
                        by_hand(volumes);
                        unit(volumes, "/run/systemd/generator/srv-data.mount");
                    }),
                ),
                Case::new(
                    "noauto, and a unit of one's own",
                    Status::Pass,
                    None,
                    with(|volumes| {
                        by_hand(volumes);
                        unit(volumes, "/etc/systemd/system/srv-data.mount");
                    }),
                ),
                Case::new(
                    "twice, once with noauto",
                    Status::Pass,
                    None,
                    with(|volumes| lines(volumes, &[("/srv/data", true), ("/srv/data", false)])),
                ),
                Case::new(
                    "others in fstab",
                    Status::Warn,
                    not_persistent(),
                    with(|volumes| {
                        lines(volumes, &[("/", false), ("/srv", false)]);
                        of(&mut volumes.data).mount.source = None;
                    }),
                ),
                Case::new(
                    "a subvolume in neither",
                    Status::Warn,
                    not_persistent(),
                    with(|volumes| {
                        no_fstab(volumes);
                        let mount = &mut of(&mut volumes.data).mount;
                        mount.fs_type = "btrfs".into();
                        mount.options.push("subvol=/@data".into());
                    }),
                ),
                Case::new(
                    "a network file system in neither",
                    Status::Warn,
                    not_persistent(),
                    with(|volumes| {
                        no_fstab(volumes);
                        let mount = &mut of(&mut volumes.data).mount;
                        mount.fs_type = "nfs4".into();
                        mount.source = Some("filer:/export".into());
                    }),
                ),
                Case::new(
                    "reached through a link",
                    Status::Pass,
                    None,
                    with(through_a_link),
                ),
                Case::new(
                    "reached through a link, where the link leads is in fstab",
                    Status::Pass,
                    None,
                    with(|volumes| {
                        through_a_link(volumes);
                        lines(volumes, &[("/mnt/disk", false)]);
                    }),
                ),
                Case::new(
                    "fstab cannot be read, and a unit is generated from it",
                    Status::Pass,
                    None,
                    with(|volumes| {
                        volumes.fstab = Observed::Failed("a pipe".into());
                        unit(volumes, "/run/systemd/generator/srv-data.mount");
                    }),
                ),
                Case::new(
                    "fstab cannot be read",
                    Status::Unknown,
                    Some("observation-failed"),
                    with(|volumes| volumes.fstab = Observed::Failed("a pipe".into())),
                ),
                Case::new(
                    "units may not be read",
                    Status::Unknown,
                    Some("needs-root"),
                    with(|volumes| {
                        no_fstab(volumes);
                        volumes.mount_units = Observed::Denied("no".into());
                    }),
                ),
            ],
        );
    }

    #[test]
    fn not_mounted() {
        let no_mount = || Some("not-a-mount");
        judge_cases(
            &DATA_MOUNT,
            &[
                Case::new(
                    "an ordinary directory",
                    Status::Warn,
                    no_mount(),
                    with(|volumes| {
                        no_fstab(volumes);
                        volumes.data = Observed::Seen(volume("/srv/data", "/", "8:1"));
                    }),
                ),
                Case::new(
                    "an ordinary directory, and a line in fstab",
                    Status::Fail,
                    Some("not-mounted"),
                    with(|volumes| {
                        volumes.data = Observed::Seen(volume("/srv/data", "/", "8:1"));
                    }),
                ),
                Case::new(
                    "missing, and a mount unit",
                    Status::Fail,
                    Some("not-mounted"),
                    with(|volumes| {
                        no_fstab(volumes);
                        unit(volumes, "/etc/systemd/system/srv-data.mount");
                        let mut data = volume("/srv/data", "/", "8:1");
                        data.exists = false;
                        data.examined = "/srv".into();
                        volumes.data = Observed::Seen(data);
                    }),
                ),
                Case::new(
                    "missing",
                    Status::Warn,
                    no_mount(),
                    with(|volumes| {
                        no_fstab(volumes);
                        let mut data = volume("/srv/data", "/", "8:1");
                        data.exists = false;
                        data.examined = "/srv".into();
                        volumes.data = Observed::Seen(data);
                    }),
                ),
                Case::new(
                    "root-disk variant",
                    Status::Warn,
                    no_mount(),
                    with(|volumes| {
                        volumes.root_disk_variant = true;
                        volumes.data = Observed::Seen(volume("/sesam/node-00/data", "/", "8:1"));
                    }),
                ),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "dead mount",
                    Status::Unknown,
                    Some("timed-out"),
                    with(|volumes| volumes.data = Observed::TimedOut("no answer".into())),
                ),
            ],
        );
    }
}
