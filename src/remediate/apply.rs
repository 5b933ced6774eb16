//! Doing a plan: each step, if it is still needed, with its way back in the journal; and taking all of it back.

use std::io;

use jiff::Timestamp;

use super::{
    change::Change,
    journal::{self, ChangeNumber, Journal, Outcome, Record, Story},
    lock::Lock,
    machine::Machine,
    plan::{Plan, Planned},
    step::StepError,
    undo::{Undo, Undone},
    walk::{Directory, PlaceError},
};
use crate::checks::{Remedy, Safety};

/// Who is asked about a step that can cut something off.
pub trait Ask {
    /// Whether the step may be done.
    ///
    /// # Errors
    /// Where nobody could be asked.
    fn permits(&self, words: &str, cut: &str) -> io::Result<bool>;
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What it mends.
    pub remedy: Remedy,
    /// What it was to do.
    pub words: String,
    /// What became of it.
    pub result: StepResult,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepResult {
    /// It was done.
    Done,
    /// The machine had it already.
    NotNeeded,
    /// A person did not want it.
    Declined,
    /// It failed.
    Failed(String),
    /// A step before it failed.
    NotReached,
}

/// What a run did.
#[derive(Clone, Debug)]
pub struct Work {
    /// The name of the run, for `undo`; none where nothing had to be done.
    pub run: Option<String>,
    /// Its steps.
    pub steps: Vec<Done>,
    /// Where a step failed: what was taken back, and what stays.
    pub taken_back: Option<TakenBack>,
}

impl Work {
    /// Whether a step failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step.result, StepResult::Failed(_)))
    }
}

/// What came of taking changes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// What was taken back, in words.
    pub undone: Vec<String>,
    /// What stays, and why.
    pub kept: Vec<String>,
}

/// A run that was found unfinished.
#[derive(Debug)]
pub struct Unfinished {
    /// Its journal, which is carried on.
    journal: Journal,
    /// Its name.
    pub run: String,
    /// What was left half done and has been taken back.
    pub taken_back: TakenBack,
}

/// Looks for a run that was interrupted, and takes back what it left half done. A run that was being taken back is
/// taken back to its end; another one is to be carried on.
///
/// # Errors
/// Where journals cannot be read, or a change cannot be taken back.
pub fn take_over(machine: &Machine, lock: &Lock) -> Result<Option<Unfinished>, StepError> {
    let stories = journal::stories(machine.root())?;
    let Some(story) = stories
        .into_iter()
        .rev()
        .find(|story| story.outcome().is_none())
    else {
        return Ok(None);
    };
    let mut journal = Journal::reopen(&lock.directory, &story)?;
    if let Some(asked) = story.being_undone() {
        let (scope, outcome) = if asked {
            (Scope::Everything, Outcome::Undone)
        } else {
            (Scope::Safe, Outcome::Failed)
        };
        let taken_back = take_back(machine, &mut journal, story.standing(), scope)?;
        end(&mut journal, outcome)?;
        machine.watch().say(&format!(
            "the run {} was being taken back when it was interrupted; that is finished now",
            story.run
        ));
        for kept in &taken_back.kept {
            machine.watch().say(&format!("  stays: {kept}"));
        }
        return Ok(None);
    }
    let half_done = story
        .standing()
        .into_iter()
        .filter(|(_, _, was_made)| !was_made)
        .collect();
    let taken_back = take_back(machine, &mut journal, half_done, Scope::Everything)?;
    journal.append(&Record::Resumed {
        at: Timestamp::now(),
    })?;
    Ok(Some(Unfinished {
        run: story.run.clone(),
        journal,
        taken_back,
    }))
}

/// Ends the journal of an unfinished run that has nothing left to do.
///
/// # Errors
/// Where the journal cannot be written to.
pub fn conclude(unfinished: Unfinished) -> Result<(), StepError> {
    let mut journal = unfinished.journal;
    end(&mut journal, Outcome::Completed)
}

/// Does a plan. Where a step fails, what the run did is taken back as far as that is safe.
///
/// # Errors
/// Where the journal cannot be written to; a step's own failure is part of what is returned.
pub fn apply(
    plan: &Plan,
    machine: &Machine,
    lock: &Lock,
    unfinished: Option<Unfinished>,
    by: String,
    ask: &dyn Ask,
) -> Result<Work, StepError> {
    let mut journal = match unfinished {
        Some(unfinished) => unfinished.journal,
        None => Journal::begin(&lock.directory, Timestamp::now(), by)?,
    };
    let mut steps = Vec::new();
    let mut is_stopped = false;
    for (number, planned) in plan.steps.iter().enumerate() {
        let words = planned.step.words();
        let result = if is_stopped {
            StepResult::NotReached
        } else {
            machine
                .watch()
                .doing(&format!("{}/{} {words}", number + 1, plan.steps.len()));
            attempt(planned, machine, &mut journal, ask)
        };
        is_stopped |= matches!(result, StepResult::Failed(_));
        say(machine, &words, &result);
        steps.push(Done {
            remedy: planned.remedy,
            words,
            result,
        });
    }
    let run = journal.run.clone();
    let taken_back = if is_stopped {
        let standing = standing(machine, &run)?;
        let taken_back = take_back(machine, &mut journal, standing, Scope::Safe)?;
        end(&mut journal, Outcome::Failed)?;
        Some(taken_back)
    } else {
        end(&mut journal, Outcome::Completed)?;
        None
    };
    Ok(Work {
        run: Some(run),
        steps,
        taken_back,
    })
}

fn say(machine: &Machine, words: &str, result: &StepResult) {
    let line = match result {
        StepResult::Done => format!("done      {words}"),
        StepResult::NotNeeded => format!("as it is  {words}"),
        StepResult::Declined => format!("declined  {words}"),
        StepResult::Failed(why) => format!("FAILED    {words}: {why}"),
        StepResult::NotReached => format!("not begun {words}"),
    };
    machine.watch().say(&machine.redactor().text(&line));
}

fn attempt(
    planned: &Planned,
    machine: &Machine,
    journal: &mut Journal,
    ask: &dyn Ask,
) -> StepResult {
    match do_step(planned, machine, journal, ask) {
        Ok(result) => result,
        Err(error) => StepResult::Failed(machine.redactor().text(&error.to_string()).into_owned()),
    }
}

fn do_step(
    planned: &Planned,
    machine: &Machine,
    journal: &mut Journal,
    ask: &dyn Ask,
) -> Result<StepResult, StepError> {
    let step = &planned.step;
    if !step.is_needed(machine)? {
        return Ok(StepResult::NotNeeded);
    }
    let words = step.words();
    if planned.remedy.safety() == Safety::AsksFirst {
        let cut = planned.remedy.cuts().unwrap_or_default();
        machine.watch().doing("");
        let permitted = ask
            .permits(&words, cut)
            .map_err(|error| StepError::Other(format!("nobody could be asked: {error}")))?;
        if !permitted {
            return Ok(StepResult::Declined);
        }
    }
    journal.append(&Record::Step {
        remedy: planned.remedy,
        words: machine.redactor().text(&words).into_owned(),
    })?;
    step.apply(&mut Change::new(machine, journal))?;
    step.verify(machine)?;
    Ok(StepResult::Done)
}

fn end(journal: &mut Journal, outcome: Outcome) -> Result<(), StepError> {
    Ok(journal.append(&Record::Ended {
        at: Timestamp::now(),
        outcome,
    })?)
}

fn standing(machine: &Machine, run: &str) -> Result<Vec<(ChangeNumber, Undo, bool)>, StepError> {
    let stories = journal::stories(machine.root())?;
    Ok(stories
        .iter()
        .find(|story| story.run == run)
        .map(Story::standing)
        .unwrap_or_default())
}

/// How much is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// What may be taken back without being asked for.
    Safe,
    /// Everything that can be.
    Everything,
}

/// Takes changes back, the last one first.
fn take_back(
    machine: &Machine,
    journal: &mut Journal,
    changes: Vec<(ChangeNumber, Undo, bool)>,
    scope: Scope,
) -> Result<TakenBack, StepError> {
    let mut taken_back = TakenBack::default();
    if changes.is_empty() {
        return Ok(taken_back);
    }
    let is_partial = changes.iter().all(|(_, _, was_made)| !was_made);
    if !is_partial {
        journal.append(&Record::Undoing {
            at: Timestamp::now(),
            asked: scope == Scope::Everything,
        })?;
    }
    for (change, undo, was_made) in changes {
        let words = undo.words();
        let outcome = if scope == Scope::Safe && !undo.is_safe() {
            Ok(Undone::Kept(format!(
                "{words}: only when asked for, with `sesam-doctor undo`"
            )))
        } else {
            machine.watch().doing(&words);
            undo.take_back(machine, &journal.salt.clone(), was_made)
        };
        match outcome {
            Ok(Undone::Yes) => {
                journal.append(&Record::Undid { change })?;
                if was_made {
                    taken_back.undone.push(words);
                }
            }
            Ok(Undone::Kept(why)) => {
                journal.append(&Record::Kept {
                    change,
                    why: machine.redactor().text(&why).into_owned(),
                })?;
                taken_back.kept.push(why);
            }
            // One that fails must not keep the others from being taken back.
            Err(error) => {
                let why = format!("{words}: {error}");
                let why = machine.redactor().text(&why).into_owned();
                journal.append(&Record::Kept {
                    change,
                    why: why.clone(),
                })?;
                taken_back.kept.push(why);
            }
        }
    }
    Ok(taken_back)
}

/// Takes back what a run did.
///
/// # Errors
/// Where its journal cannot be written to.
pub fn undo(machine: &Machine, lock: &Lock, story: &Story) -> Result<TakenBack, StepError> {
    let mut journal = Journal::reopen(&lock.directory, story)?;
    let taken_back = take_back(machine, &mut journal, story.standing(), Scope::Everything)?;
    end(&mut journal, Outcome::Undone)?;
    Ok(taken_back)
}

/// Whether a directory can be changed at all: not one of a file system that is mounted read-only.
///
/// # Errors
/// Where it cannot be looked at.
pub fn is_writable(machine: &Machine, path: &std::path::Path) -> Result<bool, PlaceError> {
    let directory = Directory::open(machine.root(), path)?;
    let status =
        rustix::fs::fstatvfs(directory.reopened()?).map_err(|error| PlaceError::io(path, error))?;
    Ok(!status
        .f_flag
        .contains(rustix::fs::StatVfsMountFlags::RDONLY))
}
