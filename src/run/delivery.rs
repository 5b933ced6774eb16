//! How what was made leaves: to files, signed where that is asked for, and to stdout.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Exit, RunError};
use crate::{cli::RunOptions, output, screen, seal::Signer};

/// What signs, where that is asked for.
pub(super) fn signer(options: &RunOptions) -> Result<Option<Signer>, RunError> {
    Ok(options.sign.as_deref().map(Signer::read).transpose()?)
}

/// Facts go to the file where one is named, else to stdout.
pub(super) async fn deliver(
    files: Vec<(PathBuf, String)>,
    text: String,
    signer: Option<Signer>,
) -> Result<(), RunError> {
    let stdout = if files.is_empty() {
        text
    } else {
        String::new()
    };
    deliver_report(files, stdout, signer).await
}

/// Writes on a thread of its own, so that a reader who does not read cannot keep a signal from ending the run.
pub(super) async fn deliver_report(
    files: Vec<(PathBuf, String)>,
    stdout: String,
    signer: Option<Signer>,
) -> Result<(), RunError> {
    let writing = tokio::task::spawn_blocking(move || {
        for (file, content) in files {
            output::write_file(&file, content.as_bytes())?;
            sign(signer.as_ref(), &file)?;
        }
        print(&stdout)
    });
    writing
        .await
        .unwrap_or_else(|error| Err(RunError::Stdout(io::Error::other(error))))
}

/// Puts the signature of a file that was written beside it.
pub(super) fn sign(signer: Option<&Signer>, file: &Path) -> Result<(), RunError> {
    if let Some(signer) = signer {
        let mut beside = file.as_os_str().to_owned();
        beside.push(".sig");
        output::write_file(&PathBuf::from(beside), signer.sign_file(file)?.as_bytes())?;
    }
    Ok(())
}

pub(super) fn say(text: &str) -> Result<Exit, RunError> {
    print(text).map(|()| Exit::Done)
}

/// Puts words for a person on stdout.
pub(super) fn show(words: &str) -> Result<(), RunError> {
    print(&screen::harmless(words))
}

pub(super) fn print(text: &str) -> Result<(), RunError> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        // Whoever reads has seen enough, as in `| head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(RunError::Stdout),
    }
}
