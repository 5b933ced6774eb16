//! What is mounted at boot by systemd's own mount units.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::fstab::without_trailing_slash;
use crate::{
    facts::{
        Observed, Root,
        layout::resolve::{Ending, resolve},
        read_text,
    },
    units::Bytes,
};

/// Where units that survive a reboot are; in this order systemd prefers them.
const DIRECTORIES: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/generator",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Far more than a unit says.
const LARGEST_UNIT: Bytes = Bytes(64_000);

/// More units than any machine has; beyond it a directory is something else.
const MOST_ENTRIES: usize = 20_000;

/// More mount units than any machine has.
const MOST_UNITS: usize = 1_000;

/// One mount unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountUnit {
    /// The file.
    pub file: String,
    /// Where it mounts.
    pub mount_point: String,
}

/// Finds the mount units of a machine.
pub(super) fn look(root: &Root) -> Observed<Vec<MountUnit>> {
    let mut units = Vec::new();
    let mut seen = BTreeSet::new();
    for directory in DIRECTORIES {
        // On most systems /lib is a link to /usr/lib.
        let resolved = resolve(root, Path::new(directory));
        if !matches!(resolved.ending, Ending::Found(_)) || !seen.insert(resolved.located) {
            continue;
        }
        if let Err(error) = look_in(root, Path::new(directory), &mut units) {
            match Observed::<()>::from_error(&error, directory) {
                Observed::Absent => {}
                Observed::Denied(what) => return Observed::Denied(what),
                _ => return Observed::Failed(format!("reading {directory} failed: {error}")),
            }
        }
    }
    units.sort_by(|a, b| a.file.cmp(&b.file));
    Observed::Seen(units)
}

fn look_in(root: &Root, directory: &Path, units: &mut Vec<MountUnit>) -> std::io::Result<()> {
    let located = root.locate(directory)?;
    for entry in std::fs::read_dir(located)?.take(MOST_ENTRIES) {
        let name = entry?.file_name();
        let Some(name) = name.to_str().filter(|name| is_mount_unit(name)) else {
            continue;
        };
        if units.len() >= MOST_UNITS {
            break;
        }
        let file: PathBuf = directory.join(name);
        // A masked unit is a link to /dev/null, which is no file.
        let Ok(text) = read_text(root, &file, LARGEST_UNIT) else {
            continue;
        };
        if let Some(mount_point) = place_of(&text).or_else(|| unescape_name(name)) {
            units.push(MountUnit {
                file: file.to_string_lossy().into_owned(),
                mount_point,
            });
        }
    }
    Ok(())
}

/// Names of units are told apart by case.
#[allow(clippy::case_sensitive_file_extension_comparisons)]
fn is_mount_unit(name: &str) -> bool {
    name.ends_with(".mount")
}

/// What a unit says after `Where=`; the last one counts.
fn place_of(unit: &str) -> Option<String> {
    unit.lines()
        .filter_map(|line| line.trim().strip_prefix("Where"))
        .filter_map(|rest| rest.trim_start().strip_prefix('='))
        .map(|place| place.trim().trim_matches('"'))
        .rfind(|place| place.starts_with('/'))
        .map(|place| without_trailing_slash(place).to_owned())
}

/// The mount point that a unit's name stands for, by the rules of `systemd-escape --path`.
fn unescape_name(name: &str) -> Option<String> {
    let escaped = name.strip_suffix(".mount")?;
    if escaped.is_empty() {
        return None;
    }
    if escaped == "-" {
        return Some("/".into());
    }
    let mut path = vec![b'/'];
    let mut rest = escaped.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'-', after) => {
                path.push(b'/');
                after
            }
            (b'\\', [b'x', high, low, after @ ..]) => {
                path.push(hexadecimal(*high)? << 4 | hexadecimal(*low)?);
                after
            }
            (byte, after) => {
                path.push(*byte);
                after
            }
        };
    }
    Some(String::from_utf8_lossy(&path).into_owned())
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_stand_for_mount_points() {
        for (name, place) in [
            ("srv-data.mount", Some("/srv/data")),
            ("-.mount", Some("/")),
            (r"srv-my\x2ddata.mount", Some("/srv/my-data")),
            (r"mnt-with\x20space.mount", Some("/mnt/with space")),
            (r"mnt-\xc3\xa5.mount", Some("/mnt/å")),
            (r"mnt-\xzz.mount", None),
            ("srv-data.automount", None),
            (".mount", None),
        ] {
            assert_eq!(unescape_name(name).as_deref(), place, "{name}");
        }
    }

    #[test]
    fn units_are_found_by_what_they_say_and_by_their_name() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("etc/systemd/system");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(
            directory.join("srv-data.mount"),
            "[Mount]\nWhat=/dev/sdb1\nWhere = /srv/data/\n",
        )
        .unwrap();
        std::fs::write(directory.join("opt-x.mount"), "").unwrap();
        std::fs::write(directory.join("ssh.service"), "Where=/no").unwrap();
        symlink("/dev/null", directory.join("tmp.mount")).unwrap();
        let Observed::Seen(units) = look(&Root::at(place.path()).unwrap()) else {
            panic!("not seen");
        };
        let places: Vec<&str> = units.iter().map(|unit| unit.mount_point.as_str()).collect();
        assert_eq!(places, ["/opt/x", "/srv/data"]);
    }

    proptest! {
        #[test]
        fn no_unit_makes_it_panic(name in any::<String>(), text in any::<String>()) {
            let _ = unescape_name(&format!("{name}.mount"));
            let _ = place_of(&text);
        }
    }
}
