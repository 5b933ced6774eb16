//! `--fix` on whole machines: from nothing to a running stack, and what becomes of it where a step fails.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "lab_fix/customers.rs"]
mod customers;
#[path = "lab_fix/interrupted.rs"]
mod interrupted;
mod license_text;
#[path = "support/machine.rs"]
mod machine;
#[path = "lab_fix/moved.rs"]
mod moved;
#[path = "lab_fix/refused.rs"]
mod refused;
#[path = "lab_fix/variants.rs"]
mod variants;

use machine::{Machine, available_with_outside, packages_available};
use serde_json::Value;

/// A lab machine is a small Debian, and its images have the tags of the lab.
const PROFILE: &str = r#"extends = "EDITION"
name = "lab"
[[system.supported]]
id = "debian"
name = "Debian"
minimum = "12"
[hardware]
cpus = 1
memory_bytes = 1
data_partition_bytes = 1
fdatasync_p99_warn_ms = 10000.0
fdatasync_p99_fail_ms = 20000.0
[storage]
free_warn_bytes = 1
[system]
open_files = 1
[install]
healthy_within_seconds = 60
"#;

const ANSWERS: &str = r#"node_domain = "sesam.company.com"
license_file = "/root/license.key"
registry_username = "customer"
registry_password_file = "/root/registry-password"
fluentbit_host = "logs.sesam.io"
fluentbit_image_tag = "1.9.4"
traefik_docker_image_tag = "TRAEFIK"
"#;

/// What is asked about in the lab: what a person, the hardware and the internet decide is left out.
const SCOPE: &str = "system.account software layout license config container.watchtower container.traefik container.sesam-node container.fluentbit container.foreign --skip license.node";

fn prepared(edition: &str) -> Option<Machine> {
    if !available_with_outside() || !packages_available() {
        return None;
    }
    let machine = Machine::boot_with_outside();
    machine.write("/etc/lab.toml", &PROFILE.replace("EDITION", edition));
    let (traefik, more) = match edition {
        "2023" => (
            "v2.8",
            "user_id = 1001\nfluentbit_auth_header_file = \"/root/auth-header\"\n",
        ),
        _ => ("v3.5", "dns_admin = \"admin@company.com\"\n"),
    };
    machine.write(
        "/root/answers.toml",
        &(ANSWERS.replace("TRAEFIK", traefik) + more),
    );
    machine.write("/root/license.key", &license_text::license());
    machine.write("/root/registry-password", "swordfish\n");
    machine.write("/root/auth-header", "Basic bG9nczpzd29yZGZpc2gy\n");
    machine.sh("chmod 600 /root/registry-password /root/auth-header /root/license.key");
    Some(machine)
}

/// What `--fix` said, its exit code and its report.
struct Fixed {
    code: i32,
    said: String,
    report: Value,
}

fn fix(machine: &Machine, more: &str) -> Fixed {
    let script = format!(
        "code=0; sesam-doctor check {SCOPE} --profile /etc/lab.toml --timeout 10 --fix --yes --answers /root/answers.toml --format json {more} >/run/report.json 2>/run/said || code=$?; echo $code"
    );
    let code = machine.sh(&script).trim().parse().unwrap();
    let said = machine.sh("cat /run/said");
    let report = machine.sh("cat /run/report.json");
    println!("{said}");
    Fixed {
        code,
        report: serde_json::from_str(&report).unwrap_or_default(),
        said,
    }
}

fn results(fixed: &Fixed) -> Vec<(String, String)> {
    let text = |step: &Value, member: &str| step[member].as_str().unwrap_or_default().to_owned();
    fixed.report["remediation"]["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|step| (text(step, "result"), text(step, "words")))
        .collect()
}

/// What the steps that failed were to do.
fn failed(fixed: &Fixed) -> Vec<String> {
    results(fixed)
        .into_iter()
        .filter(|(result, _)| result == "failed")
        .map(|(_, words)| words)
        .collect()
}

fn no_secret(machine: &Machine, fixed: &Fixed) {
    let everything = fixed.said.clone()
        + &fixed.report.to_string()
        + &machine.sh("cat /var/lib/sesam-doctor/* 2>/dev/null || true");
    for secret in [
        "swordfish",
        "c3dvcmRmaXNo",
        "bG9nczpzd29yZGZpc2gy",
        "BEGIN SESAM",
    ] {
        assert!(!everything.contains(secret), "{secret}\n{everything}");
    }
}

#[test]
fn a_bare_machine_becomes_a_running_one_and_a_second_run_does_nothing() {
    for edition in ["2023", "2025"] {
        let Some(machine) = prepared(edition) else {
            return;
        };
        machine.sh("bare");
        assert!(
            machine
                .sh("command -v dockerd || echo none")
                .contains("none")
        );
        let first = fix(&machine, "");
        no_secret(&machine, &first);
        assert_eq!(
            machine::troubles(&first.report),
            Vec::<String>::new(),
            "{edition}\n{}",
            first.said
        );
        assert_eq!(first.code, 0, "{}", first.said);
        // Docker was started with its settings in place.
        assert!(!first.said.contains("restart Docker"), "{}", first.said);
        machine.sh("is sesam-node '{{.State.Health.Status}}' healthy");
        let second = fix(&machine, "");
        assert_eq!(second.code, 0, "{}", second.said);
        assert!(second.said.contains("nothing to do"), "{}", second.said);
        // Somebody deletes the program of a package that goes on counting as installed.
        machine.sh("rm -rf /usr/libexec/docker /usr/bin/docker-compose");
        let third = fix(&machine, "");
        assert_eq!(third.code, 0, "{}", third.said);
    }
}

#[test]
fn a_registry_that_refuses_ends_the_run_and_the_next_one_carries_on() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("bare");
    machine.write("/root/registry-password", "wrong\n");
    let refused = fix(&machine, "");
    no_secret(&machine, &refused);
    assert_eq!(refused.code, 2, "{}", refused.said);
    let failed: Vec<_> = results(&refused)
        .into_iter()
        .filter(|(result, _)| result == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].1.starts_with("log in to"), "{failed:?}");
    // What was made is gone again; what stays is named.
    machine.sh("test ! -e /srv/data/docker-compose.yml && test ! -e /srv/data/.env && test ! -e /home/sesam/.docker/config.json");
    assert!(
        refused.said.contains("stays installed")
            || refused.report.to_string().contains("stays installed"),
        "{}",
        refused.said
    );
    machine.write("/root/registry-password", "swordfish\n");
    let carried_on = fix(&machine, "");
    assert_eq!(carried_on.code, 0, "{}", carried_on.said);
}

#[test]
fn a_stack_that_never_gets_well_is_taken_down_again() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    // A node that ends as soon as it is started, as the registry has it.
    machine.sh("printf 'FROM sesam/sesam-node:weekly-prod\\nRUN rm /entrypoint.sh\\n' | docker build -q -t sesam/sesam-node:weekly-prod - && hub older sesam/sesam-node:weekly-prod");
    machine.sh("bare");
    machine.sh("sed -i 's/^healthy_within_seconds.*/healthy_within_seconds = 5/' /etc/lab.toml");
    let sick = fix(&machine, "");
    assert_eq!(sick.code, 2, "{}", sick.said);
    let failed: Vec<_> = results(&sick)
        .into_iter()
        .filter(|(result, _)| result == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].1, "wait until the stack is well");
    assert!(sick.said.contains("sesam-node: "), "{}", sick.said);
    assert_eq!(machine.sh("docker ps -aq").trim(), "");
    machine.sh("test ! -e /srv/data/docker-compose.yml");
}

#[test]
fn missing_answers_are_listed_whole_and_nothing_is_changed() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("bare");
    machine.write(
        "/root/answers.toml",
        "node_domain = \"sesam.company.com\"\n",
    );
    let before = machine.sh("find /srv/data /etc /root /home -xdev | sort | sha256sum");
    let refused = fix(&machine, "");
    assert_eq!(refused.code, 3, "{}", refused.said);
    for key in [
        "license_file",
        "registry_username",
        "registry_password_file",
        "fluentbit_host",
        "fluentbit_image_tag",
        "dns_admin",
    ] {
        assert!(
            refused.said.contains(&format!("  {key} = ")),
            "{key}\n{}",
            refused.said
        );
    }
    assert!(
        !refused.said.contains("subscription_id"),
        "{}",
        refused.said
    );
    assert_eq!(
        before,
        machine.sh("find /srv/data /etc /root /home -xdev | sort | sha256sum")
    );
}

/// What the data are, whatever they are called: kinds, modes, owners, sizes, times, names of one file, hashes.
const LISTING: &str = "cd \"$1\" && find . -printf '%p %y %m %U %G %T@ %l %n\\n' | grep -v '^\\. ' | sort && find . -type f -exec sha256sum {} + | sort";

fn listing(machine: &Machine, directory: &str) -> String {
    machine.sh(&format!("set -- {directory}; {LISTING}"))
}

#[test]
fn an_old_installation_is_brought_over_whole() {
    for (edition, kind, data) in [
        ("2023", "agent", "/srv/old/data"),
        ("2025", "hand", "/sesam/node-00/data"),
    ] {
        let Some(machine) = prepared(edition) else {
            return;
        };
        // The bind mount of the lab is the customer's data disk.
        machine.sh("mkdir -p /srv/old");
        machine.sh(&format!("old-installation {kind} {data} 60"));
        let before = listing(&machine, data);
        if kind == "agent" {
            // Login, license and channel are the old installation's.
            machine.sh("sed -i -e /registry_/d -e /license_file/d /root/answers.toml");
        }
        let plan = machine.sh(&format!("sesam-doctor check {SCOPE} --profile /etc/lab.toml --timeout 10 --fix --dry-run --answers /root/answers.toml 2>&1 || test $? -eq 2"));
        for words in [
            "stop the old container sesam-node",
            "stop the old container nginx",
            data,
            "license is among them",
            "remove the old container nginx",
        ] {
            assert!(plan.contains(words), "{words}\n{plan}");
        }
        machine.sh("is sesam-node '{{.State.Running}}' true");
        let first = fix(&machine, "");
        no_secret(&machine, &first);
        assert_eq!(first.code, 0, "{}", first.said);
        assert!(
            first.said.contains("the service was down for"),
            "{}",
            first.said
        );
        assert_eq!(
            listing(&machine, "/srv/data/sesam/node-00/data"),
            before,
            "{kind}"
        );
        assert_eq!(
            machine.sh("docker ps -a --format '{{.Names}}' | sort | tr '\\n' ' '"),
            "fluentbit sesam-node traefik watchtower "
        );
        // Where the old data were, they still are.
        let old = if kind == "hand" {
            "/sesam/node-00/data.before-sesam-doctor"
        } else {
            data
        };
        assert_eq!(listing(&machine, old), before);
        let second = fix(&machine, "");
        assert!(second.said.contains("nothing to do"), "{}", second.said);
    }
}

#[test]
fn an_old_installation_runs_again_where_the_new_one_cannot_be_pulled() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("old-installation hand /srv/old/data 400");
    let before = listing(&machine, "/srv/old/data");
    // Without room for its data nothing of it is touched, and no new stack gets in its way.
    machine.sh(
        "fallocate -l $(($(df --output=avail -B1 /srv/data | tail -1) - 2000000)) /srv/data/filler",
    );
    let no_room = fix(&machine, "");
    assert_eq!(no_room.code, 2, "{}", no_room.said);
    assert!(
        no_room.said.contains("there is no room for the data"),
        "{}",
        no_room.said
    );
    let failed: Vec<_> = results(&no_room)
        .into_iter()
        .filter(|(result, _)| result == "failed")
        .collect();
    assert_eq!(failed, [], "{}", no_room.said);
    machine.sh("is sesam-node '{{.State.Running}}' true && is nginx '{{.State.Running}}' true; rm /srv/data/filler");
    machine.sh("hub forget sesam/fluent-bit:1.9.4; hub on unavailable");
    let failed = fix(&machine, "");
    assert_eq!(failed.code, 2, "{}", failed.said);
    machine.sh("is sesam-node '{{.State.Running}}' true && is nginx '{{.State.Running}}' true");
    machine.sh("is sesam-node '{{.HostConfig.RestartPolicy.Name}}' always");
    assert_eq!(listing(&machine, "/srv/old/data"), before);
    machine.sh("hub off unavailable");
    let carried_on = fix(&machine, "--keep-old");
    assert_eq!(carried_on.code, 0, "{}", carried_on.said);
    assert_eq!(listing(&machine, "/srv/data/sesam/node-00/data"), before);
    machine.sh("is sesam-node.before-sesam-doctor '{{.State.Running}}' false && is nginx.before-sesam-doctor '{{.State.Running}}' false");
}
