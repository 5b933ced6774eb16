//! The check reference in `docs/checks.md` says what the registry says.

use std::path::Path;

#[test]
fn the_check_reference_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checks.md");
    let current = sesam_doctor::reference::markdown();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&file, &current).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == current,
        "docs/checks.md is stale; run: UPDATE_REFERENCE=1 cargo test --test reference"
    );
}
