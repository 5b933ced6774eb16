//! The operating system and the machine's names.

pub mod addresses;
pub(in crate::facts) mod os_release;
pub(in crate::facts) mod red_hat_release;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use os_release::OsRelease;

use self::addresses::OwnAddress;
use super::{FileProblem, Observed, Root, Site, bounded, read_text};
use crate::units::Bytes;

/// Real os-release files have less than a kilobyte.
const LARGEST_RELEASE_FILE: Bytes = Bytes(64_000);

/// Linux allows a host name of 64 bytes; the file may have comments around it.
const LARGEST_HOSTNAME_FILE: Bytes = Bytes(4_096);

/// Where `os-release(5)` has its file; the second counts only where the first is missing.
const OS_RELEASE_FILES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// What Red Hat's family had before it had os-release.
const RED_HAT_RELEASE_FILE: &str = "/etc/redhat-release";

/// The operating system and the machine's names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// The machine's own name; empty where it has none.
    pub hostname: String,
    /// The release of the kernel.
    pub kernel: String,
    /// The kind of the CPUs, as in `x86_64`.
    pub architecture: String,
    /// What the system says it is; absent where no release file is there.
    #[serde(default)]
    pub os: Observed<OsRelease>,
    /// The addresses by which others can reach it.
    #[serde(default)]
    pub addresses: Observed<Vec<OwnAddress>>,
}

impl Host {
    /// What the operating system calls itself; empty where it does not say.
    #[must_use]
    pub fn os_name(&self) -> String {
        self.os.seen().map(OsRelease::title).unwrap_or_default()
    }

    /// The addresses by which others can reach it, each once; none where they were not observed.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let mut addresses: Vec<String> = Vec::new();
        for own in self.addresses.seen().into_iter().flatten() {
            let address = own.address.to_string();
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }
}

/// Asks the kernel for its names, and the files of the examined root for theirs.
pub async fn observe(site: Site) -> Observed<Host> {
    let (root, of_root) = (site.root.clone(), site.root.clone());
    let (os, hostname, addresses) = tokio::join!(
        bounded(site.deadline, "os-release", move || os_release(&root)),
        bounded(site.deadline, "/etc/hostname", move || recorded_hostname(
            &of_root
        )),
        bounded(
            site.deadline,
            "the addresses of this machine",
            addresses::for_others
        ),
    );
    let names = rustix::system::uname();
    let own = names.nodename().to_string_lossy().into_owned();
    Observed::Seen(Host {
        hostname: match hostname {
            Observed::Seen(recorded) => recorded,
            _ => own,
        },
        kernel: names.release().to_string_lossy().into_owned(),
        architecture: names.machine().to_string_lossy().into_owned(),
        os,
        addresses,
    })
}

fn os_release(root: &Root) -> Observed<OsRelease> {
    for file in OS_RELEASE_FILES {
        match release_file(root, file) {
            Observed::Absent => {}
            found => return found.map(|text| os_release::parse(file, &text)),
        }
    }
    release_file(root, RED_HAT_RELEASE_FILE)
        .map(|text| red_hat_release::parse(RED_HAT_RELEASE_FILE, &text))
}

fn release_file(root: &Root, file: &str) -> Observed<String> {
    match read_text(root, Path::new(file), LARGEST_RELEASE_FILE) {
        Ok(text) => Observed::Seen(text),
        Err(problem) => Observed::from_problem(&problem, file),
    }
}

/// The name that the examined root would take at its start; the running machine's own name is the kernel's.
fn recorded_hostname(root: &Root) -> Observed<String> {
    if root.is_machine() {
        return Observed::NotAsked;
    }
    let file = "/etc/hostname";
    let text = match read_text(root, Path::new(file), LARGEST_HOSTNAME_FILE) {
        Ok(text) => text,
        Err(FileProblem::Io(error)) => return Observed::from_error(&error, file),
        Err(problem) => return Observed::from_problem(&problem, file),
    };
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .map_or(Observed::Absent, |name| {
            Observed::Seen(os_release::printable(name))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let place = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = place.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let root = Root::at(place.path()).unwrap();
        (place, root)
    }

    #[test]
    fn the_first_release_file_that_is_there_counts() {
        let old = ("etc/redhat-release", "CentOS release 6.10 (Final)\n");
        let vendor = ("usr/lib/os-release", "ID=fedora\n");
        let own = ("etc/os-release", "ID=ubuntu\n");
        for (files, id) in [
            (vec![old], "centos"),
            (vec![old, vendor], "fedora"),
            (vec![old, vendor, own], "ubuntu"),
        ] {
            let (_place, root) = tree(&files);
            assert_eq!(
                os_release(&root).seen().unwrap().id.as_deref(),
                Some(id),
                "{files:?}"
            );
        }
        let (_place, root) = tree(&[]);
        assert_eq!(os_release(&root), Observed::Absent);
    }

    #[test]
    fn what_stands_in_place_of_a_release_file_is_said() {
        let (_place, root) = tree(&[("etc/os-release/oops", "")]);
        assert!(
            matches!(os_release(&root), Observed::Failed(reason) if reason.contains("a directory"))
        );
        let huge = "X".repeat(70_000);
        let (_place, root) = tree(&[("etc/os-release", &huge)]);
        assert!(matches!(os_release(&root), Observed::Failed(reason) if reason.contains("70 kB")));
    }

    #[test]
    fn the_name_of_another_root_is_its_own() {
        let (_place, root) = tree(&[("etc/hostname", "# ours\n\n  node-7\x1b[2J \n")]);
        assert_eq!(
            recorded_hostname(&root),
            Observed::Seen("node-7[2J".to_owned())
        );
        assert_eq!(recorded_hostname(&Root::machine()), Observed::NotAsked);
        let (_place, root) = tree(&[("etc/hostname", "\n")]);
        assert_eq!(recorded_hostname(&root), Observed::Absent);
    }
}
