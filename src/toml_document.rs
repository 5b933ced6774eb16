//! Reading a TOML document that a person wrote, and saying where it is wrong.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::{
    files::{FileProblem, Root, read_bounded},
    spelling::nearest,
    units::Bytes,
};

/// Far more than any profile or settings file needs.
const LARGEST_DOCUMENT: Bytes = Bytes(1_000_000);

/// What is wrong with a TOML document, and where.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// The file could not be read at all.
    #[error("{}: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: FileProblem,
    },
    /// The file's bytes are no text.
    #[error("{}: it is not UTF-8 text, as TOML has to be", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The text is no TOML, or says something that is not understood.
    #[error("{name}:{line}:{column}: {message}{}", hint(nearest.as_deref()))]
    Wrong {
        /// The file or built-in document.
        name: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong and what would be right.
        message: String,
        /// The known key that is spelled most alike.
        nearest: Option<String>,
    },
    /// The document is read, but what it says does not fit together.
    #[error("{name}: {message}")]
    Unfit {
        /// The file or built-in document.
        name: String,
        /// What is wrong and what would be right.
        message: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |key| format!("; did you mean `{key}`?"))
}

/// Reads the document at `path`; `None` where there is no such file.
///
/// # Errors
/// Anything but a readable text file.
pub fn read(root: &Root, path: &Path) -> Result<Option<String>, DocumentError> {
    match read_bounded(root, path, LARGEST_DOCUMENT) {
        Ok(content) => String::from_utf8(content)
            .map(Some)
            .map_err(|_| DocumentError::NotText {
                path: path.to_path_buf(),
            }),
        Err(FileProblem::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(problem) => Err(DocumentError::Unreadable {
            path: path.to_path_buf(),
            problem,
        }),
    }
}

/// Parses a document of the given type; `name` is what errors call it.
///
/// # Errors
/// With line, column, and the nearest known key where an unknown one is the trouble.
pub fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, DocumentError> {
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let message = error.message().to_owned();
        let nearest = nearest_known(&message);
        wrong_at(name, text, offset, message, nearest.as_deref())
    })
}

/// What is wrong at a byte offset of a document.
#[must_use]
pub fn wrong_at(
    name: &str,
    text: &str,
    offset: usize,
    message: String,
    nearest: Option<&str>,
) -> DocumentError {
    let (line, column) = position(text, offset);
    DocumentError::Wrong {
        name: name.to_owned(),
        line,
        column,
        message,
        nearest: nearest.map(ToOwned::to_owned),
    }
}

/// Line and column, counted from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before
        .get(start..)
        .map_or(1, |rest| rest.chars().count() + 1);
    (line, column)
}

/// The known name nearest to an unknown one, from serde's “unknown field `x`, expected one of `a`, `b`”.
fn nearest_known(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (unknown, known): (&str, Vec<&str>) = (quoted.next()?, quoted.collect());
    if !message.starts_with("unknown ") {
        return None;
    }
    nearest(unknown, known.into_iter()).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Hardware {
        #[serde(default, rename = "memory_bytes")]
        _memory_bytes: u64,
        #[serde(default, rename = "cpus")]
        _cpus: u32,
    }

    #[test]
    fn an_error_says_where_and_what_was_probably_meant() {
        let error = parse::<Hardware>("site.toml", "cpus = 4\n\n  memory_byte = 3\n").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("site.toml:3:3: "), "{text}");
        assert!(text.ends_with("did you mean `memory_bytes`?"), "{text}");
        let error = parse::<Hardware>("site.toml", "cpus = \"four\"").unwrap_err();
        assert!(error.to_string().starts_with("site.toml:1:8: "), "{error}");
        let error = parse::<Hardware>("site.toml", "cpus = 4\ncpus = = 5").unwrap_err();
        assert!(error.to_string().starts_with("site.toml:2:"), "{error}");
    }
}
