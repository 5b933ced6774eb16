//! `software.registry-login`

use std::path::Path;

use super::DOCKER;
use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Mend, Prose, Remedy,
        Status, Verdict,
    },
    facts::{
        Observed, Source,
        registry_login::{Login, LoginContent, LoginFile},
    },
};

const MISSING: Cause = Cause::new("missing", "no login for the registry is stored");
const UNUSABLE: Cause = Cause::new("unusable", "a login is stored that cannot be used");
const MALFORMED: Cause = Cause::new("malformed", "the file of logins cannot be read");
const HELPER_FAILED: Cause = Cause::new(
    "helper-failed",
    "the credential helper that holds the login does not give it",
);

/// See [`Prose::checks`] in the declaration.
pub static REGISTRY_LOGIN: Check = Check {
    id: "software.registry-login",
    title: "A login for the registry is stored",
    category: Category::Software,
    level: Level::Required,
    needs: &[&DOCKER],
    reads: &[Source::RegistryLogin],
    reference: "Operator's manual, before installing: Docker registry login from Sesam support",
    causes: &[MALFORMED, UNUSABLE, HELPER_FAILED, MISSING],
    prose: Prose {
        checks: "The docker client's `config.json` of this run's account, of root, of the account that called sudo and of the profile's `system.account` is looked at for a login under one of `software.registry_names`: in the file, or held by a credential helper, which is asked for its list. None fails. Whether the registry accepts the login is not asked here.",
        why: "The node's image is private. Without a login it can be neither installed nor updated, and Watchtower has nothing to mount.",
        remedy: "Log in with the account that Sesam support has given you: `docker login --username NAME`, as the account that runs compose; the password is asked for.",
    },
    mends: &[Mend::new(Remedy::RegistryLogin, &[MISSING, UNUSABLE])],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let logins = context.facts.registry_login().seen()?;
    let names = &context.profile.software.registry_names;
    let items: Vec<Item> = logins.files.iter().map(|file| look(file, names)).collect();
    let expected = "a login for Docker Hub";
    if let Some(found) = items.iter().find(|item| item.status == Status::Pass) {
        let summary = format!("{}: {}", found.name, found.summary);
        let mut verdict = Verdict::pass(summary)
            .expected(expected)
            .remark("whether the registry accepts it was not asked");
        verdict.items = items
            .into_iter()
            // One login is enough; what other accounts lack is no fault.
            .map(|item| match item.status {
                Status::Pass => item,
                _ => Item::skip(item.name, item.summary),
            })
            .collect();
        return Ok(verdict);
    }
    let worst = |cause: Cause| {
        items
            .iter()
            .find(|item| item.cause.as_deref() == Some(cause.code))
    };
    let log_in = "log in as the account that runs compose: docker login --username NAME";
    let verdict = if let Some(item) = worst(MALFORMED) {
        Verdict::fail(MALFORMED, format!("{}: {}", item.name, item.summary))
            .advice(format!("correct {} or remove it, and {log_in}", item.name))
    } else if let Some(item) = worst(UNUSABLE) {
        Verdict::fail(UNUSABLE, format!("{}: {}", item.name, item.summary)).advice(log_in)
    } else if let Some(item) = worst(HELPER_FAILED) {
        Verdict::fail(HELPER_FAILED, format!("{}: {}", item.name, item.summary))
            .advice("install or repair the credential helper, or remove credsStore and credHelpers from the file and log in again")
    } else if let Some(unknown) = logins
        .files
        .iter()
        .find_map(|file| file.content.seen_or_absent().err())
    {
        return Err(unknown);
    } else {
        let places: Vec<String> = logins
            .files
            .iter()
            .map(|file| file.path.display().to_string())
            .collect();
        Verdict::fail(
            MISSING,
            format!("no login for the registry in {}", places.join(", ")),
        )
        .advice(log_in)
    };
    let mut verdict = verdict.expected(expected);
    verdict.items = items;
    Ok(verdict)
}

fn look(file: &LoginFile, names: &[String]) -> Item {
    let name = shown(&file.path);
    match file.content.seen_or_absent() {
        Err(gap) => Item::unknown(name, &gap),
        Ok(None) => Item::skip(name, "there is no such file"),
        Ok(Some(content)) => look_into(name, content, names),
    }
}

fn look_into(name: String, content: &LoginContent, names: &[String]) -> Item {
    if let Some(why) = &content.malformed {
        return Item::fail(name, MALFORMED, why.clone());
    }
    let found = names
        .iter()
        .find_map(|registry| Some((registry, content.logins.get(registry)?)));
    match found {
        Some((registry, Login::Inline { username })) => Item::pass(
            name,
            match username {
                Some(username) => format!("{username} is logged in to {registry}"),
                None => format!("somebody is logged in to {registry}"),
            },
        ),
        Some((registry, Login::Unusable { why })) => {
            Item::fail(name, UNUSABLE, format!("the login for {registry}: {why}"))
        }
        Some((registry, Login::Helper { helper, answer })) => held(name, registry, helper, answer),
        None => match &content.store {
            None => Item::fail(name, MISSING, "no login for the registry"),
            Some(helper) => {
                let answer = match &content.stored {
                    Observed::Seen(stored) => names
                        .iter()
                        .find_map(|registry| stored.get(registry))
                        .cloned()
                        .map_or(Observed::Absent, Observed::Seen),
                    other => other.clone().map(|_| String::new()),
                };
                held(name, "the registry", helper, &answer)
            }
        },
    }
}

fn held(name: String, registry: &str, helper: &str, answer: &Observed<String>) -> Item {
    match answer {
        Observed::Seen(username) => Item::pass(
            name,
            format!("{username} is logged in to {registry}, held by {helper}"),
        ),
        Observed::Absent => Item::fail(
            name,
            MISSING,
            format!("the credential helper {helper} holds no login for {registry}"),
        ),
        Observed::Failed(why) | Observed::TimedOut(why) | Observed::Denied(why) => {
            Item::fail(name, HELPER_FAILED, why.clone())
        }
        Observed::NotAsked => Item::unknown(name, &crate::facts::Gap::NotAsked),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        checks::cases::{Case, judge_cases},
        facts::{Facts, registry_login::RegistryLogins},
    };

    const HUB: &str = "https://index.docker.io/v1/";

    fn file(content: Observed<LoginContent>) -> impl Fn(&mut Facts) {
        move |facts| {
            facts.registry_login = Observed::Seen(RegistryLogins {
                files: vec![
                    LoginFile {
                        path: "/home/operator/.docker/config.json".into(),
                        content: Observed::Absent,
                    },
                    LoginFile {
                        path: "/root/.docker/config.json".into(),
                        content: content.clone(),
                    },
                ],
            });
        }
    }

    fn login(registry: &str, login: Login) -> Observed<LoginContent> {
        Observed::Seen(LoginContent {
            logins: BTreeMap::from([(registry.to_owned(), login)]),
            ..LoginContent::default()
        })
    }

    fn store(stored: Observed<BTreeMap<String, String>>) -> Observed<LoginContent> {
        Observed::Seen(LoginContent {
            store: Some("pass".into()),
            stored,
            ..LoginContent::default()
        })
    }

    #[test]
    fn cases() {
        let inline = || Login::Inline {
            username: Some("customer".into()),
        };
        let helper = |answer| Login::Helper {
            helper: "pass".into(),
            answer,
        };
        let malformed = Observed::Seen(LoginContent {
            malformed: Some("it is no JSON".into()),
            ..LoginContent::default()
        });
        let unusable = Login::Unusable {
            why: "empty".into(),
        };
        let held = BTreeMap::from([(HUB.to_owned(), "customer".to_owned())]);
        judge_cases(
            &REGISTRY_LOGIN,
            &[
                Case::new(
                    "in the file",
                    Status::Pass,
                    None,
                    file(login(HUB, inline())),
                ),
                Case::new(
                    "another spelling",
                    Status::Pass,
                    None,
                    file(login("docker.io", inline())),
                ),
                Case::new(
                    "held by a helper",
                    Status::Pass,
                    None,
                    file(login(HUB, helper(Observed::Seen("customer".into())))),
                ),
                Case::new(
                    "held by the store",
                    Status::Pass,
                    None,
                    file(store(Observed::Seen(held))),
                ),
                Case::new(
                    "for another registry",
                    Status::Fail,
                    Some("missing"),
                    file(login("ghcr.io", inline())),
                ),
                Case::new(
                    "no file",
                    Status::Fail,
                    Some("missing"),
                    file(Observed::Absent),
                ),
                Case::new(
                    "an empty store",
                    Status::Fail,
                    Some("missing"),
                    file(store(Observed::Seen(BTreeMap::new()))),
                ),
                Case::new(
                    "a store that fails",
                    Status::Fail,
                    Some("helper-failed"),
                    file(store(Observed::Failed("not installed".into()))),
                ),
                Case::new(
                    "a helper that hangs",
                    Status::Fail,
                    Some("helper-failed"),
                    file(login(HUB, helper(Observed::TimedOut("hangs".into())))),
                ),
                Case::new(
                    "without a password",
                    Status::Fail,
                    Some("unusable"),
                    file(login(HUB, unusable)),
                ),
                Case::new("no JSON", Status::Fail, Some("malformed"), file(malformed)),
                Case::new(
                    "not allowed",
                    Status::Unknown,
                    Some("needs-root"),
                    file(Observed::Denied("needs root".into())),
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
}
