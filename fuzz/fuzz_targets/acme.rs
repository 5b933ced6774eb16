//! No text in place of an ACME store makes reading it panic, and what is read survives being recorded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sesam_doctor::{
    facts::certificates::{AcmeContent, acme::read},
    redact::Redactor,
};

fuzz_target!(|content: &[u8]| {
    let content = read(&String::from_utf8_lossy(content), None, &Redactor::default());
    let recorded = serde_json::to_string(&content).expect("a store can be recorded");
    let replayed: AcmeContent = serde_json::from_str(&recorded).expect("a recording can be read");
    assert_eq!(content, replayed);
});
