//! The owner of the data directory exchanges what is in it while a run works there: nothing outside is touched.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/fixing.rs"]
mod fixing;
mod support;
#[path = "support/trees.rs"]
mod trees;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, lchown, symlink},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use fixing::{Place, USER};
use support::is_root;
use trees::difference;

/// Puts a link to `outside` in the place of a directory and back, again and again, until told to stop.
fn exchange(directory: &Path, outside: &Path, stop: &AtomicBool) -> u64 {
    let aside = directory.with_extension("aside");
    let mut exchanges = 0;
    while !stop.load(Ordering::Relaxed) {
        // Each of these may find that the doctor was quicker.
        let _ = fs::rename(directory, &aside);
        if symlink(outside, directory).is_ok() {
            let _ = lchown(directory, Some(USER), Some(USER));
        }
        let _ = fs::remove_file(directory);
        let _ = fs::rename(&aside, directory);
        exchanges += 1;
    }
    exchanges
}

#[test]
fn what_is_exchanged_while_it_is_mended_leads_nowhere() {
    if !is_root("races") {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    for number in 0..20 {
        let file = outside.path().join(format!("{number}.sst"));
        fs::write(&file, "root's").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    }
    let before = trees::listing(outside.path(), &[]);
    let mut exchanges = 0;
    // One racer at a time: two of them would lead each other out of the tree, and blame the doctor.
    for inside in [
        "srv/data/sesam/node-00/data/db",
        "srv/data/sesam/node-00/data",
        "srv/data/sesam/node-00",
    ]
    .repeat(4)
    {
        let place = Place::neglected();
        for parent in ["srv/data", "srv/data/sesam", "srv/data/sesam/node-00"] {
            place.of_user(parent);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let racer = {
            let (directory, outside, stop) = (
                place.path(inside),
                outside.path().to_path_buf(),
                Arc::clone(&stop),
            );
            std::thread::spawn(move || exchange(&directory, &outside, &stop))
        };
        for _ in 0..3 {
            // Whether it ends well is the racers' doing; what it must not do is looked at below.
            place.fix().output().unwrap();
            place.undo().output().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        exchanges += racer.join().unwrap();
        assert_eq!(
            difference(&before, &trees::listing(outside.path(), &[])),
            Vec::<String>::new()
        );
    }
    println!("{exchanges} exchanges");
    assert!(exchanges > 0);
}
