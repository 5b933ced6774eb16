//! What stands in the place of a secret and is none.

use memchr::memmem;

/// Words that say something of a secret instead of being one.
const WORDS: &[&str] = &[
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "ok",
    "null",
    "nil",
    "none",
    "undefined",
    "empty",
    "unset",
    "set",
    "required",
    "optional",
    "missing",
    "invalid",
    "valid",
    "expired",
    "wrong",
    "incorrect",
    "unknown",
    "not",
    "is",
    "was",
    "are",
    "has",
    "had",
    "for",
    "from",
    "in",
    "the",
    "a",
    "an",
    "to",
    "of",
    "and",
    "or",
    "must",
    "may",
    "should",
    "will",
    "can",
    "cannot",
    "could",
    "failed",
    "failure",
    "error",
    "denied",
    "rejected",
    "accepted",
    "changed",
    "updated",
    "created",
    "deleted",
    "removed",
    "revoked",
    "refreshed",
    "found",
    "expires",
    "received",
    "sent",
    "needed",
    "provided",
    "given",
    "string",
    "object",
    "array",
    "number",
    "boolean",
    "integer",
    "bytes",
    "unexpected",
    "expected",
    "using",
    "authentication",
    "enabled",
    "disabled",
    "skipped",
    "ignored",
    "hidden",
    "masked",
    "removed",
    "redacted",
    "default",
    "changeme",
    "str",
    "int",
    "optional[str]",
    "file",
    "env",
    "external",
    "bearer",
    "basic",
    "digest",
    // What pluggable authentication modules are asked for.
    "auth",
    "session",
    "chauthtok",
    // Architectures, as package managers write them behind a package's name.
    "amd64",
    "arm64",
    "armhf",
    "i386",
];

/// Whether a value is no secret, whatever its name promised.
pub(super) fn is_harmless(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    let stripped = value
        .strip_suffix(b".")
        .or_else(|| value.strip_suffix(b","))
        .unwrap_or(value);
    stripped.is_empty()
        || is_hidden(value)
        || is_reference(value)
        || is_source_list(value)
        || WORDS
            .iter()
            .any(|word| stripped.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether somebody has hidden it already, or a person is to fill it in.
pub(super) fn is_hidden(value: &[u8]) -> bool {
    value.starts_with(b"[redacted")
        || value.starts_with(b"<redacted")
        || (value.first() == Some(&b'<')
            && value.last() == Some(&b'>')
            && !value.iter().skip(2).any(|byte| *byte == b'/'))
        || matches!(value, [b'[', inner @ .., b']'] if inner.iter().all(u8::is_ascii_alphabetic))
        || is_remark(value)
        || value
            .iter()
            .all(|byte| b"*xX.-_#\xe2\x80\xa2".contains(byte))
}

/// Whether it names the sources of accounts, as `passwd:` in nsswitch.conf(5) does.
fn is_source_list(value: &[u8]) -> bool {
    const SOURCES: &[&[u8]] = &[
        b"files",
        b"systemd",
        b"compat",
        b"sss",
        b"ldap",
        b"nis",
        b"db",
        b"winbind",
        b"altfiles",
    ];
    let mut words = value
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    words.next().is_some_and(|first| SOURCES.contains(&first))
        && words.all(|word| SOURCES.contains(&word) || word.starts_with(b"["))
}

/// Whether it is words in brackets, as in `(known after apply)`.
fn is_remark(value: &[u8]) -> bool {
    matches!(value, [b'(', inner @ .., b')']
        if inner.contains(&b' ') && inner.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b' '))
}

/// Whether it is source code that gets the secret from somewhere, as traces of errors show it: `read(prompt)`, `environ["X"]`.
pub(super) fn is_code(value: &[u8]) -> bool {
    let name = value
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic() || b"_.".contains(byte))
        .count();
    name >= 3
        && matches!(value.get(name), Some(b'(' | b'['))
        && matches!(value.last(), Some(b'(' | b')' | b'[' | b']' | b';' | b':'))
}

/// Whether it is a sentence of which no word looks like a secret.
pub(super) fn is_sentence(value: &[u8]) -> bool {
    let mut words = value
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    // Secrets in URLs have rules of their own.
    let is_url = |word: &[u8]| memmem::find(word, b"://").is_some();
    words.clone().count() >= 3 && !words.any(|word| looks_random(word) && !is_url(word))
}

/// Whether it names a variable that holds the secret, and brings no value along.
fn is_reference(value: &[u8]) -> bool {
    let name = |text: &[u8]| {
        !text.is_empty()
            && text
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte))
    };
    match value {
        [b'$', b'{', inner @ .., b'}'] => {
            let end = inner
                .iter()
                .position(|byte| !(byte.is_ascii_alphanumeric() || b"_.".contains(byte)))
                .unwrap_or(inner.len());
            // `${NAME:?message}` has no value; `${NAME:-value}` has.
            let rest = inner.get(end..).unwrap_or_default();
            rest.is_empty()
                || rest.starts_with(b":?")
                || rest.starts_with(b"?")
                || rest == b":-"
                || rest == b"-"
        }
        // A parameter of a statement.
        [b'$', inner @ ..] if inner.len() <= 2 && inner.iter().all(u8::is_ascii_digit) => true,
        // A template's place, and Sesam's own references to what is kept apart.
        [b'{', b'{', .., b'}', b'}']
        | [b'$', b'S', b'E', b'C', b'R', b'E', b'T', b'(', .., b')']
        | [b'$', b'E', b'N', b'V', b'(', .., b')'] => true,
        [b'$', inner @ ..] => {
            name(inner)
                && !inner.iter().all(u8::is_ascii_digit)
                && inner.iter().all(|byte| !byte.is_ascii_lowercase())
        }
        _ => false,
    }
}

/// Whether it has digits among its letters.
pub(super) fn is_mixed(value: &[u8]) -> bool {
    value.len() >= 6
        && value.iter().any(u8::is_ascii_digit)
        && value.iter().any(u8::is_ascii_alphabetic)
}

/// Whether a word in the middle of a sentence looks like a secret and not like another word of it.
pub(super) fn looks_random(value: &[u8]) -> bool {
    let digits = value.iter().any(u8::is_ascii_digit);
    let letters = value.iter().any(u8::is_ascii_alphabetic);
    let mixed = value.iter().any(u8::is_ascii_uppercase)
        && value.iter().skip(1).any(u8::is_ascii_uppercase)
        && value.iter().any(u8::is_ascii_lowercase);
    (value.len() >= 8 && digits && letters)
        || (value.len() >= 16
            && (mixed || digits || letters && !value.iter().any(|byte| b"/.,:()".contains(byte))))
}
