//! `layout.ownership`

use super::DATA_DIR;
use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
        command_line::quoted, config,
    },
    facts::{
        Gap, Source,
        ownership::{CutShort, Ownership, Parent, Tree},
        stack::Stack,
    },
};

const WRONG_OWNER: Cause = Cause::new("wrong-owner", "something belongs to another user");
const WORLD_WRITABLE: Cause = Cause::new("world-writable", "everybody may write to something");
const NOT_ENTERABLE: Cause = Cause::new(
    "not-enterable",
    "the node's user may not pass through a directory on the way",
);

/// See [`Prose::checks`] in the declaration.
pub static OWNERSHIP: Check = Check {
    id: "layout.ownership",
    title: "Data and logs belong to the node's user",
    category: Category::Layout,
    level: Level::Required,
    needs: &[&DATA_DIR, &config::ENV],
    reads: &[Source::Ownership, Source::Stack],
    reference: "Operator's manual, preparing the machine: ownership; `.env`: USER_ID",
    causes: &[WRONG_OWNER, WORLD_WRITABLE, NOT_ENTERABLE],
    prose: Prose {
        checks: "Whether everything in the data and log directories belongs to the user that `USER_ID` in `.env` names, nothing there can be written to by everybody, and that user may pass through every directory above them. Links are not followed and other file systems not entered; at most 200,000 entries are looked at.",
        why: "The node runs as that user. What belongs to another one it cannot write, and its database stops; what everybody may write to, any program on the machine can corrupt.",
        remedy: "Hand the directories to that user with `chown -Rh`, and take the write permission from others with `chmod`.",
    },
    mends: &[Mend::new(
        Remedy::SetOwnership,
        &[WRONG_OWNER, WORLD_WRITABLE, NOT_ENTERABLE],
    )],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let expected = context.facts.stack().seen().ok().and_then(Stack::user_id);
    judge_for(context.facts.ownership().seen()?, expected)
}

fn judge_for(ownership: &Ownership, expected: Option<u32>) -> Judgement {
    let data = ownership.data.seen()?;
    // Logs that are not there yet are no trouble of their owner.
    let logs = ownership.logs.seen_or_absent()?;
    let trees: Vec<&Tree> = [data].into_iter().chain(logs).collect();
    let verdict = None
        .or_else(|| first(&trees, |tree| wrong_owner(tree, expected?)))
        .or_else(|| first(&trees, world_writable))
        .or_else(|| first(&trees, |tree| not_enterable(tree, expected)));
    let verdict = match verdict {
        // What was seen of owners and permissions is wrong whatever else is.
        Some(verdict) => verdict.stands_alone(),
        None if expected.is_none() => {
            return Err(Gap::Failed(
                "USER_ID is not known, so the owners could not be compared with it".into(),
            ));
        }
        None => all_well(&trees, expected)?,
    };
    let verdict = trees
        .iter()
        .fold(verdict, |verdict, tree| describe(verdict, tree));
    let verdict = match expected {
        Some(uid) => verdict.expected(format!(
            "all of it belongs to user {uid} (USER_ID), nothing can be written to by everybody, and that user can get there"
        )),
        None => verdict
            .expected("nothing can be written to by everybody, and the owner can get there")
            .remark("USER_ID is not known, so owners were not compared with it"),
    };
    Ok(verdict)
}

fn first(trees: &[&Tree], judge: impl Fn(&Tree) -> Option<Verdict>) -> Option<Verdict> {
    trees.iter().find_map(|tree| judge(tree))
}

fn wrong_owner(tree: &Tree, expected: u32) -> Option<Verdict> {
    let other = tree.owners.iter().find(|owner| owner.uid != expected)?;
    let verdict = Verdict::fail(
        WRONG_OWNER,
        format!(
            "{} belongs to user {}, not to user {expected}",
            other.first, other.uid
        ),
    );
    Some(
        verdict
            .observed(other.first.as_str())
            .evidence("entries of that owner", other.entries)
            .advice(format!(
                "hand it over, links themselves included: chown -Rh {expected}:{expected} {}",
                quoted(&tree.path)
            )),
    )
}

fn world_writable(tree: &Tree) -> Option<Verdict> {
    let writable = tree.world_writable.as_ref()?;
    let verdict = Verdict::fail(
        WORLD_WRITABLE,
        format!(
            "everybody may write to {} (mode {:04o})",
            writable.path, writable.mode
        ),
    );
    Some(verdict.observed(writable.path.as_str()).advice(format!(
        "take that permission away: find {} -xdev ! -type l -perm -0002 -exec chmod o-w {{}} +",
        quoted(&tree.path)
    )))
}

fn not_enterable(tree: &Tree, expected: Option<u32>) -> Option<Verdict> {
    // Without USER_ID whoever owns the directory itself has to get there.
    let user = expected.or_else(|| tree.owners.first().map(|owner| owner.uid))?;
    let parent = tree
        .parents
        .iter()
        .find(|parent| !may_enter(parent, user))?;
    let (whom, permission, _) = class(parent, user);
    let verdict = Verdict::fail(
        NOT_ENTERABLE,
        format!(
            "user {user} may not pass through {} (mode {:04o}, owner {}:{})",
            parent.path, parent.mode, parent.uid, parent.gid
        ),
    );
    Some(verdict.observed(parent.path.as_str()).advice(format!(
        "let {whom} pass through it: chmod {permission} {}",
        quoted(&parent.path)
    )))
}

/// Whether a user may pass through a directory; the stack gives the user the group of the same number.
fn may_enter(parent: &Parent, user: u32) -> bool {
    let (_, _, needed) = class(parent, user);
    user == 0 || parent.mode & needed != 0
}

/// As what a user comes to a directory: in words, the permission that passing through takes, and its bit.
fn class(parent: &Parent, user: u32) -> (&'static str, &'static str, u32) {
    if parent.uid == user {
        ("its owner", "u+x", 0o100)
    } else if parent.gid == user {
        ("its group", "g+x", 0o010)
    } else {
        ("others", "o+x", 0o001)
    }
}

fn all_well(trees: &[&Tree], expected: Option<u32>) -> Judgement {
    if let Some(tree) = trees.iter().find(|tree| tree.denied > 0) {
        let place = tree.first_denied.as_deref().unwrap_or(&tree.path);
        return Err(Gap::Denied(format!("looking into {place} needs root")));
    }
    if let Some(failure) = trees.iter().find_map(|tree| tree.first_failure.as_ref()) {
        return Err(Gap::Failed(format!(
            "not all could be looked at: {failure}"
        )));
    }
    let entries: u64 = trees.iter().map(|tree| tree.entries).sum();
    Ok(match expected {
        Some(uid) => Verdict::pass(format!(
            "all that was looked at ({entries} in number) belongs to user {uid}"
        )),
        None => Verdict::pass(format!(
            "of what was looked at ({entries} in number) nothing can be written to by everybody"
        )),
    }
    .observed(entries))
}

fn describe(verdict: Verdict, tree: &Tree) -> Verdict {
    let owners: Vec<String> = tree
        .owners
        .iter()
        .take(5)
        .map(|owner| format!("{}:{} × {}", owner.uid, owner.gid, owner.entries))
        .collect();
    let verdict = verdict.evidence(format!("owners in {}", tree.path), owners.join(", "));
    match tree.cut_short {
        None => verdict,
        Some(CutShort::TooMany) => verdict.remark(format!(
            "only the first {} entries of {} were looked at",
            tree.entries, tree.path
        )),
        Some(CutShort::Deadline) => verdict.remark(format!(
            "looking through {} ended at the deadline, after {} of its entries; --timeout gives it longer",
            tree.path, tree.entries
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, set_variable},
        },
        facts::{
            Facts, Observed,
            ownership::{Owner, Writable},
        },
    };

    fn tree(path: &str) -> Tree {
        let parent = |path: &str| Parent {
            path: path.into(),
            mode: 0o755,
            uid: 0,
            gid: 0,
        };
        Tree {
            path: path.into(),
            parents: vec![parent("/"), parent("/srv")],
            entries: 10,
            owners: vec![Owner {
                uid: 1000,
                gid: 1000,
                entries: 10,
                first: path.into(),
            }],
            ..Tree::default()
        }
    }

    fn ownership(change: impl Fn(&mut Tree)) -> Ownership {
        let mut logs = tree("/srv/logs");
        change(&mut logs);
        Ownership {
            data: Observed::Seen(tree("/srv/data")),
            logs: Observed::Seen(logs),
        }
    }

    fn with(change: impl Fn(&mut Tree) + Copy) -> impl Fn(&mut Facts) {
        move |facts| {
            facts.ownership = Observed::Seen(ownership(change));
            set_variable(facts, "USER_ID", "1000");
        }
    }

    fn open_to_all(tree: &mut Tree) {
        tree.world_writable = Some(Writable {
            path: "/srv/logs/x".into(),
            mode: 0o666,
        });
    }

    fn closed_above(tree: &mut Tree) {
        if let Some(parent) = tree.parents.last_mut() {
            parent.mode = 0o750;
        }
    }

    #[test]
    #[allow(clippy::too_many_lines)]
    fn cases() {
        judge_cases(
            &OWNERSHIP,
            &[
                Case::new("as it should be", Status::Pass, None, with(|_| {})),
                Case::new(
                    "cut short",
                    Status::Pass,
                    None,
                    with(|tree| tree.cut_short = Some(CutShort::Deadline)),
                ),
                Case::new(
                    "open to all",
                    Status::Fail,
                    Some("world-writable"),
                    with(open_to_all),
                ),
                Case::new(
                    "closed above",
                    Status::Fail,
                    Some("not-enterable"),
                    with(closed_above),
                ),
                Case::new(
                    "closed above, to its owner",
                    Status::Fail,
                    Some("not-enterable"),
                    with(|tree| {
                        if let Some(parent) = tree.parents.last_mut() {
                            *parent = Parent {
                                mode: 0o600,
                                uid: 1000,
                                ..parent.clone()
                            };
                        }
                    }),
                ),
                Case::new(
                    "too many to look at all",
                    Status::Pass,
                    None,
                    with(|tree| tree.cut_short = Some(CutShort::TooMany)),
                ),
                Case::new("no logs yet", Status::Pass, None, |facts: &mut Facts| {
                    let mut seen = ownership(|_| {});
                    seen.logs = Observed::Absent;
                    facts.ownership = Observed::Seen(seen);
                    set_variable(facts, "USER_ID", "1000");
                }),
                Case::new(
                    "of root",
                    Status::Fail,
                    Some("wrong-owner"),
                    with(|tree| {
                        tree.owners.push(Owner {
                            uid: 0,
                            gid: 0,
                            entries: 1,
                            first: "/srv/logs/of-root".into(),
                        });
                    }),
                ),
                Case::new(
                    "nobody knows whose it should be",
                    Status::Unknown,
                    Some("observation-failed"),
                    |facts: &mut Facts| facts.ownership = Observed::Seen(ownership(|_| {})),
                ),
                Case::new(
                    "open to all, whoever should own it",
                    Status::Fail,
                    Some("world-writable"),
                    |facts: &mut Facts| {
                        facts.ownership = Observed::Seen(ownership(open_to_all));
                    },
                ),
                Case::new(
                    "no data",
                    Status::Unknown,
                    Some("not-found"),
                    |facts: &mut Facts| {
                        let mut seen = ownership(|_| {});
                        seen.data = Observed::Absent;
                        facts.ownership = Observed::Seen(seen);
                    },
                ),
                Case::new(
                    "not all may be looked at",
                    Status::Unknown,
                    Some("needs-root"),
                    with(|tree| tree.denied = 1),
                ),
                Case::new(
                    "the disk fails on the way",
                    Status::Unknown,
                    Some("observation-failed"),
                    with(|tree| tree.first_failure = Some("/x: I/O error".into())),
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
    fn with_a_known_user() {
        let told = |expected, change: fn(&mut Tree)| {
            let verdict = judge_for(&ownership(change), Some(expected)).unwrap();
            (verdict.status, verdict.cause, verdict.observed)
        };
        assert_eq!(told(1000, |_| {}).0, Status::Pass);
        let (status, cause, observed) = told(1001, |_| {});
        assert_eq!(status, Status::Fail);
        assert_eq!(cause.as_deref(), Some("wrong-owner"));
        assert_eq!(observed, "/srv/data");
        let (_, cause, observed) = told(1000, |tree| {
            tree.owners.push(Owner {
                uid: 0,
                gid: 0,
                entries: 1,
                first: "/srv/logs/of-root".into(),
            });
        });
        assert_eq!(cause.as_deref(), Some("wrong-owner"));
        assert_eq!(observed, "/srv/logs/of-root");
        assert_eq!(told(1000, closed_above).1.as_deref(), Some("not-enterable"));
    }

    #[test]
    fn a_directory_is_passed_through_as_owner_group_or_other() {
        let parent = |mode, uid, gid| Parent {
            path: "/p".into(),
            mode,
            uid,
            gid,
        };
        for (mode, uid, gid, user, expected) in [
            (0o700, 1000, 0, 1000, true),
            (0o077, 1000, 0, 1000, false),
            (0o710, 0, 1000, 1000, true),
            (0o701, 0, 1000, 1000, false),
            (0o701, 0, 0, 1000, true),
            (0o770, 0, 0, 1000, false),
            (0o000, 0, 0, 0, true),
        ] {
            assert_eq!(
                may_enter(&parent(mode, uid, gid), user),
                expected,
                "{mode:o}"
            );
        }
    }
}
