//! Where a panic does not unwind, as in a release: it costs what was being looked at or judged, and not the run.
//!
//! This process has the hook of a release, so its threads that panic stay where they are.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{process::Command, sync::Once};

use sesam_doctor::defects::{Waiting, inherited, stay_after_panics};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    static HOOK: Once = Once::new();
    HOOK.call_once(stay_after_panics);
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn a_thread_that_panics_is_told_of_at_once() {
    let runtime = runtime();
    let waiting = Waiting::default();
    let watch = waiting.watch();
    let look = runtime.spawn_blocking(move || watch.over(|| panic!("on purpose")));
    assert!(runtime.block_on(waiting.unless_told(look)).is_none());
    runtime.shutdown_background();
}

#[test]
fn a_task_that_panics_leaves_the_runtimes_only_thread_to_others() {
    let runtime = runtime();
    let waiting = Waiting::default();
    let task = runtime.spawn(waiting.watch().over_task(async {
        tokio::task::yield_now().await;
        panic!("on purpose")
    }));
    assert!(runtime.block_on(waiting.unless_told(task)).is_none());
    let other = runtime.spawn(async { 7 });
    assert_eq!(runtime.block_on(other).unwrap(), 7);
    runtime.shutdown_background();
}

#[test]
fn a_task_of_a_task_is_watched_over_too() {
    let runtime = runtime();
    let waiting = Waiting::default();
    let task = runtime.spawn(waiting.watch().over_task(async {
        let inner = tokio::spawn(inherited(async { panic!("on purpose") }));
        inner.await
    }));
    assert!(runtime.block_on(waiting.unless_told(task)).is_none());
    runtime.shutdown_background();
}

#[test]
fn what_nobody_watches_for_ends_the_process_undetermined() {
    const INSIDE: &str = "SESAM_DOCTOR_TEST_PANICS";
    if std::env::var_os(INSIDE).is_some() {
        stay_after_panics();
        panic!("on purpose");
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "what_nobody_watches_for_ends_the_process_undetermined",
            "--nocapture",
        ])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("on purpose"));
}
