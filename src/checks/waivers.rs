//! `config.waivers`

use super::{
    Category, Cause, Check, Context, Item, Judge, Judgement, Level, Prose, Verdict, registry,
};
use crate::{settings::Waiver, utc::date_of};

const EXPIRED: Cause = Cause::new(
    "expired",
    "the waiver's last day has passed: it does nothing",
);
const MATCHES_NOTHING: Cause = Cause::new(
    "matches-nothing",
    "no check has the id that the waiver names",
);

/// Waivers that no longer do what somebody believes they do.
pub static WAIVERS: Check = Check {
    id: "config.waivers",
    title: "Every waiver still holds",
    category: Category::Config,
    level: Level::Recommended,
    needs: &[],
    reads: &[],
    reference: "Operators' guide, waivers",
    causes: &[EXPIRED, MATCHES_NOTHING],
    prose: Prose {
        checks: "The waivers of the settings file: each names a check that exists, and its last day has not passed.",
        why: "An expired waiver does nothing, and one with a misspelled id never did; somebody believes that a failure is accepted while monitoring reports it, or the other way round.",
        remedy: "Ask whoever approved the waiver whether it is to go on: set a new `until`, or mend what was waived and delete it. Ids are listed by `sesam-doctor list`.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let waivers = &context.settings.waivers;
    if waivers.is_empty() {
        return Ok(Verdict::skip("nothing is waived"));
    }
    let items: Vec<Item> = waivers.iter().map(|waiver| item(waiver, context)).collect();
    let verdict = Verdict::worst_of(items, format!("{} in force", waivers.len()))
        .expected("waivers that name a check and whose last day has not passed");
    let has = |verdict: &Verdict, cause: Cause| {
        let mut causes = verdict
            .items
            .iter()
            .filter_map(|item| item.cause.as_deref());
        causes.any(|code| code == cause.code)
    };
    let verdict = if has(&verdict, EXPIRED) {
        verdict.advice("ask whoever approved it, then set a new `until` or delete the waiver from the settings file")
    } else {
        verdict
    };
    Ok(if has(&verdict, MATCHES_NOTHING) {
        verdict.advice(
            "correct the id in the settings file, or delete the waiver: sesam-doctor list shows every id",
        )
    } else {
        verdict
    })
}

fn item(waiver: &Waiver, context: &Context) -> Item {
    let name = &waiver.check;
    let item = if registry::find(name).is_none() {
        Item::warn(name, MATCHES_NOTHING, "there is no check of this id")
    } else if waiver.until < date_of(context.now) {
        let summary = format!(
            "expired on {}; it was approved by {}",
            waiver.until, waiver.approved_by
        );
        Item::warn(name, EXPIRED, summary)
    } else {
        Item::pass(name, format!("holds until {}", waiver.until))
    };
    item.observed(waiver.until.to_string())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
        },
        facts::Facts,
    };

    fn waiving(check: &'static str, year: i16) -> impl Fn(&mut Facts) {
        move |facts| {
            facts.settings.waivers.push(Waiver {
                check: check.into(),
                reason: "agreed".into(),
                approved_by: "customer IT".into(),
                until: date(year, 11, 22),
            });
        }
    }

    #[test]
    fn cases() {
        judge_cases(
            &WAIVERS,
            &[
                Case::new("nothing waived", Status::Skip, None, |_: &mut Facts| {}),
                Case::new(
                    "in force",
                    Status::Pass,
                    None,
                    waiving("hardware.cpu", 2027),
                ),
                Case::new("until today", Status::Pass, None, |facts: &mut Facts| {
                    waiving("hardware.cpu", 2026)(facts);
                    facts.settings.waivers[0].until = date(2026, 11, 23);
                }),
                Case::new(
                    "expired yesterday",
                    Status::Warn,
                    Some("expired"),
                    waiving("hardware.cpu", 2026),
                ),
                Case::new(
                    "misspelled",
                    Status::Warn,
                    Some("matches-nothing"),
                    waiving("hardware.cpus", 2027),
                ),
            ],
        );
    }
}
