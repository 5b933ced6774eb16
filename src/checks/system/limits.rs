//! `system.limits`

use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Limit, Measurement, Prose,
        Verdict,
    },
    facts::{
        Gap, Source,
        limits::{FileLimit, KernelLimits, Limits, ProcessLimits},
    },
    profile::System,
    units::{counted, percent},
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
        checks: "The hard limit on open files that containers inherit: containerd's, since they are its children; where it does not run, the Docker daemon's; where that does not run either, the doctor's own. Below `system.open_files` of the profile it warns. So does a kernel that allows fewer files than that for all processes together, or has more than `system.open_files_used_warn_percent` of those in use.",
        why: "The node's database keeps many files open. At the limit it cannot open one more, and writes fail in the middle of a pipe's run.",
        remedy: "Raise the limit with a systemd drop-in for containerd and Docker (`LimitNOFILE=`), or with `ulimits:` in the compose file; the kernel's own with `sysctl fs.file-max`.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let needed = context.profile.system.open_files;
    let limits = context.facts.limits().seen()?;
    let kernel = limits.kernel.seen()?;
    let inherited = inherited(limits)?;
    let has_engine = !matches!(inherited.from, From::Doctor);
    let mut verdict = Verdict::worst_of(
        vec![
            judge_inherited(&inherited, kernel, needed),
            judge_kernel(kernel, &context.profile.system),
        ],
        all_well(&inherited, needed),
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
        None if has_engine && inherited.limits.soft < FileLimit::Files(needed) => {
            verdict = verdict.remark(format!(
                "{} starts programs with {} and lets them raise that themselves; one that does not needs `ulimits:` in the compose file",
                inherited.who, inherited.limits.soft
            ));
        }
        None => {}
    }
    let verdict = match granted(&inherited, kernel) {
        // A shell's limit says nothing of what an engine's unit will grant.
        FileLimit::Files(count) if has_engine => verdict.measure(open_files(count, needed)),
        _ => verdict,
    };
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
    /// No engine runs, so that only the kernel's own limits can be judged.
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

fn all_well(inherited: &Inherited, needed: u64) -> String {
    match inherited.from {
        From::Doctor => format!(
            "the kernel grants the {needed} open files that the database needs; no container engine runs yet whose own limit could be seen"
        ),
        From::Containerd | From::Dockerd => format!(
            "{} may have {} files open, enough for the {needed} that the database needs",
            inherited.who, inherited.limits.hard
        ),
    }
}

/// Without a limit of its own a process still has the kernel's.
fn granted(inherited: &Inherited, kernel: &KernelLimits) -> FileLimit {
    inherited.limits.hard.min(FileLimit::Files(kernel.nr_open))
}

fn open_files(count: u64, needed: u64) -> Measurement {
    let required = Measurement::count("open_files_limit", needed).value;
    Measurement::count("open_files_limit", count).warn(Limit::Below(required))
}

fn judge_inherited(inherited: &Inherited, kernel: &KernelLimits, needed: u64) -> Item {
    let hard = granted(inherited, kernel);
    let is_the_kernels = kernel.nr_open < needed;
    if matches!(inherited.from, From::Doctor) && !is_the_kernels {
        // A shell's limit says nothing of what an engine's unit will grant.
        return Item::skip(inherited.who, "no container engine runs");
    }
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

fn judge_kernel(kernel: &KernelLimits, required: &System) -> Item {
    let needed = required.open_files;
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
    } else if used > required.open_files_used_warn_percent {
        Item::warn(
            who,
            NEARLY_USED_UP,
            format!(
                "{used:.0} % of the {} files that the kernel allows are open",
                kernel.file_max
            ),
        )
    } else {
        Item::pass(who, format!("{} open", counted(kernel.in_use, "file")))
    }
}

fn advise(verdict: Verdict, from: From, kernel: &KernelLimits, needed: u64) -> Verdict {
    // As many as most kernels grant: a limit that is raised need not be raised again.
    let generous = kernel.nr_open.max(needed);
    let verdict = if kernel.nr_open < needed {
        verdict.advice(format!(
            "let the kernel grant that much: `sysctl -w fs.nr_open={generous}`, and the same in a file of /etc/sysctl.d"))
    } else {
        verdict
    };
    let drop_in = |unit: &str| {
        format!(
            "`systemctl edit {unit}`, add the lines `[Service]` and `LimitNOFILE={generous}`, then restart it in a quiet hour: `systemctl restart {unit}`"
        )
    };
    match from {
        From::Containerd => verdict.advice(drop_in("containerd")),
        From::Dockerd => verdict.advice(drop_in("docker")),
        From::Doctor => verdict,
    }
}

#[cfg(test)]
mod tests;
