//! Passwords of registries; they stay in the process.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::login_file::Read;
use crate::{facts::image_reference::DOCKER_HUB, profile::Profile};

/// What proves who is asking; shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::facts) enum Credential {
    /// A name and a password, or a token in a password's place.
    Password {
        /// The account.
        name: String,
        /// Its password.
        password: String,
    },
    /// A token that only the registry's own endpoint makes usable.
    Token,
}

impl Credential {
    /// The value of `Authorization`, where it is a password.
    pub(super) fn basic(&self) -> Option<String> {
        match self {
            Self::Password { name, password } => Some(format!(
                "Basic {}",
                STANDARD.encode(format!("{name}:{password}"))
            )),
            Self::Token => None,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credential")
    }
}

/// The credentials of one file, by the name that they are stored under.
pub(in crate::facts) type Credentials = BTreeMap<String, Credential>;

/// The names under which logins are stored.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    hub: Vec<String>,
}

impl Keys {
    pub(super) fn new(profile: &Profile) -> Self {
        Self {
            hub: profile.software.registry_names.clone(),
        }
    }

    /// Whether a login that is stored as `key` is one for the registry.
    pub(super) fn is_for(&self, key: &str, registry: &str) -> bool {
        is_stored_for(registry, key, &self.hub)
    }

    /// The name by which the docker client asks a credential helper for the registry's login.
    pub(super) fn canonical<'a>(&'a self, registry: &'a str) -> &'a str {
        if registry == DOCKER_HUB {
            self.hub.first().map_or(registry, String::as_str)
        } else {
            registry
        }
    }

    /// The credential for a registry, where a file has one.
    pub(super) fn find(&self, registry: &str, read: &Read) -> Option<Credential> {
        read.credentials
            .iter()
            .find(|(key, _)| self.is_for(key, registry))
            .map(|(_, credential)| credential.clone())
    }
}

/// Whether a login that is stored as `key` is one for the registry, where Docker Hub has these names.
#[must_use]
pub fn is_stored_for(registry: &str, key: &str, names_of_hub: &[String]) -> bool {
    if registry == DOCKER_HUB {
        names_of_hub.iter().any(|name| name == key)
    } else {
        host_of(key) == registry
    }
}

/// The docker client stores some registries with a scheme and a path.
fn host_of(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;

    #[test]
    fn logins_are_found_under_every_name() {
        let keys = Keys::new(&profile::load("2023").unwrap());
        for (key, registry, expected) in [
            ("https://index.docker.io/v1/", DOCKER_HUB, true),
            ("docker.io", DOCKER_HUB, true),
            ("ghcr.io", DOCKER_HUB, false),
            ("ghcr.io", "ghcr.io", true),
            (
                "https://registry.example.com:5000/v2/",
                "registry.example.com:5000",
                true,
            ),
            ("registry.example.com", "registry.example.com:5000", false),
        ] {
            assert_eq!(keys.is_for(key, registry), expected, "{key}, {registry}");
        }
        assert_eq!(keys.canonical(DOCKER_HUB), "https://index.docker.io/v1/");
        assert_eq!(keys.canonical("ghcr.io"), "ghcr.io");
    }
}
