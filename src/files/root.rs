//! The directory that stands for `/` when files are read (`--root`).

use std::{
    collections::VecDeque,
    ffi::OsString,
    io,
    path::{Component, Path, PathBuf},
};

use rustix::io::Errno;

/// Linux follows at most this many links in one path (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// What is taken for `/`: the machine itself, or a directory in which links resolve as in a chroot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    directory: Option<PathBuf>,
}

impl Root {
    /// The machine itself.
    #[must_use]
    pub fn machine() -> Self {
        Self { directory: None }
    }

    /// A directory that stands for `/`.
    ///
    /// # Errors
    /// Where the directory is missing or is no directory.
    pub fn at(directory: &Path) -> io::Result<Self> {
        let directory = directory.canonicalize()?;
        if !directory.is_dir() {
            return Err(Errno::NOTDIR.into());
        }
        Ok(Self {
            directory: Some(directory),
        })
    }

    /// Whether this is the machine itself.
    #[must_use]
    pub fn is_machine(&self) -> bool {
        self.directory.is_none()
    }

    /// The directory on this machine that is taken for `/`.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.as_deref().unwrap_or(Path::new("/"))
    }

    /// Where `path`, with every link followed, is found on this machine.
    ///
    /// # Errors
    /// A loop of links, or a directory that may not be searched. A missing end is no error here.
    pub fn locate(&self, path: &Path) -> io::Result<PathBuf> {
        self.resolve(path, true)
    }

    /// Like [`Root::locate`], but a link in the last place is itself what is meant.
    ///
    /// # Errors
    /// As for [`Root::locate`].
    pub fn locate_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.resolve(path, false)
    }

    /// The path inside this root of a place found by [`Root::locate`].
    #[must_use]
    pub fn inside(&self, located: &Path) -> PathBuf {
        let stripped = self
            .directory
            .as_deref()
            .and_then(|directory| located.strip_prefix(directory).ok());
        match stripped {
            Some(rest) => Path::new("/").join(rest),
            None => located.to_path_buf(),
        }
    }

    fn resolve(&self, path: &Path, follow_last: bool) -> io::Result<PathBuf> {
        let Some(directory) = &self.directory else {
            return Ok(path.to_path_buf());
        };
        let mut located = directory.clone();
        let mut depth = 0_usize;
        let mut links = 0;
        let mut pending = steps(path);
        while let Some(step) = pending.pop_front() {
            match step {
                Step::Root => {
                    located.clone_from(directory);
                    depth = 0;
                }
                Step::Up => {
                    if depth > 0 {
                        located.pop();
                        depth -= 1;
                    }
                }
                Step::Down(name) => {
                    located.push(&name);
                    depth += 1;
                    if pending.is_empty() && !follow_last {
                        break;
                    }
                    match std::fs::read_link(&located) {
                        Ok(target) => {
                            links += 1;
                            if links > MOST_LINKS {
                                return Err(Errno::LOOP.into());
                            }
                            located.pop();
                            depth -= 1;
                            let mut onward = steps(&target);
                            onward.append(&mut pending);
                            pending = onward;
                        }
                        // Not a link, or not there: the caller's own look tells which.
                        Err(error) if is_no_link(&error) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(located)
    }
}

fn is_no_link(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// One step along a path.
pub enum Step {
    /// To the root.
    Root,
    /// To the directory above.
    Up,
    /// To the entry of this name.
    Down(OsString),
}

/// The steps of a path, in their order.
#[must_use]
pub fn steps(path: &Path) -> VecDeque<Step> {
    path.components()
        .filter_map(|component| match component {
            Component::RootDir => Some(Step::Root),
            Component::ParentDir => Some(Step::Up),
            Component::Normal(name) => Some(Step::Down(name.to_owned())),
            Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_resolve_inside_the_root_as_in_a_chroot() {
        let place = tempfile::tempdir().unwrap();
        let base = place.path().canonicalize().unwrap();
        std::fs::create_dir_all(base.join("srv/data")).unwrap();
        std::fs::write(base.join("srv/data/file"), "x").unwrap();
        symlink("/srv/data", base.join("absolute")).unwrap();
        symlink("../../../../srv/data", base.join("climbing")).unwrap();
        symlink("loop", base.join("loop")).unwrap();
        let root = Root::at(&base).unwrap();
        let expected = base.join("srv/data/file");
        for path in [
            "/srv/data/file",
            "/absolute/file",
            "/climbing/file",
            "/../../absolute/./file",
        ] {
            assert_eq!(root.locate(Path::new(path)).unwrap(), expected, "{path}");
        }
        assert_eq!(
            root.locate_link(Path::new("/absolute")).unwrap(),
            base.join("absolute")
        );
        assert_eq!(
            root.locate(Path::new("/missing/file")).unwrap(),
            base.join("missing/file")
        );
        let error = root.locate(Path::new("/loop/file")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::LOOP.raw_os_error()));
        assert_eq!(root.inside(&expected), Path::new("/srv/data/file"));
    }

    #[test]
    fn the_machine_itself_leaves_paths_alone() {
        let root = Root::machine();
        assert_eq!(
            root.locate(Path::new("/a/../b")).unwrap(),
            Path::new("/a/../b")
        );
    }
}
