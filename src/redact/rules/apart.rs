//! Values that stand apart from their name: in the member, attribute or argument beside it, in the line below, or a word further.

use std::ops::Range;

use memchr::memmem;

use super::{
    assignment::{Named, Value},
    byte_before, line_end,
    names::Promise,
    run, run_before, starts_with, values,
};

/// Between a name and its value there is no more than an indentation.
const LONGEST_GAP: usize = 80;

/// Attributes of an element before its content.
const LONGEST_ATTRIBUTES: usize = 256;

/// Whether what follows a name can be on the way to its value: a quick look.
pub(super) fn may_be(text: &[u8], at: usize, name_end: usize) -> bool {
    let Some(rest) = text.get(name_end..) else {
        return false;
    };
    match rest {
        [b' ', b'"' | b'\'' | b'\\', ..]
        | [b' ', b'i', b's', b' ' | b':', ..]
        | [b'%', b'3', ..]
        | [b'&', b'q', ..] => true,
        [b' ', ..] => is_in_element(text, at),
        [b'"' | b'\'' | b'\\' | b'\n' | b'\r', ..] => {
            let between = run(rest, 0, LONGEST_GAP, |byte| {
                is_quote(byte) || b" \t\r\n,".contains(&byte)
            });
            matches!(rest.get(between), Some(b'v' | b'V' | b'-'))
        }
        _ => false,
    }
}

/// Whether the name is an element's, with or without a prefix.
fn is_in_element(text: &[u8], at: usize) -> bool {
    let before = run_before(text, at, 48, |byte| {
        byte.is_ascii_alphanumeric() || b":_-.".contains(&byte)
    });
    byte_before(text, at - before) == Some(b'<')
}

/// The secret that belongs to the name, where it does not follow it.
pub(super) fn value(text: &[u8], named: &Named, promise: Promise) -> Option<Range<usize>> {
    if !matches!(promise, Promise::Password | Promise::Secret) {
        return None;
    }
    let range = member(text, named)
        .or_else(|| next_argument(text, named))
        .or_else(|| encoded(text, named))
        .or_else(|| element(text, named))
        .or_else(|| match promise {
            Promise::Password => quoted(text, named).or_else(|| told(text, named)),
            _ => None,
        })?;
    let content = text.get(range.clone())?;
    (!values::is_harmless(content)).then_some(range)
}

fn is_quote(byte: u8) -> bool {
    b"\\\"'".contains(&byte)
}

/// `"name": "password", "value": "x"` of JSON, YAML and XML.
fn member(text: &[u8], named: &Named) -> Option<Range<usize>> {
    let mut at = named.range.end;
    at += run(text, at, 8, is_quote);
    let gap = run(text, at, LONGEST_GAP, |byte| b" \t\r\n,".contains(&byte));
    let is_below = text.get(at..at + gap)?.contains(&b'\n');
    at += gap;
    at += run(text, at, 8, is_quote);
    let is_value = gap > 0 && text.get(at..at + 5)?.eq_ignore_ascii_case(b"value");
    if !is_value {
        return None;
    }
    at += 5;
    at += run(text, at, 8, is_quote);
    at += run(text, at, 8, |byte| byte == b' ');
    let separator = *text.get(at).filter(|byte| b":=".contains(byte))?;
    at += 1;
    at += run(text, at, 8, |byte| byte == b' ');
    Value::standing(text, at, separator, is_below).extent(text)
}

/// `- --password` and `- x` in the line below, as YAML lists arguments.
fn next_argument(text: &[u8], named: &Named) -> Option<Range<usize>> {
    if !named.is_flag() {
        return None;
    }
    let mut at = named.range.end;
    at += run(text, at, 2, is_quote);
    let blanks = run(text, at, LONGEST_GAP, |byte| b" \t\r\n".contains(&byte));
    let is_below = text.get(at..at + blanks)?.contains(&b'\n');
    at += blanks;
    if !is_below || !starts_with(text, at, b"- ") || starts_with(text, at, b"- -") {
        return None;
    }
    Value::standing(text, at + 2, b' ', true).extent(text)
}

/// In the spelling of queries and of HTML: `password%3Dx`, `&quot;password&quot;:&quot;x&quot;`.
fn encoded(text: &[u8], named: &Named) -> Option<Range<usize>> {
    const QUOTE: &[u8] = b"&quot;";
    let at = named.range.end;
    let rest = text.get(at..)?;
    if rest.get(..3)?.eq_ignore_ascii_case(b"%3d") {
        let start = at + 3;
        let length = run(text, start, 512, |byte| {
            byte.is_ascii_alphanumeric() || b"-._~!*'()+%".contains(&byte)
        });
        let value = text.get(start..start + length)?;
        let end = memmem::find(value, b"%26").unwrap_or(length);
        return (end > 0).then_some(start..start + end);
    }
    let after = rest.strip_prefix(QUOTE)?.trim_ascii_start();
    let after = after
        .strip_prefix(b":")
        .or_else(|| after.strip_prefix(b"="))?;
    let value = after.trim_ascii_start().strip_prefix(QUOTE)?;
    let start = text.len() - value.len();
    let length = run(text, start, 512, |byte| !b"&<\n".contains(&byte));
    (length > 0).then_some(start..start + length)
}

/// The content of an element with attributes: `<Password type="x">secret</Password>`.
fn element(text: &[u8], named: &Named) -> Option<Range<usize>> {
    if text.get(named.range.end) != Some(&b' ') || !is_in_element(text, named.range.start) {
        return None;
    }
    let attributes = run(text, named.range.end, LONGEST_ATTRIBUTES, |byte| {
        byte != b'>' && byte != b'<'
    });
    let close = named.range.end + attributes;
    if text.get(close) != Some(&b'>') || byte_before(text, close) == Some(b'/') {
        return None;
    }
    Value::standing(text, close + 1, b'>', false).extent(text)
}

/// `password 'x'`, as statements and messages have it.
fn quoted(text: &[u8], named: &Named) -> Option<Range<usize>> {
    let at = named.range.end + 1;
    let slashes = run(text, at, 4, |byte| byte == b'\\');
    let opens = matches!(text.get(at + slashes), Some(b'"' | b'\''));
    let follows = text.get(named.range.end) == Some(&b' ');
    if !follows || !opens || !named.quote.is_empty() {
        return None;
    }
    let range = Value::standing(text, at, b' ', false).extent(text)?;
    (range.end < line_end(text, at)).then_some(range)
}

/// `the password is x`, and what a database says when it is installed.
fn told(text: &[u8], named: &Named) -> Option<Range<usize>> {
    const GENERATED: &[u8] = b" is generated for ";
    let line = named.range.end..line_end(text, named.range.end);
    let rest = text.get(line.clone())?;
    if rest.starts_with(b" is: ") {
        return Some(line.start + 5..line.end);
    }
    let is_generated = rest.starts_with(GENERATED);
    let before = if is_generated {
        memmem::find(rest, b": ")? + 2
    } else {
        rest.starts_with(b" is ").then_some(4)?
    };
    let start = line.start + before;
    let length = run(text, start, 512, |byte| !byte.is_ascii_whitespace());
    let word = text.get(start..start + length)?;
    (is_generated || values::is_mixed(word)).then_some(start..start + length)
}
