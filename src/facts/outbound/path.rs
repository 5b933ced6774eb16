//! One way to a host, from the first packet to the service's answer, tried once more where a lost packet could have failed it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use rustls::RootCertStore;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, sleep_until},
};
use tokio_rustls::client::TlsStream;

use super::{
    connect::{self, Connect},
    http::{self, Http, HttpOutcome, Question, Wanted},
    socks,
    tls::{self, Handshake, Terms, Tls, TrustVerdict},
    trust::Trust,
    tunnel::{self, Tunnel},
};
use crate::facts::proxies::{Login, Scheme};

/// The Internet Protocol's two versions, each a way of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

/// The way to a host over one address family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// Which one.
    pub family: Family,
    /// How often it was tried.
    pub tries: u8,
    /// The try that got furthest.
    pub attempt: Attempt,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Where to: the host, or the proxy before it.
    pub address: SocketAddr,
    /// The address of this machine towards it; none where there is no route.
    pub from: Option<IpAddr>,
    /// Whether the connection opened.
    pub connect: Connect,
    /// How long that took, in milliseconds.
    pub connect_ms: u64,
    /// What became of TLS with a proxy that is itself spoken to over TLS.
    #[serde(default)]
    pub proxy_tls: Option<Tls>,
    /// What a proxy said; none without a proxy or a connection to it.
    #[serde(default)]
    pub tunnel: Option<Tunnel>,
    /// What became of TLS; none where it did not come to it.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// What became of the request; none where it did not come to it.
    #[serde(default)]
    pub http: Option<Http>,
}

/// How a host is reached.
#[derive(Clone, Copy, Debug)]
pub enum Via<'a> {
    /// By connecting to it.
    Direct,
    /// By asking a proxy.
    Proxy(Hop<'a>),
}

/// The proxy on the way.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// The name that its own certificate has to be for.
    pub name: &'a str,
    /// The login, where one is configured.
    pub login: Option<&'a Login>,
}

/// What to do at the other end.
pub struct Errand<'a> {
    /// The host's name or address.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// The name that its certificate has to be for.
    pub server_name: &'a str,
    /// What to ask for.
    pub question: Question<'a>,
    /// The authorities to trust.
    pub authorities: Arc<RootCertStore>,
    /// Whom the machine trusts beyond that.
    pub trust: &'a Trust,
    /// How the host is reached.
    pub via: Via<'a>,
    /// When to give up.
    pub deadline: Instant,
}

impl Errand<'_> {
    /// Tries the addresses of one family; a second try begins when half the time is over, or when the first failed in a way
    /// that a lost packet explains. The body of the answer is handed out beside, for what must not be kept.
    pub async fn walk(&self, addresses: &[IpAddr], port: u16) -> Option<(Path, Vec<u8>)> {
        let first_address = *addresses.first()?;
        let second_address = addresses.get(1).copied().unwrap_or(first_address);
        let half = {
            let now = Instant::now();
            now + self.deadline.saturating_duration_since(now) / 2
        };
        let mut first = std::pin::pin!(self.attempt(SocketAddr::new(first_address, port)));
        let early = tokio::select! {
            attempt = &mut first => Some(attempt),
            () = sleep_until(half) => None,
        };
        let path = |tries, (attempt, body)| {
            let family = Family::of(first_address);
            Some((
                Path {
                    family,
                    tries,
                    attempt,
                },
                body,
            ))
        };
        let second = self.attempt(SocketAddr::new(second_address, port));
        match early {
            Some(attempt) if !attempt.0.may_be_a_lost_packet() => path(1, attempt),
            Some(attempt) => path(2, further(attempt, second.await)),
            None => {
                let mut second = std::pin::pin!(second);
                let (one, other) = tokio::select! {
                    one = &mut first => {
                        if one.0.got_an_answer() {
                            return path(2, one);
                        }
                        (one, second.await)
                    }
                    other = &mut second => {
                        if other.0.got_an_answer() {
                            return path(2, other);
                        }
                        (first.await, other)
                    }
                };
                path(2, further(one, other))
            }
        }
    }

    async fn attempt(&self, address: SocketAddr) -> (Attempt, Vec<u8>) {
        let begun = Instant::now();
        let from = connect::source_address(address);
        let (outcome, stream) = connect::connect(address, self.deadline).await;
        let mut attempt = Attempt {
            address,
            from,
            connect: outcome,
            connect_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            proxy_tls: None,
            tunnel: None,
            tls: None,
            http: None,
        };
        let Some(stream) = stream else {
            return (attempt, Vec::new());
        };
        let body = match self.via {
            Via::Direct => self.talk(stream, &mut attempt).await,
            Via::Proxy(hop) if hop.scheme == Scheme::Https => {
                match self.greet(stream, hop, &mut attempt).await {
                    Some(stream) => Box::pin(self.pass(stream, hop, &mut attempt)).await,
                    None => Vec::new(),
                }
            }
            Via::Proxy(hop) => self.pass(stream, hop, &mut attempt).await,
        };
        (attempt, body)
    }

    /// TLS with the proxy itself. A proxy that is not trusted gets neither a login nor the host's name, as with any client.
    async fn greet(
        &self,
        stream: TcpStream,
        hop: Hop<'_>,
        attempt: &mut Attempt,
    ) -> Option<TlsStream<TcpStream>> {
        let terms = Terms {
            authorities: self.trust.store(None),
            organizations: &self.trust.organizations,
            server_name: hop.name,
        };
        let (tls, stream) = tls::handshake(stream, terms, self.deadline).await;
        let is_trusted = tls.trust == Some(TrustVerdict::Trusted);
        attempt.proxy_tls = Some(tls);
        stream.filter(|_| is_trusted)
    }

    /// Asks the proxy for the way, and talks to the host behind it.
    async fn pass<Stream>(&self, mut stream: Stream, hop: Hop<'_>, attempt: &mut Attempt) -> Vec<u8>
    where
        Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (host, port, deadline) = (self.host, self.port, self.deadline);
        let tunnel = match hop.scheme {
            Scheme::Http | Scheme::Https => {
                tunnel::open(&mut stream, host, port, hop.login, deadline).await
            }
            Scheme::Socks5 => socks::open(&mut stream, host, port, hop.login, deadline).await,
            Scheme::Socks => Tunnel::Unsupported {
                what: "SOCKS of a version before 5".into(),
            },
        };
        let is_open = tunnel == Tunnel::Open;
        attempt.tunnel = Some(tunnel);
        if is_open {
            self.talk(stream, attempt).await
        } else {
            Vec::new()
        }
    }

    async fn talk<Stream>(&self, stream: Stream, attempt: &mut Attempt) -> Vec<u8>
    where
        Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let terms = Terms {
            authorities: self.authorities.clone(),
            organizations: &self.trust.organizations,
            server_name: self.server_name,
        };
        let (tls, stream) = tls::handshake(stream, terms, self.deadline).await;
        let is_trusted = tls.trust == Some(TrustVerdict::Trusted);
        attempt.tls = Some(tls);
        let Some(stream) = stream else {
            return Vec::new();
        };
        let question = Question {
            login: self.question.login.filter(|_| is_trusted),
            ..self.question
        };
        let host = match self.port {
            443 => self.host.to_owned(),
            port => format!("{}:{port}", self.host),
        };
        let wanted = Wanted {
            host: &host,
            question,
        };
        let (http, body) = http::request(stream, wanted, self.deadline).await;
        attempt.http = Some(http);
        body
    }
}

/// Of two tries the one that got further; of equal ones the first.
fn further(one: (Attempt, Vec<u8>), other: (Attempt, Vec<u8>)) -> (Attempt, Vec<u8>) {
    if other.0.steps() > one.0.steps() {
        other
    } else {
        one
    }
}

impl Attempt {
    /// Whether the service, or something in its place, answered the request.
    #[must_use]
    pub fn got_an_answer(&self) -> bool {
        self.http
            .as_ref()
            .is_some_and(|http| matches!(http.outcome, HttpOutcome::Answered(_)))
    }

    /// How long connecting, TLS and the answer took together, in milliseconds.
    #[must_use]
    pub fn total_ms(&self) -> u64 {
        let took = |tls: &Option<Tls>| tls.as_ref().map_or(0, |tls| tls.took_ms);
        let http = self.http.as_ref().map_or(0, |http| http.took_ms);
        self.connect_ms
            .saturating_add(took(&self.proxy_tls))
            .saturating_add(took(&self.tls))
            .saturating_add(http)
    }

    /// How far it got.
    fn steps(&self) -> u8 {
        let done = |tls: &Option<Tls>| {
            tls.as_ref()
                .is_some_and(|tls| tls.handshake == Handshake::Done)
        };
        u8::from(self.connect != Connect::Silent)
            + u8::from(self.connect == Connect::Open)
            + u8::from(
                self.tunnel
                    .as_ref()
                    .is_some_and(|tunnel| *tunnel != Tunnel::Silent),
            )
            + u8::from(done(&self.proxy_tls))
            + u8::from(self.tls.is_some())
            + u8::from(done(&self.tls))
            + u8::from(self.got_an_answer())
    }

    /// Whether one lost or misdirected packet would look like this.
    fn may_be_a_lost_packet(&self) -> bool {
        if !matches!(self.connect, Connect::Open) {
            return !matches!(self.connect, Connect::Unreachable { by: None, .. });
        }
        let cut_tunnel = matches!(self.tunnel, Some(Tunnel::Cut { .. } | Tunnel::Silent));
        let cut_tls = [&self.proxy_tls, &self.tls]
            .into_iter()
            .flatten()
            .any(|tls| matches!(tls.handshake, Handshake::Cut(_) | Handshake::Silent));
        let cut_http = self
            .http
            .as_ref()
            .is_some_and(|http| matches!(http.outcome, HttpOutcome::Cut(_) | HttpOutcome::Silent));
        cut_tunnel || cut_tls || cut_http
    }
}
