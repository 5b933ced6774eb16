//! The parts of a compose file that checks ask about. A wrong type is a problem with its place; the rest is read all the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    compose_file::{MOST_PROBLEMS, Mount, Problem, ProblemKind, Resource, Service},
    document::{LONGEST_MESSAGE, element_of, member_of, scalar_text, shortened},
    keys,
    mounts::read_mount,
    ports::{PortMapping, read_port},
};
use crate::spelling::nearest;

/// More published ports than any service has; ranges multiply.
const MOST_PORTS: usize = 2_000;

/// Reads the services of a document, and notes the files that belong to the stack but are not followed.
pub(super) fn read_services(
    document: &Value,
    problems: &mut Vec<Problem>,
    not_followed: &mut Vec<String>,
) -> BTreeMap<String, Service> {
    let mut reader = Reader { problems };
    let Some(top) = document.as_object() else {
        reader.complain(
            ProblemKind::BadType,
            "",
            "the file has to be a mapping with `services` in it",
        );
        return BTreeMap::new();
    };
    reader.keys("", top, keys::TOP);
    reader.text("version", top.get("version"));
    reader.text("name", top.get("name"));
    if let Some(included) = top.get("include") {
        not_followed.push(format!("include: {}", names(included)));
    }
    let Some(services) = top.get("services") else {
        reader.complain(
            ProblemKind::BadType,
            "services",
            "the file defines no services",
        );
        return BTreeMap::new();
    };
    let Some(services) = reader.mapping("services", Some(services)) else {
        if services.is_null() {
            reader.complain(ProblemKind::BadType, "services", "it has to be a mapping");
        }
        return BTreeMap::new();
    };
    services
        .iter()
        .filter_map(|(name, value)| {
            let place = member_of("services", name);
            let Some(members) = value.as_object() else {
                reader.complain(
                    ProblemKind::BadType,
                    &place,
                    "a service has to be a mapping",
                );
                return None;
            };
            for (key, what) in [("extends", "extends"), ("env_file", "env_file")] {
                if let Some(value) = members.get(key) {
                    not_followed.push(format!("{place}.{what}: {}", names(value)));
                }
            }
            Some((name.clone(), reader.service(&place, members)))
        })
        .collect()
}

/// Reads the networks of a document.
pub(super) fn read_networks(
    document: &Value,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Resource> {
    Reader { problems }.resources("networks", document.get("networks"))
}

/// Reads the volumes of a document.
pub(super) fn read_volumes(
    document: &Value,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Resource> {
    Reader { problems }.resources("volumes", document.get("volumes"))
}

/// The texts in a value, for a remark.
fn names(value: &Value) -> String {
    const MOST_NAMES: usize = 5;
    let mut names = Vec::new();
    collect_names(value, &mut names);
    names.truncate(MOST_NAMES);
    names.join(", ")
}

fn collect_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Array(elements) => elements
            .iter()
            .for_each(|element| collect_names(element, names)),
        Value::Object(members) => members
            .values()
            .for_each(|member| collect_names(member, names)),
        scalar => names.extend(scalar_text(scalar)),
    }
}

struct Reader<'p> {
    problems: &'p mut Vec<Problem>,
}

impl Reader<'_> {
    fn complain(&mut self, kind: ProblemKind, place: &str, message: impl Into<String>) {
        let known = self.problems.iter().filter(|known| known.kind == kind);
        if known.count() < MOST_PROBLEMS {
            self.problems.push(Problem {
                kind,
                place: place.to_owned(),
                position: None,
                message: shortened(&message.into(), LONGEST_MESSAGE),
            });
        }
    }

    fn bad_type(&mut self, place: &str, message: impl Into<String>) {
        self.complain(ProblemKind::BadType, place, message);
    }

    fn service(&mut self, place: &str, members: &Map<String, Value>) -> Service {
        self.keys(place, members, keys::SERVICE);
        let at = |name: &str| member_of(place, name);
        let mut text = |name: &str| self.text(&at(name), members.get(name));
        let (image, container_name, restart) =
            (text("image"), text("container_name"), text("restart"));
        let (network_mode, user) = (text("network_mode"), text("user"));
        if image.as_ref().is_none_or(String::is_empty)
            && !["build", "extends", "provider"]
                .iter()
                .any(|key| members.contains_key(*key))
        {
            self.complain(
                ProblemKind::NoImage,
                place,
                "the service has neither an `image` nor a `build`",
            );
        }
        let logging = self.mapping(&at("logging"), members.get("logging"));
        let logging_place = at("logging");
        Service {
            image,
            container_name,
            restart,
            network_mode,
            user,
            command: self.words(&at("command"), members.get("command")),
            entrypoint: self.words(&at("entrypoint"), members.get("entrypoint")),
            ports: self.ports(&at("ports"), members.get("ports")),
            volumes: self.mounts(&at("volumes"), members.get("volumes")),
            networks: self.names(&at("networks"), members.get("networks")),
            environment: self.pairs(&at("environment"), members.get("environment")),
            labels: self
                .pairs(&at("labels"), members.get("labels"))
                .into_iter()
                .map(|(name, value)| (name, value.unwrap_or_default()))
                .collect(),
            depends_on: self.names(&at("depends_on"), members.get("depends_on")),
            log_driver: logging.and_then(|logging| {
                self.text(&member_of(&logging_place, "driver"), logging.get("driver"))
            }),
            log_options: logging
                .map(|logging| {
                    self.pairs(
                        &member_of(&logging_place, "options"),
                        logging.get("options"),
                    )
                })
                .unwrap_or_default()
                .into_iter()
                .map(|(name, value)| (name, value.unwrap_or_default()))
                .collect(),
        }
    }

    /// Complains of keys that Compose does not know; those that begin with `x-` are anybody's own.
    fn keys(&mut self, place: &str, members: &Map<String, Value>, known: &str) {
        const LONGEST_KEY: usize = 40;
        for key in members.keys() {
            if key.starts_with("x-") || known.split(' ').any(|known| known == key) {
                continue;
            }
            let meant = (key.len() <= LONGEST_KEY && self.problems.len() < MOST_PROBLEMS)
                .then(|| nearest(key, known.split(' ')))
                .flatten()
                .map_or_else(String::new, |known| format!("; did you mean `{known}`?"));
            self.complain(
                ProblemKind::UnknownKey,
                &member_of(place, key),
                format!("Compose knows no such key{meant}"),
            );
        }
    }

    fn mapping<'v>(
        &mut self,
        place: &str,
        value: Option<&'v Value>,
    ) -> Option<&'v Map<String, Value>> {
        match value {
            None | Some(Value::Null) => None,
            Some(Value::Object(members)) => Some(members),
            Some(_) => {
                self.bad_type(place, "it has to be a mapping");
                None
            }
        }
    }

    fn text(&mut self, place: &str, value: Option<&Value>) -> Option<String> {
        match value {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                let text = scalar_text(other);
                self.bad_type(
                    place,
                    match &text {
                        Some(text) => format!("it has to be a text; write \"{text}\""),
                        None => "it has to be a text".to_owned(),
                    },
                );
                text
            }
        }
    }

    /// A command: a list of words, or one text that is taken apart as a shell would.
    fn words(&mut self, place: &str, value: Option<&Value>) -> Vec<String> {
        match value {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(elements)) => self.texts(place, elements),
            Some(other) => {
                let words = scalar_text(other).and_then(|text| shlex::split(&text));
                if words.is_none() {
                    self.bad_type(
                        place,
                        "it has to be a list of texts, or a text whose quotation marks are all closed",
                    );
                }
                words.unwrap_or_default()
            }
        }
    }

    fn texts(&mut self, place: &str, elements: &[Value]) -> Vec<String> {
        let mut texts = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            match scalar_text(element) {
                Some(text) => texts.push(text),
                None => self.bad_type(&element_of(place, index), "it has to be a text"),
            }
        }
        texts
    }

    /// A list of names, or a mapping whose keys they are.
    fn names(&mut self, place: &str, value: Option<&Value>) -> Vec<String> {
        match value {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(elements)) => self.texts(place, elements),
            Some(Value::Object(members)) => members.keys().cloned().collect(),
            Some(_) => {
                self.bad_type(place, "it has to be a list or a mapping");
                Vec::new()
            }
        }
    }

    /// `NAME=value` in a list, or a mapping.
    fn pairs(&mut self, place: &str, value: Option<&Value>) -> BTreeMap<String, Option<String>> {
        match value {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(Value::Array(elements)) => elements
                .iter()
                .enumerate()
                .filter_map(|(index, element)| {
                    let Some(text) = element.as_str() else {
                        self.bad_type(&element_of(place, index), "it has to be a text, NAME=value");
                        return None;
                    };
                    Some(match text.split_once('=') {
                        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                        None => (text.to_owned(), None),
                    })
                })
                .collect(),
            Some(Value::Object(members)) => members
                .iter()
                .map(|(name, value)| {
                    if value.is_array() || value.is_object() {
                        self.bad_type(
                            &member_of(place, name),
                            "it has to be a text, a number, true, false or null",
                        );
                    }
                    (name.clone(), scalar_text(value))
                })
                .collect(),
            Some(_) => {
                self.bad_type(place, "it has to be a mapping, or a list of NAME=value");
                BTreeMap::new()
            }
        }
    }

    fn list<'v>(&mut self, place: &str, value: Option<&'v Value>) -> &'v [Value] {
        match value {
            None | Some(Value::Null) => &[],
            Some(Value::Array(elements)) => elements,
            Some(_) => {
                self.bad_type(place, "it has to be a list");
                &[]
            }
        }
    }

    fn ports(&mut self, place: &str, value: Option<&Value>) -> Vec<PortMapping> {
        let mut ports = Vec::new();
        for (index, element) in self.list(place, value).iter().enumerate() {
            match read_port(element) {
                Ok(read) if ports.len() + read.len() <= MOST_PORTS => ports.extend(read),
                Ok(_) => {
                    self.bad_type(place, format!("more than {MOST_PORTS} ports are published"));
                    break;
                }
                Err(message) => self.bad_type(&element_of(place, index), message),
            }
        }
        ports
    }

    fn mounts(&mut self, place: &str, value: Option<&Value>) -> Vec<Mount> {
        let mut mounts = Vec::new();
        for (index, element) in self.list(place, value).iter().enumerate() {
            match read_mount(element) {
                Some(mount) => mounts.push(mount),
                None => self.bad_type(
                    &element_of(place, index),
                    "it has to be SOURCE:TARGET, or a mapping with a `target`",
                ),
            }
        }
        mounts
    }

    fn resources(&mut self, place: &str, value: Option<&Value>) -> BTreeMap<String, Resource> {
        let Some(members) = self.mapping(place, value) else {
            return BTreeMap::new();
        };
        members
            .iter()
            .map(|(name, value)| {
                let place = member_of(place, name);
                let resource = self
                    .mapping(&place, Some(value))
                    .map(|members| self.resource(&place, members))
                    .unwrap_or_default();
                (name.clone(), resource)
            })
            .collect()
    }

    fn resource(&mut self, place: &str, members: &Map<String, Value>) -> Resource {
        let mut name = self.text(&member_of(place, "name"), members.get("name"));
        let external = match members.get("external") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(external)) => *external,
            // Compose casts what interpolation made.
            Some(Value::String(text)) if text == "true" || text == "false" => text == "true",
            // The old way: `external: {name: …}`.
            Some(Value::Object(old)) => {
                name = name.or_else(|| old.get("name").and_then(scalar_text));
                true
            }
            Some(_) => {
                self.bad_type(&member_of(place, "external"), "it has to be true or false");
                false
            }
        };
        Resource { name, external }
    }
}
