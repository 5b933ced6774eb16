//! The stable codes for what checks tell apart.

use crate::facts::Gap;

/// One way not to pass, with the stable code that reports carry (kebab-case).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The code.
    pub code: &'static str,
    /// What was seen, in words.
    pub meaning: &'static str,
}

impl Cause {
    /// A cause; by custom a constant beside the checks that tell it apart.
    #[must_use]
    pub const fn new(code: &'static str, meaning: &'static str) -> Self {
        Self { code, meaning }
    }
}

const ABSENT: Cause = Cause::new("not-found", "what is to be judged is not there");
const NOT_OBSERVED: Cause = Cause::new(
    "not-observed",
    "nobody looked: offline, switched off, or recorded by an older doctor",
);
const DENIED: Cause = Cause::new("needs-root", "this run may not look; run it as root");
const TIMED_OUT: Cause = Cause::new("timed-out", "it did not answer within its deadline");
const FAILED: Cause = Cause::new("observation-failed", "looking failed; the summary says how");

/// The causes of `unknown` that any check can have.
pub const GAP_CAUSES: [Cause; 5] = [ABSENT, NOT_OBSERVED, DENIED, TIMED_OUT, FAILED];

/// The cause that stands for a missing observation.
#[must_use]
pub fn gap_cause(gap: &Gap) -> Cause {
    match gap {
        Gap::Absent => ABSENT,
        Gap::NotAsked => NOT_OBSERVED,
        Gap::Denied(_) => DENIED,
        Gap::TimedOut(_) => TIMED_OUT,
        Gap::Failed(_) => FAILED,
    }
}
