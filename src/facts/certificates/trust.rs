//! The authorities that the examined system trusts.

use std::{collections::HashMap, path::PathBuf};

use super::{certificate::Parsed, pem};
use crate::{
    facts::{Observed, Root, read_text},
    profile::AbsolutePath,
    units::Bytes,
};

/// Bundles of distributions have a quarter of a megabyte.
const LARGEST_BUNDLE: Bytes = Bytes(5_000_000);

/// More authorities than any system trusts.
const MOST_AUTHORITIES: usize = 2_000;

/// The trusted authorities, by their name.
#[derive(Clone, Default)]
pub struct TrustStore {
    /// The file that they were read from.
    pub path: PathBuf,
    by_subject: HashMap<Vec<u8>, Vec<Parsed>>,
}

impl TrustStore {
    /// Reads the first bundle of the profile's list that is there. Blocks.
    #[must_use]
    pub fn load(root: &Root, places: &[AbsolutePath]) -> Observed<Self> {
        for place in places {
            match read_text(root, place, LARGEST_BUNDLE) {
                Ok(text) => return Observed::Seen(Self::from_pem(place.to_path_buf(), &text)),
                Err(problem) => {
                    let what = place.display().to_string();
                    match Observed::from_problem(&problem, &what) {
                        Observed::Absent => {}
                        other => return other,
                    }
                }
            }
        }
        Observed::Absent
    }

    /// The authorities in a bundle. What in it is no certificate is passed over, as TLS libraries do.
    #[must_use]
    pub fn from_pem(path: PathBuf, text: &str) -> Self {
        let mut store = Self {
            path,
            ..Self::default()
        };
        let authorities =
            pem::certificates_in(text, MOST_AUTHORITIES).filter_map(|der| Parsed::read(&der).ok());
        for authority in authorities {
            store
                .by_subject
                .entry(authority.subject.clone())
                .or_default()
                .push(authority);
        }
        store
    }

    /// The authorities that can have signed a certificate.
    pub(super) fn issuers_of<'a>(
        &'a self,
        certificate: &'a Parsed,
    ) -> impl Iterator<Item = &'a Parsed> {
        self.by_subject
            .get(&certificate.issuer)
            .into_iter()
            .flatten()
            .filter(|authority| certificate.is_issued_by(authority))
    }

    /// Whether a certificate is itself trusted.
    pub(super) fn holds(&self, certificate: &Parsed) -> bool {
        self.by_subject
            .get(&certificate.subject)
            .is_some_and(|same| same.iter().any(|known| known.der == certificate.der))
    }
}
