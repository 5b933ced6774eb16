//! What a firewall's administrator has to open for a group of hosts, and how it stands.

use super::host::HostVerdict;
use crate::{
    checks::{Connection, Direction, Status, Verdict},
    facts::outbound::HostProbe,
    profile::{OutboundGroup, OutboundHost},
};

/// One row for each host that was looked at.
pub fn measured(
    group: &OutboundGroup,
    probes: &[&HostProbe],
    verdicts: &[HostVerdict],
) -> Vec<Connection> {
    probes
        .iter()
        .zip(verdicts)
        .map(|(probe, verdict)| {
            let worst = verdict.items.iter().max_by_key(|item| item.status);
            match worst {
                Some(item) => row(group, &probe.host, item.status, &item.summary),
                None => row(group, &probe.host, Status::Unknown, "not determined"),
            }
        })
        .collect()
}

/// The verdict with one row for each host of the profile, of which nothing was seen.
pub fn unmeasured(verdict: Verdict, group: &OutboundGroup, why: &str) -> Verdict {
    group.hosts.iter().fold(verdict, |verdict, host| {
        verdict.connection(row(
            group,
            host,
            Status::Skip,
            &format!("not measured: {why}"),
        ))
    })
}

fn row(group: &OutboundGroup, host: &OutboundHost, status: Status, state: &str) -> Connection {
    Connection {
        direction: Direction::Outbound,
        protocol: "TCP".into(),
        port: host.port,
        source: "this machine".into(),
        destination: host.host.clone(),
        purpose: host.why.clone(),
        consequence: group.breaks.clone(),
        status,
        state: state.to_owned(),
    }
}
