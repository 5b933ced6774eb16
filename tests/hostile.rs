//! Whatever stands where a file should be: the run ends, says what it saw, and never breaks.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::{
    fs::File,
    os::unix::{fs::symlink, process::CommandExt},
    path::Path,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;
use support::{doctor, text};

/// Every file and directory that the doctor looks at below `--root`.
const PLACES: &[&str] = &[
    "etc/os-release",
    "etc/hostname",
    "etc/passwd",
    "etc/nsswitch.conf",
    "etc/fstab",
    "etc/docker/daemon.json",
    "etc/resolv.conf",
    "srv/data",
    "srv/data/docker-compose.yml",
    "srv/data/.env",
    "srv/data/sesam/node-00/data",
    "srv/data/sesam/node-00/data/license.key",
    "srv/data/traefik/letsencrypt",
    "srv/data/traefik/letsencrypt/acme.json",
    "sesam/node-00",
    "sesam/node-00/data",
    "sesam/node-00/logs",
    "etc/sesam-agent",
];

type Damage = (&'static str, fn(&Path));

const DAMAGES: &[Damage] = &[
    ("a named pipe", |path| {
        mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    }),
    ("a directory", |path| {
        std::fs::create_dir(path).unwrap();
    }),
    ("an empty file", |path| {
        std::fs::write(path, "").unwrap();
    }),
    ("noise", |path| {
        let noise: Vec<u8> = (0..70_000_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
            .collect();
        std::fs::write(path, noise).unwrap();
    }),
    ("one line without an end", |path| {
        std::fs::write(path, "=".repeat(900_000)).unwrap();
    }),
    ("brackets without end", |path| {
        std::fs::write(path, "[{\"a\":".repeat(100_000)).unwrap();
    }),
    ("five gigabytes", |path| {
        File::create(path).unwrap().set_len(5_000_000_000).unwrap();
    }),
    ("a link to nothing", |path| {
        symlink("/nowhere/at/all", path).unwrap();
    }),
    ("a link to itself", |path| {
        symlink(path.file_name().unwrap(), path).unwrap();
    }),
    ("a link up", |path| {
        symlink("..", path).unwrap();
    }),
    ("a link out", |path| {
        symlink("../../../../../../../../../../etc/shadow", path).unwrap();
    }),
];

fn judged(root: &Path) -> (Value, String) {
    let output = doctor()
        .args([
            "--format",
            "json",
            "--timeout",
            "2",
            "--skip",
            "hardware.storage-speed,plugin",
            "--root",
        ])
        .arg(root)
        .output()
        .unwrap();
    let message = text(&output.stderr);
    let report =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {message}"));
    assert!((0..=3).contains(&output.status.code().unwrap()));
    (report, message)
}

fn garbage_is_told(places: &[&str]) {
    for place in places {
        for (damage, make) in DAMAGES {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join(place);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            make(&path);
            let (report, message) = judged(root.path());
            assert_eq!(message, "", "{damage} at {place}");
            for finding in report["findings"].as_array().unwrap() {
                let summary = finding["summary"].as_str().unwrap();
                assert!(
                    !summary.contains("inside the doctor") && finding["cause"] != "timed-out",
                    "{damage} at {place}: {} says {summary}",
                    finding["id"]
                );
            }
        }
    }
}

#[test]
fn garbage_in_the_systems_places_is_told_and_breaks_nothing() {
    garbage_is_told(&PLACES[..PLACES.len() / 2]);
}

#[test]
fn garbage_in_the_products_places_is_told_and_breaks_nothing() {
    garbage_is_told(&PLACES[PLACES.len() / 2..]);
}

#[test]
fn without_root_all_that_can_be_judged_is_judged() {
    if !rustix::process::geteuid().is_root() {
        println!("left out: the same machine with and without root: it needs root");
        return;
    }
    // The normal user has to be able to execute the program.
    let place = tempfile::tempdir_in("/var/tmp").unwrap();
    let program = place.path().join("sesam-doctor");
    std::fs::copy(env!("CARGO_BIN_EXE_sesam-doctor"), &program).unwrap();
    let open = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    open(place.path());
    open(&program);
    let findings = |uid: u32| {
        let output = std::process::Command::new(&program)
            .args([
                "--offline",
                "--format",
                "json",
                "--skip",
                "hardware.storage-speed",
            ])
            .uid(uid)
            .gid(uid)
            .current_dir("/")
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["findings"].as_array().unwrap().clone()
    };
    let (as_root, as_user) = (findings(0), findings(65_534));
    for (one, other) in as_root.iter().zip(&as_user) {
        let same = one["status"] == other["status"];
        let needs_root = other["status"] == "unknown" && other["cause"] == "needs-root";
        assert!(same || needs_root, "{one}\n{other}");
        if needs_root {
            let advice = other["advice"].to_string();
            assert!(advice.contains("root"), "{advice}");
        }
    }
    let judged = as_user
        .iter()
        .filter(|finding| finding["cause"] != "needs-root")
        .count();
    assert!(
        judged * 10 > as_user.len() * 8,
        "most is judged without root"
    );
}
