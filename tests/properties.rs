//! No input whatever makes the doctor panic: settings, profiles and recorded facts, damaged in every way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{path::Path, sync::LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};
use sesam_doctor::{
    checks::Selection,
    diagnosis::{self, Rules},
    facts::{self, Facts},
    profile,
    report::{self, Detail, Look, Report, Timing},
    settings::Settings,
};

const SETTINGS: &str = r#"
profile = "2023"
stack_dir = "/srv/data"
public_addresses = ["203.0.113.7", "2001:db8::1"]
[[waivers]]
check = "hardware.cpu"
reason = "pilot"
approved_by = "IT"
until = "2027-03-31"
"#;

const PROFILE: &str = r#"
extends = "2023"
name = "acme"
[hardware]
cpus = 8
fdatasync_p99_warn_ms = 5.0
[[environment]]
name = "NODE_DOMAIN"
kind = "text"
why = "because"
"#;

/// Every recorded machine: between them they have every fact seen, absent, denied or failed.
fn recordings() -> &'static [Value] {
    static RECORDINGS: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/facts");
        let mut files: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|file| file.extension().is_some_and(|end| end == "json"))
            .collect();
        files.sort();
        assert!(files.len() >= 6, "{files:?}");
        files
            .into_iter()
            .map(|file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
            .collect()
    });
    &RECORDINGS
}

/// The same document, its members in another order, as if the observers had ended in another.
fn reordered(document: &Value, turn: usize) -> Value {
    match document {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members
                .iter()
                .map(|(name, value)| (name.clone(), reordered(value, turn + 1)))
                .collect();
            let count = members.len().max(1);
            members.rotate_left(turn % count);
            if turn % 2 == 1 {
                members.reverse();
            }
            Value::Object(members.into_iter().collect())
        }
        Value::Array(elements) => elements
            .iter()
            .map(|element| reordered(element, turn + 1))
            .collect(),
        leaf => leaf.clone(),
    }
}

fn diagnosis_of(document: &Value) -> diagnosis::Diagnosis {
    let facts = facts::parse_recording(&serde_json::to_vec(document).unwrap()).unwrap();
    let rules = Rules {
        selection: Selection::default(),
        strict: false,
        now: facts.observed_at,
    };
    diagnosis::diagnose(&facts, &rules)
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        "[/.a-z0-9-]{0,60}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!({"state": "absent"})),
        Just(json!({"state": "denied", "value": "reading it needs root"})),
        Just(json!({"state": "seen", "value": {}})),
    ]
}

/// Puts something else in the place that the steps lead to.
fn replace(document: &mut Value, steps: &[prop::sample::Index], with: Value) {
    let mut place = document;
    for step in steps {
        let size = match &*place {
            Value::Object(members) => members.len(),
            Value::Array(elements) => elements.len(),
            _ => 0,
        };
        if size == 0 {
            break;
        }
        let index = step.index(size);
        place = match place {
            Value::Object(members) => members.values_mut().nth(index).unwrap(),
            Value::Array(elements) => &mut elements[index],
            _ => unreachable!(),
        };
    }
    *place = with;
}

fn examine(facts: &Facts, now: jiff::Timestamp) {
    let rules = Rules {
        selection: Selection::default(),
        strict: false,
        now,
    };
    let timing = Timing {
        started_at: now,
        judged_as_of: now,
        duration_ms: 0,
    };
    let diagnosis = diagnosis::diagnose(facts, &rules);
    assert_eq!(diagnosis, diagnosis::diagnose(facts, &rules));
    for finding in &diagnosis.findings {
        assert!(
            !finding.summary.contains("inside the doctor"),
            "{} panicked",
            finding.id
        );
    }
    let report = Report::new(facts, diagnosis, timing);
    report::json(&report).unwrap();
    for width in [0, 40, 80, 300] {
        let look = Look {
            width,
            color: true,
            detail: Detail::Everything,
        };
        let text = report::table(&report, look);
        assert!(!text.contains('\u{7}'));
    }
}

#[test]
fn the_order_in_which_observers_end_changes_nothing() {
    for document in recordings() {
        let diagnosis = diagnosis_of(document);
        for turn in 1..7 {
            assert_eq!(diagnosis, diagnosis_of(&reordered(document, turn)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn damaged_facts_are_judged_or_refused(
        changes in prop::collection::vec(
            (prop::collection::vec(any::<prop::sample::Index>(), 1..9), leaf()),
            1..6,
        ),
        which in any::<prop::sample::Index>(),
        // From the year 1 to the year 9000.
        seconds in -62_000_000_000_i64..220_000_000_000,
    ) {
        let recordings = recordings();
        let mut document = recordings[which.index(recordings.len())].clone();
        for (steps, with) in changes {
            replace(&mut document, &steps, with);
        }
        if let Ok(facts) = facts::parse_recording(&serde_json::to_vec(&document).unwrap()) {
            examine(&facts, jiff::Timestamp::from_second(seconds).unwrap());
        }
    }

    #[test]
    fn two_machines_mixed_are_judged_or_refused(
        members in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
    ) {
        // Each member is one that some machine really had; together no machine ever had them.
        let recordings = recordings();
        let mut document = recordings[one.index(recordings.len())].clone();
        let from = recordings[other.index(recordings.len())].as_object().unwrap();
        for member in members {
            let (name, value) = from.iter().nth(member.index(from.len())).unwrap();
            document[name] = value.clone();
        }
        if let Ok(facts) = facts::parse_recording(&serde_json::to_vec(&document).unwrap()) {
            examine(&facts, facts.observed_at);
        }
    }

    #[test]
    fn damaged_settings_are_read_or_refused(cut in 0..SETTINGS.len(), noise in "\\PC{0,12}") {
        let text = format!("{}{noise}{}", &SETTINGS[..cut], &SETTINGS[cut..]);
        if let Err(error) = Settings::parse("config.toml", &text) {
            prop_assert!(error.to_string().starts_with("config.toml"), "{error}");
        }
        let _ = Settings::parse("config.toml", &SETTINGS[..cut]);
    }

    #[test]
    fn damaged_profiles_are_read_or_refused(cut in 0..PROFILE.len(), noise in "\\PC{0,12}") {
        let text = format!("{}{noise}{}", &PROFILE[..cut], &PROFILE[cut..]);
        if let Err(error) = profile::from_text("acme.toml", &text) {
            prop_assert!(!error.to_string().is_empty());
        }
        let _ = profile::from_text("acme.toml", &PROFILE[..cut]);
    }

    #[test]
    fn any_bytes_are_no_recording(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(facts::parse_recording(&bytes).is_err());
    }
}
