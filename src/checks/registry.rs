//! Every check, in the order of reports; and choosing among them.

use std::collections::BTreeSet;

use thiserror::Error;

use super::{
    Category, Check, Judge, config, container, dns, hardware, inbound, install, layout, license,
    node, outbound, plugins, software, storage, system, tls, waivers,
};
use crate::spelling::nearest;

/// Every check there is.
pub static REGISTRY: &[&Check] = &[
    &hardware::CPU,
    &hardware::MEMORY,
    &hardware::DATA_PARTITION,
    &hardware::STORAGE_SPEED,
    &system::OS,
    &system::CLOCK,
    &system::MEMORY_PRESSURE,
    &system::LIMITS,
    &system::ACCOUNT,
    &storage::DATA_SPACE,
    &storage::DOCKER_SPACE,
    &storage::ROOT_SPACE,
    &storage::INODES,
    &storage::DATA_MOUNT,
    &storage::DATA_WRITABLE,
    &software::DOCKER,
    &software::COMPOSE,
    &software::DOCKER_CONFIG,
    &software::DOCKER_PROXY,
    &software::REGISTRY_LOGIN,
    &layout::DATA_DIR,
    &layout::NODE_DIR,
    &layout::DATA_LINK,
    &layout::LOGS_DIR,
    &layout::AGENT_DIR,
    &layout::LETSENCRYPT_DIR,
    &layout::OWNERSHIP,
    &license::FILE,
    &license::FORMAT,
    &license::EXPIRY,
    &license::SUBSCRIPTION,
    &license::NODE,
    &config::COMPOSE,
    &config::ENV,
    &config::NETWORKS,
    &config::WATCHTOWER_ARGUMENTS,
    &config::WATCHTOWER_LOGIN,
    &config::DOCKER_API,
    &config::NODE_PORT,
    &waivers::WAIVERS,
    &dns::RESOLVERS,
    &dns::NODE_DOMAIN,
    &dns::CAA,
    &outbound::DOCKER,
    &outbound::LETSENCRYPT,
    &outbound::SESAM,
    &outbound::PYPI,
    &outbound::SITE_GROUPS,
    &outbound::PROXY,
    &inbound::HTTP,
    &inbound::HTTPS,
    &tls::STORE,
    &tls::EXPIRY,
    &tls::ENDPOINT,
    &container::WATCHTOWER,
    &container::TRAEFIK,
    &container::SESAM_NODE,
    &container::FLUENTBIT,
    &container::IMAGE,
    &container::FOREIGN,
    &node::HEALTH,
    &install::PORTAL,
    &plugins::PLUGIN,
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

    /// A selection by words that no registry knows.
    #[cfg(test)]
    pub(crate) fn unchecked(only: Vec<String>, skip: Vec<String>) -> Self {
        Self {
            only: only.into_iter().collect(),
            skip: skip.into_iter().collect(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn is_kebab(text: &str) -> bool {
        !text.is_empty()
            && text.chars().all(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-'
            })
    }

    #[test]
    fn words_are_those_of_the_json() {
        use crate::checks::{Direction, Level};
        let told = |value: serde_json::Value| value.as_str().map(str::to_owned);
        for level in [Level::Required, Level::Recommended, Level::Information] {
            let json = serde_json::to_value(level).unwrap();
            assert_eq!(told(json).as_deref(), Some(level.word()));
        }
        for direction in [Direction::Inbound, Direction::Outbound] {
            let json = serde_json::to_value(direction).unwrap();
            assert_eq!(told(json).as_deref(), Some(direction.word()));
        }
        for category in Category::ALL {
            let json = serde_json::to_value(category).unwrap();
            assert_eq!(told(json).as_deref(), Some(category.word()));
        }
        for status in crate::checks::Status::ALL {
            let json = serde_json::to_value(status).unwrap();
            assert_eq!(told(json).as_deref(), Some(status.word()));
        }
    }

    #[test]
    fn every_declaration_is_complete() {
        let mut ids = BTreeSet::new();
        for check in REGISTRY {
            let id = check.id;
            assert!(ids.insert(id), "{id} stands twice");
            let (category, name) = id.split_once('.').unwrap();
            assert_eq!(category, check.category.word(), "{id}");
            assert!(name == "*" || is_kebab(name), "{id}");
            assert_eq!(check.family_prefix().is_some(), name == "*", "{id}");
            for (what, words) in [
                ("title", check.title),
                ("reference", check.reference),
                ("checks", check.prose.checks),
                ("why", check.prose.why),
                ("remedy", check.prose.remedy),
            ] {
                assert!(!words.trim().is_empty(), "{id} has no {what}");
            }
            for prose in [check.prose.checks, check.prose.why, check.prose.remedy] {
                assert!(
                    prose.ends_with('.'),
                    "{id}: a sentence ends in a dot: {prose}"
                );
            }
            let mut codes = BTreeSet::new();
            for cause in check.causes {
                assert!(is_kebab(cause.code), "{id}: {}", cause.code);
                assert!(!cause.meaning.is_empty(), "{id}: {}", cause.code);
                assert!(codes.insert(cause.code), "{id} lists {} twice", cause.code);
            }
            assert!(!check.causes.is_empty(), "{id} cannot fail");
        }
    }

    #[test]
    fn families_cover_their_members_and_are_chosen_with_them() {
        let family = REGISTRY
            .iter()
            .find(|check| check.family_prefix().is_some())
            .unwrap();
        let prefix = family.family_prefix().unwrap();
        let member = format!("{prefix}disk");
        assert!(family.covers(family.id) && family.covers(&member));
        assert!(!family.covers(prefix) && !family.covers("hardware.cpu"));
        let chosen = |only: &[&str], skip: &[&str]| {
            let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
            Selection::unchecked(words(only), words(skip)).may_include(family)
        };
        assert!(chosen(&[], &[]));
        assert!(chosen(&[&member], &[]));
        assert!(chosen(&[family.id], &[]));
        assert!(!chosen(&["hardware.cpu"], &[]));
        assert!(!chosen(&[], &[family.id]));
        assert!(!chosen(&[&member], &[family.id]));
        assert!(chosen(&[], &[&member]));
    }

    #[test]
    fn a_finding_is_chosen_by_its_own_id_its_checks_or_its_category() {
        let family = REGISTRY
            .iter()
            .find(|check| check.family_prefix().is_some())
            .unwrap();
        let member = format!("{}disk", family.family_prefix().unwrap());
        let category = family.category.word();
        let of = |only: &[&str], skip: &[&str]| {
            let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
            Selection::unchecked(words(only), words(skip)).includes(family, &member)
        };
        assert!(of(&[], &[]));
        for word in [member.as_str(), family.id, category] {
            assert!(of(&[word], &[]), "{word}");
            assert!(!of(&[], &[word]), "{word}");
            assert!(!of(&[word], &[word]), "{word}");
        }
        assert!(!of(&["hardware.cpu"], &[]));
    }

    #[test]
    fn what_a_check_needs_is_judged_and_stands_before_it_or_after_but_never_in_a_circle() {
        fn descend(check: &Check, path: &mut Vec<&'static str>) {
            assert!(!path.contains(&check.id), "a circle: {path:?}");
            path.push(check.id);
            for need in check.needs {
                assert!(find(need.id).is_some(), "{} is not listed", need.id);
                descend(need, path);
            }
            path.pop();
        }
        for check in REGISTRY {
            descend(check, &mut Vec::new());
        }
    }

    #[test]
    fn findings_stand_together_by_category() {
        let mut order: Vec<Category> = REGISTRY.iter().map(|check| check.category).collect();
        order.dedup();
        let expected: Vec<Category> = Category::ALL
            .into_iter()
            .filter(|category| order.contains(category))
            .collect();
        assert_eq!(order, expected);
    }

    #[test]
    fn words_select_checks_categories_and_families() {
        let words = |list: &[&str]| {
            list.iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        let selection = Selection::new(&words(&["hardware"]), &words(&[])).unwrap();
        assert!(selection.includes(&hardware::CPU, "hardware.cpu"));
        assert!(!selection.includes(&waivers::WAIVERS, "config.waivers"));
        let selection = Selection::new(&words(&["hardware.cpu"]), &words(&["hardware"])).unwrap();
        assert!(!selection.includes(&hardware::CPU, "hardware.cpu"));
        assert!(Selection::new(&words(&["hardware.*"]), &words(&[])).is_err());
    }
}
