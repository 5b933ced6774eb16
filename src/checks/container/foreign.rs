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
        checks: "Every container that is not of the stack's compose project: it must not be called like one of the profile's services, must not publish a port that one of them needs and does not have, and must not mount the node's data. Each fails, with the container's name; one that has ended and mounts the node's data only warns. One that `--fix` has stopped for a migration fails as long as the stack has no containers.",
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
    let mut is_in_the_way = false;
    for container in containers {
        if is_of_stack(context.profile, container, project) {
            continue;
        }
        match looked_at(context.profile, container, is_up, &needed) {
            Ok(None) => {}
            Ok(Some(item)) if item.cause.as_deref() == Some(INTERRUPTED.code) => {
                items.push(item);
                advice.push(
                    "carry the migration on with sesam-doctor --fix, or take it back with sesam-doctor undo"
                        .into(),
                );
            }
            Ok(Some(item)) => {
                is_in_the_way = true;
                items.push(item);
                advice.push(format!(
                    "stop and remove it: docker rm -f {} (what it mounts stays; back up the data first)",
                    container.name
                ));
            }
            Err(gap) => items.push(Item::unknown(&container.name, &gap)),
        }
    }
    let count = containers.len() as u64;
    let verdict = Verdict::worst_of(
        items,
        format!("{} looked at", crate::units::counted(count, "container")),
    )
    .expected("names, ports and data of the stack are the stack's alone");
    let verdict = verdict.advice_all(advice);
    Ok(if is_in_the_way {
        verdict.advice("then start the stack: docker compose up -d")
    } else {
        verdict
    })
}

/// The containers outside the stack that hold something of its, running or not.
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
        .filter(|container| matches!(looked_at(profile, container, is_up, &needed), Ok(Some(_))))
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
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, engine, judge_cases, stack_file},
        },
        facts::{
            Facts, Observed,
            docker::{Mount, PublishedPort},
        },
    };

    fn other(change: fn(&mut Container, &mut Details)) -> impl Fn(&mut Facts) {
        move |facts: &mut Facts| {
            stack_file(|_| {})(facts);
            engine(|engine| {
                let mut container = Container {
                    name: "nginx".into(),
                    state: State::Running,
                    ..Container::default()
                };
                let mut details = Details::default();
                change(&mut container, &mut details);
                container.details = Observed::Seen(details);
                engine.containers = Observed::Seen(vec![container]);
            })(facts);
        }
    }

    fn publishes(port: u16, details: &mut Details) {
        details.ports.push(PublishedPort {
            address: None,
            port: Some(port),
            target: 1,
            protocol: "tcp".into(),
        });
    }

    fn mounts(path: &str, details: &mut Details) {
        details.mounts.push(Mount {
            kind: "bind".into(),
            source: path.into(),
            target: "/x".into(),
            writable: true,
        });
    }

    /// The stack's own, running.
    fn traefik() -> Container {
        let label = |name: &str, value: &str| {
            let name = format!("com.docker.compose.{name}");
            (name, Some(value.to_owned()))
        };
        Container {
            name: "traefik".into(),
            state: State::Running,
            labels: BTreeMap::from([label("project", "data"), label("service", "traefik")]),
            ..Container::default()
        }
    }

    const DATA: &str = "/srv/data/sesam/node-00/data";

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn cases() {
        let case = |name, status, cause, change: fn(&mut Container, &mut Details)| {
            Case::new(name, status, cause, other(change))
        };
        judge_cases(
            &FOREIGN,
            &[
                case("a microservice", Status::Pass, None, |_, details| {
                    publishes(32_768, details);
                }),
                case("reads the logs", Status::Pass, None, |_, details| {
                    mounts("/sesam/node-00/logs", details);
                }),
                case("reads the data", Status::Pass, None, |_, details| {
                    mounts(DATA, details);
                    details.mounts[0].writable = false;
                }),
                case("a volume of that name", Status::Pass, None, |_, details| {
                    mounts(DATA, details);
                    details.mounts[0].kind = "volume".into();
                }),
                case(
                    "is the stack's",
                    Status::Pass,
                    None,
                    |container, details| {
                        container.labels = BTreeMap::from([(
                            "com.docker.compose.project".into(),
                            Some("data".into()),
                        )]);
                        mounts(DATA, details);
                    },
                ),
                case(
                    "old nginx",
                    Status::Fail,
                    Some("holds-port"),
                    |_, details| publishes(443, details),
                ),
                case(
                    "a database on the port that the node keeps to itself",
                    Status::Pass,
                    None,
                    |_, details| publishes(9042, details),
                ),
                case(
                    "another protocol on that port",
                    Status::Pass,
                    None,
                    |_, details| {
                        publishes(443, details);
                        details.ports[0].protocol = "udp".into();
                    },
                ),
                Case::new(
                    "an nginx on another address than Traefik, which runs",
                    Status::Pass,
                    None,
                    |facts: &mut Facts| {
                        other(|_, details| {
                            publishes(443, details);
                            details.ports[0].address = "192.0.2.7".parse().ok();
                        })(facts);
                        engine(|engine| {
                            if let Observed::Seen(containers) = &mut engine.containers {
                                containers.push(traefik());
                            }
                        })(facts);
                    },
                ),
                Case::new(
                    "an nginx in the place of Traefik, which could not be started",
                    Status::Fail,
                    Some("holds-port"),
                    |facts: &mut Facts| {
                        other(|_, details| publishes(443, details))(facts);
                        engine(|engine| {
                            if let Observed::Seen(containers) = &mut engine.containers {
                                containers.push(Container {
                                    state: State::Created,
                                    ..traefik()
                                });
                            }
                        })(facts);
                    },
                ),
                case(
                    "old nginx, stopped",
                    Status::Pass,
                    None,
                    |container, details| {
                        container.state = State::Exited;
                        publishes(443, details);
                    },
                ),
                case(
                    "old node",
                    Status::Fail,
                    Some("holds-data"),
                    |_, details| mounts(DATA, details),
                ),
                case(
                    "old node, stopped",
                    Status::Warn,
                    Some("leftover"),
                    |container, details| {
                        container.state = State::Exited;
                        mounts(DATA, details);
                    },
                ),
                case(
                    "its name, stopped",
                    Status::Fail,
                    Some("holds-name"),
                    |container, _| {
                        container.name = "sesam-node".into();
                        container.state = State::Exited;
                    },
                ),
                case(
                    "another project",
                    Status::Fail,
                    Some("holds-name"),
                    |container, _| {
                        container.name = "traefik".into();
                        container.labels = BTreeMap::from([(
                            "com.docker.compose.project".into(),
                            Some("old".into()),
                        )]);
                    },
                ),
                Case::new(
                    "one could not be looked at",
                    Status::Unknown,
                    Some("timed-out"),
                    |facts: &mut Facts| {
                        other(|_, _| {})(facts);
                        engine(|engine| {
                            if let Observed::Seen(containers) = &mut engine.containers {
                                containers[0].details = Observed::TimedOut("nginx".into());
                            }
                        })(facts);
                    },
                ),
                Case::new(
                    "one that could not be looked at has its name",
                    Status::Fail,
                    Some("holds-name"),
                    |facts: &mut Facts| {
                        other(|container, _| container.name = "traefik".into())(facts);
                        engine(|engine| {
                            if let Observed::Seen(containers) = &mut engine.containers {
                                containers[0].details = Observed::TimedOut("traefik".into());
                            }
                        })(facts);
                    },
                ),
                Case::new(
                    "nothing seen",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
            ],
        );
    }

    #[test]
    fn a_migration_that_was_interrupted() {
        let kept = |container: &mut Container, _: &mut Details| {
            container.name = "nginx.before-sesam-doctor".into();
            container.state = State::Exited;
        };
        let beside_the_stack = move |facts: &mut Facts| {
            other(kept)(facts);
            engine(|engine| {
                if let Observed::Seen(containers) = &mut engine.containers {
                    containers.push(of_project("data", "traefik"));
                }
            })(facts);
        };
        judge_cases(
            &FOREIGN,
            &[
                Case::new(
                    "no stack yet",
                    Status::Fail,
                    Some("interrupted"),
                    other(kept),
                ),
                Case::new("the new stack is up", Status::Pass, None, beside_the_stack),
            ],
        );
    }

    fn of_project(project: &str, service: &str) -> Container {
        let label = |name: &str, value: &str| {
            (format!("com.docker.compose.{name}"), Some(value.to_owned()))
        };
        Container {
            name: service.into(),
            labels: BTreeMap::from([label("project", project), label("service", service)]),
            details: Observed::Seen(Details::default()),
            ..Container::default()
        }
    }

    #[test]
    fn without_a_file_the_stack_is_known_by_its_services() {
        let profile = crate::profile::load("2023").unwrap();
        let containers = [
            of_project("data", "traefik"),
            Container {
                name: "sesam-node".into(),
                ..of_project("data", "something")
            },
        ];
        let foreign = |project| -> Vec<String> {
            let found = foreign_containers(&profile, &containers, project);
            found.into_iter().map(|one| one.name.clone()).collect()
        };
        assert_eq!(foreign(None), ["sesam-node"]);
        assert_eq!(foreign(Some("data")), Vec::<String>::new());
        assert_eq!(foreign(Some("other")), ["traefik", "sesam-node"]);
    }
}
