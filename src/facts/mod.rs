//! OBSERVE: what can be seen of a machine, as plain data, judged by nothing.
//!
//! One file per source; each has its serde structs and an `observe`. This folder is the only one that
//! reads files, asks the kernel, runs programs or opens connections during a check.

mod deadline;
mod observed;
mod proc;

pub mod accounts;
pub mod certificates;
pub mod clock;
pub mod compose_programs;
pub mod dns;
pub mod docker;
pub mod endpoint;
pub mod firewall;
pub mod handshake;
pub mod host;
pub mod image_reference;
pub mod layout;
pub mod license;
pub mod limits;
pub mod listeners;
pub mod memory;
pub mod node;
pub mod node_names;
pub mod originals;
pub mod outbound;
pub mod ownership;
pub mod plugins;
pub mod probe_report;
pub mod processors;
pub mod proxies;
pub mod registry;
pub mod resolvers;
pub mod stack;
pub mod storage_latency;
pub mod volumes;

mod observation;
#[cfg(any(test, fuzzing))]
pub mod parsers;
mod recording;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use deadline::bounded;
pub use observation::{Event, Site, observe};
pub use observed::{Gap, Observed};
pub use recording::{RecordingError, parse_recording, read_recording, recording_of};

pub use crate::files::{FileKind, FileProblem, Root, read_bounded, read_text};
use crate::{profile::Profile, program, settings::Settings};

/// The version of the facts' own schema; fields are added, never renamed or removed, within one.
pub const SCHEMA_VERSION: u32 = 1;

/// Declares every source once: its name, where its facts stand, and their type.
macro_rules! sources {
    ($($(#[doc = $meaning:literal])+ $name:ident => $field:ident: $type:ty,)+) => {
        /// A source of facts. A check declares which it reads, and a run asks only those.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Source {
            $($(#[doc = $meaning])+ $name,)+
        }

        impl Source {
            /// Every source, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The source's name, as progress and recordings show it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($field),)+
                }
            }
        }

        /// What was observed of one machine at one time.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct Facts {
            /// See [`SCHEMA_VERSION`].
            pub schema_version: u32,
            /// The doctor that made this recording.
            pub tool: Tool,
            /// When observing began.
            pub observed_at: Timestamp,
            /// What the product requires; it also said where to look.
            pub profile: Profile,
            /// The choices of the site where this was observed.
            #[serde(default)]
            pub settings: Settings,
            /// Whether no network connection was to be made, so that nobody asked what only the network tells.
            #[serde(default)]
            pub offline: bool,
            /// How long each source took, in milliseconds.
            #[serde(default)]
            pub durations_ms: BTreeMap<Source, u64>,
            $($(#[doc = $meaning])+ #[serde(default)] pub $field: Observed<$type>,)+
        }

        impl Facts {
            /// Facts of which nothing was observed yet.
            #[must_use]
            pub fn unobserved(profile: Profile, settings: Settings, at: Timestamp) -> Self {
                Self {
                    schema_version: SCHEMA_VERSION,
                    tool: Tool::this(),
                    observed_at: at,
                    profile,
                    settings,
                    offline: false,
                    durations_ms: BTreeMap::new(),
                    $($field: Observed::NotAsked,)+
                }
            }
        }

        impl<'a> View<'a> {
            $($(#[doc = $meaning])+
            #[must_use]
            pub fn $field(&self) -> &'a Observed<$type> {
                self.declared(Source::$name);
                &self.facts.$field
            })+
        }
    };
}

sources! {
    /// The operating system and the machine's names.
    Host => host: host::Host,
    /// The CPUs that may be used.
    Processors => processors: processors::Processors,
    /// Memory, the pressure on it, and processes killed for want of it.
    Memory => memory: memory::Memory,
    /// The kernel's own view of its clock.
    Clock => clock: clock::Clock,
    /// Limits on open files.
    Limits => limits: limits::Limits,
    /// User accounts that the product names.
    Accounts => accounts: accounts::Accounts,
    /// The file systems behind the data, Docker's data and `/`.
    Volumes => volumes: volumes::Volumes,
    /// How fast the data partition makes a small write durable.
    StorageLatency => storage_latency: storage_latency::StorageLatency,
    /// Directories and links of the manual.
    Layout => layout: layout::Layout,
    /// Who owns what below the data and log directories.
    Ownership => ownership: ownership::Ownership,
    /// The license file, without its text.
    License => license: license::LicenseFile,
    /// The stack's directory, compose file and `.env`.
    Stack => stack: stack::Stack,
    /// The name servers of the machine, and whether each answers.
    Resolvers => resolvers: resolvers::Resolvers,
    /// The proxies that the shell, the Docker daemon and containers are told to use.
    Proxies => proxies: proxies::Proxies,
    /// What answers at the hosts that the product needs.
    Outbound => outbound: outbound::Outbound,
    /// What the world is told of the node's own name.
    NodeNames => node_names: node_names::NodeNames,
    /// The Docker engine and what it runs.
    Docker => docker: docker::Docker,
    /// The compose programs that are on the machine.
    ComposePrograms => compose_programs: compose_programs::ComposePrograms,
    /// Logins for registries, without the passwords, and what registries say to them and of the stack's images.
    RegistryLogin => registry_login: registry::RegistryLogins,
    /// Who listens on the ports that others come to.
    Listeners => listeners: listeners::Listeners,
    /// What the machine's own firewall was told.
    Firewall => firewall: firewall::Firewall,
    /// What a probe saw from outside.
    ProbeReport => probe_report: probe_report::Probe,
    /// Traefik's certificates on disk.
    Certificates => certificates: certificates::Certificates,
    /// What this machine serves by TLS.
    Endpoint => endpoint: endpoint::Endpoint,
    /// The node's API, and the trace that it leaves when unwell.
    Node => node: node::Node,
    /// What the site's own checks said.
    Plugins => plugins: Vec<plugins::PluginRun>,
}

/// Which program made a recording or a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tool {
    /// Always `sesam-doctor`.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Tool {
    /// This program.
    #[must_use]
    pub fn this() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// The facts as one check may see them: reading a source that it did not declare fails in tests.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    facts: &'a Facts,
    reads: &'static [Source],
}

impl<'a> View<'a> {
    /// The facts, narrowed to the sources that a check declared.
    #[must_use]
    pub fn new(facts: &'a Facts, reads: &'static [Source]) -> Self {
        Self { facts, reads }
    }

    /// Whether the observation was to make no network connection.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.facts.offline
    }

    fn declared(&self, source: Source) {
        debug_assert!(
            self.reads.contains(&source),
            "a check read the source “{}” without declaring it",
            source.name()
        );
    }
}
