//! JSON documents as they are written.
//!
//! What is written becomes a [`serde_json::Value`] first: each type is then compiled for that alone, and not once more for
//! every way of writing it. Members keep their order.

use serde::Serialize;

/// A document with indents and a final newline, as people and files get it.
///
/// # Errors
/// What cannot be JSON, as a map whose keys are no texts.
pub fn pretty(document: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&serde_json::to_value(document)?).map(|text| text + "\n")
}

/// A document on one line.
///
/// # Errors
/// As for [`pretty`].
pub fn compact(document: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(&serde_json::to_value(document)?)
}
