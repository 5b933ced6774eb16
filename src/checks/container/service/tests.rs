//! Its cases.

use std::collections::BTreeMap;

use super::*;
use crate::{
    checks::{
        Status,
        cases::{
            Case, engine, first_is_not_told, judge_cases, made_by_compose, nothing_observed,
            stack_file, verdict,
        },
    },
    facts::{
        Facts,
        docker::{Health, Image},
    },
};

fn made(change: fn(&mut Container, &mut Details)) -> impl Fn(&mut Facts) {
    move |facts: &mut Facts| {
        stack_file(|_| {})(facts);
        engine(|engine| {
            let mut container = made_by_compose("data", "traefik");
            let mut details = Details {
                image: "traefik:1.0".into(),
                restart_policy: "always".into(),
                started: "2026-11-23T10:00:00Z".parse().ok(),
                networks: BTreeMap::from([("data_default".into(), None)]),
                last_log_lines: Observed::Seen(vec!["unknown flag: --name".into(), String::new()]),
                ..Details::default()
            };
            change(&mut container, &mut details);
            container.details = Observed::Seen(details);
            engine.containers = Observed::Seen(vec![container]);
        })(facts);
    }
}

fn health(status: &str) -> Option<Health> {
    Some(Health {
        status: status.into(),
        failing_streak: 3,
        last_output: "503".into(),
    })
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn cases() {
    let case = |name, status, cause, change: fn(&mut Container, &mut Details)| {
        Case::new(name, status, cause, made(change))
    };
    let fail = Status::Fail;
    judge_cases(
        &TRAEFIK,
        &[
            case("runs", Status::Pass, None, |_, _| {}),
            case("healthy", Status::Pass, None, |_, details| {
                details.health = health("healthy");
            }),
            case(
                "once restarted, long ago",
                Status::Pass,
                None,
                |_, details| details.restart_count = 1,
            ),
            case(
                "killed once, running since",
                Status::Pass,
                None,
                |_, details| details.oom_killed = true,
            ),
            Case::new("none at all", fail, Some("missing"), |facts: &mut Facts| {
                stack_file(|_| {})(facts);
                engine(|engine| engine.containers = Observed::Seen(Vec::new()))(facts);
            }),
            case(
                "another has its image",
                fail,
                Some("missing"),
                |container, _| {
                    container.name = "proxy".into();
                    container.image = "traefik:v1".into();
                    container.labels.clear();
                },
            ),
            case(
                "made, not started",
                fail,
                Some("not-started"),
                |container, details| {
                    container.state = State::Created;
                    details.error = "Bind for 0.0.0.0:80 failed: port is already allocated".into();
                },
            ),
            case("ended", fail, Some("exited"), |container, details| {
                container.state = State::Exited;
                details.exit_code = 1;
            }),
            case("loops", fail, Some("restarting"), |container, _| {
                container.state = State::Restarting;
            }),
            case(
                "loops, up at this moment",
                fail,
                Some("restarting"),
                |_, details| {
                    details.restart_count = 7;
                    details.started = "2026-11-23T14:59:58Z".parse().ok();
                },
            ),
            case(
                "loops for want of memory",
                fail,
                Some("oom-killed"),
                |container, details| {
                    container.state = State::Restarting;
                    details.oom_killed = true;
                },
            ),
            case(
                "ended for want of memory",
                fail,
                Some("oom-killed"),
                |container, details| {
                    container.state = State::Exited;
                    details.exit_code = 137;
                    details.oom_killed = true;
                },
            ),
            case(
                "restarted, up for as long as settles it",
                Status::Pass,
                None,
                |_, details| {
                    details.restart_count = 7;
                    details.started = "2026-11-23T14:59:00Z".parse().ok();
                },
            ),
            case("started just now", Status::Pass, None, |_, details| {
                details.started = "2026-11-23T14:59:58Z".parse().ok();
            }),
            case("paused", fail, Some("paused"), |container, _| {
                container.state = State::Paused;
            }),
            case("unhealthy", fail, Some("unhealthy"), |_, details| {
                details.health = health("unhealthy");
            }),
            case("by hand", fail, Some("not-compose"), |container, _| {
                container.labels.clear();
            }),
            case("renamed", fail, Some("drifted"), |container, _| {
                container.name = "x_traefik".into();
            }),
            Case::new(
                "renamed in the file only",
                Status::Warn,
                Some("drifted"),
                |facts: &mut Facts| {
                    made(|_, _| {})(facts);
                    stack_file(|file| {
                        let service = file.services.get_mut("traefik").unwrap();
                        service.container_name = Some("proxy".into());
                    })(facts);
                },
            ),
            case("another tag", fail, Some("drifted"), |_, details| {
                details.image = "traefik:2.0".into();
            }),
            Case::new(
                "another tag, with an override beside the file",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    made(|_, details| details.image = "traefik:2.0".into())(facts);
                    if let Observed::Seen(stack) = &mut facts.stack {
                        let laid_over = "/srv/data/docker-compose.override.yml";
                        stack.overrides.push(laid_over.into());
                    }
                },
            ),
            Case::new(
                "another tag, of a service that extends one of another file",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    made(|_, details| details.image = "traefik:2.0".into())(facts);
                    stack_file(|file| {
                        let extends = "services.traefik.extends: base.yml, proxy";
                        file.not_followed.push(extends.into());
                    })(facts);
                },
            ),
            case(
                "a state that nobody knows",
                fail,
                Some("exited"),
                |container, _| container.state = State::Unknown,
            ),
            Case::new(
                "the file calls the service otherwise",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    made(|_, _| {})(facts);
                    stack_file(|file| {
                        let service = file.services.remove("traefik").unwrap();
                        file.services.insert("proxy".into(), service);
                    })(facts);
                },
            ),
            Case::new(
                "the old project's has ended",
                Status::Pass,
                None,
                |facts: &mut Facts| {
                    made(|_, _| {})(facts);
                    engine(|engine| {
                        if let Observed::Seen(containers) = &mut engine.containers {
                            let mut old = containers[0].clone();
                            old.name = "old_traefik_1".into();
                            old.state = State::Exited;
                            let project = "com.docker.compose.project";
                            old.labels.insert(project.into(), Some("old".into()));
                            containers.insert(0, old);
                        }
                    })(facts);
                },
            ),
            Case::new(
                "paused, not looked at",
                fail,
                Some("paused"),
                |facts: &mut Facts| {
                    made(|container, _| container.state = State::Paused)(facts);
                    first_is_not_told(facts);
                },
            ),
            Case::new(
                "not looked at",
                Status::Unknown,
                Some("timed-out"),
                |facts: &mut Facts| {
                    made(|_, _| {})(facts);
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
fn what_a_watchtower_that_ends_at_once_may_follow_from() {
    let ended = |facts: &mut Facts| {
        made(|container, details| {
            container.name = "watchtower".into();
            let service = "com.docker.compose.service";
            container
                .labels
                .insert(service.into(), Some("watchtower".into()));
            container.state = State::Exited;
            details.exit_code = 1;
        })(facts);
    };
    judge_cases(
        &WATCHTOWER,
        &[Case::new("ended", Status::Fail, Some("exited"), ended)],
    );
}

#[test]
fn a_container_whose_image_is_not_there_waits_for_the_registry() {
    let waits = |tags: &[&str]| {
        let mut facts = nothing_observed();
        stack_file(|_| {})(&mut facts);
        engine(|engine| {
            engine.containers = Observed::Seen(Vec::new());
            engine.images = Observed::Seen(vec![Image {
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                ..Image::default()
            }]);
        })(&mut facts);
        let follows = verdict(&TRAEFIK, &facts).follows;
        follows
            .iter()
            .any(|followed| followed.check.id == outbound::DOCKER.id)
    };
    assert!(waits(&["sesam/fluent-bit:1.9.4"]));
    assert!(!waits(&["traefik:v3.1"]));
}
