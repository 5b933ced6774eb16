//! `system.limits`

use crate::{
    checks::{Category, Cause, Check, Context, Item, Judge, Judgement, Level, Prose, Verdict},
    facts::{
        Gap, Source,
        limits::{FileLimit, KernelLimits, Limits, ProcessLimits},
    },
    units::percent,
};

const OPEN_FILES: Cause = Cause::new(
    "open-files",
    "containers may have fewer files open than the database needs",
);
const FILE_MAX: Cause = Cause::new(
    "file-max",
    "the kernel allows all processes together fewer open files than the database alone needs",
);
const NEARLY_USED_UP: Cause = Cause::new(
    "nearly-used-up",
    "nearly all files that the kernel allows are open",
);

/// Of all files that the kernel allows, this share in use is trouble on any machine, in percent.
const USED_UP_PERCENT: f64 = 90.0;

/// See [`Prose::checks`] in the declaration.
pub static LIMITS: Check = Check {
    id: "system.limits",
    title: "Enough open files",
    category: Category::System,
    level: Level::Recommended,
    needs: &[],
    reads: &[Source::Limits],
    reference: "RocksDB tuning guide: open files; systemd.exec(5): LimitNOFILE=",
    causes: &[OPEN_FILES, FILE_MAX, NEARLY_USED_UP],
    prose: Prose {
        checks: "The hard limit on open files that containers inherit: containerd's, since they are its children; where it does not run, the Docker daemon's; where that does not run either, the doctor's own. Below `system.open_files` of the profile it warns. So does a kernel that allows fewer files than that for all processes together, or has nearly all of those in use.",
        why: "The node's database keeps many files open. At the limit it cannot open one more, and writes fail in the middle of a pipe's run.",
        remedy: "Raise the limit with a systemd drop-in for containerd and Docker (`LimitNOFILE=`), or with `ulimits:` in the compose file; the kernel's own with `sysctl fs.file-max`.",
    },
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let needed = context.profile.system.open_files;
    let limits = context.facts.limits().seen()?;
    let kernel = limits.kernel.seen()?;
    let inherited = inherited(limits)?;
    let mut verdict = Verdict::worst_of(
        vec![
            judge_inherited(&inherited, kernel, needed),
            judge_kernel(kernel, needed),
        ],
        format!(
            "{} may have {} files open, enough for the {needed} that the database needs",
            inherited.who, inherited.limits.hard
        ),
    );
    match verdict.cause.as_deref() {
        Some(code) if code == OPEN_FILES.code => {
            verdict = advise(verdict, inherited.from, kernel, needed);
        }
        Some(code) if code == FILE_MAX.code => {
            verdict = verdict.advice("raise it: `sysctl -w fs.file-max=9223372036854775807`, and the same in a file of /etc/sysctl.d");
        }
        Some(_) => {
            verdict = verdict
                .advice("find out who has so many files open: `lsof -n | awk '{print $1}' | sort | uniq -c | sort -n | tail`")
                .advice("or raise what the kernel allows: `sysctl -w fs.file-max=9223372036854775807`, and the same in a file of /etc/sysctl.d");
        }
        None if inherited.limits.soft < FileLimit::Files(needed) => {
            verdict = verdict.remark(format!(
                "{} starts programs with {} and lets them raise that themselves; one that does not needs `ulimits:` in the compose file",
                inherited.who, inherited.limits.soft
            ));
        }
        None => {}
    }
    Ok(verdict
        .observed(match inherited.limits.hard {
            FileLimit::Files(count) => count.into(),
            FileLimit::Unlimited => serde_json::Value::Null,
        })
        .expected(format!("at least {needed} open files"))
        .evidence(
            "limits of",
            format!("{} (process {})", inherited.who, inherited.limits.pid),
        )
        .evidence("soft limit", inherited.limits.soft)
        .evidence("hard limit", inherited.limits.hard)
        .evidence("fs.nr_open", kernel.nr_open)
        .evidence(
            "open files of all processes",
            format!("{} of {}", kernel.in_use, kernel.file_max),
        ))
}

/// Whose limits containers get.
#[derive(Clone, Copy)]
enum From {
    Containerd,
    Dockerd,
    /// No engine runs; what a service would get is guessed from the doctor's own.
    Doctor,
}

struct Inherited<'a> {
    from: From,
    who: &'static str,
    limits: &'a ProcessLimits,
}

fn inherited(limits: &Limits) -> Result<Inherited<'_>, Gap> {
    let engines = [
        (From::Containerd, "containerd", &limits.containerd),
        (From::Dockerd, "dockerd", &limits.dockerd),
        (From::Doctor, "a program started from here", &limits.own),
    ];
    for (from, who, observed) in engines {
        if let Some(limits) = observed.seen_or_absent()? {
            return Ok(Inherited { from, who, limits });
        }
    }
    Err(Gap::Absent)
}

fn judge_inherited(inherited: &Inherited, kernel: &KernelLimits, needed: u64) -> Item {
    // Without a limit of its own a process still has the kernel's.
    let hard = inherited.limits.hard.min(FileLimit::Files(kernel.nr_open));
    if hard < FileLimit::Files(needed) {
        Item::warn(
            inherited.who,
            OPEN_FILES,
            format!("at most {hard} open files, and the database needs {needed}"),
        )
    } else {
        Item::pass(inherited.who, format!("at most {hard} open files"))
    }
}

fn judge_kernel(kernel: &KernelLimits, needed: u64) -> Item {
    let used = percent(kernel.in_use, kernel.file_max);
    let who = "all processes together";
    if kernel.file_max < needed {
        Item::warn(
            who,
            FILE_MAX,
            format!(
                "at most {} open files (fs.file-max), and the database alone needs {needed}",
                kernel.file_max
            ),
        )
    } else if used > USED_UP_PERCENT {
        Item::warn(
            who,
            NEARLY_USED_UP,
            format!(
                "{used:.0} % of the {} files that the kernel allows are open",
                kernel.file_max
            ),
        )
    } else {
        Item::pass(who, format!("{} files open", kernel.in_use))
    }
}

fn advise(verdict: Verdict, from: From, kernel: &KernelLimits, needed: u64) -> Verdict {
    let verdict = if kernel.nr_open < needed {
        verdict.advice(format!(
            "let the kernel grant that much: `sysctl -w fs.nr_open={}`, and the same in a file of /etc/sysctl.d",
            needed.max(1_048_576)
        ))
    } else {
        verdict
    };
    let drop_in = |unit: &str| {
        format!(
            "`systemctl edit {unit}`, add the lines `[Service]` and `LimitNOFILE={}`, then restart it in a quiet hour: `systemctl restart {unit}`",
            needed.max(1_048_576)
        )
    };
    match from {
        From::Containerd => verdict.advice(drop_in("containerd")),
        From::Dockerd => verdict.advice(drop_in("docker")),
        From::Doctor => verdict.advice(format!(
            "neither containerd nor Docker runs here; raise the limit of who starts it: LimitNOFILE={needed} in its systemd unit, or `nofile` in /etc/security/limits.d for a shell"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, nothing_observed, verdict},
        },
        facts::{Facts, Observed},
    };

    fn process(soft: FileLimit, hard: FileLimit) -> Observed<ProcessLimits> {
        Observed::Seen(ProcessLimits { pid: 7, soft, hard })
    }

    fn files(hard: u64) -> Observed<ProcessLimits> {
        process(FileLimit::Files(1_024), FileLimit::Files(hard))
    }

    fn healthy() -> Limits {
        Limits {
            kernel: Observed::Seen(KernelLimits {
                file_max: u64::MAX / 2,
                in_use: 2_000,
                nr_open: 1_048_576,
            }),
            containerd: process(FileLimit::Unlimited, FileLimit::Unlimited),
            dockerd: Observed::Absent,
            own: files(1_024),
        }
    }

    fn but(change: impl Fn(&mut Limits)) -> impl Fn(&mut Facts) {
        move |facts| {
            let mut limits = healthy();
            change(&mut limits);
            facts.limits = Observed::Seen(limits);
        }
    }

    fn kernel(file_max: u64, in_use: u64, nr_open: u64) -> Observed<KernelLimits> {
        Observed::Seen(KernelLimits {
            file_max,
            in_use,
            nr_open,
        })
    }

    #[test]
    fn cases() {
        let few = Some("open-files");
        judge_cases(
            &LIMITS,
            &[
                Case::new("unlimited", Status::Pass, None, but(|_| {})),
                Case::new(
                    "just enough",
                    Status::Pass,
                    None,
                    but(|limits| limits.containerd = files(65_536)),
                ),
                Case::new(
                    "one too few",
                    Status::Warn,
                    few,
                    but(|limits| limits.containerd = files(65_535)),
                ),
                Case::new(
                    "containerd decides",
                    Status::Pass,
                    None,
                    but(|limits| limits.dockerd = files(1_024)),
                ),
                Case::new(
                    "dockerd alone",
                    Status::Warn,
                    few,
                    but(|limits| {
                        limits.containerd = Observed::Absent;
                        limits.dockerd = files(4_096);
                    }),
                ),
                Case::new(
                    "no engine",
                    Status::Warn,
                    few,
                    but(|limits| limits.containerd = Observed::Absent),
                ),
                Case::new(
                    "unlimited, but the kernel's end is low",
                    Status::Warn,
                    few,
                    but(|limits| limits.kernel = kernel(1 << 40, 1, 1_024)),
                ),
                Case::new(
                    "all together too few",
                    Status::Warn,
                    Some("file-max"),
                    but(|limits| limits.kernel = kernel(50_000, 1, 1 << 20)),
                ),
                Case::new(
                    "nearly used up",
                    Status::Warn,
                    Some("nearly-used-up"),
                    but(|limits| limits.kernel = kernel(100_000, 90_001, 1 << 20)),
                ),
                Case::new(
                    "nonsense",
                    Status::Warn,
                    few,
                    but(|limits| limits.kernel = kernel(0, u64::MAX, 0)),
                ),
                Case::new(
                    "containerd refused",
                    Status::Unknown,
                    Some("needs-root"),
                    but(|limits| {
                        limits.containerd =
                            Observed::Denied("reading the limits of a process needs root".into());
                    }),
                ),
                Case::new(
                    "kernel failed",
                    Status::Unknown,
                    Some("observation-failed"),
                    but(|limits| {
                        limits.kernel = Observed::Failed("no".into());
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

    #[test]
    fn a_low_soft_limit_is_a_remark() {
        let mut facts = nothing_observed();
        but(|limits| limits.containerd = files(524_288))(&mut facts);
        let verdict = verdict(&LIMITS, &facts);
        assert!(verdict.remarks[0].contains("1024"), "{:?}", verdict.remarks);
    }
}
