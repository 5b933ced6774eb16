//! Limits on open files: the kernel's, and those that containers inherit.

use std::path::Path;

use procfs::process::{LimitValue, Process};
use rustix::process::{Resource, getrlimit};
use serde::{Deserialize, Serialize};

use super::{Observed, Root, Site, bounded, proc, read_text};
use crate::units::Bytes;

/// Each of these kernel files holds a few numbers.
const LARGEST_KERNEL_FILE: Bytes = Bytes(4_096);

/// Limits on open files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// The kernel's own.
    #[serde(default)]
    pub kernel: Observed<KernelLimits>,
    /// Those of containerd, whose children the containers are; absent where it does not run.
    #[serde(default)]
    pub containerd: Observed<ProcessLimits>,
    /// Those of the Docker daemon; absent where it does not run.
    #[serde(default)]
    pub dockerd: Observed<ProcessLimits>,
    /// Those of the doctor itself, and so of who started it.
    #[serde(default)]
    pub own: Observed<ProcessLimits>,
}

/// What the kernel allows of all processes together, and of any one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelLimits {
    /// `fs.file-max`: open files of all processes together.
    pub file_max: u64,
    /// Open files of all processes together at this time.
    pub in_use: u64,
    /// `fs.nr_open`: the highest limit that a process can be given.
    pub nr_open: u64,
}

/// What one process may have open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessLimits {
    /// The process.
    pub pid: u32,
    /// What holds now; a program may raise it itself up to the hard limit.
    pub soft: FileLimit,
    /// What it may not go beyond.
    pub hard: FileLimit,
}

/// A limit on open files. The order is from few to many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileLimit {
    /// This many.
    Files(u64),
    /// As many as the kernel can.
    Unlimited,
}

impl std::fmt::Display for FileLimit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Files(count) => write!(formatter, "{count}"),
            Self::Unlimited => formatter.write_str("unlimited"),
        }
    }
}

/// Asks the running kernel; no file of `--root` tells.
pub async fn observe(site: Site) -> Observed<Limits> {
    let (kernel, engine) = tokio::join!(
        bounded(site.deadline, "the kernel's limits", kernel),
        bounded(site.deadline, "the list of processes", engine),
    );
    let (containerd, dockerd) = match engine {
        Observed::Seen(engine) => (engine.containerd, engine.dockerd),
        gap => (gap.clone().map(|_| own_limits()), gap.map(|_| own_limits())),
    };
    Observed::Seen(Limits {
        kernel,
        containerd,
        dockerd,
        own: Observed::Seen(own_limits()),
    })
}

#[derive(Clone)]
struct Engine {
    containerd: Observed<ProcessLimits>,
    dockerd: Observed<ProcessLimits>,
}

fn engine() -> Observed<Engine> {
    const CONTAINERD: &str = "containerd";
    const DOCKERD: &str = "dockerd";
    let found = proc::processes(&[CONTAINERD, DOCKERD]);
    proc::observed(found, "the list of processes").map(|found| {
        let limits = |name| match found.get(name) {
            Some(process) if process.uid == 0 => limits_of(process.pid),
            _ => Observed::Absent,
        };
        Engine {
            containerd: limits(CONTAINERD),
            dockerd: limits(DOCKERD),
        }
    })
}

fn limits_of(pid: i32) -> Observed<ProcessLimits> {
    let limits = Process::new(pid).and_then(|process| process.limits());
    proc::observed(limits, "the limits of a process").map(|limits| ProcessLimits {
        pid: u32::try_from(pid).unwrap_or(0),
        soft: limits.max_open_files.soft_limit.into(),
        hard: limits.max_open_files.hard_limit.into(),
    })
}

impl From<LimitValue> for FileLimit {
    fn from(limit: LimitValue) -> Self {
        match limit {
            LimitValue::Unlimited => Self::Unlimited,
            LimitValue::Value(count) => Self::Files(count),
        }
    }
}

fn own_limits() -> ProcessLimits {
    let limits = getrlimit(Resource::Nofile);
    let limit = |limit: Option<u64>| limit.map_or(FileLimit::Unlimited, FileLimit::Files);
    ProcessLimits {
        pid: std::process::id(),
        soft: limit(limits.current),
        hard: limit(limits.maximum),
    }
}

fn kernel() -> Observed<KernelLimits> {
    let file_max = numbers("/proc/sys/fs/file-max");
    let file_nr = numbers("/proc/sys/fs/file-nr");
    let nr_open = numbers("/proc/sys/fs/nr_open");
    let (file_max, file_nr, nr_open) = match (file_max, file_nr, nr_open) {
        (Observed::Seen(file_max), Observed::Seen(file_nr), Observed::Seen(nr_open)) => {
            (file_max, file_nr, nr_open)
        }
        (Observed::Seen(_), Observed::Seen(_), gap) | (Observed::Seen(_), gap, _) | (gap, _, _) => {
            return gap.map(|_| KernelLimits::default());
        }
    };
    match (file_max.first(), file_nr.first(), nr_open.first()) {
        (Some(file_max), Some(in_use), Some(nr_open)) => Observed::Seen(KernelLimits {
            file_max: *file_max,
            in_use: *in_use,
            nr_open: *nr_open,
        }),
        _ => Observed::Failed("the kernel's limits on open files are no numbers".into()),
    }
}

fn numbers(file: &str) -> Observed<Vec<u64>> {
    match read_text(&Root::machine(), Path::new(file), LARGEST_KERNEL_FILE) {
        Ok(text) => Observed::Seen(
            text.split_whitespace()
                .map_while(|number| number.parse().ok())
                .collect(),
        ),
        Err(problem) => Observed::from_problem(&problem, file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_limits() {
        let kernel = *kernel().seen().unwrap();
        assert!(kernel.file_max >= kernel.in_use, "{kernel:?}");
        assert!(kernel.nr_open > 0, "{kernel:?}");
    }

    #[test]
    fn the_limits_of_a_process_are_as_it_sees_them_itself() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert_eq!(*limits_of(pid).seen().unwrap(), own_limits());
    }

    #[test]
    fn a_process_that_has_ended_has_none() {
        assert_eq!(limits_of(i32::MAX), Observed::Absent);
    }

    #[test]
    fn unlimited_is_more_than_any_number() {
        assert!(FileLimit::Unlimited > FileLimit::Files(u64::MAX));
    }
}
