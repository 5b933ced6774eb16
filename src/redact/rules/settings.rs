//! Values behind nothing but a blank: `ENV` of Dockerfiles, netrc(5), settings of servers.

use std::ops::Range;

use super::{line_end, line_start, names, run, values};

/// Words that a setting's line begins with, by the anchor that finds them, and how far into the word that is.
const SETTINGS: &[(&[u8], usize)] = &[
    (b"requirepass", 3),
    (b"masterauth", 5),
    (b"bindpw", 2),
    (b"rootpw", 2),
];

/// The password of a line that has nothing but a setting's name and it.
pub(super) fn bare(text: &[u8], at: usize) -> Option<Range<usize>> {
    let (start, name) = SETTINGS.iter().find_map(|(name, offset)| {
        let start = at.checked_sub(*offset)?;
        let found = text.get(start..start + name.len())?;
        found.eq_ignore_ascii_case(name).then_some((start, name))
    })?;
    let begin = line_start(text, start);
    let value = blank_after(text, start + name.len())?;
    let line = value..line_end(text, value);
    let content = text.get(line.clone())?.trim_ascii_end();
    let is_alone = text.get(begin..start)?.trim_ascii().is_empty()
        && !content.iter().any(u8::is_ascii_whitespace);
    let is_secret = is_alone && !content.is_empty() && !values::is_harmless(content);
    is_secret.then_some(line.start..line.start + content.len())
}

/// `ENV NAME value` and `setenv NAME value`, where the name promises a secret.
pub(super) fn environment(text: &[u8], at: usize) -> Option<Range<usize>> {
    let begin = line_start(text, at);
    let lead = text.get(begin..at + 3)?.trim_ascii_start();
    if !matches!(lead, b"ENV" | b"setenv") {
        return None;
    }
    let name = blank_after(text, at + 3)?;
    let length = run(text, name, 96, |byte| {
        byte.is_ascii_alphanumeric() || byte == b'_'
    });
    names::promise(text.get(name..name + length)?)?;
    let value = blank_after(text, name + length)?;
    let line = value..line_end(text, value);
    let is_secret = !line.is_empty() && !values::is_harmless(text.get(line.clone())?);
    is_secret.then_some(line)
}

/// `login NAME password X` of netrc(5), on one line or on two.
pub(super) fn netrc(text: &[u8], at: usize) -> Option<Range<usize>> {
    let is_word = |byte: u8| !byte.is_ascii_whitespace();
    let name = blank_after(text, at + b"login".len())?;
    let name_end = name + run(text, name, 128, is_word);
    let blanks = run(text, name_end, 64, |byte| byte.is_ascii_whitespace());
    let word = name_end + blanks;
    if blanks == 0 || !text.get(word..)?.starts_with(b"password") {
        return None;
    }
    let value = blank_after(text, word + b"password".len())?;
    let end = value + run(text, value, 512, is_word);
    let is_secret = end > value && !values::is_harmless(text.get(value..end)?);
    is_secret.then_some(value..end)
}

/// Where something stands behind blanks.
fn blank_after(text: &[u8], at: usize) -> Option<usize> {
    let blanks = run(text, at, 32, |byte| b" \t".contains(&byte));
    (blanks > 0).then_some(at + blanks)
}
