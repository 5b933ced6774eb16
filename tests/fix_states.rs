//! What `--fix` and `undo` make of states that customers' files are really in, on throw-away roots.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/fixing.rs"]
mod fixing;
mod support;
#[path = "support/trees.rs"]
mod trees;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    process::Command,
};

use fixing::{JOURNAL, Place, USER, report};
use support::{is_root, text};
use trees::difference;

const ANSWERS: &str = "node_domain = \"node.company.com\"\nfluentbit_host = \"logs.company.com\"\nfluentbit_image_tag = \"1.9.4\"\nuser_id = 1001\nsubscription_id = \"12345\"\n";

/// The doctor, told to write `.env`, whose secrets are answered.
fn fix_environment(place: &Place, answers: &str) -> Command {
    place.write("brought/answers.toml", answers);
    let mut command = place.doctor();
    command
        .args([
            "--profile",
            "2023",
            "check",
            "config.env",
            "--fix",
            "--yes",
            "--answers",
        ])
        .arg(place.path("brought/answers.toml"))
        .env("SESAM_DOCTOR_FLUENTBIT_AUTH_HEADER", "Basic c3dvcmRmaXNo");
    command
}

fn environment(place: &Place) -> String {
    fs::read_to_string(place.path("srv/data/.env")).unwrap()
}

#[test]
fn what_is_well_formed_stays_whatever_was_answered() {
    if !is_root("writing .env") {
        return;
    }
    let place = Place::bare();
    place.write(
        "srv/data/.env",
        "USER_ID=1002\r\nexport SUBSCRIPTION_ID='777'\nSESAM_NODE_IMAGE_TAG=2.3\nFLUENTBIT_HOST=a b",
    );
    let path = place.path("srv/data/.env");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    chown(&path, Some(USER), Some(USER)).unwrap();
    let answers = format!("{ANSWERS}sesam_node_image_tag = \"weekly\"\n");
    let output = fix_environment(&place, &answers).output().unwrap();
    let written = environment(&place);
    for line in [
        "USER_ID=1002\r\n",
        "export SUBSCRIPTION_ID='777'\n",
        "SESAM_NODE_IMAGE_TAG=weekly\n",
        "FLUENTBIT_HOST=logs.company.com\n",
        "NODE_DOMAIN=node.company.com\n",
    ] {
        assert!(
            written.contains(line),
            "{line}: {written}\n{}",
            text(&output.stderr)
        );
    }
    let now = fs::metadata(&path).unwrap();
    assert_eq!((now.uid(), now.mode() & 0o777), (USER, 0o600));
    let again = fix_environment(&place, &answers).output().unwrap();
    assert!(
        text(&again.stderr).contains("nothing to do"),
        "{}",
        text(&again.stderr)
    );
}

#[test]
fn a_script_keeps_the_secrets_that_it_cannot_show() {
    if !is_root("a script about .env") {
        return;
    }
    let place = Place::bare();
    place.write(
        "srv/data/.env",
        "FLUENTBIT_AUTH_HEADER='Basic aHVudGVyMg=='\nUSER_ID=1001\n",
    );
    let script = place.path("brought/by-hand.sh");
    fix_environment(&place, ANSWERS)
        .args(["--dry-run", "--script"])
        .arg(&script)
        .output()
        .unwrap();
    let script = fs::read_to_string(script).unwrap();
    assert!(!script.contains("aHVudGVyMg"), "{script}");
    let keeps = script.find("cp -p -- /srv/data/.env /srv/data/.env.before-sesam-doctor");
    let writes = script.find("cat >/srv/data/.env)");
    assert!(keeps.is_some() && keeps < writes, "{script}");
}

#[test]
fn a_link_in_a_files_place_is_left_to_a_person_before_anything_is_done() {
    if !is_root("a link in the place of .env") {
        return;
    }
    let place = Place::bare();
    place.write("opt/sesam/env", "USER_ID=1001\n");
    fs::remove_file(place.path("srv/data/.env")).unwrap();
    symlink("/opt/sesam/env", place.path("srv/data/.env")).unwrap();
    let before = place.listing();
    let output = fix_environment(&place, ANSWERS).output().unwrap();
    let after = report(&output);
    let left = after["remediation"]["left"].to_string();
    assert!(
        left.contains("/srv/data/.env is a symbolic link, not a file; it is left alone"),
        "{left}\n{}",
        text(&output.stderr)
    );
    place.write("brought/answers.toml", "");
    let changed = difference(&before, &place.listing());
    assert!(
        changed
            .iter()
            .all(|line| line.contains("brought/answers.toml")),
        "{changed:?}"
    );
}

#[test]
fn undo_says_where_it_finds_nothing_to_put_back() {
    if !is_root("undo of a written file") {
        return;
    }
    let place = Place::bare();
    fix_environment(&place, ANSWERS).output().unwrap();
    let kept = fs::read_dir(place.path("srv/data"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().contains(".env.before-"))
        .unwrap();
    let aside = place.path("brought/aside");
    fs::rename(&kept, &aside).unwrap();
    let written = environment(&place);
    let undone = place.undo().output().unwrap();
    let said = text(&undone.stderr);
    assert!(
        said.contains("stays: /srv/data/.env stays as it was written: the former one")
            && !said.contains("taken back: put back the former /srv/data/.env"),
        "{said}"
    );
    assert_eq!(environment(&place), written);
    // Once it is there again, the run can be named again.
    fs::rename(&aside, &kept).unwrap();
    let list = place.undo().arg("--list").output().unwrap();
    let list = text(&list.stdout);
    let run = list.split_whitespace().next().unwrap();
    let undone = place.undo().arg(run).output().unwrap();
    assert!(undone.status.success(), "{}", text(&undone.stderr));
    assert!(!environment(&place).contains("node.company.com"));
    let again = place.undo().arg(run).output().unwrap();
    assert!(
        text(&again.stderr).contains("was taken back already"),
        "{}",
        text(&again.stderr)
    );
}

#[test]
fn an_older_run_can_be_taken_back_once_the_newer_one_is() {
    if !is_root("undo of two runs") {
        return;
    }
    let place = Place::bare();
    let original = environment(&place);
    fix_environment(&place, ANSWERS).output().unwrap();
    let first = environment(&place);
    place.write("srv/data/.env", &first.replace("1.9.4", "1.9.4 x"));
    let edited = environment(&place);
    let newer = ANSWERS.replace("1.9.4", "1.9.5");
    fix_environment(&place, &newer).output().unwrap();
    let list = place.undo().arg("--list").output().unwrap();
    let list = text(&list.stdout);
    let runs: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(runs.len(), 2, "{list}");
    let said = |run: &str| {
        let output = place.undo().arg(run).output().unwrap();
        text(&output.stderr)
    };
    assert!(said(runs[0]).contains(".env was changed since"));
    said(runs[1]);
    assert_eq!(environment(&place), edited);
    place.write("srv/data/.env", &first);
    let words = said(runs[0]);
    assert_eq!(environment(&place), original, "{words}");
}

#[test]
fn journals_that_are_damaged_copied_or_foreign_are_told_apart() {
    if !is_root("journals") {
        return;
    }
    let place = Place::bare();
    place.fix().output().unwrap();
    let journal = place.runs().pop().unwrap();
    let whole = fs::read_to_string(&journal).unwrap();

    // A copy from the middle of the run is no run of its own, and shortens nothing.
    let half: String = whole.split_inclusive('\n').take(3).collect();
    let copy = journal.with_extension("bak.jsonl");
    fs::write(&copy, half).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
    place.write(&format!("{JOURNAL}/notes.txt"), "ours");
    let again = place.fix().output().unwrap();
    assert!(
        text(&again.stderr).contains("nothing to do"),
        "{}",
        text(&again.stderr)
    );
    assert_eq!(fs::read_to_string(&journal).unwrap(), whole);

    // One that is damaged in its middle is named, with its line and what to do.
    let damaged = whole.replacen("{\"record\":\"did\"", "{\"rec", 1);
    fs::write(&journal, damaged).unwrap();
    let refused = place.fix().output().unwrap();
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(
        said.contains("line ") && said.contains("is no record that this sesam-doctor knows"),
        "{said}"
    );
    fs::rename(&journal, place.path("brought/journal")).unwrap();
    assert_eq!(
        place.undo().arg("--list").output().unwrap().status.code(),
        Some(0)
    );
}
