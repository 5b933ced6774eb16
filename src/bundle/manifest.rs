//! What a bundle says of itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{facts::Tool, units::Bytes};

/// The first member of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// See [`super::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The doctor that made it.
    pub tool: Tool,
    /// When.
    pub made_at: Timestamp,
    /// The members that follow, in their order.
    pub members: Vec<Member>,
    /// What is not in it, or not whole, and why.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// How many secrets were taken out of all members.
    #[serde(default)]
    pub redacted: u64,
    /// Whether addresses of people and public addresses of machines were replaced.
    #[serde(default)]
    pub identity_masked: bool,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name, without the directory that all share.
    pub name: String,
    /// What it was made of: a path, a command, the doctor itself.
    pub source: String,
    /// Its size, unpacked.
    pub bytes: u64,
    /// The SHA-256 of it, unpacked, in hexadecimal.
    pub sha256: String,
    /// How many secrets were taken out of it.
    #[serde(default)]
    pub redacted: u64,
}

/// Something that is not in a bundle, or not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// What it would have been called.
    pub name: String,
    /// What it would have been made of.
    pub source: String,
    /// Why.
    pub reason: String,
}

impl LeftOut {
    pub(super) fn beginning(name: &str, source: &str, skipped: u64) -> Self {
        Self {
            name: name.to_owned(),
            source: source.to_owned(),
            reason: format!("its first {} are left out", Bytes(skipped)),
        }
    }
}
