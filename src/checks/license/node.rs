//! `license.node`

use crate::checks::{
    Category, Cause, Check, Context, Judge, Judgement, Level, OFFLINE, Prose, Verdict, node,
};
use crate::{
    facts::{
        Gap, Observed, Source,
        node::{Answer, Node, NodeLicense, Place},
    },
    utc::date_of,
};

const INVALID: Cause = Cause::new("invalid", "the node says that its license is not valid");
const EXPIRED: Cause = Cause::new("expired", "the license that the node uses has expired");
const MISSING: Cause = Cause::new("missing", "the node says that it has no license");
const TOKEN_REFUSED: Cause = Cause::new(
    "token-refused",
    "the node does not accept the token of the settings",
);
const NOT_UNDERSTOOD: Cause = Cause::new(
    "not-understood",
    "the node's answer says nothing that tells whether the license is valid",
);

/// See [`Prose::checks`] in the declaration.
pub static NODE: Check = Check {
    id: "license.node",
    title: "The node accepts its license",
    category: Category::License,
    level: Level::Required,
    needs: &[&node::HEALTH],
    reads: &[Source::Node, Source::Stack],
    reference: "Sesam service API, GET /api/license",
    causes: &[INVALID, EXPIRED, MISSING, TOKEN_REFUSED, NOT_UNDERSTOOD],
    prose: Prose {
        checks: "What the node itself says of its license at `/api/license`, asked with the token of `node_token_file` in the settings where there is one. Without a token and where the node wants one, it is left out.",
        why: "The node alone can check the license's signature. It may also still use an older license than the one in the file, as it takes a new one at its start or through its API.",
        remedy: "Renew the license in the Sesam portal, put it in place of the old one, and restart the node, or hand it over with `PUT /api/license`. For the check to work where the node wants a token, make one in the portal, save it in a file that only root can read, and name that file as `node_token_file` in the settings.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

/// What the node says of its license.
pub enum Word<'a> {
    /// It accepts it.
    Valid(&'a Place, Option<&'a NodeLicense>),
    /// It does not, and why.
    Invalid(&'a Place, Cause, String),
    /// It wants a token, and there is none.
    TokenMissing,
    /// It refuses the token that there is.
    TokenRefused(&'a Place),
    /// It answers something that tells nothing.
    Unclear(&'a Place, String),
    /// Nobody answers.
    Silent,
}

/// What the node says, by the first way on which it answers.
pub fn word<'a>(node: &'a Node, context: &Context) -> Result<Word<'a>, Gap> {
    let places = node.places.seen()?;
    let answered = places.iter().filter_map(|place| match &place.license {
        Answer::Answered(reply) => Some((place, reply)),
        _ => None,
    });
    // A way that leads to something else says 404 or the like, so that one by which the node speaks comes first.
    let best = answered.min_by_key(|(place, reply)| match reply.status {
        200 if place.license_says.is_some() => 0,
        200 => 3,
        401 | 403 => 1,
        404 => 4,
        _ => 2,
    });
    let Some((place, reply)) = best else {
        return Ok(Word::Silent);
    };
    Ok(match (reply.status, &place.license_says) {
        (200, Some(says)) => said(place, says, context),
        (200, None) => Word::Unclear(place, "its answer is no JSON object".into()),
        (401 | 403, _) if node.token == Observed::Absent => Word::TokenMissing,
        (401 | 403, _) => {
            node.token.seen()?;
            Word::TokenRefused(place)
        }
        (404, Some(says)) if says.valid.is_some() || says.word.is_some() => {
            let reason = says.word.clone().unwrap_or_else(|| "it has none".into());
            Word::Invalid(place, MISSING, reason)
        }
        (status, _) => Word::Unclear(place, format!("it says {status}")),
    })
}

fn said<'a>(place: &'a Place, says: &'a NodeLicense, context: &Context) -> Word<'a> {
    if let Some(expires) = says.expires
        && expires <= context.now
    {
        let reason = format!("it expired on {}", date_of(expires));
        return Word::Invalid(place, EXPIRED, reason);
    }
    match says.valid {
        Some(true) => Word::Valid(place, Some(says)),
        Some(false) => {
            let reason = says
                .word
                .clone()
                .unwrap_or_else(|| "it is not valid".into());
            Word::Invalid(place, INVALID, reason)
        }
        // It names a license and a time to come, and has nothing against it.
        None if says.expires.is_some() => Word::Valid(place, Some(says)),
        None => Word::Unclear(place, "its answer names neither a state nor an end".into()),
    }
}

fn judge(context: &Context) -> Judgement {
    if context.facts.is_offline() {
        return Ok(Verdict::skip(OFFLINE));
    }
    let node = context.facts.node().seen()?;
    let expected = "the node reports a valid license";
    let verdict = match word(node, context)? {
        Word::Valid(place, says) => {
            let until = says
                .and_then(|says| says.expires)
                .map_or_else(String::new, |end| format!(" until {}", date_of(end)));
            Verdict::pass(format!("the node reports a valid license{until}"))
                .evidence("asked at", &place.url)
                .observed("valid")
        }
        Word::Invalid(place, cause, reason) => {
            Verdict::fail(cause, format!("the node does not accept its license: {reason}"))
                .evidence("asked at", &place.url)
                .observed(cause.code)
                .advice(if cause == MISSING {
                    "download the license of this subscription from the Sesam portal, put it in its place, and restart the node (docker restart sesam-node)"
                } else {
                    "renew the license in the Sesam portal, put it in place of the old one, and restart the node (docker restart sesam-node)"
                })
        }
        Word::TokenMissing => Verdict::skip(
            "the node tells of its license only to those who have a token, and the settings name none (node_token_file)",
        ),
        Word::TokenRefused(place) => Verdict::unknown(
            TOKEN_REFUSED,
            format!("the node at {} does not accept the token of node_token_file", place.url),
        )
        .advice("make a new token in the Sesam portal and save it in the file that node_token_file of the settings names"),
        Word::Unclear(place, reason) => Verdict::unknown(
            NOT_UNDERSTOOD,
            format!("what the node at {} says of its license was not understood: {reason}", place.url),
        ),
        Word::Silent => {
            return Err(Gap::Failed("the node's API answers nowhere".into()));
        }
    };
    Ok(verdict.expected(expected))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, NOW, judge_cases, nothing_observed, verdict},
            node::tests::{at, place, reply},
        },
        facts::{Facts, node::Way},
    };

    pub fn saying(status: u16, body: &'static str) -> impl Fn(&mut Facts) {
        move |facts| {
            let mut one = place(Way::Published, reply(200), reply(200));
            one.license = reply(status);
            one.license_says = NodeLicense::read(body.as_bytes());
            at(facts, vec![one]);
        }
    }

    fn with_token(status: u16, token: Observed<()>) -> impl Fn(&mut Facts) {
        move |facts| {
            saying(status, "{}")(facts);
            if let Observed::Seen(node) = &mut facts.node {
                node.token = token.clone();
            }
        }
    }

    #[test]
    fn the_way_that_tells_most_is_believed_whatever_its_place() {
        // The better one first.
        let answers = [
            (200, r#"{"status": "valid"}"#, Some("pass")),
            (401, "{}", Some("skip")),
            (500, "{}", Some("it says 500")),
            (200, "a page", Some("no JSON object")),
            (404, "a page", Some("it says 404")),
        ];
        let way = |(status, body, _): (u16, &str, Option<&str>)| {
            let mut one = place(Way::Published, reply(200), reply(200));
            one.license = reply(status);
            one.license_says = NodeLicense::read(body.as_bytes());
            one
        };
        for (better, worse) in answers.iter().zip(answers.iter().skip(1)) {
            for pair in [[*better, *worse], [*worse, *better]] {
                let mut facts = nothing_observed();
                at(&mut facts, pair.map(way).to_vec());
                let found = verdict(&NODE, &facts);
                let told = format!("{:?} {}", found.status, found.summary).to_lowercase();
                let expected = better.2.unwrap_or_default().to_lowercase();
                assert!(told.contains(&expected), "{better:?} {worse:?}: {told}");
            }
        }
    }

    #[test]
    fn a_license_ends_at_its_last_moment() {
        let mut facts = nothing_observed();
        let body = format!(r#"{{"valid": true, "expires": "{NOW}"}}"#);
        let mut one = place(Way::Published, reply(200), reply(200));
        one.license = reply(200);
        one.license_says = NodeLicense::read(body.as_bytes());
        at(&mut facts, vec![one]);
        assert_eq!(verdict(&NODE, &facts).cause.as_deref(), Some("expired"));
    }

    #[test]
    fn cases() {
        use Status::{Fail, Pass, Skip, Unknown};
        judge_cases(
            &NODE,
            &[
                Case::new("valid", Pass, None, saying(200, r#"{"status": "valid"}"#)),
                Case::new(
                    "to come to its end",
                    Pass,
                    None,
                    saying(200, r#"{"expires": "2027-09-24T00:00:00"}"#),
                ),
                Case::new(
                    "invalid",
                    Fail,
                    Some("invalid"),
                    saying(200, r#"{"valid": false}"#),
                ),
                Case::new(
                    "refused by word",
                    Fail,
                    Some("invalid"),
                    saying(200, r#"{"status": "invalid signature"}"#),
                ),
                Case::new(
                    "expired",
                    Fail,
                    Some("expired"),
                    saying(200, r#"{"valid": true, "expires": "2026-09-24T00:00:00"}"#),
                ),
                Case::new(
                    "none",
                    Fail,
                    Some("missing"),
                    saying(404, r#"{"detail": "no license"}"#),
                ),
                Case::new(
                    "none, in words that nobody knows",
                    Fail,
                    Some("missing"),
                    saying(404, r#"{"detail": "nothing here"}"#),
                ),
                Case::new(
                    "another service's 404",
                    Unknown,
                    Some("not-understood"),
                    saying(404, "{}"),
                ),
                Case::new("wants a token", Skip, None, saying(401, "{}")),
                Case::new("forbidden", Skip, None, saying(403, "{}")),
                Case::new(
                    "refuses the token",
                    Unknown,
                    Some("token-refused"),
                    with_token(401, Observed::Seen(())),
                ),
                Case::new(
                    "token not readable",
                    Unknown,
                    Some("needs-root"),
                    with_token(401, Observed::Denied("needs root".into())),
                ),
                Case::new(
                    "no JSON",
                    Unknown,
                    Some("not-understood"),
                    saying(200, "<html>"),
                ),
                Case::new(
                    "empty object",
                    Unknown,
                    Some("not-understood"),
                    saying(200, "{}"),
                ),
                Case::new("500", Unknown, Some("not-understood"), saying(500, "")),
                Case::new(
                    "silent",
                    Unknown,
                    Some("observation-failed"),
                    |facts: &mut Facts| {
                        at(facts, vec![place(Way::Published, reply(200), reply(200))]);
                    },
                ),
                Case::new("offline", Skip, None, |facts: &mut Facts| {
                    facts.offline = true;
                }),
                Case::new(
                    "not observed",
                    Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
            ],
        );
    }
}
