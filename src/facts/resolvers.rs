//! The name servers of this machine, and whether each of them answers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use serde::{Deserialize, Serialize};
use tokio::{task::JoinSet, time::Instant};

use super::{
    Observed, Site, bounded,
    dns::{self, Asked, RecordKind},
    read_text,
};
use crate::units::Bytes;

/// Larger than any file of name servers or names.
const LARGEST_FILE: Bytes = Bytes(1_000_000);
/// The C library reads no more name servers than these.
pub const MOST_SERVERS: usize = 3;
/// Where the stub of systemd-resolved listens.
const STUB: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 54)),
];

/// The name servers of this machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resolvers {
    /// What the system's resolver is configured with.
    pub configuration: ResolverConfiguration,
    /// The name that was asked for.
    pub asked_for: String,
    /// What each server of the configuration said, in its order.
    pub servers: Vec<Asked>,
    /// What each server behind the stub of systemd-resolved said; none without a stub.
    #[serde(default)]
    pub upstreams: Vec<Asked>,
}

/// What `resolv.conf` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverConfiguration {
    /// The name servers that are used, in order.
    pub servers: Vec<IpAddr>,
    /// Lines that name a server which cannot be used; says what stands there.
    #[serde(default)]
    pub unusable: Vec<String>,
    /// Name servers on one link of this machine, as in `fe80::1%eth0`, which programs use and which are not asked here.
    #[serde(default)]
    pub on_links: Vec<String>,
    /// Further servers that the C library ignores.
    #[serde(default)]
    pub ignored: Vec<IpAddr>,
    /// The name servers behind the stub of systemd-resolved.
    #[serde(default)]
    pub upstreams: Vec<IpAddr>,
    /// Domains that are tried for short names.
    #[serde(default)]
    pub search: Vec<String>,
    /// Options, as they stand there.
    #[serde(default)]
    pub options: Vec<String>,
}

impl ResolverConfiguration {
    /// Whether programs ask over TCP from the start, see `use-vc` in `resolv.conf(5)`.
    #[must_use]
    pub fn asks_by_tcp(&self) -> bool {
        self.options.iter().any(|option| option == "use-vc")
    }
}

/// Asks every name server of the machine by itself.
pub async fn observe(site: Site) -> Observed<Resolvers> {
    if site.offline {
        return Observed::NotAsked;
    }
    let begun = Instant::now();
    let configuration = match configuration(&site).await {
        Observed::Seen(configuration) => configuration,
        other => return other.map(|_| Resolvers::default()),
    };
    let deadline = begun + site.deadline;
    let asked_for = site.profile.network.resolver_probe.clone();
    let (servers, upstreams) = tokio::join!(
        ask_all(&configuration.servers, &asked_for, deadline),
        ask_all(&configuration.upstreams, &asked_for, deadline),
    );
    Observed::Seen(Resolvers {
        configuration,
        asked_for,
        servers,
        upstreams,
    })
}

async fn ask_all(servers: &[IpAddr], name: &str, deadline: Instant) -> Vec<Asked> {
    let mut asking = JoinSet::new();
    for (place, server) in servers.iter().copied().enumerate() {
        let name = name.to_owned();
        asking.spawn(crate::defects::inherited(async move {
            (
                place,
                dns::ask(server, &name, RecordKind::A, deadline).await,
            )
        }));
    }
    let mut answers = asking.join_all().await;
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, asked)| asked).collect()
}

/// Reads what the system's resolver is configured with; without a file it asks this machine itself.
pub async fn configuration(site: &Site) -> Observed<ResolverConfiguration> {
    let root = site.root.clone();
    let file = site.profile.network.resolv_conf.clone();
    let upstreams_file = site.profile.network.stub_upstreams.clone();
    bounded(site.deadline, file.display().to_string(), move || {
        let read = |path: &Path| read_text(&root, path, LARGEST_FILE);
        let text = match read(&file) {
            Ok(text) => text,
            Err(problem) => {
                match Observed::<()>::from_problem(&problem, &file.display().to_string()) {
                    Observed::Absent => String::new(),
                    other => return other.map(|()| ResolverConfiguration::default()),
                }
            }
        };
        let mut configuration = parse(&text);
        if configuration
            .servers
            .iter()
            .any(|server| STUB.contains(server))
            && let Ok(text) = read(&upstreams_file)
        {
            configuration.upstreams = parse(&text)
                .servers
                .into_iter()
                .filter(|server| !STUB.contains(server))
                .collect();
        }
        Observed::Seen(configuration)
    })
    .await
}

/// Reads a `resolv.conf` as the C library does, see `resolv.conf(5)`.
pub(in crate::facts) fn parse(text: &str) -> ResolverConfiguration {
    let mut configuration = ResolverConfiguration::default();
    for line in text.lines() {
        let mut words = line
            .split([' ', '\t'])
            .filter(|word| !word.is_empty())
            .take_while(|word| !word.starts_with(['#', ';']));
        match words.next() {
            Some("nameserver") => {
                let Some(word) = words.next() else {
                    continue;
                };
                let used = configuration.servers.len() + configuration.on_links.len();
                match word.parse::<IpAddr>() {
                    Ok(server) if used < MOST_SERVERS => configuration.servers.push(server),
                    Ok(server) => configuration.ignored.push(server),
                    Err(_) if is_on_link(word) => {
                        if used < MOST_SERVERS {
                            configuration.on_links.push(word.to_owned());
                        }
                    }
                    Err(_) => configuration
                        .unusable
                        .push(word.chars().take(100).collect()),
                }
            }
            // The last one counts.
            Some("search" | "domain") => {
                configuration.search = words.map(ToOwned::to_owned).collect();
            }
            Some("options") => configuration.options.extend(words.map(ToOwned::to_owned)),
            _ => {}
        }
    }
    let names_none = configuration.servers.is_empty()
        && configuration.on_links.is_empty()
        && configuration.unusable.is_empty();
    if names_none {
        configuration.servers.push(Ipv4Addr::LOCALHOST.into());
    }
    configuration.ignored.truncate(16);
    configuration.unusable.truncate(16);
    configuration
}

/// An address of one link with its interface, as routers announce themselves over IPv6.
fn is_on_link(word: &str) -> bool {
    const LONGEST_INTERFACE: usize = 15;
    word.split_once('%').is_some_and(|(address, interface)| {
        let address = address.parse::<Ipv6Addr>();
        address.is_ok_and(|address| address.is_unicast_link_local())
            && (1..=LONGEST_INTERFACE).contains(&interface.len())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_configuration_is_read_as_the_c_library_does() {
        let configuration = parse(
            "# comment\nnameserver 10.0.0.1 # first\n\tnameserver\t2001:db8::1\nnameserver ten\nsearch a b\nsearch c\noptions timeout:1 rotate\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n;nameserver 10.0.0.9",
        );
        let addresses = |texts: &[&str]| -> Vec<IpAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        assert_eq!(
            configuration.servers,
            addresses(&["10.0.0.1", "2001:db8::1", "10.0.0.3"])
        );
        assert_eq!(configuration.ignored, addresses(&["10.0.0.4"]));
        assert_eq!(configuration.unusable, ["ten"]);
        assert_eq!(configuration.search, ["c"]);
        assert_eq!(configuration.options, ["timeout:1", "rotate"]);
    }

    #[test]
    fn a_router_that_announces_itself_is_a_name_server_on_its_link() {
        let configuration = parse(
            "nameserver 10.0.0.1\nnameserver fe80::1%eth0\nnameserver fe80::2%3\nnameserver fe80::3%eth0\nnameserver 10.0.0.2",
        );
        assert_eq!(
            configuration.servers,
            ["10.0.0.1".parse::<IpAddr>().unwrap()]
        );
        assert_eq!(configuration.on_links, ["fe80::1%eth0", "fe80::2%3"]);
        assert_eq!(
            configuration.ignored,
            ["10.0.0.2".parse::<IpAddr>().unwrap()]
        );
        assert_eq!(configuration.unusable, Vec::<String>::new());
        let only = parse("nameserver fe80::1%eth0");
        assert_eq!(only.servers, Vec::<IpAddr>::new());
        for unusable in ["fe80::1%", "2001:db8::1%eth0", "eth0%fe80::1"] {
            let configuration = parse(&format!("nameserver {unusable}"));
            assert_eq!(configuration.unusable, [unusable]);
        }
    }

    #[test]
    fn without_a_server_this_machine_is_asked() {
        assert_eq!(parse("").servers, [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(nameserver|search|options|[ \t\n#;:.0-9a-f%]|.)*") {
            let configuration = parse(&text);
            prop_assert!(configuration.servers.len() <= MOST_SERVERS);
        }
    }
}
