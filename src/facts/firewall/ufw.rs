//! ufw, from the files that it keeps: its own program takes longer than a whole run may.

use serde::{Deserialize, Serialize};

use super::PortRange;
use crate::{
    facts::{Observed, Root, Site, bounded, read_text},
    profile::FirewallFiles,
    units::Bytes,
};

/// Larger than any file of ufw.
const LARGEST_FILE: Bytes = Bytes(4_000_000);
/// More rules than anybody keeps.
const MOST_RULES: usize = 10_000;

/// What ufw was told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ufw {
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether it lets in what no rule speaks of.
    pub lets_in_by_default: bool,
    /// Whether it filters IPv6 by rules; where not, it drops all of IPv6.
    pub filters_ipv6: bool,
    /// The rules for what comes in, in the order in which they are tried; those for IPv4 first. Empty where it is not enabled.
    #[serde(default)]
    pub rules: Observed<Vec<UfwRule>>,
}

/// One rule for what comes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UfwRule {
    /// For which version of IP.
    pub family: UfwFamily,
    /// What is done.
    pub action: UfwAction,
    /// `tcp`, `udp`, `any` …
    pub protocol: String,
    /// The ports that it is about; none: all.
    #[serde(default)]
    pub ports: Vec<PortRange>,
    /// The source that it is limited to; none: everybody.
    #[serde(default)]
    pub from: Option<String>,
    /// The destination that it is limited to; none: all of the machine's addresses.
    #[serde(default)]
    pub to: Option<String>,
    /// The interface that it is limited to; none: all.
    #[serde(default)]
    pub interface: Option<String>,
}

/// The version of IP that a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UfwFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UfwAction {
    /// Lets in.
    Allow,
    /// Lets in, but not too often from one address.
    Limit,
    /// Drops.
    Deny,
    /// Refuses.
    Reject,
}

/// Looks at it.
pub async fn observe(site: &Site) -> Observed<Ufw> {
    let root = site.root.clone();
    let files = site.profile.firewall.clone();
    bounded(site.deadline, "the files of ufw", move || {
        read(&root, &files)
    })
    .await
}

fn read(root: &Root, files: &FirewallFiles) -> Observed<Ufw> {
    let text = |file: &std::path::Path| match read_text(root, file, LARGEST_FILE) {
        Ok(text) => Observed::Seen(text),
        Err(problem) => Observed::from_problem(&problem, &file.display().to_string()),
    };
    let state = match text(&files.ufw_file) {
        Observed::Seen(state) => state,
        other => return other.map(|_| Ufw::default()),
    };
    let defaults = text(&files.ufw_defaults_file);
    let default = |key: &str| {
        let text = defaults.seen().ok()?;
        value(text, key)
    };
    let mut ufw = Ufw {
        enabled: value(&state, "ENABLED").is_some_and(|value| value == "yes"),
        lets_in_by_default: default("DEFAULT_INPUT_POLICY").is_some_and(|value| value == "accept"),
        filters_ipv6: default("IPV6").is_none_or(|value| value != "no"),
        rules: Observed::Seen(Vec::new()),
    };
    if ufw.enabled {
        ufw.rules = both(
            text(&files.ufw_rules_file).map(|text| parse_rules(&text, UfwFamily::V4)),
            text(&files.ufw_rules6_file).map(|text| parse_rules(&text, UfwFamily::V6)),
        );
    }
    Observed::Seen(ufw)
}

/// The rules of both families; a file that is not there has none.
fn both(first: Observed<Vec<UfwRule>>, second: Observed<Vec<UfwRule>>) -> Observed<Vec<UfwRule>> {
    let mut all = Vec::new();
    for rules in [first, second] {
        match rules {
            Observed::Seen(rules) => all.extend(rules),
            Observed::Absent => {}
            other => return other,
        }
    }
    Observed::Seen(all)
}

/// The last value of a shell-like `KEY=value`, in lower case and without quotes.
fn value(text: &str, key: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix(key)?
                .trim_start()
                .strip_prefix('=')
        })
        .next_back()
        .map(|value| value.trim().trim_matches(['"', '\'']).to_ascii_lowercase())
}

pub(in crate::facts) fn parse_rules(text: &str, family: UfwFamily) -> Vec<UfwRule> {
    text.lines()
        .filter_map(|line| parse_rule(line, family))
        .take(MOST_RULES)
        .collect()
}

/// ufw keeps each rule in a comment: `### tuple ### ACTION PROTOCOL PORTS TO SOURCE-PORTS FROM [APPS] DIRECTION`.
fn parse_rule(line: &str, family: UfwFamily) -> Option<UfwRule> {
    let words: Vec<&str> = line
        .trim()
        .strip_prefix("### tuple ###")?
        .split_whitespace()
        .take_while(|word| !word.starts_with("comment="))
        .collect();
    let [action, protocol, ports, to, _source_ports, from, rest @ ..] = words.as_slice() else {
        return None;
    };
    // `allow`, `allow_log`, `allow_log-all`; what is routed through the machine, `route:allow`, is no rule for itself.
    let action = match action.split('_').next()? {
        "allow" => UfwAction::Allow,
        "limit" => UfwAction::Limit,
        "deny" => UfwAction::Deny,
        "reject" => UfwAction::Reject,
        _ => return None,
    };
    let interface = match rest.last() {
        None | Some(&"in") => None,
        Some(direction) => Some(direction.strip_prefix("in_")?.to_owned()),
    };
    let everywhere = |address: &str| matches!(address, "any" | "0.0.0.0/0" | "::/0");
    let limited = |address: &str| (!everywhere(address)).then(|| address.to_owned());
    Some(UfwRule {
        family,
        action,
        protocol: (*protocol).to_owned(),
        ports: if *ports == "any" {
            Vec::new()
        } else {
            ports
                .split(',')
                .map(PortRange::parse)
                .collect::<Option<_>>()?
        },
        from: limited(from),
        to: limited(to),
        interface,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules_are_read_as_ufw_writes_them() {
        let rules = parse_rules(
            "*filter\n### RULES ###\n\
             ### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n\
             ### tuple ### allow_log tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 Nginx%20Full - in\n\
             ### tuple ### deny any any 0.0.0.0/0 any 10.0.0.0/8 in_eth1\n\
             ### tuple ### limit tcp 8000:8010 10.1.1.1 any 0.0.0.0/0 in comment=776562\n\
             ### tuple ### route:allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in\n\
             ### tuple ### allow tcp 25 0.0.0.0/0 any 0.0.0.0/0 out\n\
             ### END RULES ###\n",
            UfwFamily::V4,
        );
        let seen: Vec<String> = rules
            .iter()
            .map(|rule| {
                let ports: Vec<String> = rule
                    .ports
                    .iter()
                    .map(|ports| format!("{}-{}", ports.first, ports.last))
                    .collect();
                format!(
                    "{:?} {} {} from {:?} to {:?} on {:?}",
                    rule.action,
                    rule.protocol,
                    ports.join(","),
                    rule.from,
                    rule.to,
                    rule.interface
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                "Allow tcp 22-22 from None to None on None",
                "Allow tcp 80-80,443-443 from None to None on None",
                "Deny any  from Some(\"10.0.0.0/8\") to None on Some(\"eth1\")",
                "Limit tcp 8000-8010 from None to Some(\"10.1.1.1\") on None",
            ]
        );
    }

    #[test]
    fn values_are_those_of_the_shell() {
        let text = "# ENABLED=no\nENABLED=yes\nDEFAULT_INPUT_POLICY=\"DROP\"\nIPV6 = no\n";
        assert_eq!(value(text, "ENABLED").as_deref(), Some("yes"));
        assert_eq!(value(text, "DEFAULT_INPUT_POLICY").as_deref(), Some("drop"));
        assert_eq!(value(text, "IPV6").as_deref(), Some("no"));
        assert_eq!(value(text, "LOGLEVEL"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(### tuple ### |[a-z_:,/0-9. ]|\n|.)*") {
            let _ = parse_rules(&text, UfwFamily::V6);
            let _ = value(&text, "ENABLED");
        }
    }
}
