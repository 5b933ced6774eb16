//! Docker as a service: enabled, started, restarted; by systemd, or by init scripts where there is none.

use std::{path::Path, time::Duration};

use super::{Made, command, one};
use crate::{
    checks::Remedy,
    facts::docker::Reach,
    remediate::{
        change::{Change, WayBack},
        machine::{Call, Machine},
        step::{Situation, Step, StepError},
    },
};

/// An engine with many containers takes its time.
const PATIENCE: Duration = Duration::from_mins(3);

/// The step of a remedy about Docker's service.
pub(super) fn make(remedy: Remedy, situation: &Situation) -> Made {
    let profile = &situation.facts.profile;
    let is_running = situation
        .facts
        .docker
        .seen()
        .is_ok_and(|docker| matches!(docker.reach, Reach::Answered { .. }));
    match remedy {
        Remedy::EnableDocker => one(Enable),
        Remedy::StartDocker => one(Start),
        _ => one(Restart {
            is_running,
            settings: [profile.software.daemon_file.to_path_buf()]
                .into_iter()
                .chain(
                    profile
                        .network
                        .docker_drop_in_dirs
                        .iter()
                        .map(|directory| directory.to_path_buf()),
                )
                .collect(),
        }),
    }
}

/// Whether systemd runs the machine (`sd_booted(3)`).
pub(super) fn has_systemd(machine: &Machine) -> bool {
    machine.is_whole() && Path::new("/run/systemd/system").is_dir()
}

fn service(verb: &str) -> Call {
    Call::new("service")
        .arguments(["docker", verb])
        .within(PATIENCE)
}

fn systemctl(words: &[&str]) -> Call {
    Call::new("systemctl").arguments(words).within(PATIENCE)
}

/// Whether an engine answers on the socket.
pub(super) fn answers(machine: &Machine) -> bool {
    machine
        .run(
            &Call::new("docker")
                .arguments(["version", "--format", "{{.Server.Version}}"])
                .within(Duration::from_secs(20)),
        )
        .is_ok()
}

struct Enable;

impl Step for Enable {
    fn words(&self) -> String {
        "have Docker start with the machine".into()
    }

    fn script(&self) -> Vec<String> {
        vec![command(["systemctl", "enable", "docker.service"])]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        if has_systemd(machine) {
            // It says the state and ends with an error where that is not “enabled”.
            return Ok(machine
                .run(&systemctl(&["is-enabled", "docker.service"]))
                .is_err());
        }
        let links = |level: u8| {
            let directory = format!("/etc/rc{level}.d");
            std::fs::read_dir(directory).is_ok_and(|entries| {
                entries.flatten().any(|entry| {
                    let name = entry.file_name();
                    let name = name.to_string_lossy();
                    name.starts_with('S') && name.ends_with("docker")
                })
            })
        };
        Ok(machine.is_whole() && !(2..=5).any(links))
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        if has_systemd(machine) {
            let is_masked = machine
                .run(&systemctl(&["is-enabled", "docker.service"]))
                .is_err_and(|error| error.to_string().contains("masked"));
            if is_masked {
                change.run(
                    &systemctl(&["unmask", "docker.service", "docker.socket"]),
                    WayBack::Program {
                        words: "mask Docker's unit again".into(),
                        call: systemctl(&["mask", "docker.service", "docker.socket"]),
                        is_safe: true,
                    },
                )?;
            }
            change.run(
                &systemctl(&["enable", "docker.service"]),
                WayBack::Program {
                    words: "have Docker no longer start with the machine".into(),
                    call: systemctl(&["disable", "docker.service"]),
                    is_safe: true,
                },
            )?;
            return Ok(());
        }
        let (on, off) = if machine.program(&["chkconfig"]).is_some() {
            (
                Call::new("chkconfig").arguments(["docker", "on"]),
                Call::new("chkconfig").arguments(["docker", "off"]),
            )
        } else {
            (
                Call::new("update-rc.d").arguments(["docker", "defaults"]),
                Call::new("update-rc.d").arguments(["docker", "remove"]),
            )
        };
        change.run(
            &on,
            WayBack::Program {
                words: "have Docker no longer start with the machine".into(),
                call: off,
                is_safe: true,
            },
        )?;
        Ok(())
    }
}

struct Start;

impl Step for Start {
    fn words(&self) -> String {
        "start Docker".into()
    }

    fn script(&self) -> Vec<String> {
        vec![command(["systemctl", "start", "docker.service"])]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(machine.is_whole() && !answers(machine))
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let (call, back) = if has_systemd(machine) {
            (
                systemctl(&["start", "docker.service"]),
                systemctl(&["stop", "docker.service", "docker.socket"]),
            )
        } else {
            (service("start"), service("stop"))
        };
        change.run(
            &call,
            WayBack::Program {
                words: "stop Docker, which did not run before".into(),
                call: back,
                is_safe: true,
            },
        )?;
        await_engine(machine)
    }
}

/// Waits until the engine answers: a unit may be up before it does.
fn await_engine(machine: &Machine) -> Result<(), StepError> {
    let begun = std::time::Instant::now();
    while !answers(machine) {
        if begun.elapsed() > PATIENCE {
            return Err(StepError::Other(
                "the Docker engine does not answer; `journalctl -u docker -n 50` says why".into(),
            ));
        }
        machine
            .watch()
            .doing("waiting for the Docker engine to answer");
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

struct Restart {
    is_running: bool,
    settings: Vec<std::path::PathBuf>,
}

impl Restart {
    /// When the engine's process began, in seconds since 1970; nothing where it does not run.
    fn begun() -> Option<f64> {
        let number = std::fs::read_to_string("/run/docker.pid").ok()?;
        let process = procfs::process::Process::new(number.trim().parse().ok()?).ok()?;
        // A process number may be another's by now.
        let stat = process.stat().ok().filter(|stat| stat.comm == "dockerd")?;
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
        // A clock tick count fits a double for longer than a machine runs.
        #[allow(clippy::cast_precision_loss)]
        let since_boot = stat.starttime as f64 / procfs::ticks_per_second() as f64;
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .ok()?;
        Some(now.as_secs_f64() - uptime + since_boot)
    }

    /// When the youngest of the settings was written, in seconds since 1970.
    fn written(&self) -> Option<f64> {
        let times = |path: &Path| -> Vec<f64> {
            let own = std::fs::metadata(path).ok();
            let inside = std::fs::read_dir(path)
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|entry| entry.metadata().ok());
            own.into_iter()
                .chain(inside)
                .filter(std::fs::Metadata::is_file)
                .filter_map(|metadata| {
                    let age = metadata.modified().ok()?;
                    Some(
                        age.duration_since(std::time::UNIX_EPOCH)
                            .ok()?
                            .as_secs_f64(),
                    )
                })
                .collect()
        };
        self.settings
            .iter()
            .flat_map(|path| times(path))
            .max_by(f64::total_cmp)
    }
}

impl Step for Restart {
    fn words(&self) -> String {
        "restart Docker so that it takes its settings".into()
    }

    fn script(&self) -> Vec<String> {
        vec![
            command(["systemctl", "daemon-reload"]),
            command(["systemctl", "restart", "docker.service"]),
        ]
    }

    /// Whether the engine runs with settings older than those that are written.
    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        if !machine.is_whole() {
            return Ok(false);
        }
        Ok(match (Self::begun(), self.written()) {
            (Some(begun), Some(written)) => written > begun,
            _ => false,
        })
    }

    fn belongs(&self, plan: &std::collections::BTreeSet<Remedy>, machine: &Machine) -> bool {
        let is_written =
            plan.contains(&Remedy::WriteDaemonConfig) || plan.contains(&Remedy::WriteDaemonProxy);
        (is_written && self.is_running) || self.is_needed(machine).unwrap_or(false)
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let stays = |words: &str| WayBack::None {
            words: words.to_owned(),
        };
        if has_systemd(machine) {
            change.run(
                &systemctl(&["daemon-reload"]),
                stays("systemd has read its units anew"),
            )?;
        }
        let call = if has_systemd(machine) {
            systemctl(&["restart", "docker.service"])
        } else {
            service("restart")
        };
        change.run(
            &call,
            stays("Docker runs with the settings of its last start until it is restarted"),
        )?;
        await_engine(machine)
    }
}
