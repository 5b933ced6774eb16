//! What a service and systemd say to each other; without systemd nothing of it happens.

use std::io;

use sd_notify::NotifyState;
use tokio::{net::TcpListener, time::interval};

/// The socket that systemd listens on for this service.
pub(super) fn handed_over() -> io::Result<Option<TcpListener>> {
    let mut sockets = listenfd::ListenFd::from_env();
    let Some(listener) = sockets.take_tcp_listener(0)? else {
        return Ok(None);
    };
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener).map(Some)
}

/// Tells systemd that clients can come.
pub(super) fn ready() {
    // Where nobody listens nobody waits.
    let _ = sd_notify::notify(&[NotifyState::Ready]);
}

/// Tells systemd again and again that the service is alive, where it asked for that; never ends.
pub(super) async fn watchdog() {
    let Some(deadline) = sd_notify::watchdog_enabled().filter(|deadline| !deadline.is_zero())
    else {
        return std::future::pending().await;
    };
    let mut ticks = interval(deadline / 2);
    loop {
        ticks.tick().await;
        let _ = sd_notify::notify(&[NotifyState::Watchdog]);
    }
}
