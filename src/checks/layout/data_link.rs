//! `layout.data-link`

use super::{
    DATA_DIR, NODE_DIR,
    directory::{self, DANGLING, LOOP, MISSING, NOT_A_DIRECTORY},
};
use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
        command_line::quoted,
    },
    facts::{
        Gap, Source,
        layout::{Destination, End, Place},
    },
};

const WRONG_TARGET: Cause = Cause::new("wrong-target", "the link leads elsewhere");
const REAL_DIRECTORY: Cause = Cause::new(
    "real-directory",
    "a real directory stands where the link should be, beside the data directory",
);

/// See [`Prose::checks`] in the declaration.
pub static DATA_LINK: Check = Check {
    id: "layout.data-link",
    title: "The node's base links to its data",
    category: Category::Layout,
    level: Level::Required,
    needs: &[&DATA_DIR, &NODE_DIR],
    reads: &[Source::Layout],
    reference: "Operator's manual, preparing the machine: directories",
    causes: &[
        MISSING,
        WRONG_TARGET,
        DANGLING,
        LOOP,
        REAL_DIRECTORY,
        NOT_A_DIRECTORY,
    ],
    prose: Prose {
        checks: "Whether `layout.data_link` of the profile leads to `layout.data_dir`, in whatever spelling: relative, through other links, or as a bind mount. In the root-disk variant it is a real directory, and there is no data directory elsewhere. A real directory beside a data directory that holds something fails; beside an empty one it warns.",
        why: "The node writes through this path. Where it leads elsewhere, the node starts with other or no data, or fills up the root disk while the data disk stays empty.",
        remedy: "Stop the stack, see which of the two places holds the node's data, move it to the data directory, and make the link. Never replace a real directory that holds data by a link.",
    },
    mends: &[Mend::new(Remedy::LinkData, &[MISSING])],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let layout = context.facts.layout().seen()?;
    let link = layout.data_link.seen()?;
    let data_dir = layout.data_dir.seen()?;
    let verdict = match &link.end {
        End::Found(end) if link.is_real_directory() => judge_directory(link, end, data_dir)?,
        End::Found(end) if link.target.is_some() => judge_link(link, end, data_dir)?,
        other => directory::nowhere(link, other, &make_link(link, data_dir))?,
    };
    let verdict = match &link.target {
        Some(target) => verdict.evidence("link says", target),
        None => verdict,
    };
    Ok(match verdict.expected {
        Some(_) => verdict,
        None => verdict.expected(format!("{} leads to {}", link.path, data_dir.path)),
    })
}

fn make_link(link: &Place, data_dir: &Place) -> String {
    format!(
        "make the link: ln -s {} {}",
        quoted(&data_dir.path),
        quoted(&link.path)
    )
}

fn judge_link(link: &Place, end: &Destination, data_dir: &Place) -> Judgement {
    let wanted = destination(data_dir)?;
    if wanted.is_some_and(|wanted| is_same(end, wanted)) {
        return Ok(
            Verdict::pass(format!("{} leads to {}", link.path, data_dir.path))
                .observed(end.path.as_str()),
        );
    }
    let summary = format!(
        "{} leads to {}, not to {}",
        link.path, end.path, data_dir.path
    );
    Ok(Verdict::fail(WRONG_TARGET, summary)
        .observed(end.path.as_str())
        .advice("stop the stack, and see which of the two places holds the node's data")
        .advice(format!(
            "then make the link anew: ln -sfn {} {}",
            quoted(&data_dir.path),
            quoted(&link.path)
        )))
}

/// A real directory is the root-disk variant, unless a data directory stands elsewhere.
fn judge_directory(link: &Place, end: &Destination, data_dir: &Place) -> Judgement {
    let path = &link.path;
    let Some(other) = destination(data_dir)? else {
        return Ok(Verdict::pass(format!("{path} is a real directory"))
            .observed(end.path.as_str())
            .expected(format!(
                "{path} is a directory, where there is no data disk"
            ))
            .remark(
                "the node's data is on the root disk, without a data disk (root-disk variant)",
            ));
    };
    if is_same(end, other) {
        return Ok(
            Verdict::pass(format!("{path} is the same directory as {}", data_dir.path))
                .observed(end.path.as_str())
                .remark("it is no link but a bind mount, or the same path"),
        );
    }
    let summary = format!(
        "{path} is a real directory, and {} is there too",
        data_dir.path
    );
    match other.has_entries {
        Some(true) => Ok(Verdict::fail(
            REAL_DIRECTORY,
            format!("{summary} and holds something"),
        )
        .advice("stop the stack, and see which of the two holds the node's data before anything is moved")
        .advice(format!(
            "where it is {2}: keep the other one under another name (mv {0} {0}.old), then {1}", quoted(path), make_link(link, data_dir), data_dir.path
        ))
        .advice(format!(
            "where it is {path}: keep the other one under another name (mv {0} {0}.old), move the data there (mv {1} {0}), then {2}", quoted(&data_dir.path), quoted(path), make_link(link, data_dir)
        ))),
        Some(false) => Ok(Verdict::warn(
            REAL_DIRECTORY,
            format!("{summary} but empty, so the node's data is on the root disk"),
        )
        .advice(format!(
            "to use the data disk: stop the stack, move what is in {path} to {}, remove the empty directory, then {}",
            data_dir.path,
            make_link(link, data_dir)
        ))
        .advice(format!(
            "to stay on the root disk: remove the empty {}",
            data_dir.path
        ))),
        None => Err(Gap::Denied(format!(
            "looking into {} needs root",
            data_dir.path
        ))),
    }
    .map(|verdict| verdict.observed(end.path.as_str()))
}

/// What the data directory is; nothing where it is not there, a gap where that cannot be said.
fn destination(data_dir: &Place) -> Result<Option<&Destination>, Gap> {
    match &data_dir.end {
        End::Found(destination) => Ok(Some(destination)),
        End::Denied { directory } => {
            Err(Gap::Denied(format!("looking into {directory} needs root")))
        }
        End::Failed { reason } => Err(Gap::Failed(format!(
            "looking at {} failed: {reason}",
            data_dir.path
        ))),
        End::Missing { .. } | End::Dangling { .. } | End::Loop | End::NotADirectory { .. } => {
            Ok(None)
        }
    }
}

fn is_same(one: &Destination, other: &Destination) -> bool {
    (one.device, one.inode) == (other.device, other.inode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
            layout::samples::{
                broken_link, directory, empty_directory, link, missing, nowhere, real, with,
            },
        },
        facts::{Facts, FileKind, Observed},
    };

    const LINK: &str = "/sesam/node-00/data";
    const DATA: &str = "/srv/data/sesam/node-00/data";

    fn at_link(place: Place) -> impl Fn(&mut Facts) {
        with(move |layout| layout.data_link = Observed::Seen(place.clone()))
    }

    fn both(data_link: Place, data_dir: Place) -> impl Fn(&mut Facts) {
        with(move |layout| {
            layout.data_link = Observed::Seen(data_link.clone());
            layout.data_dir = Observed::Seen(data_dir.clone());
        })
    }

    #[test]
    fn links() {
        let fail = |name, cause, place| Case::new(name, Status::Fail, Some(cause), at_link(place));
        let dir = FileKind::Directory;
        let end = |first: &str| End::Dangling {
            first: first.into(),
        };
        judge_cases(
            &DATA_LINK,
            &[
                Case::new("as the manual has it", Status::Pass, None, with(|_| {})),
                Case::new(
                    "in another spelling",
                    Status::Pass,
                    None,
                    at_link(link(LINK, "../../srv/data/x/", DATA, dir)),
                ),
                fail("elsewhere", "wrong-target", link(LINK, "/tmp", "/tmp", dir)),
                fail(
                    "to a file",
                    "wrong-target",
                    link(LINK, "/f", "/f", FileKind::Regular),
                ),
                fail("dangling", "dangling", broken_link(LINK, "/x", end("/x"))),
                fail("a circle", "loop", broken_link(LINK, "data", End::Loop)),
                fail("missing", "missing", missing(LINK, LINK)),
                fail("missing base", "missing", missing(LINK, "/sesam")),
                fail("a file", "not-a-directory", real(LINK, FileKind::Regular)),
                Case::new(
                    "may not be looked at",
                    Status::Unknown,
                    Some("needs-root"),
                    at_link(nowhere(
                        LINK,
                        End::Denied {
                            directory: "/sesam".into(),
                        },
                    )),
                ),
                Case::new(
                    "data directory may not be looked at",
                    Status::Unknown,
                    Some("needs-root"),
                    both(
                        link(LINK, "/x", "/x", dir),
                        nowhere(
                            DATA,
                            End::Denied {
                                directory: "/srv".into(),
                            },
                        ),
                    ),
                ),
                Case::new(
                    "dead mount",
                    Status::Unknown,
                    Some("timed-out"),
                    with(|layout| layout.data_link = Observed::TimedOut("no answer".into())),
                ),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
            ],
        );
    }

    #[test]
    fn real_directories() {
        let mut unread = directory(DATA);
        if let End::Found(end) = &mut unread.end {
            end.has_entries = None;
        }
        let mut bound = directory(LINK);
        bound.end = directory(DATA).end;
        judge_cases(
            &DATA_LINK,
            &[
                Case::new(
                    "root-disk variant",
                    Status::Pass,
                    None,
                    both(directory(LINK), missing(DATA, "/srv/data")),
                ),
                Case::new(
                    "beside a data directory that holds something",
                    Status::Fail,
                    Some("real-directory"),
                    both(empty_directory(LINK), directory(DATA)),
                ),
                Case::new(
                    "beside an empty data directory",
                    Status::Warn,
                    Some("real-directory"),
                    both(directory(LINK), empty_directory(DATA)),
                ),
                Case::new(
                    "beside one that may not be read",
                    Status::Unknown,
                    Some("needs-root"),
                    both(directory(LINK), unread),
                ),
                Case::new(
                    "a bind mount",
                    Status::Pass,
                    None,
                    both(bound, directory(DATA)),
                ),
            ],
        );
    }
}
