//! The machine's own addresses.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::facts::Observed;

/// Containers and tunnels can give a machine thousands; nobody reads more than these.
const MOST_ADDRESSES: usize = 64;

/// What container engines and hypervisors begin the names of their own bridges with.
const BRIDGES: [&str; 8] = [
    "docker", "veth", "virbr", "lxcbr", "cni", "podman", "lxdbr", "incusbr",
];
/// Docker names the bridge of a network by the first letters of its id.
const DOCKER_NETWORK: &str = "br-";
const LETTERS_OF_ID: usize = 12;

/// One address of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnAddress {
    /// The address.
    pub address: IpAddr,
    /// The interface that has it.
    pub interface: String,
}

impl OwnAddress {
    /// Whether others can reach the machine by it: it is neither this machine's only, nor this link's, nor its containers'.
    #[must_use]
    pub fn is_for_others(&self) -> bool {
        !is_near(self.address) && !is_for_guests(&self.interface) && !self.address.is_unspecified()
    }
}

/// Whether only containers or virtual machines of this machine come in by an interface, going by its name.
#[must_use]
pub fn is_for_guests(interface: &str) -> bool {
    let is_of_docker = interface.strip_prefix(DOCKER_NETWORK).is_some_and(|id| {
        id.len() == LETTERS_OF_ID && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    is_of_docker || BRIDGES.iter().any(|bridge| interface.starts_with(bridge))
}

/// Whether an address leads nowhere beyond this machine or its own link.
#[must_use]
pub fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unicast_link_local(),
    }
}

/// Every address, loopback and containers' bridges included, as the kernel has them.
#[must_use]
pub fn all() -> Observed<Vec<OwnAddress>> {
    match nix::ifaddrs::getifaddrs() {
        Err(error) => Observed::from_error(&error.into(), "the addresses of this machine"),
        Ok(interfaces) => Observed::Seen(
            interfaces
                .filter_map(|interface| {
                    let address = interface.address?;
                    let address = address
                        .as_sockaddr_in()
                        .map(|address| IpAddr::V4(address.ip()))
                        .or_else(|| {
                            address
                                .as_sockaddr_in6()
                                .map(|address| IpAddr::V6(address.ip()))
                        })?;
                    Some(OwnAddress {
                        address,
                        interface: interface.interface_name,
                    })
                })
                .collect(),
        ),
    }
}

/// The addresses by which others can reach the machine, IPv4 before IPv6, a bounded number of them.
#[must_use]
pub fn for_others() -> Observed<Vec<OwnAddress>> {
    all().map(|mut addresses| {
        addresses.retain(OwnAddress::is_for_others);
        addresses.sort_by_key(|own| own.address.is_ipv6());
        addresses.truncate(MOST_ADDRESSES);
        addresses
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_addresses_of_its_own() {
        let own = all();
        let own = own.seen().unwrap();
        assert!(own.iter().any(|known| known.address.is_loopback()));
        let shown = for_others();
        let shown = shown.seen().unwrap();
        assert!(shown.iter().all(|known| own.contains(known)));
        assert!(shown.len() < own.len());
    }

    #[test]
    fn what_only_this_machine_or_its_containers_use_is_not_shown() {
        for (address, interface, expected) in [
            ("10.20.30.40", "eth0", true),
            ("2001:db8::40", "ens18", true),
            ("192.168.1.7", "br0", true),
            ("192.168.1.7", "br-lan", true),
            ("127.0.0.1", "lo", false),
            ("::1", "lo", false),
            ("169.254.3.4", "eth0", false),
            ("fe80::1", "eth0", false),
            ("172.17.0.1", "docker0", false),
            ("172.18.0.1", "br-0242ac110002", false),
            ("192.168.122.1", "virbr0", false),
            ("10.88.0.1", "podman0", false),
        ] {
            let own = OwnAddress {
                address: address.parse().unwrap(),
                interface: interface.into(),
            };
            assert_eq!(own.is_for_others(), expected, "{address} on {interface}");
        }
    }
}
