//! Reading `/etc/redhat-release`, all that releases before 7 have.

use super::os_release::{OsRelease, printable};

/// How the names begin, and the `ID`s that their later releases have.
const IDS: [(&str, &str); 8] = [
    ("red hat enterprise linux", "rhel"),
    ("centos", "centos"),
    ("scientific linux", "scientific"),
    ("oracle linux", "ol"),
    ("rocky linux", "rocky"),
    ("almalinux", "almalinux"),
    ("fedora", "fedora"),
    ("amazon linux", "amzn"),
];

/// Reads a line such as `CentOS release 6.10 (Final)`.
pub(in crate::facts) fn parse(file: &str, text: &str) -> OsRelease {
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("");
    let (name, version) = match line.split_once(" release ") {
        Some((name, version)) => (name.trim(), Some(version.trim())),
        None => (line, None),
    };
    let lower = name.to_lowercase();
    let text_of = |text: &str| Some(printable(text)).filter(|text| !text.is_empty());
    OsRelease {
        file: file.to_owned(),
        id: IDS
            .iter()
            .find(|(beginning, _)| lower.starts_with(beginning))
            .map(|(_, id)| (*id).to_owned()),
        id_like: Vec::new(),
        version_id: version
            .and_then(|version| version.split_whitespace().next())
            .and_then(text_of),
        version: version.and_then(text_of),
        name: text_of(name),
        pretty_name: text_of(line),
        damaged_lines: Vec::new(),
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_lines_of_real_systems() {
        for (line, id, version) in [
            ("CentOS release 6.10 (Final)", "centos", "6.10"),
            (
                "Red Hat Enterprise Linux Server release 6.10 (Santiago)",
                "rhel",
                "6.10",
            ),
            (
                "Red Hat Enterprise Linux AS release 4 (Nahant Update 7)",
                "rhel",
                "4",
            ),
            ("CentOS Linux release 7.9.2009 (Core)", "centos", "7.9.2009"),
            (
                "Scientific Linux release 6.10 (Carbon)",
                "scientific",
                "6.10",
            ),
            ("Fedora release 14 (Laughlin)", "fedora", "14"),
        ] {
            let release = parse("/etc/redhat-release", line);
            assert_eq!(release.id.as_deref(), Some(id), "{line}");
            assert_eq!(release.version_id.as_deref(), Some(version), "{line}");
            assert_eq!(release.title(), line);
        }
    }

    #[test]
    fn what_it_does_not_know_it_does_not_guess() {
        let release = parse("/etc/redhat-release", "Something release\n");
        assert_eq!((release.id, release.version_id), (None, None));
        assert_eq!(parse("/etc/redhat-release", "").title(), "");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?s).*|CentOS release .*|.* release ") {
            parse("/etc/redhat-release", &text);
        }
    }
}
