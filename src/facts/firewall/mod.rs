//! The machine's own firewall: what ufw and firewalld were told, and whether other rules exist.

pub(in crate::facts) mod firewalld;
pub(in crate::facts) mod firewalld_files;
pub(in crate::facts) mod rule_set;
pub(in crate::facts) mod ufw;

use serde::{Deserialize, Serialize};

pub use self::{
    firewalld::{Firewalld, FirewalldSource, Zone},
    rule_set::{InputChain, RuleSet},
    ufw::{Ufw, UfwAction, UfwFamily, UfwRule},
};
use super::{Observed, Site};

/// The machine's own firewall.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Firewall {
    /// Ubuntu's; absent where it is not installed.
    #[serde(default)]
    pub ufw: Observed<Ufw>,
    /// Red Hat's; absent where it neither runs nor is started at boot.
    #[serde(default)]
    pub firewalld: Observed<Firewalld>,
    /// The rules that the kernel has, from whomever.
    #[serde(default)]
    pub rule_set: Observed<RuleSet>,
}

/// Some TCP ports, the first and the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl PortRange {
    /// Whether a port is one of them.
    #[must_use]
    pub fn holds(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// `80`, `8000:8010` or `8000-8010`.
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once([':', '-']).unwrap_or((text, text));
        Some(Self {
            first: first.parse().ok()?,
            last: last.parse().ok()?,
        })
    }
}

/// Looks at it.
pub async fn observe(site: Site) -> Observed<Firewall> {
    let (ufw, firewalld, rule_set) = tokio::join!(
        ufw::observe(&site),
        firewalld::observe(&site),
        rule_set::observe(&site),
    );
    Observed::Seen(Firewall {
        ufw,
        firewalld,
        rule_set,
    })
}
