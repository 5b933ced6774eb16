//! `probe`: what a client and Let's Encrypt would find, seen from this machine.

use std::{net::IpAddr, sync::Arc};

use jiff::Timestamp;
use tokio::{task::JoinSet, time::Instant};

use super::{doors::Looker, token::Token};
use crate::facts::{
    Site,
    outbound::{Names, resolve_names, trust},
    probe_report::Probe,
    resolvers,
};

/// More addresses than are looked at.
const MOST_ADDRESSES: usize = 16;

/// Looks at every address of a host, at all inbound ports at once.
pub async fn look(site: &Site, host: &str, token: Option<Token>) -> Probe {
    let probed_at = Timestamp::now();
    let deadline = Instant::now() + site.deadline;
    let ((names, addresses), trust) =
        tokio::join!(resolve(site, host, deadline), trust::read(site));
    let note = trust.note.clone();
    let has_token = token.is_some();
    let looker = Arc::new(Looker {
        host: host.to_owned(),
        token,
        trust,
        vantage: site.profile.vantage.clone(),
        // Each door has the whole time of a probe for itself, however long the name took.
        deadline: Instant::now() + site.deadline,
    });
    let mut looking = JoinSet::new();
    for address in addresses {
        for inbound in site.profile.inbound.iter().cloned() {
            looking.spawn(crate::defects::inherited(
                looker.clone().look(address, inbound),
            ));
        }
    }
    let mut doors = looking.join_all().await;
    doors.sort_by_key(|door| (door.family(), door.address, door.port));
    Probe {
        host: host.to_owned(),
        from: this_machine(),
        probed_at,
        names,
        trust: note,
        has_token,
        doors,
    }
}

/// Every address that programs here or name servers know for the host.
async fn resolve(site: &Site, host: &str, deadline: Instant) -> (Option<Names>, Vec<IpAddr>) {
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = plain.parse::<IpAddr>() {
        return (None, vec![address]);
    }
    let configuration = resolvers::configuration(site).await;
    let servers = configuration
        .seen()
        .map(|configuration| configuration.servers.clone())
        .unwrap_or_default();
    let names = resolve_names(site, host, &servers, deadline).await;
    let mut addresses = names.addresses();
    for address in names.server_addresses() {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses.truncate(MOST_ADDRESSES);
    (Some(names), addresses)
}

fn this_machine() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .chars()
        .filter(|letter| !letter.is_control())
        .take(100)
        .collect()
}
