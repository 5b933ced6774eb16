//! What is mounted at boot by `/etc/fstab`.

use serde::{Deserialize, Serialize};

use super::octal;

/// One line of `/etc/fstab` that mounts something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FstabEntry {
    /// Where it is mounted.
    pub mount_point: String,
    /// Its type, as in `ext4`.
    pub fs_type: String,
    /// Whether it is left to somebody to mount it by hand: `noauto` without an automount.
    pub by_hand: bool,
}

/// The entries of an fstab; what is no entry is passed over.
pub(in crate::facts) fn parse(text: &str) -> Vec<FstabEntry> {
    text.lines().filter_map(entry).collect()
}

fn entry(line: &str) -> Option<FstabEntry> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let mut fields = line.split([' ', '\t']).filter(|field| !field.is_empty());
    let _source = fields.next()?;
    let mount_point = octal::unescape(fields.next()?);
    if !mount_point.starts_with('/') {
        return None;
    }
    let fs_type = fields.next().unwrap_or("auto").to_owned();
    let options: Vec<&str> = fields.next().unwrap_or("").split(',').collect();
    Some(FstabEntry {
        mount_point: without_trailing_slash(&mount_point).to_owned(),
        fs_type,
        by_hand: options.contains(&"noauto") && !options.contains(&"x-systemd.automount"),
    })
}

/// `/srv/data/` and `/srv/data` are the same place.
pub(super) fn without_trailing_slash(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_are_read_and_the_rest_is_passed_over() {
        let entries = parse(include_str!("../../../tests/fixtures/storage/fstab"));
        let told: Vec<(&str, &str, bool)> = entries
            .iter()
            .map(|entry| {
                (
                    entry.mount_point.as_str(),
                    entry.fs_type.as_str(),
                    entry.by_hand,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("/", "ext4", false),
                ("/srv/data", "xfs", false),
                ("/mnt/with space", "ext4", true),
                ("/mnt/auto", "nfs", false),
                ("/short", "auto", false),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_fstab_makes_it_panic(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
