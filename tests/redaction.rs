//! What the redactor must leave alone: the doctor's own words, and ordinary logs.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss
)]

#[path = "support/logs.rs"]
mod logs;
mod support;

use std::path::Path;

use sesam_doctor::{
    checks::REGISTRY,
    redact::{MARK, Redactor},
};
use support::{doctor, text};

/// Lines that are not as they were.
fn lost(what: &str, text: &str) -> Vec<String> {
    let clean = Redactor::default().text(text).into_owned();
    let lost: Vec<String> = text
        .lines()
        .zip(clean.lines())
        .filter(|(before, after)| before != after)
        .map(|(before, after)| format!("{what}: {before} → {after}"))
        .collect();
    assert!(
        !lost.is_empty() || clean == text,
        "{what}: lines are missing"
    );
    lost
}

#[test]
fn explanations_and_reports_lose_no_word() {
    let mut all = Vec::new();
    let (mut explained, mut reports) = (0, 0);
    for check in REGISTRY {
        let output = doctor().args(["explain", check.id]).output().unwrap();
        let said = text(&output.stdout);
        assert!(said.contains(check.id), "{said}");
        all.extend(lost(check.id, &said));
        explained += 1;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(root.join("tests/fixtures/facts")).unwrap() {
        let recording = entry.unwrap().path();
        if recording.extension().is_none_or(|end| end != "json") {
            continue;
        }
        for format in ["table", "json", "markdown", "html"] {
            let output = doctor()
                .args(["-v", "--format", format, "--facts"])
                .arg(&recording)
                .output()
                .unwrap();
            let said = text(&output.stdout);
            assert!(said.len() > 500, "{}: {format}", recording.display());
            all.extend(lost(&format!("{} {format}", recording.display()), &said));
            reports += 1;
        }
    }
    all.extend(lost(
        "help",
        &text(&doctor().arg("--help").output().unwrap().stdout),
    ));
    assert!(explained > 20 && reports > 4, "{explained} and {reports}");
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// As much as a test may take; `benches/redact` counts over 128 MB.
#[test]
fn ordinary_logs_lose_less_than_one_line_in_ten_thousand() {
    let text = logs::Logs::text(7, 8_000_000);
    let lines = text.lines().count();
    let lost = lost("a log", &text);
    assert!(lines > 50_000, "{lines}");
    assert!(
        (lost.len() as f64) < lines as f64 / 10_000.0,
        "{} of {lines} lines: {}",
        lost.len(),
        lost.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
    );
    // The count counts: a secret among them is seen.
    let with_secret = format!("{text}password: hunter2\n");
    assert!(Redactor::default().text(&with_secret).contains(MARK));
}
