//! What the world is told of this machine's own name.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{
    Observed, Site, bounded,
    dns::{self, Asked, RecordKind},
    host::addresses::{self, OwnAddress},
    outbound::{Lookup, Names, is_served, resolve_names},
    resolvers,
};

/// The port that clients of the node's API come to.
const API_PORT: u16 = 443;
/// The part of the deadline that is left for knocking at this machine's own port, however slow the name servers are.
const KNOCKING: u32 = 4;
/// More labels than any name of a machine has.
const MOST_LABELS: usize = 12;

/// What the world is told of this machine's own name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeNames {
    /// The name.
    pub domain: String,
    /// How it resolves.
    pub names: Names,
    /// Which authorities may issue certificates, asked for the name and for each of its parents, the name first.
    #[serde(default)]
    pub caa: Vec<CaaAnswers>,
    /// The machine's own addresses.
    pub own_addresses: Observed<Vec<OwnAddress>>,
    /// Addresses of the name that are this machine's own, and whether something listens there for clients; none for those
    /// where that was not seen in time.
    #[serde(default)]
    pub served: Vec<ServedAddress>,
}

/// What the name servers say of certificate authorities at one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaaAnswers {
    /// The name.
    pub name: String,
    /// What each name server said.
    pub answers: Vec<Asked>,
}

/// Whether something listens at an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedAddress {
    /// The address.
    pub address: IpAddr,
    /// Whether a connection to port 443 opened.
    pub listens: bool,
}

/// Asks for a name; without one there is nothing to ask.
pub async fn observe(site: Site, domain: oneshot::Receiver<Option<String>>) -> Observed<NodeNames> {
    let deadline = Instant::now() + site.deadline;
    let domain = match timeout(site.deadline / 2, domain).await {
        Ok(Ok(Some(domain))) => domain,
        Ok(_) => return Observed::Absent,
        Err(_elapsed) => {
            return Observed::TimedOut("the stack's .env was not read in time".into());
        }
    };
    if site.offline {
        return Observed::NotAsked;
    }
    let configuration = resolvers::configuration(&site).await;
    let servers = configuration
        .seen()
        .map(|configuration| configuration.servers.clone())
        .unwrap_or_default();
    let asking = deadline - site.deadline / KNOCKING;
    let (names, caa, own_addresses) = tokio::join!(
        resolve_names(&site, &domain, &servers, asking),
        ask_caa(&domain, &servers, asking),
        bounded(
            site.deadline,
            "the addresses of this machine",
            addresses::all
        ),
    );
    let served = served(&names, &own_addresses, deadline).await;
    Observed::Seen(NodeNames {
        domain,
        names,
        caa,
        own_addresses,
        served,
    })
}

/// The name and its parents, the name first, as RFC 8659 climbs; the root itself is not asked.
fn climb(domain: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = domain.trim_end_matches('.');
    while !rest.is_empty() && names.len() < MOST_LABELS {
        names.push(rest.to_owned());
        rest = rest.split_once('.').map_or("", |(_, parent)| parent);
    }
    names
}

async fn ask_caa(domain: &str, servers: &[IpAddr], deadline: Instant) -> Vec<CaaAnswers> {
    let names = climb(domain);
    let mut asking = JoinSet::new();
    for (place, name) in names.iter().enumerate() {
        for (rank, server) in servers.iter().copied().enumerate() {
            let name = name.clone();
            asking.spawn(crate::defects::inherited(async move {
                let asked = dns::ask(server, &name, RecordKind::Caa, deadline).await;
                (place, rank, asked)
            }));
        }
    }
    let mut found = asking.join_all().await;
    found.sort_by_key(|(place, rank, _)| (*place, *rank));
    let mut answers: Vec<CaaAnswers> = names
        .into_iter()
        .map(|name| CaaAnswers {
            name,
            answers: Vec::new(),
        })
        .collect();
    for (place, _, asked) in found {
        if let Some(at) = answers.get_mut(place) {
            at.answers.push(asked);
        }
    }
    answers
}

async fn served(
    names: &Names,
    own: &Observed<Vec<OwnAddress>>,
    deadline: Instant,
) -> Vec<ServedAddress> {
    let Ok(own) = own.seen() else {
        return Vec::new();
    };
    let mut addresses = names.server_addresses();
    if let Lookup::Found(found) = &names.system {
        addresses.extend(found);
    }
    addresses.sort();
    addresses.dedup();
    let mut knocking = JoinSet::new();
    for address in addresses {
        if own.iter().any(|known| known.address == address) {
            knocking.spawn(crate::defects::inherited(async move {
                let listens = is_served(SocketAddr::new(address, API_PORT), deadline).await;
                listens.map(|listens| ServedAddress { address, listens })
            }));
        }
    }
    let mut served: Vec<ServedAddress> = knocking.join_all().await.into_iter().flatten().collect();
    served.sort_by_key(|served| served.address);
    served
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_climbed_to_its_top_level() {
        assert_eq!(
            climb("a.b.example."),
            ["a.b.example", "b.example", "example"]
        );
        assert!(climb("").is_empty());
    }

    proptest! {
        #[test]
        fn no_name_makes_it_panic(name in ".*") {
            prop_assert!(climb(&name).len() <= MOST_LABELS);
        }
    }
}
