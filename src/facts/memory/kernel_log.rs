//! Processes killed for want of memory, from the kernel's log (`/dev/kmsg`, see its ABI in the kernel's documentation).

use std::{collections::VecDeque, sync::LazyLock, time::Duration};

use jiff::Timestamp;
use regex::Regex;
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};
use serde::{Deserialize, Serialize};

use crate::facts::Observed;

/// The kernel's log holds a few thousand records; a program that writes to it all the time must not keep us.
const MOST_RECORDS: u64 = 200_000;

/// The kernel makes no record larger than this; a smaller buffer is refused.
const LARGEST_RECORD: usize = 16_384;

/// Only the latest kills are kept.
const MOST_KILLS: usize = 20;

/// What the kernel's log says of processes killed for want of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutOfMemoryKills {
    /// The latest kills, the oldest first.
    pub kills: Vec<Kill>,
    /// How many kills the log holds, those included that are not listed.
    pub total: u64,
    /// How many records were read.
    pub records: u64,
    /// From when on the log is complete: older records have been overwritten. Nothing where it reaches back to the start of the kernel.
    pub complete_since: Option<Timestamp>,
}

/// One process that the kernel killed for want of memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// When.
    pub at: Timestamp,
    /// The process's number.
    pub pid: u32,
    /// The process's name, 15 characters at most.
    pub process: String,
    /// Whose memory had run out.
    pub killed_for: KilledFor,
}

/// Whose memory had run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KilledFor {
    /// The machine's.
    Machine,
    /// A control group's, as a container with a memory limit has one.
    ControlGroup,
}

/// Reads the log from its oldest record to its newest, without waiting for more.
pub(super) fn read(booted_at: Timestamp) -> Observed<OutOfMemoryKills> {
    let mut log = Log::new(booted_at);
    match each_record(&mut |record| log.take(record)) {
        Ok(()) => Observed::Seen(log.finish()),
        Err(Errno::PERM | Errno::ACCESS) => {
            Observed::Denied("reading the kernel's log needs root".into())
        }
        Err(error) => Observed::from_error(&error.into(), "the kernel's log"),
    }
}

/// Hands over every record that the log holds now.
pub(in crate::facts) fn each_record(take: &mut dyn FnMut(&str)) -> Result<(), Errno> {
    let device = rustix::fs::open(
        "/dev/kmsg",
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut record = vec![0; LARGEST_RECORD];
    let mut records = 0;
    while records < MOST_RECORDS {
        match rustix::io::read(&device, record.as_mut_slice()) {
            Ok(0) | Err(Errno::AGAIN) => break,
            Ok(length) => {
                records += 1;
                take(&String::from_utf8_lossy(
                    record.get(..length).unwrap_or_default(),
                ));
            }
            // The record that was next has just been overwritten; the next read goes on behind it.
            Err(Errno::PIPE | Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What a log of these records says.
#[cfg(any(test, fuzzing))]
pub(in crate::facts) fn of_records<'a>(
    booted_at: Timestamp,
    records: impl Iterator<Item = &'a str>,
) -> OutOfMemoryKills {
    let mut log = Log::new(booted_at);
    records.for_each(|record| log.take(record));
    log.finish()
}

/// One record of the log: `priority,sequence,microseconds,flags;message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::facts) struct Record<'a> {
    /// 0 for the kernel itself.
    pub(in crate::facts) facility: u32,
    sequence: u64,
    pub(in crate::facts) since_boot: Duration,
    pub(in crate::facts) message: &'a str,
}

pub(in crate::facts) fn parse(record: &str) -> Option<Record<'_>> {
    let (prefix, rest) = record.split_once(';')?;
    let mut fields = prefix.split(',');
    let priority: u32 = fields.next()?.trim().parse().ok()?;
    Some(Record {
        facility: priority >> 3,
        sequence: fields.next()?.parse().ok()?,
        since_boot: Duration::from_micros(fields.next()?.parse().ok()?),
        // Lines after the first are the record's dictionary.
        message: rest.lines().next().unwrap_or(""),
    })
}

/// Linux 3.10: `Killed process 7 (java) total-vm:…`; RHEL 7: `Killed process 7 (java), UID 0, total-vm:…`;
/// since 5.0: `Out of memory: Killed process 7 (java) total-vm:…`, of a control group `Memory cgroup out of memory: Killed …`.
static KILLED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(?P<why>.*)\bKilled process (?P<pid>\d+) \((?P<process>.*)\),? (?:UID \d+, )?total-vm:",
    )
    .ok()
});

/// Before Linux 5.0 a record of its own said whose memory had run out, just before the kill.
const CONTROL_GROUP: &str = "Memory cgroup out of memory";

struct Log {
    booted_at: Timestamp,
    found: OutOfMemoryKills,
    latest: VecDeque<Kill>,
    announced: KilledFor,
}

impl Log {
    fn new(booted_at: Timestamp) -> Self {
        Self {
            booted_at,
            found: OutOfMemoryKills::default(),
            latest: VecDeque::new(),
            announced: KilledFor::Machine,
        }
    }

    fn take(&mut self, text: &str) {
        self.found.records = self.found.records.saturating_add(1);
        let Some(record) = parse(text) else { return };
        let Ok(at) = self.booted_at.checked_add(record.since_boot) else {
            return;
        };
        if self.found.records == 1 && record.sequence > 0 {
            self.found.complete_since = Some(at);
        }
        // Programs can write to the log too, but never in the kernel's name.
        if record.facility != 0 {
            return;
        }
        let message = record.message;
        if message.contains("out of memory: Kill process")
            || message.contains("Out of memory: Kill process")
        {
            self.announced = killed_for(message);
        }
        let Some(found) = KILLED.as_ref().and_then(|killed| killed.captures(message)) else {
            return;
        };
        let part = |name| found.name(name).map_or("", |part| part.as_str());
        let why = part("why");
        let kill = Kill {
            at,
            pid: part("pid").parse().unwrap_or(0),
            process: part("process").chars().take(64).collect(),
            killed_for: if why.is_empty() {
                self.announced
            } else {
                killed_for(why)
            },
        };
        self.announced = KilledFor::Machine;
        self.found.total = self.found.total.saturating_add(1);
        self.latest.push_back(kill);
        if self.latest.len() > MOST_KILLS {
            self.latest.pop_front();
        }
    }

    fn finish(self) -> OutOfMemoryKills {
        OutOfMemoryKills {
            kills: self.latest.into(),
            ..self.found
        }
    }
}

fn killed_for(message: &str) -> KilledFor {
    if message.contains(CONTROL_GROUP) {
        KilledFor::ControlGroup
    } else {
        KilledFor::Machine
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kills_in(records: &[&str]) -> OutOfMemoryKills {
        let mut log = Log::new("2026-11-20T00:00:00Z".parse().unwrap());
        for record in records {
            log.take(record);
        }
        log.finish()
    }

    #[test]
    fn the_words_of_every_kernel_are_understood() {
        let cases: [(&[&str], KilledFor); 5] = [
            (
                &[
                    "3,900,3600000000,-;Out of memory: Killed process 1234 (java) total-vm:5000kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:0\n",
                ],
                KilledFor::Machine,
            ),
            (
                &[
                    "3,901,3600000000,-;Memory cgroup out of memory: Killed process 1234 (java) total-vm:5000kB, anon-rss:1kB\n SUBSYSTEM=memory\n",
                ],
                KilledFor::ControlGroup,
            ),
            (
                &[
                    "3,1,3599999999,-;Memory cgroup out of memory: Kill process 1234 (java) score 900 or sacrifice child",
                    "3,2,3600000000,-;Killed process 1234 (java), UID 0, total-vm:5000kB, anon-rss:1kB",
                ],
                KilledFor::ControlGroup,
            ),
            (
                &[
                    "3,1,3599999999,-;Out of memory: Kill process 1234 (java) score 900 or sacrifice child",
                    "3,2,3600000000,-;Killed process 1234 (java) total-vm:5000kB, anon-rss:1kB",
                    "6,3,3600000001,-;oom_reaper: reaped process 1234 (java), now anon-rss:0kB",
                ],
                KilledFor::Machine,
            ),
            (
                &["3,2,3600000000,-,caller=T12;Killed process 1234 (java) total-vm:5000kB"],
                KilledFor::Machine,
            ),
        ];
        for (records, killed_for) in cases {
            let found = kills_in(records);
            assert_eq!(
                found.kills,
                [Kill {
                    at: "2026-11-20T01:00:00Z".parse().unwrap(),
                    pid: 1234,
                    process: "java".into(),
                    killed_for,
                }],
                "{records:?}"
            );
        }
    }

    #[test]
    fn what_programs_write_in_the_kernels_words_is_not_believed() {
        let found = kills_in(&["12,7,5,-;Out of memory: Killed process 1 (x) total-vm:1kB"]);
        assert_eq!((found.total, found.records), (0, 1));
    }

    #[test]
    fn a_log_that_was_overwritten_says_since_when_it_is_complete() {
        let begun = "2026-11-20T00:00:02Z".parse().unwrap();
        assert_eq!(
            kills_in(&["6,70,2000000,-;x", "6,71,3000000,-;y"]).complete_since,
            Some(begun)
        );
        assert_eq!(kills_in(&["6,0,2000000,-;x"]).complete_since, None);
    }

    #[test]
    fn of_many_kills_the_latest_are_kept_and_all_are_counted() {
        let records: Vec<String> = (0..50)
            .map(|n| {
                format!("3,{n},{n}000000,-;Out of memory: Killed process {n} (a) (b) total-vm:1kB")
            })
            .collect();
        let records: Vec<&str> = records.iter().map(String::as_str).collect();
        let found = kills_in(&records);
        assert_eq!((found.total, found.kills.len()), (50, MOST_KILLS));
        assert_eq!(found.kills.last().unwrap().pid, 49);
        assert_eq!(found.kills.last().unwrap().process, "a) (b");
    }

    proptest! {
        #[test]
        fn no_record_makes_it_panic(
            text in "(?s).*|[0-9]{1,25},[0-9]{1,25},[0-9]{1,25},-;(Out of memory: )?Killed process [0-9]{1,30} \\(.*\\) total-vm:.*"
        ) {
            kills_in(&[&text, &text]);
        }
    }
}
