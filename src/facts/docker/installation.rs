//! Docker as it lies on the disk: programs, units, `daemon.json`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::secrets;
use crate::{
    facts::{Observed, Root, Site, bounded, read_text},
    redact::{MARK, Redactor},
    units::Bytes,
};

/// Where distributions, Docker's own packages, snap and people put programs.
const PROGRAM_DIRECTORIES: [&str; 7] = [
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/bin",
    "/sbin",
    "/snap/bin",
];

/// Where systemd finds units; the first counts.
const UNIT_DIRECTORIES: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// What the engine's unit is called; the second is snap's.
const UNITS: [&str; 2] = ["docker.service", SNAP_UNIT];
const SNAP_UNIT: &str = "snap.docker.dockerd.service";

/// Nobody writes a longer configuration by hand.
const LONGEST_FILE: Bytes = Bytes(1_000_000);

/// What of Docker is on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Installation {
    /// The engine's program.
    pub daemon: Option<PathBuf>,
    /// The client's program.
    pub client: Option<PathBuf>,
    /// systemd's unit for the engine; snap's where there is no other.
    pub unit: Option<PathBuf>,
    /// Whether that unit is masked, a link to `/dev/null`.
    pub masked: bool,
    /// Whether the engine is started at boot, by its service or its socket.
    pub enabled: bool,
}

impl Installation {
    /// Whether snap brought the engine.
    #[must_use]
    pub fn is_of_snap(&self) -> bool {
        let unit = self.unit.as_deref().and_then(Path::file_name);
        unit.is_some_and(|name| name == SNAP_UNIT)
    }

    /// Whether the engine is on the machine at all.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        self.daemon.is_some() || (self.unit.is_some() && !self.masked)
    }
}

/// `daemon.json`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DaemonFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says, secrets taken out, or why that cannot be told.
    pub content: Result<Value, Malformed>,
}

/// Why a configuration file cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Malformed {
    /// Counted from 1; 0 where it is the file as a whole.
    pub line: usize,
    /// Why.
    pub message: String,
}

/// The proxies that the running engine uses, without logins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Proxies {
    /// For plain HTTP; empty where there is none.
    pub http: String,
    /// For HTTPS; empty where there is none.
    pub https: String,
    /// The destinations that are reached without.
    pub none_for: String,
}

impl Proxies {
    pub(super) fn new(http: &str, https: &str, none_for: &str, redactor: &Redactor) -> Self {
        Self {
            http: secrets::without_login(http.trim(), redactor),
            https: secrets::without_login(https.trim(), redactor),
            none_for: none_for.trim().to_owned(),
        }
    }
}

pub(super) async fn observe(site: &Site) -> Observed<Installation> {
    let root = site.root.clone();
    bounded(site.deadline, "the programs of Docker", move || {
        let unit = UNITS
            .iter()
            .flat_map(|name| UNIT_DIRECTORIES.map(|directory| Path::new(directory).join(name)))
            .find(|unit| is_there(&root, unit));
        Observed::Seen(Installation {
            daemon: program_path(&root, "dockerd"),
            client: program_path(&root, "docker"),
            masked: unit.as_deref().is_some_and(|unit| is_masked(&root, unit)),
            enabled: [
                "multi-user.target.wants/docker.service",
                "sockets.target.wants/docker.socket",
                "multi-user.target.wants/snap.docker.dockerd.service",
            ]
            .iter()
            .any(|link| is_there(&root, &Path::new("/etc/systemd/system").join(link))),
            unit,
        })
    })
    .await
}

/// The first program of this name where programs are.
#[must_use]
pub fn program_path(root: &Root, name: &str) -> Option<PathBuf> {
    PROGRAM_DIRECTORIES
        .iter()
        .map(|directory| Path::new(directory).join(name))
        .find(|path| {
            root.locate(path)
                .is_ok_and(|located| located.metadata().is_ok_and(|found| found.is_file()))
        })
}

fn is_there(root: &Root, path: &Path) -> bool {
    root.locate_link(path)
        .is_ok_and(|located| located.symlink_metadata().is_ok())
}

fn is_masked(root: &Root, unit: &Path) -> bool {
    root.locate_link(unit)
        .and_then(std::fs::read_link)
        .is_ok_and(|target| target == Path::new("/dev/null"))
}

pub(super) async fn observe_daemon_file(site: &Site) -> Observed<DaemonFile> {
    let (root, redactor) = (site.root.clone(), site.redactor.clone());
    let path = site.profile.software.daemon_file.to_path_buf();
    let what = path.display().to_string();
    bounded(site.deadline, what.clone(), move || {
        match read_text(&root, &path, LONGEST_FILE) {
            Err(problem) => Observed::from_problem(&problem, &what),
            Ok(text) => Observed::Seen(DaemonFile {
                path,
                content: read_json(&text, &redactor),
            }),
        }
    })
    .await
}

fn read_json(text: &str, redactor: &Redactor) -> Result<Value, Malformed> {
    if text.trim().is_empty() {
        // The engine takes an empty file for one without settings.
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let mut value: Value = serde_json::from_str(text).map_err(|error| Malformed {
        line: error.line(),
        message: error.to_string(),
    })?;
    if !value.is_object() {
        return Err(Malformed {
            line: 0,
            message: "it has to be a JSON object".into(),
        });
    }
    hide(&mut value, redactor);
    Ok(value)
}

fn hide(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = secrets::without_login(text, redactor),
        Value::Array(values) => values.iter_mut().for_each(|value| hide(value, redactor)),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if secrets::is_secret_name(name) => {
                        redactor.learn(text);
                        MARK.clone_into(text);
                    }
                    other => hide(other, redactor),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn proxies_lose_their_logins() {
        let redactor = Redactor::default();
        let proxies = Proxies::new(
            "http://user:swordfish@proxy:3128",
            " http://proxy:3128/ ",
            "",
            &redactor,
        );
        assert_eq!(proxies.http, "http://[redacted]@proxy:3128");
        assert_eq!(proxies.https, "http://proxy:3128/");
        assert_eq!(redactor.text("swordfish"), "[redacted]");
    }

    #[test]
    fn a_configuration_says_where_it_is_wrong() {
        let redactor = Redactor::default();
        assert_eq!(read_json(" \n", &redactor), Ok(serde_json::json!({})));
        let wrong = read_json("{\n  \"log-driver\": \"local\",\n}", &redactor).unwrap_err();
        assert_eq!(wrong.line, 3);
        assert!(read_json("[]", &redactor).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let redactor = Redactor::default();
            let _ = read_json(&text, &redactor);
            let _ = Proxies::new(&text, &text, &text, &redactor);
        }
    }
}
