//! What only a person knows, asked on a terminal or read from `--answers FILE`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{
    files::Root,
    toml_document::{self, DocumentError},
};

/// The answers file, see `docs/operators.md`. Every member may be missing: only what a plan needs is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answers {
    /// The machine's fully qualified name.
    pub node_domain: Option<String>,
    /// The file with the license, on this machine.
    pub license_file: Option<PathBuf>,
    /// The account that owns the node's data.
    pub user_id: Option<u32>,
}

impl Answers {
    /// Reads an answers file.
    ///
    /// # Errors
    /// Unreadable, no TOML, an unknown key, or a value that cannot be.
    pub fn load(path: &Path) -> Result<Self, DocumentError> {
        let name = path.display().to_string();
        match toml_document::read(&Root::machine(), path)? {
            Some(text) => toml_document::parse(&name, &text),
            None => Err(DocumentError::Unfit {
                name,
                message: "there is no such file".into(),
            }),
        }
    }
}
