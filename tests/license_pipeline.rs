//! What operators' scripts read of a license file, the doctor reads with the same id.
//!
//! Their pipeline runs here as it is, over licenses with every variation and damage that came to mind.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    fmt::Write,
    io::Write as _,
    process::{Command, Stdio},
    thread::{self, available_parallelism},
};

use sesam_doctor::facts::license::text::read;

mod license_text;

use license_text::samples::{Sample, samples};

const PIPELINE: &str = "grep -v SESAM | base64 -d | jq -r .payload | base64 -d | jq -r ._id";

#[test]
fn what_operators_read_is_read_with_the_same_id() {
    if !jq_is_installed() {
        println!("left out: jq is not installed, so operators' scripts do not work here either");
        return;
    }
    let samples = samples();
    assert!(samples.len() >= 150, "{} samples", samples.len());
    // jq takes long to start, so every processor takes its part.
    let share = samples
        .len()
        .div_ceil(available_parallelism().map_or(1, usize::from));
    let (read_by_operators, disagreements) = thread::scope(|scope| {
        let parts: Vec<_> = samples
            .chunks(share)
            .map(|part| scope.spawn(|| compare(part)))
            .collect();
        parts
            .into_iter()
            .map(|part| part.join().unwrap())
            .fold((0, String::new()), |(count, words), part| {
                (count + part.0, words + &part.1)
            })
    });
    println!(
        "operators read {read_by_operators} of {} licenses",
        samples.len()
    );
    assert!(disagreements.is_empty(), "{disagreements}");
    // Guards the test itself: most variations are good licenses.
    assert!(read_by_operators >= 100, "{read_by_operators}");
}

/// How many samples operators can read, and those that the doctor reads otherwise.
fn compare(samples: &[Sample]) -> (usize, String) {
    let mut read_by_operators = 0;
    let mut disagreements = String::new();
    for sample in samples {
        let Some(id) = operators_id(&sample.content) else {
            continue;
        };
        read_by_operators += 1;
        let reading = read(&sample.content);
        if reading.id.as_deref() != Some(id.as_str()) {
            let _ = writeln!(
                disagreements,
                "{}: operators read {id:?}, the doctor {reading:?}",
                sample.name
            );
        }
    }
    (read_by_operators, disagreements)
}

fn jq_is_installed() -> bool {
    let asked = Command::new("jq")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// The id that operators get: in a locale of UTF-8, or else in the plain one, in which grep shows lines that are no UTF-8.
fn operators_id(content: &[u8]) -> Option<String> {
    let in_plain_locale = || {
        std::str::from_utf8(content)
            .is_err()
            .then(|| piped(content, "C"))?
    };
    piped(content, "C.UTF-8").or_else(in_plain_locale)
}

/// The id that the pipeline prints, where it prints one line that is neither empty nor null.
fn piped(content: &[u8], locale: &str) -> Option<String> {
    let mut pipeline = Command::new("bash")
        .args(["-c", PIPELINE])
        .env("LC_ALL", locale)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The pipeline may end before it has read everything.
    let _ = pipeline.stdin.take().unwrap().write_all(content);
    let printed = pipeline.wait_with_output().unwrap().stdout;
    let printed = String::from_utf8_lossy(&printed).into_owned();
    let mut lines = printed
        .split('\n')
        .filter(|line| !line.is_empty() && *line != "null");
    let id = lines.next()?.to_owned();
    lines.next().is_none().then_some(id)
}
