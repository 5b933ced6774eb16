//! The networks that have to exist before the stack.

use std::path::PathBuf;

use super::{Made, command};
use crate::remediate::{
    change::{Change, WayBack},
    engine::Engine,
    machine::{Call, Machine},
    step::{Situation, Step, StepError},
};

/// A step for each network.
pub(super) fn make(situation: &Situation) -> Made {
    let socket = Engine::socket_of(situation.facts);
    Ok(situation
        .facts
        .profile
        .stack
        .networks
        .iter()
        .map(|name| {
            let step: Box<dyn Step + Send> = Box::new(CreateNetwork {
                name: name.clone(),
                socket: socket.clone(),
            });
            step
        })
        .collect())
}

struct CreateNetwork {
    name: String,
    socket: PathBuf,
}

impl Step for CreateNetwork {
    fn words(&self) -> String {
        format!("make the network {}", self.name)
    }

    fn script(&self) -> Vec<String> {
        let inspect = command(["docker", "network", "inspect", &self.name]);
        let create = command(["docker", "network", "create", &self.name]);
        vec![format!("{inspect} >/dev/null 2>&1 || {create}")]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        let found =
            Engine::new(machine, &self.socket).found(&format!("/networks/{}", self.name))?;
        Ok(found.is_none())
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let docker = change
            .machine()
            .program(&["docker"])
            .ok_or_else(|| StepError::NotHere("the docker client is not on this machine".into()))?;
        change.run(
            &Call::new(&docker).arguments(["network", "create", &self.name]),
            WayBack::Program {
                words: format!("remove the network {}", self.name),
                call: Call::new(&docker).arguments(["network", "rm", &self.name]),
                is_safe: true,
            },
        )?;
        Ok(())
    }
}
