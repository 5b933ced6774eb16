//! A run that is interrupted while a package manager works, others that come meanwhile, and the run after it.

use super::{SCOPE, fix, prepared, results};
use crate::machine::Machine;

/// Holds dpkg where it is about to begin, until somebody makes /run/go-on.
const HOLD: &str =
    r#"DPkg::Pre-Invoke { "touch /run/begun; while [ ! -e /run/go-on ]; do sleep 0.1; done"; };"#;

#[test]
fn a_package_manager_finishes_what_it_has_begun() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("bare");
    machine.write("/etc/apt/apt.conf.d/99hold", HOLD);
    machine.sh(&format!(
        "(code=0; sesam-doctor check {SCOPE} --profile /etc/lab.toml --timeout 10 --fix --yes --answers /root/answers.toml >/dev/null 2>/run/said & pid=$!; echo $pid >/run/doctor; wait $pid || code=$?; echo $code >/run/code) </dev/null >/dev/null 2>&1 &"
    ));
    machine.sh("wait-until test -e /run/begun");

    others_are_refused(&machine);

    machine.sh("kill -INT $(cat /run/doctor); wait-until grep -q 'finishes what it has begun' /run/said; test ! -e /run/code; touch /run/go-on; wait-until test -s /run/code");
    assert_eq!(machine.sh("cat /run/code").trim(), "130");
    let said = machine.sh("cat /run/said");
    assert!(
        said.contains("was interrupted; --fix carries it on"),
        "{said}"
    );
    assert_eq!(machine.sh("dpkg --audit").trim(), "");
    machine.sh("dpkg -s docker.io | grep -q '^Status: install ok installed'");
    let list = machine.sh("sesam-doctor undo --list");
    assert!(list.contains("interrupted, "), "{list}");
    // What came after the package was not begun.
    machine.sh("test ! -e /srv/data/docker-compose.yml");

    // As a power cut would have left it.
    machine.sh("rm /etc/apt/apt.conf.d/99hold; dpkg --unpack /usr/share/lab/packages/docker.io_*.deb /usr/share/lab/packages/containerd_*.deb >/dev/null 2>&1; sed -i '/^Package: containerd$/,/^$/ s/^Status: .*/Status: install reinstreq half-installed/' /var/lib/dpkg/status; dpkg --audit | grep -q containerd");
    let fixed = fix(&machine, "");
    assert_eq!(fixed.code, 0, "{}", fixed.said);
    let finished = (
        "done".to_owned(),
        "have dpkg finish what it was interrupted in".to_owned(),
    );
    assert!(results(&fixed).contains(&finished), "{:?}", results(&fixed));
    assert_eq!(machine.sh("dpkg --audit").trim(), "");
}

fn others_are_refused(machine: &Machine) {
    let holder = format!("process {}", machine.sh("cat /run/doctor").trim());
    for command in [
        format!("check {SCOPE} --profile /etc/lab.toml --fix --yes --answers /root/answers.toml"),
        "undo --yes".to_owned(),
    ] {
        let said = machine.sh(&format!(
            "code=0; sesam-doctor {command} 2>&1 >/dev/null || code=$?; echo $code"
        ));
        assert!(
            said.contains(&holder) && said.trim_end().ends_with('3'),
            "{said}"
        );
    }
    let list = machine.sh("sesam-doctor undo --list");
    assert!(list.contains("under way, "), "{list}");
}
