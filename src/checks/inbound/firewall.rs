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
    /// It is let in from some only; says by what.
    Limited(String),
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
            Gate::Limited(_) => 4,
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
        (Gate::Open(how), Gate::Closed(missing)) => Gate::OpenOverIpv4 { how, missing },
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
    let command = format!("sudo ufw allow {port}/tcp");
    let mut limited = None;
    // The first rule that fits counts.
    for rule in rules.iter().filter(about_port) {
        let lets_in = matches!(rule.action, UfwAction::Allow | UfwAction::Limit);
        match (is_for_all(rule), lets_in) {
            (true, true) => return Gate::Open(format!("ufw has a rule that allows {port}/tcp")),
            (true, false) => {
                return limited.unwrap_or_else(|| {
                    Gate::Closed(Closed {
                        summary: format!("ufw is enabled and has a rule that forbids {port}/tcp"),
                        command: format!("take that rule away (sudo ufw status numbered, sudo ufw delete NUMBER) and allow the port: {command}"),
                    })
                });
            }
            (false, true) => {
                limited.get_or_insert_with(|| {
                    Gate::Limited(format!("ufw allows {port}/tcp {}", limits(rule)))
                });
            }
            (false, false) => {}
        }
    }
    match limited {
        Some(limited) => limited,
        None if ufw.lets_in_by_default => Gate::Open("ufw lets in what no rule speaks of".into()),
        None => Gate::Closed(Closed {
            summary: format!("ufw is enabled and has no rule that allows {port}/tcp"),
            command: format!("allow the port: {command}"),
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
    let is_open = |zone: &&crate::facts::firewall::Zone| {
        zone.accepts_all || zone.tcp_ports.iter().any(|ports| ports.holds(port))
    };
    let source = match firewalld.learned_from {
        FirewalldSource::Daemon => "firewalld",
        FirewalldSource::Files => "firewalld, as its files say,",
    };
    let zones = &firewalld.zones;
    let names = |open: bool| {
        let names: Vec<&str> = zones
            .iter()
            .filter(|zone| is_open(zone) == open)
            .map(|zone| zone.name.as_str())
            .collect();
        names.join(", ")
    };
    let open = zones.iter().filter(is_open).count();
    if open == zones.len() && open > 0 {
        return Gate::Open(format!(
            "{source} lets {port}/tcp into zone {}",
            names(true)
        ));
    }
    if open > 0 {
        return Gate::Limited(format!(
            "{source} lets {port}/tcp into zone {}, not into {}",
            names(true),
            names(false)
        ));
    }
    let Some(zone) = zones.first() else {
        return Gate::Unknown(Gap::Failed(
            "firewalld runs and names no zone that is active".into(),
        ));
    };
    if zones.iter().any(|zone| zone.rich_rules > 0) {
        return Gate::Unjudged(format!(
            "{source} has rich rules in zone {}, which are not judged; no service and no port of it allows {port}/tcp",
            names(false)
        ));
    }
    let name = &zone.name;
    Gate::Closed(Closed {
        summary: format!(
            "{source} does not let {port}/tcp into zone {}",
            names(false)
        ),
        command: format!(
            "allow the port: sudo firewall-cmd --permanent --zone={name} --add-port={port}/tcp && sudo firewall-cmd --reload"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, nothing_observed, verdict},
            inbound::{
                HTTP, HTTPS,
                samples::{firewall, firewalld, listening, own_rules, ufw, with},
            },
        },
        facts::{Facts, node_names::NodeNames, outbound::Lookup},
    };

    #[test]
    fn what_ufw_does() {
        use UfwAction::{Allow, Deny, Limit};
        let ufw_has = |rules: &'static [(UfwAction, u16, u16, &'static str)]| {
            firewall(move |firewall| firewall.ufw = ufw(rules))
        };
        let closed = Some("firewall-closed");
        judge_cases(
            &HTTP,
            &[
                Case::new(
                    "ufw lets in",
                    Status::Pass,
                    None,
                    ufw_has(&[(Allow, 80, 80, "")]),
                ),
                Case::new(
                    "in a range",
                    Status::Pass,
                    None,
                    ufw_has(&[(Limit, 1, 100, "")]),
                ),
                Case::new(
                    "no rule",
                    Status::Fail,
                    closed,
                    ufw_has(&[(Allow, 22, 22, "")]),
                ),
                Case::new("no rule at all", Status::Fail, closed, ufw_has(&[])),
                Case::new(
                    "forbidden before it is allowed",
                    Status::Fail,
                    closed,
                    ufw_has(&[(Deny, 80, 80, ""), (Allow, 80, 80, "")]),
                ),
                Case::new(
                    "allowed before it is forbidden",
                    Status::Pass,
                    None,
                    ufw_has(&[(Allow, 80, 80, ""), (Deny, 80, 80, "")]),
                ),
                Case::new(
                    "from some only, though Let's Encrypt comes from anywhere",
                    Status::Fail,
                    closed,
                    ufw_has(&[(Allow, 80, 80, "10.0.0.0/8")]),
                ),
                Case::new(
                    "lets in what no rule speaks of",
                    Status::Pass,
                    None,
                    firewall(|firewall| {
                        firewall.ufw = ufw(&[]).map(|ufw| Ufw {
                            lets_in_by_default: true,
                            ..ufw
                        });
                    }),
                ),
                Case::new(
                    "disabled",
                    Status::Pass,
                    None,
                    firewall(|firewall| firewall.ufw = Observed::Seen(Ufw::default())),
                ),
                Case::new(
                    "enabled, its rules readable by root only",
                    Status::Unknown,
                    Some("needs-root"),
                    firewall(|firewall| {
                        firewall.ufw = ufw(&[]).map(|ufw| Ufw {
                            rules: Observed::Denied("reading its rules needs root".into()),
                            ..ufw
                        });
                    }),
                ),
            ],
        );
        judge_cases(
            &HTTPS,
            &[Case::new(
                "443 from the customer's networks is enough",
                Status::Pass,
                None,
                ufw_has(&[(Allow, 443, 443, "10.0.0.0/8")]),
            )],
        );
    }

    #[test]
    fn what_ufw_does_with_ipv6() {
        let over_ipv4_only = |filters_ipv6: bool, name_has_ipv6: bool| {
            move |facts: &mut Facts| {
                firewall(move |firewall| {
                    firewall.ufw = ufw(&[(UfwAction::Allow, 80, 80, "")]).map(|mut ufw| {
                        ufw.filters_ipv6 = filters_ipv6;
                        if let Observed::Seen(rules) = &mut ufw.rules {
                            rules.retain(|rule| rule.family == UfwFamily::V4);
                        }
                        ufw
                    });
                })(facts);
                let addresses: &[&str] = if name_has_ipv6 {
                    &["203.0.113.7", "2001:db8::7"]
                } else {
                    &["203.0.113.7"]
                };
                let mut found = NodeNames::default();
                found.names.system =
                    Lookup::Found(addresses.iter().map(|it| it.parse().unwrap()).collect());
                facts.node_names = Observed::Seen(found);
            }
        };
        judge_cases(
            &HTTP,
            &[
                Case::new(
                    "no rule for IPv6, which the name has",
                    Status::Warn,
                    Some("firewall-closed"),
                    over_ipv4_only(true, true),
                ),
                Case::new(
                    "all of IPv6 dropped, which the name has",
                    Status::Warn,
                    Some("firewall-closed"),
                    over_ipv4_only(false, true),
                ),
                Case::new(
                    "no rule for IPv6, which the name has not",
                    Status::Pass,
                    None,
                    over_ipv4_only(true, false),
                ),
            ],
        );
        let mut facts = nothing_observed();
        over_ipv4_only(true, false)(&mut facts);
        let remarks = verdict(&HTTP, &facts).remarks.concat();
        assert!(remarks.contains("over IPv6"), "{remarks}");
    }

    #[test]
    fn what_firewalld_and_others_do() {
        let zones = |zones: &'static [(&'static str, u16, u16, usize)]| {
            firewall(move |firewall| firewall.firewalld = firewalld(zones))
        };
        let closed = Some("firewall-closed");
        judge_cases(
            &HTTP,
            &[
                Case::new(
                    "firewalld lets in",
                    Status::Pass,
                    None,
                    zones(&[("public", 80, 80, 0)]),
                ),
                Case::new(
                    "firewalld does not",
                    Status::Fail,
                    closed,
                    zones(&[("public", 22, 22, 0)]),
                ),
                Case::new(
                    "firewalld does for some interfaces",
                    Status::Fail,
                    closed,
                    zones(&[("public", 22, 22, 0), ("internal", 80, 80, 0)]),
                ),
                Case::new(
                    "firewalld has rules that are not judged",
                    Status::Pass,
                    None,
                    zones(&[("public", 22, 22, 1)]),
                ),
                Case::new(
                    "firewalld names no zone",
                    Status::Unknown,
                    Some("observation-failed"),
                    zones(&[]),
                ),
                Case::new(
                    "one firewall lets in, the other does not",
                    Status::Fail,
                    closed,
                    firewall(|firewall| {
                        firewall.ufw = ufw(&[(UfwAction::Allow, 80, 80, "")]);
                        firewall.firewalld = firewalld(&[("public", 22, 22, 0)]);
                    }),
                ),
                Case::new(
                    "Docker publishes around it",
                    Status::Pass,
                    None,
                    |facts: &mut Facts| {
                        firewall(|firewall| firewall.ufw = ufw(&[]))(facts);
                        let seen = facts.firewall.clone();
                        listening(&[(80, "0.0.0.0", "docker-proxy")])(facts);
                        facts.firewall = seen;
                    },
                ),
                Case::new(
                    "rules of its own are not judged",
                    Status::Pass,
                    None,
                    firewall(|firewall| firewall.rule_set = own_rules()),
                ),
                Case::new(
                    "the firewall could not be looked at",
                    Status::Unknown,
                    Some("timed-out"),
                    with(|facts| facts.firewall = Observed::TimedOut("it hangs".into())),
                ),
            ],
        );
    }

    #[test]
    fn the_command_that_opens_the_port_is_named() {
        let mut facts = nothing_observed();
        firewall(|firewall| firewall.ufw = ufw(&[]))(&mut facts);
        let advice = verdict(&HTTPS, &facts).advice.concat();
        assert!(advice.contains("sudo ufw allow 443/tcp"), "{advice}");
        firewall(|firewall| firewall.firewalld = firewalld(&[("dmz", 22, 22, 0)]))(&mut facts);
        let advice = verdict(&HTTPS, &facts).advice.concat();
        assert!(
            advice.contains("firewall-cmd --permanent --zone=dmz --add-port=443/tcp"),
            "{advice}"
        );
    }
}
