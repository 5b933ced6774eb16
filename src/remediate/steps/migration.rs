//! An old installation: stopped, its data brought to their new place, its containers removed once the new stack is well.

use std::{
    os::fd::AsFd,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use super::{ByHand, Made, command};
use crate::{
    checks::foreign_containers,
    facts::docker::{Container, Details, Mount},
    profile::Profile,
    remediate::{
        change::{Change, WayBack},
        content::stack::Disk,
        engine::{Engine, Login, text},
        machine::{Call, Machine},
        step::{Situation, Step, StepError},
        transfer::{self, Amount},
        walk::Directory,
    },
    units::{Bytes, counted},
};

/// An old node needs time to close its database.
const STOP_SECONDS: u32 = 120;
/// What an old container is called from then on.
const OLD_NAME: &str = ".before-sesam-doctor";
/// What a copy is called until it is complete and compared.
const ARRIVING: &str = ".sesam-doctor-arriving";

const LARGEST: u64 = 1_000_000;

/// The containers that have to go.
fn old(situation: &Situation) -> Vec<Container> {
    let profile = &situation.facts.profile;
    let project = situation
        .facts
        .stack
        .seen()
        .ok()
        .and_then(|stack| stack.compose_file())
        .map(|file| file.project.clone());
    let containers = situation
        .facts
        .docker
        .seen()
        .ok()
        .and_then(|docker| docker.engine().ok())
        .and_then(|engine| engine.containers.seen().ok())
        .cloned()
        .unwrap_or_default();
    foreign_containers(profile, &containers, project.as_deref())
        .into_iter()
        .cloned()
        .collect()
}

/// Where an old node keeps its data, by what is mounted into it.
fn data_of(profile: &Profile, details: &Details) -> Option<PathBuf> {
    let layout = &profile.layout;
    let mounted = |path: &Path| {
        let node = profile.stack.services.iter().find_map(|service| {
            service
                .mounts
                .iter()
                .find(|mount| mount.sources.iter().any(|source| Path::new(source) == path))
        })?;
        Some(PathBuf::from(&node.target))
    };
    let at = |target: &Path| -> Option<&Mount> {
        details
            .mounts
            .iter()
            .find(|mount| mount.kind == "bind" && Path::new(&mount.target) == target)
    };
    let (data, base) = (mounted(&layout.data_dir)?, mounted(&layout.node_dir)?);
    at(&data)
        .map(|mount| PathBuf::from(&mount.source))
        .or_else(|| {
            let below = data.strip_prefix(&base).ok()?;
            at(&base).map(|mount| Path::new(&mount.source).join(below))
        })
}

/// Where the node's data are to be.
fn target(situation: &Situation) -> PathBuf {
    let layout = &situation.facts.profile.layout;
    match situation.disk() {
        Disk::Data => layout.data_dir.to_path_buf(),
        Disk::Root => layout.data_link.to_path_buf(),
    }
}

/// Where old nodes keep data, other than where they are to be.
fn elsewhere(situation: &Situation, machine: &Machine, containers: &[Container]) -> Vec<PathBuf> {
    let profile = &situation.facts.profile;
    let target = target(situation);
    let mut elsewhere: Vec<PathBuf> = containers
        .iter()
        .filter_map(|container| data_of(profile, container.details.seen().ok()?))
        .filter(|source| !is_same_place(machine, source, &target))
        .collect();
    elsewhere.sort();
    elsewhere.dedup();
    elsewhere
}

/// The license that comes with an old installation's data.
pub(super) fn old_license(situation: &Situation, machine: &Machine) -> Option<PathBuf> {
    let name = situation.facts.profile.layout.license_file.file_name()?;
    let [source] = elsewhere(situation, machine, &old(situation))
        .try_into()
        .ok()?;
    let license = source.join(name);
    machine.entry(&license).ok().flatten().map(|_| license)
}

/// The steps that stop it and bring its data over.
pub(super) fn migrate(situation: &Situation, machine: &Machine) -> Made {
    let containers = old(situation);
    let target = target(situation);
    let mut steps: Vec<Box<dyn Step + Send>> = Vec::new();
    for container in &containers {
        steps.push(Box::new(StopOld {
            id: container.id.clone(),
            name: container.name.clone(),
            image: container.image.clone(),
            policy: container
                .details
                .seen()
                .map(|details| details.restart_policy.clone())
                .unwrap_or_default(),
            socket: Engine::socket_of(situation.facts),
        }));
    }
    let mut elsewhere = elsewhere(situation, machine, &containers);
    if let [_, _, ..] = elsewhere.as_slice() {
        let places: Vec<String> = elsewhere
            .iter()
            .map(|place| place.display().to_string())
            .collect();
        return Err(ByHand(format!(
            "old nodes keep data in several places, {}; which of them count has to be decided by a person",
            places.join(" and ")
        )));
    }
    if let Some(source) = elsewhere.pop() {
        let bring = BringData::plan(machine, source, target, situation)?;
        steps.push(Box::new(bring));
    }
    Ok(steps)
}

fn is_same_place(machine: &Machine, one: &Path, other: &Path) -> bool {
    let at = |path: &Path| machine.root().locate(path).ok();
    let identity = |path: &Path| {
        rustix::fs::stat(at(path)?)
            .ok()
            .map(|status| (status.st_dev, status.st_ino))
    };
    match (identity(one), identity(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// The steps that remove the old containers.
pub(super) fn remove(situation: &Situation) -> Made {
    if situation.keep_old {
        return Ok(Vec::new());
    }
    Ok(old(situation)
        .into_iter()
        .map(|container| {
            let step: Box<dyn Step + Send> = Box::new(RemoveOld {
                id: container.id,
                name: container.name,
                socket: Engine::socket_of(situation.facts),
            });
            step
        })
        .collect())
}

/// Where the login of an old installation is.
pub(super) fn old_login(situation: &Situation, machine: &Machine) -> Option<PathBuf> {
    let file = &situation.facts.profile.install.old_agent_file;
    machine
        .entry(file)
        .ok()
        .flatten()
        .map(|_| file.to_path_buf())
}

/// The login in it.
pub(super) fn read_login(machine: &Machine, file: &Path, server: &str) -> Option<Login> {
    let content = machine.read(file, LARGEST).ok().flatten()?;
    let document: Value = serde_json::from_slice(&content).ok()?;
    let password = text(&document, "docker_password").filter(|password| !password.is_empty())?;
    machine.redactor().learn(&password);
    Some(Login {
        server: server.to_owned(),
        username: text(&document, "docker_username").filter(|name| !name.is_empty())?,
        password,
    })
}

/// The tag of the node's image that an old installation ran.
pub(super) fn old_tag(machine: &Machine, profile: &Profile) -> Option<String> {
    let content = machine
        .read(&profile.install.old_agent_file, LARGEST)
        .ok()
        .flatten()?;
    let document: Value = serde_json::from_slice(&content).ok()?;
    document
        .get("sesam-node")
        .and_then(|node| text(node, "tag"))
        .or_else(|| text(&document, "sesam-node.tag"))
        .filter(|tag| profile.stack.channels.contains(tag))
}

fn docker(machine: &Machine) -> Result<Call, StepError> {
    machine
        .program(&["docker"])
        .map(Call::new)
        .ok_or_else(|| StepError::NotHere("the docker client is not on this machine".into()))
}

/// What the engine says of a container by its id; none where it is gone.
fn inspect(machine: &Machine, socket: &Path, id: &str) -> Result<Option<Value>, StepError> {
    Engine::new(machine, socket).found(&format!("/containers/{id}/json"))
}

struct StopOld {
    id: String,
    name: String,
    image: String,
    policy: String,
    socket: PathBuf,
}

impl StopOld {
    fn old_name(&self) -> String {
        format!("{}{OLD_NAME}", self.name.trim_end_matches(OLD_NAME))
    }
}

impl Step for StopOld {
    fn words(&self) -> String {
        format!(
            "stop the old container {} ({}), and keep it, stopped, as {}",
            self.name,
            self.image,
            self.old_name()
        )
    }

    fn script(&self) -> Vec<String> {
        let seconds = STOP_SECONDS.to_string();
        vec![
            command(["docker", "update", "--restart=no", &self.name]),
            command(["docker", "stop", "-t", &seconds, &self.name]),
            command(["docker", "rename", &self.name, &self.old_name()]),
        ]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        let Some(container) = inspect(machine, &self.socket, &self.id)? else {
            return Ok(false);
        };
        let is_running = container
            .get("State")
            .and_then(|state| state.get("Running"))
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let name = text(&container, "Name").unwrap_or_default();
        Ok(is_running || name.trim_start_matches('/') != self.old_name())
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        let way_back = |words: String, arguments: &[&str]| -> Result<WayBack, StepError> {
            Ok(WayBack::Program {
                words,
                call: docker(machine)?.arguments(arguments),
                is_safe: true,
            })
        };
        let id = self.id.as_str();
        let policy = match self.policy.as_str() {
            "" => "no",
            policy => policy,
        };
        // Otherwise the engine would start it again with itself.
        change.run(
            &docker(machine)?.arguments(["update", "--restart=no", id]),
            way_back(
                format!("give {} its restart policy back", self.name),
                &["update", &format!("--restart={policy}"), id],
            )?,
        )?;
        machine.note_stop();
        let seconds = STOP_SECONDS.to_string();
        change.run(
            &docker(machine)?
                .arguments(["stop", "-t", &seconds, id])
                .within(Duration::from_secs(u64::from(STOP_SECONDS) + 60)),
            way_back(format!("start {} again", self.name), &["start", id])?,
        )?;
        let is_renamed = inspect(machine, &self.socket, id)?
            .and_then(|container| text(&container, "Name"))
            .is_some_and(|name| name.trim_start_matches('/') == self.old_name());
        if !is_renamed {
            change.run(
                &docker(machine)?.arguments(["rename", id, &self.old_name()]),
                way_back(
                    format!("call {} by its name again", self.name),
                    &["rename", id, &self.name],
                )?,
            )?;
        }
        Ok(())
    }
}

struct BringData {
    source: PathBuf,
    target: PathBuf,
    amount: Amount,
    moves: bool,
    /// The link to the data, where they have a disk of their own.
    link: Option<PathBuf>,
    license: bool,
    login: Option<PathBuf>,
}

impl BringData {
    /// The step, where there is room at the new place.
    fn plan(
        machine: &Machine,
        source: PathBuf,
        target: PathBuf,
        situation: &Situation,
    ) -> Result<Self, ByHand> {
        let by_hand = |error: &dyn std::fmt::Display| ByHand(error.to_string());
        let from = Directory::open(machine.root(), &source)
            .and_then(|directory| directory.reopened())
            .map_err(|error| by_hand(&error))?;
        let amount = transfer::measure(from.as_fd()).map_err(|error| by_hand(&error))?;
        let wants_move = situation.answers.get("migration") == Some("move");
        let step = Self {
            license: old_license(situation, machine).is_some(),
            moves: wants_move && is_one_file_system(machine, &source, &target),
            link: (situation.disk() == Disk::Data)
                .then(|| situation.facts.profile.layout.data_link.to_path_buf()),
            login: old_login(situation, machine),
            source,
            target,
            amount,
        };
        if !step.moves {
            step.require_room(machine)
                .map_err(|error| by_hand(&error))?;
        }
        Ok(step)
    }

    fn require_room(&self, machine: &Machine) -> Result<(), StepError> {
        let place = nearest_directory(machine, &self.target)?;
        let room =
            transfer::room(place.as_fd()).map_err(|error| StepError::Other(error.to_string()))?;
        match room.lacks(self.amount) {
            None => Ok(()),
            Some(lack) => Err(StepError::Other(format!(
                "there is no room for the data of {} at {}: {lack}",
                self.source.display(),
                self.target.display()
            ))),
        }
    }

    fn arriving(&self) -> PathBuf {
        let mut name = self.target.file_name().unwrap_or_default().to_os_string();
        name.push(ARRIVING);
        self.target.with_file_name(name)
    }

    fn copy(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        self.require_room(machine)?;
        let arriving = self.arriving();
        if !machine.has_directory(&arriving)? {
            let attributes = crate::remediate::files::FileAttributes {
                mode: 0o700,
                owner: (0, 0),
            };
            change.make_directory(&arriving, attributes)?;
        }
        let way_back = WayBack::None {
            words: format!(
                "the copy at {} stays, and the next run carries it on; the data themselves are untouched in {}",
                arriving.display(),
                self.source.display()
            ),
        };
        change.act(way_back, |machine| {
            let from = Directory::open(machine.root(), &self.source)?.reopened()?;
            let to = Directory::open(machine.root(), &arriving)?.reopened()?;
            let total = self.amount.bytes.max(1);
            let (mut done, mut shown) = (0_u64, 0_u64);
            let copied = transfer::copy(from.as_fd(), to.as_fd(), &mut |bytes| {
                done += bytes;
                if done - shown > 8_000_000 || done == total {
                    shown = done;
                    machine.watch().doing(&format!(
                        "copying: {} of {} ({} %)",
                        Bytes(done),
                        Bytes(total),
                        done.saturating_mul(100) / total
                    ));
                }
            })
            .map_err(|error| StepError::Other(error.to_string()))?;
            machine.watch().say(&format!(
                "  {} in {}, each compared by SHA-256",
                Bytes(copied.amount.bytes),
                counted(copied.amount.entries, "file"),
            ));
            for left_out in &copied.left_out {
                machine.watch().say(&format!(
                    "  left out, since it is a socket or a device: {}",
                    left_out.display()
                ));
            }
            Ok(())
        })?;
        change.move_directory(&arriving, &self.target)
    }
}

/// The directory itself, or the nearest one above it that is there.
fn nearest_directory(machine: &Machine, path: &Path) -> Result<Directory, StepError> {
    for ancestor in path.ancestors() {
        if machine.has_directory(ancestor)? {
            return Ok(Directory::open(machine.root(), ancestor)?);
        }
    }
    Err(StepError::Other(format!(
        "nothing is at {}, and nothing above it",
        path.display()
    )))
}

fn is_one_file_system(machine: &Machine, source: &Path, target: &Path) -> bool {
    let device = |path: &Path| {
        let directory = nearest_directory(machine, path).ok()?;
        rustix::fs::fstat(&directory)
            .ok()
            .map(|status| status.st_dev)
    };
    let (one, other) = (device(source), device(target));
    one.is_some() && one == other
}

impl Step for BringData {
    fn words(&self) -> String {
        let how = if self.moves {
            "move (within its file system)"
        } else {
            "copy, compare by SHA-256, and leave where they are,"
        };
        let license = if self.license {
            "; its license is among them"
        } else {
            ""
        };
        let login = self.login.as_ref().map_or_else(String::new, |file| {
            format!("; its registry login is in {}", file.display())
        });
        format!(
            "{how} the old installation's data, {} in {}, from {} to {}{license}{login}",
            Bytes(self.amount.bytes),
            counted(self.amount.entries, "file"),
            self.source.display(),
            self.target.display(),
        )
    }

    fn script(&self) -> Vec<String> {
        let (source, target) = (
            self.source.display().to_string(),
            self.target.display().to_string(),
        );
        if self.moves {
            vec![
                format!("{} || true", command(["rmdir", &target])),
                command(["mv", "--", &source, &target]),
            ]
        } else {
            vec![command([
                "cp",
                "-a",
                "--sparse=auto",
                "--",
                &format!("{source}/."),
                &target,
            ])]
        }
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        if !machine.has_directory(&self.target)? {
            return Ok(true);
        }
        let target = Directory::open(machine.root(), &self.target)?.reopened()?;
        let there = transfer::measure(target.as_fd())
            .map_err(|error| StepError::Other(error.to_string()))?;
        if there.entries == 0 {
            return Ok(true);
        }
        if there == self.amount || !machine.has_directory(&self.source)? {
            return Ok(false);
        }
        Err(StepError::Other(format!(
            "{} holds something already; nothing is mixed with it. Move it away, or decide which data count",
            self.target.display()
        )))
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        if self.moves {
            if let Some(above) = self.target.parent()
                && !change.machine().has_directory(above)?
            {
                let attributes = crate::remediate::files::FileAttributes {
                    mode: 0o755,
                    owner: (0, 0),
                };
                change.make_directory(above, attributes)?;
            }
            change.move_directory(&self.source, &self.target)?;
        } else {
            self.copy(change)?;
        }
        let Some(link) = self.link.as_ref().filter(|link| **link == self.source) else {
            return Ok(());
        };
        // The old data were where the link to the new ones has to be.
        if !self.moves {
            let mut name = link.file_name().unwrap_or_default().to_os_string();
            name.push(OLD_NAME);
            let aside = link.with_file_name(name);
            change.move_directory(&self.source, &aside)?;
            change.machine().watch().say(&format!(
                "  the old data are {} from now on",
                aside.display()
            ));
        }
        change.make_link(link, &self.target)
    }

    fn verify(&self, machine: &Machine) -> Result<(), StepError> {
        if machine.has_directory(&self.target)? {
            return Ok(());
        }
        Err(StepError::NoEffect(self.words()))
    }
}

struct RemoveOld {
    id: String,
    name: String,
    socket: PathBuf,
}

impl Step for RemoveOld {
    fn words(&self) -> String {
        format!(
            "remove the old container {}; what it mounted stays",
            self.name
        )
    }

    fn script(&self) -> Vec<String> {
        let name = format!("{}{OLD_NAME}", self.name.trim_end_matches(OLD_NAME));
        vec![command(["docker", "rm", &name])]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(inspect(machine, &self.socket, &self.id)?.is_some())
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        // Without force: one that runs is none that was stopped here.
        change.run(
            &docker(machine)?.arguments(["rm", &self.id]),
            WayBack::None {
                words: format!("the old container {} is gone", self.name),
            },
        )?;
        Ok(())
    }
}
