//! The doctor on real machines: systemd, Docker, compose and the stack, healthy and with one fault at a time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "clinic/catalogue.rs"]
#[allow(dead_code)] // the clinic's own parts of it
mod catalogue;
#[path = "support/machine.rs"]
mod machine;
#[path = "lab_machine/online.rs"]
mod online;

use catalogue::{Catalogue, Fault};
use machine::{Machine, available, available_with_engine_26, available_with_outside, troubles};

/// A lab machine has two small disks: its healthy state is judged by lower figures.
const PROFILE: &str = "printf 'extends = \"%s\"\\nname = \"lab\"\\n[storage]\\nfree_warn_bytes = 100_000_000\\n' EDITION >/etc/lab.toml";

const EXAMINE: &str =
    "--timeout 2 --profile /etc/lab.toml check software config container storage.docker-space";

fn machine(edition: &str, state: &str) -> Machine {
    let machine = Machine::boot();
    machine.sh(&PROFILE.replace("EDITION", edition));
    machine.sh(&format!("restore {edition} {state}"));
    machine
}

#[test]
fn a_healthy_machine_of_each_edition_has_no_fault() {
    if !available() {
        return;
    }
    for edition in ["2023", "2025"] {
        let machine = machine(edition, "corrected");
        let report = machine.report(EXAMINE);
        assert_eq!(troubles(&report), Vec::<String>::new(), "{edition}");
        assert!(
            report["summary"]["pass"].as_u64().unwrap() >= 17,
            "{}",
            report["summary"]
        );
        // The same stack made by compose v1.
        machine.sh("cd /srv/data && docker compose down && docker-compose up -d");
        machine.sh("wait-until is sesam-node '{{.State.Health.Status}}' healthy");
        let report = machine.report(EXAMINE);
        assert_eq!(
            troubles(&report),
            Vec::<String>::new(),
            "{edition}, compose v1"
        );
        let text = report.to_string();
        assert!(
            !text.contains("swordfish") && !text.contains("dGhpcyBpcyBubyBzZWNyZXQ"),
            "{text}"
        );
    }
}

#[test]
fn as_published_each_known_fault_is_named_and_nothing_else() {
    if !available() {
        return;
    }
    let machine = machine("2023", "published");
    machine.sh("mv /etc/docker/daemon.json /etc/docker/daemon.json.aside && systemctl restart docker && cd /srv/data && docker compose up -d --force-recreate 2>&1");
    machine.sh("wait-until is watchtower '{{.State.Restarting}}' true");
    machine.sh("wait-until is sesam-node '{{.State.Health.Status}}' healthy");
    let report = machine.report(EXAMINE);
    assert_eq!(
        troubles(&report),
        [
            "software.docker-config unbounded-logs",
            "config.watchtower-arguments name-flag",
            "config.watchtower-login no-credentials",
            "config.node-port published-everywhere",
        ]
    );
    assert_eq!(
        report["root_causes"],
        serde_json::json!([
            "config.watchtower-arguments",
            "config.watchtower-login",
            "config.node-port"
        ])
    );
}

#[test]
fn engine_26_is_understood_healthy_and_as_published() {
    if !available_with_engine_26() {
        return;
    }
    let machine = Machine::boot_with_engine_26();
    machine.sh(&PROFILE.replace("EDITION", "2025"));
    machine.sh("restore 2025 corrected");
    let report = machine.report(EXAMINE);
    assert_eq!(troubles(&report), Vec::<String>::new());
    assert!(report.to_string().contains("26.1.5"), "{report}");
    // It can be told to refuse what Engine 29 refuses by itself.
    machine.sh("mkdir -p /etc/systemd/system/docker.service.d; printf '[Service]\nEnvironment=DOCKER_MIN_API_VERSION=1.44\n' >/etc/systemd/system/docker.service.d/oldest.conf; systemctl daemon-reload; systemctl restart docker; wait-until is sesam-node '{{.State.Health.Status}}' healthy");
    machine
        .sh("curl -s --unix-socket /var/run/docker.sock http://docker/v1.25/info | grep 'too old'");
    assert_eq!(
        troubles(&machine.report(EXAMINE)),
        ["config.docker-api api-refused"]
    );
    machine.sh("rm /etc/systemd/system/docker.service.d/oldest.conf; systemctl daemon-reload; systemctl restart docker");
    machine.sh("cd /srv/data && docker compose down 2>&1");
    machine.sh(&PROFILE.replace("EDITION", "2023"));
    machine.sh("mv /etc/docker/daemon.json /etc/docker/daemon.json.kept && systemctl restart docker && restore 2023 published");
    machine.sh("wait-until is watchtower '{{.State.Restarting}}' true");
    assert_eq!(
        troubles(&machine.report(EXAMINE)),
        [
            "software.docker-config unbounded-logs",
            "config.watchtower-arguments name-flag",
            "config.watchtower-login no-credentials",
            "config.node-port published-everywhere",
        ]
    );
}

#[test]
fn an_account_that_may_not_use_docker_is_told_so() {
    if !available() {
        return;
    }
    let machine = machine("2025", "corrected");
    let report = machine.report_as_nobody(EXAMINE);
    assert_eq!(
        report["root_causes"],
        serde_json::json!(["software.docker"])
    );
    let found = troubles(&report);
    assert!(
        found.contains(&"software.docker no-permission".to_owned()),
        "{found:?}"
    );
    // The login of another account cannot be seen either, which is no fault.
    assert!(
        found
            .iter()
            .all(|line| line.starts_with("software.docker ") || line.ends_with("needs-root")),
        "{found:?}"
    );
}

/// What the other tests of Docker Hub build on: login, rights, pull and limits are those of real parts.
#[test]
fn the_labs_docker_hub_is_one_for_docker_itself() {
    if !available_with_outside() {
        return;
    }
    let machine = Machine::boot_with_outside();
    machine.sh("hub forget sesam/sesam-node:weekly-prod traefik:v3.5");
    machine.sh("! docker pull -q sesam/sesam-node:weekly-prod");
    machine.sh("! echo wrong | docker login --username customer --password-stdin");
    machine.sh("echo swordfish | docker login --username stranger --password-stdin");
    machine.sh("! docker pull -q sesam/sesam-node:weekly-prod");
    machine.sh("echo swordfish | docker login --username customer --password-stdin");
    machine.sh("docker pull -q sesam/sesam-node:weekly-prod");
    let said = machine.sh("hub on rate-limited; docker pull -q traefik:v3.5 2>&1 || true");
    assert!(said.contains("toomanyrequests"), "{said}");
    machine.sh("hub off rate-limited; docker pull -q traefik:v3.5");
    machine.sh(
        "echo swordfish | docker login --username customer --password-stdin registry.company.com",
    );
    machine.sh("docker tag traefik:v3.5 registry.company.com/traefik:v3.5; docker push -q registry.company.com/traefik:v3.5");
}

#[test]
fn a_machine_goes_with_the_test_that_started_it_even_if_that_is_killed() {
    if !available() {
        return;
    }
    let mut machine = Machine::boot();
    machine.kill();
    // No time limit of its own: what is awaited is that the guest's first process ends.
    while machine.lives() {
        std::thread::yield_now();
    }
}

/// Writes the recordings that `recorded_machines.rs` judges.
#[test]
#[ignore = "writes fixtures; run with --ignored after facts have gained members"]
fn record_the_machines() {
    if !available() {
        return;
    }
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/facts");
    for (edition, state) in [("2023", "published"), ("2025", "corrected")] {
        let machine = machine(edition, state);
        let mut facts = machine.facts("--profile /etc/lab.toml facts");
        facts["observed_at"] = "2026-11-23T15:00:00Z".into();
        facts["durations_ms"] = serde_json::json!({});
        // The kernel is that of whoever records.
        facts["host"]["value"]["kernel"] = "6.1.0-28-amd64".into();
        let text = serde_json::to_string_pretty(&facts).unwrap() + "\n";
        std::fs::write(fixtures.join(format!("stack-{edition}-{state}.json")), text).unwrap();
    }
}

/// The faults of one part of the clinic's catalogue. Here the machine has no network, and what is looked at is what
/// Docker and the stack's files show; the clinic looks at all of a machine.
fn each_is_named(part: &str) {
    if !available() {
        return;
    }
    let faults = Catalogue::part(part).faults;
    let edition = faults[0].edition.as_str();
    let machine = machine(edition, "corrected");
    each_is_named_on(&machine, edition, &faults, |machine| {
        machine.report(EXAMINE)
    });
}

fn each_is_named_on(
    machine: &Machine,
    edition: &str,
    faults: &[Fault],
    examine: impl Fn(&Machine) -> serde_json::Value,
) {
    let mut wrong = Vec::new();
    for fault in faults {
        machine.sh(&fault.breaks);
        let report = examine(machine);
        let found = troubles(&report);
        let expected = fault.found_in_docker_alone.as_ref().unwrap_or(&fault.found);
        if found != *expected {
            wrong.push(format!("{}: {found:?}, expected {expected:?}", fault.name));
        }
        for finding in report["findings"].as_array().unwrap() {
            if ["fail", "warn"].contains(&finding["status"].as_str().unwrap()) {
                assert!(
                    !finding["advice"].as_array().unwrap().is_empty(),
                    "{finding}"
                );
            }
        }
        if !fault.heals.is_empty() {
            machine.sh(&fault.heals);
        }
        machine.sh(&format!("restore {edition} corrected"));
        let left = troubles(&examine(machine));
        assert!(left.is_empty(), "{} was not healed: {left:?}", fault.name);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn faults_of_the_software_are_named_one_at_a_time() {
    each_is_named("software");
}

#[test]
fn faults_of_the_containers_are_named_one_at_a_time() {
    each_is_named("containers");
}

#[test]
fn faults_of_the_files_are_named_one_at_a_time() {
    each_is_named("files");
}
