//! The systemd drop-in by which the Docker daemon learns of a proxy.

use serde_json::json;

use super::templates::{TemplateError, render};

/// The proxies that a daemon is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonProxies {
    /// For plain HTTP.
    pub http: Option<String>,
    /// For HTTPS, by which images are pulled.
    pub https: Option<String>,
    /// Hosts that are reached without one, as `NO_PROXY` lists them.
    pub none_for: Option<String>,
}

impl DaemonProxies {
    /// Whether there is a login in one of the addresses, so that the file is nobody else's business.
    #[must_use]
    pub fn has_login(&self) -> bool {
        [&self.http, &self.https]
            .into_iter()
            .flatten()
            .any(|address| password(address).is_some())
    }

    /// The passwords in the addresses, as they are written and as they are meant.
    pub fn passwords(&self) -> impl Iterator<Item = String> {
        [&self.http, &self.https]
            .into_iter()
            .flatten()
            .filter_map(|address| password(address))
            .flat_map(|written| [percent_decoded(written), written.to_owned()])
    }
}

/// The password of a proxy's address, as in `http://user:password@proxy:3128`.
fn password(address: &str) -> Option<&str> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (login, _) = rest.split('/').next()?.rsplit_once('@')?;
    let (_, password) = login.split_once(':')?;
    (!password.is_empty()).then_some(password)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.as_bytes());
        let code = after
            .get(..2)
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        if let Some(byte) = code {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(b'%');
            rest = after;
        }
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The drop-in's text.
///
/// # Errors
/// Where an address has something in it that a unit file cannot hold.
pub fn drop_in(proxies: &DaemonProxies) -> Result<String, TemplateError> {
    let variables: Vec<String> = [
        ("HTTP_PROXY", &proxies.http),
        ("HTTPS_PROXY", &proxies.https),
        ("NO_PROXY", &proxies.none_for),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(format!("{name}={}", value.as_deref()?)))
    .collect();
    render("http-proxy.conf", &json!({"variables": variables}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(address: &str) -> DaemonProxies {
        DaemonProxies {
            https: Some(address.into()),
            none_for: Some("localhost,.company.com".into()),
            ..DaemonProxies::default()
        }
    }

    #[test]
    fn the_daemon_is_told_what_systemd_would_otherwise_change() {
        assert_eq!(
            drop_in(&through("http://user:p%40ss\"\\@proxy:3128")).unwrap(),
            "# The proxy that the Docker daemon goes through; written by sesam-doctor.\n[Service]\nEnvironment=\"HTTPS_PROXY=http://user:p%%40ss\\\"\\\\@proxy:3128\"\nEnvironment=\"NO_PROXY=localhost,.company.com\"\n"
        );
        assert!(drop_in(&through("http://proxy:3128\nExecStartPre=/bin/true")).is_err());
    }

    #[test]
    fn passwords_are_known_in_both_spellings() {
        for (address, expected) in [
            ("http://proxy:3128", vec![]),
            ("http://user@proxy:3128", vec![]),
            ("http://user:@proxy:3128", vec![]),
            ("user:word@proxy", vec!["word", "word"]),
            ("http://user:p%40ss@proxy:3128/", vec!["p@ss", "p%40ss"]),
            ("http://user:a%zz@proxy", vec!["a%zz", "a%zz"]),
        ] {
            let proxies = through(address);
            assert_eq!(
                proxies.passwords().collect::<Vec<_>>(),
                expected,
                "{address}"
            );
            assert_eq!(proxies.has_login(), !expected.is_empty(), "{address}");
        }
    }
}
