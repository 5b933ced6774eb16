//! How a directory that has to be there is judged, whichever it is.

use crate::{
    checks::{Cause, Verdict, command_line::quoted},
    facts::{
        FileKind, Gap,
        layout::{Destination, End, Place},
    },
};

pub(super) const MISSING: Cause = Cause::new("missing", "it is not there");
pub(super) const NOT_A_DIRECTORY: Cause =
    Cause::new("not-a-directory", "something else stands there");
pub(super) const DANGLING: Cause = Cause::new("dangling", "a link leads to nothing");
pub(super) const LOOP: Cause = Cause::new("loop", "links lead in a circle");

/// What every directory's check tells apart.
pub(super) const CAUSES: &[Cause] = &[MISSING, NOT_A_DIRECTORY, DANGLING, LOOP];

/// The verdict on a directory that has to be there.
pub(super) fn judge(place: &Place) -> Result<Verdict, Gap> {
    let verdict = match &place.end {
        End::Found(end) if end.entry.kind == FileKind::Directory => found(place, end),
        other => nowhere(
            place,
            other,
            &format!("make it: mkdir -p {}", quoted(&place.path)),
        )?,
    };
    Ok(verdict.expected(format!("{} is a directory", place.path)))
}

fn found(place: &Place, end: &Destination) -> Verdict {
    let verdict = Verdict::pass(format!("{} is a directory", place.path)).observed("directory");
    let verdict = if end.path == place.path {
        verdict
    } else {
        verdict.evidence("leads to", &end.path)
    };
    verdict
        .evidence("mode", format!("{:04o}", end.entry.mode))
        .evidence("owner", format!("{}:{}", end.entry.uid, end.entry.gid))
}

/// The verdict on a path that leads to no directory; `make` says how to make what should be there.
pub(super) fn nowhere(place: &Place, end: &End, make: &str) -> Result<Verdict, Gap> {
    let path = &place.path;
    let link = match &place.target {
        Some(target) => format!("the link {path} → {target}"),
        None => format!("a link on the way to {path}"),
    };
    let verdict = match end {
        End::Missing { first } => {
            let summary = if first == path {
                format!("{path} is missing")
            } else {
                format!("{path} is missing; there is no {first} either")
            };
            Verdict::fail(MISSING, summary)
                .observed("missing")
                .advice(make)
        }
        End::Dangling { first } => {
            Verdict::fail(DANGLING, format!("{link} leads to {first}, which is missing"))
                .observed("dangling link")
                .advice(format!(
                    "make what the link leads to (a disk that is not mounted?), or remove that link, and {make}"
                ))
        }
        End::Loop => Verdict::fail(LOOP, format!("{link} leads in a circle"))
            .observed("loop")
            .advice(format!(
                "follow it with namei -l {}, remove the link that leads back, and {make}", quoted(path))),
        End::NotADirectory { step } => {
            Verdict::fail(
                NOT_A_DIRECTORY,
                format!("{path} cannot be there, since {step} is no directory"),
            )
            .observed("no directory")
            .advice(format!("move {step} away, and {make}"))
        }
        End::Found(end) => {
            let mut summary = format!("{path} is {}, not a directory", end.entry.kind);
            if end.path != *path {
                summary = format!("{path} leads to {}, which is {}", end.path, end.entry.kind);
            }
            Verdict::fail(NOT_A_DIRECTORY, summary)
                .observed("no directory")
                .advice(format!("move what stands there away, and {make}"))
        }
        End::Denied { directory } => {
            return Err(Gap::Denied(format!("looking into {directory} needs root")));
        }
        End::Failed { reason } => {
            return Err(Gap::Failed(format!("looking at {path} failed: {reason}")));
        }
    };
    Ok(verdict)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        checks::layout::samples::{self, broken_link, link, nowhere, real},
        checks::{Status, cases::Case},
        facts::{Facts, Observed, layout::Layout},
    };

    /// The cases that every required directory has; `put` puts a place where the check looks.
    pub fn cases(put: fn(&mut Layout, Observed<Place>)) -> Vec<Case> {
        let with = |place: Observed<Place>| samples::with(move |layout| put(layout, place.clone()));
        let seen = |place: Place| with(Observed::Seen(place));
        let gone = || "/gone".to_owned();
        let fail = |name, cause, place| Case::new(name, Status::Fail, Some(cause), seen(place));
        vec![
            Case::new(
                "a directory",
                Status::Pass,
                None,
                seen(samples::directory("/a")),
            ),
            Case::new(
                "a link to a directory",
                Status::Pass,
                None,
                seen(link("/a", "b", "/b", FileKind::Directory)),
            ),
            fail("missing", "missing", samples::missing("/a", "/a")),
            fail(
                "missing from further up",
                "missing",
                samples::missing("/a/b", "/a"),
            ),
            fail("a file", "not-a-directory", real("/a", FileKind::Regular)),
            fail("a pipe", "not-a-directory", real("/a", FileKind::Fifo)),
            fail(
                "a link to a file",
                "not-a-directory",
                link("/a", "b", "/b", FileKind::Regular),
            ),
            fail(
                "below a file",
                "not-a-directory",
                nowhere("/a/b", End::NotADirectory { step: "/a".into() }),
            ),
            fail(
                "a dangling link",
                "dangling",
                broken_link("/a", "gone", End::Dangling { first: gone() }),
            ),
            fail(
                "below a dangling link",
                "dangling",
                nowhere("/a/b", End::Dangling { first: gone() }),
            ),
            fail("a circle", "loop", broken_link("/a", "a", End::Loop)),
            Case::new(
                "may not be looked at",
                Status::Unknown,
                Some("needs-root"),
                seen(nowhere(
                    "/a/b",
                    End::Denied {
                        directory: "/a".into(),
                    },
                )),
            ),
            Case::new(
                "damaged disk",
                Status::Unknown,
                Some("observation-failed"),
                seen(nowhere(
                    "/a/b",
                    End::Failed {
                        reason: "I/O error".into(),
                    },
                )),
            ),
            Case::new(
                "dead mount",
                Status::Unknown,
                Some("timed-out"),
                with(Observed::TimedOut("no answer".into())),
            ),
            Case::new(
                "not asked",
                Status::Unknown,
                Some("not-observed"),
                |_: &mut Facts| {},
            ),
        ]
    }
}
