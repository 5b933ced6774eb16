//! A proxy's address as variables and configurations spell it.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::redact::Redactor;

/// The variables that name proxies.
pub const VARIABLES: [&str; 8] = [
    "https_proxy",
    "HTTPS_PROXY",
    "http_proxy",
    "HTTP_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Plain HTTP, with CONNECT.
    #[default]
    Http,
    /// HTTP over TLS, with CONNECT.
    Https,
    /// SOCKS 5; names are left to the proxy.
    Socks5,
    /// SOCKS of an older or unnamed version.
    Socks,
}

impl Scheme {
    /// What the Docker daemon calls it; none where it does not speak it. Go has `socks5` leave names to the proxy, and
    /// older releases of it do not know `socks5h` (`net/http`, `Transport.Proxy`).
    #[must_use]
    pub fn for_the_daemon(self) -> Option<&'static str> {
        match self {
            Self::Http => Some("http"),
            Self::Https => Some("https"),
            Self::Socks5 => Some("socks5"),
            Self::Socks => None,
        }
    }
}

/// Where a proxy is; never with its password.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProxyAddress {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether a name and password are configured for it.
    pub has_login: bool,
}

impl ProxyAddress {
    /// Reads an address as variables, configurations and the Docker engine spell it; none where it names no proxy.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        parse(value).ok().map(|(address, _)| address)
    }

    /// Whether both are the same proxy, spoken to in the same way; logins do not count.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }
}

impl fmt::Display for ProxyAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

/// A name and a password; shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    name: String,
    password: String,
}

impl Login {
    /// A login; bytes that a proxy's address spells with `%` stand here as they are.
    #[must_use]
    pub fn new(name: &str, password: &str) -> Self {
        Self {
            name: name.to_owned(),
            password: password.to_owned(),
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The value of `Proxy-Authorization`.
    #[must_use]
    pub fn basic(&self) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{}", self.name, self.password))
        )
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Login")
    }
}

/// Tells the redactor what in a proxy's address is secret, even where the rest cannot be understood.
pub fn learn_secrets(value: &str, redactor: &Redactor) {
    let Some((login, _)) = value.rsplit_once('@') else {
        return;
    };
    let login = login.split_once("://").map_or(login, |(_, login)| login);
    let Some((name, password)) = login.split_once(':') else {
        return;
    };
    let (name, decoded) = (decoded(name), decoded(password));
    redactor.learn(password);
    redactor.learn(&decoded);
    redactor.learn(&STANDARD.encode(format!("{name}:{decoded}")));
}

/// Reads `[scheme://][name[:password]@]host[:port][/]`; the message of an error repeats nothing of the value.
pub fn parse(value: &str) -> Result<(ProxyAddress, Option<Login>), &'static str> {
    let value = value.trim().trim_matches(['"', '\'']);
    let (scheme, rest) = match value.split_once("://") {
        None => (Scheme::Http, value),
        Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
            "http" => (Scheme::Http, rest),
            "https" => (Scheme::Https, rest),
            "socks5" | "socks5h" => (Scheme::Socks5, rest),
            "socks" | "socks4" | "socks4a" => (Scheme::Socks, rest),
            _ => return Err("it begins with a scheme that is none of http, https and socks"),
        },
    };
    let (login, place) = match rest.rsplit_once('@') {
        None => (None, rest),
        Some((login, place)) => {
            let (name, password) = login.split_once(':').unwrap_or((login, ""));
            let login = Login::new(&decoded(name), &decoded(password));
            (Some(login), place)
        }
    };
    let place = place.split('/').next().unwrap_or_default();
    let default_port = match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
        Scheme::Socks5 | Scheme::Socks => 1080,
    };
    let (host, port) = host_and_port(place, default_port)?;
    let address = ProxyAddress {
        scheme,
        host,
        port,
        has_login: login.is_some(),
    };
    Ok((address, login))
}

fn host_and_port(place: &str, default_port: u16) -> Result<(String, u16), &'static str> {
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (host, after) = rest
            .split_once(']')
            .ok_or("the bracket around its address is not closed")?;
        (host, after.strip_prefix(':'))
    } else {
        match place.split_once(':') {
            None => (place, None),
            Some((host, port)) => (host, Some(port)),
        }
    };
    let port = match port {
        None | Some("") => default_port,
        Some(port) => port
            .parse::<u16>()
            .ok()
            .filter(|port| *port > 0)
            .ok_or("its port is no number from 1 to 65535")?,
    };
    let sound = !host.is_empty()
        && host.len() <= 253
        && host.chars().all(|letter| {
            letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':')
        });
    if !sound {
        return Err("it names no host");
    }
    Ok((host.to_ascii_lowercase(), port))
}

/// Percent-decoding; what is no valid escape stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let escape = (byte == b'%')
            .then(|| Some((hexadecimal(ahead.next()?)?, hexadecimal(ahead.next()?)?)))
            .flatten();
        if let Some((high, low)) = escape {
            bytes.push(high * 16 + low);
            rest = ahead;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hexadecimal(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_usual_spelling_is_understood() {
        for (value, host, port) in [
            ("http://proxy:3128", "proxy", 3128),
            ("http://proxy:3128/", "proxy", 3128),
            ("proxy.example.com:8080", "proxy.example.com", 8080),
            ("proxy", "proxy", 80),
            ("HTTPS://Proxy", "proxy", 443),
            ("socks5h://10.0.0.1", "10.0.0.1", 1080),
            ("http://[2001:db8::1]:3128", "2001:db8::1", 3128),
            ("http://u:p@ss@proxy:3128", "proxy", 3128),
        ] {
            let (address, _) = parse(value).unwrap();
            assert_eq!(
                (address.host.as_str(), address.port),
                (host, port),
                "{value}"
            );
        }
        for value in [
            "",
            "http://",
            "ftp://proxy",
            "http://proxy:0",
            "http://[::1",
            "a b",
        ] {
            assert!(parse(value).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(value in ".*") {
            let _ = parse(&value);
            learn_secrets(&value, &Redactor::default());
        }
    }
}
