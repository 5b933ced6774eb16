//! Programs from the distribution's packages.

use std::{path::PathBuf, time::Duration};

use super::{
    Made, clock, command,
    interrupted_packages::{FinishPackages, Which},
};
use crate::{
    profile::{AbsolutePath, Packages},
    remediate::{
        change::{Change, WayBack},
        files::FileAttributes,
        machine::{Call, Machine},
        step::{Situation, Step, StepError},
    },
};

/// What packages are to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Engine,
    Compose,
    Time,
}

/// What belongs to the engine beside its own package, under the names that distributions and Docker give it.
const RUNTIMES: [&str; 3] = ["containerd", "containerd.io", "runc"];

/// The steps that install the Docker engine.
pub(super) fn engine(situation: &Situation, machine: &Machine) -> Made {
    Ok(Install::new(situation, Wanted::Engine).steps(machine))
}

/// The steps that install Compose.
pub(super) fn compose(situation: &Situation, machine: &Machine) -> Made {
    Ok(Install::new(situation, Wanted::Compose).steps(machine))
}

/// The steps that install a time service.
pub(super) fn time_service(situation: &Situation, machine: &Machine) -> Vec<Box<dyn Step + Send>> {
    Install::new(situation, Wanted::Time).steps(machine)
}

/// The step that has an interrupted installation of the engine finished.
pub(super) fn finish_engine(
    situation: &Situation,
    machine: &Machine,
) -> Option<Box<dyn Step + Send>> {
    let install = Install::new(situation, Wanted::Engine);
    let (_, packages) = install.manager(machine)?;
    let names = install.candidates(packages).iter().cloned();
    let which = names.chain(RUNTIMES.map(str::to_owned)).collect();
    install.finish(machine, Which::Named(which))
}

struct Install {
    wanted: Wanted,
    packages: Vec<Packages>,
    plugin_directories: Vec<AbsolutePath>,
    within: Duration,
    proxies: Vec<(String, String)>,
}

impl Install {
    fn new(situation: &Situation, wanted: Wanted) -> Self {
        let profile = &situation.facts.profile;
        Self {
            wanted,
            packages: profile.install.packages.clone(),
            plugin_directories: profile.software.compose_plugin_directories.clone(),
            within: Duration::from_secs(profile.install.packages_within_seconds.into()),
            proxies: proxies(),
        }
    }

    fn what(&self) -> &'static str {
        match self.wanted {
            Wanted::Engine => "the Docker engine",
            Wanted::Compose => "Docker Compose",
            Wanted::Time => "a time service",
        }
    }

    fn candidates<'p>(&self, packages: &'p Packages) -> &'p [String] {
        match self.wanted {
            Wanted::Engine => &packages.engine,
            Wanted::Compose => &packages.compose,
            Wanted::Time => &packages.time,
        }
    }

    fn steps(self, machine: &Machine) -> Vec<Box<dyn Step + Send>> {
        let mut steps: Vec<Box<dyn Step + Send>> =
            self.finish(machine, Which::Any).into_iter().collect();
        steps.push(Box::new(self));
        steps
    }

    fn finish(&self, machine: &Machine, which: Which) -> Option<Box<dyn Step + Send>> {
        let (manager, _) = self.manager(machine)?;
        if manager.kind != Kind::Apt {
            return None;
        }
        let step = FinishPackages::new(manager, machine, self.within, which)?;
        Some(Box::new(step))
    }

    fn manager(&self, machine: &Machine) -> Option<(Manager, &Packages)> {
        self.packages
            .iter()
            .find_map(|packages| Some((Manager::find(machine, &packages.name, self)?, packages)))
    }
}

/// The proxies of this run's environment, which a package manager needs too.
fn proxies() -> Vec<(String, String)> {
    ["http_proxy", "https_proxy", "no_proxy"]
        .into_iter()
        .filter_map(|name| {
            let value = std::env::var(name)
                .or_else(|_| std::env::var(name.to_ascii_uppercase()))
                .ok()?;
            (!value.is_empty()).then(|| (name.to_owned(), value))
        })
        .collect()
}

impl Step for Install {
    fn words(&self) -> String {
        format!("install {} from the distribution's packages", self.what())
    }

    fn script(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for packages in &self.packages {
            let Some(first) = self.candidates(packages).first() else {
                continue;
            };
            let name = packages.name.as_str();
            let (program, install) = match name {
                "apt" => (
                    "apt-get",
                    format!(
                        "apt-get update && DEBIAN_FRONTEND=noninteractive {}",
                        command(["apt-get", "install", "-y", first])
                    ),
                ),
                _ => (name, command([name, "-y", "install", first])),
            };
            let word = if lines.is_empty() { "if" } else { "elif" };
            lines.push(format!("{word} command -v {program} >/dev/null; then"));
            if let Some(repository) = packages
                .repository
                .as_ref()
                .filter(|_| self.wanted != Wanted::Time)
            {
                let file = repository.file.display().to_string();
                lines.push(format!(
                    "    {} || cat >{file} <<'END'",
                    command([name, "-q", "info", first])
                ));
                lines.push(repository.content.trim().to_owned());
                lines.push("END".to_owned());
            }
            lines.push(format!("    {install}"));
        }
        if !lines.is_empty() {
            lines.push("fi".to_owned());
        }
        lines
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(match self.wanted {
            Wanted::Engine => machine.program(&["dockerd"]).is_none(),
            Wanted::Compose => {
                let is_plugin = self.plugin_directories.iter().any(|directory| {
                    machine
                        .root()
                        .locate(&directory.join("docker-compose"))
                        .is_ok_and(|located| located.is_file())
                });
                !is_plugin && machine.program(&["docker-compose"]).is_none()
            }
            Wanted::Time => clock::installed(machine).is_none(),
        })
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let Some((manager, packages)) = self.manager(machine) else {
            let known: Vec<&str> = self
                .packages
                .iter()
                .map(|packages| packages.name.as_str())
                .collect();
            return Err(StepError::NotHere(format!(
                "none of the package managers {} is on this machine; install {} by hand, and begin again",
                known.join(", "),
                self.what()
            )));
        };
        // Lists that cannot be refreshed may still name the package.
        let stale = change.ask(&manager.refresh()).err();
        let candidates = self.candidates(packages);
        let known = |manager: &Manager| {
            candidates
                .iter()
                .find(|package| manager.knows(machine, package))
        };
        let mut package = known(&manager);
        if package.is_none()
            // Docker's own source has Docker's packages only.
            && self.wanted != Wanted::Time
            && let Some(repository) = &packages.repository
        {
            machine.watch().say(&format!(
                "  the distribution has none of {}; Docker's own packages are taken",
                candidates.join(", ")
            ));
            let attributes = FileAttributes {
                mode: 0o644,
                owner: (0, 0),
            };
            change.write_file(
                &repository.file,
                repository.content.trim_start().as_bytes(),
                attributes,
            )?;
            change.ask(&manager.refresh())?;
            package = known(&manager);
        }
        let Some(package) = package else {
            let why = stale.map_or_else(String::new, |error| format!(" ({error})"));
            return Err(StepError::Other(format!(
                "none of the packages {} can be had{why}; see whether the package sources of this machine can be reached",
                candidates.join(", ")
            )));
        };
        change.run(
            &manager.install(package),
            WayBack::None {
                words: format!("the package {package}, and what it needs, stays installed"),
            },
        )?;
        Ok(())
    }
}

/// A package manager that is on the machine.
pub(super) struct Manager {
    kind: Kind,
    program: PathBuf,
    query: Option<PathBuf>,
    within: Duration,
    proxies: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Apt,
    Dnf,
}

impl Manager {
    fn find(machine: &Machine, name: &str, install: &Install) -> Option<Self> {
        let (kind, program) = match name {
            "apt" => (Kind::Apt, machine.program(&["apt-get"])?),
            name => (Kind::Dnf, machine.program(&[name])?),
        };
        Some(Self {
            kind,
            program,
            query: machine.program(&["apt-cache"]),
            within: install.within,
            proxies: install.proxies.clone(),
        })
    }

    /// A call of a program of this package manager's, in its surroundings.
    pub(super) fn call(&self, program: &std::path::Path) -> Call {
        let call = Call::new(program).within(self.within);
        let call = self
            .proxies
            .iter()
            .fold(call, |call, (name, value)| call.variable(name, value));
        match self.kind {
            Kind::Apt => call
                .variable("DEBIAN_FRONTEND", "noninteractive")
                .variable("NEEDRESTART_SUSPEND", "1"),
            Kind::Dnf => call,
        }
    }

    /// Has the lists of packages fetched anew.
    fn refresh(&self) -> Call {
        let arguments: &[&str] = match self.kind {
            Kind::Apt => &["-q", "-o", "DPkg::Lock::Timeout=120", "update"],
            Kind::Dnf => &["-y", "-q", "makecache"],
        };
        self.call(&self.program).arguments(arguments).told()
    }

    /// Whether the lists have a package, or it is installed.
    fn knows(&self, machine: &Machine, package: &str) -> bool {
        match (self.kind, &self.query) {
            (Kind::Apt, Some(query)) => machine
                .run(&self.call(query).arguments(["policy", package]))
                .is_ok_and(|said| has_candidate(&said.stdout)),
            (Kind::Apt, None) => machine
                .run(
                    &self
                        .call(&self.program)
                        .arguments(["-s", "-q", "install", package]),
                )
                .is_ok(),
            (Kind::Dnf, _) => machine
                .run(&self.call(&self.program).arguments(["-q", "info", package]))
                .is_ok(),
        }
    }

    fn install(&self, package: &str) -> Call {
        match self.kind {
            // One whose program was deleted still counts as installed.
            Kind::Apt => self.apt(&["install", "--reinstall", package]),
            Kind::Dnf => self
                .call(&self.program)
                .told()
                .to_its_end()
                .arguments(["-y", "install", package]),
        }
    }

    /// Has packages that are broken unpacked again, and everything configured. Without their names apt would configure what
    /// depends on them first, and fail; of those that are unpacked it has no file.
    pub(super) fn repair(&self, packages: &[&str]) -> Call {
        self.apt(&["--fix-broken", "install", "--reinstall"])
            .arguments(packages)
    }

    fn apt(&self, arguments: &[&str]) -> Call {
        self.call(&self.program)
            .told()
            .to_its_end()
            .arguments([
                "-y",
                "-q",
                "-o",
                "DPkg::Lock::Timeout=300",
                "-o",
                "Dpkg::Options::=--force-confold",
                "-o",
                "Dpkg::Options::=--force-confdef",
            ])
            .arguments(arguments)
    }
}

/// Whether `apt-cache policy` names a version that could be installed.
fn has_candidate(policy: &str) -> bool {
    policy.lines().any(|line| {
        line.trim()
            .strip_prefix("Candidate:")
            .is_some_and(|version| version.trim() != "(none)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_known_where_it_has_a_candidate() {
        let known =
            "docker.io:\n  Installed: (none)\n  Candidate: 20.10.24+dfsg1-1+b3\n  Version table:\n";
        let virtual_only = "docker-compose-plugin:\n  Installed: (none)\n  Candidate: (none)\n";
        assert!(has_candidate(known));
        assert!(!has_candidate(virtual_only));
        assert!(!has_candidate("N: Unable to locate package x\n"));
    }
}
