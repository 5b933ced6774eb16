//! Private keys: of which kind they are, and whether a certificate's public key is theirs. Nothing of them is kept.

use ring::{rand::SystemRandom, signature};
use serde::{Deserialize, Serialize};
use x509_parser::der_parser::{ber::BerObject, der::parse_der_recursive};

use super::{
    certificate::{Parsed, RawKey, without_zeros},
    pem::Block,
};

/// Deeper than any private key is nested.
const DEEPEST: usize = 8;

/// How a private key stands to the certificate that it is kept with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "reason", rename_all = "kebab-case")]
pub enum KeyState {
    /// It is proven to be the certificate's.
    Belongs,
    /// It is the key of something else.
    Differs,
    /// It is encrypted, so that nothing starts without somebody typing a passphrase.
    Passphrase,
    /// There is none.
    Missing,
    /// It is no private key, or a damaged one; says how.
    Unreadable(String),
    /// Its kind cannot be compared here; says why.
    Unproven(String),
}

/// A private key in memory, only as long as it is compared.
pub enum PrivateKey {
    /// Under a passphrase.
    Encrypted,
    /// RSA; the file holds the public half as it is.
    Rsa {
        /// The modulus.
        modulus: Vec<u8>,
        /// The public exponent.
        exponent: Vec<u8>,
    },
    /// On an elliptic curve.
    Ecdsa {
        /// The secret number.
        scalar: Vec<u8>,
        /// The public point, where the file holds it.
        point: Option<Vec<u8>>,
    },
    /// Edwards curve 25519.
    Ed25519 {
        /// The secret.
        seed: Vec<u8>,
    },
    /// Anything else.
    Other,
}

impl PrivateKey {
    /// Reads the private key in a block of PEM.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(block: &Block) -> Result<Self, String> {
        if block.encrypted {
            return Ok(Self::Encrypted);
        }
        let der = block.content.as_ref().map_err(ToString::to_string)?;
        let read = match block.label.as_str() {
            "RSA PRIVATE KEY" => rsa(der),
            "EC PRIVATE KEY" => ecdsa(der),
            "PRIVATE KEY" => pkcs8(der),
            _ => Some(Self::Other),
        };
        read.ok_or_else(|| "it is damaged: its content is no private key".into())
    }

    /// How this key stands to a certificate.
    #[must_use]
    pub fn stands_to(&self, certificate: &Parsed) -> KeyState {
        match (self, &certificate.key) {
            (Self::Encrypted, _) => KeyState::Passphrase,
            (
                Self::Rsa { modulus, exponent },
                RawKey::Rsa {
                    modulus: other_modulus,
                    exponent: other_exponent,
                },
            ) => belongs(modulus == other_modulus && exponent == other_exponent),
            (Self::Ecdsa { scalar, point }, RawKey::Point(public)) => {
                ecdsa_pair(scalar, point.as_deref(), public)
            }
            (Self::Ed25519 { seed }, RawKey::Ed25519(public)) => {
                belongs(signature::Ed25519KeyPair::from_seed_and_public_key(seed, public).is_ok())
            }
            (Self::Other, _) | (_, RawKey::Other) => {
                KeyState::Unproven("this kind of key cannot be compared here".into())
            }
            _ => KeyState::Differs,
        }
    }
}

fn belongs(proven: bool) -> KeyState {
    if proven {
        KeyState::Belongs
    } else {
        KeyState::Differs
    }
}

fn ecdsa_pair(scalar: &[u8], point: Option<&[u8]>, public: &[u8]) -> KeyState {
    let (algorithm, length) = match public.len() {
        65 => (&signature::ECDSA_P256_SHA256_ASN1_SIGNING, 32),
        97 => (&signature::ECDSA_P384_SHA384_ASN1_SIGNING, 48),
        // Curves that ring does not have: what the key's file says of its public half has to do.
        _ => {
            return point.map_or_else(
                || KeyState::Unproven("its curve is not known here".into()),
                |point| belongs(point == public),
            );
        }
    };
    let scalar = without_zeros(scalar);
    let Some(padding) = usize::checked_sub(length, scalar.len()) else {
        return KeyState::Differs;
    };
    let padded: Vec<u8> = std::iter::repeat_n(0, padding).chain(scalar).collect();
    let pair = signature::EcdsaKeyPair::from_private_key_and_public_key(
        algorithm,
        &padded,
        public,
        &SystemRandom::new(),
    );
    // A curve of the same size that ring does not have (secp256k1) fails here too, so the file's own word counts as well.
    belongs(pair.is_ok() || point == Some(public))
}

fn members(der: &[u8]) -> Option<Vec<BerObject<'_>>> {
    let (_, object) = parse_der_recursive(der, DEEPEST).ok()?;
    object.as_sequence().ok().cloned()
}

fn rsa(der: &[u8]) -> Option<PrivateKey> {
    let members = members(der)?;
    Some(PrivateKey::Rsa {
        modulus: without_zeros(members.get(1)?.as_slice().ok()?),
        exponent: without_zeros(members.get(2)?.as_slice().ok()?),
    })
}

fn ecdsa(der: &[u8]) -> Option<PrivateKey> {
    /// The tag of the optional public half (RFC 5915).
    const PUBLIC: u32 = 1;
    let members = members(der)?;
    let scalar = members.get(1)?.as_slice().ok()?.to_vec();
    let point = members
        .iter()
        .skip(2)
        .find(|member| member.header.tag().0 == PUBLIC && member.header.is_contextspecific())
        .and_then(|member| member.as_slice().ok())
        .and_then(|content| parse_der_recursive(content, DEEPEST).ok())
        .and_then(|(_, bits)| bits.as_bitstring_ref().map(|bits| bits.data.to_vec()).ok());
    Some(PrivateKey::Ecdsa { scalar, point })
}

fn pkcs8(der: &[u8]) -> Option<PrivateKey> {
    let members = members(der)?;
    let algorithm = members
        .get(1)?
        .as_sequence()
        .ok()?
        .first()?
        .as_oid()
        .ok()?
        .to_id_string();
    let key = members.get(2)?.as_slice().ok()?;
    match algorithm.as_str() {
        "1.2.840.113549.1.1.1" => rsa(key),
        "1.2.840.10045.2.1" => ecdsa(key),
        "1.3.101.112" => {
            let (_, seed) = parse_der_recursive(key, DEEPEST).ok()?;
            let seed = seed.as_slice().ok()?.to_vec();
            Some(PrivateKey::Ed25519 { seed })
        }
        _ => Some(PrivateKey::Other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::certificates::pem::blocks;

    fn key(pem: &str) -> PrivateKey {
        PrivateKey::read(&blocks(pem)[0]).unwrap()
    }

    #[test]
    fn a_key_is_told_from_another_of_its_kind() {
        for algorithm in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
            &rcgen::PKCS_ED25519,
        ] {
            let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let other = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let parameters =
                rcgen::CertificateParams::new(vec!["a.example.com".to_owned()]).unwrap();
            let certificate = parameters.self_signed(&pair).unwrap();
            let parsed = Parsed::read(certificate.der()).unwrap();
            assert_eq!(
                key(&pair.serialize_pem()).stands_to(&parsed),
                KeyState::Belongs
            );
            assert_eq!(
                key(&other.serialize_pem()).stands_to(&parsed),
                KeyState::Differs
            );
        }
    }

    #[test]
    fn encrypted_and_damaged_keys_are_told_apart() {
        let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0\n\nAAEC\n-----END RSA PRIVATE KEY-----";
        let modern =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAEC\n-----END ENCRYPTED PRIVATE KEY-----";
        for text in [legacy, modern] {
            assert!(matches!(key(text), PrivateKey::Encrypted));
        }
        for text in [
            "-----BEGIN PRIVATE KEY-----\nAAEC\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nAAEC\n",
        ] {
            assert!(PrivateKey::read(&blocks(text)[0]).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), public in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = rsa(&bytes);
            let _ = ecdsa(&bytes);
            let _ = pkcs8(&bytes);
            let _ = ecdsa_pair(&bytes, None, &public);
        }
    }
}
