//! What stands where a secret stood.

use std::{fmt, sync::Arc};

use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};

/// What stands where a secret stood, unless equal secrets are to be seen as equal.
pub const MARK: &str = "[redacted]";

/// The key of marks: whoever has it can tell whether a guess is the secret, so it is forgotten with the run.
#[derive(Clone)]
pub struct MarkKey(Arc<hmac::Key>);

impl fmt::Debug for MarkKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MarkKey")
    }
}

impl MarkKey {
    /// A key that nobody else has.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        // Without randomness marks would be guessable; then the time and the process make the difference.
        if SystemRandom::new().fill(&mut bytes).is_err() {
            bytes = seed();
        }
        Self::of(&bytes)
    }

    /// The key made of these bytes, so that marks of several runs can be compared.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// Four bytes that are the same for the same secret.
    pub(super) fn digest(&self, secret: &[u8]) -> [u8; 4] {
        let tag = hmac::sign(&self.0, secret.trim_ascii());
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }
}

/// What differs from process to process, where the kernel gives no random bytes.
fn seed() -> [u8; 32] {
    use std::hash::{BuildHasher, RandomState};
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&RandomState::new().hash_one(0).to_le_bytes());
    }
    bytes
}
