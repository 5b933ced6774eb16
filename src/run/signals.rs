//! Signals that end a run.

use tokio::signal::unix::{SignalKind, signal};

/// The number of the first signal that asks the process to end.
pub(super) async fn interruption() -> u8 {
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
