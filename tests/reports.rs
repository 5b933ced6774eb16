//! What every format promises, on reports that no machine made.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/reports.rs"]
mod made;

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sesam_doctor::{
    checks::{Item, Status},
    diff,
    report::{self, Change, Changes, Detail, Finding, Look, Report, Templates},
};

fn html(report: &Report) -> String {
    report::html(report, None, &Templates::default()).unwrap()
}

/// Every format of a report, by the end of its file's name.
fn formats(report: &Report) -> Vec<(&'static str, String)> {
    vec![
        ("json", report::json(report).unwrap()),
        ("html", html(report)),
        ("md", report::markdown(report, None).unwrap()),
        ("prom", report::prometheus(report).unwrap()),
        ("nagios", report::nagios(report).unwrap()),
        ("junit.xml", report::junit(report).unwrap()),
        ("oscal.json", report::oscal(report).unwrap()),
        (
            "txt",
            report::table(
                report,
                Look {
                    width: 80,
                    color: false,
                    detail: Detail::Everything,
                },
            ),
        ),
    ]
}

/// What `tests/validators` hands to other programs.
#[test]
fn every_format_is_written_for_the_validators() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports");
    std::fs::create_dir_all(&place).unwrap();
    for (name, report) in made::all() {
        for (ending, text) in formats(&report) {
            assert!(!text.is_empty());
            std::fs::write(place.join(format!("{name}.{ending}")), text).unwrap();
        }
    }
    let since = diff::compare(&changed(), &made::rich());
    let page = report::html(&made::rich(), Some(&since), &Templates::default()).unwrap();
    std::fs::write(place.join("since.html"), page).unwrap();
    std::fs::write(
        place.join("schema.json"),
        serde_json::to_string_pretty(&report::schema()).unwrap(),
    )
    .unwrap();
}

fn changed() -> Report {
    let mut report = made::rich();
    let failing = report.root_causes.first().unwrap().clone();
    finding(&mut report, &failing).status = Status::Pass;
    let passing = passing(&report);
    finding(&mut report, &passing[0]).status = Status::Fail;
    finding(&mut report, &passing[1]).summary = "was something else".into();
    report
}

fn finding<'a>(report: &'a mut Report, id: &str) -> &'a mut Finding {
    report
        .findings
        .iter_mut()
        .find(|finding| finding.id == id)
        .unwrap()
}

fn passing(report: &Report) -> Vec<String> {
    report
        .findings
        .iter()
        .filter(|finding| finding.status == Status::Pass)
        .map(|finding| finding.id.clone())
        .collect()
}

fn ids(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.id.as_str()).collect()
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for (name, report) in made::all() {
        assert_eq!(formats(&report), formats(&report.clone()), "{name}");
    }
}

#[test]
fn every_report_keeps_to_the_schema_and_can_be_read_back() {
    let schema = report::schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, report) in made::all() {
        let text = report::json(&report).unwrap();
        let document = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let from_json = diff::read_text(Path::new(name), &text).unwrap();
        let from_page = diff::read_text(Path::new(name), &html(&report)).unwrap();
        assert_eq!(from_json, report, "{name}");
        assert_eq!(from_page, report, "{name}");
    }
}

#[test]
fn hostile_text_comes_out_as_text() {
    let report = made::hostile();
    for (ending, text) in formats(&report) {
        let hidden = |character: char| {
            (character.is_control() && !matches!(character, '\n' | '\t'))
                || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{fffe}' | '\u{e0041}')
        };
        let found: Vec<char> = text
            .chars()
            .filter(|character| hidden(*character))
            .collect();
        assert!(found.is_empty(), "{ending}: {found:?}");
        // JSON, and the page that embeds it, have everything whole.
        if !["json", "html"].contains(&ending) {
            assert!(text.len() < 1_000_000, "{ending}: {} bytes", text.len());
        }
        if ["html", "md", "junit.xml"].contains(&ending) {
            for markup in ["<script>alert", "<img", "</textarea>"] {
                assert!(!text.contains(markup), "{ending} has {markup}");
            }
        }
    }
    let page = html(&report);
    assert_eq!(
        page.matches("<script").count(),
        1,
        "only the embedded report"
    );
    assert_eq!(page.matches("</style").count(), 1);
    assert_eq!(page.matches("</script").count(), 1);
    assert!(!page.contains(" 49 "), "no text is taken for a template");
    assert!(page.contains("1000000 characters in all"));
    assert!(page.contains("&#x27;="), "no cell is a formula");
}

#[test]
fn the_page_asks_nobody_for_anything() {
    for (name, report) in made::all() {
        let page = html(&report);
        assert!(
            page.contains("default-src 'none'") || page.contains("default-src &#x27;none&#x27;")
        );
        let shown = page.split("<script type=").next().unwrap();
        for word in ["@import", "url("] {
            assert!(!shown.contains(word), "{name}: {word}");
        }
        // Text has no `<`, so whatever begins with one is the page's own.
        for tag in shown
            .split('<')
            .skip(1)
            .filter_map(|tag| tag.split('>').next())
        {
            for word in [
                " src=",
                "link ",
                "iframe",
                " style=",
                " onclick=",
                " onerror=",
            ] {
                assert!(!tag.contains(word), "{name}: <{tag}>");
            }
        }
        for target in page.split(" href=\"").skip(1) {
            assert!(target.starts_with('#'), "{name}: {}", &target[..20]);
        }
    }
}

#[test]
fn sixty_findings_stay_small() {
    let report = made::rich();
    assert_eq!(report.findings.len(), 60);
    let size = html(&report).len();
    assert!(size < 300_000, "{size} bytes");
}

#[test]
fn the_page_says_everything_that_an_auditor_asks() {
    let report = made::rich();
    let page = html(&report);
    for word in [
        "not ready for Sesam",
        "Also blocked: 6",
        "Not evaluated",
        "Firewall request",
        "production.",
        "waiver expired",
        "not selected",
        "contract 4711",
        "in 12 days",
        "3 days ago",
        "with sudo by kari",
        "fails below 350 GB",
    ] {
        assert!(page.contains(word), "{word}");
    }
    let digest = page.split("SHA-256 ").nth(1).unwrap();
    assert!(page.matches(&digest[..64]).count() >= 1);
}

#[test]
fn a_site_can_replace_a_template_and_is_told_where_it_is_wrong() {
    let with = |text: &str| {
        Templates::with(
            PathBuf::from("/etc/sesam-doctor/templates"),
            [("signature.html".to_owned(), text.to_owned())].into(),
        )
    };
    let page = report::html(&made::rich(), None, &with("<p>ACME for {{ title }}</p>")).unwrap();
    assert!(page.contains("<p>ACME for sesam01.customer.example</p>"));
    assert!(!page.contains("Auditor"));
    let error = report::html(&made::rich(), None, &with("\n{% if %}"))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("/etc/sesam-doctor/templates/signature.html:2: "),
        "{error}"
    );
}

#[test]
fn the_plugin_line_is_one_line_and_the_whole_is_what_nagios_reads() {
    for (name, report) in made::all() {
        let text = report::nagios(&report).unwrap();
        let first = text.lines().next().unwrap();
        assert!(first.len() <= 1_024, "{name}: {} bytes", first.len());
        assert_eq!(first.matches('|').count(), 1, "{name}: {first}");
        assert!(text.matches('|').count() <= 2, "{name}");
        assert!(text.len() <= 8_192, "{name}: {} bytes", text.len());
        assert!(text.starts_with("SESAM "), "{name}");
    }
    let text = report::nagios(&made::rich()).unwrap();
    assert!(
        text.starts_with(
            "SESAM CRITICAL - 2 root causes, first hardware.requirement-2: no name server answers"
        ),
        "{text}"
    );
    assert!(text.contains("'hardware.requirement-3 storage_free_bytes data'=41000000000B;57000000000:;19000000000:"), "{text}");
    assert!(
        text.contains("percentile")
            || text.contains("storage_fdatasync_seconds 99 data'=0.0114s;0.01;0.05"),
        "{text}"
    );
}

#[test]
fn metrics_have_the_same_series_whatever_the_status() {
    let series = |report: &Report| -> Vec<String> {
        report::prometheus(report)
            .unwrap()
            .lines()
            .filter(|line| line.starts_with("sesam_doctor_check_"))
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect()
    };
    let before = made::rich();
    let mut after = made::rich();
    for finding in &mut after.findings {
        finding.status = Status::Unknown;
        finding.cause = Some("needs-root".into());
        finding.summary = "other words".into();
    }
    assert_eq!(series(&before), series(&after));
    let text = report::prometheus(&before).unwrap();
    assert!(text.contains("sesam_doctor_check_status{check=\"hardware.requirement-2\",category=\"hardware\",level=\"required\",status=\"fail\"} 1\n"), "{text}");
    assert!(text.contains("# UNIT sesam_doctor_license_remaining_seconds seconds\n"));
    assert!(
        text.contains("sesam_doctor_license_remaining_seconds{check=")
            && text.contains("} 1036800\n")
    );
}

#[test]
fn a_ticket_has_the_root_causes_first_and_the_rest_folded() {
    let changes = diff::compare(&changed(), &made::rich());
    let text = report::markdown(&made::rich(), Some(&changes)).unwrap();
    let place = |word: &str| {
        text.find(word)
            .unwrap_or_else(|| panic!("{word} in {text}"))
    };
    assert!(place("Root causes") < place("What changed"));
    assert!(place("What changed") < place("<details>"));
    let rows = text.lines().filter(|line| line.starts_with("| ")).count();
    assert_eq!(rows, 60 + 2);
    let hostile = report::markdown(&made::hostile(), None).unwrap();
    for line in hostile
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(2)
    {
        let bars = line.replace("\\|", "").matches('|').count();
        assert_eq!(bars, 5, "{line}");
    }
}

#[test]
fn a_report_differs_in_nothing_from_itself() {
    for (name, report) in made::all() {
        let changes = diff::compare(&report, &report);
        assert!(changes.is_empty(), "{name}");
        assert_eq!(changes.exit_code(), 0);
    }
}

#[test]
fn what_broke_healed_drifted_came_and_went_is_told_apart() {
    let before = made::rich();
    let mut after = made::rich();
    let passing = passing(&before);
    let failing = before.root_causes.first().unwrap().clone();
    finding(&mut after, &passing[0]).status = Status::Fail;
    finding(&mut after, &failing).status = Status::Pass;
    finding(&mut after, &passing[1]).summary = "another thing altogether".into();
    finding(&mut after, &passing[2]).items = vec![Item::pass("new", "is here")];
    finding(&mut after, &passing[3]).id = "plugin.new".into();
    finding(&mut after, &passing[4]).selected = false;
    let changes = diff::compare(&before, &after);
    assert_eq!(ids(&changes.broke), [passing[0].as_str()]);
    assert_eq!(ids(&changes.healed), [failing.as_str()]);
    assert_eq!(
        ids(&changes.drifted),
        [passing[1].as_str(), passing[2].as_str()]
    );
    assert_eq!(ids(&changes.appeared), ["plugin.new"]);
    assert_eq!(
        ids(&changes.disappeared),
        [passing[3].as_str(), passing[4].as_str()]
    );
    assert_eq!(changes.exit_code(), 2);
    for text in [
        changes.table(80),
        changes.json().unwrap(),
        changes.markdown(),
    ] {
        assert!(
            text.contains("plugin.new") && text.contains("altogether"),
            "{text}"
        );
    }
    let again: Changes = serde_json::from_str(&changes.json().unwrap()).unwrap();
    assert_eq!(again, changes);
}

#[test]
fn a_failure_that_is_hidden_or_accepted_is_not_healed() {
    let before = made::rich();
    let failing = before.root_causes.first().unwrap();
    for status in [Status::Blocked, Status::Waived, Status::Skip] {
        let mut after = made::rich();
        finding(&mut after, failing).status = status;
        let changes = diff::compare(&before, &after);
        assert!(changes.healed.is_empty(), "{status:?}");
        assert_eq!(ids(&changes.drifted), [failing.as_str()]);
    }
}

#[test]
fn noise_is_no_change() {
    let before = made::rich();
    let mut after = made::rich();
    let passing = passing(&before);
    let (mut old, new) = (before.clone(), finding(&mut after, &passing[0]));
    new.summary = "41.2 GB of 380 GB free (11 %)".into();
    new.observed = serde_json::json!({"free_bytes": 41_200_000_000_u64});
    let was = finding(&mut old, &passing[0]);
    was.summary = "40.8 GB of 380 GB free (11 %)".into();
    was.observed = serde_json::json!({"free_bytes": 40_800_000_000_u64});
    assert!(diff::compare(&old, &after).is_empty());
}

#[test]
fn what_is_no_report_is_refused_with_its_place() {
    for (text, expected) in [
        ("", "old.json:1:0"),
        ("{}", "missing field"),
        ("[1,\n2", "old.json:"),
        ("<html></html>", "the page embeds none"),
    ] {
        let error = diff::read_text(Path::new("old.json"), text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
    let mut newer = made::rich();
    newer.schema_version = 2;
    let text = report::json(&newer).unwrap();
    let error = diff::read_text(Path::new("x"), &text)
        .unwrap_err()
        .to_string();
    assert!(error.contains("schema version 2"), "{error}");
}

#[test]
fn a_report_of_an_older_doctor_can_be_read() {
    let mut document = serde_json::to_value(made::rich()).unwrap();
    let members = document.as_object_mut().unwrap();
    members.remove("facts_sha256");
    members.remove("run_by");
    for finding in members["findings"].as_array_mut().unwrap() {
        for newer in ["measurements", "connections", "sources"] {
            finding.as_object_mut().unwrap().remove(newer);
        }
    }
    let report = diff::read_text(Path::new("x"), &document.to_string()).unwrap();
    assert!(!html(&report).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_file_is_too_strange_to_be_refused(text in ".*") {
        let _ = diff::read_text(Path::new("x"), &text);
        let _ = diff::read_text(Path::new("x"), &format!("<html>{text}"));
        let _ = diff::read_text(Path::new("x"), &format!("<x id=\"sesam-doctor-report\"{text}"));
    }

    #[test]
    fn no_text_breaks_a_format(text in ".*", value in any::<f64>()) {
        let mut report = made::report_of(made::rich().findings.into_iter().take(4).collect());
        report.host.hostname.clone_from(&text);
        let finding = &mut report.findings[2];
        finding.id.clone_from(&text);
        finding.summary.clone_from(&text);
        finding.expected = Some(text.clone());
        if value.is_finite() {
            finding.measurements.push(
                sesam_doctor::checks::Measurement::new(format!("{text}_remaining_seconds"), value)
                    .label(&text, &text),
            );
        }
        for (ending, page) in formats(&report) {
            prop_assert!(!page.is_empty());
            if ending.ends_with("json") {
                let _: serde_json::Value = serde_json::from_str(&page).unwrap();
            }
        }
    }
}
