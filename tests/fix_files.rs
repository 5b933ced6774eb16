//! `--fix` where files alone are mended, and back, on throw-away roots.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/fixing.rs"]
mod fixing;
mod support;
#[path = "support/trees.rs"]
mod trees;

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        process::CommandExt,
    },
    process::Stdio,
};

use fixing::{JOURNAL, Place, USER, report, status};
use support::{doctor, is_root, text};
use trees::difference;

const MENDED: [&str; 6] = [
    "layout.data-dir",
    "layout.node-dir",
    "layout.data-link",
    "layout.agent-dir",
    "layout.letsencrypt-dir",
    "layout.ownership",
];

#[test]
fn what_is_only_shown_changes_nothing() {
    if !is_root("a plan that is only shown") {
        return;
    }
    let place = Place::bare();
    let before = place.listing();
    let script = tempfile::NamedTempFile::new().unwrap();
    let output = place
        .fix()
        .arg("--dry-run")
        .arg("--script")
        .arg(script.path())
        .output()
        .unwrap();
    let plan = report(&output);
    let steps = plan["steps"].as_array().unwrap();
    let words: Vec<&str> = steps
        .iter()
        .map(|step| step["words"].as_str().unwrap())
        .collect();
    for expected in [
        "/srv/data/sesam/node-00/data",
        "/etc/sesam-agent",
        "link /sesam",
    ] {
        assert!(
            words.iter().any(|words| words.contains(expected)),
            "{expected}: {words:?}"
        );
    }
    assert_eq!(difference(&before, &place.listing()), Vec::<String>::new());
    assert!(!place.path(JOURNAL).exists());
    let script = fs::read_to_string(script.path()).unwrap();
    assert!(script.starts_with("#!/bin/sh\n") && script.contains("set -eu"));
    assert!(script.contains("ln -s -- /srv/data/sesam/node-00/data /sesam/node-00/data"));
}

#[test]
fn nothing_is_made_for_a_user_whom_nobody_named() {
    if !is_root("a plan for a user whom nobody named") {
        return;
    }
    let place = Place::bare();
    place.write("srv/data/.env", "NODE_DOMAIN=node.acme.test\n");
    let before = place.listing();
    let script = tempfile::NamedTempFile::new().unwrap();
    let output = place
        .fix()
        .args(["--profile", "2023", "--dry-run", "--script"])
        .arg(script.path())
        .output()
        .unwrap();
    let plan = report(&output);
    let said = text(&output.stderr);
    assert!(said.contains("user_id = "), "{said}");
    let words = plan["steps"].to_string();
    for expected in [
        "make the directory /srv/data/sesam/node-00/data (mode 755, owner as user_id is answered)",
        "license.key (mode 640, owner as user_id is answered)",
    ] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    // The shell ends with that sentence before the command.
    let script = fs::read_to_string(script.path()).unwrap();
    let owner = "\"${user_id:?is the account that owns the node's data}\"";
    let line = format!("install -d -m 755 -o {owner} -g {owner} /srv/data/sesam/node-00/data\n");
    assert!(script.contains(&line), "{script}");
    let refused = place.fix().args(["--profile", "2023"]).output().unwrap();
    assert!(text(&refused.stderr).contains("user_id = "));
    assert_eq!(difference(&before, &place.listing()), Vec::<String>::new());
    assert!(place.runs().is_empty());

    place.write(
        "brought/answers.toml",
        &format!(
            "user_id = {USER}\nlicense_file = \"{}\"\n",
            place.path("brought/license.key").display()
        ),
    );
    place.fix().args(["--profile", "2023"]).output().unwrap();
    let data = fs::metadata(place.path("srv/data/sesam/node-00/data")).unwrap();
    assert_eq!((data.uid(), data.gid()), (USER, USER));
}

#[test]
fn a_bare_root_is_mended_once_and_taken_back() {
    if !is_root("mending a root") {
        return;
    }
    let place = Place::bare();
    let before = place.listing();
    let output = place.fix().output().unwrap();
    let after = report(&output);
    for id in MENDED {
        assert_eq!(status(&after, id), "pass", "{id}\n{}", text(&output.stderr));
    }
    assert_eq!(status(&after, "license.file"), "pass");
    assert_eq!(output.status.code().unwrap(), after["exit_code"]);
    let data = fs::metadata(place.path("srv/data/sesam/node-00/data")).unwrap();
    assert_eq!(
        (data.uid(), data.gid(), data.mode() & 0o777),
        (USER, USER, 0o755)
    );
    let license = fs::metadata(place.path("srv/data/sesam/node-00/data/license.key")).unwrap();
    assert_eq!((license.uid(), license.mode() & 0o777), (USER, 0o640));
    let remediation = &after["remediation"];
    assert!(
        remediation["changed"]
            .as_array()
            .unwrap()
            .iter()
            .any(|changed| changed["id"] == "layout.data-dir" && changed["after"] == "pass")
    );

    let mended = place.listing();
    let runs = place.runs();
    let again = place.fix().output().unwrap();
    assert!(
        text(&again.stderr).contains("nothing to do"),
        "{}",
        text(&again.stderr)
    );
    assert_eq!(difference(&mended, &place.listing()), Vec::<String>::new());
    assert_eq!(place.runs(), runs, "a run that did nothing has no journal");

    let undone = place.undo().output().unwrap();
    assert!(undone.status.success(), "{}", text(&undone.stderr));
    assert_eq!(difference(&before, &place.listing()), Vec::<String>::new());
}

#[test]
fn owners_and_modes_are_mended_and_given_back() {
    if !is_root("mending owners") {
        return;
    }
    let place = Place::neglected();
    let before = place.listing();
    let after = report(&place.fix().output().unwrap());
    assert_eq!(status(&after, "layout.ownership"), "pass");
    let acme = fs::metadata(place.path("srv/data/traefik/letsencrypt/acme.json")).unwrap();
    assert_eq!(acme.mode() & 0o777, 0o600);
    let open = fs::metadata(place.path("srv/data/sesam/node-00/data/db/3.sst")).unwrap();
    assert_eq!((open.uid(), open.mode() & 0o777), (USER, 0o664));
    assert!(place.undo().output().unwrap().status.success());
    assert_eq!(difference(&before, &place.listing()), Vec::<String>::new());
}

#[test]
fn the_journal_is_roots_alone_and_has_no_secret() {
    if !is_root("a journal") {
        return;
    }
    let place = Place::bare();
    let acting = "a\u{1b}[2Jb\u{202e}c";
    place.fix().env("SUDO_USER", acting).output().unwrap();
    let directory = fs::metadata(place.path(JOURNAL)).unwrap();
    assert_eq!(directory.mode() & 0o777, 0o700);
    let runs = place.runs();
    assert_eq!(runs.len(), 1);
    let journal = fs::metadata(&runs[0]).unwrap();
    assert_eq!(journal.mode() & 0o777, 0o600);
    let content = fs::read_to_string(&runs[0]).unwrap();
    assert!(!content.contains("BEGIN SESAM LICENSE"));
    let list = place.undo().arg("--list").output().unwrap();
    let list = text(&list.stdout);
    assert!(list.contains("completed"), "{list}");
    assert!(list.contains("a\\u{1b}[2Jb\\u{202e}c"), "{list:?}");
    assert!(!list.contains(['\u{1b}', '\u{202e}']), "{list:?}");
}

#[test]
fn undo_destroys_nothing_that_came_later() {
    if !is_root("undo") {
        return;
    }
    let place = Place::bare();
    place.fix().output().unwrap();
    place.write("srv/data/sesam/node-00/data/db", "a customer's data");
    place.write("srv/data/sesam/node-00/data/license.key", "a newer license");
    let undone = place.undo().output().unwrap();
    let said = text(&undone.stderr);
    assert!(said.contains("holds something"), "{said}");
    assert!(said.contains("license.key was changed since"), "{said}");
    let read = |inside: &str| fs::read_to_string(place.path(inside)).unwrap();
    assert_eq!(read("srv/data/sesam/node-00/data/db"), "a customer's data");
    assert_eq!(
        read("srv/data/sesam/node-00/data/license.key"),
        "a newer license"
    );
    assert!(!place.path("etc/sesam-agent").exists());
}

#[test]
fn undo_asks_and_where_it_cannot_it_wants_to_be_told() {
    if !is_root("undo") {
        return;
    }
    let place = Place::bare();
    place.fix().output().unwrap();
    let fixed = place.listing();
    let mut undo = support::doctor();
    undo.arg("--root").arg(place.root()).arg("undo");
    let refused = undo.output().unwrap();
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("say --yes"), "{said}");
    assert_eq!(
        undo.arg("--dry-run").output().unwrap().status.code(),
        Some(0)
    );
    assert_eq!(difference(&fixed, &place.listing()), Vec::<String>::new());
}

#[test]
fn what_cannot_be_mended_is_refused_with_the_reason() {
    let place = Place::bare();
    let before = place.listing();
    let refused = |output: std::process::Output, expected: &str| {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(expected), "{expected}: {said}");
    };
    refused(
        doctor()
            .args(["--fix", "--facts", "x.json"])
            .output()
            .unwrap(),
        "recorded facts",
    );
    refused(
        doctor().args(["--fix", "--at", "30d"]).output().unwrap(),
        "another time",
    );
    refused(doctor().args(["--yes"]).output().unwrap(), "--fix only");
    refused(
        doctor().args(["list", "--fix"]).output().unwrap(),
        "--fix belongs",
    );
    if !is_root("refusals on a root") {
        return;
    }
    let mut without_yes = place.doctor();
    without_yes
        .args(["check", "layout", "--fix"])
        .stdin(Stdio::null());
    refused(without_yes.output().unwrap(), "--yes");
    let mut nobody = place.fix();
    nobody.uid(65_534).gid(65_534);
    // Where an account that may nothing cannot even start the program, that is no refusal of ours.
    if let Ok(output) = nobody.output() {
        refused(output, "needs root");
    }
    assert_eq!(difference(&before, &place.listing()), Vec::<String>::new());
}

#[test]
fn a_root_that_is_mounted_read_only_is_refused() {
    if !is_root("a read-only root") {
        return;
    }
    let place = Place::bare();
    let before = place.listing();
    let fix = place.fix();
    let output = std::process::Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-euc"])
        .arg("mount --bind \"$0\" \"$0\"; mount -o remount,ro,bind \"$0\"; exec \"$@\"")
        .arg(place.root())
        .arg(fix.get_program())
        .args(fix.get_args())
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("Read-only file system"), "{said}");
    assert_eq!(difference(&before, &place.listing()), Vec::<String>::new());
}

#[test]
fn two_runs_at_once_are_impossible_and_the_other_is_named() {
    if !is_root("the lock") {
        return;
    }
    let place = Place::bare();
    fs::create_dir_all(place.path(JOURNAL)).unwrap();
    let lock = place.write(
        &format!("{JOURNAL}/lock"),
        r#"{"pid": 4711, "by": "root (uid 0), with sudo by ada", "since": "2026-11-25T03:00:00Z"}"#,
    );
    let held = fs::File::open(lock).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let before = place.listing();
    let output = place.fix().output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    for expected in ["4711", "ada", "2026-11-25 03:00:00 UTC"] {
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(difference(&before, &place.listing()), Vec::<String>::new());
}

#[test]
fn a_step_that_fails_takes_the_run_back_and_the_next_one_goes_on() {
    if !is_root("a failing step") {
        return;
    }
    let place = Place::neglected();
    // A trap for whoever descends is found out late, when directories, link and license are there.
    let trap = place.path("srv/data/sesam/node-00/data/db/trap");
    fs::create_dir_all(trap.join("a/".repeat(100))).unwrap();
    let before = place.listing();
    let output = place.fix().output().unwrap();
    let after = report(&output);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let results: Vec<&str> = after["remediation"]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["result"].as_str().unwrap())
        .collect();
    assert!(
        results.contains(&"done") && results.contains(&"failed"),
        "{results:?}"
    );
    assert!(
        !after["remediation"]["taken_back"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(difference(&before, &place.listing()), Vec::<String>::new());

    fs::remove_dir_all(trap).unwrap();
    let next = report(&place.fix().output().unwrap());
    assert_eq!(status(&next, "layout.ownership"), "pass");
    assert_eq!(status(&next, "license.file"), "pass");
}

#[test]
fn links_pipes_and_second_names_are_not_followed_out_of_the_tree() {
    if !is_root("hostile trees") {
        return;
    }
    let place = Place::neglected();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("shadow");
    fs::write(&secret, "root's").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o666)).unwrap();
    let data = place.path("srv/data/sesam/node-00/data");
    symlink(&secret, data.join("link")).unwrap();
    symlink(outside.path(), data.join("directory")).unwrap();
    let look = || trees::listing(outside.path(), &[]);
    let before = look();
    let after = report(&place.fix().output().unwrap());
    assert_eq!(difference(&before, &look()), Vec::<String>::new());
    assert_eq!(status(&after, "layout.ownership"), "pass");

    // A second name of a file elsewhere: it is left alone, which is said, and everything else is mended.
    let place = Place::neglected();
    fs::hard_link(&secret, place.path("srv/data/sesam/node-00/data/borrowed"))
        .or_else(|_| {
            // On another file system there is no second name; one within the tree is as good.
            fs::hard_link(
                place.path("srv/data/sesam/node-00/data/db/1.sst"),
                place.path("brought/borrowed"),
            )
        })
        .unwrap();
    let owner = |path: &std::path::Path| fs::metadata(path).unwrap().uid();
    let output = place.fix().output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("hard links"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(owner(&secret), 0);
    let db = place.path("srv/data/sesam/node-00/data/db");
    assert_eq!(owner(&db.join("2.sst")), USER);
    // What is left of it is no reason for another run.
    assert_eq!(place.runs().len(), 1);
    let again = place.fix().output().unwrap();
    assert!(
        text(&again.stderr).contains("nothing to do"),
        "{}",
        text(&again.stderr)
    );
}

/// Watches a thing for whoever opens it or changes what it is.
struct Watched {
    descriptor: rustix::fd::OwnedFd,
}

impl Watched {
    fn new(path: &std::path::Path) -> Self {
        use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
        let descriptor = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(
            &descriptor,
            path,
            WatchFlags::OPEN | WatchFlags::ATTRIB | WatchFlags::MODIFY | WatchFlags::DELETE_SELF,
        )
        .unwrap();
        Self { descriptor }
    }

    /// Whether anything happened to it until now.
    fn is_touched(&self) -> bool {
        let mut events = [0; 4_096];
        match rustix::io::read(&self.descriptor, &mut events) {
            Ok(length) => length > 0,
            Err(error) => {
                assert_eq!(error, rustix::io::Errno::AGAIN);
                false
            }
        }
    }
}

/// A device node in a place, as its user has it; false where none can be made here.
fn plant_device(place: &Place, inside: &str, kind: rustix::fs::FileType) -> bool {
    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
    let path = place.path(inside);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // A terminal waits for whoever opens it, and a loop device without a file has nothing to give.
    let device = match kind {
        FileType::BlockDevice => makedev(7, 250),
        _ => makedev(4, 64),
    };
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
    if mknodat(CWD, &path, kind, mode, device).is_err() {
        println!("left out: device nodes in a hostile tree: none can be made here");
        return false;
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    true
}

#[test]
fn a_watch_notices_who_opens_a_thing_and_who_changes_it() {
    let place = Place::bare();
    let path = place.path("srv/data/.env");
    let watched = Watched::new(&path);
    assert!(!watched.is_touched());
    drop(fs::File::open(&path).unwrap());
    assert!(watched.is_touched() && !watched.is_touched());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(watched.is_touched());
}

#[test]
fn device_nodes_are_neither_opened_nor_changed() {
    use rustix::fs::FileType::{BlockDevice, CharacterDevice};
    if !is_root("hostile trees with device nodes") {
        return;
    }
    let data = "srv/data/sesam/node-00/data";
    let places = [
        format!("{data}/db/device"),
        format!("{data}/license.key"),
        data.to_owned(),
        "sesam/node-00/data".to_owned(),
        "srv/data/traefik/letsencrypt/acme.json".to_owned(),
        "srv/data/traefik/letsencrypt".to_owned(),
        "etc/sesam-agent".to_owned(),
    ];
    for planted in places {
        for kind in [BlockDevice, CharacterDevice] {
            let place = if planted == data {
                Place::bare()
            } else {
                Place::neglected()
            };
            let path = place.path(&planted);
            // What is there is another's to begin with.
            if path.is_file() {
                fs::remove_file(&path).unwrap();
            } else if path.is_dir() {
                fs::remove_dir_all(&path).unwrap();
            }
            if !plant_device(&place, &planted, kind) {
                return;
            }
            let before = place.listing();
            let watched = Watched::new(&path);
            let fix = place.fix();
            let output = std::process::Command::new("timeout")
                .arg("60")
                .arg(fix.get_program())
                .args(fix.get_args())
                .output()
                .unwrap();
            let said = text(&output.stderr);
            assert_ne!(
                output.status.code(),
                Some(124),
                "{planted} {kind:?}\n{said}"
            );
            assert!(!watched.is_touched(), "{planted} {kind:?}\n{said}");
            let inside = std::path::Path::new(&planted);
            assert_eq!(place.listing().get(inside), before.get(inside), "{planted}");
            place.undo().output().unwrap();
            assert!(!watched.is_touched(), "{planted} {kind:?}");
            assert_eq!(
                difference(&before, &place.listing()),
                Vec::<String>::new(),
                "{planted} {kind:?}"
            );
        }
    }
}

/// Data that lies behind a link, and belongs to the wrong user.
fn behind_a_link() -> Place {
    let place = Place::bare();
    place.write("elsewhere/node-00/data/db", "data");
    symlink("/elsewhere", place.path("srv/data/sesam")).unwrap();
    place
}

#[test]
fn a_link_that_the_datas_owner_planted_leads_nowhere() {
    if !is_root("hostile trees") {
        return;
    }
    let owner = |place: &Place| {
        fs::metadata(place.path("elsewhere/node-00/data/db"))
            .unwrap()
            .uid()
    };
    let place = behind_a_link();
    place.of_user("srv/data");
    std::os::unix::fs::lchown(place.path("srv/data/sesam"), Some(USER), Some(USER)).unwrap();
    let output = place.fix().output().unwrap();
    let said = text(&output.stderr);
    assert!(said.contains("may have made; it is not followed"), "{said}");
    assert_eq!(owner(&place), 0);

    // The same link, made by root in a directory of root's, is the administrator's own wish.
    let place = behind_a_link();
    let after = report(&place.fix().output().unwrap());
    assert_eq!(status(&after, "layout.ownership"), "pass");
    assert_eq!(owner(&place), USER);
}
