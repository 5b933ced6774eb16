//! The stack's containers: that they run, and are what the compose file says.

mod anew;
mod drift;
mod foreign;
mod image;
mod service;

pub use anew::{Stale, to_make_anew};
pub use foreign::{FOREIGN, KEPT_SUFFIX, foreign_containers};
pub use image::IMAGE;
pub use service::{FLUENTBIT, SESAM_NODE, TRAEFIK, WATCHTOWER};

use jiff::SignedDuration;

use crate::{
    checks::Context,
    facts::{
        docker::Container,
        stack::compose_file::{ComposeFile, Service},
    },
    profile,
};

/// For how long Traefik's container has run; none where it does not, and where nobody knows.
pub(super) fn traefik_runs_for(context: &Context) -> Option<SignedDuration> {
    let name = TRAEFIK.id.strip_prefix("container.")?;
    let services = &context.profile.stack.services;
    let expected = services.iter().find(|service| service.name == name)?;
    let docker = context.facts.docker().seen().ok()?;
    let containers = docker.engine().ok()?.containers.seen().ok()?;
    let container = find(containers, expected, None)?;
    let started = container.details.seen().ok()?.started?;
    container
        .state
        .is_alive()
        .then(|| context.now.duration_since(started))
}

/// The container of a service: the one that compose made of it, or else the one that has its name.
fn find<'c>(
    containers: &'c [Container],
    expected: &profile::Service,
    written: Option<(&str, &Service, &ComposeFile)>,
) -> Option<&'c Container> {
    let service = written.map_or(expected.name.as_str(), |(name, _, _)| name);
    let project = written.map(|(_, _, file)| file.project.as_str());
    let called = written
        .and_then(|(_, service, _)| service.container_name.as_deref())
        .unwrap_or(&expected.name);
    let made = containers
        .iter()
        .filter(|container| container.service() == Some(service) && !container.is_one_off());
    made.clone()
        .find(|container| project.is_some() && container.project() == project)
        .or_else(|| containers.iter().find(|container| container.name == called))
        .or_else(|| made.clone().next())
}
