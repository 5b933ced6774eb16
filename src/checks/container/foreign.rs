//! `container.foreign`

use std::path::{Path, PathBuf};

use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Mend, Prose, Remedy,
        Verdict, software,
    },
    facts::{
        Source,
        docker::{Container, Details, State},
    },
    profile::Profile,
};

const HOLDS_NAME: Cause = Cause::new(
    "holds-name",
    "a container outside the stack has the name of one of its containers",
);
const HOLDS_PORT: Cause = Cause::new(
    "holds-port",
    "a container outside the stack has a port that the stack needs",
);
const HOLDS_DATA: Cause = Cause::new(
    "holds-data",
    "a container outside the stack works on the node's data",
);
const LEFTOVER: Cause = Cause::new(
    "leftover",
    "an old container that has ended would work on the node's data if it were started",
);

const INTERRUPTED: Cause = Cause::new(
    "interrupted",
    "an old installation was stopped for a migration that has not come to its end",
);

/// What a container of an old installation is called from when it is stopped until it is removed.
pub const KEPT_SUFFIX: &str = ".before-sesam-doctor";

/// See [`Prose::checks`] in the declaration.
pub static FOREIGN: Check = Check {
    id: "container.foreign",
    title: "Nothing but the stack holds its names, ports and data",
    category: Category::Container,
    level: Level::Required,
    needs: &[&software::DOCKER],
    reads: &[Source::Docker, Source::Stack],
    reference: "Operator's manual, migrating an old installation: stop and remove all running containers",
    causes: &[HOLDS_DATA, HOLDS_NAME, HOLDS_PORT, INTERRUPTED, LEFTOVER],
    prose: Prose {
        checks: "Every container that is not of the stack's compose project: it must not be called like one of the profile's services, must not publish a port that one of them needs and does not have, and must not mount the node's data. Each fails, with the container's name; one that has ended and mounts the node's data only warns. One that `--fix` has stopped for a migration fails as long as the stack has no containers. What another compose project has made, under names of its own, is never stopped by `--fix`.",
        why: "Old installations were managed by an agent or started container by container, with nginx in place of Traefik. Left beside the new stack they keep it from starting, or two nodes write into the same data.",
        remedy: "Back up the data, stop and remove the old containers (`docker rm -f NAME`; what they mount stays), and start the stack with `docker compose up -d`.",
    },
    mends: &[Mend::new(
        Remedy::Migrate,
        &[HOLDS_DATA, HOLDS_NAME, HOLDS_PORT, INTERRUPTED],
    )],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let engine = context.facts.docker().seen()?.engine()?;
    let containers = engine.containers.seen()?;
    let project = context
        .facts
        .stack()
        .seen()
        .ok()
        .and_then(|stack| stack.compose_file())
        .map(|file| file.project.as_str());
    let is_up = is_up(context.profile, containers, project);
    let needed = needed_ports(context.profile, containers, project);
    let mut items = Vec::new();
    let mut advice: Vec<String> = Vec::new();
    let (mut is_in_the_way, mut has_bystander) = (false, false);
    for container in containers {
        if is_of_stack(context.profile, container, project) {
            continue;
        }
        let item = match looked_at(context.profile, container, is_up, &needed) {
            Ok(None) => continue,
            Ok(Some(item)) => item,
            Err(gap) => {
                items.push(Item::unknown(&container.name, &gap));
                continue;
            }
        };
        let name = &container.name;
        if item.cause.as_deref() == Some(INTERRUPTED.code) {
            advice.push(
                "carry the migration on with sesam-doctor --fix, or take it back with sesam-doctor undo"
                    .into(),
            );
        } else if let Some(project) = bystander(container, &item) {
            has_bystander = true;
            advice.push(format!(
                "let {name} do without what is the stack's, or stop it: docker compose -p {project} stop"
            ));
        } else {
            is_in_the_way = true;
            advice.push(format!(
                "stop and remove it: docker rm -f {name} (what it mounts stays; back up the data first)"
            ));
        }
        items.push(item);
    }
    let count = containers.len() as u64;
    let verdict = Verdict::worst_of(
        items,
        format!("{} looked at", crate::units::counted(count, "container")),
    )
    .expected("names, ports and data of the stack are the stack's alone");
    let verdict = verdict.advice_all(advice);
    let verdict = if has_bystander {
        verdict.by_hand()
    } else {
        verdict
    };
    Ok(if is_in_the_way {
        verdict.advice("then start the stack: docker compose up -d")
    } else {
        verdict
    })
}

/// The project of a container that is no part of an old installation, since those were not made by compose, and that only
/// has something of the stack's: it is somebody else's, and not to be stopped or removed.
fn bystander<'c>(container: &'c Container, item: &Item) -> Option<&'c str> {
    let has_name = item.cause.as_deref() == Some(HOLDS_NAME.code);
    container.project().filter(|_| !has_name)
}

/// The containers of an old installation that hold something of the stack's, running or not.
#[must_use]
pub fn foreign_containers<'c>(
    profile: &Profile,
    containers: &'c [Container],
    project: Option<&str>,
) -> Vec<&'c Container> {
    let is_up = is_up(profile, containers, project);
    let needed = needed_ports(profile, containers, project);
    containers
        .iter()
        .filter(|container| !is_of_stack(profile, container, project))
        .filter(|container| {
            let item = looked_at(profile, container, is_up, &needed).ok().flatten();
            item.is_some_and(|item| bystander(container, &item).is_none())
        })
        .collect()
}

/// The ports that the stack has yet to get: a service that runs has its own, whoever has the same on another address.
fn needed_ports(profile: &Profile, containers: &[Container], project: Option<&str>) -> Vec<u16> {
    let runs = |name: &str| {
        containers.iter().any(|container| {
            container.state == State::Running
                && container.is_of_service(name)
                && is_of_stack(profile, container, project)
        })
    };
    let services = profile.stack.services.iter();
    services
        .filter(|service| !runs(&service.name))
        .flat_map(|service| &service.ports)
        .copied()
        .collect()
}

/// Whether the stack has containers.
fn is_up(profile: &Profile, containers: &[Container], project: Option<&str>) -> bool {
    containers
        .iter()
        .any(|container| is_of_stack(profile, container, project))
}

/// What there is to say of a container outside the stack.
fn looked_at(
    profile: &Profile,
    container: &Container,
    is_up: bool,
    needed_ports: &[u16],
) -> Result<Option<Item>, crate::facts::Gap> {
    if !is_up && container.name.ends_with(KEPT_SUFFIX) {
        return Ok(Some(Item::fail(
            &container.name,
            INTERRUPTED,
            "was stopped for a migration that has not come to its end",
        )));
    }
    held(profile, container, needed_ports)
}

/// The stack's own: of its project, or, where no file tells the project, made by compose as one of its services.
fn is_of_stack(profile: &Profile, container: &Container, project: Option<&str>) -> bool {
    match (project, container.project()) {
        (_, None) => false,
        (Some(project), Some(own)) => project == own,
        (None, Some(_)) => container.service().is_some_and(|service| {
            profile
                .stack
                .services
                .iter()
                .any(|known| known.name == service)
        }),
    }
}

/// What of the stack's a foreign container holds; what it holds worst comes first.
fn held(
    profile: &Profile,
    container: &Container,
    needed_ports: &[u16],
) -> Result<Option<Item>, crate::facts::Gap> {
    let name = &container.name;
    let maker = match container.project() {
        Some(project) => format!("of the compose project {project}"),
        None => "not made by compose".to_owned(),
    };
    let services = &profile.stack.services;
    let has_name = services.iter().any(|service| service.name == *name);
    let details = match container.details.seen() {
        Ok(details) => details,
        // A name is held whatever else is known.
        Err(_) if has_name => &Details::default(),
        Err(gap) => return Err(gap),
    };
    let data = data_mount(profile, details);
    if let Some(path) = &data
        && container.state.is_alive()
    {
        return Ok(Some(Item::fail(
            name,
            HOLDS_DATA,
            format!("runs on the node's data {} and is {maker}", path.display()),
        )));
    }
    if has_name {
        return Ok(Some(Item::fail(
            name,
            HOLDS_NAME,
            format!("has the name of the stack's container and is {maker}"),
        )));
    }
    let port = details
        .ports
        .iter()
        .filter(|published| published.protocol == "tcp")
        .filter_map(|published| published.port)
        .find(|port| needed_ports.contains(port));
    if let Some(port) = port
        && container.state.is_alive()
    {
        return Ok(Some(Item::fail(
            name,
            HOLDS_PORT,
            format!("publishes port {port} and is {maker}"),
        )));
    }
    Ok(data.map(|path| {
        Item::warn(
            name,
            LEFTOVER,
            format!(
                "has ended, mounts the node's data {} and is {maker}",
                path.display()
            ),
        )
    }))
}

/// The first of the node's data directories that a container may write to.
fn data_mount(profile: &Profile, details: &Details) -> Option<PathBuf> {
    let layout = &profile.layout;
    let data: [&Path; 3] = [&layout.data_dir, &layout.data_link, &layout.node_dir];
    details
        .mounts
        .iter()
        .filter(|mount| mount.kind == "bind" && mount.writable)
        .map(|mount| Path::new(mount.source.as_str()))
        .find(|source| {
            data.iter()
                .any(|data| source.starts_with(data) && !source.starts_with(&*layout.logs_dir))
        })
        .map(Path::to_path_buf)
}

#[cfg(test)]
mod tests;
