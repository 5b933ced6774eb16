//! Tokens that stand by themselves: JSON in base64, signatures of links, logins on command lines.

use std::ops::Range;

use memchr::memmem;

use super::{blocks, byte_before, is_base64, run, starts_with, values};

/// A token with all its claims is shorter.
const LONGEST_PART: usize = 16_384;

/// A JSON Web Token (RFC 7519: three parts, or five where it is encrypted), or base64 of JSON that has a secret in it.
pub(super) fn json_web_token(text: &[u8], at: usize) -> Option<Range<usize>> {
    if !starts_with(text, at, b"eyJ") {
        return None;
    }
    let is_of_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let head = run(text, at, LONGEST_PART, is_of_part);
    let mut end = at + head;
    let mut parts = 1;
    while parts < 5 && text.get(end) == Some(&b'.') {
        let part = run(text, end + 1, LONGEST_PART, is_of_part);
        if parts == 1 && part < 4 {
            break;
        }
        end += 1 + part;
        parts += 1;
    }
    if parts >= 3 && head >= 10 {
        // A mail or a terminal may have folded it.
        return Some(
            at..if text.get(end) == Some(&b'\n') {
                blocks::folded_end(text, end - 1).max(end)
            } else {
                end
            },
        );
    }
    let end = blocks::folded_end(text, at);
    let solid: Vec<u8> = text
        .get(at..end)?
        .iter()
        .copied()
        .filter(|byte| is_base64(*byte))
        .collect();
    let document = blocks::decode(&solid);
    let holds_secret = ["\"auth", "password\"", "token\"", "secret\"", "\"private"]
        .iter()
        .any(|member| memmem::find(&document, member.as_bytes()).is_some());
    holds_secret.then_some(at..end)
}

/// The hash behind a colon or a blank, as shadow(5) and configuration have it: `:$6$salt$hash`.
pub(super) fn crypt(text: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at + 1;
    let length = run(text, start, 256, |byte| {
        byte.is_ascii_alphanumeric() || b"./$+=,-".contains(&byte)
    });
    let hash = text.get(start..start + length)?;
    let fields = hash.split(|byte| *byte == b'$').count();
    (length >= 24 && fields >= 4).then_some(start..start + length)
}

/// The password of `IDENTIFIED BY 'x'`; the anchor is the end of the first word.
pub(super) fn identified(text: &[u8], at: usize) -> Option<Range<usize>> {
    let word = text.get(at.checked_sub(6)?..at + 4)?;
    let by = at + 4 + run(text, at + 4, 4, |byte| byte == b' ');
    if !word.eq_ignore_ascii_case(b"identified")
        || !text.get(by..by + 3)?.eq_ignore_ascii_case(b"by ")
    {
        return None;
    }
    let quote = by + 3 + run(text, by + 3, 12, |byte| b" \\".contains(&byte));
    let mark = *text.get(quote).filter(|byte| b"'\"".contains(byte))?;
    let start = quote + 1;
    let length = run(text, start, 512, |byte| {
        byte != mark && byte != b'\n' && byte != b'\\'
    });
    let value = text.get(start..start + length)?;
    (!values::is_harmless(value)).then_some(start..start + length)
}

/// The signature of a link that gives access to whoever has it (Azure's shared access signatures).
pub(super) fn signature(text: &[u8], at: usize) -> Option<Range<usize>> {
    let is_member = matches!(
        byte_before(text, at),
        Some(b'?' | b'&' | b';' | b'"' | b'\'')
    ) || at
        .checked_sub(5)
        .and_then(|start| text.get(start..at))
        .is_some_and(|before| before == b"u0026" || before == b"&amp;" || before.ends_with(b"%26"));
    let start = at + 4;
    let length = run(text, start, 512, |byte| {
        byte.is_ascii_alphanumeric() || b"%+/=-_".contains(&byte)
    });
    (is_member && length >= 20).then_some(start..start + length)
}

/// The password of `-u name:password` or `--user name:password`, as curl and others take it.
pub(super) fn login(text: &[u8], at: usize) -> Option<Range<usize>> {
    let flag = at + run(text, at, 4, |byte| b" -".contains(&byte));
    let name = run(text, flag, 16, |byte| {
        byte.is_ascii_alphabetic() || byte == b'-'
    });
    if !matches!(
        text.get(flag..flag + name)?,
        b"u" | b"U" | b"user" | b"user-info"
    ) {
        return None;
    }
    let separator = run(text, flag + name, 3, |byte| b" ='\"".contains(&byte));
    let start = flag + name + separator;
    let account = run(text, start, 128, |byte| {
        byte.is_ascii_graphic() && !b":\"'/".contains(&byte)
    });
    if separator == 0 || account == 0 || text.get(start + account) != Some(&b':') {
        return None;
    }
    let password = start + account + 1;
    let length = run(text, password, 512, |byte| {
        byte.is_ascii_graphic() && !b"\"'".contains(&byte)
    });
    let value = text.get(password..password + length)?;
    // `--user 1000:1000` are numbers of an account and its group, `user:group` their names.
    let is_group =
        value.iter().all(u8::is_ascii_digit) || value == text.get(start..start + account)?;
    (length > 0 && !is_group && !values::is_harmless(value)).then_some(password..password + length)
}
