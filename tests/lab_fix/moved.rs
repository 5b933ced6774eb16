//! An old installation whose data are moved and not copied: by rename, and back.

use super::{fix, listing, machine, no_secret, prepared, results};
use machine::Machine;

const NEW: &str = "/srv/data/sesam/node-00/data";

/// A file of the data, as the file system knows it; its name has changed and it has not.
fn inode(machine: &Machine, directory: &str) -> String {
    machine.sh(&format!("stat -c %i {directory}/lake/7"))
}

fn old_runs(machine: &Machine) {
    machine.sh("is sesam-node '{{.State.Running}}' true && is nginx '{{.State.Running}}' true && is sesam-node '{{.HostConfig.RestartPolicy.Name}}' always");
}

#[test]
fn data_are_moved_within_their_file_system_and_moved_back() {
    // On a disk of their own, and without one.
    for (old, new, disk) in [
        ("/srv/data/before/data", NEW, "data"),
        ("/srv/old/data", "/sesam/node-00/data", "root"),
    ] {
        let Some(machine) = prepared("2025") else {
            return;
        };
        if disk == "root" {
            machine.sh("umount /srv/data");
        }
        machine.sh(&format!(
            "printf 'migration = \"move\"\\ndisk = \"{disk}\"\\n' >>/root/answers.toml; old-installation hand {old} 60"
        ));
        let (before, same) = (listing(&machine, old), inode(&machine, old));
        let fixed = fix(&machine, "--keep-old");
        no_secret(&machine, &fixed);
        assert_eq!(fixed.code, 0, "{}", fixed.said);
        assert!(
            results(&fixed)
                .iter()
                .any(|(result, words)| result == "done"
                    && words.starts_with("move (within its file system)")
                    && words.ends_with(&format!("from {old} to {new}; its license is among them"))),
            "{}",
            fixed.said
        );
        assert_eq!(listing(&machine, new), before);
        assert_eq!(inode(&machine, new), same);
        machine.sh(&format!(
            "test ! -e {old}; is sesam-node '{{{{.State.Health.Status}}}}' healthy"
        ));
        let second = fix(&machine, "--keep-old");
        assert!(second.said.contains("nothing to do"), "{}", second.said);

        let undone = machine.sh("sesam-doctor undo --yes 2>&1");
        assert_eq!(listing(&machine, old), before, "{undone}");
        assert_eq!(inode(&machine, old), same);
        machine.sh(&format!("test ! -e {new} || test -z \"$(ls -A {new})\""));
        old_runs(&machine);
    }
}

#[test]
fn data_that_were_moved_are_moved_back_where_the_new_stack_never_gets_well() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    let old = "/srv/data/before/data";
    machine.sh(&format!(
        "printf 'migration = \"move\"\\n' >>/root/answers.toml; old-installation hand {old} 60"
    ));
    machine.sh("printf 'FROM sesam/sesam-node:weekly-prod\\nRUN rm /entrypoint.sh\\n' | docker build -q -t sesam/sesam-node:weekly-prod - && hub older sesam/sesam-node:weekly-prod");
    machine.sh("sed -i 's/^healthy_within_seconds.*/healthy_within_seconds = 5/' /etc/lab.toml");
    let (before, same) = (listing(&machine, old), inode(&machine, old));
    let sick = fix(&machine, "");
    assert_eq!(sick.code, 2, "{}", sick.said);
    let failed: Vec<_> = results(&sick)
        .into_iter()
        .filter(|(result, _)| result == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{}", sick.said);
    assert_eq!(failed[0].1, "wait until the stack is well");
    assert_eq!(listing(&machine, old), before, "{}", sick.said);
    assert_eq!(inode(&machine, old), same);
    old_runs(&machine);
}
