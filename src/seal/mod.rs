//! Sealing what leaves: for one reader only, and so that everybody can tell who made it.

mod age;
mod ssh_signature;

pub use age::{Recipient, RecipientError, encrypt};
pub use ssh_signature::{Signer, SignerError};
