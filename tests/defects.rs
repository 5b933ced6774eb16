//! Where a panic does not unwind, as in a release: it costs what was being looked at, and not the run.
//!
//! Each case is a process of its own with the hook of a release, whose threads that panic stay where they are.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::{self, Command, Output};

use sesam_doctor::defects::{Waiting, inherited, stay_after_panics};
use tokio::runtime::{Builder, Runtime};

const INSIDE: &str = "SESAM_DOCTOR_TEST_STAYS";

/// Runs the case in a process of its own; nothing is returned there.
fn apart(name: &str, case: impl FnOnce(&Runtime)) -> Option<Output> {
    if std::env::var_os(INSIDE).is_none() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        return Some(output);
    }
    stay_after_panics();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    case(&runtime);
    // Not through the harness, whose end waits for the threads that stay.
    println!("the case is over");
    process::exit(0);
}

fn passes(name: &str, case: impl FnOnce(&Runtime)) {
    let output = apart(name, case).unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("the case is over"), "{said}");
    assert!(said.contains("on purpose"), "{said}");
}

#[test]
fn a_thread_that_panics_is_told_of_at_once() {
    passes("a_thread_that_panics_is_told_of_at_once", |runtime| {
        let waiting = Waiting::default();
        let watch = waiting.watch();
        let look = runtime.spawn_blocking(move || watch.over(|| panic!("on purpose")));
        assert!(runtime.block_on(waiting.unless_told(look)).is_none());
    });
}

#[test]
fn a_task_that_panics_leaves_the_only_worker_to_others() {
    passes(
        "a_task_that_panics_leaves_the_only_worker_to_others",
        |runtime| {
            let waiting = Waiting::default();
            let task = runtime.spawn(waiting.watch().over_task(async {
                tokio::task::yield_now().await;
                panic!("on purpose")
            }));
            assert!(runtime.block_on(waiting.unless_told(task)).is_none());
            let other = runtime.spawn(async { 7 });
            assert_eq!(runtime.block_on(other).unwrap(), 7);
        },
    );
}

#[test]
fn a_task_of_a_task_is_watched_over_too() {
    passes("a_task_of_a_task_is_watched_over_too", |runtime| {
        let waiting = Waiting::default();
        let task =
            runtime.spawn(waiting.watch().over_task(async {
                tokio::spawn(inherited(async { panic!("on purpose") })).await
            }));
        assert!(runtime.block_on(waiting.unless_told(task)).is_none());
    });
}

#[test]
fn what_nobody_watches_for_ends_the_process_undetermined() {
    let output = apart(
        "what_nobody_watches_for_ends_the_process_undetermined",
        |_| {
            panic!("on purpose");
        },
    )
    .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("on purpose"), "{said}");
}
