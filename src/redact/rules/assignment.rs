//! A value under a name that promises a secret: `.env`, YAML, JSON, properties, command lines, headers, queries, XML.

use std::ops::Range;

use memchr::memmem;

use super::Kind;
use super::{
    apart, byte_before, headers, line_end, line_start,
    names::{self, Promise},
    run, run_before, starts_with, values,
};

const LONGEST_NAME: usize = 96;

/// Longer values are cut where a line ends.
const LONGEST_VALUE: usize = 8_192;

static OF_NAMES: Kind = Kind::letters_digits_and(b"_.-");

fn is_of_name(byte: u8) -> bool {
    OF_NAMES.has(byte)
}

/// Where and how a name stands.
pub(super) struct Named {
    /// The name itself.
    pub(super) range: Range<usize>,
    /// The quote before it, with the backslashes that escape it.
    pub(super) quote: Range<usize>,
    /// Whether only blanks, `- `, `export ` and their like stand before it in its line.
    pub(super) is_first: bool,
    /// Whether a `#` stands before it.
    is_remark: bool,
    /// Whether it is a flag of a command line.
    is_flag: bool,
}

impl Named {
    /// Whether it is a flag of a command line.
    pub(super) fn is_flag(&self) -> bool {
        self.is_flag
    }
}

/// The secret that belongs to the name around the anchor.
pub(super) fn at(text: &[u8], at: usize) -> Option<Range<usize>> {
    let end = at + run(text, at, LONGEST_NAME, is_of_name);
    let (may_assign, may_be_apart) = (may_assign(text, at, end), apart::may_be(text, at, end));
    if !may_assign && !may_be_apart {
        return None;
    }
    let named = name_around(text, at)?;
    let promise = names::promise(text.get(named.range.clone())?)?;
    let assigned = may_assign
        .then(|| assigned(text, &named, promise))
        .flatten();
    assigned.or_else(|| {
        may_be_apart
            .then(|| apart::value(text, &named, promise))
            .flatten()
    })
}

fn assigned(text: &[u8], named: &Named, promise: Promise) -> Option<Range<usize>> {
    let value = value_of(text, named)?;
    if is_path(text, named, &value) {
        return None;
    }
    let (range, closing) = match promise {
        Promise::Authorization => return headers::authorization(text, &value, named),
        Promise::Cookie => return headers::cookie(text, &value),
        Promise::Login => {
            let range = value.extent(text)?;
            let is_login = value.is_quoted() && range.len() >= 8 && range.len() < LONGEST_VALUE
                || value.separator == b'=' && values::looks_random(text.get(range.clone())?);
            return (is_login && !values::is_harmless(text.get(range.clone())?)).then_some(range);
        }
        Promise::Password | Promise::Secret => (value.extent(text)?, value.is_quoted()),
    };
    let range = without_kind(text, headers::with_scheme(text, range), named);
    let content = text.get(range.clone())?;
    if values::is_harmless(content) || is_quantity(promise, text, named, content) {
        return None;
    }
    let name = text.get(named.range.clone())?;
    // Who gives a secret its line may have chosen words for it.
    let may_be_words = named.is_first && !named.is_remark && names::ends_in_secret(name);
    let is_prose = promise == Promise::Secret
        && value.separator == b':'
        && !closing
        && !may_be_words
        && values::is_sentence(content);
    if is_prose || value.is_spaced && values::is_code(content) {
        return None;
    }
    // In the middle of a sentence a colon explains as often as it assigns.
    let is_sentence = value.separator == b':' && !named.is_first && !closing;
    let is_like_one = || {
        values::looks_random(content)
            // `--pass:#176b33` is a colour of a style sheet.
            || !named.is_flag
                && name.eq_ignore_ascii_case(b"pass")
                && values::is_mixed(content)
    };
    if is_sentence && promise != Promise::Password && !is_like_one() {
        return None;
    }
    let is_directory = content.starts_with(b"/") && name.eq_ignore_ascii_case(b"pwd");
    (!is_directory).then_some(range)
}

/// OpenSSL's `-passin` and `-passout` say first where the password is.
fn without_kind(text: &[u8], range: Range<usize>, named: &Named) -> Range<usize> {
    const KIND: &[u8] = b"pass:";
    if named.is_flag && starts_with(text, range.start, KIND) && range.len() > KIND.len() {
        range.start + KIND.len()..range.end
    } else {
        range
    }
}

/// Whether the name ends a path of which a message speaks, with or without the line in it: `/etc/passwd:3: no user`.
fn is_path(text: &[u8], named: &Named, value: &Value) -> bool {
    let after = text.get(named.range.end + 1..).unwrap_or_default();
    let digits = run(after, 0, 8, |byte| byte.is_ascii_digit());
    let path = run_before(text, named.range.start, LONGEST_NAME, |byte| {
        is_of_name(byte) || byte == b'/'
    });
    value.separator == b':'
        && byte_before(text, named.range.start) == Some(b'/')
        && matches!(text.get(named.range.start - path), Some(b'/' | b'.'))
        && matches!(after.get(digits), None | Some(b' ' | b':' | b'\n'))
}

/// Whether what is assigned counts tokens, or tests that passed.
fn is_quantity(promise: Promise, text: &[u8], named: &Named, value: &[u8]) -> bool {
    let name = text.get(named.range.clone()).unwrap_or_default();
    let end = value.iter().position(u8::is_ascii_whitespace);
    let value = value.get(..end.unwrap_or(value.len())).unwrap_or(value);
    let is_number = value
        .iter()
        .all(|byte| byte.is_ascii_digit() || b".,".contains(byte));
    let is_bare_pass = name.eq_ignore_ascii_case(b"pass");
    promise == Promise::Secret && is_number && (value.len() <= 12 || is_bare_pass)
}

/// Whether something that assigns follows the word, which most words in a log do not have: a quick look.
fn may_assign(text: &[u8], at: usize, name: usize) -> bool {
    let quotes = run(text, name, 9, |byte| b"\\\"'`".contains(&byte));
    let after = name + quotes;
    match text.get(after) {
        Some(b'=' | b':' | b'>' | b',') => true,
        Some(b' ' | b'\t') => {
            let blanks = run(text, after, 17, |byte| b" \t".contains(&byte));
            let is_flag = || {
                let before = run_before(text, at, LONGEST_NAME, is_of_name);
                text.get(at - before..at + 1)
                    .is_some_and(|name| name.starts_with(b"-"))
            };
            matches!(text.get(after + blanks), Some(b'=' | b':' | b',')) || is_flag()
        }
        _ => false,
    }
}

fn name_around(text: &[u8], at: usize) -> Option<Named> {
    let before = run_before(text, at, LONGEST_NAME, is_of_name);
    let after = run(text, at, LONGEST_NAME, is_of_name);
    let mut range = at - before..at + after;
    let mut dashes = 0;
    while range.start < range.end && text.get(range.start) == Some(&b'-') {
        range.start += 1;
        dashes += 1;
    }
    while range.end > range.start
        && text
            .get(range.end - 1)
            .is_some_and(|byte| b".-".contains(byte))
    {
        range.end -= 1;
    }
    if range.is_empty() || range.end <= at.saturating_sub(4) {
        return None;
    }
    let outer = range.start - dashes;
    let quote = match byte_before(text, outer) {
        Some(b'"' | b'\'') => {
            let slashes = run_before(text, outer - 1, 8, |byte| byte == b'\\');
            outer - 1 - slashes..outer
        }
        _ => outer..outer,
    };
    let line_start =
        quote.start - run_before(text, quote.start, LONGEST_NAME, |byte| byte != b'\n');
    let lead = text.get(line_start..quote.start)?;
    let lead = lead.trim_ascii_start();
    let is_first = lead.iter().all(|byte| b" \t-+~#?,{".contains(byte))
        || lead.trim_ascii_end() == b"export"
        || lead.trim_ascii_end() == b"set"
        || lead.trim_ascii_end() == b"ENV";
    let is_flag = dashes > 0
        && quote
            .start
            .checked_sub(1)
            .and_then(|before| text.get(before))
            .is_none_or(|byte| !is_of_name(*byte));
    Some(Named {
        range,
        quote,
        is_first,
        is_remark: lead.starts_with(b"#"),
        is_flag,
    })
}

/// Where a value stands, and what ends it.
pub(super) struct Value {
    /// Where it begins.
    pub(super) start: usize,
    /// `=`, `:`, `>` or a blank.
    separator: u8,
    /// What closes it, where a quote opened it or the name with it.
    closing: Option<Vec<u8>>,
    /// Whether it has its line to itself.
    is_line: bool,
    /// Whether a blank stands before its `=`, as in source code.
    is_spaced: bool,
    /// What stands before the name in its line, for YAML's blocks.
    lead: Range<usize>,
}

impl Value {
    /// One that stands at a place of its own, quoted or not.
    pub(super) fn standing(text: &[u8], at: usize, separator: u8, is_line: bool) -> Self {
        let slashes = run(text, at, 8, |byte| byte == b'\\');
        let is_quoted = matches!(text.get(at + slashes), Some(b'"' | b'\'' | b'`'));
        let start = if is_quoted { at + slashes + 1 } else { at };
        Self {
            start,
            separator,
            closing: is_quoted
                .then(|| text.get(at..start).map(<[u8]>::to_vec))
                .flatten(),
            is_line,
            is_spaced: false,
            lead: at..at,
        }
    }

    /// Whether a quote tells where it ends.
    pub(super) fn is_quoted(&self) -> bool {
        self.closing.is_some()
    }

    /// Where the closing quote stands, or where the line ends.
    pub(super) fn quote_or_line_end(&self, text: &[u8]) -> usize {
        match &self.closing {
            Some(closing) => closing_quote(text, self.start, closing)
                .unwrap_or_else(|| line_end(text, self.start)),
            None => line_end(text, self.start),
        }
    }

    /// The value as a whole.
    pub(super) fn extent(&self, text: &[u8]) -> Option<Range<usize>> {
        if self.closing.is_some() {
            return Some(self.start..self.quote_or_line_end(text));
        }
        match text.get(self.start) {
            Some(b'[') if !starts_with(text, self.start, b"[redacted") => {
                return list(text, self.start);
            }
            // What is in it has names of its own.
            Some(b'{') if !starts_with(text, self.start, b"{{") => return None,
            _ => {}
        }
        if self.separator == b'>' {
            const CDATA: &[u8] = b"<![CDATA[";
            if starts_with(text, self.start, CDATA) {
                let start = self.start + CDATA.len();
                let rest = text.get(start..(start + LONGEST_VALUE).min(text.len()))?;
                return Some(start..start + memmem::find(rest, b"]]>")?);
            }
            let end = self.start + run(text, self.start, LONGEST_VALUE, |byte| byte != b'<');
            // `<token>` by itself is a placeholder in somebody's manual.
            return starts_with(text, end, b"</").then_some(self.start..end);
        }
        let end = line_end(text, self.start).min(self.start + LONGEST_VALUE);
        let line = text.get(self.start..end)?;
        if self.separator == b':' && opens_block(line) {
            return block(text, end, text.get(self.lead.clone())?);
        }
        if self.separator == b':' && self.is_line && line.trim_ascii().is_empty() {
            let below = block(text, end, text.get(self.lead.clone())?)?;
            let is_word = text
                .get(below.clone())?
                .iter()
                .all(|byte| byte.is_ascii_graphic() && *byte != b':');
            return is_word.then_some(below);
        }
        if self.is_line {
            let comment = line
                .windows(2)
                .position(|pair| pair == b" #" || pair == b"\t#")
                .unwrap_or(line.len());
            let line = line.get(..comment)?.trim_ascii_end();
            let line = line.strip_suffix(b",").unwrap_or(line);
            return Some(self.start..self.start + line.len());
        }
        Some(self.start..self.start + word(line))
    }
}

/// How long the word is that stands in the middle of a line.
fn word(line: &[u8]) -> usize {
    let blank = line
        .iter()
        .position(|byte| byte.is_ascii_whitespace() || b"\"'`<&".contains(byte))
        .unwrap_or(line.len());
    let word = line.get(..blank).unwrap_or(line);
    let separated = word
        .iter()
        .enumerate()
        .find(|(index, byte)| b",;|".contains(byte) && is_next_assignment(word, index + 1))
        .map_or(word.len(), |(index, _)| index);
    // An escaped quote or break ends it too.
    let escaped = word
        .windows(2)
        .position(|pair| matches!(pair, [b'\\', b'"' | b'n' | b'r' | b't' | b'\'']))
        .unwrap_or(word.len());
    let length = separated.min(escaped);
    let mut end = length;
    while end > 0
        && word
            .get(end - 1)
            .is_some_and(|byte| b",;)]}.:\\>".contains(byte))
    {
        end -= 1;
    }
    if end == 0 { length } else { end }
}

fn is_next_assignment(word: &[u8], at: usize) -> bool {
    let name = run(word, at, LONGEST_NAME, is_of_name);
    matches!(word.get(at + name), None | Some(b'=' | b':'))
}

fn value_of(text: &[u8], named: &Named) -> Option<Value> {
    let mut at = named.range.end;
    let opened = text.get(named.quote.clone())?;
    let closes_name = !opened.is_empty() && starts_with(text, at, opened);
    if closes_name {
        at += opened.len();
    } else if text.get(at).is_some_and(|byte| b"\"'`".contains(byte)) {
        at += 1;
    }
    let blanks = run(text, at, 16, |byte| b" \t".contains(&byte));
    let separator = match text.get(at + blanks..)? {
        [b'=', b'>', ..] | [b':', b'=', ..] => {
            at += blanks + 2;
            b'='
        }
        // A comparison assigns nothing.
        [b'=', b'=', ..] => return None,
        [mark @ (b'=' | b':'), ..] => {
            at += blanks + 1;
            *mark
        }
        [b'>', ..] if blanks == 0 && byte_before(text, named.range.start) == Some(b'<') => {
            at += 1;
            b'>'
        }
        // `"--password", "x"`, as programs list their arguments
        [b',', ..] if named.is_flag && closes_name => {
            at += blanks + 1;
            b' '
        }
        _ if named.is_flag && blanks > 0 && !closes_name => b' ',
        _ => return None,
    };
    // `%3D` and `%3A` are left to the rules on known secrets.
    let whitespace = run(text, at, 64, |byte| {
        b" \t".contains(&byte) || (closes_name && byte.is_ascii_whitespace())
    });
    at += whitespace;
    // `"Password: "` is a prompt, and its quote closes.
    let is_prompt = !closes_name
        && !opened.is_empty()
        && starts_with(text, at, opened)
        && !text
            .get(at + opened.len())
            .is_some_and(u8::is_ascii_alphanumeric);
    if is_prompt {
        return None;
    }
    let slashes = run(text, at, 8, |byte| byte == b'\\');
    let enclosing = (!closes_name && !opened.is_empty()).then(|| opened.to_vec());
    let (start, closing) = match text.get(at + slashes) {
        Some(b'"' | b'\'' | b'`') => {
            let start = at + slashes + 1;
            (start, text.get(at..start).map(<[u8]>::to_vec))
        }
        // The quote before the name closes after the value.
        _ => (at, enclosing),
    };
    if separator == b' ' && closing.is_none() && text.get(start) == Some(&b'-') {
        return None;
    }
    let line_start = line_start(text, named.quote.start);
    Some(Value {
        start,
        separator,
        closing,
        is_spaced: separator == b'=' && blanks > 0,
        is_line: named.is_first && !named.is_flag && (separator == b'=' || separator == b':'),
        lead: line_start..named.quote.start,
    })
}

/// The first closing quote that is escaped no more than the opening one was.
fn closing_quote(text: &[u8], start: usize, closing: &[u8]) -> Option<usize> {
    let quote = *closing.last()?;
    let depth = closing.len() - 1;
    let window = text.get(start..(start + LONGEST_VALUE).min(text.len()))?;
    for found in memchr::memchr_iter(quote, window) {
        let slashes = run_before(window, found, 16, |byte| byte == b'\\');
        // One backslash more escapes it; two more are an escaped backslash before it.
        if slashes == depth || (slashes > depth && (slashes - depth).is_multiple_of(2)) {
            return Some(start + found - depth);
        }
    }
    None
}

/// What stands between brackets, where it holds texts.
fn list(text: &[u8], start: usize) -> Option<Range<usize>> {
    let length = run(text, start, LONGEST_VALUE, |byte| byte != b']');
    let inside = start + 1..start + length;
    text.get(inside.clone())?
        .iter()
        .any(|byte| b"\"'".contains(byte))
        .then_some(inside)
}

/// Whether a line begins as another did but for its digits, which in a time go on.
fn is_like(line: &[u8], stamp: &[u8]) -> bool {
    line.len() >= stamp.len()
        && line
            .iter()
            .zip(stamp)
            .all(|(one, other)| one == other || one.is_ascii_digit() && other.is_ascii_digit())
}

/// Whether YAML's sign for a block of lines is all there is, but for its indicators and a remark.
fn opens_block(line: &[u8]) -> bool {
    let [b'|' | b'>', rest @ ..] = line else {
        return false;
    };
    let indicators = run(rest, 0, 2, |byte| {
        byte.is_ascii_digit() || b"+-".contains(&byte)
    });
    let behind = rest.get(indicators..).unwrap_or_default().trim_ascii();
    behind.is_empty() || behind.starts_with(b"#")
}

/// YAML's block of lines that stand further in than the name, behind whatever a log writes before each of them.
fn block(text: &[u8], line_end: usize, lead: &[u8]) -> Option<Range<usize>> {
    let indentation = run_before(lead, lead.len(), 256, |byte| b" -".contains(&byte));
    let stamp = lead.get(..lead.len() - indentation)?;
    let start = line_end + run(text, line_end, 2, |byte| b"\r\n".contains(&byte));
    let mut end = start;
    while end - start < LONGEST_VALUE && text.get(end..).is_some_and(|line| is_like(line, stamp)) {
        let content = end + stamp.len();
        let blanks = run(text, content, 256, |byte| byte == b' ');
        let line = super::line_end(text, content);
        let is_empty = line == content + blanks;
        if line >= text.len() && is_empty || !is_empty && blanks <= indentation {
            break;
        }
        end = line + run(text, line, 2, |byte| b"\r\n".contains(&byte));
    }
    let first = stamp.len() + run(text, start + stamp.len(), 256, |byte| byte == b' ');
    let end = end - run_before(text, end, 4, |byte| b"\r\n".contains(&byte));
    (start + first < end).then_some(start + first..end)
}
