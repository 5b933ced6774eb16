//! How fast the redactor is, how much memory it needs, and how many lines of ordinary logs it changes. See benches/redact.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::format_collect
)]

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    process::ExitCode,
    time::Duration,
};

use sesam_doctor_redact::{MARK, MarkKey, Redactor};

#[path = "../tests/support/logs.rs"]
mod logs;

use logs::Logs;

const MEGABYTE: usize = 1_000_000;

/// So much of ordinary logs is measured.
const LOGS: usize = 128 * MEGABYTE;

/// The fastest counts: what others do on the machine makes any round slower, and none faster.
const ROUNDS: usize = 9;

/// So many kinds of changed lines are shown.
const MOST_SHOWN: usize = 60;

const SEED: u64 = 20_261_128;

fn main() -> ExitCode {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let is_kept = match words.as_slice() {
        ["speed"] => speed(),
        ["memory"] => memory(),
        ["false"] => false_redactions_of("ordinary logs", &Logs::text(SEED, LOGS)),
        ["false", files @ ..] => files.iter().fold(true, |all, file| all & in_file(file)),
        // For comparisons: the logs themselves, and the redactor as a filter.
        ["logs"] => io::copy(
            &mut Logs::new(SEED).take(LOGS as u64),
            &mut io::stdout().lock(),
        )
        .is_ok(),
        ["filter", masks @ ..] => {
            let redactor = match masks {
                [] => redactor(),
                _ => redactor().masking_identity(MarkKey::random()),
            };
            redactor
                .stream(&mut io::stdin().lock(), &mut io::stdout().lock())
                .is_ok()
        }
        // Memory first: what the others hold would count.
        [] => memory() & speed() & false_redactions_of("ordinary logs", &Logs::text(SEED, LOGS)),
        other => panic!("speed, memory, false [FILE…], logs or filter, and not {other:?}"),
    };
    ExitCode::from(u8::from(!is_kept))
}

/// One that has met what it meets on a customer's machine, and marks as in a bundle.
fn redactor() -> Redactor {
    let redactor = Redactor::default().with_marks(MarkKey::random());
    let license: String = (0..40)
        .map(|line| format!("{:x<64}\n", format!("{}Ab{line}Cd9", line * 7_919)))
        .collect();
    for secret in [
        license.as_str(),
        "Splunk 6f1ed002-ab5c-4a3d-9b1e-0c5d1a2b3c4d",
        "dckr_pat_Zx81QmBvT0dLkC3sYw7uHn5eJr2",
        "customer:Tr0ub4dor&3-correct-horse",
        "proxy-Pa55w0rd!",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZXNhbSJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AccountKey-Q29udHJhY3RvcnMgYXJlIG5pY2UgcGVvcGxl+/==",
    ] {
        redactor.learn(secret);
    }
    redactor
}

fn row(what: &str, bound: &str, measured: &str, ratio: f64) {
    println!("{what:<52} {bound:>11} {measured:>11} {ratio:>6.2}");
}

/// How long this thread has had a processor, which does not count what others had it for.
fn on_processor() -> Duration {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(status.split(' ').next().unwrap().parse().unwrap())
}

fn speed() -> bool {
    let logs = Logs::text(SEED, LOGS);
    let masking = redactor().masking_identity(MarkKey::random());
    let mut all = true;
    for (what, bound, redactor) in [
        ("redact logs, all rules", 400.0, redactor()),
        ("the same with --mask-identity", 250.0, masking),
    ] {
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let begun = on_processor();
                redactor
                    .stream(&mut logs.as_bytes(), &mut io::sink())
                    .unwrap();
                on_processor().saturating_sub(begun)
            })
            .collect();
        times.sort();
        let rate = logs.len() as f64 / times[0].as_secs_f64() / MEGABYTE as f64;
        row(
            what,
            &format!("≥ {bound:.0} MB/s"),
            &format!("{rate:.0} MB/s"),
            rate / bound,
        );
        all &= rate >= bound;
    }
    all
}

fn memory() -> bool {
    let mut logs = Logs::new(SEED).take(5_000 * MEGABYTE as u64);
    let passed = redactor().stream(&mut logs, &mut io::sink()).unwrap();
    assert_eq!(passed.read, 5_000 * MEGABYTE as u64);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .and_then(|size| size.trim().parse().ok())
        .unwrap();
    let most = most / 1_024.0;
    row(
        "memory for 5 GB of logs",
        "< 64 MiB",
        &format!("{most:.1} MiB"),
        most / 64.0,
    );
    most < 64.0
}

fn in_file(file: &str) -> bool {
    let content = std::fs::read(file).unwrap();
    false_redactions_of(file, &String::from_utf8_lossy(&content))
}

fn false_redactions_of(what: &str, text: &str) -> bool {
    let redactor = Redactor::default();
    let mut changed: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let (mut lines, mut wrong) = (0, 0);
    let mut rest = text;
    while !rest.is_empty() {
        // Pieces of whole lines, so that a multi-line secret can be seen in full.
        let mut end = rest.len().min(4 * MEGABYTE);
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let end = rest[end..].find('\n').map_or(rest.len(), |at| end + at + 1);
        let (piece, after) = rest.split_at(end);
        rest = after;
        let before = piece.lines().count();
        let clean = redactor.text(piece);
        lines += before;
        wrong += before - clean.lines().count();
        for line in clean.lines().filter(|line| line.contains(MARK)) {
            wrong += 1;
            let shape: Vec<&str> = line
                .split_whitespace()
                .map(|word| {
                    if word.contains(|letter: char| letter.is_ascii_digit()) {
                        "0"
                    } else {
                        word
                    }
                })
                .take(12)
                .collect();
            let shape = shape.join(" ");
            changed
                .entry(shape)
                .or_insert_with(|| (0, line.to_owned()))
                .0 += 1;
        }
    }
    let share = wrong as f64 * 100.0 / lines as f64;
    row(
        &format!("lines of {what} changed: {wrong} of {lines}"),
        "< 0.01 %",
        &format!("{share:.4} %"),
        share / 0.01,
    );
    let mut stdout = io::stdout().lock();
    let mut changed: Vec<(usize, String)> = changed.into_values().collect();
    changed.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    for (count, line) in changed.iter().take(MOST_SHOWN) {
        // What stands around the mark says why.
        let mark = line.find(MARK).unwrap();
        let from = line.floor_char_boundary(mark.saturating_sub(100));
        let line: String = line[from..].chars().take(160).collect();
        writeln!(stdout, "    {count} × {line}").unwrap();
    }
    share < 0.01
}
