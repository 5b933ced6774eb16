//! The node as its clients see it: its API wherever it can be reached, and the stack trace that it leaves when unwell.

mod answer;
mod license_answer;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use answer::{Answer, Reply};
use answer::{Target, get};
pub use license_answer::NodeLicense;

use super::{Observed, Root, Site, bounded, certificates::ServerName, read_text};
use crate::{redact::Redactor, units::Bytes};

/// A token has some thousand characters.
const LARGEST_TOKEN: Bytes = Bytes(16_000);

/// What the first wave knows of the way to the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeWhereabouts {
    /// `NODE_DOMAIN`, by which Traefik routes to the node.
    pub node_domain: Option<String>,
    /// The address of the node's container, where Docker was asked.
    pub container: Option<IpAddr>,
}

/// The node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The ways to its API and what came back on each; not asked offline.
    #[serde(default)]
    pub places: Observed<Vec<Place>>,
    /// Whether there is a token to ask with.
    #[serde(default)]
    pub token: Observed<()>,
    /// The stack trace in the logs directory.
    #[serde(default)]
    pub stacktrace: Observed<Stacktrace>,
}

/// One way to the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which way it is.
    pub way: Way,
    /// The beginning of its addresses, as in `http://127.0.0.1:9042`.
    pub url: String,
    /// What `/api/ping` said.
    pub ping: Answer,
    /// What `/api/health` said.
    pub health: Answer,
    /// What `/api/license` said.
    pub license: Answer,
    /// What that meant, where it was an answer of the node's.
    #[serde(default)]
    pub license_says: Option<NodeLicense>,
}

/// The ways to the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The port that Docker publishes on the machine (2023 edition).
    Published,
    /// The container's own address.
    Container,
    /// Traefik, as clients come.
    Traefik,
}

impl Way {
    /// The way in words, as in “by …”.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Published => "the published port",
            Self::Container => "the container's address",
            Self::Traefik => "Traefik",
        }
    }
}

/// The file that the node writes when its own health check fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stacktrace {
    /// Where it is.
    pub path: PathBuf,
    /// When it was written.
    pub modified: Timestamp,
    /// Its size.
    pub size_bytes: Bytes,
}

/// Looks at it.
pub async fn observe(site: Site, whereabouts: NodeWhereabouts) -> Observed<Node> {
    let trace_path = site
        .profile
        .layout
        .logs_dir
        .join(&site.profile.node.stacktrace_file);
    let root = site.root.clone();
    let what = trace_path.display().to_string();
    let trace = bounded(site.deadline, what, move || stacktrace(&root, trace_path));
    let ask = async {
        let (token, known) = token(&site).await;
        let places = if site.offline {
            Observed::NotAsked
        } else {
            let targets = targets(&site, &whereabouts);
            Observed::Seen(ask_all(targets, token, site.deadline, &site.redactor).await)
        };
        (places, known)
    };
    let (stacktrace, (places, token)) = tokio::join!(trace, ask);
    Observed::Seen(Node {
        places,
        token,
        stacktrace,
    })
}

async fn token(site: &Site) -> (Option<String>, Observed<()>) {
    let Some(path) = site.settings.node_token_file.clone() else {
        return (None, Observed::Absent);
    };
    let (root, redactor) = (site.root.clone(), site.redactor.clone());
    let what = path.display().to_string();
    let read = bounded(site.deadline, what.clone(), move || {
        match read_text(&root, &path, LARGEST_TOKEN) {
            Ok(text) => {
                let token = text.trim().to_owned();
                redactor.learn(&token);
                if token.is_empty() {
                    Observed::Failed(format!("{what} is empty"))
                } else {
                    Observed::Seen(token)
                }
            }
            // Somebody named a file that is not there, which is not the same as having named none.
            Err(problem) => match Observed::from_problem(&problem, &what) {
                Observed::Absent => Observed::Failed(format!("{what} does not exist")),
                other => other,
            },
        }
    })
    .await;
    match read {
        Observed::Seen(token) => (Some(token), Observed::Seen(())),
        other => (None, other.map(|_| ())),
    }
}

/// All of them are on this machine, so a token that is sent leaves it by none.
fn targets(site: &Site, whereabouts: &NodeWhereabouts) -> Vec<(Way, Target)> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let port = site.profile.node.port;
    let plain = |address: IpAddr| {
        let address = SocketAddr::new(address, port);
        Target {
            address,
            tls_name: None,
            host: address.to_string(),
        }
    };
    let mut targets = vec![(Way::Published, plain(loopback))];
    if let Some(container) = whereabouts.container {
        targets.push((Way::Container, plain(container)));
    }
    let name = whereabouts
        .node_domain
        .as_deref()
        .and_then(ServerName::read);
    if let Some(name) = name {
        targets.push((
            Way::Traefik,
            Target {
                address: SocketAddr::new(loopback, site.profile.certificates.port),
                tls_name: Some(name.to_string()),
                host: name.to_string(),
            },
        ));
    }
    targets
}

async fn ask_all(
    targets: Vec<(Way, Target)>,
    token: Option<String>,
    limit: Duration,
    redactor: &Redactor,
) -> Vec<Place> {
    let mut asking = tokio::task::JoinSet::new();
    for (way, target) in targets {
        let (token, redactor) = (token.clone(), redactor.clone());
        asking.spawn(crate::defects::inherited(async move {
            ask(way, &target, token.as_deref(), limit, &redactor).await
        }));
    }
    let mut places = asking.join_all().await;
    places.sort_by_key(|place| place.way);
    places
}

async fn ask(
    way: Way,
    target: &Target,
    token: Option<&str>,
    limit: Duration,
    redactor: &Redactor,
) -> Place {
    let (ping, health, license) = tokio::join!(
        get(target, "/api/ping", None, limit),
        get(target, "/api/health", None, limit),
        get(target, "/api/license", token, limit),
    );
    let scheme = if target.tls_name.is_some() {
        "https"
    } else {
        "http"
    };
    Place {
        way,
        url: format!("{scheme}://{}", target.host),
        ping: with_excerpt(ping, redactor),
        health: with_excerpt(health, redactor),
        license_says: NodeLicense::read(&license.body),
        // The body is not shown: it may carry the license.
        license: license.answer,
    }
}

fn with_excerpt(got: answer::Got, redactor: &Redactor) -> Answer {
    const LONGEST: usize = 300;
    let mut answer = got.answer;
    if let Answer::Answered(reply) = &mut answer {
        // Redacted before it is cut, since half a secret is not recognised any more.
        let text = String::from_utf8_lossy(&got.body);
        let clean = redactor.text(&text);
        let excerpt: String = clean
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(LONGEST)
            .collect();
        let excerpt = excerpt.trim();
        reply.excerpt = (!excerpt.is_empty()).then(|| excerpt.to_owned());
    }
    answer
}

fn stacktrace(root: &Root, path: PathBuf) -> Observed<Stacktrace> {
    let what = path.display().to_string();
    match status_of(root, &path) {
        Ok(status) => {
            let seconds = status.st_mtime;
            let Ok(modified) = Timestamp::from_second(seconds) else {
                return Observed::Failed(format!("{what} has an impossible time of change"));
            };
            Observed::Seen(Stacktrace {
                path,
                modified,
                size_bytes: Bytes(u64::try_from(status.st_size).unwrap_or(0)),
            })
        }
        Err(error) => Observed::from_error(&error, &what),
    }
}

fn status_of(root: &Root, path: &Path) -> std::io::Result<rustix::fs::Stat> {
    let located = root.locate(path)?;
    rustix::fs::stat(&located).map_err(Into::into)
}
