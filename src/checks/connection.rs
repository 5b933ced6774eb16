//! A connection that the product needs, as a firewall's administrator asks for it.

use serde::{Deserialize, Serialize};

use super::Status;

/// Who opens a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Somebody else, to this machine.
    Inbound,
    /// This machine, to somebody else.
    Outbound,
}

impl Direction {
    /// The word for it in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// One row of a firewall request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Connection {
    /// Who opens it.
    pub direction: Direction,
    /// `TCP` or `UDP`.
    pub protocol: String,
    /// The destination's port.
    pub port: u16,
    /// Where it comes from: an address, a name, or words such as “any client”.
    pub source: String,
    /// The concrete host it goes to, never a wildcard.
    pub destination: String,
    /// What it is for.
    pub purpose: String,
    /// What does not work without it.
    pub consequence: String,
    /// How it stands.
    pub status: Status,
    /// What was measured, in words.
    pub state: String,
}
