//! CPUs, memory, and the disk behind the data.

mod cpu;
mod memory;

pub use cpu::CPU;
pub use memory::MEMORY;
