//! What the files say that `--fix` writes: pure functions from the profile, the answers and what is there.

pub mod daemon_file;
pub mod environment_file;
pub mod proxy_drop_in;
pub mod stack;
mod templates;

pub use templates::TemplateError;
