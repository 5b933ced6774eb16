//! The compose programs that are on the machine: plugins of the docker client, and programs of their own.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tokio::{process::Command, task::JoinSet};

use super::{
    Observed, Root, Site, bounded,
    docker::program_path,
    program::{self, Ended},
};
/// A version and the words around it.
const LONGEST_ANSWER: usize = 4_096;

/// Every compose program that was found, those that `docker compose` runs first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComposePrograms {
    /// The programs.
    pub found: Vec<ComposeProgram>,
    /// The directories that were looked into.
    pub searched: Vec<PathBuf>,
}

/// One compose program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComposeProgram {
    /// Where it is.
    pub path: PathBuf,
    /// How it is called.
    pub kind: ComposeKind,
    /// Whether it may be executed.
    pub executable: bool,
    /// Its version, as in `2.26.1`.
    pub version: Observed<String>,
}

/// How a compose program is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComposeKind {
    /// `docker compose`
    Plugin,
    /// `docker-compose`
    Standalone,
}

impl ComposeKind {
    /// What a person types.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Plugin => "docker compose",
            Self::Standalone => "docker-compose",
        }
    }
}

/// Looks for the programs, and asks each for its version.
pub async fn observe(site: Site) -> Observed<ComposePrograms> {
    let root = site.root.clone();
    let directories: Vec<PathBuf> = site
        .profile
        .software
        .compose_plugin_directories
        .iter()
        .map(|directory| directory.to_path_buf())
        .collect();
    let searched = directories.clone();
    let candidates = bounded(site.deadline, "the compose programs", move || {
        let plugin = directories
            .iter()
            .map(|directory| directory.join("docker-compose"))
            .find(|path| root.locate(path).is_ok_and(|located| located.is_file()))
            .map(|path| (path, ComposeKind::Plugin));
        let standalone =
            program_path(&root, "docker-compose").map(|path| (path, ComposeKind::Standalone));
        Observed::Seen(
            plugin
                .into_iter()
                .chain(standalone)
                .map(|(path, kind)| {
                    let look = Look::at(&root, &path);
                    (path, kind, look)
                })
                .collect::<Vec<_>>(),
        )
    })
    .await;
    let candidates = match candidates {
        Observed::Seen(candidates) => candidates,
        other => return other.map(|_| ComposePrograms::default()),
    };
    let mut looks = JoinSet::new();
    for (index, (path, kind, look)) in candidates.into_iter().enumerate() {
        let site = site.clone();
        looks.spawn(crate::defects::inherited(async move {
            let version = match look.version {
                Some(version) => Observed::Seen(version),
                // What lies in another root is another machine's, and is not run on this one.
                None if look.executable && site.root.is_machine() => ask(&site, &path).await,
                None => Observed::NotAsked,
            };
            let program = ComposeProgram {
                path,
                kind,
                executable: look.executable,
                version,
            };
            (index, program)
        }));
    }
    let mut found = Vec::new();
    while let Some(looked) = looks.join_next().await {
        // One that panicked is a defect of the doctor, and costs that program only.
        found.extend(looked.ok());
    }
    found.sort_by_key(|(index, _)| *index);
    let found = found.into_iter().map(|(_, program)| program).collect();
    Observed::Seen(ComposePrograms { found, searched })
}

/// What a file tells without being run.
struct Look {
    executable: bool,
    version: Option<String>,
}

impl Look {
    fn at(root: &Root, path: &Path) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let located = root.locate(path).unwrap_or_else(|_| path.to_path_buf());
        let executable = located
            .metadata()
            .is_ok_and(|found| found.permissions().mode() & 0o111 != 0);
        Self {
            executable,
            // Starting Python for its version takes longer than everything else together.
            version: is_python(&located)
                .unwrap_or(false)
                .then(|| packaged_version(root).unwrap_or_else(|| "1".to_owned())),
        }
    }
}

fn is_python(path: &Path) -> io::Result<bool> {
    use std::io::Read;
    let mut start = [0_u8; 64];
    let length = std::fs::File::open(path)?.read(&mut start)?;
    let start = String::from_utf8_lossy(start.get(..length).unwrap_or_default()).into_owned();
    Ok(start.starts_with("#!") && start.contains("python"))
}

/// Compose v1 is a Python package; what is installed says so in the name of its metadata.
fn packaged_version(root: &Root) -> Option<String> {
    [
        "/usr/lib/python3/dist-packages",
        "/usr/local/lib/python3/dist-packages",
    ]
    .iter()
    .find_map(|directory| {
        let located = root.locate(Path::new(directory)).ok()?;
        std::fs::read_dir(located)
            .ok()?
            .flatten()
            .find_map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                let rest = name.strip_prefix("docker_compose-")?;
                let version = rest.split(['-', '.']).collect::<Vec<_>>();
                let numbers: Vec<&str> = version
                    .into_iter()
                    .take_while(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
                    .collect();
                (!numbers.is_empty()).then(|| numbers.join("."))
            })
    })
}

async fn ask(site: &Site, path: &Path) -> Observed<String> {
    let mut command = Command::new(path);
    command.args(["version", "--short"]);
    let shown = path.display();
    match program::run(command, LONGEST_ANSWER, site.deadline).await {
        Err(error) => Observed::Failed(format!("{shown} could not be run: {error}")),
        Ok(run) => match run.ended {
            Ended::Exited(0) => match version_in(&run.stdout.text()) {
                Some(version) => Observed::Seen(version),
                None => Observed::Failed(format!("{shown} named no version")),
            },
            Ended::Exited(code) => {
                Observed::Failed(format!("{shown}, asked for its version, ended with {code}"))
            }
            Ended::Signalled(signal) => Observed::Failed(format!(
                "{shown}, asked for its version, was killed by signal {signal}"
            )),
            Ended::TimedOut => Observed::TimedOut(format!(
                "{shown} did not name its version within {} s",
                site.deadline.as_secs_f64()
            )),
        },
    }
}

/// The first word that looks like a version, without a leading `v`.
fn version_in(text: &str) -> Option<String> {
    text.split_whitespace()
        .map(|word| word.trim_start_matches('v').trim_end_matches(','))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.'))
        .map(|word| word.chars().take(40).collect())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_python_script_is_known_as_the_first_version_without_running_it() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::at(place.path()).unwrap();
        let programs = place.path().join("usr/bin");
        let packages = place
            .path()
            .join("usr/lib/python3/dist-packages/docker_compose-1.29.2.egg-info");
        fs::create_dir_all(&programs).unwrap();
        fs::create_dir_all(packages).unwrap();
        let path = programs.join("docker-compose");
        fs::write(&path, "#! /usr/bin/python3\nimport sys\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let look = Look::at(&root, Path::new("/usr/bin/docker-compose"));
        assert!(look.executable);
        assert_eq!(look.version.as_deref(), Some("1.29.2"));
        fs::write(&path, "\u{7f}ELF").unwrap();
        assert_eq!(
            Look::at(&root, Path::new("/usr/bin/docker-compose")).version,
            None
        );
    }

    #[test]
    fn versions_are_found_in_what_programs_say() {
        for (text, version) in [
            ("2.26.1\n", Some("2.26.1")),
            ("v2.26.1-4\n", Some("2.26.1-4")),
            ("Docker Compose version v2.1.0", Some("2.1.0")),
            (
                "docker-compose version 1.29.2, build 5becea4c",
                Some("1.29.2"),
            ),
            ("no version here", None),
            ("", None),
        ] {
            assert_eq!(version_in(text).as_deref(), version, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = version_in(&text);
        }
    }
}
