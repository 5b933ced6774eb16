//! Directories and links of the manual, and who owns what in them.

mod agent_dir;
mod data_dir;
mod data_link;
mod directory;
mod letsencrypt_dir;
mod logs_dir;
mod node_dir;
mod ownership;

#[cfg(test)]
mod samples;

pub use agent_dir::AGENT_DIR;
pub use data_dir::DATA_DIR;
pub use data_link::DATA_LINK;
pub use letsencrypt_dir::LETSENCRYPT_DIR;
pub use logs_dir::LOGS_DIR;
pub use node_dir::NODE_DIR;
pub use ownership::OWNERSHIP;
