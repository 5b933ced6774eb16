//! What can be asked, and what an answer has to be.

use std::path::Path;

use super::named_file::Holds;
use crate::{
    checks::value_fault,
    profile::{Profile, VariableKind},
    remediate::content::environment_file,
};

/// Something that a plan may need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its name in the file of answers, as in `node_domain`.
    pub key: String,
    /// What an answer has to be.
    pub asks: Asks,
    /// What it is for, in words that follow “the” or stand alone.
    pub why: String,
    /// What is taken where nobody says otherwise.
    pub default: Option<String>,
}

/// What an answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// The value of a variable of `.env`.
    Variable(VariableKind),
    /// The absolute path of a file, and what that holds.
    File(Holds),
    /// A name to log in with.
    Login,
    /// A password.
    Password,
    /// The address of a proxy.
    Proxy,
    /// A list of hosts that are reached without a proxy.
    Hosts,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// Words for whose certificate is served.
pub const CERTIFICATES: &[&str] = &["letsencrypt", "own"];
/// Words for where the data are.
pub const DISKS: &[&str] = &["data", "root"];
/// Words for how an old installation's data come to their new place.
pub const MIGRATIONS: &[&str] = &["copy", "move"];

/// The key of a variable of `.env`.
pub(super) fn key_of(variable: &str) -> String {
    variable.to_ascii_lowercase()
}

/// Every question that any plan of this profile may have.
#[must_use]
pub fn known(profile: &Profile) -> Vec<Question> {
    let question = |key: &str, asks, why: &str, default: Option<&str>| Question {
        key: key.to_owned(),
        asks,
        why: why.to_owned(),
        default: default.map(ToOwned::to_owned),
    };
    let mut known: Vec<Question> = profile
        .environment
        .iter()
        .map(|variable| Question {
            key: key_of(&variable.name),
            asks: Asks::Variable(variable.kind),
            why: variable.why.clone(),
            default: Some(variable.default.clone()).filter(|default| !default.is_empty()),
        })
        .collect();
    known.extend([
        question(
            "license_file",
            Asks::File(Holds::License),
            "file with the license from the Sesam portal",
            None,
        ),
        question(
            "registry_username",
            Asks::Login,
            "account for the Docker registry, from Sesam support",
            None,
        ),
        question(
            "registry_password",
            Asks::Password,
            "password of that account",
            None,
        ),
        question(
            "certificates",
            Asks::OneOf(CERTIFICATES),
            "whose certificate is served",
            Some("letsencrypt"),
        ),
        question(
            "certificate_file",
            Asks::File(Holds::Certificate),
            "file with the certificate and its chain (PEM), where it is your own",
            None,
        ),
        question(
            "certificate_key_file",
            Asks::File(Holds::PrivateKey),
            "file with the certificate's private key (PEM)",
            None,
        ),
        question(
            "disk",
            Asks::OneOf(DISKS),
            "whether the node's data are on a disk of their own or on the root disk",
            Some("data"),
        ),
        question(
            "migration",
            Asks::OneOf(MIGRATIONS),
            "whether an old installation's data are copied or moved",
            Some("copy"),
        ),
        question(
            "http_proxy",
            Asks::Proxy,
            "proxy of the Docker daemon for plain HTTP",
            None,
        ),
        question(
            "https_proxy",
            Asks::Proxy,
            "proxy of the Docker daemon for HTTPS",
            None,
        ),
        question(
            "no_proxy",
            Asks::Hosts,
            "hosts that the Docker daemon reaches without a proxy",
            None,
        ),
    ]);
    known
}

/// The question of that key, where there is one.
#[must_use]
pub fn find(profile: &Profile, key: &str) -> Option<Question> {
    known(profile)
        .into_iter()
        .find(|question| question.key == key)
}

impl Question {
    /// Whether the answer is never shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(
            self.asks,
            Asks::Password | Asks::Proxy | Asks::Variable(VariableKind::Secret)
        )
    }

    /// The key by which a file of answers names the file that holds the secret.
    #[must_use]
    pub fn file_key(&self) -> String {
        format!("{}_file", self.key)
    }

    /// The variable of the environment that can hold the secret.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("SESAM_DOCTOR_{}", self.key.to_ascii_uppercase())
    }

    /// The line of a file of answers that would answer it.
    #[must_use]
    pub fn line(&self) -> String {
        if self.is_secret() {
            format!(
                "{} = \"/…\"   # file with the {}; or set {}",
                self.file_key(),
                self.why,
                self.variable()
            )
        } else {
            format!("{} = \"…\"   # {}", self.key, self.why)
        }
    }

    /// Why an answer that names a file cannot be used; none where it can, and where it names none.
    #[must_use]
    pub fn file_fault(&self, profile: &Profile, answer: &str) -> Option<String> {
        match self.asks {
            Asks::File(holds) => holds.fault(Path::new(answer), profile),
            _ => None,
        }
    }

    /// Why an answer cannot be meant, in words that carry no secret; none where it can.
    #[must_use]
    pub fn fault(&self, profile: &Profile, answer: &str) -> Option<String> {
        if answer.contains(['\n', '\r', '\0']) {
            return Some("it has a line end in it; it has to be one line".into());
        }
        if answer.trim().is_empty() {
            return Some("it is empty".into());
        }
        match self.asks {
            Asks::Variable(kind) => value_fault(&profile.stack, kind, answer)
                .or_else(|| environment_file::value_fault(&self.key.to_ascii_uppercase(), answer)),
            Asks::File(_) => (!answer.starts_with('/'))
                .then(|| "it has to be an absolute path, one that begins with /".into()),
            Asks::Login => answer
                .contains([':', ' ', '\t'])
                .then(|| "an account has neither a colon nor a space in its name".into()),
            Asks::Password | Asks::Hosts => None,
            Asks::Proxy => proxy_fault(answer),
            Asks::OneOf(words) => (!words.contains(&answer))
                .then(|| format!("“{answer}” is none of {}", words.join(", "))),
        }
    }
}

fn proxy_fault(address: &str) -> Option<String> {
    let right = "it has to be like http://proxy.company.com:3128";
    let Some((scheme, rest)) = address.split_once("://") else {
        return Some(format!("it has no scheme; {right}"));
    };
    if !["http", "https"].contains(&scheme) {
        return Some(format!("Docker knows no such kind of proxy; {right}"));
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Some(format!("it names no host; {right}"));
    }
    None
}
