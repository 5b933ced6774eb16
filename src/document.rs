//! JSON documents as they are written.
//!
//! What is written becomes a [`serde_json::Value`] first: each type is then compiled for that alone, and not once more for
//! every way of writing it. Members keep their order.

use std::fmt::Write;

use serde::Serialize;

use crate::screen::is_hidden;

/// A document with indents and a final newline, as people and files get it.
///
/// # Errors
/// What cannot be JSON, as a map whose keys are no texts.
pub fn pretty(document: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string_pretty(&serde_json::to_value(document)?)?;
    Ok(without_hidden(text) + "\n")
}

/// A document on one line.
///
/// # Errors
/// As for [`pretty`].
pub fn compact(document: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(&serde_json::to_value(document)?).map(without_hidden)
}

/// The same document; what would act on a terminal or hide there is escaped as JSON has it.
fn without_hidden(text: String) -> String {
    if text.contains(is_hidden) {
        escaped(&text, is_hidden)
    } else {
        text
    }
}

/// The same document, with these characters of its texts escaped.
pub(crate) fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len() + 64);
    let mut units = [0; 2];
    for character in text.chars() {
        if is_escaped(character) {
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_in_a_document_and_nothing_is_lost() {
        let document = ["a\u{1b}[2J\u{9b}\u{202e}\u{e0041}b\n\t\u{7f}"];
        for text in [pretty(&document).unwrap(), compact(&document).unwrap()] {
            assert!(!text.contains(is_hidden), "{text}");
            let back: Vec<String> = serde_json::from_str(&text).unwrap();
            assert_eq!(back, document);
        }
    }
}
