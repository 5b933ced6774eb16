//! License texts made by code: good ones, and ones with a known damage.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
#![allow(dead_code)] // Each test program uses its own part of it.

pub mod samples;

use base64::{Engine, engine::general_purpose::STANDARD};

pub const EMAIL: &str = "john.doe@example.com";
pub const SIGNATURE: &str =
    "bm90IGEgcmVhbCBzaWduYXR1cmUsIGp1c3QgYSBmaXh0dXJlLCBidXQgYSBsb25nIG9uZQ==";
pub const BEGIN: &str = "-----BEGIN SESAM LICENSE-----\n";
pub const END: &str = "-----END SESAM LICENSE-----\n";

/// A payload with this id, written as JSON writes it, that holds until `expires`.
pub fn payload(id: &str, expires: &str) -> String {
    format!(
        r#"{{"_id": {id}, "expires": "{expires}", "email": "{EMAIL}", "created": "2016-06-24T09:38:51"}}"#
    )
}

/// A license object around a payload.
pub fn signed(payload: &str) -> String {
    format!(
        r#"{{"payload": "{}", "signature": "{SIGNATURE}", "algorithm": "RS256"}}"#,
        STANDARD.encode(payload)
    )
}

/// Base64 with lines of this width; in one line where that is 0.
pub fn encoded(text: &[u8], width: usize) -> String {
    wrapped(&STANDARD.encode(text), width)
}

/// A text in lines of this width.
pub fn wrapped(text: &str, width: usize) -> String {
    if width == 0 {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let lines: Vec<String> = letters
        .chunks(width)
        .map(|line| line.iter().collect())
        .collect();
    lines.join("\n")
}

/// A text between the license's own lines.
pub fn armoured(body: &str) -> String {
    format!("{BEGIN}{body}\n{END}")
}

/// A license that holds until this time.
pub fn license_until(expires: &str) -> String {
    armoured(&encoded(
        signed(&payload("\"12345\"", expires)).as_bytes(),
        64,
    ))
}

/// A license that holds for as long as anybody runs these tests.
pub fn license() -> String {
    license_until("2999-01-01T00:00:00")
}
