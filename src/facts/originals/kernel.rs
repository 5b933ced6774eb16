//! What the kernel said about memory and disks.

use tokio::sync::mpsc::Sender;

use crate::facts::memory::kernel_log;

/// Words of the messages that a slow or dying node is explained by, in small letters.
const WORDS: [&str; 26] = [
    "out of memory",
    "oom",
    "killed process",
    "page allocation failure",
    "hung task",
    "blocked for more than",
    "i/o error",
    "ext4",
    "xfs",
    "btrfs",
    "buffer i/o",
    "blk_update",
    "critical medium",
    "nvme",
    "ata",
    "scsi",
    "sd ",
    "vda",
    "vdb",
    "xvd",
    "md/raid",
    "device-mapper",
    "nfs",
    "remount",
    "no space",
    "memory",
];

/// Sends the messages that speak of memory or disks, each with its time since the start of the kernel.
pub(super) fn send(pieces: &Sender<Vec<u8>>) -> Result<u64, String> {
    let read = kernel_log::each_record(&mut |record| {
        let Some(record) = kernel_log::parse(record) else {
            return;
        };
        let message = record.message.to_lowercase();
        if record.facility == 0 && WORDS.iter().any(|word| message.contains(word)) {
            let line = format!(
                "[{:14.6}] {}\n",
                record.since_boot.as_secs_f64(),
                record.message
            );
            // Nobody takes it any more: there is nothing to be done about that.
            let _ = pieces.blocking_send(line.into_bytes());
        }
    });
    read.map(|()| 0).map_err(reason)
}

fn reason(error: rustix::io::Errno) -> String {
    match error {
        rustix::io::Errno::PERM | rustix::io::Errno::ACCESS => {
            "reading the kernel's log needs root".to_owned()
        }
        rustix::io::Errno::NOENT => {
            "this machine does not show its kernel's log, as containers do not".to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn why_there_is_no_log_is_said_in_words() {
        assert!(reason(Errno::ACCESS).contains("needs root"));
        for error in [Errno::ACCESS, Errno::PERM, Errno::NOENT] {
            assert!(!reason(error).contains("os error"), "{error}");
        }
    }
}
