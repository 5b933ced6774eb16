//! What the product requires, as data: the built-in profiles and a site's own.

mod inbound;
mod install;
mod layout;
mod network;
mod release;
mod requirements;
mod software;

use std::path::Path;

use data_encoding::HEXLOWER;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub use inbound::{FirewallFiles, InboundPort, Speaks, Vantage};
pub use install::{Install, Packages, Repository, Variable};
pub use layout::Layout;
pub use network::{
    FallbackAddress, GroupLevel, Network, OutboundGroup, OutboundHost, Proof, ProxyUser,
    RegistryBlob,
};
pub use release::ReleaseNumber;
pub use requirements::{
    AbsolutePath, CertificateMode, Certificates, Environment, Hardware, License, Memory, Node,
    Profile, StackFiles, Storage, SupportedSystem, System, VariableKind,
};
pub use software::{DockerClient, Service, ServiceMount, Software};

use crate::{
    document::compact,
    files::Root,
    schemas,
    toml_document::{self, DocumentError},
};

/// The profile that is used where none is named.
pub const DEFAULT: &str = "2023";

const BUILT_IN: [(&str, &str); 2] = [
    ("2023", include_str!("2023.toml")),
    ("2025", include_str!("2025.toml")),
];

/// A profile as a document, which another one can be laid onto.
type Table = Map<String, Value>;

/// Where a profile came from.
pub const BUILT_IN_SOURCE: &str = "built-in";

/// Loads a built-in profile by its name, or a file that may extend one.
///
/// # Errors
/// An unknown name, an unreadable or misspelled file, or figures that do not fit together.
pub fn load(name_or_file: &str) -> Result<Profile, DocumentError> {
    if let Some(text) = built_in(name_or_file) {
        return finish(name_or_file, parse_table(name_or_file, text)?);
    }
    let path = Path::new(name_or_file);
    let Some(text) = toml_document::read(&Root::machine(), path)? else {
        let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        return Err(DocumentError::Unfit {
            name: name_or_file.to_owned(),
            message: format!(
                "there is no such profile and no such file; the built-in profiles are {}",
                names.join(" and ")
            ),
        });
    };
    from_text(name_or_file, &text)
}

/// Makes a profile of a site's own text, which may extend a built-in one.
///
/// # Errors
/// As for [`load`].
pub fn from_text(name: &str, text: &str) -> Result<Profile, DocumentError> {
    site_profile(name, text).map_err(|error| error.placed(text))
}

fn site_profile(name: &str, text: &str) -> Result<Profile, DocumentError> {
    // Every member of the requirements has a default, so a part of a profile can be held against them:
    // this pass finds unknown keys and wrong types where they stand in the person's own file.
    toml_document::parse::<Profile>(name, text)?;
    let mut own = parse_table(name, text)?;
    let unfit = |message: String| DocumentError::Unfit {
        name: name.to_owned(),
        message,
    };
    let mut table = match own.remove("extends") {
        None => Table::new(),
        Some(Value::String(base)) => {
            let text = built_in(&base).ok_or_else(|| {
                unfit(format!(
                    "`extends` names “{base}”, which is no built-in profile"
                ))
            })?;
            parse_table(&base, text)?
        }
        Some(_) => return Err(unfit("`extends` has to name a built-in profile".into())),
    };
    merge(&mut table, own);
    let complete = parse_table(DEFAULT, built_in(DEFAULT).unwrap_or_default())?;
    if let Some(missing) = first_missing(&complete, &table) {
        return Err(unfit(format!(
            "it says nothing of `{missing}`; a profile that lacks anything has to say which one it extends, as in extends = \"{DEFAULT}\""
        )));
    }
    let mut profile = finish(name, table)?;
    name.clone_into(&mut profile.source);
    Ok(profile)
}

/// The SHA-256 of everything that a profile says, wherever it came from.
#[must_use]
pub fn sha256(profile: &Profile) -> String {
    let text = compact(profile).unwrap_or_default();
    HEXLOWER.encode(&Sha256::digest(text))
}

/// The JSON Schema of a profile, for editors.
#[must_use]
pub fn schema() -> Value {
    schemas::read(schemas::PROFILE)
}

/// A profile that has every member that any edition has, for telling known members from unknown ones.
#[must_use]
pub fn every_member() -> Value {
    let mut every = Table::new();
    for (name, text) in BUILT_IN {
        if let Ok(table) = parse_table(name, text) {
            merge(&mut every, table);
        }
    }
    finish("every member", every)
        .ok()
        .and_then(|profile| serde_json::to_value(profile).ok())
        .unwrap_or_default()
}

fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

fn parse_table(name: &str, text: &str) -> Result<Table, DocumentError> {
    toml_document::parse(name, text)
}

fn finish(name: &str, table: Table) -> Result<Profile, DocumentError> {
    let profile: Profile =
        serde_json::from_value(Value::Object(table)).map_err(|error| DocumentError::Unfit {
            name: name.to_owned(),
            message: error.to_string(),
        })?;
    profile.contradiction().map_or(Ok(profile), |message| {
        Err(DocumentError::Unfit {
            name: name.to_owned(),
            message,
        })
    })
}

/// Lays `over` onto `base`: tables are merged, groups (tables in a list) replace the one of their id or name,
/// anything else is replaced.
fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            (Some(Value::Array(below)), Value::Array(above)) if above.iter().all(is_group) => {
                merge_groups(below, above);
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn is_group(value: &Value) -> bool {
    group_key(value).is_some()
}

/// What makes a table in a list the same as another: its `id` or its `name`.
fn group_key(value: &Value) -> Option<&Value> {
    let table = value.as_object()?;
    table.get("id").or_else(|| table.get("name"))
}

fn merge_groups(below: &mut Vec<Value>, above: Vec<Value>) {
    for group in above {
        let same = below
            .iter_mut()
            .find(|known| group_key(known) == group_key(&group));
        match same {
            Some(known) => *known = group,
            None => below.push(group),
        }
    }
}

/// The first key of `complete` that `table` has nothing for, as `section.key`; what an edition can do without is no matter.
fn first_missing(complete: &Table, table: &Table) -> Option<String> {
    complete
        .iter()
        .find_map(|(key, value)| match (value, table.get(key)) {
            (_, None) if requirements::OPTIONAL_KEYS.contains(&key.as_str()) => None,
            (_, None) => Some(key.clone()),
            (Value::Object(complete), Some(Value::Object(table))) => {
                first_missing(complete, table).map(|rest| format!("{key}.{rest}"))
            }
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    #[test]
    fn the_built_in_profiles_are_complete_and_sound() {
        for (name, _) in BUILT_IN {
            let profile = load(name).unwrap();
            assert_eq!(profile.name, name);
            assert_eq!(profile.source, BUILT_IN_SOURCE);
            assert_eq!(profile.hardware.memory_bytes, Bytes(16_000_000_000));
        }
        assert!(load("2023").unwrap().layout.agent_dir.is_some());
        assert!(load("2025").unwrap().layout.agent_dir.is_none());
    }

    #[test]
    fn an_extension_overrides_only_what_it_says() {
        let profile = from_text(
            "acme.toml",
            "extends = \"2023\"\nname = \"acme\"\n[hardware]\ncpus = 8\n[[environment]]\nname = \"NODE_DOMAIN\"\nkind = \"text\"\nwhy = \"because\"\n",
        )
        .unwrap();
        let base = load("2023").unwrap();
        assert_eq!(profile.name, "acme");
        assert_eq!(profile.hardware.cpus, 8);
        assert_eq!(profile.hardware.memory_bytes, base.hardware.memory_bytes);
        assert_eq!(profile.environment.len(), base.environment.len());
        assert_ne!(sha256(&profile), sha256(&base));
        assert_eq!(profile.source, "acme.toml");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_place() {
        for (text, expected) in [
            (
                "extends = \"2023\"\n[hardware]\ncpu = 8",
                "p.toml:3:1: unknown field `cpu`",
            ),
            (
                "extends = \"2023\"\n[hardware]\ncpu = 8",
                "did you mean `cpus`?",
            ),
            (
                "extends = \"2023\"\n[hardwear]\ncpus = 8",
                "did you mean `hardware`?",
            ),
            ("extends = \"2022\"", "p.toml:1:1: `extends` names “2022”"),
            ("name = \"bare\"", "extends"),
            (
                "extends = \"2023\"\n[hardware]\ncpus = \"many\"",
                "p.toml:3:8",
            ),
            (
                "extends = \"2023\"\n[hardware]\nfdatasync_p99_warn_ms = 80",
                "p.toml:3:1: `hardware.fdatasync_p99_warn_ms`",
            ),
            (
                "extends = \"2023\"\n[layout]\nnode_dir = \"sesam\"",
                "absolute",
            ),
            ("extends = 2023", "p.toml:1:"),
            (
                "extends = \"2023\"\n[memory]\navailable_warn_percent = nan",
                "p.toml:3:26: the number has to be finite",
            ),
            (
                "extends = \"2023\"\n[[system.supported]]\nid = \"debian\"\nname = \"Debian\"\nminimum = \"bookworm\"",
                "“bookworm”",
            ),
        ] {
            let error = from_text("p.toml", text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let error = load("2024").unwrap_err().to_string();
        assert!(error.contains("2023 and 2025"), "{error}");
    }
}
