//! Which containers have to be made anew to be what their file says, whatever compose takes them for.

use super::find;
use crate::{
    checks::{Check, Context, Judge, Status, Verdict, software},
    facts::Facts,
};

/// A container that is to be made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The service of the compose file that it is made from.
    pub service: String,
    /// The engine's own id, which another container made in its place does not have.
    pub id: String,
}

/// The stack's containers that are not what the file says, or whose logs have no limit since they were made without.
#[must_use]
pub fn to_make_anew(facts: &Facts) -> Vec<Stale> {
    let Ok(containers) = facts
        .docker
        .seen()
        .and_then(|docker| docker.engine())
        .and_then(|engine| engine.containers.seen())
    else {
        return Vec::new();
    };
    let unlimited = unlimited(facts);
    let stale = facts.profile.stack.services.iter().filter_map(|expected| {
        let is_stale = has_drifted(facts, &expected.name) || unlimited.contains(&expected.name);
        let container = find(containers, expected, None).filter(|_| is_stale)?;
        Some(Stale {
            service: container.service()?.to_owned(),
            id: container.id.clone(),
        })
    });
    stale.collect()
}

fn has_drifted(facts: &Facts, name: &str) -> bool {
    let checks = [
        &super::WATCHTOWER,
        &super::TRAEFIK,
        &super::SESAM_NODE,
        &super::FLUENTBIT,
    ];
    let check = checks
        .into_iter()
        .find(|check| check.id.strip_prefix("container.") == Some(name));
    let verdict = check.and_then(|check| verdict(check, facts));
    verdict.is_some_and(|verdict| {
        verdict.status == Status::Fail
            && verdict.cause.as_deref() == Some(super::service::DRIFTED.code)
    })
}

/// The services whose containers were made without a limit for their logs.
fn unlimited(facts: &Facts) -> Vec<String> {
    let items =
        verdict(&software::DOCKER_CONFIG, facts).map_or_else(Vec::new, |verdict| verdict.items);
    items
        .into_iter()
        .filter(|item| item.cause.as_deref() == Some(software::UNBOUNDED_LOGS.code))
        .map(|item| item.name)
        .collect()
}

/// What a check says of the facts, where it can.
fn verdict(check: &Check, facts: &Facts) -> Option<Verdict> {
    let context = Context::new(facts, check.reads, facts.observed_at);
    match check.judge {
        Judge::One(judge) => judge(&context).ok(),
        Judge::Family { .. } => None,
    }
}
