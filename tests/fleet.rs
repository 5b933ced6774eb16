//! `fleet`: many reports in one view.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/reports.rs"]
#[allow(dead_code)]
mod made;
mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use sesam_doctor::{
    checks::Status,
    report::{self, Report, Templates},
};
use support::{doctor, text};

/// A day after the made reports were observed.
const AS_OF: &str = "2026-11-24T15:00:00Z";

/// A machine of the fleet: everything that a report can have, and as many findings as are healthy.
fn machine(number: usize) -> Report {
    let mut report = match number % 10 {
        0 | 1 => made::rich(),
        2 => made::report_of(
            made::rich()
                .findings
                .into_iter()
                .filter(|finding| {
                    matches!(
                        finding.status,
                        Status::Pass | Status::Warn | Status::Skip | Status::Waived
                    )
                })
                .collect(),
        ),
        _ => made::healthy(),
    };
    report.host.hostname = format!("sesam-{number:04}.customer-{}.example", number % 37);
    report.host.addresses = vec![format!("10.{}.{}.7", number / 250, number % 250)];
    report.facts_sha256 = format!("{number:064x}");
    report
}

fn write(place: &Path, name: &str, text: &str) -> PathBuf {
    let file = place.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, text).unwrap();
    file
}

fn stored(place: &Path, name: &str, report: &Report) -> PathBuf {
    write(place, name, &report::json(report).unwrap())
}

/// What `fleet` says of a directory, as JSON, and its exit code.
fn fleet(place: &Path, arguments: &[&str]) -> (Value, i32) {
    let output = doctor()
        .args(["fleet", "--format", "json", "--at", AS_OF])
        .args(arguments)
        .arg(place)
        .output()
        .unwrap();
    assert_eq!(text(&output.stderr), "");
    (
        serde_json::from_slice(&output.stdout).unwrap(),
        output.status.code().unwrap(),
    )
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|machine| machine["name"].as_str().unwrap())
        .collect()
}

#[test]
fn the_worst_come_first_and_common_causes_are_counted() {
    let place = tempfile::tempdir().unwrap();
    for number in 0..20 {
        stored(
            place.path(),
            &format!("all/{number}.json"),
            &machine(number),
        );
    }
    for number in 0..5 {
        stored(
            place.path(),
            &format!("{number}/copy.json"),
            &machine(number),
        );
    }
    let (view, code) = fleet(place.path(), &[]);
    assert_eq!(code, 2);
    assert_eq!(view["exit_code"], 2);
    assert_eq!(view["status"], "fail");
    let summary = &view["summary"];
    assert_eq!(summary["machines"], 20, "each machine counts once");
    assert_eq!(
        [&summary["fail"], &summary["warn"], &summary["pass"]],
        [4, 2, 14]
    );
    let ranks: Vec<&str> = view["machines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|machine| machine["status"].as_str().unwrap())
        .collect();
    assert!(ranks.is_sorted_by_key(|status| {
        ["fail", "unknown", "warn", "pass"]
            .iter()
            .position(|known| known == status)
    }));
    let cause = &view["root_causes"][0];
    assert_eq!(cause["machines"].as_array().unwrap().len(), 4);
    assert_eq!(cause["check"], "hardware.requirement-2");
    assert_eq!(cause["cause"], "dns-unreachable");
    assert_eq!(cause["blocked"], 4 * 6);
    let expiries = view["expiries"].as_array().unwrap();
    assert!(expiries.is_sorted_by_key(|expiry| expiry["at"].as_str().unwrap().to_owned()));
    let license = expiries
        .iter()
        .find(|expiry| expiry["what"] == "license")
        .unwrap();
    // 12 days from the day of the judgement, a day of which is over.
    assert_eq!(license["at"], "2026-12-05T15:00:00Z");
    assert_eq!(license["remaining_seconds"], 11 * 86_400);
    let unmet = view["requirements"]
        .as_array()
        .unwrap()
        .iter()
        .find(|requirement| requirement["check"] == "hardware.requirement-2")
        .unwrap();
    assert_eq!(unmet["machines"]["fail"], 4);
    assert_eq!(unmet["is_met_everywhere"], false);
    assert_eq!(view["versions"][0]["machines"], 20);
}

#[test]
fn bad_reports_are_named_and_skipped_and_never_count_as_well() {
    let place = tempfile::tempdir().unwrap();
    stored(place.path(), "good.json", &machine(5));
    let (view, code) = fleet(place.path(), &[]);
    assert_eq!((code, &view["status"]), (0, &"pass".into()));
    let whole = report::json(&machine(6)).unwrap();
    write(place.path(), "torn.json", &whole[..whole.len() / 2]);
    write(place.path(), "page.html", "<!doctype html><p>no report");
    write(place.path(), "empty.json", "");
    write(place.path(), "notes.txt", "is not looked at");
    let mut newer = machine(7);
    newer.schema_version = 9;
    stored(place.path(), "newer.json", &newer);
    std::os::unix::fs::symlink("nowhere", place.path().join("dangling.json")).unwrap();
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        place.path().join("pipe.json"),
        rustix::fs::Mode::RUSR,
    )
    .unwrap();
    let (view, code) = fleet(place.path(), &[]);
    assert_eq!((code, &view["status"]), (3, &"unknown".into()));
    assert_eq!(view["summary"]["machines"], 1);
    let bad: Vec<(&str, &str)> = view["unreadable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bad| {
            let file = bad["file"].as_str().unwrap();
            let reason = bad["reason"].as_str().unwrap();
            (file.rsplit('/').next().unwrap(), reason)
        })
        .collect();
    let expected = [
        ("dangling.json", "No such file"),
        ("empty.json", "1:0: this is no report"),
        ("newer.json", "schema version 9"),
        ("page.html", "the page embeds none"),
        ("pipe.json", "a named pipe"),
        ("torn.json", "this is no report"),
    ];
    assert_eq!(bad.len(), expected.len(), "{bad:?}");
    for ((file, reason), (name, words)) in bad.iter().zip(expected) {
        assert_eq!(*file, name);
        assert!(reason.contains(words), "{file}: {reason}");
    }
    let table = doctor()
        .args(["fleet", "--at", AS_OF])
        .arg(place.path())
        .output()
        .unwrap();
    assert_eq!(table.status.code(), Some(3));
    assert!(
        text(&table.stdout).contains("torn.json: "),
        "{}",
        text(&table.stdout)
    );
}

#[test]
fn what_is_old_says_nothing_of_today() {
    let place = tempfile::tempdir().unwrap();
    stored(place.path(), "a.json", &machine(5));
    let stale = &["--stale-after", "23h"];
    let (view, code) = fleet(place.path(), stale);
    assert_eq!((code, &view["status"]), (3, &"unknown".into()));
    assert_eq!(view["machines"][0]["is_stale"], true);
    assert_eq!(view["machines"][0]["status"], "pass");
    assert_eq!(view["machines"][0]["age_seconds"], 86_400);
    stored(place.path(), "b.json", &machine(0));
    assert_eq!(fleet(place.path(), stale).1, 2, "a failure stays one");
    assert_eq!(fleet(place.path(), &["--stale-after", "2d"]).1, 2);
}

#[test]
fn a_machine_counts_once_by_its_newest_report() {
    let place = tempfile::tempdir().unwrap();
    let old = machine(0);
    let mut new = machine(5);
    new.host = old.host.clone();
    new.observed_at = "2026-11-24T12:00:00Z".parse().unwrap();
    stored(place.path(), "old.json", &old);
    stored(place.path(), "new.json", &new);
    let page = report::html(&new, None, &Templates::default()).unwrap();
    write(place.path(), "new.html", &page);
    let (view, code) = fleet(place.path(), &[]);
    assert_eq!((code, &view["summary"]["machines"]), (0, &1.into()));
    let files: Vec<&str> = view["superseded"]
        .as_array()
        .unwrap()
        .iter()
        .map(|old| old["file"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    assert_eq!(files, ["new.json", "old.json"]);
    let (view, code) = fleet(place.path(), &["--every-report"]);
    assert_eq!((code, &view["summary"]["machines"]), (2, &2.into()));
    let names = names(&view["machines"]);
    assert!(
        names[0].ends_with("old.json)") && names[1].ends_with("new.html)"),
        "{names:?}"
    );
    // Another machine of the same name is no older report of this one.
    let mut twin = machine(0);
    twin.host.hostname.clone_from(&new.host.hostname);
    twin.host.addresses = vec!["192.0.2.9".into()];
    twin.facts_sha256 = "other".into();
    stored(place.path(), "twin.json", &twin);
    let (view, code) = fleet(place.path(), &[]);
    assert_eq!((code, &view["summary"]["machines"]), (2, &2.into()));
}

#[test]
fn nothing_to_look_at_is_not_well() {
    let place = tempfile::tempdir().unwrap();
    let (view, code) = fleet(place.path(), &[]);
    assert_eq!((code, &view["status"]), (3, &"unknown".into()));
    assert!(
        view["unreadable"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("no file in it ends in .json or .html")
    );
    let refused = doctor()
        .args(["fleet", "--format", "nagios"])
        .arg(place.path())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(3));
    let message = text(&refused.stderr);
    assert!(
        message.contains("table, json, html, prometheus"),
        "{message}"
    );
    assert_eq!(
        doctor().arg("fleet").output().unwrap().status.code(),
        Some(3)
    );
}

#[test]
fn one_run_serves_every_format() {
    let place = tempfile::tempdir().unwrap();
    for number in 0..12 {
        stored(place.path(), &format!("in/{number}.json"), &machine(number));
    }
    let targets: Vec<String> = ["json", "html", "prometheus", "table"]
        .iter()
        .map(|format| format!("--report={format}={}", place.path().join(format).display()))
        .collect();
    let output = doctor()
        .args(["fleet", "--at", AS_OF])
        .args(&targets)
        .arg(place.path().join("in"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap();
    let view: Value = serde_json::from_str(&read("json")).unwrap();
    assert_eq!(view["summary"]["machines"], 12);
    let page = read("html");
    assert!(page.contains("data-of=\"m1\"") && page.contains("sesam-0000"));
    assert!(
        page.contains("script-src &#x27;sha256-"),
        "only its own script"
    );
    assert_eq!(
        page.matches("2026-03-31").count(),
        1,
        "what ends on one day on many machines is one line"
    );
    let metrics = read("prometheus");
    assert!(
        metrics.contains("sesam_doctor_fleet_machines{status=\"fail\"} 4\n"),
        "{metrics}"
    );
    let table = read("table");
    assert!(table.contains("COMMON ROOT CAUSES"), "{table}");
    for line in table.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= 80, "{line}");
    }
}

#[test]
fn hostile_reports_come_out_as_text() {
    let place = tempfile::tempdir().unwrap();
    let mut hostile = made::hostile();
    hostile.facts_sha256 = made::HOSTILE.into();
    hostile.tool.version = made::HOSTILE.into();
    hostile.profile.sha256 = made::HOSTILE.into();
    for finding in &mut hostile.findings {
        finding.title = made::HOSTILE.into();
        finding.cause = finding.cause.as_ref().map(|_| made::HOSTILE.into());
    }
    stored(place.path(), "in/<img src=x>\u{202e}.json", &hostile);
    write(place.path(), "in/<b>bad\u{1b}[31m.json", "{");
    for format in ["html", "prometheus", "table"] {
        let output = doctor()
            .args(["fleet", "--at", AS_OF, "--format", format])
            .arg(place.path().join("in"))
            .output()
            .unwrap();
        let said = text(&output.stdout);
        assert!(said.contains("gnp"), "{format}: the words are there");
        for hidden in [
            '\u{1b}',
            '\u{0}',
            '\u{202e}',
            '\u{2066}',
            '\u{200b}',
            '\u{e0041}',
        ] {
            assert!(!said.contains(hidden), "{format}: {hidden:?}");
        }
        assert!(said.len() < 400_000, "{format}: {} bytes", said.len());
        if format == "html" {
            assert!(
                !said.contains("<img") && !said.contains("<b>bad"),
                "escaped"
            );
            assert_eq!(said.matches("<script").count(), 1, "its own");
        }
    }
}

#[test]
fn a_small_fleet_is_written_for_the_validators() {
    let place = tempfile::tempdir().unwrap();
    for number in 0..12 {
        let mut report = machine(number);
        if number == 7 {
            report.observed_at = "2026-10-01T00:00:00Z".parse().unwrap();
        }
        stored(place.path(), &format!("{number}.json"), &report);
    }
    stored(place.path(), "hostile.json", &made::hostile());
    write(place.path(), "torn.json", "{\"schema_version\": 1,");
    let reports = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports");
    std::fs::create_dir_all(&reports).unwrap();
    let output = doctor()
        .args(["fleet", "--at", AS_OF])
        .arg(format!(
            "--report=html={}",
            reports.join("fleet.html").display()
        ))
        .arg(format!(
            "--report=prometheus={}",
            reports.join("fleet.prom").display()
        ))
        .arg(place.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

/// What `benches/bounds` and the validators look at.
#[test]
#[ignore = "writes 1,000 reports for benches/bounds and tests/validators"]
fn a_thousand_reports_are_written_for_the_validators() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet");
    let _ = std::fs::remove_dir_all(&place);
    for number in 0..1_000 {
        let mut report = machine(number);
        if number % 50 == 7 {
            report.observed_at = "2026-10-01T00:00:00Z".parse().unwrap();
        }
        stored(&place, &format!("{number}.json"), &report);
    }
    write(&place, "torn.json", "{\"schema_version\": 1,");
}
