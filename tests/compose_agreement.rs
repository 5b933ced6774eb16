//! Our reading of compose files and `.env` against Docker Compose's own.
//!
//! The cases under `tests/fixtures/stack/agreement` carry what Compose 2.26 made of them. Ours is always held against
//! that record; the record is held against the real Compose where `tests/lab/fetch-compose-v2` has put one.
//!
//! Known to differ, and left out: a plain scalar that is a date (Compose rewrites it as a time), and a file with
//! several YAML documents (Compose lays them over each other, we refuse it).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use sesam_doctor::{
    facts::stack::{
        compose_file::{Surroundings, read},
        env_file,
    },
    redact::Redactor,
};

/// The name that the project was given when the cases were recorded.
const PROJECT: &str = "agreement";

/// The members of a service that are compared.
const COMPARED: [&str; 6] = [
    "image",
    "container_name",
    "restart",
    "environment",
    "labels",
    "command",
];

struct Case {
    name: String,
    compose: String,
    env: String,
    expected: Value,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stack/agreement");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let listed: Vec<Value> =
            serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let text = |case: &Value, member: &str| case[member].as_str().unwrap().to_owned();
        cases.extend(listed.iter().map(|case| Case {
            name: format!(
                "{}: {}",
                file.file_name().unwrap().to_string_lossy(),
                text(case, "name")
            ),
            compose: text(case, "compose"),
            env: text(case, "env"),
            expected: case["expected"].clone(),
        }));
    }
    cases
}

fn refused() -> Value {
    json!({"refused": true})
}

/// What we make of a case, in the form of the record.
fn ours(case: &Case) -> Value {
    let env = env_file::parse(&case.env);
    if env.problem.is_some() {
        return refused();
    }
    let surroundings = Surroundings {
        path: "docker-compose.yml".into(),
        project: PROJECT.into(),
        project_is_given: true,
        variables: &env.variables,
        is_secret: &|_| false,
        redactor: &Redactor::default(),
    };
    let file = read(&case.compose, &surroundings);
    if !file.problems.is_empty() {
        return refused();
    }
    let services = file
        .services
        .iter()
        .map(|(name, service)| {
            let document = serde_json::to_value(service).unwrap();
            let mut members: BTreeMap<&str, Value> = COMPARED
                .iter()
                .map(|member| (*member, document[member].clone()))
                .collect();
            let ports = document["ports"].as_array().unwrap().iter().map(|port| {
                let mut port = port.as_object().unwrap().clone();
                port.retain(|_, value| !value.is_null());
                Value::Object(port)
            });
            members.insert("ports", ports.collect());
            members.retain(|_, value| !is_nothing(value));
            (name.clone(), json!(members))
        })
        .collect::<BTreeMap<_, _>>();
    let unset: BTreeSet<&str> = file
        .variables
        .iter()
        .filter(|variable| variable.blank_place().is_some())
        .map(|variable| variable.name.as_str())
        .collect();
    with_unset(json!({"services": services}), &unset)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn with_unset(mut record: Value, unset: &BTreeSet<&str>) -> Value {
    if !unset.is_empty() {
        record["unset"] = json!(unset);
    }
    record
}

/// `.env` itself can refer to unset variables; Compose's warnings do not say where, so those are not compared.
fn without_unset(record: &Value) -> Value {
    let mut record = record.clone();
    if let Some(members) = record.as_object_mut() {
        members.remove("unset");
    }
    record
}

#[test]
fn our_reading_agrees_with_the_record() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let differing: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let ours = ours(case);
            let mut expected = case.expected.clone();
            // Some values look like secrets, and what we read of them never is one.
            Redactor::default().document(&mut expected);
            let same = if case.env.contains('$') {
                without_unset(&ours) == without_unset(&expected)
            } else {
                ours == expected
            };
            (!same).then(|| {
                format!(
                    "{}\n  ours     {ours}\n  Compose  {}",
                    case.name, case.expected
                )
            })
        })
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn the_record_is_what_the_real_compose_says() {
    let binary =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab-cache/compose-v2/docker-compose");
    if !binary.exists() {
        eprintln!(
            "left out: there is no {}; tests/lab/fetch-compose-v2 gets it where it can be had",
            binary.display()
        );
        return;
    }
    let cases = cases();
    let halves = cases.chunks(cases.len().div_ceil(2));
    let differing: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = halves
            .map(|half| {
                scope.spawn(|| {
                    half.iter()
                        .filter_map(|case| differs(&binary, case))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn differs(binary: &Path, case: &Case) -> Option<String> {
    let real = real(binary, case);
    (real != case.expected).then(|| {
        format!(
            "{}\n  Compose  {real}\n  record   {}",
            case.name, case.expected
        )
    })
}

/// What the real Compose makes of a case, in the form of the record. `config` needs no engine and no network.
fn real(binary: &Path, case: &Case) -> Value {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("docker-compose.yml"), &case.compose).unwrap();
    std::fs::write(place.path().join(".env"), &case.env).unwrap();
    let output = Command::new(binary)
        .args(["-p", PROJECT, "config", "--format", "json"])
        .current_dir(place.path())
        .env_clear()
        .output()
        .unwrap();
    if !output.status.success() {
        return refused();
    }
    let config: Value = serde_json::from_slice(&output.stdout).unwrap();
    let services = config["services"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, service)| {
            let mut members: BTreeMap<&str, Value> = COMPARED
                .iter()
                .map(|member| (*member, unescaped(&service[member])))
                .collect();
            let ports = service["ports"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|port| {
                    let mut port = port.as_object().unwrap().clone();
                    port.remove("mode");
                    Value::Object(port)
                });
            members.insert("ports", ports.collect());
            members.retain(|_, value| !is_nothing(value));
            (name.clone(), json!(members))
        })
        .collect::<BTreeMap<_, _>>();
    let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
    let unset: BTreeSet<&str> = warnings
        .split("The \\\"")
        .skip(1)
        .filter_map(|warning| warning.split_once("\\\" variable is not set"))
        .map(|(name, _)| name)
        .collect();
    with_unset(json!({"services": services}), &unset)
}

/// `config` writes a dollar sign as two, so that its output can be a compose file again.
fn unescaped(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text.replace("$$", "$")),
        Value::Array(elements) => elements.iter().map(unescaped).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.replace("$$", "$"), unescaped(value)))
            .collect(),
        other => other.clone(),
    }
}
