//! Cases of `container.foreign`.

use std::collections::BTreeMap;

use super::*;
use crate::{
    checks::{
        Status,
        cases::{Case, engine, first_is_not_told, judge_cases, made_by_compose, stack_file},
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
                            containers.push(made_by_compose("data", "traefik"));
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
                                ..made_by_compose("data", "traefik")
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
                    container.labels =
                        BTreeMap::from([("com.docker.compose.project".into(), Some("old".into()))]);
                },
            ),
            case(
                "another project's port",
                Status::Fail,
                Some("holds-port"),
                |container, details| {
                    container.labels = BTreeMap::from([(
                        "com.docker.compose.project".into(),
                        Some("shop".into()),
                    )]);
                    publishes(443, details);
                },
            ),
            Case::new(
                "one could not be looked at",
                Status::Unknown,
                Some("timed-out"),
                |facts: &mut Facts| {
                    other(|_, _| {})(facts);
                    first_is_not_told(facts);
                },
            ),
            Case::new(
                "one that could not be looked at has its name",
                Status::Fail,
                Some("holds-name"),
                |facts: &mut Facts| {
                    other(|container, _| container.name = "traefik".into())(facts);
                    first_is_not_told(facts);
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
                containers.push(made_by_compose("data", "traefik"));
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

#[test]
fn what_another_project_runs_is_left_to_a_person() {
    let mut facts = crate::checks::cases::nothing_observed();
    other(|container, details| {
        *container = made_by_compose("shop", "front");
        container.state = State::Running;
        publishes(443, details);
    })(&mut facts);
    let verdict = crate::checks::cases::verdict(&FOREIGN, &facts);
    assert!(verdict.by_hand);
    assert!(FOREIGN.remedies_for(&verdict).is_empty());
}

#[test]
fn without_a_file_the_stack_is_known_by_its_services() {
    let profile = crate::profile::load("2023").unwrap();
    let containers = [
        made_by_compose("data", "traefik"),
        Container {
            name: "sesam-node".into(),
            ..made_by_compose("data", "something")
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
