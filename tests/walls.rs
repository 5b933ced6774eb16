//! The walls of the house: which room may know which. One crate has no compiler between its rooms.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// For each room, the rooms that it may name with `crate::`. A room may always name itself.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("utc", &[]),
    ("output", &[]),
    ("document", &["screen"]),
    ("schemas", &[]),
    ("defects", &[]),
    ("redact", &[]),
    ("screen", &[]),
    ("files", &["units"]),
    ("program", &[]),
    ("spelling", &[]),
    ("toml_document", &["files", "spelling", "units"]),
    ("settings", &["files", "schemas", "toml_document"]),
    (
        "profile",
        &["document", "files", "schemas", "toml_document", "units"],
    ),
    (
        "facts",
        &[
            "defects", "files", "profile", "program", "redact", "settings", "spelling", "units",
        ],
    ),
    (
        "checks",
        &["facts", "profile", "settings", "spelling", "units", "utc"],
    ),
    (
        "diagnosis",
        &["checks", "defects", "facts", "profile", "settings", "utc"],
    ),
    (
        "report",
        &[
            "checks",
            "diagnosis",
            "document",
            "facts",
            "profile",
            "redact",
            "schemas",
            "screen",
            "settings",
            "units",
        ],
    ),
    (
        "remediate",
        &[
            "checks",
            "diagnosis",
            "facts",
            "files",
            "profile",
            "program",
            "redact",
            "settings",
            "spelling",
            "toml_document",
            "units",
            "utc",
        ],
    ),
    (
        "bundle",
        &["document", "facts", "files", "output", "redact", "units"],
    ),
    ("seal", &["files", "units"]),
    (
        "vantage",
        &["checks", "defects", "document", "facts", "profile"],
    ),
    ("diff", &["checks", "files", "report", "units"]),
    ("fleet", &["checks", "document", "report", "units"]),
    ("serve", &["files", "redact", "units"]),
    (
        "reference",
        &["checks", "cli", "document", "profile", "spelling"],
    ),
    ("progress", &["cli", "facts", "screen"]),
    ("cli", &[]),
    (
        "run",
        &[
            "bundle",
            "checks",
            "cli",
            "diagnosis",
            "diff",
            "document",
            "facts",
            "files",
            "fleet",
            "output",
            "profile",
            "program",
            "progress",
            "redact",
            "reference",
            "remediate",
            "report",
            "screen",
            "seal",
            "serve",
            "settings",
            "spelling",
            "toml_document",
            "units",
            "utc",
            "vantage",
        ],
    ),
];

/// Words by which a check would look at the world instead of at facts.
const WORLD: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net::Tcp",
    "std::net::Udp",
    "std::process",
    "std::time::SystemTime",
    "Timestamp::now",
    "Instant::now",
    "tokio::",
    "rustix::",
    "procfs::",
    "sysinfo::",
];

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut pending = vec![root.clone()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).unwrap().to_path_buf();
                files.push((inside, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

fn room(file: &Path) -> String {
    let first = file.iter().next().unwrap().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The part of a file that is built into the program.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap()
}

/// The first segments after `crate::` in a text, also within a grouped `use crate::{…}`.
fn rooms_named(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for after in text.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            None => {
                named.insert(identifier(after));
            }
            Some(group) => {
                let mut depth = 0;
                let mut at_start = true;
                for (index, character) in group.char_indices() {
                    match character {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => at_start = true,
                        other if at_start && other.is_alphabetic() => {
                            named.insert(identifier(&group[index..]));
                            at_start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    named
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect()
}

#[test]
fn every_room_knows_only_whom_it_may() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_KNOW.iter().copied().collect();
    let mut seen = 0;
    for (file, text) in sources() {
        let room = room(&file);
        if ["lib", "main"].contains(&room.as_str())
            || file.ends_with("tests.rs")
            || file.ends_with("cases.rs")
        {
            continue;
        }
        let may = allowed
            .get(room.as_str())
            .unwrap_or_else(|| panic!("the room {room} has no rule here"));
        for named in rooms_named(without_tests(&text)) {
            seen += 1;
            assert!(
                named == room || may.contains(&named.as_str()),
                "{} knows {named}, and may not",
                file.display()
            );
        }
    }
    assert!(seen > 20, "the rule found nothing to judge");
}

#[test]
fn checks_look_at_facts_and_not_at_the_world() {
    for (file, text) in sources() {
        if !["checks", "diagnosis", "report"].contains(&room(&file).as_str())
            || file.ends_with("cases.rs")
            || file.ends_with("tests.rs")
        {
            continue;
        }
        for word in WORLD {
            assert!(
                !without_tests(&text).contains(word),
                "{} names {word}",
                file.display()
            );
        }
    }
}

#[test]
fn files_stay_small_enough_to_read() {
    const MOST_LINES: usize = 500;
    for (file, text) in sources() {
        let lines = text.lines().count();
        assert!(
            lines <= MOST_LINES,
            "{} has {lines} lines: it is two files",
            file.display()
        );
    }
}

#[test]
fn every_check_has_cases_beside_it() {
    let mut checks = 0;
    for (file, text) in sources() {
        if room(&file) != "checks" || !without_tests(&text).contains(": Check = Check {") {
            continue;
        }
        checks += 1;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let apart = root.join(file.with_extension("")).join("tests.rs");
        let cases = std::fs::read_to_string(apart).unwrap_or_default() + &text;
        assert!(
            cases.contains("judge_cases("),
            "{} declares a check and has no table of cases",
            file.display()
        );
    }
    assert!(checks > 0);
}

#[test]
fn one_place_writes_to_stderr() {
    let writers: Vec<String> = sources()
        .into_iter()
        .filter(|(path, text)| {
            room(path) != "screen"
                && ["io::stderr", "eprint"]
                    .iter()
                    .any(|word| without_tests(text).contains(word))
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert_eq!(writers, Vec::<String>::new());
}
