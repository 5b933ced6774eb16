//! `config.networks`

use std::collections::BTreeSet;

use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Mend, Prose, Remedy,
        Verdict, software,
    },
    facts::Source,
};

const MISSING: Cause = Cause::new("missing", "a network that has to exist beforehand does not");

/// See [`Prose::checks`] in the declaration.
pub static NETWORKS: Check = Check {
    id: "config.networks",
    title: "External networks exist",
    category: Category::Config,
    level: Level::Required,
    needs: &[&software::DOCKER],
    reads: &[Source::Docker, Source::Stack],
    reference: "Operator's manual, installing the stack: docker network create",
    causes: &[MISSING],
    prose: Prose {
        checks: "Every network that the compose file declares as external, and every one of the profile's `stack.networks`, is known to the engine under that very name. A missing one fails.",
        why: "Compose does not make external networks: without them it refuses to start anything. The node starts microservices on a network that Compose does not know of, so it has to outlive the stack.",
        remedy: "Make the network with `docker network create NAME`, and start the stack again with `docker compose up -d`.",
    },
    mends: &[Mend::new(Remedy::CreateNetworks, &[MISSING])],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let engine = context.facts.docker().seen()?.engine()?;
    let networks = engine.networks.seen()?;
    let mut needed: BTreeSet<&str> = context
        .profile
        .stack
        .networks
        .iter()
        .map(String::as_str)
        .collect();
    // Without a readable compose file the profile's networks are judged all the same.
    let file = context
        .facts
        .stack()
        .seen()
        .ok()
        .and_then(|stack| stack.compose_file());
    if let Some(file) = file {
        for (name, network) in &file.networks {
            if network.external {
                needed.insert(network.name.as_deref().unwrap_or(name));
            }
        }
    }
    let missing: Vec<&str> = needed
        .iter()
        .copied()
        .filter(|name| !networks.contains(*name))
        .collect();
    let items = needed
        .iter()
        .map(|name| {
            if networks.contains(*name) {
                Item::pass(*name, "exists")
            } else {
                Item::fail(*name, MISSING, "the engine knows no such network")
            }
        })
        .collect();
    let names: Vec<&str> = needed.iter().copied().collect();
    let verdict = Verdict::worst_of(items, format!("{} exist", names.join(" and ")))
        .observed(networks.iter().cloned().collect::<Vec<_>>())
        .expected(format!("the networks {}", names.join(", ")));
    Ok(verdict.advice_all(
        missing
            .into_iter()
            .map(|name| format!("make it: docker network create {name}")),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, engine, judge_cases},
        },
        facts::{Facts, Observed, docker::Engine},
    };

    fn networks(names: &'static [&'static str]) -> impl Fn(&mut Facts) {
        engine(move |engine: &mut Engine| {
            engine.networks = Observed::Seen(names.iter().map(|name| (*name).to_owned()).collect());
        })
    }

    #[test]
    fn cases() {
        judge_cases(
            &NETWORKS,
            &[
                Case::new(
                    "both and more",
                    Status::Pass,
                    None,
                    networks(&["bridge", "host", "microservices", "none", "sesam"]),
                ),
                Case::new(
                    "one is missing",
                    Status::Fail,
                    Some("missing"),
                    networks(&["sesam", "data_microservices"]),
                ),
                Case::new("none", Status::Fail, Some("missing"), networks(&[])),
                Case::new(
                    "not observed",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "the engine hung",
                    Status::Unknown,
                    Some("timed-out"),
                    engine(|engine: &mut Engine| {
                        engine.networks = Observed::TimedOut("networks".into());
                    }),
                ),
            ],
        );
    }
}
