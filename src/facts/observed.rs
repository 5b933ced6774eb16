//! An observation, or the reason why there is none.

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
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

/// An observation whose value is not yet looked into.
#[derive(Deserialize)]
struct Recorded {
    state: State,
    #[serde(default)]
    value: Value,
}

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

impl<'de, T: DeserializeOwned> Deserialize<'de> for Observed<T> {
    // Derived, each of a hundred kinds of observation would be compiled twice: for its value after its state, and before.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fn read<T: DeserializeOwned, E: serde::de::Error>(value: Value) -> Result<T, E> {
            serde_json::from_value(value).map_err(E::custom)
        }
        let Recorded { state, value } = Recorded::deserialize(deserializer)?;
        Ok(match state {
            State::Seen => Self::Seen(read(value)?),
            State::Absent => Self::Absent,
            State::NotAsked => Self::NotAsked,
            State::Denied => Self::Denied(read(value)?),
            State::TimedOut => Self::TimedOut(read(value)?),
            State::Failed => Self::Failed(read(value)?),
        })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_recorded_observation_is_read_back_and_a_broken_one_is_refused() {
        for observed in [
            Observed::Seen(vec![1, 2]),
            Observed::Absent,
            Observed::NotAsked,
            Observed::Denied("reading it needs root".into()),
            Observed::TimedOut("the engine".into()),
            Observed::Failed("it broke".into()),
        ] {
            let recorded = serde_json::to_value(&observed).unwrap();
            assert_eq!(
                serde_json::from_value::<Observed<Vec<u8>>>(recorded).unwrap(),
                observed
            );
        }
        // Whichever member stands first.
        let swapped = r#"{"value": [3], "state": "seen"}"#;
        assert_eq!(
            serde_json::from_str::<Observed<Vec<u8>>>(swapped).unwrap(),
            Observed::Seen(vec![3])
        );
        for broken in [
            json!({}),
            json!({"state": "seen"}),
            json!({"state": "seen", "value": "two"}),
            json!({"state": "denied"}),
            json!({"state": "dreamt", "value": [1]}),
            json!("seen"),
        ] {
            assert!(
                serde_json::from_value::<Observed<Vec<u8>>>(broken.clone()).is_err(),
                "{broken}"
            );
        }
    }
}
