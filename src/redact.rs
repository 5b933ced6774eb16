//! The one door through which anything leaves the process: secrets stay behind it.

use std::{
    borrow::Cow,
    fmt::Write,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use regex::Regex;
use serde_json::Value;

/// What stands where a secret stood.
pub const MARK: &str = "[redacted]";

/// Shorter values are found in ordinary words, so hiding them would hide everything else.
const SHORTEST_SECRET: usize = 4;

/// Forms by which a secret is known even where its value was never met.
static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (
            r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)",
            MARK,
        ),
        (
            r"(?s)-----BEGIN SESAM LICENSE[A-Z0-9 ]*-----.*?(?:-----END SESAM LICENSE[A-Z0-9 ]*-----|\z)",
            MARK,
        ),
        (
            r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
            MARK,
        ),
        (
            r"(?i)(authorization[:=]\s*(?:basic|bearer|token)\s+)[^\s,;\x22']+",
            "${1}[redacted]",
        ),
        (
            r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@:\x22']*:[^\s/@\x22']+@",
            "${1}[redacted]@",
        ),
    ]
    .into_iter()
    .filter_map(|(pattern, mark)| Some((Regex::new(pattern).ok()?, mark)))
    .collect()
});

/// Members of recorded facts whose value is one of the doctor's own words: the tags of enumerations.
const OWN_WORDS: &[&str] = &["state", "kind", "what"];

/// Remembers the secrets that were met, and takes them out of what leaves. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    forms: Vec<String>,
    /// Finds all `forms`; made anew after one was added.
    finder: Option<AhoCorasick>,
}

impl Redactor {
    /// Remembers a secret in its plain, base64, URL- and JSON-escaped forms.
    pub fn learn(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SHORTEST_SECRET {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for form in forms(secret) {
            if !known.forms.contains(&form) {
                known.forms.push(form);
                known.finder = None;
            }
        }
    }

    /// The text without any secret.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        if let Some(without) = self.without_known(text) {
            clean = Cow::Owned(without);
        }
        for (pattern, mark) in PATTERNS.iter() {
            if let Cow::Owned(replaced) = pattern.replace_all(&clean, *mark) {
                clean = Cow::Owned(replaced);
            }
        }
        clean
    }

    fn without_known(&self, text: &str) -> Option<String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.forms.is_empty() {
            return None;
        }
        if known.finder.is_none() {
            known.finder = AhoCorasick::builder()
                // A DFA takes quadratic time to build for secrets that repeat themselves.
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .match_kind(aho_corasick::MatchKind::LeftmostLongest)
                .build(&known.forms)
                .ok();
        }
        let finder = known.finder.as_ref()?;
        finder.is_match(text).then(|| {
            let mut clean = String::with_capacity(text.len());
            finder.replace_all_with(text, &mut clean, |_, _, clean| {
                clean.push_str(MARK);
                true
            });
            clean
        })
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

/// The spellings in which a secret may turn up.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    // The last character of a base64 text depends on what follows, so the stable part is what is sought.
    let encoded = STANDARD_NO_PAD.encode(secret);
    let stable = encoded.get(..secret.len() / 3 * 4).unwrap_or(&encoded);
    if stable.len() >= 8 {
        forms.push(stable.to_owned());
        forms.push(stable.replace('+', "-").replace('/', "_"));
    }
    let mut escaped = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    forms.push(escaped);
    if let Ok(quoted) = serde_json::to_string(secret) {
        forms.push(quoted.trim_matches('"').to_owned());
    }
    forms
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_known_secret_is_hidden_in_every_spelling() {
        let redactor = Redactor::default();
        redactor.learn("p\"ss w/rd");
        for text in [
            "p\"ss w/rd",
            r#"{"a":"p\"ss w/rd"}"#,
            "https://host/?q=p%22ss%20w%2Frd",
            &format!(
                "x{}y",
                base64::engine::general_purpose::STANDARD.encode("p\"ss w/rd")
            ),
        ] {
            let clean = redactor.text(text);
            assert!(clean.contains(MARK), "{text} → {clean}");
            assert!(!clean.contains("ss w"), "{text} → {clean}");
        }
    }

    #[test]
    fn secrets_are_known_by_their_form() {
        let redactor = Redactor::default();
        for (text, kept) in [
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest",
                "rest",
            ),
            (
                "a eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-_ b",
                "b",
            ),
            ("Authorization: Bearer abcdef.ghi end", "end"),
            ("proxy http://user:hunter2@proxy:3128/", "@proxy:3128/"),
            (
                "-----BEGIN SESAM LICENSE-----\nAAAA\n-----END SESAM LICENSE-----\nrest",
                "rest",
            ),
        ] {
            let clean = redactor.text(text);
            assert!(
                clean.contains(MARK) && clean.contains(kept),
                "{text} → {clean}"
            );
            for secret in ["MIIE", "eyJ", "abcdef", "hunter2", "AAAA"] {
                assert!(!clean.contains(secret), "{text} → {clean}");
            }
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        let redactor = Redactor::default();
        redactor.learn("abc");
        let text = "abc: see https://example.com:443/path, authorization needed";
        assert_eq!(redactor.text(text), text);
    }

    #[test]
    fn a_secret_that_is_one_of_our_own_words_leaves_a_document_readable() {
        let redactor = Redactor::default();
        redactor.learn("seen");
        let mut document = json!({"state": "seen", "value": "it was seen"});
        redactor.document(&mut document);
        assert_eq!(
            document,
            json!({"state": "seen", "value": "it was [redacted]"})
        );
    }

    #[test]
    fn documents_are_cleaned_in_values_and_names() {
        let redactor = Redactor::default();
        redactor.learn("hunter22");
        let mut document = json!({"a": ["x hunter22 y", 3], "hunter22": {"b": "hunter22"}});
        redactor.document(&mut document);
        assert_eq!(
            document,
            json!({"a": ["x [redacted] y", 3], "[redacted]": {"b": "[redacted]"}})
        );
    }
}
