//! The doctor on real machines: systemd, Docker, compose and the stack, healthy and with one fault at a time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/machine.rs"]
mod machine;

use machine::{Machine, available, available_with_outside, troubles};

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

/// One fault: what breaks the machine, and what the doctor has to say of it, and nothing else.
#[derive(Clone, Copy)]
struct Fault {
    name: &'static str,
    breaks: &'static str,
    found: &'static [&'static str],
    heals: &'static str,
}

const fn fault(name: &'static str, breaks: &'static str, found: &'static [&'static str]) -> Fault {
    Fault {
        name,
        breaks,
        found,
        heals: "",
    }
}

const fn healed(fault: Fault, heals: &'static str) -> Fault {
    Fault { heals, ..fault }
}

fn each_is_named(edition: &str, faults: &[Fault]) {
    if !available() {
        return;
    }
    let machine = machine(edition, "corrected");
    let mut wrong = Vec::new();
    for fault in faults {
        machine.sh(fault.breaks);
        let report = machine.report(EXAMINE);
        let found = troubles(&report);
        if found != fault.found {
            wrong.push(format!(
                "{}: {found:?}, expected {:?}",
                fault.name, fault.found
            ));
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
            machine.sh(fault.heals);
        }
        machine.sh(&format!("restore {edition} corrected"));
        let left = troubles(&machine.report(EXAMINE));
        assert!(left.is_empty(), "{} was not healed: {left:?}", fault.name);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const STOP: &str = "systemctl stop docker.socket docker; rm -f /var/run/docker.sock";

const UNMASK: &str = "systemctl unmask docker.service docker.socket";
const EVICT: &str =
    "systemctl stop impostor; rm -f /var/run/docker.sock; systemctl start docker.socket docker";
const LOGIN: &str = "rm /home/sesam/.docker/config.json";

#[test]
#[allow(clippy::too_many_lines)] // a table
fn faults_of_the_software_are_named_one_at_a_time() {
    let impostor = |kind: &str| -> &'static str {
        let script = format!(
            "{STOP}; systemd-run -q --unit=impostor /usr/share/lab/guest/impostor {kind}; wait-until test -S /var/run/docker.sock"
        );
        Box::leak(script.into_boxed_str())
    };
    let login = |content: &str| -> &'static str {
        Box::leak(format!("{LOGIN}; echo '{content}' >/root/.docker/config.json").into_boxed_str())
    };
    each_is_named(
        "2023",
        &[
            fault("engine stopped", STOP, &["software.docker not-running"]),
            fault(
                "engine killed, its socket left",
                "systemctl stop docker.socket docker; rm -f /var/run/docker.sock; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/var/run/docker.sock\")'",
                &["software.docker not-running"],
            ),
            healed(
                fault(
                    "engine masked",
                    "systemctl stop docker.socket docker; systemctl mask -q docker.service docker.socket; rm -f /var/run/docker.sock",
                    &["software.docker masked"],
                ),
                UNMASK,
            ),
            healed(
                fault(
                    "engine not installed",
                    "systemctl stop docker.socket docker; rm -f /var/run/docker.sock; mv /usr/sbin/dockerd /usr/sbin/dockerd.aside; mv /lib/systemd/system/docker.service /lib/systemd/system/docker.service.aside; systemctl daemon-reload",
                    &["software.docker not-installed"],
                ),
                "mv /usr/sbin/dockerd.aside /usr/sbin/dockerd; mv /lib/systemd/system/docker.service.aside /lib/systemd/system/docker.service; systemctl daemon-reload",
            ),
            healed(
                fault(
                    "engine frozen",
                    "kill -STOP $(pidof dockerd)",
                    &["software.docker not-answering"],
                ),
                "kill -CONT $(pidof dockerd)",
            ),
            healed(
                fault(
                    "socket accepts and never answers",
                    impostor("silent"),
                    &["software.docker not-answering"],
                ),
                EVICT,
            ),
            healed(
                fault(
                    "engine answers 500",
                    impostor("error"),
                    &["software.docker error-answer"],
                ),
                EVICT,
            ),
            healed(
                fault(
                    "something else listens",
                    impostor("garbage"),
                    &["software.docker not-docker"],
                ),
                EVICT,
            ),
            healed(
                fault(
                    "ten megabytes of brackets",
                    impostor("flood"),
                    &["software.docker not-docker"],
                ),
                EVICT,
            ),
            fault(
                "no compose",
                "mv /usr/libexec/docker/cli-plugins/docker-compose /usr/libexec/docker/cli-plugins/docker-compose.aside; mv /usr/bin/docker-compose /usr/bin/docker-compose.aside",
                &["software.compose missing"],
            ),
            fault(
                "compose v1 only",
                "mv /usr/libexec/docker/cli-plugins/docker-compose /usr/libexec/docker/cli-plugins/docker-compose.aside",
                &["software.compose unmaintained"],
            ),
            fault(
                "compose without its run bit",
                "cp -p /usr/libexec/docker/cli-plugins/docker-compose /usr/libexec/docker/cli-plugins/docker-compose.aside; chmod 644 /usr/libexec/docker/cli-plugins/docker-compose; mv /usr/bin/docker-compose /usr/bin/docker-compose.aside",
                &["software.compose not-executable"],
            ),
            fault(
                "daemon.json damaged",
                "cp /etc/docker/daemon.json /etc/docker/daemon.json.aside; echo '{\"log-opts\": {' >/etc/docker/daemon.json",
                &["software.docker-config malformed"],
            ),
            fault(
                "engine does not start with a damaged daemon.json",
                "cp /etc/docker/daemon.json /etc/docker/daemon.json.aside; echo '{' >/etc/docker/daemon.json; systemctl stop docker.socket docker; systemctl start docker 2>&1 || true",
                &["software.docker-config malformed"],
            ),
            fault(
                "log driver not in force",
                "cp /etc/docker/daemon.json /etc/docker/daemon.json.aside; echo '{\"log-driver\": \"local\", \"log-opts\": {\"max-size\": \"1m\"}}' >/etc/docker/daemon.json",
                &["software.docker-config not-in-force"],
            ),
            healed(
                fault(
                    "no log limits",
                    "mv /etc/docker/daemon.json /etc/docker/daemon.json.aside; systemctl restart docker; cd /srv/data; docker compose up -d --force-recreate 2>&1; wait-until is sesam-node '{{.State.Health.Status}}' healthy",
                    &["software.docker-config unbounded-logs"],
                ),
                "mv /etc/docker/daemon.json.aside /etc/docker/daemon.json; systemctl restart docker; cd /srv/data; docker compose up -d --force-recreate 2>&1",
            ),
            healed(
                fault(
                    "the shell has a proxy, the daemon none",
                    "echo 'HTTPS_PROXY=http://user:swordfish@proxy.lab:3128' >>/etc/environment",
                    &["software.docker-proxy daemon-has-none"],
                ),
                "rm /etc/environment; touch /etc/environment",
            ),
            fault(
                "no login",
                "rm /root/.docker/config.json; rm /home/sesam/.docker/config.json",
                &["software.registry-login missing"],
            ),
            fault(
                "login for another registry",
                login(r#"{"auths": {"ghcr.io": {"auth": "YTpi"}}}"#),
                &["software.registry-login missing"],
            ),
            fault(
                "login without a password",
                login(r#"{"auths": {"https://index.docker.io/v1/": {"auth": "AAAA"}}}"#),
                &["software.registry-login unusable"],
            ),
            fault(
                "login file damaged",
                login(r#"{"auths": "#),
                &["software.registry-login malformed"],
            ),
            fault(
                "credential helper missing",
                login(r#"{"credsStore": "secretservice"}"#),
                &["software.registry-login helper-failed"],
            ),
            healed(
                fault(
                    "credential helper fails",
                    "printf '#!/bin/sh\\nexit 1\\n' >/usr/local/bin/docker-credential-lab; chmod 755 /usr/local/bin/docker-credential-lab; rm /home/sesam/.docker/config.json; echo '{\"credsStore\": \"lab\"}' >/root/.docker/config.json",
                    &["software.registry-login helper-failed"],
                ),
                "rm /usr/local/bin/docker-credential-lab",
            ),
            fault(
                "disk full under Docker's root",
                "free=$(df --output=avail -B1 /var/lib/docker | tail -n 1); fallocate -l $((free - 20000000)) /var/lib/docker/filling",
                &["storage.docker-space almost-full"],
            ),
        ],
    );
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn faults_of_the_containers_are_named_one_at_a_time() {
    each_is_named(
        "2023",
        &[
            fault(
                "watchtower missing",
                "docker rm -f watchtower",
                &["container.watchtower missing"],
            ),
            fault(
                "traefik missing",
                "docker rm -f traefik",
                &["container.traefik missing"],
            ),
            fault(
                "node missing",
                "docker rm -f sesam-node",
                &["container.sesam-node missing"],
            ),
            fault(
                "fluentbit missing",
                "docker rm -f fluentbit",
                &["container.fluentbit missing"],
            ),
            fault(
                "all missing",
                "docker rm -f watchtower traefik sesam-node fluentbit",
                &[
                    "container.watchtower missing",
                    "container.traefik missing",
                    "container.sesam-node missing",
                    "container.fluentbit missing",
                ],
            ),
            fault(
                "watchtower ended",
                "docker stop -t 5 watchtower",
                &["container.watchtower exited"],
            ),
            fault(
                "traefik ended",
                "docker stop -t 5 traefik",
                &["container.traefik exited"],
            ),
            fault(
                "node killed",
                "docker kill sesam-node; wait-until is sesam-node '{{.State.Status}}' exited",
                &["container.sesam-node exited"],
            ),
            fault(
                "fluentbit ended",
                "docker stop -t 5 fluentbit",
                &["container.fluentbit exited"],
            ),
            fault(
                "watchtower paused",
                "docker pause watchtower",
                &["container.watchtower paused"],
            ),
            fault(
                "traefik paused",
                "docker pause traefik",
                &["container.traefik paused"],
            ),
            fault(
                "node paused",
                "docker pause sesam-node",
                &["container.sesam-node paused"],
            ),
            fault(
                "fluentbit paused",
                "docker pause fluentbit",
                &["container.fluentbit paused"],
            ),
            healed(
                fault(
                    "node loops",
                    "docker exec sesam-node touch /tmp/exit; docker restart -t 0 sesam-node; wait-until sh -c 'test $(docker inspect --format {{.RestartCount}} sesam-node) -ge 2'",
                    &["container.sesam-node restarting"],
                ),
                "docker rm -f sesam-node; docker volume rm data_sesam-node-tmp",
            ),
            healed(
                fault(
                    "node killed for want of memory",
                    "docker exec sesam-node touch /tmp/oom; docker update --memory 16m --memory-swap 16m sesam-node; docker restart -t 0 sesam-node; wait-until sh -c 'test $(docker inspect --format {{.RestartCount}} sesam-node) -ge 5'; wait-until is sesam-node '{{.State.OOMKilled}} {{.State.Status}}' 'true restarting'",
                    &["container.sesam-node oom-killed"],
                ),
                "docker rm -f sesam-node; docker volume rm data_sesam-node-tmp",
            ),
            healed(
                fault(
                    "node unhealthy",
                    "docker exec sesam-node touch /tmp/sick; wait-until is sesam-node '{{.State.Health.Status}}' unhealthy",
                    &["container.sesam-node unhealthy"],
                ),
                "docker exec sesam-node rm /tmp/sick",
            ),
            healed(
                fault(
                    "traefik renamed",
                    "docker rename traefik proxy",
                    &["container.traefik drifted"],
                ),
                "docker rename proxy traefik",
            ),
            healed(
                fault(
                    "port taken by another program",
                    "docker rm -f traefik; systemd-run -q --unit=thief python3 -m http.server 80; wait-until curl -s http://127.0.0.1/; cd /srv/data; docker compose up -d 2>&1 || true",
                    &["container.traefik not-started"],
                ),
                "systemctl stop thief",
            ),
            healed(
                fault(
                    "old nginx on 443",
                    "docker rm -f traefik; docker run -d --name nginx -p 443:443 traefik:v2.8",
                    &["container.foreign holds-port"],
                ),
                "docker rm -f nginx",
            ),
            healed(
                fault(
                    "old node beside the new",
                    "docker run -d --name sesam-agent-node -v /srv/data/sesam/node-00/data:/sesam/data --entrypoint /fluent-bit sesam/fluent-bit:1.9.4",
                    &["container.foreign holds-data"],
                ),
                "docker rm -f sesam-agent-node",
            ),
            healed(
                fault(
                    "old node, stopped",
                    "docker create --name sesam-agent-node -v /srv/data/sesam/node-00/data:/sesam/data --entrypoint /fluent-bit sesam/fluent-bit:1.9.4",
                    &["container.foreign leftover"],
                ),
                "docker rm -f sesam-agent-node",
            ),
            healed(
                fault(
                    "node started by hand in place of compose",
                    "docker rm -f sesam-node; docker run -d --name sesam-node -p 9042:9042 --entrypoint /fluent-bit sesam/fluent-bit:1.9.4",
                    &["container.foreign holds-name"],
                ),
                "docker rm -f sesam-node",
            ),
            healed(
                fault(
                    "a newer image, pulled and not used",
                    "cp -r /usr/share/lab/image /tmp/newer; echo 2 >/tmp/newer/release; tar -C /tmp/newer -c . | docker import -c 'ENV PATH=/bin' -c 'HEALTHCHECK --interval=1s --retries=1 CMD test ! -e /tmp/sick' - sesam/sesam-node:weekly-prod; rm -r /tmp/newer",
                    &["container.image outdated"],
                ),
                "docker rm -f sesam-node",
            ),
            healed(
                fault(
                    "external network gone",
                    "docker rm -f traefik sesam-node; docker network rm sesam",
                    &["config.networks missing"],
                ),
                "docker network create sesam",
            ),
            healed(
                fault(
                    "microservices' network gone",
                    "docker rm -f sesam-node; docker network rm microservices",
                    &["config.networks missing"],
                ),
                "docker network create microservices",
            ),
            healed(
                fault(
                    "node off a network",
                    "docker network disconnect microservices sesam-node",
                    &["container.sesam-node drifted"],
                ),
                "docker rm -f sesam-node",
            ),
        ],
    );
}

const FILE: &str = "cd /srv/data; ";

#[test]
#[allow(clippy::too_many_lines)] // a table
fn faults_of_the_files_are_named_one_at_a_time() {
    let edit = |expression: &str| -> &'static str {
        Box::leak(format!("{FILE} cp docker-compose.yml /tmp/before; sed -i {expression} docker-compose.yml; ! cmp -s docker-compose.yml /tmp/before").into_boxed_str())
    };
    let apply = |expression: &str| -> &'static str {
        Box::leak(format!("{} ; docker compose up -d 2>&1; wait-until is sesam-node '{{{{.State.Health.Status}}}}' healthy", edit(expression)).into_boxed_str())
    };
    let env = |expression: &str| -> &'static str {
        Box::leak(format!("{FILE} sed -i {expression} .env").into_boxed_str())
    };
    each_is_named(
        "2025",
        &[
            fault(
                "no compose file",
                "mv /srv/data/docker-compose.yml /srv/data/docker-compose.yml.aside",
                &["config.compose missing"],
            ),
            fault(
                "compose file is no YAML",
                edit("'s/^services:/services: [/'"),
                &["config.compose not-yaml"],
            ),
            fault(
                "a service is gone from the file",
                edit("'/^  fluentbit:/,/^networks:/{/^networks:/!d}'"),
                &["config.compose service-missing"],
            ),
            fault(
                "port 80 is gone from the file",
                edit("'/\"80:80\"/d'"),
                &["config.compose port-missing"],
            ),
            fault(
                "443 on loopback only",
                edit("'s/\"443:443\"/\"127.0.0.1:443:443\"/'"),
                &["config.compose port-missing"],
            ),
            fault(
                "node's data not mounted",
                edit("'/:\\/sesam\\/data$/d'"),
                &["config.compose mount-missing"],
            ),
            fault(
                "node's data from elsewhere",
                edit("'s|- /srv/data/sesam/node-00/data:|- /data:|'"),
                &["config.compose mount-missing"],
            ),
            fault(
                "node without its labels",
                edit("'/traefik.http.routers/d'"),
                &["config.compose label-missing"],
            ),
            fault(
                "license not enforced",
                edit("'s/ --enforce-license//'"),
                &["config.compose argument-missing"],
            ),
            fault(
                "another image",
                edit("'s|image: traefik:|image: nginx:|'"),
                &["config.compose image-differs"],
            ),
            fault(
                "network not external",
                edit("'/^  microservices:/{n;s/external: true/driver: bridge/}'"),
                &["config.compose network-not-external"],
            ),
            fault(
                "nothing restarts",
                apply("'/restart: always/d'"),
                &["config.compose restart-policy"],
            ),
            fault(
                "node's port published",
                apply(
                    "'/^    environment:/{:a;n;s/^      SESAM_GID: .*/&\\n    ports: [\"9042:9042\"]/;ba}'",
                ),
                &["config.node-port published-everywhere"],
            ),
            fault(
                "watchtower with --name",
                edit("'s/rolling-restart sesam-node/rolling-restart --name sesam-node/'"),
                &["config.watchtower-arguments name-flag"],
            ),
            fault(
                "watchtower leaves one out",
                apply("'s/sesam-node fluentbit traefik$/sesam-node traefik/'"),
                &["config.watchtower-arguments not-watched"],
            ),
            fault(
                "watchtower without login",
                apply("'/config.json:.config.json/d'"),
                &["config.watchtower-login no-credentials"],
            ),
            fault(
                "file changed, not applied: a port",
                edit("'s/\"80:80\"/&\\n      - \"8080:8080\"/'"),
                &["container.traefik drifted"],
            ),
            fault(
                "file changed, not applied: an argument",
                edit("'s/exposedbydefault=false/exposedbydefault=true/'"),
                &["container.traefik drifted"],
            ),
            fault(
                "file changed, not applied: a mount",
                edit("'s|/sesam/fluentbit/data:/fluentbit/data|/sesam/fluentbit/data:/data|'"),
                &["container.fluentbit drifted"],
            ),
            fault(
                "tag changed, not applied",
                env("s/TRAEFIK_DOCKER_IMAGE_TAG=.*/TRAEFIK_DOCKER_IMAGE_TAG=v2.11/"),
                &["container.traefik drifted"],
            ),
            fault(
                "domain changed, not applied",
                env("s/NODE_DOMAIN=.*/NODE_DOMAIN=other.company.com/"),
                &["container.sesam-node drifted"],
            ),
            fault(
                "a variable is not set",
                env("/APPLIANCE_ID/d"),
                &["config.env missing"],
            ),
            fault(
                "a placeholder",
                env("s/NODE_DOMAIN=.*/NODE_DOMAIN=node.example.com/"),
                &["config.env placeholder"],
            ),
            fault(
                "no channel",
                "cd /srv/data; docker tag sesam/sesam-node:weekly-prod sesam/sesam-node:1.2.3; sed -i s/SESAM_NODE_IMAGE_TAG=.*/SESAM_NODE_IMAGE_TAG=1.2.3/ .env; docker compose up -d 2>&1; wait-until is sesam-node '{{.State.Health.Status}}' healthy",
                &[
                    "config.env unknown-channel",
                    "container.image unknown-channel",
                ],
            ),
        ],
    );
}
