//! Whether a certificate is for a name: RFC 9525, with IDNA and IP addresses.

use std::net::IpAddr;

/// What a client means to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerName {
    /// A host name as it goes over the wire: A-labels, lower case, no dot at the end.
    Dns(String),
    /// An address, which only an address in the certificate can vouch for.
    Address(IpAddr),
}

impl ServerName {
    /// Reads what a person wrote; none where it is no name that a certificate can be for.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let unbracketed = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        if let Ok(address) = unbracketed.parse() {
            return Some(Self::Address(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let ascii = if name.is_ascii() {
            name.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii(name).ok()?
        };
        is_host_name(&ascii).then_some(Self::Dns(ascii))
    }

    /// Whether one of these identifiers of a certificate stands for it. The common name never does.
    #[must_use]
    pub fn is_among(&self, dns_names: &[String], addresses: &[IpAddr]) -> bool {
        match self {
            Self::Dns(name) => dns_names.iter().any(|pattern| covers(pattern, name)),
            Self::Address(address) => addresses.contains(address),
        }
    }
}

impl std::fmt::Display for ServerName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dns(name) => formatter.write_str(name),
            Self::Address(address) => address.fmt(formatter),
        }
    }
}

/// Labels of letters, digits, hyphens and (met in practice) underscores.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether the identifier of a certificate covers a host name: the same labels, or `*` for exactly the first one.
fn covers(pattern: &str, name: &str) -> bool {
    let Some(parent) = pattern.strip_prefix("*.") else {
        return is_host_name(pattern) && pattern.eq_ignore_ascii_case(name);
    };
    // As all of OpenSSL, Go and the browsers do, `*.com` is not taken to cover everything below `com`.
    let deep_enough = parent.contains('.');
    deep_enough
        && is_host_name(parent)
        && name
            .split_once('.')
            .is_some_and(|(_, rest)| parent.eq_ignore_ascii_case(rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules_of_rfc_9525() {
        for (identifier, name, expected) in [
            ("node.example.com", "node.example.com", true),
            ("NODE.example.COM", "node.Example.com.", true),
            ("node.example.com", "other.example.com", false),
            ("*.example.com", "node.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.node.example.com", false),
            ("n*.example.com", "node.example.com", false),
            ("*de.example.com", "node.example.com", false),
            ("node.*.com", "node.example.com", false),
            ("*.*.com", "node.example.com", false),
            ("*.com", "example.com", false),
            ("*", "example", false),
            ("xn--bcher-kva.example.com", "bücher.example.com", true),
            ("bücher.example.com", "bücher.example.com", false),
            ("*.xn--bcher-kva.example", "node.bücher.example", true),
            ("192.0.2.1", "192.0.2.1", false),
            (".example.com", "node.example.com", false),
            ("node.example.com\0.evil.com", "node.example.com", false),
        ] {
            let asked = ServerName::read(name).unwrap();
            assert_eq!(
                asked.is_among(&[identifier.to_owned()], &[]),
                expected,
                "{identifier} for {name}"
            );
        }
    }

    #[test]
    fn addresses_are_matched_by_addresses_only() {
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let asked = ServerName::read("192.0.2.1").unwrap();
        assert!(asked.is_among(&[], &[address]));
        assert!(
            ServerName::read("[2001:db8::1]")
                .unwrap()
                .is_among(&[], &["2001:db8:0::1".parse().unwrap()])
        );
        assert!(!ServerName::read("a.b").unwrap().is_among(&[], &[address]));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            ".",
            "a..b",
            "-a.b",
            "a b",
            "https://a.b/",
            "a:443",
            "${NODE}",
        ] {
            assert_eq!(ServerName::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(pattern in "\\PC{0,40}", text in "\\PC{0,40}") {
            if let Some(name) = ServerName::read(&text) {
                let _ = name.is_among(&[pattern], &[]);
            }
        }
    }
}
