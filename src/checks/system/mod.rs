//! Operating system, clock, memory pressure, limits, and the account that the product's files belong to.

mod account;
pub mod clock;
mod limits;
mod memory_pressure;
mod os;

pub use account::ACCOUNT;
pub use clock::CLOCK;
pub use limits::LIMITS;
pub use memory_pressure::MEMORY_PRESSURE;
pub use os::OS;
