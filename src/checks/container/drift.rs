//! A container against the service that it was made of, as a person would say what differs.
//!
//! What a container has beyond the file (variables and labels of its image, say) is no difference, and neither is order.

use std::{collections::BTreeSet, net::IpAddr, path::Path};

use crate::{
    checks::image_reference::ImageReference,
    facts::{
        docker::{Container, Details},
        stack::{
            compose_file::{ComposeFile, Service},
            ports::Protocol,
        },
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

fn name(container: &Container, service: &Service, found: &mut Vec<String>) {
    if let Some(written) = &service.container_name
        && *written != container.name
    {
        found.push(format!(
            "is called {}, the file says {written}",
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
                // One of a range was chosen by the engine.
                Some(range) if range.contains('-') => return None,
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
    let directory = file.path.parent().unwrap_or(Path::new("/"));
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
            "bind" => match absolute(directory, source) {
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

/// A path of the file as the engine was told it; nothing where that depends on somebody's home.
fn absolute(directory: &Path, source: &str) -> Option<String> {
    if source.starts_with('~') {
        return None;
    }
    let mut path = std::path::PathBuf::new();
    for part in directory.join(source).components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    Some(path.display().to_string())
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
    written == actual || written.split_whitespace().eq(actual.split_whitespace())
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
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::facts::{
        docker::{Mount, PublishedPort},
        stack::{
            compose_file::{self, Resource},
            ports::PortMapping,
        },
    };

    fn file() -> ComposeFile {
        let service = Service {
            image: Some("traefik:v2.8".into()),
            container_name: Some("traefik".into()),
            restart: Some("always".into()),
            command: vec!["--a".into(), "--token=[redacted]".into()],
            ports: vec![
                PortMapping {
                    host_ip: None,
                    published: Some("80".into()),
                    target: 80,
                    protocol: Protocol::Tcp,
                },
                PortMapping {
                    host_ip: Some("127.0.0.1".into()),
                    published: Some("8443".into()),
                    target: 443,
                    protocol: Protocol::Tcp,
                },
            ],
            volumes: vec![
                compose_file::Mount {
                    kind: "bind".into(),
                    source: Some("./traefik/../traefik/letsencrypt".into()),
                    target: "/letsencrypt".into(),
                    read_only: false,
                },
                compose_file::Mount {
                    kind: "volume".into(),
                    source: Some("tmp".into()),
                    target: "/tmp".into(),
                    read_only: false,
                },
            ],
            networks: vec!["sesam".into(), "own".into()],
            environment: BTreeMap::from([
                ("A".into(), Some("1".into())),
                ("KEY".into(), Some(HIDDEN.into())),
            ]),
            labels: BTreeMap::from([("x".into(), "y".into())]),
            ..Service::default()
        };
        ComposeFile {
            path: "/srv/data/docker-compose.yml".into(),
            project: "data".into(),
            services: BTreeMap::from([("traefik".into(), service)]),
            networks: BTreeMap::from([(
                "sesam".into(),
                Resource {
                    name: None,
                    external: true,
                },
            )]),
            ..ComposeFile::default()
        }
    }

    fn made() -> (Container, Details) {
        let details = Details {
            image: "docker.io/library/traefik:v2.8".into(),
            restart_policy: "always".into(),
            arguments: vec!["--a".into(), "--token=[redacted]".into()],
            ports: vec![
                PublishedPort {
                    address: "127.0.0.1".parse().ok(),
                    port: Some(8443),
                    target: 443,
                    protocol: "tcp".into(),
                },
                PublishedPort {
                    address: None,
                    port: Some(80),
                    target: 80,
                    protocol: "tcp".into(),
                },
            ],
            mounts: vec![
                Mount {
                    kind: "bind".into(),
                    source: "/srv/data/traefik/letsencrypt".into(),
                    target: "/letsencrypt".into(),
                    writable: true,
                },
                Mount {
                    kind: "volume".into(),
                    source: "data_tmp".into(),
                    target: "/tmp".into(),
                    writable: true,
                },
            ],
            networks: BTreeMap::from([("sesam".into(), None), ("data_own".into(), None)]),
            environment: BTreeMap::from([
                ("A".into(), Some("1".into())),
                ("KEY".into(), None),
                ("PATH".into(), Some("/bin".into())),
            ]),
            ..Details::default()
        };
        let container = Container {
            name: "traefik".into(),
            labels: BTreeMap::from([
                ("x".into(), Some("y".into())),
                ("maintainer".into(), Some("z".into())),
            ]),
            ..Container::default()
        };
        (container, details)
    }

    #[test]
    fn what_differs_is_said_as_a_person_would() {
        let file = file();
        let service = &file.services["traefik"];
        let (container, details) = made();
        assert_eq!(
            differences(&container, &details, service, &file),
            Vec::<String>::new()
        );
        type Change = fn(&mut Container, &mut Details);
        let table: &[(Change, &str)] = &[
            (
                |container, _| container.name = "old".into(),
                "is called old, the file says traefik",
            ),
            (
                |_, details| details.image = "traefik:v2.9".into(),
                "was made of traefik:v2.9, the file says traefik:v2.8",
            ),
            (
                |_, details| {
                    details.ports.pop();
                },
                "no longer publishes 80",
            ),
            (
                |_, details| details.ports.clear(),
                "no longer publishes 8443 (to 443) on 127.0.0.1",
            ),
            (
                |_, details| {
                    details.ports.push(PublishedPort {
                        address: None,
                        port: Some(8080),
                        target: 8080,
                        protocol: "tcp".into(),
                    })
                },
                "publishes 8080, the file does not",
            ),
            (
                |_, details| {
                    details.mounts.pop();
                },
                "does not mount data_tmp at /tmp",
            ),
            (
                |_, details| details.mounts[0].source = "/other".into(),
                "mounts /other at /letsencrypt, the file says /srv/data/traefik/letsencrypt",
            ),
            (
                |_, details| details.mounts[0].writable = false,
                "mounts /letsencrypt read-only, the file says otherwise",
            ),
            (
                |_, details| {
                    details.networks.remove("sesam");
                },
                "is not on the network sesam",
            ),
            (
                |_, details| {
                    details.networks.remove("data_own");
                },
                "is not on the network data_own",
            ),
            (
                |_, details| details.arguments.push("--b".into()),
                "runs with --b, the file does not",
            ),
            (
                |_, details| details.arguments[0] = "--b".into(),
                "runs with --b, the file says --a",
            ),
            (
                |_, details| {
                    details.environment.remove("A");
                },
                "is not given A",
            ),
            (
                |_, details| {
                    details.environment.insert("A".into(), Some("2".into()));
                },
                "has A=2, the file says 1",
            ),
            (
                |container, _| {
                    container.labels.remove("x");
                },
                "has no label x",
            ),
            (
                |_, details| details.restart_policy = "no".into(),
                "has the restart policy no, the file says always",
            ),
        ];
        for (change, expected) in table {
            let (mut container, mut details) = made();
            change(&mut container, &mut details);
            let found = differences(&container, &details, service, &file);
            assert!(
                found.iter().any(|words| words == expected),
                "{expected}: {found:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(directory: String, source: String) {
            let _ = absolute(Path::new(&directory), &source);
        }
    }
}
