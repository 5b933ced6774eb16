//! Waiting until the stack is well.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Made, compose::Project, one};
use crate::{
    checks::Remedy,
    profile::Profile,
    remediate::{
        change::Change,
        engine::{answers_well, text},
        machine::{Call, Machine},
        step::{Situation, Step, StepError},
    },
};

/// Between two looks at a stack that comes up.
const PAUSE: Duration = Duration::from_millis(500);
/// A container that has run for this long was not started in vain.
const SETTLED: Duration = Duration::from_secs(5);
/// What is told of a container that does not come up.
const LOG_LINES: usize = 5;

/// The step that waits until the stack is well.
pub(super) fn make(situation: &Situation) -> Made {
    let profile = situation.facts.profile.clone();
    one(AwaitHealth {
        project: Project::of(situation)?,
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
        for service in self.project.services() {
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
        let services = self.profile.stack.services.iter();
        let (_, node) = services
            .zip(self.project.services())
            .find(|(service, _)| service.private_ports.contains(&self.profile.node.port))?;
        let networks = containers
            .get(node)?
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
            .wait(answers_well(&target, path, within))
            .err()
            .map(|why| format!("{node}: {path} {why}"))
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
            self.project.line(&["ps"]),
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
