//! What only several hosts together tell: who breaks TLS open, what time it is, whether IPv6 works at all.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::facts::outbound::{Attempt, Connect, Family, HostProbe, Outbound, TrustVerdict};

/// What the hosts of all groups tell together.
#[derive(Debug)]
pub struct Landscape {
    /// The unknown issuers that were seen on hosts of different owners.
    intercepting: BTreeSet<String>,
    /// Subjects of intermediate certificates that other, trusted hosts presented.
    known_intermediates: BTreeSet<String>,
    /// How far this machine's clock is ahead of the hosts' own.
    clock_ahead: Option<SignedDuration>,
    /// What time it is by the hosts' own clocks.
    hosts_time: Option<Timestamp>,
    /// Whether IPv6 reached no host at all although there is a route.
    ipv6_reaches_nobody: bool,
}

impl Landscape {
    /// Looks at all hosts.
    pub fn of(outbound: &Outbound) -> Self {
        let mut owners_of: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut known_intermediates = BTreeSet::new();
        for probe in &outbound.hosts {
            let chains = probe
                .paths
                .iter()
                .filter_map(|path| path.attempt.tls.as_ref());
            for tls in chains {
                match &tls.trust {
                    Some(TrustVerdict::Trusted) => known_intermediates
                        .extend(tls.chain.iter().skip(1).map(|link| link.subject.clone())),
                    Some(TrustVerdict::UnknownIssuer | TrustVerdict::Otherwise(_)) => {
                        for link in &tls.chain {
                            owners_of
                                .entry(&link.issuer)
                                .or_default()
                                .insert(owner(&probe.host.host));
                        }
                    }
                    _ => {}
                }
            }
        }
        let intercepting = owners_of
            .into_iter()
            .filter(|(_, owners)| owners.len() > 1)
            .map(|(issuer, _)| issuer.to_owned())
            .collect();
        let offsets = outbound.clock_offsets();
        Self {
            intercepting,
            known_intermediates,
            clock_ahead: median(offsets.into_iter().map(|(_, offset)| offset).collect()),
            hosts_time: median(
                outbound
                    .answers()
                    .filter_map(|(_, answer)| answer.date)
                    .collect(),
            ),
            ipv6_reaches_nobody: ipv6_reaches_nobody(&outbound.hosts),
        }
    }

    /// Whether this issuer signs for unrelated hosts.
    pub fn intercepts(&self, issuer: &str) -> bool {
        self.intercepting.contains(issuer)
    }

    /// Whether another host presented the certificate of this name, and was trusted.
    pub fn knows_intermediate(&self, subject: &str) -> bool {
        self.known_intermediates.contains(subject)
    }

    /// How far the clock is ahead of the hosts' own; negative where it is behind.
    pub fn clock_ahead(&self) -> Option<SignedDuration> {
        self.clock_ahead
    }

    /// What time it is by the hosts' own clocks.
    pub fn hosts_time(&self) -> Option<Timestamp> {
        self.hosts_time
    }

    /// Whether IPv6 reached no host at all although there is a route.
    pub fn ipv6_reaches_nobody(&self) -> bool {
        self.ipv6_reaches_nobody
    }
}

/// Whether a try had a route at all.
pub fn has_route(attempt: &Attempt) -> bool {
    attempt.from.is_some() || !matches!(attempt.connect, Connect::Unreachable { by: None, .. })
}

fn ipv6_reaches_nobody(hosts: &[HostProbe]) -> bool {
    let mut tried = hosts
        .iter()
        .filter(|probe| probe.proxy.is_none())
        .flat_map(|probe| &probe.paths)
        .filter(|path| path.family == Family::V6 && has_route(&path.attempt))
        .peekable();
    tried.peek().is_some() && tried.all(|path| !path.attempt.got_an_answer())
}

/// The last two labels of a name: hosts that share them belong together. Coarse where registries sell third labels,
/// which can only make two hosts look related that are not.
pub fn owner(host: &str) -> String {
    let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
    labels
        .get(labels.len().saturating_sub(2)..)
        .unwrap_or_default()
        .join(".")
        .to_ascii_lowercase()
}

/// The middle one, which one host with a wrong clock does not move.
fn median<Value: Copy + Ord>(mut values: Vec<Value>) -> Option<Value> {
    values.sort();
    values.get(values.len() / 2).copied()
}
