//! Finding the stack's files and reading them, secrets left out.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use tokio::{sync::oneshot, time::timeout};

use super::{
    Content, EnvironmentFile, Stack, Variable, VariableValue, Whereabouts,
    compose_file::{self, ComposeFile, Surroundings, learn_guessed},
    env_file::{self, EnvFile},
    interpolation::Variables,
};
use crate::{
    facts::{Observed, Site, bounded, read_text},
    profile::{Profile, VariableKind},
    redact::{MARK, Redactor},
    units::Bytes,
};

const LARGEST_COMPOSE_FILE: Bytes = Bytes(5_000_000);
const LARGEST_ENV_FILE: Bytes = Bytes(1_000_000);

/// Looks for the stack and reads its files.
///
/// Each directory is looked into at the same time as the others, and its two files too, so that what hangs costs its own part only.
pub async fn observe(site: Site, whereabouts: oneshot::Receiver<Whereabouts>) -> Observed<Stack> {
    let places = places(&site, whereabouts).await;
    let directories: Vec<PathBuf> = places.iter().map(|place| place.directory.clone()).collect();
    let looking: Vec<_> = places
        .into_iter()
        .map(|place| tokio::spawn(look_into(site.clone(), place)))
        .collect();
    let mut looks = Vec::new();
    for look in looking {
        match look.await {
            Ok(look) => looks.push(look),
            Err(_panicked) => {
                return Observed::Failed(
                    "reading the stack's files failed inside the doctor; please report this".into(),
                );
            }
        }
    }
    let Some(found) = choose(looks) else {
        return Observed::Failed("the profile names no directory of the stack".into());
    };
    let what = format!("the stack in {}", found.directory.display());
    bounded(site.deadline, what, move || {
        Observed::Seen(understand(&site, directories, found))
    })
    .await
}

/// A directory that may hold the stack, and the names that its compose file may have there.
struct Place {
    directory: PathBuf,
    compose_files: Vec<String>,
    /// Files that the running stack has over its compose file.
    laid_over: Vec<PathBuf>,
    /// The name of the running project.
    project: Option<String>,
}

/// The directory of the settings; else where the running stack was started, and then the profile's.
async fn places(site: &Site, whereabouts: oneshot::Receiver<Whereabouts>) -> Vec<Place> {
    let usual = &site.profile.stack;
    let place = |directory: PathBuf| Place {
        directory,
        compose_files: usual.compose_files.clone(),
        laid_over: Vec::new(),
        project: None,
    };
    if let Some(directory) = &site.settings.stack_dir {
        return vec![place(directory.clone())];
    }
    // What runs on the machine was not started below another root.
    let told = if site.root.is_machine() {
        let told = timeout(site.deadline / 4, whereabouts).await;
        told.ok().and_then(Result::ok).unwrap_or_default()
    } else {
        Whereabouts::default()
    };
    let mut places: Vec<Place> = told.directory.clone().map(place).into_iter().collect();
    if let Some(running) = places.first_mut() {
        running.laid_over = told.laid_over;
        running.project = told.project;
        if let Some(file) = told.file {
            running.compose_files.retain(|name| *name != file);
            running.compose_files.insert(0, file);
        }
    }
    for directory in &usual.directories {
        if told.directory.as_deref() != Some(directory) {
            places.push(place(directory.to_path_buf()));
        }
    }
    places
}

/// What one directory holds.
struct Look {
    directory: PathBuf,
    /// The name of the project that runs from there.
    project: Option<String>,
    compose: Observed<Content<(PathBuf, String)>>,
    environment: Observed<Content<Text>>,
    overrides: Vec<PathBuf>,
}

/// The first directory that holds a compose file; else the first that could not be looked into, since it may hold one;
/// else the first with a `.env`; else the first.
fn choose(looks: Vec<Look>) -> Option<Look> {
    let preference = |look: &Look| match (&look.compose, &look.environment) {
        (Observed::Seen(_), _) => 0,
        (Observed::Absent, Observed::Seen(_)) => 2,
        (Observed::Absent, _) => 3,
        _ => 1,
    };
    looks.into_iter().min_by_key(preference)
}

async fn look_into(site: Site, place: Place) -> Look {
    let Place {
        directory,
        compose_files,
        laid_over,
        project,
    } = place;
    let name = directory.display().to_string();
    let env_file = directory.join(&site.profile.stack.env_file);
    let for_compose = (site.clone(), directory.clone());
    let for_environment = site.clone();
    let (compose, environment) = tokio::join!(
        bounded(site.deadline, name.clone(), move || {
            let (site, directory) = for_compose;
            find_compose(&site, &directory, &compose_files, &laid_over)
        }),
        bounded(site.deadline, name, move || {
            read(&for_environment, env_file, LARGEST_ENV_FILE)
        })
    );
    let overrides = match &compose {
        Observed::Seen((_, overrides)) => overrides.clone(),
        _ => Vec::new(),
    };
    Look {
        directory,
        project,
        compose: compose.map(|(content, _)| content),
        environment,
        overrides,
    }
}

/// A file's path and text.
type Text = (PathBuf, String);

fn read(site: &Site, path: PathBuf, limit: Bytes) -> Observed<Content<Text>> {
    match read_text(&site.root, &path, limit) {
        Ok(text) => Observed::Seen(Content::File {
            content: (path, text),
        }),
        Err(problem) => Content::from_problem(&problem, path),
    }
}

fn find_compose(
    site: &Site,
    directory: &Path,
    names: &[String],
    laid_over: &[PathBuf],
) -> Observed<(Content<Text>, Vec<PathBuf>)> {
    if let [first, others @ ..] = named_by_environment(site, directory).as_slice() {
        let compose = read(site, first.clone(), LARGEST_COMPOSE_FILE);
        if compose != Observed::Absent {
            return compose.map(|content| (content, others.to_vec()));
        }
    }
    for name in names {
        let file = directory.join(name);
        let compose = read(site, file.clone(), LARGEST_COMPOSE_FILE);
        if compose != Observed::Absent {
            let mut all = overrides(site, directory);
            for other in laid_over {
                if *other != file && !all.contains(other) && is_there(site, other) {
                    all.push(other.clone());
                }
            }
            return compose.map(|content| (content, all));
        }
    }
    Observed::Absent
}

/// The files that `.env` tells Compose to lay over each other in place of the usual ones (`COMPOSE_FILE`).
fn named_by_environment(site: &Site, directory: &Path) -> Vec<PathBuf> {
    const MOST_FILES: usize = 20;
    let file = directory.join(&site.profile.stack.env_file);
    let Ok(text) = read_text(&site.root, &file, LARGEST_ENV_FILE) else {
        return Vec::new();
    };
    let variables = env_file::parse(&text).variables;
    let separator = variables.value("COMPOSE_PATH_SEPARATOR");
    let separator = separator.filter(|text| !text.is_empty()).unwrap_or(":");
    let names = variables.value("COMPOSE_FILE").unwrap_or_default();
    names
        .split(separator)
        .filter(|name| !name.is_empty())
        .map(|name| directory.join(name))
        .take(MOST_FILES)
        .collect()
}

/// The files that Compose would lay over the compose file.
fn overrides(site: &Site, directory: &Path) -> Vec<PathBuf> {
    site.profile
        .stack
        .override_files
        .iter()
        .map(|name| directory.join(name))
        .filter(|path| is_there(site, path))
        .collect()
}

fn is_there(site: &Site, path: &Path) -> bool {
    site.root.locate(path).is_ok_and(|located| located.exists())
}

/// Makes facts of what was read; no secret gets into them.
fn understand(site: &Site, searched: Vec<PathBuf>, look: Look) -> Stack {
    let (profile, redactor) = (&site.profile, &site.redactor);
    let mut known = Known {
        profile,
        values: BTreeMap::new(),
    };
    let environment = look.environment.map(|content| {
        content.map(|(path, text)| {
            let file = env_file::parse(&text);
            learn(profile, redactor, &file);
            known.values = values(profile, redactor, &file);
            environment_file(profile, redactor, path, file)
        })
    });
    let compose = look.compose.map(|content| {
        content.map(|(path, text)| {
            // Compose calls a project after its directory, unless it is told another name.
            let name = look.project.clone();
            let name = name.unwrap_or_else(|| project_name(&look.directory));
            read_compose(&known, redactor, name, path, &text)
        })
    });
    Stack {
        directory: look.directory,
        searched,
        compose,
        environment,
        overrides: look.overrides,
    }
}

fn read_compose(
    known: &Known,
    redactor: &Redactor,
    project: String,
    path: PathBuf,
    text: &str,
) -> ComposeFile {
    let own_name = known
        .value(compose_file::PROJECT_NAME)
        .map(ToOwned::to_owned);
    let surroundings = Surroundings {
        path,
        project_is_given: own_name.is_some(),
        project: own_name.unwrap_or(project),
        variables: known,
        is_secret: &looks_secret,
        redactor,
    };
    compose_file::read(text, &surroundings)
}

/// What Compose calls a project after its directory.
#[must_use]
pub fn project_name(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or_default();
    let name: String = name
        .to_string_lossy()
        .to_lowercase()
        .chars()
        .filter(|character| matches!(character, 'a'..='z' | '0'..='9' | '-' | '_'))
        .collect();
    name.trim_start_matches(['-', '_']).to_owned()
}

/// The variables of `.env` as the compose file may see them: secrets replaced before they get anywhere.
struct Known<'p> {
    profile: &'p Profile,
    values: BTreeMap<String, String>,
}

impl Variables for Known<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    fn is_secret(&self, name: &str) -> bool {
        is_secret(self.profile, name)
    }
}

fn learn(profile: &Profile, redactor: &Redactor, file: &EnvFile) {
    for (name, assignment) in &file.variables {
        let Some(value) = &assignment.value else {
            continue;
        };
        if profile.stack.is_placeholder(value) {
            continue;
        }
        match declared_kind(profile, name) {
            Some(VariableKind::Secret) => redactor.learn(value),
            None if looks_secret(name) => learn_guessed(redactor, value),
            Some(_) | None => {}
        }
    }
}

fn values(profile: &Profile, redactor: &Redactor, file: &EnvFile) -> BTreeMap<String, String> {
    file.variables
        .iter()
        .filter_map(|(name, assignment)| {
            let value = assignment.value.as_ref()?;
            let shown = if is_secret(profile, name) && !value.is_empty() {
                MARK.to_owned()
            } else {
                redactor.text(value).into_owned()
            };
            Some((name.clone(), shown))
        })
        .collect()
}

fn environment_file(
    profile: &Profile,
    redactor: &Redactor,
    path: PathBuf,
    file: EnvFile,
) -> EnvironmentFile {
    let variables = file
        .variables
        .into_iter()
        .map(|(name, assignment)| Variable {
            value: match assignment.value {
                None => VariableValue::Inherited,
                Some(value) if is_secret(profile, &name) => VariableValue::Hidden {
                    empty: value.trim().is_empty(),
                    placeholder: profile.stack.is_placeholder(&value),
                },
                Some(value) => VariableValue::Plain(redactor.text(&value).into_owned()),
            },
            name,
            line: assignment.line,
            supersedes: assignment.supersedes,
            v1_differs: assignment.v1_differs,
        })
        .collect();
    EnvironmentFile {
        path,
        variables,
        problem: file.problem,
    }
}

fn declared_kind(profile: &Profile, name: &str) -> Option<VariableKind> {
    profile
        .environment
        .iter()
        .find(|variable| variable.name == name)
        .map(|variable| variable.kind)
}

/// Whether a variable's value is never to be shown: the profile says so or, where it is silent, the name does.
fn is_secret(profile: &Profile, name: &str) -> bool {
    match declared_kind(profile, name) {
        Some(kind) => kind == VariableKind::Secret,
        None => looks_secret(name),
    }
}

/// Whether a name promises a secret: one of its words does.
fn looks_secret(name: &str) -> bool {
    const WORDS: [&str; 14] = [
        "password",
        "passwd",
        "passphrase",
        "pass",
        "secret",
        "secrets",
        "token",
        "tokens",
        "auth",
        "authorization",
        "credential",
        "credentials",
        "key",
        "apikey",
    ];
    name.split(|character: char| !character.is_ascii_alphanumeric())
        .any(|word| {
            let word = word.to_ascii_lowercase();
            WORDS.contains(&word.as_str())
                || ["password", "secret", "token"]
                    .iter()
                    .any(|part| word.contains(part))
        })
}
