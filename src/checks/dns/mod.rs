//! Name servers, and what they say of this machine's own name.

mod resolvers;

pub use resolvers::RESOLVERS;
