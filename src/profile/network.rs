//! What the product needs of the network: the hosts it talks to, and how an answer is judged.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{AbsolutePath, CertificateMode};

/// How the network is looked at and judged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Connecting, TLS and the answer together may take this long before a host counts as slow.
    pub slow_ms: u64,
    /// A name server may take this long before it counts as slow.
    pub resolver_slow_ms: u64,
    /// The name that every name server is asked for, to see whether it answers at all.
    pub resolver_probe: String,
    /// Clock and the hosts' `Date` may differ by this much before a warning.
    pub clock_warn_seconds: u32,
    /// They may differ by this much before the clock fails, and before a certificate's dates are blamed on it.
    pub clock_off_seconds: u32,
    /// The identity of Let's Encrypt in CAA records.
    pub caa_identity: String,
    /// The name servers of the system's own resolver.
    pub resolv_conf: AbsolutePath,
    /// The name servers behind the stub of systemd-resolved.
    pub stub_upstreams: AbsolutePath,
    /// Names that are resolved without a name server.
    pub hosts_file: AbsolutePath,
    /// The Docker daemon's configuration.
    pub docker_daemon_file: AbsolutePath,
    /// Directories of systemd drop-ins for the Docker daemon, in the order in which later ones win.
    pub docker_drop_in_dirs: Vec<AbsolutePath>,
    /// Configuration of the Docker client, which containers take their proxy from.
    pub docker_client_files: Vec<AbsolutePath>,
    /// Where the system's environment for login shells stands.
    pub environment_file: AbsolutePath,
    /// Addresses that filters answer with instead of a blocked name's own.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub block_addresses: Vec<IpNet>,
    /// Words by which a block page or a captive portal is known; case does not matter.
    pub block_page_words: Vec<String>,
    /// A public blob that shows where the registry redirects downloads to.
    pub registry_blob: RegistryBlob,
}

/// A public blob in Docker's registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RegistryBlob {
    /// The registry's host.
    pub registry: String,
    /// The host that hands out anonymous tokens.
    pub token_host: String,
    /// The repository, as in `library/hello-world`.
    pub repository: String,
    /// The blob's digest, as in `sha256:…`.
    pub digest: String,
    /// Hosts that downloads are known to have been served from, for the advice.
    pub known_hosts: Vec<String>,
}

/// Hosts that are needed for one purpose; the check `outbound.ID` judges them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct OutboundGroup {
    /// The second half of the check's id.
    pub id: String,
    /// How much it matters.
    pub level: GroupLevel,
    /// Whose proxy these hosts are reached through.
    pub used_by: ProxyUser,
    /// What does not work without these hosts.
    pub breaks: String,
    /// Whose certificates make these hosts unnecessary.
    pub skipped_when: Vec<CertificateMode>,
    /// The hosts.
    pub hosts: Vec<OutboundHost>,
    /// Addresses that a firewall may open instead of the names.
    pub address_only: Vec<FallbackAddress>,
}

/// How much a group of hosts matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GroupLevel {
    /// Unreachable is a failure.
    #[default]
    Required,
    /// Unreachable is a warning.
    Recommended,
    /// Unreachable is worth knowing.
    Information,
}

/// Whose proxy settings count for a group of hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ProxyUser {
    /// Programs of the machine itself: the shell's variables.
    #[default]
    Shell,
    /// The Docker daemon.
    Daemon,
    /// Programs inside containers.
    Containers,
}

/// One host that has to be reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct OutboundHost {
    /// Its name or address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// What it is needed for.
    pub why: String,
    /// Authorities that are trusted for this host beside the system's.
    pub ca_file: Option<AbsolutePath>,
    /// The name that its certificate has to be for, where that is not `host`.
    pub server_name: Option<String>,
    /// What shows that the service itself answers.
    pub proof: Proof,
    /// What is asked for; without it what the proof asks for.
    pub path: Option<String>,
    /// Whether the name has public addresses, so that a private one is no answer.
    pub public: bool,
}

impl Default for OutboundHost {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 443,
            why: String::new(),
            ca_file: None,
            server_name: None,
            proof: Proof::default(),
            path: None,
            public: true,
        }
    }
}

impl OutboundHost {
    /// What is asked for.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or(match self.proof {
            Proof::RegistryV2 => "/v2/",
            Proof::TokenEndpoint => "/token?service=registry.docker.io",
            Proof::AcmeDirectory => "/directory",
            Proof::PypiSimple => "/simple/pip/",
            Proof::AnyHttp => "/",
        })
    }
}

/// What shows that a service itself answers, and not something in its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// 401 (or 200) with the header `Docker-Distribution-Api-Version`.
    RegistryV2,
    /// JSON with a `token`.
    TokenEndpoint,
    /// JSON with `newNonce`.
    AcmeDirectory,
    /// A project's page of a Python package index: 200 with JSON or with links.
    PypiSimple,
    /// Any HTTP answer below 500 that is no block page.
    #[default]
    AnyHttp,
}

/// An address that a firewall may open instead of names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FallbackAddress {
    /// The address.
    pub address: IpAddr,
    /// The TCP port.
    pub port: u16,
    /// What it serves.
    pub why: String,
}

impl OutboundGroup {
    /// What is wrong with this group, in words.
    pub(super) fn contradiction(&self) -> Option<String> {
        let id = &self.id;
        let sound = !id.is_empty()
            && id.chars().all(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-'
            });
        if !sound {
            return Some(format!(
                "the outbound group “{id}” needs an `id` of lower-case letters, digits and hyphens"
            ));
        }
        if RESERVED_IDS.contains(&id.as_str()) {
            return Some(format!(
                "the outbound group cannot be called “{id}”: the check outbound.{id} is about something else"
            ));
        }
        self.hosts.iter().find_map(|host| {
            let name_is_sound = !host.host.is_empty()
                && host.host.len() <= LONGEST_NAME
                && host.host.chars().all(|letter| {
                    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':')
                });
            if !name_is_sound {
                Some(format!(
                    "in the outbound group “{id}” “{}” is no host: say a name or an address, without https:// and without a path",
                    host.host
                ))
            } else if host.port == 0 {
                Some(format!(
                    "in the outbound group “{id}” {} has the port 0",
                    host.host
                ))
            } else {
                None
            }
        })
    }
}

/// Second halves of ids in the category `outbound` that are no groups.
const RESERVED_IDS: [&str; 1] = ["proxy"];

/// Characters in a domain name, RFC 1035.
const LONGEST_NAME: usize = 253;
