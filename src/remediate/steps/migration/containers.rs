//! The old containers: stopped and kept under another name, and removed at the end.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use super::super::command;
use crate::{
    checks::KEPT_SUFFIX,
    remediate::{
        change::{Change, WayBack},
        engine::{Engine, text},
        machine::{Call, Machine},
        step::{Step, StepError},
    },
};

/// An old node needs time to close its database.
const STOP_SECONDS: u32 = 120;
fn docker(machine: &Machine) -> Result<Call, StepError> {
    machine
        .program(&["docker"])
        .map(Call::new)
        .ok_or_else(|| StepError::NotHere("the docker client is not on this machine".into()))
}

/// What the engine says of a container by its id; none where it is gone.
fn inspect(machine: &Machine, socket: &Path, id: &str) -> Result<Option<Value>, StepError> {
    Engine::new(machine, socket).found(&format!("/containers/{id}/json"))
}

/// Whether the engine removes a container as soon as it ends.
pub(super) fn goes_when_it_ends(machine: &Machine, socket: &Path, id: &str) -> bool {
    let details = inspect(machine, socket, id).ok().flatten();
    details.is_some_and(|details| {
        details.pointer("/HostConfig/AutoRemove") == Some(&Value::Bool(true))
    })
}

/// Stops one, and keeps it.
pub(super) struct StopOld {
    pub id: String,
    pub name: String,
    pub image: String,
    pub policy: String,
    pub socket: PathBuf,
}

impl StopOld {
    fn old_name(&self) -> String {
        format!("{}{KEPT_SUFFIX}", self.name.trim_end_matches(KEPT_SUFFIX))
    }
}

impl Step for StopOld {
    fn words(&self) -> String {
        format!(
            "stop the old container {} ({}), and keep it, stopped, as {}",
            self.name,
            self.image,
            self.old_name()
        )
    }

    fn script(&self) -> Vec<String> {
        let seconds = STOP_SECONDS.to_string();
        vec![
            command(["docker", "update", "--restart=no", &self.name]),
            command(["docker", "stop", "-t", &seconds, &self.name]),
            command(["docker", "rename", &self.name, &self.old_name()]),
        ]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        let Some(container) = inspect(machine, &self.socket, &self.id)? else {
            return Ok(false);
        };
        let is_running = container
            .get("State")
            .and_then(|state| state.get("Running"))
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let name = text(&container, "Name").unwrap_or_default();
        Ok(is_running || name.trim_start_matches('/') != self.old_name())
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let way_back = |words: String, arguments: &[&str]| -> Result<WayBack, StepError> {
            Ok(WayBack::Program {
                words,
                call: docker(machine)?.arguments(arguments),
                is_safe: true,
            })
        };
        let id = self.id.as_str();
        let policy = match self.policy.as_str() {
            "" => "no",
            policy => policy,
        };
        // Otherwise the engine would start it again with itself.
        change.run(
            &docker(machine)?.arguments(["update", "--restart=no", id]),
            way_back(
                format!("give {} its restart policy back", self.name),
                &["update", &format!("--restart={policy}"), id],
            )?,
        )?;
        let state = inspect(machine, &self.socket, id)?.unwrap_or_default();
        let is =
            |member: &str| state.pointer(&format!("/State/{member}")) == Some(&Value::Bool(true));
        // What is frozen does not hear that it is to end.
        if is("Paused") {
            change.run(
                &docker(machine)?.arguments(["unpause", id]),
                way_back(format!("pause {} again", self.name), &["pause", id])?,
            )?;
        }
        // One that had ended before is not started with the way back: another may work on its data by now.
        if is("Running") {
            machine.note_stop();
            let seconds = STOP_SECONDS.to_string();
            change.run(
                &docker(machine)?
                    .arguments(["stop", "-t", &seconds, id])
                    .within(Duration::from_secs(u64::from(STOP_SECONDS) + 60)),
                way_back(format!("start {} again", self.name), &["start", id])?,
            )?;
        }
        let is_renamed = inspect(machine, &self.socket, id)?
            .and_then(|container| text(&container, "Name"))
            .is_some_and(|name| name.trim_start_matches('/') == self.old_name());
        if !is_renamed {
            change.run(
                &docker(machine)?.arguments(["rename", id, &self.old_name()]),
                way_back(
                    format!("call {} by its name again", self.name),
                    &["rename", id, &self.name],
                )?,
            )?;
        }
        Ok(())
    }
}

/// Removes one that was stopped.
pub(super) struct RemoveOld {
    pub id: String,
    pub name: String,
    pub socket: PathBuf,
}

impl Step for RemoveOld {
    fn words(&self) -> String {
        format!(
            "remove the old container {}; what it mounted stays",
            self.name
        )
    }

    fn script(&self) -> Vec<String> {
        let name = format!("{}{KEPT_SUFFIX}", self.name.trim_end_matches(KEPT_SUFFIX));
        vec![command(["docker", "rm", &name])]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(inspect(machine, &self.socket, &self.id)?.is_some())
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        // Without force: one that runs is none that was stopped here.
        change.run(
            &docker(machine)?.arguments(["rm", &self.id]),
            WayBack::None {
                words: format!("the old container {} is gone", self.name),
            },
        )?;
        Ok(())
    }
}
