use std::{collections::BTreeSet, fmt::Write as _};

use super::*;
use crate::{
    checks::{REGISTRY, cases},
    profile,
};

#[test]
fn what_comes_before_goes_in_no_circle_and_stands_before_in_the_declaration() {
    for check in REGISTRY {
        for remedy in check.remedies() {
            for before in remedy.after() {
                assert!(*before < remedy, "{before:?} stands after {remedy:?}");
            }
        }
    }
}

#[test]
fn what_is_mended_is_a_cause_of_its_check() {
    for check in REGISTRY {
        for mend in check.mends {
            assert!(!mend.causes.is_empty(), "{}", check.id);
            for cause in mend.causes {
                assert!(
                    check.causes.iter().any(|known| known.code == cause.code),
                    "{} mends {}, which it does not know",
                    check.id,
                    cause.code
                );
            }
        }
    }
}

#[test]
fn what_each_remedy_is_said_to_be() {
    let declared = REGISTRY.iter().flat_map(|check| check.remedies());
    let also = |remedy: Remedy| remedy.brings().iter().copied().chain([remedy]);
    let remedies: BTreeSet<Remedy> = declared.flat_map(also).collect();
    let mut text = String::new();
    for remedy in remedies {
        writeln!(text, "## {remedy:?}: {:?}", remedy.safety()).unwrap();
        let mut said: Vec<(String, Vec<String>)> = Vec::new();
        for edition in ["2023", "2025"] {
            let profile = profile::load(edition).unwrap();
            for (disk, on_root_disk) in [("data", false), ("root", true)] {
                let words = remedy.words(&profile, on_root_disk);
                let place = format!("{edition} on the {disk} disk");
                match said.iter_mut().find(|(known, _)| *known == words) {
                    Some((_, places)) => places.push(place),
                    None => said.push((words, vec![place])),
                }
            }
        }
        for (words, places) in &said {
            match said.len() {
                1 => writeln!(text, "  {words}").unwrap(),
                _ => writeln!(text, "  {words} ({})", places.join(", ")).unwrap(),
            }
        }
        if let Some(cut) = remedy.cuts() {
            writeln!(text, "  cuts: {cut}").unwrap();
        }
        for (what, others) in [
            ("after", remedy.after()),
            ("requires", remedy.requires()),
            ("brings", remedy.brings()),
        ] {
            if !others.is_empty() {
                writeln!(text, "  {what}: {others:?}").unwrap();
            }
        }
        if remedy.is_of_files() {
            writeln!(text, "  of files only").unwrap();
        }
        if remedy.rewrites() {
            writeln!(text, "  rewrites").unwrap();
        }
    }
    cases::hold_to_words("remedies", &text);
}

#[test]
fn what_cuts_somebody_off_asks_first_and_nothing_else_does() {
    for remedy in REGISTRY.iter().flat_map(|check| check.remedies()) {
        let asks = remedy.safety() == Safety::AsksFirst;
        assert_eq!(remedy.cuts().is_some(), asks, "{remedy:?}");
    }
}
