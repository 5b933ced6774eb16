//! REMEDIATE: what mends a machine. The only room that changes one.

pub mod answers;
pub mod content;
pub mod transfer;
