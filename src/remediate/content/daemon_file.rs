//! Docker's `daemon.json` with log limits, everything else in it left as it is.

use serde::Serialize;
use serde_json::{Map, Value, json, ser::PrettyFormatter};
use thiserror::Error;

use crate::profile::Profile;

/// Why `daemon.json` is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DaemonFileFault {
    /// It is no JSON.
    #[error("it is no JSON ({0}); Docker refuses to start with it, so mend it first")]
    NotJson(String),
    /// Its top or its log options are something else than an object.
    #[error("{0} has to be a JSON object, and is something else")]
    NotAnObject(&'static str),
    /// Its log driver is no text.
    #[error("“log-driver” has to be a text, and is something else")]
    Driver,
    /// It could not be put into words.
    #[error("{0}")]
    Unwritable(String),
}

/// The text of a `daemon.json` that limits containers' logs; none where the file does so already, or where its log driver
/// writes no files that grow.
///
/// # Errors
/// See [`DaemonFileFault`].
pub fn with_log_limits(
    profile: &Profile,
    existing: Option<&str>,
) -> Result<Option<String>, DaemonFileFault> {
    let text = existing.unwrap_or_default();
    let document: Value = if text.trim().is_empty() {
        json!({})
    } else {
        serde_json::from_str(text).map_err(|error| DaemonFileFault::NotJson(error.to_string()))?
    };
    let Value::Object(mut settings) = document else {
        return Err(DaemonFileFault::NotAnObject("the file"));
    };
    let software = &profile.software;
    let unbounded = &software.unbounded_log_drivers;
    let driver = match settings.get("log-driver") {
        None => unbounded.first().map_or("json-file", String::as_str),
        Some(driver) => driver.as_str().ok_or(DaemonFileFault::Driver)?,
    };
    if !unbounded.iter().any(|known| known == driver) {
        return Ok(None);
    }
    let options = match settings.get("log-opts") {
        None => Map::new(),
        Some(Value::Object(options)) => options.clone(),
        Some(_) => return Err(DaemonFileFault::NotAnObject("“log-opts”")),
    };
    let wanted = [
        (
            software.log_limit_option.as_str(),
            profile.install.log_max_size.clone(),
        ),
        // More than one file only where a limit is set, so both go together.
        ("max-file", profile.install.log_max_files.to_string()),
    ];
    if options.contains_key(&software.log_limit_option) {
        return Ok(None);
    }
    let driver = driver.to_owned();
    settings
        .entry("log-driver")
        .or_insert(Value::String(driver));
    let mut options = options;
    for (name, value) in wanted {
        options.entry(name).or_insert(Value::String(value));
    }
    settings.insert("log-opts".into(), Value::Object(options));
    pretty(&Value::Object(settings), indentation(text)).map(Some)
}

/// What the first member of a text is indented by.
fn indentation(text: &str) -> &str {
    text.lines()
        .find(|line| line.trim_start().starts_with('"') && line.starts_with([' ', '\t']))
        .map_or("  ", |line| {
            let start = line.len() - line.trim_start().len();
            line.get(..start).unwrap_or("  ")
        })
}

fn pretty(document: &Value, indentation: &str) -> Result<String, DaemonFileFault> {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(indentation.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    document
        .serialize(&mut serializer)
        .map_err(|error| DaemonFileFault::Unwritable(error.to_string()))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|error| DaemonFileFault::Unwritable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;

    fn merged(existing: Option<&str>) -> Result<Option<String>, DaemonFileFault> {
        with_log_limits(&profile::load("2023").unwrap(), existing)
    }

    #[test]
    fn limits_are_added_and_the_rest_stays_in_its_order() {
        for existing in [None, Some(""), Some("{}")] {
            assert_eq!(
                merged(existing).unwrap().unwrap(),
                "{\n  \"log-driver\": \"json-file\",\n  \"log-opts\": {\n    \"max-size\": \"50m\",\n    \"max-file\": \"5\"\n  }\n}\n"
            );
        }
        let existing = "{\n\t\"mtu\": 1450,\n\t\"log-opts\": {\"labels\": \"a\", \"max-file\": \"2\"},\n\t\"data-root\": \"/srv/docker\"\n}";
        assert_eq!(
            merged(Some(existing)).unwrap().unwrap(),
            "{\n\t\"mtu\": 1450,\n\t\"log-opts\": {\n\t\t\"labels\": \"a\",\n\t\t\"max-file\": \"2\",\n\t\t\"max-size\": \"50m\"\n\t},\n\t\"data-root\": \"/srv/docker\",\n\t\"log-driver\": \"json-file\"\n}\n"
        );
    }

    #[test]
    fn where_logs_are_limited_nothing_is_written() {
        for existing in [
            r#"{"log-opts": {"max-size": "10m"}}"#,
            r#"{"log-driver": "journald"}"#,
            r#"{"log-driver": "local"}"#,
        ] {
            assert_eq!(merged(Some(existing)), Ok(None), "{existing}");
        }
        let written = merged(None).unwrap().unwrap();
        assert_eq!(merged(Some(&written)), Ok(None));
    }

    #[test]
    fn what_docker_would_refuse_is_refused() {
        for (existing, words) in [
            ("{\"mtu\": 1450,}", "it is no JSON"),
            ("[]", "the file has to be a JSON object"),
            ("{\"log-opts\": []}", "“log-opts” has to be a JSON object"),
            ("{\"log-driver\": 7}", "“log-driver” has to be a text"),
        ] {
            let error = merged(Some(existing)).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
    }
}
