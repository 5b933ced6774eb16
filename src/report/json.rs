//! The report as JSON, and its JSON Schema.

use serde_json::Value;

use super::Report;
use crate::{document::pretty, schemas};

/// The report as an indented JSON document with a final newline.
///
/// # Errors
/// None that a report can cause; the serializer's own are passed on.
pub fn json(report: &Report) -> serde_json::Result<String> {
    pretty(report)
}

/// The JSON Schema (2020-12) of the report.
#[must_use]
pub fn schema() -> Value {
    schemas::read(schemas::REPORT)
}
