//! A certificate as a server presented it, read whether it is trusted or not.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
    x509::X509Name,
};

/// More names than anybody reads.
const MOST_NAMES: usize = 30;
/// Longer names are cut.
const LONGEST_NAME: usize = 300;

/// What a certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Whom it is for.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The organisation that signed it, where it is named.
    #[serde(default)]
    pub issuer_organization: Option<String>,
    /// From when it holds; none where the time is out of range.
    pub not_before: Option<Timestamp>,
    /// Until when it holds; none where the time is out of range.
    pub not_after: Option<Timestamp>,
    /// The host names and addresses that it is for.
    pub names: Vec<String>,
    /// Whether it names itself as its issuer.
    pub self_issued: bool,
    /// Whether it says where its issuer's certificate can be fetched.
    #[serde(default)]
    pub names_issuer_location: bool,
    /// SHA-256 of the whole, in hexadecimal.
    pub fingerprint: String,
}

impl Certificate {
    /// Reads a certificate in DER; none where it is no certificate.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let (subject, issuer) = (certificate.subject(), certificate.issuer());
        let seconds = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp());
        Some(Self {
            subject: clipped(&subject.to_string()),
            issuer: clipped(&issuer.to_string()),
            issuer_organization: organization(issuer),
            not_before: seconds(certificate.validity().not_before).ok(),
            not_after: seconds(certificate.validity().not_after).ok(),
            names: names(&certificate),
            self_issued: subject.as_raw() == issuer.as_raw(),
            names_issuer_location: names_issuer_location(&certificate),
            fingerprint: HEXLOWER.encode(&Sha256::digest(der)),
        })
    }
}

/// The organisation that a name is of.
pub fn organization(name: &X509Name) -> Option<String> {
    let attribute = name.iter_organization().next()?;
    attribute.as_str().ok().map(clipped)
}

fn names(certificate: &X509Certificate) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(clipped(name)),
            GeneralName::IPAddress(bytes) => match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes)
                    .ok()
                    .map(|bytes| std::net::Ipv4Addr::from(bytes).to_string()),
                16 => <[u8; 16]>::try_from(*bytes)
                    .ok()
                    .map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
                _ => None,
            },
            _ => None,
        })
        .take(MOST_NAMES)
        .collect()
}

fn names_issuer_location(certificate: &X509Certificate) -> bool {
    const ISSUER_LOCATION: &str = "1.3.6.1.5.5.7.48.2";
    certificate.extensions().iter().any(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else {
            return false;
        };
        access
            .accessdescs
            .iter()
            .any(|described| described.access_method.to_id_string() == ISSUER_LOCATION)
    })
}

fn clipped(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(LONGEST_NAME)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Certificate::read(&bytes);
        }
    }
}
