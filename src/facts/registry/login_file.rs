//! `config.json` of the docker client: which logins are stored there, without the passwords.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::JoinSet;

use super::credential::{Credential, Credentials};
use crate::{
    facts::{Observed, Site, bounded, read_text},
    redact::Redactor,
    units::Bytes,
};

/// Nobody logs in to so many registries.
const LONGEST_FILE: Bytes = Bytes(1_000_000);
/// The only thing that is asked of an account's line in `/etc/passwd`.
const LONGEST_PASSWD: Bytes = Bytes(5_000_000);

/// A file with what must not be recorded of it.
#[derive(Clone, Debug)]
pub(super) struct Read {
    /// What is recorded.
    pub file: LoginFile,
    /// The credentials that stand in it or that its helpers gave.
    pub credentials: Credentials,
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
    /// What that helper said of the registries that it was asked for.
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

/// Reads every file in which a login for this machine's stack can be.
pub(super) async fn read_all(site: &Site) -> Vec<Read> {
    let mut looks = JoinSet::new();
    for (index, path) in places(site).await.into_iter().enumerate() {
        let site = site.clone();
        looks.spawn(crate::defects::inherited(async move {
            (index, read(&site, path).await)
        }));
    }
    super::in_order(looks).await
}

async fn read(site: &Site, path: PathBuf) -> Read {
    let (root, redactor, file) = (site.root.clone(), site.redactor.clone(), path.clone());
    let what = path.display().to_string();
    let read = bounded(site.deadline, what.clone(), move || {
        match read_text(&root, &file, LONGEST_FILE) {
            Err(problem) => Observed::from_problem(&problem, &what),
            Ok(text) => Observed::Seen(parse(&text, &redactor)),
        }
    })
    .await;
    let mut credentials = Credentials::new();
    let content = read.map(|(content, found)| {
        credentials = found;
        content
    });
    Read {
        file: LoginFile { path, content },
        credentials,
    }
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

pub(in crate::facts) fn parse(text: &str, redactor: &Redactor) -> (LoginContent, Credentials) {
    let malformed = |why: String| {
        let content = LoginContent {
            malformed: Some(why),
            ..LoginContent::default()
        };
        (content, Credentials::new())
    };
    let document: Value = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(error) => return malformed(format!("it is no JSON: {error}")),
    };
    let Some(document) = document.as_object() else {
        return malformed("it has to be a JSON object".into());
    };
    let mut logins = BTreeMap::new();
    let mut credentials = Credentials::new();
    let inline = document.get("auths").and_then(Value::as_object);
    for (registry, entry) in inline.into_iter().flatten() {
        // With a helper the docker client leaves an empty entry behind.
        if entry.as_object().is_some_and(|entry| !entry.is_empty()) {
            let (login, credential) = login_of(entry, redactor);
            logins.insert(registry.clone(), login);
            credentials.extend(credential.map(|credential| (registry.clone(), credential)));
        }
    }
    let helpers = document.get("credHelpers").and_then(Value::as_object);
    for (registry, helper) in helpers.into_iter().flatten() {
        let Some(helper) = helper.as_str() else {
            continue;
        };
        // The docker client asks the helper, whatever else is stored.
        credentials.remove(registry);
        logins.insert(
            registry.clone(),
            Login::Helper {
                helper: helper.to_owned(),
                answer: Observed::NotAsked,
            },
        );
    }
    let content = LoginContent {
        malformed: None,
        logins,
        store: document
            .get("credsStore")
            .and_then(Value::as_str)
            .filter(|store| !store.is_empty())
            .map(ToOwned::to_owned),
        stored: Observed::NotAsked,
    };
    (content, credentials)
}

fn login_of(entry: &Value, redactor: &Redactor) -> (Login, Option<Credential>) {
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
        let username = member("username").map(ToOwned::to_owned);
        return (Login::Inline { username }, Some(Credential::Token));
    }
    let with_password = |username: &str, password: &str| {
        redactor.learn(password);
        let login = Login::Inline {
            username: Some(username.to_owned()),
        };
        let credential = Credential::Password {
            name: username.to_owned(),
            password: password.to_owned(),
        };
        (login, Some(credential))
    };
    let unusable = |why: &str| (Login::Unusable { why: why.into() }, None);
    if let (Some(username), Some(password)) = (member("username"), member("password")) {
        return with_password(username, password);
    }
    let Some(encoded) = member("auth") else {
        return unusable("the entry holds no password");
    };
    let decoded = STANDARD.decode(encoded.trim()).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().and_then(|text| text.split_once(':')) {
        Some((username, password)) if !username.is_empty() && !password.is_empty() => {
            with_password(username, password)
        }
        _ => unusable("its `auth` is not the base64 of USER:PASSWORD"),
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
        let (content, credentials) = parse(&text, &redactor);
        assert_eq!(credentials.len(), 2);
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
