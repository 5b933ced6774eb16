//! Whether a name promises a secret: of a variable, a member, a flag, a header, a label.

/// Words that are looked up: most that are not among them are known by their length and ends.
struct WordList {
    words: &'static [&'static [u8]],
    may_hold: [bool; 256],
}

impl WordList {
    // What is computed while compiling cannot fail while running.
    #[allow(clippy::indexing_slicing)]
    const fn of(words: &'static [&'static [u8]]) -> Self {
        let mut may_hold = [false; 256];
        let mut index = 0;
        while index < words.len() {
            let word = words[index];
            may_hold[mark_of(word.len(), word[0], word[word.len() - 1]) as usize] = true;
            index += 1;
        }
        Self { words, may_hold }
    }

    fn contains(&self, word: &[u8]) -> bool {
        let (Some(first), Some(last)) = (word.first(), word.last()) else {
            return false;
        };
        let mark = mark_of(word.len(), *first, *last);
        self.may_hold.get(usize::from(mark)).is_some_and(|may| *may) && self.words.contains(&word)
    }
}

// Only the low bits count.
#[allow(clippy::cast_possible_truncation)]
const fn mark_of(length: usize, first: u8, last: u8) -> u8 {
    (length as u8)
        .wrapping_mul(37)
        .wrapping_add(first.wrapping_mul(7))
        .wrapping_add(last.wrapping_mul(67))
}

/// Words that promise one wherever they stand in a name.
static WORDS: WordList = WordList::of(&[
    b"password",
    b"passwords",
    b"passwd",
    b"passphrase",
    b"passcode",
    b"pass",
    b"pwd",
    b"secret",
    b"secrets",
    b"token",
    b"tokens",
    b"credential",
    b"credentials",
    b"apikey",
    b"authheader",
    b"accesskey",
    b"privatekey",
    b"secretkey",
    b"authorization",
    b"cookie",
    b"authkey",
    b"creds",
    b"psk",
    b"pw",
    b"jsessionid",
    b"phpsessid",
    b"basicauth",
    b"masterauth",
]);

/// Words that promise a password.
static PASSWORDS: WordList = WordList::of(&[
    b"pwd",
    b"pw",
    b"passwords",
    b"passwort",
    b"passord",
    b"kennwort",
    b"passin",
    b"passout",
    b"keypass",
    b"storepass",
    b"requirepass",
    b"dbpass",
    b"userpass",
    b"rootpass",
    b"adminpass",
    b"mysqlpass",
    b"smtppass",
    b"mailpass",
    b"ftppass",
    b"bindpass",
    b"bindpw",
    b"rootpw",
    b"userpw",
    b"adminpw",
    b"dbpw",
]);

/// Parts of words that are written together, as in `dbpassword`.
const ENDS_OF_WORDS: &[&[u8]] = &[
    b"password",
    b"passwd",
    b"passphrase",
    b"secret",
    b"token",
    b"apikey",
    b"authorization",
];

/// What makes a key a secret one.
static SECRET_KEYS: WordList = WordList::of(&[
    b"private",
    b"secret",
    b"access",
    b"api",
    b"account",
    b"license",
    b"encryption",
    b"signing",
    b"shared",
    b"storage",
    b"master",
    b"client",
    b"auth",
    b"session",
    b"registration",
    b"subscription",
    b"hmac",
    b"preshared",
    b"app",
]);

/// What follows a secret's name and is none: where it is, how many there are, how long it lasts.
static HARMLESS_ENDS: WordList = WordList::of(&[
    b"file",
    b"files",
    b"path",
    b"dir",
    b"directory",
    b"url",
    b"uri",
    b"endpoint",
    b"host",
    b"port",
    b"type",
    b"count",
    b"name",
    b"names",
    b"id",
    b"ids",
    b"len",
    b"length",
    b"size",
    b"limit",
    b"max",
    b"min",
    b"age",
    b"ttl",
    b"expiry",
    b"expires",
    b"expiration",
    b"expire",
    b"expired",
    b"at",
    b"in",
    b"time",
    b"timeout",
    b"timestamp",
    b"date",
    b"policy",
    b"policies",
    b"enabled",
    b"disabled",
    b"required",
    b"provider",
    b"store",
    b"manager",
    b"service",
    b"server",
    b"version",
    b"status",
    b"state",
    b"issuer",
    b"audience",
    b"scope",
    b"scopes",
    b"format",
    b"prefix",
    b"regex",
    b"pattern",
    b"algorithm",
    b"alg",
    b"method",
    b"validator",
    b"validation",
    b"checker",
    b"filter",
    b"handler",
    b"factory",
    b"class",
    b"source",
    b"ref",
    b"refs",
    b"index",
    b"usage",
    b"used",
    b"seconds",
    b"ms",
    b"rotation",
    b"reset",
    b"change",
    b"changed",
    b"days",
    b"error",
    b"errors",
    b"invalid",
    b"kind",
    b"label",
    b"title",
    b"description",
    b"hint",
    b"prompt",
    b"plugin",
    b"field",
    b"param",
    b"event",
    b"events",
    b"request",
    b"requests",
    b"response",
    b"failed",
    b"failure",
    b"failures",
    b"helper",
    b"helpers",
    b"cache",
    b"driver",
    b"mode",
    b"message",
    b"login",
    b"user",
    b"username",
    b"rate",
    b"bucket",
    b"buckets",
    b"per",
    b"total",
    b"stream",
    b"number",
    b"realm",
    b"exception",
    b"supported",
    b"encryption",
    b"hashing",
]);

/// Where a list goes on, which opens nothing.
const CURSORS: &[&[u8]] = &[
    b"page",
    b"next",
    b"skip",
    b"delta",
    b"sync",
    b"continuation",
];

/// Ends of file names: what follows is a line in it, or a message about it.
const FILE_ENDS: &[&[u8]] = &[
    b"java", b"kt", b"scala", b"clj", b"py", b"rs", b"go", b"js", b"mjs", b"ts", b"tsx", b"rb",
    b"php", b"cs", b"c", b"h", b"cc", b"cpp", b"hpp", b"md", b"html", b"txt", b"log",
];

/// What the value of a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// A password: whatever stands there is one.
    Password,
    /// A token, a key, or another secret: in the middle of a sentence only what looks like one.
    Secret,
    /// A header `Authorization` or its like.
    Authorization,
    /// A header `Cookie` or `Set-Cookie`.
    Cookie,
    /// Docker's member `auth`: base64 of a login, in quotes.
    Login,
}

/// What a name promises, if it promises a secret.
pub(super) fn promise(name: &[u8]) -> Option<Promise> {
    let is_file = |dot| {
        name.get(dot + 1..)
            .is_some_and(|end| FILE_ENDS.contains(&end))
    };
    if memchr::memrchr(b'.', name).is_some_and(is_file) {
        return None;
    }
    let name = name.to_ascii_lowercase_words();
    let words: Vec<&[u8]> = name
        .split(|byte| *byte == b'_')
        .filter(|word| !word.is_empty())
        .collect();
    let (last, before) = words.split_last()?;
    let previous = before.last().copied().unwrap_or_default();
    let is_users =
        *last == b"users" && (previous.ends_with(b"auth") || before.ends_with(&[b"auth"]));
    if is_users {
        return Some(Promise::Secret);
    }
    if HARMLESS_ENDS.contains(last) {
        return None;
    }
    let is_cursor = match last.strip_suffix(b"token") {
        Some(b"") => CURSORS.contains(&previous),
        Some(kind) => CURSORS.contains(&kind),
        None => false,
    };
    if is_cursor {
        return None;
    }
    if *last == b"authorization" {
        return Some(Promise::Authorization);
    }
    if *last == b"cookie" {
        return (before.is_empty() || previous == b"set").then_some(Promise::Cookie);
    }
    if *last == b"auth" && previous != b"basic" {
        return (before.is_empty() || previous == b"registry").then_some(Promise::Login);
    }
    if *last == b"header" {
        return (previous == b"auth" || previous == b"authorization").then_some(Promise::Secret);
    }
    if *last == b"signature" {
        return (previous == b"amz" || previous == b"goog").then_some(Promise::Secret);
    }
    if *last == b"authheader" {
        return Some(Promise::Secret);
    }
    let is_password = |word: &[u8]| {
        [&b"password"[..], b"passwd", b"passphrase", b"passcode"]
            .iter()
            .any(|end| word.ends_with(end) && *word != b"nopasswd"[..])
            || PASSWORDS.contains(word)
    };
    if words.iter().any(|word| is_password(word)) {
        return Some(Promise::Password);
    }
    let is_secret = words.iter().any(|word| is_secret_word(word))
        || words.windows(2).any(is_secret_pair)
        || (*last == b"auth" && previous == b"basic")
        || (*last == b"credential" && previous == b"amz");
    is_secret.then_some(Promise::Secret)
}

fn is_secret_word(word: &[u8]) -> bool {
    WORDS.contains(word) || ENDS_OF_WORDS.iter().any(|end| word.ends_with(end))
}

fn is_secret_pair(pair: &[&[u8]]) -> bool {
    matches!(pair, [kind, b"key" | b"keys"] if SECRET_KEYS.contains(kind))
}

/// Whether the last word of a name is the one that promises the secret.
pub(super) fn ends_in_secret(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase_words();
    let words: Vec<&[u8]> = name
        .split(|byte| *byte == b'_')
        .filter(|word| !word.is_empty())
        .collect();
    words.last().is_some_and(|last| is_secret_word(last))
        || words.windows(2).last().is_some_and(is_secret_pair)
}

trait Words {
    fn to_ascii_lowercase_words(&self) -> Vec<u8>;
}

impl Words for [u8] {
    /// In small letters, with `_` between its words, also where only a capital began a new one.
    fn to_ascii_lowercase_words(&self) -> Vec<u8> {
        let mut words = Vec::with_capacity(self.len() + 8);
        let mut before = b'_';
        for (index, byte) in self.iter().enumerate() {
            let next_is_small = self.get(index + 1).is_some_and(u8::is_ascii_lowercase);
            if byte.is_ascii_uppercase()
                && (before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || before.is_ascii_uppercase() && next_is_small)
            {
                words.push(b'_');
            }
            words.push(if byte.is_ascii_alphanumeric() {
                byte.to_ascii_lowercase()
            } else {
                b'_'
            });
            before = *byte;
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_understood_in_every_style() {
        for (name, expected) in [
            ("FLUENTBIT_AUTH_HEADER", Some(Promise::Secret)),
            ("AUTH_HEADER", Some(Promise::Secret)),
            ("authHeader", Some(Promise::Secret)),
            ("DB_PASSWORD", Some(Promise::Password)),
            ("dbPassword", Some(Promise::Password)),
            ("PGPASSWORD", Some(Promise::Password)),
            ("docker_password", Some(Promise::Password)),
            ("spring.datasource.password", Some(Promise::Password)),
            ("http-api-token", Some(Promise::Secret)),
            ("identitytoken", Some(Promise::Secret)),
            ("clientSecret", Some(Promise::Secret)),
            ("AWS_SECRET_ACCESS_KEY", Some(Promise::Secret)),
            ("aws_session_token", Some(Promise::Secret)),
            ("AccountKey", Some(Promise::Secret)),
            ("SharedAccessKey", Some(Promise::Secret)),
            ("LICENSE_KEY", Some(Promise::Secret)),
            ("private_key", Some(Promise::Secret)),
            ("x-api-key", Some(Promise::Secret)),
            ("X-Amz-Signature", Some(Promise::Secret)),
            (
                "traefik.http.middlewares.x.basicauth.users",
                Some(Promise::Secret),
            ),
            ("Authorization", Some(Promise::Authorization)),
            ("proxy-authorization", Some(Promise::Authorization)),
            ("Set-Cookie", Some(Promise::Cookie)),
            ("auth", Some(Promise::Login)),
            ("PATH", None),
            ("PWD_PATH", None),
            ("AUTHOR", None),
            ("TOKEN_FILE", None),
            ("token_type", None),
            ("aws_access_key_id", None),
            ("SharedAccessKeyName", None),
            ("tokenizer", None),
            ("passed", None),
            ("bypass", None),
            ("public_key", None),
            ("primary_key", None),
            ("key", None),
            ("compass", None),
            ("secretary", None),
            ("password_changed_at", None),
        ] {
            assert_eq!(promise(name.as_bytes()), expected, "{name}");
        }
    }
}
