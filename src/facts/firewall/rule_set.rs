//! The rules that the kernel has, as far as they tell that somebody filters. What they let in is not judged by them.

use std::{collections::BTreeSet, path::Path};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::facts::{
    Observed, Site,
    program::{self, Ended},
};

/// Lists tables and chains without their rules.
const PROGRAM: &str = "nft";
/// More than any list of chains takes.
const LARGEST_LIST: usize = 1_000_000;
/// More chains than are shown.
const MOST_CHAINS: usize = 30;
/// Docker's own chain, into which rules belong that are to hold for published ports.
const DOCKER_CHAIN: &str = "DOCKER-USER";

/// What the kernel filters by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSet {
    /// The chains through which everything goes that comes in to this machine itself.
    pub input_chains: Vec<InputChain>,
    /// Whether Docker has chains of its own, by which published ports go around those.
    pub has_docker_chains: bool,
}

/// A chain for what comes in.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InputChain {
    /// Family and name of its table, as in `inet filter`.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// Whether it drops what no rule speaks of.
    pub drops_by_default: bool,
}

/// Looks at it.
pub async fn observe(site: &Site) -> Observed<RuleSet> {
    if !rustix::process::geteuid().is_root() {
        return Observed::Denied("reading the kernel's packet filter needs root".into());
    }
    let mut command = Command::new(PROGRAM);
    command.args(["list", "chains"]);
    match program::run(command, LARGEST_LIST, site.deadline).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Observed::Absent,
        Err(error) => Observed::Failed(format!("{PROGRAM} could not be run: {error}")),
        Ok(run) => match run.ended {
            Ended::Exited(0) => Observed::Seen(parse(&run.stdout.text())),
            Ended::TimedOut => Observed::TimedOut(format!(
                "{PROGRAM} list chains did not answer within {} s",
                site.deadline.as_secs_f64()
            )),
            _ => Observed::Failed(format!(
                "{PROGRAM} list chains failed: {}",
                run.stderr.text().lines().next().unwrap_or_default()
            )),
        },
    }
}

/// Whether a program of this name is where programs of the system are.
pub(super) fn is_installed(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .any(|directory| Path::new(directory).join(program).exists())
}

pub(in crate::facts) fn parse(text: &str) -> RuleSet {
    let mut chains = BTreeSet::new();
    let mut set = RuleSet::default();
    let (mut table, mut chain) = (String::new(), String::new());
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["table", family, name, ..] => table = clipped(&format!("{family} {name}")),
            ["chain", name, ..] => {
                chain = clipped(name);
                set.has_docker_chains |= *name == DOCKER_CHAIN;
            }
            ["type", "filter", "hook", "input", ..] => {
                chains.insert(InputChain {
                    table: table.clone(),
                    chain: chain.clone(),
                    drops_by_default: words
                        .windows(2)
                        .any(|pair| matches!(pair, ["policy", policy] if policy.trim_end_matches(';') == "drop")),
                });
            }
            _ => {}
        }
    }
    set.input_chains = chains.into_iter().take(MOST_CHAINS).collect();
    set
}

fn clipped(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chains_for_what_comes_in_are_found() {
        let set = parse(
            "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n\tchain own {\n\t}\n}\n\
             table ip filter {\n\tchain DOCKER-USER {\n\t}\n\tchain INPUT {\n\t\ttype filter hook input priority 0; policy accept;\n\t}\n\
             \tchain FORWARD {\n\t\ttype filter hook forward priority 0; policy drop;\n\t}\n}\n",
        );
        assert!(set.has_docker_chains);
        let seen: Vec<(&str, &str, bool)> = set
            .input_chains
            .iter()
            .map(|chain| {
                (
                    chain.table.as_str(),
                    chain.chain.as_str(),
                    chain.drops_by_default,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("inet filter", "input", true),
                ("ip filter", "INPUT", false)
            ]
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(table |chain |type filter hook input |policy |drop;|[a-z {}\n]|.)*") {
            let _ = parse(&text);
        }
    }
}
