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
#[allow(clippy::too_many_lines)] // a table
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
                "just enough from the start",
                Status::Pass,
                None,
                but(|limits| {
                    limits.containerd = process(FileLimit::Files(65_536), FileLimit::Unlimited);
                }),
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
                "no engine, whose limit could be seen",
                Status::Pass,
                None,
                but(|limits| limits.containerd = Observed::Absent),
            ),
            Case::new(
                "no engine, and the kernel's end is just enough",
                Status::Pass,
                None,
                but(|limits| {
                    limits.containerd = Observed::Absent;
                    limits.kernel = kernel(65_536, 1, 65_536);
                }),
            ),
            Case::new(
                "too few, and the kernel's end is just enough",
                Status::Warn,
                few,
                but(|limits| {
                    limits.containerd = files(1_024);
                    limits.kernel = kernel(1 << 40, 1, 65_536);
                }),
            ),
            Case::new(
                "no engine, and the kernel's end is low",
                Status::Warn,
                few,
                but(|limits| {
                    limits.containerd = Observed::Absent;
                    limits.kernel = kernel(1 << 40, 1, 1_024);
                }),
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
                "used as much as may be",
                Status::Pass,
                None,
                but(|limits| limits.kernel = kernel(100_000, 90_000, 1 << 20)),
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

#[test]
fn the_limit_that_containers_get_is_measured_where_an_engine_runs() {
    let mut facts = nothing_observed();
    let needed = facts.profile.system.open_files;
    but(|_| {})(&mut facts);
    let measured = verdict(&LIMITS, &facts).measurements;
    assert_eq!(measured, [open_files(1_048_576, needed)]);
    but(|limits| limits.containerd = files(500))(&mut facts);
    let measured = verdict(&LIMITS, &facts).measurements;
    assert_eq!(measured, [open_files(500, needed)]);
    but(|limits| limits.containerd = Observed::Absent)(&mut facts);
    assert_eq!(verdict(&LIMITS, &facts).measurements, []);
}
