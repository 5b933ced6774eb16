//! What the profile says of Docker, compose and the registry.

use serde::{Deserialize, Serialize};

use super::AbsolutePath;

/// Docker, compose and the registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Software {
    /// The oldest engine that will do, as in `20.10`.
    pub docker_minimum: String,
    /// The engine's own configuration.
    pub daemon_file: AbsolutePath,
    /// Storage drivers that are sound; others are slow, deprecated or eat the disk.
    pub storage_drivers: Vec<String>,
    /// Log drivers that write files without a limit unless options set one.
    pub unbounded_log_drivers: Vec<String>,
    /// The option that sets such a limit.
    pub log_limit_option: String,
    /// The oldest compose that is still maintained, as in `2`.
    pub compose_maintained: String,
    /// Directories in which the docker client finds compose as a plugin.
    pub compose_plugin_directories: Vec<AbsolutePath>,
    /// Names by which logins for the registry of the node's image are stored, the one that Docker writes first.
    pub registry_names: Vec<String>,
    /// Services that are clients of the engine themselves.
    pub clients: Vec<DockerClient>,
    /// A container that has run for this long since its last restart has settled, in seconds.
    pub restart_settled_seconds: u32,
}

/// A service that is a client of the engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DockerClient {
    /// The service's name.
    pub service: String,
    /// The API that it speaks unless told otherwise.
    pub speaks: String,
    /// The release of its image from which on it finds out by itself; empty where none does.
    pub negotiates_from: String,
}

/// What one service of the stack has to have, whatever else a site adds to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Service {
    /// Name of the service and of its container.
    pub name: String,
    /// The image without its tag.
    pub image: String,
    /// What it is for.
    pub why: String,
    /// Its restart policy.
    pub restart: String,
    /// Ports of the host that it has to publish.
    pub ports: Vec<u16>,
    /// Ports that must not be published on all of the host's addresses.
    pub private_ports: Vec<u16>,
    /// What has to be mounted into it.
    pub mounts: Vec<ServiceMount>,
    /// Networks that it has to be on.
    pub networks: Vec<String>,
    /// Words that its command has to contain; with a trailing `=` any value will do.
    pub arguments: Vec<String>,
    /// Variables that it has to be given.
    pub environment: Vec<String>,
    /// Labels that it has to carry; with a trailing `*` any label that begins so will do.
    pub labels: Vec<String>,
}

/// Something that has to be mounted into a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ServiceMount {
    /// The path on the host, or the volume's name; any of several will do.
    pub sources: Vec<String>,
    /// Where the container sees it; anywhere where not said.
    pub target: String,
    /// What breaks without it.
    pub why: String,
}
