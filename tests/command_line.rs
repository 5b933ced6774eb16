//! What the contract promises of the command line: formats, exit codes, streams, files, signals.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::{os::unix::fs::PermissionsExt, process::Stdio};

use serde_json::Value;
use support::{doctor, text};

/// A machine on which every selected check of this file can be judged without looking at it.
fn bare() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(place.path().join("etc")).unwrap();
    place
}

#[test]
fn stdout_gets_the_report_and_nothing_else() {
    let output = doctor().args(["--format", "json", "-vv"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema_version"], 1);
    assert_eq!(
        output.status.code(),
        report["exit_code"]
            .as_i64()
            .map(|code| i32::try_from(code).unwrap())
    );
    assert!(
        !text(&output.stderr).is_empty(),
        "-vv says what took how long"
    );
}

#[test]
fn without_a_terminal_there_is_no_color_and_no_progress() {
    let output = doctor().output().unwrap();
    assert!(!text(&output.stdout).contains('\u{1b}'));
    assert_eq!(text(&output.stderr), "");
    let colored = doctor().args(["--color", "always"]).output().unwrap();
    assert!(text(&colored.stdout).contains('\u{1b}'));
}

#[test]
fn what_cannot_be_meant_ends_with_3_and_says_what_would_be_right() {
    for (arguments, expected) in [
        (vec!["--fromat", "json"], "--format"),
        (vec!["--format", "yaml"], "json"),
        (
            vec!["check", "hardware.cpuu"],
            "did you mean “hardware.cpu”",
        ),
        (vec!["--only", "hardwear"], "did you mean “hardware”"),
        (vec!["--skip", "nonsense"], "sesam-doctor list"),
        (vec!["explain", "hardware.cpus"], "hardware.cpu"),
        (vec!["--profile", "2024"], "2023 and 2025"),
        (vec!["--config", "/nonexistent.toml"], "/nonexistent.toml"),
        (vec!["--facts", "/nonexistent.json"], "/nonexistent.json"),
        (vec!["--facts", "/etc/passwd"], "/etc/passwd:1:"),
        (vec!["--root", "/nonexistent"], "--root /nonexistent"),
        (vec!["--at", "yesterday"], "30d"),
        (vec!["--at", "-999999999h"], "--at"),
        (vec!["--timeout", "0"], "0.1"),
        (vec!["--report", "report.json"], "json=report.json"),
        (
            vec!["--report", "json=/nonexistent/report.json"],
            "/nonexistent/report.json",
        ),
        (vec!["-q", "-v"], "cannot be used with"),
        (vec!["--fix"], "--fix"),
    ] {
        let output = doctor().args(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
}

#[test]
fn an_error_in_a_file_names_the_line() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("config.toml");
    std::fs::write(&config, "profile = \"2023\"\nstackdir = \"/srv\"\n").unwrap();
    let output = doctor().arg("--config").arg(&config).output().unwrap();
    let message = text(&output.stderr);
    assert!(message.contains("config.toml:2:1"), "{message}");
    assert!(message.contains("did you mean `stack_dir`?"), "{message}");
    let profile = place.path().join("acme.toml");
    std::fs::write(
        &profile,
        "extends = \"2023\"\n[hardware]\ncpus = 8\nmemory = 3\n",
    )
    .unwrap();
    let output = doctor().arg("--profile").arg(&profile).output().unwrap();
    let message = text(&output.stderr);
    assert!(message.contains("acme.toml:4:1"), "{message}");
    assert!(
        message.contains("did you mean `memory_bytes`?"),
        "{message}"
    );
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn one_run_serves_stdout_and_every_file() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("report.json");
    let page = place.path().join("report.txt");
    let output = doctor()
        .arg("--report")
        .arg(format!("json={}", file.display()))
        .arg("--report")
        .arg(format!("table={}", page.display()))
        .args(["--format", "json", "--only", "hardware.cpu"])
        .output()
        .unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), output.stdout);
    assert!(
        std::fs::read_to_string(&page)
            .unwrap()
            .contains("hardware.cpu")
    );
    for path in [&file, &page] {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2);
}

#[test]
fn facts_judged_elsewhere_give_the_same_findings() {
    let place = tempfile::tempdir().unwrap();
    let recording = place.path().join("facts.json");
    let config = place.path().join("config.toml");
    std::fs::write(
        &config,
        "[[waivers]]\ncheck = \"hardware.cpu\"\nreason = \"small pilot\"\napproved_by = \"IT\"\nuntil = \"9999-01-01\"\n",
    )
    .unwrap();
    let recorded = doctor()
        .args(["facts", "--config"])
        .arg(&config)
        .arg("-o")
        .arg(&recording)
        .output()
        .unwrap();
    assert_eq!(
        recorded.status.code(),
        Some(0),
        "{}",
        text(&recorded.stderr)
    );
    let judge = |directory: &std::path::Path| {
        let output = doctor()
            .current_dir(directory)
            .args(["--format", "json", "--facts"])
            .arg(&recording)
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        serde_json::to_string(&report["findings"]).unwrap()
    };
    let here = judge(place.path());
    assert_eq!(here, judge(std::path::Path::new("/")));
    let again = doctor()
        .args(["facts", "--facts"])
        .arg(&recording)
        .output()
        .unwrap();
    assert_eq!(again.stdout, std::fs::read(&recording).unwrap());
}

#[test]
fn a_probes_report_is_evidence_beside_a_machine() {
    let place = tempfile::tempdir().unwrap();
    let [facts, probe, report] =
        ["facts.json", "probe.json", "report.json"].map(|name| place.path().join(name));
    let recorded = doctor()
        .args(["facts", "--only", "inbound", "-o"])
        .arg(&facts)
        .output()
        .unwrap();
    assert_eq!(
        recorded.status.code(),
        Some(0),
        "{}",
        text(&recorded.stderr)
    );
    let observed: Value = serde_json::from_slice(&std::fs::read(&facts).unwrap()).unwrap();
    let seen = serde_json::json!({
        "kind": "probe", "schema_version": 1,
        "probe": {
            "host": "203.0.113.7", "from": "outside", "probed_at": observed["observed_at"],
            "doors": [{
                "address": "203.0.113.7", "port": 80, "speaks": "http", "from": "198.51.100.1", "tries": 2,
                "connect": {"state": "silent"}, "connect_ms": 5000,
            }],
        },
    });
    std::fs::write(&probe, seen.to_string()).unwrap();
    let run = |arguments: &[&str], files: &[&std::path::Path]| {
        let mut command = doctor();
        command.args(arguments);
        for file in files {
            command.arg("--facts").arg(file);
        }
        command.output().unwrap()
    };
    let target = format!("json={}", report.display());
    let reported = run(
        &["check", "inbound", "--report", &target],
        &[&facts, &probe],
    );
    assert_eq!(text(&reported.stderr), "");
    for files in [&[probe.as_path()][..], &[&facts, &probe], &[&probe, &facts]] {
        let output = run(&["facts", "--only", "inbound"], files);
        let joined: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            joined["probe_report"]["value"]["from"], "outside",
            "{joined}"
        );
        assert_eq!(joined["listeners"]["state"], "seen");
    }
    for (files, expected) in [
        (vec![probe.as_path(), &probe], "two reports of probes"),
        (vec![&facts, &facts], "two recordings"),
        (vec![&report], "sesam-doctor diff"),
    ] {
        let output = run(&["check", "inbound"], &files);
        assert_eq!(output.status.code(), Some(3));
        assert!(
            text(&output.stderr).contains(expected),
            "{}",
            text(&output.stderr)
        );
    }
    std::fs::write(
        &probe,
        r#"{"kind": "probe", "schema_version": 9, "probe": {}}"#,
    )
    .unwrap();
    let output = run(&["check", "inbound"], &[&probe]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("no report of a probe"));
}

#[test]
fn nothing_evaluated_is_not_a_pass() {
    let output = doctor()
        .args([
            "--only",
            "hardware.cpu",
            "--skip",
            "hardware",
            "--format",
            "json",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["status"], "unknown");
}

#[test]
fn a_waived_failure_is_no_failure_until_it_expires() {
    let place = tempfile::tempdir().unwrap();
    let profile = place.path().join("large.toml");
    std::fs::write(
        &profile,
        "extends = \"2023\"\nname = \"large\"\n[hardware]\ncpus = 100000\n",
    )
    .unwrap();
    for (until, code) in [("9999-12-31", 0), ("2020-01-01", 2)] {
        let config = place.path().join("config.toml");
        std::fs::write(
            &config,
            format!("[[waivers]]\ncheck = \"hardware.cpu\"\nreason = \"agreed\"\napproved_by = \"IT\"\nuntil = \"{until}\"\n"),
        )
        .unwrap();
        let output = doctor()
            .args(["--only", "hardware.cpu", "--config"])
            .arg(&config)
            .arg("--profile")
            .arg(&profile)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stdout));
    }
}

#[test]
fn help_version_and_references_end_with_0() {
    for arguments in [
        vec!["--help"],
        vec!["--version"],
        vec!["list"],
        vec!["list", "--format", "json"],
        vec!["explain", "hardware.cpu"],
        vec!["schema"],
        vec!["completions", "bash"],
        vec!["completions", "zsh"],
        vec!["completions", "fish"],
        vec!["man"],
    ] {
        let output = doctor().args(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let mut child = doctor()
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_full_disk_is_said_and_is_not_a_pass() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = doctor().arg("list").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("stdout could not be written"));
}

#[test]
fn the_settings_of_the_examined_root_are_used() {
    let place = bare();
    let settings = place.path().join("etc/sesam-doctor");
    std::fs::create_dir_all(&settings).unwrap();
    std::fs::write(settings.join("config.toml"), "profile = \"2025\"\n").unwrap();
    let output = doctor()
        .args(["--only", "hardware.cpu", "--format", "json", "--root"])
        .arg(place.path())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["profile"]["name"], "2025");
}

/// Clears a screen, changes its title, begins a line anew, and turns what follows around.
const ACTING: &str = "a\u{1b}[2J\u{1b}]0;t\u{7}\rb\u{9b}31m\u{202e}c";

/// Whether something in it would act on a terminal or hide on one.
fn acts(text: &str) -> bool {
    text.contains(|letter: char| {
        letter.is_control() && !matches!(letter, '\n' | '\t')
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

#[test]
fn no_message_acts_on_the_terminal_that_shows_it() {
    let place = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &str| {
        let path = place.path().join(format!("{name}{ACTING}"));
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let settings = put("settings", "nonsense");
    let profile = put("profile.toml", "extends = \"2023\"\nnonsense = 1\n");
    let facts = put("facts", "[]");
    let empty = put("empty", " \n");
    let old = put("report", "{}");
    let unknown_key = put("key", "\"k\\u001b[2J\\u202ey\" = 1\n");
    let bytes = put("bytes", "k\u{1b}[2J = \u{9b}\n");
    let beside = format!("html={}/{ACTING}/x", place.path().display());
    for arguments in [
        vec!["--config", &settings],
        vec!["--config", &unknown_key],
        vec!["--config", &bytes],
        vec!["--profile", &profile],
        vec!["--facts", &facts],
        vec!["--facts", &empty],
        vec!["--facts", ACTING],
        vec!["--root", ACTING],
        vec!["--only", ACTING],
        vec!["--at", ACTING],
        vec!["--report", &beside],
        vec!["--sign", ACTING],
        vec!["diff", &old, &old],
        vec!["explain", ACTING],
        vec!["probe", ACTING],
        vec!["undo", ACTING],
        vec!["--format", ACTING],
        vec![ACTING],
    ] {
        let output = doctor().args(&arguments).output().unwrap();
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {message}");
        assert!(message.len() > 20, "{arguments:?}: {message}");
        assert!(!acts(&message), "{arguments:?}: {message:?}");
    }
    for file in [&settings, &unknown_key, &profile] {
        let output = doctor().args(["config", "check", file]).output().unwrap();
        let words = text(&output.stdout);
        assert!(words.contains("thing is wrong"), "{words}");
        assert!(!acts(&words), "{words:?}");
    }
}

#[test]
fn an_empty_recording_is_called_empty() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for content in ["", "\n \n"] {
        std::fs::write(file.path(), content).unwrap();
        let output = doctor().arg("--facts").arg(file.path()).output().unwrap();
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{message}");
        assert!(
            message.contains(&format!("{}: it is empty", file.path().display())),
            "{message}"
        );
        assert!(message.contains("facts -o"), "{message}");
    }
}
