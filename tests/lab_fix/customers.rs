//! What is the customer's own beside the stack: more services and volumes, containers that had ended, other projects'
//! containers, files that fewer may read.

use super::{failed, fix, listing, prepared};

const OVERRIDE: &str = r#"services:
  notes:
    image: sesam/fluent-bit:1.9.4
    entrypoint: ["/fluent-bit"]
    volumes: ["notes:/notes"]
  sesam-node:
    environment: {OF_THE_CUSTOMER: "yes"}
volumes:
  notes:
"#;

#[test]
fn what_is_laid_over_the_compose_file_stays_in_force_and_its_volumes_outlive_the_way_back() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("install 2025 corrected >/dev/null 2>&1");
    machine.write("/srv/data/docker-compose.override.yml", OVERRIDE);
    machine.sh("cd /srv/data; docker compose up -d >/dev/null 2>&1
        docker exec data-notes-1 /bin/sh -c 'echo kept >/notes/note'
        docker exec sesam-node touch /tmp/exit; docker compose down >/dev/null 2>&1
        sed -i 's/^healthy_within_seconds.*/healthy_within_seconds = 5/' /etc/lab.toml");
    let sick = fix(&machine, "");
    assert_eq!(
        failed(&sick),
        ["wait until the stack is well"],
        "{}",
        sick.said
    );
    assert_eq!(machine.sh("docker ps -aq").trim(), "", "{}", sick.said);
    let note = "docker run --rm -v data_notes:/notes --entrypoint /bin/cat sesam/fluent-bit:1.9.4 /notes/note";
    assert_eq!(machine.sh(note), "kept\n");

    machine.sh("docker run --rm -v data_sesam-node-tmp:/tmp --entrypoint /bin/rm sesam/fluent-bit:1.9.4 -f /tmp/exit
        sed -i 's/^healthy_within_seconds.*/healthy_within_seconds = 60/' /etc/lab.toml");
    let well = fix(&machine, "");
    assert_eq!(well.code, 0, "{}", well.said);
    machine.sh("is data-notes-1 '{{.State.Running}}' true");
    machine.sh("docker inspect sesam-node --format '{{.Config.Env}}' | grep OF_THE_CUSTOMER=yes");
    let again = fix(&machine, "");
    assert!(again.said.contains("nothing to do"), "{}", again.said);
    machine.sh("sesam-doctor undo --yes 2>&1");
    assert_eq!(machine.sh(note), "kept\n");
}

#[test]
fn an_old_container_is_as_it_was_where_a_migration_is_taken_back() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("old-installation hand /srv/old/data 20");
    // The node that is pulled ends as soon as it is started.
    machine.sh("printf 'FROM sesam/sesam-node:weekly-prod\\nRUN rm /entrypoint.sh\\n' | docker build -q -t sesam/sesam-node:weekly-prod - && hub older sesam/sesam-node:weekly-prod
        sed -i 's/^healthy_within_seconds.*/healthy_within_seconds = 5/' /etc/lab.toml");
    machine.sh("docker create --name fluentbit sesam/fluent-bit:1.9.4 >/dev/null; docker pause nginx >/dev/null");
    let states = "docker ps -a --format '{{.Names}} {{.State}}' | sort";
    let before = machine.sh(states);
    let sick = fix(&machine, "");
    assert_eq!(sick.code, 2, "{}", sick.said);
    assert!(
        sick.said
            .contains("done      stop the old container fluentbit"),
        "{}",
        sick.said
    );
    assert_eq!(machine.sh(states), before, "{}", sick.said);

    // A node that has worked on the copy leaves more there than the old data have.
    let copy = "/srv/data/sesam/node-00/data.sesam-doctor";
    machine.sh(&format!("echo new >{copy}-arriving/lake/newer"));
    machine.sh("images >/dev/null; hub publish");
    let before = listing(&machine, "/srv/old/data");
    let well = fix(&machine, "");
    assert_eq!(well.code, 0, "{}", well.said);
    assert_eq!(listing(&machine, "/srv/data/sesam/node-00/data"), before);
    machine.sh(&format!("grep -q new {copy}-earlier-1/lake/newer"));
    assert!(
        well.said.contains("-earlier-1 from now on"),
        "{}",
        well.said
    );
}

#[test]
fn another_projects_container_is_neither_stopped_nor_removed() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("mkdir -p /opt/shop; printf 'services:\\n  front:\\n    image: traefik:v3.5\\n    restart: always\\n    ports: [\"443:443\"]\\n' >/opt/shop/compose.yaml; cd /opt/shop; docker compose up -d >/dev/null 2>&1");
    let running = "docker ps --no-trunc -q";
    let before = machine.sh(running);
    let fixed = fix(&machine, "");
    assert_eq!(machine.sh(running), before, "{}", fixed.said);
    let finding = fixed.report.to_string();
    assert!(
        finding.contains("docker compose -p shop stop"),
        "{}",
        fixed.said
    );
    machine.sh("docker compose -p shop stop 2>&1");
    let well = fix(&machine, "");
    assert_eq!(failed(&well), Vec::<String>::new(), "{}", well.said);
    machine.sh("is sesam-node '{{.State.Health.Status}}' healthy && is shop-front-1 '{{.State.Running}}' false");
}

#[test]
fn dockers_settings_stay_as_private_as_they_were() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("echo '{\"mtu\": 1500}' >/etc/docker/daemon.json; chmod 600 /etc/docker/daemon.json; systemctl restart docker");
    let fixed = fix(&machine, "");
    assert_eq!(fixed.code, 0, "{}", fixed.said);
    machine.sh("grep -q max-size /etc/docker/daemon.json && test $(stat -c %a /etc/docker/daemon.json) = 600");

    // A file that is somewhere else is a person's to change, and keeps nothing else from being done.
    machine.sh("mkdir -p /srv/config; echo '{\"mtu\": 1500}' >/srv/config/daemon.json; ln -sf /srv/config/daemon.json /etc/docker/daemon.json; systemctl restart docker; rm -rf /sesam/node-00/logs");
    let by_hand = fix(&machine, "");
    assert_eq!(failed(&by_hand), Vec::<String>::new(), "{}", by_hand.said);
    machine.sh("test -d /sesam/node-00/logs && test -L /etc/docker/daemon.json && ! grep -q max-size /srv/config/daemon.json");
}

#[test]
fn a_compose_file_of_the_customers_own_is_used_and_not_written_over() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("install 2025 corrected >/dev/null 2>&1; cd /srv/data; docker compose down >/dev/null 2>&1
        sed -i 's/^  sesam-node:$/  node:/' docker-compose.yml; docker compose up -d >/dev/null 2>&1
        wait-until is sesam-node '{{.State.Health.Status}}' healthy; docker rm -f fluentbit >/dev/null");
    let node = "docker inspect sesam-node --format '{{.Id}}'";
    let before = machine.sh(node);
    let fixed = fix(&machine, "");
    assert_eq!(failed(&fixed), Vec::<String>::new(), "{}", fixed.said);
    assert_eq!(machine.sh(node), before, "{}", fixed.said);
    machine.sh("is fluentbit '{{.State.Running}}' true");

    // One fault in it, and a container that is missing: both are a person's now.
    machine.sh("cd /srv/data; sed -i '0,/restart: always/s//restart: \"no\"/' docker-compose.yml; docker rm -f fluentbit >/dev/null; cp docker-compose.yml /root/theirs.yml");
    let by_hand = fix(&machine, "");
    assert_eq!(failed(&by_hand), Vec::<String>::new(), "{}", by_hand.said);
    let left = by_hand.report["remediation"]["left"].to_string();
    assert!(
        left.contains("sesam-node under the name node"),
        "{left}\n{}",
        by_hand.said
    );
    machine.sh("cmp /srv/data/docker-compose.yml /root/theirs.yml");
    assert_eq!(machine.sh(node), before, "{}", by_hand.said);
}

#[test]
fn a_number_that_is_another_accounts_is_left_to_a_person() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("userdel sesam 2>/dev/null || true; useradd --uid 1000 ubuntu; printf 'USER_ID=1000\\n' >/srv/data/.env");
    let by_hand = fix(&machine, "");
    assert_eq!(failed(&by_hand), Vec::<String>::new(), "{}", by_hand.said);
    let left = by_hand.report["remediation"]["left"].to_string();
    assert!(
        left.contains("number 1000, which USER_ID is, belongs to the account ubuntu"),
        "{left}\n{}",
        by_hand.said
    );
    assert_eq!(machine.sh("docker ps -q"), "");
    machine.sh("useradd --uid 1001 --no-create-home --home-dir /home/sesam sesam; sed -i s/^USER_ID=.*/USER_ID=1001/ /srv/data/.env");
    let fixed = fix(&machine, "");
    assert_eq!(fixed.code, 0, "{}", fixed.said);
}

#[test]
fn no_second_node_is_begun_where_the_data_disk_could_not_be_mounted() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("install 2025 corrected >/dev/null 2>&1; wait-until is sesam-node '{{.State.Health.Status}}' healthy
        docker compose -f /srv/data/docker-compose.yml down >/dev/null 2>&1; umount /srv/data");
    let fixed = fix(&machine, "");
    assert_eq!(machine.sh("ls -A /srv/data"), "", "{}", fixed.said);
    assert_eq!(machine.sh("docker ps -aq"), "", "{}", fixed.said);
    assert_eq!(fixed.code, 2, "{}", fixed.said);
}

#[test]
fn an_old_container_that_would_be_gone_once_it_ends_is_not_stopped() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("old-installation hand /srv/old/data 20; docker rm -f nginx >/dev/null; docker run --rm -d --name nginx -p 80:80 -p 443:443 traefik:v3.5 >/dev/null");
    let running = "docker ps --no-trunc -q | sort";
    let before = machine.sh(running);
    let by_hand = fix(&machine, "");
    assert_eq!(failed(&by_hand), Vec::<String>::new(), "{}", by_hand.said);
    assert_eq!(machine.sh(running), before, "{}", by_hand.said);
    let left = by_hand.report["remediation"]["left"].to_string();
    assert!(
        left.contains("the container nginx is removed as soon as it ends (--rm)"),
        "{left}\n{}",
        by_hand.said
    );
}

#[test]
fn a_projects_own_name_is_kept_and_files_that_compose_is_told_by_name_are_left_to_a_person() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("install 2025 corrected >/dev/null 2>&1; cd /srv/data; docker compose down >/dev/null 2>&1
        docker compose -p acme up -d >/dev/null 2>&1
        wait-until is sesam-node '{{.State.Health.Status}}' healthy; docker rm -f fluentbit >/dev/null");
    let fixed = fix(&machine, "");
    assert_eq!(failed(&fixed), Vec::<String>::new(), "{}", fixed.said);
    let projects =
        "docker ps --format '{{.Names}} {{.Label \"com.docker.compose.project\"}}' | sort";
    assert_eq!(
        machine.sh(projects),
        "fluentbit acme\nsesam-node acme\ntraefik acme\nwatchtower acme\n",
        "{}",
        fixed.said
    );

    machine.sh("cd /srv/data; printf 'services:\\n  sesam-node:\\n    environment: {THEIRS: \"yes\"}\\n' >site.yml
        docker compose -p acme -f docker-compose.yml -f site.yml up -d >/dev/null 2>&1; docker rm -f fluentbit >/dev/null");
    let by_hand = fix(&machine, "");
    assert_eq!(failed(&by_hand), Vec::<String>::new(), "{}", by_hand.said);
    let left = by_hand.report["remediation"]["left"].to_string();
    assert!(
        left.contains("to lay /srv/data/site.yml over /srv/data/docker-compose.yml"),
        "{left}\n{}",
        by_hand.said
    );
    assert_eq!(
        machine.sh(projects),
        "sesam-node acme\ntraefik acme\nwatchtower acme\n"
    );
}
