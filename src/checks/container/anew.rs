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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        checks::cases::{engine, made_by_compose, nothing_observed, stack_file},
        facts::{
            Observed,
            docker::{Container, Details, Information, State},
        },
    };

    /// A container as compose makes it of the file, its log without a limit, on an engine that sets none.
    fn made(service: &str) -> (Container, Details) {
        let profile = crate::profile::load("2023").unwrap();
        let mut services = profile.stack.services.iter();
        let known = services.find(|known| known.name == service).unwrap();
        let container = Container {
            id: format!("id of {service}"),
            ..made_by_compose("data", service)
        };
        let details = Details {
            image: format!("{}:1.0", known.image),
            restart_policy: "always".into(),
            networks: BTreeMap::from([("data_default".into(), None)]),
            log_driver: "local".into(),
            ..Details::default()
        };
        (container, details)
    }

    /// The services whose containers are to be made anew, where these are changed.
    fn anew(change: impl Fn(&mut Container, &mut Details)) -> Vec<Stale> {
        let mut facts = nothing_observed();
        stack_file(|_| {})(&mut facts);
        engine(|engine| {
            engine.information = Observed::Seen(Information {
                logging_driver: "json-file".into(),
                storage_driver: "overlay2".into(),
                ..Information::default()
            });
            let services = ["watchtower", "traefik", "sesam-node", "fluentbit"];
            let containers = services.map(|service| {
                let (mut container, mut details) = made(service);
                if service == "traefik" {
                    change(&mut container, &mut details);
                }
                container.details = Observed::Seen(details);
                container
            });
            engine.containers = Observed::Seen(containers.into());
        })(&mut facts);
        if let Observed::Seen(docker) = &mut facts.docker {
            docker.daemon_file = Observed::Absent;
        }
        to_make_anew(&facts)
    }

    fn traefik() -> Vec<Stale> {
        vec![Stale {
            service: "traefik".into(),
            id: "id of traefik".into(),
        }]
    }

    #[test]
    fn what_the_file_says_is_left() {
        assert_eq!(anew(|_, _| {}), []);
        assert_eq!(to_make_anew(&nothing_observed()), []);
    }

    #[test]
    fn what_is_not_what_the_file_says_is_made_anew() {
        assert_eq!(
            anew(|_, details| details.image = "traefik:2".into()),
            traefik()
        );
    }

    #[test]
    fn what_has_logs_without_a_limit_is_made_anew() {
        let unlimited = |_: &mut Container, details: &mut Details| {
            details.log_driver = "json-file".into();
        };
        assert_eq!(anew(unlimited), traefik());
    }

    #[test]
    fn what_has_only_ended_or_was_not_made_by_compose_is_not_made_anew() {
        assert_eq!(anew(|container, _| container.state = State::Exited), []);
        let by_hand = |container: &mut Container, details: &mut Details| {
            container.labels.clear();
            details.log_driver = "json-file".into();
        };
        assert_eq!(anew(by_hand), []);
    }
}
