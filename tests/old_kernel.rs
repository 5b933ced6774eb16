//! On Linux 3.10, where newer system calls answer ENOSYS, every offline check finds what it finds elsewhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/machine.rs"]
mod machine;

use std::{collections::BTreeMap, process::Command};

use machine::{Machine, available};
use serde_json::Value;

/// Status and cause by check.
fn verdicts(report: &Value) -> BTreeMap<String, (String, String)> {
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| {
            let word = |key: &str| finding[key].as_str().unwrap_or("-").to_owned();
            (word("id"), (word("status"), word("cause")))
        })
        .collect()
}

fn filter_is_there() -> bool {
    let tried = Command::new(machine::old_kernel()).arg("true").status();
    let works = tried.is_ok_and(|status| status.success());
    if !works {
        println!("left out: the doctor on an old kernel: python3 or seccomp filters are missing");
    }
    works
}

#[test]
fn newer_system_calls_are_really_missing() {
    if !filter_is_there() {
        return;
    }
    let output = Command::new(machine::old_kernel())
        .args(["python3", "-c", "import os; os.memfd_create('x')"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Errno 38"), "{said}");
}

#[test]
fn this_machine_is_judged_the_same() {
    if !filter_is_there() {
        return;
    }
    let doctor = env!("CARGO_BIN_EXE_sesam-doctor");
    let report = |mut command: Command| -> Value {
        let output = command
            .args([
                "--offline",
                "--format",
                "json",
                "--skip",
                "hardware.storage-speed",
            ])
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let mut on_old_kernel = Command::new(machine::old_kernel());
    on_old_kernel.arg(doctor);
    let elsewhere = verdicts(&report(Command::new(doctor)));
    assert!(elsewhere.len() > 40, "{elsewhere:?}");
    assert_eq!(verdicts(&report(on_old_kernel)), elsewhere);
}

#[test]
fn a_machine_with_the_stack_is_judged_the_same() {
    if !available() || !filter_is_there() {
        return;
    }
    let machine = Machine::boot();
    machine.sh("restore 2025 corrected");
    let arguments = "--timeout 2 --skip hardware.storage-speed";
    let elsewhere = verdicts(&machine.report(arguments));
    let there = verdicts(&machine.report_on_old_kernel(arguments));
    assert_eq!(there, elsewhere);
    let passed = there
        .values()
        .filter(|(status, _)| status == "pass")
        .count();
    assert!(passed > 20, "{there:?}");
}
