//! Every cause that the network checks tell apart, against real servers and a real packet filter.
//!
//! The lab (`tests/lab/internet`) is an internet of its own in namespaces of its own: nothing here reaches the network of the
//! machine that it runs on. It needs root and the tools that its script names; without them the test says so and fails only
//! where `SESAM_DOCTOR_LAB=required` asks for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::path::Path;

use serde_json::Value;

#[path = "support/internet.rs"]
mod internet;
#[path = "lab_network/scenarios.rs"]
mod scenarios;

use internet::{Lab, PREFIX, may_run};

/// What a run has to say.
pub struct Scenario {
    /// What is the matter.
    pub name: &'static str,
    /// How the lab is brought into that state, in the lab's own commands.
    pub arrange: &'static str,
    /// The doctor's further arguments.
    pub arguments: &'static str,
    /// The whole run in one word.
    pub status: &'static str,
    /// The root causes, all of them, each with its cause.
    pub roots: &'static [(&'static str, &'static str)],
    /// One item that has to be there: check, item, status, cause (empty for none).
    pub items: &'static [(&'static str, &'static str, &'static str, &'static str)],
    /// What the advice of the findings that are not fine has to name.
    pub advice: &'static [&'static str],
}

/// Everything that a report gets wrong, in words.
fn complaints(scenario: &Scenario, report: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    let findings = report["findings"].as_array().unwrap();
    let finding = |id: &str| findings.iter().find(|finding| finding["id"] == id).unwrap();
    if report["status"] != scenario.status {
        complaints.push(format!(
            "status {} instead of {}",
            report["status"], scenario.status
        ));
    }
    let roots: Vec<(&str, &str)> = report["root_causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| {
            let id = id.as_str().unwrap();
            (id, finding(id)["cause"].as_str().unwrap_or_default())
        })
        .collect();
    if roots != scenario.roots {
        complaints.push(format!(
            "root causes {roots:?} instead of {:?}",
            scenario.roots
        ));
    }
    for (id, name, status, cause) in scenario.items {
        let items = finding(id)["items"].as_array().unwrap();
        let seen: Vec<(&str, &str, &str)> = items
            .iter()
            .map(|item| {
                (
                    item["name"].as_str().unwrap(),
                    item["status"].as_str().unwrap(),
                    item["cause"].as_str().unwrap_or_default(),
                )
            })
            .collect();
        if !seen.contains(&(name, status, cause)) {
            complaints.push(format!(
                "{id}: no item ({name}, {status}, {cause}) among {seen:?}"
            ));
        }
    }
    let advice: Vec<&str> = findings
        .iter()
        .flat_map(|finding| finding["advice"].as_array().unwrap())
        .map(|step| step.as_str().unwrap())
        .collect();
    for subject in scenario.advice {
        if !advice.iter().any(|step| step.contains(subject)) {
            complaints.push(format!("no advice names “{subject}”: {advice:?}"));
        }
    }
    let text = report.to_string();
    for secret in ["Geheim-4711", "lab-token-4711", "geheim", "{hosts}"] {
        if text.contains(secret) {
            complaints.push(format!("the report says {secret}"));
        }
    }
    complaints
}

/// Brings the lab into a state, runs the doctor, and reads its report.
fn examine(lab: &mut Lab, scenario: &Scenario) -> Result<Value, String> {
    let arranged = lab.run(&format!("reset && {{ {}; }} && names", scenario.arrange));
    if arranged != "done 0" {
        return Err(format!("could not be arranged: {arranged}"));
    }
    lab.run(&format!("examine {}", scenario.arguments));
    let report = std::fs::read(lab.file("report.json")).map_err(|error| error.to_string())?;
    serde_json::from_slice(&report).map_err(|error| {
        let stderr = std::fs::read_to_string(lab.file("stderr.txt")).unwrap_or_default();
        format!("no report ({error}): {stderr}")
    })
}

#[test]
fn every_cause_is_told_apart() {
    if !may_run() {
        return;
    }
    let only = std::env::var("SESAM_DOCTOR_LAB_ONLY").unwrap_or_default();
    let mut lab = Lab::start();
    let mut wrong = Vec::new();
    for scenario in scenarios::ALL {
        if !scenario.name.contains(&only) {
            continue;
        }
        let report = match examine(&mut lab, scenario) {
            Ok(report) => report,
            Err(complaint) => {
                wrong.push(format!("{}: {complaint}", scenario.name));
                continue;
            }
        };
        let complaints = complaints(scenario, &report);
        eprintln!(
            "{}: {} in {} ms",
            scenario.name,
            if complaints.is_empty() {
                "well"
            } else {
                "WRONG"
            },
            report["duration_ms"]
        );
        if only.is_empty() && complaints.is_empty() {
            continue;
        }
        let summaries: Vec<String> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["selected"] == true && finding["status"] != "pass")
            .map(|finding| {
                format!(
                    "    {} {}: {}",
                    finding["id"], finding["status"], finding["summary"]
                )
            })
            .collect();
        let text = format!(
            "{}:\n  {}\n{}",
            scenario.name,
            complaints.join("\n  "),
            summaries.join("\n")
        );
        if complaints.is_empty() {
            eprintln!("{text}");
        } else {
            wrong.push(text);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} scenarios:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn there_are_scenarios_for_both_families_and_enough_of_them() {
    assert!(scenarios::ALL.len() >= 35, "{}", scenarios::ALL.len());
}

/// Processes whose command line names this directory.
fn processes_of(directory: &Path) -> Vec<String> {
    let wanted = directory.to_string_lossy().into_owned();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&wanted))
        .collect()
}

#[test]
fn a_lab_whose_test_is_killed_leaves_nothing_running() {
    if !may_run() {
        return;
    }
    let mut lab = Lab::start();
    assert_eq!(lab.run("names && proxies"), "done 0");
    assert!(processes_of(lab.directory()).len() > 2);
    let directory = lab.directory().to_path_buf();
    // What the kernel does with the pipe of a process that SIGKILL ended.
    lab.hang_up();
    let left = processes_of(&directory);
    assert!(left.is_empty(), "{left:?}");
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(PREFIX), "{mounts}");
}

#[test]
fn two_labs_at_once_do_not_meet() {
    if !may_run() {
        return;
    }
    let (mut one, mut other) = (Lab::start(), Lab::start());
    let well = &scenarios::ALL[0];
    for lab in [&mut one, &mut other] {
        let report = examine(lab, well).unwrap();
        let complaints = complaints(well, &report);
        assert!(complaints.is_empty(), "{complaints:?}");
    }
}
