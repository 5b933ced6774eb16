//! Whatever surrounds a known secret, it does not come out; and a stream says what the text in memory says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sesam_doctor::redact::{MarkKey, Redactor};

const SECRET: &str = "Zq9-known/secret+Xw7";

fuzz_target!(|content: &[u8]| {
    let key = MarkKey::of(b"fuzz");
    let redactor = Redactor::default().with_marks(key.clone()).masking_identity(key);
    redactor.learn(SECRET);
    let text = String::from_utf8_lossy(content);
    let text = format!("{text}{SECRET}{text}");
    let clean = redactor.text(&text);
    assert!(!clean.contains(SECRET));
    let mut streamed = Vec::new();
    redactor
        .stream(&mut text.as_bytes(), &mut streamed)
        .expect("memory can be written to");
    assert_eq!(String::from_utf8_lossy(&streamed), clean);
});
