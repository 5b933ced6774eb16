//! `config.docker-api`

use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Mend, Prose, Remedy,
        Verdict, software,
    },
    facts::{
        Source, docker::Details, image_reference::ImageReference, stack::compose_file::Service,
    },
    profile::ReleaseNumber,
};

use super::{COMPOSE, expected::find, made_of, said_elsewhere};

const API_REFUSED: Cause = Cause::new(
    "api-refused",
    "a container speaks a Docker API that this engine no longer does",
);

/// The variable by which a client of Docker is told which API to speak.
const VARIABLE: &str = "DOCKER_API_VERSION";

/// A known fault of the published stack with current engines.
pub static DOCKER_API: Check = Check {
    id: "config.docker-api",
    title: "Containers that use Docker speak an API that the engine accepts",
    category: Category::Config,
    level: Level::Required,
    needs: &[&software::DOCKER, &COMPOSE],
    reads: &[Source::Docker, Source::Stack],
    reference: "Known fault of the published stack with Docker Engine 29 and later: API versions below 1.44 are refused",
    causes: &[API_REFUSED],
    prose: Prose {
        checks: "The oldest API that the engine accepts, against what the profile's `software.clients` speak: what the compose file (or, where other files are laid over it, the container) sets as DOCKER_API_VERSION for them, or, for one that has releases which negotiate by themselves, the release of its image. A client that speaks an older one fails.",
        why: "Watchtower and old releases of Traefik speak API 1.24 or 1.25. Engine 29 and later refuse that: nothing is updated any more, Traefik sees no containers and serves its own default certificate.",
        remedy: "Give Watchtower DOCKER_API_VERSION with a version that the engine accepts, and use a current release of Traefik, which does not heed that variable; then `docker compose up -d`.",
    },
    mends: &[Mend::new(Remedy::WriteComposeFile, &[API_REFUSED])],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let engine = context.facts.docker().seen()?.engine()?;
    let stack = context.facts.stack().seen()?;
    let Some(file) = stack.compose_file() else {
        return Ok(Verdict::skip("there is no compose file to judge"));
    };
    let Some(oldest) = engine
        .min_api_version
        .as_deref()
        .and_then(ReleaseNumber::parse)
    else {
        return Ok(Verdict::pass(format!(
            "engine {} accepts every older API",
            engine.version
        )));
    };
    let mut items = Vec::new();
    let mut advice = Vec::new();
    let mut remarks = Vec::new();
    for client in &context.profile.software.clients {
        let expected = context
            .profile
            .stack
            .services
            .iter()
            .find(|service| service.name == client.service);
        let Some((name, service)) = expected.and_then(|expected| find(file, expected)) else {
            continue;
        };
        // What was not followed shows in the container that was made of it.
        let told = match (said_elsewhere(stack, name), made_of(context, name)) {
            (None, _) => Told::by_file(service),
            (Some(_), Some(details)) => Told::by_container(details),
            (Some(files), None) => {
                remarks.push(format!(
                    "which API {name} speaks may be said elsewhere ({files}), which was not followed"
                ));
                continue;
            }
        };
        let Some(speaks) = spoken(told, &client.speaks, &client.negotiates_from) else {
            items.push(Item::pass(
                name,
                "finds out by itself what the engine speaks",
            ));
            continue;
        };
        if speaks >= oldest {
            items.push(Item::pass(name, format!("speaks API {speaks}")));
            continue;
        }
        items.push(Item::fail(
            name,
            API_REFUSED,
            format!(
                "speaks API {speaks}, and engine {} accepts none below {oldest}",
                engine.version
            ),
        ));
        advice.push(match client.negotiates_from.as_str() {
            "" => format!(
                "in {}, add {VARIABLE}: \"{oldest}\" to the environment of {name}, and apply it with `docker compose up -d`",
                file.path.display()
            ),
            release => format!(
                "use release {release} or later of the image of {name}, which finds out by itself what the engine speaks, and apply it with `docker compose up -d`"
            ),
        });
    }
    let verdict = Verdict::worst_of(
        items,
        format!("engine {} accepts API {oldest} and later", engine.version),
    )
    .observed(oldest.to_string())
    .expected(format!("API {oldest} or later"))
    .advice_all(advice);
    Ok(remarks.into_iter().fold(verdict, Verdict::remark))
}

/// What decides which API a client speaks.
#[derive(Clone, Copy)]
struct Told<'a> {
    image: Option<&'a str>,
    version: Option<&'a str>,
}

impl<'a> Told<'a> {
    fn by_file(service: &'a Service) -> Self {
        Self {
            image: service.image.as_deref(),
            version: service.environment.get(VARIABLE).and_then(Option::as_deref),
        }
    }

    fn by_container(details: &'a Details) -> Self {
        Self {
            image: Some(details.image.as_str()),
            version: details.environment.get(VARIABLE).and_then(Option::as_deref),
        }
    }
}

/// The API that a client speaks; none where it finds out by itself.
fn spoken(told: Told, otherwise: &str, negotiates_from: &str) -> Option<ReleaseNumber> {
    // A client that has learnt to negotiate has never heeded the variable.
    let version = told.version.filter(|_| negotiates_from.is_empty());
    if let Some(version) = version.and_then(ReleaseNumber::parse) {
        return Some(version);
    }
    let tag = ImageReference::parse(told.image?).tag?;
    let release = ReleaseNumber::parse(tag.trim_start_matches('v'));
    match (release, ReleaseNumber::parse(negotiates_from)) {
        // `v2` and `latest` move along, and may be anything.
        (Some(release), Some(since)) if release < since && tag.contains('.') => {}
        (_, Some(_)) => return None,
        (_, None) => {}
    }
    ReleaseNumber::parse(otherwise)
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
            Facts, Observed,
            docker::{Container, Engine},
        },
    };

    fn with(
        oldest: Option<&'static str>,
        change: fn(&mut Service, &mut Service),
    ) -> impl Fn(&mut Facts) {
        move |facts: &mut Facts| {
            engine(|engine| engine.min_api_version = oldest.map(ToOwned::to_owned))(facts);
            stack_file(|file| {
                let mut watchtower = file.services.remove("watchtower").unwrap();
                change(&mut watchtower, file.services.get_mut("traefik").unwrap());
                file.services.insert("watchtower".into(), watchtower);
            })(facts);
        }
    }

    fn corrected(watchtower: &mut Service, traefik: &mut Service) {
        watchtower
            .environment
            .insert(VARIABLE.into(), Some("1.44".into()));
        traefik.image = Some("traefik:v3.6.1".into());
    }

    /// A stack as published, with a file over it that was not followed.
    fn told_elsewhere(change: fn(&mut Engine)) -> impl Fn(&mut Facts) {
        move |facts: &mut Facts| {
            with(Some("1.44"), |_, _| {})(facts);
            engine(change)(facts);
            if let Observed::Seen(stack) = &mut facts.stack {
                let laid_over = "/srv/data/docker-compose.override.yml";
                stack.overrides.push(laid_over.into());
            }
        }
    }

    fn container(name: &str, image: &str, version: Option<&str>) -> Container {
        let version = version.map(|version| (VARIABLE.to_owned(), Some(version.to_owned())));
        Container {
            name: name.into(),
            details: Observed::Seen(Details {
                image: image.into(),
                environment: version.into_iter().collect(),
                ..Details::default()
            }),
            ..Container::default()
        }
    }

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn cases() {
        judge_cases(
            &DOCKER_API,
            &[
                Case::new("an old engine", Status::Pass, None, with(None, |_, _| {})),
                Case::new(
                    "engine 20.10",
                    Status::Pass,
                    None,
                    with(Some("1.12"), |_, _| {}),
                ),
                Case::new(
                    "engine 29, as published",
                    Status::Fail,
                    Some("api-refused"),
                    with(Some("1.44"), |_, _| {}),
                ),
                Case::new(
                    "engine 29, corrected",
                    Status::Pass,
                    None,
                    with(Some("1.44"), corrected),
                ),
                Case::new(
                    "engine 29, old Traefik",
                    Status::Fail,
                    Some("api-refused"),
                    with(Some("1.44"), |watchtower, traefik| {
                        corrected(watchtower, traefik);
                        traefik.image = Some("traefik:v2.8".into());
                    }),
                ),
                Case::new(
                    "engine 29, an old Traefik that is told what it does not heed",
                    Status::Fail,
                    Some("api-refused"),
                    with(Some("1.44"), |watchtower, traefik| {
                        corrected(watchtower, traefik);
                        traefik.image = Some("traefik:v2.8".into());
                        traefik
                            .environment
                            .insert(VARIABLE.into(), Some("1.44".into()));
                    }),
                ),
                Case::new(
                    "engine 29, a Traefik that may be any",
                    Status::Pass,
                    None,
                    with(Some("1.44"), |watchtower, traefik| {
                        corrected(watchtower, traefik);
                        traefik.image = Some("traefik:latest".into());
                    }),
                ),
                Case::new(
                    "engine 29, told elsewhere, by nobody knows whom",
                    Status::Pass,
                    None,
                    told_elsewhere(|_| {}),
                ),
                Case::new(
                    "engine 29, told elsewhere, and the containers say so",
                    Status::Pass,
                    None,
                    told_elsewhere(|engine| {
                        engine.containers = Observed::Seen(vec![
                            container("traefik", "traefik:v3.6.1", None),
                            container("watchtower", "containrrr/watchtower", Some("1.44")),
                        ]);
                    }),
                ),
                Case::new(
                    "engine 29, told nothing elsewhere either",
                    Status::Fail,
                    Some("api-refused"),
                    told_elsewhere(|engine| {
                        engine.containers = Observed::Seen(vec![
                            container("traefik", "traefik:v2.8", Some("1.44")),
                            container("watchtower", "containrrr/watchtower", None),
                        ]);
                    }),
                ),
                Case::new("nonsense", Status::Pass, None, with(Some("x.y"), |_, _| {})),
                Case::new(
                    "nothing seen",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
            ],
        );
    }
}
