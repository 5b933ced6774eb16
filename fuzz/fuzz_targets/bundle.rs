//! No bytes in place of a bundle make reading it panic, hang, or take more memory than its size allows.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sesam_doctor::bundle::facts_in;

fuzz_target!(|content: &[u8]| {
    // As it is, and as what is inside of the packing.
    let _ = facts_in(content);
    if let Ok(packed) = zstd::encode_all(content, 1) {
        let _ = facts_in(&packed);
    }
});
