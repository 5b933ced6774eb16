//! The compose file against the stack of the profile: what is missing, as a person would say it.
//!
//! More services, mounts, labels, variables and another order do no harm and are no difference; the known faults of the
//! published stack have checks of their own.

use std::path::Path;

use crate::{
    checks::{Cause, Item, Mend, Remedy},
    facts::{
        image_reference::ImageReference,
        stack::{
            Stack,
            compose_file::{ComposeFile, Mount, Service},
        },
    },
    profile::{self, Profile},
};

pub(super) const SERVICE_MISSING: Cause =
    Cause::new("service-missing", "a service of the stack is not defined");
const IMAGE_DIFFERS: Cause = Cause::new("image-differs", "a service is made of another image");
const CONTAINER_NAME: Cause = Cause::new(
    "container-name",
    "a container is not called after its service, so Watchtower does not find it",
);
const PORT_MISSING: Cause = Cause::new("port-missing", "a port is not published");
const MOUNT_MISSING: Cause = Cause::new("mount-missing", "something is not mounted");
const NETWORK_MISSING: Cause = Cause::new("network-missing", "a service is not on a network");
const NETWORK_NOT_EXTERNAL: Cause = Cause::new(
    "network-not-external",
    "Compose would make a network of its own in place of the shared one",
);
const ARGUMENT_MISSING: Cause = Cause::new("argument-missing", "a command lacks an argument");
const VARIABLE_MISSING: Cause = Cause::new(
    "variable-missing",
    "a container is not given a variable that it needs",
);
const LABEL_MISSING: Cause = Cause::new("label-missing", "a container lacks a label");
const RESTART_POLICY: Cause = Cause::new(
    "restart-policy",
    "a container would not come back by itself after a crash or a reboot",
);

pub(super) const CAUSES: [Cause; 11] = [
    SERVICE_MISSING,
    IMAGE_DIFFERS,
    CONTAINER_NAME,
    PORT_MISSING,
    MOUNT_MISSING,
    NETWORK_MISSING,
    NETWORK_NOT_EXTERNAL,
    ARGUMENT_MISSING,
    VARIABLE_MISSING,
    LABEL_MISSING,
    RESTART_POLICY,
];

/// What a file of the edition does away with. A file that Compose itself refuses is for a person to look at.
static MENDED: [Cause; 1 + CAUSES.len()] = {
    let mut causes = [super::MISSING; 1 + CAUSES.len()];
    let (_, rest) = causes.split_at_mut(1);
    rest.copy_from_slice(&CAUSES);
    causes
};

pub(super) static MENDS: [Mend; 1] = [Mend::new(Remedy::WriteComposeFile, &MENDED)];

/// One way in which the file is not the manual's.
pub(super) struct Difference {
    pub(super) item: Item,
    pub(super) advice: String,
}

/// What comparing showed.
#[derive(Default)]
pub(super) struct Comparison {
    pub(super) differences: Vec<Difference>,
    /// Whether something is lacking that files may say which were not followed.
    pub(super) is_partial: bool,
    pub(super) remarks: Vec<String>,
}

/// Holds the file against the profile's stack. What it lacks and another file that was not followed may say is no
/// difference, but a remark.
pub(super) fn compare(profile: &Profile, stack: &Stack, file: &ComposeFile) -> Comparison {
    let mut comparison = compare_alone(profile, file);
    let differences = std::mem::take(&mut comparison.differences);
    for difference in differences {
        match elsewhere(profile, stack, file, &difference.item) {
            None => comparison.differences.push(difference),
            Some(files) => {
                comparison.is_partial = true;
                comparison.remarks.push(format!(
                    "{}: {}, unless it is said elsewhere ({files})",
                    difference.item.name, difference.item.summary
                ));
            }
        }
    }
    comparison
}

/// The files that were not followed and may make a difference good.
fn elsewhere(profile: &Profile, stack: &Stack, file: &ComposeFile, item: &Item) -> Option<String> {
    let is = |cause: Cause| item.cause.as_deref() == Some(cause.code);
    let services = &profile.stack.services;
    let expected = services.iter().find(|service| service.name == item.name);
    let key = expected.and_then(|expected| Some(find(file, expected)?.0));
    let mut keys = Vec::new();
    if is(SERVICE_MISSING) {
        keys.push("include".to_owned());
    }
    keys.extend(key.map(|key| format!("services.{key}.extends")));
    if is(VARIABLE_MISSING) {
        keys.extend(key.map(|key| format!("services.{key}.env_file")));
    }
    stack.elsewhere(&keys)
}

fn compare_alone(profile: &Profile, file: &ComposeFile) -> Comparison {
    let mut comparison = Comparison::default();
    for expected in &profile.stack.services {
        match find(file, expected) {
            None => comparison.fail(
                &expected.name,
                SERVICE_MISSING,
                format!("the file defines no such service, which {}", expected.why),
                format!("add the service {} as the manual has it", expected.name),
            ),
            Some((name, service)) => {
                if name != expected.name {
                    comparison.remarks.push(format!(
                        "the service {} is called {name} here",
                        expected.name
                    ));
                }
                comparison.service(expected, service, file);
            }
        }
    }
    for network in &profile.stack.networks {
        let own = file.networks.iter();
        for (key, _) in own.filter(|(key, own)| called(file, key) == network && !own.external) {
            let name = if key == network {
                String::new()
            } else {
                format!(", name: {network}")
            };
            comparison.fail(
                network,
                NETWORK_NOT_EXTERNAL,
                "the network is not external, so Compose makes one of its own, which microservices are not on".into(),
                format!("under networks, write {key}: {{external: true{name}}}"),
            );
        }
    }
    let others = own_services(profile, file);
    if !others.is_empty() && !profile.stack.services.is_empty() {
        comparison
            .remarks
            .push(format!("services of your own: {}", others.join(", ")));
    }
    comparison
}

/// The services of a file that are none of the profile's.
fn own_services<'f>(profile: &Profile, file: &'f ComposeFile) -> Vec<&'f str> {
    let expected = &profile.stack.services;
    let known: Vec<&str> = expected
        .iter()
        .filter_map(|expected| Some(find(file, expected)?.0))
        .collect();
    let names = file.services.keys().map(String::as_str);
    names.filter(|name| !known.contains(name)).collect()
}

/// What a file has of a site's own that the edition's file does not bring along, in words.
#[must_use]
pub fn beyond_the_edition(profile: &Profile, file: &ComposeFile) -> Vec<String> {
    let own = own_services(profile, file)
        .into_iter()
        .map(|name| format!("the service {name}"));
    let renamed = profile.stack.services.iter().filter_map(|expected| {
        let (name, _) = find(file, expected)?;
        (name != expected.name).then(|| format!("{} under the name {name}", expected.name))
    });
    let from_mirrors = profile.stack.services.iter().filter_map(|expected| {
        let (name, service) = find(file, expected)?;
        let image = ImageReference::parse(service.image.as_deref()?);
        let is_mirror = image.is_of(&expected.image) && image.repository != expected.image;
        is_mirror.then(|| format!("{name} from {}", image.repository))
    });
    own.chain(renamed).chain(from_mirrors).collect()
}

/// What a file calls a service of the profile; its own name where the file has none such.
#[must_use]
pub fn name_in<'a>(file: Option<&'a ComposeFile>, expected: &'a profile::Service) -> &'a str {
    file.and_then(|file| find(file, expected))
        .map_or(expected.name.as_str(), |(name, _)| name)
}

/// The file's service of that name, or else the one made of its image.
pub(super) fn find<'f>(
    file: &'f ComposeFile,
    expected: &profile::Service,
) -> Option<(&'f str, &'f Service)> {
    file.services
        .get_key_value(&expected.name)
        .or_else(|| {
            file.services.iter().find(|(_, service)| {
                service
                    .image
                    .as_deref()
                    .is_some_and(|image| ImageReference::parse(image).is_of(&expected.image))
            })
        })
        .map(|(name, service)| (name.as_str(), service))
}

impl Comparison {
    fn fail(&mut self, name: &str, cause: Cause, summary: String, advice: String) {
        self.differences.push(Difference {
            item: Item::fail(name, cause, summary),
            advice,
        });
    }

    fn warn(&mut self, name: &str, cause: Cause, summary: String, advice: String) {
        self.differences.push(Difference {
            item: Item::warn(name, cause, summary),
            advice,
        });
    }

    fn service(&mut self, expected: &profile::Service, service: &Service, file: &ComposeFile) {
        self.image(expected, service);
        self.ports(expected, service);
        self.mounts(expected, service, file);
        self.networks(expected, service, file);
        self.words(expected, service);
        self.names(expected, service, file);
    }

    fn image(&mut self, expected: &profile::Service, service: &Service) {
        let name = &expected.name;
        let Some(image) = &service.image else {
            return;
        };
        let image = ImageReference::parse(image);
        if !image.is_of(&expected.image) {
            self.fail(
                name,
                IMAGE_DIFFERS,
                format!("is made of {image}, not of {}", expected.image),
                format!("let {name} have the image {}", expected.image),
            );
        } else if image.repository != expected.image {
            self.remarks.push(format!(
                "{name} is made of {}, taken for a mirror of {}",
                image.repository, expected.image
            ));
        }
    }

    fn ports(&mut self, expected: &profile::Service, service: &Service) {
        let name = &expected.name;
        if service.network_mode.as_deref() == Some("host") {
            return;
        }
        for port in &expected.ports {
            let number = port.to_string();
            let published = service
                .ports
                .iter()
                .filter(|mapping| mapping.published.as_ref() == Some(&number));
            let addresses: Vec<&str> = published
                .map(|mapping| mapping.host_ip.as_deref().unwrap_or(""))
                .collect();
            let loopback = |address: &&str| address.starts_with("127.") || *address == "::1";
            if addresses.is_empty() {
                self.fail(
                    name,
                    PORT_MISSING,
                    format!("does not publish port {port}"),
                    format!("add \"{port}:{port}\" to the ports of {name}"),
                );
            } else if addresses.iter().all(loopback) {
                self.fail(
                    name,
                    PORT_MISSING,
                    format!(
                        "publishes port {port} on this machine's own {} only",
                        addresses.join(" and ")
                    ),
                    format!("publish it as \"{port}:{port}\""),
                );
            }
        }
    }

    fn mounts(&mut self, expected: &profile::Service, service: &Service, file: &ComposeFile) {
        let name = &expected.name;
        for mount in &expected.mounts {
            let fits = service
                .volumes
                .iter()
                .any(|own| is_mounted(mount, own, file));
            if fits {
                continue;
            }
            let source = mount.sources.first().map_or("", String::as_str);
            let elsewhere = service
                .volumes
                .iter()
                .find(|own| !mount.target.is_empty() && same_path(&mount.target, &own.target))
                .and_then(|own| own.source.as_deref());
            let (summary, target) = match (elsewhere, mount.target.as_str()) {
                (Some(other), target) => (
                    format!("mounts {other} at {target}, not {source}: {}", mount.why),
                    target.to_owned(),
                ),
                (None, "") => (
                    format!("does not mount {source}: {}", mount.why),
                    "…".to_owned(),
                ),
                (None, target) => (
                    format!("does not mount {source} at {target}: {}", mount.why),
                    target.to_owned(),
                ),
            };
            self.fail(
                name,
                MOUNT_MISSING,
                summary,
                format!("add {source}:{target} to the volumes of {name}"),
            );
        }
    }

    fn networks(&mut self, expected: &profile::Service, service: &Service, file: &ComposeFile) {
        for network in &expected.networks {
            let mut own = service.networks.iter();
            if !own.any(|own| called(file, own) == network) {
                self.fail(
                    &expected.name,
                    NETWORK_MISSING,
                    format!("is not on the network {network}"),
                    format!("add {network} to the networks of {}", expected.name),
                );
            }
        }
    }

    fn words(&mut self, expected: &profile::Service, service: &Service) {
        let name = &expected.name;
        let said: Vec<&str> = service
            .entrypoint
            .iter()
            .chain(&service.command)
            .flat_map(|word| word.split_whitespace())
            .collect();
        for argument in &expected.arguments {
            let fits = |word: &&str| {
                *word == argument || (argument.ends_with('=') && word.starts_with(argument.as_str()))
                    // A flag's value may stand behind it or be joined to it.
                    || word.strip_prefix(argument.as_str()).is_some_and(|rest| rest.starts_with('='))
            };
            // Without a command the image's own counts, which is not known here.
            if !said.is_empty() && !said.iter().any(fits) {
                self.fail(
                    name,
                    ARGUMENT_MISSING,
                    format!("is started without {argument}"),
                    format!("add {argument} to the command of {name} as the manual has it"),
                );
            }
        }
        for variable in &expected.environment {
            if !service.environment.contains_key(variable) {
                self.warn(
                    name,
                    VARIABLE_MISSING,
                    format!("is not given the variable {variable}"),
                    format!("add {variable} to the environment of {name} as the manual has it"),
                );
            }
        }
        for label in &expected.labels {
            let fits = |own: &String| match label.strip_suffix('*') {
                Some(prefix) => own.starts_with(prefix),
                None => own == label,
            };
            if !service.labels.keys().any(fits) {
                self.fail(
                    name,
                    LABEL_MISSING,
                    format!("has no label {label}, so Traefik passes nothing on to it"),
                    format!("add the manual's labels to {name}"),
                );
            }
        }
    }

    fn names(&mut self, expected: &profile::Service, service: &Service, file: &ComposeFile) {
        let name = &expected.name;
        if service.container_name.as_ref() != Some(name) {
            let called = match &service.container_name {
                Some(other) => other.clone(),
                None => format!("{}-{name}-1", file.project),
            };
            self.warn(
                name,
                CONTAINER_NAME,
                format!("its container is called {called}; Watchtower and people look for {name}"),
                format!("add container_name: {name}"),
            );
        }
        match service.restart.as_deref() {
            Some(policy) if policy == expected.restart => {}
            Some("unless-stopped") => self.remarks.push(format!(
                "{name} is restarted unless it was stopped by hand; the manual says {}",
                expected.restart
            )),
            other => self.warn(
                name,
                RESTART_POLICY,
                match other {
                    None => {
                        "has no restart policy, so it stays away after a crash or a reboot".into()
                    }
                    Some(policy) => format!("has the restart policy {policy}, so it can stay away"),
                },
                format!("add restart: {} to {name}", expected.restart),
            ),
        }
    }
}

/// What the engine calls a network that is external; for any other one the name that the file uses.
fn called<'f>(file: &'f ComposeFile, key: &'f str) -> &'f str {
    let network = file.networks.get(key);
    network
        .and_then(|network| network.name.as_deref())
        .unwrap_or(key)
}

/// Whether a mount of the file is the one that is asked for. Where the container may have it anywhere, a directory
/// above does too.
fn is_mounted(wanted: &profile::ServiceMount, own: &Mount, file: &ComposeFile) -> bool {
    let is_bind = own.kind == "bind";
    let source = match &own.source {
        Some(source) if is_bind => file.path_on_host(source),
        other => other.clone(),
    };
    let Some(source) = source else {
        return false;
    };
    let is_anywhere = wanted.target.is_empty();
    let holds = |place: &str| is_bind && is_anywhere && Path::new(place).starts_with(&source);
    let source_fits = wanted
        .sources
        .iter()
        .any(|place| same_path(place, &source) || holds(place));
    source_fits && (is_anywhere || same_path(&wanted.target, &own.target))
}

/// Whether two paths are spelled differently at most by slashes at their end.
fn same_path(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

#[cfg(test)]
mod tests;
