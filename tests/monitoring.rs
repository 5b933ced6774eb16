//! What `docs/monitoring` hands to monitoring systems fits what the doctor says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/reports.rs"]
#[allow(dead_code)]
mod made;

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use serde_json::Value;
use sesam_doctor::report;

fn document(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("docs/monitoring")
        .join(name)
}

/// The metrics that a text names.
fn metrics(text: &str) -> BTreeSet<String> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| word.starts_with("sesam_doctor_"))
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn alerts_and_dashboard_name_metrics_that_exist() {
    let known = metrics(&report::prometheus(&made::rich()).unwrap());
    for name in ["prometheus-rules.yml", "grafana-dashboard.json"] {
        let text = std::fs::read_to_string(document(name)).unwrap();
        let used = metrics(&text);
        assert!(used.len() > 6, "{name}: {used:?}");
        let missing: Vec<_> = used.difference(&known).collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_can_import() {
    let text = std::fs::read_to_string(document("grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36);
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels
        .iter()
        .map(|panel| panel["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids.len(), panels.len(), "every panel has an id of its own");
    for panel in panels {
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24);
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            assert!(query.contains("instance=~\"$instance\""), "{query}");
        }
    }
}

#[test]
fn checkmk_gets_a_line_that_it_reads() {
    let place = tempfile::tempdir().unwrap();
    let doctor = place.path().join("doctor");
    for (output, code, expected) in [
        (
            report::nagios(&made::rich()).unwrap(),
            2,
            "2 Sesam fail=2|unknown=6|warn=6|blocked=6|waived=1|pass=33|skip=6|duration=812 SESAM CRITICAL - 2 root causes",
        ),
        (
            report::nagios(&made::healthy()).unwrap(),
            0,
            "0 Sesam fail=0|",
        ),
        (
            String::new(),
            3,
            "3 Sesam - the doctor made no report (exit code 3)",
        ),
    ] {
        let said = place.path().join("said");
        std::fs::write(&said, &output).unwrap();
        std::fs::write(
            &doctor,
            format!("#!/bin/sh\ncat '{}'\nexit {code}\n", said.display()),
        )
        .unwrap();
        std::fs::set_permissions(&doctor, std::fs::Permissions::from_mode(0o755)).unwrap();
        let line = Command::new("sh")
            .arg(document("checkmk-local"))
            .env("SESAM_DOCTOR", &doctor)
            .output()
            .unwrap();
        let line = String::from_utf8(line.stdout).unwrap();
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.starts_with(expected), "{line}");
    }
}
