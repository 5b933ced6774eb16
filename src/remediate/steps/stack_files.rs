//! The stack's own files: `.env`, the compose file, Traefik's configuration and the customer's certificate.

use std::path::{Path, PathBuf};

use super::{
    ByHand, Made, directories, migration, one,
    owner::{self, Owner},
    written_file::{Content, WrittenFile},
};
use crate::{
    checks::{beyond_the_edition, value_fault},
    facts::{
        accounts::Account,
        compose_programs::ComposeKind,
        license::text as license,
        stack::{VariableValue, compose_file::ComposeFile, env_file},
        volumes::Volumes,
    },
    files::{Root, read_bounded},
    profile::{CertificateMode, Environment, Profile, VariableKind},
    remediate::{
        answers::{Answers, LARGEST_CERTIFICATE, Question, belong_together, find},
        content::{
            environment_file::{self, Setting},
            stack::{self, Choices, Disk},
        },
        engine::Engine,
        machine::Machine,
        step::{Situation, Step, StepError},
    },
    units::Bytes,
};

/// Variables that are found out where nobody says otherwise.
const SUBSCRIPTION: &str = "SUBSCRIPTION_ID";

/// A license is far smaller.
const LARGEST_LICENSE: u64 = 1_000_000;

impl Situation<'_> {
    /// Where the stack's files are, or are to be.
    #[must_use]
    pub fn stack_directory(&self) -> PathBuf {
        let profile = &self.facts.profile;
        if let Some(directory) = &self.facts.settings.stack_dir {
            return directory.clone();
        }
        let found = self.facts.stack.seen().ok();
        if let Some(found) = found.filter(|stack| stack.compose_file().is_some()) {
            return found.directory.clone();
        }
        let place = usize::from(self.disk() == Disk::Root);
        let directories = &profile.stack.directories;
        directories
            .get(place)
            .or(directories.first())
            .map_or_else(|| PathBuf::from("/srv/data"), |path| path.to_path_buf())
    }

    /// The compose file that was found and read.
    #[must_use]
    pub fn found_compose_file(&self) -> Option<&ComposeFile> {
        self.facts.stack.seen().ok()?.compose_file()
    }

    /// Where the compose file is, or is to be.
    #[must_use]
    pub fn compose_path(&self) -> PathBuf {
        let name = &self.facts.profile.install.compose_file;
        self.found_compose_file().map_or_else(
            || self.stack_directory().join(name),
            |file| file.path.clone(),
        )
    }

    /// Where the node's data are, or are to be.
    #[must_use]
    pub fn disk(&self) -> Disk {
        let answered = || match self.answers.get("disk") {
            Some("root") => Disk::Root,
            _ => Disk::Data,
        };
        let volumes: Option<&Volumes> = self.facts.volumes.seen().ok();
        match volumes {
            Some(volumes) if volumes.root_disk_variant => Disk::Root,
            _ => answered(),
        }
    }

    /// Where the license is, or is to be.
    #[must_use]
    pub fn license_file(&self) -> PathBuf {
        let layout = &self.facts.profile.layout;
        layout.license_file_on(self.disk() == Disk::Root)
    }

    /// Whose certificate is served.
    #[must_use]
    pub fn certificates(&self) -> CertificateMode {
        let observed = self.facts.certificates.seen().ok();
        let known = self
            .facts
            .profile
            .certificates
            .mode
            .or(observed.and_then(|certificates| certificates.mode));
        known.unwrap_or(match self.answers.get("certificates") {
            Some("own") => CertificateMode::Own,
            _ => CertificateMode::LetsEncrypt,
        })
    }

    /// The docker client's configuration of the account whose login the stack uses.
    #[must_use]
    pub fn login_file(&self) -> PathBuf {
        self.login_home().join(".docker/config.json")
    }

    /// That account, where it is there already.
    #[must_use]
    pub fn login_account(&self) -> Option<&Account> {
        let wanted = self.facts.profile.install.login_account.as_str();
        let accounts = self.facts.accounts.seen().ok()?;
        accounts.account().filter(|known| known.name == wanted)
    }

    /// That account's home.
    #[must_use]
    pub fn login_home(&self) -> PathBuf {
        let account = self.facts.profile.install.login_account.as_str();
        match self.login_account() {
            Some(known) => PathBuf::from(&known.home),
            None if account == "root" => PathBuf::from("/root"),
            None => Path::new("/home").join(account),
        }
    }
}

/// What `.env` needs that cannot be found out.
pub(super) fn environment_questions(situation: &Situation, machine: &Machine) -> Vec<Question> {
    let profile = &situation.facts.profile;
    let known = situation
        .facts
        .stack
        .seen()
        .ok()
        .and_then(|stack| stack.environment.seen().ok()?.file().cloned());
    let is_set = |variable: &Environment| {
        let set = known.as_ref().and_then(|file| {
            file.variables
                .iter()
                .find(|known| known.name == variable.name)
        });
        set.is_some_and(|set| match &set.value {
            VariableValue::Plain(value) => {
                value_fault(&profile.stack, variable.kind, value).is_none()
            }
            VariableValue::Hidden { empty, placeholder } => !empty && !placeholder,
            VariableValue::Inherited => false,
        })
    };
    let has_license = || {
        let here = situation.facts.license.seen().ok();
        here.is_some_and(|license| {
            license
                .reading
                .seen()
                .is_ok_and(|reading| reading.id.is_some())
        }) || situation.answers.get("license_file").is_some()
            || migration::old_license(situation, machine).is_some()
    };
    profile
        .environment
        .iter()
        .filter(|variable| !is_set(variable))
        .filter(|variable| match variable.kind {
            VariableKind::Uuid => false,
            VariableKind::Uid => !owner::questions(situation).is_empty(),
            VariableKind::Channel => migration::old_tag(machine, profile).is_none(),
            _ => !(variable.name == SUBSCRIPTION && has_license()),
        })
        .filter_map(|variable| find(profile, &variable.name.to_ascii_lowercase()))
        .collect()
}

/// The step that writes `.env`.
pub(super) fn environment(situation: &Situation, machine: &Machine) -> Made {
    let path = situation
        .stack_directory()
        .join(&situation.facts.profile.stack.env_file);
    let made = uuid::Uuid::new_v4().to_string();
    let (profile, answers) = (situation.facts.profile.clone(), situation.answers.clone());
    let known = Known {
        node_user: situation.node_user(),
        appliance: made,
        license_in_place: situation.license_file(),
        license: answers
            .get("license_file")
            .map(PathBuf::from)
            .or_else(|| migration::old_license(situation, machine)),
    };
    let words = format!(
        "write the stack's variables to {} (mode 600)",
        path.display()
    );
    let content: Content = Box::new(move |machine, existing| {
        let settings = settings(machine, &profile, &answers, &known, existing)?;
        environment_file::written(&profile, existing, &settings)
            .map(Some)
            .map_err(|fault| StepError::Other(fault.to_string()))
    });
    one(WrittenFile::new(machine, path, words, 0o600, content).planned(machine)?)
}

/// What was found out when the plan was made.
struct Known {
    node_user: Option<u32>,
    /// The identity of a new installation: the same in the plan that is shown and in the file that is written.
    appliance: String,
    /// Where the license belongs.
    license_in_place: PathBuf,
    /// The license that is not in its place yet.
    license: Option<PathBuf>,
}

/// What has to be set: what is not well-formed yet, as it was answered or is found out.
fn settings(
    machine: &Machine,
    profile: &Profile,
    answers: &Answers,
    known: &Known,
    existing: Option<&str>,
) -> Result<Vec<Setting>, StepError> {
    let there = env_file::parse(existing.unwrap_or_default()).variables;
    let mut settings = Vec::new();
    for variable in &profile.environment {
        let present = there
            .get(&variable.name)
            .and_then(|assignment| assignment.value.as_deref());
        let is_well = present
            .is_some_and(|value| value_fault(&profile.stack, variable.kind, value).is_none());
        if variable.kind == VariableKind::Secret
            && let Some(value) = present
        {
            machine.redactor().learn(value);
        }
        // A tag that is no channel may be meant; it goes where somebody names another one.
        let may_be_meant = variable.kind == VariableKind::Channel
            && present.is_some_and(|tag| !profile.stack.channels.iter().any(|known| known == tag));
        let answer = answers
            .variable(&variable.name)
            .filter(|_| may_be_meant || !is_well);
        let value = match answer {
            Some(answer) => answer.to_owned(),
            None if is_well => continue,
            None => found_out(machine, profile, known, variable)?,
        };
        settings.push(Setting {
            name: variable.name.clone(),
            value,
        });
    }
    Ok(settings)
}

fn found_out(
    machine: &Machine,
    profile: &Profile,
    known: &Known,
    variable: &Environment,
) -> Result<String, StepError> {
    match variable.kind {
        VariableKind::Uuid => Ok(known.appliance.clone()),
        VariableKind::Uid => {
            let account = profile.system.account.as_deref();
            let of_edition = match account {
                Some(account) => machine.account(account)?.map(|(user, _)| user),
                None => None,
            };
            of_edition
                .or(known.node_user)
                .map(|user| user.to_string())
                .ok_or_else(|| {
                    StepError::Other(match account {
                        Some(account) => format!("there is no account {account} yet"),
                        None => format!("nobody said what {} is", variable.name),
                    })
                })
        }
        _ if variable.name == SUBSCRIPTION => subscription(machine, known),
        VariableKind::Channel => {
            Ok(migration::old_tag(machine, profile).unwrap_or_else(|| variable.default.clone()))
        }
        _ if !variable.default.is_empty() => Ok(variable.default.clone()),
        _ => Err(StepError::Other(format!(
            "nobody said what {} is",
            variable.name
        ))),
    }
}

/// A file that a person brought, on this machine whatever is mended.
fn brought(path: &Path, limit: u64) -> Result<Vec<u8>, StepError> {
    read_bounded(&Root::machine(), path, Bytes(limit))
        .map_err(|error| StepError::Other(format!("{} cannot be read: {error}", path.display())))
}

/// The subscription that the license in its place, or else the one that is to be put there, belongs to.
fn subscription(machine: &Machine, known: &Known) -> Result<String, StepError> {
    let in_place = machine.read(&known.license_in_place, LARGEST_LICENSE)?;
    let content = match (in_place, known.license.as_deref()) {
        (Some(content), _) => content,
        (None, Some(file)) => brought(file, LARGEST_LICENSE)?,
        (None, None) => {
            return Err(StepError::Other(format!(
                "{SUBSCRIPTION} is read from the license, and there is none"
            )));
        }
    };
    license::read(&content).id.ok_or_else(|| {
        StepError::Other(format!(
            "{SUBSCRIPTION} is read from the license, and that cannot be read"
        ))
    })
}

/// What has to be known before the compose file can be written with what it mounts.
pub(super) fn compose_questions(situation: &Situation) -> Vec<Question> {
    let profile = &situation.facts.profile;
    let mut keys = Vec::new();
    let is_known = profile.certificates.mode.is_some()
        || situation
            .facts
            .certificates
            .seen()
            .is_ok_and(|certificates| certificates.mode.is_some());
    if !is_known {
        keys.push("certificates");
    }
    if needs_certificate(situation) {
        keys.extend(["certificate_file", "certificate_key_file"]);
    }
    let asked = keys.into_iter().filter_map(|key| find(profile, key));
    asked.chain(owner::questions(situation)).collect()
}

/// Whether the customer's certificate is served and not in its place yet.
fn needs_certificate(situation: &Situation) -> bool {
    let has_pair = || {
        let observed = situation.facts.certificates.seen().ok();
        observed.is_some_and(|certificates| {
            certificates
                .own
                .seen()
                .is_ok_and(|own| !own.pairs.is_empty())
        })
    };
    situation.certificates() != CertificateMode::LetsEncrypt && !has_pair()
}

/// The steps that write the compose file and what it mounts.
pub(super) fn compose(situation: &Situation, machine: &Machine) -> Made {
    let profile = situation.facts.profile.clone();
    let found = situation.found_compose_file();
    let own = found.map_or_else(Vec::new, |file| beyond_the_edition(&profile, file));
    if !own.is_empty() {
        return Err(ByHand(format!(
            "the file has what the edition's does not bring along ({}); correct it as the advice of config.compose says",
            own.join(", ")
        )));
    }
    // What is mounted and missing, Docker would make, and leave behind.
    let mut steps = vec![directories::at(
        profile.install.fluentbit_state_dir.to_path_buf(),
        0o755,
        Owner::ROOT,
    )];
    // Where the edition asks for it, it has a remedy of its own.
    if !profile.layout.logs_dir_required {
        steps.push(directories::at(
            profile.layout.logs_dir.to_path_buf(),
            0o755,
            Owner::of_node(situation),
        ));
    }
    if situation.certificates() != CertificateMode::LetsEncrypt {
        steps.extend(own_certificate(situation, machine)?);
    }
    let path = situation.compose_path();
    let (certificates, disk) = (situation.certificates(), situation.disk());
    let login_file = situation.login_file();
    let socket = Engine::socket_of(situation.facts);
    let v1_only = {
        let programs = situation.facts.compose_programs.seen().ok();
        programs.is_some_and(|programs| {
            !programs.found.is_empty()
                && programs
                    .found
                    .iter()
                    .all(|program| program.kind == ComposeKind::Standalone && is_v1(program))
        })
    };
    let words = format!(
        "write the compose file of the {} edition, its known faults corrected, to {}",
        profile.edition,
        path.display()
    );
    let content: Content = Box::new(move |machine, _existing| {
        // It may just have been installed.
        let api = Engine::new(machine, &socket).api_version().ok();
        let choices = Choices {
            certificates,
            disk,
            login_file: &login_file,
            engine_api: api.as_deref(),
            for_compose_v1: v1_only,
        };
        stack::compose_file(&profile, &choices)
            .map(Some)
            .map_err(|error| StepError::Other(error.to_string()))
    });
    let file = WrittenFile::new(machine, path, words, 0o644, content);
    steps.push(Box::new(file.planned(machine)?));
    Ok(steps)
}

fn is_v1(program: &crate::facts::compose_programs::ComposeProgram) -> bool {
    program
        .version
        .seen()
        .is_ok_and(|version| version.trim_start_matches('v').starts_with("1."))
}

/// The certificate and its key in Traefik's directory, and the file that names them.
fn own_certificate(
    situation: &Situation,
    machine: &Machine,
) -> Result<Vec<Box<dyn Step + Send>>, ByHand> {
    const CERTIFICATE: &str = "node.crt";
    const KEY: &str = "node.key";
    if !needs_certificate(situation) {
        return Ok(Vec::new());
    }
    let profile = &situation.facts.profile;
    let (Some(certificate), Some(key)) = (
        situation.answers.get("certificate_file"),
        situation.answers.get("certificate_key_file"),
    ) else {
        return Err(ByHand(
            "the customer's certificate and its key have to be named".into(),
        ));
    };
    if !belong_together(Path::new(certificate), Path::new(key)) {
        return Err(ByHand(format!(
            "the private key {key} does not belong to the certificate {certificate}"
        )));
    }
    let directory = &profile.layout.certificates_dir;
    // Some keep the key in the same file.
    let mode = match brought(Path::new(certificate), LARGEST_CERTIFICATE.0) {
        Ok(bytes) if !String::from_utf8_lossy(&bytes).contains("PRIVATE KEY") => 0o644,
        _ => 0o600,
    };
    let copied = |from: &str, name: &str, mode: u32, what: &str| {
        let from = PathBuf::from(from);
        let to = directory.join(name);
        let words = format!("put the {what} at {} (mode {mode:o})", to.display());
        let content: Content = Box::new(move |machine, _existing| {
            let bytes = brought(&from, LARGEST_CERTIFICATE.0)?;
            let text = String::from_utf8_lossy(&bytes);
            if text.contains("PRIVATE KEY") {
                machine.redactor().learn(&text);
            }
            String::from_utf8(bytes).map(Some).map_err(|_| {
                StepError::Other(format!(
                    "{} is no PEM; convert it with openssl, and begin again",
                    from.display()
                ))
            })
        });
        WrittenFile::new(machine, to, words, mode, content)
    };
    let traefik = profile
        .certificates
        .traefik_files
        .first()
        .ok_or_else(|| ByHand("the profile names no configuration file of Traefik".into()))?;
    let text = stack::traefik_file(CERTIFICATE, KEY).map_err(|error| ByHand(error.to_string()))?;
    Ok(vec![
        Box::new(copied(certificate, CERTIFICATE, mode, "certificate")),
        Box::new(copied(key, KEY, 0o600, "certificate's key")),
        Box::new(WrittenFile::new(
            machine,
            traefik.to_path_buf(),
            format!("name the certificate to Traefik in {}", traefik.display()),
            0o644,
            Box::new(move |_, _| Ok(Some(text.clone()))),
        )),
    ])
}
