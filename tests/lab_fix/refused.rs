//! Steps that are refused by what stands around them: a port that another program holds, and a login that a credential
//! helper keeps.

use super::{failed, fix, machine, no_secret, prepared};
use machine::Machine;

#[test]
fn a_stack_that_does_not_come_up_is_taken_down_and_the_next_run_carries_on() {
    for edition in ["2023", "2025"] {
        let Some(machine) = prepared(edition) else {
            return;
        };
        machine.sh("bare");
        machine.sh("systemd-run -q --unit lab-holder /usr/share/lab/image/bin/busybox httpd -f -p 443; wait-until sh -c 'ss -tln | grep -q :443'");
        let refused = fix(&machine, "");
        no_secret(&machine, &refused);
        assert_eq!(refused.code, 2, "{}", refused.said);
        assert_eq!(
            failed(&refused),
            ["bring the stack of /srv/data/docker-compose.yml up"],
            "{}",
            refused.said
        );
        assert!(
            refused.said.contains("address already in use"),
            "{}",
            refused.said
        );
        // Nothing of the stack is left running or lying about, and what stays is named.
        assert_eq!(machine.sh("docker ps -aq").trim(), "");
        assert_eq!(
            machine
                .sh("docker network ls -q --filter type=custom")
                .trim(),
            ""
        );
        machine.sh("test ! -e /srv/data/docker-compose.yml && test ! -e /srv/data/.env && test ! -e /root/.docker && test ! -e /home/sesam/.docker");
        let kept = refused.report["remediation"]["left"].to_string();
        assert!(
            kept.contains("stays installed"),
            "{}",
            refused.report["remediation"]
        );
        assert!(kept.contains("image"), "{kept}");
        machine.sh("systemctl stop lab-holder");
        let carried_on = fix(&machine, "");
        assert_eq!(carried_on.code, 0, "{}", carried_on.said);
        machine.sh("is sesam-node '{{.State.Health.Status}}' healthy");
    }
}

/// A helper of the lab, which keeps logins in a file of the account's home.
const HELPER: &str = r#"#!/bin/sh
set -eu
kept=$HOME/lab-credentials
case $1 in
store) cat >"$kept"; chmod 600 "$kept" ;;
get) read -r server || test -n "$server"
    grep -qs "$server" "$kept" || { echo "credentials not found in native keychain"; exit 1; }
    cat "$kept" ;;
erase) read -r server || test -n "$server"; rm "$kept" ;;
list) echo '{}' ;;
esac
"#;

fn with_helper(edition: &str) -> Option<(Machine, &'static str)> {
    let machine = prepared(edition)?;
    machine.sh("bare");
    machine.write("/usr/local/bin/docker-credential-lab", HELPER);
    machine.sh("chmod 755 /usr/local/bin/docker-credential-lab");
    let home = if edition == "2023" {
        "/root"
    } else {
        machine.sh("useradd --uid 1001 --create-home --home-dir /home/sesam --shell /bin/sh sesam");
        "/home/sesam"
    };
    machine.sh(&format!(
        "mkdir -m 700 {home}/.docker; echo '{{\"credsStore\": \"lab\"}}' >{home}/.docker/config.json; chown -R --reference={home} {home}/.docker"
    ));
    Some((machine, home))
}

#[test]
fn a_login_goes_to_the_credential_helper_and_is_forgotten_again() {
    for edition in ["2023", "2025"] {
        let Some((machine, home)) = with_helper(edition) else {
            return;
        };
        let look = format!(
            "stat -c '%n %a %U' {home}/.docker/config.json; cat {home}/.docker/config.json"
        );
        let before = machine.sh(&look);
        let fixed = fix(&machine, "");
        no_secret(&machine, &fixed);
        assert_eq!(failed(&fixed), Vec::<String>::new(), "{}", fixed.said);
        machine.sh("is sesam-node '{{.State.Health.Status}}' healthy");
        let owner = if edition == "2023" { "root" } else { "sesam" };
        assert_eq!(
            machine
                .sh(&format!("stat -c '%a %U' {home}/lab-credentials"))
                .trim(),
            format!("600 {owner}")
        );
        machine.sh(&format!(
            "grep -q '\"Username\":\"customer\"' {home}/lab-credentials && grep -q swordfish {home}/lab-credentials
            ! grep -q auth\\\" {home}/.docker/config.json && grep -q '\"credsStore\": \"lab\"' {home}/.docker/config.json"
        ));
        assert!(
            fixed
                .said
                .contains("Watchtower cannot use a credential helper"),
            "{}",
            fixed.said
        );
        let second = fix(&machine, "");
        assert!(second.said.contains("nothing to do"), "{}", second.said);

        let undone = machine.sh("sesam-doctor undo --yes 2>&1");
        assert!(
            undone.contains("have the credential helper docker-credential-lab forget the login"),
            "{undone}"
        );
        machine.sh(&format!("test ! -e {home}/lab-credentials"));
        assert_eq!(machine.sh(&look), before);
    }
}

#[test]
fn a_login_that_the_helper_had_is_replaced_and_that_it_stays_is_said() {
    let Some((machine, home)) = with_helper("2023") else {
        return;
    };
    machine.sh(&format!(
        "echo '{{\"ServerURL\":\"https://index.docker.io/v1/\",\"Username\":\"customer\",\"Secret\":\"formerly\"}}' >{home}/lab-credentials"
    ));
    let fixed = fix(&machine, "");
    no_secret(&machine, &fixed);
    assert_eq!(failed(&fixed), Vec::<String>::new(), "{}", fixed.said);
    machine.sh(&format!("grep -q swordfish {home}/lab-credentials"));
    let undone = machine.sh("sesam-doctor undo --yes 2>&1");
    assert!(
        undone.contains("the login of customer stays with the credential helper docker-credential-lab, in place of the one that it had"),
        "{undone}"
    );
    machine.sh(&format!("grep -q swordfish {home}/lab-credentials"));
    let journals = machine.sh("cat /var/lib/sesam-doctor/*");
    assert!(!journals.contains("formerly") && !journals.contains("swordfish"));
}
