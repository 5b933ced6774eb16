//! Asking one name server one question, and keeping exactly what it said.

mod exchange;
pub(in crate::facts) mod message;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use exchange::ask;

/// The port that name servers answer on.
pub const PORT: u16 = 53;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Which authorities may issue certificates, RFC 8659.
    Caa,
}

/// How a reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// In one datagram.
    Udp,
    /// Over a connection, since a datagram was cut short or did not come.
    Tcp,
}

impl Transport {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}

/// A question to one server, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Who was asked.
    pub server: IpAddr,
    /// What for.
    pub kind: RecordKind,
    /// How the reply came; where there is none, how it was last tried.
    pub transport: Transport,
    /// How often the question was sent.
    pub tries: u8,
    /// Whether the reply came over TCP since UDP had brought nothing, not even a reply that was cut short.
    #[serde(default)]
    pub udp_is_silent: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What the server said.
    pub answer: Answer,
}

/// What a name server said, or why it said nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "value", rename_all = "kebab-case")]
pub enum Answer {
    /// It replied.
    Replied(Reply),
    /// Nothing came within the deadline.
    Silent,
    /// It, or something on the way, refused the packet; says how.
    Rejected(String),
    /// There is no way to it; says why.
    Unreachable(String),
    /// Something came that is no reply to the question; says what.
    Garbage(String),
}

/// A reply of a name server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Its verdict.
    pub code: ReplyCode,
    /// The addresses that it gives.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// The names that it leads through, in order, as far as they can be followed.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Whether these lead back to where they began.
    #[serde(default)]
    pub alias_loop: bool,
    /// What it says of certificate authorities.
    #[serde(default)]
    pub caa: Vec<CaaRecord>,
    /// What it says of its trouble beyond the code, RFC 8914.
    #[serde(default)]
    pub extended_error: Option<ExtendedError>,
    /// Whether a server that failed did answer once asked not to validate signatures (DNSSEC).
    #[serde(default)]
    pub answers_without_validation: bool,
}

/// The verdict of a name server, RFC 1035 and 6895.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyCode {
    /// The name exists.
    #[default]
    NoError,
    /// The name does not exist.
    NxDomain,
    /// The server could not find out.
    ServFail,
    /// The server does not want to say.
    Refused,
    /// Any other code.
    Other(u16),
}

/// One CAA record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaaRecord {
    /// Whether an authority that does not understand the tag must not issue.
    pub critical: bool,
    /// `issue`, `issuewild`, `iodef` …
    pub tag: String,
    /// What it says.
    pub value: String,
}

/// An extended DNS error, RFC 8914.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendedError {
    /// Its number in IANA's registry.
    pub code: u16,
    /// What the server adds in words.
    pub text: String,
}

impl ExtendedError {
    /// Whether it says that signatures could not be validated (DNSSEC).
    #[must_use]
    pub fn is_about_validation(&self) -> bool {
        matches!(self.code, 1 | 2 | 5..=12 | 25 | 27)
    }

    /// Whether it says that somebody filters this name.
    #[must_use]
    pub fn is_about_filtering(&self) -> bool {
        matches!(self.code, 15..=18)
    }
}

impl Asked {
    /// The reply, where there is one.
    #[must_use]
    pub fn reply(&self) -> Option<&Reply> {
        match &self.answer {
            Answer::Replied(reply) => Some(reply),
            _ => None,
        }
    }
}
