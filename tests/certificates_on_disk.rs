//! The certificates' files as a whole run sees them: what lies there, in every state in which it is met at customers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use support::doctor;

const DOMAIN: &str = "node.acme.example";
const STORE: &str = "srv/data/traefik/letsencrypt/acme.json";
const OWN: &str = "srv/data/traefik/certs";

/// A machine's files, with a stack that is in order and an authority that it trusts.
struct Machine {
    place: tempfile::TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its private key, in PEM.
struct Made {
    certificate: String,
    key: String,
}

impl Machine {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters
            .distinguished_name
            .push(DnType::CommonName, "Authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let machine = Self {
            place: tempfile::tempdir().unwrap(),
            authority,
        };
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stack/2023");
        let compose = std::fs::read_to_string(fixtures.join("docker-compose.yml")).unwrap();
        machine.write("srv/data/docker-compose.yml", &compose);
        let variables = std::fs::read_to_string(fixtures.join("env")).unwrap();
        let variables: Vec<String> = variables
            .lines()
            .map(|line| match line.split_once('=') {
                Some(("NODE_DOMAIN", _)) => format!("NODE_DOMAIN={DOMAIN}"),
                _ => line.to_owned(),
            })
            .collect();
        machine.write("srv/data/.env", &variables.join("\n"));
        machine.write(
            "etc/ssl/certs/ca-certificates.crt",
            &machine.authority.pem(),
        );
        machine
    }

    /// Where the customer's own certificate is served: Traefik names no resolver and mounts another directory.
    fn with_own_certificates() -> Self {
        let machine = Self::new();
        let path = machine.path("srv/data/docker-compose.yml");
        let text = std::fs::read_to_string(&path).unwrap();
        let kept: Vec<&str> = text
            .lines()
            .filter(|line| !line.contains("certificatesresolvers"))
            .collect();
        let text = kept
            .join("\n")
            .replace("/srv/data/traefik/letsencrypt", "/srv/data/traefik/certs");
        machine.write("srv/data/docker-compose.yml", &text);
        machine
    }

    fn path(&self, path: &str) -> PathBuf {
        self.place.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }

    fn made(&self, name: &str) -> Made {
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.authority).unwrap();
        Made {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    fn report(&self, arguments: &[&str]) -> Value {
        let output = doctor()
            .args(["--format", "json", "--no-progress", "--root"])
            .arg(self.place.path())
            .args(arguments)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Status and cause of `tls.store`, as JSON says them, and its whole finding.
    fn store(&self) -> (String, Value) {
        let finding = finding(
            &self.report(&["check", "tls.store", "layout.letsencrypt-dir"]),
            "tls.store",
        );
        let cause = finding["cause"].as_str().unwrap_or("-");
        let told = format!("{} {cause}", finding["status"].as_str().unwrap());
        (told, finding)
    }

    fn assert_store(&self, state: &str, expected: &str) {
        let (told, finding) = self.store();
        assert_eq!(told, expected, "{state}: {finding:#}");
    }
}

/// An ACME store of Traefik 2 with one certificate.
fn store_with(made: &Made, key: &str) -> String {
    json!({"myleresolver": {
            "Account": {"Email": "sesamadmin@sesam.io", "PrivateKey": "YWNjb3VudCBrZXkgb2YgdGhlIHRlc3Q=", "KeyType": "4096"},
            "Certificates": [{
                "domain": {"main": DOMAIN}, "Store": "default",
                "certificate": STANDARD.encode(&made.certificate), "key": STANDARD.encode(key),
            }],
        }})
        .to_string()
}

fn finding(report: &Value, id: &str) -> Value {
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .find(|finding| finding["id"] == id)
        .unwrap_or_else(|| panic!("{id} is not in the report: {report:#}"))
        .clone()
}

#[test]
fn every_state_of_an_acme_store_is_told_apart() {
    let machine = Machine::new();
    // Nothing else can be where its directory is not.
    machine.assert_store("its directory is missing", "blocked store-missing");

    machine.write("srv/data/traefik/letsencrypt/other", "");
    machine.assert_store("missing", "fail store-missing");

    machine.write(STORE, "");
    machine.assert_store("empty", "fail no-certificate");

    machine.write(
        STORE,
        "{\"myleresolver\": {\"Account\": null, \"Certificates\": null}}",
    );
    machine.assert_store("before the first certificate", "fail no-certificate");

    let made = machine.made(DOMAIN);
    let good = store_with(&made, &made.key);
    machine.write(STORE, &good);
    machine.assert_store("good", "pass -");

    std::fs::set_permissions(machine.path(STORE), PermissionsExt::from_mode(0o644)).unwrap();
    machine.assert_store("mode 644", "fail store-mode");
    std::fs::set_permissions(machine.path(STORE), PermissionsExt::from_mode(0o640)).unwrap();
    machine.assert_store("mode 640", "fail store-mode");

    machine.write(STORE, &good[..good.len() / 2]);
    machine.assert_store("cut off", "fail store-truncated");
    machine.write(STORE, &"\0".repeat(500));
    machine.assert_store("zeros after a power cut", "fail store-truncated");
    machine.write(STORE, "[1, 2, 3]");
    machine.assert_store("other JSON", "fail store-unreadable");
    machine.write(STORE, &" ".repeat(5_000_001));
    machine.assert_store("far too large", "fail store-unreadable");

    let other = machine.made("other.acme.example");
    machine.write(STORE, &store_with(&other, &other.key));
    machine.assert_store("for another domain", "fail wrong-name");
    machine.write(STORE, &store_with(&made, &other.key));
    machine.assert_store("key of another", "fail key-mismatch");

    std::fs::remove_file(machine.path(STORE)).unwrap();
    std::fs::create_dir(machine.path(STORE)).unwrap();
    machine.assert_store("a directory", "fail store-unreadable");
}

#[test]
fn own_certificates_are_found_by_configuration_or_by_content() {
    let machine = Machine::with_own_certificates();
    let file = |name: &str| format!("{OWN}/{name}");
    machine.assert_store("no directory", "blocked store-missing");
    let made = machine.made(DOMAIN);
    let other = machine.made(DOMAIN);
    machine.write(&file("tls.key"), &made.key);
    machine.assert_store("a key only", "fail no-certificate");
    machine.write(&file("tls.crt"), &made.certificate);
    machine.assert_store("by content", "pass -");

    let name = |certificate: &str, key: &str| {
        let text = format!(
            "tls:\n  certificates:\n    - certFile: /certs/{certificate}\n      keyFile: /certs/{key}\n"
        );
        machine.write("srv/data/traefik/traefik.yml", &text);
    };
    name("tls.crt", "tls.key");
    machine.assert_store("by name", "pass -");
    name("gone.crt", "tls.key");
    machine.assert_store("a name of nothing", "fail store-missing");
    machine.write(&file("other.key"), &other.key);
    name("tls.crt", "other.key");
    machine.assert_store("the wrong key named", "fail key-mismatch");
    machine.write("srv/data/traefik/traefik.yml", "tls: [");
    machine.assert_store("no YAML", "fail store-unreadable");
}

#[test]
fn dates_are_judged_by_the_time_that_is_asked_about() {
    let machine = Machine::new();
    let mut parameters = CertificateParams::new(vec![DOMAIN.to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2026, 9, 1);
    parameters.not_after = rcgen::date_time_ymd(2026, 11, 30);
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.signed_by(&key, &machine.authority).unwrap();
    let made = Made {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    };
    machine.write(STORE, &store_with(&made, &made.key));
    for (time, expected) in [
        ("2026-08-31T23:59:59Z", "fail not-yet-valid"),
        ("2026-09-02T00:00:00Z", "pass -"),
        ("2026-10-30T00:00:00Z", "pass -"),
        ("2026-11-02T00:00:00Z", "warn renewal-overdue"),
        ("2026-11-30T00:00:00Z", "fail expired"),
    ] {
        let report = machine.report(&["check", "tls.expiry", "--at", time]);
        let finding = finding(&report, "tls.expiry");
        let cause = finding["cause"].as_str().unwrap_or("-");
        let told = format!("{} {cause}", finding["status"].as_str().unwrap());
        assert_eq!(told, expected, "{time}: {finding:#}");
    }
}

#[test]
fn no_private_key_is_in_facts_or_report() {
    let machine = Machine::with_own_certificates();
    let made = machine.made(DOMAIN);
    machine.write(
        &format!("{OWN}/all.pem"),
        &(made.key.clone() + &made.certificate),
    );
    machine.write(STORE, &store_with(&made, &made.key));
    let facts = doctor()
        .args(["facts", "--root"])
        .arg(machine.place.path())
        .output()
        .unwrap();
    let facts = support::text(&facts.stdout);
    let report = machine.report(&["-vv"]).to_string();
    let secrets: Vec<&str> = made
        .key
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .chain(["YWNjb3VudCBrZXkgb2YgdGhlIHRlc3Q="])
        .collect();
    assert!(facts.contains(DOMAIN) && report.contains(DOMAIN));
    for secret in secrets {
        assert!(!facts.contains(secret) && !report.contains(secret));
        let encoded = STANDARD.encode(secret);
        assert!(!facts.contains(&encoded) && !report.contains(&encoded));
    }
}

#[test]
fn links_in_the_directory_resolve_inside_the_root() {
    let machine = Machine::with_own_certificates();
    let made = machine.made(DOMAIN);
    machine.write("etc/letsencrypt/live/node/fullchain.pem", &made.certificate);
    machine.write("etc/letsencrypt/live/node/privkey.pem", &made.key);
    std::fs::create_dir_all(machine.path(OWN)).unwrap();
    for name in ["fullchain.pem", "privkey.pem"] {
        let target = format!("/etc/letsencrypt/live/node/{name}");
        std::os::unix::fs::symlink(target, machine.path(OWN).join(name)).unwrap();
    }
    machine.assert_store("links as certbot makes them", "pass -");
}
