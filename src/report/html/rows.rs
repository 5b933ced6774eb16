//! Labelled lines of the page: the scope of the run, and what is to be said of one finding.

use serde::Serialize;
use serde_json::Value;

use super::charts;
use crate::{
    checks::Measurement,
    report::{Finding, Report},
};

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
    row(
        "Observed",
        observed(&finding.observed, &finding.measurements),
    );
    for evidence in &finding.evidence {
        row(&evidence.label, evidence.value.clone());
    }
    // Phases are drawn, and stand in words with the evidence of each host.
    let figures = finding
        .measurements
        .iter()
        .filter(|measurement| measurement.name != charts::PHASE)
        .filter(|measurement| !is_measured(measurement, &finding.observed));
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
fn observed(value: &Value, measurements: &[Measurement]) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(entries) if entries.iter().all(Value::is_string) => {
            let entries: Vec<&str> = entries.iter().filter_map(Value::as_str).collect();
            entries.join(", ")
        }
        other => {
            let figure = measurements
                .iter()
                .find(|measurement| is_measured(measurement, other));
            match figure.map(|figure| (&figure.name, charts::quantity(&figure.name, figure.value)))
            {
                Some((name, quantity)) if name.ends_with("_bytes") => {
                    format!("{quantity} ({other} bytes)")
                }
                Some((_, quantity)) => quantity,
                None => other.to_string(),
            }
        }
    }
}

/// Whether what was seen is this figure; times are observed in milliseconds and measured in seconds.
fn is_measured(measurement: &Measurement, observed: &Value) -> bool {
    let scale = if measurement.name.ends_with("_seconds") {
        1000.0
    } else {
        1.0
    };
    observed.as_f64().is_some_and(|figure| {
        (measurement.value * scale - figure).abs() <= figure.abs() * f64::EPSILON * 4.0
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_seen_is_told_with_its_unit() {
        let free = || Measurement::new("storage_free_bytes", 33.6e9);
        for (seen, measurements, expected) in [
            (json!(null), vec![], ""),
            (json!("ext4"), vec![], "ext4"),
            (
                json!(["192.0.2.1", "2001:db8::1"]),
                vec![],
                "192.0.2.1, 2001:db8::1",
            ),
            (json!([1, "one"]), vec![], "[1,\"one\"]"),
            (
                json!(33_600_000_000_u64),
                vec![free()],
                "33.6 GB (33600000000 bytes)",
            ),
            (json!(33_600_000_001_u64), vec![free()], "33600000001"),
            (
                json!(2.754),
                vec![Measurement::new("storage_fdatasync_seconds", 0.002_754)],
                "2.8 ms",
            ),
            (json!(8), vec![Measurement::new("usable_cpus", 8.0)], "8"),
            (json!(0), vec![Measurement::new("usable_cpus", 0.0)], "0"),
            (
                json!(true),
                vec![Measurement::new("clock_offset_seconds", 0.1)],
                "true",
            ),
        ] {
            assert_eq!(observed(&seen, &measurements), expected, "{seen}");
        }
    }
}
