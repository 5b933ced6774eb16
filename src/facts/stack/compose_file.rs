//! The compose file as the checks see it: read, interpolated, without secrets, and lenient about what is misshapen.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    document::{LONGEST_MESSAGE, Position, Walk, conceal, read_yaml, shortened},
    interpolation::Variables,
    ports::PortMapping,
    service::{read_networks, read_services, read_volumes},
};
use crate::redact::{MARK, Redactor};

/// What of each kind is kept at most; a file that is wrong everywhere need not be quoted in full.
pub(super) const MOST_PROBLEMS: usize = 100;

/// A compose file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComposeFile {
    /// Where it is.
    pub path: PathBuf,
    /// The project's name, which containers, volumes and networks are called after.
    pub project: String,
    /// The whole file, interpolated, with secrets replaced.
    pub document: Value,
    /// The variables that it refers to.
    pub variables: Vec<UsedVariable>,
    /// What Compose refuses, or would.
    pub problems: Vec<Problem>,
    /// What belongs to the stack but was not followed: included and extended files, overrides.
    pub not_followed: Vec<String>,
    /// Its services by name.
    pub services: BTreeMap<String, Service>,
    /// Its networks by the name that services use.
    pub networks: BTreeMap<String, Resource>,
    /// Its volumes by the name that services use.
    pub volumes: BTreeMap<String, Resource>,
}

/// A variable that a compose file refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedVariable {
    /// Its name.
    pub name: String,
    /// Where first, as in `services.traefik.image`.
    pub place: String,
    /// Where it would have to be set and is not: nothing comes of it there, or Compose refuses the file.
    #[serde(default)]
    pub blank_places: Vec<String>,
}

impl UsedVariable {
    /// The first place where it would have to be set and is not.
    #[must_use]
    pub fn blank_place(&self) -> Option<&str> {
        self.blank_places.first().map(String::as_str)
    }
}

/// Something in a compose file that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What sort of thing.
    pub kind: ProblemKind,
    /// Where in the document, as in `services.traefik.ports[0]`; empty where it is the file as a whole.
    pub place: String,
    /// Where in the text, where that is known.
    pub position: Option<Position>,
    /// What is wrong, in words.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            formatter.write_str(&self.message)
        } else {
            write!(formatter, "{}: {}", self.place, self.message)
        }
    }
}

/// What sort of thing cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// The text is no YAML.
    NotYaml,
    /// `${…}` that Compose refuses, or a required variable without a value.
    BadInterpolation,
    /// A list where a mapping belongs, a port that is no number, and the like.
    BadType,
    /// A service with neither image nor build.
    NoImage,
    /// A network, volume or service that is referred to and defined nowhere.
    Undefined,
    /// A key that Compose does not know, most likely misspelled.
    UnknownKey,
}

/// One service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// The image with its tag.
    pub image: Option<String>,
    /// The container's own name, where it has one.
    pub container_name: Option<String>,
    /// When it is started again, as in `always` or `on-failure:3`.
    pub restart: Option<String>,
    /// The command's words; empty where it is the image's.
    pub command: Vec<String>,
    /// The entry point's words; empty where it is the image's.
    pub entrypoint: Vec<String>,
    /// Published ports, ranges taken apart.
    pub ports: Vec<PortMapping>,
    /// Mounts.
    pub volumes: Vec<Mount>,
    /// The networks that it is in, by the names of this file.
    pub networks: Vec<String>,
    /// `host`, `none` and the like, in place of networks.
    pub network_mode: Option<String>,
    /// Environment; without a value where Compose's own is passed on and has none.
    pub environment: BTreeMap<String, Option<String>>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Services that are started before it.
    pub depends_on: Vec<String>,
    /// The user that it runs as.
    pub user: Option<String>,
    /// The log driver, where one is named.
    pub log_driver: Option<String>,
    /// The log driver's options.
    pub log_options: BTreeMap<String, String>,
}

/// One mount of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// `bind`, `volume`, `tmpfs` …
    pub kind: String,
    /// The path on the host, or the volume; none where it is anonymous.
    pub source: Option<String>,
    /// The path in the container.
    pub target: String,
    /// Whether it can only be read.
    pub read_only: bool,
}

/// A network or a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// What the engine calls it, where the file says.
    pub name: Option<String>,
    /// Whether it has to exist beforehand.
    pub external: bool,
}

/// What reading a compose file needs besides its text.
pub struct Surroundings<'a, V> {
    /// Where the file is.
    pub path: PathBuf,
    /// The project's name.
    pub project: String,
    /// Whether that name stands even where the file says another.
    pub project_is_given: bool,
    /// The variables, secret ones already replaced.
    pub variables: &'a V,
    /// Whether a name promises a secret value.
    pub is_secret: &'a dyn Fn(&str) -> bool,
    /// Told of secrets that the file carries itself.
    pub redactor: &'a Redactor,
}

/// Reads a compose file; what is wrong with it is in the result.
#[must_use]
pub fn read<V: Variables>(text: &str, surroundings: &Surroundings<V>) -> ComposeFile {
    let mut file = ComposeFile {
        path: surroundings.path.clone(),
        project: surroundings.project.clone(),
        ..ComposeFile::default()
    };
    match read_yaml(text) {
        Ok(document) => fill(&mut file, document, surroundings),
        Err(mut problem) => {
            problem.message = surroundings.redactor.text(&problem.message).into_owned();
            file.problems.push(problem);
        }
    }
    file
}

fn fill<V: Variables>(file: &mut ComposeFile, mut document: Value, surroundings: &Surroundings<V>) {
    if let Some(name) = document.get("name").and_then(Value::as_str)
        && !surroundings.project_is_given
        && !name.contains('$')
    {
        name.clone_into(&mut file.project);
    }
    let variables = WithProject {
        variables: surroundings.variables,
        project: &file.project,
    };
    let mut walk = Walk::new(&variables);
    walk.value(&mut document);
    for secret in walk.secrets() {
        learn_guessed(surroundings.redactor, secret);
    }
    file.problems = std::mem::take(&mut walk.problems);
    file.variables = std::mem::take(&mut walk.used);
    conceal(&mut document, surroundings.is_secret, &mut |secret| {
        if secret != MARK {
            learn_guessed(surroundings.redactor, secret);
        }
        MARK.to_owned()
    });
    surroundings.redactor.document(&mut document);
    for problem in &mut file.problems {
        problem.message = surroundings.redactor.text(&problem.message).into_owned();
    }
    file.services = read_services(&document, &mut file.problems, &mut file.not_followed);
    for service in file.services.values_mut() {
        for (name, value) in &mut service.environment {
            if value.is_none() {
                *value = surroundings.variables.value(name).map(ToOwned::to_owned);
            }
        }
    }
    file.networks = read_networks(&document, &mut file.problems);
    file.volumes = read_volumes(&document, &mut file.problems);
    file.find_undefined();
    file.document = document;
}

/// The variable by which Compose tells a file its project's name.
pub(super) const PROJECT_NAME: &str = "COMPOSE_PROJECT_NAME";

/// Variables, and the one that Compose adds.
struct WithProject<'a, V> {
    variables: &'a V,
    project: &'a str,
}

impl<V: Variables> Variables for WithProject<'_, V> {
    fn value(&self, name: &str) -> Option<&str> {
        self.variables
            .value(name)
            .or_else(|| (name == PROJECT_NAME).then_some(self.project))
    }

    fn is_secret(&self, name: &str) -> bool {
        self.variables.is_secret(name)
    }
}

/// Remembers what stood under a secret's name, unless it is so ordinary that hiding it everywhere would hide too much.
pub(super) fn learn_guessed(redactor: &Redactor, secret: &str) {
    const SHORTEST_GUESS: usize = 8;
    if secret.len() >= SHORTEST_GUESS && !secret.starts_with('/') {
        redactor.learn(secret);
    }
}

impl ComposeFile {
    fn find_undefined(&mut self) {
        let mut problems = Vec::new();
        let mut undefined = |place: String, what: &str, name: &str| {
            if problems.len() < MOST_PROBLEMS {
                let message = format!("the {what} “{name}” is defined nowhere in the file");
                problems.push(Problem {
                    kind: ProblemKind::Undefined,
                    place,
                    position: None,
                    message: shortened(&message, LONGEST_MESSAGE),
                });
            }
        };
        for (name, service) in &self.services {
            let place = format!("services.{name}");
            for network in &service.networks {
                if network != "default" && !self.networks.contains_key(network) {
                    undefined(format!("{place}.networks"), "network", network);
                }
            }
            for other in &service.depends_on {
                if !self.services.contains_key(other) {
                    undefined(format!("{place}.depends_on"), "service", other);
                }
            }
            for mount in service
                .volumes
                .iter()
                .filter(|mount| mount.kind == "volume")
            {
                if let Some(volume) = &mount.source
                    && !self.volumes.contains_key(volume)
                {
                    undefined(format!("{place}.volumes"), "volume", volume);
                }
            }
        }
        self.problems.append(&mut problems);
    }

    /// A path of the file as the engine is told it; nothing where that depends on somebody's home.
    #[must_use]
    pub fn path_on_host(&self, source: &str) -> Option<String> {
        if source.starts_with('~') {
            return None;
        }
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        let mut path = PathBuf::new();
        for part in directory.join(source).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    path.pop();
                }
                other => path.push(other),
            }
        }
        Some(path.display().to_string())
    }

    /// The first problem of a kind.
    #[must_use]
    pub fn problem(&self, kind: ProblemKind) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::env_file;
    use super::*;

    const PUBLISHED: &str = include_str!("../../../tests/fixtures/stack/2023/docker-compose.yml");

    fn read_text(text: &str) -> ComposeFile {
        let env = env_file::parse("SET=set\nTWO=two\n");
        read(
            text,
            &Surroundings {
                path: "compose.yml".into(),
                project: "p".into(),
                project_is_given: false,
                variables: &env.variables,
                is_secret: &|name| name == "PASSWORD",
                redactor: &Redactor::default(),
            },
        )
    }

    #[test]
    fn one_misshapen_part_spoils_no_other() {
        let file = read_text(
            "services:\n  a: {image: x, ports: [80, {}], labels: [1, b=c], volumes: [3]}\n  b: 7\n  c: {image: y}\n",
        );
        let places: Vec<&str> = file
            .problems
            .iter()
            .map(|problem| problem.place.as_str())
            .collect();
        assert_eq!(
            places,
            [
                "services.a.ports[1]",
                "services.a.volumes[0]",
                "services.a.labels[0]",
                "services.b"
            ]
        );
        assert_eq!(file.services["a"].ports.len(), 1);
        assert_eq!(file.services["a"].labels["b"], "c");
        assert_eq!(file.services["c"].image.as_deref(), Some("y"));
    }

    #[test]
    fn what_is_not_followed_is_noted() {
        let file = read_text(
            "include: [a.yml, {path: b.yml}]\nservices:\n  a: {extends: {file: c.yml, service: a}, env_file: d.env}\n",
        );
        assert_eq!(
            file.not_followed,
            [
                "include: a.yml, b.yml",
                "services.a.extends: c.yml, a",
                "services.a.env_file: d.env"
            ]
        );
        assert_eq!(file.problems, []);
    }

    #[test]
    fn the_project_is_called_what_the_file_says() {
        let file = read_text("name: sesam\nservices: {a: {image: \"${COMPOSE_PROJECT_NAME}\"}}\n");
        assert_eq!(file.project, "sesam");
        assert_eq!(file.services["a"].image.as_deref(), Some("sesam"));
    }

    #[test]
    fn secrets_that_the_file_carries_are_taken_out() {
        let file = read_text(
            "x-a: {PASSWORD: 12345, n: [PASSWORD=y, {PASSWORD: z}]}\nservices: {a: {image: \"${PASSWORD:-w}\"}}\n",
        );
        assert_eq!(
            file.document["x-a"],
            serde_json::json!({"PASSWORD": MARK, "n": [format!("PASSWORD={MARK}"), {"PASSWORD": MARK}]})
        );
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path: String, source: String) {
            let file = ComposeFile { path: path.into(), ..ComposeFile::default() };
            let _ = file.path_on_host(&source);
        }

        #[test]
        fn no_text_makes_it_panic(text in r#"([a-z]+:|services:|ports:|- |["'{}\[\]&*!<>|#$%@`,:?=-]|\n| |  |\t|[0-9]|.){0,60}"#) {
            let _ = read_text(&text);
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0..PUBLISHED.len(), length in 0..40_usize, with in r#"(["'{}\[\]&*!|$:-]|\n|[0-9]|.){0,8}"#) {
            let mut bytes = PUBLISHED.as_bytes().to_vec();
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, with.bytes());
            let _ = read_text(&String::from_utf8_lossy(&bytes));
        }
    }
}
