//! Encryption to a public key in the format of age (<https://age-encryption.org/v1>), so that support needs nothing but age.
//!
//! Only the half that a customer's machine needs, for one X25519 recipient; the primitives are ring's.

use std::io::{self, Write};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, X25519},
    digest::SHA256_OUTPUT_LEN,
    hkdf, hmac,
    rand::{SecureRandom, SystemRandom},
};
use thiserror::Error;

/// The plaintext of one chunk.
const CHUNK: usize = 65_536;
const KEY: usize = 32;
const FILE_KEY: usize = 16;

/// Somebody who can read what is encrypted: the public key `age1…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient([u8; KEY]);

/// Why a text is no recipient.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("“{0}” is no public key of age; one begins with age1 and is made by `age-keygen`")]
pub struct RecipientError(String);

impl Recipient {
    /// Reads a public key.
    ///
    /// # Errors
    /// Anything but Bech32 of 32 bytes under the prefix `age`.
    pub fn parse(text: &str) -> Result<Self, RecipientError> {
        bech32(text.trim())
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| RecipientError(text.trim().chars().take(80).collect()))
    }
}

/// Decodes Bech32 (BIP 173) with the prefix `age`; none where it is not that, or its checksum is wrong.
fn bech32(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const PREFIX: &str = "age";
    const CHECKSUM: usize = 6;
    let data = text.strip_prefix(PREFIX)?.strip_prefix('1')?;
    let values: Vec<u32> = data
        .bytes()
        .map(|byte| {
            let value = ALPHABET.iter().position(|letter| *letter == byte)?;
            u32::try_from(value).ok()
        })
        .collect::<Option<_>>()?;
    let expanded = PREFIX
        .bytes()
        .map(|byte| u32::from(byte >> 5))
        .chain([0])
        .chain(PREFIX.bytes().map(|byte| u32::from(byte & 31)))
        .chain(values.iter().copied());
    if polymod(expanded) != 1 {
        return None;
    }
    let payload = values.get(..values.len().checked_sub(CHECKSUM)?)?;
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for value in payload {
        bits = (bits << 5 | value) & 0xfff;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    // What fills up the last character has to be zero.
    (held < 5 && bits & ((1 << held) - 1) == 0).then_some(bytes)
}

fn polymod(values: impl Iterator<Item = u32>) -> u32 {
    const GENERATORS: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        GENERATORS
            .iter()
            .enumerate()
            .filter(|(bit, _)| top >> bit & 1 == 1)
            .fold((sum & 0x01ff_ffff) << 5 ^ value, |sum, (_, generator)| {
                sum ^ generator
            })
    })
}

/// Writes what `content` writes to `to`, so that only the recipient can read it.
///
/// # Errors
/// Where writing fails, or the machine has no random numbers.
pub fn encrypt(
    recipient: &Recipient,
    to: &mut dyn Write,
    content: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let random = SystemRandom::new();
    let mut file_key = [0; FILE_KEY];
    let mut nonce = [0; 16];
    random.fill(&mut file_key).map_err(failed)?;
    random.fill(&mut nonce).map_err(failed)?;
    to.write_all(header(recipient, &file_key, &random)?.as_bytes())?;
    to.write_all(&nonce)?;
    let mut stream = Stream {
        to,
        key: sealing_key(&derived(&nonce, &file_key, b"payload")?)?,
        counter: 0,
        chunk: Vec::with_capacity(CHUNK),
    };
    content(&mut stream)?;
    stream.finish()
}

fn header(
    recipient: &Recipient,
    file_key: &[u8; FILE_KEY],
    random: &SystemRandom,
) -> io::Result<String> {
    let secret = EphemeralPrivateKey::generate(&X25519, random).map_err(failed)?;
    let share = secret.compute_public_key().map_err(failed)?;
    let salt = [share.as_ref(), &recipient.0].concat();
    let peer = UnparsedPublicKey::new(&X25519, recipient.0);
    let wrapping = agreement::agree_ephemeral(secret, &peer, |shared| {
        derived(&salt, shared, b"age-encryption.org/v1/X25519")
    })
    .map_err(failed)??;
    let mut wrapped = file_key.to_vec();
    sealing_key(&wrapping)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key([0; 12]),
            Aad::empty(),
            &mut wrapped,
        )
        .map_err(failed)?;
    let header = format!(
        "age-encryption.org/v1\n-> X25519 {}\n{}\n---",
        STANDARD_NO_PAD.encode(share),
        STANDARD_NO_PAD.encode(&wrapped)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &derived(&[], file_key, b"header")?);
    let tag = hmac::sign(&key, header.as_bytes());
    Ok(format!("{header} {}\n", STANDARD_NO_PAD.encode(tag)))
}

fn derived(salt: &[u8], secret: &[u8], purpose: &[u8]) -> io::Result<[u8; SHA256_OUTPUT_LEN]> {
    let mut key = [0; SHA256_OUTPUT_LEN];
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[purpose], hkdf::HKDF_SHA256)
        .and_then(|output| output.fill(&mut key))
        .map_err(failed)?;
    Ok(key)
}

fn sealing_key(key: &[u8]) -> io::Result<LessSafeKey> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, key).map_err(failed)?;
    Ok(LessSafeKey::new(key))
}

fn failed(_: ring::error::Unspecified) -> io::Error {
    io::Error::other("encrypting failed")
}

/// The chunks, each sealed with its number and whether it is the last (the STREAM construction).
struct Stream<'a> {
    to: &'a mut dyn Write,
    key: LessSafeKey,
    counter: u64,
    chunk: Vec<u8>,
}

impl Stream<'_> {
    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        let mut nonce = [0; 12];
        if let Some(counter) = nonce.get_mut(3..11) {
            counter.copy_from_slice(&self.counter.to_be_bytes());
        }
        if let Some(last) = nonce.last_mut() {
            *last = u8::from(is_last);
        }
        self.counter += 1;
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::empty(),
                &mut self.chunk,
            )
            .map_err(failed)?;
        self.to.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.seal(true)
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // A full chunk goes only once there is more: the last one may be full, but not empty behind another.
        if self.chunk.len() == CHUNK && !buffer.is_empty() {
            self.seal(false)?;
        }
        let length = buffer.len().min(CHUNK - self.chunk.len());
        self.chunk
            .extend_from_slice(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key pair made by `age-keygen`; that the real program reads what is written is shown by `tests/bundle.rs`.
    const PUBLIC: &str = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";

    #[test]
    fn only_public_keys_are_recipients() {
        assert!(Recipient::parse(&format!(" {PUBLIC}\n")).is_ok());
        for wrong in [
            "",
            "age1",
            "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafq",
            "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
            "ssh-ed25519 AAAA",
        ] {
            assert!(Recipient::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lengths_are_those_of_the_format() {
        let recipient = Recipient::parse(PUBLIC).unwrap();
        for (length, chunks) in [(0, 1), (1, 1), (CHUNK, 1), (CHUNK + 1, 2), (3 * CHUNK, 3)] {
            let mut sealed = Vec::new();
            encrypt(&recipient, &mut sealed, &mut |to| {
                to.write_all(&vec![7; length])
            })
            .unwrap();
            let header = sealed
                .windows(5)
                .position(|five| five == b"\n--- ")
                .unwrap();
            // The rest of the last line, and the nonce.
            let overhead = header + 5 + 43 + 1 + 16;
            assert_eq!(sealed.len() - overhead, length + chunks * 16, "{length}");
        }
    }
}
