//! Container registries: the logins that are stored for them, and what they say to those and of the stack's images.
//!
//! Nothing is pulled: a login is tried at the registry's token endpoint, and of an image only the head of its manifest is asked
//! for, which Docker Hub does not count as a pull.

mod ask;
mod challenge;
mod credential;
mod helper;
pub(in crate::facts) mod login_file;
mod words;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{Instant, timeout},
};

pub use credential::is_stored_for;
pub use login_file::{Login, LoginContent, LoginFile};

use self::{
    ask::Asker,
    credential::{Credential, Keys},
};
use super::{
    Observed, Site, docker::Docker, image_reference::ImageReference, outbound, stack::Stack,
};
use crate::profile::Profile;

/// More logins than anybody has on one machine.
const MOST_LOGINS: usize = 8;
/// More images than a stack has.
const MOST_IMAGES: usize = 16;

/// The logins that are stored, and what registries say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegistryLogins {
    /// Each place that was looked at; the accounts that run compose first.
    pub files: Vec<LoginFile>,
    /// The registry that the node's image comes from, as in `docker.io`; empty in an older recording.
    pub registry: String,
    /// What that registry said to each login for it; not asked offline.
    pub answers: Observed<Vec<LoginAnswer>>,
    /// What the registries serve for the stack's images; not asked offline.
    pub images: Observed<Vec<ImageAnswer>>,
}

/// What a registry said to a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginAnswer {
    /// The file that the login stands in, or that names its helper.
    pub file: PathBuf,
    /// What came of it; nothing where the login was accepted.
    pub trouble: Option<Trouble>,
}

/// What a registry serves for the image of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageAnswer {
    /// The service's name.
    pub service: String,
    /// The image as it is asked for, as in `traefik:v2.11`.
    pub image: String,
    /// The file with the login that was used; none where it was asked without any.
    pub login: Option<PathBuf>,
    /// The digest of what the tag names now.
    pub digest: Option<String>,
    /// What came of asking, where there is no digest.
    pub trouble: Option<Trouble>,
    /// What is left of the registry's limit, in its own words, as in `76;w=21600`.
    pub limit_left: Option<String>,
    /// The limit itself.
    pub limit: Option<String>,
}

/// Why a registry did not give what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Trouble {
    /// The way there is not open.
    NoWay {
        /// What was seen on it.
        how: String,
    },
    /// This machine does not trust its certificate, so that no login was sent to it.
    Untrusted {
        /// Whose certificate, and why.
        how: String,
    },
    /// It wants another login, or any.
    Unauthorized {
        /// The host that said so.
        by: String,
    },
    /// It knows no such image.
    NotFound,
    /// It was asked too often.
    RateLimited {
        /// The host that said so.
        by: String,
        /// When it may be asked again, in its own words.
        retry_after: Option<String>,
    },
    /// It has trouble of its own.
    ServiceError {
        /// The host that said so.
        by: String,
        /// The HTTP status.
        status: u16,
    },
    /// It answered what no registry answers.
    Unexpected {
        /// What.
        how: String,
    },
    /// The login is of a kind that is not tried.
    NotTried {
        /// Which.
        why: String,
    },
}

/// The image of one of the stack's services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackImage {
    /// The service's name.
    pub service: String,
    /// The image, as in `sesam/sesam-node:weekly-prod`.
    pub image: String,
}

impl StackImage {
    /// The images of the stack's services: as its containers run them, else as the compose file has them.
    #[must_use]
    pub fn of(profile: &Profile, docker: Option<&Docker>, stack: Option<&Stack>) -> Vec<Self> {
        let containers = docker
            .and_then(|docker| docker.engine().ok())
            .and_then(|engine| engine.containers.seen().ok())
            .map(Vec::as_slice)
            .unwrap_or_default();
        let file = stack.and_then(Stack::compose_file);
        let image_of = |name: &str| {
            let container = containers
                .iter()
                .find(|container| container.is_of_service(name));
            let running = container.and_then(|container| {
                let details = container.details.seen().ok()?;
                Some(details.image.clone()).filter(|image| !image.is_empty())
            });
            let written = || file?.services.get(name)?.image.clone();
            running.or_else(written)
        };
        profile
            .stack
            .services
            .iter()
            .filter_map(|service| {
                Some(Self {
                    image: image_of(&service.name)?,
                    service: service.name.clone(),
                })
            })
            .take(MOST_IMAGES)
            .collect()
    }
}

/// Looks at every place where a login for this machine's stack can be, and asks the registries.
pub async fn observe(
    site: Site,
    images: oneshot::Receiver<Vec<StackImage>>,
) -> Observed<RegistryLogins> {
    let until = Instant::now() + site.deadline;
    let (mut files, images) = tokio::join!(
        login_file::read_all(&site),
        timeout(site.deadline / 2, images)
    );
    // Where nobody tells in time, the logins are looked at all the same.
    let images = images.ok().and_then(Result::ok).unwrap_or_default();
    let home = home_registry(&site.profile, &images);
    let registries: BTreeSet<String> = images
        .iter()
        .map(|image| ImageReference::parse(&image.image).registry().to_owned())
        .chain([home.clone()])
        .collect();
    let keys = Keys::new(&site.profile);
    helper::ask_all(&site, &keys, &registries, &mut files, until).await;
    let (answers, images) = if site.offline {
        (Observed::NotAsked, Observed::NotAsked)
    } else {
        let prober = outbound::prepare(&site, until).await;
        let asker = Arc::new(Asker::new(prober, &site));
        let (answers, images) = tokio::join!(
            try_logins(&asker, &keys, &home, &files),
            ask_images(&asker, &keys, images, &files)
        );
        (Observed::Seen(answers), Observed::Seen(images))
    };
    Observed::Seen(RegistryLogins {
        files: files.into_iter().map(|read| read.file).collect(),
        registry: home,
        answers,
        images,
    })
}

/// Where the node's image comes from: the service whose port must stay private is the node.
fn home_registry(profile: &Profile, images: &[StackImage]) -> String {
    let services = &profile.stack.services;
    let node = services
        .iter()
        .find(|service| !service.private_ports.is_empty());
    let image = node
        .and_then(|node| images.iter().find(|image| image.service == node.name))
        .map(|image| image.image.as_str())
        .or(node.map(|node| node.image.as_str()));
    ImageReference::parse(image.unwrap_or_default())
        .registry()
        .to_owned()
}

async fn try_logins(
    asker: &Arc<Asker>,
    keys: &Keys,
    registry: &str,
    files: &[login_file::Read],
) -> Vec<LoginAnswer> {
    let mut trying = JoinSet::new();
    for (index, read) in files.iter().enumerate().take(MOST_LOGINS) {
        if let Some(credential) = keys.find(registry, read) {
            let (asker, registry) = (Arc::clone(asker), registry.to_owned());
            let file = read.file.path.clone();
            trying.spawn(crate::defects::inherited(async move {
                let trouble = asker.try_login(&registry, &credential).await.err();
                (index, LoginAnswer { file, trouble })
            }));
        }
    }
    in_order(trying).await
}

async fn ask_images(
    asker: &Arc<Asker>,
    keys: &Keys,
    images: Vec<StackImage>,
    files: &[login_file::Read],
) -> Vec<ImageAnswer> {
    let mut asking = JoinSet::new();
    for (index, image) in images.into_iter().enumerate() {
        let reference = ImageReference::parse(&image.image);
        let login: Option<(PathBuf, Credential)> = files.iter().find_map(|read| {
            let credential = keys.find(reference.registry(), read)?;
            Some((read.file.path.clone(), credential))
        });
        let asker = Arc::clone(asker);
        asking.spawn(crate::defects::inherited(async move {
            (index, asker.image(image, &reference, login).await)
        }));
    }
    in_order(asking).await
}

/// What came of all of them, in the order in which they were begun. One that panicked is a defect of the doctor, and costs itself only.
async fn in_order<T: 'static>(mut looks: JoinSet<(usize, T)>) -> Vec<T> {
    let mut found = Vec::new();
    while let Some(looked) = looks.join_next().await {
        found.extend(looked.ok());
    }
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, what)| what).collect()
}

#[cfg(test)]
mod tests;
