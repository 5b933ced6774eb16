//! The few bytes by which each rule is found. All of them are looked for in one pass; the rules read only around them.

use std::sync::LazyLock;

use super::rules::{PROGRAMS, Rule, SHAPES};

/// An anchor has four bytes; letters of both cases are one.
const ANCHOR: usize = 4;
const FOLD: u32 = 0x2020_2020;

/// Words that begin four bytes which stand in what a rule looks for, and how far into it.
const ANCHORS: &[(&[u8; ANCHOR], Rule)] = &[
    (b"pass", Rule::Name),
    (b"pwd=", Rule::Name),
    (b"pwd:", Rule::Name),
    (b"pwd\"", Rule::Name),
    (b"pwd\\", Rule::Name),
    (b"pwd ", Rule::Name),
    (b"secr", Rule::Name),
    (b"toke", Rule::Name),
    (b"cred", Rule::Name),
    (b"auth", Rule::Name),
    (b"apik", Rule::Name),
    (b"_key", Rule::Name),
    (b"-key", Rule::Name),
    (b".key", Rule::Name),
    (b"key=", Rule::Name),
    (b"key:", Rule::Name),
    (b"key\"", Rule::Name),
    (b"key\\", Rule::Name),
    (b"key ", Rule::Name),
    (b"cook", Rule::Name),
    (b"psk=", Rule::Name),
    (b"psk:", Rule::Name),
    (b"psk\"", Rule::Name),
    (b"_pw=", Rule::Name),
    (b"_pw:", Rule::Name),
    (b"_pw\"", Rule::Name),
    (b"ndpw", Rule::Name),
    (b"ndpw", Rule::Setting),
    (b"otpw", Rule::Name),
    (b"otpw", Rule::Setting),
    (b"uire", Rule::Setting),
    (b"raut", Rule::Setting),
    (b"env ", Rule::Environment),
    (b"kenn", Rule::Name),
    (b"jses", Rule::Name),
    (b"phps", Rule::Name),
    (b"oog-", Rule::Name),
    (b"amz-", Rule::Name),
    (b"sig=", Rule::Signature),
    (b" -u ", Rule::Login),
    (b"-use", Rule::Login),
    (b":$1$", Rule::Crypt),
    (b":$5$", Rule::Crypt),
    (b":$6$", Rule::Crypt),
    (b":$y$", Rule::Crypt),
    (b" $1$", Rule::Crypt),
    (b" $5$", Rule::Crypt),
    (b" $6$", Rule::Crypt),
    (b" $y$", Rule::Crypt),
    (b"\"$6$", Rule::Crypt),
    (b"'$6$", Rule::Crypt),
    (b"=$6$", Rule::Crypt),
    (b"fied", Rule::Identified),
    (b"bear", Rule::Bearer),
    (b"basi", Rule::Basic),
    (b"begi", Rule::Pem),
    (b"ls0t", Rule::PemInBase64),
    (b"%2f%", Rule::EncodedUrl),
];

/// `{"` in base64 is `eyJ`, and the letter of the first member's name decides what follows.
const AFTER_BRACE: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456";

/// Every how many bytes of a text it is looked at: three of an anchor's bytes lie there, the first three or the last.
const STRIDE: usize = 2;

/// As many buckets as make a false hit rare, and few enough to stay in a near cache.
const BITS: u32 = 15;

/// An anchor, seen by three of its bytes.
struct Sight {
    word: u32,
    /// How far before the three bytes it begins.
    back: usize,
    rule: Rule,
}

struct Table {
    /// For each hash of three bytes, one more than the number of its slot; zero where there is none.
    slot: Vec<u8>,
    slots: Vec<Vec<Sight>>,
}

impl Table {
    fn note(&mut self, word: u32, rule: Rule) {
        // What begins a byte earlier is told first.
        for (three, back) in [(word >> 8, 1), (word, 0)] {
            let Some(slot) = self.slot.get_mut(hash(three)) else {
                continue;
            };
            if *slot == 0 {
                *slot = u8::try_from(self.slots.len() + 1).unwrap_or(1 + hash_of_slot(three));
                if usize::from(*slot) > self.slots.len() {
                    self.slots.push(Vec::new());
                }
            }
            if let Some(sights) = self.slots.get_mut(usize::from(*slot) - 1) {
                sights.push(Sight { word, back, rule });
                sights.sort_by_key(|sight| std::cmp::Reverse(sight.back));
            }
        }
    }
}

/// Where all slots are taken, several hashes share one.
fn hash_of_slot(word: u32) -> u8 {
    word.to_le_bytes()[1] & 0x7f
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table {
        slot: vec![0; 1 << BITS],
        slots: Vec::new(),
    };
    let mut note = |bytes: &[u8; ANCHOR], rule| table.note(u32::from_le_bytes(*bytes) | FOLD, rule);
    for (bytes, rule) in ANCHORS {
        note(bytes, *rule);
    }
    for letter in AFTER_BRACE {
        note(&[b'e', b'y', b'J', *letter], Rule::Jwt);
    }
    for (number, program) in (0_u8..).zip(PROGRAMS) {
        if let Some(bytes) = program.name.as_bytes().first_chunk() {
            note(bytes, Rule::Program(number));
        }
    }
    for (number, shape) in (0_u8..).zip(SHAPES) {
        if let Some(bytes) = shape.prefix.as_bytes().first_chunk() {
            note(bytes, Rule::Shape(number));
        }
    }
    table
});

/// Of the three low bytes.
#[inline]
fn hash(word: u32) -> usize {
    (word.wrapping_mul(0x9E37_79B1 << 8) >> (32 - BITS)) as usize
}

/// Calls `met` with every place where a rule may apply.
pub(super) fn search(text: &[u8], met: &mut dyn FnMut(usize, Rule)) {
    let table = &*TABLE;
    let Some(slots) = table.slot.first_chunk::<{ 1 << BITS }>() else {
        return;
    };
    let (eights, rest) = text.as_chunks::<8>();
    let Some((first, others)) = eights.split_first() else {
        search_rest(table, text, 0, met);
        return;
    };
    let mut at = 0;
    let mut current = u64::from_le_bytes(*first) | WIDE_FOLD;
    // Three bytes that begin in eight may end in the next eight.
    for eight in others {
        let next = u64::from_le_bytes(*eight) | WIDE_FOLD;
        let words = words_of(current, next);
        // Put together in a register: bytes that were stored one by one are slow to load as one word.
        let pending = slot_of(slots, words[0])
            | slot_of(slots, words[1]) << 8
            | slot_of(slots, words[2]) << 16
            | slot_of(slots, words[3]) << 24;
        if pending != 0 {
            report_all(table, text, at, pending, met);
        }
        current = next;
        at += 8;
    }
    search_rest(table, text, text.len() - rest.len() - 8, met);
}

const WIDE_FOLD: u64 = 0x2020_2020_2020_2020;

// The cuts are what is wanted: of each word the three low bytes count.
#[allow(clippy::cast_possible_truncation)]
#[inline]
fn words_of(current: u64, next: u64) -> [u32; 4] {
    let last = (current >> 48) | (next << 16);
    [
        current as u32,
        (current >> 16) as u32,
        (current >> 32) as u32,
        last as u32,
    ]
}

#[inline]
fn slot_of(slots: &[u8; 1 << BITS], word: u32) -> u32 {
    slots.get(hash(word)).copied().unwrap_or(0).into()
}

fn search_rest(table: &Table, text: &[u8], from: usize, met: &mut dyn FnMut(usize, Rule)) {
    let rest = text.get(from..).unwrap_or_default();
    for (number, three) in rest.windows(3).step_by(STRIDE).enumerate() {
        let word = three
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u32::from(*byte))
            | FOLD;
        let hit = table.slot.get(hash(word)).copied().unwrap_or(0);
        report(table, text, from + number * STRIDE, hit.into(), met);
    }
}

/// One call for several places, so that the loop keeps to its registers.
#[inline(never)]
fn report_all(
    table: &Table,
    text: &[u8],
    at: usize,
    mut pending: u32,
    met: &mut dyn FnMut(usize, Rule),
) {
    let mut at = at;
    while pending != 0 {
        let skipped = pending.trailing_zeros() / 8;
        pending >>= skipped * 8;
        at += skipped as usize * STRIDE;
        report(table, text, at, pending & 0xff, met);
        pending &= !0xff;
    }
}

fn report(table: &Table, text: &[u8], at: usize, hit: u32, met: &mut dyn FnMut(usize, Rule)) {
    let sights = (hit as usize)
        .checked_sub(1)
        .and_then(|slot| table.slots.get(slot));
    for sight in sights.into_iter().flatten() {
        let Some(start) = at.checked_sub(sight.back) else {
            continue;
        };
        let word = text
            .get(start..)
            .and_then(|rest| rest.first_chunk())
            .map(|bytes| u32::from_le_bytes(*bytes) | FOLD);
        if word == Some(sight.word) {
            met(start, sight.rule);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_anchor_is_found_wherever_it_stands() {
        for (bytes, rule) in ANCHORS {
            for before in 0..9 {
                for after in 0..9 {
                    let text = [&b".".repeat(before)[..], *bytes, &b".".repeat(after)].concat();
                    let mut found = Vec::new();
                    search(&text.to_ascii_uppercase(), &mut |at, rule| {
                        found.push((at, rule));
                    });
                    assert!(
                        found.contains(&(before, *rule)),
                        "{}: {found:?}",
                        text.escape_ascii()
                    );
                }
            }
        }
    }
}
