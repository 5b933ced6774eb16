//! Traefik's certificates as they lie on disk: the ACME store, and the customer's own.
//!
//! Facts hold what is public in a certificate. Private keys are compared, told to the redactor, and forgotten.

pub mod acme;
pub mod certificate;
pub mod chain;
pub mod key;
pub mod names;
pub mod own;
pub mod pem;
mod secrets;
mod stack_word;
pub mod traefik_file;
pub mod trust;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{FileKind, FileProblem, Observed, Root, Site, bounded, read_bounded, read_text};
use crate::{
    profile::{AbsolutePath, CertificateMode},
    units::Bytes,
};

use secrets::Secrets;

pub use acme::{AcmeContent, AcmeLayout, StoredCertificate};
pub use certificate::{Certificate, PublicKey, Signature};
pub use chain::{Authority, Chain, ChainEnd};
pub use key::KeyState;
pub use names::ServerName;
pub use own::{FileFault, OwnCertificates, Pair};
pub use stack_word::StackWord;
pub use trust::TrustStore;

/// The store's name in its directory.
const ACME_FILE: &str = "acme.json";
/// More than any store or directory of certificates has.
const LARGEST: Bytes = Bytes(5_000_000);
/// Larger files hold no certificate.
const LARGEST_CERTIFICATE_FILE: Bytes = Bytes(1_000_000);
/// More files than anybody keeps certificates in.
const MOST_FILES: usize = 100;

/// Certificates on disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Certificates {
    /// `NODE_DOMAIN`, as it was known when observing.
    #[serde(default)]
    pub node_domain: Option<String>,
    /// Whose certificates the profile or the stack says are served.
    #[serde(default)]
    pub mode: Option<CertificateMode>,
    /// Traefik's ACME store.
    #[serde(default)]
    pub acme: Observed<AcmeFile>,
    /// The customer's own certificates.
    #[serde(default)]
    pub own: Observed<OwnCertificates>,
    /// The file of authorities that the examined system trusts.
    #[serde(default)]
    pub trust_store: Observed<PathBuf>,
}

/// The file of the ACME store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeFile {
    /// Where it is.
    pub path: PathBuf,
    /// What stands there.
    pub kind: FileKind,
    /// Its permission bits.
    pub permissions: u32,
    /// What it holds; none where it could not be read.
    #[serde(default)]
    pub content: Option<AcmeContent>,
    /// Why it could not be read.
    #[serde(default)]
    pub fault: Option<String>,
}

impl Certificates {
    /// Whose certificates are served: as the profile or the stack says, else as what lies there suggests.
    #[must_use]
    pub fn mode(&self) -> CertificateMode {
        let has_own = || matches!(&self.own, Observed::Seen(own) if !own.pairs.is_empty());
        self.mode.unwrap_or_else(|| {
            if has_own() && self.acme == Observed::Absent {
                CertificateMode::Own
            } else {
                CertificateMode::LetsEncrypt
            }
        })
    }

    /// `NODE_DOMAIN` as a name that a certificate can be for.
    #[must_use]
    pub fn server_name(&self) -> Option<ServerName> {
        self.node_domain.as_deref().and_then(ServerName::read)
    }
}

/// Looks at it.
pub async fn observe(site: Site, word: StackWord) -> Observed<Certificates> {
    let layout = &site.profile.layout;
    let places = site.profile.certificates.trust_stores.clone();
    let configurations = site.profile.certificates.traefik_files.clone();
    let acme_path = layout.letsencrypt_dir.join(ACME_FILE);
    let directory = layout.certificates_dir.to_path_buf();
    let look = |what: String| (site.deadline, what, site.root.clone());
    // The stores may lie on a disk that hangs, so that each is looked at by itself.
    let (trust, acme, own) = tokio::join!(
        async {
            let (deadline, what, root) = look("the system's trust store".into());
            bounded(deadline, what, move || TrustStore::load(&root, &places)).await
        },
        async {
            let (deadline, what, root) = look(acme_path.display().to_string());
            bounded(deadline, what, move || acme_file(&root, acme_path)).await
        },
        async {
            let (deadline, what, root) = look(directory.display().to_string());
            bounded(deadline, what, move || {
                own_files(&root, directory, &configurations)
            })
            .await
        },
    );
    let redactor = site.redactor.clone();
    let mode = site.profile.certificates.mode.or(word.mode);
    // Reading certificates takes no waiting but some computing, which belongs on no thread that others wait for.
    bounded(site.deadline, "the certificates", move || {
        let store = match &trust {
            Observed::Seen(store) => Some(store),
            _ => None,
        };
        Observed::Seen(Certificates {
            node_domain: word.node_domain,
            mode,
            acme: acme.map(|(mut file, text)| {
                file.content = text.map(|text| acme::read(&text, store, &redactor));
                file
            }),
            own: own.map(|raw| raw.read(store, &redactor)),
            trust_store: trust.map(|store| store.path),
        })
    })
    .await
}

fn acme_file(root: &Root, path: PathBuf) -> Observed<(AcmeFile, Option<String>)> {
    let what = path.display().to_string();
    let status = root
        .locate(&path)
        .and_then(|located| rustix::fs::stat(&located).map_err(Into::into));
    let status = match status {
        Ok(status) => status,
        Err(error) => return Observed::from_error(&error, &what),
    };
    let kind = FileKind::from(rustix::fs::FileType::from_raw_mode(status.st_mode));
    let mut file = AcmeFile {
        path,
        kind,
        permissions: status.st_mode & 0o7777,
        content: None,
        fault: None,
    };
    match read_text(root, &file.path, LARGEST) {
        Ok(text) => Observed::Seen((file, Some(text))),
        Err(FileProblem::Io(error)) => Observed::from_error(&error, &what),
        Err(problem) => {
            file.fault = Some(problem.to_string());
            Observed::Seen((file, None))
        }
    }
}

/// The directory of own certificates, as bytes.
struct RawOwn {
    directory: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
    faults: Vec<FileFault>,
    configuration: Option<(PathBuf, String)>,
}

impl RawOwn {
    fn read(
        self,
        trust: Option<&TrustStore>,
        redactor: &crate::redact::Redactor,
    ) -> OwnCertificates {
        let mut own = OwnCertificates {
            directory: self.directory,
            faults: self.faults,
            ..OwnCertificates::default()
        };
        let mut secrets = Secrets::new(redactor);
        let files: Vec<own::CertificateFile> = self
            .files
            .into_iter()
            .map(|(path, content)| {
                secrets.in_pem(&String::from_utf8_lossy(&content));
                own::CertificateFile::read(path, &content)
            })
            .collect();
        let mut named = Vec::new();
        if let Some((path, text)) = self.configuration {
            match traefik_file::named_pairs(&text) {
                Ok(pairs) => {
                    if !pairs.is_empty() {
                        own.configured_by = Some(path);
                    }
                    named = pairs;
                }
                Err(fault) => {
                    own.configured_by = Some(path);
                    own.configuration_fault = Some(fault);
                }
            }
        }
        own::pair_up(own, files, &named, trust)
    }
}

fn own_files(root: &Root, directory: PathBuf, configurations: &[AbsolutePath]) -> Observed<RawOwn> {
    let what = directory.display().to_string();
    let entries = match root.locate(&directory).and_then(std::fs::read_dir) {
        Ok(entries) => entries,
        Err(error) => return Observed::from_error(&error, &what),
    };
    let mut paths: Vec<PathBuf> = entries
        .take(MOST_FILES)
        .filter_map(|entry| Some(directory.join(entry.ok()?.file_name())))
        .collect();
    paths.sort();
    let mut raw = RawOwn {
        directory,
        files: Vec::new(),
        faults: Vec::new(),
        configuration: configurations
            .iter()
            .find_map(|path| Some((path.to_path_buf(), read_text(root, path, LARGEST).ok()?))),
    };
    let mut total = 0_u64;
    for path in paths {
        match read_bounded(root, &path, LARGEST_CERTIFICATE_FILE) {
            Ok(content) => {
                total = total.saturating_add(content.len() as u64);
                if total > LARGEST.0 {
                    break;
                }
                raw.files.push((path, content));
            }
            Err(problem) => raw.faults.extend(fault(&path, &problem)),
        }
    }
    Observed::Seen(raw)
}

/// What is worth telling of a file that cannot be read; what is no file at all is passed over.
fn fault(path: &Path, problem: &FileProblem) -> Option<FileFault> {
    let FileProblem::Io(error) = problem else {
        return None;
    };
    Some(FileFault {
        path: path.to_path_buf(),
        reason: error.to_string(),
        denied: error.kind() == std::io::ErrorKind::PermissionDenied,
    })
}
