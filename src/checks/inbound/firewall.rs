//! Whether the machine's own firewall lets a port in.

use crate::facts::{
    Gap, Observed,
    firewall::{Firewall, Firewalld, FirewalldSource, Ufw, UfwAction, UfwFamily, UfwRule},
};

/// How a firewall stands to a port.
#[derive(Clone, Debug)]
pub enum Gate {
    /// No firewall that can be judged is active.
    None,
    /// It is let in; says by whom.
    Open(String),
    /// It is let in over IPv4, and not over IPv6.
    OpenOverIpv4 {
        /// By whom.
        how: String,
        /// Why not over IPv6.
        missing: Closed,
    },
    /// It is let in from some only.
    Limited {
        /// By what.
        how: String,
        /// How to let in all others too.
        command: String,
    },
    /// There are rules that are not judged here; says which.
    Unjudged(String),
    /// It is not let in.
    Closed(Closed),
    /// That could not be seen.
    Unknown(Gap),
}

/// A firewall that does not let a port in.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Which one, and why.
    pub summary: String,
    /// How to open it.
    pub command: String,
}

/// Judges the firewalls of a machine by one port.
pub fn judge(firewall: &Firewall, port: u16) -> Gate {
    let gates = [
        gate(&firewall.ufw, |ufw| ufw_gate(ufw, port)),
        gate(&firewall.firewalld, |firewalld| {
            firewalld_gate(firewalld, port)
        }),
    ];
    // Packets have to get through all of them.
    gates
        .into_iter()
        .max_by_key(|gate| match gate {
            Gate::None => 0,
            Gate::Open(_) => 1,
            Gate::OpenOverIpv4 { .. } => 2,
            Gate::Unjudged(_) => 3,
            Gate::Limited { .. } => 4,
            Gate::Unknown(_) => 5,
            Gate::Closed(_) => 6,
        })
        .unwrap_or(Gate::None)
}

fn gate<T>(observed: &Observed<T>, judge: impl Fn(&T) -> Gate) -> Gate {
    match observed.seen_or_absent() {
        Ok(Some(firewall)) => judge(firewall),
        Ok(None) => Gate::None,
        Err(gap) => Gate::Unknown(gap),
    }
}

fn ufw_gate(ufw: &Ufw, port: u16) -> Gate {
    if !ufw.enabled {
        return Gate::None;
    }
    let rules = match ufw.rules.seen() {
        Ok(rules) => rules,
        Err(gap) => return Gate::Unknown(gap),
    };
    let over_ipv6 = if ufw.filters_ipv6 {
        family_gate(ufw, rules, UfwFamily::V6, port)
    } else {
        Gate::Closed(Closed {
            summary: "ufw drops all of IPv6 (IPV6=no)".into(),
            command: format!(
                "set IPV6=yes in /etc/default/ufw, then sudo ufw reload && sudo ufw allow {port}/tcp"
            ),
        })
    };
    match (family_gate(ufw, rules, UfwFamily::V4, port), over_ipv6) {
        (Gate::Open(how), Gate::Closed(missing)) => Gate::OpenOverIpv4 {
            how: format!("{how} over IPv4"),
            missing,
        },
        (over_ipv4, _) => over_ipv4,
    }
}

/// The rules for one version of IP.
fn family_gate(ufw: &Ufw, rules: &[UfwRule], family: UfwFamily, port: u16) -> Gate {
    let about_port = |rule: &&UfwRule| {
        rule.family == family
            && matches!(rule.protocol.as_str(), "tcp" | "any")
            && (rule.ports.is_empty() || rule.ports.iter().any(|ports| ports.holds(port)))
    };
    let is_for_all =
        |rule: &UfwRule| rule.from.is_none() && rule.to.is_none() && rule.interface.is_none();
    let allow = format!("allow the port: sudo ufw allow {port}/tcp");
    let over = match family {
        UfwFamily::V4 => "",
        UfwFamily::V6 => " over IPv6",
    };
    let mut limited = None;
    // The first rule that fits counts.
    for rule in rules.iter().filter(about_port) {
        let lets_in = matches!(rule.action, UfwAction::Allow | UfwAction::Limit);
        match (is_for_all(rule), lets_in) {
            (true, true) => return Gate::Open(format!("ufw has a rule that allows {port}/tcp")),
            (true, false) => {
                return limited.unwrap_or_else(|| {
                    Gate::Closed(Closed {
                        summary: format!("ufw is enabled and has a rule that forbids {port}/tcp{over}"),
                        command: format!("take that rule away (sudo ufw status numbered, sudo ufw delete NUMBER) and {allow}"),
                    })
                });
            }
            (false, true) => {
                limited.get_or_insert_with(|| Gate::Limited {
                    how: format!("ufw allows {port}/tcp {}", limits(rule)),
                    command: allow.clone(),
                });
            }
            (false, false) => {}
        }
    }
    match limited {
        Some(limited) => limited,
        None if ufw.lets_in_by_default => Gate::Open("ufw lets in what no rule speaks of".into()),
        None => Gate::Closed(Closed {
            summary: format!("ufw is enabled and has no rule that allows {port}/tcp{over}"),
            command: allow,
        }),
    }
}

fn limits(rule: &UfwRule) -> String {
    let parts = [
        rule.from.as_ref().map(|from| format!("from {from}")),
        rule.to.as_ref().map(|to| format!("to {to}")),
        rule.interface.as_ref().map(|name| format!("on {name}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("only {}", parts.join(" "))
}

fn firewalld_gate(firewalld: &Firewalld, port: u16) -> Gate {
    let is_open = |zone: &crate::facts::firewall::Zone| {
        zone.accepts_all || zone.tcp_ports.iter().any(|ports| ports.holds(port))
    };
    let source = match firewalld.learned_from {
        FirewalldSource::Daemon => "firewalld",
        FirewalldSource::Files => "firewalld, as its files say,",
    };
    // Zones of guests, as Docker's own, which accepts everything: clients do not come in by them.
    let zones: Vec<&crate::facts::firewall::Zone> = firewalld
        .zones
        .iter()
        .filter(|zone| !zone.is_for_guests())
        .collect();
    let names = |open: bool| {
        let names: Vec<&str> = zones
            .iter()
            .filter(|zone| is_open(zone) == open)
            .map(|zone| zone.name.as_str())
            .collect();
        match names.as_slice() {
            [name] => format!("zone {name}"),
            names => format!("zones {}", names.join(", ")),
        }
    };
    let open = zones.iter().filter(|zone| is_open(zone)).count();
    if open == zones.len() && open > 0 {
        return Gate::Open(format!("{source} lets {port}/tcp into {}", names(true)));
    }
    let add: Vec<String> = zones
        .iter()
        .filter(|zone| !is_open(zone))
        .map(|zone| {
            format!(
                "sudo firewall-cmd --permanent --zone={} --add-port={port}/tcp",
                zone.name
            )
        })
        .collect();
    let command = format!(
        "allow the port: {} && sudo firewall-cmd --reload",
        add.join(" && ")
    );
    if open > 0 {
        return Gate::Limited {
            how: format!(
                "{source} lets {port}/tcp into {}, not into {}",
                names(true),
                names(false)
            ),
            command,
        };
    }
    if zones.is_empty() {
        return Gate::Unknown(Gap::Failed(
            "firewalld runs and names no active zone that clients could come in by".into(),
        ));
    }
    if zones.iter().any(|zone| zone.rich_rules > 0) {
        return Gate::Unjudged(format!(
            "{source} has rich rules in {}, which are not judged; no service and no port there allows {port}/tcp",
            names(false)
        ));
    }
    Gate::Closed(Closed {
        summary: format!("{source} does not let {port}/tcp into {}", names(false)),
        command,
    })
}

#[cfg(test)]
mod tests;
