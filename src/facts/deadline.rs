//! Deadlines: how nothing that is looked at can hang or kill a run.

use std::time::Duration;

use super::Observed;
use crate::defects::Waiting;

/// Runs a blocking look at `what` on a thread of its own and gives up waiting at the deadline.
///
/// The thread of a look that never returns (`statvfs` on a dead mount) stays behind and goes with the process.
pub async fn bounded<T: Send + 'static>(
    deadline: Duration,
    what: impl Into<String>,
    look: impl FnOnce() -> Observed<T> + Send + 'static,
) -> Observed<T> {
    let what = what.into();
    let waiting = Waiting::default();
    let watch = waiting.watch();
    let looking = tokio::task::spawn_blocking(move || watch.over(look));
    match tokio::time::timeout(deadline, waiting.unless_told(looking)).await {
        Ok(Some(Ok(observed))) => observed,
        Ok(_panicked) => Observed::Failed(format!(
            "looking at {what} failed inside the doctor; please report this"
        )),
        Err(_elapsed) => Observed::TimedOut(format!(
            "{what} did not answer within {} s",
            deadline.as_secs_f64()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_that_never_returns_costs_its_deadline_only() {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let observed = bounded(Duration::from_millis(20), "a dead mount", move || {
            let _ = wait.recv();
            Observed::Seen(())
        })
        .await;
        assert_eq!(
            observed,
            Observed::TimedOut("a dead mount did not answer within 0.02 s".into())
        );
        drop(release);
    }

    #[tokio::test]
    async fn a_look_that_panics_is_a_failed_observation() {
        let observed = bounded::<()>(Duration::from_secs(5), "it", || {
            std::panic::resume_unwind(Box::new("thrown by the test"))
        })
        .await;
        assert!(matches!(observed, Observed::Failed(_)));
    }
}
