//! What of a container's environment, command and labels is a secret.

use crate::redact::{MARK, Redactor};

/// Parts of names whose values are not for everybody.
const SECRET_WORDS: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "auth_header",
    "authheader",
    "apikey",
    "api_key",
    "private_key",
];

/// Names that hold a secret although no part of theirs says so.
const SECRET_NAMES: [&str; 3] = ["license_key", "authorization", "auth"];

/// Whether a variable, flag or label of this name holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', '.'], "_");
    // `FILE` and `PATH` say where a secret is, which is none.
    if name.ends_with("_file") || name.ends_with("_path") {
        return false;
    }
    SECRET_WORDS.iter().any(|word| name.contains(word))
        || SECRET_NAMES
            .iter()
            .any(|word| name == *word || name.ends_with(&format!("_{word}")))
        || name.ends_with("basicauth_users")
        || name.ends_with("digestauth_users")
}

/// The value that may be kept of a name's: none where it is a secret, which the redactor is told.
pub(super) fn keep(name: &str, value: &str, redactor: &Redactor) -> Option<String> {
    if is_secret_name(name) {
        redactor.learn(value);
        return None;
    }
    Some(without_login(value, redactor))
}

/// A command's words, with what follows a secret flag replaced.
pub(super) fn command(words: &[String], redactor: &Redactor) -> Vec<String> {
    let mut hide_next = false;
    words
        .iter()
        .map(|word| {
            if std::mem::take(&mut hide_next) && !word.starts_with('-') {
                redactor.learn(word);
                return MARK.to_owned();
            }
            if !word.starts_with('-') {
                return without_login(word, redactor);
            }
            if let Some((flag, value)) = word.split_once('=') {
                match keep(flag.trim_start_matches('-'), value, redactor) {
                    Some(value) => format!("{flag}={value}"),
                    None => format!("{flag}={MARK}"),
                }
            } else {
                hide_next = is_secret_name(word.trim_start_matches('-'));
                word.clone()
            }
        })
        .collect()
}

/// A text without the password of a URL in it, as in `http://user:password@proxy:3128`.
pub(super) fn without_login(text: &str, redactor: &Redactor) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((login, host)) = authority.rsplit_once('@') else {
        return text.to_owned();
    };
    if let Some((_, password)) = login.split_once(':') {
        redactor.learn(password);
    }
    format!("{scheme}://{MARK}@{host}{path}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_known_by_the_name_of_what_holds_them() {
        for name in [
            "FLUENTBIT_AUTH_HEADER",
            "AUTH_HEADER",
            "DB_PASSWORD",
            "http-api-token",
            "LICENSE_KEY",
            "traefik.http.middlewares.x.basicauth.users",
            "WATCHTOWER_NOTIFICATION_EMAIL_SERVER_PASSWORD",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "PATH",
            "NODE_DOMAIN",
            "SSL_CERT_DIR",
            "AUTHOR",
            "TOKEN_FILE",
            "entrypoints.web.address",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn commands_keep_their_flags_and_lose_their_secrets() {
        let words = |list: &[&str]| {
            list.iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        let redactor = Redactor::default();
        let kept = command(
            &words(&[
                "--api-token=abcdef12",
                "--name",
                "x",
                "--password",
                "hunter22",
                "http://u:swordfish@proxy:1/p",
            ]),
            &redactor,
        );
        assert_eq!(
            kept,
            [
                "--api-token=[redacted]",
                "--name",
                "x",
                "--password",
                MARK,
                "http://[redacted]@proxy:1/p"
            ]
        );
        assert_eq!(
            redactor.text("abcdef12 hunter22 swordfish"),
            "[redacted] [redacted] [redacted]"
        );
    }

    proptest! {
        #[test]
        fn no_words_make_it_panic(words: Vec<String>) {
            let kept = command(&words, &Redactor::default());
            prop_assert_eq!(kept.len(), words.len());
        }
    }
}
