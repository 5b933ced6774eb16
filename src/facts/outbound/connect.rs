//! Opening one TCP connection, and hearing what the network says where it does not open.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    libc,
    sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt},
};
use serde::{Deserialize, Serialize};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::{Instant, timeout_at},
};

/// What became of connecting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Connect {
    /// The connection is open.
    Open,
    /// It was reset at once.
    Refused,
    /// Nothing came back within the deadline.
    Silent,
    /// A filter said that it forbids this.
    Filtered {
        /// Who said so, where that is known.
        by: Option<IpAddr>,
        /// In which words of ICMP.
        how: String,
    },
    /// There is no way there.
    Unreachable {
        /// Who said so; this machine itself where nobody is named.
        by: Option<IpAddr>,
        /// In which words of ICMP, or of the kernel.
        how: String,
    },
    /// Anything else; says what.
    Failed {
        /// In the kernel's words.
        how: String,
    },
}

/// The address that this machine would use towards `to`; none where it has no route. Sends nothing.
#[must_use]
pub fn source_address(to: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Connects to `to`; the stream is there where the connection opened.
pub async fn connect(to: SocketAddr, deadline: Instant) -> (Connect, Option<TcpStream>) {
    let (socket, errors) = match prepare(to) {
        Ok(prepared) => prepared,
        Err(error) => return (outcome(&error, None), None),
    };
    match timeout_at(deadline, socket.connect(to)).await {
        Ok(Ok(stream)) => {
            // A small request must not wait for more.
            let _ = stream.set_nodelay(true);
            (Connect::Open, Some(stream))
        }
        Ok(Err(error)) => {
            let message = errors.and_then(|queue| network_message(&queue));
            (outcome(&error, message), None)
        }
        Err(_elapsed) => (Connect::Silent, None),
    }
}

/// A socket, and a second hold on it by which its errors can be read after it failed.
fn prepare(to: SocketAddr) -> io::Result<(TcpSocket, Option<OwnedFd>)> {
    let socket = match to {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // Kernels without this option connect all the same; then only the error's number is known.
    let _ = match to {
        SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4RecvErr, &true),
        SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvErr, &true),
    };
    let errors = socket.as_fd().try_clone_to_owned().ok();
    Ok((socket, errors))
}

/// What a router or filter said by ICMP.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NetworkMessage {
    by: Option<IpAddr>,
    version: IpVersion,
    kind: u8,
    code: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IpVersion {
    V4,
    V6,
}

fn network_message(queue: &OwnedFd) -> Option<NetworkMessage> {
    let mut payload = [0_u8; 256];
    let mut parts = [IoSliceMut::new(&mut payload)];
    let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
    let message = recvmsg::<SockaddrStorage>(
        queue.as_raw_fd(),
        &mut parts,
        Some(&mut control),
        MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT,
    )
    .ok()?;
    message.cmsgs().ok()?.find_map(|part| match part {
        ControlMessageOwned::Ipv4RecvErr(error, sender)
            if error.ee_origin == libc::SO_EE_ORIGIN_ICMP =>
        {
            Some(NetworkMessage {
                by: sender
                    .map(|sender| IpAddr::V4(Ipv4Addr::from(u32::from_be(sender.sin_addr.s_addr)))),
                version: IpVersion::V4,
                kind: error.ee_type,
                code: error.ee_code,
            })
        }
        ControlMessageOwned::Ipv6RecvErr(error, sender)
            if error.ee_origin == libc::SO_EE_ORIGIN_ICMP6 =>
        {
            Some(NetworkMessage {
                by: sender.map(|sender| IpAddr::V6(Ipv6Addr::from(sender.sin6_addr.s6_addr))),
                version: IpVersion::V6,
                kind: error.ee_type,
                code: error.ee_code,
            })
        }
        _ => None,
    })
}

fn outcome(error: &io::Error, message: Option<NetworkMessage>) -> Connect {
    if let Some(message) = message {
        return said(&message);
    }
    let errno = error.raw_os_error().map(Errno::from_raw);
    match errno {
        Some(Errno::ECONNREFUSED | Errno::ECONNRESET) => Connect::Refused,
        Some(Errno::ETIMEDOUT) => Connect::Silent,
        Some(Errno::EACCES | Errno::EPERM) => Connect::Filtered {
            by: None,
            how: error.to_string(),
        },
        Some(
            Errno::ENETUNREACH
            | Errno::EHOSTUNREACH
            | Errno::EADDRNOTAVAIL
            | Errno::ENETDOWN
            | Errno::EHOSTDOWN
            | Errno::EAFNOSUPPORT,
        ) => Connect::Unreachable {
            by: None,
            how: error.to_string(),
        },
        _ => Connect::Failed {
            how: error.to_string(),
        },
    }
}

/// RFC 792, 1122 and 1812 for IPv4, RFC 4443 for IPv6. Only filters answer a TCP packet with “port unreachable”:
/// a machine that does not listen resets.
fn said(message: &NetworkMessage) -> Connect {
    let (filtered, how) = match (message.version, message.kind, message.code) {
        (IpVersion::V4, 3, 0) => (false, "network unreachable"),
        (IpVersion::V4, 3, 1) => (false, "host unreachable"),
        (IpVersion::V4, 3, 3) | (IpVersion::V6, 1, 4) => (true, "port unreachable"),
        (IpVersion::V4, 3, 9) => (true, "network administratively prohibited"),
        (IpVersion::V4, 3, 10) => (true, "host administratively prohibited"),
        (IpVersion::V4, 3, 13) | (IpVersion::V6, 1, 1) => {
            (true, "communication administratively prohibited")
        }
        (IpVersion::V4, 11, _) | (IpVersion::V6, 3, _) => (
            false,
            "time to live exceeded, so the route goes in a circle",
        ),
        (IpVersion::V6, 1, 0) => (false, "no route to destination"),
        (IpVersion::V6, 1, 3) => (false, "address unreachable"),
        (IpVersion::V6, 1, 5) => (true, "source address failed ingress/egress policy"),
        (IpVersion::V6, 1, 6) => (true, "reject route to destination"),
        (_, kind, code) => {
            return Connect::Unreachable {
                by: message.by,
                how: format!("ICMP type {kind} code {code}"),
            };
        }
    };
    let (by, how) = (message.by, how.to_owned());
    if filtered {
        Connect::Filtered { by, how }
    } else {
        Connect::Unreachable { by, how }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_listener_opens_and_a_closed_port_refuses() {
        let deadline = Instant::now() + std::time::Duration::from_secs(5);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (outcome, stream) = connect(address, deadline).await;
        assert_eq!(outcome, Connect::Open);
        assert!(stream.is_some());
        drop(listener);
        let (outcome, stream) = connect(address, deadline).await;
        assert_eq!(outcome, Connect::Refused);
        assert!(stream.is_none());
        assert!(source_address(address).unwrap().is_loopback());
    }

    #[test]
    fn filters_and_missing_routes_are_told_apart() {
        let by = Some("10.99.0.1".parse().unwrap());
        for (version, kind, code, filtered) in [
            (IpVersion::V4, 3, 13, true),
            (IpVersion::V4, 3, 3, true),
            (IpVersion::V4, 3, 1, false),
            (IpVersion::V6, 1, 1, true),
            (IpVersion::V6, 1, 0, false),
            (IpVersion::V6, 200, 200, false),
        ] {
            let message = NetworkMessage {
                by,
                version,
                kind,
                code,
            };
            let outcome = said(&message);
            assert_eq!(
                matches!(outcome, Connect::Filtered { .. }),
                filtered,
                "{outcome:?}"
            );
        }
    }
}
