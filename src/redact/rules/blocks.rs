//! Private keys and licenses in their armour (RFC 7468), however a log or a document breaks or escapes its lines.

use std::ops::Range;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use memchr::memmem;

use super::{REACH, is_base64, run, starts_with};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// No label of RFC 7468 and its like is longer.
const LONGEST_LABEL: usize = 64;

/// A line of a body has 64 characters but for the last; shorter words are a log's.
const SHORTEST_LINE: usize = 24;

fn is_secret_label(label: &[u8]) -> bool {
    memmem::find(label, b"PRIVATE KEY").is_some() || memmem::find(label, b"SESAM LICENSE").is_some()
}

/// The block whose `BEGIN` is at the anchor, with its armour.
pub(super) fn pem(text: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at.checked_sub(DASHES.len())?;
    if !starts_with(text, start, BEGIN) {
        return None;
    }
    let label_start = start + BEGIN.len();
    let window = text.get(label_start..(label_start + LONGEST_LABEL).min(text.len()))?;
    let label = window.get(..memmem::find(window, DASHES)?)?;
    if !is_secret_label(label) {
        return None;
    }
    let body = label_start + label.len() + DASHES.len();
    let reach = text.get(body..(body + REACH).min(text.len()))?;
    // The next block's begin is where this one was cut off.
    let next = memmem::find(reach, BEGIN).unwrap_or(reach.len());
    let end = match reach.get(..next).and_then(|own| memmem::find(own, END)) {
        Some(end) => {
            let tail = reach.get(end + END.len()..)?;
            let label = memmem::find(tail.get(..LONGEST_LABEL.min(tail.len()))?, DASHES)?;
            body + end + END.len() + label + DASHES.len()
        }
        None => body + unterminated(reach.get(..next)?),
    };
    Some(start..end)
}

/// How far a body goes that has no end: as long as lines end in what a body is made of.
fn unterminated(body: &[u8]) -> usize {
    let mut end = 0;
    let mut rest = body;
    while !rest.is_empty() {
        let (line, gap) = next_line(rest);
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let is_alone = words.clone().count() == 1;
        let is_body = match words.next_back() {
            None => true,
            Some(last) => {
                let solid = run(last, 0, last.len(), |byte| is_base64(byte) || byte == b'=');
                let is_header = line.starts_with(b"Proc-Type:") || line.starts_with(b"DEK-Info:");
                is_header
                    || solid >= SHORTEST_LINE
                    || (is_alone && solid > 0 && solid + 2 >= last.len())
            }
        };
        if !is_body {
            break;
        }
        if !line.is_empty() {
            end = body.len() - rest.len() + line.len();
        }
        rest = rest.get(line.len() + gap..).unwrap_or_default();
    }
    end
}

/// A line, and how long the break after it is: the character itself or its escape.
fn next_line(text: &[u8]) -> (&[u8], usize) {
    let real = memchr::memchr(b'\n', text);
    let escaped = memmem::find(text, br"\n");
    match (real, escaped) {
        (Some(real), Some(escaped)) if escaped < real => (text.get(..escaped).unwrap_or(text), 2),
        (None, Some(escaped)) => (text.get(..escaped).unwrap_or(text), 2),
        (Some(real), _) => (text.get(..real).unwrap_or(text), 1),
        (None, None) => (text, 0),
    }
}

/// `-----BEGIN ` in base64, as far as what follows does not change it.
const BEGIN_IN_BASE64: &[u8] = b"LS0tLS1CRUdJTi";

/// The whole base64 text at the anchor, where it is that of a secret block.
pub(super) fn pem_in_base64(text: &[u8], at: usize) -> Option<Range<usize>> {
    if !starts_with(text, at, BEGIN_IN_BASE64) {
        return None;
    }
    let end = folded_end(text, at);
    let start = text.get(at..end.min(at + 96))?;
    let solid: Vec<u8> = start
        .iter()
        .copied()
        .filter(|byte| is_base64(*byte))
        .collect();
    let decoded = decode(&solid);
    is_secret_label(&decoded).then_some(at..end)
}

/// Where a run of base64 ends that may be folded into lines.
pub(super) fn folded_end(text: &[u8], at: usize) -> usize {
    const SHORTEST_FOLD: usize = 40;
    let mut end = at;
    loop {
        let length = run(text, end, REACH, is_base64);
        end += length;
        end += run(text, end, 2, |byte| byte == b'=');
        if length < SHORTEST_FOLD || end - at > REACH {
            return end;
        }
        let gap = match text.get(end..) {
            Some([b'\r', b'\n', ..] | [b'\\', b'n', ..]) => 2,
            Some([b'\n', ..]) => 1,
            _ => return end,
        };
        let next = end + gap + run(text, end + gap, 64, |byte| b" \t".contains(&byte));
        let following = run(text, next, REACH, is_base64);
        let is_whole_line = text
            .get(next + following)
            .is_none_or(|byte| b"=\r\n\\\"'".contains(byte));
        if following == 0 || !is_whole_line {
            return end;
        }
        end = next;
    }
}

/// What base64 of either alphabet holds, as far as it is whole.
pub(super) fn decode(solid: &[u8]) -> Vec<u8> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let standard: Vec<u8> = solid
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    let whole = standard.get(..standard.len() / 4 * 4).unwrap_or_default();
    LENIENT.decode(whole).unwrap_or_default()
}
