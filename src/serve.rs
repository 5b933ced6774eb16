//! Answers to whoever asks over HTTP: the last report, kept while the next one is made.

mod systemd;
mod token;

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

pub use token::Token;

/// More clients than this wait until others are done.
const MOST_CLIENTS: usize = 256;

/// A client that has not said what it wants by then is not waited for.
const HEADER_DEADLINE: Duration = Duration::from_secs(5);

/// A client that has not read its answer by then is not waited for.
const CONNECTION_DEADLINE: Duration = Duration::from_secs(30);

/// A request's head is smaller than this.
const LARGEST_HEAD: usize = 16_384;

/// After a failed accept, as where the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// After this many periods without a new report the service is not well.
const STALE_PERIODS: u32 = 3;

/// The service could not begin.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The socket could not be had.
    #[error("{address}: {cause}; --listen names another address and port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// What systemd handed over is no TCP socket.
    #[error(
        "the socket that systemd handed over cannot be used: {0}; its unit needs ListenStream= with an address and port"
    )]
    Handed(io::Error),
    /// The token file could not be used.
    #[error("{0}")]
    Token(String),
}

/// How to serve.
#[derive(Debug)]
pub struct Service {
    /// Address and port, unless systemd hands a socket over.
    pub listen: SocketAddr,
    /// From the beginning of one run to that of the next.
    pub period: Duration,
    /// What clients have to know.
    pub token: Option<Token>,
}

/// One report in the formats that are served.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// For `/metrics`.
    pub metrics: Bytes,
    /// For `/report.json`.
    pub json: Bytes,
    /// For `/report.html`.
    pub html: Bytes,
}

/// The last report and how old it is.
#[derive(Clone, Debug, Default)]
struct Kept {
    answers: Option<Arc<Answers>>,
    made: Option<Instant>,
}

/// Serves until the process ends. `make` makes one report; it is never called while it is still at work, and
/// `tell` hears in words what went wrong.
///
/// # Errors
/// Where there is no socket to listen on.
pub async fn serve<Made>(
    service: Service,
    make: impl Fn() -> Made,
    tell: impl Fn(&str),
) -> Result<(), ServeError>
where
    Made: Future<Output = Result<Answers, String>>,
{
    let listener = listener(service.listen).await?;
    if let Ok(address) = listener.local_addr() {
        tell(&format!("listening on http://{address}"));
        if !address.ip().is_loopback() && service.token.is_none() {
            tell(
                "anybody who reaches this address can read the reports; --token-file asks them for a token",
            );
        }
    }
    let (keeper, kept) = watch::channel(Kept::default());
    let desk = Arc::new(Desk {
        kept,
        token: service.token,
        stale: service.period.saturating_mul(STALE_PERIODS),
    });
    systemd::ready();
    tokio::select! {
        () = make_reports(service.period, make, &tell, &keeper) => {}
        () = accept(&listener, &desk) => {}
        () = systemd::watchdog() => {}
    }
    Ok(())
}

async fn listener(address: SocketAddr) -> Result<TcpListener, ServeError> {
    match systemd::handed_over().map_err(ServeError::Handed)? {
        Some(listener) => Ok(listener),
        None => TcpListener::bind(address)
            .await
            .map_err(|cause| ServeError::Listen { address, cause }),
    }
}

async fn make_reports<Made>(
    period: Duration,
    make: impl Fn() -> Made,
    tell: impl Fn(&str),
    keeper: &watch::Sender<Kept>,
) where
    Made: Future<Output = Result<Answers, String>>,
{
    let mut ticks = interval(period);
    // A run that takes longer than the period is followed by a pause, not by a run that is late already.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match make().await {
            Ok(answers) => {
                keeper.send_replace(Kept {
                    answers: Some(Arc::new(answers)),
                    made: Some(Instant::now()),
                });
            }
            Err(problem) => tell(&format!("this run made no report: {problem}")),
        }
    }
}

async fn accept(listener: &TcpListener, desk: &Arc<Desk>) {
    let seats = Arc::new(Semaphore::new(MOST_CLIENTS));
    loop {
        let Ok(seat) = seats.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let desk = desk.clone();
                tokio::spawn(async move {
                    desk.attend(stream).await;
                    drop(seat);
                });
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// The part of the answers that a path is about.
type Choice = fn(&Answers) -> &Bytes;

/// What every client is answered from.
#[derive(Debug)]
struct Desk {
    kept: watch::Receiver<Kept>,
    token: Option<Token>,
    stale: Duration,
}

impl Desk {
    async fn attend(self: Arc<Self>, stream: TcpStream) {
        let answering = service_fn(move |request: Request<Incoming>| {
            let desk = self.clone();
            async move { Ok::<_, Infallible>(desk.answer(&request)) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_DEADLINE)
            .max_buf_size(LARGEST_HEAD)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), answering);
        // Whether the client was slow, spoke no HTTP or went away: nobody is left to be told.
        let _ = timeout(CONNECTION_DEADLINE, connection).await;
    }

    fn answer<Body>(&self, request: &Request<Body>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n");
            refusal
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refusal;
        }
        let path = request.uri().path();
        if path == "/healthz" {
            return self.health();
        }
        let said = request.headers().get(header::AUTHORIZATION);
        if self.token.as_ref().is_some_and(|token| !token.is_in(said)) {
            let mut refusal = plain(StatusCode::UNAUTHORIZED, "a token is needed\n");
            refusal.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"sesam-doctor\""),
            );
            return refusal;
        }
        let (kind, choose): (_, Choice) = match path {
            "/metrics" => ("text/plain; version=0.0.4; charset=utf-8", |all| {
                &all.metrics
            }),
            "/report.json" => ("application/json", |all| &all.json),
            "/report.html" => ("text/html; charset=utf-8", |all| &all.html),
            _ => {
                return plain(
                    StatusCode::NOT_FOUND,
                    "there are /metrics, /report.json, /report.html and /healthz\n",
                );
            }
        };
        if let Some(answers) = &self.kept.borrow().answers {
            return response(StatusCode::OK, kind, choose(answers).clone());
        }
        let mut later = plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "the first report is being made\n",
        );
        later
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        later
    }

    fn health(&self) -> Response<Full<Bytes>> {
        match self.kept.borrow().made.map(|made| made.elapsed()) {
            Some(age) if age <= self.stale => plain(StatusCode::OK, "ok\n"),
            Some(_) => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "the last report is too old\n",
            ),
            None => plain(StatusCode::SERVICE_UNAVAILABLE, "there is no report yet\n"),
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    response(
        status,
        "text/plain; charset=utf-8",
        Bytes::from_static(text.as_bytes()),
    )
}

fn response(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
