//! One question to the engine over its Unix socket: bounded in time and in the size of the answer.
//!
//! A connection for each question: one that hangs then holds up no other.

use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::{
    net::UnixStream,
    sync::mpsc::Sender,
    time::{Instant, timeout_at},
};

use crate::{facts::Observed, units::Bytes as Size};

/// The engine's socket, and until when it is asked.
#[derive(Clone, Debug)]
pub(super) struct EngineSocket {
    path: PathBuf,
    until: Instant,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is no such socket.
    NoSocket,
    /// The socket is there, and nobody listens on it.
    Refused,
    /// The privileges of this run do not suffice.
    Denied,
    /// It was asked, and had not answered by the deadline.
    Silent,
    /// It answered with an error of its own.
    Status(u16, String),
    /// It answered something that is not the engine's API; says what.
    Broken(String),
}

impl Trouble {
    /// What this says about `what`, which only an engine that answers could have told.
    pub(super) fn observed<T>(self, what: &str) -> Observed<T> {
        match self {
            Self::NoSocket | Self::Refused => Observed::Failed(format!(
                "the engine went away while it was asked for {what}"
            )),
            Self::Denied => Observed::Denied(format!("asking the engine for {what} needs root")),
            Self::Silent => {
                Observed::TimedOut(format!("the engine had not told {what} by the deadline"))
            }
            Self::Status(404, _) => Observed::Absent,
            Self::Status(status, message) => Observed::Failed(format!(
                "asked for {what}, the engine answered with the error {status}: {message}"
            )),
            Self::Broken(how) => Observed::Failed(format!("asked for {what}, the engine {how}")),
        }
    }
}

/// As much of an error's message as a person wants to read.
const LONGEST_MESSAGE: usize = 300;

/// As much of an error answer is read.
const LONGEST_COMPLAINT: usize = 10_000;

impl EngineSocket {
    pub(super) fn new(path: &Path, until: Instant) -> Self {
        Self {
            path: path.to_path_buf(),
            until,
        }
    }

    /// Asks for `target`, as in `/v1.24/info`, and reads the answer as JSON of at most `limit`.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        target: &str,
        limit: Size,
    ) -> Result<T, Trouble> {
        let (body, whole) = self.bytes(target, limit).await?;
        if !whole {
            return Err(Trouble::Broken(format!(
                "answered more than {limit}, which was not read"
            )));
        }
        serde_json::from_slice(&body)
            .map_err(|error| Trouble::Broken(format!("answered what is not its API: {error}")))
    }

    /// Asks for `target`; the answer's first `limit` bytes, and whether that was all.
    pub(super) async fn bytes(
        &self,
        target: &str,
        limit: Size,
    ) -> Result<(Vec<u8>, bool), Trouble> {
        match timeout_at(self.until, self.ask(target, limit)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(Trouble::Silent),
        }
    }

    async fn ask(&self, target: &str, limit: Size) -> Result<(Vec<u8>, bool), Trouble> {
        let mut content = Vec::new();
        let most = usize::try_from(limit.0).unwrap_or(usize::MAX);
        let mut whole = true;
        let taken = self
            .each(target, None, |data| {
                let room = most.saturating_sub(content.len());
                content.extend(data.iter().take(room));
                whole = data.len() <= room;
                if whole {
                    ControlFlow::Continue(Vec::new())
                } else {
                    ControlFlow::Break(())
                }
            })
            .await;
        taken.map(|()| (content, whole))
    }

    /// Asks for `target`, and hands over the answer piece by piece as long as more is wanted; what is made of a piece is
    /// passed on. Has no deadline of its own.
    pub(super) async fn each(
        &self,
        target: &str,
        pass_on: Option<&Sender<Vec<u8>>>,
        mut take: impl FnMut(&[u8]) -> ControlFlow<(), Vec<u8>>,
    ) -> Result<(), Trouble> {
        let stream = UnixStream::connect(&self.path)
            .await
            .map_err(|error| unconnected(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        let request = Request::get(target)
            .header(hyper::header::HOST, "docker")
            .body(Empty::<Bytes>::new())
            .map_err(|error| Trouble::Broken(format!("could not be asked: {error}")))?;
        // The connection is driven beside the question and dropped with it.
        let answer = async {
            let response = sender
                .send_request(request)
                .await
                .map_err(|error| broken(&error))?;
            let status = response.status();
            let mut body = response.into_body();
            let mut complaint = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| broken(&error))?;
                let Some(data) = frame.data_ref() else {
                    continue;
                };
                if !status.is_success() {
                    complaint.extend(data.iter().take(LONGEST_COMPLAINT - complaint.len()));
                    continue;
                }
                let ControlFlow::Continue(piece) = take(data) else {
                    break;
                };
                if let Some(pass_on) = pass_on
                    && pass_on.send(piece).await.is_err()
                {
                    break;
                }
            }
            if status.is_success() {
                Ok(())
            } else {
                Err(Trouble::Status(status.as_u16(), message(&complaint)))
            }
        };
        tokio::pin!(answer);
        tokio::pin!(connection);
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            ended = &mut connection => match ended {
                Err(error) => Err(broken(&error)),
                // It closed after its answer, which is still to be read.
                Ok(()) => answer.await,
            },
        }
    }
}

fn unconnected(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Trouble::NoSocket,
        io::ErrorKind::PermissionDenied => Trouble::Denied,
        io::ErrorKind::ConnectionRefused => Trouble::Refused,
        // The queue of those who wait to be accepted is full.
        io::ErrorKind::WouldBlock => Trouble::Silent,
        _ => Trouble::Broken(format!("could not be connected to: {error}")),
    }
}

fn broken(error: &hyper::Error) -> Trouble {
    Trouble::Broken(if error.is_parse() {
        "answered what is not HTTP".to_owned()
    } else {
        format!("broke off: {error}")
    })
}

/// The words of an error answer, `{"message": …}` or plain text.
fn message(content: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Told {
        message: String,
    }
    let text = match serde_json::from_slice::<Told>(content) {
        Ok(told) => told.message,
        Err(_) => String::from_utf8_lossy(content).into_owned(),
    };
    text.trim().chars().take(LONGEST_MESSAGE).collect()
}
