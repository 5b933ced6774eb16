//! Reading a bundle back. Whatever it holds, reading it takes no more time and memory than a bundle of its size may.

use std::{
    collections::BTreeMap,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{
    DIRECTORY, FACTS, HARMLESS_BYTES, MANIFEST, MOST_RATIO, MOST_UNPACKED, Manifest, Member,
    spool::unpacking,
    tar::{self, BLOCK, Header, HeaderError},
};
use crate::{
    files::{FileProblem, LastLink, Root, open_regular},
    units::Bytes,
};

/// Larger than the manifest of any bundle.
const LARGEST_MANIFEST: u64 = 4_000_000;

/// Larger than the facts of any machine.
const LARGEST_FACTS: u64 = 64_000_000;

/// What a file that is to be judged holds, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A bundle.
    Bundle,
    /// A bundle that only the holder of a key can read.
    Encrypted,
    /// Something else.
    Other,
}

/// Why a bundle cannot be judged.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub struct BundleError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, Error)]
enum Problem {
    #[error(transparent)]
    File(#[from] FileProblem),
    #[error(
        "it is encrypted; `age --decrypt --identity KEYFILE -o bundle.tar.zst FILE` makes a bundle of it"
    )]
    Encrypted,
    #[error("it is cut short; have it sent again")]
    Truncated,
    #[error("it is damaged: {0}")]
    Damaged(io::Error),
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(
        "it does not begin with {DIRECTORY}{MANIFEST}; bundles are made by `sesam-doctor bundle`"
    )]
    NoManifest,
    #[error("its manifest cannot be read: {0}")]
    Manifest(serde_json::Error),
    #[error("“{0}” in it is not in its manifest; nothing of it was taken")]
    Unlisted(String),
    #[error("its manifest lists “{0}”, which is not in it")]
    Missing(String),
    #[error("its manifest lists “{0}” twice")]
    Twice(String),
    #[error("“{name}” in it has {found}, and its manifest says {said}")]
    Size {
        name: String,
        found: Bytes,
        said: Bytes,
    },
    #[error("“{0}” in it is not what was packed: its SHA-256 is not the one in the manifest")]
    Hash(String),
    #[error("unpacked it would have {0}, more than any bundle; it was not unpacked")]
    Bomb(Bytes),
    #[error("there is something behind its end")]
    Trailing,
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        // Where a frame ends in the middle, zstd speaks of an incomplete one.
        if error.kind() == io::ErrorKind::UnexpectedEof || error.to_string().contains("incomplete")
        {
            Self::Truncated
        } else {
            Self::Damaged(error)
        }
    }
}

/// What the file at `path` holds.
///
/// # Errors
/// Where it cannot be read.
pub fn form_of(path: &Path) -> Result<Form, BundleError> {
    let read = || -> Result<Form, Problem> {
        let (mut file, _) = open_regular(&Root::machine(), path, LastLink::Followed)?;
        let mut first = Vec::new();
        file.by_ref()
            .take(64)
            .read_to_end(&mut first)
            .map_err(FileProblem::Io)?;
        Ok(if first.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Form::Bundle
        } else if first.starts_with(b"age-encryption.org/") {
            Form::Encrypted
        } else {
            Form::Other
        })
    };
    read().map_err(|problem| BundleError {
        path: path.to_path_buf(),
        problem,
    })
}

/// The facts in the bundle at `path`, after all of it was found to be as it was packed.
///
/// # Errors
/// Cut short, damaged, or made to do harm.
pub fn read_facts(path: &Path) -> Result<Vec<u8>, BundleError> {
    let read = || -> Result<Vec<u8>, Problem> {
        if form_of(path).map_err(|error| error.problem)? == Form::Encrypted {
            return Err(Problem::Encrypted);
        }
        let (file, size) = open_regular(&Root::machine(), path, LastLink::Followed)?;
        facts_of(file, size.0)
    };
    read().map_err(|problem| BundleError {
        path: path.to_path_buf(),
        problem,
    })
}

/// The same, of a bundle in memory.
///
/// # Errors
/// As for [`read_facts`].
#[doc(hidden)]
pub fn facts_in(bundle: &[u8]) -> Result<Vec<u8>, BundleError> {
    facts_of(bundle, bundle.len() as u64).map_err(|problem| BundleError {
        path: PathBuf::from("bundle"),
        problem,
    })
}

fn facts_of(file: impl Read, packed: u64) -> Result<Vec<u8>, Problem> {
    let mut archive = BufReader::new(unpacking(file)?);
    let header = next(&mut archive)?.ok_or(Problem::NoManifest)?;
    if header.name.strip_prefix(DIRECTORY) != Some(MANIFEST) {
        return Err(Problem::NoManifest);
    }
    let (text, _) = take(&mut archive, &header, LARGEST_MANIFEST, true)?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(Problem::Manifest)?;
    let mut expected = expected(&manifest, packed)?;
    let mut facts = None;
    while let Some(header) = next(&mut archive)? {
        let member = header
            .name
            .strip_prefix(DIRECTORY)
            .and_then(|name| expected.remove(name))
            .ok_or_else(|| Problem::Unlisted(header.name.clone()))?;
        if header.size != member.bytes {
            return Err(Problem::Size {
                name: member.name.clone(),
                found: Bytes(header.size),
                said: Bytes(member.bytes),
            });
        }
        let is_facts = member.name == FACTS;
        let most = if is_facts {
            LARGEST_FACTS
        } else {
            MOST_UNPACKED
        };
        let (content, sha256) = take(&mut archive, &header, most, is_facts)?;
        if sha256 != member.sha256 {
            return Err(Problem::Hash(member.name.clone()));
        }
        if is_facts {
            facts = Some(content);
        }
    }
    if let Some(name) = expected.keys().next() {
        return Err(Problem::Missing((*name).to_owned()));
    }
    the_end(&mut archive)?;
    facts.ok_or_else(|| Problem::Missing(FACTS.to_owned()))
}

/// The members by name, and no more of them than the file can hold.
fn expected(manifest: &Manifest, packed: u64) -> Result<BTreeMap<&str, &Member>, Problem> {
    let unpacked = manifest
        .members
        .iter()
        .fold(0_u64, |sum, member| sum.saturating_add(member.bytes));
    let is_bomb = unpacked > HARMLESS_BYTES && unpacked / MOST_RATIO > packed;
    if unpacked > MOST_UNPACKED || is_bomb {
        return Err(Problem::Bomb(Bytes(unpacked)));
    }
    let mut expected = BTreeMap::new();
    for member in &manifest.members {
        if expected.insert(member.name.as_str(), member).is_some() {
            return Err(Problem::Twice(member.name.clone()));
        }
    }
    Ok(expected)
}

/// The next header; none at the end of the archive.
fn next(archive: &mut impl Read) -> Result<Option<Header>, Problem> {
    let mut block = [0; BLOCK];
    archive.read_exact(&mut block)?;
    Ok(Header::read(&block)?)
}

/// Reads a member with its padding; keeps it where it is wanted, and hashes it in any case.
fn take(
    archive: &mut impl Read,
    header: &Header,
    most: u64,
    keep: bool,
) -> Result<(Vec<u8>, String), Problem> {
    if header.size > most {
        return Err(Problem::Bomb(Bytes(header.size)));
    }
    let mut hash = Sha256::new();
    let mut content = Vec::new();
    let mut left = header.size;
    let mut buffer = vec![0; 65_536];
    while left > 0 {
        let wanted = usize::try_from(left)
            .unwrap_or(buffer.len())
            .min(buffer.len());
        let room = buffer.get_mut(..wanted).unwrap_or_default();
        let length = archive.read(room)?;
        if length == 0 {
            return Err(Problem::Truncated);
        }
        let piece = buffer.get(..length).unwrap_or_default();
        hash.update(piece);
        if keep {
            content.extend_from_slice(piece);
        }
        left -= length as u64;
    }
    let mut padding = [0; BLOCK];
    if let Some(padding) = padding.get_mut(..tar::padding(header.size)) {
        archive.read_exact(padding)?;
    }
    Ok((content, HEXLOWER.encode(&hash.finalize())))
}

/// A second empty block, as many more as whoever packed it liked, and nothing else.
fn the_end(archive: &mut impl Read) -> Result<(), Problem> {
    const MOST_BLOCKS: usize = 64;
    let mut block = [0; BLOCK];
    archive.read_exact(&mut block)?;
    for _ in 0..MOST_BLOCKS {
        if block.iter().any(|byte| *byte != 0) {
            return Err(Problem::Trailing);
        }
        match archive.read(&mut block)? {
            0 => return Ok(()),
            length => {
                if let Some(rest) = block.get_mut(length..) {
                    rest.fill(0);
                }
            }
        }
    }
    Err(Problem::Trailing)
}
