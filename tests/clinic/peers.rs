//! The same faults, shown to other tools on the same machines.

use std::{fmt::Write, path::Path, time::Instant};

use regex::Regex;
use serde::Deserialize;

use super::{
    cases::{Case, Clinic},
    whole_machine::WholeMachine,
};

/// What `peers/peers.toml` says.
#[derive(Deserialize)]
struct Plan {
    peer: Vec<Peer>,
    shown: Vec<Shown>,
}

#[derive(Deserialize)]
struct Peer {
    name: String,
    command: String,
}

#[derive(Deserialize)]
struct Shown {
    fault: String,
    /// The words by which a line can be said to name the cause.
    cause: String,
}

/// What a tool made of a machine.
struct Said {
    exit_code: i32,
    lines: Vec<String>,
    seconds: f64,
}

impl Said {
    /// The lines that say something is wrong, as far as these tools mark them; all of them where none is marked.
    fn of(machine: &WholeMachine, command: &str) -> Self {
        let began = Instant::now();
        let output = machine
            .sh(&format!("code=0; {{ {command}\n}} >/tmp/peer-output 2>&1 || code=$?; cat /tmp/peer-output; echo; echo \"exit $code\""))
            .unwrap_or_else(|said| said);
        let seconds = began.elapsed().as_secs_f64();
        let mut lines: Vec<String> = output
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(ToOwned::to_owned)
            .collect();
        let exit_code = lines
            .pop()
            .and_then(|line| line.strip_prefix("exit ")?.parse().ok())
            .unwrap_or(-1);
        Self {
            exit_code,
            lines,
            seconds,
        }
    }

    /// How many lines that were not there on the healthy machine are to be read until one names the cause.
    fn lines_until(&self, healthy: &Self, cause: &Regex) -> Option<usize> {
        let new = self
            .lines
            .iter()
            .filter(|line| !healthy.lines.contains(line));
        new.enumerate()
            .find(|(_, line)| cause.is_match(line))
            .map(|(index, _)| index + 1)
    }
}

/// Shows the chosen faults to every tool, and gives the table of what each made of them.
pub fn compare(clinic: &Clinic) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let plan = std::fs::read_to_string(root.join("tests/clinic/peers/peers.toml")).unwrap();
    let mut plan: Plan = toml::from_str(&plan).unwrap();
    plan.peer.insert(
        0,
        Peer {
            name: "sesam-doctor".into(),
            command: "sesam-doctor --timeout 4 --no-progress --color never".into(),
        },
    );
    let mut machine = WholeMachine::start();
    machine.bring(&root.join("target/peers"), "/opt/peers");
    machine.bring(&root.join("tests/clinic/peers"), "/opt/peers/config");
    let mut rows = vec![Vec::new(); plan.shown.len()];
    let mut sums = vec![(0_usize, 0_usize, Vec::new(), Vec::new()); plan.peer.len()];
    let mut healthy: Vec<Said> = Vec::new();
    let mut edition = String::new();
    for (row, shown) in rows.iter_mut().zip(&plan.shown) {
        let case: &Case = clinic
            .cases
            .iter()
            .find(|case| case.fault.name == shown.fault)
            .unwrap();
        if edition != case.fault.edition {
            edition.clone_from(&case.fault.edition);
            machine.restore(&edition, "").unwrap();
            healthy = plan
                .peer
                .iter()
                .map(|peer| {
                    let said = Said::of(&machine, &peer.command);
                    if said.exit_code != 0 {
                        eprintln!(
                            "{} of a healthy machine: exit {}\n  {}",
                            peer.name,
                            said.exit_code,
                            said.lines.join("\n  ")
                        );
                    }
                    said
                })
                .collect();
        }
        let cause = Regex::new(&shown.cause).unwrap();
        if !case.fault.internet.is_empty() {
            machine.arrange(&case.fault.internet).unwrap();
        }
        if !case.fault.breaks.is_empty() {
            machine.sh(&case.fault.breaks).unwrap();
        }
        for ((peer, well), sum) in plan.peer.iter().zip(&healthy).zip(&mut sums) {
            let (said, lines) = if peer.name == "sesam-doctor" {
                // Its root causes stand on top, in the words of the report; whether they are the right ones is what the clinic scores.
                let examination = machine
                    .examine(&case.fault.through, &case.fault.arguments)
                    .unwrap();
                let found = super::troubles(&examination.report);
                let at = found
                    .iter()
                    .filter(|line| !line.starts_with("system.clock unsync"))
                    .position(|line| case.fault.found.contains(line));
                let exit_code = examination.report["exit_code"].as_i64().unwrap_or(-1);
                (
                    Said {
                        exit_code: i32::try_from(exit_code).unwrap_or(-1),
                        lines: found,
                        seconds: examination.seconds,
                    },
                    at.map(|at| at + 1),
                )
            } else {
                let said = Said::of(&machine, &machine.as_the_doctor_sees(&peer.command));
                let lines = said.lines_until(well, &cause);
                (said, lines)
            };
            let detected = said.exit_code != well.exit_code;
            sum.0 += usize::from(detected);
            sum.1 += usize::from(lines.is_some());
            sum.2.extend(lines);
            sum.3.push(said.seconds);
            let lines = lines.map_or_else(|| "–".into(), |lines| lines.to_string());
            row.push(format!(
                "{}{} / {lines}",
                said.exit_code,
                if detected { "" } else { " (as before)" }
            ));
            eprintln!(
                "{}: {}: exit {}, cause in line {lines}",
                shown.fault, peer.name, said.exit_code
            );
        }
        machine.restore(&edition, &case.fault.heals).unwrap();
    }
    let mut page = String::new();
    let _ = writeln!(
        page,
        "| tool | noticed, by its exit code | cause named | lines until then, median | seconds, median | exit code of the healthy machine |\n| --- | --- | --- | --- | --- | --- |"
    );
    for ((peer, sum), well) in plan.peer.iter().zip(&mut sums).zip(&healthy) {
        sum.2.sort_unstable();
        sum.3.sort_by(f64::total_cmp);
        let lines = sum
            .2
            .get(sum.2.len() / 2)
            .map_or_else(|| "–".into(), ToString::to_string);
        let total = plan.shown.len();
        let _ = writeln!(
            page,
            "| {} | {} of {total} | {} of {total} | {lines} | {:.1} | {} |",
            peer.name,
            sum.0,
            sum.1,
            sum.3[sum.3.len() / 2],
            well.exit_code
        );
    }
    let names: Vec<&str> = plan.peer.iter().map(|peer| peer.name.as_str()).collect();
    let _ = writeln!(
        page,
        "\nExit code, and the line that names the cause, counted among the lines that the healthy machine does not have:\n\n| fault | {} |\n| --- |{}",
        names.join(" | "),
        " --- |".repeat(names.len())
    );
    for (shown, row) in plan.shown.iter().zip(&rows) {
        let _ = writeln!(page, "| {} | {} |", shown.fault, row.join(" | "));
    }
    page
}
