//! CPUs, memory, and the disk behind the data.

mod cpu;
mod data_partition;
mod memory;
mod storage_speed;

pub use cpu::CPU;
pub use data_partition::DATA_PARTITION;
pub use memory::MEMORY;
pub use storage_speed::STORAGE_SPEED;
