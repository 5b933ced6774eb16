//! `config check`: what is wrong with settings and profiles, where, and what would be right; and their schemas.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{doctor, text};

struct Checked {
    code: Option<i32>,
    words: String,
}

fn check(place: &Path, settings: &str, arguments: &[&str]) -> Checked {
    let file = place.join("config.toml");
    std::fs::write(
        &file,
        settings.replace("@HERE@", &place.display().to_string()),
    )
    .unwrap();
    let output = doctor()
        .args(["config", "check"])
        .arg(&file)
        .args(["--at", "2026-11-23T15:00:00Z"])
        .args(arguments)
        .output()
        .unwrap();
    Checked {
        code: output.status.code(),
        words: text(&output.stdout) + &text(&output.stderr),
    }
}

const WAIVER: &str = "[[waivers]]\nreason = \"agreed\"\napproved_by = \"IT\"\n";

#[test]
fn what_is_right_passes_and_what_is_wrong_is_named_with_its_line() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("token"), "x").unwrap();
    let waiver = |rest: &str| format!("{WAIVER}{rest}");
    for (settings, code, expected) in [
        (String::new(), 0, "nothing is wrong"),
        (
            "profile = \"2025\"\nstack_dir = \"@HERE@\"\npublic_addresses = [\"203.0.113.7\"]"
                .into(),
            0,
            "profile 2025 (built-in): nothing is wrong",
        ),
        (
            waiver("check = \"hardware.cpu\"\nuntil = \"2026-11-23\""),
            0,
            "nothing is wrong",
        ),
        (
            waiver("check = \"plugin.backup\"\nuntil = \"2027-11-23\""),
            0,
            "nothing is wrong",
        ),
        (
            waiver("check = \"hardware.cpus\"\nuntil = \"2027-11-23\""),
            1,
            "config.toml:4: warning: no check has the id `hardware.cpus`: the waiver does nothing; did you mean `hardware.cpu`?",
        ),
        (
            waiver("check = \"hardware.cpu\"\nuntil = \"2026-11-22\""),
            1,
            "config.toml:5: warning: the waiver of `hardware.cpu` expired on 2026-11-22",
        ),
        (
            format!(
                "{0}{1}{0}{1}",
                WAIVER, "check = \"hardware.cpu\"\nuntil = \"2027-11-22\"\n"
            ),
            1,
            "config.toml:9: warning: `hardware.cpu` is waived a second time",
        ),
        (
            "\nstack_dir = \"@HERE@/missing\"".into(),
            1,
            "config.toml:2: warning: @HERE@/missing: No such file",
        ),
        (
            "stack_dir = \"@HERE@/token\"".into(),
            1,
            "config.toml:1: warning: @HERE@/token is no directory",
        ),
        (
            "node_token_file = \"@HERE@/token\"".into(),
            1,
            "every account may read it",
        ),
        (
            "public_addresses = [\n \"203.0.113.7\",\n \"127.0.0.1\"]".into(),
            1,
            "config.toml:3: warning: 127.0.0.1 is no address",
        ),
        (
            "public_addresses = [\"node.example.com\"]".into(),
            3,
            "config.toml:1: error: invalid IP address",
        ),
        (
            "plugin_dir = \"/x\"".into(),
            3,
            "did you mean `plugins_dir`?",
        ),
        (
            "\nmeasure_storage = \"yes\"".into(),
            3,
            "config.toml:2: error: the text \"yes\" stands where true or false has to stand",
        ),
        (
            "[[waivers]]\ncheck = \"hardware.cpu\"".into(),
            3,
            "error: `reason` is missing",
        ),
        (
            "profile = \"2024\"".into(),
            3,
            "2024: error: there is no such profile",
        ),
    ] {
        let checked = check(place.path(), &settings, &[]);
        let expected = expected.replace("@HERE@", &place.path().display().to_string());
        assert_eq!(checked.code, Some(code), "{settings}\n{}", checked.words);
        assert!(
            checked.words.contains(&expected),
            "{settings}\n{}",
            checked.words
        );
    }
}

#[test]
fn a_profile_is_checked_with_the_settings_and_both_are_told_of() {
    let place = tempfile::tempdir().unwrap();
    let profile = place.path().join("site.toml");
    let name = profile.display().to_string();
    for (text, code, expected) in [
        (
            "extends = \"2023\"\n[hardware]\ncpus = 8",
            1,
            "1 thing is wrong",
        ),
        (
            "extends = \"2023\"\n\n[hardware]\nfdatasync_p99_warn_ms = 80",
            3,
            "site.toml:4: error: `hardware.fdatasync_p99_warn_ms` (80)",
        ),
        (
            "extends = \"2023\"\n[[outbound]]\nid = \"sesam\"\nlevel = \"required\"\nhosts = [\n {host = \"a.example\", port = 1, why = \"x\", ca_file = \"/nowhere.pem\"}]",
            1,
            "site.toml:6: warning: /nowhere.pem: No such file",
        ),
        (
            "extends = \"2023\"\nhardware = 5",
            3,
            "site.toml:2: error: the number `5` stands where a table has to stand",
        ),
        (
            "extends = \"2023\"\n[hardware]\ncpu = 8",
            3,
            "did you mean `cpus`?",
        ),
    ] {
        std::fs::write(&profile, text).unwrap();
        let checked = check(
            place.path(),
            "plugins_dir = \"/nowhere\"",
            &["--profile", &name],
        );
        assert_eq!(checked.code, Some(code), "{text}\n{}", checked.words);
        assert!(
            checked.words.contains(expected),
            "{text}\n{}",
            checked.words
        );
        assert!(
            checked.words.contains("config.toml:1: warning: /nowhere"),
            "{}",
            checked.words
        );
    }
    let checked = check(place.path(), "plugins_dir = \"/nowhere\"", &["--quiet"]);
    assert_eq!(checked.code, Some(0), "{}", checked.words);
    let checked = check(
        place.path(),
        "profile = 3",
        &["--quiet", "--format", "json"],
    );
    let answer: Value = serde_json::from_str(&checked.words).unwrap();
    assert_eq!(answer["remarks"][0]["line"], 1);
    assert_eq!(answer["remarks"][0]["severity"], "error");
}

fn schema(document: &str) -> Value {
    let output = doctor().args(["schema", document]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What an editor hands to a schema: the TOML document as JSON.
fn as_json(document: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(document).unwrap()).unwrap()
}

#[test]
fn the_schemas_take_what_the_doctor_takes_and_refuse_what_it_refuses() {
    let example = include_str!("../dist/config.toml");
    let settings = jsonschema::validator_for(&schema("settings")).unwrap();
    // With every line in force.
    let in_force: Vec<&str> = example
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with([' ', ':']))
        .collect();
    assert!(in_force.len() >= 10, "{in_force:?}");
    for text in [example, &in_force.join("\n")] {
        assert!(settings.is_valid(&as_json(text)), "{text}");
        let place = tempfile::tempdir().unwrap();
        assert_ne!(check(place.path(), text, &[]).code, Some(3), "{text}");
    }
    for text in [
        "plugin_dir = \"/x\"",
        "public_addresses = [3]",
        "[[waivers]]\ncheck = \"hardware.cpu\"",
    ] {
        assert!(!settings.is_valid(&as_json(text)), "{text}");
    }
    let profile = jsonschema::validator_for(&schema("profile")).unwrap();
    for text in [
        include_str!("../src/profile/2023.toml"),
        include_str!("../src/profile/2025.toml"),
        "extends = \"2023\"\n[hardware]\ncpus = 8",
    ] {
        let problems: Vec<String> = profile
            .iter_errors(&as_json(text))
            .map(|problem| format!("{}: {problem}", problem.instance_path()))
            .collect();
        assert_eq!(problems, Vec::<String>::new());
    }
    for text in [
        "[hardware]\ncpu = 8",
        "[hardware]\ncpus = \"many\"",
        "[layout]\nnode_dir = \"sesam\"",
    ] {
        assert!(!profile.is_valid(&as_json(text)), "{text}");
    }
}

#[test]
fn each_command_has_a_page_of_its_own() {
    let page = |command: &str| {
        let output = doctor().args(["man", command]).output().unwrap();
        (
            output.status.code(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    let (code, words) = page("serve");
    assert_eq!(code, Some(0), "{words}");
    assert!(
        words.contains("sesam\\-doctor\\-serve") && words.contains("\\-\\-listen"),
        "{words}"
    );
    let (code, words) = page("srve");
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("did you mean “serve”?"), "{words}");
}
