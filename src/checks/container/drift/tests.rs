//! Its cases.

use std::collections::BTreeMap;

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

type Change = fn(&mut Container, &mut Details);

#[test]
#[allow(clippy::too_many_lines)] // a table
fn what_differs_is_said_as_a_person_would() {
    let file = file();
    let service = &file.services["traefik"];
    let (container, details) = made();
    assert_eq!(
        differences(&container, &details, service, &file),
        Vec::<String>::new()
    );
    let table: &[(Change, &str)] = &[
        (
            |container, _| container.name = "old".into(),
            "has the name old, and by the file it is traefik",
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
                });
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

/// What differs of the containers in [`made`], changed, from the service in [`file`], changed.
fn said(
    rewrite: impl Fn(&mut ComposeFile, &mut Service),
    change: impl Fn(&mut Container, &mut Details),
) -> Vec<String> {
    let mut file = file();
    let mut service = file.services["traefik"].clone();
    rewrite(&mut file, &mut service);
    let (mut container, mut details) = made();
    change(&mut container, &mut details);
    differences(&container, &details, &service, &file)
}

#[test]
fn an_image_known_by_its_id_only_or_not_at_all_is_no_difference() {
    let id = format!("sha256:{}", "0".repeat(64));
    for image in [id.as_str(), ""] {
        let found = said(|_, _| {}, |_, details| details.image = image.into());
        assert_eq!(found, Vec::<String>::new(), "{image}");
    }
}

#[test]
fn a_port_of_a_range_may_be_any_of_it() {
    let range = |_: &mut ComposeFile, service: &mut Service| {
        service.ports[0].published = Some("8000-8010".into());
    };
    let at =
        |port| move |_: &mut Container, details: &mut Details| details.ports[1].port = Some(port);
    assert_eq!(said(range, at(8004)), Vec::<String>::new());
}

#[test]
fn networks_and_volumes_have_the_names_that_compose_gives_them() {
    let resource = |name: Option<&str>, external| Resource {
        name: name.map(str::to_owned),
        external,
    };
    let table = [
        (resource(None, false), "data_own", "data_tmp"),
        (resource(None, true), "own", "tmp"),
        (resource(Some("shared"), false), "shared", "shared"),
        (resource(Some("shared"), true), "shared", "shared"),
    ];
    for (resource, network, volume) in table {
        let rewrite = |file: &mut ComposeFile, _: &mut Service| {
            file.networks.insert("own".into(), resource.clone());
            file.volumes.insert("tmp".into(), resource.clone());
        };
        let right = |_: &mut Container, details: &mut Details| {
            details.networks.insert(network.into(), None);
            details.mounts[1].source = volume.into();
        };
        assert_eq!(said(rewrite, right), Vec::<String>::new(), "{resource:?}");
        let gone = |_: &mut Container, details: &mut Details| {
            details.networks.remove("data_own");
            details.mounts.pop();
        };
        let expected = [
            format!("is not on the network {network}"),
            format!("does not mount {volume} at /tmp"),
        ];
        assert_eq!(said(rewrite, gone), expected, "{resource:?}");
    }
}

#[test]
fn long_arguments_are_cut() {
    for (length, is_cut) in [(200, false), (201, true)] {
        let found = said(
            |_, _| {},
            |_, details| details.arguments.push("ä".repeat(length)),
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].contains('…'), is_cut, "{length}: {found:?}");
    }
}

#[test]
fn what_a_secret_hides_is_no_difference_and_what_stands_before_it_is() {
    let actual = |word: &'static str| {
        said(
            |_, _| {},
            move |_, details| details.arguments[1] = word.into(),
        )
    };
    let same = Vec::<String>::new();
    assert_eq!(actual("--token=x"), same);
    assert_eq!(actual("--token=[redacted] "), same);
    assert_eq!(actual("--other=x").len(), 1);
    let written = said(
        |_, service| service.command[1] = "--token=x".into(),
        |_, _| {},
    );
    assert_eq!(written, same);
}

#[test]
fn labels_and_log_options_have_their_values() {
    let label = said(
        |_, _| {},
        |container, _| {
            container.labels.insert("x".into(), Some("z".into()));
        },
    );
    assert_eq!(label, ["has the label x=z, the file says y"]);
    let limited = |_: &mut ComposeFile, service: &mut Service| {
        service.log_options.insert("max-size".into(), "10m".into());
    };
    let option = |value: &'static str| {
        move |_: &mut Container, details: &mut Details| {
            details.log_options.insert("max-size".into(), value.into());
        }
    };
    assert_eq!(said(limited, option("10m")), Vec::<String>::new());
    let other = ["has not the log option max-size=10m"];
    assert_eq!(said(limited, option("1g")), other);
    assert_eq!(said(limited, |_, _| {}), other);
}
