//! Reading a report back, from JSON or from the page that embeds it.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{
    files::{self, FileProblem, Root},
    report::{self, Report},
    units::Bytes,
};

/// No report is larger; a page of 2,000 findings has some 10 MB.
const LARGEST: Bytes = Bytes(64_000_000);

/// A stored report could not be read back.
#[derive(Debug, Error)]
pub enum StoredReportError {
    /// The file could not be read.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: FileProblem,
    },
    /// It holds something else.
    #[error("{}:{line}:{column}: this is no report of sesam-doctor: {cause}; a report is what --report json=FILE or html=FILE writes", path.display())]
    NoReport {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1; within the embedded report where the file is a page.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What is wrong.
        cause: String,
    },
    /// It was made under a schema of the future.
    #[error("{}: the report has schema version {version}, and this doctor knows only {}; use a newer one", path.display(), report::SCHEMA_VERSION)]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        version: u32,
    },
}

/// Reads the report at `path`: JSON, or the page.
///
/// # Errors
/// Unreadable, too large, no report, or one of a newer schema.
pub fn read(path: &Path) -> Result<Report, StoredReportError> {
    let text = files::read_text(&Root::machine(), path, LARGEST).map_err(|cause| {
        StoredReportError::File {
            path: path.to_path_buf(),
            cause,
        }
    })?;
    read_text(path, &text)
}

/// Reads the report in `text`; `path` is what errors call it.
///
/// # Errors
/// As for [`read`].
pub fn read_text(path: &Path, text: &str) -> Result<Report, StoredReportError> {
    let text = text.trim_start_matches('\u{feff}');
    let document = if text.trim_start().starts_with('<') {
        report::embedded(text).ok_or_else(|| StoredReportError::NoReport {
            path: path.to_path_buf(),
            line: 1,
            column: 1,
            cause: "the page embeds none".into(),
        })?
    } else {
        text
    };
    let report: Report =
        serde_json::from_str(document).map_err(|cause| StoredReportError::NoReport {
            path: path.to_path_buf(),
            line: cause.line(),
            column: cause.column(),
            cause: without_place(&cause.to_string()),
        })?;
    if report.schema_version > report::SCHEMA_VERSION {
        return Err(StoredReportError::Newer {
            path: path.to_path_buf(),
            version: report.schema_version,
        });
    }
    Ok(report)
}

/// The place stands before the message already.
fn without_place(message: &str) -> String {
    message
        .split(" at line ")
        .next()
        .unwrap_or(message)
        .to_owned()
}
