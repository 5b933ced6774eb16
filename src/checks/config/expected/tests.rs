//! Its cases.

use super::*;
use crate::{
    facts::{
        Observed,
        stack::{
            Content,
            compose_file::{Mount, Resource},
            ports::{PortMapping, Protocol},
        },
    },
    profile,
};

/// A file that has all that the profile asks for, in another order and with more of everything.
fn complete(profile: &Profile) -> ComposeFile {
    let mut file = ComposeFile {
        path: "/srv/data/docker-compose.yml".into(),
        ..ComposeFile::default()
    };
    for expected in &profile.stack.services {
        let mount = |mount: &profile::ServiceMount| Mount {
            kind: match mount.sources.last() {
                Some(source) if source.starts_with('/') => "bind".into(),
                _ => "volume".into(),
            },
            source: mount.sources.last().map(|source| format!("{source}/")),
            target: match mount.target.as_str() {
                "" => "/anywhere".into(),
                target => target.into(),
            },
            read_only: true,
        };
        let mut service = Service {
            image: Some(format!("mirror.example.com/{}:1.0", expected.image)),
            container_name: Some(expected.name.clone()),
            restart: Some("unless-stopped".into()),
            entrypoint: vec!["/bin/sh".into(), "-c".into()],
            command: vec![expected.arguments.join(" ")],
            ports: expected
                .ports
                .iter()
                .rev()
                .map(|port| published(*port))
                .collect(),
            volumes: expected.mounts.iter().rev().map(mount).collect(),
            networks: expected.networks.iter().rev().cloned().collect(),
            ..Service::default()
        };
        for label in &expected.labels {
            service
                .labels
                .insert(label.replace('*', "x.rule"), "y".into());
        }
        for variable in expected
            .environment
            .iter()
            .map(String::as_str)
            .chain(["MORE"])
        {
            service.environment.insert(variable.into(), None);
        }
        file.services.insert(expected.name.clone(), service);
    }
    for network in &profile.stack.networks {
        file.networks.insert(
            network.clone(),
            Resource {
                name: None,
                external: true,
            },
        );
    }
    file.services.insert("own".into(), Service::default());
    file
}

fn published(port: u16) -> PortMapping {
    PortMapping {
        host_ip: None,
        published: Some(port.to_string()),
        target: port,
        protocol: Protocol::Tcp,
    }
}

fn causes(profile: &Profile, file: &ComposeFile) -> Vec<String> {
    compare_alone(profile, file)
        .differences
        .into_iter()
        .filter_map(|difference| {
            assert!(!difference.advice.is_empty());
            difference.item.cause
        })
        .collect()
}

#[test]
fn more_and_otherwise_is_no_difference_and_is_remarked_on() {
    for edition in ["2023", "2025"] {
        let profile = profile::load(edition).unwrap();
        let file = complete(&profile);
        assert_eq!(causes(&profile, &file), Vec::<String>::new(), "{edition}");
        let remarks = compare_alone(&profile, &file).remarks.join("; ");
        for word in [
            "services of your own: own",
            "mirror",
            "unless it was stopped",
        ] {
            assert!(remarks.contains(word), "{remarks}");
        }
    }
}

#[test]
fn what_is_missing_is_told_apart() {
    type Change = fn(&mut ComposeFile);
    let table: &[(&str, Change)] = &[
        ("service-missing", |file| {
            file.services.remove("fluentbit");
        }),
        ("image-differs", |file| {
            let traefik = file.services.get_mut("traefik").unwrap();
            traefik.image = Some("nginx".into());
        }),
        ("port-missing", |file| {
            file.services.get_mut("traefik").unwrap().ports.pop();
        }),
        ("port-missing", |file| {
            file.services.get_mut("traefik").unwrap().ports[0].host_ip = Some("127.0.0.1".into());
        }),
        ("mount-missing", |file| {
            file.services.get_mut("sesam-node").unwrap().volumes.pop();
        }),
        ("network-missing", |file| {
            file.services.get_mut("traefik").unwrap().networks.clear();
        }),
        ("network-not-external", |file| {
            file.networks.get_mut("sesam").unwrap().external = false;
        }),
        ("argument-missing", |file| {
            file.services.get_mut("sesam-node").unwrap().command =
                vec!["lake --microservices=engine --sesam-portal-url=x --enforce-licenses".into()];
        }),
        ("variable-missing", |file| {
            file.services
                .get_mut("sesam-node")
                .unwrap()
                .environment
                .remove("SESAM_UID");
        }),
        ("label-missing", |file| {
            file.services.get_mut("sesam-node").unwrap().labels.clear();
        }),
        ("restart-policy", |file| {
            file.services.get_mut("traefik").unwrap().restart = None;
        }),
        ("container-name", |file| {
            file.services.get_mut("traefik").unwrap().container_name = None;
        }),
    ];
    let profile = profile::load("2023").unwrap();
    for (cause, change) in table {
        let mut file = complete(&profile);
        change(&mut file);
        assert_eq!(causes(&profile, &file), [*cause]);
    }
}

#[test]
fn a_service_is_known_by_its_image_too() {
    let profile = profile::load("2023").unwrap();
    let mut file = complete(&profile);
    let node = file.services.remove("sesam-node").unwrap();
    file.services.insert("node".into(), node);
    assert_eq!(causes(&profile, &file), Vec::<String>::new());
    let remarks = compare_alone(&profile, &file).remarks.join("; ");
    assert!(remarks.contains("is called node here"), "{remarks}");
}

#[test]
fn a_mount_that_went_elsewhere_is_told_from_one_that_is_not_there() {
    type Change = fn(&mut Vec<Mount>);
    let table: &[(Change, &str)] = &[
        (
            |volumes| volumes.retain(|own| own.target != "/tmp"),
            "does not mount sesam-node-tmp at /tmp: temporary data fill Docker's layer of the container",
        ),
        (
            |volumes| {
                let own = volumes.iter_mut().find(|own| own.target == "/tmp");
                own.unwrap().source = Some("/var/tmp".into());
            },
            "mounts /var/tmp at /tmp, not sesam-node-tmp: temporary data fill Docker's layer of the container",
        ),
        (
            |volumes| {
                let own = volumes.iter_mut().find(|own| own.target == "/tmp");
                own.unwrap().target = "/elsewhere".into();
            },
            "does not mount sesam-node-tmp at /tmp: temporary data fill Docker's layer of the container",
        ),
    ];
    let profile = profile::load("2023").unwrap();
    for (change, expected) in table {
        let mut file = complete(&profile);
        change(&mut file.services.get_mut("sesam-node").unwrap().volumes);
        let said: Vec<String> = compare_alone(&profile, &file)
            .differences
            .into_iter()
            .map(|difference| difference.item.summary)
            .collect();
        assert_eq!(said, [*expected]);
    }
    let mut file = complete(&profile);
    let fluentbit = file.services.get_mut("fluentbit").unwrap();
    fluentbit
        .volumes
        .retain(|own| own.source.as_deref() != Some("/var/log/"));
    let said = compare_alone(&profile, &file).differences;
    assert_eq!(
        said[0].item.summary,
        "does not mount /var/log: the machine's logs are not sent"
    );
}

#[test]
fn a_mount_may_be_written_from_the_files_directory_or_hold_more_than_is_asked_for() {
    let profile = profile::load("2023").unwrap();
    for (service, from, to, expected) in [
        (
            "sesam-node",
            "/sesam/node-00/data/",
            "./sesam/node-00/data",
            true,
        ),
        (
            "sesam-node",
            "/sesam/node-00/data/",
            "../../sesam/node-00/data",
            true,
        ),
        (
            "sesam-node",
            "/sesam/node-00/data/",
            "./node-00/data",
            false,
        ),
        (
            "traefik",
            "/srv/data/traefik/certs/",
            "./traefik/letsencrypt",
            true,
        ),
        (
            "traefik",
            "/srv/data/traefik/certs/",
            "/srv/data/traefik",
            true,
        ),
        (
            "traefik",
            "/srv/data/traefik/certs/",
            "/srv/data/traefik/other",
            false,
        ),
        (
            "traefik",
            "/srv/data/traefik/certs/",
            "~/letsencrypt",
            false,
        ),
        // At the place that the node knows there has to be the very directory.
        (
            "sesam-node",
            "/sesam/node-00/data/",
            "/sesam/node-00",
            false,
        ),
    ] {
        let mut file = complete(&profile);
        let volumes = &mut file.services.get_mut(service).unwrap().volumes;
        let own = volumes
            .iter_mut()
            .find(|own| own.source.as_deref() == Some(from));
        own.unwrap().source = Some(to.into());
        assert_eq!(
            causes(&profile, &file).is_empty(),
            expected,
            "{service} {to}"
        );
    }
}

#[test]
fn a_network_may_have_another_name_in_the_file_than_at_the_engine() {
    let profile = profile::load("2023").unwrap();
    let mut file = complete(&profile);
    let network = file.networks.remove("sesam").unwrap();
    let named = Resource {
        name: Some("sesam".into()),
        ..network
    };
    file.networks.insert("proxy".into(), named);
    for service in file.services.values_mut() {
        for name in &mut service.networks {
            if name == "sesam" {
                *name = "proxy".into();
            }
        }
    }
    assert_eq!(causes(&profile, &file), Vec::<String>::new());
    file.networks.get_mut("proxy").unwrap().external = false;
    assert_eq!(causes(&profile, &file), ["network-not-external"]);
    // The manual's name for a network of another name is another network.
    file.networks.get_mut("proxy").unwrap().name = Some("other".into());
    assert_eq!(
        causes(&profile, &file),
        ["network-missing", "network-missing"]
    );
}

#[test]
fn what_files_may_say_that_were_not_followed_is_no_difference() {
    let profile = profile::load("2023").unwrap();
    let judged = |overrides: &[&str], not_followed: &[&str]| {
        let mut file = complete(&profile);
        file.not_followed = not_followed.iter().map(|&what| what.into()).collect();
        file.services.remove("watchtower");
        file.services.get_mut("traefik").unwrap().ports.clear();
        let fluentbit = file.services.get_mut("fluentbit").unwrap();
        fluentbit.environment.remove("HOST");
        let stack = Stack {
            overrides: overrides.iter().map(Into::into).collect(),
            compose: Observed::Seen(Content::File {
                content: file.clone(),
            }),
            ..Stack::default()
        };
        let comparison = compare(&profile, &stack, &file);
        let causes = comparison.differences.iter();
        let causes: Vec<String> = causes
            .filter_map(|difference| difference.item.cause.clone())
            .collect();
        assert_eq!(comparison.is_partial, causes.len() < 4, "{causes:?}");
        causes
    };
    let (service, port, variable) = ("service-missing", "port-missing", "variable-missing");
    for (overrides, not_followed, expected) in [
        (&[][..], &[][..], &[service, port, port, variable][..]),
        (&["/srv/data/compose.override.yml"], &[], &[]),
        (&[], &["include: watch.yml"], &[port, port, variable]),
        (
            &[],
            &["services.traefik.extends: base.yml, proxy"],
            &[service, variable],
        ),
        (
            &[],
            &["services.fluentbit.env_file: shipper.env"],
            &[service, port, port],
        ),
        (
            &[],
            &["services.traefik.env_file: shipper.env"],
            &[service, port, port, variable],
        ),
    ] {
        assert_eq!(
            judged(overrides, not_followed),
            expected,
            "{not_followed:?}"
        );
    }
}

#[test]
fn a_label_without_a_star_has_to_be_that_label() {
    let mut profile = profile::load("2023").unwrap();
    let node = profile.stack.services.iter_mut();
    for service in node.filter(|service| service.name == "sesam-node") {
        service.labels = vec!["traefik.enable".into()];
    }
    let mut file = complete(&profile);
    assert_eq!(causes(&profile, &file), Vec::<String>::new());
    let node = file.services.get_mut("sesam-node").unwrap();
    node.labels.clear();
    node.labels.insert("traefik.enabled".into(), "true".into());
    assert_eq!(causes(&profile, &file), ["label-missing"]);
}

#[test]
fn the_policy_of_the_manual_needs_no_remark() {
    let profile = profile::load("2023").unwrap();
    let mut file = complete(&profile);
    for service in file.services.values_mut() {
        service.restart = Some("always".into());
    }
    let comparison = compare_alone(&profile, &file);
    assert!(comparison.differences.is_empty());
    let remarks = comparison.remarks.join("; ");
    assert!(!remarks.contains("unless"), "{remarks}");
}

#[test]
fn the_port_that_is_not_published_is_named() {
    let profile = profile::load("2023").unwrap();
    let mut file = complete(&profile);
    let traefik = file.services.get_mut("traefik").unwrap();
    traefik
        .ports
        .retain(|mapping| mapping.published.as_deref() == Some("443"));
    let said = compare_alone(&profile, &file).differences;
    let said: Vec<&str> = said.iter().map(|one| one.item.summary.as_str()).collect();
    assert_eq!(said, ["does not publish port 80"]);
}
