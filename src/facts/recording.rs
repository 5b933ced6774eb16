//! Reading recorded facts back: of this doctor, of an older one, of a newer one.

use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use super::Facts;
use crate::{
    files::{FileProblem, Root, read_bounded},
    profile,
    units::Bytes,
};

/// Larger than the facts of any machine.
const LARGEST_RECORDING: Bytes = Bytes(64_000_000);

/// Recorded facts that cannot be judged.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The file could not be read.
    #[error("{}: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: FileProblem,
    },
    /// The file holds nothing.
    #[error("{}: it is empty; facts are recorded by `sesam-doctor facts -o FILE`, and packed by `sesam-doctor bundle -o FILE`", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no recorded facts.
    #[error("{}:{line}:{column}: no recorded facts: {message}; they are made by `sesam-doctor facts -o FILE`", path.display())]
    NotFacts {
        /// The file.
        path: PathBuf,
        /// Counted from 1; 0 where no place can be named.
        line: usize,
        /// Counted from 1; 0 where no place can be named.
        column: usize,
        /// What is wrong.
        message: String,
    },
}

/// Reads recorded facts. What a newer doctor knew more is ignored, what an older one knew less is “not observed”.
///
/// # Errors
/// A file that cannot be read, is no JSON, or is JSON of something else.
pub fn read_recording(path: &Path) -> Result<Facts, RecordingError> {
    let content = read_bounded(&Root::machine(), path, LARGEST_RECORDING).map_err(|problem| {
        RecordingError::Unreadable {
            path: path.to_path_buf(),
            problem,
        }
    })?;
    recording_of(path, &content)
}

/// Reads the recorded facts that were found in the file at `path`.
///
/// # Errors
/// No JSON, or JSON of something else.
pub fn recording_of(path: &Path, content: &[u8]) -> Result<Facts, RecordingError> {
    if content.trim_ascii().is_empty() {
        let path = path.to_path_buf();
        return Err(RecordingError::Empty { path });
    }
    parse_recording(content).map_err(|error| RecordingError::NotFacts {
        path: path.to_path_buf(),
        line: error.line(),
        column: error.column(),
        message: error.to_string(),
    })
}

/// Reads recorded facts from bytes, as [`read_recording`] does from a file.
///
/// # Errors
/// No JSON, or JSON of something else.
pub fn parse_recording(content: &[u8]) -> serde_json::Result<Facts> {
    let mut document: Value = serde_json::from_slice(content)?;
    // Profiles and settings refuse unknown keys, since a person may have misspelled one; in a recording they are a newer doctor's.
    if let Some(recorded) = document.get_mut("profile") {
        prune(recorded, &profile::every_member());
    }
    if let Some(recorded) = document.get_mut("settings") {
        prune(recorded, &crate::settings::Settings::every_member());
    }
    serde_json::from_value(document)
}

/// Takes away the members that the template does not have; of lists the template's first element counts.
fn prune(document: &mut Value, template: &Value) {
    match (document, template) {
        (Value::Object(members), Value::Object(known)) => {
            members.retain(|name, _| known.contains_key(name));
            for (name, member) in members.iter_mut() {
                if let Some(template) = known.get(name) {
                    prune(member, template);
                }
            }
        }
        (Value::Array(elements), Value::Array(known)) => {
            if let Some(template) = known.first() {
                for element in elements {
                    prune(element, template);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{facts::Observed, settings::Settings};

    fn recorded() -> Value {
        let profile = profile::load("2023").unwrap();
        let at = "2026-11-23T15:00:00Z".parse().unwrap();
        serde_json::to_value(Facts::unobserved(profile, Settings::default(), at)).unwrap()
    }

    #[test]
    fn what_an_older_doctor_lacked_is_not_observed() {
        let mut document = recorded();
        document.as_object_mut().unwrap().remove("license");
        let facts = parse_recording(&serde_json::to_vec(&document).unwrap()).unwrap();
        assert_eq!(facts.license, Observed::NotAsked);
    }

    #[test]
    fn what_a_newer_doctor_knew_more_is_ignored() {
        let mut document = recorded();
        document["schema_version"] = json!(7);
        document["quantum_state"] = json!({"state": "seen", "value": 1});
        document["profile"]["quantum"] = json!({"bits": 8});
        document["profile"]["hardware"]["gpus"] = json!(1);
        document["profile"]["environment"][0]["since"] = json!("2027");
        document["settings"] = json!({"waivers": [{"check": "a", "reason": "b", "approved_by": "c", "until": "2027-01-01", "ticket": 7}]});
        let facts = parse_recording(&serde_json::to_vec(&document).unwrap()).unwrap();
        assert_eq!(facts.settings.waivers.len(), 1);
        assert_eq!(facts.profile, profile::load("2023").unwrap());
    }

    #[test]
    fn what_is_no_recording_is_refused_with_its_place() {
        for content in [
            "",
            "{}",
            "[]",
            "{\"schema_version\": \"one\"}",
            "nonsense",
            "\u{0}",
        ] {
            assert!(parse_recording(content.as_bytes()).is_err(), "{content}");
        }
    }
}
