//! The stack's own files: the directory that it lives in, its compose file, its `.env`.

pub mod compose_file;
pub mod document;
pub mod env_file;
mod env_file_v1;
pub mod interpolation;
mod keys;
mod mounts;
mod observe;
pub mod ports;
mod service;
mod whereabouts;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use compose_file::ComposeFile;
use env_file::LineProblem;

use super::{FileKind, FileProblem, Observed};
use crate::units::Bytes;

pub use observe::{observe, project_name};
pub use whereabouts::Whereabouts;

/// The files of a stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stack {
    /// Where the stack is; where none was found, the first place where it could be.
    pub directory: PathBuf,
    /// The directories that were looked into.
    pub searched: Vec<PathBuf>,
    /// The compose file.
    pub compose: Observed<Content<ComposeFile>>,
    /// The file of variables.
    pub environment: Observed<Content<EnvironmentFile>>,
    /// Files beside the compose file that change what it says, and that were not followed.
    pub overrides: Vec<PathBuf>,
}

/// What stands where a file is expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Content<T> {
    /// A file, and what it says.
    File {
        /// What it says.
        content: T,
    },
    /// Something that is no file.
    NotAFile {
        /// Its path.
        path: PathBuf,
        /// What it is.
        kind: FileKind,
    },
    /// A file larger than any of its kind.
    TooLarge {
        /// Its path.
        path: PathBuf,
        /// Its size.
        size: Bytes,
        /// What is read at most.
        limit: Bytes,
    },
}

impl<T> Content<T> {
    /// What the file says, where there is one.
    #[must_use]
    pub fn file(&self) -> Option<&T> {
        match self {
            Self::File { content } => Some(content),
            Self::NotAFile { .. } | Self::TooLarge { .. } => None,
        }
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> Content<U> {
        match self {
            Self::File { content } => Content::File {
                content: change(content),
            },
            Self::NotAFile { path, kind } => Content::NotAFile { path, kind },
            Self::TooLarge { path, size, limit } => Content::TooLarge { path, size, limit },
        }
    }

    /// What a problem with reading the file at `path` amounts to.
    fn from_problem(problem: &FileProblem, path: PathBuf) -> Observed<Self> {
        match *problem {
            FileProblem::NotAFile(kind) => Observed::Seen(Self::NotAFile { path, kind }),
            FileProblem::TooLarge { size, limit } => {
                Observed::Seen(Self::TooLarge { path, size, limit })
            }
            FileProblem::Io(_) => Observed::from_problem(problem, &path.display().to_string()),
        }
    }
}

/// A `.env`, without its secrets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnvironmentFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its variables, by name.
    pub variables: Vec<Variable>,
    /// Why Compose refuses the file; then the variables are those before that line.
    pub problem: Option<LineProblem>,
}

/// One variable of `.env`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub value: VariableValue,
    /// Its line, counted from 1.
    pub line: usize,
    /// The line of an earlier assignment that this one supersedes.
    #[serde(default)]
    pub supersedes: Option<usize>,
    /// Whether Compose v1 reads another value.
    #[serde(default)]
    pub v1_differs: bool,
}

/// What a variable of `.env` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "text", rename_all = "kebab-case")]
pub enum VariableValue {
    /// A value that everybody may see.
    Plain(String),
    /// A secret, of which no more is kept than this.
    Hidden {
        /// Whether there is none.
        empty: bool,
        /// Whether it is still the template's.
        placeholder: bool,
    },
    /// A name without a value: left to the environment that Compose runs in.
    Inherited,
}

impl EnvironmentFile {
    /// The variable of this name.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }
}

impl Stack {
    /// The variable of this name, where `.env` was read and names it.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        match &self.environment {
            Observed::Seen(content) => content.file()?.variable(name),
            _ => None,
        }
    }

    /// The plain value of a variable, where it has one that is not empty.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        match &self.variable(name)?.value {
            VariableValue::Plain(value) if !value.trim().is_empty() => Some(value.trim()),
            _ => None,
        }
    }

    /// The account that owns the node's data (`USER_ID`).
    #[must_use]
    pub fn user_id(&self) -> Option<u32> {
        self.value("USER_ID")?.parse().ok()
    }

    /// The portal subscription (`SUBSCRIPTION_ID`).
    #[must_use]
    pub fn subscription_id(&self) -> Option<&str> {
        self.value("SUBSCRIPTION_ID")
    }

    /// The machine's fully qualified name (`NODE_DOMAIN`).
    #[must_use]
    pub fn node_domain(&self) -> Option<&str> {
        self.value("NODE_DOMAIN")
    }

    /// The files that may say more than the compose file does and were not followed: what is laid over it, and what it
    /// itself takes from elsewhere by one of these keys, as in `services.traefik.extends`. None where it says all.
    #[must_use]
    pub fn elsewhere(&self, keys: &[String]) -> Option<String> {
        let laid_over = self.overrides.iter().map(|path| path.display().to_string());
        let file = self.compose_file();
        let taken = file.into_iter().flat_map(|file| &file.not_followed);
        let taken = taken.filter(|what| {
            let key = what.split(':').next().unwrap_or_default();
            keys.iter().any(|wanted| wanted == key)
        });
        let files: Vec<String> = laid_over.chain(taken.cloned()).collect();
        (!files.is_empty()).then(|| files.join(", "))
    }

    /// The compose file, where it was read.
    #[must_use]
    pub fn compose_file(&self) -> Option<&ComposeFile> {
        match &self.compose {
            Observed::Seen(content) => content.file(),
            _ => None,
        }
    }
}
