//! `storage.data-space`

use super::{
    ROOT_SPACE,
    space::{self, ALMOST_FULL, LOW_SPACE},
};
use crate::{
    checks::{Category, Check, Context, Judge, Judgement, Level, Prose},
    facts::Source,
};

/// See [`Prose::checks`] in the declaration.
pub static DATA_SPACE: Check = Check {
    id: "storage.data-space",
    title: "Enough free space for the node's data",
    category: Category::Storage,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Volumes],
    reference: "Operator's manual, hardware requirements: data partition",
    causes: &[LOW_SPACE, ALMOST_FULL],
    prose: Prose {
        checks: "The space that is free for ordinary users on the file system of the data directory. Not more than `storage.free_warn_percent` or `storage.free_warn_bytes` warns, less than `storage.free_fail_percent` fails. Where the data directory is missing, the file system on which it would be made is examined. Where the data is on the root file system, the trouble is reported once, by `storage.root-space`.",
        why: "RocksDB needs free space to compact its files. On a full disk the node stops, and a database that could not write to the end may need a restore.",
        remedy: "Enlarge the data partition, or delete what does not belong there. Never delete files of the node's data directory by hand.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let volumes = context.facts.volumes().seen()?;
    let data = volumes.data.seen()?;
    let advice = format!(
        "enlarge the file system at {}, or delete what does not belong to the node",
        data.mount.mount_point
    );
    let verdict = space::judge(context, "data", data, advice)?;
    Ok(match &volumes.root {
        crate::facts::Observed::Seen(root) if root.shares_file_system(data) => {
            verdict.follows(&ROOT_SPACE)
        }
        _ => verdict,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, nothing_observed, verdict},
            storage::samples::{GB, of, space, with},
        },
        facts::{Facts, Observed},
        units::Bytes,
    };

    fn data(total: u64, available: u64) -> impl Fn(&mut Facts) {
        with(move |volumes| {
            let space = space(&mut volumes.data);
            space.total_bytes = Bytes(total * GB);
            space.free_bytes = Bytes(available * GB);
            space.available_bytes = Bytes(available * GB);
        })
    }

    #[test]
    fn cases() {
        judge_cases(
            &DATA_SPACE,
            &[
                Case::new("half free", Status::Pass, None, data(400, 200)),
                Case::new("15 % free", Status::Warn, Some("low-space"), data(400, 60)),
                Case::new("20 GB free", Status::Warn, Some("low-space"), data(100, 20)),
                Case::new("just enough", Status::Pass, None, data(100, 21)),
                Case::new("5 % free", Status::Warn, Some("low-space"), data(400, 20)),
                Case::new("4 % free", Status::Fail, Some("almost-full"), data(400, 16)),
                Case::new("full", Status::Fail, Some("almost-full"), data(400, 0)),
                Case::new(
                    "no size told",
                    Status::Unknown,
                    Some("observation-failed"),
                    data(0, 0),
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
                Case::new(
                    "statvfs refused",
                    Status::Unknown,
                    Some("needs-root"),
                    with(|volumes| of(&mut volumes.data).space = Observed::Denied("no".into())),
                ),
            ],
        );
    }

    #[test]
    fn on_the_root_file_system_it_is_the_roots_trouble() {
        for (device, follows) in [("8:1", 1), ("8:17", 0)] {
            let mut facts = nothing_observed();
            with(|volumes| {
                of(&mut volumes.data).mount.device = device.into();
            })(&mut facts);
            assert_eq!(verdict(&DATA_SPACE, &facts).follows.len(), follows);
        }
    }
}
