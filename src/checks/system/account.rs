//! `system.account`

use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
    },
    facts::{
        Gap, Source,
        accounts::{Account, Accounts},
    },
};

const MISSING: Cause = Cause::new("missing", "the account does not exist");
const IS_ROOT: Cause = Cause::new("is-root", "the account is root under another name");
const ELSEWHERE: Cause = Cause::new(
    "kept-elsewhere",
    "the account may come from a directory service that could not be asked",
);

/// See [`Prose::checks`] in the declaration.
pub static ACCOUNT: Check = Check {
    id: "system.account",
    title: "Account of the product exists",
    category: Category::System,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Accounts],
    reference: "Operator's manual (2025): the sesam user",
    causes: &[MISSING, IS_ROOT, ELSEWHERE],
    prose: Prose {
        checks: "The account that `system.account` of the profile names is in `/etc/passwd`, or the machine's name service knows it (`getent`), and it is not root under another name. Editions that name no account skip this.",
        why: "The product's files belong to that account, and `USER_ID` in `.env` is its number. Without it files belong to a number that the system may give to somebody else.",
        remedy: "Create it: `useradd --create-home sesam`, and put its number (`id -u sesam`) into `.env` as `USER_ID`.",
    },
    mends: &[Mend::new(Remedy::CreateAccount, &[MISSING])],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let Some(name) = &context.profile.system.account else {
        return Ok(Verdict::skip("this profile names no account"));
    };
    let accounts = context.facts.accounts().seen()?;
    if accounts.name.as_ref() != Some(name) {
        // Recorded under a profile that named none, or another.
        return Err(Gap::NotAsked);
    }
    let verdict = match accounts.account() {
        Some(account) => judge_account(account),
        None => judge_missing(accounts, name)?,
    };
    Ok(verdict.expected(format!("an account “{name}” that is not root")))
}

fn judge_account(account: &Account) -> Verdict {
    let Account { name, uid, gid, .. } = account;
    let verdict = if *uid == 0 {
        Verdict::fail(
            IS_ROOT,
            format!("the account “{name}” has user number 0, which is root's"),
        )
        .advice(format!(
            "take its line out of /etc/passwd with `vipw`, then create it anew: `useradd --create-home {name}`"
        ))
    } else {
        Verdict::pass(format!("the account “{name}” has user number {uid}"))
    };
    verdict
        .observed(*uid)
        .evidence("user and group number", format!("{uid}:{gid}"))
        .evidence("shell", &account.shell)
}

fn judge_missing(accounts: &Accounts, name: &str) -> Judgement {
    // Where the file could not be read, nothing is known.
    accounts.local.seen_or_absent()?;
    let elsewhere = accounts.elsewhere.seen()?;
    let asked = accounts.directory.seen_or_absent();
    match asked {
        Err(gap) if !elsewhere.is_empty() => Ok(Verdict::unknown(
            ELSEWHERE,
            format!(
                "“{name}” is not in /etc/passwd, but may come from {}, which could not be asked: {gap}",
                elsewhere.join(", ")
            ),
        )
        .advice(format!("on the machine itself, ask: `getent passwd {name}`"))),
        _ => Ok(Verdict::fail(
            MISSING,
            format!("there is no account “{name}”"),
        )
        .advice(format!("create it: `useradd --create-home {name}`"))
        .advice(format!(
            "put its number (`id -u {name}`) into the stack's .env as USER_ID"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
        },
        facts::{Facts, Observed},
        profile,
    };

    fn sesam(uid: u32) -> Observed<Account> {
        Observed::Seen(Account {
            name: "sesam".into(),
            uid,
            gid: 1001,
            home: "/home/sesam".into(),
            shell: "/bin/bash".into(),
        })
    }

    fn accounts(
        local: Observed<Account>,
        directory: Observed<Account>,
        elsewhere: &'static [&'static str],
    ) -> impl Fn(&mut Facts) {
        move |facts| {
            facts.profile = profile::load("2025").unwrap();
            facts.accounts = Observed::Seen(Accounts {
                name: Some("sesam".into()),
                local: local.clone(),
                directory: directory.clone(),
                elsewhere: Observed::Seen(elsewhere.iter().map(ToString::to_string).collect()),
            });
        }
    }

    #[test]
    fn cases() {
        use Observed::{Absent, Denied, Failed, NotAsked};
        let missing = Some("missing");
        judge_cases(
            &ACCOUNT,
            &[
                Case::new("2023 names none", Status::Skip, None, |_: &mut Facts| {}),
                Case::new(
                    "local",
                    Status::Pass,
                    None,
                    accounts(sesam(1001), NotAsked, &[]),
                ),
                Case::new(
                    "from LDAP",
                    Status::Pass,
                    None,
                    accounts(Absent, sesam(70_001), &["sss"]),
                ),
                Case::new(
                    "nowhere",
                    Status::Fail,
                    missing,
                    accounts(Absent, Absent, &[]),
                ),
                Case::new(
                    "not in LDAP either",
                    Status::Fail,
                    missing,
                    accounts(Absent, Absent, &["sss"]),
                ),
                Case::new(
                    "another root, files only",
                    Status::Fail,
                    missing,
                    accounts(Absent, NotAsked, &[]),
                ),
                Case::new(
                    "no getent, files only",
                    Status::Fail,
                    missing,
                    accounts(Absent, Failed("no getent".into()), &[]),
                ),
                Case::new(
                    "another root with LDAP",
                    Status::Unknown,
                    Some("kept-elsewhere"),
                    accounts(Absent, NotAsked, &["ldap"]),
                ),
                Case::new(
                    "LDAP hangs",
                    Status::Unknown,
                    Some("kept-elsewhere"),
                    accounts(Absent, Observed::TimedOut("5 s".into()), &["ldap"]),
                ),
                Case::new(
                    "root under another name",
                    Status::Fail,
                    Some("is-root"),
                    accounts(sesam(0), NotAsked, &[]),
                ),
                Case::new(
                    "passwd refused",
                    Status::Unknown,
                    Some("needs-root"),
                    accounts(Denied("/etc/passwd".into()), NotAsked, &[]),
                ),
                Case::new(
                    "passwd missing",
                    Status::Unknown,
                    Some("observation-failed"),
                    accounts(Failed("there is no /etc/passwd".into()), NotAsked, &[]),
                ),
                Case::new(
                    "recorded under 2023",
                    Status::Unknown,
                    Some("not-observed"),
                    |facts: &mut Facts| {
                        facts.profile = profile::load("2025").unwrap();
                        facts.accounts = Observed::Seen(Accounts::default());
                    },
                ),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |facts: &mut Facts| {
                        facts.profile = profile::load("2025").unwrap();
                    },
                ),
            ],
        );
    }
}
