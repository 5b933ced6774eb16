//! The support bundle of a whole customer's machine: no canary comes out of it, and it is judged elsewhere as it was there.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::format_collect,
    clippy::items_after_statements
)]

mod canaries;
#[path = "support/machine.rs"]
mod machine;

use std::process::Command;

use canaries::{Canary, Search, by_form, marker, of_known, planted};
use machine::{Machine, available};
use serde_json::Value;

/// Secrets of `.env`, of a container's environment and of its command line.
const KNOWN: [&str; 3] = [
    "Kn1-known/fluentbit+header",
    "Kn2KnownContainerToken0123456789",
    "Kn3-known-command-line-password",
];

#[test]
fn no_canary_leaves_a_whole_machine_and_its_bundle_is_judged_the_same_elsewhere() {
    if !available() {
        return;
    }
    let machine = Machine::boot();
    machine.sh("restore 2025 corrected");
    let canaries: Vec<Canary> = KNOWN
        .iter()
        .flat_map(|secret| of_known(secret))
        .chain(by_form(5))
        .collect();
    assert!(canaries.len() >= 300, "{}", canaries.len());
    let search = Search::new(&canaries);
    let planted_text = planted(&canaries, 0);
    // The search itself finds what it is to find.
    assert!(search.leaks("planted", planted_text.as_bytes()).len() >= 200);
    let heredoc = |path: &str, content: &str| {
        machine.sh(&format!("mkdir -p $(dirname {path}); cat >{path} <<'END_OF_CANARIES'\n{content}\nEND_OF_CANARIES\n"));
    };
    heredoc("/sesam/node-00/logs/node.log", &planted(&canaries, 0));
    heredoc(
        "/sesam/node-00/logs/stacktrace.html",
        &planted(&canaries, 0),
    );
    heredoc("/tmp/canaries", &planted(&canaries, 0));
    machine.sh(&format!(
        "printf 'FLUENTBIT_AUTH_HEADER=%s\\n' '{}' >>/srv/data/.env",
        KNOWN[0]
    ));
    // A container of the stack's project that says all of it, with a secret in its environment, command line and labels.
    machine.sh(&format!(
        "docker run -d --name talker --label com.docker.compose.project=data --label app.secret={0} -e SERVICE_TOKEN={0} \
         -v /tmp/canaries:/canaries:ro --entrypoint sh sesam/sesam-node:weekly-prod -c 'cat /canaries; echo {1} >&2; exec sleep 1000' x --password {1}",
        KNOWN[1], KNOWN[2]
    ));
    machine.sh(&format!(
        "touch '/sesam/node-00/logs/file-{}.log'",
        KNOWN[1]
    ));
    machine.sh("wait-until is talker '{{.State.Running}}' true");

    let said = machine.sh("sesam-doctor --offline --timeout 10 --skip hardware.storage-speed bundle -o /tmp/bundle.tar.zst 2>&1");
    let mut found = search.leaks("message", said.as_bytes());
    for format in [
        "table",
        "json",
        "html",
        "markdown",
        "prometheus",
        "nagios",
        "junit",
        "oscal",
    ] {
        let output = machine.sh(&format!(
            "sesam-doctor --offline --timeout 10 -vv --skip hardware.storage-speed --format {format} 2>&1 || true"
        ));
        found.extend(search.leaks(format, output.as_bytes()));
    }
    let facts =
        machine.sh("sesam-doctor --offline --timeout 10 --skip hardware.storage-speed facts");
    found.extend(search.leaks("facts", facts.as_bytes()));
    let journal = machine.sh(
        "journalctl --no-pager -t sesam-doctor; cat /var/lib/sesam-doctor/* 2>/dev/null || true",
    );
    found.extend(search.leaks("journal", journal.as_bytes()));

    // Out of the machine, by its own root file system.
    let place = tempfile::tempdir().unwrap();
    let packed = place.path().join("bundle.tar.zst");
    let encoded = machine.sh("base64 -w 0 /tmp/bundle.tar.zst");
    use base64::{Engine, engine::general_purpose::STANDARD};
    std::fs::write(&packed, STANDARD.decode(encoded.trim()).unwrap()).unwrap();
    let tar = place.path().join("bundle.tar");
    std::fs::write(
        &tar,
        zstd::decode_all(std::fs::File::open(&packed).unwrap()).unwrap(),
    )
    .unwrap();
    let unpacked = Command::new("tar")
        .arg("-xf")
        .arg(&tar)
        .arg("-C")
        .arg(place.path())
        .status()
        .unwrap();
    assert!(unpacked.success());
    let root = place.path().join("sesam-bundle");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(root.join("manifest.json")).unwrap()).unwrap();
    let members = manifest["members"].as_array().unwrap();
    for member in members {
        let name = member["name"].as_str().unwrap();
        let content = std::fs::read(root.join(name)).unwrap();
        found.extend(search.leaks(name, &content));
        found.extend(search.leaks("name", name.as_bytes()));
    }
    found.extend(search.leaks("manifest", manifest.to_string().as_bytes()));
    assert!(
        found.is_empty(),
        "{} leaks:\n{}",
        found.len(),
        found.join("\n")
    );
    for place in [
        "node/node.log",
        "node/stacktrace.html",
        "containers/talker.log",
    ] {
        let content = std::fs::read_to_string(root.join(place)).unwrap();
        let missed: Vec<usize> = (0..canaries.len())
            .filter(|number| !content.contains(&marker(*number)))
            .collect();
        assert!(missed.is_empty(), "{place} was not visited at {missed:?}");
    }
    for name in [
        "containers/sesam-node.log",
        "stack/.env",
        "commands/ip-address.txt",
        "docker/daemon.json",
        "doctor.log",
    ] {
        assert!(
            members.iter().any(|member| member["name"] == name),
            "{name} is missing: {manifest}"
        );
    }

    // On this machine, which is another: the same findings.
    let there: Value =
        serde_json::from_slice(&std::fs::read(root.join("report.json")).unwrap()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sesam-doctor"))
        .args([
            "--skip",
            "hardware.storage-speed",
            "--format",
            "json",
            "--facts",
        ])
        .arg(&packed)
        .current_dir("/")
        .output()
        .unwrap();
    let here: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(here["findings"], there["findings"]);
}
