//! The Docker engine and what it runs. One inspection serves every check.
//!
//! The engine is asked over its socket with hyper and lenient types of our own, and not through a client library: answers
//! are bounded in size while they are read, and any engine from API 1.24 on is understood (`docs/decisions`).

pub(in crate::facts) mod answers;
pub(in crate::facts) mod container;
mod engine;
mod installation;
mod log_stream;
pub(in crate::facts) mod logs;
mod secrets;
mod socket;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Gap, Observed, Site};

pub use container::{Container, Details, Health, Mount, PublishedPort, State};
pub use engine::{Engine, Image, Information};
pub use installation::{DaemonFile, Installation, Malformed, Proxies, program_path};

pub(in crate::facts) use log_stream::send_log;
use socket::{EngineSocket, Trouble};

/// Where the engine listens, unless the environment says otherwise.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// Docker as it is installed, configured and running.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Docker {
    /// The socket that was asked.
    pub socket: PathBuf,
    /// What `DOCKER_HOST` names, where that is no Unix socket and so was not asked.
    pub other_host: Option<String>,
    /// What came of asking.
    pub reach: Reach,
    /// The programs and units that are on the machine.
    pub installation: Observed<Installation>,
    /// `daemon.json`; absent is fine.
    pub daemon_file: Observed<DaemonFile>,
}

/// What came of asking the engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Reach {
    /// It answered.
    Answered {
        /// What it told.
        engine: Box<Engine>,
    },
    /// There is no such socket.
    NoSocket,
    /// The socket is there, and nobody listens on it.
    Refused,
    /// The privileges of this run do not suffice.
    Denied,
    /// It took the question and had not answered by the deadline.
    Silent {
        /// The deadline, in milliseconds.
        waited_ms: u64,
    },
    /// It answered with an error of its own.
    ErrorAnswer {
        /// The HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// Something answered that is not the engine's API.
    Broken {
        /// How.
        how: String,
    },
    /// Nobody asked.
    #[default]
    NotAsked,
}

impl Docker {
    /// What the engine told.
    ///
    /// # Errors
    /// Where it told nothing; `software.docker` says why.
    pub fn engine(&self) -> Result<&Engine, Gap> {
        match &self.reach {
            Reach::Answered { engine } => Ok(engine),
            Reach::Denied => Err(Gap::Denied(format!(
                "asking the Docker engine at {} needs root",
                self.socket.display()
            ))),
            Reach::NotAsked => Err(Gap::NotAsked),
            Reach::Silent { .. } => Err(Gap::TimedOut(
                "the Docker engine did not answer by the deadline".into(),
            )),
            Reach::NoSocket | Reach::Refused => {
                Err(Gap::Failed("the Docker engine does not run".into()))
            }
            Reach::ErrorAnswer { .. } | Reach::Broken { .. } => Err(Gap::Failed(
                "the Docker engine gave no usable answer".into(),
            )),
        }
    }
}

/// Asks the engine, and looks at how it is installed and configured.
pub async fn observe(site: Site) -> Observed<Docker> {
    let (socket, other_host) = chosen_socket(std::env::var("DOCKER_HOST").ok().as_deref());
    let (reach, installation, daemon_file) = tokio::join!(
        reach(&site, &socket),
        installation::observe(&site),
        installation::observe_daemon_file(&site),
    );
    Observed::Seen(Docker {
        socket,
        other_host,
        reach,
        installation,
        daemon_file,
    })
}

/// The socket of `DOCKER_HOST`, or the default and what `DOCKER_HOST` names instead of one.
fn chosen_socket(docker_host: Option<&str>) -> (PathBuf, Option<String>) {
    let default = || PathBuf::from(DEFAULT_SOCKET);
    match docker_host.map(str::trim) {
        None | Some("") => (default(), None),
        Some(host) => match host.strip_prefix("unix://") {
            Some(path) if path.starts_with('/') => (PathBuf::from(path), None),
            _ => (default(), Some(host.to_owned())),
        },
    }
}

async fn reach(site: &Site, path: &Path) -> Reach {
    let socket = EngineSocket::new(path, Instant::now() + site.deadline);
    match engine::observe(&socket, &site.redactor).await {
        Ok(engine) => Reach::Answered {
            engine: Box::new(engine),
        },
        Err(Trouble::NoSocket) => Reach::NoSocket,
        Err(Trouble::Refused) => Reach::Refused,
        Err(Trouble::Denied) => Reach::Denied,
        Err(Trouble::Silent) => Reach::Silent {
            waited_ms: u64::try_from(site.deadline.as_millis()).unwrap_or(u64::MAX),
        },
        Err(Trouble::Status(status, message)) => Reach::ErrorAnswer { status, message },
        Err(Trouble::Broken(how)) => Reach::Broken { how },
    }
}

#[cfg(test)]
mod tests;
