//! Docker, compose, and the login for the registry.

mod compose;
mod docker;
mod docker_config;
mod docker_proxy;
mod registry_login;

pub use compose::COMPOSE;
pub use docker::DOCKER;
pub use docker_config::{DOCKER_CONFIG, UNBOUNDED_LOGS};
pub use docker_proxy::DOCKER_PROXY;
pub use registry_login::REGISTRY_LOGIN;
