//! Resolving one host: as programs on this machine do, and by asking every name server by itself.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};

use crate::{
    facts::{
        Observed, Site, bounded,
        dns::{self, Asked, RecordKind},
        read_text,
    },
    units::Bytes,
};

/// How long the slower of system and name servers is waited for once the other has answered.
const COMPARING: Duration = Duration::from_millis(300);
/// Larger than any file of names.
const LARGEST_FILE: Bytes = Bytes(4_000_000);
/// More addresses than are ever tried.
const MOST_ADDRESSES: usize = 16;

/// How a name resolves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// What the hosts file says of it.
    #[serde(default)]
    pub hosts_file: Vec<IpAddr>,
    /// What programs on this machine are told.
    pub system: Lookup,
    /// What each name server said, in the order of the configuration, IPv4 before IPv6.
    pub servers: Vec<Asked>,
    /// How long it took until there were addresses, in milliseconds.
    pub took_ms: u64,
}

/// What programs on this machine are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "value", rename_all = "kebab-case")]
pub enum Lookup {
    /// These addresses.
    Found(Vec<IpAddr>),
    /// None; in the C library's words.
    Failed(String),
    /// Nothing yet when the name servers had long answered, or at the deadline.
    Pending,
    /// Nobody asked: another root directory was given, so the files of this machine do not count.
    #[default]
    NotAsked,
}

impl Names {
    /// The addresses that programs would connect to, else those that name servers give.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        match &self.system {
            Lookup::Found(addresses) => addresses.clone(),
            Lookup::Failed(_) | Lookup::Pending | Lookup::NotAsked => {
                if self.hosts_file.is_empty() {
                    self.server_addresses()
                } else {
                    self.hosts_file.clone()
                }
            }
        }
    }

    /// The addresses that name servers give.
    #[must_use]
    pub fn server_addresses(&self) -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> = Vec::new();
        let replies = self.servers.iter().filter_map(Asked::reply);
        for address in replies.flat_map(|reply| &reply.addresses) {
            if !addresses.contains(address) && addresses.len() < MOST_ADDRESSES {
                addresses.push(*address);
            }
        }
        addresses
    }
}

/// What the hosts file says, by lower-case name.
pub type HostsFile = BTreeMap<String, Vec<IpAddr>>;

/// Reads the hosts file; one that cannot be read says nothing.
pub async fn hosts_file(site: &Site) -> HostsFile {
    let root = site.root.clone();
    let file = site.profile.network.hosts_file.clone();
    let reading = bounded(
        site.deadline,
        file.display().to_string(),
        move || match read_text(&root, &file, LARGEST_FILE) {
            Ok(text) => Observed::Seen(parse_hosts(&text)),
            Err(problem) => Observed::from_problem(&problem, &file.display().to_string()),
        },
    );
    match reading.await {
        Observed::Seen(names) => names,
        _ => HostsFile::default(),
    }
}

fn parse_hosts(text: &str) -> HostsFile {
    let mut names = HostsFile::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else {
            continue;
        };
        for name in words {
            names
                .entry(name.to_ascii_lowercase())
                .or_default()
                .push(address);
        }
    }
    names
}

/// How resolving one name is done.
#[derive(Clone, Copy, Debug)]
pub struct Resolving<'a> {
    /// The name servers to ask.
    pub servers: &'a [IpAddr],
    /// What the hosts file says.
    pub hosts_file: &'a HostsFile,
    /// Whether this machine's own resolution is what counts.
    pub is_machine: bool,
    /// When to give up.
    pub deadline: Instant,
}

/// Resolves a name in both ways at once, and stops waiting for one a moment after the other has answered.
pub async fn resolve(name: &str, how: Resolving<'_>) -> Names {
    let begun = Instant::now();
    let mut names = Names {
        hosts_file: how
            .hosts_file
            .get(&name.to_ascii_lowercase())
            .cloned()
            .unwrap_or_default(),
        ..Names::default()
    };
    let mut asking = JoinSet::new();
    for (place, server) in how.servers.iter().copied().enumerate() {
        let (name, deadline) = (name.to_owned(), how.deadline);
        asking.spawn(crate::defects::inherited(async move {
            let both = tokio::join!(
                dns::ask(server, &name, RecordKind::A, deadline),
                dns::ask(server, &name, RecordKind::Aaaa, deadline),
            );
            (place, both)
        }));
    }
    let mut system = std::pin::pin!(system_lookup(name, how.is_machine));
    let mut system_pending = true;
    let mut answers = Vec::new();
    let mut patience = how.deadline;
    while system_pending || !asking.is_empty() {
        tokio::select! {
            lookup = &mut system, if system_pending => {
                system_pending = false;
                if matches!(lookup, Lookup::Found(_)) {
                    patience = patience.min(Instant::now() + COMPARING);
                }
                names.system = lookup;
            }
            Some(Ok(answer)) = asking.join_next(), if !asking.is_empty() => {
                let gives_addresses = has_addresses(&answer.1.0) || has_addresses(&answer.1.1);
                if gives_addresses {
                    patience = patience.min(Instant::now() + COMPARING);
                }
                answers.push(answer);
            }
            () = sleep_until(patience) => break,
        }
    }
    if system_pending {
        names.system = Lookup::Pending;
    }
    answers.sort_by_key(|(place, _)| *place);
    names.servers = answers
        .into_iter()
        .flat_map(|(_, (four, six))| [four, six])
        .collect();
    if matches!(names.system, Lookup::Failed(_)) && !names.server_addresses().is_empty() {
        // The name servers know it, so the system may only have lost a packet.
        let again = timeout_at(how.deadline, system_lookup(name, how.is_machine)).await;
        names.system = again.unwrap_or(Lookup::Pending);
    }
    names.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    names
}

fn has_addresses(asked: &Asked) -> bool {
    asked
        .reply()
        .is_some_and(|reply| !reply.addresses.is_empty())
}

/// Asks the C library, which knows the hosts file and nsswitch.
async fn system_lookup(name: &str, is_machine: bool) -> Lookup {
    if !is_machine {
        return Lookup::NotAsked;
    }
    match tokio::net::lookup_host((name, 0)).await {
        Ok(found) => {
            let mut addresses: Vec<IpAddr> = Vec::new();
            for address in found.map(|address: SocketAddr| address.ip()) {
                if !addresses.contains(&address) && addresses.len() < MOST_ADDRESSES {
                    addresses.push(address);
                }
            }
            Lookup::Found(addresses)
        }
        Err(error) => Lookup::Failed(
            error
                .to_string()
                .trim_start_matches("failed to lookup address information: ")
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hosts_file_names_addresses() {
        let names =
            parse_hosts("127.0.0.1 localhost\n10.0.0.1\tA.example b # c\nnonsense x\n::1 b");
        assert_eq!(names["a.example"], ["10.0.0.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(names["b"].len(), 2);
        assert!(!names.contains_key("c"));
        assert!(!names.contains_key("x"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = parse_hosts(&text);
        }
    }
}
