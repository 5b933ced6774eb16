//! What belongs in a bundle of this machine.

use std::{collections::BTreeSet, fmt::Display, path::Path};

use tokio::runtime::Handle;

use super::{DIRECTORY, LeftOut, tar};
use crate::{
    facts::{
        Facts, FileKind, Observed, Site,
        originals::{self, Entry, Original, PROGRAMS},
    },
    files::LastLink,
    redact::Redactor,
};

/// One member that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What it is called in the bundle.
    pub name: String,
    /// What it is made of.
    pub original: Original,
    /// Whether it is a log, of which only the end is wanted.
    pub is_log: bool,
}

/// Files of the machine that explain its facts; what is not there is not missed.
const MACHINE_FILES: [&str; 9] = [
    "/etc/os-release",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/fstab",
    "/etc/environment",
    "/etc/sesam-doctor/config.toml",
    "/etc/sesam-agent/config.json",
    "/etc/sesam-agent/id",
    "/etc/systemd/system/docker.service.d/http-proxy.conf",
];

/// More logs of one directory say no more; the newest names of a rotation sort behind.
const MOST_LOGS: usize = 60;

/// What the bundle is to hold beside facts and report, and what it will not, and why. Has to be called where blocking is allowed.
#[must_use]
pub fn plan(
    site: &Site,
    facts: &Facts,
    redactor: &Redactor,
    runtime: &Handle,
) -> (Vec<Planned>, Vec<LeftOut>) {
    let mut plan = Plan {
        redactor,
        members: Vec::new(),
        left_out: Vec::new(),
        names: BTreeSet::new(),
    };
    plan.stack_files(facts);
    plan.config_files(site, facts);
    plan.container_logs(facts);
    plan.node_logs(site, facts, runtime);
    plan.add("kernel.log", Original::KernelLog, true);
    for (name, words) in PROGRAMS {
        plan.add(
            &format!("commands/{name}.txt"),
            Original::Program(words),
            false,
        );
    }
    (plan.members, plan.left_out)
}

struct Plan<'a> {
    redactor: &'a Redactor,
    members: Vec<Planned>,
    left_out: Vec<LeftOut>,
    names: BTreeSet<String>,
}

impl Plan<'_> {
    fn add(&mut self, name: &str, original: Original, is_log: bool) {
        let name = self.unused(&self.safe(name));
        self.members.push(Planned {
            name,
            original,
            is_log,
        });
    }

    fn file(&mut self, directory: &str, path: &Path) {
        let name = format!("{directory}/{}", file_name(path));
        let original = Original::File {
            path: path.to_path_buf(),
            last: LastLink::Followed,
        };
        self.add(&name, original, false);
    }

    fn leave_out(&mut self, name: &str, source: &dyn Display, reason: &str) {
        self.left_out.push(LeftOut {
            name: self.safe(name),
            source: self.redactor.text(&source.to_string()).into_owned(),
            reason: self.redactor.text(reason).into_owned(),
        });
    }

    /// A name that tells no secret, and then one that every system can unpack.
    fn safe(&self, name: &str) -> String {
        safe(&self.redactor.text(name))
    }

    fn unused(&mut self, name: &str) -> String {
        let mut candidate = name.to_owned();
        let mut number = 2;
        while !self.names.insert(candidate.clone()) {
            candidate = format!("{name}-{number}");
            number += 1;
        }
        candidate
    }

    fn stack_files(&mut self, facts: &Facts) {
        let Observed::Seen(stack) = &facts.stack else {
            return;
        };
        let compose = match &stack.compose {
            Observed::Seen(content) => content.file().map(|file| file.path.clone()),
            _ => None,
        };
        let names = &facts.profile.stack;
        let candidates = match compose {
            Some(path) => vec![path],
            None => names
                .compose_files
                .iter()
                .map(|name| stack.directory.join(name))
                .collect(),
        };
        for path in candidates {
            self.file("stack", &path);
        }
        self.file("stack", &stack.directory.join(&names.env_file));
        for path in &stack.overrides {
            self.file("stack", path);
        }
    }

    fn config_files(&mut self, site: &Site, facts: &Facts) {
        for path in &facts.profile.certificates.traefik_files {
            self.file("traefik", path);
        }
        let store = facts.profile.layout.letsencrypt_dir.join("acme.json");
        self.leave_out(
            "traefik/acme.json",
            &store.display(),
            "it is made of private keys; what matters of it is in the facts",
        );
        let license = match facts.license.seen() {
            Ok(file) => &*file.path,
            Err(_) => &*facts.profile.layout.license_file,
        };
        self.leave_out(
            "license.key",
            &license.display(),
            "the license is a secret; what matters of it is in the facts",
        );
        self.file("docker", &facts.profile.software.daemon_file);
        for file in MACHINE_FILES {
            self.file("etc", Path::new(file));
        }
        if let Some(report) = &site.settings.probe_report {
            self.file("etc", report);
        }
    }

    fn container_logs(&mut self, facts: &Facts) {
        let name = "containers/";
        let docker = match facts.docker.seen() {
            Ok(docker) => docker,
            Err(gap) => return self.leave_out(name, &"the Docker engine", &gap.to_string()),
        };
        let engine = match docker.engine() {
            Ok(engine) => engine,
            Err(gap) => return self.leave_out(name, &docker.socket.display(), &gap.to_string()),
        };
        let containers = match engine.containers.seen() {
            Ok(containers) => containers,
            Err(gap) => return self.leave_out(name, &docker.socket.display(), &gap.to_string()),
        };
        let services: BTreeSet<&str> = facts
            .profile
            .stack
            .services
            .iter()
            .map(|service| service.name.as_str())
            .collect();
        let is_named = |container: &&crate::facts::docker::Container| {
            services.contains(container.name.as_str())
                || container
                    .service()
                    .is_some_and(|service| services.contains(service))
        };
        let projects: BTreeSet<&str> = containers
            .iter()
            .filter(is_named)
            .filter_map(crate::facts::docker::Container::project)
            .collect();
        for container in containers {
            let is_of_stack = is_named(&container)
                || container
                    .project()
                    .is_some_and(|project| projects.contains(project));
            let source = format!("log of the container {}", container.name);
            let member = format!("containers/{}.log", container.name);
            if !is_of_stack {
                self.leave_out(&member, &source, "it is not of the stack");
                continue;
            }
            let original = Original::ContainerLog {
                socket: docker.socket.clone(),
                id: container.id.clone(),
            };
            self.add(&member, original, true);
        }
    }

    fn node_logs(&mut self, site: &Site, facts: &Facts, runtime: &Handle) {
        let directory = &facts.profile.layout.logs_dir;
        let found: Vec<Entry> = match originals::list(site, directory, runtime) {
            Observed::Seen(found) => found,
            gap => {
                let reason = gap
                    .seen()
                    .err()
                    .map_or(String::new(), |gap| gap.to_string());
                return self.leave_out("node/", &directory.display(), &reason);
            }
        };
        let mut taken = 0;
        for entry in found {
            let name = format!("node/{}", file_name(&entry.path));
            let is_log = [".log", ".html", ".txt", ".json"]
                .iter()
                .any(|ending| name.contains(ending));
            let reason = match entry.kind {
                FileKind::Regular if is_log && taken < MOST_LOGS => None,
                FileKind::Regular if is_log => {
                    Some(format!("only {MOST_LOGS} logs are taken along"))
                }
                FileKind::Regular => Some("it is no log".to_owned()),
                other => Some(format!("it is {other}, not a file")),
            };
            if let Some(reason) = reason {
                self.leave_out(&name, &entry.path.display(), &reason);
            } else {
                taken += 1;
                let original = Original::File {
                    path: entry.path,
                    last: LastLink::Refused,
                };
                self.add(&name, original, true);
            }
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A name that every system can unpack, in the length that a plain tar has room for.
fn safe(name: &str) -> String {
    const RESERVE: usize = 8;
    let most = tar::LONGEST_NAME - DIRECTORY.len() - RESERVE;
    let clean: String = name
        .chars()
        .map(|character| {
            if tar::is_of_names(character) {
                character
            } else {
                '_'
            }
        })
        .take(most)
        .collect();
    clean.replace("..", "_.")
}
