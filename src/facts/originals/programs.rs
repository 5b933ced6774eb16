//! What the machine's own programs say of it.

use std::time::Duration;

use tokio::{process::Command, sync::mpsc::Sender};

use crate::{
    program::{self, Ended},
    units::Bytes,
};

/// The programs that are asked, and what their answer is called. None of them changes anything.
pub const PROGRAMS: &[(&str, &[&str])] = &[
    ("ip-address", &["ip", "address"]),
    ("ip-link", &["ip", "-s", "link"]),
    ("ip-route", &["ip", "route", "show", "table", "all"]),
    ("ip-6-route", &["ip", "-6", "route", "show", "table", "all"]),
    ("ip-rule", &["ip", "rule"]),
    ("resolvectl", &["resolvectl", "--no-pager", "status"]),
    ("nft", &["nft", "list", "ruleset"]),
    ("iptables", &["iptables-save"]),
    ("ip6tables", &["ip6tables-save"]),
    ("ufw", &["ufw", "status", "verbose"]),
    ("sockets", &["ss", "-tulpn"]),
    ("df", &["df", "-PT", "-x", "overlay"]),
    ("df-inodes", &["df", "-Pi", "-x", "overlay"]),
    (
        "lsblk",
        &["lsblk", "-b", "-o", "NAME,TYPE,SIZE,RO,FSTYPE,MOUNTPOINT"],
    ),
    ("memory", &["cat", "/proc/meminfo"]),
    ("uname", &["uname", "-a"]),
    ("uptime", &["uptime"]),
    ("docker-version", &["docker", "version"]),
    ("docker-ps", &["docker", "ps", "--all", "--no-trunc"]),
    ("docker-compose-version", &["docker", "compose", "version"]),
    ("docker-compose-v1-version", &["docker-compose", "version"]),
    (
        "docker-unit",
        &[
            "systemctl",
            "--no-pager",
            "--full",
            "status",
            "docker.service",
        ],
    ),
    ("time", &["timedatectl", "--no-pager"]),
];

/// Sends what a program says, and how it ended where that was not well.
pub(super) async fn send(
    words: &[&str],
    most: Bytes,
    deadline: Duration,
    pieces: &Sender<Vec<u8>>,
) -> Result<u64, String> {
    let (name, arguments) = words.split_first().ok_or("no program")?;
    let mut command = Command::new(name);
    command.args(arguments);
    let most = usize::try_from(most.0).unwrap_or(usize::MAX);
    let run = program::run(command, most, deadline)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("{name} is not installed"),
            _ => format!("{name} could not be run: {error}"),
        })?;
    let is_cut = run.stdout.cut;
    let mut said = run.stdout.bytes;
    if is_cut {
        // A line that was cut into goes as a whole.
        let end = said.iter().rposition(|byte| *byte == b'\n');
        said.truncate(end.map_or(0, |end| end + 1));
        said.extend_from_slice(b"(cut here)\n");
    }
    if run.ended != Ended::Exited(0) {
        said.extend_from_slice(b"\n");
        said.extend_from_slice(&run.stderr.bytes);
        said.extend_from_slice(format!("\n({})\n", ending(run.ended)).as_bytes());
    }
    // Nobody takes it any more: there is nothing to be done about that.
    let _ = pieces.send(said).await;
    Ok(0)
}

fn ending(ended: Ended) -> String {
    match ended {
        Ended::Exited(code) => format!("it ended with {code}"),
        Ended::Signalled(signal) => format!("signal {signal} ended it"),
        Ended::TimedOut => "it did not end in time and was stopped".into(),
    }
}
