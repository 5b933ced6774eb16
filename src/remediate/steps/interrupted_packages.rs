//! A package manager that was interrupted, by a power cut or by somebody's Ctrl-C: it refuses all work until what it had
//! begun is finished (`dpkg(1)`, `--audit` and `--configure`).

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::packages::Manager;
use crate::{
    files::{FileProblem, Root, read_text},
    remediate::{
        change::{Change, WayBack},
        machine::{Call, Machine},
        step::{Step, StepError},
    },
    units::Bytes,
};

/// Where dpkg notes what it is about; nothing is in it between two runs.
const UPDATES: &str = "/var/lib/dpkg/updates";
/// The state of every package.
const STATUS: &str = "/var/lib/dpkg/status";
/// That of a machine with ten thousand packages.
const LARGEST_STATUS: Bytes = Bytes(64 * 1024 * 1024);
/// Another package manager may be at work.
const PAUSE: Duration = Duration::from_secs(1);

/// The step that has it finish.
pub(super) struct FinishPackages {
    manager: Manager,
    dpkg: PathBuf,
    within: Duration,
    which: Which,
}

/// The packages that matter.
pub(super) enum Which {
    /// All, where one is to be installed: one in pieces keeps it from that.
    Any,
    /// These.
    Named(Vec<String>),
}

impl Which {
    fn has(&self, package: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Named(names) => names.iter().any(|name| name == package),
        }
    }
}

impl FinishPackages {
    /// The step, on a machine whose packages are dpkg's.
    pub(super) fn new(
        manager: Manager,
        machine: &Machine,
        within: Duration,
        which: Which,
    ) -> Option<Self> {
        Some(Self {
            manager,
            dpkg: machine.program(&["dpkg"])?,
            within,
            which,
        })
    }

    fn configure(&self) -> Call {
        self.manager
            .call(&self.dpkg)
            .told()
            .to_its_end()
            .arguments(["--force-confold", "--force-confdef", "--configure", "-a"])
    }
}

impl Step for FinishPackages {
    fn words(&self) -> String {
        "have dpkg finish what it was interrupted in".into()
    }

    fn script(&self) -> Vec<String> {
        vec![
            "dpkg --configure -a || true".into(),
            // The names as in `states`; see `Manager::repair`.
            r#"broken=$(dpkg-query -W -f '${db:Status-Eflag} ${db:Status-Status} ${Package}\n' | awk '$1 == "reinstreq" || $2 == "half-installed" { print $3 }')"#.into(),
            "DEBIAN_FRONTEND=noninteractive apt-get -y --fix-broken install --reinstall $broken".into(),
        ]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(has_updates(machine.root()) || has_pieces(machine.root(), &self.which)?)
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let stays = |what: &str| WayBack::None {
            words: format!("packages that were {what} stay installed"),
        };
        let begun = Instant::now();
        // A package that is in pieces cannot be configured, and is unpacked again by the second command; what else the
        // first one complains of the second one does too.
        while let Err(StepError::Program { how, .. }) =
            change.run(&self.configure(), stays("unpacked already"))
        {
            if !how.contains("locked by another process") || begun.elapsed() > self.within {
                break;
            }
            let machine = change.machine();
            machine
                .watch()
                .doing("waiting for another package manager to end");
            std::thread::sleep(PAUSE);
        }
        let status = status(change.machine().root())?;
        let broken: Vec<&str> = states(&status)
            .filter_map(|(package, state)| (state == State::Broken).then_some(package))
            .collect();
        change.run(&self.manager.repair(&broken), stays("in pieces"))?;
        Ok(())
    }
}

fn has_updates(root: &Root) -> bool {
    let Ok(place) = root.locate(Path::new(UPDATES)) else {
        return false;
    };
    std::fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some())
}

/// Whether one of the packages is neither installed whole nor away.
fn has_pieces(root: &Root, which: &Which) -> Result<bool, StepError> {
    Ok(pieces(&status(root)?).any(|package| which.has(package)))
}

fn status(root: &Root) -> Result<String, StepError> {
    match read_text(root, Path::new(STATUS), LARGEST_STATUS) {
        Ok(text) => Ok(text),
        Err(FileProblem::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(String::new())
        }
        Err(problem) => Err(StepError::Other(format!(
            "{STATUS} cannot be read: {problem}"
        ))),
    }
}

/// The packages that are neither installed whole nor away.
fn pieces(status: &str) -> impl Iterator<Item = &str> {
    states(status).filter_map(|(package, state)| (state != State::Settled).then_some(package))
}

/// How far a package has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As far as it was to come.
    Settled,
    /// Its files are there, and it has to be configured.
    Unpacked,
    /// Its files may be missing.
    Broken,
}

/// Every package, and how far it has come.
fn states(status: &str) -> impl Iterator<Item = (&str, State)> {
    let mut package = "";
    status.lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix("Package: ") {
            package = name;
        }
        Some((package, state(line.strip_prefix("Status: ")?)))
    })
}

/// Of the three words of a package's state, the second says whether it has to be installed again, and the third how far
/// it has come.
fn state(words: &str) -> State {
    let words: Vec<&str> = words.split(' ').collect();
    match words.as_slice() {
        [_, "reinstreq", _] | [_, _, "half-installed"] => State::Broken,
        [_, _, "unpacked" | "half-configured"] => State::Unpacked,
        _ => State::Settled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_packages_are_told_apart() {
        for (words, expected) in [
            ("install ok installed", State::Settled),
            ("deinstall ok config-files", State::Settled),
            ("install ok triggers-pending", State::Settled),
            ("install ok unpacked", State::Unpacked),
            ("install ok half-configured", State::Unpacked),
            ("install reinstreq unpacked", State::Broken),
            ("install reinstreq half-installed", State::Broken),
            ("install ok half-installed", State::Broken),
            ("unpacked", State::Settled),
            ("", State::Settled),
        ] {
            assert_eq!(state(words), expected, "{words}");
        }
    }

    #[test]
    fn packages_in_pieces_are_named() {
        let status = "Package: whole\nStatus: install ok installed\n\nPackage: runc\nStatus: install ok unpacked\nVersion: 1\n";
        assert_eq!(pieces(status).collect::<Vec<_>>(), ["runc"]);
        assert!(Which::Any.has("runc"));
        assert!(!Which::Named(vec!["whole".into()]).has("runc"));
    }

    #[test]
    fn a_machine_without_dpkg_was_not_interrupted() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::at(place.path()).unwrap();
        assert!(!has_updates(&root) && !has_pieces(&root, &Which::Any).unwrap());
        std::fs::create_dir_all(place.path().join("var/lib/dpkg/updates")).unwrap();
        std::fs::write(
            place.path().join("var/lib/dpkg/status"),
            "Package: a\nStatus: install ok installed\n",
        )
        .unwrap();
        assert!(!has_updates(&root) && !has_pieces(&root, &Which::Any).unwrap());
        std::fs::write(place.path().join("var/lib/dpkg/updates/0001"), "").unwrap();
        assert!(has_updates(&root));
        std::fs::remove_file(place.path().join("var/lib/dpkg/status")).unwrap();
        std::fs::create_dir(place.path().join("var/lib/dpkg/status")).unwrap();
        assert!(has_pieces(&root, &Which::Any).is_err());
    }
}
