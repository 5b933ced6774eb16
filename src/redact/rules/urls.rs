//! Logins in URLs, and addresses of people.

use std::ops::Range;

use memchr::memmem;

use super::{byte_before, run, run_before};

/// Nobody's login is longer.
const LONGEST_LOGIN: usize = 256;

/// The login before an `@`, where that belongs to a URL: `user:password` of `scheme://user:password@host`.
pub(crate) fn login(text: &[u8], at: usize) -> Option<Range<usize>> {
    let is_of_login =
        |byte: u8| byte.is_ascii_graphic() && !b"\"'<>`".contains(&byte) || byte >= 0x80;
    let floor = at - run_before(text, at, LONGEST_LOGIN, is_of_login);
    let before = text.get(floor..at)?;
    // JSON may escape slashes.
    let plain = memmem::rfind(before, b"//").map(|slashes| (slashes, 2));
    let escaped = memmem::rfind(before, br"\/\/").map(|slashes| (slashes, 4));
    let Some((slashes, length)) = plain.max(escaped) else {
        return oracle_password(before, floor);
    };
    let start = floor + slashes + length;
    let scheme = before.get(..slashes)?.strip_suffix(b":")?;
    if !scheme.last().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let login = text.get(start..at)?;
    let (name, password) = match memchr::memchr(b':', login) {
        Some(colon) => (login.get(..colon)?, login.get(colon + 1..)),
        None => (login, None),
    };
    if name.iter().any(|byte| b"/?#".contains(byte)) || is_place(password.unwrap_or(name)) {
        return None;
    }
    let is_login = match password {
        // `host:8080/mail@host` is a path; a password with a slash in it is no port.
        Some(password) => {
            let digits = run(password, 0, 6, |byte| byte.is_ascii_digit());
            !matches!(password.get(digits), Some(b'/' | b'?' | b'#'))
        }
        // An account's name alone is none; a token in its place is.
        None => login.len() >= 16 || login.iter().any(u8::is_ascii_digit) && login.len() >= 8,
    };
    let is_hidden = login.starts_with(b"[redacted")
        || login.is_empty()
        || password.is_some_and(|password| password.iter().all(|byte| *byte == b'*'));
    (is_login && !is_hidden).then_some(start..at)
}

/// The password of `jdbc:oracle:thin:name/password@…`.
fn oracle_password(before: &[u8], floor: usize) -> Option<Range<usize>> {
    const THIN: &[u8] = b"oracle:thin:";
    let login = memmem::rfind(before, THIN)? + THIN.len();
    let password = login + memchr::memchr(b'/', before.get(login..)?)? + 1;
    (password < before.len()).then_some(floor + password..floor + before.len())
}

/// Whether it is a place in a template: `{password}`, `${PASSWORD}`.
fn is_place(text: &[u8]) -> bool {
    matches!(text, [b'{', .., b'}'] | [b'$', b'{', .., b'}'])
}

/// The login of a URL that is encoded itself: the anchor is the second slash of `%3A%2F%2F`.
pub(crate) fn encoded_login(text: &[u8], at: usize) -> Option<Range<usize>> {
    let colon = text.get(at.checked_sub(3)?..at)?;
    let rest = text.get(at + 3..)?;
    if !colon.eq_ignore_ascii_case(b"%3a") || !rest.get(..3)?.eq_ignore_ascii_case(b"%2f") {
        return None;
    }
    let start = at + 6;
    let length = run(text, start, LONGEST_LOGIN, |byte| {
        byte.is_ascii_alphanumeric() || b"%-._~!*()'+$".contains(&byte)
    });
    let login = text.get(start..start + length)?;
    let authority = ["%2F", "%2f"]
        .iter()
        .filter_map(|slash| memmem::find(login, slash.as_bytes()))
        .min()
        .unwrap_or(length);
    let end = memmem::rfind(login.get(..authority)?, b"%40")?;
    (end > 0).then_some(start..start + end)
}

fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.".contains(&byte)
}

/// The address of a person around an `@`.
pub(crate) fn mail_address(text: &[u8], at: usize) -> Option<Range<usize>> {
    let name = run_before(text, at, 64, |byte| {
        byte.is_ascii_alphanumeric() || b".!#$%&*+-/=?^_{|}~".contains(&byte)
    });
    let named = text.get(at - name..at)?;
    let skipped = run(named, 0, name, |byte| !byte.is_ascii_alphanumeric());
    // What stands before `=` or `/` is another word.
    let cut = named
        .iter()
        .rposition(|byte| b"=/&?".contains(byte))
        .map_or(skipped, |place| place + 1);
    let start = at - name + cut.max(skipped);
    if start >= at || byte_before(text, start) == Some(b'/') && named.contains(&b':') {
        return None;
    }
    let host = run(text, at + 1, 253, is_of_host);
    let host = text.get(at + 1..at + 1 + host)?;
    let trimmed = host.len() - run_before(host, host.len(), 8, |byte| b"-.".contains(&byte));
    let host = host.get(..trimmed)?;
    let top = host.rsplit(|byte| *byte == b'.').next()?;
    let is_name = host.contains(&b'.')
        && top.len() >= 2
        && top.iter().all(u8::is_ascii_alphabetic)
        && host.first().is_some_and(u8::is_ascii_alphanumeric);
    is_name.then_some(start..at + 1 + host.len())
}
