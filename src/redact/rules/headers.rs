//! Credentials of HTTP requests (RFC 9110, section 11; RFC 6265).

use std::ops::Range;

use super::{
    assignment::{Named, Value},
    blocks, byte_before, line_end, run, starts_with, values,
};

/// Schemes whose credentials are one word.
const ONE_WORD: &[&str] = &[
    "basic",
    "bearer",
    "token",
    "negotiate",
    "ntlm",
    "apikey",
    "splunk",
    "key",
    "jwt",
    "ssws",
    "kerberos",
    "dpop",
    "privatetoken",
];

/// Schemes whose credentials are a list.
const LISTS: &[&str] = &[
    "digest",
    "aws4-hmac-sha256",
    "hawk",
    "oauth",
    "mac",
    "signature",
    "scram-sha-256",
    "sharedkey",
    "sharedaccesssignature",
    "aws",
];

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"'`,;<>\\".contains(&byte)
}

/// The credentials of a header `Authorization`.
pub(super) fn authorization(text: &[u8], value: &Value, named: &Named) -> Option<Range<usize>> {
    let end = value.quote_or_line_end(text);
    let line = value.start..end.max(value.start);
    let words: Vec<Range<usize>> = words_of(text, line.clone()).collect();
    let (first, second) = (words.first()?.clone(), words.get(1).cloned());
    let word = text.get(first.clone())?;
    let end = line.end - trailing(text, line.clone());
    if is_one_of(word, LISTS) {
        return Some(second?.start..end);
    }
    if is_one_of(word, ONE_WORD)
        && let Some(second) = second.clone()
    {
        if values::is_harmless(text.get(second.clone())?) && words.len() > 2 {
            return None;
        }
        let token = token_end(text, second.start);
        return Some(
            second.start..if value.is_quoted() {
                end.max(token)
            } else {
                token
            },
        );
    }
    // A scheme that nobody has heard of, or none.
    if value.is_quoted() || named.is_first {
        let content = text.get(line.start..end)?;
        return (!values::is_harmless(content) && words.len() <= 4).then_some(line.start..end);
    }
    if values::looks_random(word) {
        return Some(line.start..token_end(text, line.start));
    }
    let second = second?;
    let is_token = values::looks_random(text.get(second.clone())?) && second.len() >= 16;
    is_token.then(|| second.start..token_end(text, second.start))
}

/// The value of a header `Cookie` or `Set-Cookie`.
pub(super) fn cookie(text: &[u8], value: &Value) -> Option<Range<usize>> {
    let end = value.quote_or_line_end(text);
    let content = text.get(value.start..end)?;
    (content.contains(&b'=') && !content.starts_with(b"[redacted")).then_some(value.start..end)
}

/// The same range, and the word after it where it is only the scheme.
pub(super) fn with_scheme(text: &[u8], range: Range<usize>) -> Range<usize> {
    let is_scheme = text
        .get(range.clone())
        .is_some_and(|word| is_one_of(word, ONE_WORD));
    if !is_scheme {
        return range;
    }
    let blanks = run(text, range.end, 4, |byte| b" \t".contains(&byte));
    let next = range.end + blanks;
    let end = token_end(text, next);
    if blanks > 0 && end > next {
        next..end
    } else {
        range
    }
}

/// `Bearer TOKEN`, wherever it stands.
pub(super) fn bearer(text: &[u8], at: usize) -> Option<Range<usize>> {
    let range = after_scheme(text, at, b"bearer")?;
    let token = text.get(range.clone())?;
    let is_random = token.len() >= 16 || token.iter().any(u8::is_ascii_digit) && token.len() >= 8;
    (is_random && values::looks_random(token) && !values::is_harmless(token)).then_some(range)
}

/// `Basic` and the base64 of a login, wherever it stands.
pub(super) fn basic(text: &[u8], at: usize) -> Option<Range<usize>> {
    let range = after_scheme(text, at, b"basic")?;
    let encoded = text.get(range.clone())?;
    let solid: Vec<u8> = encoded
        .iter()
        .copied()
        .filter(|byte| *byte != b'=')
        .collect();
    let decoded = blocks::decode(&solid);
    let is_login = encoded.len() >= 8
        && decoded.contains(&b':')
        && decoded
            .iter()
            .all(|byte| byte.is_ascii_graphic() || *byte == b' ' || *byte >= 0x80);
    is_login.then_some(range)
}

fn after_scheme(text: &[u8], at: usize, scheme: &[u8]) -> Option<Range<usize>> {
    let found = text.get(at..at + scheme.len())?;
    if !found.eq_ignore_ascii_case(scheme)
        || byte_before(text, at).is_some_and(|byte| byte.is_ascii_alphanumeric())
    {
        return None;
    }
    let after = at + scheme.len();
    let blanks = run(text, after, 5, |byte| b" \t:=\"".contains(&byte));
    // In a query the blank is encoded.
    let blanks =
        if blanks == 0 && (starts_with(text, after, b"%20") || starts_with(text, after, b"+")) {
            run(text, after, 3, |byte| b"%20+".contains(&byte))
        } else {
            blanks
        };
    let start = after + blanks;
    let end = token_end(text, start);
    (blanks > 0 && end > start).then_some(start..end)
}

fn token_end(text: &[u8], start: usize) -> usize {
    let end = start + run(text, start, 8_192, is_of_token);
    let mut end = end.min(line_end(text, start));
    while end > start
        && text
            .get(end - 1)
            .is_some_and(|byte| b").]}:&".contains(byte))
    {
        end -= 1;
    }
    end
}

fn words_of(text: &[u8], line: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = line.start;
    std::iter::from_fn(move || {
        at += run(text, at, line.end - at, |byte| byte.is_ascii_whitespace());
        let length = run(text, at, line.end.checked_sub(at)?, |byte| {
            !byte.is_ascii_whitespace()
        });
        let word = at..at + length;
        at += length;
        (length > 0).then_some(word)
    })
}

/// How many blanks and quotes stand at the end of a line.
fn trailing(text: &[u8], line: Range<usize>) -> usize {
    text.get(line).map_or(0, |line| {
        line.iter()
            .rev()
            .take_while(|byte| b" \t\"'".contains(byte))
            .count()
    })
}
