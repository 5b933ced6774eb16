//! The clinic: faults, each broken for real on a healthy machine, and what the doctor says of them.
//!
//! `tests/clinic/run` runs all of it and writes the score; `cargo test` holds every change to a small sample.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::similar_names,
    clippy::too_many_lines,
    clippy::unused_self
)]

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

mod cases;
mod catalogue;
#[path = "../support/internet.rs"]
mod internet;
#[path = "../support/machine.rs"]
mod machine;
mod outcome;
mod peers;
#[path = "../lab_network/scenarios.rs"]
mod scenarios;
mod whole_machine;

use cases::{Case, Clinic, Kind, clinic, uncovered};
use machine::troubles;
use outcome::{Outcome, complaints, definition, failed, outcome, said_secrets, score};
use whole_machine::{SECRETS, WholeMachine};

/// What the scenarios of the network's lab are made of; `lab_network.rs` says what each member means.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Scenario {
    pub name: &'static str,
    pub arrange: &'static str,
    pub arguments: &'static str,
    pub status: &'static str,
    pub roots: &'static [(&'static str, &'static str)],
    pub items: &'static [(&'static str, &'static str, &'static str, &'static str)],
    pub advice: &'static [&'static str],
}

fn available() -> bool {
    machine::available_with_outside() && machine::packages_available() && internet::may_run()
}

#[test]
fn every_cause_is_produced_or_it_is_said_why_not() {
    let clinic = clinic();
    let (without_reason, not_needed) = uncovered(&clinic);
    for entry in &clinic.catalogue.uncovered {
        println!(
            "not covered: {} {:?}: {}",
            entry.check, entry.causes, entry.reason
        );
    }
    assert!(
        without_reason.is_empty(),
        "neither a fault nor a reason: {without_reason:#?}"
    );
    assert!(
        not_needed.is_empty(),
        "a reason, and a fault all the same: {not_needed:#?}"
    );
}

#[test]
fn the_catalogue_is_large_and_says_nothing_twice() {
    let clinic = clinic();
    let count = |kind| clinic.cases.iter().filter(|case| case.kind == kind).count();
    println!(
        "{} healthy machines, {} faults, {} pairs",
        count(Kind::Healthy),
        count(Kind::Single),
        count(Kind::Pair)
    );
    assert!(count(Kind::Single) >= 150, "{}", count(Kind::Single));
    assert!(count(Kind::Pair) >= 30, "{}", count(Kind::Pair));
    assert!(count(Kind::Healthy) >= 8, "{}", count(Kind::Healthy));
    let mut names: Vec<&str> = clinic
        .cases
        .iter()
        .map(|case| case.fault.name.as_str())
        .collect();
    names.sort_unstable();
    let twice: Vec<&&str> = names
        .windows(2)
        .filter(|two| two[0] == two[1])
        .map(|two| &two[0])
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
    for scenario in &clinic.catalogue.scenarios {
        assert!(
            scenarios::ALL.iter().any(|one| one.name == scenario.name),
            "no scenario “{}”",
            scenario.name
        );
    }
}

#[test]
fn the_sample_is_diagnosed_rightly() {
    if !available() {
        return;
    }
    let clinic = clinic();
    let sample: Vec<Case> = clinic
        .cases
        .iter()
        .filter(|case| case.fault.sample)
        .cloned()
        .collect();
    assert!(sample.len() >= 8, "{}", sample.len());
    let outcomes = Ward::new(&clinic, None, false).treat(sample, 1);
    let complaints = complaints(&outcomes);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// All of it; `tests/clinic/run` starts this and says by the environment how.
#[test]
#[ignore = "takes half an hour: tests/clinic/run"]
fn the_whole_clinic() {
    if !available() {
        return;
    }
    let said = |name: &str| std::env::var(name).unwrap_or_default();
    let only = said("CLINIC_ONLY");
    let jobs = said("CLINIC_JOBS").parse().unwrap_or(2);
    let clinic = clinic();
    let chosen: Vec<Case> = clinic
        .cases
        .iter()
        .filter(|case| {
            only.is_empty() || only.split('|').any(|part| case.fault.name.contains(part))
        })
        .cloned()
        .collect();
    let is_whole = only.is_empty();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clinic");
    std::fs::create_dir_all(&directory).unwrap();
    let results = directory.join(if is_whole {
        "results.jsonl"
    } else {
        "some.jsonl"
    });
    let mut done: Vec<Outcome> = Vec::new();
    if said("CLINIC_RESUME").is_empty() {
        File::create(&results).unwrap();
    } else {
        done = earlier(&results, &chosen);
    }
    let left = chosen
        .iter()
        .filter(|case| {
            !done
                .iter()
                .any(|outcome| outcome.definition == definition(case))
        })
        .cloned()
        .collect();
    done.extend(
        Ward::new(&clinic, Some(results), !said("CLINIC_FIX").is_empty()).treat(left, jobs),
    );
    let place = |outcome: &Outcome| {
        chosen
            .iter()
            .position(|case| case.fault.name == outcome.name)
    };
    done.sort_by_key(place);
    let score = score(&done);
    eprintln!("\n{}", score.table());
    let complaints = complaints(&done);
    for complaint in &complaints {
        eprintln!("- {complaint}");
    }
    if is_whole {
        write_down(&clinic, &done);
    }
}

/// Other tools on the same machines; `tests/clinic/run --peers` starts this and says where they are.
#[test]
#[ignore = "needs the peers: tests/clinic/run --peers"]
fn the_peers_are_shown_the_same_faults() {
    if !available() {
        return;
    }
    let table = peers::compare(&clinic());
    eprintln!("\n{table}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::write(root.join("target/peers/table.md"), table).unwrap();
}

/// `serve` and the timer's run, again and again, with faults that come and go; `tests/clinic/run --soak N` starts this.
#[test]
#[ignore = "takes long: tests/clinic/run --soak N"]
fn nothing_is_left_behind_in_the_long_run() {
    if !available() {
        return;
    }
    let runs = std::env::var("CLINIC_SOAK").unwrap_or_else(|_| "200".into());
    let mut machine = WholeMachine::start();
    machine.restore("2023", "").unwrap();
    let said = machine
        .sh(&format!("/usr/share/lab/clinic/soak {runs}"))
        .unwrap();
    eprintln!("{said}");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["wrong"], serde_json::json!([]));
    assert_eq!(said["serve_exit_code"], 0);
    for (kind, place) in [
        ("files", "serve"),
        ("temporary", "around"),
        ("beside_data", "around"),
    ] {
        let early = said[format!("{place}_early")][kind].as_u64().unwrap();
        let late = said[format!("{place}_at_the_end")][kind].as_u64().unwrap();
        assert!(late <= early + 2, "{kind}: {early}, then {late}");
    }
    let memory = |when: &str| said[when]["rss_kib"].as_u64().unwrap();
    assert!(
        memory("serve_at_the_end") < memory("serve_early") * 11 / 10 + 4096,
        "{said}"
    );
}

/// Outcomes that an earlier run wrote down and that were right, of cases that are still defined as they were.
fn earlier(results: &Path, chosen: &[Case]) -> Vec<Outcome> {
    std::fs::read_to_string(results)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| serde_json::from_str::<Outcome>(line).ok())
        .filter(Outcome::is_right)
        .filter(|outcome| {
            chosen
                .iter()
                .any(|case| definition(case) == outcome.definition)
        })
        .collect()
}

fn write_down(clinic: &Clinic, outcomes: &[Outcome]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let score = score(outcomes);
    let json = serde_json::json!({"score": score, "outcomes": outcomes});
    std::fs::write(
        root.join("target/clinic/clinic.json"),
        serde_json::to_string_pretty(&json).unwrap() + "\n",
    )
    .unwrap();
    let mut page = std::fs::read_to_string(root.join("tests/clinic/page.md")).unwrap();
    let wrong = complaints(outcomes);
    let wrong = if wrong.is_empty() {
        "Nothing.\n".to_owned()
    } else {
        wrong.iter().map(|line| format!("- {line}\n")).collect()
    };
    let lab: String = clinic
        .of_the_lab
        .iter()
        .map(|entry| format!("- `{}`: {}\n", entry.finding, entry.reason))
        .collect();
    let left_out: String = clinic
        .catalogue
        .uncovered
        .iter()
        .map(|entry| {
            let causes = if entry.causes.is_empty() {
                "the others".to_owned()
            } else {
                format!("`{}`", entry.causes.join("`, `"))
            };
            format!("| `{}` | {causes} | {} |\n", entry.check, entry.reason)
        })
        .collect();
    let left_by_fix: String = clinic
        .cases
        .iter()
        .filter(|case| !case.fault.left.is_empty())
        .map(|case| {
            let fault = &case.fault;
            let left = fault.left.join("`, `");
            format!("- {}: `{left}`: {}\n", fault.name, fault.left_because)
        })
        .collect();
    let all: String = outcomes
        .iter()
        .map(|outcome| {
            let found = outcome.found.join(", ");
            let verdict = if outcome.is_right() {
                "right"
            } else {
                "**wrong**"
            };
            let healed = match outcome.is_healed() {
                Some(true) => "healed",
                Some(false) => "**not healed**",
                None => "",
            };
            format!(
                "| {} | {found} | {} | {verdict} | {healed} | {:.1} |\n",
                outcome.name, outcome.blocked, outcome.seconds
            )
        })
        .collect();
    for (place, text) in [
        ("SCORE", score.table()),
        ("WRONG", wrong),
        ("LAB", lab),
        ("LEFT-OUT", left_out),
        ("LEFT-BY-FIX", left_by_fix),
        ("ALL", all),
    ] {
        page = page.replace(&format!("@{place}@\n"), &text);
    }
    std::fs::write(root.join("docs/clinic.md"), page).unwrap();
}

/// Where cases are treated: as many machines as asked for, each with an internet of its own.
struct Ward<'a> {
    clinic: &'a Clinic,
    results: Option<PathBuf>,
    fixes: bool,
}

impl<'a> Ward<'a> {
    fn new(clinic: &'a Clinic, results: Option<PathBuf>, fixes: bool) -> Self {
        Self {
            clinic,
            results,
            fixes,
        }
    }

    fn treat(&self, mut cases: Vec<Case>, jobs: usize) -> Vec<Outcome> {
        // A change of edition costs a restart of the stack.
        cases.sort_by_key(|case| case.fault.edition.clone());
        let total = cases.len();
        let queue = Mutex::new(VecDeque::from(cases));
        let done = Mutex::new(Vec::new());
        let number = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for job in 0..jobs.clamp(1, total.max(1)) {
                let (queue, done, number) = (&queue, &done, &number);
                scope.spawn(move || {
                    let mut machine = None;
                    loop {
                        let next = {
                            let mut queue = queue.lock().unwrap();
                            if job % 2 == 0 {
                                queue.pop_front()
                            } else {
                                queue.pop_back()
                            }
                        };
                        let Some(case) = next else { break };
                        let outcome = self.one(&mut machine, &case);
                        let place = number.fetch_add(1, Ordering::Relaxed) + 1;
                        let mark = if outcome.is_right() { "right" } else { "WRONG" };
                        eprintln!(
                            "{place:3}/{total} {mark} {:5.1} s  {}",
                            outcome.seconds, outcome.name
                        );
                        if !outcome.is_right() {
                            for line in complaints(std::slice::from_ref(&outcome)) {
                                eprintln!("        {line}");
                            }
                        }
                        self.keep(&outcome);
                        done.lock().unwrap().push(outcome);
                    }
                });
            }
        });
        done.into_inner().unwrap()
    }

    fn keep(&self, outcome: &Outcome) {
        if let Some(results) = &self.results {
            let mut file = OpenOptions::new()
                .append(true)
                .create(true)
                .open(results)
                .unwrap();
            let line = serde_json::to_string(outcome).unwrap() + "\n";
            file.write_all(line.as_bytes()).unwrap();
        }
    }

    /// One case, on a machine that is healthy before; a machine that cannot be healed is replaced by another.
    fn one(&self, place: &mut Option<WholeMachine>, case: &Case) -> Outcome {
        let fresh = place.is_none();
        let machine = place.get_or_insert_with(WholeMachine::start);
        let edition = &case.fault.edition;
        if machine.edition() != Some(edition.as_str())
            && let Err(trouble) = machine.restore(edition, "")
        {
            *place = None;
            return if fresh {
                failed(case, trouble)
            } else {
                self.one(place, case)
            };
        }
        let result = self.broken(machine, case);
        let healed = machine.restore(edition, &case.fault.heals).and_then(|()| {
            let left = self.found(&machine.examine("", "")?.report);
            // What is only slow to come back gets a moment more; another machine costs far more than that.
            if left.is_empty() {
                Ok(left)
            } else {
                Ok(self.found(&machine.examine("", "")?.report))
            }
        });
        match healed {
            Ok(left) if left.is_empty() => {}
            other => {
                eprintln!(
                    "        a new machine after “{}”: {other:?}",
                    case.fault.name
                );
                *place = None;
            }
        }
        result.unwrap_or_else(|trouble| failed(case, trouble))
    }

    fn broken(&self, machine: &mut WholeMachine, case: &Case) -> Result<Outcome, String> {
        let fault = &case.fault;
        if !fault.internet.is_empty() {
            machine.arrange(&fault.internet)?;
        }
        if !fault.breaks.is_empty() {
            machine.sh(&fault.breaks)?;
        }
        let examination = machine.examine(&fault.through, &fault.arguments)?;
        let found = self.found(&examination.report);
        let mut outcome = outcome(
            case,
            &examination.report,
            examination.seconds,
            found,
            &SECRETS,
        );
        if !outcome.is_precise() {
            outcome.trouble = None;
            self.save(case, &examination.report);
        }
        if outcome.offers_fix && self.fixes {
            let said = machine.fix(&fault.edition)?;
            let after = self.found(&machine.examine("", "")?.report);
            if after.iter().any(|line| !fault.left.contains(line)) {
                eprintln!("        --fix said: {said}");
            }
            outcome.leaked.extend(said_secrets(&said, &SECRETS));
            outcome.after_fix = Some(after);
        }
        Ok(outcome)
    }

    /// A report that was not as expected, to be looked at.
    fn save(&self, case: &Case, report: &serde_json::Value) {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clinic/reports");
        std::fs::create_dir_all(&directory).unwrap();
        let name: String = case
            .fault
            .name
            .chars()
            .map(|letter| {
                if letter.is_alphanumeric() {
                    letter
                } else {
                    '-'
                }
            })
            .collect();
        std::fs::write(
            directory.join(name).with_extension("json"),
            serde_json::to_string_pretty(report).unwrap(),
        )
        .unwrap();
    }

    /// What a report names, without what is so of every machine of the lab.
    fn found(&self, report: &serde_json::Value) -> Vec<String> {
        let mut found = troubles(report);
        found.retain(|line| {
            !self
                .clinic
                .of_the_lab
                .iter()
                .any(|entry| entry.finding == *line)
        });
        found
    }
}
