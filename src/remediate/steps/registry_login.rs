//! Logging in to the registry: the login is accepted first, and then kept where and how Docker keeps it.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{ByHand, Made, command, one};
use crate::{
    files::FileKind,
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
        keeper: Keeper::of(situation),
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

/// Whose login it is, and where that account keeps it.
pub(super) struct Keeper {
    account: String,
    home: PathBuf,
    /// User and group of an account that the machine's own file does not have, as a directory service does.
    observed: Option<(u32, u32)>,
}

impl Keeper {
    /// The account that Watchtower's login belongs to.
    pub(super) fn of(situation: &Situation) -> Self {
        let observed = situation.login_account();
        Self {
            account: situation.facts.profile.install.login_account.clone(),
            home: situation.login_home(),
            observed: observed.map(|account| (account.uid, account.gid)),
        }
    }

    fn file(&self) -> PathBuf {
        self.home.join(".docker/config.json")
    }

    /// The directory that a docker client is told with `--config`.
    pub(super) fn directory(&self) -> String {
        self.home.join(".docker").display().to_string()
    }

    /// What the file says now; nothing where there is none.
    fn document(&self, machine: &Machine) -> Result<Map<String, Value>, StepError> {
        let file = self.file();
        let there = machine.entry(&file)?;
        if there.is_some_and(|entry| entry.kind() == FileKind::Directory) {
            return Err(StepError::Other(format!(
                "{} is a directory, which Docker makes where a container mounts a file that is not there; remove the container and the directory, and begin again",
                file.display()
            )));
        }
        let Some(content) = machine.read(&file, LARGEST)? else {
            return Ok(Map::new());
        };
        // Docker takes an empty file for one that says nothing.
        if content.trim_ascii().is_empty() {
            return Ok(Map::new());
        }
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

    /// User and group of the account.
    fn owner(&self, machine: &Machine) -> Result<(u32, u32), StepError> {
        if self.account == "root" {
            return Ok((0, 0));
        }
        machine
            .account(&self.account)?
            .or(self.observed)
            .ok_or_else(|| StepError::Other(format!("there is no account {} yet", self.account)))
    }

    /// A call of a credential helper by the account, in its home, which the way back has to name as well.
    fn call(&self, machine: &Machine, helper: &Path, word: &str) -> Result<Call, StepError> {
        let program = |name: &str| {
            machine.program(&[name]).ok_or_else(|| {
                StepError::NotHere(format!(
                    "{name} is not on this machine, so the credential helper cannot be run"
                ))
            })
        };
        let home = format!("HOME={}", self.home.display());
        let helper = helper.display().to_string();
        if self.account == "root" {
            return Ok(Call::new(program("env")?).arguments([&home, &helper, word]));
        }
        let environment = program("env")?.display().to_string();
        Ok(Call::new(program("runuser")?)
            .arguments(["-u", &self.account, "--", &environment])
            .arguments([&home, &helper, word]))
    }

    /// The login that a helper holds for a registry; none where it holds none.
    fn held(
        &self,
        machine: &Machine,
        helper: &Path,
        server: &str,
    ) -> Result<Option<Login>, StepError> {
        let call = self.call(machine, helper, "get")?.input(server);
        let Ok(said) = machine.run(&call) else {
            return Ok(None);
        };
        let said: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        let member = |name: &str| Some(said.get(name)?.as_str()?.to_owned());
        Ok(member("Username")
            .zip(member("Secret"))
            .map(|(username, password)| {
                machine.redactor().learn(&password);
                Login {
                    server: server.to_owned(),
                    username,
                    password,
                }
            }))
    }

    /// The login that is stored, for pulling images, in the file or by a helper.
    pub(super) fn stored(&self, machine: &Machine, profile: &Profile) -> Option<Login> {
        let document = self.document(machine).ok()?;
        let names = &profile.software.registry_names;
        let inline = |server: &String| {
            let encoded = document.get("auths")?.get(server)?.get("auth")?.as_str()?;
            let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
            let (username, password) = decoded.split_once(':')?;
            machine.redactor().learn(password);
            Some(Login {
                server: server.clone(),
                username: username.to_owned(),
                password: password.to_owned(),
            })
        };
        let by_helper = |server: &String| {
            let helper = helper_program(machine, &helper(&document, server)?)?;
            self.held(machine, &helper, server).ok()?
        };
        names
            .iter()
            .find_map(inline)
            .or_else(|| names.first().and_then(by_helper))
    }
}

/// Where a credential helper is, by its name in the file.
fn helper_program(machine: &Machine, helper: &str) -> Option<PathBuf> {
    let is_name = !helper.is_empty()
        && helper
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    is_name.then(|| machine.program(&[format!("docker-credential-{helper}").as_str()]))?
}

struct LogIn {
    login: Login,
    keeper: Keeper,
    socket: PathBuf,
}

impl LogIn {
    fn inline(&self) -> Value {
        let Login {
            username, password, ..
        } = &self.login;
        json!({"auth": STANDARD.encode(format!("{username}:{password}"))})
    }

    fn store_by_helper(&self, change: &mut Change, helper: &str) -> Result<(), StepError> {
        let program = format!("docker-credential-{helper}");
        let Some(path) = helper_program(change.machine(), helper) else {
            return Err(StepError::Other(format!(
                "{} names the credential helper {program}, which is not on this machine; install it, or take credsStore and credHelpers out of the file",
                self.keeper.file().display()
            )));
        };
        let Login {
            server,
            username,
            password,
        } = &self.login;
        let secret = json!({"ServerURL": server, "Username": username, "Secret": password});
        let machine = change.machine();
        let way_back = if self.keeper.held(machine, &path, server)?.is_some() {
            // The one before it is a secret, which no journal keeps.
            WayBack::None {
                words: format!(
                    "the login of {username} stays with the credential helper {program}, in place of the one that it had"
                ),
            }
        } else {
            let erase = self.keeper.call(machine, &path, "erase")?;
            WayBack::Program {
                words: format!(
                    "have the credential helper {program} forget the login for {server}"
                ),
                call: erase.input(server.as_str()),
                is_safe: true,
            }
        };
        let store = self.keeper.call(machine, &path, "store")?;
        change.run(&store.input(secret.to_string()), way_back)?;
        Ok(())
    }
}

impl Step for LogIn {
    fn words(&self) -> String {
        format!(
            "log in to {} as {}, and keep the login in {} (mode 600)",
            self.login.server,
            self.login.username,
            self.keeper.file().display()
        )
    }

    fn script(&self) -> Vec<String> {
        let login = command([
            "docker",
            "--config",
            &self.keeper.directory(),
            "login",
            "--username",
            &self.login.username,
        ]);
        let mut lines = vec![format!("{login}   # asks for the password")];
        if self.keeper.account != "root" {
            let owner = format!("{0}:{0}", self.keeper.account);
            lines.push(command([
                "chown",
                "-R",
                "--",
                &owner,
                &self.keeper.directory(),
            ]));
        }
        lines
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        let document = self.keeper.document(machine)?;
        if let Some(helper) = helper(&document, &self.login.server) {
            let Some(path) = helper_program(machine, &helper) else {
                return Ok(true);
            };
            let held = self.keeper.held(machine, &path, &self.login.server)?;
            return Ok(held.as_ref() != Some(&self.login));
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
        let owner = self.keeper.owner(machine)?;
        let mut document = self.keeper.document(machine)?;
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
                self.keeper.file().display()
            )));
        };
        auths.insert(self.login.server.clone(), entry);
        let text = serde_json::to_string_pretty(&Value::Object(document))
            .map_err(|error| StepError::Other(error.to_string()))?;
        let directory = self.keeper.home.join(".docker");
        if !machine.has_directory(&directory)? {
            change.make_directory(&directory, FileAttributes { mode: 0o700, owner })?;
        }
        let attributes = FileAttributes { mode: 0o600, owner };
        change.write_file(&self.keeper.file(), (text + "\n").as_bytes(), attributes)?;
        Ok(())
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
