//! Making containers anew that compose takes for what the file says, and that are not.

use super::{Made, compose::Project, one};
use crate::{
    checks::{Stale, to_make_anew},
    remediate::{
        change::{Change, WayBack},
        engine::text,
        machine::Machine,
        step::{Situation, Step, StepError},
    },
};

/// The step that makes them anew.
pub(super) fn make(situation: &Situation) -> Made {
    let stale = to_make_anew(situation.facts);
    if stale.is_empty() {
        return Ok(Vec::new());
    }
    one(Recreate {
        project: Project::of(situation)?,
        stale,
    })
}

struct Recreate {
    project: Project,
    stale: Vec<Stale>,
}

impl Recreate {
    /// The services whose containers are still those that were seen, and that bringing the stack up would leave alone.
    fn left(&self, machine: &Machine) -> Result<Vec<&str>, StepError> {
        let differing = self.project.differing(machine)?;
        let containers = self.project.containers(machine)?;
        let left = self.stale.iter().filter(|stale| {
            let is_the_same = containers
                .get(&stale.service)
                .and_then(|container| text(container, "Id"))
                .is_some_and(|id| id.starts_with(&stale.id));
            is_the_same && !differing.contains(&stale.service)
        });
        Ok(left.map(|stale| stale.service.as_str()).collect())
    }

    fn services(&self) -> Vec<&str> {
        self.stale
            .iter()
            .map(|stale| stale.service.as_str())
            .collect()
    }
}

const ANEW: [&str; 4] = ["up", "-d", "--no-deps", "--force-recreate"];

impl Step for Recreate {
    fn words(&self) -> String {
        format!(
            "make the containers of {} anew, as the compose file and the engine's settings have them now",
            self.services().join(", ")
        )
    }

    fn script(&self) -> Vec<String> {
        let mut words = ANEW.to_vec();
        words.extend(self.services());
        vec![self.project.line(&words)]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(!self.left(machine)?.is_empty())
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let left = self.left(machine)?;
        let call = self.project.call(machine, &ANEW)?.arguments(left).told();
        change.run(
            &call,
            WayBack::None {
                words: "the containers stay as they were made anew".into(),
            },
        )?;
        Ok(())
    }
}
