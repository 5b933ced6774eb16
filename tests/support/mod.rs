//! What the tests of the whole program share.
#![allow(dead_code, clippy::unwrap_used)]

use std::process::Command;

/// The doctor as built for the tests, with no settings of this machine and no colour wishes of the caller.
pub fn doctor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sesam-doctor"));
    command.env_remove("NO_COLOR").arg("--offline");
    command
}

/// Bytes as text, for assertions.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether the test may do what only root may; where not, that it is left out is printed.
pub fn is_root(what: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("left out: {what}: it needs root");
    }
    is_root
}
