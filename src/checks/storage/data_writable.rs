//! `storage.data-writable`

use super::{DATA_MOUNT, space::examined};
use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Prose, Verdict,
        command_line::quoted,
    },
    facts::{Observed, Source, volumes::Volume},
    profile::Storage,
};

const READ_ONLY: Cause = Cause::new("read-only", "the file system refuses writes");
const NETWORK_FILE_SYSTEM: Cause =
    Cause::new("network-file-system", "the data is on another machine");
const NO_FTYPE: Cause = Cause::new(
    "no-ftype",
    "xfs made without ftype, on which overlay2 does not work",
);
const UNSUPPORTED: Cause = Cause::new(
    "unsupported-file-system",
    "a file system that overlay2 and the database are not known to work on",
);

/// See [`Prose::checks`] in the declaration.
pub static DATA_WRITABLE: Check = Check {
    id: "storage.data-writable",
    title: "The data is on a writable local file system",
    category: Category::Storage,
    level: Level::Required,
    needs: &[&DATA_MOUNT],
    reads: &[Source::Volumes],
    reference: "Operator's manual, preparing the machine: data disk",
    causes: &[READ_ONLY, NETWORK_FILE_SYSTEM, NO_FTYPE, UNSUPPORTED],
    prose: Prose {
        checks: "How the file system of the data directory is mounted, and of which type it is. Read-only fails. A network file system, xfs without ftype, and any type that is not among `storage.file_systems` of the profile warn. Where the data directory is missing, the file system on which it would be made is examined.",
        why: "The database writes at every moment. The kernel turns a file system read-only when its disk fails. Network file systems lose locks and make small writes slow; overlay2 needs the types of directory entries, which xfs only keeps where it was made with ftype.",
        remedy: "Read-only: find out why in the kernel's log before remounting. Otherwise put the data on a local disk with ext4 or xfs.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let limits = &context.profile.storage;
    let volumes = context.facts.volumes().seen()?;
    let data = volumes.data.seen()?;
    let fs_type = &data.mount.fs_type;
    let of_type = if fs_type.is_empty() {
        "a file system of an unknown type"
    } else {
        fs_type
    };
    let mount_point = &data.mount.mount_point;
    let supported = limits.file_systems.join(", ");
    let verdict = if data.is_read_only() {
        Verdict::fail(READ_ONLY, format!("the file system at {mount_point} is read-only"))
            .advice("look for the reason in the kernel's log (dmesg -T | grep -iE 'error|read-only'): a failing disk turns its file system read-only")
            .advice(format!("once the disk is sound: mount -o remount,rw {}; where “ro” stands in /etc/fstab, take it out", quoted(mount_point)))
    } else {
        // Whether it takes writes is known only of a file system that answers.
        data.space.seen()?;
        if is_network(fs_type, limits) {
            Verdict::warn(
                NETWORK_FILE_SYSTEM,
                format!("{fs_type} at {mount_point} is a file system on another machine"),
            )
            .advice("move the data to a local disk, with the stack stopped")
        } else if lacks_entry_types(data) {
            Verdict::warn(
                NO_FTYPE,
                format!("the xfs at {mount_point} was made without ftype"),
            )
            .advice(
                "back up the data, make the file system anew (mkfs.xfs -n ftype=1), and restore",
            )
        } else if limits.file_systems.iter().any(|known| known == fs_type) {
            Verdict::pass(format!("{fs_type} at {mount_point}, mounted read-write"))
        } else {
            Verdict::warn(
                UNSUPPORTED,
                format!("{of_type} at {mount_point} is none of {supported}"),
            )
            .advice(format!("move the data to a disk with one of {supported}"))
        }
    };
    let verdict = verdict
        .observed(fs_type.as_str())
        .expected(format!(
            "mounted read-write, and a local file system that is one of {supported} (xfs with ftype=1)"
        ))
        .evidence("options", data.mount.options.join(","));
    Ok(examined(verdict, data))
}

fn is_network(fs_type: &str, limits: &Storage) -> bool {
    limits.network_file_systems.iter().any(|known| {
        if known.ends_with('.') {
            fs_type.starts_with(known.as_str())
        } else {
            fs_type == known
        }
    })
}

fn lacks_entry_types(data: &Volume) -> bool {
    matches!(data.entry_types, Observed::Seen(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
            storage::samples::{of, space, volume, with},
        },
        facts::Facts,
    };

    fn typed(fs_type: &'static str) -> impl Fn(&mut Facts) {
        with(move |volumes| of(&mut volumes.data).mount.fs_type = fs_type.into())
    }

    #[test]
    fn cases() {
        let unsupported = || Some("unsupported-file-system");
        judge_cases(
            &DATA_WRITABLE,
            &[
                Case::new("ext4", Status::Pass, None, typed("ext4")),
                Case::new("xfs", Status::Pass, None, typed("xfs")),
                Case::new("tmpfs", Status::Warn, unsupported(), typed("tmpfs")),
                Case::new("no type", Status::Warn, unsupported(), typed("")),
                Case::new(
                    "nfs",
                    Status::Warn,
                    Some("network-file-system"),
                    typed("nfs4"),
                ),
                Case::new(
                    "a FUSE network file system",
                    Status::Warn,
                    Some("network-file-system"),
                    typed("fuse.sshfs"),
                ),
                Case::new(
                    "xfs without ftype",
                    Status::Warn,
                    Some("no-ftype"),
                    with(|volumes| {
                        let data = of(&mut volumes.data);
                        data.mount.fs_type = "xfs".into();
                        data.entry_types = Observed::Seen(false);
                    }),
                ),
                Case::new(
                    "mounted read-only",
                    Status::Fail,
                    Some("read-only"),
                    with(|volumes| of(&mut volumes.data).mount.read_only = true),
                ),
                Case::new(
                    "the file system says read-only",
                    Status::Fail,
                    Some("read-only"),
                    with(|volumes| space(&mut volumes.data).read_only = true),
                ),
                Case::new(
                    "the directory is missing",
                    Status::Pass,
                    None,
                    with(|volumes| {
                        let mut data = volume("/srv/data", "/", "8:1");
                        data.exists = false;
                        data.examined = "/srv".into();
                        volumes.data = Observed::Seen(data);
                    }),
                ),
                Case::new(
                    "it does not answer",
                    Status::Unknown,
                    Some("timed-out"),
                    with(|volumes| {
                        of(&mut volumes.data).space = Observed::TimedOut("no answer".into());
                    }),
                ),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
            ],
        );
    }
}
