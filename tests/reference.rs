//! The check reference in `docs/checks.md` says what the registry says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::path::Path;

#[test]
fn the_check_reference_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checks.md");
    let current = sesam_doctor::reference::markdown();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&file, &current).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == current,
        "docs/checks.md is stale; run: UPDATE_REFERENCE=1 cargo test --test reference"
    );
}

/// How long a run took is the only thing that differs from run to run.
fn without_duration(text: &str) -> String {
    text.lines()
        .map(|line| line.split("; took ").next().unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_readme_shows_what_is_really_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("README.md");
    let readme = std::fs::read_to_string(&file).unwrap();
    let begin = readme.find("```console\n$ sesam-doctor ").unwrap();
    let (before, block) = readme.split_at(begin);
    let (block, after) = block.split_at(block.find("\n```\n").unwrap());
    let mut lines = block.lines().skip(1);
    let command = lines.next().unwrap();
    let shown = lines.collect::<Vec<_>>().join("\n");
    let arguments = command.trim_start_matches("$ sesam-doctor ").split(' ');
    let output = support::doctor()
        .current_dir(root)
        .args(arguments)
        .output()
        .unwrap();
    let printed = support::text(&output.stdout);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        let printed = printed.trim_end();
        let text = format!("{before}```console\n{command}\n{printed}{after}");
        std::fs::write(&file, text).unwrap();
        return;
    }
    assert_eq!(
        without_duration(&shown),
        without_duration(&printed),
        "README.md is stale; run: UPDATE_REFERENCE=1 cargo test --test reference"
    );
}
