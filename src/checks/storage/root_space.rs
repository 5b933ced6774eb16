//! `storage.root-space`

use super::space::{self, ALMOST_FULL, LOW_SPACE};
use crate::{
    checks::{Category, Check, Context, Judge, Judgement, Level, Prose},
    facts::Source,
};

/// See [`Prose::checks`] in the declaration.
pub static ROOT_SPACE: Check = Check {
    id: "storage.root-space",
    title: "Enough free space on the root file system",
    category: Category::Storage,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Volumes],
    reference: "Operator's manual, hardware requirements",
    causes: &[LOW_SPACE, ALMOST_FULL],
    prose: Prose {
        checks: "The free space on the file system at `/`, by the same limits as `storage.data-space`.",
        why: "On a full root file system logs stop, packages cannot be updated, and services, Docker among them, may not start again.",
        remedy: "Delete old logs and packages, or enlarge the root file system.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let root = context.facts.volumes().seen()?.root.seen()?;
    let advice = "enlarge the root file system, or free space on it: old logs (journalctl --vacuum-size=500M), the package cache (apt-get clean, yum clean all), unused images (while the stack runs, so that its own are kept: docker image prune --all)";
    space::judge(context, "root", root, advice.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
            storage::samples::{GB, space, with},
        },
        facts::{Facts, Observed},
        units::Bytes,
    };

    fn root(available: u64) -> impl Fn(&mut Facts) {
        with(move |volumes| {
            let space = space(&mut volumes.root);
            space.free_bytes = Bytes(available * GB);
            space.available_bytes = Bytes(available * GB);
        })
    }

    #[test]
    fn cases() {
        judge_cases(
            &ROOT_SPACE,
            &[
                Case::new("enough", Status::Pass, None, root(200)),
                Case::new("little", Status::Warn, Some("low-space"), root(30)),
                Case::new("hardly any", Status::Fail, Some("almost-full"), root(3)),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "failed",
                    Status::Unknown,
                    Some("observation-failed"),
                    with(|volumes| volumes.root = Observed::Failed("I/O error".into())),
                ),
            ],
        );
    }
}
