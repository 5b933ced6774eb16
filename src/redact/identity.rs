//! Addresses of people and of machines on the internet, for those who want to hide them too.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
};

/// An address that can be reached from everywhere, as the registry of special addresses has it (RFC 6890 and its updates).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (18..20).contains(&b))
                || (a == 192 && b == 0 && c == 0))
        }
        IpAddr::V6(address) => {
            let [first, second, ..] = address.segments();
            (0x2000..0x4000).contains(&first) && !(first == 0x2001 && second == 0xdb8)
        }
    }
}

/// Every public address in a text.
pub(super) fn addresses(text: &[u8], met: &mut dyn FnMut(Range<usize>, IpAddr)) {
    let mut done = 0;
    for dot in memchr::memchr_iter(b'.', text) {
        if dot < done || !digit_at(text, dot.wrapping_sub(1)) || !digit_at(text, dot + 1) {
            continue;
        }
        let range = around(text, dot, |byte| byte.is_ascii_digit() || byte == b'.');
        done = range.end;
        if let Some(range) = without_last_dot(text, range)
            && !is_part_of_word(text, &range)
            && let Some(address) = parsed::<Ipv4Addr>(text, &range)
            && is_public(address.into())
        {
            met(range, address.into());
        }
    }
    done = 0;
    for colon in memchr::memchr_iter(b':', text) {
        let is_double = text.get(colon + 1) == Some(&b':');
        if colon < done
            || !(is_double || hex_at(text, colon + 1))
            || !hex_at(text, colon.wrapping_sub(1))
        {
            continue;
        }
        let range = around(text, colon, |byte| byte.is_ascii_hexdigit() || byte == b':');
        done = range.end;
        let colons = text
            .get(range.clone())
            .map_or(0, |run| memchr::memchr_iter(b':', run).count());
        if colons >= 2
            && range.len() <= 40
            && !is_part_of_word(text, &range)
            && let Some(address) = parsed::<Ipv6Addr>(text, &range)
            && is_public(address.into())
        {
            met(range, address.into());
        }
    }
}

/// A name may end with digits and dots, as a version does; an address stands by itself.
fn is_part_of_word(text: &[u8], range: &Range<usize>) -> bool {
    let is_of_word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    is_of_word(
        range
            .start
            .checked_sub(1)
            .and_then(|before| text.get(before)),
    ) || is_of_word(text.get(range.end))
}

fn parsed<T: std::str::FromStr>(text: &[u8], range: &Range<usize>) -> Option<T> {
    std::str::from_utf8(text.get(range.clone())?)
        .ok()?
        .parse()
        .ok()
}

fn without_last_dot(text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let end = if text.get(range.end - 1) == Some(&b'.') {
        range.end - 1
    } else {
        range.end
    };
    (range.start < end).then_some(range.start..end)
}

fn digit_at(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

fn hex_at(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_hexdigit)
}

fn around(text: &[u8], at: usize, is_of_it: fn(u8) -> bool) -> Range<usize> {
    const LONGEST: usize = 64;
    let before = text.get(..at).map_or(0, |rest| {
        rest.iter()
            .rev()
            .take(LONGEST)
            .take_while(|byte| is_of_it(**byte))
            .count()
    });
    let after = text.get(at..).map_or(0, |rest| {
        rest.iter()
            .take(LONGEST)
            .take_while(|byte| is_of_it(**byte))
            .count()
    });
    at - before..at + after
}

/// An address that is nobody's, the same for the same digits: what reads addresses can still read it
/// (RFC 2544's block for benchmarks, RFC 3849's for documentation).
pub(super) fn pseudonym(address: IpAddr, digest: [u8; 4]) -> IpAddr {
    let [a, b, c, d] = digest;
    match address {
        IpAddr::V4(_) => Ipv4Addr::new(198, 18 + (a & 1), b, c).into(),
        IpAddr::V6(_) => Ipv6Addr::new(
            0x2001,
            0xdb8,
            u16::from_be_bytes([a, b]),
            u16::from_be_bytes([c, d]),
            0,
            0,
            0,
            1,
        )
        .into(),
    }
}
