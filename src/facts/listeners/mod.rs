//! Who listens on the ports that others come to.

mod cgroup;
pub(in crate::facts) mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use procfs::process::{FDTarget, Process};
use serde::{Deserialize, Serialize};

use super::{Observed, Site, bounded};

/// Far more processes than a machine of this kind has; beyond it the search gives up.
const MOST_PROCESSES: usize = 40_000;

/// Who listens on some ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listeners {
    /// The sockets, by port and address.
    pub sockets: Vec<Listener>,
    /// Whether some processes could not be looked into, so that a holder may be missing for want of privileges.
    #[serde(default)]
    pub processes_hidden: bool,
}

/// One listening socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listener {
    /// The TCP port.
    pub port: u16,
    /// The address it is bound to; `0.0.0.0` and `::` stand for all.
    pub address: IpAddr,
    /// The process that has it open; none where it could not be seen.
    #[serde(default)]
    pub holder: Option<Holder>,
}

/// A process that has a listening socket open.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: i32,
    /// Its name, as the kernel has it: 15 characters at most.
    pub command: String,
    /// The program that it runs, where that could be seen.
    #[serde(default)]
    pub program: Option<PathBuf>,
    /// The container that it runs in, where its control group tells.
    #[serde(default)]
    pub container: Option<String>,
}

impl Listener {
    /// Whether clients on other machines can come to it.
    #[must_use]
    pub fn serves_others(&self) -> bool {
        match self.address {
            IpAddr::V4(address) => !address.is_loopback(),
            IpAddr::V6(address) => !address
                .to_ipv4_mapped()
                .map_or(address.is_loopback(), |mapped| mapped.is_loopback()),
        }
    }
}

/// Looks at it.
pub async fn observe(site: Site) -> Observed<Listeners> {
    let ports = site.profile.inbound.iter().map(|port| port.port).collect();
    holders(ports, site.deadline).await
}

/// Who listens on these ports.
pub async fn holders(ports: BTreeSet<u16>, deadline: Duration) -> Observed<Listeners> {
    let limit = Instant::now().checked_add(deadline);
    bounded(deadline, "the kernel's list of sockets", move || {
        look(&ports, limit)
    })
    .await
}

fn look(ports: &BTreeSet<u16>, limit: Option<Instant>) -> Observed<Listeners> {
    let mut found = Vec::new();
    for (file, is_required) in [("/proc/self/net/tcp", true), ("/proc/self/net/tcp6", false)] {
        match table::listening(Path::new(file), ports) {
            Ok(sockets) => found.extend(sockets),
            // A kernel without IPv6 has no such list.
            Err(error) if !is_required && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Observed::from_error(&error, file),
        }
    }
    let wanted = found.iter().map(|socket| socket.inode).collect();
    let search = Search::run(&wanted, limit);
    let mut sockets: Vec<Listener> = found
        .into_iter()
        .map(|socket| Listener {
            port: socket.port,
            address: socket.address,
            holder: search.holders.get(&socket.inode).cloned(),
        })
        .collect();
    sockets.sort();
    Observed::Seen(Listeners {
        sockets,
        processes_hidden: search.is_incomplete,
    })
}

/// Which process has which socket open.
#[derive(Default)]
struct Search {
    holders: BTreeMap<u64, Holder>,
    is_incomplete: bool,
}

impl Search {
    /// Goes through all processes until every wanted socket is found. Of several that share one, the first, usually the
    /// parent, counts.
    fn run(wanted: &BTreeSet<u64>, limit: Option<Instant>) -> Self {
        let mut search = Self::default();
        if wanted.is_empty() {
            return search;
        }
        let Ok(processes) = procfs::process::all_processes() else {
            search.is_incomplete = true;
            return search;
        };
        let mut denied = false;
        for process in processes.take(MOST_PROCESSES) {
            if limit.is_some_and(|limit| Instant::now() >= limit) {
                denied = true;
                break;
            }
            // A process may end between being listed and being looked at.
            let Ok(process) = process else { continue };
            match process.fd() {
                Ok(files) => {
                    for file in files.flatten() {
                        if let FDTarget::Socket(inode) = file.target
                            && wanted.contains(&inode)
                        {
                            search
                                .holders
                                .entry(inode)
                                .or_insert_with(|| describe(&process));
                        }
                    }
                }
                Err(procfs::ProcError::PermissionDenied(_)) => denied = true,
                Err(_) => {}
            }
            if search.holders.len() == wanted.len() {
                break;
            }
        }
        search.is_incomplete = denied && search.holders.len() < wanted.len();
        search
    }
}

fn describe(process: &Process) -> Holder {
    Holder {
        pid: process.pid,
        command: process.stat().map_or_else(
            |_| String::new(),
            |stat| {
                stat.comm
                    .chars()
                    .map(|letter| if letter.is_control() { '?' } else { letter })
                    .collect()
            },
        ),
        program: process.exe().ok(),
        container: process.cgroups().ok().and_then(|groups| {
            groups
                .0
                .iter()
                .find_map(|group| cgroup::container(&group.pathname))
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn this_test_itself_is_found_as_a_holder() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let observed = holders([port].into(), Duration::from_mins(1)).await;
        let listeners = observed.seen().unwrap();
        let [socket] = listeners.sockets.as_slice() else {
            panic!("{listeners:?}");
        };
        assert_eq!((socket.port, socket.serves_others()), (port, false));
        let holder = socket.holder.as_ref().unwrap();
        assert_eq!(holder.pid, i32::try_from(std::process::id()).unwrap());
        assert!(!holder.command.is_empty());
        drop(listener);
        let observed = holders([port].into(), Duration::from_mins(1)).await;
        assert!(observed.seen().unwrap().sockets.is_empty());
    }

    #[test]
    fn only_loopback_does_not_serve_others() {
        for (address, serves) in [
            ("0.0.0.0", true),
            ("::", true),
            ("10.0.0.1", true),
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", true),
        ] {
            let listener = Listener {
                port: 80,
                address: address.parse().unwrap(),
                holder: None,
            };
            assert_eq!(listener.serves_others(), serves, "{address}");
        }
    }
}
