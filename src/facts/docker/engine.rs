//! What an engine that answers tells: its version, its settings, its containers, images, networks and volumes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{
    Container, Details, Proxies,
    answers::{
        ContainerAnswer, ImageAnswer, InformationAnswer, NetworkAnswer, SummaryAnswer,
        VersionAnswer, VolumesAnswer,
    },
    logs,
    socket::{EngineSocket, Trouble},
};
use crate::{facts::Observed, redact::Redactor, units::Bytes};

/// The newest API that this code was written against; an older engine is asked in its own.
const NEWEST_API: (u32, u32) = (1, 44);

/// A list of some thousand containers or images stays below this.
const LONGEST_LIST: Bytes = Bytes(4_000_000);
/// One inspection has some ten thousand bytes.
const LONGEST_INSPECTION: Bytes = Bytes(500_000);
/// Twenty lines, unless somebody logs whole documents.
const LONGEST_LOG: Bytes = Bytes(200_000);
/// Lines of a log that are kept.
const LOG_LINES: usize = 20;
/// Containers that are looked at one by one; a Sesam node's microservices are some dozens.
const MOST_INSPECTIONS: usize = 500;
/// Questions at a time.
const AT_ONCE: usize = 8;

/// An engine that answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Engine {
    /// What calls itself so: `Engine`, or `Podman Engine`.
    pub product: String,
    /// Its version, as in `20.10.24+dfsg1`.
    pub version: String,
    /// The newest API it speaks, as in `1.41`.
    pub api_version: String,
    /// The oldest API it speaks.
    pub min_api_version: Option<String>,
    /// Its settings.
    pub information: Observed<Information>,
    /// Its containers, running or not.
    pub containers: Observed<Vec<Container>>,
    /// The names of its networks.
    pub networks: Observed<BTreeSet<String>>,
    /// The names of its volumes.
    pub volumes: Observed<BTreeSet<String>>,
    /// Its images.
    pub images: Observed<Vec<Image>>,
}

/// An engine's settings as they are in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Information {
    /// As in `overlay2`.
    pub storage_driver: String,
    /// Where it keeps its data.
    pub root_directory: String,
    /// Where logs go unless a container says otherwise.
    pub logging_driver: String,
    /// `cgroupfs` or `systemd`.
    pub cgroup_driver: String,
    /// `1` or `2`; empty where the engine is older than the question.
    pub cgroup_version: String,
    /// Whether containers outlive a restart of the engine.
    pub live_restore: bool,
    /// Its proxies, without logins.
    pub proxies: Proxies,
    /// What the engine itself warns about.
    pub warnings: Vec<String>,
}

/// One image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// `sha256:…`
    pub id: String,
    /// As in `traefik:2.11`.
    pub tags: Vec<String>,
    /// What registries know it by, as in `traefik@sha256:…`.
    pub digests: Vec<String>,
    /// When it was built.
    pub created: Option<Timestamp>,
}

/// Asks everything; only where the first question is not answered there is nothing to tell.
pub(super) async fn observe(socket: &EngineSocket, redactor: &Redactor) -> Result<Engine, Trouble> {
    // Without a version in the path every engine understands it.
    let version: VersionAnswer = socket.json("/version", LONGEST_INSPECTION).await?;
    let api = spoken(&version);
    let (information, containers, networks, volumes, images) = tokio::join!(
        information(socket, &api, redactor),
        containers(socket, &api, redactor),
        networks(socket, &api),
        volumes(socket, &api),
        images(socket, &api),
    );
    Ok(Engine {
        product: version
            .components
            .and_then(|components| components.into_iter().next())
            .map(|component| component.name)
            .unwrap_or_default(),
        version: version.version,
        api_version: version.api_version,
        min_api_version: version.min_api_version,
        information,
        containers,
        networks,
        volumes,
        images,
    })
}

/// The newest API that both sides speak.
fn spoken(version: &VersionAnswer) -> String {
    let newest = numbers(&version.api_version).unwrap_or(NEWEST_API);
    let oldest = version.min_api_version.as_deref().and_then(numbers);
    let (major, minor) = newest.min(NEWEST_API).max(oldest.unwrap_or_default());
    format!("/v{major}.{minor}")
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

async fn information(
    socket: &EngineSocket,
    api: &str,
    redactor: &Redactor,
) -> Observed<Information> {
    let answer = socket
        .json::<InformationAnswer>(&format!("{api}/info"), LONGEST_INSPECTION)
        .await;
    match answer {
        Err(trouble) => trouble.observed("its settings"),
        Ok(answer) => Observed::Seen(Information {
            storage_driver: answer.driver,
            root_directory: answer.docker_root_dir,
            logging_driver: answer.logging_driver,
            cgroup_driver: answer.cgroup_driver,
            cgroup_version: answer.cgroup_version,
            live_restore: answer.live_restore_enabled,
            proxies: Proxies::new(
                &answer.http_proxy,
                &answer.https_proxy,
                &answer.no_proxy,
                redactor,
            ),
            warnings: answer.warnings,
        }),
    }
}

async fn containers(
    socket: &EngineSocket,
    api: &str,
    redactor: &Redactor,
) -> Observed<Vec<Container>> {
    let answer = socket
        .json::<Vec<SummaryAnswer>>(&format!("{api}/containers/json?all=1"), LONGEST_LIST)
        .await;
    let summaries = match answer {
        Err(trouble) => return trouble.observed("its containers"),
        Ok(summaries) => summaries,
    };
    let mut looks = JoinSet::new();
    let mut containers = Vec::new();
    for (index, summary) in summaries.into_iter().enumerate() {
        let id = summary.id.clone();
        let mut container = Container::of_summary(summary, redactor);
        if index >= MOST_INSPECTIONS {
            containers.push(container);
            continue;
        }
        // A look that waits for its turn would take as much memory as one that is under way.
        if looks.len() >= AT_ONCE {
            containers.extend(looks.join_next().await.and_then(Result::ok));
        }
        let (socket, api, redactor) = (socket.clone(), api.to_owned(), redactor.clone());
        looks.spawn(crate::defects::inherited(async move {
            container.details = details(&socket, &api, &id, &container, &redactor).await;
            container
        }));
    }
    while let Some(look) = looks.join_next().await {
        // One that panicked is a defect of the doctor, and costs that container only.
        containers.extend(look.ok());
    }
    containers
        .sort_by(|one: &Container, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    Observed::Seen(containers)
}

async fn details(
    socket: &EngineSocket,
    api: &str,
    id: &str,
    container: &Container,
    redactor: &Redactor,
) -> Observed<Details> {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Observed::Failed("the engine named a container by what is no id".into());
    }
    let answer = socket
        .json::<ContainerAnswer>(&format!("{api}/containers/{id}/json"), LONGEST_INSPECTION)
        .await;
    let answer = match answer {
        Err(trouble) => return trouble.observed(&format!("the container {}", container.name)),
        Ok(answer) => answer,
    };
    let tty = answer.config.tty;
    let mut details = Details::of_answer(answer, redactor);
    if details.is_troubled(container.state) {
        let target = format!("{api}/containers/{id}/logs?stdout=1&stderr=1&tail={LOG_LINES}");
        details.last_log_lines = match socket.bytes(&target, LONGEST_LOG).await {
            Err(trouble) => trouble.observed(&format!("the log of {}", container.name)),
            Ok((raw, _whole)) => Observed::Seen(logs::last_lines(&raw, tty, LOG_LINES)),
        };
    }
    Observed::Seen(details)
}

async fn networks(socket: &EngineSocket, api: &str) -> Observed<BTreeSet<String>> {
    match socket
        .json::<Vec<NetworkAnswer>>(&format!("{api}/networks"), LONGEST_LIST)
        .await
    {
        Err(trouble) => trouble.observed("its networks"),
        Ok(answer) => Observed::Seen(answer.into_iter().map(|network| network.name).collect()),
    }
}

async fn volumes(socket: &EngineSocket, api: &str) -> Observed<BTreeSet<String>> {
    match socket
        .json::<VolumesAnswer>(&format!("{api}/volumes"), LONGEST_LIST)
        .await
    {
        Err(trouble) => trouble.observed("its volumes"),
        Ok(answer) => Observed::Seen(
            answer
                .volumes
                .into_iter()
                .map(|volume| volume.name)
                .collect(),
        ),
    }
}

async fn images(socket: &EngineSocket, api: &str) -> Observed<Vec<Image>> {
    match socket
        .json::<Vec<ImageAnswer>>(&format!("{api}/images/json"), LONGEST_LIST)
        .await
    {
        Err(trouble) => trouble.observed("its images"),
        Ok(answer) => Observed::Seen(
            answer
                .into_iter()
                .map(|image| Image {
                    id: image.id,
                    tags: image.repo_tags,
                    digests: image.repo_digests,
                    created: Timestamp::from_second(image.created)
                        .ok()
                        .filter(|moment| *moment > Timestamp::UNIX_EPOCH),
                })
                .collect(),
        ),
    }
}
