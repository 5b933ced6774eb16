//! `license.format`

use super::{EMPTY, replace};
use crate::{
    checks::{Category, Cause, Check, Context, Judge, Judgement, Level, Prose, Status, Verdict},
    facts::{
        Source,
        license::{Fault, Instead, Layer, Reading, Remark},
    },
};

const HTML: Cause = Cause::new(
    "html",
    "the file is a web page, saved instead of the license",
);
const TRUNCATED: Cause = Cause::new("truncated", "a part of the license is missing");
const WRONG_ARMOUR: Cause = Cause::new(
    "wrong-armour",
    "the first or last line is not that of a license",
);
const SEVERAL_LICENSES: Cause =
    Cause::new("several-licenses", "the file holds more than one license");
const NOT_BASE64: Cause = Cause::new("not-base64", "something in the license is no base64");
const NOT_JSON: Cause = Cause::new(
    "not-json",
    "the license decodes to something that is no JSON",
);
const MEMBER_MISSING: Cause = Cause::new("member-missing", "the license lacks a required member");
const BAD_DATE: Cause = Cause::new("bad-date", "a date of the license is none");

/// See [`Prose::checks`] in the declaration.
pub static FORMAT: Check = Check {
    id: "license.format",
    title: "License can be read",
    category: Category::License,
    level: Level::Required,
    needs: &[&super::FILE],
    reads: &[Source::License],
    reference: "Operator's manual, license key",
    causes: &[
        EMPTY,
        HTML,
        TRUNCATED,
        WRONG_ARMOUR,
        SEVERAL_LICENSES,
        NOT_BASE64,
        NOT_JSON,
        MEMBER_MISSING,
        BAD_DATE,
    ],
    prose: Prose {
        checks: "The license's text: the lines around it, its base64, the JSON in it, the payload's base64, and the JSON in that with its members `_id`, `expires` and `created`. What `grep -v SESAM license.key | base64 -d | jq -r .payload | base64 -d | jq -r ._id` reads is accepted; line ends of Windows, a byte order mark and text around the license are accepted too, with a remark. Where the id can be read although the last line is wrong, a line is damaged, or something follows that looks like a second license, that is a warning. The signature is not checked, since its algorithm is not published.",
        why: "A license that was cut while copying, or a login page that a browser saved under its name, is none for the node: its pipes stop.",
        remedy: "Download the license from the Sesam portal once more, as a file, and copy it with a tool that does not change it (scp, not copy and paste).",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let file = context.facts.license().seen()?;
    let reading = file.reading.seen()?;
    let verdict = match &reading.fault {
        None => Verdict::pass("armour, base64, JSON and payload can be read"),
        Some(fault) => judge_fault(fault, reading).advice(replace(&file.path)),
    };
    let verdict = verdict
        .observed(reading.fault.as_ref().map_or("license", name))
        .expected("one license, with all its members")
        .evidence("file", file.path.display());
    let verdict = match &reading.id {
        Some(id) => verdict.evidence("_id", shown(id)),
        None => verdict,
    };
    let is_read = matches!(verdict.status, Status::Pass | Status::Warn);
    let remarks = reading.remarks.iter().map(|remark| words(*remark));
    let unchecked = is_read
        .then_some("signature not checked here: its algorithm is not published, the node knows");
    Ok(remarks.chain(unchecked).fold(verdict, Verdict::remark))
}

/// Why nobody could use a license that reads like this; none where it can be used.
#[must_use]
pub fn license_fault(reading: &Reading) -> Option<String> {
    let verdict = judge_fault(reading.fault.as_ref()?, reading);
    (verdict.status == Status::Fail).then_some(verdict.summary)
}

fn judge_fault(fault: &Fault, reading: &Reading) -> Verdict {
    let of = |layer: &Layer| match layer {
        Layer::License => "the license",
        Layer::Payload => "the payload in the license",
    };
    match fault {
        Fault::Empty => Verdict::fail(EMPTY, "the file holds no license"),
        Fault::Html => Verdict::fail(
            HTML,
            "the file is a web page (a login page perhaps), saved instead of the license",
        ),
        Fault::Truncated { layer } => {
            Verdict::fail(TRUNCATED, format!("a part of {} is missing", of(layer)))
        }
        Fault::WrongArmour { found } => {
            let found = match found.as_str() {
                "" => "its first and last line do not stand alone, or are not those of a license"
                    .into(),
                other => format!("a first or last line names “{other}” instead of “SESAM LICENSE”"),
            };
            unless_read(reading, WRONG_ARMOUR, found)
        }
        Fault::SeveralLicenses { count } => {
            let summary = format!("the file holds {count} licenses, and should hold one");
            unless_read(reading, SEVERAL_LICENSES, summary)
        }
        Fault::NotBase64 { layer, instead } => {
            let instead = match instead {
                Instead::OtherCharacters => "has characters that base64 does not have",
                Instead::Utf16 => "was saved as UTF-16 instead of plain text",
                Instead::Json => "is decoded JSON instead of base64",
            };
            unless_read(reading, NOT_BASE64, format!("{} {instead}", of(layer)))
        }
        Fault::NotJson { layer } => Verdict::fail(
            NOT_JSON,
            format!("{} decodes to something that is no JSON object", of(layer)),
        ),
        Fault::MemberMissing { member } => Verdict::fail(
            MEMBER_MISSING,
            format!("the license has no `{}`", member.name()),
        ),
        Fault::BadDate { member } => Verdict::fail(
            BAD_DATE,
            format!("`{}` of the license is no date of ISO 8601", member.name()),
        ),
    }
}

/// Operators' scripts read the one license in it, so it is no failure.
fn unless_read(reading: &Reading, cause: Cause, summary: String) -> Verdict {
    if reading.id.is_some() {
        Verdict::warn(
            cause,
            format!("{summary}; one license can be read all the same"),
        )
    } else {
        Verdict::fail(cause, summary)
    }
}

/// An id as a person reads it: ids are short, but a damaged file may say anything.
pub(super) fn shown(id: &str) -> String {
    const LONGEST: usize = 80;
    let mut letters = id.chars();
    let start: String = letters
        .by_ref()
        .take(LONGEST)
        .flat_map(|letter| {
            if letter.is_control() {
                letter.escape_default().collect()
            } else {
                vec![letter]
            }
        })
        .collect();
    if letters.next().is_some() {
        format!("{start}…")
    } else {
        start
    }
}

fn name(fault: &Fault) -> &'static str {
    match fault {
        Fault::Empty => "nothing",
        Fault::Html => "a web page",
        Fault::Truncated { .. } => "part of a license",
        Fault::WrongArmour { .. } => "something with other first or last lines",
        Fault::SeveralLicenses { .. } => "several licenses",
        Fault::NotBase64 { .. } => "something that is no base64",
        Fault::NotJson { .. } => "something that is no JSON",
        Fault::MemberMissing { .. } | Fault::BadDate { .. } => "an incomplete license",
    }
}

fn words(remark: Remark) -> &'static str {
    match remark {
        Remark::ByteOrderMark => {
            "the file begins with a byte order mark, as some Windows programs write it"
        }
        Remark::CarriageReturns => {
            "the file has the line ends of Windows; operators' scripts with base64 -d cannot read it"
        }
        Remark::Blanks => {
            "lines of the file begin or end with blanks; operators' scripts with base64 -d cannot read it"
        }
        Remark::BeginLineMissing => "the line -----BEGIN SESAM LICENSE----- is missing",
        Remark::EndLineMissing => {
            "the line -----END SESAM LICENSE----- is missing; the license before it is complete"
        }
        Remark::SurroundingText => "there is other text around the license",
        Remark::PaddingMissing => "the base64 of the license is not padded with =",
        Remark::TrailingData => "something follows the license that is no part of it",
        Remark::IdIsNoText => "the id stands in the license as a number or the like, not as text",
        Remark::NotSigned => {
            "nothing beside the payload is in the license, so nothing signs it: the node will hardly accept it"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            cases::{Case, judge_cases, nothing_observed, verdict},
            license::arranging::{file, reading},
        },
        facts::{Facts, Observed, license::Member},
    };

    fn unread(fault: Fault) -> impl Fn(&mut Facts) {
        reading(move |reading| {
            *reading = Reading {
                fault: Some(fault.clone()),
                ..Reading::default()
            };
        })
    }

    fn read_all_the_same(fault: Fault) -> impl Fn(&mut Facts) {
        reading(move |reading| reading.fault = Some(fault.clone()))
    }

    #[test]
    // One table is easier to read than two.
    #[allow(clippy::too_many_lines)]
    fn cases() {
        let layer = Layer::License;
        let armour = || Fault::WrongArmour {
            found: "CERTIFICATE".into(),
        };
        let fail = |name, cause, fault| Case::new(name, Status::Fail, Some(cause), unread(fault));
        let not_base64 = |instead| Fault::NotBase64 { layer, instead };
        judge_cases(
            &FORMAT,
            &[
                Case::new("as it should be", Status::Pass, None, reading(|_| {})),
                Case::new(
                    "windows",
                    Status::Pass,
                    None,
                    reading(|reading| {
                        reading.remarks = vec![Remark::CarriageReturns, Remark::ByteOrderMark];
                    }),
                ),
                fail("blank", "empty", Fault::Empty),
                fail("page", "html", Fault::Html),
                fail("cut", "truncated", Fault::Truncated { layer }),
                fail("certificate", "wrong-armour", armour()),
                fail(
                    "one line",
                    "wrong-armour",
                    Fault::WrongArmour {
                        found: String::new(),
                    },
                ),
                fail(
                    "two",
                    "several-licenses",
                    Fault::SeveralLicenses { count: 2 },
                ),
                fail(
                    "letters",
                    "not-base64",
                    not_base64(Instead::OtherCharacters),
                ),
                fail("UTF-16", "not-base64", not_base64(Instead::Utf16)),
                fail("decoded", "not-base64", not_base64(Instead::Json)),
                fail(
                    "no JSON",
                    "not-json",
                    Fault::NotJson {
                        layer: Layer::Payload,
                    },
                ),
                fail(
                    "no id",
                    "member-missing",
                    Fault::MemberMissing { member: Member::Id },
                ),
                Case::new(
                    "no expiry",
                    Status::Fail,
                    Some("member-missing"),
                    read_all_the_same(Fault::MemberMissing {
                        member: Member::Expires,
                    }),
                ),
                Case::new(
                    "no date",
                    Status::Fail,
                    Some("bad-date"),
                    read_all_the_same(Fault::BadDate {
                        member: Member::Created,
                    }),
                ),
                Case::new(
                    "other end",
                    Status::Warn,
                    Some("wrong-armour"),
                    read_all_the_same(armour()),
                ),
                Case::new(
                    "more follows",
                    Status::Warn,
                    Some("several-licenses"),
                    read_all_the_same(Fault::SeveralLicenses { count: 2 }),
                ),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "missing",
                    Status::Unknown,
                    Some("not-found"),
                    |facts: &mut Facts| {
                        facts.license = Observed::Absent;
                    },
                ),
                Case::new(
                    "no permission",
                    Status::Unknown,
                    Some("needs-root"),
                    file(|file| {
                        file.reading = Observed::Denied("reading it needs root".into());
                    }),
                ),
                Case::new(
                    "too large",
                    Status::Unknown,
                    Some("not-observed"),
                    file(|file| {
                        file.reading = Observed::NotAsked;
                    }),
                ),
            ],
        );
    }

    #[test]
    fn what_was_not_looked_at_is_said() {
        let mut facts = nothing_observed();
        reading(|_| {})(&mut facts);
        let remarks = verdict(&FORMAT, &facts).remarks;
        assert!(
            remarks
                .iter()
                .any(|remark| remark.contains("signature not checked here"))
        );
    }

    #[test]
    fn an_id_is_shown_short_and_plain() {
        assert_eq!(shown("12345"), "12345");
        assert_eq!(shown("a\u{1b}[0mé"), "a\\u{1b}[0mé");
        assert_eq!(shown(&"x".repeat(100)).chars().count(), 81);
    }
}
