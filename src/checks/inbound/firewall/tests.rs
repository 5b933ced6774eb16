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
#[allow(clippy::too_many_lines)]
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
                "firewalld lets in, and has a zone for virtual machines",
                Status::Pass,
                None,
                firewall(|firewall| {
                    firewall.firewalld =
                        firewalld(&[("public", 80, 80, 0), ("libvirt", 53, 53, 0)]);
                    if let Observed::Seen(firewalld) = &mut firewall.firewalld {
                        firewalld.zones[1].interfaces = vec!["virbr0".into()];
                    }
                }),
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
                "firewalld does not for two interfaces, and Docker's zone accepts everything",
                Status::Fail,
                closed,
                zones(&[
                    ("docker", 1, 65_535, 0),
                    ("public", 22, 22, 0),
                    ("dmz", 22, 22, 0),
                ]),
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
                "Docker publishes around it, with the programs of Red Hat 7",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    firewall(|firewall| firewall.ufw = ufw(&[]))(facts);
                    let seen = facts.firewall.clone();
                    listening(&[(80, "::", "docker-proxy-cu")])(facts);
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
                "rules of its own are ufw's",
                Status::Pass,
                None,
                firewall(|firewall| {
                    firewall.rule_set = own_rules();
                    firewall.ufw = ufw(&[(UfwAction::Allow, 80, 80, "")]);
                }),
            ),
            Case::new(
                "rules of its own are firewalld's",
                Status::Pass,
                None,
                firewall(|firewall| {
                    firewall.rule_set = own_rules();
                    firewall.firewalld = firewalld(&[("public", 80, 80, 0)]);
                }),
            ),
            Case::new(
                "rules of its own, which accept what no rule speaks of",
                Status::Pass,
                None,
                firewall(|firewall| {
                    firewall.rule_set = own_rules().map(|mut set| {
                        set.input_chains[0].drops_by_default = false;
                        set
                    });
                }),
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
    let zones = [("docker", 1, 65_535, 0), ("public", 22, 22, 0)];
    firewall(move |firewall| firewall.firewalld = firewalld(&zones))(&mut facts);
    let closed = verdict(&HTTPS, &facts);
    assert_eq!(closed.cause.as_deref(), Some("firewall-closed"));
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
