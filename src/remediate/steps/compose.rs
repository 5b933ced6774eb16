//! Bringing the stack up, and waiting until it is well.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Made, command, one};
use crate::{
    checks::Remedy,
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
/// Between two looks at a stack that comes up.
const PAUSE: Duration = Duration::from_millis(500);
/// A container that has run for this long was not started in vain.
const SETTLED: Duration = Duration::from_secs(5);
/// What is told of a container that does not come up.
const LOG_LINES: usize = 5;

/// The stack of one compose file.
#[derive(Clone)]
pub(super) struct Project {
    file: PathBuf,
    directory: PathBuf,
    socket: PathBuf,
    plugin_directories: Vec<AbsolutePath>,
    services: Vec<String>,
}

impl Project {
    pub(super) fn of(situation: &Situation) -> Self {
        let profile = &situation.facts.profile;
        let found = situation
            .facts
            .stack
            .seen()
            .ok()
            .and_then(|stack| stack.compose_file())
            .map(|file| file.path.clone());
        let file = found.unwrap_or_else(|| {
            situation
                .stack_directory()
                .join(&profile.install.compose_file)
        });
        Self {
            directory: file.parent().unwrap_or(Path::new("/")).to_path_buf(),
            file,
            socket: Engine::socket_of(situation.facts),
            plugin_directories: profile.software.compose_plugin_directories.clone(),
            services: profile
                .stack
                .services
                .iter()
                .map(|service| service.name.clone())
                .collect(),
        }
    }

    /// Where its file is.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
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
        let (file, directory) = (
            self.file.display().to_string(),
            self.directory.display().to_string(),
        );
        Ok(Call::new(program)
            .arguments(first)
            .arguments(["-f", &file, "--project-directory", &directory])
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
        project: Project::of(situation),
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
        let directory = self.project.directory.display().to_string();
        vec![command([
            "docker",
            "compose",
            "--project-directory",
            &directory,
            "up",
            "-d",
        ])]
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
            // Its volume holds nothing but temporary files, and was made with it.
            let call = project.call(machine, &["down", "--volumes"])?;
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

/// The step that waits until the stack is well.
pub(super) fn await_health(situation: &Situation) -> Made {
    let profile = situation.facts.profile.clone();
    one(AwaitHealth {
        project: Project::of(situation),
        profile,
    })
}

struct AwaitHealth {
    project: Project,
    profile: Profile,
}

impl AwaitHealth {
    /// What is still waited for, in words; nothing where all is well.
    fn lacking(&self, machine: &Machine) -> Result<Vec<String>, StepError> {
        let containers = self.project.containers(machine)?;
        let mut lacking = Vec::new();
        for service in &self.project.services {
            match containers.get(service) {
                None => lacking.push(format!("{service}: no container")),
                Some(container) => lacking.extend(trouble(service, container)),
            }
        }
        if lacking.is_empty() {
            lacking.extend(self.silent_api(machine, &containers));
        }
        Ok(lacking)
    }

    /// Why the node's API does not answer, asked in its own network.
    fn silent_api(
        &self,
        machine: &Machine,
        containers: &BTreeMap<String, Value>,
    ) -> Option<String> {
        let node = self
            .profile
            .stack
            .services
            .iter()
            .find(|service| service.private_ports.contains(&self.profile.node.port))?;
        let networks = containers
            .get(&node.name)?
            .get("NetworkSettings")?
            .get("Networks")?
            .as_object()?;
        let address = networks
            .values()
            .filter_map(|network| text(network, "IPAddress"))
            .find(|address| !address.is_empty())?;
        let target = format!("{address}:{}", self.profile.node.port);
        let path = &self.profile.vantage.api_path;
        let within = Duration::from_millis(self.profile.node.slow_ms);
        machine
            .wait(super::super::engine::answers_well(&target, path, within))
            .err()
            .map(|why| format!("{}: {path} {why}", node.name))
    }
}

/// The last lines of a container's log.
fn log(machine: &Machine, container: &Value) -> String {
    let Some(id) = text(container, "Id") else {
        return String::new();
    };
    let Some(docker) = machine.program(&["docker"]) else {
        return String::new();
    };
    let lines = LOG_LINES.to_string();
    let said = machine.run(&Call::new(docker).arguments(["logs", "--tail", &lines, &id]));
    let said = said
        .map(|said| said.stdout + &said.stderr)
        .unwrap_or_default();
    machine.redactor().text(&said).trim().replace('\n', "; ")
}

/// What is wrong with a container that is to run, in words.
fn trouble(service: &str, container: &Value) -> Option<String> {
    let state = container.get("State")?;
    let is = |member: &str| state.get(member) == Some(&Value::Bool(true));
    let health = state
        .get("Health")
        .and_then(|health| text(health, "Status"))
        .filter(|health| !["healthy", "none"].contains(&health.as_str()));
    let restarts = container
        .get("RestartCount")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    if is("Restarting") || (restarts > 0 && !is("Running")) {
        let code = state.get("ExitCode").and_then(Value::as_i64).unwrap_or(0);
        return Some(format!(
            "{service}: ended with {code} and is started again ({restarts} times by now)"
        ));
    }
    if !is("Running") {
        let status = text(state, "Status").unwrap_or_default();
        return Some(format!("{service}: {status}"));
    }
    health.map(|health| format!("{service}: {health}"))
}

impl Step for AwaitHealth {
    fn words(&self) -> String {
        "wait until the stack is well".into()
    }

    fn script(&self) -> Vec<String> {
        let seconds = self.profile.install.healthy_within_seconds;
        vec![
            format!("# Wait up to {seconds} s until all are up, and healthy where they say so:"),
            command([
                "docker",
                "compose",
                "--project-directory",
                &self.project.directory.display().to_string(),
                "ps",
            ]),
        ]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(!self.lacking(machine)?.is_empty())
    }

    fn follows_from(&self) -> &'static [Remedy] {
        &[
            Remedy::ComposeUp,
            Remedy::RestartDocker,
            Remedy::RecreateContainers,
        ]
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let begun = Instant::now();
        let within = Duration::from_secs(self.profile.install.healthy_within_seconds.into());
        let mut well_since: Option<Instant> = None;
        loop {
            let lacking = self.lacking(machine)?;
            if lacking.is_empty() {
                let since = *well_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= SETTLED {
                    if let Some(downtime) = machine.stopped_for() {
                        let seconds = downtime.saturating_sub(since.elapsed()).as_secs();
                        machine
                            .watch()
                            .say(&format!("  the service was down for {seconds} s"));
                    }
                    return Ok(());
                }
            } else {
                well_since = None;
            }
            let waited = begun.elapsed();
            machine.watch().doing(&format!(
                "{} s, waiting for {}",
                waited.as_secs(),
                if lacking.is_empty() {
                    "it to stay well".into()
                } else {
                    lacking.join("; ")
                }
            ));
            if waited >= within && well_since.is_none() {
                let containers = self.project.containers(machine)?;
                let told: Vec<String> = containers
                    .iter()
                    .filter(|(service, container)| trouble(service, container).is_some())
                    .map(|(service, container)| {
                        format!(
                            "; the last that {service} said: {}",
                            log(machine, container)
                        )
                    })
                    .collect();
                return Err(StepError::Other(format!(
                    "after {} s the stack is not well: {}{}",
                    within.as_secs(),
                    lacking.join("; "),
                    told.concat()
                )));
            }
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_waited_for_is_said() {
        for (container, expected) in [
            (json!({"State": {"Running": true}}), None),
            (
                json!({"State": {"Running": true, "Health": {"Status": "healthy"}}}),
                None,
            ),
            (
                json!({"State": {"Running": true, "Health": {"Status": "starting"}}}),
                Some("x: starting"),
            ),
            (
                json!({"State": {"Running": false, "Status": "exited"}}),
                Some("x: exited"),
            ),
            (
                json!({"State": {"Running": true, "Restarting": true, "ExitCode": 3}, "RestartCount": 4}),
                Some("x: ended with 3 and is started again (4 times by now)"),
            ),
        ] {
            assert_eq!(trouble("x", &container).as_deref(), expected, "{container}");
        }
    }
}
