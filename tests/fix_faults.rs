//! A run that dies, or whose disk is full or read-only, at every point at which it changes something: the next one ends
//! well or back at the start, with nothing lost and nothing half-written.
//!
//! The points are those of `remediate::fault`, which a debug build has and a release build has not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/fixing.rs"]
mod fixing;
mod support;
#[path = "support/trees.rs"]
mod trees;

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Output},
};

use fixing::{Place, report, status};
use support::{is_root, text};
use trees::{Listing, difference};

const SIGKILL: i32 = 9;

/// How often a command passes a point, by a run that nothing happens to.
fn points(mut command: Command) -> usize {
    let log = tempfile::NamedTempFile::new().unwrap();
    let output = command
        .env("SESAM_DOCTOR_FAULT_LOG", log.path())
        .output()
        .unwrap();
    assert_ne!(output.status.code(), Some(3), "{}", text(&output.stderr));
    fs::read_to_string(log.path()).unwrap().lines().count()
}

fn at_point(mut command: Command, point: usize, what: &str) -> Output {
    command
        .env("SESAM_DOCTOR_FAULT", format!("{point}:{what}"))
        .output()
        .unwrap()
}

/// Everything that stands in a place after a run is whole: no name of the doctor's own is left, and what a person had
/// is there, in its own place or under the name that it was kept by.
fn hold_to_whole(listing: &Listing, original: &Listing, place: &str) {
    for path in listing.keys() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        assert!(
            !name.starts_with(".sesam-doctor-"),
            "{place}: {} is left",
            path.display()
        );
    }
    for (path, described) in original {
        let content = |described: &str| described.splitn(3, ' ').nth(2).unwrap().to_owned();
        let now = listing
            .get(path)
            .unwrap_or_else(|| panic!("{place}: {} is lost", path.display()));
        assert_eq!(
            content(now),
            content(described),
            "{place}: {}",
            path.display()
        );
    }
}

/// What a place is to be like at the end.
fn mended(make: fn() -> Place) -> Listing {
    let place = make();
    let after = report(&place.fix().output().unwrap());
    assert_eq!(status(&after, "layout.ownership"), "pass");
    place.listing()
}

/// Faults at each point of mending, then the next run.
fn everywhere(make: fn() -> Place, what: &str) -> usize {
    let count = points(make().fix());
    // Times and names of a listing are the same for every place, except for the place's own path in the answers.
    let wanted = neutral(&mended(make));
    for point in 1..=count {
        let at = format!("{what} at point {point} of {count}");
        let place = make();
        let start = place.listing();
        let first = at_point(place.fix(), point, what);
        if what == "kill" {
            assert_eq!(first.status.signal(), Some(SIGKILL), "{at}");
        }
        let next = place.fix().output().unwrap();
        let now = place.listing();
        hold_to_whole(&now, &start, &at);
        let lines = difference(&wanted, &neutral(&now));
        assert!(
            lines.is_empty(),
            "{at}: {lines:#?}\nfirst: {}\nnext: {}",
            text(&first.stderr),
            text(&next.stderr)
        );
        // However it came to be so, it can be taken back.
        while place.undo().output().unwrap().status.success() {}
        let back = difference(&start, &place.listing());
        assert!(back.is_empty(), "{at}, taken back: {back:#?}");
    }
    count
}

/// A listing without what is a place's own.
fn neutral(listing: &Listing) -> Listing {
    listing
        .iter()
        .filter(|(path, _)| !path.starts_with(Path::new("brought")))
        .map(|(path, described)| (path.clone(), described.clone()))
        .collect()
}

#[test]
fn killed_at_every_point_the_next_run_ends_well() {
    if !is_root("faults") {
        return;
    }
    let counts = [
        everywhere(Place::bare, "kill"),
        everywhere(Place::neglected, "kill"),
    ];
    println!("killed at {counts:?} points");
}

#[test]
fn a_full_disk_at_every_point_leaves_nothing_half_written() {
    if !is_root("faults") {
        return;
    }
    let count = everywhere(Place::bare, "enospc");
    println!("the disk was full at {count} points");
}

#[test]
fn a_disk_that_turns_read_only_at_every_point_leaves_nothing_half_written() {
    if !is_root("faults") {
        return;
    }
    let count = everywhere(Place::neglected, "erofs");
    println!("the disk was read-only at {count} points");
}

#[test]
fn taking_back_killed_at_every_point_is_finished_by_the_next() {
    if !is_root("faults") {
        return;
    }
    let ready = || {
        let place = Place::neglected();
        place.fix().output().unwrap();
        place
    };
    let count = points(ready().undo());
    for point in 1..=count {
        let place = Place::neglected();
        let start = place.listing();
        place.fix().output().unwrap();
        let first = at_point(place.undo(), point, "kill");
        assert_eq!(first.status.signal(), Some(SIGKILL), "point {point}");
        while place.undo().output().unwrap().status.success() {}
        let back = difference(&start, &place.listing());
        assert!(
            back.is_empty(),
            "killed at point {point} of {count}: {back:#?}"
        );
    }
    println!("taking back was killed at {count} points");
}

#[test]
fn killed_at_any_moment_the_next_run_ends_well() {
    if !is_root("faults by chance") {
        return;
    }
    let wanted = neutral(&mended(Place::neglected));
    for milliseconds in (2..120).step_by(7) {
        let place = Place::neglected();
        let start = place.listing();
        let mut child = place
            .fix()
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // When it falls is chance, and that is the point.
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        let _ = child.kill();
        child.wait().unwrap();
        let next = place.fix().output().unwrap();
        let now = place.listing();
        hold_to_whole(&now, &start, "killed by chance");
        let lines = difference(&wanted, &neutral(&now));
        assert!(lines.is_empty(), "{lines:#?}\n{}", text(&next.stderr));
    }
}
