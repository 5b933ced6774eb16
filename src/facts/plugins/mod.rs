//! The site's own checks: monitoring plugins that are run, and what they said.
//!
//! They run with the doctor's rights, which are root's more often than not, so nothing is executed that anybody but
//! root could have written; see [`Refusal`].

mod naming;
pub(in crate::facts) mod output;
mod trust;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{process::Command, sync::Semaphore, task::JoinSet, time::Instant};

pub use naming::DIRECTORY;
pub use output::{Measurement, PluginText, parse};
pub use trust::Refusal;

use super::{
    Observed, Site, bounded,
    program::{self, Captured, Ended},
};
use trust::{Distrust, Trusted, examine};

/// More plugins than this are taken for a mistake in the settings.
const MOST_PLUGINS: usize = 200;

/// So many plugins run at a time: they share the machine with the service.
const AT_ONCE: usize = 4;

/// What is kept of a plugin's output, in bytes.
const LARGEST_OUTPUT: usize = 65_536;

/// What is kept of what a plugin complains of, in characters.
const LONGEST_COMPLAINT: usize = 2_000;

/// One file of the plugins' directory, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginRun {
    /// The last part of its check's id.
    pub id: String,
    /// The file.
    pub path: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "became", content = "details", rename_all = "kebab-case")]
pub enum Outcome {
    /// It ended by itself.
    Exited {
        /// Its exit code: 0 well, 1 warning, 2 critical, 3 undetermined; others are none of the convention.
        code: i32,
        /// What it wrote.
        said: Said,
    },
    /// It was ended by a signal.
    Crashed {
        /// The signal's number.
        signal: i32,
        /// What it wrote before.
        said: Said,
    },
    /// It did not end in time, or was not begun in time; says which.
    TimedOut(String),
    /// The privileges of this run do not suffice.
    Denied(String),
    /// It could not be started; says why.
    NotStarted(String),
    /// It has no run bit, and so was not meant.
    NotExecutable,
    /// Others than root could have a hand in it, so it was not started.
    Refused(Refusal),
}

/// What a plugin wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its output; [`parse`] takes it apart.
    pub output: String,
    /// Whether there was more, which was dropped.
    pub cut: bool,
    /// Whether all of it was UTF-8; what was not is U+FFFD now.
    pub is_utf8: bool,
    /// The beginning of what it complained of on stderr.
    pub complaint: String,
}

impl Said {
    fn new(output: &Captured, complaint: &Captured) -> Self {
        // Where it was cut, the last letter may be cut too.
        let is_utf8 = match std::str::from_utf8(&output.bytes) {
            Ok(_) => true,
            Err(error) => output.cut && error.error_len().is_none(),
        };
        Self {
            output: output.text(),
            cut: output.cut,
            is_utf8,
            complaint: complaint.text().chars().take(LONGEST_COMPLAINT).collect(),
        }
    }
}

/// Runs the plugins of the site, at most four at a time, all of them within one deadline.
///
/// With `--root` the files are another machine's and are not executed.
pub async fn observe(site: Site) -> Observed<Vec<PluginRun>> {
    if !site.root.is_machine() {
        return Observed::NotAsked;
    }
    let limit = Instant::now() + site.deadline;
    let directory = site.settings.plugins_dir().to_path_buf();
    let what = directory.display().to_string();
    let files = match bounded(site.deadline, what, move || list(&directory)).await {
        Observed::Seen(files) => files,
        gap => return gap.map(|_| Vec::new()),
    };
    let ids = naming::ids(&files);
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (index, (path, id)) in files.into_iter().zip(ids).enumerate() {
        let turns = Arc::clone(&turns);
        let deadline = site.deadline;
        running.spawn(crate::defects::inherited(async move {
            let outcome = outcome(path.clone(), &turns, limit, deadline).await;
            let run = outcome.map(|outcome| PluginRun {
                id,
                path: path.display().to_string(),
                outcome,
            });
            (index, run)
        }));
    }
    let mut runs = running.join_all().await;
    runs.sort_by_key(|(index, _)| *index);
    Observed::Seen(runs.into_iter().filter_map(|(_, run)| run).collect())
}

/// The files of the directory in the order of their names; hidden ones and editors' copies are not meant.
fn list(directory: &Path) -> Observed<Vec<PathBuf>> {
    let what = directory.display().to_string();
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            return Observed::Failed(format!("{what} is not a directory"));
        }
        Err(error) => return Observed::from_error(&error, &what),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Observed::from_error(&error, &what),
        };
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        files.push(entry.path());
        if files.len() > MOST_PLUGINS {
            return Observed::Failed(format!(
                "{what} holds more than {MOST_PLUGINS} files; none of them was run"
            ));
        }
    }
    files.sort();
    Observed::Seen(files)
}

/// What becomes of one file; nothing where it is a directory or the like.
async fn outcome(
    path: PathBuf,
    turns: &Semaphore,
    limit: Instant,
    deadline: Duration,
) -> Option<Outcome> {
    let seconds = deadline.as_secs_f64();
    let Ok(Ok(_turn)) = tokio::time::timeout_at(limit, turns.acquire()).await else {
        return Some(Outcome::TimedOut(format!(
            "it did not get its turn within {seconds} s, since other plugins took so long"
        )));
    };
    let looked_at = path.clone();
    let what = path.display().to_string();
    let examined = bounded(remaining(limit), what, move || {
        Observed::Seen(examine(&looked_at))
    })
    .await;
    let program = match examined {
        Observed::Seen(Ok(Trusted::Program(program))) => program,
        Observed::Seen(Ok(Trusted::NotExecutable)) => return Some(Outcome::NotExecutable),
        Observed::Seen(Ok(Trusted::NotAFile)) => return None,
        Observed::Seen(Err(Distrust::Refused(refusal))) => return Some(Outcome::Refused(refusal)),
        Observed::Seen(Err(Distrust::Io(error))) => return Some(not_started(&path, &error)),
        gap => {
            let reason = gap.seen().err().map(|gap| gap.to_string());
            return Some(Outcome::TimedOut(reason.unwrap_or_default()));
        }
    };
    let mut command = Command::new(program);
    // A program can be several, and then goes by the name that it was called by.
    command.arg0(&path);
    match program::run(command, LARGEST_OUTPUT, remaining(limit)).await {
        Err(error) => Some(not_started(&path, &error)),
        Ok(run) => {
            let said = Said::new(&run.stdout, &run.stderr);
            Some(match run.ended {
                Ended::Exited(code) => Outcome::Exited { code, said },
                Ended::Signalled(signal) => Outcome::Crashed { signal, said },
                Ended::TimedOut => Outcome::TimedOut(format!(
                    "it did not end within the deadline of {seconds} s and was killed with all it had started"
                )),
            })
        }
    }
}

fn remaining(limit: Instant) -> Duration {
    limit.saturating_duration_since(Instant::now())
}

fn not_started(path: &Path, error: &std::io::Error) -> Outcome {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::PermissionDenied if !rustix::process::geteuid().is_root() => {
            Outcome::Denied(format!("running {} needs root", path.display()))
        }
        ErrorKind::PermissionDenied => Outcome::NotStarted(
            "the kernel refuses to execute it; is its file system mounted noexec?".into(),
        ),
        ErrorKind::NotFound if path.exists() => {
            Outcome::NotStarted("the interpreter that its first line names is missing".into())
        }
        ErrorKind::NotFound => Outcome::NotStarted("it is a link to nothing".into()),
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            Outcome::NotStarted(
                "it is no program, and its first line names no interpreter (as #!/bin/sh does)"
                    .into(),
            )
        }
        _ => Outcome::NotStarted(format!("it could not be started: {error}")),
    }
}
