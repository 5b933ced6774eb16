//! Paths in commands that advice proposes.

use std::path::Path;

/// The path as a person can paste it into a shell; what cannot be quoted becomes a word that stands for it.
pub(super) fn quoted(path: impl AsRef<Path>) -> String {
    let path = path.as_ref().to_string_lossy();
    shlex::try_quote(&path).map_or_else(|_| "PATH".to_owned(), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_it_is_quoted() {
        for (path, expected) in [
            ("/srv/data", "/srv/data"),
            ("/mnt/my disk", "'/mnt/my disk'"),
            ("/mnt/$(reboot)", "'/mnt/$(reboot)'"),
            ("/mnt/\0", "PATH"),
        ] {
            assert_eq!(quoted(path), expected);
        }
    }
}
