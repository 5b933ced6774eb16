//! No bytes in place of a license make reading it panic, and what is read survives being recorded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sesam_doctor::facts::license::{Reading, text::read};

fuzz_target!(|content: &[u8]| {
    let reading = read(content);
    assert!(reading.id.is_some() || reading.fault.is_some());
    let recorded = serde_json::to_string(&reading).expect("a reading can be recorded");
    let replayed: Reading = serde_json::from_str(&recorded).expect("a recording can be read");
    assert_eq!(reading, replayed);
});
