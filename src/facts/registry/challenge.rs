//! What a registry wants before it answers (`WWW-Authenticate`, RFC 9110 section 11.6.1).

/// How to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With name and password at the registry itself.
    Basic,
    /// With a token of the host that is named.
    Bearer {
        /// The token endpoint.
        realm: String,
        /// What the registry is called there.
        service: String,
    },
}

impl Challenge {
    /// Reads one; nothing where it is neither.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let members = members(rest);
        let member = |name: &str| {
            members
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
        };
        Some(Self::Bearer {
            realm: member("realm")?,
            service: member("service").unwrap_or_default(),
        })
    }
}

/// `name="value", name=value`; a value in quotes may hold commas.
fn members(text: &str) -> Vec<(String, String)> {
    let mut members = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']).to_owned();
        let (value, left) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        members.push((name, value.trim().to_owned()));
        rest = left;
    }
    members
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_registries_want_is_understood() {
        let bearer = |realm: &str, service: &str| {
            Some(Challenge::Bearer {
                realm: realm.into(),
                service: service.into(),
            })
        };
        for (header, expected) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#,
                bearer("https://auth.docker.io/token", "registry.docker.io"),
            ),
            (
                r#"bearer scope="repository:a:pull,push", service=ghcr.io, realm="https://ghcr.io/token""#,
                bearer("https://ghcr.io/token", "ghcr.io"),
            ),
            (r#"Basic realm="company""#, Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            (r#"Bearer service="x""#, None),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(Challenge::parse(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(header in "(Bearer )?.*") {
            let _ = Challenge::parse(&header);
        }
    }
}
