//! Files that the doctor leaves behind: whole or not at all, and for their owner's eyes only.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

/// A file could not be written.
#[derive(Debug, Error)]
#[error("{} could not be written: {cause}", path.display())]
pub struct OutputError {
    path: PathBuf,
    cause: io::Error,
}

/// Writes `content` to `path` with mode 600: until it is complete and on the disk, what stood there before stays.
///
/// # Errors
/// Where the directory is missing, not writable or full; the former file is then untouched.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), OutputError> {
    write_with(path, |file| file.write_all(content))
}

/// Like [`write_file`], with a content that is made while it is written.
///
/// # Errors
/// As for [`write_file`], and where making the content fails.
pub fn write_with(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), OutputError> {
    let directory = directory_of(path);
    let attempt = || -> io::Result<()> {
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut file = tempfile::Builder::new()
            .prefix(".sesam-doctor-")
            .tempfile_in(directory)?;
        write(file.as_file_mut())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        // The name is durable only once the directory is.
        File::open(directory)?.sync_all()
    };
    attempt().map_err(|cause| OutputError {
        path: path.to_path_buf(),
        cause,
    })
}

/// A file without a name beside `path`, which goes with the process however that ends.
///
/// # Errors
/// Where the directory is missing, not writable or full.
pub fn scratch_file(path: &Path) -> Result<File, OutputError> {
    tempfile::tempfile_in(directory_of(path)).map_err(|cause| OutputError {
        path: path.to_path_buf(),
        cause,
    })
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_with_mode_600() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("report.json");
        std::fs::write(&path, "before").unwrap();
        write_file(&path, b"after").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "after");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let place = tempfile::tempdir().unwrap();
        let missing = place.path().join("missing/report.json");
        let error = write_file(&missing, b"x").unwrap_err().to_string();
        assert!(error.contains("missing/report.json"), "{error}");
        let error = write_file(place.path(), b"x").unwrap_err().to_string();
        assert!(error.contains("directory"), "{error}");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
