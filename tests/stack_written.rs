//! The stack's files as `--fix` writes them: judged by our own checks, and read by the real Compose.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use sesam_doctor::{
    checks::{Selection, Status},
    diagnosis::{Rules, diagnose},
    facts::{Observed, Root, Site, Source, observe, stack::Stack},
    profile::{self, CertificateMode, Profile},
    redact::Redactor,
    remediate::content::{
        environment_file::{self, Setting},
        stack::{Choices, Disk, compose_file, traefik_file},
    },
    settings::Settings,
};

const EDITIONS: [&str; 2] = ["2023", "2025"];
const MODES: [CertificateMode; 2] = [CertificateMode::LetsEncrypt, CertificateMode::Own];
const DISKS: [Disk; 2] = [Disk::Data, Disk::Root];

/// One stack that can be asked for, and what is written for it.
struct Written {
    name: String,
    profile: Profile,
    compose: String,
    env: String,
}

fn environment(profile: &Profile) -> String {
    let settings: Vec<Setting> = profile
        .environment
        .iter()
        .map(|variable| Setting {
            name: variable.name.clone(),
            value: match variable.name.as_str() {
                "FLUENTBIT_IMAGE_TAG" => "1.9.4",
                "FLUENTBIT_HOST" => "logs.company.com",
                "FLUENTBIT_AUTH_HEADER" => "Basic dGhpcyBpcyBubyBzZWNyZXQ=",
                "USER_ID" => "1001",
                "NODE_DOMAIN" => "sesam.company.com",
                "APPLIANCE_ID" => "6f1ed002-ab54-4bbc-9d0a-1c7d8a1b2c3d",
                "SUBSCRIPTION_ID" => "12345",
                "DNS_ADMIN" => "admin@company.com",
                _ => &variable.default,
            }
            .to_owned(),
        })
        .collect();
    environment_file::written(profile, None, &settings).unwrap()
}

fn all() -> Vec<Written> {
    let mut all = Vec::new();
    for edition in EDITIONS {
        let profile = profile::load(edition).unwrap();
        for (certificates, disk, engine_api, for_compose_v1) in MODES
            .into_iter()
            .flat_map(|mode| DISKS.map(|disk| (mode, disk)))
            .flat_map(|(mode, disk)| {
                [(None, false), (Some("1.41"), true), (Some("1.52"), false)]
                    .map(|(api, v1)| (mode, disk, api, v1))
            })
        {
            let choices = Choices {
                certificates,
                disk,
                login_file: Path::new("/root/.docker/config.json"),
                engine_api,
                for_compose_v1,
            };
            all.push(Written {
                name: format!("{edition}, {choices:?}"),
                compose: compose_file(&profile, &choices).unwrap(),
                env: environment(&profile),
                profile: profile.clone(),
            });
        }
    }
    all
}

/// The stack as the doctor reads it.
fn read(written: &Written) -> (Stack, Vec<String>) {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("srv/data");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("docker-compose.yml"), &written.compose).unwrap();
    std::fs::write(directory.join(".env"), &written.env).unwrap();
    let site = Site {
        root: Root::at(root.path()).unwrap(),
        profile: Arc::new(written.profile.clone()),
        settings: Arc::new(Settings::default()),
        deadline: Duration::from_secs(30),
        offline: true,
        redactor: Redactor::default(),
    };
    let at = "2026-11-23T15:00:00Z".parse().unwrap();
    let facts = tokio::runtime::Runtime::new().unwrap().block_on(observe(
        &site,
        &BTreeSet::from([Source::Stack]),
        at,
        &|_| {},
    ));
    let rules = Rules {
        selection: Selection::default(),
        strict: true,
        now: facts.observed_at,
    };
    let complaints = diagnose(&facts, &rules)
        .findings
        .into_iter()
        .filter(|finding| finding.id.starts_with("config."))
        // Networks and the API are the engine's to tell.
        .filter(|finding| !["config.networks", "config.docker-api"].contains(&finding.id.as_str()))
        .filter(|finding| ![Status::Pass, Status::Skip].contains(&finding.status))
        .map(|finding| format!("{}: {}", finding.id, finding.summary))
        .collect();
    let Observed::Seen(stack) = facts.stack else {
        panic!("the stack was not observed");
    };
    (stack, complaints)
}

#[test]
fn the_doctor_finds_nothing_to_say_against_what_it_wrote() {
    for written in all() {
        let (stack, complaints) = read(&written);
        assert_eq!(complaints, Vec::<String>::new(), "{}", written.name);
        let file = stack.compose_file().unwrap();
        assert_eq!(file.problems, [], "{}", written.name);
        for (name, service) in &file.services {
            assert!(
                service.log_options.contains_key("max-size"),
                "{}: the log of {name} has no limit",
                written.name
            );
        }
        let told = file.services["watchtower"]
            .environment
            .get("DOCKER_API_VERSION")
            .and_then(Clone::clone);
        let expected = written.name.contains("1.52").then(|| "1.44".to_owned());
        assert_eq!(told, expected, "{}", written.name);
    }
}

#[test]
fn the_real_compose_v2_reads_it_without_a_word() {
    let binary =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab-cache/compose-v2/docker-compose");
    if !binary.exists() {
        println!(
            "left out: there is no {}; tests/lab/fetch-compose-v2 gets it where it can be had",
            binary.display()
        );
        return;
    }
    for written in all() {
        // The line that v2 warns of is there for v1 only.
        if written.name.contains("for_compose_v1: true") {
            continue;
        }
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("docker-compose.yml"), &written.compose).unwrap();
        std::fs::write(place.path().join(".env"), &written.env).unwrap();
        let output = Command::new(&binary)
            .args(["-p", "data", "config", "--format", "json"])
            .current_dir(place.path())
            .env_clear()
            .output()
            .unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {complaints}", written.name);
        assert_eq!(complaints, "", "{}", written.name);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let node = &document["services"]["sesam-node"];
        assert_eq!(node["ports"], serde_json::Value::Null, "{}", written.name);
        assert_eq!(
            node["labels"]["traefik.http.routers.sesam-node.rule"],
            "Host(`sesam.company.com`)"
        );
        let command = node["command"][0].as_str().unwrap();
        assert!(
            command.starts_with("chown -R 1001:1001 /sesam/data /sesam/logs && exec /entrypoint.sh lake --microservices=engine"),
            "{command}"
        );
        if written.profile.edition == "2023" {
            assert_eq!(
                document["services"]["fluentbit"]["environment"]["AUTH_HEADER"],
                "Basic dGhpcyBpcyBubyBzZWNyZXQ="
            );
        }
    }
}

/// The root file system of the lab's machine, which has Compose v1.
fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab-cache/machine-1/root")
}

#[test]
fn the_real_compose_v1_reads_it_without_a_word() {
    if !rustix::process::geteuid().is_root() || !golden().join("usr/bin/docker-compose").exists() {
        println!(
            "left out: Compose v1 of the lab's machine: it needs root, and tests/lab/build-machine"
        );
        return;
    }
    for written in all() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("docker-compose.yml"), &written.compose).unwrap();
        std::fs::write(place.path().join(".env"), &written.env).unwrap();
        // In a mount namespace of its own, so that nothing of it is left behind.
        let output = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-euc"])
            .arg("mount --bind \"$1\" \"$2/mnt\"; exec chroot \"$2\" sh -c 'cd /mnt && exec docker-compose -p data config'")
            .arg("sh")
            .args([place.path(), &golden()])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {complaints}", written.name);
        assert_eq!(complaints, "", "{}", written.name);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("Host(`sesam.company.com`)"), "{text}");
    }
}

#[test]
fn an_own_certificate_is_named_to_traefik_as_the_doctor_reads_it() {
    let text = traefik_file("sesam.crt", "sesam.key").unwrap();
    let pairs = sesam_doctor::facts::certificates::traefik_file::named_pairs(&text).unwrap();
    let named: Vec<_> = pairs
        .iter()
        .map(|pair| (pair.cert_file.as_str(), pair.key_file.as_str()))
        .collect();
    assert_eq!(named, [("/certs/sesam.crt", "/certs/sesam.key")]);
    assert!(traefik_file("a\nb", "k").is_err());
}
