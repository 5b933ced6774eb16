//! `hardware.data-partition`

use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Limit, Measurement, Prose,
        Verdict,
    },
    facts::{Gap, Observed, Source, volumes::Volume},
    profile::Hardware,
    units::Bytes,
};

const TOO_SMALL: Cause = Cause::new(
    "too-small",
    "the data partition is smaller than the profile asks for",
);
const ON_ROOT_DISK: Cause = Cause::new(
    "on-root-disk",
    "the data is on the root disk, where it and the system can fill it up for each other",
);

/// See [`Prose::checks`] in the declaration.
pub static DATA_PARTITION: Check = Check {
    id: "hardware.data-partition",
    title: "Data partition is large enough",
    category: Category::Hardware,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Volumes],
    reference: "Operator's manual, hardware requirements: data partition",
    causes: &[TOO_SMALL, ON_ROOT_DISK],
    prose: Prose {
        checks: "The size of the block device behind the data directory; where none can be seen (btrfs, zfs, overlay), the size of the file system, with `hardware.file_system_overhead_percent` allowed for what it needs itself. Smaller than `hardware.data_partition_bytes` fails; data on the root disk warns. Where the data directory is missing, the file system on which it would be made is examined.",
        why: "The node keeps every dataset, its indexes and its backups there. A partition below the product's size fills up within the expected life of an installation.",
        remedy: "Enlarge the partition, or mount a larger disk at the data mount point. A site that has agreed on less lowers `hardware.data_partition_bytes` in a profile of its own, or waives this check.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let limits = &context.profile.hardware;
    let volumes = context.facts.volumes().seen()?;
    let data = volumes.data.seen()?;
    let required = limits.data_partition_bytes;
    let Size { bytes, needed, of } = size(data, limits)?;
    let place = &data.mount.mount_point;
    let on_root_disk =
        matches!(&volumes.root, Observed::Seen(root) if root.shares_file_system(data));
    let enlarge = format!("enlarge it, or mount a disk of at least {required} for the data");
    let verdict = if bytes < needed {
        let remark = if on_root_disk { " (the root disk)" } else { "" };
        let summary = format!("the {of} at {place}{remark} has {bytes}");
        Verdict::fail(TOO_SMALL, summary).advice(enlarge)
    } else if on_root_disk {
        let summary = format!("the data is on the root disk, which has {bytes}");
        Verdict::warn(ON_ROOT_DISK, summary).advice(format!(
            "mount a disk of at least {required} at {}, or waive this where the root-disk variant is agreed",
            context.profile.layout.data_mount.display()
        ))
    } else {
        Verdict::pass(format!("the {of} at {place} has {bytes}"))
    };
    Ok(verdict
        .observed(bytes.0)
        .measure(
            Measurement::bytes("storage_size_bytes", bytes)
                .label("volume", "data")
                .fail(Limit::below(needed)),
        )
        .expected(if needed == required {
            format!("at least {required}, on a disk of its own")
        } else {
            format!("at least {needed} (a partition of {required}, less what the file system itself needs), on a disk of its own")
        })
        .evidence(
            "device",
            data.mount.source.as_deref().unwrap_or("none named"),
        )
        .evidence("examined", &data.examined))
}

/// How large a volume is, and how large it has to be.
struct Size {
    bytes: Bytes,
    needed: Bytes,
    of: &'static str,
}

fn size(volume: &Volume, limits: &Hardware) -> Result<Size, Gap> {
    if let Some(bytes) = volume.device_bytes {
        return Ok(Size {
            bytes,
            needed: limits.data_partition_bytes,
            of: "partition",
        });
    }
    let bytes = volume.space.seen()?.total_bytes;
    if bytes == Bytes(0) {
        return Err(Gap::Failed(format!(
            "the {} file system at {} does not tell its size",
            volume.mount.fs_type, volume.mount.mount_point
        )));
    }
    Ok(Size {
        bytes,
        needed: less_percent(
            limits.data_partition_bytes,
            limits.file_system_overhead_percent,
        ),
        of: "file system",
    })
}

fn less_percent(bytes: Bytes, percent: f64) -> Bytes {
    let share = (1.0 - percent / 100.0).clamp(0.0, 1.0);
    // A requirement in bytes fits a double, and a rounding of some bytes changes nothing.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    Bytes((bytes.0 as f64 * share) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
            storage::samples::{GB, of, space, with},
        },
        facts::Facts,
    };

    fn device(bytes: u64) -> impl Fn(&mut Facts) {
        with(move |volumes| of(&mut volumes.data).device_bytes = Some(Bytes(bytes)))
    }

    fn file_system(bytes: u64) -> impl Fn(&mut Facts) {
        with(move |volumes| {
            of(&mut volumes.data).device_bytes = None;
            space(&mut volumes.data).total_bytes = Bytes(bytes);
        })
    }

    #[test]
    fn cases() {
        let too_small = || Some("too-small");
        judge_cases(
            &DATA_PARTITION,
            &[
                Case::new("just enough", Status::Pass, None, device(350 * GB)),
                Case::new(
                    "a byte less",
                    Status::Fail,
                    too_small(),
                    device(350 * GB - 1),
                ),
                Case::new(
                    "no device, 5 % less",
                    Status::Pass,
                    None,
                    file_system(333 * GB),
                ),
                Case::new(
                    "no device, less",
                    Status::Fail,
                    too_small(),
                    file_system(332 * GB),
                ),
                Case::new(
                    "no size told",
                    Status::Unknown,
                    Some("observation-failed"),
                    file_system(0),
                ),
                Case::new(
                    "on the root disk",
                    Status::Warn,
                    Some("on-root-disk"),
                    with(|volumes| of(&mut volumes.data).mount.device = "8:1".into()),
                ),
                Case::new(
                    "on a small root disk",
                    Status::Fail,
                    too_small(),
                    with(|volumes| {
                        let data = of(&mut volumes.data);
                        data.mount.device = "8:1".into();
                        data.device_bytes = Some(Bytes(100 * GB));
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
