//! What a signal does that asks the process to end.

use tokio::signal::unix::{SignalKind, signal};

use crate::{files::Root, program, remediate, screen};

/// The number of the first signal that asks the process to end.
pub(super) async fn signalled() -> u8 {
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    );
    match signals {
        (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) => tokio::select! {
            _ = interrupt.recv() => 2,
            _ = terminate.recv() => 15,
            _ = hangup.recv() => 1,
        },
        // Without handlers the kernel's defaults end the process.
        _ => std::future::pending().await,
    }
}

/// Ends what runs, and waits for what must not be broken off, until a second signal comes. Where the run was changing a
/// machine, it is said how that goes on.
pub(super) async fn end(changed: Option<Root>) {
    if program::end_all() {
        tell(
            "sesam-doctor: the package manager finishes what it has begun, so that nothing is left half installed; interrupt again to break it off",
        );
        tokio::select! {
            () = program::all_ended() => {}
            _ = signalled() => program::break_off(),
        }
    }
    if let Some(root) = changed {
        tell_of_unfinished(&root);
    }
}

fn tell_of_unfinished(root: &Root) {
    let stories = remediate::stories(root).unwrap_or_default();
    if let Some(story) = stories.iter().rev().find(|story| story.outcome().is_none()) {
        tell(&format!(
            "sesam-doctor: the run {} was interrupted; --fix carries it on, and `sesam-doctor undo` takes it back",
            story.run
        ));
    }
}

/// On a line of its own: what was interrupted may have been writing one.
fn tell(words: &str) {
    screen::tell(&format!("\n{words}"));
}
