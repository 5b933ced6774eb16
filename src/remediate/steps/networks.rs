//! Networks that have to exist before the stack.

use std::collections::BTreeSet;

use super::{Made, command};
use crate::remediate::{
    change::{Change, WayBack},
    machine::{Call, Machine},
    step::{Situation, Step, StepError},
};

/// A step for each network of the profile, and for each that the compose file calls external.
pub(super) fn make(situation: &Situation) -> Made {
    let mut names: BTreeSet<String> = situation
        .facts
        .profile
        .stack
        .networks
        .iter()
        .cloned()
        .collect();
    let stack = situation.facts.stack.seen().ok();
    if let Some(file) = stack.and_then(|stack| stack.compose_file()) {
        for (name, network) in &file.networks {
            if network.external {
                names.insert(network.name.clone().unwrap_or_else(|| name.clone()));
            }
        }
    }
    Ok(names
        .into_iter()
        .map(|name| Box::new(CreateNetwork { name }) as Box<dyn Step + Send>)
        .collect())
}

struct CreateNetwork {
    name: String,
}

impl Step for CreateNetwork {
    fn words(&self) -> String {
        format!("make the Docker network {}", self.name)
    }

    fn script(&self) -> Vec<String> {
        let name = self.name.as_str();
        vec![format!(
            "{} >/dev/null 2>&1 || {}",
            command(["docker", "network", "inspect", name]),
            command(["docker", "network", "create", name])
        )]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        let said = machine.run(&Call::new("docker").arguments([
            "network",
            "ls",
            "--no-trunc",
            "--format",
            "{{.Name}}",
        ]))?;
        Ok(!said.stdout.lines().any(|name| name == self.name))
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let name = self.name.as_str();
        change.run(
            &Call::new("docker").arguments(["network", "create", name]),
            WayBack::Program {
                words: format!("remove the Docker network {name}"),
                call: Call::new("docker").arguments(["network", "rm", name]),
                is_safe: true,
            },
        )?;
        Ok(())
    }
}
