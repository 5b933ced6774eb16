//! `layout.data-dir`

use super::directory::{self, CAUSES};
use crate::{
    checks::{
        Category, Check, Context, Directory, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
        storage::DATA_WRITABLE,
    },
    facts::{Observed, Source, layout::End},
};

/// See [`Prose::checks`] in the declaration.
pub static DATA_DIR: Check = Check {
    id: "layout.data-dir",
    title: "The node's data directory is there",
    category: Category::Layout,
    level: Level::Required,
    needs: &[&DATA_WRITABLE],
    reads: &[Source::Layout],
    reference: "Operator's manual, preparing the machine: directories",
    causes: CAUSES,
    prose: Prose {
        checks: "Whether `layout.data_dir` of the profile is a directory, links followed. It does not apply in the root-disk variant, where `layout.data_link` is a real directory itself.",
        why: "The node's container mounts it. Where it is missing, Docker makes an empty one that belongs to root, and the node cannot write to it.",
        remedy: "Make the directory, and hand it to the user that `USER_ID` in `.env` names. Where it was there before, see whether the data disk is mounted.",
    },
    mends: &[Mend::new(
        Remedy::CreateDirectory(Directory::Data),
        &[directory::MISSING],
    )],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let layout = context.facts.layout().seen()?;
    let place = layout.data_dir.seen()?;
    match &layout.data_link {
        Observed::Seen(link)
            if link.is_real_directory() && matches!(place.end, End::Missing { .. }) =>
        {
            Ok(Verdict::skip(format!(
                "{} is a real directory, so the node's data is there (root-disk variant)",
                link.path
            )))
        }
        _ => directory::judge(place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{
        Status,
        cases::{Case, judge_cases},
        layout::{
            directory::tests::cases,
            samples::{directory, missing, real, with},
        },
    };

    #[test]
    fn as_any_directory() {
        judge_cases(&DATA_DIR, &cases(|layout, place| layout.data_dir = place));
    }

    #[test]
    fn root_disk_variant() {
        let data_dir = "/srv/data/sesam/node-00/data";
        judge_cases(
            &DATA_DIR,
            &[
                Case::new(
                    "no data disk",
                    Status::Skip,
                    None,
                    with(move |layout| {
                        layout.data_dir = Observed::Seen(missing(data_dir, "/srv/data"));
                        layout.data_link = Observed::Seen(directory("/sesam/node-00/data"));
                    }),
                ),
                Case::new(
                    "a file where the data directory would be",
                    Status::Fail,
                    Some("not-a-directory"),
                    with(move |layout| {
                        layout.data_dir =
                            Observed::Seen(real(data_dir, crate::facts::FileKind::Regular));
                        layout.data_link = Observed::Seen(directory("/sesam/node-00/data"));
                    }),
                ),
            ],
        );
    }
}
