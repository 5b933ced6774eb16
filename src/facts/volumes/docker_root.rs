//! Where Docker keeps its data.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    facts::{FileProblem, Observed, Root, proc, read_bounded},
    units::Bytes,
};

/// Docker's configuration.
const CONFIGURATION: &str = "/etc/docker/daemon.json";

/// Far more than Docker's configuration says.
const LARGEST_CONFIGURATION: Bytes = Bytes(1_000_000);

/// How the kernel knows the daemon's process; the second is Red Hat's.
const DAEMONS: [&str; 2] = ["dockerd", "dockerd-current"];

/// How it is known where Docker keeps its data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "origin", content = "reason", rename_all = "kebab-case")]
pub enum DockerRootOrigin {
    /// Docker's configuration says so.
    Configuration,
    /// The running daemon was started with it.
    CommandLine,
    /// Docker's configuration says nothing, so the profile's place is taken.
    Profile,
    /// Docker's configuration could not be read, so the profile's place is assumed; the reason.
    Assumed(String),
}

/// Looks where Docker keeps its data; `default` is the place where neither the running daemon nor its configuration tells.
pub(super) fn look(root: &Root, default: &Path) -> (PathBuf, DockerRootOrigin) {
    if root.is_machine()
        && let Some(directory) = of_running_daemon()
    {
        return (directory, DockerRootOrigin::CommandLine);
    }
    configured(root, default)
}

/// What the running daemon was told when it was started; root's, since others' are not this machine's.
fn of_running_daemon() -> Option<PathBuf> {
    let found = proc::processes(&DAEMONS).ok()?;
    let daemon = found.values().find(|process| process.uid == 0)?;
    let process = procfs::process::Process::new(daemon.pid).ok()?;
    told(&process.cmdline().ok()?)
}

/// The value of `--data-root`, which was `--graph` and `-g` before; the last one counts.
fn told(arguments: &[String]) -> Option<PathBuf> {
    let mut found = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument.as_str(), None),
        };
        if matches!(name, "--data-root" | "--graph" | "-g") {
            let value = value.or_else(|| rest.next().map(String::as_str));
            found = value.map(Path::new);
        }
    }
    found
        .filter(|path| path.is_absolute())
        .map(Path::to_path_buf)
}

fn configured(root: &Root, default: &Path) -> (PathBuf, DockerRootOrigin) {
    let file = Path::new(CONFIGURATION);
    let content = match read_bounded(root, file, LARGEST_CONFIGURATION) {
        Ok(content) => content,
        Err(problem) => {
            let origin = match reason(&problem) {
                None => DockerRootOrigin::Profile,
                Some(reason) => DockerRootOrigin::Assumed(reason),
            };
            return (default.to_path_buf(), origin);
        }
    };
    match parse(&content) {
        Ok(Some(directory)) => (directory, DockerRootOrigin::Configuration),
        Ok(None) => (default.to_path_buf(), DockerRootOrigin::Profile),
        Err(reason) => (default.to_path_buf(), DockerRootOrigin::Assumed(reason)),
    }
}

fn reason(problem: &FileProblem) -> Option<String> {
    match Observed::<()>::from_problem(problem, CONFIGURATION) {
        Observed::Denied(what) | Observed::Failed(what) => Some(what),
        _ => None,
    }
}

/// `data-root`, which releases before 17.05 called `graph`.
pub(in crate::facts) fn parse(content: &[u8]) -> Result<Option<PathBuf>, String> {
    if content.trim_ascii().is_empty() {
        return Ok(None);
    }
    let document: Value = serde_json::from_slice(content).map_err(|error| {
        format!(
            "{CONFIGURATION}:{}:{}: no JSON",
            error.line(),
            error.column()
        )
    })?;
    let Some(value) = document.get("data-root").or_else(|| document.get("graph")) else {
        return Ok(None);
    };
    match value.as_str().map(Path::new) {
        Some(path) if path.is_absolute() => Ok(Some(path.to_path_buf())),
        _ => Err(format!("{CONFIGURATION}: “data-root” is no absolute path")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_configuration_tells_or_it_is_said_why_not() {
        for (content, expected) in [
            ("", Ok(None)),
            ("{}", Ok(None)),
            (r#"{"data-root": "/data/docker"}"#, Ok(Some("/data/docker"))),
            (r#"{"graph": "/old"}"#, Ok(Some("/old"))),
            (r#"{"data-root": "relative"}"#, Err(())),
            (r#"{"data-root": 7}"#, Err(())),
            ("{,}", Err(())),
        ] {
            assert_eq!(
                parse(content.as_bytes()).map_err(|_| ()),
                expected.map(|path| path.map(PathBuf::from)),
                "{content}"
            );
        }
    }

    #[test]
    fn the_running_daemon_was_told_on_its_command_line() {
        for (line, expected) in [
            ("/usr/bin/dockerd -H fd://", None),
            ("dockerd --data-root /data/docker", Some("/data/docker")),
            ("dockerd --data-root=/data/docker -D", Some("/data/docker")),
            ("dockerd-current -g /old --graph=/newer", Some("/newer")),
            ("dockerd --data-root", None),
            ("dockerd --data-root relative", None),
            ("dockerd --data-rooted /x", None),
        ] {
            let arguments: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
            assert_eq!(told(&arguments), expected.map(PathBuf::from), "{line}");
        }
    }

    #[test]
    fn without_a_configuration_the_profile_tells() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::at(place.path()).unwrap();
        assert_eq!(
            look(&root, Path::new("/var/lib/docker")),
            ("/var/lib/docker".into(), DockerRootOrigin::Profile)
        );
    }

    proptest! {
        #[test]
        fn no_configuration_makes_it_panic(content in any::<Vec<u8>>()) {
            let _ = parse(&content);
        }

        #[test]
        fn nothing_like_a_configuration_makes_it_panic(value in "[\\[\\]{}\",:a-z0-9/ -]{0,40}") {
            let _ = parse(format!("{{\"data-root\": {value}}}").as_bytes());
        }
    }
}
