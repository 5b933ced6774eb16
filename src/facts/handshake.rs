//! One TLS handshake with a server on this machine, which keeps what was presented whether it is trusted or not.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, Error as TlsError, ProtocolVersion,
    SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring::default_provider},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

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
    match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Err(_elapsed) => Err(timed_out(limit)),
        Ok(opened) => opened.map_err(|error| from_io(&error)),
    }
}

/// Opens a TLS connection, asking for `name` where there is one, within `limit` altogether.
///
/// # Errors
/// How far it came.
pub async fn present(
    address: SocketAddr,
    name: Option<&str>,
    limit: Duration,
) -> Result<Presented, NoConnection> {
    let handshake = async {
        let stream = connect(address, limit).await?;
        let name = name
            .and_then(|name| ServerName::try_from(name.to_owned()).ok())
            .unwrap_or_else(|| ServerName::IpAddress(address.ip().into()));
        let connector = TlsConnector::from(Arc::new(configuration()?));
        let stream = connector
            .connect(name, stream)
            .await
            .map_err(|error| from_handshake(&error))?;
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
    };
    tokio::time::timeout(limit, handshake)
        .await
        .unwrap_or_else(|_elapsed| Err(timed_out(limit)))
}

fn timed_out(limit: Duration) -> NoConnection {
    NoConnection::TimedOut {
        after_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
    }
}

fn configuration() -> Result<ClientConfig, NoConnection> {
    let provider = Arc::new(default_provider());
    let keeper = Arc::new(AcceptAnything {
        provider: Arc::clone(&provider),
    });
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| NoConnection::Rejected {
            reason: error.to_string(),
        })?
        .dangerous()
        .with_custom_certificate_verifier(keeper)
        .with_no_client_auth())
}

fn from_io(error: &io::Error) -> NoConnection {
    let reason = error.to_string();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => NoConnection::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => NoConnection::Cut { reason },
        _ => NoConnection::Unreachable { reason },
    }
}

fn from_handshake(error: &io::Error) -> NoConnection {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<TlsError>());
    let reason = || error.to_string();
    match tls {
        None => from_io(error),
        Some(
            TlsError::AlertReceived(AlertDescription::ProtocolVersion)
            | TlsError::PeerIncompatible(_),
        ) => NoConnection::OldVersion { reason: reason() },
        Some(TlsError::InvalidMessage(_)) => NoConnection::NotTls { reason: reason() },
        Some(_) => NoConnection::Rejected { reason: reason() },
    }
}

/// Lets every certificate pass, since what is wrong with it is for the checks to tell. Nothing confidential follows but
/// a request to a server on this very machine.
#[derive(Debug)]
struct AcceptAnything {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AcceptAnything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
