//! Where a redirect leads.

use crate::{facts::probe_report::RedirectStop, profile::Vantage};

/// A place that a redirect leads to, on the host that is probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whether it is spoken to over TLS.
    pub is_https: bool,
    /// The port.
    pub port: u16,
    /// The path.
    pub path: String,
}

impl Place {
    /// The address of this place on a host, as a person writes it.
    pub fn url(&self, host: &str) -> String {
        let (scheme, default) = if self.is_https {
            ("https", 443)
        } else {
            ("http", 80)
        };
        if self.port == default {
            format!("{scheme}://{host}{}", self.path)
        } else {
            format!("{scheme}://{host}:{}{}", self.port, self.path)
        }
    }

    /// Where a redirect from here leads, or why Let's Encrypt (or this look) does not follow it.
    pub fn follow(
        &self,
        location: &str,
        host: &str,
        vantage: &Vantage,
    ) -> Result<Self, RedirectStop> {
        if location.starts_with('/') && !location.starts_with("//") {
            return Ok(Self {
                path: clean(location).ok_or_else(|| RedirectStop::NotHttp(location.to_owned()))?,
                ..self.clone()
            });
        }
        let lower = location.to_ascii_lowercase();
        let (is_https, start) = if lower.starts_with("https://") {
            (true, 8)
        } else if lower.starts_with("http://") {
            (false, 7)
        } else {
            return Err(RedirectStop::NotHttp(location.to_owned()));
        };
        let rest = location.get(start..).unwrap_or_default();
        let split = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(split).unwrap_or((rest, ""));
        let (name, port) = authority_of(authority, is_https)
            .ok_or_else(|| RedirectStop::NotHttp(location.to_owned()))?;
        let wanted = host.trim_start_matches('[').trim_end_matches(']');
        if !name
            .trim_end_matches('.')
            .eq_ignore_ascii_case(wanted.trim_end_matches('.'))
        {
            return Err(RedirectStop::OtherHost(location.to_owned()));
        }
        if !vantage.redirect_ports.contains(&port) {
            return Err(RedirectStop::OtherPort(location.to_owned()));
        }
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self {
            is_https,
            port,
            path: clean(path).ok_or_else(|| RedirectStop::NotHttp(location.to_owned()))?,
        })
    }
}

/// A path that can be asked for.
fn clean(path: &str) -> Option<String> {
    path.chars()
        .all(|letter| letter.is_ascii_graphic())
        .then(|| path.to_owned())
}

fn authority_of(authority: &str, is_https: bool) -> Option<(&str, u16)> {
    let default = if is_https { 443 } else { 80 };
    if let Some(rest) = authority.strip_prefix('[') {
        let (name, rest) = rest.split_once(']')?;
        let port = match rest.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None if rest.is_empty() => default,
            None => return None,
        };
        return Some((name, port));
    }
    let (name, port) = match authority.split_once(':') {
        Some((name, port)) => (name, port.parse().ok()?),
        None => (authority, default),
    };
    (!name.is_empty() && !name.contains('@')).then_some((name, port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile;

    fn from_port_80() -> Place {
        Place {
            is_https: false,
            port: 80,
            path: "/a".into(),
        }
    }

    #[test]
    fn redirects_are_followed_where_lets_encrypt_does() {
        let vantage = profile::load("2023").unwrap().vantage;
        for (location, expected) in [
            ("https://node.example.com/x", "https://node.example.com/x"),
            ("HTTPS://Node.Example.com.", "https://node.example.com/"),
            (
                "http://node.example.com:443/",
                "http://node.example.com:443/",
            ),
            ("/other", "http://node.example.com/other"),
        ] {
            let place = from_port_80()
                .follow(location, "node.example.com", &vantage)
                .unwrap();
            assert_eq!(place.url("node.example.com"), expected);
        }
        for (location, expected) in [
            (
                "https://node.example.com:8443/x",
                RedirectStop::OtherPort as fn(String) -> RedirectStop,
            ),
            ("https://www.example.com/", RedirectStop::OtherHost),
            ("https://user@node.example.com/", RedirectStop::NotHttp),
            ("//node.example.com/", RedirectStop::NotHttp),
            ("ftp://node.example.com/", RedirectStop::NotHttp),
            ("https://node.example.com:port/", RedirectStop::NotHttp),
            ("/a b", RedirectStop::NotHttp),
            ("", RedirectStop::NotHttp),
        ] {
            let stop = from_port_80()
                .follow(location, "node.example.com", &vantage)
                .unwrap_err();
            assert_eq!(stop, expected(location.to_owned()));
        }
        let six = from_port_80().follow("https://[2001:db8::1]/", "[2001:db8::1]", &vantage);
        assert!(six.unwrap().is_https);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(location in "(https?://)?(\\[|\\]|node.example.com|:|[0-9])*.*") {
            let vantage = profile::load("2023").unwrap().vantage;
            let _ = from_port_80().follow(&location, "node.example.com", &vantage);
        }
    }
}
