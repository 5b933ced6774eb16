//! The authorities that this machine trusts.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::{Deserialize, Serialize};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::certificate;
use crate::{
    facts::{FileProblem, Observed, Root, Site, bounded, read_bounded},
    units::Bytes,
};

/// Larger than any bundle of authorities.
const LARGEST_BUNDLE: Bytes = Bytes(8_000_000);
/// By which programs on this machine are told of another bundle.
const BUNDLE_VARIABLE: &str = "SSL_CERT_FILE";

/// Where trusted authorities come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustNote {
    /// The system's bundle; none where there is none.
    pub file: Option<PathBuf>,
    /// How many authorities it holds.
    pub authorities: usize,
    /// What is wrong with it or with a bundle that the profile names.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// The authorities that are trusted, for all hosts and for some.
#[derive(Debug)]
pub struct Trust {
    /// For the recording.
    pub note: TrustNote,
    /// The organisations of the system's authorities.
    pub organizations: BTreeSet<String>,
    system: Arc<RootCertStore>,
    extended: BTreeMap<PathBuf, Arc<RootCertStore>>,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            note: TrustNote::default(),
            organizations: BTreeSet::new(),
            system: Arc::new(RootCertStore::empty()),
            extended: BTreeMap::new(),
        }
    }
}

impl Trust {
    /// The authorities for a host that may have some of its own.
    #[must_use]
    pub fn store(&self, own: Option<&Path>) -> Arc<RootCertStore> {
        own.and_then(|file| self.extended.get(file))
            .unwrap_or(&self.system)
            .clone()
    }
}

/// Reads the system's bundle and those that hosts of the profile have of their own.
pub async fn read(site: &Site) -> Trust {
    let root = site.root.clone();
    let mut candidates: Vec<PathBuf> = site
        .profile
        .certificates
        .trust_stores
        .iter()
        .map(|path| path.to_path_buf())
        .collect();
    if root.is_machine()
        && let Some(file) = std::env::var_os(BUNDLE_VARIABLE).filter(|file| !file.is_empty())
    {
        candidates.insert(0, file.into());
    }
    let own: BTreeSet<PathBuf> = site
        .profile
        .outbound
        .iter()
        .flat_map(|group| &group.hosts)
        .filter_map(|host| host.ca_file.as_ref().map(|file| file.to_path_buf()))
        .collect();
    let reading = bounded(site.deadline, "the trusted authorities", move || {
        Observed::Seen(read_all(&root, &candidates, &own))
    });
    match reading.await {
        Observed::Seen(trust) => trust,
        other => Trust {
            note: TrustNote {
                problems: other
                    .seen()
                    .err()
                    .map(|gap| gap.to_string())
                    .into_iter()
                    .collect(),
                ..TrustNote::default()
            },
            ..Trust::default()
        },
    }
}

fn read_all(root: &Root, candidates: &[PathBuf], own: &BTreeSet<PathBuf>) -> Trust {
    let mut trust = Trust::default();
    for file in candidates {
        match bundle(root, file) {
            Ok(found) => {
                trust.organizations = found.iter().filter_map(|der| organization(der)).collect();
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(found);
                trust.note.file = Some(file.clone());
                trust.note.authorities = store.len();
                trust.system = Arc::new(store);
                break;
            }
            Err(problem) if is_missing(&problem) => {}
            Err(problem) => trust
                .note
                .problems
                .push(format!("{}: {problem}", file.display())),
        }
    }
    for file in own {
        match bundle(root, file) {
            Ok(found) => {
                let mut store = trust.system.as_ref().clone();
                store.add_parsable_certificates(found);
                trust.extended.insert(file.clone(), Arc::new(store));
            }
            Err(problem) => trust
                .note
                .problems
                .push(format!("{}: {problem}", file.display())),
        }
    }
    trust
}

fn is_missing(problem: &FileProblem) -> bool {
    matches!(Observed::<()>::from_problem(problem, ""), Observed::Absent)
}

fn bundle(root: &Root, file: &Path) -> Result<Vec<CertificateDer<'static>>, FileProblem> {
    let text = read_bounded(root, file, LARGEST_BUNDLE)?;
    // What in a bundle is no certificate is no authority either.
    Ok(CertificateDer::pem_slice_iter(&text)
        .filter_map(Result::ok)
        .collect())
}

fn organization(der: &CertificateDer) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    certificate::organization(certificate.subject())
}
