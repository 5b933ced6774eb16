//! The members of a profile. Every figure a check judges by stands here, and none in a check.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{
    FirewallFiles, InboundPort, Install, Layout, Network, OutboundGroup, ReleaseNumber, Service,
    Software, Vantage,
};
use crate::units::Bytes;

/// Members that one edition has and another can do without.
pub(super) const OPTIONAL_KEYS: &[&str] = &["extends", "agent_dir", "logs_dir", "account", "mode"];

/// What one edition of the product requires of a machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// The built-in profile that a site's own one builds on; gone once loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// What reports call it.
    pub name: String,
    /// `built-in`, or the file it was read from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The edition of the operator's manual.
    pub edition: String,
    /// Hardware minimums.
    pub hardware: Hardware,
    /// Operating system, clock, limits.
    pub system: System,
    /// How much must stay free.
    pub storage: Storage,
    /// Docker, compose and the registry.
    pub software: Software,
    /// Memory pressure.
    pub memory: Memory,
    /// Directories and files.
    pub layout: Layout,
    /// The license.
    pub license: License,
    /// The certificates that Traefik serves.
    pub certificates: Certificates,
    /// The node's API.
    pub node: Node,
    /// Where the stack's files are sought.
    pub stack: StackFiles,
    /// Variables of `.env`.
    pub environment: Vec<Environment>,
    /// How the network is looked at and judged.
    pub network: Network,
    /// Hosts that have to be reached.
    pub outbound: Vec<OutboundGroup>,
    /// Ports that have to be let in.
    pub inbound: Vec<InboundPort>,
    /// How the view from outside is taken and counts.
    pub vantage: Vantage,
    /// Where the machine's firewall keeps what it is told.
    pub firewall: FirewallFiles,
    /// What an installation is made of.
    pub install: Install,
}

/// Hardware minimums.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Hardware {
    /// Logical CPUs that the machine may use.
    pub cpus: u32,
    /// `MemTotal`.
    pub memory_bytes: Bytes,
    /// Size of the partition behind the data.
    pub data_partition_bytes: Bytes,
    /// What a file system may need for its own metadata where the partition itself cannot be seen, in percent.
    pub file_system_overhead_percent: f64,
    /// 99th percentile of `fdatasync` on the data partition above which it is slow.
    pub fdatasync_p99_warn_ms: f64,
    /// The same, above which it is too slow.
    pub fdatasync_p99_fail_ms: f64,
    /// Bytes of one measured write.
    pub fdatasync_write_bytes: Bytes,
    /// Writes that are measured.
    pub fdatasync_writes: u32,
}

/// Operating system, clock and limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct System {
    /// Operating systems that are supported, the preferred one first.
    pub supported: Vec<SupportedSystem>,
    /// Open files that the database needs.
    pub open_files: u64,
    /// Share of all files that the kernel allows, above which those in use are a warning.
    pub open_files_used_warn_percent: f64,
    /// The account that the product's files belong to, where the edition names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// One supported operating system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SupportedSystem {
    /// `ID` of os-release.
    pub id: String,
    /// What a person calls it.
    pub name: String,
    /// The oldest supported release, as in `18.04`.
    pub minimum: String,
    /// `ID`s of rebuilds that count as it.
    pub rebuilds: Vec<String>,
    /// Whether any system whose `ID_LIKE` names it counts as a rebuild.
    pub accept_like: bool,
    /// `ID`s that say they are like it but number their releases differently.
    pub unlike: Vec<String>,
}

/// Free space and inodes, for the data, Docker's data and `/`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// Below this share free: warn.
    pub free_warn_percent: f64,
    /// Below this many bytes free: warn.
    pub free_warn_bytes: Bytes,
    /// Below this share free: fail.
    pub free_fail_percent: f64,
    /// Below this share of inodes free: warn.
    pub inodes_warn_percent: f64,
    /// Below this share of inodes free: fail.
    pub inodes_fail_percent: f64,
    /// Local file systems that overlay2 and the database support.
    pub file_systems: Vec<String>,
    /// File systems that are on another machine; a prefix as in `fuse.` ends with a dot.
    pub network_file_systems: Vec<String>,
    /// Where Docker keeps its data unless its configuration says otherwise.
    pub docker_root: AbsolutePath,
}

impl Storage {
    /// How little may be free of a volume before it is a warning.
    #[must_use]
    pub fn warn_below(&self, total: Bytes) -> Bytes {
        share(self.free_warn_percent, total).max(self.free_warn_bytes)
    }

    /// How little may be free of a volume before it is a failure.
    #[must_use]
    pub fn fail_below(&self, total: Bytes) -> Bytes {
        share(self.free_fail_percent, total)
    }
}

fn share(percent: f64, whole: Bytes) -> Bytes {
    // A threshold drawn beside a figure: the precision of a double is ample, and a percentage is never negative.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    Bytes((whole.0 as f64 * percent / 100.0) as u64)
}

/// Memory pressure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// Below this share available: warn.
    pub available_warn_percent: f64,
    /// Share of the last five minutes in which some task waited for memory, above which to warn (PSI `some avg300`).
    pub pressure_warn_percent: f64,
    /// An out-of-memory kill within this many hours is recent.
    pub oom_recent_hours: u32,
}

impl Memory {
    /// How little memory may be available before it is a warning.
    #[must_use]
    pub fn available_warn_below(&self, total: Bytes) -> Bytes {
        share(self.available_warn_percent, total)
    }
}

/// The license.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct License {
    /// Days left below which to warn.
    pub warn_days: u32,
    /// Larger files are no license.
    pub largest_bytes: Bytes,
    /// Hours that a license without a time zone may seem to come from the future.
    pub zone_tolerance_hours: u32,
}

/// The certificates that Traefik serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Certificates {
    /// Whose they are; found out from the stack where not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<CertificateMode>,
    /// Share of its lifetime that a certificate has left when its renewal is due, in percent.
    pub renewal_left_percent: f64,
    /// RSA keys with fewer bits are weak.
    pub rsa_bits: usize,
    /// Keys on elliptic curves with fewer bits are weak.
    pub ecdsa_bits: usize,
    /// The subject of the certificate that Traefik makes up where it has none.
    pub default_subject: String,
    /// The port on which the stack serves them.
    pub port: u16,
    /// Traefik's configuration that names the customer's own certificate; the first that exists counts.
    pub traefik_files: Vec<AbsolutePath>,
    /// Bundles of trusted authorities; the first that exists is the system's trust store.
    pub trust_stores: Vec<AbsolutePath>,
}

/// Whose certificates Traefik serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CertificateMode {
    /// Let's Encrypt's, which Traefik gets and renews by itself.
    #[serde(rename = "letsencrypt")]
    LetsEncrypt,
    /// The customer's own, of an authority that clients trust.
    Own,
    /// One that vouches for itself.
    SelfSigned,
}

/// The node's API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Node {
    /// The port of the API in its container, and on the machine where it is published.
    pub port: u16,
    /// An answer that takes longer is slow.
    pub slow_ms: u64,
    /// The file in the logs directory that the node writes when its own health check fails.
    pub stacktrace_file: String,
    /// A stack trace of this age or younger is fresh.
    pub stacktrace_fresh_hours: u32,
}

/// Where the stack's files are sought.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct StackFiles {
    /// Directories, the first that holds a compose file counts.
    pub directories: Vec<AbsolutePath>,
    /// Names of a compose file, in Compose's own order of preference.
    pub compose_files: Vec<String>,
    /// Names of a file that Compose lays over the compose file by itself.
    pub override_files: Vec<String>,
    /// The file of variables beside it.
    pub env_file: String,
    /// Tags of the node's image that are software channels, the productive one first.
    pub channels: Vec<String>,
    /// Variables that the shell or the service manager sets, so that a compose file may use them unset in `.env`.
    pub session_variables: Vec<String>,
    /// Values that a template carries until somebody replaces them; case does not matter.
    pub placeholders: Vec<String>,
    /// Networks that have to exist before the stack starts.
    pub networks: Vec<String>,
    /// What the stack consists of.
    pub services: Vec<Service>,
}

impl StackFiles {
    /// Whether a value is still a template's: one of [`StackFiles::placeholders`] or below one (`a@example.com`),
    /// `<…>`, `${…}`, `your-…`, or `xxx…`.
    #[must_use]
    pub fn is_placeholder(&self, value: &str) -> bool {
        let value = value.trim().to_lowercase();
        let bracketed = |open: &str, close: char| value.starts_with(open) && value.ends_with(close);
        let listed = self.placeholders.iter().any(|placeholder| {
            let placeholder = placeholder.to_lowercase();
            let below = || {
                value
                    .strip_suffix(&placeholder)
                    .is_some_and(|before| before.ends_with(['.', '@']))
            };
            value == placeholder || (placeholder.contains('.') && below())
        });
        let repeated = value.len() >= 3 && value.bytes().all(|byte| byte == b'x');
        listed
            || repeated
            || bracketed("<", '>')
            || bracketed("${", '}')
            || ["your-", "your_"]
                .iter()
                .any(|start| value.starts_with(start))
    }
}

/// One variable of `.env`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: VariableKind,
    /// What it is for.
    pub why: String,
    /// What it is set to where nobody says otherwise; empty where somebody has to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub default: String,
}

/// What a variable of `.env` holds, and so what is well-formed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum VariableKind {
    /// Anything that is not empty.
    #[default]
    Text,
    /// A tag of a container image.
    Tag,
    /// A tag of the node's image, which has to be a software channel.
    Channel,
    /// A host name, with or without a domain.
    Host,
    /// A fully qualified domain name.
    Domain,
    /// The number of a user account.
    Uid,
    /// A UUID.
    Uuid,
    /// An e-mail address.
    Email,
    /// Anything that is not empty, and is never shown.
    Secret,
}

/// A path that begins with `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
#[cfg_attr(test, schemars(extend("pattern" = "^/")))]
pub struct AbsolutePath(PathBuf);

impl AbsolutePath {
    /// The path, where it is absolute.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Option<Self> {
        let path = path.into();
        path.is_absolute().then_some(Self(path))
    }
}

impl AsRef<Path> for AbsolutePath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl std::ops::Deref for AbsolutePath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl<'de> Deserialize<'de> for AbsolutePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        Self::new(path.clone()).ok_or_else(|| {
            D::Error::custom(format!(
                "“{}” has to be an absolute path, one that begins with /",
                path.display()
            ))
        })
    }
}

impl Profile {
    /// The first thing in this profile that contradicts another, in words.
    #[must_use]
    pub fn contradiction(&self) -> Option<String> {
        let hardware = &self.hardware;
        let left = self.certificates.renewal_left_percent;
        if !(0.0..=100.0).contains(&left) {
            return Some(format!(
                "`certificates.renewal_left_percent` ({left}) has to be a number from 0 to 100"
            ));
        }
        let ordered = [
            (
                "hardware.fdatasync_p99_warn_ms",
                hardware.fdatasync_p99_warn_ms,
                "hardware.fdatasync_p99_fail_ms",
                hardware.fdatasync_p99_fail_ms,
            ),
            (
                "storage.free_fail_percent",
                self.storage.free_fail_percent,
                "storage.free_warn_percent",
                self.storage.free_warn_percent,
            ),
            (
                "storage.inodes_fail_percent",
                self.storage.inodes_fail_percent,
                "storage.inodes_warn_percent",
                self.storage.inodes_warn_percent,
            ),
        ];
        for (smaller_name, smaller, larger_name, larger) in ordered {
            let sound = smaller.is_finite() && larger.is_finite() && smaller >= 0.0;
            if !sound || smaller > larger {
                return Some(format!(
                    "`{smaller_name}` ({smaller}) has to be a number from 0 to `{larger_name}` ({larger})"
                ));
            }
        }
        if self.name.trim().is_empty() {
            return Some("a profile needs a `name`".into());
        }
        if hardware.fdatasync_writes == 0 || hardware.fdatasync_write_bytes.0 == 0 {
            return Some("`hardware.fdatasync_writes` and `hardware.fdatasync_write_bytes` have to be at least 1; the settings' `measure_storage = false` turns the measurement off".into());
        }
        self.system_contradiction()
            .or_else(|| self.share_contradiction())
            .or_else(|| self.outbound.iter().find_map(OutboundGroup::contradiction))
            .or_else(|| self.inbound.iter().find_map(InboundPort::contradiction))
            .or_else(|| self.vantage.contradiction())
    }

    fn system_contradiction(&self) -> Option<String> {
        let system = self
            .system
            .supported
            .iter()
            .find(|system| ReleaseNumber::parse(&system.minimum).is_none())?;
        Some(format!(
            "the `minimum` of the supported system “{}” (“{}”) has to be a release number such as 22.04",
            system.id, system.minimum
        ))
    }

    fn share_contradiction(&self) -> Option<String> {
        [
            (
                "system.open_files_used_warn_percent",
                self.system.open_files_used_warn_percent,
            ),
            (
                "memory.available_warn_percent",
                self.memory.available_warn_percent,
            ),
            (
                "memory.pressure_warn_percent",
                self.memory.pressure_warn_percent,
            ),
        ]
        .into_iter()
        .find(|(_, percent)| !(0.0..=100.0).contains(percent))
        .map(|(name, percent)| format!("`{name}` ({percent}) has to be a number from 0 to 100"))
    }
}
