//! Reading `os-release(5)`.

use serde::{Deserialize, Serialize};

/// Longer values are cut: nothing that a system calls itself is that long.
const LONGEST_VALUE: usize = 200;

/// What a system says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// The file that says so, as the examined machine sees it.
    pub file: String,
    /// `ID`, in lower case: `ubuntu`, `rhel`.
    pub id: Option<String>,
    /// `ID_LIKE`: the systems that it is derived from, the nearest first.
    pub id_like: Vec<String>,
    /// `VERSION_ID`: `22.04`, `7.9`.
    pub version_id: Option<String>,
    /// `VERSION`, for people.
    pub version: Option<String>,
    /// `NAME`, for people.
    pub name: Option<String>,
    /// `PRETTY_NAME`, for people.
    pub pretty_name: Option<String>,
    /// The numbers of lines, counted from 1, that say nothing a shell would understand.
    pub damaged_lines: Vec<usize>,
    /// The file as it was read, so that a recording can be read again by a better parser.
    pub text: String,
}

impl OsRelease {
    /// What the system calls itself, for people; empty where it does not say.
    #[must_use]
    pub fn title(&self) -> String {
        if let Some(pretty) = &self.pretty_name {
            return pretty.clone();
        }
        let name = self.name.as_deref().or(self.id.as_deref()).unwrap_or("");
        let version = self
            .version
            .as_deref()
            .or(self.version_id.as_deref())
            .unwrap_or("");
        format!("{name} {version}").trim().to_owned()
    }
}

/// Reads the assignments of an os-release file; a later one of the same name wins, as in a shell.
pub(in crate::facts) fn parse(file: &str, text: &str) -> OsRelease {
    let mut release = OsRelease {
        file: file.to_owned(),
        text: text.to_owned(),
        ..OsRelease::default()
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = assignment(line) else {
            release.damaged_lines.push(index + 1);
            continue;
        };
        let value = Some(value).filter(|value| !value.is_empty());
        match name {
            "ID" => release.id = value.map(|id| id.to_lowercase()),
            "ID_LIKE" => {
                release.id_like = value
                    .unwrap_or_default()
                    .split_whitespace()
                    .map(str::to_lowercase)
                    .collect();
            }
            "VERSION_ID" => release.version_id = value,
            "VERSION" => release.version = value,
            "NAME" => release.name = value,
            "PRETTY_NAME" => release.pretty_name = value,
            _ => {}
        }
    }
    release
}

/// `NAME=value` with a shell's quoting; nothing where a shell would read anything but one assignment.
fn assignment(line: &str) -> Option<(&str, String)> {
    let (name, quoted) = line.split_once('=')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return None;
    }
    // The name goes along, since a shell takes `#` for a comment only at the beginning of a word.
    let words = shlex::split(&format!("x={quoted}"))?;
    match words.as_slice() {
        [word] => word
            .strip_prefix("x=")
            .map(|value| (name, printable(value))),
        _ => None,
    }
}

/// The text without what could disturb a terminal, and not longer than a person would read.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(LONGEST_VALUE)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> OsRelease {
        parse("/etc/os-release", text)
    }

    #[test]
    fn values_are_quoted_as_in_a_shell() {
        for (line, expected) in [
            ("NAME=Debian", Some("Debian")),
            ("NAME=\"Red Hat\"", Some("Red Hat")),
            ("NAME='Red Hat'", Some("Red Hat")),
            (
                r#"NAME="a \"b\" \$c \`d\` \\e""#,
                Some(r#"a "b" $c `d` \e"#),
            ),
            ("NAME=a#b", Some("a#b")),
            ("NAME=#b", Some("#b")),
            ("NAME=a # comment", Some("a")),
            ("NAME=\"a=b\"", Some("a=b")),
            ("  NAME=a  \r", Some("a")),
            ("NAME=", None),
            ("NAME=\"\"", None),
            ("NAME", None),
            ("NAME=a b", None),
            ("NAME=\"a", None),
            ("NA-ME=a", None),
            ("#NAME=a", None),
        ] {
            assert_eq!(read(line).name.as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn a_later_assignment_wins_and_damage_is_counted() {
        let release = read(
            "\u{feff}ID=ubuntu\r\nVERSION_ID=\"18.04\r\n\nVERSION_ID=22.04\nnonsense\nID=Debian\n",
        );
        assert_eq!(release.id.as_deref(), Some("debian"));
        assert_eq!(release.version_id.as_deref(), Some("22.04"));
        assert_eq!(release.damaged_lines, [2, 5]);
    }

    #[test]
    fn a_title_is_made_of_what_is_there() {
        for (text, title) in [
            (
                "PRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\nNAME=Ubuntu",
                "Ubuntu 22.04.5 LTS",
            ),
            (
                "NAME=\"CentOS Linux\"\nVERSION=\"7 (Core)\"",
                "CentOS Linux 7 (Core)",
            ),
            ("ID=arch", "arch"),
            ("ID=x\nVERSION_ID=3", "x 3"),
            ("", ""),
        ] {
            assert_eq!(read(text).title(), title);
        }
        let huge = format!("PRETTY_NAME=\"{}\u{1b}[2J\"", "é".repeat(60_000));
        assert_eq!(read(&huge).title().chars().count(), LONGEST_VALUE);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|(ID|VERSION_ID|ID_LIKE|NAME)=[\"'\\\\$`#a-z0-9. \r\n=]*|(?s).*") {
            let release = read(&text);
            prop_assert_eq!(&release.text, &text);
            prop_assert!(!release.title().chars().any(char::is_control));
        }

        #[test]
        fn what_is_quoted_is_read_back(value in "[ -~é]{0,80}") {
            let quoted = shlex::try_quote(&value).unwrap();
            let release = read(&format!("NAME={quoted}\n"));
            prop_assert_eq!(release.name.unwrap_or_default(), value.trim());
        }
    }
}
