//! What the node says of its license. The API's answer is not published in full, so it is read with tolerance.

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longer words are no status.
const LONGEST_WORD: usize = 200;

/// Words by which a license is said to be good.
const GOOD: [&str; 4] = ["valid", "ok", "active", "good"];

/// What the node says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLicense {
    /// Whether it says that the license is valid, where it says so at all.
    #[serde(default)]
    pub valid: Option<bool>,
    /// Its word for how the license stands.
    #[serde(default)]
    pub word: Option<String>,
    /// The subscription's id.
    #[serde(default)]
    pub id: Option<String>,
    /// When the license ends.
    #[serde(default)]
    pub expires: Option<Timestamp>,
}

impl NodeLicense {
    /// Reads the body of an answer; none where it is no JSON object.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let Value::Object(mut members) = serde_json::from_slice(body).ok()? else {
            return None;
        };
        if let Some(Value::Object(inner)) = members.remove("license") {
            // Some wrap it.
            members.extend(inner);
        }
        let text = |names: &[&str]| first_text(&members, names);
        let word = text(&["status", "state", "message", "detail", "error", "reason"]);
        let said = ["valid", "is_valid", "is-valid"]
            .iter()
            .find_map(|name| members.get(*name)?.as_bool());
        let from_word = word.as_deref().and_then(|word| {
            let word = word.trim().to_lowercase();
            if GOOD.contains(&word.as_str()) {
                Some(true)
            } else {
                ["invalid", "expired", "missing", "not valid", "no license"]
                    .iter()
                    .any(|bad| word.contains(bad))
                    .then_some(false)
            }
        });
        Some(Self {
            valid: said.or(from_word),
            word,
            id: text(&["_id", "id"]),
            expires: text(&["expires", "expiry", "valid_until"]).and_then(|text| time(&text)),
        })
    }
}

fn first_text(members: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let text = members.get(*name)?.as_str()?;
        Some(text.chars().take(LONGEST_WORD).collect())
    })
}

/// As in the license itself: with a zone, or without one and then in UTC.
fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        Offset::UTC.to_timestamp(civil).ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_are_read_with_tolerance() {
        for (body, valid) in [
            (
                r#"{"valid": true, "_id": "12345", "expires": "2027-09-24T00:00:00"}"#,
                Some(true),
            ),
            (r#"{"status": "valid"}"#, Some(true)),
            (r#"{"status": "OK", "license": {"_id": "1"}}"#, Some(true)),
            (r#"{"status": "expired"}"#, Some(false)),
            (r#"{"detail": "The license is not valid"}"#, Some(false)),
            (
                r#"{"_id": "12345", "expires": "2027-09-24T00:00:00"}"#,
                None,
            ),
            (r#"{"license": {"valid": false}}"#, Some(false)),
        ] {
            let license = NodeLicense::read(body.as_bytes()).unwrap();
            assert_eq!(license.valid, valid, "{body}");
        }
        let license = NodeLicense::read(br#"{"expires": "2027-09-24T00:00:00"}"#).unwrap();
        assert_eq!(
            license.expires,
            Some("2027-09-24T00:00:00Z".parse().unwrap())
        );
        assert_eq!(NodeLicense::read(b"<html>"), None);
        assert_eq!(NodeLicense::read(b"[]"), None);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in "\\PC{0,100}", name in "(valid|status|expires|_id|license)", value in "\\PC{0,60}") {
            let _ = NodeLicense::read(body.as_bytes());
            let _ = NodeLicense::read(serde_json::json!({name: value}).to_string().as_bytes());
        }
    }
}
