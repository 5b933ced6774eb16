//! Formats, templates, `--since` and `diff`, as they are typed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::{fmt::Write as _, path::Path, process::Output};

use serde_json::Value;
use sha2::{Digest, Sha256};
use support::{doctor, text};

const FORMATS: [&str; 8] = [
    "table",
    "json",
    "html",
    "markdown",
    "prometheus",
    "nagios",
    "junit",
    "oscal",
];

fn recording(name: &str) -> String {
    format!(
        "{}/tests/fixtures/facts/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    )
}

fn judge(name: &str, arguments: &[&str]) -> Output {
    doctor()
        .args(["--facts", &recording(name)])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn one_run_serves_every_format_and_each_alike() {
    let place = tempfile::tempdir().unwrap();
    let targets: Vec<String> = FORMATS
        .iter()
        .flat_map(|format| {
            let file = place.path().join(format);
            [
                "--report".to_owned(),
                format!("{format}={}", file.display()),
            ]
        })
        .collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let output = judge("damaged", &[&targets[..], &["--format", "nagios"]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    assert_eq!(
        std::fs::read(place.path().join("nagios")).unwrap(),
        output.stdout
    );
    for format in FORMATS {
        let written = std::fs::read_to_string(place.path().join(format)).unwrap();
        assert!(written.ends_with('\n'), "{format}");
        assert!(written.contains("hardware"), "{format}");
    }
    let json = std::fs::read(place.path().join("json")).unwrap();
    let mut hash = String::new();
    for byte in Sha256::digest(&json) {
        write!(hash, "{byte:02x}").unwrap();
    }
    let page = std::fs::read_to_string(place.path().join("html")).unwrap();
    assert!(
        page.contains(&format!("SHA-256 {hash}")),
        "the page's foot has the hash of the JSON report"
    );
}

#[test]
fn an_earlier_report_or_page_is_compared() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, format: &str| {
        let file = place.path().join(format!("{name}.{format}"));
        let target = format!("{format}={}", file.display());
        judge(name, &["--report", &target, "-q"]);
        file.display().to_string()
    };
    let healthy = write("manual-2023", "json");
    let healthy_page = write("manual-2023", "html");
    let damaged = write("damaged", "json");
    let diff = |arguments: &[&str]| doctor().arg("diff").args(arguments).output().unwrap();
    let same = diff(&[&healthy, &healthy_page]);
    assert!(text(&same.stdout).contains("unchanged"));
    let worse = diff(&[&healthy, &damaged, "--format", "json"]);
    assert_eq!(worse.status.code(), Some(2), "{}", text(&worse.stderr));
    let changes: Value = serde_json::from_slice(&worse.stdout).unwrap();
    assert!(!changes["broke"].as_array().unwrap().is_empty());
    let better = diff(&[&damaged, &healthy, "--format", "markdown"]);
    assert!(text(&better.stdout).contains("**healed**"));
    for since in [&healthy, &healthy_page] {
        let page = judge("damaged", &["--format", "html", "--since", since]);
        assert!(text(&page.stdout).contains("id=\"changes\""), "{since}");
    }
    let plain = judge("damaged", &["--format", "html"]);
    assert!(!text(&plain.stdout).contains("id=\"changes\""));
}

fn settings(place: &Path, templates: &Path) -> String {
    let file = place.join("config.toml");
    std::fs::write(
        &file,
        format!("templates_dir = \"{}\"\n", templates.display()),
    )
    .unwrap();
    file.display().to_string()
}

#[test]
fn a_sites_own_templates_are_used_and_wrong_ones_are_named() {
    let place = tempfile::tempdir().unwrap();
    let templates = place.path().join("templates");
    std::fs::create_dir(&templates).unwrap();
    let config = settings(place.path(), &templates);
    let run = || judge("bare", &["--format", "html", "--config", &config]);
    let none = run();
    assert_eq!(none.status.code(), Some(3));
    assert!(text(&none.stderr).contains("audit.html"), "says the names");
    std::fs::write(templates.join("signature.html"), "<p>Signed: ACME</p>").unwrap();
    assert!(text(&run().stdout).contains("<p>Signed: ACME</p>"));
    std::fs::write(templates.join("signature.html"), "\n\n{{ nonsense( }}").unwrap();
    let wrong = run();
    assert_eq!(wrong.status.code(), Some(3));
    assert!(
        text(&wrong.stderr).contains("signature.html:3"),
        "{}",
        text(&wrong.stderr)
    );
    assert_eq!(text(&wrong.stdout), "");
}

#[test]
fn a_recording_names_no_templates_of_the_machine_that_judges_it() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("audit.html"), "taken over").unwrap();
    let mut facts: Value =
        serde_json::from_str(&std::fs::read_to_string(recording("bare")).unwrap()).unwrap();
    facts["settings"]["templates_dir"] = place.path().display().to_string().into();
    let file = place.path().join("facts.json");
    std::fs::write(&file, facts.to_string()).unwrap();
    let output = doctor()
        .args(["--format", "html", "--facts"])
        .arg(&file)
        .output()
        .unwrap();
    let page = text(&output.stdout);
    assert!(
        page.contains("</html>") && !page.contains("taken over"),
        "{page}"
    );
}
