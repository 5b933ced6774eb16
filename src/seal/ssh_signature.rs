//! Detached signatures that `ssh-keygen -Y verify` checks (OpenSSH's PROTOCOL.sshsig), with an Ed25519 key of OpenSSH.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    digest,
    signature::{Ed25519KeyPair, KeyPair},
};
use thiserror::Error;

use crate::{
    files::{FileProblem, Root, read_bounded},
    units::Bytes,
};

/// What a signature is for, so that it is not taken for one of anything else.
const NAMESPACE: &[u8] = b"sesam-doctor";
const ED25519: &[u8] = b"ssh-ed25519";
const LARGEST_KEY: Bytes = Bytes(16_384);

/// Why a key cannot sign.
#[derive(Debug, Error)]
pub enum SignerError {
    /// The file could not be read.
    #[error("--sign {}: {problem}", path.display())]
    Unreadable {
        /// The key.
        path: PathBuf,
        /// Why.
        problem: FileProblem,
    },
    /// It is not a key that can be used.
    #[error("--sign {}: it is no Ed25519 key of OpenSSH without a passphrase; `ssh-keygen -t ed25519 -N '' -f FILE` makes one", .0.display())]
    Unfit(PathBuf),
    /// What is to be signed could not be read.
    #[error("{} could not be signed: {cause}", path.display())]
    Signing {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// A private key that signs.
pub struct Signer {
    pair: Ed25519KeyPair,
}

impl Signer {
    /// Reads the private key at `path`.
    ///
    /// # Errors
    /// A file that cannot be read, or is no unencrypted Ed25519 key in OpenSSH's form.
    pub fn read(path: &Path) -> Result<Self, SignerError> {
        let content = read_bounded(&Root::machine(), path, LARGEST_KEY).map_err(|problem| {
            SignerError::Unreadable {
                path: path.to_path_buf(),
                problem,
            }
        })?;
        String::from_utf8(content)
            .ok()
            .and_then(|text| pair_of(&text))
            .map(|pair| Self { pair })
            .ok_or_else(|| SignerError::Unfit(path.to_path_buf()))
    }

    /// The signature of the file at `path`, in its armour.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn sign_file(&self, path: &Path) -> Result<String, SignerError> {
        let hash = || -> io::Result<digest::Digest> {
            let mut file = File::open(path)?;
            let mut context = digest::Context::new(&digest::SHA512);
            let mut buffer = vec![0; 65_536];
            loop {
                let length = file.read(&mut buffer)?;
                if length == 0 {
                    return Ok(context.finish());
                }
                context.update(buffer.get(..length).unwrap_or_default());
            }
        };
        hash()
            .map(|hash| self.sign(hash.as_ref()))
            .map_err(|cause| SignerError::Signing {
                path: path.to_path_buf(),
                cause,
            })
    }

    fn sign(&self, hash: &[u8]) -> String {
        let mut signed = b"SSHSIG".to_vec();
        for part in [NAMESPACE, b"", b"sha512", hash] {
            put(&mut signed, part);
        }
        let signature = self.pair.sign(&signed);
        let mut public_key = Vec::new();
        put(&mut public_key, ED25519);
        put(&mut public_key, self.pair.public_key().as_ref());
        let mut own = Vec::new();
        put(&mut own, ED25519);
        put(&mut own, signature.as_ref());
        let mut blob = b"SSHSIG\x00\x00\x00\x01".to_vec();
        for part in [&public_key[..], NAMESPACE, b"", b"sha512", &own] {
            put(&mut blob, part);
        }
        let mut armoured = String::from("-----BEGIN SSH SIGNATURE-----\n");
        for line in STANDARD.encode(blob).as_bytes().chunks(70) {
            // Writing to a string does not fail.
            let _ = writeln!(armoured, "{}", String::from_utf8_lossy(line));
        }
        armoured + "-----END SSH SIGNATURE-----\n"
    }
}

fn put(blob: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    blob.extend(length.to_be_bytes());
    blob.extend(part);
}

/// The key pair of OpenSSH's private key file (PROTOCOL.key); none where it is encrypted or of another kind.
fn pair_of(text: &str) -> Option<Ed25519KeyPair> {
    let body = text
        .trim()
        .strip_prefix("-----BEGIN OPENSSH PRIVATE KEY-----")?
        .strip_suffix("-----END OPENSSH PRIVATE KEY-----")?;
    let solid: String = body.split_whitespace().collect();
    let blob = STANDARD.decode(solid).ok()?;
    let mut file = Fields(blob.strip_prefix(b"openssh-key-v1\0")?);
    let (cipher, derivation, _) = (file.next()?, file.next()?, file.next()?);
    if cipher != b"none" || derivation != b"none" || file.number()? != 1 {
        return None;
    }
    let _public = file.next()?;
    let mut private = Fields(file.next()?);
    if private.number()? != private.number()? || private.next()? != ED25519 {
        return None;
    }
    let public = private.next()?;
    let seed = private.next()?.get(..32)?;
    Ed25519KeyPair::from_seed_and_public_key(seed, public).ok()
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        ] {
            assert!(pair_of(text).is_none(), "{text}");
        }
        assert!(Signer::read(Path::new("/dev/null")).is_err());
    }
}
