//! A port let in through the machine's own firewall: ufw or firewalld, whichever runs.

use super::{ByHand, Made, command, one};
use crate::{
    checks::Port,
    remediate::{
        change::{Change, WayBack},
        machine::{Call, Machine},
        step::{Situation, Step, StepError},
    },
};

/// The step that lets a port in.
pub(super) fn make(port: Port, situation: &Situation, machine: &Machine) -> Made {
    let inbound = &situation.facts.profile.inbound;
    let Some(number) = inbound
        .iter()
        .find(|inbound| inbound.id == port.name())
        .map(|inbound| inbound.port)
    else {
        return Ok(Vec::new());
    };
    if is_ufw_active(machine) {
        return one(OpenUfw { port: number });
    }
    if is_firewalld_running(machine) {
        return one(OpenFirewalld { port: number });
    }
    Err(ByHand(
        "neither ufw nor firewalld runs on this machine".into(),
    ))
}

fn ufw(words: &[&str]) -> Call {
    Call::new("ufw").arguments(words)
}

fn firewalld(words: &[&str]) -> Call {
    Call::new("firewall-cmd").arguments(words)
}

fn is_ufw_active(machine: &Machine) -> bool {
    machine
        .run(&ufw(&["status"]))
        .is_ok_and(|said| said.stdout.contains("Status: active"))
}

fn is_firewalld_running(machine: &Machine) -> bool {
    machine.run(&firewalld(&["--state"])).is_ok()
}

struct OpenUfw {
    port: u16,
}

impl OpenUfw {
    fn rule(&self) -> String {
        format!("{}/tcp", self.port)
    }
}

impl Step for OpenUfw {
    fn words(&self) -> String {
        format!("let {} in through ufw", self.rule())
    }

    fn script(&self) -> Vec<String> {
        vec![command(["ufw", "allow", &self.rule()])]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        let said = machine.run(&ufw(&["status"]))?;
        let rule = self.rule();
        Ok(!said.stdout.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.first() == Some(&rule.as_str())
                && words.contains(&"ALLOW")
                && words.contains(&"Anywhere")
        }))
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let rule = self.rule();
        change.run(
            &ufw(&["allow", &rule]),
            WayBack::Program {
                words: format!("take the rule for {rule} out of ufw"),
                call: ufw(&["delete", "allow", &rule]),
                is_safe: true,
            },
        )?;
        Ok(())
    }
}

struct OpenFirewalld {
    port: u16,
}

impl OpenFirewalld {
    fn argument(&self, verb: &str) -> String {
        format!("--{verb}-port={}/tcp", self.port)
    }
}

impl Step for OpenFirewalld {
    fn words(&self) -> String {
        format!(
            "let {}/tcp in through firewalld, now and after a reboot",
            self.port
        )
    }

    fn script(&self) -> Vec<String> {
        let add = self.argument("add");
        vec![
            command(["firewall-cmd", &add]),
            command(["firewall-cmd", "--permanent", &add]),
        ]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        let query = self.argument("query");
        let is_open = |permanent: &[&str]| {
            let words: Vec<&str> = permanent.iter().copied().chain([query.as_str()]).collect();
            machine.run(&firewalld(&words)).is_ok()
        };
        Ok(!(is_open(&[]) && is_open(&["--permanent"])))
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let (add, remove) = (self.argument("add"), self.argument("remove"));
        for permanent in [None, Some("--permanent")] {
            let words = |verb: &str| {
                let words: Vec<String> = permanent
                    .into_iter()
                    .map(ToOwned::to_owned)
                    .chain([verb.to_owned()])
                    .collect();
                Call::new("firewall-cmd").arguments(words)
            };
            change.run(
                &words(&add),
                WayBack::Program {
                    words: format!("let {}/tcp no longer in through firewalld", self.port),
                    call: words(&remove),
                    is_safe: true,
                },
            )?;
        }
        Ok(())
    }
}
