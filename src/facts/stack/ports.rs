//! Published ports, in Compose's short and long syntax.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::document::scalar_text;

/// A range longer than any stack publishes.
const LONGEST_RANGE: u16 = 1_000;

/// One published port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortMapping {
    /// The host's address that it is published on; every address where not said.
    pub host_ip: Option<String>,
    /// The host's port, or a range to choose from; any free one where not said.
    pub published: Option<String>,
    /// The container's port.
    pub target: u16,
    /// What it carries.
    pub protocol: Protocol,
}

/// What a port carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "tcp" => Some(Self::Tcp),
            "udp" => Some(Self::Udp),
            "sctp" => Some(Self::Sctp),
            _ => None,
        }
    }
}

/// Reads one element of `ports`.
pub(super) fn read_port(value: &Value) -> Result<Vec<PortMapping>, String> {
    match value {
        Value::Object(members) => Ok(vec![long(members)?]),
        other => match scalar_text(other) {
            Some(text) => short(&text),
            None => Err("a port has to be a number, a text or a mapping".into()),
        },
    }
}

fn long(members: &Map<String, Value>) -> Result<PortMapping, String> {
    let text = |name: &str| {
        members
            .get(name)
            .and_then(scalar_text)
            .filter(|text| !text.is_empty())
    };
    let target = text("target").ok_or("a port needs a `target`")?;
    let protocol = text("protocol").unwrap_or_else(|| "tcp".into());
    let published = text("published");
    if let Some(published) = &published {
        range(published).ok_or_else(|| format!("“{published}” is no port of the host"))?;
    }
    Ok(PortMapping {
        host_ip: text("host_ip"),
        published,
        target: port(&target).ok_or_else(|| format!("“{target}” is no port of the container"))?,
        protocol: Protocol::parse(&protocol)
            .ok_or_else(|| format!("“{protocol}” is no protocol; it has to be tcp, udp or sctp"))?,
    })
}

/// `[[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]`, where HOST and CONTAINER can be ranges.
fn short(text: &str) -> Result<Vec<PortMapping>, String> {
    let (ports, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
    let protocol = Protocol::parse(protocol)
        .ok_or_else(|| format!("“{protocol}” is no protocol; it has to be tcp, udp or sctp"))?;
    let (before, container) = ports.rsplit_once(':').unwrap_or(("", ports));
    let (address, host) = before.rsplit_once(':').unwrap_or(("", before));
    let host_ip = host_address(address)?;
    let (first, last) =
        range(container).ok_or_else(|| format!("“{container}” is no port of the container"))?;
    let mapping = |published, target| PortMapping {
        host_ip: host_ip.clone(),
        published,
        target,
        protocol,
    };
    if host.is_empty() {
        return Ok((first..=last).map(|target| mapping(None, target)).collect());
    }
    let (host_first, host_last) =
        range(host).ok_or_else(|| format!("“{host}” is no port of the host"))?;
    if host_last - host_first != last - first {
        if first == last {
            return Ok(vec![mapping(Some(host.to_owned()), first)]);
        }
        return Err(format!(
            "“{host}” and “{container}” have to be ranges of the same length"
        ));
    }
    Ok((host_first..=host_last)
        .zip(first..=last)
        .map(|(published, target)| mapping(Some(published.to_string()), target))
        .collect())
}

fn host_address(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let plain = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    match plain.parse::<IpAddr>() {
        Ok(_) => Ok(Some(plain.to_owned())),
        Err(_) => Err(format!("“{plain}” is no IP address of the host")),
    }
}

fn port(text: &str) -> Option<u16> {
    // `parse` would take a sign too.
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

/// `80`, or `3000-3005`; first and last.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    (first <= last && last - first <= LONGEST_RANGE).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn shown(value: &Value) -> Result<Vec<String>, String> {
        Ok(read_port(value)?
            .iter()
            .map(|port| {
                format!(
                    "{} {} {} {:?}",
                    port.host_ip.as_deref().unwrap_or("*"),
                    port.published.as_deref().unwrap_or("any"),
                    port.target,
                    port.protocol
                )
            })
            .collect())
    }

    #[test]
    fn every_syntax_is_read() {
        for (value, expected) in [
            (json!("80:8080"), vec!["* 80 8080 Tcp"]),
            (json!(80), vec!["* any 80 Tcp"]),
            (json!("127.0.0.1:53:53/udp"), vec!["127.0.0.1 53 53 Udp"]),
            (json!("[::1]:80:80"), vec!["::1 80 80 Tcp"]),
            (json!("::1:80:80"), vec!["::1 80 80 Tcp"]),
            (json!("0.0.0.0::80"), vec!["0.0.0.0 any 80 Tcp"]),
            (json!(":80"), vec!["* any 80 Tcp"]),
            (json!("3-4:5-6"), vec!["* 3 5 Tcp", "* 4 6 Tcp"]),
            (json!("3-4:5"), vec!["* 3-4 5 Tcp"]),
            (json!("3-4"), vec!["* any 3 Tcp", "* any 4 Tcp"]),
            (
                json!({"target": 80, "published": "8080", "host_ip": "127.0.0.1", "protocol": "udp"}),
                vec!["127.0.0.1 8080 80 Udp"],
            ),
            (json!({"target": "80"}), vec!["* any 80 Tcp"]),
        ] {
            let expected = expected.into_iter().map(ToOwned::to_owned).collect();
            assert_eq!(shown(&value), Ok(expected), "{value}");
        }
        for value in [
            json!("x:80"),
            json!("80:x"),
            json!("80:80:80"),
            json!("80/foo"),
            json!("99999:80"),
            json!(""),
            json!("1-3:1-2"),
            json!("9-1"),
            json!("+80"),
            json!({}),
            json!(null),
            json!(["80"]),
            json!(-1),
        ] {
            assert!(shown(&value).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"([0-9]|65535|[:/.\[\]-]|tcp|.){0,16}") {
            let _ = read_port(&json!(text));
            let _ = read_port(&json!({"target": text, "published": text}));
        }
    }
}
