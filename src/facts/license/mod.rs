//! The license file: what stands at its place, who may read it, and what it says. Its text stays out of the facts.

mod armour;
mod base64_as_gnu;
mod json_as_jq;
mod secrets;
pub mod text;
mod unpack;

use std::{
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use rustix::fs::{FileType, Stat};
use serde::{Deserialize, Serialize};

pub use text::{Fault, Instead, Layer, Member, Reading, Remark};

use super::{FileKind, Observed, Root, Site, bounded, read_bounded, volumes::data_place};
use crate::units::Bytes;

/// The file at the license's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LicenseFile {
    /// Where it was sought.
    pub path: PathBuf,
    /// What a link at that place says, where there is one.
    pub link: Option<PathBuf>,
    /// What is there, links followed; a link that leads nowhere is a link.
    pub kind: FileKind,
    /// Its size.
    pub size_bytes: Bytes,
    /// The number of the account that it belongs to.
    pub owner: u32,
    /// The number of the group that it belongs to.
    pub group: u32,
    /// Its permission bits, as in `0o640`.
    pub permissions: u32,
    /// What it says; not asked for where it is no file, or larger than any license.
    pub reading: Observed<Reading>,
}

/// Looks at the file without its text, then reads it.
pub async fn observe(site: Site) -> Observed<LicenseFile> {
    let begun = Instant::now();
    let place = site.clone();
    let file = bounded(site.deadline, "the license", move || {
        let on_root_disk = data_place(&place).root_disk_variant;
        let path = place.profile.layout.license_file_on(on_root_disk);
        look(&place.root, &path)
    })
    .await;
    let Observed::Seen(mut file) = file else {
        return file;
    };
    let path = file.path.clone();
    let what = path.display().to_string();
    let limit = site.profile.license.largest_bytes;
    if file.kind == FileKind::Regular && file.size_bytes <= limit {
        let remaining = site.deadline.saturating_sub(begun.elapsed());
        let Site { root, redactor, .. } = site;
        file.reading = bounded(remaining, what.clone(), move || {
            match read_bounded(&root, &path, limit) {
                Ok(content) => {
                    secrets::teach(&redactor, &content);
                    Observed::Seen(text::read(&content))
                }
                Err(problem) => Observed::from_problem(&problem, &what),
            }
        })
        .await;
    }
    Observed::Seen(file)
}

fn look(root: &Root, path: &Path) -> Observed<LicenseFile> {
    Observed::from_result(status(root, path), &path.display().to_string())
}

fn status(root: &Root, path: &Path) -> io::Result<LicenseFile> {
    let place = root.locate_link(path)?;
    let own = rustix::fs::lstat(&place)?;
    if FileType::from_raw_mode(own.st_mode) != FileType::Symlink {
        return Ok(file(path, None, &own));
    }
    let link = Some(std::fs::read_link(&place)?);
    let followed = root
        .locate(path)
        .and_then(|place| Ok(rustix::fs::stat(&place)?));
    match followed {
        Ok(status) => Ok(file(path, link, &status)),
        Err(error) if leads_nowhere(&error) => Ok(file(path, link, &own)),
        Err(error) => Err(error),
    }
}

fn leads_nowhere(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    ) || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn file(path: &Path, link: Option<PathBuf>, status: &Stat) -> LicenseFile {
    LicenseFile {
        path: path.to_path_buf(),
        link,
        kind: FileType::from_raw_mode(status.st_mode).into(),
        size_bytes: Bytes(u64::try_from(status.st_size).unwrap_or(0)),
        owner: status.st_uid,
        group: status.st_gid,
        permissions: status.st_mode & 0o7777,
        reading: Observed::NotAsked,
    }
}
