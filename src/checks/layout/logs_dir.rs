//! `layout.logs-dir`

use super::{
    NODE_DIR,
    directory::{self, CAUSES},
};
use crate::{
    checks::{
        Category, Check, Context, Directory, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
    },
    facts::{Source, layout::End},
};

/// See [`Prose::checks`] in the declaration.
pub static LOGS_DIR: Check = Check {
    id: "layout.logs-dir",
    title: "The node's log directory is there",
    category: Category::Layout,
    level: Level::Required,
    needs: &[&NODE_DIR],
    reads: &[Source::Layout],
    reference: "Operator's manual, preparing the machine: directories",
    causes: CAUSES,
    prose: Prose {
        checks: "Whether `layout.logs_dir` of the profile is a directory, links followed. Where the edition does not have it made by hand (`layout.logs_dir_required`), a missing one is made by the node at its first start, and skips this.",
        why: "The node and the log shipper mount it. Where it cannot be made, the node writes no logs and nothing is shipped.",
        remedy: "Make the directory, and hand it to the user that `USER_ID` in `.env` names.",
    },
    mends: &[Mend::new(
        Remedy::CreateDirectory(Directory::Logs),
        &[directory::MISSING],
    )],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let place = context.facts.layout().seen()?.logs_dir.seen()?;
    let required = context.profile.layout.logs_dir_required;
    if !required && matches!(place.end, End::Missing { .. }) {
        return Ok(Verdict::skip(format!(
            "{} is not there yet; the node makes it at its first start",
            place.path
        )));
    }
    directory::judge(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, nothing_observed, verdict},
            layout::samples::{broken_link, directory, missing, nowhere, real, with},
        },
        facts::{Facts, FileKind, Observed, layout::Place},
        profile,
    };

    #[test]
    fn where_the_node_makes_it() {
        let logs =
            |place: Place| with(move |layout| layout.logs_dir = Observed::Seen(place.clone()));
        judge_cases(
            &LOGS_DIR,
            &[
                Case::new("there", Status::Pass, None, logs(directory("/logs"))),
                Case::new(
                    "not yet",
                    Status::Skip,
                    None,
                    logs(missing("/logs", "/logs")),
                ),
                Case::new(
                    "a file",
                    Status::Fail,
                    Some("not-a-directory"),
                    logs(real("/logs", FileKind::Regular)),
                ),
                Case::new(
                    "a circle",
                    Status::Fail,
                    Some("loop"),
                    logs(broken_link("/logs", "logs", End::Loop)),
                ),
                Case::new(
                    "a dangling link",
                    Status::Fail,
                    Some("dangling"),
                    logs(nowhere("/logs", End::Dangling { first: "/x".into() })),
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
    fn where_it_is_made_by_hand() {
        let mut facts = nothing_observed();
        with(|layout| layout.logs_dir = Observed::Seen(missing("/logs", "/logs")))(&mut facts);
        facts.profile = profile::load("2025").unwrap();
        let verdict = verdict(&LOGS_DIR, &facts);
        assert_eq!(verdict.cause.as_deref(), Some("missing"));
    }
}
