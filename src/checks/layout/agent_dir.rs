//! `layout.agent-dir`

use super::directory::{self, CAUSES};
use crate::{
    checks::{
        Category, Check, Context, Directory, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
    },
    facts::Source,
};

/// See [`Prose::checks`] in the declaration.
pub static AGENT_DIR: Check = Check {
    id: "layout.agent-dir",
    title: "The agent's configuration directory is there",
    category: Category::Layout,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Layout],
    reference: "Operator's manual, preparing the machine: directories",
    causes: CAUSES,
    prose: Prose {
        checks: "Whether `layout.agent_dir` of the profile is a directory, links followed. Editions that have no agent skip this.",
        why: "The agent reads its configuration from it, and the manual's installation steps write there.",
        remedy: "Make the directory.",
    },
    mends: &[Mend::new(
        Remedy::CreateDirectory(Directory::Agent),
        &[directory::MISSING],
    )],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    if context.profile.layout.agent_dir.is_none() {
        return Ok(Verdict::skip(format!(
            "the {} edition has no agent's directory",
            context.profile.edition
        )));
    }
    directory::judge(context.facts.layout().seen()?.agent_dir.seen()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
            layout::directory::tests::cases,
        },
        facts::Facts,
    };

    #[test]
    fn as_any_directory() {
        judge_cases(&AGENT_DIR, &cases(|layout, place| layout.agent_dir = place));
    }

    #[test]
    fn an_edition_without_an_agent_skips_it() {
        judge_cases(
            &AGENT_DIR,
            &[Case::new(
                "no agent",
                Status::Skip,
                None,
                |facts: &mut Facts| facts.profile.layout.agent_dir = None,
            )],
        );
    }
}
