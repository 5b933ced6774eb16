//! Places for tables of cases.

use crate::facts::{
    Facts, FileKind, Observed,
    layout::{Destination, End, Entry, Layout, Place},
};

fn entry(kind: FileKind) -> Entry {
    Entry {
        kind,
        mode: 0o755,
        uid: 1000,
        gid: 1000,
    }
}

fn destination(path: &str, kind: FileKind) -> Destination {
    Destination {
        path: path.into(),
        entry: entry(kind),
        device: 1,
        // Two places are one thing where they have one path.
        inode: path
            .bytes()
            .fold(7, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte)),
        has_entries: (kind == FileKind::Directory).then_some(true),
    }
}

/// Something that stands at a path itself.
pub fn real(path: &str, kind: FileKind) -> Place {
    Place {
        path: path.into(),
        entry: Some(entry(kind)),
        target: None,
        end: End::Found(destination(path, kind)),
    }
}

/// A directory with something in it.
pub fn directory(path: &str) -> Place {
    real(path, FileKind::Directory)
}

/// A directory with nothing in it.
pub fn empty_directory(path: &str) -> Place {
    let mut place = directory(path);
    if let End::Found(destination) = &mut place.end {
        destination.has_entries = Some(false);
    }
    place
}

/// A link to something.
pub fn link(path: &str, target: &str, to: &str, kind: FileKind) -> Place {
    Place {
        end: End::Found(destination(to, kind)),
        ..broken_link(path, target, End::Loop)
    }
}

/// A link to nothing.
pub fn broken_link(path: &str, target: &str, end: End) -> Place {
    Place {
        path: path.into(),
        entry: Some(entry(FileKind::Symlink)),
        target: Some(target.into()),
        end,
    }
}

/// Nothing, without a link on the way.
pub fn missing(path: &str, first: &str) -> Place {
    nowhere(
        path,
        End::Missing {
            first: first.into(),
        },
    )
}

/// Nothing at the path, for a reason.
pub fn nowhere(path: &str, end: End) -> Place {
    Place {
        path: path.into(),
        entry: None,
        target: None,
        end,
    }
}

/// A machine laid out as the manual has it.
pub fn layout() -> Layout {
    let data = "/srv/data/sesam/node-00/data";
    let seen = |path: &str| Observed::Seen(directory(path));
    Layout {
        data_mount: seen("/srv/data"),
        data_dir: seen(data),
        node_dir: seen("/sesam/node-00"),
        data_link: Observed::Seen(link("/sesam/node-00/data", data, data, FileKind::Directory)),
        logs_dir: seen("/sesam/node-00/logs"),
        agent_dir: seen("/etc/sesam-agent"),
        letsencrypt_dir: seen("/srv/data/traefik/letsencrypt"),
        certificates_dir: Observed::Seen(missing(
            "/srv/data/traefik/certs",
            "/srv/data/traefik/certs",
        )),
    }
}

/// That machine with something changed.
pub fn with(change: impl Fn(&mut Layout)) -> impl Fn(&mut Facts) {
    move |facts| {
        let mut layout = layout();
        change(&mut layout);
        facts.layout = Observed::Seen(layout);
    }
}
