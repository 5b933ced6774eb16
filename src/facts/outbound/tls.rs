//! One TLS handshake: the presented chain is kept and judged, and distrust does not end the look.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout_at},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{alert, certificate::Certificate};

/// More certificates than any chain has.
const LONGEST_CHAIN: usize = 10;

/// What became of TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// How the handshake ended.
    pub handshake: Handshake,
    /// What was presented, the server's own certificate first.
    #[serde(default)]
    pub chain: Vec<Certificate>,
    /// Whether it is trusted; none where no chain came.
    #[serde(default)]
    pub trust: Option<TrustVerdict>,
    /// Whether the trust store knows an authority of the organisation that signed the last certificate.
    #[serde(default)]
    pub organization_is_trusted: bool,
    /// The version, where one was agreed on.
    #[serde(default)]
    pub version: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// How a handshake ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "how", rename_all = "kebab-case")]
pub enum Handshake {
    /// Both sides are ready to talk.
    Done,
    /// The connection was closed or reset.
    Cut(String),
    /// The other side stopped answering.
    Silent,
    /// The other side does not speak TLS.
    NotTls(String),
    /// The two sides have no version in common.
    Version(String),
    /// The other side refused, in the words of a TLS alert.
    Alert(String),
    /// Anything else.
    Failed(String),
}

/// Whether a presented chain is trusted for the name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "how", rename_all = "kebab-case")]
pub enum TrustVerdict {
    /// It is.
    Trusted,
    /// No trusted authority signed it.
    UnknownIssuer,
    /// It is for other names.
    WrongName,
    /// It holds no longer.
    Expired,
    /// It does not hold yet.
    NotYetValid,
    /// Anything else.
    Otherwise(String),
}

/// Whom to trust, and for what name.
pub struct Terms<'a> {
    /// The authorities.
    pub authorities: Arc<RootCertStore>,
    /// The organisations of the system's authorities.
    pub organizations: &'a BTreeSet<String>,
    /// The name that the certificate has to be for.
    pub server_name: &'a str,
}

/// Does the handshake over an open stream; the encrypted stream is there where it was done.
pub async fn handshake<Stream>(
    stream: Stream,
    terms: Terms<'_>,
    deadline: Instant,
) -> (Tls, Option<TlsStream<Stream>>)
where
    Stream: AsyncRead + AsyncWrite + Unpin,
{
    let begun = Instant::now();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let result = match client(&terms, &seen) {
        Ok((connector, name)) => {
            match timeout_at(deadline, connector.connect(name, stream)).await {
                Ok(connected) => connected.map_err(|error| failure(&error)),
                Err(_elapsed) => Err(Handshake::Silent),
            }
        }
        Err(reason) => Err(Handshake::Failed(reason)),
    };
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    let organization_is_trusted = seen
        .chain
        .last()
        .and_then(|last| last.issuer_organization.as_ref())
        .is_some_and(|organization| terms.organizations.contains(organization));
    let (handshake, stream) = match result {
        Ok(stream) => (Handshake::Done, Some(stream)),
        Err(handshake) => (handshake, None),
    };
    let version = stream
        .as_ref()
        .and_then(|stream| stream.get_ref().1.protocol_version())
        .and_then(|version| {
            version
                .as_str()
                .map(|text| text.replace('_', ".").replace("TLSv", "TLS "))
        });
    let tls = Tls {
        handshake,
        chain: seen.chain,
        trust: seen.trust,
        organization_is_trusted,
        version,
        took_ms,
    };
    (tls, stream)
}

fn client(
    terms: &Terms,
    seen: &Arc<Mutex<Seen>>,
) -> Result<(TlsConnector, ServerName<'static>), String> {
    let name = ServerName::try_from(terms.server_name.to_owned())
        .map_err(|error| format!("{}: {error}", terms.server_name))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // Without any authority there is nothing to verify against, and nothing is trusted.
    let inner =
        WebPkiServerVerifier::builder_with_provider(terms.authorities.clone(), provider.clone())
            .build()
            .ok();
    let witness = Witness {
        inner,
        provider: provider.clone(),
        seen: seen.clone(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(witness))
        .with_no_client_auth();
    Ok((TlsConnector::from(Arc::new(config)), name))
}

/// What the verifier was shown.
#[derive(Debug, Default)]
struct Seen {
    chain: Vec<Certificate>,
    trust: Option<TrustVerdict>,
}

/// Records the chain and the verdict on it, and lets the handshake go on: nothing secret is ever sent over it,
/// and what answers behind a distrusted certificate tells who it is.
#[derive(Debug)]
struct Witness {
    inner: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    seen: Arc<Mutex<Seen>>,
}

impl Witness {
    /// A server that cannot prove that the certificate is its own is not trusted, whoever signed the certificate.
    fn note(
        &self,
        verified: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if let Err(error) = verified {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.trust == Some(TrustVerdict::Trusted) {
                seen.trust = Some(distrust(&error));
            }
        }
        Ok(HandshakeSignatureValid::assertion())
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let trust = match &self.inner {
            None => TrustVerdict::UnknownIssuer,
            Some(inner) => match inner.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ) {
                Ok(_) => TrustVerdict::Trusted,
                Err(error) => distrust(&error),
            },
        };
        let chain = std::iter::once(end_entity)
            .chain(intermediates)
            .take(LONGEST_CHAIN)
            .filter_map(|der| Certificate::read(der))
            .collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen {
            chain,
            trust: Some(trust),
        };
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        );
        self.note(verified)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        );
        self.note(verified)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn distrust(error: &Error) -> TrustVerdict {
    match error {
        Error::InvalidCertificate(problem) => match problem {
            CertificateError::UnknownIssuer => TrustVerdict::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TrustVerdict::WrongName
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                TrustVerdict::Expired
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                TrustVerdict::NotYetValid
            }
            other => TrustVerdict::Otherwise(other.to_string()),
        },
        other => TrustVerdict::Otherwise(other.to_string()),
    }
}

/// What a failed handshake amounts to.
fn failure(error: &io::Error) -> Handshake {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::AlertReceived(
            AlertDescription::ProtocolVersion
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity,
        )) => Handshake::Version("it refused TLS 1.2 and TLS 1.3".into()),
        Some(Error::PeerIncompatible(what)) => Handshake::Version(alert::incompatible(what)),
        Some(Error::AlertReceived(alert)) => Handshake::Alert(alert::alert(*alert)),
        Some(
            error @ (Error::InvalidMessage(_)
            | Error::InappropriateMessage { .. }
            | Error::InappropriateHandshakeMessage { .. }
            | Error::PeerSentOversizedRecord),
        ) => Handshake::NotTls(error.to_string()),
        Some(other) => Handshake::Failed(other.to_string()),
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof => Handshake::Cut("closed".into()),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Handshake::Cut("reset".into()),
            io::ErrorKind::TimedOut => Handshake::Silent,
            _ => Handshake::Failed(error.to_string()),
        },
    }
}
