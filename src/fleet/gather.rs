//! Reading many reports: each is read, digested and forgotten, so that memory does not grow with their size.

use std::{
    collections::BTreeMap,
    num::NonZero,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde::Serialize;
use walkdir::WalkDir;

use super::{Fleet, Terms, machine::Digest};
use crate::report::{Report, one_line, readable};

/// More files than any fleet of this product has; a directory with more is not one of reports.
const MOST_FILES: usize = 100_000;

/// Two are enough to read while the other thinks; more would only hold more reports at once.
const MOST_THREADS: usize = 4;

/// Reasons longer than this are cut.
const LONGEST_REASON: usize = 500;

/// A file that is no report or could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// The file or directory.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// A report that another one makes superfluous.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Superseded {
    /// Its file.
    pub file: String,
    /// The file of the report that counts.
    pub by: String,
}

/// Reads every report, also those in directories, and makes one view of them. What cannot be read is named in the view.
pub fn gather<E: std::fmt::Display>(
    paths: &[PathBuf],
    terms: Terms,
    read: impl Fn(&Path) -> Result<Report, E> + Sync,
) -> Fleet {
    let (files, mut unreadable) = files(paths);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut digests = Vec::new();
        let mut refused = Vec::new();
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            match read(file) {
                Ok(report) => {
                    let name = file.display().to_string();
                    digests.push(Digest::of(&report, &name, terms));
                }
                Err(reason) => refused.push(refusal(file, &reason)),
            }
        }
        (digests, refused)
    };
    let threads = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(MOST_THREADS)
        .min(files.len());
    let mut digests = Vec::new();
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut results = vec![work()];
        for other in others {
            match other.join() {
                Ok(result) => results.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        for (some, refused) in results {
            digests.extend(some);
            unreadable.extend(refused);
        }
    });
    unreadable.sort_by(|one, other| one.file.cmp(&other.file));
    let (digests, superseded) = newest(digests, terms.every_report);
    Fleet::of(terms, digests, unreadable, superseded)
}

fn refusal(file: &Path, reason: &impl std::fmt::Display) -> Unreadable {
    let name = file.display().to_string();
    let reason = reason.to_string();
    // Errors begin with the file, which stands beside them here.
    let reason = reason
        .strip_prefix(&name)
        .map_or(reason.as_str(), |rest| rest.trim_start_matches([':', ' ']));
    Unreadable {
        file: readable(&one_line(&name), LONGEST_REASON),
        reason: readable(&one_line(reason), LONGEST_REASON),
    }
}

/// The files that were named, and those in the directories that were named whose names say that they may be reports.
fn files(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<Unreadable>) {
    let mut files = Vec::new();
    let mut unreadable = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        for entry in WalkDir::new(path).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) if may_be_a_report(entry.path()) => files.push(entry.into_path()),
                Ok(_) => {}
                Err(error) => {
                    let place = error.path().unwrap_or(path).to_path_buf();
                    unreadable.push(refusal(&place, &error));
                }
            }
            if files.len() >= MOST_FILES {
                let reason = format!("only the first {MOST_FILES} files were read");
                unreadable.push(refusal(path, &reason));
                return (files, unreadable);
            }
        }
        if files.len() == before {
            let reason = "no file in it ends in .json or .html";
            unreadable.push(refusal(path, &reason));
        }
    }
    (files, unreadable)
}

fn may_be_a_report(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ["json", "html"].iter().any(|known| ending == *known))
}

/// One report for each machine, the newest. Two are of the same machine where name and addresses agree, and of the same
/// observation where name and facts do: a JSON report and the page that was made with it.
fn newest(mut digests: Vec<Digest>, every_report: bool) -> (Vec<Digest>, Vec<Superseded>) {
    digests.sort_by(|one, other| {
        let (one, other) = (&one.machine, &other.machine);
        (other.observed_at, one.judged_as_of, &one.file).cmp(&(
            one.observed_at,
            other.judged_as_of,
            &other.file,
        ))
    });
    let mut kept: Vec<Digest> = Vec::new();
    let mut superseded = Vec::new();
    let mut known: BTreeMap<(String, String), String> = BTreeMap::new();
    for digest in digests {
        let keys = identities(&digest, every_report);
        let by = keys.iter().find_map(|key| known.get(key)).cloned();
        if let Some(by) = by {
            let file = digest.machine.file;
            superseded.push(Superseded { file, by });
        } else {
            for key in keys {
                known.insert(key, digest.machine.file.clone());
            }
            kept.push(digest);
        }
    }
    superseded.sort_by(|one, other| one.file.cmp(&other.file));
    (kept, superseded)
}

fn identities(digest: &Digest, every_report: bool) -> Vec<(String, String)> {
    let machine = &digest.machine;
    let mut identities = Vec::new();
    if machine.hostname.is_empty() {
        return identities;
    }
    if !digest.facts_sha256.is_empty() {
        identities.push((machine.hostname.clone(), digest.facts_sha256.clone()));
    }
    if !every_report && !machine.addresses.is_empty() {
        identities.push((machine.hostname.clone(), machine.addresses.join(" ")));
    }
    identities
}
