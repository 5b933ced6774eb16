//! Containers, as the engine describes them, without their secrets.

use std::{collections::BTreeMap, net::IpAddr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    answers::{ContainerAnswer, SummaryAnswer},
    logs::printable,
    secrets,
};
use crate::{facts::Observed, redact::Redactor};

/// One container, running or not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Container {
    /// The first twelve digits of its id.
    pub id: String,
    /// Its name, without the slash.
    pub name: String,
    /// The image as it was asked for, as in `traefik:2.11`.
    pub image: String,
    /// What it is doing.
    pub state: State,
    /// Its labels; a secret has no value.
    pub labels: BTreeMap<String, Option<String>>,
    /// What only looking at this one tells.
    pub details: Observed<Details>,
}

/// What a container is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Made, and never started.
    Created,
    /// Running.
    Running,
    /// Running, and frozen.
    Paused,
    /// Ended, and waiting to be started again.
    Restarting,
    /// Being removed.
    Removing,
    /// Ended.
    Exited,
    /// Could not be removed.
    Dead,
    /// Anything else that an engine may say.
    #[default]
    Unknown,
}

impl State {
    fn parse(word: &str) -> Self {
        match word {
            "created" => Self::Created,
            "running" => Self::Running,
            "paused" => Self::Paused,
            "restarting" => Self::Restarting,
            "removing" => Self::Removing,
            "exited" => Self::Exited,
            "dead" => Self::Dead,
            _ => Self::Unknown,
        }
    }

    /// Whether its processes exist.
    #[must_use]
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }
}

/// What only `docker inspect` tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was last started.
    pub started: Option<Timestamp>,
    /// When it last ended.
    pub finished: Option<Timestamp>,
    /// The image as it was asked for when it was made.
    pub image: String,
    /// The id of the image that it was made of.
    pub image_id: String,
    /// How it ended last.
    pub exit_code: i64,
    /// Whether the kernel killed it for want of memory.
    pub oom_killed: bool,
    /// Why the engine could not start it.
    pub error: String,
    /// How often the engine has started it again by itself.
    pub restart_count: u64,
    /// What its own health check says, where it has one.
    pub health: Option<Health>,
    /// `always`, `unless-stopped`, `on-failure` or `no`.
    pub restart_policy: String,
    /// `bridge`, `host`, `none`, or a network's name.
    pub network_mode: String,
    /// The ports of the host that lead to it.
    pub ports: Vec<PublishedPort>,
    /// The program and its arguments, as they run.
    pub command: Vec<String>,
    /// The arguments as they were asked for.
    pub arguments: Vec<String>,
    /// The account it runs as; empty for the image's own.
    pub user: String,
    /// Its environment; a secret has no value.
    pub environment: BTreeMap<String, Option<String>>,
    /// Where its logs go.
    pub log_driver: String,
    /// How, as in `max-size`.
    pub log_options: BTreeMap<String, String>,
    /// Bytes of memory that it may use; zero where it may use all.
    pub memory_limit_bytes: u64,
    /// What is mounted into it.
    pub mounts: Vec<Mount>,
    /// The networks that it is on, and its address there.
    pub networks: BTreeMap<String, Option<IpAddr>>,
    /// The last lines of its log, where something is wrong with it.
    pub last_log_lines: Observed<Vec<String>>,
}

/// What a container's health check says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// `starting`, `healthy` or `unhealthy`.
    pub status: String,
    /// How many failures there were in a row.
    pub failing_streak: u64,
    /// What the last one printed.
    pub last_output: String,
}

/// A port of the host that leads into a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PublishedPort {
    /// The host's address; none for all of them.
    pub address: Option<IpAddr>,
    /// The host's port; none for any that is free.
    pub port: Option<u16>,
    /// The container's port.
    pub target: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
}

/// Something mounted into a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Mount {
    /// `bind`, `volume` or `tmpfs`.
    pub kind: String,
    /// The volume's name, or the path on the host.
    pub source: String,
    /// Where the container sees it.
    pub target: String,
    /// Whether the container may write there.
    pub writable: bool,
}

impl Container {
    /// A label's value.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name)?.as_deref()
    }

    /// The compose project that made it.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.label("com.docker.compose.project")
    }

    /// The service of that project that it is.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.label("com.docker.compose.service")
    }

    /// Whether compose made it of this service, or else it has the service's name.
    #[must_use]
    pub fn is_of_service(&self, name: &str) -> bool {
        match self.service() {
            Some(service) => service == name && !self.is_one_off(),
            None => self.name == name,
        }
    }

    /// Whether it is something that `docker compose run` made and forgot.
    #[must_use]
    pub fn is_one_off(&self) -> bool {
        self.label("com.docker.compose.oneoff") == Some("True")
    }

    pub(in crate::facts) fn of_summary(answer: SummaryAnswer, redactor: &Redactor) -> Self {
        let name = answer
            .names
            .iter()
            // Others are links, `/other/alias`.
            .find(|name| name.matches('/').count() == 1)
            .or(answer.names.first())
            .map(|name| name.trim_start_matches('/').to_owned());
        Self {
            id: answer.id.chars().take(12).collect(),
            name: name.unwrap_or_default(),
            image: answer.image,
            state: State::parse(&answer.state),
            labels: kept(answer.labels, redactor),
            details: Observed::NotAsked,
        }
    }
}

impl Details {
    /// Whether its log is worth reading: it does not run as it should.
    pub(super) fn is_troubled(&self, state: State) -> bool {
        state != State::Running
            || self.restart_count > 0
            || self
                .health
                .as_ref()
                .is_some_and(|health| health.status == "unhealthy")
    }

    pub(in crate::facts) fn of_answer(answer: ContainerAnswer, redactor: &Redactor) -> Self {
        let ContainerAnswer {
            state,
            host_config: host,
            config,
            ..
        } = answer;
        let mut command = vec![answer.path];
        command.extend(answer.args);
        Self {
            created: moment(&answer.created),
            started: moment(&state.started_at),
            finished: moment(&state.finished_at),
            image: config.image,
            image_id: answer.image,
            exit_code: state.exit_code,
            oom_killed: state.oom_killed,
            error: secrets::without_login(&state.error, redactor),
            restart_count: answer.restart_count,
            health: state.health.and_then(|health| {
                let last = health.log.last();
                let output = last.map(|probe| probe.output.lines().next_back().unwrap_or(""));
                (!health.status.is_empty() && health.status != "none").then(|| Health {
                    last_output: printable(output.unwrap_or("")),
                    status: health.status,
                    failing_streak: health.failing_streak,
                })
            }),
            restart_policy: match host.restart_policy.name.as_str() {
                "" => "no".to_owned(),
                name => name.to_owned(),
            },
            network_mode: host.network_mode,
            ports: host
                .port_bindings
                .into_iter()
                .flat_map(|(target, bindings)| {
                    bindings
                        .unwrap_or_default()
                        .into_iter()
                        .filter_map(move |binding| {
                            published(&target, &binding.host_ip, &binding.host_port)
                        })
                })
                .collect(),
            command: secrets::command(&command, redactor),
            arguments: secrets::command(&config.cmd, redactor),
            user: config.user,
            environment: config
                .env
                .iter()
                .map(|variable| {
                    let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
                    (name.to_owned(), secrets::keep(name, value, redactor))
                })
                .collect(),
            log_driver: host.log_config.r#type,
            log_options: kept(host.log_config.config, redactor)
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
            memory_limit_bytes: host.memory,
            mounts: answer
                .mounts
                .into_iter()
                .map(|mount| Mount {
                    source: if mount.r#type == "volume" {
                        mount.name
                    } else {
                        mount.source
                    },
                    kind: mount.r#type,
                    target: mount.destination,
                    writable: mount.writable,
                })
                .collect(),
            networks: answer
                .network_settings
                .networks
                .into_iter()
                .map(|(name, endpoint)| (name, endpoint.address.parse().ok()))
                .collect(),
            last_log_lines: Observed::NotAsked,
        }
    }
}

fn kept(pairs: BTreeMap<String, String>, redactor: &Redactor) -> BTreeMap<String, Option<String>> {
    pairs
        .into_iter()
        .map(|(name, value)| {
            let value = secrets::keep(&name, &value, redactor);
            (name, value)
        })
        .collect()
}

/// The engine writes the year 1 for “never”.
fn moment(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>()
        .ok()
        .filter(|moment| *moment > Timestamp::UNIX_EPOCH)
}

/// `9042/tcp`, `0.0.0.0`, `9042`
fn published(target: &str, address: &str, port: &str) -> Option<PublishedPort> {
    let (target, protocol) = target.split_once('/').unwrap_or((target, "tcp"));
    Some(PublishedPort {
        address: address
            .parse::<IpAddr>()
            .ok()
            .filter(|address| !address.is_unspecified()),
        port: port.parse().ok(),
        target: target.parse().ok()?,
        protocol: protocol.to_owned(),
    })
}
