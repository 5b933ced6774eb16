//! What a file that an answer names has to hold. Somebody who names another file by mistake hears it before the plan.

use std::path::Path;

use rustix::fs::FileType;

use crate::{
    checks::license_fault,
    facts::{
        certificates::{KeyState, key::PrivateKey, own::CertificateFile},
        license,
    },
    files::{FileKind, Root, read_bounded},
    profile::Profile,
    units::Bytes,
};

/// A certificate with its chain has a few kilobytes.
pub(in crate::remediate) const LARGEST_CERTIFICATE: Bytes = Bytes(1_000_000);

/// What a file has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A license of Sesam's.
    License,
    /// A certificate in PEM, with its chain.
    Certificate,
    /// The private key of a certificate in PEM, without a passphrase.
    PrivateKey,
}

impl Holds {
    /// Why the file at `path` cannot be used; none where it can.
    pub(super) fn fault(self, path: &Path, profile: &Profile) -> Option<String> {
        let kind = rustix::fs::stat(path)
            .map(|status| FileKind::from(FileType::from_raw_mode(status.st_mode)));
        match kind {
            Err(error) => return Some(std::io::Error::from(error).to_string()),
            Ok(FileKind::Regular) => {}
            Ok(kind) => return Some(format!("it is {kind}, not a file")),
        }
        let limit = match self {
            Self::License => profile.license.largest_bytes,
            Self::Certificate | Self::PrivateKey => LARGEST_CERTIFICATE,
        };
        match read_bounded(&Root::machine(), path, limit) {
            Err(problem) => Some(problem.to_string()),
            Ok(content) => self.content_fault(path, &content),
        }
    }

    fn content_fault(self, path: &Path, content: &[u8]) -> Option<String> {
        if self == Self::License {
            return license_fault(&license::text::read(content));
        }
        let file = CertificateFile::read(path.to_path_buf(), content);
        match self {
            Self::Certificate => certificate_fault(&file),
            _ => key_fault(&file),
        }
    }
}

fn certificate_fault(file: &CertificateFile) -> Option<String> {
    if let Some(fault) = file.fault() {
        return Some(fault.to_owned());
    }
    let missing = match file.key() {
        Some(_) => "there is a private key in it, and no certificate",
        None => "there is no certificate in PEM in it",
    };
    if !file.has_certificate() {
        return Some(missing.into());
    }
    (!file.begins_with_its_own()).then(|| {
        "the server's own certificate has to be the first in it, and those of its issuers come after it, else Traefik serves none of them".into()
    })
}

fn key_fault(file: &CertificateFile) -> Option<String> {
    match file.key() {
        Some(Ok(PrivateKey::Encrypted)) => Some(
            "its private key has a passphrase, which Traefik cannot ask for; take it away (openssl pkey -in FILE -out FILE.open)".into(),
        ),
        Some(Ok(_)) => None,
        Some(Err(fault)) => Some(format!("its private key cannot be used: {fault}")),
        None => Some("there is no private key in PEM in it".into()),
    }
}

/// Whether the certificate in one file can be served with the key in another; true where that cannot be told.
pub(in crate::remediate) fn belong_together(certificate: &Path, key: &Path) -> bool {
    let read = |path: &Path| {
        let content = read_bounded(&Root::machine(), path, LARGEST_CERTIFICATE).ok()?;
        Some(CertificateFile::read(path.to_path_buf(), &content))
    };
    read(certificate)
        .zip(read(key))
        .is_none_or(|(certificate, key)| certificate.state_with(Some(&key)) != KeyState::Differs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;

    fn fault(holds: Holds, content: &str) -> Option<String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("given");
        std::fs::write(&path, content).unwrap();
        holds.fault(&path, &profile::load("2025").unwrap())
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["node.company.com".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_file_holds_what_was_asked_for() {
        let (certificate, key) = pair();
        let both = format!("{certificate}{key}");
        for (holds, content, expected) in [
            (Holds::Certificate, certificate.as_str(), None),
            (Holds::Certificate, &both, None),
            (
                Holds::Certificate,
                &key,
                Some("there is a private key in it, and no certificate"),
            ),
            (Holds::Certificate, "", Some("there is no certificate")),
            (
                Holds::Certificate,
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                Some("a certificate in it is damaged"),
            ),
            (Holds::PrivateKey, &key, None),
            (Holds::PrivateKey, &both, None),
            (
                Holds::PrivateKey,
                &certificate,
                Some("there is no private key"),
            ),
            (
                Holds::PrivateKey,
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
                Some("has a passphrase"),
            ),
            (
                Holds::PrivateKey,
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                Some("its private key cannot be used: it is damaged"),
            ),
            (
                Holds::License,
                &certificate,
                Some("names “CERTIFICATE” instead of “SESAM LICENSE”"),
            ),
            (Holds::License, "", Some("the file holds no license")),
            (
                Holds::License,
                "<!doctype html><html></html>",
                Some("the file is a web page"),
            ),
        ] {
            let found = fault(holds, content);
            match expected {
                None => assert_eq!(found, None, "{holds:?} {content}"),
                Some(words) => assert!(
                    found.as_ref().is_some_and(|found| found.contains(words)),
                    "{holds:?} {content}\n{found:?}"
                ),
            }
        }
        assert!(fault(Holds::License, &"x".repeat(2_000_000)).is_some());
    }

    #[test]
    fn a_key_belongs_to_its_certificate_and_to_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let written = |name: &str, content: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let ((certificate, key), (_, other)) = (pair(), pair());
        let certificate = written("node.crt", &certificate);
        let (key, other) = (written("node.key", &key), written("other.key", &other));
        assert!(belong_together(&certificate, &key));
        assert!(!belong_together(&certificate, &other));
        assert!(belong_together(
            &certificate,
            &directory.path().join("gone")
        ));
    }
}
