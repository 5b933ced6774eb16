//! The token that clients have to know.

use std::{io, os::unix::fs::MetadataExt, path::Path};

use hyper::header::HeaderValue;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::ServeError;
use crate::{
    files::{self, Root},
    redact::Redactor,
    units::Bytes,
};

/// A token is one line.
const LARGEST: Bytes = Bytes(10_000);

/// Shorter tokens can be guessed.
const SHORTEST: usize = 16;

/// Others than the owner and the group may not read the file.
const WORLD_READABLE: u32 = 0o004;

/// A token, kept as its hash only.
#[derive(Debug)]
pub struct Token([u8; 32]);

impl Token {
    /// Reads the token in the file at `path`, and tells it to the redactor.
    ///
    /// # Errors
    /// Unreadable, readable by everybody, or no token.
    pub fn read(path: &Path, redactor: &Redactor) -> Result<Self, ServeError> {
        let complaint = |words: &dyn std::fmt::Display| {
            ServeError::Token(format!("--token-file {}: {words}", path.display()))
        };
        let mode = mode(path).map_err(|error| complaint(&error))?;
        if mode & WORLD_READABLE != 0 {
            return Err(complaint(&"everybody can read it; chmod 600 mends that"));
        }
        let text = files::read_text(&Root::machine(), path, LARGEST)
            .map_err(|problem| complaint(&problem))?;
        let token = text.trim();
        redactor.learn(token);
        let is_printable = token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.len() < SHORTEST || !is_printable {
            return Err(complaint(&format!(
                "a token is one line of at least {SHORTEST} ASCII characters without spaces, as `openssl rand -hex 32` makes"
            )));
        }
        Ok(Self(Sha256::digest(token).into()))
    }

    /// Whether an `Authorization` header carries this token; how long that takes tells nothing about it.
    pub(super) fn is_in(&self, header: Option<&HeaderValue>) -> bool {
        let said = header
            .map(HeaderValue::as_bytes)
            .and_then(|value| value.split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
            .map(|(_, token)| token);
        let hash: [u8; 32] = Sha256::digest(said.unwrap_or_default()).into();
        said.is_some() & bool::from(hash.ct_eq(&self.0))
    }
}

fn mode(path: &Path) -> io::Result<u32> {
    Ok(std::fs::metadata(path)?.mode())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn stored(text: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("token");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (place, path)
    }

    #[test]
    fn only_the_token_itself_opens() {
        let (_place, path) = stored("0123456789abcdef\n", 0o600);
        let redactor = Redactor::default();
        let token = Token::read(&path, &redactor).unwrap();
        assert!(redactor.text("x 0123456789abcdef").contains("[redacted]"));
        for (header, opens) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer 0123456789abcdef", true),
            ("Bearer 0123456789abcdeg", false),
            ("Bearer 0123456789abcdef ", false),
            ("Basic 0123456789abcdef", false),
            ("Bearer ", false),
            ("", false),
        ] {
            let value = HeaderValue::from_str(header).unwrap();
            assert_eq!(token.is_in(Some(&value)), opens, "{header}");
        }
        assert!(!token.is_in(None));
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for (text, mode, expected) in [
            ("short", 0o600, "at least 16"),
            ("", 0o600, "at least 16"),
            ("two words are no token", 0o600, "at least 16"),
            ("0123456789abcdef", 0o644, "chmod 600"),
        ] {
            let (_place, path) = stored(text, mode);
            let error = Token::read(&path, &Redactor::default()).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
