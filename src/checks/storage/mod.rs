//! Mounts and free space.

mod data_mount;
mod data_space;
mod data_writable;
mod docker_space;
mod inodes;
mod root_space;
mod space;

#[cfg(test)]
pub(in crate::checks) mod samples;

pub use data_mount::{DATA_MOUNT, NOT_MOUNTED};
pub use data_space::DATA_SPACE;
pub use data_writable::DATA_WRITABLE;
pub use docker_space::DOCKER_SPACE;
pub use inodes::INODES;
pub use root_space::ROOT_SPACE;
