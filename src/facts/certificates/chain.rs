//! Certificates put in relation: which is the server's, who signed it, and where that ends. Nothing here depends on the date.

use jiff::Timestamp;
use rustls::{
    crypto::ring::default_provider,
    pki_types::{CertificateDer, TrustAnchor, UnixTime},
};
use serde::{Deserialize, Serialize};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::{
    certificate::{Certificate, Parsed},
    key::{KeyState, PrivateKey},
    trust::TrustStore,
};

/// Longer chains are followed no further; TLS clients give up earlier.
const LONGEST_PATH: usize = 10;

/// Certificates as they were found together, and how they hang together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// The certificates, in the order in which they were found.
    pub certificates: Vec<Certificate>,
    /// Places in `certificates`: the server's own, then each one's issuer as far as it is there.
    pub path: Vec<usize>,
    /// Where that leads.
    pub end: ChainEnd,
    /// Why clients refuse it although it leads to a trusted authority, apart from dates, names and weak keys.
    #[serde(default)]
    pub refusal: Option<String>,
}

/// Where a chain leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ChainEnd {
    /// To an authority that the examined system trusts.
    Trusted {
        /// That authority, where it is not the last certificate of the path itself.
        authority: Option<Authority>,
        /// So many certificates of the path are needed to get there.
        length: usize,
    },
    /// To a certificate that vouches for itself and that nobody trusts.
    SelfSigned,
    /// To a certificate whose issuer is neither there nor trusted.
    IssuerMissing {
        /// The missing issuer.
        issuer: String,
    },
    /// What the examined system trusts could not be read.
    Unjudged,
}

/// A trusted authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Its name.
    pub subject: String,
    /// From when it holds.
    pub not_before: Timestamp,
    /// Until when it holds.
    pub not_after: Timestamp,
}

impl Chain {
    /// Relates certificates to each other, the server's own being at `leaf`.
    #[must_use]
    pub fn of(presented: &[Parsed], leaf: usize, trust: Option<&TrustStore>) -> Self {
        let path = path_from(presented, leaf);
        let along: Vec<&Parsed> = path
            .iter()
            .filter_map(|place| presented.get(*place))
            .collect();
        let (end, refusal) = trust.map_or_else(
            || (without_trust_store(&along), None),
            |trust| judged(&along, trust),
        );
        Self {
            certificates: presented
                .iter()
                .map(|parsed| parsed.certificate.clone())
                .collect(),
            path,
            end,
            refusal,
        }
    }

    /// The server's own certificate.
    #[must_use]
    pub fn leaf(&self) -> Option<&Certificate> {
        self.certificates.get(*self.path.first()?)
    }

    /// The certificates from the server's own to its issuers, as far as a client needs them.
    pub fn needed(&self) -> impl Iterator<Item = &Certificate> {
        let length = match self.end {
            ChainEnd::Trusted { length, .. } => length,
            _ => self.path.len(),
        };
        self.path
            .iter()
            .take(length)
            .filter_map(|place| self.certificates.get(*place))
    }

    /// Whether the server's certificate is the first one, and every issuer follows what it has signed.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        self.path.first() == Some(&0) && self.path.is_sorted()
    }

    /// Certificates that belong to no part of the path.
    #[must_use]
    pub fn extras(&self) -> usize {
        self.certificates.len().saturating_sub(self.path.len())
    }
}

/// The place of the server's own certificate: the key's, else the first that is no authority.
#[must_use]
pub fn place_of_leaf(presented: &[Parsed], key: Option<&PrivateKey>) -> usize {
    let of_key = key.and_then(|key| {
        presented
            .iter()
            .position(|parsed| key.stands_to(parsed) == KeyState::Belongs)
    });
    let no_authority = || {
        presented
            .iter()
            .position(|parsed| !parsed.certificate.is_authority)
    };
    let issuer_of_none = || {
        presented.iter().position(|parsed| {
            !presented
                .iter()
                .any(|other| other.der != parsed.der && other.is_issued_by(parsed))
        })
    };
    of_key
        .or_else(no_authority)
        .or_else(issuer_of_none)
        .unwrap_or(0)
}

fn path_from(presented: &[Parsed], leaf: usize) -> Vec<usize> {
    let mut path = Vec::new();
    let mut next = Some(leaf);
    while let Some((place, current)) = next.and_then(|place| Some((place, presented.get(place)?))) {
        path.push(place);
        if current.certificate.self_signed || path.len() >= LONGEST_PATH {
            break;
        }
        // Where several would do, the one that follows is meant.
        let (before, after) = presented.split_at(place);
        let candidates = after.iter().zip(place..).chain(before.iter().zip(0..));
        next = candidates
            .filter(|(candidate, at)| {
                !path.contains(at)
                    && candidate.der != current.der
                    && current.is_issued_by(candidate)
            })
            .map(|(_, at)| at)
            .next();
    }
    path
}

fn without_trust_store(along: &[&Parsed]) -> ChainEnd {
    match along {
        // Nobody who does not know it by itself can trust it.
        [only] if only.certificate.self_signed => ChainEnd::SelfSigned,
        _ => ChainEnd::Unjudged,
    }
}

fn judged(along: &[&Parsed], trust: &TrustStore) -> (ChainEnd, Option<String>) {
    for (place, current) in along.iter().enumerate() {
        let below = along.get(..place).unwrap_or_default();
        if trust.holds(current) {
            let end = ChainEnd::Trusted {
                authority: None,
                length: place + 1,
            };
            return (end, refusal(below, &[current]));
        }
        let issuers: Vec<&Parsed> = trust.issuers_of(current).collect();
        if let Some(first) = issuers.first() {
            let end = ChainEnd::Trusted {
                authority: Some(Authority {
                    subject: first.certificate.subject.clone(),
                    not_before: first.certificate.not_before,
                    not_after: first.certificate.not_after,
                }),
                length: place + 1,
            };
            let needed = along.get(..=place).unwrap_or_default();
            return (end, refusal(needed, &issuers));
        }
    }
    let end = match along.last() {
        Some(last) if last.certificate.self_signed => ChainEnd::SelfSigned,
        Some(last) => ChainEnd::IssuerMissing {
            issuer: last.certificate.issuer.clone(),
        },
        None => ChainEnd::Unjudged,
    };
    (end, None)
}

/// What webpki, which rustls trusts by, has against a path to these authorities.
fn refusal(path: &[&Parsed], authorities: &[&Parsed]) -> Option<String> {
    let (leaf, intermediates) = path.split_first()?;
    if let Some(useless) = intermediates.iter().find(|issuer| !issuer.may_sign) {
        return Some(format!(
            "the key usage of “{}” does not allow it to sign certificates",
            useless.certificate.subject
        ));
    }
    let time = common_time(path)?;
    let authorities: Vec<CertificateDer> = authorities
        .iter()
        .map(|authority| CertificateDer::from(authority.der.as_slice()))
        .collect();
    let anchors: Vec<TrustAnchor> = authorities
        .iter()
        .filter_map(|authority| anchor_from_trusted_cert(authority).ok())
        .collect();
    let intermediates: Vec<CertificateDer> = intermediates
        .iter()
        .map(|issuer| CertificateDer::from(issuer.der.as_slice()))
        .collect();
    let leaf = CertificateDer::from(leaf.der.as_slice());
    let verified = EndEntityCert::try_from(&leaf).and_then(|leaf| {
        leaf.verify_for_usage(
            default_provider().signature_verification_algorithms.all,
            &anchors,
            &intermediates,
            time,
            KeyUsage::server_auth(),
            None,
            None,
        )
        .map(|_| ())
    });
    verified.err().and_then(|error| in_words(&error))
}

/// A time at which all certificates of a path hold, so that nothing is blamed on a date.
fn common_time(path: &[&Parsed]) -> Option<UnixTime> {
    let begin = path
        .iter()
        .map(|parsed| parsed.certificate.not_before)
        .max()?;
    let end = path
        .iter()
        .map(|parsed| parsed.certificate.not_after)
        .min()?;
    let seconds = u64::try_from(begin.as_second()).ok()?;
    (begin <= end).then(|| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
}

fn in_words(error: &webpki::Error) -> Option<String> {
    use webpki::Error;
    let words = match error {
        // Weak keys and digests are told from the certificates themselves, and kinds that are not known here prove nothing.
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
        | Error::CertExpired { .. }
        | Error::CertNotValidYet { .. } => return None,
        Error::InvalidSignatureForPublicKey => {
            "a signature in it is wrong: the issuer has the right name, but another key"
        }
        Error::CaUsedAsEndEntity => {
            "the server's certificate is an authority's (CA:TRUE), which browsers refuse"
        }
        Error::EndEntityUsedAsCa => "a certificate that is no authority (CA:FALSE) signed another",
        Error::PathLenConstraintViolated => {
            "more authorities follow one another than one of them allows (path length)"
        }
        Error::NameConstraintViolation => {
            "an authority signed for a name outside those it may sign for (name constraints)"
        }
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            "it is not made for servers (extended key usage lacks server authentication)"
        }
        Error::UnsupportedCriticalExtension => {
            "it has a critical extension that clients do not know"
        }
        Error::UnsupportedCertVersion => "one of its certificates is no X.509 version 3",
        other => return Some(format!("TLS clients refuse it: {other}")),
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    use super::*;

    type Issuer = CertifiedIssuer<'static, KeyPair>;

    fn authority_parameters(name: &str) -> CertificateParams {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.use_authority_key_identifier_extension = true;
        parameters
    }

    struct Made {
        root: Parsed,
        intermediate: Parsed,
        leaf: Parsed,
    }

    fn made() -> Made {
        let key = || KeyPair::generate().unwrap();
        let root = Issuer::self_signed(authority_parameters("root"), key()).unwrap();
        let intermediate =
            Issuer::signed_by(authority_parameters("intermediate"), key(), &root).unwrap();
        let mut parameters = CertificateParams::new(vec!["node.example.com".into()]).unwrap();
        parameters.use_authority_key_identifier_extension = true;
        let leaf = parameters.signed_by(&key(), &intermediate).unwrap();
        Made {
            root: Parsed::read(root.der()).unwrap(),
            intermediate: Parsed::read(intermediate.der()).unwrap(),
            leaf: Parsed::read(leaf.der()).unwrap(),
        }
    }

    fn trusting(authority: &Parsed) -> TrustStore {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(&authority.der);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        TrustStore::from_pem("roots.pem".into(), &pem)
    }

    #[test]
    fn a_chain_leads_to_a_trusted_authority_or_says_why_not() {
        let Made {
            root,
            intermediate,
            leaf,
        } = made();
        let trust = trusting(&root);
        let of = |presented: &[&Parsed]| {
            let presented: Vec<Parsed> = presented.iter().copied().cloned().collect();
            let place = place_of_leaf(&presented, None);
            Chain::of(&presented, place, Some(&trust))
        };
        let good = of(&[&leaf, &intermediate]);
        assert!(good.is_in_order());
        assert!(
            matches!(good.end, ChainEnd::Trusted { length: 2, .. }),
            "{good:?}"
        );
        assert_eq!(good.refusal, None);

        let with_root = of(&[&leaf, &intermediate, &root]);
        assert!(with_root.is_in_order());
        assert_eq!(with_root.needed().count(), 2);

        let reversed = of(&[&root, &intermediate, &leaf]);
        assert!(!reversed.is_in_order());
        assert_eq!(reversed.leaf().unwrap().dns_names, ["node.example.com"]);

        assert!(!of(&[&leaf, &root, &intermediate]).is_in_order());

        let bare = of(&[&leaf]);
        assert!(matches!(bare.end, ChainEnd::IssuerMissing { .. }));

        let foreign = made();
        let untrusted = of(&[&foreign.leaf, &foreign.intermediate, &foreign.root]);
        assert_eq!(untrusted.end, ChainEnd::SelfSigned);
        assert_eq!(untrusted.path.len(), 3);
    }

    #[test]
    fn without_a_trust_store_nothing_is_said_of_trust() {
        let Made {
            intermediate, leaf, ..
        } = made();
        assert_eq!(
            Chain::of(&[leaf, intermediate], 0, None).end,
            ChainEnd::Unjudged
        );
    }
}
