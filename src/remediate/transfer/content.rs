//! The content of one file: copied with its holes, and read back.

use std::{io, os::fd::BorrowedFd};

use rustix::{
    fs::{SeekFrom, ftruncate, seek},
    io::{Errno, pread, pwrite},
};
use sha2::{Digest, Sha256};

const BLOCK: usize = 256 * 1024;

/// The SHA-256 of a file's content.
pub(super) type Sum = [u8; 32];

/// Copies the first `size` bytes, leaves holes where the original has them, and says what was read. Reports the bytes of
/// each piece.
pub(super) fn copy(
    original: BorrowedFd,
    size: u64,
    copy: BorrowedFd,
    mut done: impl FnMut(u64),
) -> io::Result<Sum> {
    let mut sum = Sha256::new();
    let mut block = vec![0; BLOCK];
    let mut position = 0;
    while position < size {
        let (start, end) = next_data(original, position, size)?;
        hash_zeros(&mut sum, start - position);
        done(start - position);
        position = start;
        while position < end {
            let piece = usize::try_from(end - position).unwrap_or(BLOCK).min(BLOCK);
            let Some(piece) = block.get_mut(..piece) else {
                break;
            };
            let length = pread(original, &mut *piece, position)?;
            if length == 0 {
                // It has become shorter, which whoever compares will see.
                return Ok(sum.finalize().into());
            }
            let piece = piece.get(..length).unwrap_or_default();
            sum.update(piece);
            write_all(copy, piece, position)?;
            position += length as u64;
            done(length as u64);
        }
    }
    ftruncate(copy, size)?;
    Ok(sum.finalize().into())
}

/// The SHA-256 of the first `size` bytes.
pub(super) fn sum(file: BorrowedFd, size: u64) -> io::Result<Sum> {
    let mut sum = Sha256::new();
    let mut block = vec![0; BLOCK];
    let mut position = 0;
    while position < size {
        let (start, end) = next_data(file, position, size)?;
        hash_zeros(&mut sum, start - position);
        position = start;
        while position < end {
            let piece = usize::try_from(end - position).unwrap_or(BLOCK).min(BLOCK);
            let Some(piece) = block.get_mut(..piece) else {
                break;
            };
            let length = pread(file, &mut *piece, position)?;
            if length == 0 {
                return Ok(sum.finalize().into());
            }
            sum.update(piece.get(..length).unwrap_or_default());
            position += length as u64;
        }
    }
    Ok(sum.finalize().into())
}

/// Where the next data after `position` begin and end; a hole up to the end is data of no length there.
fn next_data(file: BorrowedFd, position: u64, size: u64) -> io::Result<(u64, u64)> {
    let start = match seek(file, SeekFrom::Data(position)) {
        Ok(start) => start.min(size),
        Err(Errno::NXIO) => return Ok((size, size)),
        // A file system without holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok((position, size)),
        Err(error) => return Err(error.into()),
    };
    let end = match seek(file, SeekFrom::Hole(start)) {
        Ok(end) => end.min(size),
        Err(Errno::NXIO) => size,
        Err(error) => return Err(error.into()),
    };
    Ok((start, end.max(start)))
}

fn hash_zeros(sum: &mut Sha256, mut count: u64) {
    static ZEROS: [u8; 65_536] = [0; 65_536];
    while count > 0 {
        let piece = usize::try_from(count)
            .unwrap_or(ZEROS.len())
            .min(ZEROS.len());
        sum.update(ZEROS.get(..piece).unwrap_or_default());
        count -= piece as u64;
    }
}

fn write_all(file: BorrowedFd, mut bytes: &[u8], mut position: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let length = pwrite(file, bytes, position)?;
        if length == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(length..).unwrap_or_default();
        position += length as u64;
    }
    Ok(())
}
