//! `container.watchtower`, `container.traefik`, `container.sesam-node` and `container.fluentbit`

use super::{FOREIGN, drift, find};
use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
        config, inbound, outbound, software,
    },
    facts::{
        Observed, Source,
        docker::{Container, Details, Engine, State},
        stack::compose_file::{ComposeFile, Service},
    },
    profile,
    units::{Bytes, counted},
};

const MISSING: Cause = Cause::new("missing", "there is no such container");
const NOT_STARTED: Cause = Cause::new(
    "not-started",
    "the container was made and could not be started",
);
const EXITED: Cause = Cause::new("exited", "the container has ended");
const RESTARTING: Cause = Cause::new(
    "restarting",
    "the container ends again and again and is started again and again",
);
const OOM_KILLED: Cause = Cause::new(
    "oom-killed",
    "the kernel killed the container for want of memory",
);
const UNHEALTHY: Cause = Cause::new("unhealthy", "the container's own health check fails");
const PAUSED: Cause = Cause::new("paused", "the container is frozen");
const NOT_COMPOSE: Cause = Cause::new(
    "not-compose",
    "the container was not made by compose, which will not change or replace it",
);
pub(super) const DRIFTED: Cause =
    Cause::new("drifted", "the container is not what the compose file says");

static NEEDS: [&Check; 3] = [&software::DOCKER, &config::COMPOSE, &config::NETWORKS];

static READS: [Source; 2] = [Source::Docker, Source::Stack];

static CAUSES: [Cause; 9] = [
    MISSING,
    NOT_STARTED,
    OOM_KILLED,
    RESTARTING,
    EXITED,
    PAUSED,
    UNHEALTHY,
    NOT_COMPOSE,
    DRIFTED,
];

static MENDS: [Mend; 2] = [
    Mend::new(Remedy::ComposeUp, &[MISSING, NOT_STARTED, EXITED, DRIFTED]),
    Mend::new(Remedy::RecreateContainers, &[DRIFTED]),
];

const CHECKS: &str = "The container exists, runs, has not been restarted just now, was not killed for want of memory, is healthy by its own account, was made by compose, and is what the compose file says: image, ports, mounts, networks, arguments, variables, labels, restart policy. Each way not to be so is told apart, and fails; exit code, number of restarts and the last lines of the log are the evidence. What the container has beyond the file is no matter; where other files are laid over the compose file, or it takes the service from another one, differences are remarked on, since those are not followed.";
const REMEDY: &str = "See why it ended with `docker logs NAME`; make it anew from the file with `docker compose up -d` in the stack's directory, which replaces only what differs.";

const fn container(
    id: &'static str,
    title: &'static str,
    why: &'static str,
    judge: fn(&Context) -> Judgement,
) -> Check {
    Check {
        id,
        title,
        category: Category::Container,
        level: Level::Required,
        needs: &NEEDS,
        reads: &READS,
        reference: "Operator's manual, the stack: four containers, each restarted always",
        causes: &CAUSES,
        prose: Prose {
            checks: CHECKS,
            why,
            remedy: REMEDY,
        },
        mends: &MENDS,
        judge: Judge::One(judge),
    }
}

/// See [`Prose::checks`] in the declaration.
pub static WATCHTOWER: Check = container(
    "container.watchtower",
    "Watchtower runs as the compose file says",
    "Without Watchtower no image is updated, and self-hosted nodes have to run the newest of their channel.",
    |context| judge(context, "watchtower"),
);

/// See [`Prose::checks`] in the declaration.
pub static TRAEFIK: Check = container(
    "container.traefik",
    "Traefik runs as the compose file says",
    "Traefik is the only way to the node's API and keeps the certificates: without it no client gets in.",
    |context| judge(context, "traefik"),
);

/// See [`Prose::checks`] in the declaration.
pub static SESAM_NODE: Check = container(
    "container.sesam-node",
    "The node runs as the compose file says",
    "It is the product.",
    |context| judge(context, "sesam-node"),
);

/// See [`Prose::checks`] in the declaration.
pub static FLUENTBIT: Check = container(
    "container.fluentbit",
    "Fluent Bit runs as the compose file says",
    "Without it neither logs nor metrics reach Sesam: nobody is notified of trouble, and billing breaks.",
    |context| judge(context, "fluentbit"),
);

/// The check of a service's container.
pub(super) fn check_of(service: &str) -> Option<&'static Check> {
    [&WATCHTOWER, &TRAEFIK, &SESAM_NODE, &FLUENTBIT]
        .into_iter()
        .find(|check| check.id.strip_prefix("container.") == Some(service))
}

/// A service of the file with its name there.
type Written<'f> = Option<(&'f str, &'f Service, &'f ComposeFile)>;

fn judge(context: &Context, name: &str) -> Judgement {
    let engine = context.facts.docker().seen()?.engine()?;
    let containers = engine.containers.seen()?;
    let Some(expected) = context
        .profile
        .stack
        .services
        .iter()
        .find(|service| service.name == name)
    else {
        return Ok(Verdict::skip("the profile's stack has no such service"));
    };
    // Without a readable file the container's state is judged all the same, and its drift cannot be.
    let file = context
        .facts
        .stack()
        .seen()
        .ok()
        .and_then(|stack| stack.compose_file());
    let written = file.and_then(|file| {
        let (name, service) = file
            .services
            .get_key_value(name)
            .or_else(|| by_image(file, expected))?;
        Some((name.as_str(), service, file))
    });
    let found = find(containers, expected, written);
    let verdict = match found {
        // An image that is not there yet has to come from the registry first.
        None if lacks_image(engine, expected) => {
            missing(containers, expected).follows(&outbound::DOCKER)
        }
        None => missing(containers, expected),
        Some(container) => match container.details.seen() {
            Ok(details) => {
                let verdict = present(context, name, container, details, written);
                evidence(verdict, container, details)
            }
            // An engine does not answer about one whose health check was frozen with it, and still lists it.
            Err(_) if container.state == State::Paused => paused(&container.name),
            Err(gap) => return Err(gap),
        },
    };
    let verdict = match (name, &verdict.cause) {
        // It ends at once with a flag that it does not know.
        ("watchtower", Some(_)) => verdict.follows(&config::WATCHTOWER_ARGUMENTS),
        // Its ports are held by somebody else.
        ("traefik", Some(cause)) if cause == NOT_STARTED.code => {
            verdict.follows(&inbound::HTTP).follows(&inbound::HTTPS)
        }
        _ => verdict,
    };
    // What the file says depends on variables; a container drifts from a file that is wrong, or whose variables are.
    let verdict = if verdict.cause.as_deref() == Some(DRIFTED.code) {
        verdict.follows(&config::ENV).follows(&config::COMPOSE)
    } else {
        verdict
    };
    Ok(verdict
        .follows(&FOREIGN)
        .expected("running, healthy, made by compose from the compose file"))
}

fn by_image<'f>(
    file: &'f ComposeFile,
    expected: &profile::Service,
) -> Option<(&'f String, &'f Service)> {
    use crate::facts::image_reference::ImageReference;
    file.services.iter().find(|(_, service)| {
        service
            .image
            .as_deref()
            .is_some_and(|image| ImageReference::parse(image).is_of(&expected.image))
    })
}

fn lacks_image(engine: &Engine, expected: &profile::Service) -> bool {
    use crate::facts::image_reference::ImageReference;
    engine.images.seen().is_ok_and(|images| {
        !images
            .iter()
            .flat_map(|image| &image.tags)
            .any(|tag| ImageReference::parse(tag).is_of(&expected.image))
    })
}

const COMPOSE_UP: &str = "in the stack's directory: docker compose up -d";

fn missing(containers: &[Container], expected: &profile::Service) -> Verdict {
    use crate::facts::image_reference::ImageReference;
    let name = &expected.name;
    let other = containers
        .iter()
        .find(|container| ImageReference::parse(&container.image).is_of(&expected.image));
    let verdict = Verdict::fail(
        MISSING,
        match other {
            None => format!("there is no container {name} ({})", expected.why),
            Some(other) => format!(
                "there is no container {name}; {} is made of its image and was not made by compose",
                other.name
            ),
        },
    );
    match other {
        None => verdict.advice(format!("make it, {COMPOSE_UP}")),
        Some(other) => verdict
            .advice(format!(
                "remove the container that stands in its place: docker rm -f {}",
                other.name
            ))
            .advice(format!("make it, {COMPOSE_UP}")),
    }
}

fn present(
    context: &Context,
    expected: &str,
    container: &Container,
    details: &Details,
    written: Written,
) -> Verdict {
    let name = &container.name;
    if let Some(verdict) = wrong_state(context, container, details) {
        return verdict;
    }
    if container.project().is_none() {
        return Verdict::fail(
            NOT_COMPOSE,
            format!("{name} was started by hand or by an agent, not by compose"),
        )
        .advice(format!(
            "stop and remove it: docker rm -f {name} (its mounted data stay)"
        ))
        .advice(format!("make it anew, {COMPOSE_UP}"));
    }
    let Some((key, service, file)) = written else {
        return Verdict::pass(running(details)).remark(
            "the compose file could not be compared with it: it has no such service, or was not read",
        );
    };
    let differences = drift::differences(container, details, service, file);
    let Some(first) = differences.first() else {
        return Verdict::pass(running(details));
    };
    let more = match differences.len() - 1 {
        0 => String::new(),
        more => format!(", and {}", counted(more as u64, "more difference")),
    };
    let summary = format!("{name} {first}{more}");
    let stack = context.facts.stack().seen().ok();
    let extends = format!("services.{key}.extends");
    if let Some(files) = stack.and_then(|stack| stack.elsewhere(&[extends])) {
        let verdict = Verdict::pass(running(details)).remark(format!(
            "{summary}; that may be said elsewhere ({files}), which was not followed"
        ));
        return with_differences(verdict, &differences);
    }
    // The container has its right name, and runs on while the file gives it another.
    let is_only_name =
        differences.len() == 1 && name == expected && drift::is_named_otherwise(container, service);
    let verdict = if is_only_name {
        Verdict::warn(DRIFTED, summary)
    } else {
        Verdict::fail(DRIFTED, summary)
    };
    let verdict = verdict
        .advice(format!("make it what the file says, {COMPOSE_UP}"))
        .advice("if the container is right and the file wrong, correct the file");
    with_differences(verdict, &differences)
}

fn with_differences(verdict: Verdict, differences: &[String]) -> Verdict {
    differences.iter().fold(verdict, |verdict, difference| {
        verdict.evidence("differs", difference)
    })
}

fn running(details: &Details) -> String {
    match &details.health {
        Some(health) => format!("runs, {}", health.status),
        None => "runs".to_owned(),
    }
}

fn wrong_state(context: &Context, container: &Container, details: &Details) -> Option<Verdict> {
    let name = &container.name;
    let logs = format!("its log says why: docker logs --tail 50 {name}");
    let restarts = counted(details.restart_count, "restart");
    let recently = details.started.is_some_and(|started| {
        let settled = i64::from(context.profile.software.restart_settled_seconds);
        context.now.duration_since(started).as_secs() < settled
    });
    let loops = container.state == State::Restarting
        || (container.state == State::Running && details.restart_count > 0 && recently);
    if details.oom_killed && (loops || container.state != State::Running) {
        let limit = match details.memory_limit_bytes {
            0 => "no limit of its own".to_owned(),
            bytes => format!("a limit of {}", Bytes(bytes)),
        };
        return Some(
            Verdict::fail(
                OOM_KILLED,
                format!("{name} was killed for want of memory ({limit}, {restarts})"),
            )
            .advice(
                "give the machine, or the container's mem_limit in the compose file, more memory",
            )
            .advice(format!(
                "see what used it before: docker logs --tail 50 {name}"
            )),
        );
    }
    if loops {
        return Some(
            Verdict::fail(
                RESTARTING,
                format!(
                    "{name} ends again and again ({restarts}, exit code {}){}",
                    details.exit_code,
                    last_line(details)
                ),
            )
            .advice(logs),
        );
    }
    match container.state {
        State::Running => unhealthy(container, details),
        State::Paused => Some(paused(name)),
        State::Created => Some(not_started(container, details)),
        State::Restarting => None,
        State::Unknown => Some(
            Verdict::fail(
                EXITED,
                format!(
                    "{name} does not run: the engine gives a state that this doctor does not know"
                ),
            )
            .advice(format!(
                "see what state that is: docker inspect --format '{{{{.State.Status}}}}' {name}"
            ))
            .advice(format!("start it again, {COMPOSE_UP}")),
        ),
        State::Exited | State::Dead | State::Removing => {
            let error = if details.error.is_empty() {
                last_line(details)
            } else {
                format!(": {}", details.error)
            };
            Some(
                Verdict::fail(
                    EXITED,
                    format!(
                        "{name} has ended with exit code {}{error}",
                        details.exit_code
                    ),
                )
                .advice(logs)
                .advice(format!("start it again, {COMPOSE_UP}")),
            )
        }
    }
}

fn paused(name: &str) -> Verdict {
    Verdict::fail(PAUSED, format!("{name} is paused: it answers nobody"))
        .advice(format!("let it go on: docker unpause {name}"))
}

fn not_started(container: &Container, details: &Details) -> Verdict {
    let name = &container.name;
    let error = if details.error.is_empty() {
        String::new()
    } else {
        format!(": {}", details.error)
    };
    let verdict = Verdict::fail(
        NOT_STARTED,
        format!("{name} was made and has never been started{error}"),
    );
    let taken = ["address already in use", "port is already allocated"]
        .iter()
        .any(|words| details.error.contains(words));
    let verdict = if taken {
        verdict.advice("another program holds the port: find it with ss -ltnp, stop it, and see that it does not come back at boot")
    } else {
        verdict
    };
    verdict.advice(format!("start it, {COMPOSE_UP}"))
}

fn unhealthy(container: &Container, details: &Details) -> Option<Verdict> {
    let health = details.health.as_ref()?;
    if health.status != "unhealthy" {
        return None;
    }
    let name = &container.name;
    let said = match health.last_output.as_str() {
        "" => String::new(),
        words => format!(": {words}"),
    };
    Some(
        Verdict::fail(
            UNHEALTHY,
            format!(
                "{name} runs and its health check has failed {} in a row{said}",
                counted(health.failing_streak, "time")
            ),
        )
        .advice(format!(
            "see what its check says: docker inspect --format '{{{{json .State.Health}}}}' {name}"
        ))
        .advice(format!("and its log: docker logs --tail 50 {name}")),
    )
}

fn last_line(details: &Details) -> String {
    match &details.last_log_lines {
        Observed::Seen(lines) => lines
            .iter()
            .rev()
            .find(|line| !line.trim().is_empty())
            .map_or_else(String::new, |line| format!(": {line}")),
        _ => String::new(),
    }
}

fn evidence(verdict: Verdict, container: &Container, details: &Details) -> Verdict {
    let image = if details.image.is_empty() {
        &container.image
    } else {
        &details.image
    };
    let verdict = verdict
        .observed(serde_json::to_value(container.state).unwrap_or_default())
        .evidence("container", &container.name)
        .evidence("image", image);
    if verdict.cause.is_none() {
        return verdict;
    }
    let verdict = match details.started {
        Some(started) => verdict.evidence("started", started),
        None => verdict,
    };
    match &details.last_log_lines {
        Observed::Seen(lines) => {
            let said: Vec<&String> = lines
                .iter()
                .filter(|line| !line.trim().is_empty())
                .collect();
            said.iter()
                .skip(said.len().saturating_sub(5))
                .fold(verdict, |verdict, line| verdict.evidence("log", line))
        }
        _ => verdict,
    }
}

#[cfg(test)]
mod tests;
