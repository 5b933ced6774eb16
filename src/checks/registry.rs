//! Every check, in the order of reports; and choosing among them.

use std::collections::BTreeSet;

use thiserror::Error;

use super::{Category, Check, Judge, dns, hardware, outbound};
use crate::toml_document::nearest;

/// Every check there is.
pub static REGISTRY: &[&Check] = &[
    &hardware::CPU,
    &dns::RESOLVERS,
    &dns::NODE_DOMAIN,
    &dns::CAA,
    &outbound::DOCKER,
    &outbound::LETSENCRYPT,
    &outbound::SESAM,
    &outbound::PYPI,
    &outbound::SITE_GROUPS,
    &outbound::PROXY,
];

/// The check that a finding's id belongs to.
#[must_use]
pub fn find(id: &str) -> Option<&'static Check> {
    REGISTRY.iter().copied().find(|check| check.covers(id))
}

impl Check {
    /// Whether a finding of this id is one of this check's.
    #[must_use]
    pub fn covers(&self, id: &str) -> bool {
        match self.family_prefix() {
            Some(prefix) => id == self.id || (id.starts_with(prefix) && id.len() > prefix.len()),
            None => self.id == id,
        }
    }

    /// What the ids of a family's members begin with.
    #[must_use]
    pub fn family_prefix(&self) -> Option<&'static str> {
        match self.judge {
            Judge::Family { .. } => self.id.strip_suffix('*'),
            Judge::One(_) => None,
        }
    }
}

/// Which checks a run is about, from the words on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    only: BTreeSet<String>,
    skip: BTreeSet<String>,
}

/// A word that names no check and no category.
#[derive(Debug, PartialEq, Eq, Error)]
#[error(
    "there is no check or category “{word}”{}; `sesam-doctor list` shows them all",
    nearest.as_deref().map_or_else(String::new, |id| format!(", did you mean “{id}”?"))
)]
pub struct UnknownWord {
    word: String,
    nearest: Option<String>,
}

impl Selection {
    /// The selection that the words of `check`, `--only` and `--skip` make.
    ///
    /// # Errors
    /// A word that is neither the id of a check nor a category.
    pub fn new<'a>(
        only: impl IntoIterator<Item = &'a String>,
        skip: impl IntoIterator<Item = &'a String>,
    ) -> Result<Self, UnknownWord> {
        Ok(Self {
            only: known_words(only)?,
            skip: known_words(skip)?,
        })
    }

    /// Whether the finding of this id, of this check, was asked for.
    #[must_use]
    pub fn includes(&self, check: &Check, id: &str) -> bool {
        (self.only.is_empty() || named(&self.only, check, id)) && !self.excludes(check, id)
    }

    /// Whether the finding of this id was asked to be left out.
    #[must_use]
    pub fn excludes(&self, check: &Check, id: &str) -> bool {
        named(&self.skip, check, id)
    }

    /// Whether any finding of this check can have been asked for.
    #[must_use]
    pub fn may_include(&self, check: &Check) -> bool {
        match check.family_prefix() {
            None => self.includes(check, check.id),
            Some(prefix) => {
                !self.excludes(check, check.id)
                    && (self.only.is_empty()
                        || named(&self.only, check, check.id)
                        || self.only.iter().any(|word| word.starts_with(prefix)))
            }
        }
    }
}

fn named(words: &BTreeSet<String>, check: &Check, id: &str) -> bool {
    words.contains(id) || words.contains(check.id) || words.contains(check.category.word())
}

fn known_words<'a>(
    words: impl IntoIterator<Item = &'a String>,
) -> Result<BTreeSet<String>, UnknownWord> {
    words
        .into_iter()
        .map(|word| {
            let is_category = Category::ALL.iter().any(|category| category.word() == word);
            if is_category || find(word).is_some() {
                Ok(word.clone())
            } else {
                Err(unknown(word))
            }
        })
        .collect()
}

fn unknown(word: &str) -> UnknownWord {
    let categories = Category::ALL.iter().map(|category| category.word());
    let ids = REGISTRY.iter().map(|check| check.id);
    UnknownWord {
        word: word.to_owned(),
        nearest: nearest(word, ids.chain(categories)).map(ToOwned::to_owned),
    }
}

impl UnknownWord {
    /// The same complaint about a word that was to name one check.
    #[must_use]
    pub fn about(word: &str) -> Self {
        unknown(word)
    }
}
