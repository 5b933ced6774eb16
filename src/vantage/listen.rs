//! `listen`: answers on the inbound ports that nothing holds, so that a probe can show whether others get through.

use std::{
    collections::BTreeSet,
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use nix::sys::socket::{setsockopt, sockopt};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use super::{
    events::{Ending, Event, Visit},
    token::{Token, TokenError},
    visitor::Host,
};
use crate::{
    facts::listeners::{self, Listener},
    profile::Profile,
};

/// Visitors at a time; who comes beyond that is sent away at once.
const MOST_VISITORS: usize = 32;
/// Visits that are shown.
const MOST_SHOWN: usize = 1_000;
/// Connections that wait to be taken.
const BACKLOG: u32 = 64;
/// After a probe has come to every port, it may still be under way at other addresses.
const AFTERWARDS: Duration = Duration::from_secs(3);
/// A pause after a connection could not be taken, as when all file descriptors are used up.
const PAUSE: Duration = Duration::from_millis(100);

/// What to listen on, and for how long.
#[derive(Clone, Debug)]
pub struct Order {
    /// The ports.
    pub ports: BTreeSet<u16>,
    /// How long, at most.
    pub duration: Duration,
    /// The limit for finding out who holds a port.
    pub timeout: Duration,
}

/// Why listening could not begin.
#[derive(Debug, Error)]
pub enum ListenError {
    /// A port cannot be bound for another reason than that it is held.
    #[error("port {port} could not be listened on: {cause}{}", hint(cause))]
    Bind {
        /// The port.
        port: u16,
        /// Why.
        cause: io::Error,
    },
    /// No token could be made.
    #[error("no token could be made: {0}")]
    Token(#[from] TokenError),
    /// No certificate could be made.
    #[error("no certificate could be made: {0}")]
    Certificate(String),
    /// Nobody hears.
    #[error("what happens could not be said: {0}")]
    Say(io::Error),
}

fn hint(cause: &io::Error) -> &'static str {
    if cause.kind() == io::ErrorKind::PermissionDenied {
        "; ports below 1024 need root (sudo sesam-doctor listen)"
    } else {
        ""
    }
}

/// Listens until a probe that knows the token came to every port, or the time is over; returns the exit code.
///
/// # Errors
/// Where listening could not begin, or nobody hears what happens.
pub async fn listen<Saying>(
    order: Order,
    profile: &Profile,
    say: impl Fn(Event) -> Saying,
) -> Result<u8, ListenError>
where
    Saying: Future<Output = io::Result<()>>,
{
    let token = Token::generate()?;
    let host = Arc::new(host(token.clone(), profile)?);
    let bound = bind_all(&order, &say).await?;
    let tell = async |event| say(event).await.map_err(ListenError::Say);
    if bound.listeners.is_empty() {
        let exit_code = 2;
        tell(Event::Ended {
            reason: Ending::NothingFree,
            visits: 0,
            probed: Vec::new(),
            not_probed: Vec::new(),
            exit_code,
        })
        .await?;
        return Ok(exit_code);
    }
    let end = Instant::now() + order.duration;
    tell(Event::Begun {
        token: token.reveal().to_owned(),
        until: later(order.duration),
    })
    .await?;
    // Dropped at the end, and everybody who is still being received with it.
    let mut receiving = JoinSet::new();
    let (report, mut visits) = mpsc::channel(MOST_VISITORS);
    let room = Arc::new(Semaphore::new(MOST_VISITORS));
    let ports: BTreeSet<u16> = bound.listeners.iter().map(|(port, _)| *port).collect();
    for (_, listener) in bound.listeners {
        receiving.spawn(receive(
            listener,
            host.clone(),
            room.clone(),
            report.clone(),
        ));
    }
    let mut seen = Seen::default();
    let mut until = end;
    loop {
        tokio::select! {
            Some(visit) = visits.recv() => {
                seen.note(&visit);
                match seen.count {
                    ..=MOST_SHOWN => tell(Event::Visit(visit)).await?,
                    count if count == MOST_SHOWN + 1 => tell(Event::TooMany { shown: MOST_SHOWN }).await?,
                    _ => {}
                }
                if seen.probed == ports {
                    until = end.min(Instant::now() + AFTERWARDS);
                }
            }
            () = sleep_until(until) => break,
        }
    }
    let not_probed: Vec<u16> = ports.difference(&seen.probed).copied().collect();
    let is_complete = not_probed.is_empty();
    let exit_code = u8::from(!is_complete || bound.some_held);
    tell(Event::Ended {
        reason: if is_complete {
            Ending::Probed
        } else {
            Ending::TimeOver
        },
        visits: seen.count,
        probed: seen.probed.into_iter().collect(),
        not_probed,
        exit_code,
    })
    .await?;
    Ok(exit_code)
}

fn later(duration: Duration) -> Timestamp {
    let now = Timestamp::now();
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| now.checked_add(duration).ok())
        .unwrap_or(now)
}

/// Who came so far.
#[derive(Default)]
struct Seen {
    count: usize,
    probed: BTreeSet<u16>,
}

impl Seen {
    fn note(&mut self, visit: &Visit) {
        self.count = self.count.saturating_add(1);
        if visit.deed == super::events::Deed::Probed {
            self.probed.insert(visit.to.port());
        }
    }
}

/// A certificate of its own for this run, so that one that arrives elsewhere shows what lies between.
fn host(token: Token, profile: &Profile) -> Result<Host, ListenError> {
    let wrong = |error: &dyn std::fmt::Display| ListenError::Certificate(error.to_string());
    let key = rcgen::KeyPair::generate().map_err(|error| wrong(&error))?;
    let mut parameters = rcgen::CertificateParams::new(vec!["listen.sesam-doctor.invalid".into()])
        .map_err(|error| wrong(&error))?;
    let mut name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::CommonName, "sesam-doctor listen");
    parameters.distinguished_name = name;
    let certificate = parameters
        .self_signed(&key)
        .map_err(|error| wrong(&error))?;
    let der = certificate.der().clone();
    let fingerprint = HEXLOWER.encode(&Sha256::digest(&der));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_no_client_auth()
        .with_single_cert(vec![der], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .map_err(|error| wrong(&error))?;
    Ok(Host {
        token,
        challenge_path: profile.vantage.challenge_path.clone(),
        acceptor: TlsAcceptor::from(Arc::new(config)),
        fingerprint,
    })
}

/// The ports that could be bound.
struct Bound {
    listeners: Vec<(u16, TcpListener)>,
    some_held: bool,
}

async fn bind_all<Saying>(
    order: &Order,
    say: &impl Fn(Event) -> Saying,
) -> Result<Bound, ListenError>
where
    Saying: Future<Output = io::Result<()>>,
{
    let mut bound = Bound {
        listeners: Vec::new(),
        some_held: false,
    };
    for port in order.ports.iter().copied() {
        match bind(port) {
            Ok(listeners) => {
                let addresses = listeners
                    .iter()
                    .filter_map(|listener| Some(listener.local_addr().ok()?.ip()))
                    .collect();
                bound
                    .listeners
                    .extend(listeners.into_iter().map(|listener| (port, listener)));
                say(Event::Listening { port, addresses })
                    .await
                    .map_err(ListenError::Say)?;
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                bound.some_held = true;
                let by = holders(port, order.timeout).await;
                say(Event::Held { port, by })
                    .await
                    .map_err(ListenError::Say)?;
            }
            Err(cause) => return Err(ListenError::Bind { port, cause }),
        }
    }
    Ok(bound)
}

/// Binds a port on all addresses of both families, or on none: what is held in part is held.
fn bind(port: u16) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in [
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    ] {
        match bind_one(SocketAddr::new(address, port)) {
            Ok(listener) => listeners.push(listener),
            // A machine without IPv6 is well, too.
            Err(error) if address.is_ipv6() && lacks_family(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(listeners)
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    if address.is_ipv6() {
        setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    }
    // Only lets a second run follow upon the first; whoever listens keeps the port all the same.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn lacks_family(error: &io::Error) -> bool {
    use nix::errno::Errno;
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL)
    )
}

/// Who holds a port, each in a few words.
async fn holders(port: u16, timeout: Duration) -> Vec<String> {
    let observed = listeners::holders([port].into(), timeout).await;
    let by: Vec<String> = observed
        .seen()
        .map(|listeners| listeners.sockets.iter().map(in_words).collect())
        .unwrap_or_default();
    if by.is_empty() {
        return vec!["somebody who cannot be seen from here".into()];
    }
    by
}

fn in_words(socket: &Listener) -> String {
    match &socket.holder {
        Some(holder) => format!(
            "{} (pid {}) at {}",
            holder.command, holder.pid, socket.address
        ),
        None => format!("somebody at {} (who needs root to be seen)", socket.address),
    }
}

/// Takes connections for as long as it is let.
async fn receive(
    listener: TcpListener,
    host: Arc<Host>,
    room: Arc<Semaphore>,
    report: mpsc::Sender<Visit>,
) {
    let mut visitors = JoinSet::new();
    loop {
        tokio::select! {
            taken = listener.accept() => match taken {
                Ok((stream, from)) => {
                    // Beyond that many at a time the connection is closed, which says enough.
                    let Ok(place) = room.clone().try_acquire_owned() else { continue };
                    let (host, report) = (host.clone(), report.clone());
                    visitors.spawn(async move {
                        if let Some(visit) = host.receive(stream, from).await {
                            // Once listening is over nobody hears.
                            let _ = report.send(visit).await;
                        }
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = visitors.join_next() => {}
        }
    }
}
