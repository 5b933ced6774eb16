//! Bringing the stack up.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use super::{ByHand, Made, command, one};
use crate::{
    checks::{Remedy, name_in},
    facts::stack::project_name,
    profile::{AbsolutePath, Profile},
    remediate::{
        change::{Change, WayBack},
        engine::{Engine, text},
        machine::{Call, Machine},
        step::{Situation, Step, StepError},
    },
};

/// Compose waits for containers to end before it makes them anew.
const UP_WITHIN: Duration = Duration::from_mins(10);

/// The stack of one compose file.
#[derive(Clone)]
pub(super) struct Project {
    file: PathBuf,
    /// What Compose lays over the file by itself where nobody names one.
    laid_over: Option<PathBuf>,
    /// The project's name, where it is not that of its directory.
    name: Option<String>,
    directory: PathBuf,
    socket: PathBuf,
    plugin_directories: Vec<AbsolutePath>,
    services: Vec<String>,
    /// The volumes of the edition's stack, which hold nothing but temporary files.
    temporary: BTreeSet<String>,
}

impl Project {
    /// The stack of a machine; left to a person where Compose is told by name which files make it up, since only who
    /// tells it knows.
    pub(super) fn of(situation: &Situation) -> Result<Self, ByHand> {
        let profile = &situation.facts.profile;
        let stack = situation.facts.stack.seen().ok();
        let found = situation.found_compose_file();
        let file = situation.compose_path();
        let directory = file.parent().unwrap_or(Path::new("/")).to_path_buf();
        let overrides = stack.map_or(&[][..], |stack| &stack.overrides);
        let is_usual = |path: &&PathBuf| {
            let names = &profile.stack.override_files;
            names.iter().any(|name| directory.join(name) == **path)
        };
        if let Some(named) = overrides.iter().find(|path| !is_usual(path)) {
            return Err(ByHand(format!(
                "Compose is told by COMPOSE_FILE or -f to lay {} over {}; do it by hand with the same files",
                named.display(),
                file.display()
            )));
        }
        let is_found_by_compose = profile
            .stack
            .compose_files
            .iter()
            .any(|name| directory.join(name) == file);
        let laid_over = overrides.first().filter(|_| is_found_by_compose);
        let name = found.map(|found| &found.project);
        let name = name.filter(|name| !name.is_empty() && **name != project_name(&directory));
        Ok(Self {
            laid_over: laid_over.cloned(),
            name: name.cloned(),
            file,
            directory,
            socket: Engine::socket_of(situation.facts),
            plugin_directories: profile.software.compose_plugin_directories.clone(),
            services: profile
                .stack
                .services
                .iter()
                .map(|service| name_in(found, service).to_owned())
                .collect(),
            temporary: temporary_volumes(profile),
        })
    }

    /// The services of the edition's stack, as the file calls them.
    pub(super) fn services(&self) -> &[String] {
        &self.services
    }

    /// The words that name this project to Compose.
    fn named(&self) -> Vec<String> {
        let files = [Some(&self.file), self.laid_over.as_ref()];
        let files = files.into_iter().flatten();
        let name = self.name.iter();
        name.flat_map(|name| ["-p".to_owned(), name.clone()])
            .chain(files.flat_map(|file| ["-f".to_owned(), file.display().to_string()]))
            .chain([
                "--project-directory".to_owned(),
                self.directory.display().to_string(),
            ])
            .collect()
    }

    /// What a person would type to tell Compose something about this project.
    pub(super) fn line(&self, words: &[&str]) -> String {
        self.line_of(&["docker", "compose"], words)
    }

    /// The same, with the words that Compose is called by.
    pub(super) fn line_of(&self, compose: &[&str], words: &[&str]) -> String {
        let named = self.named();
        let named = named.iter().map(String::as_str);
        command(
            compose
                .iter()
                .copied()
                .chain(named)
                .chain(words.iter().copied()),
        )
    }

    /// Compose with the words that name this project.
    pub(super) fn call(&self, machine: &Machine, words: &[&str]) -> Result<Call, StepError> {
        let is_plugin = self.plugin_directories.iter().any(|directory| {
            machine
                .root()
                .locate(&directory.join("docker-compose"))
                .is_ok_and(|located| located.is_file())
        });
        let docker = machine.program(&["docker"]).filter(|_| is_plugin);
        let standalone = || machine.program(&["docker-compose"]);
        let (program, first) = match (docker, standalone()) {
            (Some(docker), _) => (docker, Some("compose")),
            (None, Some(compose)) => (compose, None),
            (None, None) => {
                return Err(StepError::NotHere(
                    "neither `docker compose` nor `docker-compose` is on this machine".into(),
                ));
            }
        };
        Ok(Call::new(program)
            .arguments(first)
            .arguments(self.named())
            .arguments(words)
            .variable("HOME", "/root")
            .variable("DOCKER_HOST", format!("unix://{}", self.socket.display()))
            .within(UP_WITHIN))
    }

    /// Its containers by service, as the engine describes them.
    pub(super) fn containers(
        &self,
        machine: &Machine,
    ) -> Result<BTreeMap<String, Value>, StepError> {
        let engine = Engine::new(machine, &self.socket);
        let listed = engine.json("/containers/json?all=1")?;
        let mut containers = BTreeMap::new();
        for summary in listed.as_array().into_iter().flatten() {
            let labels = summary.get("Labels").cloned().unwrap_or_default();
            let Some(service) = text(&labels, "com.docker.compose.service") else {
                continue;
            };
            let is_own = text(&labels, "com.docker.compose.project.working_dir")
                .is_some_and(|directory| Path::new(&directory) == self.directory);
            let Some(id) = text(summary, "Id").filter(|_| is_own) else {
                continue;
            };
            if let Some(details) = engine.found(&format!("/containers/{id}/json"))? {
                containers.insert(service, details);
            }
        }
        Ok(containers)
    }

    /// Whether nothing is lost with the project's volumes; not where that cannot be told.
    fn has_temporary_volumes_only(&self, machine: &Machine) -> bool {
        let names = self
            .call(machine, &["config", "--volumes"])
            .and_then(|call| machine.run(&call));
        names.is_ok_and(|said| {
            said.stdout
                .lines()
                .all(|name| self.temporary.contains(name))
        })
    }

    /// The services that do not run as the file has them, as far as compose itself would tell.
    pub(super) fn differing(&self, machine: &Machine) -> Result<BTreeSet<String>, StepError> {
        let said = machine.run(&self.call(machine, &["config", "--hash", "*"])?)?;
        let containers = self.containers(machine)?;
        let engine = Engine::new(machine, &self.socket);
        let mut differing = BTreeSet::new();
        for line in said.stdout.lines() {
            let Some((service, hash)) = line.split_once(' ') else {
                continue;
            };
            let is_current = match containers.get(service) {
                None => false,
                Some(container) => is_current(container, hash.trim(), &engine)?,
            };
            if !is_current {
                differing.insert(service.to_owned());
            }
        }
        Ok(differing)
    }
}

/// The volumes that the edition's services mount by name.
fn temporary_volumes(profile: &Profile) -> BTreeSet<String> {
    let mounts = profile
        .stack
        .services
        .iter()
        .flat_map(|service| &service.mounts);
    mounts
        .flat_map(|mount| &mount.sources)
        .filter(|source| !source.contains('/'))
        .cloned()
        .collect()
}

/// Whether a container runs, was made from what hashes so, and of the image that its tag names now.
fn is_current(container: &Value, hash: &str, engine: &Engine) -> Result<bool, StepError> {
    let at = |path: &[&str]| {
        path.iter()
            .try_fold(container, |value, member| value.get(member))
    };
    let label = at(&["Config", "Labels", "com.docker.compose.config-hash"]);
    if at(&["State", "Running"]) != Some(&Value::Bool(true))
        || label.and_then(Value::as_str) != Some(hash)
    {
        return Ok(false);
    }
    let Some(image) = at(&["Config", "Image"]).and_then(Value::as_str) else {
        return Ok(true);
    };
    let newest = engine.found(&format!("/images/{image}/json"))?;
    let newest = newest.as_ref().and_then(|image| image.get("Id"));
    Ok(newest.is_none() || newest == at(&["Image"]))
}

/// The step that brings the stack up.
pub(super) fn up(situation: &Situation) -> Made {
    one(Up {
        project: Project::of(situation)?,
    })
}

struct Up {
    project: Project,
}

impl Step for Up {
    fn words(&self) -> String {
        format!("bring the stack of {} up", self.project.file.display())
    }

    fn script(&self) -> Vec<String> {
        vec![self.project.line(&["up", "-d"])]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(!self.project.differing(machine)?.is_empty())
    }

    fn follows_from(&self) -> &'static [Remedy] {
        &[
            Remedy::WriteEnvironment,
            Remedy::WriteComposeFile,
            Remedy::PullImages,
        ]
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let project = &self.project;
        let way_back = if project.containers(machine)?.is_empty() {
            let down: &[&str] = if project.has_temporary_volumes_only(machine) {
                &["down", "--volumes"]
            } else {
                // Those of the customer's own services may be older than this run, and hold data.
                &["down"]
            };
            let call = project.call(machine, down)?;
            WayBack::Program {
                words: "take the stack's containers down again".into(),
                call,
                is_safe: true,
            }
        } else {
            WayBack::None {
                words: format!(
                    "the stack's containers stay as they were made from {}; `docker compose up -d` makes them anew from what the file says then",
                    project.file.display()
                ),
            }
        };
        change.run(&project.call(machine, &["up", "-d"])?.told(), way_back)?;
        Ok(())
    }

    fn verify(&self, machine: &Machine) -> Result<(), StepError> {
        let containers = self.project.containers(machine)?;
        let missing: Vec<&str> = self
            .project
            .services
            .iter()
            .map(String::as_str)
            .filter(|service| !containers.contains_key(*service))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(StepError::NoEffect(format!(
            "there is no container of {}",
            missing.join(", ")
        )))
    }
}
