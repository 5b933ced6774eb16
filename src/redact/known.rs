//! Secrets that were met, found again in any spelling, whole or in a telling part, also where a line break was put into them.

use std::{ops::Range, sync::Arc};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::{
    grams::{Grams, Place, SHORTEST_FOUND},
    seams, spellings,
};

/// Of a spelling that reads like noise, a part of this length is no accident.
const SHORTEST_PART: usize = 16;

/// A spelling shorter than this is found whole or not at all.
const SHORTEST_PARTED: usize = 24;

/// Longer secrets are known by pieces of this length, so that none is longer than what a stream looks ahead.
const LONGEST_PIECE: usize = 2_000;

/// All secrets that were met.
#[derive(Debug, Default)]
pub(super) struct KnownSecrets {
    secrets: Vec<Arc<str>>,
    forms: Vec<Form>,
    grams: Grams,
    /// The forms that are too short to hold a gram for sure.
    short: Option<AhoCorasick>,
    short_forms: Vec<Form>,
}

#[derive(Clone, Debug)]
struct Form {
    text: Vec<u8>,
    secret: usize,
    begins_inside: bool,
    ends_inside: bool,
    /// Whether a part of it is a secret too: it is noise, and no sentence whose words stand elsewhere as well.
    is_noise: bool,
}

/// Where a known secret stands, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) range: Range<usize>,
    pub(super) secret: usize,
}

impl KnownSecrets {
    /// Everything that finds these secrets again.
    pub(super) fn of(secrets: &[Arc<str>]) -> Self {
        let mut long = Vec::new();
        let mut short = Vec::new();
        for (number, secret) in secrets.iter().enumerate() {
            for piece in pieces(secret) {
                for spelling in spellings::of(piece) {
                    let form = Form {
                        is_noise: is_noise(&spelling.text),
                        text: spelling.text,
                        secret: number,
                        begins_inside: spelling.begins_inside,
                        ends_inside: spelling.ends_inside,
                    };
                    if form.text.len() >= SHORTEST_FOUND {
                        long.push(form);
                    } else {
                        short.push(form);
                    }
                }
            }
        }
        long.sort_by(|one, other| (&one.text, one.secret).cmp(&(&other.text, other.secret)));
        long.dedup_by(|one, other| one.text == other.text);
        short.sort_by(|one, other| (&one.text, one.secret).cmp(&(&other.text, other.secret)));
        short.dedup_by(|one, other| one.text == other.text);
        let finder = (!short.is_empty()).then(|| {
            AhoCorasick::builder()
                // A DFA takes quadratic time to build for secrets that repeat themselves.
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .match_kind(MatchKind::LeftmostLongest)
                .build(short.iter().map(|form| &form.text))
        });
        Self {
            secrets: secrets.to_vec(),
            grams: Grams::of(long.iter().map(|form| form.text.as_slice())),
            forms: long,
            short: finder.and_then(Result::ok),
            short_forms: short,
        }
    }

    /// The secret of this number.
    pub(super) fn secret(&self, number: usize) -> Option<&Arc<str>> {
        self.secrets.get(number)
    }

    /// Every place where a secret stands.
    pub(super) fn search(&self, text: &[u8], found: &mut Vec<Sighting>) {
        if self.secrets.is_empty() {
            return;
        }
        self.search_unbroken(text, found);
        seams::search(text, &mut |joined, places| {
            let mut across = Vec::new();
            self.search_unbroken(joined, &mut across);
            for sighting in across {
                for range in places(sighting.range.clone()) {
                    found.push(Sighting {
                        range,
                        secret: sighting.secret,
                    });
                }
            }
        });
    }

    fn search_unbroken(&self, text: &[u8], found: &mut Vec<Sighting>) {
        self.grams.search(text, |at, places| {
            let longest = places
                .iter()
                .filter_map(|place| self.around(text, at, *place))
                .max_by_key(|sighting| sighting.range.len());
            longest.map_or(0, |sighting| {
                let end = sighting.range.end;
                found.push(sighting);
                end
            })
        });
        if let Some(short) = &self.short {
            for hit in short.find_iter(text) {
                if let Some(form) = self.short_forms.get(hit.pattern().as_usize()) {
                    found.push(Sighting {
                        range: form.widened(text, hit.range()),
                        secret: form.secret,
                    });
                }
            }
        }
    }

    /// The form that has this gram, as far as the text goes on like it to both sides.
    fn around(&self, text: &[u8], at: usize, place: Place) -> Option<Sighting> {
        let form = self.forms.get(usize::try_from(place.text).ok()?)?;
        let offset = usize::try_from(place.offset).ok()?;
        let before = common(
            text.get(..at)?.iter().rev(),
            form.text.get(..offset)?.iter().rev(),
        );
        let after = common(text.get(at..)?.iter(), form.text.get(offset..)?.iter());
        let range = at - before..at + after;
        let is_whole = range.len() == form.text.len();
        let is_part = form.is_noise && range.len() >= SHORTEST_PART;
        if !(is_whole || is_part) {
            return None;
        }
        Some(Sighting {
            range: if is_whole {
                form.widened(text, range)
            } else {
                range
            },
            secret: form.secret,
        })
    }
}

impl Form {
    /// The range and the characters beside it that hold bits of the secret too.
    fn widened(&self, text: &[u8], range: Range<usize>) -> Range<usize> {
        let is_digit = |byte: Option<&u8>| {
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte))
        };
        let mut wide = range;
        if self.begins_inside && wide.start > 0 && is_digit(text.get(wide.start - 1)) {
            wide.start -= 1;
        }
        if self.ends_inside && is_digit(text.get(wide.end)) {
            wide.end += 1;
        }
        wide
    }
}

fn common<'a>(one: impl Iterator<Item = &'a u8>, other: impl Iterator<Item = &'a u8>) -> usize {
    one.zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

fn pieces(secret: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = secret;
    while rest.len() > LONGEST_PIECE {
        let cut = (0..=LONGEST_PIECE)
            .rev()
            .find(|cut| rest.is_char_boundary(*cut))
            .unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(cut);
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}

/// Whether a text is a long run of mixed letters and digits without a word's gap in it.
fn is_noise(text: &[u8]) -> bool {
    if text.len() < SHORTEST_PARTED {
        return false;
    }
    let count = |kind: fn(&u8) -> bool| text.iter().filter(|byte| kind(byte)).count();
    let is_dense = text
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_%\\.~".contains(byte));
    let upper = count(u8::is_ascii_uppercase);
    let lower = count(u8::is_ascii_lowercase);
    let digits = count(u8::is_ascii_digit);
    let kinds = [upper, lower, digits]
        .iter()
        .filter(|count| **count * 20 >= text.len())
        .count();
    // A date, a version or a dotted name is dense as well, and no noise.
    let plain = upper + lower + digits;
    is_dense && kinds >= 2 && plain * 10 >= text.len() * 9
}
