//! Kinds of characters, looked up in a table: most of a log is asked for them.

/// Some of the bytes.
pub(super) struct Kind([bool; 256]);

impl Kind {
    /// Letters and digits of ASCII, and these.
    // What is computed while compiling cannot fail while running.
    #[allow(clippy::indexing_slicing)]
    pub(super) const fn letters_digits_and(others: &[u8]) -> Self {
        let mut table = [false; 256];
        let mut byte = 0_u8;
        while byte < 128 {
            table[byte as usize] = byte.is_ascii_alphanumeric();
            byte += 1;
        }
        let mut index = 0;
        while index < others.len() {
            table[others[index] as usize] = true;
            index += 1;
        }
        Self(table)
    }

    /// Whether the byte is of this kind.
    #[inline]
    pub(super) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).copied().unwrap_or_default()
    }
}
