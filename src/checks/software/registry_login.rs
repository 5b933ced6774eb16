//! `software.registry-login`

use std::path::Path;

use super::DOCKER;
use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Mend, OFFLINE, Prose,
        Remedy, Status, Verdict,
        command_line::quoted,
        dns, outbound,
        registry_trouble::{
            self, NOT_ALLOWED, RATE_LIMITED, SERVICE_ERROR, UNREACHABLE, UNTRUSTED, WRONG_SERVICE,
        },
    },
    facts::{
        Gap, Observed, Source,
        image_reference::DOCKER_HUB,
        registry::{Login, LoginContent, LoginFile, RegistryLogins, Trouble, is_stored_for},
    },
};

const MISSING: Cause = Cause::new("missing", "no login for the registry is stored");
const UNUSABLE: Cause = Cause::new("unusable", "a login is stored that cannot be used");
const MALFORMED: Cause = Cause::new("malformed", "the file of logins cannot be read");
const HELPER_FAILED: Cause = Cause::new(
    "helper-failed",
    "the credential helper that holds the login does not give it",
);
const REJECTED: Cause = Cause::new("rejected", "the registry does not accept the login");
const NO_ACCESS: Cause = Cause::new(
    "no-access",
    "the registry accepts the login, and does not let it have the node's image",
);

/// See [`Prose::checks`] in the declaration.
pub static REGISTRY_LOGIN: Check = Check {
    id: "software.registry-login",
    title: "A login for the registry is stored, and accepted",
    category: Category::Software,
    level: Level::Required,
    needs: &[&DOCKER, &outbound::DOCKER],
    reads: &[Source::RegistryLogin],
    reference: "Operator's manual, before installing: Docker registry login from Sesam support",
    causes: &[
        REJECTED,
        NO_ACCESS,
        MALFORMED,
        UNUSABLE,
        HELPER_FAILED,
        MISSING,
        UNREACHABLE,
        UNTRUSTED,
        NOT_ALLOWED,
        RATE_LIMITED,
        SERVICE_ERROR,
        WRONG_SERVICE,
    ],
    prose: Prose {
        checks: "The docker client's `config.json` of this run's account, of root, of the account that called sudo and of the profile's `system.account` is looked at for a login for the registry that the node's image comes from (Docker Hub, under one of `software.registry_names`): in the file, or held by a credential helper, which is asked by its protocol. None fails. Each login is then tried at the registry's token endpoint, or with name and password where that is what the registry wants; one that is rejected fails, whichever account it belongs to, and so does one that may not have the node's image. No login is ever sent to a host whose certificate this machine does not trust. With `--offline` none is tried.",
        why: "The node's image is private. Without a login it can be neither installed nor updated, and Watchtower has nothing to mount. A login that is rejected makes Docker Hub refuse public images as well.",
        remedy: "Log in with the account that Sesam support has given you: `docker login --username NAME`, as the account that runs compose; the password is asked for.",
    },
    mends: &[Mend::new(
        Remedy::RegistryLogin,
        &[REJECTED, MISSING, UNUSABLE],
    )],
    judge: Judge::One(judge),
};

const LOG_IN: &str = "log in as the account that runs compose: docker login --username NAME";

fn judge(context: &Context) -> Judgement {
    let logins = context.facts.registry_login().seen()?;
    let registry = match logins.registry.as_str() {
        "" => DOCKER_HUB,
        registry => registry,
    };
    let names = &context.profile.software.registry_names;
    let is_for = |key: &str| is_stored_for(registry, key, names);
    let mut items: Vec<Item> = logins
        .files
        .iter()
        .map(|file| tried(look(file, &is_for), file, logins, context))
        .collect();
    items.extend(without_access(context, logins));
    let verdict = verdict(&items, logins, registry)?;
    let mut verdict = verdict.expected(format!("a login for {registry} that it accepts"));
    if context.facts.is_offline() && verdict.status == Status::Pass {
        verdict = verdict.remark(format!(
            "whether the registry accepts it was not asked: {OFFLINE}"
        ));
    }
    let is_well = verdict.status == Status::Pass;
    verdict.items = items
        .into_iter()
        .map(|item| match item.status {
            // One login is enough; what other accounts lack is no fault.
            Status::Fail | Status::Warn | Status::Unknown if is_well => {
                Item::skip(item.name, item.summary)
            }
            _ => item,
        })
        .collect();
    // What the files say is known, whatever is wrong on the way to the registry.
    Ok(match verdict.status {
        Status::Unknown if !verdict.stands_alone => {
            verdict.follows(&outbound::DOCKER).follows(&dns::RESOLVERS)
        }
        _ => verdict.stands_alone(),
    })
}

fn verdict(items: &[Item], logins: &RegistryLogins, registry: &str) -> Judgement {
    let first = |cause: Cause| {
        items
            .iter()
            .find(|item| item.cause.as_deref() == Some(cause.code))
    };
    let said = |item: &Item| format!("{}: {}", item.name, item.summary);
    if let Some(item) = first(REJECTED) {
        return Ok(Verdict::fail(REJECTED, said(item)).advice(format!(
            "log in anew with the login from Sesam support, as the account whose login it is: docker --config {} login --username NAME",
            quoted(Path::new(&item.name).parent().unwrap_or(Path::new("/root/.docker")))
        )));
    }
    if let Some(item) = first(NO_ACCESS) {
        return Ok(Verdict::fail(NO_ACCESS, said(item)).advice(
            "use the login that Sesam support has given you (docker login --username NAME), or ask them to let this one have the node's image",
        ));
    }
    if let Some(found) = items.iter().find(|item| item.status == Status::Pass) {
        return Ok(Verdict::pass(said(found)));
    }
    let untold = logins
        .answers
        .seen()
        .into_iter()
        .flatten()
        .find_map(|answer| {
            let trouble = answer.trouble.as_ref()?;
            let name = shown(&answer.file);
            let item = items
                .iter()
                .find(|item| item.status == Status::Unknown && item.name == name)?;
            let cause = registry_trouble::CAUSES
                .into_iter()
                .find(|cause| item.cause.as_deref() == Some(cause.code))?;
            Some((item, cause, trouble))
        });
    if let Some((item, cause, trouble)) = untold {
        let verdict = Verdict::unknown(cause, said(item));
        return Ok(match registry_trouble::advice(trouble) {
            Some(step) => verdict.advice(step),
            None => verdict,
        });
    }
    if items
        .iter()
        .any(|item| item.status == Status::Unknown && item.cause.as_deref() == Some(UNTRIED))
    {
        return Err(Gap::NotAsked);
    }
    let log_in = LOG_IN;
    Ok(if let Some(item) = first(MALFORMED) {
        Verdict::fail(MALFORMED, said(item))
            .advice(format!("correct {} or remove it, and {log_in}", item.name))
    } else if let Some(item) = first(UNUSABLE) {
        Verdict::fail(UNUSABLE, said(item)).advice(log_in)
    } else if let Some(item) = first(HELPER_FAILED) {
        Verdict::fail(HELPER_FAILED, said(item))
            .advice("install or repair the credential helper, or remove credsStore and credHelpers from the file and log in again")
    } else if let Some(gap) = logins
        .files
        .iter()
        .find_map(|file| file.content.seen_or_absent().err())
    {
        // Whoever may not look is told so, and not of an engine that he may not ask either.
        return Ok(Verdict::from(gap).stands_alone());
    } else {
        let places: Vec<String> = logins.files.iter().map(|file| shown(&file.path)).collect();
        Verdict::fail(
            MISSING,
            format!("no login for {registry} in {}", places.join(", ")),
        )
        .advice(log_in)
    })
}

/// The cause of an item whose login nobody tried, although the run was not to be offline.
const UNTRIED: &str = "not-observed";

/// What the registry said to the login that was found in a file.
fn tried(found: Item, file: &LoginFile, logins: &RegistryLogins, context: &Context) -> Item {
    if found.status != Status::Pass || context.facts.is_offline() {
        return found;
    }
    let answers = match logins.answers.seen() {
        Ok(answers) => answers,
        Err(gap) => return Item::unknown(found.name, &gap),
    };
    let Some(answer) = answers.iter().find(|answer| answer.file == file.path) else {
        return Item::unknown(found.name, &Gap::NotAsked);
    };
    match &answer.trouble {
        None => Item::pass(found.name, format!("{}, which accepts it", found.summary)),
        Some(Trouble::Unauthorized { by }) => Item::fail(
            found.name,
            REJECTED,
            format!("{}, and {by} rejects it", found.summary),
        ),
        Some(Trouble::NotTried { why }) => {
            Item::pass(found.name, format!("{}; not tried: {why}", found.summary))
        }
        Some(Trouble::NotFound) => Item::undetermined(
            found.name,
            WRONG_SERVICE,
            "what answers is no registry (404)",
        ),
        Some(trouble) => registry_trouble::undetermined(&found.name, trouble).unwrap_or(found),
    }
}

/// The node's image, where a login is accepted and may not have it.
fn without_access(context: &Context, logins: &RegistryLogins) -> Option<Item> {
    let services = &context.profile.stack.services;
    let node = services
        .iter()
        .find(|service| !service.private_ports.is_empty())?;
    let answers = logins.answers.seen().ok()?;
    let image = logins
        .images
        .seen()
        .ok()?
        .iter()
        .find(|image| image.service == node.name)?;
    let file = image.login.as_ref()?;
    let is_accepted = answers
        .iter()
        .any(|answer| answer.file == *file && answer.trouble.is_none());
    matches!(image.trouble, Some(Trouble::Unauthorized { .. }))
        .then_some(is_accepted)
        .filter(|accepted| *accepted)?;
    Some(Item::fail(
        shown(file),
        NO_ACCESS,
        format!("the login is accepted, and may not have {}", image.image),
    ))
}

fn look(file: &LoginFile, is_for: &dyn Fn(&str) -> bool) -> Item {
    let name = shown(&file.path);
    match file.content.seen_or_absent() {
        Err(gap) => Item::unknown(name, &gap),
        Ok(None) => Item::skip(name, "there is no such file"),
        Ok(Some(content)) => look_into(name, content, is_for),
    }
}

fn look_into(name: String, content: &LoginContent, is_for: &dyn Fn(&str) -> bool) -> Item {
    if let Some(why) = &content.malformed {
        return Item::fail(name, MALFORMED, why.clone());
    }
    let found = content.logins.iter().find(|(key, _)| is_for(key));
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
                    Observed::Seen(stored) => stored
                        .iter()
                        .find(|(key, _)| is_for(key))
                        .map_or(Observed::Absent, |(_, account)| {
                            Observed::Seen(account.clone())
                        }),
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
mod tests;
