//! As much of tar as a bundle needs: regular files with short names (POSIX ustar, IEEE Std 1003.1, pax, “ustar Interchange Format”).

use std::ops::Range;

use thiserror::Error;

/// Everything in a tar comes in blocks of this size.
pub(super) const BLOCK: usize = 512;

/// The longest name that needs no extension.
pub(super) const LONGEST_NAME: usize = 100;

const NAME: Range<usize> = 0..100;
const MODE: Range<usize> = 100..108;
const OWNER: Range<usize> = 108..116;
const GROUP: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const TIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;
const KIND: usize = 156;
const MAGIC: Range<usize> = 257..265;
const PREFIX: Range<usize> = 345..500;

/// What stands before a file in a tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) size: u64,
}

/// Why a header is not one of ours.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum HeaderError {
    #[error("it is damaged: a header's checksum is wrong")]
    Checksum,
    #[error("“{name}” in it is {kind}; a bundle holds files only")]
    NotAFile { name: String, kind: &'static str },
    #[error("it is damaged: a header cannot be read")]
    Garbled,
    #[error("“{0}” in it is a name that no bundle has; nothing of it was taken")]
    Name(String),
}

impl Header {
    /// The block that stands before a file; the time is in seconds since 1970.
    pub(super) fn block(&self, time: i64) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let mut put = |range: Range<usize>, text: &[u8]| {
            if let Some(field) = block.get_mut(range) {
                for (to, from) in field.iter_mut().zip(text) {
                    *to = *from;
                }
            }
        };
        put(NAME, self.name.as_bytes());
        put(MODE, b"0000600");
        put(OWNER, b"0000000");
        put(GROUP, b"0000000");
        put(SIZE, &size_field(self.size));
        put(TIME, format!("{:011o}", time.max(0)).as_bytes());
        put(KIND..KIND + 1, b"0");
        put(MAGIC, b"ustar\x0000");
        let sum = checksum(&block);
        let text = format!("{sum:06o}\0 ");
        if let Some(field) = block.get_mut(CHECKSUM) {
            field.copy_from_slice(text.as_bytes());
        }
        block
    }

    /// Reads a header; none where the block is the empty one that ends a tar.
    pub(super) fn read(block: &[u8; BLOCK]) -> Result<Option<Self>, HeaderError> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let field = |range: Range<usize>| block.get(range).unwrap_or_default();
        if octal(field(CHECKSUM)) != Some(checksum(block)) {
            return Err(HeaderError::Checksum);
        }
        let name = String::from_utf8_lossy(text(field(NAME))).into_owned();
        if !is_plain(&name) {
            return Err(HeaderError::Name(name.escape_debug().to_string()));
        }
        let kind = match block.get(KIND) {
            Some(b'0' | 0) => None,
            Some(b'1') => Some("a hard link"),
            Some(b'2') => Some("a symbolic link"),
            Some(b'3' | b'4') => Some("a device"),
            Some(b'5') => Some("a directory"),
            Some(b'6') => Some("a named pipe"),
            _ => Some("of an unknown kind"),
        };
        if let Some(kind) = kind {
            return Err(HeaderError::NotAFile { name, kind });
        }
        if !text(field(PREFIX)).is_empty() {
            return Err(HeaderError::Garbled);
        }
        let size = size_of(field(SIZE)).ok_or(HeaderError::Garbled)?;
        Ok(Some(Self { name, size }))
    }
}

/// Whether a character is one of those that members' names are made of.
pub(super) fn is_of_names(character: char) -> bool {
    character.is_ascii_alphanumeric() || "._-/".contains(character)
}

/// Whether a name leads nowhere else and shows as what it is, wherever it is unpacked or printed.
fn is_plain(name: &str) -> bool {
    name.chars().all(is_of_names)
        && !name.starts_with('/')
        && !name.split('/').any(|part| part == "..")
}

/// How many bytes fill up a file's last block.
pub(super) fn padding(size: u64) -> usize {
    let block = BLOCK as u64;
    usize::try_from((block - size % block) % block).unwrap_or(0)
}

/// Octal, or where that has no room (from 8 GiB on) GNU's binary form.
fn size_field(size: u64) -> [u8; 12] {
    let mut field = [0; 12];
    let octal = format!("{size:011o}");
    if octal.len() == 11 {
        for (to, from) in field.iter_mut().zip(octal.bytes()) {
            *to = from;
        }
        return field;
    }
    if let Some((mark, number)) = field.split_first_mut() {
        *mark = 0x80;
        for (to, from) in number.iter_mut().rev().zip(size.to_be_bytes().iter().rev()) {
            *to = *from;
        }
    }
    field
}

fn size_of(field: &[u8]) -> Option<u64> {
    match field.split_first()? {
        (0x80, number) => {
            let (high, low) = number.split_last_chunk::<8>()?;
            high.iter()
                .all(|byte| *byte == 0)
                .then(|| u64::from_be_bytes(*low))
        }
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = field
        .split(|byte| *byte == 0 || *byte == b' ')
        .find(|part| !part.is_empty())?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The sum of all bytes, those of the sum itself taken as blanks.
fn checksum(block: &[u8; BLOCK]) -> u64 {
    block
        .iter()
        .enumerate()
        .map(|(index, byte)| {
            if CHECKSUM.contains(&index) {
                u64::from(b' ')
            } else {
                u64::from(*byte)
            }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_as_it_was() {
        for size in [
            0,
            1,
            511,
            512,
            0o77_777_777_777,
            0o100_000_000_000,
            u64::MAX,
        ] {
            let header = Header {
                name: "sesam-bundle/logs/node.log".into(),
                size,
            };
            let block = header.block(1_700_000_000);
            assert_eq!(Header::read(&block).unwrap(), Some(header));
        }
        assert_eq!(Header::read(&[0; BLOCK]).unwrap(), None);
        assert_eq!((padding(0), padding(1), padding(512)), (0, 511, 0));
    }

    #[test]
    fn what_is_no_file_and_what_is_damaged_is_refused() {
        let header = Header {
            name: "x".into(),
            size: 1,
        };
        let mut block = header.block(0);
        block[0] = b'y';
        assert_eq!(Header::read(&block), Err(HeaderError::Checksum));
        for kind in b"1234567gxLK" {
            let mut block = header.block(0);
            block[KIND] = *kind;
            let sum = format!("{:06o}\0 ", checksum(&block));
            block[CHECKSUM].copy_from_slice(sum.as_bytes());
            assert!(matches!(
                Header::read(&block),
                Err(HeaderError::NotAFile { .. })
            ));
        }
    }
}
