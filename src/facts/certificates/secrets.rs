//! Telling the redactor of private keys, within bounds.

use super::pem;
use crate::redact::Redactor;

/// Characters that are remembered at most: some ten keys of 4096 bits. Keys beyond that are kept nowhere either, but are
/// known only by the form of their PEM.
const MOST_CHARACTERS: usize = 60_000;

/// Private keys that were met in one place.
pub struct Secrets<'a> {
    redactor: &'a Redactor,
    left: usize,
}

impl<'a> Secrets<'a> {
    /// None yet.
    pub fn new(redactor: &'a Redactor) -> Self {
        Self {
            redactor,
            left: MOST_CHARACTERS,
        }
    }

    /// Remembers a text that is secret as a whole.
    pub fn whole(&mut self, secret: &str) {
        if let Some(left) = self.left.checked_sub(secret.len()) {
            self.left = left;
            self.redactor.learn(secret);
        }
    }

    /// Remembers the lines of every private key in a text, so that it is known again even in part.
    pub fn in_pem(&mut self, text: &str) {
        for line in pem::secret_lines(text) {
            if self.left == 0 {
                return;
            }
            self.whole(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_amount_of_keys_makes_the_redactor_grow_without_end() {
        let redactor = Redactor::default();
        let mut secrets = Secrets::new(&redactor);
        let lines: Vec<String> = (0..100_000).map(|number| format!("{number:064}")).collect();
        secrets.in_pem(&format!(
            "-----BEGIN PRIVATE KEY-----\n{}",
            lines.join("\n")
        ));
        secrets.whole(&"x".repeat(5_000_000));
        let first = format!("{:064}", 0);
        assert!(!redactor.text(&first).contains(&first));
        let late = format!("{:064}", 99_999);
        assert!(redactor.text(&late).contains(&late));
    }
}
