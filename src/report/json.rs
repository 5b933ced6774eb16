//! The report as JSON, and its JSON Schema.

use serde_json::Value;

use super::Report;

/// The report as an indented JSON document with a final newline.
///
/// # Errors
/// None that a report can cause; the serializer's own are passed on.
pub fn json(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// The JSON Schema (2020-12) of the report.
#[must_use]
pub fn schema() -> Value {
    schemars::schema_for!(Report).to_value()
}
