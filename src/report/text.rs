//! Text from the machine, made harmless for those who read it.

use std::fmt::Write;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Report;
pub(super) use crate::screen::is_hidden;

/// What stands for a character that is not shown.
const REPLACEMENT: char = '\u{fffd}';

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// The report with every text cleaned and cut to at most `longest` characters, for all formats but JSON.
///
/// Line breaks stay; whatever could act on a terminal, a parser or the reading order does not.
pub(super) fn harmless(report: &Report, longest: usize) -> serde_json::Result<Report> {
    let mut document = serde_json::to_value(report)?;
    clean(&mut document, longest);
    serde_json::from_value(document)
}

fn clean(value: &mut Value, longest: usize) {
    match value {
        Value::String(text) => *text = readable(text, longest),
        Value::Array(values) => values.iter_mut().for_each(|value| clean(value, longest)),
        Value::Object(members) => {
            *members = std::mem::take(members)
                .into_iter()
                .map(|(name, mut value)| {
                    clean(&mut value, longest);
                    (readable(&name, longest), value)
                })
                .collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The text without hidden characters; where it is longer than `longest`, its beginning and how long it is.
pub(crate) fn readable(text: &str, longest: usize) -> String {
    let shown = text.chars().take(longest).map(|character| {
        if is_hidden(character) {
            REPLACEMENT
        } else {
            character
        }
    });
    let mut readable: String = shown.collect();
    let length = text.chars().count();
    if length > longest {
        let _ = write!(readable, " … (cut here; {length} characters in all)");
    }
    readable
}

/// The text on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `most` bytes of the text, cut at a character.
pub(super) fn at_most(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    text.get(..end).unwrap_or("")
}

/// A figure as a person and a parser both read it: whole numbers without a fraction.
pub(super) fn figure(value: f64) -> String {
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_or_hides_is_replaced() {
        let text = "a\u{1b}[31m\u{202e}b\r\nc\u{0}d\u{200b}e\u{feff}\u{7f}";
        assert_eq!(
            readable(text, 100),
            "a\u{fffd}[31m\u{fffd}b\u{fffd}\nc\u{fffd}d\u{fffd}e\u{fffd}\u{fffd}"
        );
        assert_eq!(readable("äöü", 2), "äö … (cut here; 3 characters in all)");
        assert_eq!(one_line(" a \n\t b "), "a b");
        assert_eq!(at_most("aä", 2), "a");
        assert_eq!(figure(350_000_000_000.0), "350000000000");
        assert_eq!(figure(0.5), "0.5");
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC*|.*", longest in 0_usize..50) {
            let clean = readable(&text, longest);
            prop_assert!(!clean.chars().any(is_hidden));
            prop_assert!(at_most(&text, longest).len() <= longest);
        }
    }
}
