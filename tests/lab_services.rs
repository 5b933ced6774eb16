//! `--fix` on a lab machine where other services than Docker are mended: the real ufw, firewalld and chrony, and what becomes
//! of them when a run is taken back.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "support/machine.rs"]
mod machine;
#[path = "lab_services/red_hat.rs"]
mod red_hat;

use machine::{Machine, available, packages_available};
use serde_json::Value;

/// The lab's Debian, which the product does not support.
const PROFILE: &str = r#"extends = "2023"
name = "lab"
[[system.supported]]
id = "debian"
name = "Debian"
minimum = "12"
"#;

/// A machine that has these packages besides its own.
fn with_packages(packages: &str) -> Option<Machine> {
    if !available() || !packages_available() {
        return None;
    }
    let machine = Machine::boot();
    machine.sh(&format!(
        "rm -rf /etc/apt/sources.list.d/* /var/lib/apt/lists/*
        echo 'deb [trusted=yes] file:/usr/share/lab/packages ./' >/etc/apt/sources.list
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -q
        test -z '{packages}' || apt-get install -y -q --no-install-recommends {packages}"
    ));
    machine.write("/etc/lab.toml", PROFILE);
    Some(machine)
}

/// What a run said, its exit code and its report.
struct Fixed {
    code: i32,
    said: String,
    report: Value,
}

impl Fixed {
    /// Each step's result and words.
    fn steps(&self) -> Vec<(String, String)> {
        let text = |step: &Value, member: &str| step[member].as_str().unwrap().to_owned();
        self.report["remediation"]["steps"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|step| (text(step, "result"), text(step, "words")))
            .collect()
    }

    fn cause(&self, id: &str) -> Option<String> {
        let findings = self.report["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["id"] == id).unwrap();
        finding["cause"].as_str().map(str::to_owned)
    }
}

fn fix(machine: &Machine, what: &str) -> Fixed {
    let script = format!(
        "code=0; sesam-doctor check {what} --profile /etc/lab.toml --offline --timeout 30 --fix --yes --format json >/run/report.json 2>/run/said || code=$?; echo $code"
    );
    let code = machine.sh(&script).trim().parse().unwrap();
    let said = machine.sh("cat /run/said");
    let report = machine.sh("cat /run/report.json");
    Fixed {
        code,
        report: serde_json::from_str(&report).unwrap_or_default(),
        said,
    }
}

fn plan(machine: &Machine, what: &str) -> Value {
    let command = format!(
        "sesam-doctor check {what} --profile /etc/lab.toml --offline --timeout 30 --fix --dry-run --format json"
    );
    machine.try_json(&command).unwrap()
}

fn done(words: &str) -> (String, String) {
    ("done".to_owned(), words.to_owned())
}

/// What a firewall of the real machine lists, in its own words.
struct Firewall {
    listing: &'static str,
    /// Steps that open the ports 80 and 443.
    steps: [&'static str; 2],
    commands: [&'static [&'static str]; 2],
}

const UFW: Firewall = Firewall {
    listing: "ufw status verbose; ufw show added; grep -h -e ^-A /etc/ufw/user.rules /etc/ufw/user6.rules",
    steps: ["let 80/tcp in through ufw", "let 443/tcp in through ufw"],
    commands: [&["ufw allow 80/tcp"], &["ufw allow 443/tcp"]],
};

const FIREWALLD: Firewall = Firewall {
    listing: "for zone in public dmz; do firewall-cmd --zone=$zone --list-all; firewall-cmd --permanent --zone=$zone --list-all; done",
    steps: [
        "let 80/tcp in through firewalld's zone dmz, now and after a reboot",
        "let 443/tcp in through firewalld's zone dmz, now and after a reboot",
    ],
    commands: [
        &[
            "firewall-cmd --zone=dmz --add-port=80/tcp",
            "firewall-cmd --permanent --zone=dmz --add-port=80/tcp",
        ],
        &[
            "firewall-cmd --zone=dmz --add-port=443/tcp",
            "firewall-cmd --permanent --zone=dmz --add-port=443/tcp",
        ],
    ],
};

/// Shown, done, nothing left to do, and taken back to the letter.
fn opened_and_closed_again(machine: &Machine, firewall: &Firewall) {
    let before = machine.sh(firewall.listing);
    let plan = plan(machine, "inbound");
    for ((step, words), commands) in plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .zip(firewall.steps)
        .zip(firewall.commands)
    {
        assert_eq!(step["words"], words);
        assert_eq!(step["safety"], "asks-first");
        assert_eq!(step["cuts"], "changes who reaches this machine");
        // Quotes are the script's own matter.
        let script = step["script"].to_string().replace('\'', "");
        assert_eq!(script, serde_json::json!(commands).to_string());
    }
    assert_eq!(plan["steps"].as_array().unwrap().len(), 2, "{plan}");
    assert_eq!(machine.sh(firewall.listing), before);

    let fixed = fix(machine, "inbound");
    assert_eq!(fixed.steps(), firewall.steps.map(done), "{}", fixed.said);
    for id in ["inbound.http", "inbound.https"] {
        assert_eq!(fixed.cause(id), None, "{}", fixed.said);
    }
    let again = fix(machine, "inbound");
    assert!(again.said.contains("nothing to do"), "{}", again.said);

    machine.sh("sesam-doctor undo --yes 2>&1");
    assert_eq!(machine.sh(firewall.listing), before);
}

#[test]
fn ufw_lets_the_ports_in_and_its_other_rules_are_left_alone() {
    let Some(machine) = with_packages("ufw") else {
        return;
    };
    machine.sh("ufw allow 22/tcp comment 'the way in'
        ufw allow in on eth1 to any port 80 proto tcp
        ufw deny 8080/tcp
        ufw deny from 198.51.100.7
        ufw --force enable");
    opened_and_closed_again(&machine, &UFW);

    // A rule that somebody made to forbid the port would be replaced by one that allows it.
    machine.sh("ufw deny 80/tcp");
    let before = machine.sh(UFW.listing);
    let left = plan(&machine, "inbound.http");
    assert_eq!(left["steps"], serde_json::json!([]), "{left}");
    let by_hand = left["left_to_a_person"].to_string();
    assert!(
        by_hand.contains("ufw has a rule about 80/tcp") && by_hand.contains("somebody decided"),
        "{by_hand}"
    );
    let fixed = fix(&machine, "inbound.http");
    assert_eq!(fixed.code, 2, "{}", fixed.said);
    assert_eq!(machine.sh(UFW.listing), before);

    // A ufw that cannot write its rules: what it says is told, and what the run did before is taken back.
    machine.sh("ufw delete deny 80/tcp");
    let before = machine.sh(UFW.listing);
    machine.sh(
        "mv /usr/sbin/ufw /usr/sbin/ufw.real
        printf '#!/bin/sh\\ncase \"$*\" in *allow*443*) echo \"ERROR: Could not load the rules\" >&2; exit 1;; esac\\nexec /usr/sbin/ufw.real \"$@\"\\n' >/usr/sbin/ufw
        chmod 755 /usr/sbin/ufw",
    );
    let failed = fix(&machine, "inbound");
    assert_eq!(failed.code, 2, "{}", failed.said);
    assert!(
        failed
            .said
            .contains("`ufw allow 443/tcp` ended with 1: ERROR: Could not load the rules"),
        "{}",
        failed.said
    );
    assert_eq!(machine.sh(UFW.listing), before);
}

#[test]
fn firewalld_lets_the_ports_into_the_zone_that_is_closed() {
    let Some(machine) = with_packages("firewalld") else {
        return;
    };
    // The zone of the interface is not the default one, and lets SSH in only.
    machine.sh("ip link add lan0 type veth peer name wall
        ip link set lan0 up
        systemctl start firewalld
        firewall-cmd --permanent --zone=dmz --add-interface=lan0
        firewall-cmd --reload");
    opened_and_closed_again(&machine, &FIREWALLD);

    // Somebody opened it for the next start only: that stays when the run is taken back.
    machine.sh("firewall-cmd --permanent --zone=dmz --add-port=80/tcp");
    let before = machine.sh(FIREWALLD.listing);
    let fixed = fix(&machine, "inbound.http");
    assert_eq!(fixed.steps(), [done(FIREWALLD.steps[0])], "{}", fixed.said);
    machine.sh("sesam-doctor undo --yes 2>&1");
    assert_eq!(machine.sh(FIREWALLD.listing), before);

    // A daemon that refuses.
    machine.sh(
        "mv /usr/bin/firewall-cmd /usr/bin/firewall-cmd.real
        printf '#!/bin/sh\\ncase \"$*\" in *permanent*add*443*) echo \"Error: COMMAND_FAILED: no\" >&2; exit 13;; esac\\nexec /usr/bin/firewall-cmd.real \"$@\"\\n' >/usr/bin/firewall-cmd
        chmod 755 /usr/bin/firewall-cmd",
    );
    let failed = fix(&machine, "inbound.https");
    assert_eq!(failed.code, 2, "{}", failed.said);
    assert!(
        failed
            .said
            .replace('\'', "")
            .contains("--add-port=443/tcp` ended with 13: Error: COMMAND_FAILED: no"),
        "{}",
        failed.said
    );
    assert_eq!(machine.sh(FIREWALLD.listing), before);
}

/// What systemd knows of chrony, and what starts with the machine.
const TIME: &str = "systemctl is-enabled chrony || true; systemctl is-active chrony || true; find /etc/systemd/system /etc/rc?.d -name '*chrony*' -o -name '*timesync*' | sort | while read -r path; do echo \"$path $(readlink \"$path\")\"; done";

/// A time service may be started here: the machine says that it is none of the kind whose clock another one keeps, and
/// chrony, which has no right to set a clock, only watches it.
const MAY_KEEP_TIME: &str = "printf '#!/bin/sh\\nexit 1\\n' >/usr/local/sbin/no-container
    chmod 755 /usr/local/sbin/no-container
    mount --bind /usr/local/sbin/no-container /usr/bin/systemd-detect-virt
    rm -f /etc/systemd/system/systemd-timesyncd.service
    mkdir -p /etc/systemd/system/chrony.service.d /etc/default
    printf '[Unit]\\nConditionCapability=\\nConditionVirtualization=\\n' >/etc/systemd/system/chrony.service.d/lab.conf
    systemctl daemon-reload";

fn is_unsynchronised(machine: &Machine) -> bool {
    let report = machine.report("check system.clock");
    let found = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .any(|finding| finding["cause"] == "unsynchronised");
    if !found {
        println!("left out: a time service is enabled: somebody keeps this kernel's clock");
    }
    found
}

#[test]
fn a_time_service_is_installed_and_started_and_stopped_again() {
    let Some(machine) = with_packages("") else {
        return;
    };
    if !is_unsynchronised(&machine) {
        return;
    }
    // A container's clock is another machine's.
    let left = plan(&machine, "system.clock")["left_to_a_person"].to_string();
    assert!(left.contains("this machine is a container"), "{left}");
    machine.sh("printf '#!/bin/sh\\nexit 1\\n' >/run/no-container; chmod 755 /run/no-container; mount --bind /run/no-container /usr/bin/systemd-detect-virt");
    let left = plan(&machine, "system.clock")["left_to_a_person"].to_string();
    assert!(
        left.contains("systemd-timesyncd.service is masked"),
        "{left}"
    );
    machine.sh(MAY_KEEP_TIME);
    // Only chrony can be had, which would set no clock.
    machine.sh("cp -r /usr/share/lab/packages /var/lib/packages; cd /var/lib/packages; rm -f systemd-timesyncd_*; awk -v RS= -v ORS='\\n\\n' '!/^Package: systemd-timesyncd\\n/' Packages >less; mv less Packages; echo 'deb [trusted=yes] file:/var/lib/packages ./' >/etc/apt/sources.list; printf 'DAEMON_OPTS=\"-x -F 1\"\\n' >/etc/default/chrony");
    let shown = plan(&machine, "system.clock");
    let words: Vec<&str> = shown["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["words"].as_str().unwrap())
        .collect();
    let (install, keep) = (
        "install a time service from the distribution's packages",
        "let the machine's time service keep the clock, from now on and after a reboot",
    );
    assert_eq!(words, [install, keep], "{shown}");
    let fixed = fix(&machine, "system.clock");
    assert_eq!(fixed.steps()[0], done(install), "{}", fixed.said);
    assert_eq!(machine.sh("systemctl is-active chrony").trim(), "active");
    // It runs and reaches nobody, which is no matter of installing it.
    let again = fix(&machine, "system.clock");
    assert!(
        again.said.contains("nothing to do") || again.said.contains("a time service runs"),
        "{}",
        again.said
    );

    // Somebody has switched it off, and later only stopped it.
    for (switched, back) in [
        ("disable --now", "stop chrony.service and disable it"),
        ("stop", "stop chrony.service"),
    ] {
        machine.sh(&format!(
            "systemctl enable --now chrony 2>&1; systemctl {switched} chrony 2>&1"
        ));
        let before = machine.sh(TIME);
        let fixed = fix(&machine, "system.clock");
        assert_eq!(fixed.steps(), [done(keep)], "{}", fixed.said);
        machine.sh("systemctl is-active chrony && systemctl is-enabled chrony");
        let undone = machine.sh("sesam-doctor undo --yes 2>&1");
        assert!(undone.contains(back), "{undone}");
        assert_eq!(machine.sh(TIME), before);
    }
    // One that cannot be started: systemd's words are told.
    machine.sh("printf '[Service]\\nExecStartPre=/bin/false\\n' >/etc/systemd/system/chrony.service.d/fails.conf; systemctl daemon-reload; systemctl disable chrony 2>&1");
    let before = machine.sh(TIME);
    let failed = fix(&machine, "system.clock");
    assert_eq!(failed.code, 2, "{}", failed.said);
    assert!(
        failed
            .said
            .contains("systemctl enable --now chrony.service")
            && failed.said.contains("failed"),
        "{}",
        failed.said
    );
    machine.sh("systemctl reset-failed chrony");
    let after = machine.sh(TIME);
    assert_eq!(
        after.replace("failed", "inactive"),
        before.replace("failed", "inactive")
    );
}
