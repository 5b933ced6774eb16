//! One TLS handshake with a server on this machine, which keeps what was presented whether it is trusted or not.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{ProtocolVersion, RootCertStore, pki_types::ServerName};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpStream, time::Instant};
use tokio_rustls::client::TlsStream;

use super::outbound::{
    Connect, Handshake,
    connect::connect as open,
    tls::{self, Terms},
};

/// More certificates than any server presents.
const MOST_PRESENTED: usize = 20;

/// How far a connection came that did not open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum NoConnection {
    /// Nothing listens there.
    Refused,
    /// Nothing came back in time.
    TimedOut {
        /// After so long, in milliseconds.
        after_ms: u64,
    },
    /// There is no way there.
    Unreachable {
        /// What the system said.
        reason: String,
    },
    /// It opened, and was closed again before anything was said.
    Cut {
        /// What the system said.
        reason: String,
    },
    /// It speaks, but not TLS.
    NotTls {
        /// What was wrong with its first words.
        reason: String,
    },
    /// It speaks no TLS that is still considered safe, 1.2 or later.
    OldVersion {
        /// What it said.
        reason: String,
    },
    /// It speaks TLS, and ended the handshake.
    Rejected {
        /// What it said.
        reason: String,
    },
}

impl std::fmt::Display for NoConnection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused => formatter.write_str("nothing listens there"),
            Self::TimedOut { after_ms } => write!(formatter, "no answer within {after_ms} ms"),
            Self::Unreachable { reason } => write!(formatter, "no way there: {reason}"),
            Self::Cut { reason } => write!(formatter, "the connection was cut: {reason}"),
            Self::NotTls { reason } => {
                write!(formatter, "what answers does not speak TLS: {reason}")
            }
            Self::OldVersion { reason } => {
                write!(formatter, "it speaks no TLS 1.2 or later: {reason}")
            }
            Self::Rejected { reason } => write!(formatter, "it ended the handshake: {reason}"),
        }
    }
}

/// What a server presented.
pub struct Presented {
    /// The connection, for saying more.
    pub stream: TlsStream<TcpStream>,
    /// The certificates in DER, in the order in which they came.
    pub certificates: Vec<Vec<u8>>,
    /// The version that was agreed on.
    pub version: Version,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Version {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3 or whatever comes after.
    Tls13,
}

/// Opens a TCP connection.
///
/// # Errors
/// How far it came.
pub async fn connect(address: SocketAddr, limit: Duration) -> Result<TcpStream, NoConnection> {
    match open(address, Instant::now() + limit).await {
        (_, Some(stream)) => Ok(stream),
        (Connect::Refused, None) => Err(NoConnection::Refused),
        (Connect::Silent | Connect::Open, None) => Err(timed_out(limit)),
        (
            Connect::Filtered { how, .. }
            | Connect::Unreachable { how, .. }
            | Connect::Failed { how },
            None,
        ) => Err(NoConnection::Unreachable { reason: how }),
    }
}

/// Opens a TLS connection, asking for `name` where there is one, within `limit` altogether. What is presented is kept whether
/// it is trusted or not; nothing confidential follows but a request to a server on this very machine.
///
/// # Errors
/// How far it came.
pub async fn present(
    address: SocketAddr,
    name: Option<&str>,
    limit: Duration,
) -> Result<Presented, NoConnection> {
    let deadline = Instant::now() + limit;
    let stream = connect(address, limit).await?;
    let nobody = Arc::new(RootCertStore::empty());
    let address = address.ip().to_string();
    let server_name = name
        .filter(|name| ServerName::try_from(*name).is_ok())
        .unwrap_or(&address);
    let terms = Terms {
        authorities: nobody,
        organizations: &BTreeSet::new(),
        server_name,
    };
    let (tls, stream) = tls::handshake(stream, terms, deadline).await;
    let Some(stream) = stream else {
        return Err(ended(tls.handshake, limit));
    };
    let (_, connection) = stream.get_ref();
    let certificates = connection
        .peer_certificates()
        .unwrap_or_default()
        .iter()
        .take(MOST_PRESENTED)
        .map(|certificate| certificate.to_vec())
        .collect();
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => Version::Tls12,
        _ => Version::Tls13,
    };
    Ok(Presented {
        stream,
        certificates,
        version,
    })
}

fn timed_out(limit: Duration) -> NoConnection {
    NoConnection::TimedOut {
        after_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
    }
}

fn ended(handshake: Handshake, limit: Duration) -> NoConnection {
    match handshake {
        Handshake::Silent => timed_out(limit),
        Handshake::Cut(reason) => NoConnection::Cut { reason },
        Handshake::NotTls(reason) => NoConnection::NotTls { reason },
        Handshake::Version(reason) => NoConnection::OldVersion { reason },
        Handshake::Alert(reason) | Handshake::Failed(reason) => NoConnection::Rejected { reason },
        Handshake::Done => NoConnection::Rejected {
            reason: "nothing was presented".into(),
        },
    }
}
