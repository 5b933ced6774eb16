//! Pulling the stack's images.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use super::{Made, compose::Project, one, registry_login};
use crate::{
    checks::Remedy,
    facts::{
        image_reference::ImageReference,
        stack::{
            compose_file::{Surroundings, read},
            env_file,
        },
    },
    profile::Profile,
    remediate::{
        change::{Change, WayBack},
        engine::{Engine, Login, text},
        machine::Machine,
        step::{Situation, Step, StepError},
    },
};

const LARGEST: u64 = 1_000_000;

/// The step that pulls them.
pub(super) fn make(situation: &Situation) -> Made {
    let profile = situation.facts.profile.clone();
    let compose_file = situation.compose_path();
    one(Pull {
        environment_file: compose_file.with_file_name(&profile.stack.env_file),
        compose_file,
        keeper: registry_login::Keeper::of(situation),
        socket: Engine::socket_of(situation.facts),
        project: Project::of(situation)?,
        profile,
    })
}

struct Pull {
    profile: Profile,
    compose_file: PathBuf,
    environment_file: PathBuf,
    keeper: registry_login::Keeper,
    socket: PathBuf,
    project: Project,
}

/// An image as the compose file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Image {
    repository: String,
    tag: String,
}

impl Image {
    fn parse(reference: &str) -> Self {
        // A colon before the last slash belongs to a registry's port.
        match reference.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') && !repository.contains('@') => Self {
                repository: repository.to_owned(),
                tag: tag.to_owned(),
            },
            _ => match reference.split_once('@') {
                Some((repository, digest)) => Self {
                    repository: repository.to_owned(),
                    tag: digest.to_owned(),
                },
                None => Self {
                    repository: reference.to_owned(),
                    tag: "latest".into(),
                },
            },
        }
    }

    fn reference(&self) -> String {
        let separator = if self.tag.contains(':') { '@' } else { ':' };
        format!("{}{separator}{}", self.repository, self.tag)
    }
}

impl Pull {
    fn images(&self, machine: &Machine) -> Result<Vec<Image>, StepError> {
        let text = |path: &Path| -> Result<String, StepError> {
            let bytes = machine
                .read(path, LARGEST)?
                .ok_or_else(|| StepError::Other(format!("there is no {} yet", path.display())))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let variables = env_file::parse(&text(&self.environment_file)?).variables;
        let surroundings = Surroundings {
            path: self.compose_file.clone(),
            project: "stack".into(),
            project_is_given: true,
            variables: &variables,
            is_secret: &|_| false,
            redactor: machine.redactor(),
        };
        let file = read(&text(&self.compose_file)?, &surroundings);
        let mut images: Vec<Image> = file
            .services
            .values()
            .filter_map(|service| service.image.as_deref())
            .map(Image::parse)
            .collect();
        images.sort_by_key(Image::reference);
        images.dedup();
        Ok(images)
    }

    fn login(&self, machine: &Machine) -> Option<Login> {
        self.keeper.stored(machine, &self.profile)
    }

    fn outdated(&self, machine: &Machine) -> Result<Vec<Image>, StepError> {
        let engine = Engine::new(machine, &self.socket);
        let login = self.login(machine);
        let mut outdated = Vec::new();
        let images = self.images(machine)?.into_iter();
        for image in images.filter(|image| is_of_stack(&self.profile, image)) {
            if is_outdated(&engine, &image, login.as_ref())? {
                outdated.push(image);
            }
        }
        Ok(outdated)
    }
}

/// Whether an image is one of the edition's. Others are the customer's own: Compose fetches or builds what is missing, and
/// when they are renewed the customer decides.
fn is_of_stack(profile: &Profile, image: &Image) -> bool {
    let image = ImageReference::parse(&image.reference());
    let mut services = profile.stack.services.iter();
    services.any(|service| image.is_of(&service.image))
}

/// Whether an image is missing, or the registry has a newer one. Where the registry cannot be asked, what is there will
/// do, as it did until now.
fn is_outdated(engine: &Engine, image: &Image, login: Option<&Login>) -> Result<bool, StepError> {
    let reference = image.reference();
    let Some(local) = engine.found(&format!("/images/{reference}/json"))? else {
        return Ok(true);
    };
    let Ok(Some(digest)) = engine.registry_digest(&reference, login) else {
        return Ok(false);
    };
    let known = local
        .get("RepoDigests")
        .and_then(Value::as_array)
        .is_some_and(|known| {
            known
                .iter()
                .filter_map(Value::as_str)
                .any(|known| known.ends_with(&digest))
        });
    Ok(!known)
}

impl Step for Pull {
    fn words(&self) -> String {
        "pull the stack's images that are missing or outdated".into()
    }

    fn script(&self) -> Vec<String> {
        let compose = ["docker", "--config", &self.keeper.directory(), "compose"];
        vec![self.project.line_of(&compose, &["pull"])]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(!self.outdated(machine)?.is_empty())
    }

    fn follows_from(&self) -> &'static [Remedy] {
        &[Remedy::WriteEnvironment, Remedy::WriteComposeFile]
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let login = self.login(machine);
        let within = Duration::from_secs(self.profile.install.pull_within_seconds.into());
        for image in self.outdated(machine)? {
            let reference = image.reference();
            let way_back = WayBack::None {
                words: format!("the image {reference} stays; it is removed with `docker rmi`"),
            };
            let mut layers = Layers::default();
            change.act(way_back, |machine| {
                Engine::new(machine, &self.socket).pull(
                    &image.repository,
                    &image.tag,
                    login.as_ref(),
                    within,
                    &mut |said| {
                        layers.hear(said);
                        machine
                            .watch()
                            .doing(&format!("{reference}  {}", layers.bar()));
                    },
                )
            })?;
        }
        Ok(())
    }
}

/// How far the layers of an image have come.
#[derive(Debug, Default)]
struct Layers {
    /// Bytes that are there and that there are, by layer.
    downloads: BTreeMap<String, (u64, u64)>,
    complete: u64,
}

impl Layers {
    fn hear(&mut self, said: &Value) {
        let Some(layer) = text(said, "id") else {
            return;
        };
        match text(said, "status").as_deref() {
            Some("Downloading") => {
                let progress = |member: &str| {
                    said.get("progressDetail")
                        .and_then(|detail| detail.get(member))
                        .and_then(Value::as_u64)
                        .unwrap_or(0)
                };
                self.downloads
                    .insert(layer, (progress("current"), progress("total")));
            }
            Some("Download complete" | "Already exists") => {
                if let Some((current, total)) = self.downloads.get_mut(&layer) {
                    *current = *total;
                }
            }
            Some("Pull complete") => self.complete += 1,
            _ => {}
        }
    }

    /// One line: a bar, and figures.
    fn bar(&self) -> String {
        const WIDTH: u64 = 24;
        let (current, total) = self
            .downloads
            .values()
            .fold((0, 0), |(current, total), (one, all)| {
                (current + one, total + all)
            });
        let filled = (current * WIDTH).checked_div(total).unwrap_or(0).min(WIDTH);
        let mark = |count: u64, mark: &str| mark.repeat(usize::try_from(count).unwrap_or(0));
        format!(
            "[{}{}] {:.1} of {:.1} MB, {} layers done",
            mark(filled, "#"),
            mark(WIDTH - filled, "."),
            megabytes(current),
            megabytes(total),
            self.complete
        )
    }
}

#[allow(clippy::cast_precision_loss)]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_taken_apart_and_put_together() {
        for (reference, repository, tag, whole) in [
            ("traefik:v3", "traefik", "v3", "traefik:v3"),
            ("traefik", "traefik", "latest", "traefik:latest"),
            (
                "registry.company.com:5000/sesam/sesam-node:weekly",
                "registry.company.com:5000/sesam/sesam-node",
                "weekly",
                "registry.company.com:5000/sesam/sesam-node:weekly",
            ),
            (
                "registry.company.com:5000/x",
                "registry.company.com:5000/x",
                "latest",
                "registry.company.com:5000/x:latest",
            ),
            (
                "traefik@sha256:00ff",
                "traefik",
                "sha256:00ff",
                "traefik@sha256:00ff",
            ),
        ] {
            let image = Image::parse(reference);
            assert_eq!(
                (image.repository.as_str(), image.tag.as_str()),
                (repository, tag)
            );
            assert_eq!(image.reference(), whole);
        }
    }

    #[test]
    fn progress_is_that_of_all_layers_together() {
        let mut layers = Layers::default();
        assert!(
            layers
                .bar()
                .starts_with("[........................] 0.0 of 0.0 MB")
        );
        for said in [
            json!({"status": "Pulling from library/traefik", "id": "v3"}),
            json!({"status": "Downloading", "id": "a", "progressDetail": {"current": 1_000_000, "total": 4_000_000}}),
            json!({"status": "Downloading", "id": "b", "progressDetail": {"current": 3_000_000, "total": 4_000_000}}),
            json!({"status": "Download complete", "id": "b"}),
            json!({"status": "Pull complete", "id": "b"}),
        ] {
            layers.hear(&said);
        }
        assert_eq!(
            layers.bar(),
            "[###############.........] 5.0 of 8.0 MB, 1 layers done"
        );
    }
}
