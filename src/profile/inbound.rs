//! What has to be let in: ports, and how the view from outside and the machine's own firewall are looked at.

use serde::{Deserialize, Serialize};

use super::{AbsolutePath, CertificateMode};

/// One port on which others come to this machine; the check `inbound.ID` judges it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct InboundPort {
    /// The second half of the check's id.
    pub id: String,
    /// The TCP port.
    pub port: u16,
    /// Who comes there.
    pub from: String,
    /// Whether a rule that lets only some in does not suffice.
    pub open_to_all: bool,
    /// What for.
    pub why: String,
    /// What is spoken there.
    pub speaks: Speaks,
    /// Whose certificates make this port unnecessary.
    pub skipped_when: Vec<CertificateMode>,
}

/// What is spoken at an inbound port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Speaks {
    /// HTTP in plain text, for the challenge of Let's Encrypt and the redirect to HTTPS.
    #[default]
    Http,
    /// HTTP over TLS: the node's API.
    Https,
}

/// How `probe` looks from outside, and how its report counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Vantage {
    /// Programs that may hold the inbound ports: Traefik itself, and what Docker holds published ports with.
    pub holders: Vec<String>,
    /// Those of them that hold a port on behalf of a container, so that traffic goes around the rules for the machine itself.
    pub publishers: Vec<String>,
    /// A probe's report older than this says nothing any more.
    pub report_valid_hours: u32,
    /// What Let's Encrypt would ask for, with a name of our own at its end.
    pub challenge_path: String,
    /// What shows that the node's API answers.
    pub api_path: String,
    /// Let's Encrypt follows no more redirects than these.
    pub most_redirects: u8,
    /// Let's Encrypt follows redirects to no other ports than these.
    pub redirect_ports: Vec<u16>,
}

/// Where the firewalls of the supported systems keep what they are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FirewallFiles {
    /// Whether ufw is enabled.
    pub ufw_file: AbsolutePath,
    /// The policy of ufw where no rule says anything.
    pub ufw_defaults_file: AbsolutePath,
    /// The rules of ufw for IPv4.
    pub ufw_rules_file: AbsolutePath,
    /// The rules of ufw for IPv6.
    pub ufw_rules6_file: AbsolutePath,
    /// What is there where firewalld is started at boot.
    pub firewalld_enabled_link: AbsolutePath,
    /// The default zone of firewalld.
    pub firewalld_file: AbsolutePath,
    /// Directories of zones; the first that has one counts.
    pub firewalld_zone_dirs: Vec<AbsolutePath>,
    /// Directories of services; the first that has one counts.
    pub firewalld_service_dirs: Vec<AbsolutePath>,
}

impl InboundPort {
    /// What in it cannot be meant, in words.
    pub(super) fn contradiction(&self) -> Option<String> {
        (self.port == 0).then(|| {
            format!(
                "the `port` of the inbound port “{}” has to be a number from 1 to 65535",
                self.id
            )
        })
    }
}

impl Vantage {
    /// What in it cannot be meant, in words.
    pub(super) fn contradiction(&self) -> Option<String> {
        [
            ("vantage.challenge_path", &self.challenge_path),
            ("vantage.api_path", &self.api_path),
        ]
        .into_iter()
        .find(|(_, path)| !path.is_empty() && !is_plain_path(path))
        .map(|(key, path)| {
            format!("`{key}` (“{path}”) has to be a path such as /api/ping, in ASCII and without a query")
        })
    }
}

fn is_plain_path(path: &str) -> bool {
    path.starts_with('/')
        && path
            .chars()
            .all(|letter| letter.is_ascii_graphic() && !matches!(letter, '?' | '#'))
}

#[cfg(test)]
mod tests {
    use crate::profile;

    #[test]
    fn the_ports_of_the_manual_are_known() {
        for edition in ["2023", "2025"] {
            let profile = profile::load(edition).unwrap();
            let ports: Vec<u16> = profile.inbound.iter().map(|port| port.port).collect();
            assert_eq!(ports, [80, 443]);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, expected) in [
            ("[[inbound]]\nid = \"http\"\nport = 0", "from 1 to 65535"),
            ("[vantage]\napi_path = \"api\"", "vantage.api_path"),
            (
                "[vantage]\nchallenge_path = \"/a b\"",
                "vantage.challenge_path",
            ),
        ] {
            let text = format!("extends = \"2023\"\n{text}");
            let error = profile::from_text("p.toml", &text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
