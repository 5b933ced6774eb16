//! `license.expiry`

use jiff::{SignedDuration, Timestamp};

use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Limit, Measurement, Prose,
        Verdict, system::clock,
    },
    facts::{Gap, Source},
    units::{counted, roughly},
};

const EXPIRED: Cause = Cause::new("expired", "the license has ended");
const EXPIRING: Cause = Cause::new("expiring", "the license ends soon");
const CREATED_IN_FUTURE: Cause = Cause::new(
    "created-in-future",
    "the license was made later than now: the clock may be wrong",
);

/// See [`Prose::checks`] in the declaration.
pub static EXPIRY: Check = Check {
    id: "license.expiry",
    title: "License is in date",
    category: Category::License,
    level: Level::Required,
    needs: &[&super::FORMAT],
    reads: &[Source::License],
    reference: "Operator's manual, license key",
    causes: &[CREATED_IN_FUTURE, EXPIRED, EXPIRING],
    prose: Prose {
        checks: "The members `expires` and `created` of the license, read as UTC where they name no time zone, against the time of the run (or of `--at`). `license.warn_days` of the profile or fewer left is a warning, none a failure. A license made more than `license.zone_tolerance_hours` after now is a failure: usually the machine's clock is behind.",
        why: "When the license ends, the pipes stop. Nobody is told before unless something watches the date.",
        remedy: "Renew the license in the Sesam portal, put the new one in place of the old one, and upload it to the node. Where it was made in the future, compare the machine's clock (`timedatectl`) first.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    clock::blaming(context, judge_dates)
}

fn judge_dates(context: &Context) -> Judgement {
    let file = context.facts.license().seen()?;
    let reading = file.reading.seen()?;
    let unread = |member: &str| Gap::Failed(format!("`{member}` of the license could not be read"));
    let expires = reading.expires.ok_or_else(|| unread("expires"))?;
    let verdict = match reading.created {
        Some(created) => judge_creation(created, context),
        None => None,
    };
    let required = &context.profile.license;
    let days = counted(required.warn_days.into(), "day");
    let verdict = verdict
        .unwrap_or_else(|| judge_end(expires, context))
        .observed(expires.to_string())
        .expected(format!("more than {days} left"))
        .evidence("file", file.path.display())
        .evidence("expires", expires)
        .measure(
            Measurement::new(
                "license_remaining_seconds",
                expires.duration_since(context.now).as_secs_f64(),
            )
            .warn(Limit::Below(
                hours(required.warn_days.saturating_mul(24)).as_secs_f64(),
            ))
            .fail(Limit::Below(0.0)),
        );
    Ok(match reading.created {
        Some(created) => verdict.evidence("created", created),
        None => verdict,
    })
}

/// What is wrong with the license's date of birth, if anything is.
fn judge_creation(created: Timestamp, context: &Context) -> Option<Verdict> {
    let tolerance = hours(context.profile.license.zone_tolerance_hours);
    let ahead = created.duration_since(context.now);
    (ahead > tolerance).then(|| {
        Verdict::fail(
            CREATED_IN_FUTURE,
            format!("the license was made {} from now: is this machine's clock behind?", roughly(ahead)),
        )
        .advice("compare this machine's clock with another one (timedatectl, date -u) and correct it; if it is right, ask Sesam for a new license")
        .evidence("judged as of", context.now)
    })
}

fn judge_end(expires: Timestamp, context: &Context) -> Verdict {
    let left = expires.duration_since(context.now);
    let enough = hours(context.profile.license.warn_days.saturating_mul(24));
    let renew = "renew the license in the Sesam portal, put it in place of the old one, and upload it to the node";
    if left <= SignedDuration::ZERO {
        let summary = format!("the license expired {} ago", roughly(left));
        Verdict::fail(EXPIRED, summary)
            .advice(renew)
            .evidence("judged as of", context.now)
    } else if left <= enough {
        let summary = format!("the license expires in {}", roughly(left));
        Verdict::warn(EXPIRING, summary).advice(renew)
    } else {
        Verdict::pass(format!("the license expires in {}", roughly(left)))
    }
}

fn hours(count: u32) -> SignedDuration {
    SignedDuration::from_hours(count.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, nothing_observed, verdict},
            license::arranging::{file, reading},
        },
        facts::{Facts, Observed},
    };

    fn ends(expires: &'static str) -> impl Fn(&mut Facts) {
        reading(move |reading| reading.expires = expires.parse().ok())
    }

    fn made(created: &'static str) -> impl Fn(&mut Facts) {
        reading(move |reading| reading.created = created.parse().ok())
    }

    #[test]
    fn cases() {
        judge_cases(
            &EXPIRY,
            &[
                Case::new(
                    "a year left",
                    Status::Pass,
                    None,
                    ends("2027-11-23T15:00:00Z"),
                ),
                Case::new(
                    "a second more than 30 days",
                    Status::Pass,
                    None,
                    ends("2026-12-23T15:00:01Z"),
                ),
                Case::new(
                    "30 days",
                    Status::Warn,
                    Some("expiring"),
                    ends("2026-12-23T15:00:00Z"),
                ),
                Case::new(
                    "a second",
                    Status::Warn,
                    Some("expiring"),
                    ends("2026-11-23T15:00:01Z"),
                ),
                Case::new(
                    "now",
                    Status::Fail,
                    Some("expired"),
                    ends("2026-11-23T15:00:00Z"),
                ),
                Case::new(
                    "long ago",
                    Status::Fail,
                    Some("expired"),
                    ends("2017-09-24T00:00:00Z"),
                ),
                Case::new(
                    "the beginning of time",
                    Status::Fail,
                    Some("expired"),
                    ends("-009999-01-03T00:00:00Z"),
                ),
                Case::new(
                    "the end of time",
                    Status::Pass,
                    None,
                    ends("9999-12-30T00:00:00Z"),
                ),
                Case::new(
                    "made in another zone",
                    Status::Pass,
                    None,
                    made("2026-11-24T15:00:00Z"),
                ),
                Case::new(
                    "made in the future",
                    Status::Fail,
                    Some("created-in-future"),
                    made("2026-11-24T15:00:01Z"),
                ),
                Case::new(
                    "made at an unknown time",
                    Status::Pass,
                    None,
                    reading(|reading| reading.created = None),
                ),
                Case::new(
                    "no expiry",
                    Status::Unknown,
                    Some("observation-failed"),
                    reading(|reading| reading.expires = None),
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
    fn the_words_name_the_distance() {
        for (expires, summary) in [
            ("2026-12-05T15:00:00Z", "the license expires in 12 days"),
            ("2026-11-24T16:00:00Z", "the license expires in 25 hours"),
            ("2026-11-23T20:00:00Z", "the license expires in 5 hours"),
            ("2026-11-23T15:02:00Z", "the license expires in 2 minutes"),
            ("2026-11-20T15:00:00Z", "the license expired 3 days ago"),
        ] {
            let mut facts = nothing_observed();
            ends(expires)(&mut facts);
            let verdict = verdict(&EXPIRY, &facts);
            assert_eq!(verdict.summary, summary);
            assert_eq!(verdict.observed, serde_json::json!(expires));
        }
    }
}
