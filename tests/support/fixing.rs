//! Roots on which `--fix` has something to mend with files alone.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../license_text/mod.rs"]
mod license_text;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::{support::doctor, trees};

/// The node's user in these roots.
pub const USER: u32 = 12_345;

/// Where the doctor keeps its journals.
pub const JOURNAL: &str = "var/lib/sesam-doctor";

/// A directory that stands for `/`, with a `.env` that names the node's user, and a license beside it.
pub struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    /// Nothing but an operating system, a stack's variables and a license that a person brought.
    pub fn bare() -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        place.write(
            "etc/os-release",
            "ID=ubuntu\nVERSION_ID=\"22.04\"\nPRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\n",
        );
        place.write(
            "srv/data/.env",
            &format!("USER_ID={USER}\nNODE_DOMAIN=node.acme.test\n"),
        );
        fs::create_dir_all(place.path("var/lib")).unwrap();
        place.write("brought/license.key", &license_text::license());
        place.write(
            "brought/answers.toml",
            &format!(
                "license_file = \"{}\"\n",
                place.path("brought/license.key").display()
            ),
        );
        place
    }

    /// The same, with things that belong to the wrong user or may be written to and read by everybody.
    pub fn neglected() -> Self {
        let place = Self::bare();
        for number in 0..6 {
            place.write(
                &format!("srv/data/sesam/node-00/data/db/{number}.sst"),
                "data",
            );
        }
        let acme = place.write("srv/data/traefik/letsencrypt/acme.json", "{}");
        fs::set_permissions(acme, fs::Permissions::from_mode(0o644)).unwrap();
        let open = place.path("srv/data/sesam/node-00/data/db/3.sst");
        fs::set_permissions(open, fs::Permissions::from_mode(0o666)).unwrap();
        place
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.root().join(inside)
    }

    pub fn write(&self, inside: &str, content: &str) -> PathBuf {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Hands something to the node's user, as on a machine where the node has run.
    pub fn of_user(&self, inside: &str) {
        chown(self.path(inside), Some(USER), Some(USER)).unwrap();
    }

    /// What is there now, without the doctor's own journals.
    pub fn listing(&self) -> trees::Listing {
        trees::listing(self.root(), &[JOURNAL])
    }

    /// The doctor, about what files alone can mend here.
    pub fn doctor(&self) -> Command {
        let mut command = doctor();
        command
            .arg("--root")
            .arg(self.root())
            .args(["--format", "json"]);
        command
    }

    /// The doctor, told to mend without asking.
    pub fn fix(&self) -> Command {
        let mut command = self.doctor();
        command
            .args([
                "check",
                "layout",
                "license.file",
                "tls.store",
                "--fix",
                "--yes",
            ])
            .arg("--answers")
            .arg(self.path("brought/answers.toml"));
        command
    }

    /// The doctor, told to take back what it did last.
    pub fn undo(&self) -> Command {
        let mut command = doctor();
        command
            .arg("--root")
            .arg(self.root())
            .args(["undo", "--yes"]);
        command
    }

    /// The runs whose journals are there.
    pub fn runs(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.path(JOURNAL)) else {
            return Vec::new();
        };
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "jsonl")
            })
            .collect()
    }
}

/// The report that a run gave; what it said on stderr is shown where it gave none.
pub fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The status of a finding.
pub fn status(report: &Value, id: &str) -> String {
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["id"] == id)
        .unwrap()["status"]
        .as_str()
        .unwrap()
        .to_owned()
}
