//! The customer's own certificate: a directory of PEM files, and what Traefik's configuration says of them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    certificate::Parsed,
    chain::{Chain, ChainEnd, place_of_leaf},
    key::{KeyState, PrivateKey},
    pem,
    traefik_file::NamedPair,
    trust::TrustStore,
};

/// More servers' certificates than one machine serves.
const MOST_PAIRS: usize = 50;
/// More keys than go with them.
const MOST_KEYS: usize = 50;
/// More intermediates than any chain has.
const MOST_BORROWED: usize = 5;

/// What the directory of own certificates holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCertificates {
    /// The directory.
    pub directory: PathBuf,
    /// Traefik's configuration that says which files are used; none where nothing says so.
    #[serde(default)]
    pub configured_by: Option<PathBuf>,
    /// Why that configuration cannot be used.
    #[serde(default)]
    pub configuration_fault: Option<String>,
    /// The files that were read.
    #[serde(default)]
    pub files: Vec<PathBuf>,
    /// Certificates with their keys.
    #[serde(default)]
    pub pairs: Vec<Pair>,
    /// Files that ought to be there or to be readable, and are not.
    #[serde(default)]
    pub faults: Vec<FileFault>,
}

/// A certificate and the private key that goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The file with the certificate.
    pub certificate_file: PathBuf,
    /// The file with the key.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The certificates of that file, and those that others hold where nothing says which file is used.
    pub chain: Chain,
    /// How the key stands to it.
    pub key: KeyState,
    /// Another file that holds the issuer which the chain lacks, or which it was completed from.
    #[serde(default)]
    pub issuer_file: Option<PathBuf>,
}

/// A file that is no use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFault {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
    /// Whether the privileges of the run did not suffice to read it.
    #[serde(default)]
    pub denied: bool,
}

/// One file of the directory.
pub struct CertificateFile {
    /// Its path.
    pub path: PathBuf,
    certificates: Vec<Parsed>,
    keys: Vec<Result<PrivateKey, String>>,
    fault: Option<String>,
}

impl CertificateFile {
    /// Reads a file's content, PEM or DER.
    #[must_use]
    pub fn read(path: PathBuf, content: &[u8]) -> Self {
        let mut file = Self {
            path,
            certificates: Vec::new(),
            keys: Vec::new(),
            fault: None,
        };
        let text = String::from_utf8_lossy(content);
        let blocks = pem::blocks(&text);
        if blocks.is_empty() {
            file.take_der(content);
        }
        for block in blocks {
            if block.is_private_key() {
                file.keys.push(PrivateKey::read(&block));
            } else if block.is_certificate() {
                let read = block
                    .content
                    .map_err(|fault| fault.to_string())
                    .and_then(|der| Parsed::read(&der));
                match read {
                    Ok(parsed) => file.certificates.push(parsed),
                    Err(fault) => {
                        file.fault = Some(format!("a certificate in it is damaged: {fault}"));
                    }
                }
            }
        }
        file
    }

    fn take_der(&mut self, content: &[u8]) {
        /// The first byte of every certificate and of every PKCS#12 container.
        const SEQUENCE: u8 = 0x30;
        if content.first() != Some(&SEQUENCE) {
            return;
        }
        self.fault = Some(match Parsed::read(content) {
            Ok(_) => "it is a certificate in DER; Traefik reads PEM only (openssl x509 -inform DER -in FILE -out FILE.pem)".into(),
            Err(_) => "it is no PEM; where it is a PKCS#12 container, take it apart (openssl pkcs12 -in FILE -nodes)".into(),
        });
    }

    /// Why no use can be made of it, where that is so.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Whether there is a certificate in it that can be read.
    #[must_use]
    pub fn has_certificate(&self) -> bool {
        !self.certificates.is_empty()
    }

    /// Whether the server's own certificate comes before those of its issuers, as whoever serves it has it.
    #[must_use]
    pub fn begins_with_its_own(&self) -> bool {
        self.leaf_for(None) == 0
    }

    /// The first private key in it, or what is wrong with that.
    #[must_use]
    pub fn key(&self) -> Option<&Result<PrivateKey, String>> {
        self.keys.first()
    }

    /// How the private key in `key_file` stands to the server's certificate in this file.
    #[must_use]
    pub fn state_with(&self, key_file: Option<&Self>) -> KeyState {
        match key_file.map(Self::key) {
            None => KeyState::Missing,
            Some(None) => KeyState::Unreadable("there is no private key in it".into()),
            Some(Some(key)) => {
                state_of(key, self.certificates.get(self.leaf_for(key.as_ref().ok())))
            }
        }
    }

    fn leaf_for(&self, key: Option<&PrivateKey>) -> usize {
        place_of_leaf(&self.certificates, key)
    }

    fn is_of_interest(&self) -> bool {
        !self.certificates.is_empty() || !self.keys.is_empty() || self.fault.is_some()
    }
}

/// Puts files and configuration together.
#[must_use]
pub fn pair_up(
    mut own: OwnCertificates,
    mut files: Vec<CertificateFile>,
    named: &[NamedPair],
    trust: Option<&TrustStore>,
) -> OwnCertificates {
    own.files = files
        .iter()
        .filter(|file| file.is_of_interest())
        .map(|file| file.path.clone())
        .collect();
    // Where the same certificate is in several files, the one that brings the most of its chain is taken.
    files.sort_by_key(|file| std::cmp::Reverse(file.certificates.len()));
    let files = &files;
    if named.is_empty() {
        own.pairs = by_content(files, trust);
        let faulty = files.iter().filter_map(|file| {
            Some(FileFault {
                path: file.path.clone(),
                reason: file.fault.clone()?,
                denied: false,
            })
        });
        own.faults.extend(faulty);
    } else {
        for pair in named.iter().take(MOST_PAIRS) {
            by_name(&mut own, files, pair, trust);
        }
    }
    own
}

/// The container's path of a file says its name; the directory is mounted somewhere else there.
fn file_named<'a>(files: &'a [CertificateFile], name: &str) -> Option<&'a CertificateFile> {
    let name = Path::new(name).file_name()?;
    files
        .iter()
        .find(|file| file.path.file_name() == Some(name))
}

fn by_name(
    own: &mut OwnCertificates,
    files: &[CertificateFile],
    named: &NamedPair,
    trust: Option<&TrustStore>,
) {
    let Some(file) = file_named(files, &named.cert_file) else {
        note_missing(own, &named.cert_file);
        return;
    };
    let key_file = file_named(files, &named.key_file);
    if key_file.is_none() {
        note_missing(own, &named.key_file);
    }
    if file.certificates.is_empty() {
        own.faults.push(FileFault {
            path: file.path.clone(),
            reason: file
                .fault
                .clone()
                .unwrap_or_else(|| "there is no certificate in it".into()),
            denied: false,
        });
        return;
    }
    let key = key_file.and_then(CertificateFile::key);
    let leaf = file.leaf_for(key.and_then(|key| key.as_ref().ok()));
    let chain = Chain::of(&file.certificates, leaf, trust);
    own.pairs.push(Pair {
        certificate_file: file.path.clone(),
        key_file: key_file.map(|file| file.path.clone()),
        issuer_file: issuer_elsewhere(&file.certificates, &chain, files, &file.path)
            .map(|(path, _)| path.to_path_buf()),
        chain,
        key: file.state_with(key_file),
    });
}

/// The complaint about a named file that is not there; one that may not be read has its complaint already.
fn note_missing(own: &mut OwnCertificates, name: &str) {
    let fault = missing(&own.directory, name);
    if !own.faults.iter().any(|known| known.path == fault.path) {
        own.faults.push(fault);
    }
}

fn missing(directory: &Path, name: &str) -> FileFault {
    FileFault {
        path: directory.join(Path::new(name).file_name().unwrap_or_default()),
        reason: format!(
            "Traefik's configuration names “{}”, and it is not there",
            super::certificate::clipped(name)
        ),
        denied: false,
    }
}

fn state_of(key: &Result<PrivateKey, String>, certificate: Option<&Parsed>) -> KeyState {
    match (key, certificate) {
        (Err(fault), _) => KeyState::Unreadable(fault.clone()),
        (Ok(key), Some(certificate)) => key.stands_to(certificate),
        (Ok(_), None) => KeyState::Missing,
    }
}

/// Another file that holds the issuer which a chain lacks.
fn issuer_elsewhere<'a>(
    presented: &[Parsed],
    chain: &Chain,
    files: &'a [CertificateFile],
    own_file: &Path,
) -> Option<(&'a Path, &'a Parsed)> {
    if matches!(chain.end, ChainEnd::Trusted { .. } | ChainEnd::SelfSigned) {
        return None;
    }
    let last = presented.get(*chain.path.last()?)?;
    let others = files.iter().filter(|other| other.path != own_file);
    others
        .flat_map(|other| {
            other
                .certificates
                .iter()
                .map(|it| (other.path.as_path(), it))
        })
        .find(|(_, candidate)| last.der != candidate.der && last.is_issued_by(candidate))
}

/// Without a configuration every server's certificate is paired with the key that fits, in whatever file it is.
fn by_content(files: &[CertificateFile], trust: Option<&TrustStore>) -> Vec<Pair> {
    let keys: Vec<(&Path, &Result<PrivateKey, String>)> = files
        .iter()
        .flat_map(|file| file.keys.iter().map(|key| (file.path.as_path(), key)))
        .take(MOST_KEYS)
        .collect();
    let only_authorities = files
        .iter()
        .flat_map(|file| &file.certificates)
        .all(|parsed| parsed.certificate.is_authority);
    let mut pairs: Vec<Pair> = Vec::new();
    for file in files {
        let first_key = file.keys.iter().find_map(|key| key.as_ref().ok());
        let leaf = place_of_leaf(&file.certificates, first_key);
        for (place, parsed) in file.certificates.iter().enumerate() {
            if pairs.len() >= MOST_PAIRS {
                return pairs;
            }
            let is_server = !parsed.certificate.is_authority || (only_authorities && place == leaf);
            let known = pairs.iter().any(|pair| {
                pair.chain.leaf().map(|leaf| &leaf.sha256) == Some(&parsed.certificate.sha256)
            });
            if is_server && !known {
                pairs.push(fitting(file, place, &keys, files, trust));
            }
        }
    }
    pairs
}

fn fitting(
    file: &CertificateFile,
    place: usize,
    keys: &[(&Path, &Result<PrivateKey, String>)],
    files: &[CertificateFile],
    trust: Option<&TrustStore>,
) -> Pair {
    let own = file.certificates.get(place);
    let (key_file, key) = keys
        .iter()
        .map(|(path, key)| (Some(path.to_path_buf()), state_of(key, own)))
        .min_by_key(|(_, state)| fitness(state))
        .unwrap_or((None, KeyState::Missing));
    let mut together = file.certificates.clone();
    let mut chain = Chain::of(&together, place, trust);
    let mut issuer_file = None;
    for _ in 0..MOST_BORROWED {
        let Some((path, issuer)) = issuer_elsewhere(&together, &chain, files, &file.path) else {
            break;
        };
        issuer_file.get_or_insert_with(|| path.to_path_buf());
        together.push(issuer.clone());
        chain = Chain::of(&together, place, trust);
    }
    Pair {
        certificate_file: file.path.clone(),
        key_file,
        chain,
        key,
        issuer_file,
    }
}

fn fitness(state: &KeyState) -> u8 {
    match state {
        KeyState::Belongs => 0,
        KeyState::Passphrase => 1,
        KeyState::Unproven(_) => 2,
        KeyState::Unreadable(_) => 3,
        KeyState::Differs => 4,
        KeyState::Missing => 5,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::certificates::traefik_file::named_pairs;

    fn file(name: &str, content: &str) -> CertificateFile {
        let path = Path::new("/srv/data/traefik/certs").join(name);
        CertificateFile::read(path, content.as_bytes())
    }

    struct Made {
        certificate: String,
        key: String,
    }

    fn made(name: &str) -> Made {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        Made {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    fn paired(files: Vec<CertificateFile>, configuration: &str) -> OwnCertificates {
        let own = OwnCertificates {
            directory: "/srv/data/traefik/certs".into(),
            ..OwnCertificates::default()
        };
        pair_up(own, files, &named_pairs(configuration).unwrap(), None)
    }

    #[test]
    fn keys_find_their_certificates_by_content() {
        let (one, other) = (made("one.example.com"), made("other.example.com"));
        let own = paired(
            vec![
                file("a.key", &other.key),
                file("b.key", &one.key),
                file(
                    "both.crt",
                    &format!("{}{}", one.certificate, other.certificate),
                ),
                file("readme.txt", "not a certificate"),
            ],
            "",
        );
        let found: Vec<_> = own
            .pairs
            .iter()
            .map(|pair| (&pair.chain.leaf().unwrap().dns_names[0], &pair.key))
            .collect();
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|(_, key)| **key == KeyState::Belongs));
        assert_eq!(own.files.len(), 3);
        assert_eq!(own.faults, []);
    }

    #[test]
    fn a_configuration_says_which_files_count() {
        let (one, other) = (made("one.example.com"), made("other.example.com"));
        let files = || {
            vec![
                file("one.crt", &one.certificate),
                file("one.key", &one.key),
                file("other.crt", &other.certificate),
                file("other.key", &other.key),
            ]
        };
        let own = paired(
            files(),
            "tls:\n  certificates:\n    - certFile: /certs/one.crt\n      keyFile: /certs/other.key\n",
        );
        assert_eq!(own.pairs.len(), 1);
        assert_eq!(own.pairs[0].key, KeyState::Differs);
        let own = paired(
            files(),
            "tls: {stores: {default: {defaultCertificate: {certFile: one.crt, keyFile: none.key}}}}",
        );
        assert_eq!(own.pairs[0].key, KeyState::Missing);
        assert!(own.faults[0].path.ends_with("none.key"));
    }

    #[test]
    fn other_containers_are_named() {
        let certificate =
            rcgen::generate_simple_self_signed(vec!["a.example.com".to_owned()]).unwrap();
        let path = PathBuf::from("/c.cer");
        let der = CertificateFile::read(path.clone(), certificate.cert.der());
        assert!(der.fault.unwrap().contains("DER"));
        let container = CertificateFile::read(path, &[0x30, 0x82, 1, 2, 3]);
        assert!(container.fault.unwrap().contains("PKCS#12"));
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), label in "(CERTIFICATE|PRIVATE KEY|EC PRIVATE KEY|RSA PRIVATE KEY)") {
            use base64::Engine;
            let raw = CertificateFile::read("/a".into(), &bytes);
            let body = base64::engine::general_purpose::STANDARD.encode(&bytes);
            let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
            let armoured = CertificateFile::read("/b".into(), pem.as_bytes());
            let own = OwnCertificates::default();
            let _ = pair_up(own, vec![raw, armoured], &[], None);
        }
    }
}
