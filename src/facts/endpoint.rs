//! What the machine itself serves to clients by TLS, asked for as a client would.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use serde::{Deserialize, Serialize};

use super::{
    Observed, Site, bounded,
    certificates::{Chain, ServerName, StackWord, TrustStore, certificate::Parsed},
    handshake::{NoConnection, Version, present},
};
use crate::profile::CertificateMode;

/// What is served at the addresses of this machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `NODE_DOMAIN`, as it was asked for.
    #[serde(default)]
    pub node_domain: Option<String>,
    /// Whose certificate the profile or the stack says is served; none where neither does.
    #[serde(default)]
    pub mode: Option<CertificateMode>,
    /// The addresses that were asked, the likeliest first.
    #[serde(default)]
    pub places: Vec<Place>,
}

/// One address, and what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Address and port.
    pub address: SocketAddr,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Certificates were presented.
    Served {
        /// The version that was agreed on; the doctor offers 1.2 and 1.3.
        version: Version,
        /// The certificates.
        chain: Chain,
    },
    /// Something was presented that is no certificate.
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// There was no handshake.
    None {
        /// How far it came.
        why: NoConnection,
    },
}

/// Looks at it.
pub async fn observe(site: Site, word: StackWord) -> Observed<Endpoint> {
    if site.offline {
        return Observed::NotAsked;
    }
    let places = site.profile.certificates.trust_stores.clone();
    let root = site.root.clone();
    let what = "the system's trust store";
    let trust = bounded(site.deadline, what, move || {
        TrustStore::load(&root, &places)
    });
    let name = word.node_domain.as_deref().and_then(ServerName::read);
    let port = site.profile.certificates.port;
    let mut asking = tokio::task::JoinSet::new();
    for (place, address) in addresses().into_iter().enumerate() {
        let address = SocketAddr::new(address, port);
        let name = name.as_ref().map(ToString::to_string);
        let deadline = site.deadline;
        asking.spawn(crate::defects::inherited(async move {
            let presented = present(address, name.as_deref(), deadline).await;
            // What counts is what was presented; the connection is closed at once.
            let presented = presented.map(|it| (it.version, it.certificates));
            (place, address, presented)
        }));
    }
    let (trust, mut answers) = tokio::join!(trust, asking.join_all());
    answers.sort_by_key(|(place, ..)| *place);
    let trust = match trust {
        Observed::Seen(store) => Some(store),
        _ => None,
    };
    let places = answers
        .into_iter()
        .map(|(_, address, presented)| Place {
            address,
            outcome: match presented {
                Ok((version, certificates)) => read(version, &certificates, trust.as_ref()),
                Err(why) => Outcome::None { why },
            },
        })
        .collect();
    Observed::Seen(Endpoint {
        node_domain: word.node_domain,
        mode: site.profile.certificates.mode.or(word.mode),
        places,
    })
}

fn read(version: Version, certificates: &[Vec<u8>], trust: Option<&TrustStore>) -> Outcome {
    let parsed: Result<Vec<Parsed>, String> =
        certificates.iter().map(|der| Parsed::read(der)).collect();
    match parsed {
        Ok(parsed) if parsed.is_empty() => Outcome::Unreadable {
            reason: "no certificate was presented".into(),
        },
        Ok(parsed) => Outcome::Served {
            version,
            chain: Chain::of(&parsed, 0, trust),
        },
        Err(reason) => Outcome::Unreadable { reason },
    }
}

/// Loopback, where a published port is found first, and the addresses by which the machine reaches others.
fn addresses() -> Vec<IpAddr> {
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    // Connecting a datagram socket sends nothing; it only asks the routing table. The targets are documentation addresses.
    let routes = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];
    for (from, to) in routes {
        let own = UdpSocket::bind(from)
            .and_then(|socket| socket.connect(to).and_then(|()| socket.local_addr()));
        if let Ok(own) = own
            && !own.ip().is_unspecified()
            && !addresses.contains(&own.ip())
        {
            addresses.push(own.ip());
        }
    }
    addresses.push(IpAddr::V6(Ipv6Addr::LOCALHOST));
    addresses
}
