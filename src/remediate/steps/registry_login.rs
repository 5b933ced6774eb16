//! Logging in to the registry: the login is accepted first, and then kept where and how Docker keeps it.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{ByHand, Made, one};
use crate::{
    profile::Profile,
    remediate::{
        answers::{Question, find},
        change::{Change, WayBack},
        engine::{Engine, Login},
        files::FileAttributes,
        machine::{Call, Machine},
        step::{Situation, Step, StepError},
    },
};

const LARGEST: u64 = 1_000_000;

/// What a login needs to know.
pub(super) fn questions(situation: &Situation, machine: &Machine) -> Vec<Question> {
    let server = server(&situation.facts.profile);
    let old = super::migration::old_login(situation, machine);
    if old.is_some_and(|file| super::migration::read_login(machine, &file, &server).is_some()) {
        return Vec::new();
    }
    ["registry_username", "registry_password"]
        .into_iter()
        .filter_map(|key| find(&situation.facts.profile, key))
        .collect()
}

/// The step that logs in.
pub(super) fn make(situation: &Situation, machine: &Machine) -> Made {
    let answers = situation.answers;
    let profile = &situation.facts.profile;
    let server = server(profile);
    let answered = answers
        .get("registry_username")
        .zip(answers.secret("registry_password"))
        .map(|(username, password)| Login {
            server: server.clone(),
            username: username.to_owned(),
            password: password.exposed().to_owned(),
        });
    let login = answered.or_else(|| {
        // The one that an old installation used.
        super::migration::old_login(situation, machine)
            .and_then(|file| super::migration::read_login(machine, &file, &server))
    });
    let Some(login) = login else {
        return Err(ByHand("nobody said which account to log in with".into()));
    };
    machine.redactor().learn(&login.password);
    one(LogIn {
        login,
        account: profile.install.login_account.clone(),
        home: situation.login_home(),
        socket: Engine::socket_of(situation.facts),
    })
}

/// The name by which Docker stores logins for the registry of the node's image.
fn server(profile: &Profile) -> String {
    profile
        .software
        .registry_names
        .first()
        .cloned()
        .unwrap_or_else(|| "https://index.docker.io/v1/".into())
}

struct LogIn {
    login: Login,
    account: String,
    home: PathBuf,
    socket: PathBuf,
}

impl LogIn {
    fn file(&self) -> PathBuf {
        self.home.join(".docker/config.json")
    }

    /// What the file says now.
    fn document(&self, machine: &Machine) -> Result<Map<String, Value>, StepError> {
        document(machine, &self.file())
    }

    fn inline(&self) -> Value {
        let Login {
            username, password, ..
        } = &self.login;
        json!({"auth": STANDARD.encode(format!("{username}:{password}"))})
    }

    /// User and group of the account that the login is for.
    fn owner(&self, machine: &Machine) -> Result<(u32, u32), StepError> {
        if self.account == "root" {
            return Ok((0, 0));
        }
        machine
            .account(&self.account)?
            .ok_or_else(|| StepError::Other(format!("there is no account {} yet", self.account)))
    }

    fn store_by_helper(&self, change: &mut Change, helper: &str) -> Result<(), StepError> {
        let is_name = !helper.is_empty()
            && helper
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let program = format!("docker-credential-{helper}");
        let Some(path) = change
            .machine()
            .program(&[program.as_str()])
            .filter(|_| is_name)
        else {
            return Err(StepError::Other(format!(
                "{} names the credential helper {program}, which is not on this machine; install it, or take credsStore and credHelpers out of the file",
                self.file().display()
            )));
        };
        let secret = json!({
            "ServerURL": self.login.server,
            "Username": self.login.username,
            "Secret": self.login.password,
        });
        let call = self.as_account(change.machine(), &path, "store")?;
        change.run(
            &call.input(secret.to_string()),
            WayBack::None {
                words: format!(
                    "the login of {} stays with the credential helper {program}",
                    self.login.username
                ),
            },
        )?;
        Ok(())
    }

    fn as_account(&self, machine: &Machine, program: &Path, word: &str) -> Result<Call, StepError> {
        let home = self.home.display().to_string();
        if self.account == "root" {
            return Ok(Call::new(program).arguments([word]).variable("HOME", home));
        }
        let change_user = machine.program(&["runuser"]).ok_or_else(|| {
            StepError::NotHere("runuser is not on this machine, so the credential helper cannot be run as another account".into())
        })?;
        Ok(Call::new(change_user)
            .arguments([
                "-u",
                &self.account,
                "--",
                &program.display().to_string(),
                word,
            ])
            .variable("HOME", home))
    }
}

impl Step for LogIn {
    fn words(&self) -> String {
        format!(
            "log in to {} as {}, and keep the login in {} (mode 600)",
            self.login.server,
            self.login.username,
            self.file().display()
        )
    }

    fn script(&self) -> Vec<String> {
        let login = super::command([
            "docker",
            "--config",
            &self.home.join(".docker").display().to_string(),
            "login",
            "--username",
            &self.login.username,
        ]);
        vec![format!("{login}   # asks for the password")]
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        let document = self.document(machine)?;
        if let Some(helper) = helper(&document, &self.login.server) {
            let path = machine.program(&[format!("docker-credential-{helper}").as_str()]);
            let Some(path) = path else {
                return Ok(true);
            };
            let call = self
                .as_account(machine, &path, "get")?
                .input(self.login.server.clone());
            return Ok(!machine.run(&call).is_ok_and(|said| {
                serde_json::from_str::<Value>(&said.stdout).is_ok_and(|said| {
                    said.get("Secret").and_then(Value::as_str) == Some(&self.login.password)
                        && said.get("Username").and_then(Value::as_str)
                            == Some(&self.login.username)
                })
            }));
        }
        let stored = document
            .get("auths")
            .and_then(|auths| auths.get(&self.login.server));
        let is_same = stored.and_then(|stored| stored.get("auth")) == self.inline().get("auth");
        Ok(!is_same)
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let machine = change.machine();
        Engine::new(machine, &self.socket).log_in(&self.login)?;
        let owner = self.owner(machine)?;
        let mut document = self.document(machine)?;
        let entry = if let Some(helper) = helper(&document, &self.login.server) {
            self.store_by_helper(change, &helper)?;
            machine.watch().say(
                "  Watchtower cannot use a credential helper: it needs a login in the file itself",
            );
            json!({})
        } else {
            self.inline()
        };
        let auths = document
            .entry("auths")
            .or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(auths) = auths else {
            return Err(StepError::Other(format!(
                "“auths” in {} is no JSON object",
                self.file().display()
            )));
        };
        auths.insert(self.login.server.clone(), entry);
        let text = serde_json::to_string_pretty(&Value::Object(document))
            .map_err(|error| StepError::Other(error.to_string()))?;
        let directory = self.home.join(".docker");
        if !machine.has_directory(&directory)? {
            change.make_directory(&directory, FileAttributes { mode: 0o700, owner })?;
        }
        let attributes = FileAttributes { mode: 0o600, owner };
        change.write_file(&self.file(), (text + "\n").as_bytes(), attributes)?;
        Ok(())
    }
}

/// What a docker client's configuration says; nothing where there is none.
fn document(machine: &Machine, file: &Path) -> Result<Map<String, Value>, StepError> {
    let Some(content) = machine.read(file, LARGEST)? else {
        return Ok(Map::new());
    };
    match serde_json::from_slice(&content) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(StepError::Other(format!(
            "{} is no JSON object; move it away, and begin again",
            file.display()
        ))),
        // The parser's message has the place and nothing of the text.
        Err(error) => Err(StepError::Other(format!(
            "{} is no JSON ({error}); move it away, and begin again",
            file.display()
        ))),
    }
}

/// The helper that holds logins for a registry, where one does.
fn helper(document: &Map<String, Value>, server: &str) -> Option<String> {
    let of_server = document
        .get("credHelpers")
        .and_then(|helpers| helpers.get(server));
    of_server
        .or_else(|| document.get("credsStore"))
        .and_then(Value::as_str)
        .filter(|helper| !helper.is_empty())
        .map(ToOwned::to_owned)
}

/// The login that is stored in a docker client's configuration, for pulling images; none where a helper holds it.
pub(super) fn stored(machine: &Machine, file: &Path, profile: &Profile) -> Option<Login> {
    let document = document(machine, file).ok()?;
    let auths = document.get("auths")?;
    profile.software.registry_names.iter().find_map(|server| {
        let encoded = auths.get(server)?.get("auth")?.as_str()?;
        let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (username, password) = decoded.split_once(':')?;
        machine.redactor().learn(password);
        Some(Login {
            server: server.clone(),
            username: username.to_owned(),
            password: password.to_owned(),
        })
    })
}
