//! `license.file`

use super::{EMPTY, replace};
use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Mend, Prose, Remedy, Restricted,
        Verdict, command_line::quoted, layout,
    },
    facts::{
        FileKind, Gap, Source,
        license::{Fault, LicenseFile},
    },
    units::Bytes,
};

const MISSING: Cause = Cause::new("missing", "there is no license file");
const NOT_A_FILE: Cause = Cause::new(
    "not-a-file",
    "something that is no file stands in its place",
);
const TOO_LARGE: Cause = Cause::new("too-large", "the file is larger than any license");
const NOT_READABLE: Cause = Cause::new("not-readable", "the node's account may not read the file");
const WORLD_READABLE: Cause = Cause::new("world-readable", "every account may read the file");
const WORLD_WRITABLE: Cause = Cause::new("world-writable", "every account may change the file");

/// See [`Prose::checks`] in the declaration.
pub static FILE: Check = Check {
    id: "license.file",
    title: "License file is in place",
    category: Category::License,
    level: Level::Required,
    needs: &[&layout::DATA_DIR],
    reads: &[Source::License, Source::Stack, Source::Volumes],
    reference: "Operator's manual, installation: license key",
    causes: &[
        MISSING,
        NOT_A_FILE,
        EMPTY,
        TOO_LARGE,
        NOT_READABLE,
        WORLD_READABLE,
        WORLD_WRITABLE,
    ],
    prose: Prose {
        checks: "The file `layout.license_file` of the profile: it exists, is a regular file (a link to one counts), is not empty and not larger than `license.largest_bytes`, and can be read by the account `USER_ID`. A file that every account may read or change is a warning.",
        why: "Without its license the node starts and its pipes stop. A license that the node's account cannot read is as good as none, and one that everybody can read can be taken along.",
        remedy: "Download the license from the Sesam portal, put it at that place, give it to the node's account (`chown`) and take the others' rights away (`chmod 640`).",
    },
    mends: &[
        Mend::new(Remedy::PlaceLicense, &[MISSING, EMPTY]),
        Mend::new(Remedy::RestrictMode(Restricted::License), &[WORLD_READABLE]),
    ],
    judge: Judge::One(judge),
};

/// The account of the node, `USER_ID` of the stack's `.env`.
fn user_id(context: &Context) -> Option<u32> {
    context.facts.stack().seen().ok()?.user_id()
}

fn judge(context: &Context) -> Judgement {
    let on_root_disk = context
        .facts
        .volumes()
        .seen()
        .is_ok_and(|volumes| volumes.root_disk_variant);
    let place = context.profile.layout.license_file_on(on_root_disk);
    let place = place.display();
    let file = match context.facts.license().seen() {
        Ok(file) => file,
        Err(Gap::Absent) => {
            return Ok(
                Verdict::fail(MISSING, format!("there is no file {place}"))
                    .expected(EXPECTED)
                    .advice(format!(
                        "download the license of this subscription from the Sesam portal and put it at {place}"
                    )),
            );
        }
        Err(gap) => return Err(gap),
    };
    let limit = context.profile.license.largest_bytes;
    let verdict = judge_file(file, limit, user_id(context))
        .observed(format!("{:04o}", file.permissions))
        .expected(EXPECTED)
        .evidence("file", file.path.display())
        .evidence("size", file.size_bytes)
        .evidence("owner and group", format!("{}:{}", file.owner, file.group))
        .evidence("permissions", format!("{:04o}", file.permissions));
    Ok(match &file.link {
        Some(target) => verdict.evidence("links to", target.display()),
        None => verdict,
    })
}

const EXPECTED: &str =
    "a regular file that the node's account may read, and no account beside its owner and group";

fn judge_file(file: &LicenseFile, limit: Bytes, user: Option<u32>) -> Verdict {
    let path = file.path.display();
    match (file.kind, &file.link) {
        (FileKind::Regular, _) => {}
        (FileKind::Symlink, Some(target)) => {
            return Verdict::fail(
                MISSING,
                format!(
                    "{path} is a link to {}, which leads nowhere",
                    target.display()
                ),
            )
            .advice(format!(
                "put the license where the link {path} leads, or in place of the link"
            ));
        }
        (kind, _) => {
            return Verdict::fail(NOT_A_FILE, format!("{path} is {kind}, not a file")).advice(
                format!("look what made {path} (Docker makes a directory where a file to be mounted is missing), move it away, and put the license in its place"),
            );
        }
    }
    let says_nothing =
        matches!(file.reading.seen(), Ok(reading) if reading.fault == Some(Fault::Empty));
    if file.size_bytes == Bytes(0) {
        Verdict::fail(EMPTY, format!("{path} is empty")).advice(replace(&file.path))
    } else if says_nothing {
        Verdict::fail(
            EMPTY,
            format!("{path} has {} and holds no license", file.size_bytes),
        )
        .advice(replace(&file.path))
    } else if file.size_bytes > limit {
        Verdict::fail(
            TOO_LARGE,
            format!(
                "{path} has {}; a license has at most {limit}",
                file.size_bytes
            ),
        )
        .advice(replace(&file.path))
    } else {
        judge_permissions(file, user)
    }
}

fn judge_permissions(file: &LicenseFile, user: Option<u32>) -> Verdict {
    let path = file.path.display();
    let word = quoted(&file.path);
    let may = |bits: u32| file.permissions & bits != 0;
    if let Some(user) = user
        && !readable_by(file, user)
    {
        return Verdict::fail(
            NOT_READABLE,
            format!(
                "{path} belongs to {}:{} with permissions {:04o}: the node's account {user} may not read it",
                file.owner, file.group, file.permissions
            ),
        )
        .advice(format!("chown {user}:{user} {word} && chmod 640 {word}"));
    }
    if !may(0o444) {
        return Verdict::fail(
            NOT_READABLE,
            format!(
                "{path} has permissions {:04o}: nobody may read it",
                file.permissions
            ),
        )
        .advice(format!("chmod 640 {word}"));
    }
    let verdict = if may(0o002) {
        Verdict::warn(WORLD_WRITABLE, format!("every account may change {path}"))
            .advice(format!("chmod o-rwx {word}"))
    } else if may(0o004) {
        Verdict::warn(WORLD_READABLE, format!("every account may read {path}"))
            .advice(format!("chmod o-rwx {word}"))
    } else {
        Verdict::pass(format!("{path}, {}", file.size_bytes))
    };
    if user.is_some() {
        verdict
    } else {
        verdict.remark(
            "USER_ID is not known, so whether the node's account may read the file was not judged",
        )
    }
}

/// The kernel looks at one class of rights only: the owner's, else the group's, else the others'.
fn readable_by(file: &LicenseFile, user: u32) -> bool {
    const ROOT: u32 = 0;
    let may = |bit: u32| file.permissions & bit != 0;
    if user == ROOT {
        true
    } else if file.owner == user {
        may(0o400)
    } else if file.group == user {
        may(0o040)
    } else {
        may(0o004)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, nothing_observed, set_variable, verdict},
            license::arranging::{file, good, reading},
        },
        facts::{Facts, Observed},
    };

    #[test]
    fn where_a_good_one_comes_from_is_said() {
        let mut facts = nothing_observed();
        file(|file| file.size_bytes = Bytes(0))(&mut facts);
        let advice = verdict(&FILE, &facts).advice;
        let path = good().path.display().to_string();
        assert!(
            advice[0].contains("from the Sesam portal") && advice[0].ends_with(&path),
            "{advice:?}"
        );
    }

    #[test]
    fn cases() {
        let fail = |name, cause, change: fn(&mut LicenseFile)| {
            Case::new(name, Status::Fail, Some(cause), file(change))
        };
        let warn = |name, cause, change: fn(&mut LicenseFile)| {
            Case::new(name, Status::Warn, Some(cause), file(change))
        };
        judge_cases(
            &FILE,
            &[
                Case::new("as it should be", Status::Pass, None, file(|_| {})),
                Case::new(
                    "linked",
                    Status::Pass,
                    None,
                    file(|file| file.link = Some("/x".into())),
                ),
                Case::new(
                    "missing",
                    Status::Fail,
                    Some("missing"),
                    |facts: &mut Facts| {
                        facts.license = Observed::Absent;
                    },
                ),
                fail("dangling", "missing", |file| {
                    file.kind = FileKind::Symlink;
                    file.link = Some("/x".into());
                }),
                fail("a directory", "not-a-file", |file| {
                    file.kind = FileKind::Directory;
                }),
                fail("a pipe", "not-a-file", |file| file.kind = FileKind::Fifo),
                fail("a link of an odd kind", "not-a-file", |file| {
                    file.kind = FileKind::Symlink;
                }),
                fail("empty", "empty", |file| file.size_bytes = Bytes(0)),
                Case::new(
                    "blank",
                    Status::Fail,
                    Some("empty"),
                    reading(|reading| {
                        reading.fault = Some(Fault::Empty);
                    }),
                ),
                fail("5 GB", "too-large", |file| {
                    file.size_bytes = Bytes(5_000_000_000);
                }),
                Case::new(
                    "as large as a license may be",
                    Status::Pass,
                    None,
                    |facts: &mut Facts| {
                        let largest = facts.profile.license.largest_bytes;
                        file(move |file| file.size_bytes = largest)(facts);
                    },
                ),
                Case::new(
                    "for another account than USER_ID",
                    Status::Fail,
                    Some("not-readable"),
                    |facts: &mut Facts| {
                        file(|_| {})(facts);
                        set_variable(facts, "USER_ID", "1234");
                    },
                ),
                fail("for nobody", "not-readable", |file| file.permissions = 0),
                warn("for everybody", "world-readable", |file| {
                    file.permissions = 0o644;
                }),
                warn("open to everybody", "world-writable", |file| {
                    file.permissions = 0o666;
                }),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "no permission",
                    Status::Unknown,
                    Some("needs-root"),
                    |facts: &mut Facts| {
                        facts.license = Observed::Denied("reading it needs root".into());
                    },
                ),
                Case::new(
                    "dead mount",
                    Status::Unknown,
                    Some("timed-out"),
                    |facts: &mut Facts| {
                        facts.license = Observed::TimedOut("it did not answer".into());
                    },
                ),
            ],
        );
    }

    #[test]
    fn the_nodes_account_has_to_be_let_in() {
        for (owner, group, permissions, user, readable) in [
            (1000, 1000, 0o600, 1000, true),
            (1000, 1000, 0o600, 1001, false),
            (1000, 1000, 0o600, 0, true),
            (0, 1000, 0o640, 1000, true),
            (0, 1000, 0o600, 1000, false),
            (0, 0, 0o644, 1000, true),
            (0, 0, 0o640, 1000, false),
            // The owner's own rights count for the owner, even where others have more.
            (1000, 0, 0o044, 1000, false),
        ] {
            let file = LicenseFile {
                owner,
                group,
                permissions,
                ..good()
            };
            let verdict = judge_file(&file, Bytes(1_000_000), Some(user));
            assert_eq!(
                verdict.status != Status::Fail,
                readable,
                "{}",
                verdict.summary
            );
            if !readable {
                assert_eq!(verdict.cause.as_deref(), Some("not-readable"));
                assert!(!verdict.advice.is_empty());
            }
        }
    }
}
