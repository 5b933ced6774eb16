//! Packages on a machine of the Red Hat family. `dnf` and `yum` are programs of the test's own, which take down how they are
//! called; what they install is the lab's engine, which a real systemd then starts.

use machine::Machine;

use super::{Fixed, PROFILE, done, fix, machine, plan};

/// Plays dnf or yum. `/run/packages` names the packages that the distribution has, `/run/fails` what it cannot install.
const MANAGER: &str = r#"#!/bin/sh
echo "${0##*/} $*" >>/run/called
has() { grep -qx "$1" /run/packages || test -e /etc/yum.repos.d/docker-ce.repo; }
for last; do :; done
case "$*" in
*makecache*)
    test ! -e /run/offline || { echo "Error: Failed to download metadata for repo 'baseos'" >&2; exit 1; } ;;
*info*)
    has "$last" || { echo "Error: No matching Packages to list" >&2; exit 1; } ;;
*install*)
    has "$last" || { echo "Error: Unable to find a match: $last" >&2; exit 1; }
    for line in $(seq 300); do echo "Installing : part-$line of $last through $http_proxy"; done
    if grep -qxs "$last" /run/fails; then
        echo "Error: Transaction test error:" >&2
        echo "  package $last conflicts with podman-docker" >&2
        exit 1
    fi
    tar -xf /var/lib/not-installed.tar -C /
    systemctl daemon-reload ;;
*)
    echo "no such command: $*" >&2
    exit 3 ;;
esac
"#;

/// A machine whose package manager is this one, without Docker.
fn red_hat(manager: &str, version: &str) -> Option<Machine> {
    if !machine::available() {
        return None;
    }
    let machine = Machine::boot();
    machine.write("/etc/lab.toml", PROFILE);
    machine.write("/run/manager", MANAGER);
    machine.sh(&format!(
        "printf 'ID=\"rhel\"\\nVERSION_ID=\"{version}\"\\nPRETTY_NAME=\"Red Hat Enterprise Linux {version}\"\\n' >/etc/os-release
        docker ps -aq | xargs -r docker rm -f >/dev/null
        systemctl stop docker.socket docker
        systemctl disable docker.socket docker 2>/dev/null
        mkdir -p /etc/yum.repos.d
        engine=\"usr/sbin/dockerd usr/bin/docker $(cd / && ls -d lib/systemd/system/docker.* etc/init.d/docker)\"
        tar -cf /var/lib/not-installed.tar -C / $engine
        cd / && rm $engine
        systemctl daemon-reload
        rm /usr/bin/apt-get
        : >/run/packages
        cp /run/manager /usr/bin/{manager}
        chmod 755 /usr/bin/{manager}"
    ));
    Some(machine)
}

const INSTALL: &str = "install the Docker engine from the distribution's packages";

fn called(machine: &Machine) -> Vec<String> {
    let called = machine.sh("cat /run/called; : >/run/called");
    called.lines().map(str::to_owned).collect()
}

fn first_step(fixed: &Fixed) -> (String, String) {
    let steps = fixed.steps();
    let install = steps.iter().find(|(_, words)| words == INSTALL);
    install.unwrap_or_else(|| panic!("{}", fixed.said)).clone()
}

#[test]
fn where_the_distribution_has_no_engine_docker_s_own_source_is_written_and_taken_back() {
    let Some(machine) = red_hat("dnf", "9.4") else {
        return;
    };
    let shown = plan(&machine, "software.docker");
    let step = &shown["steps"][0];
    assert_eq!(step["words"], INSTALL, "{shown}");
    assert!(
        step["script"]
            .to_string()
            .contains("dnf -y install docker-ce"),
        "{step}"
    );
    assert!(machine.sh("cat /run/called 2>/dev/null || true").is_empty());

    let fixed = fix(&machine, "software.docker");
    assert_eq!(first_step(&fixed), done(INSTALL), "{}", fixed.said);
    assert_eq!(fixed.cause("software.docker"), None, "{}", fixed.said);
    assert_eq!(
        called(&machine),
        [
            "dnf -y -q makecache",
            "dnf -q info docker-ce",
            // With Docker's own source.
            "dnf -y -q makecache",
            "dnf -q info docker-ce",
            "dnf -y install docker-ce",
        ]
    );
    assert!(
        fixed
            .said
            .contains("the distribution has none of docker-ce; Docker's own packages are taken"),
        "{}",
        fixed.said
    );
    let repository = "/etc/yum.repos.d/docker-ce.repo";
    let written = machine.sh(&format!(
        "stat -c '%a %u:%g' {repository}; cat {repository}"
    ));
    assert_eq!(
        written,
        "644 0:0\n[docker-ce-stable]\nname=Docker CE Stable - $basearch\nbaseurl=https://download.docker.com/linux/centos/$releasever/$basearch/stable\nenabled=1\ngpgcheck=1\ngpgkey=https://download.docker.com/linux/centos/gpg\n"
    );
    machine.sh("systemctl is-active docker && systemctl is-enabled docker");
    let again = fix(&machine, "software.docker");
    assert!(again.said.contains("nothing to do"), "{}", again.said);
    assert_eq!(called(&machine), Vec::<String>::new());

    let undone = machine.sh("sesam-doctor undo --yes 2>&1");
    assert!(
        undone.contains("the package docker-ce, and what it needs, stays installed"),
        "{undone}"
    );
    machine.sh(&format!(
        "test ! -e {repository}; test \"$(systemctl is-enabled docker)\" = disabled; test \"$(systemctl is-active docker)\" = inactive"
    ));
}

#[test]
fn a_package_that_cannot_be_installed_is_told_with_its_last_lines_and_all_that_was_said_is_kept() {
    let Some(machine) = red_hat("dnf", "9.4") else {
        return;
    };
    machine.sh("echo docker-ce >/run/fails; touch /run/offline");
    // Its lists cannot be fetched either: then Docker's own source is of no use, and is not left behind.
    let offline = fix(&machine, "software.docker");
    assert_eq!(offline.code, 2, "{}", offline.said);
    assert!(
        offline.said.contains("`/usr/bin/dnf -y -q makecache` ended with 1: Error: Failed to download metadata for repo 'baseos'"),
        "{}",
        offline.said
    );
    machine.sh("test ! -e /etc/yum.repos.d/docker-ce.repo; rm /run/offline");

    let failed = {
        // The proxy of the run's environment has a password, and the manager repeats it.
        let script = "code=0; http_proxy=http://ada:swordfish@proxy.company.com:3128 sesam-doctor check software.docker --profile /etc/lab.toml --offline --timeout 30 --fix --yes --format json >/run/report.json 2>/run/said || code=$?; echo $code; cat /run/said";
        machine.sh(script)
    };
    assert!(failed.starts_with("2\n"), "{failed}");
    assert!(
        failed.contains("`/usr/bin/dnf -y install docker-ce` ended with 1: Error: Transaction test error:; package docker-ce conflicts with podman-docker (all that it said is in /var/lib/sesam-doctor/run-"),
        "{failed}"
    );
    machine.sh("test ! -e /etc/yum.repos.d/docker-ce.repo");
    let place = failed
        .split("all that it said is in ")
        .nth(1)
        .and_then(|rest| rest.split(')').next())
        .unwrap();
    assert_eq!(
        machine.sh(&format!("stat -c '%a %u' {place}")).trim(),
        "600 0"
    );
    let kept = machine.sh(&format!("cat {place}"));
    assert!(
        kept.contains("$ /usr/bin/dnf -y install docker-ce\nInstalling : part-1 of docker-ce"),
        "{kept}"
    );
    assert!(
        kept.contains("part-300 of") && kept.contains("conflicts with podman-docker"),
        "{kept}"
    );
    let everything = failed + &machine.sh("cat /var/lib/sesam-doctor/* /run/report.json");
    assert!(!everything.contains("swordfish"), "{everything}");
    // The next run carries on.
    machine.sh("rm /run/fails");
    let carried_on = fix(&machine, "software.docker");
    assert_eq!(
        first_step(&carried_on),
        done(INSTALL),
        "{}",
        carried_on.said
    );
}

#[test]
fn where_the_distribution_has_an_engine_no_other_source_is_written() {
    let Some(machine) = red_hat("yum", "7.9") else {
        return;
    };
    machine.sh("echo docker >/run/packages");
    let fixed = fix(&machine, "software.docker");
    assert_eq!(first_step(&fixed), done(INSTALL), "{}", fixed.said);
    assert_eq!(
        called(&machine),
        [
            "yum -y -q makecache",
            "yum -q info docker-ce",
            "yum -q info docker",
            "yum -y install docker",
        ]
    );
    machine.sh("test ! -e /etc/yum.repos.d/docker-ce.repo; systemctl is-active docker");
}

#[test]
fn without_a_package_manager_that_is_known_it_is_said_which_ones_are() {
    let Some(machine) = red_hat("zypper", "9.4") else {
        return;
    };
    let failed = fix(&machine, "software.docker");
    assert_eq!(failed.code, 2, "{}", failed.said);
    assert!(
        failed.said.contains("none of the package managers apt, dnf, yum is on this machine; install the Docker engine by hand"),
        "{}",
        failed.said
    );
}
