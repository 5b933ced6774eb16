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
    for (number, block) in text.chunks(BLOCK).enumerate() {
        let start = number * BLOCK;
        // At both ends of a text there are not enough bytes for a quick look.
        let around = start
            .checked_sub(REACH)
            .and_then(|from| text.get(from..)?.first_chunk());
        if around.is_none_or(may_hold) {
            addresses_in(text, start..start + block.len(), &mut done, met);
        }
    }
}

/// How much of a text is looked at in one go for whether an address can be in it.
const BLOCK: usize = 64;

/// How far before and behind a byte is looked for the others that an address has.
const REACH: usize = 4;

/// Whether a dot behind a digit is as near to the next as an address has them, or a colon as far behind a 2 or a 3. Without branches, so that
/// many bytes are asked at a time.
// All indexes are within the array, as the compiler sees too.
#[allow(clippy::indexing_slicing, clippy::needless_bitwise_bool)]
fn may_hold(text: &[u8; BLOCK + 2 * REACH]) -> bool {
    let mut any = false;
    for at in 0..BLOCK {
        let (fourth, third, byte) = (text[at], text[at + 1], text[at + REACH]);
        let is_dot_near = (text[at + 6] == b'.') | (text[at + 7] == b'.') | (text[at + 8] == b'.');
        let is_group =
            (fourth & 0xfe == b'2') & (third != b':') & (third != b' ') & (third != b'T');
        let is_number = text[at + REACH - 1].wrapping_sub(b'0') < 10;
        any |= (byte == b'.') & is_number & is_dot_near | (byte == b':') & is_group;
    }
    any
}

fn addresses_in(
    text: &[u8],
    block: Range<usize>,
    done: &mut usize,
    met: &mut dyn FnMut(Range<usize>, IpAddr),
) {
    for at in memchr::memchr2_iter(b'.', b':', text.get(block.clone()).unwrap_or_default()) {
        let at = block.start + at;
        if at < *done {
            continue;
        }
        let found = if text.get(at) == Some(&b'.') {
            first_dot_of_four(text, at).then(|| around(text, at, is_of_v4))
        } else {
            begins_public_v6(text, at).then(|| around(text, at, is_of_v6))
        };
        let Some(found) = found else {
            continue;
        };
        *done = found.end;
        if let Some(range) = without_last_dot(text, found)
            && !is_part_of_word(text, &range)
            && let Some(address) = parsed(text, &range)
            && is_public(address)
        {
            met(range, address);
        }
    }
}

fn is_of_v4(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.'
}

fn is_of_v6(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b':'
}

/// Whether a number stands before the dot, and one and another dot behind it: a fraction has none.
fn first_dot_of_four(text: &[u8], dot: usize) -> bool {
    let before = dot.checked_sub(1).and_then(|at| text.get(at));
    if !before.is_some_and(u8::is_ascii_digit) {
        return false;
    }
    match text.get(dot + 1..) {
        Some([a, b'.', ..]) => a.is_ascii_digit(),
        Some([a, b, b'.', ..]) => a.is_ascii_digit() && b.is_ascii_digit(),
        Some([a, b, c, b'.', ..]) => a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit(),
        _ => false,
    }
}

/// Whether the colon ends the first group of a public address, which has four digits: all of them are in `2000::/3`.
fn begins_public_v6(text: &[u8], colon: usize) -> bool {
    let group = colon.checked_sub(4).and_then(|at| text.get(at..colon));
    matches!(group, Some([b'2' | b'3', rest @ ..]) if rest.iter().all(u8::is_ascii_hexdigit))
        && text.get(colon + 1).is_some_and(|byte| is_of_v6(*byte))
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

fn parsed(text: &[u8], range: &Range<usize>) -> Option<IpAddr> {
    const LONGEST: usize = 39;
    let text = text.get(range.clone())?;
    (text.len() <= LONGEST)
        .then(|| std::str::from_utf8(text).ok()?.parse().ok())
        .flatten()
}

fn without_last_dot(text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let end = if text.get(range.end - 1) == Some(&b'.') {
        range.end - 1
    } else {
        range.end
    };
    (range.start < end).then_some(range.start..end)
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
