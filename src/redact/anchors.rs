//! The few bytes by which each rule is found. All of them are looked for in one pass; the rules read only around them.

use std::sync::LazyLock;

use super::rules::{Rule, SHAPES};

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
    (b"amz-", Rule::Name),
    (b"sig=", Rule::Signature),
    (b" -u ", Rule::Login),
    (b"-use", Rule::Login),
    (b"bear", Rule::Bearer),
    (b"basi", Rule::Basic),
    (b"begi", Rule::Pem),
    (b"ls0t", Rule::PemInBase64),
    (b"%2f%", Rule::EncodedUrl),
];

/// `{"` in base64 is `eyJ`, and the letter of the first member's name decides what follows.
const AFTER_BRACE: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456";

/// As many buckets as make a false hit rare, and few enough to stay in a near cache.
const BITS: u32 = 15;

struct Table {
    /// For each hash, one more than the number of its first anchor; zero where there is none.
    first: Vec<u8>,
    anchors: Vec<(u32, Rule, Option<u8>)>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut anchors: Vec<(u32, Rule)> = ANCHORS
        .iter()
        .map(|(bytes, rule)| (u32::from_le_bytes(**bytes) | FOLD, *rule))
        .collect();
    anchors.extend(AFTER_BRACE.iter().map(|letter| {
        (
            u32::from_le_bytes([b'e', b'y', b'J', *letter]) | FOLD,
            Rule::Jwt,
        )
    }));
    anchors.extend((0_u8..).zip(SHAPES).filter_map(|(number, shape)| {
        let bytes = shape.prefix.as_bytes().first_chunk::<ANCHOR>()?;
        Some((u32::from_le_bytes(*bytes) | FOLD, Rule::Shape(number)))
    }));
    let mut table = Table {
        first: vec![0; 1 << BITS],
        anchors: Vec::new(),
    };
    for (word, rule) in anchors {
        let Ok(number) = u8::try_from(table.anchors.len() + 1) else {
            break;
        };
        let Some(first) = table.first.get_mut(hash(word)) else {
            continue;
        };
        let next = (*first != 0).then_some(*first);
        *first = number;
        table.anchors.push((word, rule, next));
    }
    table
});

#[inline]
fn hash(word: u32) -> usize {
    (word.wrapping_mul(0x9E37_79B1) >> (32 - BITS)) as usize
}

/// Calls `met` with every place where a rule may apply.
pub(super) fn search(text: &[u8], met: &mut dyn FnMut(usize, Rule)) {
    let table = &*TABLE;
    let Some(buckets) = table.first.first_chunk::<{ 1 << BITS }>() else {
        return;
    };
    let (eights, rest) = text.as_chunks::<8>();
    let Some((first, others)) = eights.split_first() else {
        search_rest(table, text, 0, met);
        return;
    };
    let mut at = 0;
    let mut current = u64::from_le_bytes(*first) | WIDE_FOLD;
    // Eight anchors begin in eight bytes; the last of them end in the next eight.
    for eight in others {
        let next = u64::from_le_bytes(*eight) | WIDE_FOLD;
        let words = words_of(current, next);
        let hits = [
            bucket(buckets, words[0]),
            bucket(buckets, words[1]),
            bucket(buckets, words[2]),
            bucket(buckets, words[3]),
            bucket(buckets, words[4]),
            bucket(buckets, words[5]),
            bucket(buckets, words[6]),
            bucket(buckets, words[7]),
        ];
        let mut pending = u64::from_le_bytes(hits);
        while pending != 0 {
            let offset = (pending.trailing_zeros() / 8) as usize;
            pending &= !(0xff << (offset * 8));
            if let (Some(word), Some(hit)) = (words.get(offset), hits.get(offset)) {
                report(table, at + offset, *word, *hit, met);
            }
        }
        current = next;
        at += 8;
    }
    let last = text.get(text.len() - rest.len() - 8..).unwrap_or_default();
    search_rest(table, last, at, met);
}

const WIDE_FOLD: u64 = 0x2020_2020_2020_2020;

// The cuts are what is wanted: each word is four of the sixteen bytes.
#[allow(clippy::cast_possible_truncation)]
#[inline]
fn words_of(current: u64, next: u64) -> [u32; 8] {
    let middle = (current >> 32) | (next << 32);
    [
        current as u32,
        (current >> 8) as u32,
        (current >> 16) as u32,
        (current >> 24) as u32,
        middle as u32,
        (middle >> 8) as u32,
        (middle >> 16) as u32,
        (middle >> 24) as u32,
    ]
}

#[inline]
fn bucket(buckets: &[u8; 1 << BITS], word: u32) -> u8 {
    buckets.get(hash(word)).copied().unwrap_or(0)
}

fn search_rest(table: &Table, rest: &[u8], at: usize, met: &mut dyn FnMut(usize, Rule)) {
    for (offset, four) in rest.windows(ANCHOR).enumerate() {
        let word = four
            .first_chunk()
            .map_or(0, |bytes| u32::from_le_bytes(*bytes))
            | FOLD;
        let hit = table.first.get(hash(word)).copied().unwrap_or(0);
        report(table, at + offset, word, hit, met);
    }
}

fn report(table: &Table, at: usize, word: u32, hit: u8, met: &mut dyn FnMut(usize, Rule)) {
    let mut next = Some(hit).filter(|hit| *hit != 0);
    while let Some(number) = next {
        let Some((known, rule, following)) = table.anchors.get(usize::from(number) - 1) else {
            return;
        };
        if *known == word {
            met(at, *rule);
        }
        next = *following;
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
