//! An old installation: stopped, its data brought to their new place, its containers removed once the new stack is well.

mod containers;
mod data;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{ByHand, Made};
use crate::{
    checks::foreign_containers,
    facts::docker::{Container, Details, Mount},
    profile::Profile,
    remediate::{
        content::stack::Disk,
        engine::{Engine, Login, text},
        machine::Machine,
        step::{Situation, Step},
    },
};

use containers::{RemoveOld, StopOld};
use data::BringData;

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
        // Once moved, nothing is there any more.
        .filter(|source| machine.has_directory(source).unwrap_or(true))
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
        if containers::goes_when_it_ends(
            machine,
            &Engine::socket_of(situation.facts),
            &container.id,
        ) {
            return Err(ByHand(format!(
                "the container {} is removed as soon as it ends (--rm), so nothing would lead back; whoever started it, a unit of systemd perhaps, has to stop it",
                container.name
            )));
        }
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
