//! Labelled lines of the page: the scope of the run, and what is to be said of one finding.

use serde::Serialize;
use serde_json::Value;

use super::charts;
use crate::report::{Finding, Report};

/// A label and what stands behind it.
#[derive(Serialize)]
pub(super) struct Row {
    label: String,
    value: String,
}

/// What was judged, by what, and when.
pub(super) fn scope(report: &Report) -> Vec<Row> {
    let host = &report.host;
    let or_unknown = |value: &str| {
        if value.is_empty() {
            "not known".to_owned()
        } else {
            value.to_owned()
        }
    };
    let time = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let took = jiff::SignedDuration::from_millis(i64::try_from(report.duration_ms).unwrap_or(0));
    let finished = report
        .started_at
        .checked_add(took)
        .unwrap_or(report.started_at);
    let profile = &report.profile;
    [
        ("Machine", or_unknown(&host.hostname)),
        ("Addresses", or_unknown(&host.addresses.join(", "))),
        (
            "Operating system",
            format!(
                "{}, kernel {}, {}",
                or_unknown(&host.os),
                or_unknown(&host.kernel),
                or_unknown(&host.architecture)
            ),
        ),
        (
            "Product edition",
            format!(
                "self-hosted Sesam, manual of {}",
                or_unknown(&profile.edition)
            ),
        ),
        (
            "Requirement profile",
            format!(
                "{} ({}), SHA-256 {}",
                profile.name, profile.source, profile.sha256
            ),
        ),
        (
            "Judged by",
            format!("{} {}", report.tool.name, report.tool.version),
        ),
        (
            "Run by",
            or_unknown(report.run_by.as_deref().unwrap_or_default()),
        ),
        ("Started", time(report.started_at)),
        ("Finished", time(finished)),
        ("Observed", time(report.observed_at)),
        ("Judged as of", time(report.judged_as_of)),
        ("Facts, SHA-256", or_unknown(&report.facts_sha256)),
    ]
    .into_iter()
    .map(|(label, value)| Row {
        label: label.to_owned(),
        value,
    })
    .collect()
}

/// All that is to be said of a finding beyond its summary.
pub(super) fn of(report: &Report, finding: &Finding) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |label: &str, value: String| {
        if !value.is_empty() {
            rows.push(Row {
                label: label.to_owned(),
                value,
            });
        }
    };
    row("Expected", finding.expected.clone().unwrap_or_default());
    row("Observed", observed(&finding.observed));
    for evidence in &finding.evidence {
        row(&evidence.label, evidence.value.clone());
    }
    // Phases are drawn, and stand in words with the evidence of each host.
    let figures = finding
        .measurements
        .iter()
        .filter(|measurement| measurement.name != charts::PHASE);
    for measurement in figures {
        row(
            &charts::named(measurement),
            charts::quantity(&measurement.name, measurement.value),
        );
    }
    for remark in &finding.remarks {
        row("Remark", remark.clone());
    }
    if let Some(note) = &finding.waiver {
        let waiver = &note.waiver;
        let ended = if note.expired { "expired on" } else { "until" };
        row(
            "Waiver",
            format!(
                "{ended} {}, approved by {}: {}",
                waiver.until, waiver.approved_by, waiver.reason
            ),
        );
    }
    row("Code", finding.cause.clone().unwrap_or_default());
    row("Reference", finding.reference.clone());
    if finding.selected {
        let sources = if finding.sources.is_empty() {
            "profile and settings".to_owned()
        } else {
            finding.sources.join(", ").replace('_', " ")
        };
        row(
            "Collected",
            format!(
                "{} from {sources}, in {} ms",
                report.observed_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
                finding.duration_ms
            ),
        );
    }
    rows
}

/// What was seen, as a person reads it; what has members of its own stands in the items.
fn observed(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
