//! `config.watchtower-arguments` and `config.watchtower-login`

use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
    },
    facts::{
        Source,
        docker::Details,
        stack::compose_file::{ComposeFile, Service},
    },
    profile,
};

use super::{COMPOSE, expected::find, made_of, said_elsewhere};

const NAME_FLAG: Cause = Cause::new(
    "name-flag",
    "Watchtower is started with --name, a flag that it does not have",
);
const NOT_WATCHED: Cause = Cause::new(
    "not-watched",
    "Watchtower is told names, and a container of the stack is not among them",
);
const NO_CREDENTIALS: Cause = Cause::new(
    "no-credentials",
    "Watchtower has no registry login, so private images are never updated",
);

/// The service that keeps the others up to date, by its image; where a profile has none there is nothing to judge.
const WATCHTOWER: &str = "watchtower";
/// Where Watchtower looks for a registry login.
const LOGIN_TARGET: &str = "/config.json";

/// A known fault of the 2023 edition's stack.
pub static WATCHTOWER_ARGUMENTS: Check = Check {
    id: "config.watchtower-arguments",
    title: "Watchtower's arguments are ones that it knows",
    category: Category::Config,
    level: Level::Required,
    needs: &[&COMPOSE],
    reads: &[Source::Stack],
    reference: "Known fault of the published stack (2023): watchtower is started with --name",
    causes: &[NAME_FLAG, NOT_WATCHED],
    prose: Prose {
        checks: "Watchtower's command in the compose file has no `--name` (fails), and where it names containers, it names all of the stack's others (warns).",
        why: "Watchtower takes the names of containers as plain arguments. With `--name` it ends with “unknown flag: --name”, is started again for ever, and no image is updated.",
        remedy: "Write the names as plain arguments: `--cleanup --interval 3600 --rolling-restart sesam-node fluentbit traefik`, and apply it with `docker compose up -d`.",
    },
    mends: &[Mend::new(
        Remedy::WriteComposeFile,
        &[NAME_FLAG, NOT_WATCHED],
    )],
    judge: Judge::One(judge_arguments),
};

/// A known fault of the 2023 edition's stack.
pub static WATCHTOWER_LOGIN: Check = Check {
    id: "config.watchtower-login",
    title: "Watchtower can pull private images",
    category: Category::Config,
    level: Level::Required,
    needs: &[&COMPOSE],
    reads: &[Source::Stack, Source::Docker],
    reference: "Known fault of the published stack (2023): watchtower has no registry credentials; 2025 mounts them as /config.json",
    causes: &[NO_CREDENTIALS],
    prose: Prose {
        checks: "The compose file mounts a docker client's config.json into Watchtower as /config.json, or gives it REPO_USER and REPO_PASS. Neither fails.",
        why: "The node's image is private. Without a login Watchtower is refused by the registry, goes on with what it has, and the node is never updated.",
        remedy: "Mount the login of the account that pulls the stack's images: `/home/sesam/.docker/config.json:/config.json`, and apply it with `docker compose up -d`.",
    },
    mends: &[Mend::new(Remedy::WriteComposeFile, &[NO_CREDENTIALS])],
    judge: Judge::One(judge_login),
};

/// Watchtower as the file has it, and as the profile has it.
fn watchtower<'c>(
    context: &'c Context<'c>,
) -> Result<Option<(&'c ComposeFile, &'c str, &'c Service)>, crate::facts::Gap> {
    let stack = context.facts.stack().seen()?;
    let Some(file) = stack.compose_file() else {
        return Ok(None);
    };
    let expected: Option<&profile::Service> = context
        .profile
        .stack
        .services
        .iter()
        .find(|service| service.name == WATCHTOWER);
    Ok(expected
        .and_then(|expected| find(file, expected))
        .map(|(name, service)| (file, name, service)))
}

fn judge_arguments(context: &Context) -> Judgement {
    let Some((file, _, service)) = watchtower(context)? else {
        return Ok(Verdict::skip("the compose file has no Watchtower"));
    };
    let path = file.path.display();
    let words: Vec<&str> = service.command.iter().map(String::as_str).collect();
    let others: Vec<&str> = context
        .profile
        .stack
        .services
        .iter()
        .map(|service| service.name.as_str())
        .filter(|name| *name != WATCHTOWER)
        .collect();
    let expected = format!("names as plain arguments: {}", others.join(" "));
    let verdict = if words
        .iter()
        .any(|word| *word == "--name" || word.starts_with("--name="))
    {
        let corrected: Vec<&str> = words
            .iter()
            .map(|word| word.strip_prefix("--name=").unwrap_or(word))
            .filter(|word| *word != "--name")
            .collect();
        Verdict::fail(
            NAME_FLAG,
            "watchtower is started with --name, which it does not know: it ends at once and updates nothing",
        )
        .advice(format!(
            "in {path}, let watchtower have the command: {}",
            corrected.join(" ")
        ))
        .advice("apply it with `docker compose up -d` in that directory")
    } else {
        let named: Vec<&str> = others
            .iter()
            .copied()
            .filter(|name| words.contains(name))
            .collect();
        let left_out: Vec<&str> = others
            .iter()
            .copied()
            .filter(|name| !words.contains(name))
            .collect();
        if named.is_empty() {
            // Without names it watches every container.
            Verdict::pass("watchtower watches every container")
        } else if left_out.is_empty() {
            Verdict::pass(format!("watchtower watches {}", named.join(", ")))
        } else {
            Verdict::warn(
                NOT_WATCHED,
                format!(
                    "watchtower watches {}, and not {}",
                    named.join(", "),
                    left_out.join(", ")
                ),
            )
            .advice(format!(
                "in {path}, add {} to the command of watchtower, and apply it with `docker compose up -d`",
                left_out.join(" ")
            ))
        }
    };
    Ok(verdict.expected(expected).observed(words.join(" ")))
}

fn judge_login(context: &Context) -> Judgement {
    let Some((file, name, service)) = watchtower(context)? else {
        return Ok(Verdict::skip("the compose file has no Watchtower"));
    };
    let elsewhere = said_elsewhere(context.facts.stack().seen()?, name);
    let login = match (login_in_file(service), &elsewhere) {
        (None, Some(_)) => made_of(context, name).map_or(Login::Unseen, login_in_container),
        (login, _) => login.map_or(Login::None, Login::In),
    };
    let verdict = match login {
        Login::In(place) => Verdict::pass(format!("watchtower has {place}")),
        Login::Unseen => Verdict::pass(format!(
            "the compose file gives watchtower no registry login, which may be said elsewhere ({})",
            elsewhere.unwrap_or_default()
        )),
        Login::None => Verdict::fail(
            NO_CREDENTIALS,
            "watchtower has no registry login, so the node's private image is never updated",
        )
        .advice(format!(
            "in {}, add /root/.docker/config.json:/config.json to the volumes of watchtower, with the path of the account that has logged in",
            file.path.display()
        ))
        .advice("apply it with `docker compose up -d` in that directory"),
    };
    Ok(verdict.expected(format!("a docker login mounted as {LOGIN_TARGET}")))
}

/// Whether Watchtower has a registry login.
enum Login {
    /// It has; says which.
    In(String),
    /// It has none.
    None,
    /// There is no container yet that would show it.
    Unseen,
}

const LOGIN_VARIABLES: [&str; 2] = ["REPO_USER", "REPO_PASS"];
const BY_VARIABLES: &str = "a login in its environment";

fn login_in_file(service: &Service) -> Option<String> {
    let is_login = |target: &str| target.trim_end_matches('/') == LOGIN_TARGET;
    let mut mounts = service.volumes.iter();
    let mount = mounts.find(|mount| is_login(&mount.target));
    if let Some(mount) = mount {
        let source = mount.source.as_deref().unwrap_or("a volume");
        return Some(format!("the login in {source}"));
    }
    LOGIN_VARIABLES
        .iter()
        .all(|name| service.environment.contains_key(*name))
        .then(|| BY_VARIABLES.to_owned())
}

fn login_in_container(details: &Details) -> Login {
    let mut mounts = details.mounts.iter();
    let mount = mounts.find(|mount| mount.target.trim_end_matches('/') == LOGIN_TARGET);
    match mount {
        Some(mount) => Login::In(format!("the login in {}", mount.source)),
        None if LOGIN_VARIABLES
            .iter()
            .all(|name| details.environment.contains_key(*name)) =>
        {
            Login::In(BY_VARIABLES.to_owned())
        }
        None => Login::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, engine, judge_cases, nothing_observed, stack_file, verdict},
        },
        facts::{Facts, Observed, docker::Container, stack::compose_file::Mount},
    };

    fn with(change: impl Fn(&mut Service)) -> impl Fn(&mut Facts) {
        stack_file(move |file| change(file.services.get_mut("watchtower").unwrap()))
    }

    fn command(words: &'static str) -> impl Fn(&mut Facts) {
        with(move |service| {
            service.command = words.split_whitespace().map(ToOwned::to_owned).collect();
        })
    }

    #[test]
    fn the_names_stay_where_the_flag_goes() {
        for (words, expected) in [
            (
                "--cleanup --name sesam-node --name traefik",
                "command: --cleanup sesam-node traefik",
            ),
            ("--name=sesam-node traefik", "command: sesam-node traefik"),
        ] {
            let mut facts = nothing_observed();
            command(words)(&mut facts);
            let advice = verdict(&WATCHTOWER_ARGUMENTS, &facts).advice;
            assert!(advice[0].ends_with(expected), "{advice:?}");
        }
    }

    #[test]
    fn arguments() {
        judge_cases(
            &WATCHTOWER_ARGUMENTS,
            &[
                Case::new(
                    "as 2025 has it",
                    Status::Pass,
                    None,
                    command("--cleanup --interval 3600 sesam-node fluentbit traefik"),
                ),
                Case::new(
                    "none: all are watched",
                    Status::Pass,
                    None,
                    command("--cleanup"),
                ),
                Case::new(
                    "as 2023 has it",
                    Status::Fail,
                    Some("name-flag"),
                    command("--cleanup --name sesam-node --name fluentbit --name traefik"),
                ),
                Case::new(
                    "joined",
                    Status::Fail,
                    Some("name-flag"),
                    command("--name=sesam-node"),
                ),
                Case::new(
                    "one is left out",
                    Status::Warn,
                    Some("not-watched"),
                    command("sesam-node traefik"),
                ),
                Case::new(
                    "no watchtower",
                    Status::Skip,
                    None,
                    stack_file(|file| {
                        file.services.remove("watchtower");
                    }),
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
    fn login() {
        judge_cases(
            &WATCHTOWER_LOGIN,
            &[
                Case::new(
                    "mounted",
                    Status::Pass,
                    None,
                    with(|service| {
                        service.volumes.push(Mount {
                            kind: "bind".into(),
                            source: Some("/home/sesam/.docker/config.json".into()),
                            target: "/config.json".into(),
                            read_only: false,
                        });
                    }),
                ),
                Case::new(
                    "in the environment",
                    Status::Pass,
                    None,
                    with(|service| {
                        for name in ["REPO_USER", "REPO_PASS"] {
                            service.environment.insert(name.into(), Some("x".into()));
                        }
                    }),
                ),
                Case::new(
                    "perhaps in a file of variables",
                    Status::Pass,
                    None,
                    stack_file(|file| {
                        let file_of_variables = "services.watchtower.env_file: login.env";
                        file.not_followed.push(file_of_variables.into());
                    }),
                ),
                Case::new(
                    "in no file of variables, as the container shows",
                    Status::Fail,
                    Some("no-credentials"),
                    |facts: &mut Facts| {
                        stack_file(|file| {
                            let file_of_variables = "services.watchtower.env_file: login.env";
                            file.not_followed.push(file_of_variables.into());
                        })(facts);
                        engine(|engine| {
                            engine.containers = Observed::Seen(vec![Container {
                                name: "watchtower".into(),
                                details: Observed::Seen(Details::default()),
                                ..Container::default()
                            }]);
                        })(facts);
                    },
                ),
                Case::new(
                    "half of it",
                    Status::Fail,
                    Some("no-credentials"),
                    with(|service| {
                        service.environment.insert("REPO_USER".into(), None);
                    }),
                ),
                Case::new("none", Status::Fail, Some("no-credentials"), with(|_| {})),
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
