//! What a plan needs to be told: from a file, from the environment, or by a person at the terminal.

mod file;
mod named_file;
mod prompt;
mod question;
mod secret;

use std::{collections::BTreeMap, fmt};

use thiserror::Error;

pub use named_file::Holds;
pub(super) use named_file::{LARGEST_CERTIFICATE, belong_together};
pub use prompt::{PromptError, Terminal};
pub use question::{Asks, Question, find, known};
pub use secret::Secret;

use crate::{profile::Profile, redact::Redactor, toml_document::DocumentError};

/// What was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    plain: BTreeMap<String, String>,
    secret: BTreeMap<String, Secret>,
}

/// An answer cannot be used. No message carries a secret.
#[derive(Debug, Error)]
pub enum AnswerError {
    /// The answers' file is wrong, and where.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A file that an answer names is no use.
    #[error("{place}: `{key}`: {fault}")]
    File {
        /// Where the answer stands.
        place: String,
        /// The answer's key.
        key: String,
        /// Why.
        fault: String,
    },
    /// A variable of the environment is no use.
    #[error("{variable} in the environment: {fault}")]
    Variable {
        /// Its name.
        variable: String,
        /// Why.
        fault: String,
    },
    /// There is nobody to ask.
    #[error(transparent)]
    Missing(#[from] MissingAnswers),
}

/// Answers that a plan needs and nobody gave: all of them, before anything is changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct MissingAnswers(pub Vec<Question>);

impl fmt::Display for MissingAnswers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = crate::units::counted(self.0.len() as u64, "answer");
        writeln!(
            formatter,
            "the plan needs {count} that nobody gave; name a file with --answers that has:"
        )?;
        for question in &self.0 {
            writeln!(formatter, "  {}", question.line())?;
        }
        formatter.write_str("nothing was changed")
    }
}

impl Answers {
    /// The answer to a question that may be shown.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.plain.get(key).map(String::as_str)
    }

    /// The answer to a question that may not.
    #[must_use]
    pub fn secret(&self, key: &str) -> Option<&Secret> {
        self.secret.get(key)
    }

    /// Whether there is an answer, of either kind.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.plain.contains_key(key) || self.secret.contains_key(key)
    }

    /// What a variable of `.env` is to be, of either kind.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        let key = question::key_of(name);
        self.get(&key)
            .or_else(|| self.secret(&key).map(Secret::exposed))
    }

    /// Takes an answer; a secret one is told to the redactor first.
    pub fn give(&mut self, question: &Question, value: &str, redactor: &Redactor) {
        if question.is_secret() {
            let secret = Secret::learned(value, redactor);
            self.secret.insert(question.key.clone(), secret);
        } else {
            self.plain.insert(question.key.clone(), value.to_owned());
        }
    }

    /// Those of the questions that nobody answered and that have no default.
    #[must_use]
    pub fn missing(&self, questions: &[Question]) -> Vec<Question> {
        questions
            .iter()
            .filter(|question| !self.has(&question.key) && question.default.is_none())
            .cloned()
            .collect()
    }

    /// Answers what has a default and was not answered otherwise.
    pub fn take_defaults(&mut self, questions: &[Question], redactor: &Redactor) {
        for question in questions {
            if let Some(default) = &question.default
                && !self.has(&question.key)
            {
                self.give(question, default, redactor);
            }
        }
    }

    /// Secrets from the environment: `SESAM_DOCTOR_` and the key in capitals, as in `SESAM_DOCTOR_REGISTRY_PASSWORD`.
    /// A file that was named wins.
    ///
    /// # Errors
    /// A value that cannot be the answer.
    pub fn take_environment(
        &mut self,
        profile: &Profile,
        variable: impl Fn(&str) -> Option<String>,
        redactor: &Redactor,
    ) -> Result<(), AnswerError> {
        for question in known(profile) {
            if !question.is_secret() || self.has(&question.key) {
                continue;
            }
            let name = question.variable();
            let Some(value) = variable(&name) else {
                continue;
            };
            // Before anything can be said about it.
            redactor.learn(&value);
            if let Some(fault) = question.fault(profile, &value) {
                return Err(AnswerError::Variable {
                    variable: name,
                    fault,
                });
            }
            self.give(&question, &value, redactor);
        }
        Ok(())
    }
}
