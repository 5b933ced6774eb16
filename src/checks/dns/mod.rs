//! Name servers, and what they say of this machine's own name.

mod caa;
mod node_domain;
mod resolvers;

pub use caa::CAA;
pub use node_domain::NODE_DOMAIN;
pub use resolvers::RESOLVERS;

/// Why nothing is judged of the node's name.
const NODE_DOMAIN_UNKNOWN: &str = "no .env says what the node's name is to be (NODE_DOMAIN)";
