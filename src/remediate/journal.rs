//! What a run did and how it is taken back, one line each, on the disk before it is done.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use rustix::fs::{Mode, OFlags, openat};
use serde::{Deserialize, Serialize};

use super::{
    fault,
    undo::Undo,
    walk::{Directory, PlaceError},
};
use crate::{checks::Remedy, files::Root, program};

/// Where journals, what the programs of a run said, and the lock are.
pub const DIRECTORY: &str = "/var/lib/sesam-doctor";

/// A run writes some hundred bytes for each change; a hand-over of a large tree writes more.
const LARGEST: u64 = 512 * 1024 * 1024;

/// As much of what a run's programs said is kept.
const LARGEST_SAID: u64 = 4 * 1024 * 1024;

/// The number of a change within its run.
pub(super) type ChangeNumber = u64;

/// One line of a journal. There is never a secret in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub(super) enum Record {
    /// The run began.
    Begun {
        /// Its name.
        run: String,
        /// The doctor's version.
        version: String,
        /// When.
        at: Timestamp,
        /// Whose it was.
        by: String,
        /// Mixed into the digests of written files, so that they tell nothing of a secret.
        salt: String,
    },
    /// A later run found it unfinished and carries it on.
    Resumed {
        /// When.
        at: Timestamp,
    },
    /// A step begins.
    Step {
        /// Which.
        remedy: Remedy,
        /// What it does.
        words: String,
    },
    /// A change is about to be made.
    Intends {
        /// Its number.
        change: ChangeNumber,
        /// How it is taken back.
        undo: Undo,
    },
    /// The change was made.
    Did {
        /// Its number.
        change: ChangeNumber,
    },
    /// Changes are being taken back, the last one first.
    Undoing {
        /// When.
        at: Timestamp,
        /// Whether somebody asked for it, so that everything is; else a step failed, and what is safe is.
        asked: bool,
    },
    /// The change was taken back, or had not been made.
    Undid {
        /// Its number.
        change: ChangeNumber,
    },
    /// The change stays.
    Kept {
        /// Its number.
        change: ChangeNumber,
        /// Why.
        why: String,
    },
    /// The run is over.
    Ended {
        /// When.
        at: Timestamp,
        /// How.
        outcome: Outcome,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every step was done.
    Completed,
    /// A step failed; what could be taken back was.
    Failed,
    /// It was taken back.
    Undone,
}

impl Outcome {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Undone => "taken back",
        }
    }
}

/// A journal that is open for more.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    /// The name of its run.
    pub(super) run: String,
    /// See [`Record::Begun`].
    pub(super) salt: String,
    next: ChangeNumber,
}

/// What a journal says.
#[derive(Clone, Debug)]
pub struct Story {
    /// The name of the run.
    pub run: String,
    /// When it began.
    pub begun: Timestamp,
    /// Whose it was.
    pub by: String,
    pub(super) salt: String,
    pub(super) records: Vec<Record>,
    /// How many bytes of the file are whole records.
    whole: u64,
}

impl Story {
    /// How it ended; nothing where it was interrupted.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self.records.last() {
            Some(Record::Ended { outcome, .. }) => Some(*outcome),
            _ => None,
        }
    }

    /// Whether taking it back was begun and not ended, and whether that was asked for.
    pub(super) fn being_undone(&self) -> Option<bool> {
        if self.outcome().is_some() {
            return None;
        }
        self.records
            .iter()
            .rev()
            .take_while(|record| !matches!(record, Record::Resumed { .. }))
            .find_map(|record| match record {
                Record::Undoing { asked, .. } => Some(*asked),
                _ => None,
            })
    }

    /// The changes that still stand, the last one first, and whether each is known to have been made.
    pub(super) fn standing(&self) -> Vec<(ChangeNumber, Undo, bool)> {
        let mut standing: Vec<(ChangeNumber, Undo, bool)> = Vec::new();
        for record in &self.records {
            match record {
                Record::Intends { change, undo } => standing.push((*change, undo.clone(), false)),
                Record::Did { change } => {
                    if let Some(entry) = standing.iter_mut().find(|entry| entry.0 == *change) {
                        entry.2 = true;
                    }
                }
                Record::Undid { change } => standing.retain(|entry| entry.0 != *change),
                _ => {}
            }
        }
        standing.reverse();
        standing
    }

    /// What its steps did, in words.
    #[must_use]
    pub fn steps(&self) -> Vec<&str> {
        self.records
            .iter()
            .filter_map(|record| match record {
                Record::Step { words, .. } => Some(words.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Whether anything of it still stands.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.standing().is_empty()
    }

    /// Whether anything of it still stands that has a way back.
    #[must_use]
    pub fn can_be_taken_back(&self) -> bool {
        self.standing()
            .iter()
            .any(|(_, undo, _)| !matches!(undo, Undo::Stays { .. }))
    }
}

impl Journal {
    /// Begins the journal of a new run.
    ///
    /// # Errors
    /// Where the directory cannot be written to.
    pub(super) fn begin(
        directory: &Directory,
        at: Timestamp,
        by: String,
    ) -> Result<Self, PlaceError> {
        let name = at.strftime("%Y%m%d-%H%M%S").to_string();
        let mut run = name.clone();
        for again in 2.. {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let path = directory.path.join(file_name(&run));
            fault::point("create the journal").map_err(|error| PlaceError::io(&path, error))?;
            match openat(directory, file_name(&run), flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => {
                    let salt = uuid::Uuid::new_v4().simple().to_string();
                    let mut journal = Self {
                        file: File::from(file),
                        path,
                        run: run.clone(),
                        salt: salt.clone(),
                        next: 1,
                    };
                    journal.append(&Record::Begun {
                        run,
                        version: env!("CARGO_PKG_VERSION").to_owned(),
                        at,
                        by,
                        salt,
                    })?;
                    directory.synchronise()?;
                    return Ok(journal);
                }
                Err(rustix::io::Errno::EXIST) => run = format!("{name}-{again}"),
                Err(error) => return Err(PlaceError::io(&path, error)),
            }
        }
        Err(PlaceError::Nameless(directory.path.clone()))
    }

    /// Opens the journal of a run for more, without the torn line that a power cut may have left at its end.
    ///
    /// # Errors
    /// Where it cannot be written to.
    pub(super) fn reopen(directory: &Directory, story: &Story) -> Result<Self, PlaceError> {
        let path = directory.path.join(file_name(&story.run));
        let failed = |error: io::Error| PlaceError::io(&path, error);
        let entry = directory.look(file_name(&story.run).as_ref())?;
        entry.require_plain_file()?;
        fault::point("open the journal").map_err(failed)?;
        let mut file = File::options()
            .write(true)
            .open(entry.by_descriptor())
            .map_err(failed)?;
        file.set_len(story.whole).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let next = story
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Intends { change, .. } => Some(change + 1),
                _ => None,
            })
            .max()
            .unwrap_or(1);
        Ok(Self {
            file,
            path: path.clone(),
            run: story.run.clone(),
            salt: story.salt.clone(),
            next,
        })
    }

    /// Writes a record, and waits until it is on the disk.
    ///
    /// # Errors
    /// The system's; what stood in the journal before is untouched.
    pub(super) fn append(&mut self, record: &Record) -> Result<(), PlaceError> {
        // What was done is written down all the same; everything else is the beginning of something.
        if !matches!(record, Record::Did { .. }) {
            program::hold_where_ending();
        }
        let attempt = |file: &mut File| -> io::Result<()> {
            let mut line = serde_json::to_vec(record)?;
            line.push(b'\n');
            let before = file.stream_position()?;
            fault::point("before a journal record")?;
            let written = file
                .write_all(&line)
                .and_then(|()| fault::point("fsync of the journal"))
                .and_then(|()| file.sync_data());
            if let Err(error) = written {
                // A line that is not whole must not have another one behind it.
                file.set_len(before)?;
                file.seek(SeekFrom::Start(before))?;
                return Err(error);
            }
            fault::point("after a journal record")
        };
        attempt(&mut self.file).map_err(|error| PlaceError::io(&self.path, error))
    }

    /// Keeps what a program said, secrets already taken out, in a file beside the journal; the last of it where it is
    /// long. Its place is returned.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn keep_said(&self, said: &str) -> io::Result<PathBuf> {
        let place = self.path.with_extension("log");
        let mut file = File::options()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&place)?;
        let room = LARGEST_SAID.saturating_sub(file.metadata()?.len());
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let cut =
            (said.len().saturating_sub(room)..said.len()).find(|at| said.is_char_boundary(*at));
        file.write_all(
            said.get(cut.unwrap_or(said.len())..)
                .unwrap_or_default()
                .as_bytes(),
        )?;
        Ok(place)
    }

    /// The number that the next change gets.
    pub(super) fn next_number(&self) -> ChangeNumber {
        self.next
    }

    /// Writes how a change that is about to be made is taken back, and gives the change its number.
    ///
    /// # Errors
    /// As for [`Journal::append`]; the change must then not be made.
    pub(super) fn intend(&mut self, undo: Undo) -> Result<ChangeNumber, PlaceError> {
        let change = self.next;
        self.append(&Record::Intends { change, undo })?;
        self.next += 1;
        Ok(change)
    }
}

fn file_name(run: &str) -> String {
    format!("run-{run}.jsonl")
}

fn is_journal(name: &str) -> bool {
    name.strip_prefix("run-")
        .and_then(|rest| rest.strip_suffix(".jsonl"))
        .is_some_and(|run| !run.is_empty())
}

/// The runs whose journals are at hand, the oldest first.
///
/// # Errors
/// Where the directory cannot be read; that it is missing means only that there was no run.
pub fn stories(root: &Root) -> Result<Vec<Story>, PlaceError> {
    let directory = match Directory::open(root, Path::new(DIRECTORY)) {
        Ok(directory) => directory,
        Err(error) if error.is_missing() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names: Vec<String> = Vec::new();
    let failed = |error| PlaceError::io(&directory.path, error);
    for entry in rustix::fs::Dir::read_from(directory.reopened()?).map_err(failed)? {
        let name = entry
            .map_err(failed)?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if is_journal(&name) {
            names.push(name);
        }
    }
    names.sort();
    let mut stories = Vec::new();
    for name in names {
        stories.extend(read(&directory, &name)?);
    }
    stories.sort_by_key(|story| story.begun);
    Ok(stories)
}

/// The story of one file; none where not even its first record is whole, so that nothing was done.
fn read(directory: &Directory, name: &str) -> Result<Option<Story>, PlaceError> {
    let entry = directory.look(name.as_ref())?;
    entry.require_plain_file()?;
    if entry.status.st_uid != rustix::process::geteuid().as_raw() {
        // What is taken back is done as root: only root may say how.
        return Err(PlaceError::NotOwned(entry.path));
    }
    let mut content = Vec::new();
    File::from(entry.readable()?)
        .take(LARGEST)
        .read_to_end(&mut content)
        .map_err(|error| PlaceError::io(&entry.path, error))?;
    let mut records = Vec::new();
    let mut whole = 0;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let Some(text) = line.strip_suffix(b"\n") else {
            break;
        };
        let Ok(record) = serde_json::from_slice::<Record>(text) else {
            break;
        };
        records.push(record);
        whole += line.len() as u64;
    }
    if content.len() as u64 > whole
        && content
            .get(usize::try_from(whole).unwrap_or(usize::MAX)..)
            .is_some_and(|rest| rest.contains(&b'\n'))
    {
        // Only the last line can be torn: this file is not what was written.
        return Err(PlaceError::Unreadable {
            path: entry.path,
            line: records.len() + 1,
        });
    }
    let Some(Record::Begun {
        run, at, by, salt, ..
    }) = records.first().cloned()
    else {
        return Ok(None);
    };
    // A copy that somebody made tells nothing that the journal itself does not, and more may have been written there.
    if file_name(&run) != name {
        return Ok(None);
    }
    Ok(Some(Story {
        run,
        begun: at,
        by,
        salt,
        records,
        whole,
    }))
}
