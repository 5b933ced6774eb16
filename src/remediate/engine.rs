//! The Docker engine, asked over its socket by the steps: what it has, whether a login is accepted, and pulling images.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode, body::Bytes, client::conn::http1, header::HeaderValue};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::UnixStream, time::timeout};

use super::{machine::Machine, step::StepError};
use crate::facts::Facts;

/// Where the engine listens, unless the facts say otherwise.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// A list of containers or one inspection stays below this.
const LONGEST_ANSWER: usize = 4_000_000;
/// As much of an error's message as a person wants to read.
const LONGEST_MESSAGE: usize = 400;
/// The engine itself is quick; what asks a registry is given longer by whoever asks.
const SOON: Duration = Duration::from_secs(20);

/// A login for a registry, with its password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// The name by which Docker stores it.
    pub server: String,
    /// The account.
    pub username: String,
    /// Its password.
    pub password: String,
}

/// The engine of this machine.
pub(super) struct Engine<'m> {
    machine: &'m Machine,
    socket: PathBuf,
}

/// One answer.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl<'m> Engine<'m> {
    /// The engine behind a socket.
    pub fn new(machine: &'m Machine, socket: &Path) -> Self {
        Self {
            machine,
            socket: socket.to_path_buf(),
        }
    }

    /// The socket that was observed, or the usual one.
    pub fn socket_of(facts: &Facts) -> PathBuf {
        let observed = facts.docker.seen().ok().map(|docker| docker.socket.clone());
        observed
            .filter(|socket| socket.is_absolute())
            .unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET))
    }

    /// The newest API that it speaks.
    pub fn api_version(&self) -> Result<String, StepError> {
        let version = self.json("/version")?;
        text(&version, "ApiVersion").ok_or_else(|| {
            StepError::Other("the Docker engine does not say its API version".into())
        })
    }

    /// An answer to a question, as JSON.
    pub fn json(&self, target: &str) -> Result<Value, StepError> {
        self.found(target)?
            .ok_or_else(|| StepError::Other(format!("the Docker engine knows no {target}")))
    }

    /// An answer to a question, as JSON; none where there is no such thing.
    pub fn found(&self, target: &str) -> Result<Option<Value>, StepError> {
        let answer = self.ask(Method::GET, target, None, None, SOON)?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => serde_json::from_slice(&answer.body)
                .map(Some)
                .map_err(|error| {
                    StepError::Other(format!(
                        "the Docker engine answered what is not its API: {error}"
                    ))
                }),
            _ => Err(self.refusal(&answer)),
        }
    }

    /// Whether a registry accepts a login, by the way that the engine itself goes to it.
    ///
    /// # Errors
    /// That it does not, or that it cannot be asked, in the engine's words.
    pub fn log_in(&self, login: &Login) -> Result<(), StepError> {
        let body = json!({
            "username": login.username,
            "password": login.password,
            "serveraddress": login.server,
        });
        let answer = self.ask(
            Method::POST,
            "/auth",
            Some(body.to_string()),
            None,
            Duration::from_mins(1),
        )?;
        match answer.status {
            status if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED => Err(StepError::Other(format!(
                "the registry {} does not accept the login of {}: {}",
                login.server,
                login.username,
                message(&answer)
            ))),
            _ => Err(StepError::Other(format!(
                "the registry {} could not be asked about the login of {}: {}",
                login.server,
                login.username,
                self.machine.redactor().text(&message(&answer))
            ))),
        }
    }

    /// The digest that the registry serves for an image.
    pub fn registry_digest(
        &self,
        image: &str,
        login: Option<&Login>,
    ) -> Result<Option<String>, StepError> {
        let target = format!("/distribution/{image}/json");
        let answer = self.ask(Method::GET, &target, None, login, Duration::from_secs(30))?;
        if !answer.status.is_success() {
            return Err(self.refusal(&answer));
        }
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        Ok(said
            .get("Descriptor")
            .and_then(|descriptor| text(descriptor, "digest")))
    }

    /// Pulls an image; `hear` is told each line of progress that the engine writes.
    pub fn pull(
        &self,
        repository: &str,
        tag: &str,
        login: Option<&Login>,
        within: Duration,
        hear: &mut (dyn FnMut(&Value) + Send),
    ) -> Result<(), StepError> {
        let target = format!(
            "/images/create?fromImage={}&tag={}",
            encoded(repository),
            encoded(tag)
        );
        let mut line = Vec::new();
        let mut fault = None;
        let mut take = |bytes: &[u8]| {
            for byte in bytes {
                if *byte != b'\n' {
                    // A line of progress has some hundred bytes.
                    if line.len() < LONGEST_ANSWER {
                        line.push(*byte);
                    }
                    continue;
                }
                if let Ok(said) = serde_json::from_slice::<Value>(&line) {
                    fault = fault.take().or_else(|| text(&said, "error"));
                    hear(&said);
                }
                line.clear();
            }
        };
        let answer = self.stream(Method::POST, &target, None, login, within, &mut take)?;
        take(b"\n");
        if !answer.status.is_success() {
            return Err(self.refusal(&answer));
        }
        match fault {
            None => Ok(()),
            Some(fault) => Err(StepError::Other(format!(
                "{repository}:{tag} could not be pulled: {}",
                self.machine.redactor().text(&shortened(&fault))
            ))),
        }
    }

    fn refusal(&self, answer: &Answer) -> StepError {
        StepError::Other(format!(
            "the Docker engine answered {}: {}",
            answer.status.as_u16(),
            self.machine.redactor().text(&message(answer))
        ))
    }

    fn ask(
        &self,
        method: Method,
        target: &str,
        body: Option<String>,
        login: Option<&Login>,
        within: Duration,
    ) -> Result<Answer, StepError> {
        self.stream(method, target, body, login, within, &mut |_| {})
    }

    /// Asks, tells `take` what comes of a good answer, and keeps its beginning.
    fn stream(
        &self,
        method: Method,
        target: &str,
        body: Option<String>,
        login: Option<&Login>,
        within: Duration,
        take: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Answer, StepError> {
        if !self.machine.is_whole() {
            return Err(StepError::NotHere(
                "the Docker engine is this machine's and not that of --root".into(),
            ));
        }
        let asked = self.exchange(method, target, body, login, take);
        match self.machine.wait(timeout(within, asked)) {
            Ok(answer) => answer,
            Err(_elapsed) => Err(StepError::Other(format!(
                "the Docker engine was not done with {} after {} s",
                target.split('?').next().unwrap_or(target),
                within.as_secs()
            ))),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        target: &str,
        body: Option<String>,
        login: Option<&Login>,
        take: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Answer, StepError> {
        let failed = |error: &dyn std::fmt::Display| {
            StepError::Other(format!(
                "the Docker engine at {} could not be asked: {error}",
                self.socket.display()
            ))
        };
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| failed(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(&error))?;
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(hyper::header::HOST, "docker")
            .header(hyper::header::CONTENT_TYPE, "application/json");
        if let Some(login) = login {
            let header = json!({
                "username": login.username,
                "password": login.password,
                "serveraddress": login.server,
            });
            let mut value = HeaderValue::from_str(&URL_SAFE.encode(header.to_string()))
                .map_err(|error| failed(&error))?;
            value.set_sensitive(true);
            request = request.header("X-Registry-Auth", value);
        }
        let request = request
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(|error| failed(&error))?;
        let answering = async {
            let response = sender
                .send_request(request)
                .await
                .map_err(|error| failed(&error))?;
            let status = response.status();
            let mut body = response.into_body();
            let mut kept = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| failed(&error))?;
                let Some(data) = frame.data_ref() else {
                    continue;
                };
                if status.is_success() {
                    take(data);
                }
                let room = LONGEST_ANSWER.saturating_sub(kept.len());
                kept.extend(data.iter().take(room));
            }
            Ok(Answer { status, body: kept })
        };
        tokio::pin!(answering);
        tokio::pin!(connection);
        tokio::select! {
            answer = &mut answering => answer,
            ended = &mut connection => match ended {
                // What was sent before the end may still be read.
                Ok(()) => answering.await,
                Err(error) => Err(failed(&error)),
            },
        }
    }
}

fn message(answer: &Answer) -> String {
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let words = text(&said, "message")
        .unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned());
    shortened(words.trim())
}

fn shortened(words: &str) -> String {
    let plain: String = words
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(LONGEST_MESSAGE)
        .collect();
    plain
}

/// A member that is a text.
pub(super) fn text(document: &Value, member: &str) -> Option<String> {
    document.get(member)?.as_str().map(ToOwned::to_owned)
}

/// A value of a query.
fn encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Whether a service answers a plain request with a success.
///
/// # Errors
/// How it does not, in words that go on after its path.
pub(super) async fn answers_well(target: &str, path: &str, within: Duration) -> Result<(), String> {
    let asking = async {
        let stream = tokio::net::TcpStream::connect(target)
            .await
            .map_err(|error| format!("cannot be asked: {error}"))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| format!("cannot be asked: {error}"))?;
        let request = Request::get(path)
            .header(hyper::header::HOST, target)
            .body(Full::new(Bytes::new()))
            .map_err(|error| format!("cannot be asked: {error}"))?;
        tokio::pin!(connection);
        let answering = sender.send_request(request);
        tokio::pin!(answering);
        let answer = tokio::select! {
            answer = &mut answering => answer,
            _ = &mut connection => answering.await,
        };
        let status = answer
            .map_err(|error| format!("gives no answer: {error}"))?
            .status();
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("answers {}", status.as_u16()))
        }
    };
    timeout(within, asking)
        .await
        .unwrap_or_else(|_elapsed| Err("does not answer".into()))
}
