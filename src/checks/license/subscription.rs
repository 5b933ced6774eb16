//! `license.subscription`

use super::format::shown;
use crate::{
    checks::{Category, Cause, Check, Context, Judge, Judgement, Level, Prose, Verdict, config},
    facts::{Gap, Source},
};

const ID_DIFFERS: Cause = Cause::new(
    "id-differs",
    "the license belongs to another subscription than the stack's `.env` names",
);

/// See [`Prose::checks`] in the declaration.
pub static SUBSCRIPTION: Check = Check {
    id: "license.subscription",
    title: "License belongs to this subscription",
    category: Category::License,
    level: Level::Required,
    needs: &[&super::FORMAT, &config::ENV],
    reads: &[Source::License, Source::Stack],
    reference: "Operator's manual, license key; `SUBSCRIPTION_ID`",
    causes: &[ID_DIFFERS],
    prose: Prose {
        checks: "The member `_id` of the license against `SUBSCRIPTION_ID` in the stack's `.env`.",
        why: "A license of another subscription does not let this node run, and its logs and bills go where nobody expects them.",
        remedy: "Compare both with the subscription's page in the Sesam portal: put the license of that subscription in place, or correct `SUBSCRIPTION_ID` and start the stack again.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

/// `SUBSCRIPTION_ID` of the stack's `.env`.
fn subscription_id<'a>(context: &Context<'a>) -> Result<&'a str, Gap> {
    let stack = context.facts.stack().seen()?;
    stack.environment.seen()?;
    stack.subscription_id().ok_or_else(|| {
        Gap::Failed(
            "SUBSCRIPTION_ID is not set, so there is nothing to compare the license with".into(),
        )
    })
}

fn judge(context: &Context) -> Judgement {
    let file = context.facts.license().seen()?;
    let id = file.reading.seen()?.id.as_deref();
    let id = id.ok_or_else(|| Gap::Failed("the id in the license could not be read".into()))?;
    let subscription = subscription_id(context)?;
    Ok(compare(id, subscription)
        .observed(shown(id))
        .expected(format!(
            "“{}”, as SUBSCRIPTION_ID says",
            shown(subscription)
        ))
        .evidence("file", file.path.display())
        .evidence("_id of the license", shown(id))
        .evidence("SUBSCRIPTION_ID", shown(subscription)))
}

fn compare(id: &str, subscription: &str) -> Verdict {
    if id == subscription {
        return Verdict::pass(format!("the license is for the subscription {}", shown(id)));
    }
    let verdict = Verdict::fail(
        ID_DIFFERS,
        format!(
            "the license is for the subscription {}, SUBSCRIPTION_ID is {}",
            shown(id),
            shown(subscription)
        ),
    )
    .advice("look up the id on the subscription's page in the Sesam portal; then put the license of that subscription in place, or correct SUBSCRIPTION_ID in .env and start the stack again")
    // Both ids were read: nothing else explains that they differ.
    .stands_alone();
    if id.trim().eq_ignore_ascii_case(subscription.trim()) {
        verdict.remark("they differ in upper and lower case or in blanks only")
    } else {
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, set_variable},
            license::arranging::{file, reading},
        },
        facts::{Facts, Observed, license::Reading},
    };

    fn both(
        change: impl Fn(&mut Reading) + 'static,
        subscription: &'static str,
    ) -> impl Fn(&mut Facts) {
        let license = reading(change);
        move |facts| {
            license(facts);
            set_variable(facts, "SUBSCRIPTION_ID", subscription);
        }
    }

    #[test]
    fn cases() {
        judge_cases(
            &SUBSCRIPTION,
            &[
                Case::new("the same", Status::Pass, None, both(|_| {}, "12345")),
                Case::new(
                    "another",
                    Status::Fail,
                    Some("id-differs"),
                    both(|_| {}, "54321"),
                ),
                Case::new(
                    "no SUBSCRIPTION_ID",
                    Status::Unknown,
                    Some("observation-failed"),
                    both(|_| {}, ""),
                ),
                Case::new(
                    "no .env",
                    Status::Unknown,
                    Some("not-observed"),
                    reading(|_| {}),
                ),
                Case::new(
                    "no id",
                    Status::Unknown,
                    Some("observation-failed"),
                    reading(|reading| reading.id = None),
                ),
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
                    file(|file| {
                        file.reading = Observed::Denied("reading it needs root".into());
                    }),
                ),
            ],
        );
    }

    #[test]
    fn ids_are_the_same_or_they_are_not() {
        assert_eq!(compare("12345", "12345").status, Status::Pass);
        for (id, subscription, remarks) in [
            ("12345", "12346", 0),
            ("abc-1", "ABC-1", 1),
            ("12345", " 12345", 1),
            ("12345", "", 0),
        ] {
            let verdict = compare(id, subscription);
            assert_eq!(verdict.status, Status::Fail);
            assert_eq!(verdict.cause.as_deref(), Some("id-differs"));
            assert_eq!(verdict.remarks.len(), remarks);
            assert!(!verdict.advice.is_empty());
        }
    }
}
