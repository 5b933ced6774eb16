//! The kernel's lists of TCP sockets, `/proc/net/tcp` and `tcp6`, read line by line: a busy machine has very many.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

/// `TCP_LISTEN`, as the list has it.
const LISTENING: &str = "0A";
/// More lines than any machine has sockets.
const MOST_LINES: usize = 4_000_000;

/// A listening socket of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSocket {
    /// The address it is bound to.
    pub address: IpAddr,
    /// The port it is bound to.
    pub port: u16,
    /// Its number, by which processes have it open.
    pub inode: u64,
}

/// The sockets of a list that listen on some ports.
///
/// # Errors
/// Where the list cannot be read.
pub fn listening(list: &Path, ports: &BTreeSet<u16>) -> io::Result<Vec<ListedSocket>> {
    let mut reader = BufReader::with_capacity(64 * 1024, File::open(list)?);
    let mut line = Vec::new();
    let mut found = Vec::new();
    for _ in 0..MOST_LINES {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let socket = std::str::from_utf8(&line).ok().and_then(parse);
        found.extend(socket.filter(|socket| ports.contains(&socket.port)));
    }
    Ok(found)
}

/// One line: number, local address, remote address, state, queues, timer, retransmits, user, timeout, inode.
pub(in crate::facts) fn parse(line: &str) -> Option<ListedSocket> {
    let mut words = line.split_ascii_whitespace();
    let (local, state) = (words.nth(1)?, words.nth(1)?);
    if state != LISTENING {
        return None;
    }
    let inode = words.nth(5)?.parse().ok()?;
    let (address, port) = local.split_once(':')?;
    Some(ListedSocket {
        address: parse_address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode,
    })
}

/// Groups of four bytes, each as the machine's own integer in hexadecimal.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |start: usize| {
        let digits = text.get(start..start.checked_add(8)?)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match text.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let mut bytes = [0_u8; 16];
            for (place, start) in bytes.chunks_exact_mut(4).zip([0, 8, 16, 24]) {
                place.copy_from_slice(&word(start)?);
            }
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REST: &str = "00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0";

    #[test]
    #[cfg(target_endian = "little")]
    fn lines_of_both_families_are_read() {
        for (local, expected) in [
            ("00000000:0050", "0.0.0.0:80"),
            ("0100007F:01BB", "127.0.0.1:443"),
            ("00000000000000000000000000000000:0050", "[::]:80"),
            ("00000000000000000000000001000000:01BB", "[::1]:443"),
            ("B80D0120000000000000000001000000:0050", "[2001:db8::1]:80"),
        ] {
            let line = format!("   0: {local} 00000000:0000 0A {REST}\n");
            let socket = parse(&line).unwrap();
            let address = std::net::SocketAddr::new(socket.address, socket.port);
            assert_eq!(
                (address.to_string().as_str(), socket.inode),
                (expected, 4711)
            );
        }
    }

    #[test]
    fn what_does_not_listen_is_left_out() {
        let line = format!("   0: 00000000:0050 00000000:0000 01 {REST}");
        assert_eq!(parse(&line), None);
        assert_eq!(
            parse("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when"),
            None
        );
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(
            line in ".*",
            address in "[0-9A-Fa-fé]{0,40}",
            port in "[0-9A-F]{0,6}",
            inode in "[0-9]{0,30}",
        ) {
            let _ = parse(&line);
            let _ = parse(&format!("0: {address}:{port} 0:0 0A 0:0 0:0 0 0 0 {inode}"));
        }
    }
}
