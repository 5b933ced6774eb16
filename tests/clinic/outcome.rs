//! What came of a case, and what all of them amount to.

use std::{collections::BTreeSet, fmt::Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cases::{Case, Kind};

/// What came of one case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub name: String,
    pub kind: Kind,
    /// A hash of how the case is defined; an outcome of another definition is none of this one.
    pub definition: String,
    pub expected: Vec<String>,
    pub found: Vec<String>,
    /// How many findings were explained by one of those found.
    pub blocked: usize,
    pub exit_code: u64,
    pub seconds: f64,
    /// What no advice named, though it should have.
    pub advice_missing: Vec<String>,
    /// Whether the doctor offers steps for everything that it found.
    pub offers_fix: bool,
    /// Whether the catalogue says that it can heal this.
    pub can_be_fixed: bool,
    /// What may be found after `--fix` all the same.
    pub expected_after_fix: Vec<String>,
    /// What was found after `--fix`; nothing where it was not run.
    pub after_fix: Option<Vec<String>>,
    /// A secret that the report said.
    pub leaked: Vec<String>,
    /// Why there is no report, or what went wrong with the lab.
    pub trouble: Option<String>,
}

impl Outcome {
    pub fn is_detected(&self) -> bool {
        self.exit_code != 0 && !self.found.is_empty()
    }

    /// Whether what was named is what is broken, each thing with its cause, and nothing else.
    pub fn is_precise(&self) -> bool {
        self.trouble.is_none() && set(&self.expected) == set(&self.found)
    }

    pub fn is_healed(&self) -> Option<bool> {
        let after = self.after_fix.as_ref()?;
        Some(set(after) == set(&self.expected_after_fix))
    }

    pub fn is_right(&self) -> bool {
        self.is_precise()
            && self.advice_missing.is_empty()
            && self.leaked.is_empty()
            && self.offers_fix == self.can_be_fixed
            && self.is_healed() != Some(false)
    }
}

fn set(lines: &[String]) -> BTreeSet<&str> {
    lines.iter().map(String::as_str).collect()
}

/// A case's definition, hashed.
pub fn definition(case: &Case) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    format!("{:?}", case.fault).hash(&mut hasher);
    format!("{:x}", hasher.finish())
}

/// Reads a report: what it names, and what its advice lacks.
pub fn outcome(
    case: &Case,
    report: &Value,
    seconds: f64,
    found: Vec<String>,
    secrets: &[&str],
) -> Outcome {
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let named = |finding: &Value| {
        found.iter().any(|line| {
            line.split_once(' ')
                .is_some_and(|(id, _)| finding["id"] == id)
        })
    };
    let mut advice_missing = Vec::new();
    let mut advice = String::new();
    for finding in findings.iter().filter(|finding| named(finding)) {
        let lines = finding["advice"].as_array().cloned().unwrap_or_default();
        if lines.is_empty() && finding["status"] != "unknown" {
            advice_missing.push(format!("any advice for {}", finding["id"]));
        }
        for line in lines {
            advice.push_str(line.as_str().unwrap_or_default());
            advice.push('\n');
        }
    }
    advice_missing.extend(
        case.fault
            .advice
            .iter()
            .filter(|subject| !advice.contains(*subject))
            .cloned(),
    );
    let offers_fix = findings
        .iter()
        .filter(|finding| named(finding))
        .all(|finding| !steps(finding).is_empty());
    Outcome {
        name: case.fault.name.clone(),
        kind: case.kind,
        definition: definition(case),
        expected: case.fault.found.clone(),
        blocked: findings
            .iter()
            .filter(|finding| finding["status"] == "blocked")
            .count(),
        exit_code: report["exit_code"].as_u64().unwrap_or(99),
        seconds,
        advice_missing,
        offers_fix: offers_fix && !found.is_empty(),
        can_be_fixed: case.fault.fix,
        expected_after_fix: case.fault.left.clone(),
        after_fix: None,
        leaked: said_secrets(&report.to_string(), secrets),
        found,
        trouble: None,
    }
}

/// The secrets that a text says.
pub fn said_secrets(text: &str, secrets: &[&str]) -> Vec<String> {
    secrets
        .iter()
        .filter(|secret| text.contains(**secret))
        .map(|secret| (*secret).to_owned())
        .collect()
}

/// What `--fix` would do about a finding.
fn steps(finding: &Value) -> &[Value] {
    finding["fix"]["steps"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

/// A case whose machine could not be brought into its state, or whose report could not be had.
pub fn failed(case: &Case, trouble: String) -> Outcome {
    Outcome {
        trouble: Some(trouble),
        ..outcome(case, &Value::Null, 0.0, Vec::new(), &[])
    }
}

/// All of them together.
#[derive(Debug, Serialize)]
pub struct Score {
    pub healthy_machines: usize,
    pub false_alarms: usize,
    pub singles: usize,
    pub pairs: usize,
    pub detected: usize,
    pub precise: usize,
    pub advice_right: usize,
    pub to_be_fixed: usize,
    pub fixed: usize,
    pub leaks: usize,
    pub median_seconds: f64,
    pub slowest_seconds: f64,
}

pub fn score(outcomes: &[Outcome]) -> Score {
    let of = |kind: Kind| outcomes.iter().filter(move |outcome| outcome.kind == kind);
    let faults: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| outcome.kind != Kind::Healthy)
        .collect();
    let mut seconds: Vec<f64> = outcomes.iter().map(|outcome| outcome.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let count =
        |test: &dyn Fn(&Outcome) -> bool| faults.iter().filter(|outcome| test(outcome)).count();
    Score {
        healthy_machines: of(Kind::Healthy).count(),
        false_alarms: of(Kind::Healthy)
            .filter(|outcome| !outcome.is_precise())
            .count(),
        singles: of(Kind::Single).count(),
        pairs: of(Kind::Pair).count(),
        detected: count(&Outcome::is_detected),
        precise: count(&Outcome::is_precise),
        advice_right: count(&|outcome| {
            outcome.advice_missing.is_empty() && outcome.trouble.is_none()
        }),
        to_be_fixed: count(&|outcome| outcome.after_fix.is_some()),
        fixed: count(&|outcome| outcome.is_healed() == Some(true)),
        leaks: outcomes
            .iter()
            .filter(|outcome| !outcome.leaked.is_empty())
            .count(),
        median_seconds: seconds.get(seconds.len() / 2).copied().unwrap_or_default(),
        slowest_seconds: seconds.last().copied().unwrap_or_default(),
    }
}

impl Score {
    /// The score as lines of a Markdown table.
    pub fn table(&self) -> String {
        let faults = self.singles + self.pairs;
        let share = |part: usize, whole: usize| {
            if whole == 0 {
                return "not measured".to_owned();
            }
            #[allow(clippy::cast_precision_loss)] // a few hundred
            let percent = part as f64 * 100.0 / whole as f64;
            format!("{part} of {whole} ({percent:.1} %)")
        };
        let mut table = String::from("| measure | result |\n| --- | --- |\n");
        let mut row = |name: &str, value: String| {
            let _ = writeln!(table, "| {name} | {value} |");
        };
        row("faults, one at a time", self.singles.to_string());
        row("pairs of faults", self.pairs.to_string());
        row("detected", share(self.detected, faults));
        row(
            "root causes named exactly, with their cause, and nothing else",
            share(self.precise, faults),
        );
        row(
            "advice names what has to be done",
            share(self.advice_right, faults),
        );
        row(
            "healed by `--fix`, of those that it offers to heal",
            share(self.fixed, self.to_be_fixed),
        );
        row(
            "healthy machines with a false alarm",
            share(self.false_alarms, self.healthy_machines),
        );
        row("reports that said a secret", self.leaks.to_string());
        row(
            "seconds to the verdict, whole process: median, slowest",
            format!("{:.1}, {:.1}", self.median_seconds, self.slowest_seconds),
        );
        table
    }
}

/// What was not as it should be, one line each.
pub fn complaints(outcomes: &[Outcome]) -> Vec<String> {
    outcomes
        .iter()
        .filter(|outcome| !outcome.is_right())
        .map(|outcome| {
            let mut said = format!("{}: ", outcome.name);
            if let Some(trouble) = &outcome.trouble {
                let _ = write!(said, "no verdict: {}", trouble.replace('\n', " "));
                return said;
            }
            if !outcome.is_precise() {
                let _ = write!(
                    said,
                    "found {:?}, expected {:?}; ",
                    outcome.found, outcome.expected
                );
            }
            if !outcome.advice_missing.is_empty() {
                let _ = write!(said, "no advice names {:?}; ", outcome.advice_missing);
            }
            if outcome.offers_fix != outcome.can_be_fixed {
                let _ = write!(
                    said,
                    "--fix {} to heal it; ",
                    if outcome.offers_fix {
                        "offers"
                    } else {
                        "does not offer"
                    }
                );
            }
            if outcome.is_healed() == Some(false) {
                let _ = write!(said, "after --fix: {:?}; ", outcome.after_fix);
            }
            if !outcome.leaked.is_empty() {
                let _ = write!(said, "leaked {:?}", outcome.leaked);
            }
            said
        })
        .collect()
}
