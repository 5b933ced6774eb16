//! Paths in the journal: as text where they are text, and without loss where they are not.

use std::{
    ffi::OsString,
    fmt::Write,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// The path as text; a backslash and every byte that is no text become `\xHH`.
pub(super) fn to_text(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter == '\\' {
                text.push_str("\\x5c");
            } else {
                text.push(letter);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// The path of a text that [`to_text`] made.
fn from_text(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let digits = after.strip_prefix('x')?;
        bytes.push(u8::from_str_radix(digits.get(..2)?, 16).ok()?);
        rest = digits.get(2..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(PathBuf::from(OsString::from_vec(bytes)))
}

pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_text(path))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(deserializer)?;
    from_text(&text).ok_or_else(|| D::Error::custom(format!("“{text}” is no path of the journal")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_comes_back_as_it_was() {
        for bytes in [
            b"/srv/data".as_slice(),
            b"/a\\b",
            b"/\xff\xfe/x",
            "/käse".as_bytes(),
            b"/a\nb",
        ] {
            let path = PathBuf::from(OsString::from_vec(bytes.to_vec()));
            assert_eq!(from_text(&to_text(&path)), Some(path));
        }
        for wrong in ["\\", "\\x", "\\xf", "\\xzz", "\\y00"] {
            assert_eq!(from_text(wrong), None, "{wrong}");
        }
    }
}
