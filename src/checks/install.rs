//! `install.portal`

use super::{
    Category, Cause, Check, Context, Judge, Judgement, Level, Prose, Verdict,
    license::{Word, word},
};
use crate::facts::Source;

const BY_A_PERSON: Cause = Cause::new(
    "by-a-person",
    "whether the steps in the portal were taken cannot be seen from here",
);

/// The two steps, as the manual has them.
const STEPS: [&str; 2] = [
    "log in to the Sesam portal and enter the node's URL, https:// and NODE_DOMAIN, under the subscription's network tab",
    "upload the license to the node in the Sesam portal",
];

/// See [`Prose::checks`] in the declaration.
pub static PORTAL: Check = Check {
    id: "install.portal",
    title: "The node is known to the portal",
    category: Category::Install,
    level: Level::Information,
    needs: &[],
    reads: &[Source::Node, Source::Stack],
    reference: "Operator's manual, after the installation",
    causes: &[BY_A_PERSON],
    prose: Prose {
        checks: "Two steps of the installation are taken by a person in the Sesam portal: entering the node's URL under the network tab, and uploading the license. What can be seen of them from here is whether the node reports a valid license.",
        why: "Without the URL the portal cannot show the node; without the license no pipe runs.",
        remedy: "Log in to the portal, enter the node's URL (https:// and `NODE_DOMAIN`) under the subscription's network tab, and upload the license there.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

// Every check judges with this signature, also one that always comes to a verdict.
#[allow(clippy::unnecessary_wraps)]
fn judge(context: &Context) -> Judgement {
    let said = context
        .facts
        .node()
        .seen()
        .ok()
        .and_then(|node| word(node, context).ok());
    if let Some(Word::Valid(place, _)) = said {
        return Ok(Verdict::pass("the node reports a valid license")
            .evidence("asked at", &place.url)
            .remark("that its URL is entered in the portal cannot be seen from here"));
    }
    let verdict = Verdict::warn(
        BY_A_PERSON,
        "two steps are taken by a person in the portal: entering the node's URL, uploading the license",
    )
    .expected("the node reports a valid license");
    Ok(STEPS.into_iter().fold(verdict, Verdict::advice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
            license::saying,
        },
        facts::Facts,
    };

    #[test]
    fn cases() {
        use Status::{Pass, Warn};
        judge_cases(
            &PORTAL,
            &[
                Case::new("valid", Pass, None, saying(200, r#"{"valid": true}"#)),
                Case::new(
                    "invalid",
                    Warn,
                    Some("by-a-person"),
                    saying(200, r#"{"valid": false}"#),
                ),
                Case::new(
                    "wants a token",
                    Warn,
                    Some("by-a-person"),
                    saying(401, "{}"),
                ),
                Case::new("not asked", Warn, Some("by-a-person"), |_: &mut Facts| {}),
            ],
        );
    }
}
