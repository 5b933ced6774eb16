//! What `--fix` needs to know to install the product: figures of the stack's files, and packages.

use serde::{Deserialize, Serialize};

use super::AbsolutePath;

/// What an installation is made of, beyond what every installation is judged by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Install {
    /// The name of the compose file that is written.
    pub compose_file: String,
    /// The name of Traefik's certificate resolver.
    pub acme_resolver: String,
    /// The address that Let's Encrypt knows the operator by; may name a variable of `.env`.
    pub acme_email: String,
    /// The portal that the node registers with.
    pub portal_url: String,
    /// The time between two of Watchtower's looks at the registry.
    pub watchtower_interval_seconds: u32,
    /// The Docker API that Watchtower is told to speak, where the engine knows it.
    pub docker_api: String,
    /// A container's log begins anew at this size, as in `50m`.
    pub log_max_size: String,
    /// Files that are kept of a container's log.
    pub log_max_files: u32,
    /// Where the log shipper keeps its state.
    pub fluentbit_state_dir: AbsolutePath,
    /// Variables of the node's container besides the account's.
    pub node_environment: Vec<Variable>,
    /// Variables of the log shipper's container besides its identity and destination.
    pub fluentbit_environment: Vec<Variable>,
    /// Whose `~/.docker/config.json` holds the registry login.
    pub login_account: String,
    /// Where a migrated installation keeps its configuration.
    pub old_agent_file: AbsolutePath,
    /// How long the stack is waited for until it is healthy.
    pub healthy_within_seconds: u32,
    /// How long an installation of packages may take.
    pub packages_within_seconds: u32,
    /// How long pulling one image may take.
    pub pull_within_seconds: u32,
    /// Packages of Docker, for each package manager that is known.
    pub packages: Vec<Packages>,
}

/// A variable of a container. The value may name variables of `.env`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The packages that one package manager knows Docker by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Packages {
    /// The manager: `apt`, `dnf` or `yum`.
    pub name: String,
    /// The engine; the first that the manager has is taken.
    pub engine: Vec<String>,
    /// Compose; the first that the manager has is taken.
    pub compose: Vec<String>,
    /// A service that sets the clock; the first that the manager has is taken.
    pub time: Vec<String>,
    /// Docker's own package source, where the distribution has none of these packages.
    pub repository: Option<Repository>,
}

/// A source of packages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Repository {
    /// The file that names it to the package manager.
    pub file: AbsolutePath,
    /// What that file says.
    pub content: String,
}
