//! `software.docker-config`

use serde_json::Value;

use super::DOCKER;
use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Mend, Prose, Remedy,
        Verdict,
    },
    facts::{
        Observed, Source,
        docker::{Container, DaemonFile, Information},
    },
};

const MALFORMED: Cause = Cause::new(
    "malformed",
    "daemon.json cannot be read by the engine, which does not start with it again",
);
pub const UNBOUNDED_LOGS: Cause = Cause::new(
    "unbounded-logs",
    "containers' logs grow until the disk is full",
);
const STORAGE_DRIVER: Cause = Cause::new(
    "storage-driver",
    "the engine keeps images with a driver that is slow, deprecated or wasteful",
);
const NOT_IN_FORCE: Cause = Cause::new(
    "not-in-force",
    "daemon.json says one thing and the running engine does another",
);

/// See [`Prose::checks`] in the declaration.
pub static DOCKER_CONFIG: Check = Check {
    id: "software.docker-config",
    title: "Docker's settings are sound",
    category: Category::Software,
    level: Level::Required,
    // A damaged file is seen without the engine, and may be why there is none.
    needs: &[],
    reads: &[Source::Docker, Source::Stack],
    reference: "Known fault of the published stack: no log limits; docs.docker.com/engine/logging/configure",
    causes: &[MALFORMED, STORAGE_DRIVER, UNBOUNDED_LOGS, NOT_IN_FORCE],
    prose: Prose {
        checks: "`daemon.json` can be read; the storage driver in force is one of the profile's `software.storage_drivers`; every container of the stack has its log limited, by the compose file's `logging` or by `log-opts` of `daemon.json`; and what `daemon.json` says of the log driver is in force. A file that cannot be read fails, the others warn.",
        why: "With a damaged `daemon.json` the engine runs on until the next reboot, and then does not start. Without `max-size` a container's log grows until Docker's disk is full, which stops everything at once.",
        remedy: "Write `{\"log-driver\": \"json-file\", \"log-opts\": {\"max-size\": \"50m\", \"max-file\": \"5\"}}` into `daemon.json` (keeping what is there) and restart Docker. Containers keep the limits that they were made with: `docker compose up -d --force-recreate` makes them anew.",
    },
    mends: &[
        Mend::new(Remedy::WriteDaemonConfig, &[UNBOUNDED_LOGS]),
        Mend::new(Remedy::RecreateContainers, &[UNBOUNDED_LOGS]),
        Mend::new(Remedy::RestartDocker, &[NOT_IN_FORCE]),
    ],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let docker = context.facts.docker().seen()?;
    let path = context.profile.software.daemon_file.display();
    let file = docker.daemon_file.seen_or_absent()?;
    if let Some(DaemonFile {
        path,
        content: Err(problem),
    }) = file
    {
        let path = path.display();
        return Ok(Verdict::fail(
            MALFORMED,
            format!("{path} cannot be read: {}", problem.message),
        )
        .expected("a JSON object")
        .advice(format!(
            "correct line {} of {path}; `dockerd --validate --config-file {path}` (Docker 23 and later) says whether the engine takes it",
            problem.line.max(1)
        )));
    }
    let settings = file.and_then(|file| file.content.as_ref().ok());
    let engine = match docker.engine() {
        Ok(engine) => engine,
        Err(gap) => return Ok(Verdict::from(gap).follows(&DOCKER)),
    };
    let information = engine.information.seen()?;
    let mut items = vec![storage(context, information)];
    items.extend(in_force(settings, information));
    items.extend(logs(context, settings, information, &engine.containers));
    let mut verdict = Verdict::worst_of(items, "logs are limited, images are kept with overlay2");
    let has = |verdict: &Verdict, cause: Cause| {
        verdict
            .items
            .iter()
            .any(|item| item.cause.as_deref() == Some(cause.code))
    };
    if has(&verdict, STORAGE_DRIVER) {
        verdict = verdict.advice("move to overlay2, see docs.docker.com/engine/storage/drivers/overlayfs-driver; images and containers have to be made anew");
    }
    if has(&verdict, UNBOUNDED_LOGS) {
        verdict = verdict
            .advice(format!("add to {path}: \"log-driver\": \"json-file\", \"log-opts\": {{\"max-size\": \"50m\", \"max-file\": \"5\"}}"))
            .advice("restart Docker, which restarts the containers: systemctl restart docker")
            .advice("make the containers anew, since they keep the limits that they were made with: docker compose up -d --force-recreate");
    }
    if has(&verdict, NOT_IN_FORCE) {
        verdict = verdict
            .advice("restart Docker, which restarts the containers: systemctl restart docker");
    }
    Ok(verdict
        .expected("limited logs, a sound storage driver, and what daemon.json says in force")
        .evidence("storage driver", &information.storage_driver)
        .evidence("log driver", &information.logging_driver)
        .evidence("data", &information.root_directory)
        .evidence("live restore", information.live_restore))
}

fn storage(context: &Context, information: &Information) -> Item {
    let driver = &information.storage_driver;
    if driver.is_empty() || context.profile.software.storage_drivers.contains(driver) {
        Item::pass("storage", format!("the driver is {driver}"))
    } else {
        Item::warn(
            "storage",
            STORAGE_DRIVER,
            format!("images are kept with {driver}"),
        )
    }
    .observed(driver.as_str())
}

fn in_force(settings: Option<&Value>, information: &Information) -> Option<Item> {
    let said = settings?.get("log-driver")?.as_str()?;
    let actual = &information.logging_driver;
    (!actual.is_empty() && said != actual).then(|| {
        Item::warn(
            "log driver",
            NOT_IN_FORCE,
            format!("daemon.json says {said}, and the running engine uses {actual}"),
        )
    })
}

/// A container's log is limited by what it was made with; of a service without a container the file and the engine tell.
fn logs(
    context: &Context,
    settings: Option<&Value>,
    information: &Information,
    containers: &Observed<Vec<Container>>,
) -> Vec<Item> {
    let software = &context.profile.software;
    let option = &software.log_limit_option;
    let unbounded = |driver: &str| {
        software
            .unbounded_log_drivers
            .iter()
            .any(|known| known == driver)
    };
    let default_is_limited = settings
        .and_then(|settings| settings.get("log-opts")?.get(option))
        .is_some();
    let stack = context.facts.stack().seen().ok();
    let file = stack.and_then(|stack| stack.compose_file());
    let none = Vec::new();
    let containers = containers.seen().unwrap_or(&none);
    context
        .profile
        .stack
        .services
        .iter()
        .map(|service| {
            let name = &service.name;
            let made = containers
                .iter()
                .find(|container| {
                    container.name == *name || container.service() == Some(name.as_str())
                })
                .and_then(|container| container.details.seen().ok());
            let written = file.and_then(|file| file.services.get(name));
            let (driver, is_limited) = match (made, written) {
                (Some(details), _) => (
                    details.log_driver.as_str(),
                    details.log_options.contains_key(option),
                ),
                (None, Some(service)) => match service.log_driver.as_deref() {
                    Some(driver) => (driver, service.log_options.contains_key(option)),
                    None => (
                        information.logging_driver.as_str(),
                        service.log_options.contains_key(option) || default_is_limited,
                    ),
                },
                (None, None) => (information.logging_driver.as_str(), default_is_limited),
            };
            if !unbounded(driver) || is_limited {
                Item::pass(name, "its log is limited")
            } else {
                Item::warn(
                    name,
                    UNBOUNDED_LOGS,
                    format!("its log ({driver} without {option}) grows without limit"),
                )
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, engine, judge_cases, stack_file},
        },
        facts::{
            Facts,
            docker::{Details, Engine, Malformed},
        },
    };

    fn with(
        daemon: Option<Value>,
        change: impl Fn(&mut Engine, &mut Information),
    ) -> impl Fn(&mut Facts) {
        move |facts: &mut Facts| {
            engine(|engine| {
                let mut information = Information {
                    storage_driver: "overlay2".into(),
                    logging_driver: "json-file".into(),
                    ..Information::default()
                };
                engine.containers = Observed::Seen(Vec::new());
                change(engine, &mut information);
                engine.information = Observed::Seen(information);
            })(facts);
            let Observed::Seen(docker) = &mut facts.docker else {
                panic!("the engine answers");
            };
            docker.daemon_file = match &daemon {
                None => Observed::Absent,
                Some(value) => Observed::Seen(DaemonFile {
                    path: "/etc/docker/daemon.json".into(),
                    content: Ok(value.clone()),
                }),
            };
        }
    }

    fn limited() -> Option<Value> {
        Some(serde_json::json!({"log-opts": {"max-size": "50m"}}))
    }

    fn made_without_limit(engine: &mut Engine) {
        engine.containers = Observed::Seen(vec![Container {
            name: "sesam-node".into(),
            details: Observed::Seen(Details {
                log_driver: "json-file".into(),
                ..Details::default()
            }),
            ..Container::default()
        }]);
    }

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn cases() {
        let broken = |facts: &mut Facts| {
            with(None, |_, _| {})(facts);
            if let Observed::Seen(docker) = &mut facts.docker {
                docker.daemon_file = Observed::Seen(DaemonFile {
                    path: "/etc/docker/daemon.json".into(),
                    content: Err(Malformed {
                        line: 3,
                        message: "trailing comma at line 3".into(),
                    }),
                });
            }
        };
        let unbounded = Some("unbounded-logs");
        judge_cases(
            &DOCKER_CONFIG,
            &[
                Case::new(
                    "limited for all",
                    Status::Pass,
                    None,
                    with(limited(), |_, _| {}),
                ),
                Case::new(
                    "a driver that limits itself",
                    Status::Pass,
                    None,
                    with(None, |_, information| {
                        information.logging_driver = "local".into();
                    }),
                ),
                Case::new(
                    "nothing is limited",
                    Status::Warn,
                    unbounded,
                    with(None, |_, _| {}),
                ),
                Case::new(
                    "other options",
                    Status::Warn,
                    unbounded,
                    with(Some(serde_json::json!({"log-opts": []})), |_, _| {}),
                ),
                Case::new(
                    "made before the limit",
                    Status::Warn,
                    unbounded,
                    with(limited(), |engine, _| {
                        made_without_limit(engine);
                    }),
                ),
                Case::new(
                    "devicemapper",
                    Status::Warn,
                    Some("storage-driver"),
                    with(limited(), |_, information| {
                        information.storage_driver = "devicemapper".into();
                    }),
                ),
                Case::new(
                    "not restarted since",
                    Status::Warn,
                    Some("not-in-force"),
                    with(
                        Some(
                            serde_json::json!({"log-driver": "local", "log-opts": {"max-size": "1m"}}),
                        ),
                        |_, _| {},
                    ),
                ),
                Case::new(
                    "in force",
                    Status::Pass,
                    None,
                    with(
                        Some(
                            serde_json::json!({"log-driver": "json-file", "log-opts": {"max-size": "1m"}}),
                        ),
                        |_, _| {},
                    ),
                ),
                Case::new(
                    "an engine that names no driver",
                    Status::Pass,
                    None,
                    with(
                        Some(
                            serde_json::json!({"log-driver": "json-file", "log-opts": {"max-size": "1m"}}),
                        ),
                        |_, information| information.logging_driver.clear(),
                    ),
                ),
                Case::new(
                    "limited by the compose file for all",
                    Status::Pass,
                    None,
                    |facts: &mut Facts| {
                        with(None, |_, _| {})(facts);
                        stack_file(|file| {
                            for service in file.services.values_mut() {
                                service.log_options.insert("max-size".into(), "1m".into());
                            }
                        })(facts);
                    },
                ),
                Case::new(
                    "limited by the engine for all in the compose file",
                    Status::Pass,
                    None,
                    |facts: &mut Facts| {
                        with(limited(), |_, _| {})(facts);
                        stack_file(|_| {})(facts);
                    },
                ),
                Case::new(
                    "the compose file has a driver that the engine's options are not for",
                    Status::Warn,
                    unbounded,
                    |facts: &mut Facts| {
                        with(limited(), |_, _| {})(facts);
                        stack_file(|file| {
                            let node = file.services.get_mut("sesam-node").unwrap();
                            node.log_driver = Some("json-file".into());
                        })(facts);
                    },
                ),
                Case::new("damaged", Status::Fail, Some("malformed"), broken),
                Case::new(
                    "nothing seen",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "no settings told",
                    Status::Unknown,
                    Some("observation-failed"),
                    |facts: &mut Facts| {
                        with(None, |_, _| {})(facts);
                        engine(|engine| engine.information = Observed::Failed("500".into()))(facts);
                    },
                ),
            ],
        );
    }
}
