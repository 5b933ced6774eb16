//! A workshop for certificates: the `openssl` program makes them, and judges them.
#![allow(dead_code)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::{Timestamp, tz::Offset};

/// The time by which everything is made and judged.
pub const NOW: &str = "2026-11-23T15:00:00Z";

pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// Runs `openssl` and gives back what it wrote to both outputs, and whether it ended well.
pub fn openssl(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl")
        .current_dir(directory)
        .args(arguments)
        .output()
        .expect("these tests need the program openssl");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn must(directory: &Path, arguments: &[&str]) {
    let (well, text) = openssl(directory, arguments);
    assert!(well, "openssl {}: {text}", arguments.join(" "));
}

/// What a certificate is to say.
#[derive(Clone, Copy)]
pub struct Spec {
    /// Its common name.
    pub subject: &'static str,
    /// The name of its key in the workshop.
    pub key: &'static str,
    /// The name of the authority that signs it; its own name for one that signs itself.
    pub issuer: &'static str,
    /// Days from now at which it begins.
    pub from: i64,
    /// Days from now at which it ends.
    pub to: i64,
    /// The digest of the signature.
    pub digest: &'static str,
    /// Its extensions, in OpenSSL's notation, one a line.
    pub extensions: &'static str,
}

/// The next certificate's number.
static SERIAL: AtomicU64 = AtomicU64::new(0x1000);

/// Keys and authorities, in a directory of their own that goes with the test.
pub struct Workshop {
    place: tempfile::TempDir,
    issuers: BTreeMap<&'static str, Issuer>,
}

struct Issuer {
    key: &'static str,
    pem: String,
}

/// The keys there are: name, algorithm, and its option.
const KEYS: &[(&str, &str, &str)] = &[
    ("rsa", "RSA", "rsa_keygen_bits:2048"),
    ("rsa-root", "RSA", "rsa_keygen_bits:2048"),
    ("rsa-authority", "RSA", "rsa_keygen_bits:2048"),
    ("rsa-other", "RSA", "rsa_keygen_bits:2048"),
    ("rsa-1024", "RSA", "rsa_keygen_bits:1024"),
    ("rsa-3072", "RSA", "rsa_keygen_bits:3072"),
    ("p256", "EC", "ec_paramgen_curve:P-256"),
    ("p256-other", "EC", "ec_paramgen_curve:P-256"),
    ("p224", "EC", "ec_paramgen_curve:P-224"),
    ("p384", "EC", "ec_paramgen_curve:P-384"),
    ("p384-other", "EC", "ec_paramgen_curve:P-384"),
    ("p521", "EC", "ec_paramgen_curve:P-521"),
    ("p521-other", "EC", "ec_paramgen_curve:P-521"),
    ("secp256k1", "EC", "ec_paramgen_curve:secp256k1"),
    ("ed25519", "ED25519", ""),
    ("ed25519-other", "ED25519", ""),
    ("ed448", "ED448", ""),
];

impl Workshop {
    /// A workshop with all its keys.
    pub fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path();
        std::thread::scope(|scope| {
            for (name, algorithm, option) in KEYS {
                scope.spawn(move || {
                    let key = format!("{name}.key");
                    let mut arguments = vec!["genpkey", "-algorithm", algorithm, "-out", &key];
                    if !option.is_empty() {
                        arguments.extend(["-pkeyopt", option]);
                    }
                    must(directory, &arguments);
                    let request = format!("{name}.csr");
                    must(
                        directory,
                        &[
                            "req", "-new", "-key", &key, "-subj", "/CN=x", "-out", &request,
                        ],
                    );
                });
            }
        });
        Self {
            place,
            issuers: BTreeMap::new(),
        }
    }

    pub fn directory(&self) -> &Path {
        self.place.path()
    }

    pub fn key_file(&self, name: &str) -> PathBuf {
        self.directory().join(format!("{name}.key"))
    }

    pub fn key(&self, name: &str) -> String {
        std::fs::read_to_string(self.key_file(name)).unwrap()
    }

    /// Makes an authority, which can sign from then on.
    pub fn establish(&mut self, name: &'static str, spec: &Spec) {
        let pem = self.certificate(name, spec);
        let file = self.directory().join(format!("{name}.crt"));
        std::fs::write(file, &pem).unwrap();
        let key = spec.key;
        self.issuers.insert(name, Issuer { key, pem });
    }

    /// The certificate of an authority, in PEM.
    pub fn authority(&self, name: &str) -> &str {
        &self
            .issuers
            .get(name)
            .unwrap_or_else(|| panic!("there is no authority {name}"))
            .pem
    }

    /// Makes a certificate, in PEM. `name` is its own name where it signs itself.
    pub fn certificate(&self, name: &str, spec: &Spec) -> String {
        let bench = tempfile::tempdir_in(self.directory()).unwrap();
        let here = bench.path();
        let write = |file: &str, text: &str| std::fs::write(here.join(file), text).unwrap();
        write(
            "serial",
            &format!("{:08X}\n", SERIAL.fetch_add(1, Ordering::Relaxed)),
        );
        write("index", "");
        write("index.attr", "unique_subject = no\n");
        write(
            "ca.cnf",
            "[ca]\ndefault_ca = c\n[c]\ndatabase = index\nserial = serial\nnew_certs_dir = .\npolicy = any\n[any]\ncommonName = optional\n",
        );
        write("ext.cnf", &format!("[ext]\n{}\n", spec.extensions));
        let request = format!("../{}.csr", spec.key);
        let subject = format!("/CN={}", spec.subject);
        let (from, to) = (day(spec.from), day(spec.to));
        let mut arguments = vec![
            "ca",
            "-batch",
            "-notext",
            "-config",
            "ca.cnf",
            "-extfile",
            "ext.cnf",
            "-extensions",
            "ext",
            "-md",
            spec.digest,
            "-startdate",
            &from,
            "-enddate",
            &to,
            "-subj",
            &subject,
            "-in",
            &request,
            "-out",
            "made.crt",
        ];
        let (key, issuer) = if spec.issuer == name {
            (format!("../{}.key", spec.key), None)
        } else {
            let key = self.issuers[spec.issuer].key;
            (
                format!("../{key}.key"),
                Some(format!("../{}.crt", spec.issuer)),
            )
        };
        arguments.extend(["-keyfile", &key]);
        match &issuer {
            Some(issuer) => arguments.extend(["-cert", issuer]),
            None => arguments.push("-selfsign"),
        }
        must(here, &arguments);
        std::fs::read_to_string(here.join("made.crt")).unwrap()
    }
}

fn day(days: i64) -> String {
    let time = now() + jiff::SignedDuration::from_hours(days * 24);
    Offset::UTC
        .to_datetime(time)
        .strftime("%Y%m%d%H%M%SZ")
        .to_string()
}
