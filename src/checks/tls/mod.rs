//! Certificates: as they lie on disk, how long they last, and what is served.

mod chain;
mod endpoint;
mod expiry;
mod no_handshake;
mod own;
mod store;

pub use endpoint::ENDPOINT;
pub use expiry::EXPIRY;
pub use store::STORE;

#[cfg(test)]
mod samples;
