//! Judging, explaining and printing recorded facts: what `--facts` costs beyond reading the file.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use divan::Bencher;
use sesam_doctor::{
    checks::Selection,
    diagnosis::{self, Rules},
    facts::{self, Facts},
    report::{self, Detail, Look, Report, Timing},
};

#[path = "../tests/support/reports.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]
mod made;

fn main() {
    divan::main();
}

fn recorded() -> (Facts, Rules, Timing) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/facts/damaged.json");
    let facts = facts::read_recording(&file).unwrap();
    let rules = Rules {
        selection: Selection::default(),
        strict: false,
        now: facts.observed_at,
    };
    let timing = Timing {
        started_at: facts.observed_at,
        judged_as_of: facts.observed_at,
        duration_ms: 0,
    };
    (facts, rules, timing)
}

#[divan::bench]
fn judge_everything(bencher: Bencher) {
    let (facts, rules, _) = recorded();
    bencher.bench(|| diagnosis::diagnose(&facts, &rules));
}

#[divan::bench]
fn print_the_table(bencher: Bencher) {
    let (facts, rules, timing) = recorded();
    let report = Report::new(&facts, diagnosis::diagnose(&facts, &rules), timing);
    let look = Look {
        width: 80,
        color: true,
        detail: Detail::Everything,
    };
    bencher.bench(|| report::table(&report, look));
}

#[divan::bench]
fn print_json(bencher: Bencher) {
    let (facts, rules, timing) = recorded();
    let report = Report::new(&facts, diagnosis::diagnose(&facts, &rules), timing);
    bencher.bench(|| report::json(&report));
}

/// 60 findings; the bound is 20 ms.
#[divan::bench]
fn make_the_page(bencher: Bencher) {
    let report = made::rich();
    let templates = report::Templates::default();
    bencher.bench(|| report::html(&report, None, &templates));
}

#[divan::bench]
fn make_the_page_of_a_fleet(bencher: Bencher) {
    let report = made::large(2_000);
    let templates = report::Templates::default();
    bencher.bench(|| report::html(&report, None, &templates));
}
