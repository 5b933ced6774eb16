//! Everything about one host: its name, its proxy, its ways, and the host that it leads to.

use std::{net::IpAddr, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use super::{
    Download, FallbackProbe, HostProbe, HttpOutcome, Path, ProxyUse, connect,
    http::Question,
    names::{self, HostsFile, Names, Resolving},
    path::{Errand, Family, Hop, Via},
    trust::Trust,
};
use crate::{
    facts::proxies::{Logins, Proxies, Scheme, is_excepted},
    profile::{FallbackAddress, OutboundHost, Proof, ProxyUser, RegistryBlob},
};

/// What looking at any host needs.
#[derive(Debug)]
pub struct Prober {
    /// The name servers to ask.
    pub name_servers: Vec<IpAddr>,
    /// What the hosts file says.
    pub hosts_file: HostsFile,
    /// Whether this machine's own resolution is what counts.
    pub is_machine: bool,
    /// The authorities to trust.
    pub trust: Trust,
    /// The proxies that are configured.
    pub proxies: Proxies,
    /// How to log in to them.
    pub logins: Logins,
    /// The blob by which downloads are followed.
    pub blob: RegistryBlob,
    /// When to give up.
    pub deadline: Instant,
    /// How long there is from the beginning until then.
    pub patience: Duration,
}

/// Which address families are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// Each for itself.
    Both,
    /// The one that answers first, as clients do.
    First,
}

impl Prober {
    /// Looks at one host of the profile, and at the host that it leads to.
    pub async fn examine(
        &self,
        group: String,
        host: OutboundHost,
        user: ProxyUser,
    ) -> Vec<HostProbe> {
        let path = host.path().to_owned();
        let request = Question::get(&path);
        let is_registry = host.proof == Proof::RegistryV2 && host.host == self.blob.registry;
        let ((mut probe, _), download) =
            tokio::join!(self.look(group.clone(), &host, user, request), async {
                if is_registry {
                    Some(self.follow_blob(&group, &host, user).await)
                } else {
                    None
                }
            });
        let (download, storage) = match download {
            None => (None, None),
            Some(Ok(storage)) => (Some(Download::Led), Some(storage)),
            Some(Err(download)) => (Some(download), None),
        };
        probe.download = download;
        let mut probes = vec![probe];
        probes.extend(storage);
        probes
    }

    /// One look at one host; the body of the answer is handed out beside, since it may hold a token.
    async fn look(
        &self,
        group: String,
        host: &OutboundHost,
        user: ProxyUser,
        request: Question<'_>,
    ) -> (HostProbe, Vec<u8>) {
        self.ask(group, host, user, request, Families::Both).await
    }

    /// Asks one question of one host; the body of the answer is handed out beside, since it may hold a secret.
    pub async fn ask(
        &self,
        group: String,
        host: &OutboundHost,
        user: ProxyUser,
        question: Question<'_>,
        families: Families,
    ) -> (HostProbe, Vec<u8>) {
        let proxy = self.proxy_for(host, user);
        let (target, port) = match &proxy {
            Some(proxy) => (proxy.address.host.as_str(), proxy.address.port),
            None => (host.host.as_str(), host.port),
        };
        let (names, addresses) = self.resolve(target).await;
        let own_authorities = host.ca_file.as_deref();
        let errand = Errand {
            host: &host.host,
            port: host.port,
            server_name: host.server_name.as_deref().unwrap_or(&host.host),
            question,
            authorities: self.trust.store(own_authorities),
            trust: &self.trust,
            via: proxy.as_ref().map_or(Via::Direct, |proxy| {
                Via::Proxy(Hop {
                    scheme: proxy.address.scheme,
                    name: &proxy.address.host,
                    login: self.logins.of(&proxy.address),
                })
            }),
            deadline: self.deadline,
        };
        let supported = proxy
            .as_ref()
            .is_none_or(|proxy| proxy.address.scheme != Scheme::Socks);
        let (paths, body) = if supported {
            Box::pin(walk(&errand, &addresses, port, families)).await
        } else {
            (Vec::new(), Vec::new())
        };
        let probe = HostProbe {
            group,
            host: host.clone(),
            led_here: None,
            download: None,
            proxy,
            names,
            paths,
        };
        (probe, body)
    }

    fn proxy_for(&self, host: &OutboundHost, user: ProxyUser) -> Option<ProxyUse> {
        let settings = self.proxies.for_user(user)?;
        if is_excepted(&settings.exceptions, &host.host, host.port) {
            return None;
        }
        Some(ProxyUse {
            address: settings.https.clone()?,
            source: settings.source.clone(),
        })
    }

    async fn resolve(&self, name: &str) -> (Option<Names>, Vec<IpAddr>) {
        if let Ok(address) = name.parse::<IpAddr>() {
            return (None, vec![address]);
        }
        let how = Resolving {
            servers: &self.name_servers,
            hosts_file: &self.hosts_file,
            is_machine: self.is_machine,
            deadline: self.deadline,
        };
        let names = names::resolve(name, how).await;
        let addresses = names.addresses();
        (Some(names), addresses)
    }

    /// Asks the registry for a public blob as a Docker daemon would, and looks at the host that it is redirected to. Where
    /// it leads nowhere, that is no failure: the blob may be gone, or the registry serve it itself.
    async fn follow_blob(
        &self,
        group: &str,
        registry: &OutboundHost,
        user: ProxyUser,
    ) -> Result<HostProbe, Download> {
        let blob = &self.blob;
        let token_host = OutboundHost {
            host: blob.token_host.clone(),
            ..registry.clone()
        };
        let path = format!(
            "/token?service=registry.docker.io&scope=repository:{}:pull",
            blob.repository
        );
        let request = Question::get(&path);
        // On the way there, the family that answers is enough, as for a daemon: a family that is dropped would use up the time.
        let (_, body) = self
            .ask(
                group.to_owned(),
                &token_host,
                user,
                request,
                Families::First,
            )
            .await;
        let answer: Option<Value> = serde_json::from_slice(&body).ok();
        let token = answer
            .as_ref()
            .and_then(|answer| answer.get("token")?.as_str())
            .ok_or(Download::NoToken)?;
        let path = format!("/v2/{}/blobs/{}", blob.repository, blob.digest);
        let request = Question {
            token: Some(token),
            ..Question::get(&path)
        };
        let (redirected, _) = self
            .ask(group.to_owned(), registry, user, request, Families::First)
            .await;
        let (host, port) = redirected
            .paths
            .iter()
            .find_map(redirect)
            .and_then(|location| host_of(&location))
            .ok_or(Download::NotRedirected {
                status: redirected.paths.iter().find_map(status),
            })?;
        // With too little time left a silent host could not be told from a slow beginning.
        let left = self.deadline.saturating_duration_since(Instant::now());
        if host == registry.host {
            return Err(Download::SameHost);
        }
        if left < self.patience / 2 {
            return Err(Download::TooLate { host });
        }
        let storage = OutboundHost {
            host,
            port,
            why: "layers of the images, where the registry redirects to".into(),
            proof: Proof::AnyHttp,
            ..OutboundHost::default()
        };
        let request = Question::get("/");
        let (mut probe, _) = self.look(group.to_owned(), &storage, user, request).await;
        probe.led_here = Some(registry.host.clone());
        Ok(probe)
    }
}

/// Both address families at once; of the bodies the first that is not empty.
async fn walk(
    errand: &Errand<'_>,
    addresses: &[IpAddr],
    port: u16,
    families: Families,
) -> (Vec<Path>, Vec<u8>) {
    let of = |family: Family| -> Vec<IpAddr> {
        addresses
            .iter()
            .copied()
            .filter(|address| Family::of(*address) == family)
            .collect()
    };
    let (four, six) = (of(Family::V4), of(Family::V6));
    let mut four = std::pin::pin!(errand.walk(&four, port));
    let mut six = std::pin::pin!(errand.walk(&six, port));
    let (mut four_ended, mut six_ended) = (false, false);
    let mut paths = Vec::new();
    let mut body = Vec::new();
    while !(four_ended && six_ended) {
        let walked = tokio::select! {
            walked = &mut four, if !four_ended => {
                four_ended = true;
                walked
            }
            walked = &mut six, if !six_ended => {
                six_ended = true;
                walked
            }
        };
        let Some((path, found)) = walked else {
            continue;
        };
        let is_answer = path.attempt.got_an_answer();
        paths.push(path);
        if body.is_empty() {
            body = found;
        }
        if is_answer && families == Families::First {
            break;
        }
    }
    paths.sort_by_key(|path| path.family);
    (paths, body)
}

fn status(path: &Path) -> Option<u16> {
    match &path.attempt.http.as_ref()?.outcome {
        HttpOutcome::Answered(answer) => Some(answer.status),
        _ => None,
    }
}

fn redirect(path: &Path) -> Option<String> {
    match &path.attempt.http.as_ref()?.outcome {
        HttpOutcome::Answered(answer) if (300..400).contains(&answer.status) => {
            answer.location.clone()
        }
        _ => None,
    }
}

/// The host and port of an `https` address.
#[must_use]
pub fn host_of(location: &str) -> Option<(String, u16)> {
    let rest = location.strip_prefix("https://")?;
    let place = rest.split('/').next()?;
    let place = place.rsplit('@').next()?;
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok()?)
        }
        _ => (place, 443),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let sound = !host.is_empty()
        && host.len() <= 253
        && host.chars().all(|letter| {
            letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':')
        });
    sound.then(|| (host.to_ascii_lowercase(), port))
}

/// Whether an address opens that may stand in for names.
pub async fn knock(group: String, fallback: FallbackAddress, deadline: Instant) -> FallbackProbe {
    let begun = Instant::now();
    let to = std::net::SocketAddr::new(fallback.address, fallback.port);
    let (connect, _) = connect::connect(to, deadline).await;
    FallbackProbe {
        group,
        address: fallback.address,
        port: fallback.port,
        connect,
        connect_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_redirect_names_a_host() {
        for (location, expected) in [
            ("https://b.example/x?y", Some(("b.example", 443))),
            ("https://B.example:8443/x", Some(("b.example", 8443))),
            ("https://[2001:db8::1]:1/", Some(("2001:db8::1", 1))),
            ("http://b.example/", None),
            ("/relative", None),
            ("https://", None),
            ("https://a b/", None),
        ] {
            let found = host_of(location);
            let found = found.as_ref().map(|(host, port)| (host.as_str(), *port));
            assert_eq!(found, expected, "{location}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(location in "(https://)?.*") {
            let _ = host_of(&location);
        }
    }
}
