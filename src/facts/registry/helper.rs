//! Credential helpers: programs that hold logins, asked by the protocol of docker-credential-helpers.

use std::{collections::BTreeSet, path::Path};

use serde::Deserialize;
use tokio::{process::Command, task::JoinSet, time::Instant};

use super::{
    credential::{Credential, Keys},
    login_file::{Login, Read},
};
use crate::{
    facts::{Observed, Root, Site, docker::program_path},
    program::{self, Ended, Talk},
};

/// More questions to helpers than anybody's logins need.
const MOST_QUESTIONS: usize = 8;
/// What a credential helper may answer.
const LONGEST_ANSWER: usize = 100_000;
/// By which a helper says that it has no login for a registry; it ends with an error then, too.
const NOT_FOUND: &str = "credentials not found";
/// The account's name in an answer whose secret is no password.
const TOKEN_NAME: &str = "<token>";

/// What a helper answers to `get`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Held {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks the helpers that the files name for the logins of these registries, all at once, and keeps what they answer.
pub(super) async fn ask_all(
    site: &Site,
    keys: &Keys,
    registries: &BTreeSet<String>,
    files: &mut [Read],
    until: Instant,
) {
    let mut questions = JoinSet::new();
    let mut asked = 0_usize;
    for (index, read) in files.iter().enumerate() {
        for question in questions_of(read, keys, registries) {
            asked = asked.saturating_add(1);
            if asked > MOST_QUESTIONS {
                break;
            }
            let (site, file) = (site.clone(), read.file.path.clone());
            questions.spawn(crate::defects::inherited(async move {
                let answer = get(&site, &file, &question.helper, &question.key, until).await;
                (index, question, answer)
            }));
        }
    }
    while let Some(answered) = questions.join_next().await {
        // One that panicked is a defect of the doctor, and costs that helper only.
        let Ok((index, question, answer)) = answered else {
            continue;
        };
        if let Some(read) = files.get_mut(index) {
            keep(read, question, answer);
        }
    }
}

/// One question to one helper.
struct HelperQuestion {
    helper: String,
    key: String,
    /// Whether it is the helper of a registry of its own, and not the one that holds all others.
    is_own: bool,
}

fn questions_of(read: &Read, keys: &Keys, registries: &BTreeSet<String>) -> Vec<HelperQuestion> {
    let Observed::Seen(content) = &read.file.content else {
        return Vec::new();
    };
    let mut questions = Vec::new();
    for registry in registries {
        let own = content.logins.iter().find_map(|(key, login)| match login {
            Login::Helper { helper, .. } if keys.is_for(key, registry) => Some(HelperQuestion {
                helper: helper.clone(),
                key: key.clone(),
                is_own: true,
            }),
            _ => None,
        });
        let is_inline = content.logins.iter().any(|(key, login)| {
            keys.is_for(key, registry) && !matches!(login, Login::Helper { .. })
        });
        let store = || {
            let helper = content.store.clone().filter(|_| !is_inline)?;
            Some(HelperQuestion {
                helper,
                key: keys.canonical(registry).to_owned(),
                is_own: false,
            })
        };
        questions.extend(own.or_else(store));
    }
    questions
}

fn keep(read: &mut Read, question: HelperQuestion, answer: Observed<(String, Credential)>) {
    let Observed::Seen(content) = &mut read.file.content else {
        return;
    };
    let HelperQuestion { key, is_own, .. } = question;
    let account = answer.clone().map(|(account, _)| account);
    if is_own {
        if let Some(Login::Helper { answer, .. }) = content.logins.get_mut(&key) {
            *answer = account;
        }
    } else {
        // A store that fails for one registry is no store for the others.
        match (&mut content.stored, account) {
            (Observed::Seen(stored), Observed::Seen(account)) => {
                stored.insert(key.clone(), account);
            }
            (Observed::Seen(_), Observed::Absent) => {}
            (stored @ Observed::NotAsked, Observed::Seen(account)) => {
                *stored = Observed::Seen([(key.clone(), account)].into());
            }
            (stored @ Observed::NotAsked, Observed::Absent) => {
                *stored = Observed::Seen(std::collections::BTreeMap::new());
            }
            (stored, other) => *stored = other.map(|_| std::collections::BTreeMap::new()),
        }
    }
    if let Observed::Seen((_, credential)) = answer {
        read.credentials.insert(key, credential);
    }
}

/// `docker-credential-NAME get`, with the registry's name as its input.
async fn get(
    site: &Site,
    file: &Path,
    helper: &str,
    key: &str,
    until: Instant,
) -> Observed<(String, Credential)> {
    if !site.root.is_machine() {
        return Observed::NotAsked;
    }
    let name = format!("docker-credential-{helper}");
    let sound = helper
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let Some(path) = sound
        .then(|| program_path(&Root::machine(), &name))
        .flatten()
    else {
        return Observed::Failed(format!("the credential helper {name} is not installed"));
    };
    let home = file
        .parent()
        .and_then(Path::parent)
        .unwrap_or(Path::new("/root"));
    // Programs are run with an empty environment; this one has to find its owner's store.
    let mut command = Command::new(path);
    command.arg("get");
    let talk = Talk {
        environment: vec![("HOME".into(), home.display().to_string())],
        input: Some(key.as_bytes().to_vec()),
        ..Talk::default()
    };
    // The other half is for the registries.
    let limit = until.saturating_duration_since(Instant::now()) / 2;
    let run = match program::converse(command, talk, LONGEST_ANSWER, limit).await {
        Err(error) => return Observed::Failed(format!("{name} could not be run: {error}")),
        Ok(run) => run,
    };
    match run.ended {
        Ended::Exited(0) => held(&run.stdout.bytes, site).map_or_else(
            || Observed::Failed(format!("{name} answered what is not its protocol")),
            Observed::Seen,
        ),
        Ended::Exited(_) if run.stdout.text().contains(NOT_FOUND) => Observed::Absent,
        Ended::Exited(code) => Observed::Failed(format!("{name} get ended with {code}")),
        Ended::Signalled(signal) => {
            Observed::Failed(format!("{name} get was killed by signal {signal}"))
        }
        Ended::TimedOut => Observed::TimedOut(format!("{name} get did not answer in time")),
    }
}

fn held(answer: &[u8], site: &Site) -> Option<(String, Credential)> {
    let Held { username, secret } = serde_json::from_slice(answer).ok()?;
    site.redactor.learn(&secret);
    if username.is_empty() || secret.is_empty() {
        return None;
    }
    let credential = if username == TOKEN_NAME {
        Credential::Token
    } else {
        Credential::Password {
            name: username.clone(),
            password: secret,
        }
    };
    Some((username, credential))
}
