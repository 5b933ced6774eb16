//! `storage.inodes`

use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Limit, Measurement, Prose,
        Status, Verdict, command_line::quoted,
    },
    facts::{
        Observed, Source,
        volumes::{Space, Volume},
    },
    profile::Storage,
    units::percent,
};

const FEW_INODES: Cause = Cause::new("few-inodes", "fewer free inodes than advised");
const OUT_OF_INODES: Cause = Cause::new("out-of-inodes", "hardly any inode is free");

/// See [`Prose::checks`] in the declaration.
pub static INODES: Check = Check {
    id: "storage.inodes",
    title: "Enough free inodes",
    category: Category::Storage,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Volumes],
    reference: "Operator's manual, hardware requirements: data partition",
    causes: &[FEW_INODES, OUT_OF_INODES],
    prose: Prose {
        checks: "The free inodes of the file systems of the data, of Docker's data and of `/`, each file system once. Not more than `storage.inodes_warn_percent` free warns, less than `storage.inodes_fail_percent` fails. File systems that do not count inodes, such as btrfs, pass.",
        why: "Every file takes an inode. When they run out, “no space left on device” comes up although there is space.",
        remedy: "Find and remove directories with very many small files, or make the file system anew with more inodes (`mkfs.ext4 -i`).",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let volumes = context.facts.volumes().seen()?;
    let limits = &context.profile.storage;
    let mut seen: Vec<&Volume> = Vec::new();
    let mut items = Vec::new();
    let mut measurements = Vec::new();
    for (role, label, volume) in [
        ("data", "data", &volumes.data),
        ("Docker's data", "docker", &volumes.docker),
        ("/", "root", &volumes.root),
    ] {
        match volume {
            Observed::Seen(volume) => {
                measurements.extend(measured(volume, label, limits));
                if !seen.iter().any(|known| known.shares_file_system(volume)) {
                    seen.push(volume);
                    items.push(item(volume, limits));
                }
            }
            _ => items.extend(volume.seen().err().map(|gap| Item::unknown(role, &gap))),
        }
    }
    // `du` does not cross into another file system, so that each has to be named.
    let advice: Vec<String> = items
        .iter()
        .filter(|item| matches!(item.status, Status::Warn | Status::Fail))
        .map(|item| {
            format!(
                "find the directories with the most files: du -x --inodes --max-depth=3 {} | sort -n | tail; remove what is not needed",
                quoted(&item.name)
            )
        })
        .collect();
    let verdict = Verdict::worst_of(items, "enough inodes are free");
    let verdict = advice.into_iter().fold(verdict, Verdict::advice);
    let verdict = verdict.expected(format!(
        "more than {} % of the inodes free",
        limits.inodes_warn_percent
    ));
    Ok(measurements.into_iter().fold(verdict, Verdict::measure))
}

/// Each role has a figure of its own, also where roles share a file system, so that monitoring always finds all of them.
fn measured(volume: &Volume, label: &str, limits: &Storage) -> Option<Measurement> {
    let space = volume.space.seen().ok()?;
    if space.inodes == 0 {
        return None;
    }
    let free = percent(available(space), space.inodes);
    Some(
        Measurement::new("storage_inodes_free_ratio", free / 100.0)
            .label("volume", label)
            .warn(Limit::Below(limits.inodes_warn_percent / 100.0))
            .fail(Limit::Below(limits.inodes_fail_percent / 100.0)),
    )
}

/// Some network file systems say that more are free than there are.
fn available(space: &Space) -> u64 {
    space.inodes_available.min(space.inodes)
}

fn item(volume: &Volume, limits: &Storage) -> Item {
    let name = &volume.mount.mount_point;
    let space = match volume.space.seen() {
        Ok(space) => space,
        Err(gap) => return Item::unknown(name, &gap),
    };
    if space.inodes == 0 {
        let summary = format!(
            "{} does not limit the number of files",
            volume.mount.fs_type
        );
        return Item::pass(name, summary);
    }
    let available = available(space);
    let free = percent(available, space.inodes);
    let summary = format!(
        "{free:.1} % of the inodes free ({available} of {})",
        space.inodes
    );
    let item = if free < limits.inodes_fail_percent {
        Item::fail(name, OUT_OF_INODES, summary)
    } else if free > limits.inodes_warn_percent {
        Item::pass(name, summary)
    } else {
        Item::warn(name, FEW_INODES, summary)
    };
    Item {
        observed: available.into(),
        ..item
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            cases::{Case, judge_cases, nothing_observed, verdict},
            storage::samples::{space, with},
        },
        facts::Facts,
    };

    fn data(total: u64, available: u64) -> impl Fn(&mut Facts) {
        with(move |volumes| {
            let space = space(&mut volumes.data);
            space.inodes = total;
            space.inodes_available = available;
        })
    }

    #[test]
    fn every_volume_that_counts_inodes_is_measured() {
        let mut facts = nothing_observed();
        data(1000, 100)(&mut facts);
        let measured: Vec<_> = verdict(&INODES, &facts).measurements;
        let volumes: Vec<&str> = measured
            .iter()
            .map(|measurement| measurement.labels["volume"].as_str())
            .collect();
        assert_eq!(volumes, ["data", "docker", "root"]);
        assert_eq!(measured[0].name, "storage_inodes_free_ratio");
        assert!((measured[0].value - 0.1).abs() < 1e-9);
        let percent = facts.profile.storage.inodes_warn_percent;
        assert_eq!(measured[0].warn, Some(Limit::Below(percent / 100.0)));
        data(0, 0)(&mut facts);
        assert_eq!(verdict(&INODES, &facts).measurements.len(), 2);
    }

    #[test]
    fn cases() {
        judge_cases(
            &INODES,
            &[
                Case::new("enough", Status::Pass, None, data(1000, 500)),
                Case::new("not counted", Status::Pass, None, data(0, 0)),
                Case::new("10 %", Status::Warn, Some("few-inodes"), data(1000, 100)),
                Case::new("2 %", Status::Warn, Some("few-inodes"), data(1000, 20)),
                Case::new(
                    "few on two file systems",
                    Status::Fail,
                    Some("out-of-inodes"),
                    with(|volumes| {
                        space(&mut volumes.data).inodes_available = 50_000;
                        space(&mut volumes.root).inodes_available = 0;
                        space(&mut volumes.docker).inodes_available = 0;
                    }),
                ),
                Case::new("1 %", Status::Fail, Some("out-of-inodes"), data(1000, 10)),
                Case::new("more than all", Status::Pass, None, data(1, u64::MAX)),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "one dead mount",
                    Status::Unknown,
                    Some("timed-out"),
                    with(|volumes| volumes.data = Observed::TimedOut("no answer".into())),
                ),
            ],
        );
    }

    #[test]
    fn each_file_system_is_judged_once() {
        let mut facts = nothing_observed();
        with(|_| {})(&mut facts);
        let names: Vec<String> = verdict(&INODES, &facts)
            .items
            .into_iter()
            .map(|item| item.name)
            .collect();
        assert_eq!(names, ["/srv/data", "/"]);
    }
}
