//! Asking the kernel through `/proc`, which is the machine's own whatever `--root` says.

use std::collections::BTreeMap;

use procfs::{ProcError, ProcResult};

use super::Observed;

/// Far more processes than a machine of this kind has; beyond it the search gives up.
const MOST_PROCESSES: usize = 40_000;

/// What the kernel's answer about `what` amounts to as an observation.
pub(super) fn observed<T>(answer: ProcResult<T>, what: &str) -> Observed<T> {
    match answer {
        Ok(value) => Observed::Seen(value),
        Err(ProcError::NotFound(_)) => Observed::Absent,
        Err(ProcError::PermissionDenied(_)) => {
            Observed::Denied(format!("reading {what} needs root"))
        }
        Err(ProcError::Io(error, _)) => Observed::from_error(&error, what),
        Err(error) => Observed::Failed(format!("reading {what} failed: {error}")),
    }
}

/// The lowest process id of each program of these names (as the kernel has them, 15 characters at most), and who runs it.
pub(super) fn processes(names: &[&'static str]) -> ProcResult<BTreeMap<&'static str, Process>> {
    // Where others' processes are hidden (`hidepid`), the first one is too; then what is not found may still run.
    procfs::process::Process::new(1)
        .and_then(|first| first.stat())
        .map_err(|_| ProcError::PermissionDenied(None))?;
    let mut found: BTreeMap<&'static str, Process> = BTreeMap::new();
    for process in procfs::process::all_processes()?.take(MOST_PROCESSES) {
        // A process may end between being listed and being looked at.
        let Ok(process) = process else { continue };
        let Ok(stat) = process.stat() else { continue };
        let Some(name) = names.iter().find(|name| **name == stat.comm) else {
            continue;
        };
        if is_of_a_container(&process) {
            continue;
        }
        let Ok(uid) = process.uid() else { continue };
        let this = Process {
            uid,
            pid: process.pid,
        };
        // Anybody can give a process of his own any name: root's goes first.
        let best = found.entry(name).or_insert(this);
        *best = this.min(*best);
    }
    Ok(found)
}

/// Whether a process is numbered anew in a namespace below ours, as those of containers are: a Docker in a container
/// is not this machine's. Kernels before 4.1 do not say (`NSpid` of `proc_pid_status(5)`).
fn is_of_a_container(process: &procfs::process::Process) -> bool {
    process
        .status()
        .is_ok_and(|status| status.nspid.is_some_and(|numbers| numbers.len() > 1))
}

/// A process and who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Process {
    /// The number of the user who runs it.
    pub uid: u32,
    /// Its number.
    pub pid: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_runs_is_not_found() {
        assert!(processes(&["no-such-daemon"]).unwrap().is_empty());
    }

    #[test]
    fn what_runs_in_a_namespace_of_its_own_is_another_machine_s() {
        let Ok(mut shell) = std::process::Command::new("unshare")
            .args(["--user", "--pid", "--fork", "--kill-child", "sh", "-c"])
            .arg("printf here; read line")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
        else {
            return;
        };
        let mut said = [0; 4];
        let started = std::io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut said);
        let nested = procfs::process::all_processes()
            .unwrap()
            .filter_map(Result::ok)
            .filter(|process| {
                process.stat().is_ok_and(|stat| {
                    u32::try_from(stat.ppid).is_ok_and(|parent| parent == shell.id())
                })
            })
            .map(|process| is_of_a_container(&process))
            .collect::<Vec<_>>();
        drop(shell.stdin.take());
        shell.wait().unwrap();
        // Where nobody may make a namespace there is nothing to tell apart.
        if started.is_ok() {
            assert_eq!(nested, [true]);
        }
        let own = procfs::process::Process::myself().unwrap();
        assert!(!is_of_a_container(&own));
    }

    #[test]
    fn refusals_and_failures_are_told_apart() {
        assert_eq!(
            observed::<()>(Err(ProcError::NotFound(None)), "x"),
            Observed::Absent
        );
        assert!(matches!(
            observed::<()>(Err(ProcError::PermissionDenied(None)), "x"),
            Observed::Denied(_)
        ));
        assert!(matches!(
            observed::<()>(Err(ProcError::Incomplete(None)), "x"),
            Observed::Failed(_)
        ));
    }
}
