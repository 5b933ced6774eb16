//! Places where a line break may have been put into a secret: what encodes in base64 or hex folds its lines.

use std::ops::Range;

use memchr::memmem;

use super::kind::Kind;

/// So much of each side is put together; a secret that reaches further is found by its parts.
const SIDE: usize = 512;

/// A line that ends or begins with less than this was not folded.
const SHORTEST_SIDE: usize = 6;

/// How a text that was put together goes back to where its two sides stand.
type Places<'a> = &'a dyn Fn(Range<usize>) -> Vec<Range<usize>>;

/// Calls `look` with both sides of every break that may be a fold, put together, and with what tells where a find in it stands.
pub(super) fn search(text: &[u8], look: &mut dyn FnMut(&[u8], Places<'_>)) {
    let mut joined = Vec::new();
    let breaks = memchr::memchr_iter(b'\n', text)
        .map(|at| at..at + 1)
        .chain(memmem::find_iter(text, br"\n").map(|at| at..at + 2));
    for gap in breaks {
        let (Some(before), Some(after)) = (text.get(..gap.start), text.get(gap.end..)) else {
            continue;
        };
        // Most lines of a log begin with a short word, which is seen soonest.
        let indentation = after
            .iter()
            .take_while(|byte| b" \t>#\"'".contains(byte))
            .count();
        let right_start = gap.end + indentation;
        let right = solid_start(text.get(right_start..).unwrap_or_default());
        if right.len() < SHORTEST_SIDE {
            continue;
        }
        let before = without_line_end(before);
        let left = solid_end(before);
        if left.len() < SHORTEST_SIDE || !(is_folded(left) || is_folded(right)) {
            continue;
        }
        joined.clear();
        joined.extend_from_slice(left);
        joined.extend_from_slice(right);
        let seam = left.len();
        let left_start = before.len() - seam;
        look(&joined, &|found| {
            if found.start >= seam || found.end <= seam {
                // It lies on one side, where it is found anyway.
                return Vec::new();
            }
            vec![
                left_start + found.start..left_start + seam,
                right_start..right_start + (found.end - seam),
            ]
        });
    }
}

/// Without `\r`, a shell's or a program's mark that the line goes on, and a quote before that.
fn without_line_end(before: &[u8]) -> &[u8] {
    let mut end = before;
    while let Some((b'\r' | b'\\' | b'"' | b'\'' | b' ' | b'=', rest)) = end.split_last()
        && before.len() - end.len() < 4
    {
        // A `=` at the end of a line folds it in quoted-printable, but pads base64.
        if end.ends_with(b"=") && rest.ends_with(b"=") {
            break;
        }
        end = rest;
    }
    end
}

/// Neither the end of a sentence nor the start of a dated line looks so: noise has digits among letters.
fn is_folded(side: &[u8]) -> bool {
    let digits = side.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = side
        .iter()
        .filter(|byte| byte.is_ascii_alphabetic())
        .count();
    (digits > 0 && letters > 1) || side.len() >= 32
}

static SOLID: Kind = Kind::letters_digits_and(b"+/=-_%.~!$&*");

fn solid_end(text: &[u8]) -> &[u8] {
    let length = text
        .iter()
        .rev()
        .take(SIDE)
        .take_while(|byte| SOLID.has(**byte))
        .count();
    text.get(text.len() - length..).unwrap_or_default()
}

fn solid_start(text: &[u8]) -> &[u8] {
    let length = text
        .iter()
        .take(SIDE)
        .take_while(|byte| SOLID.has(**byte))
        .count();
    text.get(..length).unwrap_or_default()
}
