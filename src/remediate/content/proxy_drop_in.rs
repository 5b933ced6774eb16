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

/// The drop-in's text: what it says already, and these proxies after it, since the last word about a variable counts.
///
/// # Errors
/// Where an address has something in it that a unit file cannot hold.
pub fn drop_in(proxies: &DaemonProxies, existing: Option<&str>) -> Result<String, TemplateError> {
    let set: Vec<(&str, &str)> = [
        ("HTTP_PROXY", &proxies.http),
        ("HTTPS_PROXY", &proxies.https),
        ("NO_PROXY", &proxies.none_for),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    .collect();
    let variables: Vec<String> = set
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let own = render("http-proxy.conf", &json!({"variables": variables}))?;
    let existing = existing.unwrap_or_default();
    if existing.ends_with(&own) {
        return Ok(existing.to_owned());
    }
    let is_superseded = |line: &str| {
        own.lines().next() == Some(line) || set.iter().any(|(name, _)| sets_nothing_but(line, name))
    };
    let others: Vec<&str> = existing
        .lines()
        .filter(|line| !is_superseded(line))
        .collect();
    let others = others.join("\n");
    let others = others.trim();
    // What follows has that section's name itself.
    let others = others.strip_suffix(SECTION).unwrap_or(others).trim_end();
    Ok(if others.is_empty() {
        own
    } else {
        format!("{others}\n\n{own}")
    })
}

/// The section of a unit that variables are set in.
const SECTION: &str = "[Service]";

/// Whether a line of a unit file sets that variable, and no other one beside it.
fn sets_nothing_but(line: &str, name: &str) -> bool {
    let assignment = line
        .trim()
        .strip_prefix("Environment=")
        .map(|assignment| assignment.trim_matches(['"', '\'']));
    assignment
        .and_then(|assignment| assignment.strip_prefix(name)?.strip_prefix('='))
        .is_some_and(|value| !value.contains([' ', '\t', '"', '\'']) && !value.ends_with('\\'))
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
            drop_in(&through("http://user:p%40ss\"\\@proxy:3128"), None).unwrap(),
            "# The proxy that the Docker daemon goes through; written by sesam-doctor.\n[Service]\nEnvironment=\"HTTPS_PROXY=http://user:p%%40ss\\\"\\\\@proxy:3128\"\nEnvironment=\"NO_PROXY=localhost,.company.com\"\n"
        );
        assert!(drop_in(&through("http://proxy:3128\nExecStartPre=/bin/true"), None).is_err());
    }

    #[test]
    fn what_the_drop_in_says_beside_the_proxies_stays() {
        let own = drop_in(&through("http://proxy:3128"), None).unwrap();
        for (existing, kept) in [
            ("", ""),
            ("[Service]\n", ""),
            ("[Service]\nEnvironment=NO_PROXY=old\n", ""),
            ("[Service]\nEnvironment=\"HTTPS_PROXY=\"\n", ""),
            (
                "[Service]\nEnvironment=\"HTTP_PROXY=http://plain:80\" # x\nLimitNOFILE=9\nEnvironment=NO_PROXY=old\n",
                "[Service]\nEnvironment=\"HTTP_PROXY=http://plain:80\" # x\nLimitNOFILE=9\n\n",
            ),
            (
                "[Service]\nEnvironment=\"NO_PROXY=a\" \"SSL_CERT_FILE=/ca.pem\"\n[Unit]\nAfter=vpn.service",
                "[Service]\nEnvironment=\"NO_PROXY=a\" \"SSL_CERT_FILE=/ca.pem\"\n[Unit]\nAfter=vpn.service\n\n",
            ),
        ] {
            let written = drop_in(&through("http://proxy:3128"), Some(existing)).unwrap();
            assert_eq!(written, format!("{kept}{own}"), "{existing}");
            let again = drop_in(&through("http://proxy:3128"), Some(&written)).unwrap();
            assert_eq!(again, written);
            // Another proxy takes the place of the one that was written.
            let other = drop_in(&through("http://other:3128"), Some(&written)).unwrap();
            assert_eq!(other, written.replace("proxy:3128", "other:3128"));
        }
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
