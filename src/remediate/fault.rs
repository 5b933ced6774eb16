//! Points at which a test can let a run die or the disk be full. A release build has none of it.

use std::io;

/// One moment before or after something that changes the machine or the journal.
///
/// # Errors
/// The error that a test asked for at this point; none in a release build.
#[cfg(not(debug_assertions))]
#[inline]
pub(super) fn point(_name: &str) -> io::Result<()> {
    Ok(())
}

/// One moment before or after something that changes the machine or the journal.
///
/// `SESAM_DOCTOR_FAULT=N:kill` kills the process, as a power cut would, at the Nth point that it comes to, counted from
/// 1; `N:enospc` and `N:erofs` let the system call that follows fail instead. `SESAM_DOCTOR_FAULT_LOG` names a file to which
/// every point is written, so that a test knows how many there are.
///
/// # Errors
/// The error that a test asked for at this point.
#[cfg(debug_assertions)]
pub(super) fn point(name: &str) -> io::Result<()> {
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::io::Errno;

    static PASSED: AtomicU64 = AtomicU64::new(0);
    let number = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
    if let Some(log) = std::env::var_os("SESAM_DOCTOR_FAULT_LOG") {
        use std::io::Write;
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)?;
        writeln!(file, "{number} {name}")?;
    }
    let Ok(wanted) = std::env::var("SESAM_DOCTOR_FAULT") else {
        return Ok(());
    };
    let Some((at, what)) = wanted.split_once(':') else {
        return Ok(());
    };
    if at.parse() != Ok(number) {
        return Ok(());
    }
    match what {
        "kill" => {
            let own = rustix::process::getpid();
            let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
            loop {
                std::thread::park();
            }
        }
        "enospc" => Err(Errno::NOSPC.into()),
        "erofs" => Err(Errno::ROFS.into()),
        _ => Ok(()),
    }
}
