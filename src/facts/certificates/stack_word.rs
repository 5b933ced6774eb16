//! What the stack's files say of the certificates that are to be served.

use std::path::Path;

use crate::{
    facts::stack::{
        Stack,
        compose_file::{ComposeFile, Service},
    },
    profile::{CertificateMode, Profile},
};

/// What the stack says of the certificates that it is to serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackWord {
    /// `NODE_DOMAIN`, where it is known.
    pub node_domain: Option<String>,
    /// Whose certificates, where the stack tells.
    pub mode: Option<CertificateMode>,
}

impl StackWord {
    /// What an observed stack says; nothing where there is none.
    #[must_use]
    pub fn of(stack: Option<&Stack>, profile: &Profile) -> Self {
        Self {
            node_domain: stack.and_then(Stack::node_domain).map(ToOwned::to_owned),
            mode: stack
                .and_then(Stack::compose_file)
                .and_then(|file| mode(file, profile)),
        }
    }
}

/// Traefik asks Let's Encrypt where its command or environment names a resolver; it serves the customer's own certificate
/// where the directory of those is mounted instead.
fn mode(file: &ComposeFile, profile: &Profile) -> Option<CertificateMode> {
    let traefik: &Service = file.services.get("traefik")?;
    let directory = file.path.parent().unwrap_or(Path::new("/"));
    let names_resolver = |text: &str| text.to_ascii_lowercase().contains("certificatesresolvers");
    let own = &profile.layout.certificates_dir;
    // Traefik reads either its command or a file: without a command a resolver may be in the file, and a directory that
    // holds the ACME store's too says nothing.
    let says_nothing = |source: &Path| {
        traefik.command.is_empty() && profile.layout.letsencrypt_dir.starts_with(source)
    };
    let mounts_own = || {
        traefik
            .volumes
            .iter()
            .filter_map(|mount| mount.source.as_deref())
            .map(|source| directory.join(source))
            .any(|source| {
                source.starts_with(own) || (own.starts_with(&source) && !says_nothing(&source))
            })
    };
    if traefik.command.iter().any(|word| names_resolver(word))
        || traefik.environment.keys().any(|name| names_resolver(name))
    {
        Some(CertificateMode::LetsEncrypt)
    } else if mounts_own() {
        Some(CertificateMode::Own)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts::stack::compose_file::Mount, profile};

    fn file(command: &[&str], source: &str) -> ComposeFile {
        let service = Service {
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            volumes: vec![Mount {
                kind: "bind".into(),
                source: Some(source.into()),
                target: "/x".into(),
                read_only: true,
            }],
            ..Service::default()
        };
        ComposeFile {
            path: "/srv/data/docker-compose.yml".into(),
            services: [("traefik".to_owned(), service)].into(),
            ..ComposeFile::default()
        }
    }

    #[test]
    fn whose_certificates_are_served_is_seen_in_traefiks_service() {
        let profile = profile::load("2025").unwrap();
        for (file, expected) in [
            (
                file(
                    &["--certificatesResolvers.le.acme.storage=/letsencrypt/acme.json"],
                    "/srv/data/traefik/letsencrypt",
                ),
                Some(CertificateMode::LetsEncrypt),
            ),
            (
                file(&["--providers.docker"], "/srv/data/traefik/certs"),
                Some(CertificateMode::Own),
            ),
            (
                file(&["--providers.docker"], "/srv/data/traefik"),
                Some(CertificateMode::Own),
            ),
            (
                file(&["--providers.docker"], "./traefik/certs"),
                Some(CertificateMode::Own),
            ),
            (file(&["--providers.docker"], "/elsewhere"), None),
            (file(&[], "./traefik"), None),
            (file(&[], "./traefik/certs"), Some(CertificateMode::Own)),
        ] {
            assert_eq!(mode(&file, &profile), expected, "{file:?}");
        }
        assert_eq!(StackWord::of(None, &profile), StackWord::default());
    }
}
