//! Chains, names and keys, judged by OpenSSL and by us: row by row the same, or with a reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod openssl;
#[path = "openssl/table.rs"]
mod table;

use std::{collections::BTreeSet, net::IpAddr, path::Path, sync::Arc, time::Duration};

use openssl::{Spec, Workshop, now, openssl as run};
use sesam_doctor::{
    checks::{Selection, Status},
    diagnosis::{self, Rules},
    facts::{
        Facts, Root, Site,
        certificates::{self, StackWord},
    },
    profile::{self, CertificateMode},
    redact::Redactor,
    settings::Settings,
};
use table::{CHAINS, LEAF, NAMES, Row, TRUSTED, establish};

/// What we say of a machine with these files in the directory of own certificates: the first cause, or `ok`.
fn ours(trusted: &str, files: &[(&str, String)], host: &str) -> (String, String) {
    let place = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = place.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("etc/ssl/certs/ca-certificates.crt", trusted);
    for (name, text) in files {
        write(&format!("srv/data/traefik/certs/{name}"), text);
    }
    let site = Site {
        root: Root::at(place.path()).unwrap(),
        profile: Arc::new(profile::load("2025").unwrap()),
        settings: Arc::new(Settings::default()),
        deadline: Duration::from_mins(1),
        offline: true,
        redactor: Redactor::default(),
    };
    let word = StackWord {
        node_domain: Some(host.to_owned()),
        mode: Some(CertificateMode::Own),
    };
    let mut facts = Facts::unobserved((*site.profile).clone(), Settings::default(), now());
    facts.certificates = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(certificates::observe(site, word));
    let ids: BTreeSet<String> = ["tls.store", "tls.expiry"].map(str::to_owned).into();
    let rules = Rules {
        selection: Selection::new(&ids, &[]).unwrap(),
        strict: false,
        now: now(),
    };
    let diagnosis = diagnosis::diagnose(&facts, &rules);
    let told: Vec<_> = diagnosis
        .findings
        .iter()
        .filter(|finding| ids.contains(finding.id.as_str()))
        .collect();
    assert_eq!(told.len(), 2);
    let first = told
        .iter()
        .find(|finding| !matches!(finding.status, Status::Pass | Status::Skip));
    first.map_or(("ok".into(), String::new()), |finding| {
        let cause = finding.cause.clone().unwrap_or_default();
        (cause, finding.summary.clone())
    })
}

/// The number of OpenSSL's first complaint about a file of certificates, as a client of `host` has it; 0 for none.
fn theirs(workshop: &Workshop, bundle: &str, host: &str) -> (u32, String) {
    let bench = tempfile::tempdir_in(workshop.directory()).unwrap();
    std::fs::write(bench.path().join("file.pem"), bundle).unwrap();
    let time = now().as_second().to_string();
    let flag = match host.parse::<IpAddr>() {
        Ok(_) => "-verify_ip",
        Err(_) => "-verify_hostname",
    };
    // Level 2 is what distributions ask of TLS: 112 bits, so no RSA below 2048 and no SHA-1.
    let arguments = [
        "verify",
        "-auth_level",
        "2",
        "-purpose",
        "sslserver",
        "-attime",
        &time,
        "-CAfile",
        "../trusted.pem",
        "-untrusted",
        "file.pem",
        flag,
        host,
        "file.pem",
    ];
    let (well, text) = run(bench.path(), &arguments);
    if well {
        return (0, text);
    }
    let number = text
        .split("error ")
        .skip(1)
        .find_map(|rest| rest.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("no number in: {text}"));
    (number, text)
}

fn workshop() -> (Workshop, String) {
    let mut workshop = Workshop::new();
    establish(&mut workshop);
    let trusted: String = TRUSTED
        .iter()
        .map(|name| workshop.authority(name))
        .collect();
    std::fs::write(workshop.directory().join("trusted.pem"), &trusted).unwrap();
    (workshop, trusted)
}

/// What a row has against itself, in a line; nothing where both judge as it says.
fn disagreement(workshop: &Workshop, trusted: &str, row: &Row) -> Option<String> {
    let leaf = workshop.certificate("leaf", &row.leaf);
    let bundle: String = row
        .file
        .iter()
        .map(|name| {
            if *name == "leaf" {
                leaf.as_str()
            } else {
                workshop.authority(name)
            }
        })
        .collect();
    let (number, theirs) = theirs(workshop, &bundle, row.host);
    let files = [
        ("node.crt", bundle),
        ("node.key", workshop.key(row.leaf.key)),
    ];
    let (cause, summary) = ours(trusted, &files, row.host);
    let agree = (number == 0) == (cause == "ok");
    let as_told = number == row.openssl && cause == row.ours && (agree || row.differs.is_some());
    (!as_told).then(|| {
        format!(
            "{} ({}): OpenSSL {number} (table {}), we {cause} (table {}) “{summary}”; OpenSSL: {}",
            row.name,
            row.host,
            row.openssl,
            row.ours,
            theirs.trim().replace('\n', " / ")
        )
    })
}

fn assert_agreement(workshop: &Workshop, trusted: &str, rows: &[Row]) {
    let disagreements: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = rows
            .chunks(rows.len().div_ceil(4))
            .map(|some| {
                scope.spawn(move || {
                    some.iter()
                        .filter_map(|row| disagreement(workshop, trusted, row))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(
        disagreements.is_empty(),
        "{} of {} rows:\n{}",
        disagreements.len(),
        rows.len(),
        disagreements.join("\n")
    );
}

#[test]
fn chains_and_names_are_judged_as_openssl_judges_them() {
    let (workshop, trusted) = workshop();
    let common = "extendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid";
    let names: Vec<Row> = NAMES
        .iter()
        .map(|(identifiers, host, openssl, ours, differs)| {
            let extensions = if identifiers.is_empty() {
                common.to_owned()
            } else {
                format!("{common}\nsubjectAltName={identifiers}")
            };
            Row {
                name: identifiers,
                leaf: Spec {
                    // The tables live as long as the test, and so may their texts.
                    extensions: Box::leak(extensions.into_boxed_str()),
                    ..LEAF
                },
                host,
                openssl: *openssl,
                ours,
                differs: *differs,
                ..CHAINS[0]
            }
        })
        .collect();
    assert!(CHAINS.len() + names.len() >= 100);
    assert_agreement(&workshop, &trusted, CHAINS);
    assert_agreement(&workshop, &trusted, &names);
}

/// Whether OpenSSL finds the same public key in a certificate and in a private key.
fn same_public_key(directory: &Path, certificate: &str, key: &str) -> bool {
    let bench = tempfile::tempdir_in(directory).unwrap();
    std::fs::write(bench.path().join("c"), certificate).unwrap();
    std::fs::write(bench.path().join("k"), key).unwrap();
    let (read, of_certificate) = run(bench.path(), &["x509", "-in", "c", "-noout", "-pubkey"]);
    assert!(read, "{of_certificate}");
    let (read, of_key) = run(
        bench.path(),
        &["pkey", "-in", "k", "-passin", "pass:", "-pubout"],
    );
    read && of_certificate == of_key
}

/// A key in another of its forms.
fn rewritten(workshop: &Workshop, key: &str, arguments: &[&str]) -> String {
    let file = format!("{key}.key");
    let mut all = arguments.to_vec();
    all.extend(["-in", &file]);
    let (well, text) = run(workshop.directory(), &all);
    assert!(well, "{text}");
    text
}

#[test]
fn keys_are_held_against_certificates_as_openssl_does() {
    let (workshop, trusted) = workshop();
    let encrypted = ["pkcs8", "-topk8", "-passout", "pass:secret"];
    let legacy = ["pkey", "-traditional", "-aes128", "-passout", "pass:secret"];
    let plain = ["pkey"];
    let traditional = ["pkey", "-traditional"];
    let without_public = ["ec", "-no_public"];
    // The certificate's key, the key beside it, its form, and our cause.
    let rows: &[(&str, &str, &[&str], &str)] = &[
        ("rsa", "rsa", &plain, "ok"),
        ("rsa", "rsa", &traditional, "ok"),
        ("rsa", "rsa-other", &plain, "key-mismatch"),
        ("rsa", "rsa-other", &traditional, "key-mismatch"),
        ("rsa", "rsa-3072", &plain, "key-mismatch"),
        ("rsa", "p256", &plain, "key-mismatch"),
        ("rsa", "ed25519", &plain, "key-mismatch"),
        ("rsa", "rsa", &encrypted, "passphrase"),
        ("rsa", "rsa", &legacy, "passphrase"),
        ("rsa-3072", "rsa-3072", &plain, "ok"),
        ("p256", "p256", &plain, "ok"),
        ("p256", "p256", &traditional, "ok"),
        ("p256", "p256", &without_public, "ok"),
        ("p256", "p256-other", &plain, "key-mismatch"),
        ("p256", "p256-other", &traditional, "key-mismatch"),
        ("p256", "p256-other", &without_public, "key-mismatch"),
        ("p256", "p384", &plain, "key-mismatch"),
        ("p256", "secp256k1", &plain, "key-mismatch"),
        ("p256", "p256", &encrypted, "passphrase"),
        ("p256", "p256", &legacy, "passphrase"),
        ("p384", "p384", &plain, "ok"),
        ("p384", "p384", &without_public, "ok"),
        ("p384", "p384-other", &plain, "key-mismatch"),
        ("p521", "p521", &plain, "ok"),
        ("p521", "p521-other", &plain, "key-mismatch"),
        ("ed25519", "ed25519", &plain, "ok"),
        ("ed25519", "ed25519-other", &plain, "key-mismatch"),
        ("ed25519", "ed25519", &encrypted, "passphrase"),
    ];
    for (of_certificate, of_key, form, expected) in rows {
        let leaf = workshop.certificate(
            "leaf",
            &Spec {
                key: of_certificate,
                ..LEAF
            },
        );
        let key = rewritten(&workshop, of_key, form);
        let place = format!("{of_certificate} with {of_key} by {}", form.join(" "));
        let same = same_public_key(workshop.directory(), &leaf, &key);
        assert_eq!(same, *expected == "ok", "{place}: {key}");
        let chain = leaf + workshop.authority("between");
        // In files of their own, and all in one file in any order.
        for files in [
            vec![("node.crt", chain.clone()), ("node.key", key.clone())],
            vec![("all.pem", format!("{key}{chain}"))],
            vec![("all.pem", format!("{chain}{key}"))],
        ] {
            let (cause, summary) = ours(&trusted, &files, "node.example.com");
            assert_eq!(cause, *expected, "{place}: {summary}");
        }
    }
}
