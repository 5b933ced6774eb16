//! What one certificate says, as plain data.

use std::net::IpAddr;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    oid_registry,
    prelude::FromDer,
    public_key::PublicKey as ParsedKey,
    signature_algorithm::SignatureAlgorithm,
    x509::{SubjectPublicKeyInfo, X509Name},
};

use super::names::ServerName;

/// Certificate authorities allow at most a hundred or so; more are passed over.
const MOST_NAMES: usize = 1_000;
/// Longer names are cut for display.
const LONGEST_TEXT: usize = 300;

/// What a certificate says. All of it is public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Whom it is for, as a distinguished name.
    pub subject: String,
    /// Who signed it, as a distinguished name.
    pub issuer: String,
    /// Its number at that issuer, in hexadecimal.
    pub serial: String,
    /// SHA-256 of the whole, in hexadecimal.
    pub sha256: String,
    /// From when it holds.
    pub not_before: Timestamp,
    /// Until when it holds.
    pub not_after: Timestamp,
    /// The host names that it is for; `*` may stand for the first label.
    #[serde(default)]
    pub dns_names: Vec<String>,
    /// The addresses that it is for.
    #[serde(default)]
    pub ip_addresses: Vec<IpAddr>,
    /// Its key.
    pub key: PublicKey,
    /// How it was signed.
    pub signature: Signature,
    /// Whether it may sign other certificates.
    pub is_authority: bool,
    /// Whether it was signed by its own key.
    pub self_signed: bool,
}

/// The kind and size of a public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PublicKey {
    /// RSA.
    Rsa {
        /// Length of the modulus.
        bits: usize,
    },
    /// A key on an elliptic curve.
    Ecdsa {
        /// Length of a coordinate.
        bits: usize,
    },
    /// Edwards curve 25519.
    Ed25519,
    /// Anything else.
    Other {
        /// The algorithm's object identifier.
        algorithm: String,
    },
}

/// The digest that a signature was made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// MD2, MD4 or MD5: forged in practice.
    Md5,
    /// SHA-1: forged in practice.
    Sha1,
    /// SHA-2, SHA-3, or a scheme with a sound digest of its own.
    Sound,
    /// One that is not known here.
    Unknown,
}

impl Certificate {
    /// Whether it is for this name.
    #[must_use]
    pub fn is_for(&self, name: &ServerName) -> bool {
        name.is_among(&self.dns_names, &self.ip_addresses)
    }

    /// The names that it is for, in one line; the subject where it has none.
    #[must_use]
    pub fn names(&self) -> String {
        const SHOWN: usize = 5;
        let names: Vec<String> = self
            .dns_names
            .iter()
            .cloned()
            .chain(self.ip_addresses.iter().map(ToString::to_string))
            .collect();
        match names.len().saturating_sub(SHOWN) {
            _ if names.is_empty() => format!("no host name at all (subject {})", self.subject),
            0 => names.join(", "),
            more => {
                let shown: Vec<String> = names.into_iter().take(SHOWN).collect();
                format!("{} and {more} more", shown.join(", "))
            }
        }
    }
}

/// A certificate with what is needed to link it to others.
#[derive(Clone)]
pub struct Parsed {
    /// What is kept of it.
    pub certificate: Certificate,
    /// The whole, in DER.
    pub der: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) subject_key_id: Option<Vec<u8>>,
    pub(super) authority_key_id: Option<Vec<u8>>,
    pub(super) key: RawKey,
    /// Whether its key usage, where it says one, includes signing certificates.
    pub(super) may_sign: bool,
}

/// A public key, as far as it can be compared with a private one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RawKey {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Point(Vec<u8>),
    Ed25519(Vec<u8>),
    Other,
}

impl Parsed {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        let (rest, parsed) = X509Certificate::from_der(der)
            .map_err(|error| format!("it is no X.509 certificate ({error})"))?;
        if !rest.is_empty() {
            return Err("something stands behind the certificate".into());
        }
        let key = parsed.public_key();
        let (raw_key, key_kind) = read_key(key);
        let (dns_names, ip_addresses) = names(&parsed);
        let subject_key_id = key_ids(&parsed, |extension| match extension {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        });
        let authority_key_id = key_ids(&parsed, |extension| match extension {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                id.key_identifier.as_ref().map(|id| id.0.to_vec())
            }
            _ => None,
        });
        let same_name = parsed.subject().as_raw() == parsed.issuer().as_raw();
        let same_key = match (&subject_key_id, &authority_key_id) {
            (Some(subject), Some(authority)) => subject == authority,
            _ => true,
        };
        let certificate = Certificate {
            subject: written(parsed.subject()),
            issuer: written(parsed.issuer()),
            serial: HEXLOWER.encode(parsed.raw_serial().get(..40).unwrap_or(parsed.raw_serial())),
            sha256: HEXLOWER.encode(&Sha256::digest(der)),
            not_before: timestamp(parsed.validity().not_before.timestamp()),
            not_after: timestamp(parsed.validity().not_after.timestamp()),
            dns_names,
            ip_addresses,
            key: key_kind,
            signature: signature(&parsed),
            is_authority: parsed.is_ca(),
            self_signed: same_name && same_key,
        };
        Ok(Self {
            certificate,
            der: der.to_vec(),
            subject: parsed.subject().as_raw().to_vec(),
            issuer: parsed.issuer().as_raw().to_vec(),
            subject_key_id,
            authority_key_id,
            key: raw_key,
            may_sign: parsed
                .key_usage()
                .ok()
                .flatten()
                .is_none_or(|usage| usage.value.key_cert_sign()),
        })
    }

    /// Whether this certificate names `other` as its issuer.
    #[must_use]
    pub fn is_issued_by(&self, other: &Self) -> bool {
        let same_key = match (&self.authority_key_id, &other.subject_key_id) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        self.issuer == other.subject && same_key
    }
}

/// Times beyond those that are counted here mean “for ever”, or “since ever”.
fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

fn read_key(key: &SubjectPublicKeyInfo) -> (RawKey, PublicKey) {
    let other = || PublicKey::Other {
        algorithm: key.algorithm.algorithm.to_id_string(),
    };
    if key.algorithm.algorithm == oid_registry::OID_SIG_ED25519 {
        let point = key.subject_public_key.data.to_vec();
        return (RawKey::Ed25519(point), PublicKey::Ed25519);
    }
    match key.parsed() {
        Ok(ParsedKey::RSA(rsa)) => {
            let modulus = without_zeros(rsa.modulus);
            let leading = modulus.first().map_or(8, |byte| byte.leading_zeros());
            let bits = (modulus.len() * 8).saturating_sub(leading as usize);
            let exponent = without_zeros(rsa.exponent);
            (RawKey::Rsa { modulus, exponent }, PublicKey::Rsa { bits })
        }
        Ok(ParsedKey::EC(point)) => {
            let data = point.data().to_vec();
            (
                RawKey::Point(data),
                PublicKey::Ecdsa {
                    bits: curve_bits(key),
                },
            )
        }
        _ => (RawKey::Other, other()),
    }
}

/// The length that the curve's name says, or else the length of the coordinates.
fn curve_bits(key: &SubjectPublicKeyInfo) -> usize {
    let named = key
        .algorithm
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.as_oid().ok())
        .map(|oid| oid.to_id_string());
    match named.as_deref() {
        Some("1.2.840.10045.3.1.1") => 192,
        Some("1.3.132.0.33") => 224,
        Some("1.2.840.10045.3.1.7" | "1.3.132.0.10") => 256,
        Some("1.3.132.0.34") => 384,
        Some("1.3.132.0.35") => 521,
        _ => key.subject_public_key.data.len().saturating_sub(1) / 2 * 8,
    }
}

/// A positive integer of DER without the zeros that only say that it is positive.
pub(super) fn without_zeros(integer: &[u8]) -> Vec<u8> {
    integer
        .iter()
        .copied()
        .skip_while(|byte| *byte == 0)
        .collect()
}

fn names(parsed: &X509Certificate) -> (Vec<String>, Vec<IpAddr>) {
    let Ok(Some(extension)) = parsed.subject_alternative_name() else {
        return (Vec::new(), Vec::new());
    };
    let (mut dns_names, mut addresses) = (Vec::new(), Vec::new());
    for name in extension.value.general_names.iter().take(MOST_NAMES) {
        match name {
            GeneralName::DNSName(name) => dns_names.push(clipped(name)),
            GeneralName::IPAddress(bytes) => addresses.extend(address(bytes)),
            _ => {}
        }
    }
    (dns_names, addresses)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

fn key_ids(
    parsed: &X509Certificate,
    wanted: impl Fn(&ParsedExtension) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    parsed
        .extensions()
        .iter()
        .find_map(|extension| wanted(extension.parsed_extension()))
}

fn signature(parsed: &X509Certificate) -> Signature {
    const MD_WITH_RSA: [&str; 3] = [
        "1.2.840.113549.1.1.2",
        "1.2.840.113549.1.1.3",
        "1.2.840.113549.1.1.4",
    ];
    const SHA1_WITH: [&str; 5] = [
        "1.2.840.113549.1.1.5",
        "1.3.14.3.2.29",
        "1.3.14.3.2.27",
        "1.2.840.10040.4.3",
        "1.2.840.10045.4.1",
    ];
    let name = parsed.signature_algorithm.algorithm.to_id_string();
    if MD_WITH_RSA.contains(&name.as_str()) {
        return Signature::Md5;
    }
    if SHA1_WITH.contains(&name.as_str()) {
        return Signature::Sha1;
    }
    match SignatureAlgorithm::try_from(&parsed.signature_algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) => {
            // SHA-1 is what the standard takes where nothing is said.
            if *parameters.hash_algorithm_oid() == oid_registry::OID_HASH_SHA1 {
                Signature::Sha1
            } else {
                Signature::Sound
            }
        }
        Ok(_) => Signature::Sound,
        Err(_) => Signature::Unknown,
    }
}

fn written(name: &X509Name) -> String {
    clipped(&name.to_string())
}

/// A text of somebody else's for display: bounded, and without control characters.
pub(super) fn clipped(text: &str) -> String {
    text.chars()
        .take(LONGEST_TEXT)
        .map(|letter| {
            if letter.is_control() {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_certificate_is_read() {
        let made = rcgen::generate_simple_self_signed(vec![
            "node.example.com".to_owned(),
            "192.0.2.1".to_owned(),
        ])
        .unwrap();
        let parsed = Parsed::read(made.cert.der()).unwrap();
        let certificate = parsed.certificate;
        assert_eq!(certificate.dns_names, ["node.example.com"]);
        assert_eq!(certificate.ip_addresses.len(), 1);
        assert_eq!(certificate.key, PublicKey::Ecdsa { bits: 256 });
        assert_eq!(certificate.signature, Signature::Sound);
        assert!(certificate.self_signed);
        assert!(certificate.is_for(&ServerName::read("node.example.com").unwrap()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Parsed::read(&bytes);
        }

        #[test]
        fn no_change_of_a_certificate_makes_it_panic(at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..400) {
            let made = rcgen::generate_simple_self_signed(vec!["a.example.com".to_owned()]).unwrap();
            let mut der = made.cert.der().to_vec();
            if let Some(place) = der.get_mut(at) {
                *place = byte;
            }
            let _ = Parsed::read(&der);
            der.truncate(cut);
            let _ = Parsed::read(&der);
        }
    }
}
