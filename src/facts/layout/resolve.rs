//! Where a path leads, step by step, so that the ways of leading nowhere can be told apart.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::Metadata,
    io,
    path::{Path, PathBuf},
};

use crate::files::{Root, Step, steps};

/// Linux follows at most this many links in one path (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// How far a path leads.
#[derive(Debug)]
pub(in crate::facts) struct Resolution {
    /// The deepest place on the way that exists, every link followed, as this machine calls it.
    pub located: PathBuf,
    /// Whether that is the end of the way.
    pub ending: Ending,
}

/// How the way along a path ends.
#[derive(Debug)]
pub(in crate::facts) enum Ending {
    /// At something that is there.
    Found(Box<Metadata>),
    /// At something that is not there.
    Missing {
        /// The first step that is missing, as this machine calls it.
        first: PathBuf,
        /// Whether a link led there.
        through_link: bool,
    },
    /// Nowhere: links lead in a circle, or through too many others.
    Loop,
    /// At something in the middle that is no directory.
    NotADirectory(PathBuf),
    /// At a directory that this run may not search.
    Denied(PathBuf),
    /// At an error of the file system.
    Failed(io::Error),
}

/// Follows `path` inside `root` to its end.
pub(in crate::facts) fn resolve(root: &Root, path: &Path) -> Resolution {
    let base = match root.locate(Path::new("/")) {
        Ok(base) => base,
        Err(error) => {
            return Resolution {
                located: PathBuf::from("/"),
                ending: Ending::Failed(error),
            };
        }
    };
    let mut way = Way {
        base: base.clone(),
        trail: vec![base],
        links: 0,
        pending: steps(path),
    };
    let ending = way.follow();
    Resolution {
        located: way.trail.pop().unwrap_or(way.base),
        ending,
    }
}

struct Way {
    base: PathBuf,
    /// The directories from the base to where we are; each exists and is no link.
    trail: Vec<PathBuf>,
    links: usize,
    pending: VecDeque<Step>,
}

impl Way {
    fn follow(&mut self) -> Ending {
        while let Some(step) = self.pending.pop_front() {
            match step {
                Step::Root => self.trail = vec![self.base.clone()],
                Step::Up => {
                    if self.trail.len() > 1 {
                        self.trail.pop();
                    }
                }
                Step::Down(name) => {
                    if let Some(ending) = self.descend(&name) {
                        return ending;
                    }
                }
            }
        }
        let here = self.trail.last().unwrap_or(&self.base);
        match std::fs::symlink_metadata(here) {
            Ok(metadata) => Ending::Found(Box::new(metadata)),
            Err(error) => Ending::Failed(error),
        }
    }

    /// Takes one step down; says how the way ends where it ends here.
    fn descend(&mut self, name: &OsString) -> Option<Ending> {
        let here = self.trail.last().unwrap_or(&self.base);
        let next = here.join(name);
        let metadata = match std::fs::symlink_metadata(&next) {
            Ok(metadata) => metadata,
            Err(error) => return Some(self.stopped(error, next)),
        };
        if metadata.is_symlink() {
            self.links += 1;
            if self.links > MOST_LINKS {
                return Some(Ending::Loop);
            }
            match std::fs::read_link(&next) {
                Ok(target) => {
                    let mut pending = steps(&target);
                    pending.append(&mut self.pending);
                    self.pending = pending;
                }
                Err(error) => return Some(self.stopped(error, next)),
            }
            return None;
        }
        self.trail.push(next.clone());
        if self.pending.is_empty() {
            Some(Ending::Found(Box::new(metadata)))
        } else if metadata.is_dir() {
            None
        } else {
            Some(Ending::NotADirectory(next))
        }
    }

    fn stopped(&self, error: io::Error, next: PathBuf) -> Ending {
        match error.kind() {
            io::ErrorKind::NotFound => Ending::Missing {
                first: next,
                through_link: self.links > 0,
            },
            io::ErrorKind::PermissionDenied => {
                Ending::Denied(self.trail.last().unwrap_or(&self.base).clone())
            }
            _ => Ending::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_way_of_leading_nowhere_is_told_apart() {
        let place = tempfile::tempdir().unwrap();
        let base = place.path().canonicalize().unwrap();
        std::fs::create_dir_all(base.join("srv/data/deep")).unwrap();
        std::fs::write(base.join("srv/file"), "").unwrap();
        symlink("/srv/data/", base.join("link")).unwrap();
        symlink("link", base.join("chain")).unwrap();
        symlink("../../../srv/./data", base.join("climbing")).unwrap();
        symlink("/srv/gone/away", base.join("dangling")).unwrap();
        symlink("two", base.join("one")).unwrap();
        symlink("one", base.join("two")).unwrap();
        let root = Root::at(&base).unwrap();
        let resolved = |path: &str| resolve(&root, Path::new(path));
        for path in [
            "/srv/data",
            "/link",
            "/chain/",
            "/climbing",
            "/chain/deep/..",
        ] {
            let found = resolved(path);
            assert!(
                matches!(found.ending, Ending::Found(_)),
                "{path}: {found:?}"
            );
            assert_eq!(found.located, base.join("srv/data"), "{path}");
        }
        let missing = resolved("/srv/data/none/below");
        assert_eq!(missing.located, base.join("srv/data"));
        assert!(
            matches!(&missing.ending, Ending::Missing { first, through_link: false } if *first == base.join("srv/data/none")),
            "{missing:?}"
        );
        let dangling = resolved("/dangling");
        assert!(
            matches!(&dangling.ending, Ending::Missing { first, through_link: true } if *first == base.join("srv/gone")),
            "{dangling:?}"
        );
        assert_eq!(dangling.located, base.join("srv"));
        assert!(matches!(resolved("/one/x").ending, Ending::Loop));
        assert!(matches!(
            resolved("/srv/file/x").ending,
            Ending::NotADirectory(_)
        ));
        assert_eq!(resolved("/").located, base);
    }
}
