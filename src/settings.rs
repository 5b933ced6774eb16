//! One site's choices: where its stack is, which addresses are its own, and what it has waived.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    files::Root,
    schemas,
    toml_document::{self, DocumentError},
};

/// Where the settings are, unless `--config` names another file.
pub const DEFAULT_FILE: &str = "/etc/sesam-doctor/config.toml";

/// Where the site's own checks are, unless the settings name another directory.
pub const DEFAULT_PLUGINS_DIR: &str = "/etc/sesam-doctor/checks.d";

/// The settings file, see `docs/operators.md`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The profile to judge by, unless `--profile` names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Where `docker-compose.yml` is; found out where not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_dir: Option<PathBuf>,
    /// Addresses that `NODE_DOMAIN` may resolve to besides the machine's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_addresses: Vec<IpAddr>,
    /// A file with a token for the node's API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_token_file: Option<PathBuf>,
    /// Where the site's own checks are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugins_dir: Option<PathBuf>,
    /// A report that `sesam-doctor probe` made on another machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_report: Option<PathBuf>,
    /// Where templates of the site's own for the HTML report are; each file replaces the built-in one of its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub templates_dir: Option<PathBuf>,
    /// Support's public key (`age1…`), to which bundles are encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_recipient: Option<String>,
    /// Whether the storage's speed may be measured by writing to it; yes where not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure_storage: Option<bool>,
    /// Failures and warnings that somebody has accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
}

/// One accepted failure or warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The id of the check.
    pub check: String,
    /// Why it is accepted.
    pub reason: String,
    /// Who accepted it.
    pub approved_by: String,
    /// The last day, in UTC, on which it holds.
    #[cfg_attr(test, schemars(with = "String"))]
    pub until: Date,
}

impl Settings {
    /// Reads the settings at `path`; without a file everything has its default, unless the file was asked for by name.
    ///
    /// # Errors
    /// Unreadable, no TOML, an unknown key, or a value that cannot be.
    pub fn load(root: &Root, path: Option<&Path>) -> Result<Self, DocumentError> {
        let file = path.unwrap_or(Path::new(DEFAULT_FILE));
        // A file named on the command line is the caller's, not the examined machine's.
        let machine = Root::machine();
        let root = if path.is_some() { &machine } else { root };
        match toml_document::read(root, file)? {
            Some(text) => Self::parse(&file.display().to_string(), &text),
            None if path.is_some() => Err(DocumentError::Unfit {
                name: file.display().to_string(),
                message: "there is no such file".into(),
            }),
            None => Ok(Self::default()),
        }
    }

    /// Parses settings; `name` is what errors call them.
    ///
    /// # Errors
    /// No TOML, an unknown key, or a value that cannot be.
    pub fn parse(name: &str, text: &str) -> Result<Self, DocumentError> {
        let settings: Self = toml_document::parse(name, text)?;
        for (index, waiver) in settings.waivers.iter().enumerate() {
            for (key, value) in [
                ("check", &waiver.check),
                ("reason", &waiver.reason),
                ("approved_by", &waiver.approved_by),
            ] {
                if value.trim().is_empty() {
                    return Err(DocumentError::unfit_at(
                        name,
                        text,
                        &format!("waivers.{index}.{key}"),
                        format!("a waiver has an empty `{key}`; say it in words"),
                    ));
                }
            }
        }
        for (key, path) in [
            ("stack_dir", &settings.stack_dir),
            ("node_token_file", &settings.node_token_file),
            ("plugins_dir", &settings.plugins_dir),
            ("probe_report", &settings.probe_report),
            ("templates_dir", &settings.templates_dir),
        ] {
            if path.as_ref().is_some_and(|path| !path.is_absolute()) {
                return Err(DocumentError::unfit_at(
                    name,
                    text,
                    key,
                    format!("`{key}` has to be an absolute path, one that begins with /"),
                ));
            }
        }
        Ok(settings)
    }

    /// The JSON Schema of the settings file, for editors.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemas::read(schemas::SETTINGS)
    }

    /// Settings that have every member, for telling known members from unknown ones.
    #[must_use]
    pub fn every_member() -> serde_json::Value {
        let path = || Some(PathBuf::from("/"));
        let waiver = Waiver {
            check: String::new(),
            reason: String::new(),
            approved_by: String::new(),
            until: Date::ZERO,
        };
        let settings = Self {
            profile: Some(String::new()),
            stack_dir: path(),
            public_addresses: vec![IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)],
            node_token_file: path(),
            plugins_dir: path(),
            probe_report: path(),
            templates_dir: path(),
            bundle_recipient: Some(String::new()),
            measure_storage: Some(true),
            waivers: vec![waiver],
        };
        serde_json::to_value(settings).unwrap_or_default()
    }

    /// Where the site's own checks are.
    #[must_use]
    pub fn plugins_dir(&self) -> &Path {
        self.plugins_dir
            .as_deref()
            .unwrap_or(Path::new(DEFAULT_PLUGINS_DIR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_example_is_understood() {
        let settings = Settings::parse(
            "config.toml",
            r#"
            profile = "2023"
            stack_dir = "/srv/data"
            public_addresses = ["203.0.113.7"]
            node_token_file = "/etc/sesam-doctor/node.jwt"
            plugins_dir = "/etc/sesam-doctor/checks.d"
            [[waivers]]
            check = "hardware.data-partition"
            reason = "pilot with 200 GB agreed"
            approved_by = "customer IT"
            until = "2027-03-31"
            "#,
        )
        .unwrap();
        assert_eq!(
            settings.waivers.first().unwrap().until,
            jiff::civil::date(2027, 3, 31)
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_place() {
        for (text, expected) in [
            (
                "plugin_dir = \"/x\"",
                "c.toml:1:1: unknown field `plugin_dir`",
            ),
            (
                "profile = \"2023\"\nstack_dir = \"srv\"",
                "c.toml:2:1: `stack_dir` has to be an absolute path",
            ),
            (
                "[[waivers]]\ncheck=\"a\"\nreason=\" \"\napproved_by=\"b\"\nuntil=\"2027-01-01\"",
                "c.toml:3:1: a waiver has an empty `reason`",
            ),
            (
                "[[waivers]]\ncheck=\"a\"\nreason=\"r\"\napproved_by=\"b\"\nuntil=\"soon\"",
                "c.toml:5:7",
            ),
            ("public_addresses = [\"example.com\"]", "c.toml:1:"),
        ] {
            let error = Settings::parse("c.toml", text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
