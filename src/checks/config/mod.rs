//! The stack's own files: compose file and `.env`.

mod compose;
mod docker_api;
mod env;
mod expected;
mod networks;
mod node_port;
mod variable;
mod watchtower;

pub use compose::COMPOSE;
pub use docker_api::DOCKER_API;
pub use env::ENV;
pub use expected::{beyond_the_edition, name_in};
pub use networks::NETWORKS;
pub use node_port::NODE_PORT;
pub use variable::value_fault;
pub use watchtower::{WATCHTOWER_ARGUMENTS, WATCHTOWER_LOGIN};

use super::{Cause, Context};
use crate::facts::{docker::Details, stack::Stack};

const MISSING: Cause = Cause::new("missing", "the file, or the variable in it, is not there");
const NOT_A_FILE: Cause = Cause::new(
    "not-a-file",
    "something else stands where the file should be",
);
const TOO_LARGE: Cause = Cause::new("too-large", "the file is larger than any of its kind");

/// The files that were not followed and may say something of a service's variables and mounts.
fn said_elsewhere(stack: &Stack, service: &str) -> Option<String> {
    let keys = ["extends", "env_file"].map(|key| format!("services.{service}.{key}"));
    stack.elsewhere(&keys)
}

/// The container that was made of a service, which shows what files say of it that were not followed.
fn made_of<'c>(context: &Context<'c>, service: &str) -> Option<&'c Details> {
    let docker = context.facts.docker().seen().ok()?;
    let containers = docker.engine().ok()?.containers.seen().ok()?;
    let container = containers
        .iter()
        .find(|container| container.is_of_service(service))?;
    container.details.seen().ok()
}
