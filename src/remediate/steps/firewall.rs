//! A port let in through the machine's own firewall: ufw or firewalld, whichever runs.

use super::{ByHand, Made, command};
use crate::{
    checks::Port,
    facts::firewall::{Firewall, FirewalldSource, UfwAction, UfwRule, Zone},
    remediate::{
        change::{Change, WayBack},
        machine::{Call, Machine},
        step::{Situation, Step, StepError},
    },
};

/// The steps that let a port in: packets have to get through every firewall that runs.
pub(super) fn make(port: Port, situation: &Situation, machine: &Machine) -> Made {
    let inbound = &situation.facts.profile.inbound;
    let Some(port) = inbound
        .iter()
        .find(|inbound| inbound.id == port.name())
        .map(|inbound| inbound.port)
    else {
        return Ok(Vec::new());
    };
    let observed = situation.facts.firewall.seen().ok();
    let mut steps: Vec<Box<dyn Step + Send>> = Vec::new();
    if is_ufw_active(machine) {
        if observed.is_some_and(|firewall| is_forbidden(firewall, port)) {
            return Err(ByHand(format!(
                "ufw has a rule about {port}/tcp that does more than allow it, which somebody decided: see `ufw status numbered`"
            )));
        }
        steps.push(Box::new(OpenUfw { port }));
    }
    let has_firewalld = is_firewalld_running(machine);
    if has_firewalld {
        let zones = observed.map(|firewall| closed_zones(firewall, port));
        for zone in zones.unwrap_or_default() {
            steps.push(Box::new(OpenFirewalld { port, zone }));
        }
    }
    if steps.is_empty() {
        return Err(ByHand(if has_firewalld {
            format!(
                "no zone of firewalld was seen that does not let {port}/tcp in: see `firewall-cmd --list-all-zones`"
            )
        } else {
            "neither ufw nor firewalld runs on this machine".into()
        }));
    }
    Ok(steps)
}

/// Whether ufw has a rule for everybody about a port that forbids or limits it: one that allows it would replace that
/// one, or come after it.
fn is_forbidden(firewall: &Firewall, port: u16) -> bool {
    let forbids = |rule: &UfwRule| {
        rule.action != UfwAction::Allow
            && matches!(rule.protocol.as_str(), "tcp" | "any")
            && (rule.ports.is_empty() || rule.ports.iter().any(|ports| ports.holds(port)))
            && rule.from.is_none()
            && rule.to.is_none()
            && rule.interface.is_none()
    };
    let rules = firewall
        .ufw
        .seen()
        .ok()
        .and_then(|ufw| ufw.rules.seen().ok());
    rules.is_some_and(|rules| rules.iter().any(forbids))
}

/// The zones of a firewalld that runs into which a port is not let.
fn closed_zones(firewall: &Firewall, port: u16) -> Vec<String> {
    // Nobody comes in from outside by those of Docker and of guests.
    let is_closed = |zone: &&Zone| {
        !zone.is_for_guests()
            && !zone.accepts_all
            && !zone.tcp_ports.iter().any(|ports| ports.holds(port))
    };
    match firewall.firewalld.seen() {
        Ok(firewalld) if firewalld.learned_from == FirewalldSource::Daemon => firewalld
            .zones
            .iter()
            .filter(is_closed)
            .map(|zone| zone.name.clone())
            .collect(),
        _ => Vec::new(),
    }
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
        Ok(!said.stdout.lines().any(|line| lets_all_in(line, &rule)))
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

/// Whether a line of `ufw status` is the rule that lets everybody in, and not one about an interface or what goes out.
fn lets_all_in(line: &str, rule: &str) -> bool {
    let listed = line.split('#').next().unwrap_or_default();
    let words: Vec<&str> = listed.split_whitespace().collect();
    words == [rule, "ALLOW", "Anywhere"]
}

/// Where firewalld keeps a rule: what runs, and what it starts with.
const KEEPINGS: [&[&str]; 2] = [&[], &["--permanent"]];

struct OpenFirewalld {
    port: u16,
    zone: String,
}

impl OpenFirewalld {
    /// The call that does this about the port, in one of its two keepings.
    fn call(&self, keeping: &[&str], verb: &str) -> Call {
        firewalld(keeping).arguments(self.arguments(verb))
    }

    fn arguments(&self, verb: &str) -> [String; 2] {
        [
            format!("--zone={}", self.zone),
            format!("--{verb}-port={}/tcp", self.port),
        ]
    }

    /// Only an answer is one: that the daemon cannot be asked is no closed port.
    fn lacks(&self, machine: &Machine, keeping: &[&str]) -> Result<bool, StepError> {
        machine.run(&firewalld(&["--state"]))?;
        Ok(machine.run(&self.call(keeping, "query")).is_err())
    }
}

impl Step for OpenFirewalld {
    fn words(&self) -> String {
        format!(
            "let {}/tcp in through firewalld's zone {}, now and after a reboot",
            self.port, self.zone
        )
    }

    fn script(&self) -> Vec<String> {
        let [zone, add] = self.arguments("add");
        let line = |keeping: &[&str]| {
            let words = ["firewall-cmd"].into_iter().chain(keeping.iter().copied());
            command(words.chain([zone.as_str(), add.as_str()]))
        };
        KEEPINGS.into_iter().map(line).collect()
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        for keeping in KEEPINGS {
            if self.lacks(machine, keeping)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        for keeping in KEEPINGS {
            // What is there already is somebody else's, and stays when this is taken back.
            if !self.lacks(change.machine(), keeping)? {
                continue;
            }
            let when = if keeping.is_empty() {
                "now"
            } else {
                "after a reboot"
            };
            change.run(
                &self.call(keeping, "add"),
                WayBack::Program {
                    words: format!(
                        "let {}/tcp no longer in through firewalld's zone {} {when}",
                        self.port, self.zone
                    ),
                    call: self.call(keeping, "remove"),
                    is_safe: true,
                },
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Observed, firewall::Firewalld};

    #[test]
    fn a_port_is_let_in_where_somebody_comes_in_from_outside() {
        let zone = |name: &str, interface: &str| Zone {
            name: name.into(),
            interfaces: vec![interface.into()],
            ..Zone::default()
        };
        let firewall = Firewall {
            firewalld: Observed::Seen(Firewalld {
                zones: vec![
                    zone("docker", "docker0"),
                    zone("libvirt", "virbr0"),
                    zone("public", "eth0"),
                    Zone {
                        accepts_all: true,
                        ..zone("trusted", "eth1")
                    },
                ],
                ..Firewalld::default()
            }),
            ..Firewall::default()
        };
        assert_eq!(closed_zones(&firewall, 80), ["public"]);
    }

    #[test]
    fn only_a_rule_for_everybody_from_everywhere_lets_all_in() {
        for line in [
            "80/tcp                     ALLOW       Anywhere                  ",
            "80/tcp                     ALLOW       Anywhere                   # the web",
        ] {
            assert!(lets_all_in(line, "80/tcp"), "{line}");
        }
        for line in [
            "80/tcp                     DENY        Anywhere",
            "80/tcp                     ALLOW       10.0.0.0/8",
            "80/tcp on eth1             ALLOW       Anywhere",
            "80/tcp                     ALLOW OUT   Anywhere",
            "80/tcp (v6)                ALLOW       Anywhere (v6)",
            "8080/tcp                   ALLOW       Anywhere",
        ] {
            assert!(!lets_all_in(line, "80/tcp"), "{line}");
        }
    }
}
