//! The report for Prometheus: text exposition, for the node exporter's textfile collector or a scrape of `serve`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding, Report,
    exposition::{Exposition, name_of},
    text,
};
use crate::checks::{Measurement, Status};

/// Labels longer than this only fill the database.
const LONGEST: usize = 200;

/// The report as metrics. Every name has the same labels in every run.
///
/// # Errors
/// None that a report can cause; the serializer's own are passed on.
pub fn prometheus(report: &Report) -> serde_json::Result<String> {
    let report = text::harmless(report, LONGEST)?;
    let mut page = Exposition::default();
    about_the_run(&mut page, &report);
    about_the_findings(&mut page, &report);
    about_waivers(&mut page, &report);
    about_measurements(&mut page, &report);
    Ok(page.text)
}

fn about_the_run(page: &mut Exposition, report: &Report) {
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
        Exposition::seconds(report.observed_at.as_millisecond()),
    );
    page.family("run_duration_seconds", "How long the run took.");
    page.sample(
        "run_duration_seconds",
        &[],
        Exposition::seconds(i64::try_from(report.duration_ms).unwrap_or(i64::MAX)),
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
    page.sample(
        "root_causes",
        &[],
        Exposition::count(report.root_causes.len()),
    );
    page.family("findings", "How many findings have which status.");
    for status in Status::ALL {
        page.sample(
            "findings",
            &[("status", status.word())],
            Exposition::count(report.summary.count(status)),
        );
    }
}

fn about_the_findings(page: &mut Exposition, report: &Report) {
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
            Exposition::seconds(i64::try_from(finding.duration_ms).unwrap_or(i64::MAX)),
        );
    }
}

fn about_waivers(page: &mut Exposition, report: &Report) {
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
fn about_measurements(page: &mut Exposition, report: &Report) {
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
