//! How plugins get their ids.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The member that stands for the directory itself, where it cannot be read; no plugin gets this id.
pub const DIRECTORY: &str = "directory";

/// An id for each file: its name without extension, or with it where two would have the same.
pub(super) fn ids(files: &[PathBuf]) -> Vec<String> {
    let mut stems: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        *stems.entry(stem(file)).or_default() += 1;
    }
    let mut taken = BTreeSet::from([DIRECTORY.to_owned()]);
    files
        .iter()
        .map(|file| {
            let stem = stem(file);
            let alone = stems.get(&stem) == Some(&1);
            let wanted = if alone && stem != DIRECTORY {
                stem
            } else {
                full_name(file)
            };
            let mut id = wanted.clone();
            let mut number = 2_u64;
            // What is taken is finite, so this ends.
            while !taken.insert(id.clone()) {
                id = format!("{wanted}-{number}");
                number += 1;
            }
            id
        })
        .collect()
}

fn stem(file: &Path) -> String {
    sanitised(&file.file_stem().unwrap_or_default().to_string_lossy())
}

fn full_name(file: &Path) -> String {
    sanitised(&file.file_name().unwrap_or_default().to_string_lossy())
}

/// Lower-case letters, digits and single hyphens between them.
fn sanitised(name: &str) -> String {
    let mut id = String::new();
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() {
            id.push(letter.to_ascii_lowercase());
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    let id = id.trim_end_matches('-');
    if id.is_empty() {
        "unnamed".to_owned()
    } else {
        id.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids_of(names: &[&str]) -> Vec<String> {
        let files: Vec<PathBuf> = names
            .iter()
            .map(|name| Path::new("/d").join(name))
            .collect();
        ids(&files)
    }

    #[test]
    fn ids_are_stems_where_they_can_be() {
        for (names, expected) in [
            (
                vec!["check_backup.sh", "raid"],
                vec!["check-backup", "raid"],
            ),
            (vec!["a.py", "a.sh", "b"], vec!["a-py", "a-sh", "b"]),
            (vec!["Ä__ B..sh"], vec!["b"]),
            (vec!["ä", "ö"], vec!["unnamed", "unnamed-2"]),
            (vec!["a-b", "a_b"], vec!["a-b", "a-b-2"]),
            (vec!["directory"], vec!["directory-2"]),
            (vec!["directory.sh"], vec!["directory-sh"]),
        ] {
            assert_eq!(ids_of(&names), expected, "{names:?}");
        }
    }

    proptest! {
        #[test]
        fn ids_are_distinct_and_well_formed(names in prop::collection::btree_set("[^/\u{0}]{1,6}", 0..20)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let ids = ids_of(&names);
            let distinct: BTreeSet<&String> = ids.iter().collect();
            prop_assert_eq!(distinct.len(), ids.len());
            for id in ids {
                prop_assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
                prop_assert!(!id.is_empty());
            }
        }
    }
}
