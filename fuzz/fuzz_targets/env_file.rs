//! `.env` as Compose reads it: no text whatever may make the parser panic or grow without bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sesam_doctor::facts::stack::env_file;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let file = env_file::parse(&text);
    for assignment in file.variables.values() {
        // Every line that is named exists.
        assert!(assignment.line <= text.matches('\n').count() + 1);
    }
});
