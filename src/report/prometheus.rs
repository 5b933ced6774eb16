//! The report for Prometheus: text exposition, for the node exporter's textfile collector or a scrape of `serve`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use super::{Finding, Report, text};
use crate::checks::{Measurement, Status};

/// What every name begins with.
const PREFIX: &str = "sesam_doctor";

/// Labels longer than this only fill the database.
const LONGEST: usize = 200;

/// Units that a name can end in, for the `UNIT` comment.
const UNITS: [&str; 4] = ["seconds", "bytes", "ratio", "celsius"];

/// The report as metrics. Every name has the same labels in every run.
///
/// # Errors
/// None that a report can cause; the serializer's own are passed on.
pub fn prometheus(report: &Report) -> serde_json::Result<String> {
    let report = text::harmless(report, LONGEST)?;
    let mut page = Page::default();
    about_the_run(&mut page, &report);
    about_the_findings(&mut page, &report);
    about_waivers(&mut page, &report);
    about_measurements(&mut page, &report);
    Ok(page.text)
}

fn about_the_run(page: &mut Page, report: &Report) {
    page.family(
        "build_info",
        "The doctor that judged; the value is always 1.",
    );
    page.sample("build_info", &[("version", &report.tool.version)], 1.0);
    page.family(
        "profile_info",
        "The requirements by which was judged; the value is always 1.",
    );
    page.sample(
        "profile_info",
        &[
            ("profile", &report.profile.name),
            ("sha256", &report.profile.sha256),
        ],
        1.0,
    );
    page.family(
        "run_timestamp_seconds",
        "When the machine was observed, in seconds since 1970.",
    );
    page.sample(
        "run_timestamp_seconds",
        &[],
        seconds(report.observed_at.as_millisecond()),
    );
    page.family("run_duration_seconds", "How long the run took.");
    page.sample(
        "run_duration_seconds",
        &[],
        seconds(i64::try_from(report.duration_ms).unwrap_or(i64::MAX)),
    );
    page.family(
        "exit_code",
        "How the run ended: 0 passed, 1 warning, 2 failure, 3 undetermined.",
    );
    page.sample("exit_code", &[], f64::from(report.exit_code));
    page.family(
        "root_causes",
        "How many failures no other failure explains.",
    );
    page.sample("root_causes", &[], count(report.root_causes.len()));
    page.family("findings", "How many findings have which status.");
    for status in Status::ALL {
        page.sample(
            "findings",
            &[("status", status.word())],
            count(report.summary.count(status)),
        );
    }
}

fn about_the_findings(page: &mut Page, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    page.family(
        "check_status",
        "How a check stands: 1 for its status, 0 for every other.",
    );
    for finding in &report.findings {
        for status in Status::ALL {
            page.sample(
                "check_status",
                &[
                    ("check", &finding.id),
                    ("category", finding.category.word()),
                    ("level", finding.level.word()),
                    ("status", status.word()),
                ],
                f64::from(u8::from(finding.status == status)),
            );
        }
    }
    page.family(
        "check_root_cause",
        "Whether a check failed and no other failure explains it.",
    );
    for finding in &report.findings {
        let is_root = report.root_causes.contains(&finding.id);
        page.sample(
            "check_root_cause",
            &[("check", &finding.id)],
            f64::from(u8::from(is_root)),
        );
    }
    page.family(
        "check_duration_seconds",
        "How long observing took for what a check reads.",
    );
    for finding in &report.findings {
        page.sample(
            "check_duration_seconds",
            &[("check", &finding.id)],
            seconds(i64::try_from(finding.duration_ms).unwrap_or(i64::MAX)),
        );
    }
}

fn about_waivers(page: &mut Page, report: &Report) {
    let mut begun = false;
    for finding in &report.findings {
        let Some(end) = finding.waiver.as_ref().and_then(super::WaiverNote::end) else {
            continue;
        };
        if !begun {
            page.family(
                "waiver_remaining_seconds",
                "How long a waiver still holds; negative where it has run out.",
            );
            begun = true;
        }
        let left = end.duration_since(report.judged_as_of).as_secs_f64();
        page.sample("waiver_remaining_seconds", &[("check", &finding.id)], left);
    }
}

/// What the checks measured, each with the check's id, so that two checks may measure the same.
fn about_measurements(page: &mut Page, report: &Report) {
    let mut families: BTreeMap<String, Vec<(&Finding, &Measurement)>> = BTreeMap::new();
    for finding in &report.findings {
        for measurement in &finding.measurements {
            if measurement.value.is_finite() {
                families
                    .entry(name_of(&measurement.name))
                    .or_default()
                    .push((finding, measurement));
            }
        }
    }
    for (name, samples) in families {
        page.family(&name, "Measured by the checks that the label names.");
        let mut seen = BTreeSet::new();
        for (finding, measurement) in samples {
            let mut labels: BTreeMap<String, &str> = measurement
                .labels
                .iter()
                .map(|(label, value)| (name_of(label), value.as_str()))
                .collect();
            labels.insert("check".to_owned(), &finding.id);
            if seen.insert(labels.clone()) {
                let labels: Vec<(&str, &str)> = labels
                    .iter()
                    .map(|(label, value)| (label.as_str(), *value))
                    .collect();
                page.sample(&name, &labels, measurement.value);
            }
        }
    }
}

/// A name that Prometheus takes, whatever a site's own check calls its figure.
fn name_of(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|character| match character {
            letter if letter.is_ascii_alphanumeric() => letter.to_ascii_lowercase(),
            _ => '_',
        })
        .collect();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, '_');
    }
    // Names of labels that begin with two are the server's own.
    let inner = name.trim_start_matches('_');
    if name.starts_with("__") {
        return format!("_{inner}");
    }
    name
}

fn seconds(milliseconds: i64) -> f64 {
    // Milliseconds since 1970 fit a double exactly for the next 280,000 years.
    #[allow(clippy::cast_precision_loss)]
    {
        milliseconds as f64 / 1000.0
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {PREFIX}_{name} {help}");
        let _ = writeln!(self.text, "# TYPE {PREFIX}_{name} gauge");
        if let Some(unit) = UNITS.iter().find(|unit| {
            name.strip_suffix(**unit)
                .is_some_and(|rest| rest.ends_with('_'))
        }) {
            let _ = writeln!(self.text, "# UNIT {PREFIX}_{name} {unit}");
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.text, "{PREFIX}_{name}");
        for (index, (label, value)) in labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{open}{label}=\"{}\"", label_value(value));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {}", text::figure(value));
    }
}

/// The three escapes that the exposition format has.
fn label_value(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_ones_that_prometheus_takes() {
        assert_eq!(name_of("Disk Free %"), "disk_free__");
        assert_eq!(name_of("9lives"), "_9lives");
        assert_eq!(name_of("__name__"), "_name__");
        assert_eq!(name_of(""), "_");
        assert_eq!(label_value("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
