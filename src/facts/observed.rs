//! An observation, or the reason why there is none.

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::Value;
use thiserror::Error;

use crate::files::FileProblem;

/// What became of looking at one thing. Not knowing is a value too, so that a check decides what it means.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(tag = "state", content = "value", rename_all = "kebab-case")]
pub enum Observed<T> {
    /// It was seen, and this is it.
    Seen(T),
    /// It is not there.
    Absent,
    /// Nobody asked: the check was deselected, the run is offline, or an older doctor made the recording.
    #[default]
    NotAsked,
    /// The privileges of this run do not suffice; names what was refused.
    Denied(String),
    /// It did not answer within its deadline; names what was waited for.
    TimedOut(String),
    /// Looking failed; says how.
    Failed(String),
}

/// An observation as it is recorded, whatever was observed.
///
/// There are more than a hundred kinds of observation: what serde derives for each of them would be a tenth of the program.
#[derive(Deserialize)]
struct Recorded {
    state: State,
    #[serde(default)]
    value: Value,
}

/// The variants of [`Observed`].
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Seen,
    Absent,
    NotAsked,
    Denied,
    TimedOut,
    Failed,
}

impl Recorded {
    /// The value of a state that says something in words.
    fn words(self) -> serde_json::Result<String> {
        serde_json::from_value(self.value)
    }

    fn observed<T: DeserializeOwned>(self) -> serde_json::Result<Observed<T>> {
        Ok(match self.state {
            State::Seen => Observed::Seen(serde_json::from_value(self.value)?),
            State::Absent => Observed::Absent,
            State::NotAsked => Observed::NotAsked,
            State::Denied => Observed::Denied(self.words()?),
            State::TimedOut => Observed::TimedOut(self.words()?),
            State::Failed => Observed::Failed(self.words()?),
        })
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Observed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Recorded::deserialize(deserializer)?
            .observed()
            .map_err(D::Error::custom)
    }
}

/// Why there is no observation to judge.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Gap {
    /// See [`Observed::Absent`].
    #[error("it is not there")]
    Absent,
    /// See [`Observed::NotAsked`].
    #[error("it was not observed")]
    NotAsked,
    /// See [`Observed::Denied`].
    #[error("{0}")]
    Denied(String),
    /// See [`Observed::TimedOut`].
    #[error("{0}")]
    TimedOut(String),
    /// See [`Observed::Failed`].
    #[error("{0}")]
    Failed(String),
}

impl<T> From<Gap> for Observed<T> {
    fn from(gap: Gap) -> Self {
        match gap {
            Gap::Absent => Self::Absent,
            Gap::NotAsked => Self::NotAsked,
            Gap::Denied(what) => Self::Denied(what),
            Gap::TimedOut(what) => Self::TimedOut(what),
            Gap::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl<T> Observed<T> {
    /// The observation, or why there is none; `?` turns the latter into an `unknown` finding.
    ///
    /// # Errors
    /// Every state but [`Observed::Seen`] is a [`Gap`].
    pub fn seen(&self) -> Result<&T, Gap> {
        match self {
            Self::Seen(value) => Ok(value),
            Self::Absent => Err(Gap::Absent),
            Self::NotAsked => Err(Gap::NotAsked),
            Self::Denied(what) => Err(Gap::Denied(what.clone())),
            Self::TimedOut(what) => Err(Gap::TimedOut(what.clone())),
            Self::Failed(reason) => Err(Gap::Failed(reason.clone())),
        }
    }

    /// Like [`Observed::seen`], but that the thing is not there is an answer, not a gap.
    ///
    /// # Errors
    /// Every state but [`Observed::Seen`] and [`Observed::Absent`] is a [`Gap`].
    pub fn seen_or_absent(&self) -> Result<Option<&T>, Gap> {
        match self.seen() {
            Ok(value) => Ok(Some(value)),
            Err(Gap::Absent) => Ok(None),
            Err(gap) => Err(gap),
        }
    }

    /// The same observation with its value replaced.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Self::Seen(value) => Observed::Seen(change(value)),
            Self::Absent => Observed::Absent,
            Self::NotAsked => Observed::NotAsked,
            Self::Denied(what) => Observed::Denied(what),
            Self::TimedOut(what) => Observed::TimedOut(what),
            Self::Failed(reason) => Observed::Failed(reason),
        }
    }

    /// What an I/O error on `what` says about it.
    #[must_use]
    pub fn from_error(error: &std::io::Error, what: &str) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Self::Absent,
            std::io::ErrorKind::PermissionDenied => {
                Self::Denied(format!("reading {what} needs root"))
            }
            _ => Self::Failed(format!("reading {what} failed: {error}")),
        }
    }

    /// What a problem with reading the file `what` says about it.
    #[must_use]
    pub fn from_problem(problem: &FileProblem, what: &str) -> Self {
        match problem {
            FileProblem::Io(error) => Self::from_error(error, what),
            other => Self::Failed(format!("{what} could not be read: {other}")),
        }
    }

    /// A result on `what` as an observation.
    pub fn from_result(result: std::io::Result<T>, what: &str) -> Self {
        match result {
            Ok(value) => Self::Seen(value),
            Err(error) => Self::from_error(&error, what),
        }
    }
}
