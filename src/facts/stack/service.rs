//! The parts of a compose file that checks ask about. A wrong type is a problem with its place; the rest is read all the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    compose_file::{Mount, Problem, ProblemKind, Resource, Service},
    document::{element_of, member_of, scalar_text},
    ports::{PortMapping, read_port},
};
use crate::toml_document::nearest;

/// More published ports than any service has; ranges multiply.
const MOST_PORTS: usize = 2_000;

/// The keys at the top of a compose file.
const TOP_KEYS: &[&str] = &[
    "configs", "include", "models", "name", "networks", "secrets", "services", "version", "volumes",
];

/// The keys of a service, of Compose 2.26 and of later ones.
const SERVICE_KEYS: &[&str] = &[
    "annotations",
    "attach",
    "blkio_config",
    "build",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "command",
    "configs",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "credential_spec",
    "depends_on",
    "deploy",
    "develop",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extends",
    "external_links",
    "extra_hosts",
    "gpus",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "ipc",
    "isolation",
    "label_file",
    "labels",
    "links",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "models",
    "network_mode",
    "networks",
    "oom_kill_disable",
    "oom_score_adj",
    "pid",
    "pids_limit",
    "platform",
    "ports",
    "post_start",
    "pre_stop",
    "privileged",
    "profiles",
    "provider",
    "pull_policy",
    "read_only",
    "restart",
    "runtime",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "use_api_socket",
    "user",
    "userns_mode",
    "uts",
    "volumes",
    "volumes_from",
    "working_dir",
];

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
    reader.keys("", top, TOP_KEYS);
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
        self.problems.push(Problem {
            kind,
            place: place.to_owned(),
            position: None,
            message: message.into(),
        });
    }

    fn bad_type(&mut self, place: &str, message: impl Into<String>) {
        self.complain(ProblemKind::BadType, place, message);
    }

    fn service(&mut self, place: &str, members: &Map<String, Value>) -> Service {
        self.keys(place, members, SERVICE_KEYS);
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
    fn keys(&mut self, place: &str, members: &Map<String, Value>, known: &[&str]) {
        for key in members.keys() {
            if key.starts_with("x-") || known.contains(&key.as_str()) {
                continue;
            }
            let meant = nearest(key, known.iter().copied())
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
                .filter_map(|(index, element)| match element {
                    Value::String(text) => Some(match text.split_once('=') {
                        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                        None => (text.clone(), None),
                    }),
                    _ => {
                        self.bad_type(&element_of(place, index), "it has to be a text, NAME=value");
                        None
                    }
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
            let mount = match element {
                Value::String(text) => short_mount(text),
                Value::Object(members) => long_mount(members),
                _ => None,
            };
            match mount {
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

/// `[SOURCE:]TARGET[:OPTIONS]`
fn short_mount(text: &str) -> Option<Mount> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some(*source), *target, ""),
        [source, target, options] => (Some(*source), *target, *options),
        _ => return None,
    };
    if target.is_empty() || source.is_some_and(str::is_empty) {
        return None;
    }
    let is_path = source.is_some_and(|source| source.starts_with(['/', '.', '~']));
    Some(Mount {
        kind: if is_path { "bind" } else { "volume" }.to_owned(),
        source: source.map(ToOwned::to_owned),
        target: target.to_owned(),
        read_only: options.split(',').any(|option| option == "ro"),
    })
}

fn long_mount(members: &Map<String, Value>) -> Option<Mount> {
    let text = |name: &str| members.get(name).and_then(scalar_text);
    Some(Mount {
        kind: text("type").unwrap_or_else(|| "volume".to_owned()),
        source: text("source"),
        target: text("target")?,
        read_only: text("read_only").is_some_and(|value| value == "true"),
    })
}
