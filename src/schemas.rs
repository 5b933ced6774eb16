//! The JSON Schemas of what people and programs read and write.
//!
//! They follow from the types, and the tests hold the files to them: deriving them in the program would cost a third of a
//! megabyte of it. `WRITE_SCHEMAS=1 cargo test --lib schemas` writes the files anew.

use serde_json::Value;

/// The report's.
pub(crate) const REPORT: &str = include_str!("schemas/report.json");

/// A profile's.
pub(crate) const PROFILE: &str = include_str!("schemas/profile.json");

/// The settings'.
pub(crate) const SETTINGS: &str = include_str!("schemas/settings.json");

/// A schema as a document.
pub(crate) fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use schemars::schema_for;

    use super::*;
    use crate::{profile::Profile, report::Report, settings::Settings};

    /// What a profile does not say comes from the one that it extends, and not from a type's own default.
    ///
    /// Under `properties` a `default` is a member of the profile, and not the keyword.
    fn without_defaults(schema: &mut Value) {
        match schema {
            Value::Object(keywords) => {
                keywords.remove("default");
                for (keyword, value) in keywords {
                    match value {
                        Value::Object(members) if keyword == "properties" => {
                            members.values_mut().for_each(without_defaults);
                        }
                        value => without_defaults(value),
                    }
                }
            }
            Value::Array(elements) => elements.iter_mut().for_each(without_defaults),
            _ => {}
        }
    }

    /// Holds the file of a schema to what follows from the types, or writes it.
    fn hold(name: &str, kept: &str, derived: &Value) {
        if std::env::var_os("WRITE_SCHEMAS").is_some() {
            let file = format!("{}/src/schemas/{name}.json", env!("CARGO_MANIFEST_DIR"));
            let text = serde_json::to_string_pretty(derived).unwrap() + "\n";
            std::fs::write(file, text).unwrap();
            return;
        }
        assert!(
            read(kept) == *derived,
            "src/schemas/{name}.json is not what follows from the types: WRITE_SCHEMAS=1 cargo test --lib schemas"
        );
    }

    #[test]
    fn the_files_are_what_follows_from_the_types() {
        hold("report", REPORT, &schema_for!(Report).to_value());
        hold("settings", SETTINGS, &schema_for!(Settings).to_value());
        let mut profile = schema_for!(Profile).to_value();
        without_defaults(&mut profile);
        hold("profile", PROFILE, &profile);
    }
}
