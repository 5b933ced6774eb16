//! firewalld: asked where it runs, else read from its files.

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::{PortRange, firewalld_files, rule_set};
use crate::facts::{
    Observed, Site, bounded,
    host::addresses::is_for_guests,
    proc,
    program::{self, Ended},
};

/// Its daemon, as the kernel names the process.
const DAEMON: &str = "firewalld";
/// Its client.
const CLIENT: &str = "firewall-cmd";
/// More than any list of zones takes.
const LARGEST_LIST: usize = 1_000_000;

/// What firewalld lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewalld {
    /// The zones that interfaces or sources are in; where these are Docker's only, or there are none, the default zone too.
    pub zones: Vec<Zone>,
    /// Whom this was learned from.
    pub learned_from: FirewalldSource,
}

/// Whom firewalld's state was learned from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirewalldSource {
    /// The running daemon.
    #[default]
    Daemon,
    /// The files that it starts with.
    Files,
}

/// What one zone lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// The interfaces in it.
    #[serde(default)]
    pub interfaces: Vec<String>,
    /// The sources in it.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Whether it lets in everything.
    pub accepts_all: bool,
    /// The TCP ports that it lets in, by services too.
    pub tcp_ports: Vec<PortRange>,
    /// The services that it lets in.
    #[serde(default)]
    pub services: Vec<String>,
    /// Rules in firewalld's rich language, which are shown and not judged.
    #[serde(default)]
    pub rich_rules: usize,
}

impl Zone {
    /// Whether nobody comes in by it from outside: it is the one that Docker makes for its bridges, or has no other
    /// interfaces than those of this machine's own guests, as libvirt's.
    #[must_use]
    pub fn is_for_guests(&self) -> bool {
        let has_guests_only = !self.interfaces.is_empty()
            && self.sources.is_empty()
            && self.interfaces.iter().all(|name| is_for_guests(name));
        self.name == "docker" || has_guests_only
    }
}

/// Looks at it.
pub async fn observe(site: &Site) -> Observed<Firewalld> {
    let is_machine = site.root.is_machine();
    let enabled = {
        let (root, files) = (site.root.clone(), site.profile.firewall.clone());
        bounded(site.deadline, "the files of firewalld", move || {
            let running = is_machine
                && proc::processes(&[DAEMON]).is_ok_and(|processes| !processes.is_empty());
            Observed::Seen((running, firewalld_files::is_enabled(&root, &files)))
        })
        .await
    };
    let (running, enabled) = match enabled {
        Observed::Seen(state) => state,
        other => return other.map(|_| Firewalld::default()),
    };
    if running && rule_set::is_installed(CLIENT) {
        return ask(site).await;
    }
    if !running && !enabled {
        return Observed::Absent;
    }
    let (root, files) = (site.root.clone(), site.profile.firewall.clone());
    bounded(site.deadline, "the files of firewalld", move || {
        firewalld_files::read(&root, &files)
    })
    .await
}

async fn ask(site: &Site) -> Observed<Firewalld> {
    let mut command = Command::new(CLIENT);
    command.arg("--list-all-zones");
    let mut zones = match program::run(command, LARGEST_LIST, site.deadline).await {
        Err(error) => return Observed::Failed(format!("{CLIENT} could not be run: {error}")),
        Ok(run) => match run.ended {
            Ended::Exited(0) => parse(&run.stdout.text()),
            Ended::TimedOut => {
                return Observed::TimedOut(format!(
                    "{CLIENT} --list-all-zones did not answer within {} s",
                    site.deadline.as_secs_f64()
                ));
            }
            _ => {
                let said = run.stderr.text();
                let first = said.lines().next().unwrap_or_default();
                if first.contains("ALREADY") || first.contains("uthoriz") {
                    return Observed::Denied(format!("asking {DAEMON} needs root"));
                }
                return Observed::Failed(format!("{CLIENT} --list-all-zones failed: {first}"));
            }
        },
    };
    let (root, files) = (site.root.clone(), site.profile.firewall.clone());
    bounded(site.deadline, "the services of firewalld", move || {
        for zone in &mut zones {
            firewalld_files::add_services(&root, &files, zone);
        }
        Observed::Seen(Firewalld {
            zones,
            learned_from: FirewalldSource::Daemon,
        })
    })
    .await
}

/// A zone as it is listed.
struct Listed {
    zone: Zone,
    is_active: bool,
    is_default: bool,
}

/// The zones of `--list-all-zones` by which packets come in, without the ports of their services.
pub(in crate::facts) fn parse(text: &str) -> Vec<Zone> {
    let mut listed: Vec<Listed> = Vec::new();
    for line in text.lines() {
        if !line.starts_with(char::is_whitespace) {
            let (name, standing) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            if name.is_empty() {
                continue;
            }
            listed.push(Listed {
                zone: Zone {
                    name: name.to_owned(),
                    ..Zone::default()
                },
                is_active: standing.contains("active"),
                is_default: standing.contains("default"),
            });
            continue;
        }
        let Some(zone) = listed.last_mut().map(|listed| &mut listed.zone) else {
            continue;
        };
        let line = line.trim();
        if line.starts_with("rule ") {
            zone.rich_rules = zone.rich_rules.saturating_add(1);
        }
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let words = || value.split_whitespace().map(ToOwned::to_owned).collect();
        match key {
            "target" => zone.accepts_all = value.trim() == "ACCEPT",
            "interfaces" => zone.interfaces = words(),
            "sources" => zone.sources = words(),
            "services" => zone.services = words(),
            "ports" => zone.tcp_ports = value.split_whitespace().filter_map(tcp_ports).collect(),
            _ => {}
        }
    }
    // An interface that is in no zone is in the default one, which is not called active by that.
    let is_known = listed
        .iter()
        .any(|listed| listed.is_active && !listed.zone.is_for_guests());
    listed
        .into_iter()
        .filter(|listed| listed.is_active || (listed.is_default && !is_known))
        .map(|listed| listed.zone)
        .collect()
}

/// `80/tcp` or `8000-8010/tcp`.
fn tcp_ports(text: &str) -> Option<PortRange> {
    PortRange::parse(text.strip_suffix("/tcp")?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_active_zones_are_read() {
        let zones = parse(
            "block\n  target: %%REJECT%%\n  services: http\n\n\
             public (default, active)\n  target: default\n  interfaces: eth0 eth1\n  sources: \n  services: dhcpv6-client ssh\n  ports: 8080/tcp 53/udp 8000-8010/tcp\n  rich rules: \n\trule family=\"ipv4\" port port=\"80\" protocol=\"tcp\" accept\n\n\
             trusted (active)\n  target: ACCEPT\n  sources: 10.0.0.0/8\n",
        );
        let [public, trusted] = zones.as_slice() else {
            panic!("{zones:?}");
        };
        assert_eq!(public.name, "public");
        assert_eq!(public.interfaces, ["eth0", "eth1"]);
        assert_eq!(public.services, ["dhcpv6-client", "ssh"]);
        assert_eq!(public.tcp_ports.len(), 2);
        assert_eq!((public.accepts_all, public.rich_rules), (false, 1));
        assert_eq!(trusted.sources, ["10.0.0.0/8"]);
        assert!(trusted.accepts_all);
    }

    #[test]
    fn beside_dockers_zone_the_default_one_counts() {
        let docker = "docker (active)\n  target: ACCEPT\n  interfaces: docker0\n\n";
        let names =
            |text: &str| -> Vec<String> { parse(text).into_iter().map(|zone| zone.name).collect() };
        let unbound =
            format!("{docker}public (default)\n  target: default\n  services: ssh\n\nwork\n");
        assert_eq!(names(&unbound), ["docker", "public"]);
        let bound = format!("{docker}internal (active)\n  interfaces: eth0\n\npublic (default)\n");
        assert_eq!(names(&bound), ["docker", "internal"]);
        let guests = "libvirt (active)\n  interfaces: virbr0\n\npublic (default)\n";
        assert_eq!(names(guests), ["libvirt", "public"]);
        assert_eq!(names("work\n\npublic (default)\n"), ["public"]);
        assert_eq!(names(""), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([a-z]+ \\(active\\)\n|  ports: |[0-9/-]|tcp| rule |:|\n|.)*") {
            let _ = parse(&text);
        }
    }
}
