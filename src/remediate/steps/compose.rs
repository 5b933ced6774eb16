//! The stack, brought up by Compose, and the wait until it is well.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{Made, command, one};
use crate::remediate::{
    change::{Change, WayBack},
    machine::{Call, Machine},
    step::{Situation, Step, StepError},
};

/// Images may still have to be pulled.
const LONGEST_UP: Duration = Duration::from_mins(30);

/// A node with much data takes minutes to open its database.
const LONGEST_HEALTH: Duration = Duration::from_mins(10);

const PAUSE: Duration = Duration::from_millis(500);

/// The step that brings the stack up.
pub(super) fn up(situation: &Situation) -> Made {
    let stack = &situation.facts.profile.stack;
    one(Up {
        stack: Stack::of(situation),
        services: stack
            .services
            .iter()
            .map(|service| service.name.clone())
            .collect(),
    })
}

/// The step that waits for it.
pub(super) fn await_health(situation: &Situation) -> Made {
    let stack = &situation.facts.profile.stack;
    one(AwaitHealth {
        services: stack
            .services
            .iter()
            .map(|service| (service.name.clone(), service.private_ports.first().copied()))
            .collect(),
    })
}

/// The stack as Compose is told of it.
#[derive(Clone, Debug)]
pub(super) struct Stack {
    /// The directory that it is in.
    pub(super) directory: PathBuf,
    /// Names of a compose file, in Compose's own order of preference.
    file_names: Vec<String>,
}

impl Stack {
    /// The stack of the machine.
    pub(super) fn of(situation: &Situation) -> Self {
        Self {
            directory: situation.stack_directory(),
            file_names: situation.facts.profile.stack.compose_files.clone(),
        }
    }

    /// Compose as it is on this machine, about this stack: the plugin where there is one.
    ///
    /// # Errors
    /// Where there is no Compose, or no compose file.
    pub(super) fn compose(&self, machine: &Machine) -> Result<Call, StepError> {
        let plugin = Call::new("docker").arguments(["compose", "version"]);
        let call = if machine.run(&plugin).is_ok() {
            Call::new("docker").arguments(["compose"])
        } else if let Some(program) = machine.program(&["docker-compose"]) {
            Call::new(program)
        } else {
            return Err(StepError::NotHere(
                "there is no Docker Compose on this machine".into(),
            ));
        };
        let file = self
            .file_names
            .iter()
            .map(|name| self.directory.join(name))
            .find(|path| machine.entry(path).is_ok_and(|entry| entry.is_some()))
            .ok_or_else(|| {
                StepError::Other(format!(
                    "there is no compose file in {}",
                    self.directory.display()
                ))
            })?;
        Ok(call
            .variable("HOME", "/root")
            .arguments(["--project-directory", &self.directory.display().to_string()])
            .arguments(["-f", &file.display().to_string()]))
    }
}

struct Up {
    stack: Stack,
    services: Vec<String>,
}

impl Up {
    /// The hash of each service's configuration, as the files have it.
    fn wanted(&self, machine: &Machine) -> Result<BTreeMap<String, String>, StepError> {
        let call = self
            .stack
            .compose(machine)?
            .arguments(["config", "--hash", "*"]);
        Ok(pairs(&machine.run(&call)?.stdout))
    }

    /// The same, as the containers were made that run.
    fn running(machine: &Machine) -> Result<BTreeMap<String, String>, StepError> {
        let said = machine.run(&Call::new("docker").arguments([
            "ps",
            "--no-trunc",
            "--filter",
            "label=com.docker.compose.project",
            "--format",
            "{{.Label \"com.docker.compose.service\"}} {{.Label \"com.docker.compose.config-hash\"}}",
        ]))?;
        Ok(pairs(&said.stdout))
    }

    /// Containers that run an image which their tag no longer names.
    fn has_old_images(&self, machine: &Machine) -> bool {
        self.services.iter().any(|service| {
            let inspect = |what: &str, of: &str, format: &str| {
                machine
                    .run(&Call::new("docker").arguments([what, "inspect", "--format", format, of]))
                    .map(|said| said.stdout.trim().to_owned())
                    .ok()
            };
            let Some((image, name)) = inspect("container", service, "{{.Image}} {{.Config.Image}}")
                .and_then(|text| {
                    let (image, name) = text.split_once(' ')?;
                    Some((image.to_owned(), name.to_owned()))
                })
            else {
                return false;
            };
            inspect("image", &name, "{{.Id}}").is_some_and(|current| current != image)
        })
    }
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let (name, hash) = line.split_once(' ')?;
            Some((name.to_owned(), hash.trim().to_owned()))
        })
        .collect()
}

impl Step for Up {
    fn words(&self) -> String {
        format!("bring the stack in {} up", self.stack.directory.display())
    }

    fn script(&self) -> Vec<String> {
        let directory = self.stack.directory.display().to_string();
        vec![format!(
            "({} && docker compose up -d)",
            command(["cd", &directory])
        )]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        let wanted = self.wanted(machine)?;
        let running = Self::running(machine)?;
        let differs = wanted
            .iter()
            .any(|(service, hash)| running.get(service) != Some(hash));
        Ok(differs || self.has_old_images(machine))
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let had_containers = !machine
            .run(&Call::new("docker").arguments([
                "ps",
                "-aq",
                "--filter",
                "label=com.docker.compose.project",
            ]))?
            .stdout
            .trim()
            .is_empty();
        let call = self.stack.compose(machine)?;
        let way_back = if had_containers {
            WayBack::None {
                words: "the stack's containers stay as they are now".into(),
            }
        } else {
            WayBack::Program {
                words: "take the stack down, its data stay".into(),
                call: call.clone().arguments(["down"]).within(LONGEST_UP),
                is_safe: true,
            }
        };
        change.run(
            &call.arguments(["up", "-d"]).within(LONGEST_UP).told(),
            way_back,
        )?;
        Ok(())
    }

    /// What runs is looked at by the wait for health, and by the checks.
    fn verify(&self, machine: &Machine) -> Result<(), StepError> {
        let wanted = self.wanted(machine)?;
        let running = Self::running(machine)?;
        match wanted
            .keys()
            .find(|service| !running.contains_key(*service))
        {
            None => Ok(()),
            Some(service) => Err(StepError::NoEffect(format!(
                "the container of {service} does not run; `docker logs {service}` says why"
            ))),
        }
    }
}

struct AwaitHealth {
    /// Their names, and the port of the API of the one that has it: the node.
    services: Vec<(String, Option<u16>)>,
}

impl AwaitHealth {
    /// What is still to be waited for; nothing where all is well.
    fn waiting_for(&self, machine: &Machine) -> Option<String> {
        const FORMAT: &str = "{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}} {{.State.Restarting}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
        for (service, port) in &self.services {
            let call = Call::new("docker").arguments([
                "container",
                "inspect",
                "--format",
                FORMAT,
                service.as_str(),
            ]);
            let Ok(said) = machine.run(&call) else {
                return Some(format!("the container {service} to exist"));
            };
            let mut words = said.stdout.split_whitespace();
            let state = words.next().unwrap_or_default().to_owned();
            let health = words.next().unwrap_or_default().to_owned();
            let is_restarting = words.next() == Some("true");
            if state != "running" || is_restarting {
                return Some(format!("{service} to run; it is {state}"));
            }
            if !matches!(health.as_str(), "-" | "healthy") {
                return Some(format!("{service} to be healthy; it is {health}"));
            }
            if let Some(port) = port {
                let addresses: Vec<IpAddr> = words.filter_map(|word| word.parse().ok()).collect();
                let is_well = addresses
                    .iter()
                    .any(|address| is_well(SocketAddr::new(*address, *port)));
                if !is_well {
                    return Some(format!("{service} to answer /api/health with 200"));
                }
            }
        }
        None
    }
}

/// Whether the node's API says that it is well.
fn is_well(address: SocketAddr) -> bool {
    const LIMIT: Duration = Duration::from_secs(5);
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        stream.write_all(b"GET /api/health HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(64).read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        Ok(answer.split_whitespace().nth(1) == Some("200"))
    };
    ask().unwrap_or(false)
}

impl Step for AwaitHealth {
    fn words(&self) -> String {
        "wait until the node is well".into()
    }

    fn script(&self) -> Vec<String> {
        const HEALTH: &str = "{{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}}";
        self.services
            .iter()
            .filter(|(_, port)| port.is_some())
            .map(|(name, _)| {
                let look = command(["docker", "inspect", "--format", HEALTH, name.as_str()]);
                format!("until [ \"$({look})\" = healthy ]; do sleep 2; done")
            })
            .collect()
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(machine.is_whole() && self.waiting_for(machine).is_some())
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let begun = Instant::now();
        while let Some(what) = self.waiting_for(machine) {
            if begun.elapsed() > patience() {
                return Err(StepError::Other(format!(
                    "after {} s still waiting for {what}",
                    patience().as_secs()
                )));
            }
            machine.watch().doing(&format!(
                "waiting for {what} ({} s)",
                begun.elapsed().as_secs()
            ));
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

#[cfg(not(debug_assertions))]
fn patience() -> Duration {
    LONGEST_HEALTH
}

/// A test of a stack that never gets well need not wait as long as an installer.
#[cfg(debug_assertions)]
fn patience() -> Duration {
    std::env::var("SESAM_DOCTOR_PATIENCE_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .map_or(LONGEST_HEALTH, Duration::from_secs)
}
