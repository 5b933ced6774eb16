//! The machine with an outside: Docker Hub, Let's Encrypt and all other hosts of the product, healthy and with faults.

use serde_json::Value;

use crate::{
    catalogue::Fault,
    each_is_named_on,
    machine::{Machine, available_with_outside, troubles},
};

/// Everything but what a lab's machine cannot have: it is small, no Ubuntu, and its clock, its limits and its kernel's log of
/// processes killed for want of memory are those of the machine that it runs on.
const PROFILE: &str = r#"cat >/etc/lab.toml <<'END'
extends = "EDITION"
name = "lab"
[hardware]
cpus = 1
memory_bytes = 1_000_000_000
data_partition_bytes = 1_000_000_000
fdatasync_p99_warn_ms = 60_000.0
fdatasync_p99_fail_ms = 60_000.0
[system]
open_files = 1024
[[system.supported]]
id = "debian"
name = "Debian"
minimum = "12"
[storage]
free_warn_bytes = 100_000_000
[memory]
available_warn_percent = 0.0
pressure_warn_percent = 100.0
[network]
slow_ms = 60_000
resolver_slow_ms = 60_000
[node]
slow_ms = 60_000
END"#;

const EVERYTHING: &str =
    "--profile /etc/lab.toml --timeout 10 --skip system.clock,system.memory-pressure";
const REGISTRY: &str = "--profile /etc/lab.toml --timeout 4 check software container.image";

fn machine(edition: &str, state: &str) -> Machine {
    let machine = Machine::boot_with_outside();
    machine.sh(&PROFILE.replace("EDITION", edition));
    machine.sh(&format!("restore {edition} {state}"));
    machine
}

fn finding<'r>(report: &'r Value, id: &str) -> &'r Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["id"] == id).unwrap()
}

/// No check that applies has anything to say of a machine that is as it should be, with a certificate of a real order.
#[test]
fn a_healthy_machine_passes_every_check() {
    if !available_with_outside() {
        return;
    }
    for edition in ["2023", "2025"] {
        let machine = machine(edition, "corrected");
        machine.sh("certify");
        let report = machine.online_report(EVERYTHING);
        assert_eq!(troubles(&report), Vec::<String>::new(), "{edition}");
        assert!(
            report["summary"]["pass"].as_u64().unwrap() >= 55,
            "{edition}: {}",
            report["summary"]
        );
        for id in [
            "tls.store",
            "tls.expiry",
            "tls.endpoint",
            "node.health",
            "license.node",
        ] {
            let expected = if id == "license.node" { "skip" } else { "pass" };
            assert!(
                ["pass", expected].contains(&finding(&report, id)["status"].as_str().unwrap()),
                "{edition}: {}",
                finding(&report, id)
            );
        }
        let images = finding(&report, "container.image").to_string();
        assert!(
            images.contains("76 left of 100 pulls in 6 hours"),
            "{images}"
        );
        // The token that the registry's answers were bought with, and the password that bought it.
        let facts = machine.sh("sesam-doctor --profile /etc/lab.toml facts");
        for secret in ["swordfish", "c3dvcmRmaXNo", "eyJ"] {
            assert!(!facts.contains(secret), "{secret}");
            assert!(!report.to_string().contains(secret), "{secret}");
        }
        // Pebble's certificates hold for five years.
        let overdue = machine.online_report(&format!("{EVERYTHING} --at 1500d check tls"));
        assert_eq!(
            troubles(&overdue),
            ["tls.expiry renewal-overdue"],
            "{edition}"
        );
        let expired = machine.online_report(&format!("{EVERYTHING} --at 2000d check tls.expiry"));
        assert_eq!(troubles(&expired), ["tls.expiry expired"], "{edition}");
    }
}

#[test]
fn as_published_every_known_fault_is_a_root_cause_and_nothing_else_is() {
    if !available_with_outside() {
        return;
    }
    let machine = machine("2023", "published");
    machine.sh("certify");
    machine.sh("mv /etc/docker/daemon.json /etc/docker/daemon.json.aside; systemctl restart docker; cd /srv/data; docker compose up -d --force-recreate 2>&1");
    machine.sh("wait-until is watchtower '{{.State.Restarting}}' true");
    machine.sh("wait-until is sesam-node '{{.State.Health.Status}}' healthy");
    let report = machine.online_report(EVERYTHING);
    assert_eq!(
        troubles(&report),
        [
            "software.docker-config unbounded-logs",
            "config.watchtower-arguments name-flag",
            "config.watchtower-login no-credentials",
            "config.node-port published-everywhere",
        ]
    );
}

fn fault(name: &str, breaks: &str, found: &[&str]) -> Fault {
    Fault {
        name: name.into(),
        breaks: breaks.into(),
        found: found.iter().map(|line| (*line).to_owned()).collect(),
        ..Fault::default()
    }
}

fn healed(fault: Fault, heals: &str) -> Fault {
    Fault {
        heals: heals.into(),
        ..fault
    }
}

/// A login for Docker Hub of `customer` with this password, in the files of both accounts.
fn login(account_and_password_in_base64: &str) -> String {
    format!(
        r#"for home in /root /home/sesam; do echo '{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{account_and_password_in_base64}"}}}}}}' >$home/.docker/config.json; done"#
    )
}

/// A credential helper that does this when it is asked for a login, and no other login.
fn helper(get: &str) -> String {
    format!(
        r#"rm /home/sesam/.docker/config.json; echo '{{"credsStore": "lab"}}' >/root/.docker/config.json
cat >/usr/local/bin/docker-credential-lab <<'END'
#!/bin/sh
test "$1" = get || exit 2
read -r registry
{get}
END
chmod 755 /usr/local/bin/docker-credential-lab"#
    )
}

const NO_HELPER: &str = "rm /usr/local/bin/docker-credential-lab";

#[test]
#[allow(clippy::too_many_lines)] // a table
fn faults_of_registry_and_login_are_named_one_at_a_time() {
    if !available_with_outside() {
        return;
    }
    let machine = machine("2023", "corrected");
    let held = |password: &str| {
        helper(&format!(
            r#"printf '{{"ServerURL": "%s", "Username": "customer", "Secret": "{password}"}}' "$registry""#
        ))
    };
    let faults: &[Fault] = &[
        fault(
            "no login",
            "rm /root/.docker/config.json /home/sesam/.docker/config.json",
            &["software.registry-login missing"],
        ),
        fault(
            "wrong password",
            &login("Y3VzdG9tZXI6d3Jvbmc="),
            &["software.registry-login rejected"],
        ),
        fault(
            "one account's password is an old one",
            r#"echo '{"auths": {"https://index.docker.io/v1/": {"auth": "Y3VzdG9tZXI6d3Jvbmc="}}}' >/root/.docker/config.json"#,
            &["software.registry-login rejected"],
        ),
        fault(
            "a login that may not have the node",
            &login("c3RyYW5nZXI6c3dvcmRmaXNo"),
            &["software.registry-login no-access"],
        ),
        healed(
            fault(
                "a credential helper with the login",
                &held("swordfish"),
                &[],
            ),
            NO_HELPER,
        ),
        healed(
            fault(
                "a credential helper with an old password",
                &held("herring"),
                &["software.registry-login rejected"],
            ),
            NO_HELPER,
        ),
        healed(
            fault(
                "a credential helper without the login",
                &helper("echo 'credentials not found in native keychain'; exit 1"),
                &["software.registry-login missing"],
            ),
            NO_HELPER,
        ),
        healed(
            fault(
                "a credential helper that is broken",
                &helper("echo 'gpg: decryption failed' >&2; exit 2"),
                &["software.registry-login helper-failed"],
            ),
            NO_HELPER,
        ),
        healed(
            fault(
                "a credential helper that hangs",
                &helper("exec sleep 600"),
                &["software.registry-login helper-failed"],
            ),
            NO_HELPER,
        ),
        healed(
            fault(
                "a newer node in the registry",
                "hub newer sesam/sesam-node:weekly-prod",
                &["container.image outdated"],
            ),
            "hub older sesam/sesam-node:weekly-prod",
        ),
        healed(
            fault(
                "a newer Traefik in the registry",
                "hub newer traefik:v2.8",
                &["container.image outdated"],
            ),
            "hub older traefik:v2.8",
        ),
        healed(
            fault(
                "a tag that the registry does not know",
                "docker tag traefik:v2.8 traefik:v2.0; sed -i s/TRAEFIK_DOCKER_IMAGE_TAG=.*/TRAEFIK_DOCKER_IMAGE_TAG=v2.0/ /srv/data/.env; cd /srv/data; docker compose up -d 2>&1",
                &["container.image not-in-registry"],
            ),
            "docker rm -f traefik; docker rmi traefik:v2.0",
        ),
        healed(
            fault(
                "asked too often",
                "hub on rate-limited",
                &["container.image rate-limited"],
            ),
            "hub off rate-limited",
        ),
        healed(
            fault(
                "the token server is down",
                "hub on auth-unavailable",
                &["outbound.docker service-error"],
            ),
            "hub off auth-unavailable",
        ),
        healed(
            fault(
                "the registry is down",
                "hub on unavailable",
                &["outbound.docker service-error"],
            ),
            "hub off unavailable",
        ),
        healed(
            fault(
                "no way to the registry",
                "hub cut",
                &["outbound.docker tcp-timeout"],
            ),
            "hub mend",
        ),
        healed(
            fault(
                "the authority of everybody outside is not trusted",
                "cp /etc/ssl/certs/ca-certificates.crt /tmp/authorities; sed -i '/BEGIN/,$d' /etc/ssl/certs/ca-certificates.crt; cat /usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt >/etc/ssl/certs/ca-certificates.crt",
                &["outbound.docker tls-intercepted"],
            ),
            "cat /tmp/authorities >/etc/ssl/certs/ca-certificates.crt",
        ),
    ];
    each_is_named_on(&machine, "2023", faults, |machine| {
        machine.online_report(REGISTRY)
    });
}

/// A site that keeps the images in a registry of its own, which wants name and password themselves.
#[test]
fn a_registry_of_ones_own_is_asked_with_the_login_for_it() {
    if !available_with_outside() {
        return;
    }
    let machine = machine("2025", "corrected");
    machine.sh(
        "echo swordfish | docker login --username customer --password-stdin registry.company.com",
    );
    machine.sh("docker tag sesam/sesam-node:weekly-prod registry.company.com/sesam/sesam-node:weekly-prod; docker push -q registry.company.com/sesam/sesam-node:weekly-prod");
    machine.sh("cd /srv/data; sed -i s,image:.sesam/sesam-node,'image: registry.company.com/sesam/sesam-node', docker-compose.yml; docker compose up -d 2>&1; wait-until is sesam-node '{{.State.Health.Status}}' healthy");
    let report = machine.online_report(REGISTRY);
    assert_eq!(troubles(&report), Vec::<String>::new());
    let images = finding(&report, "container.image").to_string();
    assert!(
        images.contains("runs the registry's registry.company.com/sesam/sesam-node"),
        "{images}"
    );
    // customer:wrong
    machine.sh(r#"echo '{"auths": {"registry.company.com": {"auth": "Y3VzdG9tZXI6d3Jvbmc="}}}' >/root/.docker/config.json"#);
    let report = machine.online_report(REGISTRY);
    assert_eq!(troubles(&report), ["software.registry-login rejected"]);
    machine.sh("rm /root/.docker/config.json");
    let report = machine.online_report(REGISTRY);
    assert_eq!(troubles(&report), ["software.registry-login missing"]);
}

/// The stack runs from a directory, and by a file name, that no profile knows.
#[test]
fn the_stack_is_found_where_it_runs() {
    if !available_with_outside() {
        return;
    }
    let machine = machine("2025", "corrected");
    machine.sh("cd /srv/data; docker compose down 2>&1; mkdir -p /opt/sesam; mv docker-compose.yml /opt/sesam/stack.yml; mv .env /opt/sesam/; cd /opt/sesam; docker compose -f stack.yml up -d 2>&1; wait-until is sesam-node '{{.State.Health.Status}}' healthy");
    let report = machine.online_report("--profile /etc/lab.toml check config container");
    assert_eq!(troubles(&report), Vec::<String>::new());
    let compose = finding(&report, "config.compose").to_string();
    assert!(compose.contains("/opt/sesam/stack.yml"), "{compose}");
    // Without Traefik, and with no port published, the node is reached at its container's address.
    machine.sh("docker stop -t 1 traefik");
    let report = machine.online_report("--profile /etc/lab.toml check node.health");
    assert_eq!(troubles(&report), Vec::<String>::new());
    let health = finding(&report, "node.health").to_string();
    assert!(health.contains("by the container's address"), "{health}");
}
