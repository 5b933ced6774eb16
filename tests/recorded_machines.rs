//! Recorded machines × all checks: the net under every change of a judgement.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use sesam_doctor::{
    checks::Selection,
    diagnosis::{self, Rules},
    facts::{self, Facts},
    report::{self, Detail, Look, Report, Timing},
};

fn recordings() -> Vec<(String, Facts)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/facts");
    let mut recordings: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, facts::read_recording(&path).unwrap())
        })
        .collect();
    recordings.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(recordings.len() >= 3, "there are recordings to judge");
    recordings
}

fn judged(facts: &Facts) -> Report {
    let rules = Rules {
        selection: Selection::default(),
        strict: false,
        now: facts.observed_at,
    };
    let timing = Timing {
        started_at: facts.observed_at,
        judged_as_of: facts.observed_at,
        duration_ms: 0,
    };
    Report::new(facts, diagnosis::diagnose(facts, &rules), timing)
}

#[test]
fn every_check_says_of_every_machine_what_it_said_before() {
    let matrix: BTreeMap<String, Vec<String>> = recordings()
        .into_iter()
        .map(|(name, facts)| {
            let report = judged(&facts);
            let rows = report
                .findings
                .iter()
                .map(|finding| {
                    let cause = finding.cause.as_deref().unwrap_or("");
                    format!("{} {} {cause}", finding.id, finding.status.word())
                        .trim_end()
                        .to_owned()
                })
                .chain([format!("root causes: {}", report.root_causes.join(" "))])
                .collect();
            (name, rows)
        })
        .collect();
    insta::assert_json_snapshot!(matrix);
}

#[test]
fn every_report_keeps_to_the_schema() {
    let schema = report::schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, facts) in recordings() {
        let text = report::json(&judged(&facts)).unwrap();
        let document = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let again: Report = serde_json::from_str(&text).unwrap();
        assert_eq!(report::json(&again).unwrap(), text, "{name}");
    }
    let nonsense = serde_json::json!({"schema_version": "one"});
    assert!(
        !validator.is_valid(&nonsense),
        "the schema refuses nonsense"
    );
}

#[test]
fn judging_is_deterministic() {
    for (name, facts) in recordings() {
        assert_eq!(judged(&facts), judged(&facts), "{name}");
    }
}

#[test]
fn the_table_shows_what_it_showed_before() {
    for (name, facts) in recordings() {
        if !["bare", "customer", "damaged"].contains(&name.as_str()) {
            continue;
        }
        for (width, detail) in [
            (80, Detail::Normal),
            (50, Detail::Quiet),
            (120, Detail::Everything),
        ] {
            let look = Look {
                width,
                color: false,
                detail,
            };
            let text = report::table(&judged(&facts), look);
            for line in text.lines() {
                assert!(
                    unicode_width::UnicodeWidthStr::width(line) <= width
                        || !line.trim().contains(' '),
                    "{name} at {width} columns: {line}"
                );
            }
            insta::assert_snapshot!(format!("{name}_{width}"), text);
        }
    }
}

/// The names of measurements that monitoring systems were promised, each with its labels.
fn promised() -> BTreeMap<String, BTreeSet<String>> {
    let quoted = |cell: &str| -> Vec<String> {
        let parts = cell.split('`').skip(1).step_by(2);
        parts.map(ToOwned::to_owned).collect()
    };
    let decision = include_str!("../docs/decisions/0006-names-of-measurements.md");
    let mut promised = BTreeMap::new();
    for line in decision.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').collect();
        // What stands behind the colon are values of the label before it, none of them quoted.
        let labels: BTreeSet<String> = quoted(cells[2]).into_iter().collect();
        promised.extend(
            quoted(cells[1])
                .into_iter()
                .map(|name| (name, labels.clone())),
        );
    }
    promised
}

#[test]
fn what_is_measured_has_the_promised_names_and_labels() {
    let promised = promised();
    let mut missing: BTreeSet<String> = promised.keys().cloned().collect();
    for (machine, facts) in recordings() {
        for measurement in judged(&facts)
            .findings
            .iter()
            .flat_map(|finding| &finding.measurements)
        {
            let labels: BTreeSet<String> = measurement.labels.keys().cloned().collect();
            assert_eq!(
                promised.get(&measurement.name),
                Some(&labels),
                "{machine}: {}",
                measurement.name
            );
            missing.remove(&measurement.name);
        }
    }
    // No recorded machine has a certificate; the check's own cases have.
    let missing: Vec<String> = missing.into_iter().collect();
    assert_eq!(missing, ["certificate_remaining_seconds"]);
}
