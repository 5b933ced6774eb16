//! The texts behind the facts, kept without the secrets that mount options can hold.

use serde::{Deserialize, Serialize};

use crate::redact::{MARK, Redactor};

/// As much of each text is kept.
const LARGEST_KEPT_BYTES: usize = 256_000;

/// Mount options whose value is a secret.
const SECRET_OPTIONS: [&str; 6] = ["password", "password2", "passwd", "pass", "secret", "key"];

/// The texts behind the facts on file systems, so that a parser's mistake can be replayed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RawTables {
    /// The lines of the kernel's table of mounts that the volumes were read from.
    pub mountinfo: String,
    /// `/etc/fstab`, up to 256 kB, without passwords.
    pub fstab: String,
}

/// The lines, each once, without secrets.
pub(super) fn mount_lines<'a>(lines: impl Iterator<Item = &'a str>, redactor: &Redactor) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in lines {
        if !kept.contains(&line) {
            kept.push(line);
        }
    }
    without_secrets(&kept.join("\n"), redactor)
}

/// The text without the secrets in its mount options, which the redactor learns.
pub(super) fn without_secrets(text: &str, redactor: &Redactor) -> String {
    let mut clean = String::new();
    for line in text.lines() {
        if clean.len() + line.len() > LARGEST_KEPT_BYTES {
            break;
        }
        for (number, field) in line.split_inclusive([' ', '\t', ',']).enumerate() {
            // The first field can be a network path that carries no option.
            let secret = (number > 0).then(|| secret_value(field)).flatten();
            match secret {
                Some(Secret { name, value, rest }) => {
                    redactor.learn(value);
                    clean.extend([name, "=", MARK, rest]);
                }
                None => clean.push_str(field),
            }
        }
        clean.push('\n');
    }
    clean
}

/// An option whose value is a secret, and what separates it from the next.
struct Secret<'a> {
    name: &'a str,
    value: &'a str,
    rest: &'a str,
}

fn secret_value(field: &str) -> Option<Secret<'_>> {
    let (name, assigned) = field.split_once('=')?;
    let value = assigned.trim_end_matches([' ', '\t', ',']);
    let rest = assigned.strip_prefix(value)?;
    let is_secret = SECRET_OPTIONS
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret));
    (is_secret && !value.is_empty()).then_some(Secret { name, value, rest })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn passwords_in_mount_options_are_taken_out_and_remembered() {
        let redactor = Redactor::default();
        let fstab =
            "//server/share /mnt cifs user=a,password=hunter22,uid=0 0 0\nUUID=1 / ext4 rw\n";
        assert_eq!(
            without_secrets(fstab, &redactor),
            "//server/share /mnt cifs user=a,password=[redacted],uid=0 0 0\nUUID=1 / ext4 rw\n"
        );
        assert_eq!(redactor.text("it is hunter22"), "it is [redacted]");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = mount_lines([text.as_str()].into_iter(), &Redactor::default());
        }
    }
}
