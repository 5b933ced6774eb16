//! Reading files: inside a root directory, bounded in size, and never waiting for what is no file.

mod bounded;
mod root;

pub use bounded::{FileKind, FileProblem, LastLink, open_regular, read_bounded, read_text};
pub use root::{Root, Step, steps};
