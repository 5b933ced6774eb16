//! The view from outside: `listen` answers on the machine that is to be installed, `probe` looks at it from another one.

pub mod listen;
pub mod probe;
pub mod report;
pub mod token;

mod doors;
mod events;
mod redirect;
mod visitor;

pub use events::{Ending, Event, Form};
