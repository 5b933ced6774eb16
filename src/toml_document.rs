//! Reading a TOML document that a person wrote, and saying where it is wrong.

mod values;
mod words;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use thiserror::Error;
use toml::de::{DeTable, DeValue};

use values::Fault;
pub(crate) use values::Member;

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

impl DocumentError {
    /// Says of the document `name` that what stands at `path` (see [`place_of`]) does not fit.
    #[must_use]
    pub fn unfit_at(name: &str, text: &str, path: &str, message: String) -> Self {
        let name = name.to_owned();
        match place_of(text, path) {
            Some(Place { line, column }) => Self::Wrong {
                name,
                line,
                column,
                message,
                nearest: None,
            },
            None => Self::Unfit { name, message },
        }
    }

    /// Adds the place of the first key that the message names in backticks and `text` has.
    #[must_use]
    pub fn placed(self, text: &str) -> Self {
        let Self::Unfit { name, message } = self else {
            return self;
        };
        let path = message
            .split('`')
            .skip(1)
            .step_by(2)
            .find(|path| place_of(text, path).is_some())
            .unwrap_or_default()
            .to_owned();
        Self::unfit_at(&name, text, &path, message)
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |key| format!("; did you mean `{key}`?"))
}

/// What people name for a document that says nothing.
const NOTHING: &str = "/dev/null";

/// Reads the document at `path`; `None` where there is no such file.
///
/// # Errors
/// Anything but a readable text file.
pub fn read(root: &Root, path: &Path) -> Result<Option<String>, DocumentError> {
    if path == Path::new(NOTHING) {
        return Ok(Some(String::new()));
    }
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
    values::read(text).map_err(|fault| faulty(name, text, &fault))
}

/// The members of a document's first level, for documents that have no type of their own.
///
/// # Errors
/// No TOML.
pub(crate) fn members(name: &str, text: &str) -> Result<Vec<Member>, DocumentError> {
    values::read_members(text).map_err(|fault| faulty(name, text, &fault))
}

fn faulty(name: &str, text: &str, fault: &Fault) -> DocumentError {
    let nearest = nearest_known(&fault.message);
    wrong_at(
        name,
        text,
        fault.offset,
        words::plain(&fault.message),
        nearest.as_deref(),
    )
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

/// Where a document says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1.
    pub column: usize,
}

/// Where the key at a dotted path stands; the elements of a list are counted from 0, as in `waivers.0.until`.
/// Nothing where the text has no such key.
#[must_use]
pub fn place_of(text: &str, path: &str) -> Option<Place> {
    let document = DeTable::parse(text).ok()?;
    let mut value = &DeValue::Table(document.into_inner());
    let mut span = None;
    for step in path.split('.') {
        (span, value) = match value {
            DeValue::Table(table) => {
                let (key, value) = table.get_key_value(step)?;
                (Some(key.span()), value.get_ref())
            }
            DeValue::Array(list) => {
                let value = list.get(step.parse::<usize>().ok()?)?;
                (Some(value.span()), value.get_ref())
            }
            _ => return None,
        };
    }
    let (line, column) = position(text, span?.start);
    Some(Place { line, column })
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

    #[test]
    fn the_null_device_is_a_document_that_says_nothing() {
        let read = read(&Root::machine(), Path::new("/dev/null"));
        assert_eq!(read.unwrap().as_deref(), Some(""));
    }

    #[test]
    fn a_key_is_found_where_it_stands() {
        let text = "name = \"x\"\n[hardware]\n  cpus = 4\n[[waivers]]\ncheck = \"a\"\n[[waivers]]\ncheck = \"b\"\n";
        for (path, expected) in [
            ("name", Some((1, 1))),
            ("hardware.cpus", Some((3, 3))),
            ("waivers.1.check", Some((7, 1))),
            ("waivers.2.check", None),
            ("waivers.check", None),
            ("name.x", None),
            ("", None),
        ] {
            let place = place_of(text, path).map(|place| (place.line, place.column));
            assert_eq!(place, expected, "{path}");
        }
        assert_eq!(place_of("= no toml", "name"), None);
    }
}
