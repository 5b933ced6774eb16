//! A value that is never shown.

use std::fmt;

use crate::redact::{MARK, Redactor};

/// A password or the like.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret, which the redactor knows from now on.
    #[must_use]
    pub fn learned(value: &str, redactor: &Redactor) -> Self {
        redactor.learn(value);
        Self(value.to_owned())
    }

    /// What it is, for the one place that has to be told.
    #[must_use]
    pub fn exposed(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MARK)
    }
}
