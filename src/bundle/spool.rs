//! Members as they come, packed one behind the other in a file without a name, until all are known.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use zstd::stream::{read::Decoder, write::Encoder};

use super::{
    DIRECTORY, MANIFEST,
    manifest::{Manifest, Member},
    tar::{self, Header},
};
use crate::{
    document::pretty,
    redact::{Passed, Redactor},
};

/// Packs well enough, and faster than disks write.
const LEVEL: i32 = 3;

/// Members that were packed.
pub(super) struct Spool {
    file: File,
    /// The length of each member, packed.
    packed: Vec<u64>,
    members: Vec<Member>,
    length: u64,
    most: u64,
}

/// What became of a member.
pub(super) enum Packed {
    /// It is packed.
    Whole,
    /// It is packed as far as it could be read.
    UntilError(io::Error),
    /// It is not: the bundle would have become too large.
    TooLarge,
}

impl Spool {
    /// An empty spool for at most so many bytes, packed.
    pub(super) fn new(file: File, most: u64) -> Self {
        Self {
            file,
            packed: Vec::new(),
            members: Vec::new(),
            length: 0,
            most,
        }
    }

    /// Packs what `from` gives, through the redactor unless it has been there already.
    ///
    /// # Errors
    /// Where the spool itself cannot be written.
    pub(super) fn add(
        &mut self,
        name: &str,
        source: &str,
        from: &mut dyn Read,
        redactor: Option<&Redactor>,
    ) -> io::Result<Packed> {
        let begin = self.length;
        self.file.seek(SeekFrom::Start(begin))?;
        let mut reading = Noting { from, failed: None };
        let mut encoder = Encoder::new(
            Limited {
                to: &mut self.file,
                left: self.most.saturating_sub(begin),
                is_full: false,
            },
            LEVEL,
        )?;
        encoder.include_checksum(true)?;
        let mut hashing = Hashing {
            to: encoder,
            hash: Sha256::new(),
        };
        let passed = match redactor {
            Some(redactor) => redactor.stream(&mut reading, &mut hashing),
            None => io::copy(&mut reading, &mut hashing).map(|length| Passed {
                read: length,
                written: length,
                redacted: 0,
            }),
        };
        let Hashing { mut to, hash } = hashing;
        let finished = to.do_finish();
        let is_full = to.get_ref().is_full;
        drop(to);
        if is_full {
            self.file.set_len(begin)?;
            return Ok(Packed::TooLarge);
        }
        let Passed {
            written, redacted, ..
        } = passed?;
        finished?;
        self.length = self.file.stream_position()?;
        self.packed.push(self.length - begin);
        self.members.push(Member {
            name: name.to_owned(),
            source: source.to_owned(),
            bytes: written,
            sha256: HEXLOWER.encode(&hash.finalize()),
            redacted,
        });
        Ok(match reading.failed {
            None => Packed::Whole,
            Some(error) => Packed::UntilError(error),
        })
    }

    /// What is packed.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The last member's size, unpacked.
    pub(super) fn last(&self) -> u64 {
        self.members.last().map_or(0, |member| member.bytes)
    }

    /// Takes the last member out again.
    pub(super) fn forget_last(&mut self) {
        if let Some(length) = self.packed.pop() {
            self.members.pop();
            self.length -= length;
        }
    }

    /// Writes the whole archive.
    ///
    /// # Errors
    /// Where it cannot be written, or the spool not be read.
    pub(super) fn write_archive(
        &mut self,
        manifest: &Manifest,
        to: &mut dyn Write,
    ) -> io::Result<()> {
        let time = manifest.made_at.as_second();
        let text = pretty(manifest)?;
        let mut between = header_of(MANIFEST, text.len() as u64, time);
        between.extend(text.as_bytes());
        between.resize(between.len() + tar::padding(text.len() as u64), 0);
        self.file.seek(SeekFrom::Start(0))?;
        for (member, packed) in self.members.iter().zip(&self.packed) {
            between.extend(header_of(&member.name, member.bytes, time));
            to.write_all(&frame(&between)?)?;
            let copied = io::copy(&mut (&mut self.file).take(*packed), to)?;
            if copied != *packed {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            between = vec![0; tar::padding(member.bytes)];
        }
        // Two empty blocks end a tar.
        between.resize(between.len() + 2 * tar::BLOCK, 0);
        to.write_all(&frame(&between)?)
    }
}

fn header_of(name: &str, size: u64, time: i64) -> Vec<u8> {
    let header = Header {
        name: format!("{DIRECTORY}{name}"),
        size,
    };
    header.block(time).to_vec()
}

fn frame(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = Encoder::new(Vec::new(), LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.write_all(content)?;
    encoder.finish()
}

/// Unpacks, and refuses what asks for more memory than any bundle needs.
pub(super) fn unpacking<'a>(from: impl Read + 'a) -> io::Result<impl Read + 'a> {
    /// Two to this are the bytes that a frame may refer back to.
    const LARGEST_WINDOW: u32 = 23;
    let mut decoder = Decoder::new(from)?;
    decoder.window_log_max(LARGEST_WINDOW)?;
    Ok(decoder)
}

/// Reads on as if the end had come where reading fails, and keeps why.
struct Noting<'a> {
    from: &'a mut dyn Read,
    failed: Option<io::Error>,
}

impl Read for Noting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.from.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.failed = Some(error);
                Ok(0)
            }
            other => other,
        }
    }
}

struct Hashing<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let length = self.to.write(buffer)?;
        self.hash.update(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Refuses to write more than there is room for.
struct Limited<'a> {
    to: &'a mut File,
    left: u64,
    is_full: bool,
}

impl Write for Limited<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let length = buffer.len() as u64;
        if length > self.left {
            self.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        let written = self.to.write(buffer)?;
        self.left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
