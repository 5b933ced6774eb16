//! The stack's compose file and Traefik's configuration, with the known faults of the published ones corrected.

use std::{collections::BTreeMap, path::Path};

use serde_json::json;

use super::templates::{TemplateError, render};
use crate::profile::{CertificateMode, Profile, ReleaseNumber};

/// The service that updates the others.
const WATCHTOWER: &str = "watchtower";

/// Where the node's data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// On a disk of their own; the node's base links to them.
    Data,
    /// In the node's base itself.
    Root,
}

/// What of a stack is particular to a machine, beyond what `.env` holds.
#[derive(Clone, Copy, Debug)]
pub struct Choices<'a> {
    /// Whose certificate Traefik serves.
    pub certificates: CertificateMode,
    /// Where the node's data are.
    pub disk: Disk,
    /// The docker client's configuration that holds the registry login.
    pub login_file: &'a Path,
    /// The newest API that the engine speaks, as in `1.41`, where the engine is known.
    pub engine_api: Option<&'a str>,
    /// Whether the file is for Compose v1, whose older releases need to be told a format.
    pub for_compose_v1: bool,
}

impl Choices<'_> {
    /// Whether the certificate comes from files, and not from Let's Encrypt.
    fn own_certificate(&self) -> bool {
        self.certificates != CertificateMode::LetsEncrypt
    }
}

/// The compose file.
///
/// # Errors
/// Where the profile has a value that a compose file cannot hold.
pub fn compose_file(profile: &Profile, choices: &Choices) -> Result<String, TemplateError> {
    let (layout, stack, install) = (&profile.layout, &profile.stack, &profile.install);
    let images: BTreeMap<&str, &str> = stack
        .services
        .iter()
        .map(|service| (service.name.as_str(), service.image.as_str()))
        .collect();
    let watched: Vec<&str> = stack
        .services
        .iter()
        .map(|service| service.name.as_str())
        .filter(|name| *name != WATCHTOWER)
        .collect();
    let data_dir = match choices.disk {
        Disk::Data => &layout.data_dir,
        Disk::Root => &layout.data_link,
    };
    let traefik_file = profile.certificates.traefik_files.first();
    render(
        "docker-compose.yml",
        &json!({
            "edition": profile.edition,
            "env_file": stack.env_file,
            // What Compose v1 of Ubuntu 18.04 knows; later releases and v2 need none, and v2 warns of one.
            "file_format": choices.for_compose_v1.then_some("3.4"),
            "log": {"max_size": install.log_max_size, "max_files": install.log_max_files},
            "images": images,
            "watched": watched,
            "watchtower_interval_seconds": install.watchtower_interval_seconds,
            "docker_api": watchtower_api(profile, choices.engine_api),
            "login_file": text(choices.login_file)?,
            "own_certificate": choices.own_certificate(),
            "acme_resolver": install.acme_resolver,
            "acme_email": install.acme_email,
            "traefik_file": traefik_file.map(|file| text(file)).transpose()?,
            "certificates_dir": text(&layout.certificates_dir)?,
            "letsencrypt_dir": text(&layout.letsencrypt_dir)?,
            "networks": stack.networks,
            "portal_url": install.portal_url,
            "node_port": profile.node.port,
            "node_environment": install.node_environment,
            "fluentbit_environment": install.fluentbit_environment,
            "data_dir": text(data_dir)?,
            "node_dir": text(&layout.node_dir)?,
            "logs_dir": text(&layout.logs_dir)?,
            "fluentbit_state_dir": text(&install.fluentbit_state_dir)?,
        }),
    )
}

/// Traefik's configuration for a certificate that the customer brings; the names are those of the files.
///
/// # Errors
/// Where a name has something in it that YAML cannot hold.
pub fn traefik_file(certificate: &str, key: &str) -> Result<String, TemplateError> {
    render(
        "traefik.yml",
        &json!({"certificate": certificate, "key": key}),
    )
}

/// The API that Watchtower has to be told. An engine older than that takes what Watchtower speaks by itself.
fn watchtower_api<'p>(profile: &'p Profile, engine_api: Option<&str>) -> Option<&'p str> {
    let wanted = &profile.install.docker_api;
    let newest = ReleaseNumber::parse(engine_api?)?;
    (newest >= ReleaseNumber::parse(wanted)?).then_some(wanted)
}

fn text(path: &Path) -> Result<&str, TemplateError> {
    let unfit = |message: &str| TemplateError {
        name: "docker-compose.yml",
        message: format!("{} {message}", path.display()),
    };
    match path.to_str() {
        None => Err(unfit("is no UTF-8, which YAML has to be")),
        Some(text) if text.contains(':') => Err(unfit(
            "has a colon in it, which Compose takes for a separator",
        )),
        Some(text) => Ok(text),
    }
}
