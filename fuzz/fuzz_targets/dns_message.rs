#![no_main]

libfuzzer_sys::fuzz_target!(|content: &[u8]| sesam_doctor::facts::parsers::feed("dns_message", content));
