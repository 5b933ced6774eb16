//! The one door through which anything leaves the process: secrets stay behind it.
//!
//! A secret is known by its value, where it was met ([`Redactor::learn`]), in every spelling and in telling parts; or by
//! its form or the name that it stands under. Text passes in memory ([`Redactor::text`], [`Redactor::document`]) or as a
//! stream ([`Redactor::stream`]).

mod anchors;
mod grams;
mod identity;
mod kind;
mod known;
mod mark;
mod rules;
mod seams;
mod spellings;
mod stream;

use std::{
    borrow::Cow,
    fmt,
    io::Write,
    net::IpAddr,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use data_encoding::HEXLOWER;
use serde_json::Value;

pub use mark::{MARK, MarkKey};
pub use stream::Passed;

use known::KnownSecrets;
use rules::Rule;

/// Shorter values are found in ordinary words, so hiding them would hide everything else.
const SHORTEST_SECRET: usize = 4;

/// So many indexes are searched one by one before one is made of them.
const MOST_INDEXES: usize = 4;

/// Members of recorded facts whose value is one of the doctor's own words: the tags of enumerations.
const OWN_WORDS: &[&str] = &["state", "kind", "what"];

/// Remembers the secrets that were met, and takes them out of what leaves. Clones share what they know.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<Mutex<Known>>,
    key: Option<MarkKey>,
    masks_identity: Option<MarkKey>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Redactor")
    }
}

#[derive(Default)]
struct Known {
    secrets: Vec<Arc<str>>,
    /// How many of them the indexes find.
    indexed: usize,
    indexes: Vec<Arc<KnownSecrets>>,
}

/// Something that does not leave.
#[derive(Clone, Debug)]
struct Find {
    range: Range<usize>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// A secret that was met before.
    Known(Arc<str>),
    /// What looks like one.
    Secret,
    /// A person's address.
    Mail,
    /// A machine's.
    Address(IpAddr),
}

impl Redactor {
    /// The same secrets, marked so that equal ones are seen to be equal.
    #[must_use]
    pub fn with_marks(&self, key: MarkKey) -> Self {
        Self {
            key: Some(key),
            ..self.clone()
        }
    }

    /// The same secrets; addresses of people and public addresses of machines are replaced as well, equal ones by equal ones.
    #[must_use]
    pub fn masking_identity(&self, key: MarkKey) -> Self {
        Self {
            masks_identity: Some(key),
            ..self.clone()
        }
    }

    /// The same secrets, for looking at the machine: what is not secret is left as it is.
    #[must_use]
    pub fn observing(&self) -> Self {
        Self {
            known: Arc::clone(&self.known),
            ..Self::default()
        }
    }

    /// Remembers a secret in all its spellings.
    pub fn learn(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SHORTEST_SECRET || secret.starts_with(MARK) {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.secrets.iter().any(|other| **other == *secret) {
            known.secrets.push(secret.into());
        }
    }

    /// How many secrets were met.
    #[must_use]
    pub fn met(&self) -> usize {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.secrets.len()
    }

    fn indexes(&self) -> Vec<Arc<KnownSecrets>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let all = known.secrets.len();
        if known.indexed < all {
            if known.indexes.len() >= MOST_INDEXES {
                known.indexes.clear();
                known.indexed = 0;
            }
            let fresh = known.secrets.get(known.indexed..).unwrap_or_default();
            let index = Arc::new(KnownSecrets::of(fresh));
            known.indexes.push(index);
            known.indexed = all;
        }
        known.indexes.clone()
    }

    /// The text without any secret.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let bytes = text.as_bytes();
        let finds = self.finds(bytes);
        if finds.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = Vec::with_capacity(bytes.len());
        let mut at = 0;
        for find in &finds {
            clean.extend_from_slice(bytes.get(at..find.range.start).unwrap_or_default());
            self.mark(find, bytes, &mut clean);
            at = find.range.end;
        }
        clean.extend_from_slice(bytes.get(at..).unwrap_or_default());
        Cow::Owned(match String::from_utf8(clean) {
            Ok(clean) => clean,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    /// Everything in the text that must not leave, in order, none overlapping another.
    fn finds(&self, text: &[u8]) -> Vec<Find> {
        let mut finds = Vec::new();
        for index in self.indexes() {
            let mut sightings = Vec::new();
            index.search(text, &mut sightings);
            finds.extend(sightings.into_iter().filter_map(|sighting| {
                Some(Find {
                    range: sighting.range,
                    what: What::Known(Arc::clone(index.secret(sighting.secret)?)),
                })
            }));
        }
        let (mut solid_until, mut assigned_until) = (0, 0);
        anchors::search(text, &mut |at, rule| {
            // A long run of base64 may hold an anchor every few bytes, and is looked at once.
            if matches!(rule, Rule::Jwt | Rule::PemInBase64) {
                if at < solid_until {
                    return;
                }
                solid_until = rules::solid_end(text, at);
            }
            // What is assigned inside of a secret goes with it.
            if rule == Rule::Name && at < assigned_until {
                return;
            }
            if let Some(range) = rules::apply(rule, text, at) {
                if rule == Rule::Name {
                    assigned_until = range.end;
                }
                let what = What::Secret;
                finds.push(Find { range, what });
            }
        });
        for at in memchr::memchr_iter(b'@', text) {
            if let Some(range) = rules::login(text, at) {
                let what = What::Secret;
                finds.push(Find { range, what });
            }
            if self.masks_identity.is_some()
                && let Some(range) = rules::mail_address(text, at)
            {
                let what = What::Mail;
                finds.push(Find { range, what });
            }
        }
        if self.masks_identity.is_some() {
            identity::addresses(text, &mut |range, address| {
                let what = What::Address(address);
                finds.push(Find { range, what });
            });
        }
        merged(finds)
    }

    /// Appends what stands in the place of a find.
    fn mark(&self, find: &Find, text: &[u8], clean: &mut Vec<u8>) {
        let own = || text.get(find.range.clone()).unwrap_or_default();
        let key = match find.what {
            What::Known(_) | What::Secret => &self.key,
            What::Mail | What::Address(_) => &self.masks_identity,
        };
        let Some(key) = key else {
            clean.extend_from_slice(MARK.as_bytes());
            return;
        };
        let mark = match &find.what {
            What::Known(secret) => format!(
                "[redacted:{}]",
                HEXLOWER.encode(&key.digest(secret.as_bytes()))
            ),
            What::Secret => format!("[redacted:{}]", HEXLOWER.encode(&key.digest(own()))),
            What::Mail => {
                let digest = key.digest(&own().to_ascii_lowercase());
                format!("person-{}@masked.invalid", HEXLOWER.encode(&digest))
            }
            What::Address(address) => {
                let digest = match address {
                    IpAddr::V4(_) => key.digest(own()),
                    // It can be written in more than one way.
                    IpAddr::V6(address) => key.digest(address.to_string().as_bytes()),
                };
                // Writing to memory does not fail.
                let _ = write!(clean, "{}", identity::pseudonym(*address, digest));
                return;
            }
        };
        clean.extend_from_slice(mark.as_bytes());
    }

    /// Takes every secret out of a document's strings and member names; members that hold one of the doctor's own
    /// words stay, so that a secret that happens to be such a word does not make the document unreadable.
    pub fn document(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(clean) = self.text(text) {
                    *text = clean;
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.document(value)),
            Value::Object(members) => {
                *members = std::mem::take(members)
                    .into_iter()
                    .map(|(name, mut value)| {
                        if !(OWN_WORDS.contains(&name.as_str()) && value.is_string()) {
                            self.document(&mut value);
                        }
                        (self.text(&name).into_owned(), value)
                    })
                    .collect();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// In order, those that overlap as one.
fn merged(mut finds: Vec<Find>) -> Vec<Find> {
    finds.retain(|find| !find.range.is_empty());
    finds.sort_by_key(|find| (find.range.start, std::cmp::Reverse(find.range.end)));
    let mut merged: Vec<Find> = Vec::with_capacity(finds.len());
    for find in finds {
        match merged.last_mut() {
            Some(last) if find.range.start < last.range.end => {
                let end = last.range.end.max(find.range.end);
                let is_most = find.range.len() * 5 >= (end - last.range.start) * 4;
                let is_worse = matches!(
                    (&last.what, &find.what),
                    (What::Mail | What::Address(_), What::Secret | What::Known(_))
                );
                if is_worse || (is_most && matches!(find.what, What::Known(_))) {
                    last.what = find.what;
                } else if end > last.range.end && matches!(last.what, What::Known(_)) {
                    last.what = What::Secret;
                }
                last.range.end = end;
            }
            _ => merged.push(find),
        }
    }
    merged
}

#[cfg(test)]
mod readers;
#[cfg(test)]
mod tests;
