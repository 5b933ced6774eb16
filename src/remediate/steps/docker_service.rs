//! Docker as a service: enabled, started, and restarted so that it takes its settings.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{ByHand, Made, command, one, packages};
use crate::{
    checks::Remedy,
    facts::FileKind,
    remediate::{
        change::{Change, WayBack},
        engine::Engine,
        machine::{Call, Machine},
        step::{Situation, Step, StepError},
    },
};

const SERVICE: &str = "docker";
const SERVICE_UNIT: &str = "docker.service";
const SOCKET_UNIT: &str = "docker.socket";
/// The engine writes it when it starts.
const PROCESS_FILE: &str = "/run/docker.pid";
/// An engine with many containers takes its time.
const WITHIN: Duration = Duration::from_mins(3);
const PAUSE: Duration = Duration::from_millis(200);

/// How services are told what to do on this machine.
#[derive(Clone)]
enum Manager {
    Systemd(PathBuf),
    /// Init scripts.
    Service(PathBuf),
}

impl Manager {
    fn find(machine: &Machine) -> Option<Self> {
        let runs_systemd = machine
            .root()
            .locate(Path::new("/run/systemd/system"))
            .is_ok_and(|located| located.is_dir());
        let systemd = machine.program(&["systemctl"]).filter(|_| runs_systemd);
        systemd
            .map(Self::Systemd)
            .or_else(|| machine.program(&["service"]).map(Self::Service))
    }

    fn call(&self, word: &str) -> Call {
        match self {
            Self::Systemd(program) => Call::new(program).arguments([word, SERVICE]).within(WITHIN),
            Self::Service(program) => Call::new(program).arguments([SERVICE, word]).within(WITHIN),
        }
    }
}

fn manager(machine: &Machine) -> Result<Manager, StepError> {
    Manager::find(machine).ok_or_else(|| {
        StepError::NotHere("neither systemd nor `service` is on this machine".into())
    })
}

/// How an engine that runs comes to take what its files say once a change of them was taken back.
pub(super) fn restart_call(machine: &Machine) -> Option<Call> {
    machine.entry(Path::new(PROCESS_FILE)).ok().flatten()?;
    Manager::find(machine).map(|manager| manager.call("restart"))
}

/// Waits until the engine answers.
fn await_engine(machine: &Machine, socket: &Path) -> Result<(), StepError> {
    let begun = Instant::now();
    loop {
        match Engine::new(machine, socket).api_version() {
            Ok(_) => return Ok(()),
            Err(error) if begun.elapsed() > WITHIN => return Err(error),
            Err(_) => machine
                .watch()
                .doing("waiting for the Docker engine to answer"),
        }
        std::thread::sleep(PAUSE);
    }
}

/// The step that has Docker start with the machine.
pub(super) fn enable(machine: &Machine) -> Made {
    if matches!(Manager::find(machine), Some(Manager::Service(_))) {
        return Err(ByHand(
            "there is no systemd here; enable Docker as this machine's init scripts have it (update-rc.d, chkconfig)".into(),
        ));
    }
    let masked = [SERVICE_UNIT, SOCKET_UNIT]
        .into_iter()
        .filter(|unit| Enable::is_masked(machine, unit).unwrap_or(false))
        .collect();
    one(Enable { masked })
}

struct Enable {
    /// The units that have to be unmasked first.
    masked: Vec<&'static str>,
}

impl Enable {
    fn systemctl(machine: &Machine, word: &str) -> Result<Call, StepError> {
        match manager(machine)? {
            Manager::Systemd(program) => Ok(Call::new(program).arguments([word, SERVICE])),
            Manager::Service(_) => Err(StepError::NotHere("there is no systemd here".into())),
        }
    }
}

impl Enable {
    /// What is masked is a link to nothing, see systemctl(1).
    fn is_masked(machine: &Machine, unit: &str) -> Result<bool, StepError> {
        let place = Path::new("/etc/systemd/system").join(unit);
        let Some(entry) = machine.entry(&place)? else {
            return Ok(false);
        };
        Ok(entry.kind() == FileKind::Symlink && entry.target()? == Path::new("/dev/null"))
    }

    fn unmask(change: &mut Change, unit: &str) -> Result<(), StepError> {
        let Some(program) = change.machine().program(&["systemctl"]) else {
            return Err(StepError::NotHere("there is no systemctl here".into()));
        };
        change.run(
            &Call::new(&program).arguments(["unmask", unit]),
            WayBack::Program {
                words: format!("mask {unit} again"),
                call: Call::new(&program).arguments(["mask", unit]),
                is_safe: true,
            },
        )?;
        Ok(())
    }
}

impl Step for Enable {
    fn words(&self) -> String {
        if self.masked.is_empty() {
            return "have Docker start with the machine".into();
        }
        let masked = self.masked.join(" and ");
        format!("unmask {masked}, and have Docker start with the machine")
    }

    fn script(&self) -> Vec<String> {
        let unmask = self
            .masked
            .iter()
            .map(|unit| command(["systemctl", "unmask", unit]));
        unmask
            .chain([command(["systemctl", "enable", SERVICE])])
            .collect()
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(machine
            .run(&Self::systemctl(machine, "is-enabled")?)
            .is_err())
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        for unit in &self.masked {
            if Self::is_masked(change.machine(), unit)? {
                Self::unmask(change, unit)?;
            }
        }
        let machine = change.machine();
        change.run(
            &Self::systemctl(machine, "enable")?,
            WayBack::Program {
                words: "have Docker start with the machine no longer".into(),
                call: Self::systemctl(machine, "disable")?,
                is_safe: true,
            },
        )?;
        Ok(())
    }
}

/// The step that starts Docker.
pub(super) fn start(situation: &Situation, machine: &Machine) -> Made {
    let mut steps: Vec<Box<dyn Step + Send>> = packages::finish_engine(situation, machine)
        .into_iter()
        .collect();
    steps.push(Box::new(Start {
        socket: Engine::socket_of(situation.facts),
    }));
    Ok(steps)
}

struct Start {
    socket: PathBuf,
}

impl Step for Start {
    fn words(&self) -> String {
        "start Docker, and wait until it answers".into()
    }

    fn script(&self) -> Vec<String> {
        vec![command(["systemctl", "start", SERVICE])]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(Engine::new(machine, &self.socket).api_version().is_err())
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let manager = manager(machine)?;
        change.run(
            &manager.call("start"),
            WayBack::Program {
                words: "stop Docker again".into(),
                call: manager.call("stop"),
                is_safe: true,
            },
        )?;
        await_engine(machine, &self.socket)
    }
}

/// The step that restarts Docker, where its files are younger than it.
pub(super) fn restart(situation: &Situation) -> Made {
    let profile = &situation.facts.profile;
    let mut files = vec![profile.software.daemon_file.to_path_buf()];
    files.extend(
        profile
            .network
            .docker_drop_in_dirs
            .last()
            .map(|directory| directory.join(super::daemon_files::DROP_IN)),
    );
    one(Restart {
        socket: Engine::socket_of(situation.facts),
        files,
    })
}

struct Restart {
    socket: PathBuf,
    files: Vec<PathBuf>,
}

impl Step for Restart {
    fn words(&self) -> String {
        "restart Docker, so that it takes its settings".into()
    }

    fn script(&self) -> Vec<String> {
        vec![
            command(["systemctl", "daemon-reload"]),
            command(["systemctl", "restart", SERVICE]),
        ]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        let written = |path: &Path| -> Result<Option<(i64, i64)>, StepError> {
            let entry = machine.entry(path)?;
            Ok(entry.map(|entry| {
                #[allow(clippy::cast_possible_wrap, clippy::unnecessary_cast)]
                let nanoseconds = entry.status.st_mtime_nsec as i64;
                (entry.status.st_mtime, nanoseconds)
            }))
        };
        let Some(started) = written(Path::new(PROCESS_FILE))? else {
            return Ok(false);
        };
        for file in &self.files {
            if written(file)?.is_some_and(|written| written > started) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A Docker that is started only after its files were written has taken them.
    fn belongs(&self, planned: &BTreeSet<Remedy>, machine: &Machine) -> bool {
        let runs = machine.entry(Path::new(PROCESS_FILE));
        let is_written = [Remedy::WriteDaemonConfig, Remedy::WriteDaemonProxy]
            .iter()
            .any(|remedy| planned.contains(remedy));
        match runs {
            Ok(None) => false,
            _ => is_written || self.is_needed(machine).unwrap_or(true),
        }
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let manager = manager(machine)?;
        if let Manager::Systemd(program) = &manager {
            machine.run(&Call::new(program).arguments(["daemon-reload"]))?;
        }
        change.run(
            &manager.call("restart"),
            WayBack::None {
                words: "Docker was restarted, and its containers with it".into(),
            },
        )?;
        await_engine(machine, &self.socket)
    }
}
