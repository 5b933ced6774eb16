//! CPUs, memory, and the disk behind the data.

mod cpu;

pub use cpu::CPU;
