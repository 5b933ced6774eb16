//! A container against the service that it was made of, as a person would say what differs.
//!
//! What a container has beyond the file (variables and labels of its image, say) is no difference, and neither is order.

use std::{collections::BTreeSet, net::IpAddr};

use crate::facts::{
    docker::{Container, Details},
    image_reference::ImageReference,
    stack::{
        compose_file::{ComposeFile, Service},
        ports::Protocol,
    },
};

/// What stands in the facts where a secret stood.
const HIDDEN: &str = "[redacted]";

/// Every way in which a container is not what the file says; `directory` is where the file is.
pub(super) fn differences(
    container: &Container,
    details: &Details,
    service: &Service,
    file: &ComposeFile,
) -> Vec<String> {
    let mut found = Vec::new();
    name(container, service, &mut found);
    image(container, details, service, &mut found);
    if service.network_mode.is_none() {
        ports(details, service, &mut found);
        networks(details, service, file, &mut found);
    }
    mounts(details, service, file, &mut found);
    words(details, service, &mut found);
    pairs(container, details, service, &mut found);
    settings(details, service, &mut found);
    found
}

/// Whether the file gives the container another name than it has.
pub(super) fn is_named_otherwise(container: &Container, service: &Service) -> bool {
    service
        .container_name
        .as_ref()
        .is_some_and(|written| *written != container.name)
}

fn name(container: &Container, service: &Service, found: &mut Vec<String>) {
    if let Some(written) = &service.container_name
        && is_named_otherwise(container, service)
    {
        found.push(format!(
            "has the name {}, and by the file it is {written}",
            container.name
        ));
    }
}

fn image(container: &Container, details: &Details, service: &Service, found: &mut Vec<String>) {
    let Some(written) = &service.image else {
        return;
    };
    let asked = if details.image.is_empty() {
        &container.image
    } else {
        &details.image
    };
    // An id, in place of a name that has moved on, says nothing.
    if asked.starts_with("sha256:") || asked.is_empty() {
        return;
    }
    let (written, running) = (ImageReference::parse(written), ImageReference::parse(asked));
    if written != running {
        found.push(format!("was made of {running}, the file says {written}"));
    }
}

fn ports(details: &Details, service: &Service, found: &mut Vec<String>) {
    let written: BTreeSet<(u16, String, Option<IpAddr>, Option<u16>)> = service
        .ports
        .iter()
        .filter_map(|mapping| {
            let protocol = match mapping.protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
                Protocol::Sctp => "sctp",
            };
            let port = match mapping.published.as_deref() {
                None => None,
                // One of a range, which is no number, was chosen by the engine.
                Some(port) => Some(port.parse().ok()?),
            };
            let address = mapping
                .host_ip
                .as_deref()
                .and_then(|text| text.trim_matches(['[', ']']).parse::<IpAddr>().ok())
                .filter(|address| !address.is_unspecified());
            Some((mapping.target, protocol.to_owned(), address, port))
        })
        .collect();
    let actual: BTreeSet<(u16, String, Option<IpAddr>, Option<u16>)> = details
        .ports
        .iter()
        // The engine writes 0 for any that is free.
        .map(|port| {
            (
                port.target,
                port.protocol.clone(),
                port.address,
                port.port.filter(|port| *port != 0),
            )
        })
        .collect();
    for port in written.difference(&actual) {
        found.push(format!("no longer publishes {}", shown(port)));
    }
    let has_ranges = service.ports.iter().any(|mapping| {
        mapping
            .published
            .as_deref()
            .is_some_and(|range| range.contains('-'))
    });
    if !has_ranges {
        for port in actual.difference(&written) {
            found.push(format!("publishes {}, the file does not", shown(port)));
        }
    }
}

fn shown((target, protocol, address, port): &(u16, String, Option<IpAddr>, Option<u16>)) -> String {
    let published = port.map_or("a free port".to_owned(), |port| port.to_string());
    let mut text = published;
    if *port != Some(*target) {
        text = format!("{text} (to {target})");
    }
    if protocol != "tcp" {
        text = format!("{text}/{protocol}");
    }
    match address {
        Some(address) => format!("{text} on {address}"),
        None => text,
    }
}

fn networks(details: &Details, service: &Service, file: &ComposeFile, found: &mut Vec<String>) {
    let names: Vec<&str> = if service.networks.is_empty() {
        vec!["default"]
    } else {
        service.networks.iter().map(String::as_str).collect()
    };
    for name in names {
        let resource = file.networks.get(name);
        let actual = match resource {
            Some(network) if network.name.is_some() => network.name.clone().unwrap_or_default(),
            Some(network) if network.external => name.to_owned(),
            _ => format!("{}_{name}", file.project),
        };
        if !details.networks.contains_key(&actual) {
            found.push(format!("is not on the network {actual}"));
        }
    }
}

fn mounts(details: &Details, service: &Service, file: &ComposeFile, found: &mut Vec<String>) {
    for written in &service.volumes {
        let target = written.target.trim_end_matches('/');
        let actual = details
            .mounts
            .iter()
            .find(|mount| mount.target.trim_end_matches('/') == target);
        let Some(source) = &written.source else {
            continue;
        };
        let expected = match written.kind.as_str() {
            "bind" => match file.path_on_host(source) {
                Some(path) => path,
                None => continue,
            },
            "volume" => match file.volumes.get(source) {
                Some(volume) if volume.name.is_some() => volume.name.clone().unwrap_or_default(),
                Some(volume) if volume.external => source.clone(),
                _ => format!("{}_{source}", file.project),
            },
            _ => continue,
        };
        match actual {
            None => found.push(format!("does not mount {expected} at {target}")),
            Some(mount) if mount.source.trim_end_matches('/') != expected => found.push(format!(
                "mounts {} at {target}, the file says {expected}",
                mount.source
            )),
            Some(mount) if mount.writable == written.read_only => found.push(format!(
                "mounts {target} {}, the file says otherwise",
                if mount.writable {
                    "writable"
                } else {
                    "read-only"
                }
            )),
            Some(_) => {}
        }
    }
}

fn words(details: &Details, service: &Service, found: &mut Vec<String>) {
    if service.command.is_empty() {
        return;
    }
    let same = service.command.len() == details.arguments.len()
        && service
            .command
            .iter()
            .zip(&details.arguments)
            .all(|(written, actual)| alike(written, actual));
    if same {
        return;
    }
    let missing: Vec<&str> = service
        .command
        .iter()
        .filter(|word| !details.arguments.iter().any(|actual| alike(word, actual)))
        .map(String::as_str)
        .collect();
    let more: Vec<&str> = details
        .arguments
        .iter()
        .filter(|word| !service.command.iter().any(|written| alike(written, word)))
        .map(String::as_str)
        .collect();
    found.push(match (missing.as_slice(), more.as_slice()) {
        ([], []) => "has its arguments in another order or number than the file".to_owned(),
        (missing, []) => format!("runs without {}", joined(missing)),
        ([], more) => format!("runs with {}, the file does not", joined(more)),
        (missing, more) => format!(
            "runs with {}, the file says {}",
            joined(more),
            joined(missing)
        ),
    });
}

fn joined(words: &[&str]) -> String {
    const LONGEST: usize = 200;
    let text = words.join(" ");
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

/// Whether two texts are the same but for white space and for secrets, of which neither side knows more than a mark.
fn alike(written: &str, actual: &str) -> bool {
    // What stands before the mark is known on both sides.
    let known = |text: &str| text.split(HIDDEN).next().map(str::len).unwrap_or_default();
    if written.contains(HIDDEN) || actual.contains(HIDDEN) {
        let length = known(written).min(known(actual));
        return written.get(..length) == actual.get(..length);
    }
    written.split_whitespace().eq(actual.split_whitespace())
}

fn pairs(container: &Container, details: &Details, service: &Service, found: &mut Vec<String>) {
    for (name, value) in &service.environment {
        let Some(written) = value else {
            continue;
        };
        match details.environment.get(name) {
            None => found.push(format!("is not given {name}")),
            Some(Some(actual)) if !alike(written, actual) => {
                found.push(format!("has {name}={actual}, the file says {written}"));
            }
            Some(_) => {}
        }
    }
    for (name, written) in &service.labels {
        match container.labels.get(name) {
            None => found.push(format!("has no label {name}")),
            Some(Some(actual)) if !alike(written, actual) => {
                found.push(format!(
                    "has the label {name}={actual}, the file says {written}"
                ));
            }
            Some(_) => {}
        }
    }
}

fn settings(details: &Details, service: &Service, found: &mut Vec<String>) {
    let written = service.restart.as_deref().unwrap_or("no");
    let policy = written.split(':').next().unwrap_or(written);
    if policy != details.restart_policy {
        found.push(format!(
            "has the restart policy {}, the file says {policy}",
            details.restart_policy
        ));
    }
    for (name, written) in &service.log_options {
        if details.log_options.get(name) != Some(written) {
            found.push(format!("has not the log option {name}={written}"));
        }
    }
}

#[cfg(test)]
mod tests;
