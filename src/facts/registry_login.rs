//! Logins for container registries: which are stored, where and for whom; never the passwords.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{process::Command, task::JoinSet};

use super::{
    Observed, Root, Site, bounded,
    docker::program_path,
    program::{self, Ended},
    read_text,
};
use crate::{redact::Redactor, units::Bytes};

/// Nobody logs in to so many registries.
const LONGEST_FILE: Bytes = Bytes(1_000_000);
/// More helpers than anybody has.
const MOST_HELPERS: usize = 8;
/// What a credential helper may answer.
const LONGEST_ANSWER: usize = 100_000;
/// The only thing that is asked of an account's line in `/etc/passwd`.
const LONGEST_PASSWD: Bytes = Bytes(5_000_000);

/// The files in which logins are stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegistryLogins {
    /// Each place that was looked at; the accounts that run compose first.
    pub files: Vec<LoginFile>,
}

/// One `config.json` of the docker client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoginFile {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// What it says.
    pub content: Observed<LoginContent>,
}

/// What a `config.json` says of logins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoginContent {
    /// Why it is no configuration; then nothing else is known.
    pub malformed: Option<String>,
    /// The logins by the registry's name.
    pub logins: BTreeMap<String, Login>,
    /// The helper that holds all logins that are not here.
    pub store: Option<String>,
    /// What that helper said.
    pub stored: Observed<BTreeMap<String, String>>,
}

/// One login.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Login {
    /// In the file itself.
    Inline {
        /// The account, where it can be read.
        username: Option<String>,
    },
    /// In the file itself, and without a usable password.
    Unusable {
        /// Why.
        why: String,
    },
    /// Held by a credential helper.
    Helper {
        /// Its name, as in `pass`.
        helper: String,
        /// The account that it has for this registry; absent where it has none.
        answer: Observed<String>,
    },
}

/// Looks at every place where a login for this machine's stack can be.
pub async fn observe(site: Site) -> Observed<RegistryLogins> {
    let mut looks = JoinSet::new();
    for (index, path) in places(&site).await.into_iter().enumerate() {
        let site = site.clone();
        looks.spawn(async move { (index, look(&site, path).await) });
    }
    let mut files = Vec::new();
    while let Some(looked) = looks.join_next().await {
        // One that panicked is a defect of the doctor, and costs that file only.
        files.extend(looked.ok());
    }
    files.sort_by_key(|(index, _)| *index);
    Observed::Seen(RegistryLogins {
        files: files.into_iter().map(|(_, file)| file).collect(),
    })
}

async fn look(site: &Site, path: PathBuf) -> LoginFile {
    let (root, redactor, file) = (site.root.clone(), site.redactor.clone(), path.clone());
    let what = path.display().to_string();
    let read = bounded(site.deadline, what.clone(), move || {
        match read_text(&root, &file, LONGEST_FILE) {
            Err(problem) => Observed::from_problem(&problem, &what),
            Ok(text) => Observed::Seen(parse(&text, &redactor)),
        }
    })
    .await;
    let content = match read {
        Observed::Seen(content) => Observed::Seen(ask_helpers(site, &path, content).await),
        other => other,
    };
    LoginFile { path, content }
}

/// The places, each once: the environment's, this account's, root's, and the profile's account's.
async fn places(site: &Site) -> Vec<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let mut places: Vec<PathBuf> = absolute("DOCKER_CONFIG").into_iter().collect();
    let homes = absolute("HOME")
        .into_iter()
        .chain([PathBuf::from("/root")])
        .chain(account_home(site, std::env::var("SUDO_USER").ok()).await)
        .chain(account_home(site, site.profile.system.account.clone()).await);
    places.extend(homes.map(|home| home.join(".docker")));
    let mut files: Vec<PathBuf> = Vec::new();
    for place in places {
        let file = place.join("config.json");
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

async fn account_home(site: &Site, account: Option<String>) -> Option<PathBuf> {
    let account = account?;
    let root = site.root.clone();
    let home = bounded(site.deadline, "/etc/passwd", move || {
        match read_text(&root, Path::new("/etc/passwd"), LONGEST_PASSWD) {
            Err(problem) => Observed::from_problem(&problem, "/etc/passwd"),
            Ok(text) => home_in(&text, &account).map_or(Observed::Absent, Observed::Seen),
        }
    })
    .await;
    home.seen().ok().cloned()
}

fn home_in(passwd: &str, account: &str) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(account)).then_some(())?;
        let home = fields.nth(4)?;
        home.starts_with('/').then(|| PathBuf::from(home))
    })
}

pub(in crate::facts) fn parse(text: &str, redactor: &Redactor) -> LoginContent {
    let malformed = |why: String| LoginContent {
        malformed: Some(why),
        ..LoginContent::default()
    };
    let document: Value = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(error) => return malformed(format!("it is no JSON: {error}")),
    };
    let Some(document) = document.as_object() else {
        return malformed("it has to be a JSON object".into());
    };
    let mut logins = BTreeMap::new();
    let inline = document.get("auths").and_then(Value::as_object);
    for (registry, entry) in inline.into_iter().flatten() {
        // With a helper the docker client leaves an empty entry behind.
        if entry.as_object().is_some_and(|entry| !entry.is_empty()) {
            logins.insert(registry.clone(), login_of(entry, redactor));
        }
    }
    let helpers = document.get("credHelpers").and_then(Value::as_object);
    for (registry, helper) in helpers.into_iter().flatten() {
        let Some(helper) = helper.as_str() else {
            continue;
        };
        logins.insert(
            registry.clone(),
            Login::Helper {
                helper: helper.to_owned(),
                answer: Observed::NotAsked,
            },
        );
    }
    LoginContent {
        malformed: None,
        logins,
        store: document
            .get("credsStore")
            .and_then(Value::as_str)
            .filter(|store| !store.is_empty())
            .map(ToOwned::to_owned),
        stored: Observed::NotAsked,
    }
}

fn login_of(entry: &Value, redactor: &Redactor) -> Login {
    let member = |name: &str| {
        entry
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    for name in ["auth", "password", "identitytoken", "registrytoken"] {
        if let Some(secret) = member(name) {
            redactor.learn(secret);
        }
    }
    if member("identitytoken").is_some() || member("registrytoken").is_some() {
        return Login::Inline {
            username: member("username").map(ToOwned::to_owned),
        };
    }
    if let (Some(username), Some(_)) = (member("username"), member("password")) {
        return Login::Inline {
            username: Some(username.to_owned()),
        };
    }
    let Some(encoded) = member("auth") else {
        return Login::Unusable {
            why: "the entry holds no password".into(),
        };
    };
    let decoded = STANDARD.decode(encoded.trim()).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().and_then(|text| text.split_once(':')) {
        Some((username, password)) if !username.is_empty() && !password.is_empty() => {
            redactor.learn(password);
            Login::Inline {
                username: Some(username.to_owned()),
            }
        }
        _ => Login::Unusable {
            why: "its `auth` is not the base64 of USER:PASSWORD".into(),
        },
    }
}

/// Asks every helper that the file names, each once and all at once.
async fn ask_helpers(site: &Site, file: &Path, mut content: LoginContent) -> LoginContent {
    let named: BTreeSet<String> = content
        .logins
        .values()
        .filter_map(|login| match login {
            Login::Helper { helper, .. } => Some(helper.clone()),
            _ => None,
        })
        .chain(content.store.clone())
        .collect();
    let mut questions = JoinSet::new();
    for helper in named.into_iter().take(MOST_HELPERS) {
        let (site, file) = (site.clone(), file.to_path_buf());
        questions.spawn(async move {
            let answer = list(&site, &file, &helper).await;
            (helper, answer)
        });
    }
    let mut answers = BTreeMap::new();
    while let Some(answer) = questions.join_next().await {
        answers.extend(answer.ok());
    }
    if let Some(answer) = content.store.as_ref().and_then(|store| answers.get(store)) {
        content.stored = answer.clone();
    }
    for (registry, login) in &mut content.logins {
        if let Login::Helper { helper, answer } = login
            && let Some(listed) = answers.get(helper)
        {
            *answer = match listed {
                Observed::Seen(stored) => stored
                    .get(registry)
                    .cloned()
                    .map_or(Observed::Absent, Observed::Seen),
                other => other.clone().map(|_| String::new()),
            };
        }
    }
    content
}

/// `docker-credential-NAME list`: the registries and accounts that a helper holds, without the passwords.
async fn list(site: &Site, file: &Path, helper: &str) -> Observed<BTreeMap<String, String>> {
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
    let mut command = Command::new("/usr/bin/env");
    command
        .arg(format!("HOME={}", home.display()))
        .arg(path)
        .arg("list");
    match program::run(command, LONGEST_ANSWER, site.deadline).await {
        Err(error) => Observed::Failed(format!("{name} could not be run: {error}")),
        Ok(run) => match run.ended {
            Ended::Exited(0) => match serde_json::from_slice(&run.stdout.bytes) {
                Ok(stored) => Observed::Seen(stored),
                Err(_) => Observed::Failed(format!("{name} answered what is not its protocol")),
            },
            Ended::Exited(code) => Observed::Failed(format!("{name} list ended with {code}")),
            Ended::Signalled(signal) => {
                Observed::Failed(format!("{name} list was killed by signal {signal}"))
            }
            Ended::TimedOut => Observed::TimedOut(format!(
                "{name} list did not answer within {} s",
                site.deadline.as_secs_f64()
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn logins_are_read_without_their_passwords() {
        let redactor = Redactor::default();
        let auth = STANDARD.encode("customer:swordfish");
        let text = serde_json::json!({
            "auths": {
                "https://index.docker.io/v1/": {"auth": auth},
                "empty.example.com": {},
                "damaged.example.com": {"auth": "!!"},
                "token.example.com": {"identitytoken": "abcdefgh"},
            },
            "credHelpers": {"helped.example.com": "pass"},
            "credsStore": "secretservice",
        })
        .to_string();
        let content = parse(&text, &redactor);
        assert_eq!(content.logins.len(), 4);
        assert_eq!(
            content.logins["https://index.docker.io/v1/"],
            Login::Inline {
                username: Some("customer".into())
            }
        );
        assert!(matches!(
            content.logins["damaged.example.com"],
            Login::Unusable { .. }
        ));
        assert_eq!(content.store.as_deref(), Some("secretservice"));
        for secret in ["swordfish", auth.as_str(), "abcdefgh"] {
            assert!(!redactor.text(secret).contains(secret), "{secret}");
            let facts = serde_json::to_string(&content).unwrap();
            assert!(!facts.contains(secret), "{facts}");
        }
    }

    #[test]
    fn an_accounts_home_is_found() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nsesam:x:1001:1001::/home/sesam:/bin/sh\nbad:x\n";
        assert_eq!(home_in(passwd, "sesam"), Some("/home/sesam".into()));
        assert_eq!(home_in(passwd, "bad"), None);
        assert_eq!(home_in(passwd, "other"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = parse(&text, &Redactor::default());
            let _ = home_in(&text, &text);
        }
    }
}
