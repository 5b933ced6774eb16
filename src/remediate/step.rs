//! What a step of a plan can say of itself and do.

use std::{collections::BTreeSet, path::PathBuf};

use thiserror::Error;

use super::{Answers, change::Change, machine::Machine, walk::PlaceError};
use crate::{checks::Remedy, facts::Facts};

/// What steps are made from.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The machine as it was observed, with profile and settings.
    pub facts: &'a Facts,
    /// What a person or a file answered; complete for the remedies of the plan.
    pub answers: &'a Answers,
    /// Whether the containers of an old installation are kept.
    pub keep_old: bool,
    /// The number that the edition's account gets, where there is none yet.
    new_user: Option<u32>,
}

const ROOT: u32 = 0;

impl<'a> Situation<'a> {
    /// What was observed and answered, on the machine that is to be mended.
    #[must_use]
    pub fn new(facts: &'a Facts, answers: &'a Answers, keep_old: bool, machine: &Machine) -> Self {
        let account = facts.profile.system.account.as_deref();
        let is_missing = |name| machine.account(name).is_ok_and(|known| known.is_none());
        let new_user = account
            .filter(|name| is_missing(name))
            .and_then(|_| machine.free_user());
        Self {
            facts,
            answers,
            keep_old,
            new_user,
        }
    }

    /// Where a person has the license.
    #[must_use]
    pub fn license_source(&self) -> Option<PathBuf> {
        self.answers.get("license_file").map(PathBuf::from)
    }

    /// The account that the node's data belongs to: as `.env` has it, unless that is root, which is a fault of `.env`;
    /// else as it was answered, else the edition's own.
    #[must_use]
    pub fn node_user(&self) -> Option<u32> {
        let stack = self.facts.stack.seen().ok();
        let of_edition = || {
            let accounts = self.facts.accounts.seen().ok()?;
            Some(accounts.account()?.uid)
        };
        stack
            .and_then(crate::facts::stack::Stack::user_id)
            .filter(|user| *user != ROOT)
            .or_else(|| self.answers.get("user_id")?.parse().ok())
            .or_else(of_edition)
            .or(self.new_user)
    }
}

/// Why a step cannot be done.
#[derive(Debug, Error)]
pub enum StepError {
    /// A place on the file system.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A program.
    #[error("`{line}` {how}")]
    Program {
        /// The command.
        line: String,
        /// What became of it.
        how: String,
    },
    /// It cannot be done where the run is, as without systemd or under `--root`.
    #[error("{0}")]
    NotHere(String),
    /// It was done, and still is not as it should be.
    #[error("it was done, and had no effect: {0}")]
    NoEffect(String),
    /// Anything else, in words: what, and what would be right.
    #[error("{0}")]
    Other(String),
}

/// One step of a plan.
///
/// A step is made when the plan is, from what was observed and answered then; whether it is still needed it asks the
/// machine itself, just before it acts. Doing it goes through [`Change`] alone, so that every change is in the journal
/// before it is made.
pub trait Step {
    /// What it does, in one line without a full stop, as in “make the directory /srv/data/sesam/node-00/data”.
    fn words(&self) -> String;

    /// What it writes, as a unified diff against what is there now, secrets already hidden; none where it writes no file.
    fn difference(&self, machine: &Machine) -> Option<String> {
        let _ = machine;
        None
    }

    /// What a careful administrator would type instead: shell commands, one a line, correct for POSIX `sh` with `set -eu`,
    /// every word quoted (`shlex`). A secret is never in it; where one is needed, a line reads it from the terminal.
    fn script(&self) -> Vec<String>;

    /// Whether the machine still lacks what the step does. It only looks.
    ///
    /// # Errors
    /// Where that cannot be told; the step is then not done.
    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError>;

    /// What makes the step needed, although it may not be while the plan is made.
    fn follows_from(&self) -> &'static [Remedy] {
        &[]
    }

    /// Whether the step belongs in a plan that does these remedies before it; asked once, when the plan is made. A step
    /// that cannot tell belongs.
    fn belongs(&self, planned: &BTreeSet<Remedy>, machine: &Machine) -> bool {
        let follows = self.follows_from();
        follows.iter().any(|remedy| planned.contains(remedy))
            || self.is_needed(machine).unwrap_or(true)
    }

    /// Does it.
    ///
    /// # Errors
    /// What went wrong; what was changed by then is in the journal, and is taken back by the run.
    fn apply(&self, change: &mut Change) -> Result<(), StepError>;

    /// Looks whether it had its effect; by default, whether it is no longer needed.
    ///
    /// # Errors
    /// That it had none.
    fn verify(&self, machine: &Machine) -> Result<(), StepError> {
        if self.is_needed(machine)? {
            return Err(StepError::NoEffect(self.words()));
        }
        Ok(())
    }
}
