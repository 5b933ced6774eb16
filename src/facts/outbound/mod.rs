//! The hosts that the product needs, and what answers there: all of them at once, each over IPv4 and IPv6.

mod alert;
mod certificate;
pub mod connect;
pub mod http;
mod names;
mod path;
mod probe;
mod socks;
pub mod tls;
pub mod trust;
pub(in crate::facts) mod tunnel;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{Instant, timeout},
};

pub use self::{
    certificate::Certificate,
    connect::Connect,
    http::{Http, HttpAnswer, HttpOutcome, Question, Verb},
    names::{Lookup, Names},
    path::{Attempt, Family, Path},
    probe::{Families, Prober, host_of},
    tls::{Handshake, Tls, TrustVerdict},
    trust::TrustNote,
    tunnel::Tunnel,
};
use super::{
    Observed, Site,
    certificates::ServerName,
    proxies::{self, ProxyAddress},
    resolvers,
};
use crate::profile::{OutboundGroup, OutboundHost, ProxyUser};

/// What answers at the hosts that the product needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outbound {
    /// The hosts, in the profile's order; a host that another one leads to stands behind it.
    pub hosts: Vec<HostProbe>,
    /// Addresses that a firewall may open instead of names.
    #[serde(default)]
    pub fallbacks: Vec<FallbackProbe>,
    /// The authorities by which was judged.
    pub trust: TrustNote,
    /// The name servers that were asked.
    pub name_servers: Vec<IpAddr>,
}

/// What answers at one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostProbe {
    /// The group that needs it.
    pub group: String,
    /// What was looked for, as the profile has it.
    pub host: OutboundHost,
    /// The host that led here; none for those of the profile.
    #[serde(default)]
    pub led_here: Option<String>,
    /// What a request for a layer led to; none where none was made.
    #[serde(default)]
    pub download: Option<Download>,
    /// The proxy it is reached through; none where it is reached directly.
    #[serde(default)]
    pub proxy: Option<ProxyUse>,
    /// How the name resolves (behind a proxy: the proxy's name); none for an address.
    #[serde(default)]
    pub names: Option<Names>,
    /// The ways there, IPv4 before IPv6; none where there is no address.
    pub paths: Vec<Path>,
}

/// What a registry's answer to the request for a public layer led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Download {
    /// To another host, which was looked at.
    Led,
    /// No anonymous token was to be had.
    NoToken,
    /// The registry did not redirect.
    NotRedirected {
        /// What it answered; none where no answer came.
        status: Option<u16>,
    },
    /// It serves layers itself.
    SameHost,
    /// To another host, with too little time left to look at it.
    TooLate {
        /// The host.
        host: String,
    },
}

/// A proxy, and who says that it is to be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyUse {
    /// The proxy.
    pub address: ProxyAddress,
    /// The file or variable that names it.
    pub source: String,
}

/// Whether an address opens that a firewall may open instead of names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FallbackProbe {
    /// The group that it stands in for.
    pub group: String,
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// Whether the connection opened.
    pub connect: Connect,
    /// How long that took, in milliseconds.
    pub connect_ms: u64,
}

impl Outbound {
    /// How far this machine's clock is ahead of each trusted host's, by host.
    #[must_use]
    pub fn clock_offsets(&self) -> Vec<(String, SignedDuration)> {
        self.answers()
            .filter_map(|(probe, answer)| {
                let offset = answer.received_at?.duration_since(answer.date?);
                Some((probe.host.host.clone(), offset))
            })
            .collect()
    }

    /// Every answer over HTTP, with the host that gave it.
    pub fn answers(&self) -> impl Iterator<Item = (&HostProbe, &HttpAnswer)> {
        self.hosts.iter().flat_map(|probe| {
            probe
                .paths
                .iter()
                .filter_map(move |path| match &path.attempt.http.as_ref()?.outcome {
                    HttpOutcome::Answered(answer) => Some((probe, answer)),
                    _ => None,
                })
        })
    }

    /// How far this machine's clock is ahead of the hosts': the middle one, which one host with a wrong clock does
    /// not move.
    #[must_use]
    pub fn clock_ahead(&self) -> Option<SignedDuration> {
        let mut offsets: Vec<SignedDuration> = self
            .clock_offsets()
            .into_iter()
            .map(|(_, offset)| offset)
            .collect();
        offsets.sort();
        offsets.get(offsets.len() / 2).copied()
    }
}

/// Looks at every host of the profile, and at the one that logs are sent to, all at once, within one deadline for all.
pub async fn observe(
    site: Site,
    log_host: oneshot::Receiver<Option<String>>,
) -> Observed<Outbound> {
    if site.offline {
        return Observed::NotAsked;
    }
    let deadline = Instant::now() + site.deadline;
    let prober = Arc::new(prepare(&site, deadline).await);
    let name_servers = prober.name_servers.clone();
    let note = prober.trust.note.clone();
    let mut looking = JoinSet::new();
    let mut knocking = JoinSet::new();
    let mut place = 0_usize;
    let mode = site.profile.certificates.mode;
    let is_needed =
        |group: &&OutboundGroup| !mode.is_some_and(|mode| group.skipped_when.contains(&mode));
    for group in site.profile.outbound.iter().filter(is_needed) {
        for host in group.hosts.iter().cloned() {
            let prober = prober.clone();
            let (id, user) = (group.id.clone(), group.used_by);
            looking.spawn(crate::defects::inherited(async move {
                (place, Box::pin(prober.examine(id, host, user)).await)
            }));
            place = place.saturating_add(1);
        }
        if prober.proxies.for_user(group.used_by).is_none() {
            for fallback in &group.address_only {
                let (id, fallback) = (group.id.clone(), fallback.clone());
                knocking.spawn(crate::defects::inherited(probe::knock(
                    id, fallback, deadline,
                )));
            }
        }
    }
    if let Ok(Ok(Some(name))) = timeout(site.deadline / 2, log_host).await
        && let Some((group, host)) = log_host_of(&site, name)
    {
        let prober = prober.clone();
        looking.spawn(crate::defects::inherited(async move {
            let looking = prober.examine(group.0, host, group.1);
            (place, Box::pin(looking).await)
        }));
    }
    let (mut found, mut fallbacks) = tokio::join!(looking.join_all(), knocking.join_all());
    found.sort_by_key(|(place, _)| *place);
    fallbacks.sort_by_key(|fallback| fallback.address);
    Observed::Seen(Outbound {
        hosts: found.into_iter().flat_map(|(_, probes)| probes).collect(),
        fallbacks,
        trust: note,
        name_servers,
    })
}

/// What looking at any host needs: names, authorities and proxies as this machine has them.
pub async fn prepare(site: &Site, deadline: Instant) -> Prober {
    let (configuration, hosts_file, trust, (proxies, logins)) = tokio::join!(
        resolvers::configuration(site),
        names::hosts_file(site),
        trust::read(site),
        proxies::look(site),
    );
    Prober {
        name_servers: configuration
            .seen()
            .map(|configuration| configuration.servers.clone())
            .unwrap_or_default(),
        hosts_file,
        is_machine: site.root.is_machine(),
        trust,
        proxies,
        logins,
        blob: site.profile.network.registry_blob.clone(),
        deadline,
        patience: site.deadline,
    }
}

/// The host that `.env` names for logs, unless the profile has it already.
fn log_host_of(site: &Site, name: String) -> Option<((String, ProxyUser), OutboundHost)> {
    let group = site
        .profile
        .outbound
        .iter()
        .find(|group| group.id == LOG_GROUP)?;
    if group.hosts.iter().any(|known| known.host == name) {
        return None;
    }
    // What is no name of a host cannot be asked for; that it is none is `config.env`'s to say.
    ServerName::read(&name)?;
    let host = OutboundHost {
        host: name,
        why: "sending logs (FLUENTBIT_HOST)".into(),
        ..OutboundHost::default()
    };
    Some(((group.id.clone(), group.used_by), host))
}

/// The group that the host for logs belongs to.
const LOG_GROUP: &str = "sesam";

/// Resolves a name as programs on this machine do, and by every name server.
pub async fn resolve_names(
    site: &Site,
    name: &str,
    servers: &[IpAddr],
    deadline: Instant,
) -> Names {
    let hosts_file = names::hosts_file(site).await;
    let how = names::Resolving {
        servers,
        hosts_file: &hosts_file,
        is_machine: site.root.is_machine(),
        deadline,
    };
    names::resolve(name, how).await
}

/// Whether a connection to this address opens; nothing where that was not seen in time.
pub async fn is_served(address: SocketAddr, deadline: Instant) -> Option<bool> {
    match connect::connect(address, deadline).await.0 {
        Connect::Open => Some(true),
        Connect::Silent => None,
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpSocket;

    use super::*;

    #[tokio::test]
    async fn what_is_not_seen_in_time_is_neither_served_nor_not() {
        let within = |milliseconds| Instant::now() + Duration::from_millis(milliseconds);
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        // Nobody accepts: the queue has room for one more than it was asked to have, and the next gets no answer.
        assert_eq!(is_served(address, within(60_000)).await, Some(true));
        assert_eq!(is_served(address, within(60_000)).await, Some(true));
        assert_eq!(is_served(address, within(100)).await, None);
        drop(listener);
        assert_eq!(is_served(address, within(60_000)).await, Some(false));
    }
}
