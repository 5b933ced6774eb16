//! The inbound checks on a machine with a real firewalld, asked by its own client.
//!
//! The lab (`tests/lab/firewalld`) lays Debian's package over this machine's files in a mount namespace and runs it in a
//! network namespace: nothing is installed, and no rule of this machine is touched. It needs root and the package; without
//! them the test says so, and fails only where `SESAM_DOCTOR_LAB=required` asks for it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn leave_out(why: &str) {
    let required = std::env::var("SESAM_DOCTOR_LAB").is_ok_and(|value| value == "required");
    assert!(!required, "the lab of firewalld: {why}");
    println!("left out: the lab of firewalld: {why}");
}

/// The package and what it needs on this machine, fetched once.
fn packages() -> Result<PathBuf, String> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab-cache/firewalld");
    let has_it = || {
        std::fs::read_dir(&cache).is_ok_and(|entries| {
            entries.flatten().any(|entry| {
                entry
                    .file_name()
                    .to_string_lossy()
                    .starts_with("firewalld_")
            })
        })
    };
    if !has_it() {
        std::fs::create_dir_all(cache.join("partial")).map_err(|error| error.to_string())?;
        let fetching = Command::new("apt-get")
            .args([
                "install",
                "-y",
                "-qq",
                "--no-install-recommends",
                "--download-only",
            ])
            .arg("-o")
            .arg(format!("Dir::Cache::archives={}", cache.display()))
            .args(["-o", "APT::Sandbox::User=root", "firewalld"])
            .output()
            .map_err(|error| format!("apt-get: {error}"))?;
        if !has_it() {
            return Err(format!(
                "the package firewalld cannot be fetched: {}",
                String::from_utf8_lossy(&fetching.stderr)
            ));
        }
    }
    Ok(cache)
}

fn finding<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["id"] == id)
        .unwrap()
}

#[test]
fn a_real_firewalld_is_asked_and_judged() {
    if !rustix::process::geteuid().is_root() {
        return leave_out("it needs root");
    }
    let packages = match packages() {
        Ok(packages) => packages,
        Err(why) => return leave_out(&why),
    };
    let place = tempfile::tempdir().unwrap();
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/firewalld/lab.sh");
    let run = Command::new("unshare")
        .args([
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "bash",
        ])
        .arg(lab)
        .args([&packages, place.path()])
        .arg(env!("CARGO_BIN_EXE_sesam-doctor"))
        .output()
        .unwrap();
    let text = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap_or_default();
    assert!(
        run.status.success(),
        "{}\n{}\n{}",
        String::from_utf8_lossy(&run.stderr),
        text("dpkg.log"),
        text("firewalld.log")
    );
    let report = |name: &str| -> Value {
        serde_json::from_str(&text(&format!("{name}.json")))
            .unwrap_or_else(|error| panic!("{name}: {error}: {}", text(&format!("{name}.err"))))
    };
    let closed = report("closed");
    for (id, port) in [("inbound.http", 80), ("inbound.https", 443)] {
        let finding = finding(&closed, id);
        assert_eq!(finding["cause"], "firewall-closed", "{finding}");
        let summary = format!("firewalld does not let {port}/tcp into zone public");
        assert_eq!(finding["summary"], summary.as_str());
        let command = format!("--zone=public --add-port={port}/tcp");
        assert!(
            finding["advice"].to_string().contains(&command),
            "{finding}"
        );
    }
    let open = report("open");
    for (id, port) in [("inbound.http", 80), ("inbound.https", 443)] {
        let finding = finding(&open, id);
        let evidence = format!("firewalld lets {port}/tcp into zone public");
        assert!(
            finding["evidence"].to_string().contains(&evidence),
            "{finding}"
        );
        assert_ne!(finding["cause"], "firewall-closed");
    }
    let rich = report("rich");
    let found = finding(&rich, "inbound.http");
    assert!(
        found["evidence"].to_string().contains("rich rules"),
        "{found}"
    );
    // Not running, but started at boot: then its files tell, which know nothing of rules that were made at run time.
    let stopped = report("stopped");
    let found = finding(&stopped, "inbound.http");
    let summary = "firewalld, as its files say, does not let 80/tcp into zone public";
    assert_eq!(found["summary"], summary);
}
