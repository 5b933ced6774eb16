//! `layout.node-dir`

use super::directory::{self, CAUSES};
use crate::{
    checks::{Category, Check, Context, Directory, Judge, Judgement, Level, Mend, Prose, Remedy},
    facts::Source,
};

/// See [`Prose::checks`] in the declaration.
pub static NODE_DIR: Check = Check {
    id: "layout.node-dir",
    title: "The node's base directory is there",
    category: Category::Layout,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Layout],
    reference: "Operator's manual, preparing the machine: directories",
    causes: CAUSES,
    prose: Prose {
        checks: "Whether `layout.node_dir` of the profile is a directory, links followed.",
        why: "The node's container mounts it, and the link to the data and the logs stand in it.",
        remedy: "Make the directory.",
    },
    mends: &[Mend::new(
        Remedy::CreateDirectory(Directory::Node),
        &[directory::MISSING],
    )],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    directory::judge(context.facts.layout().seen()?.node_dir.seen()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{cases::judge_cases, layout::directory::tests::cases};

    #[test]
    fn as_any_directory() {
        judge_cases(&NODE_DIR, &cases(|layout, place| layout.node_dir = place));
    }
}
