//! The stack's own files: compose file and `.env`.

mod compose;
mod env;
mod variable;

pub use compose::COMPOSE;
pub use env::ENV;

use super::Cause;

const MISSING: Cause = Cause::new("missing", "the file, or the variable in it, is not there");
const NOT_A_FILE: Cause = Cause::new(
    "not-a-file",
    "something else stands where the file should be",
);
const TOO_LARGE: Cause = Cause::new("too-large", "the file is larger than any of its kind");
