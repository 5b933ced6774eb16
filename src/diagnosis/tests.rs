//! Chains of needs, waivers, strictness and selection, over checks made for the purpose.

use jiff::civil::date;

use super::*;
use crate::checks::{Category, Prose, cases::nothing_observed};

const BAD: Cause = Cause::new("bad", "made to fail");
const PROSE: Prose = Prose {
    checks: "",
    why: "",
    remedy: "",
};

macro_rules! check {
    ($name:ident, $id:literal, $level:ident, $needs:expr, $judge:expr) => {
        check!($name, $id, $level, $needs, $judge, reads: &[]);
    };
    ($name:ident, $id:literal, $level:ident, $needs:expr, $judge:expr, reads: $reads:expr) => {
        static $name: Check = Check {
            id: $id,
            title: "made for a test",
            category: Category::Config,
            level: Level::$level,
            needs: $needs,
            reads: $reads,
            reference: "",
            causes: &[BAD],
            prose: PROSE,
            mends: &[],
            judge: Judge::One($judge),
        };
    };
}

fn passes(_: &Context) -> crate::checks::Judgement {
    Ok(Verdict::pass("well"))
}
fn fails(_: &Context) -> crate::checks::Judgement {
    Ok(Verdict::fail(BAD, "broken").advice("mend it"))
}
fn warns(_: &Context) -> crate::checks::Judgement {
    Ok(Verdict::warn(BAD, "nearly broken").advice("look after it"))
}
fn cannot_tell(_: &Context) -> crate::checks::Judgement {
    Err(crate::facts::Gap::Denied("reading it needs root".into()))
}
fn panics(_: &Context) -> crate::checks::Judgement {
    std::panic::resume_unwind(Box::new("made to panic"))
}
fn same_trouble_as_root(_: &Context) -> crate::checks::Judgement {
    Ok(Verdict::warn(BAD, "nearly broken too").follows(&WARNING))
}

check!(ROOT, "config.root", Required, &[], fails);
check!(MIDDLE, "config.middle", Required, &[&ROOT], fails);
check!(LEAF, "config.leaf", Required, &[&MIDDLE], cannot_tell);
check!(UNHARMED, "config.unharmed", Required, &[&MIDDLE], passes);
check!(WARNING, "config.warning", Required, &[], warns);
check!(ADVICE, "config.advice", Recommended, &[], fails);
check!(ADVISED, "config.advised", Required, &[&ADVICE], fails);
check!(NOTE, "config.note", Information, &[], fails);
check!(UNKNOWN, "config.unknown", Required, &[], cannot_tell);
check!(
    AFTER_UNKNOWN,
    "config.after-unknown",
    Required,
    &[&UNKNOWN],
    fails
);
fn panics_for_good(_: &Context) -> crate::checks::Judgement {
    panic!("made to panic")
}

check!(ABORTING, "config.aborting", Required, &[], panics_for_good);
check!(BROKEN_CHECK, "config.broken-check", Required, &[], panics);
check!(
    FOLLOWER,
    "config.follower",
    Required,
    &[],
    same_trouble_as_root
);

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn selecting(only: &[&str], skip: &[&str]) -> Selection {
    // Words are checked against the real registry elsewhere; here they name the test's own checks.
    Selection::unchecked(words(only), words(skip))
}

fn judged(checks: &[&'static Check], selection: Selection, strict: bool) -> Diagnosis {
    judged_with(checks, selection, strict, &[])
}

fn judged_with(
    checks: &[&'static Check],
    selection: Selection,
    strict: bool,
    waivers: &[Waiver],
) -> Diagnosis {
    let mut facts = nothing_observed();
    facts.settings.waivers = waivers.to_vec();
    let rules = Rules {
        selection,
        strict,
        now: facts.observed_at,
    };
    diagnose_by(checks, &facts, &rules)
}

fn statuses(diagnosis: &Diagnosis) -> Vec<Status> {
    diagnosis
        .findings
        .iter()
        .map(|finding| finding.status)
        .collect()
}

fn waiver(check: &str, year: i16) -> Waiver {
    Waiver {
        check: check.into(),
        reason: "agreed".into(),
        approved_by: "IT".into(),
        until: date(year, 11, 23),
    }
}

fn reads_the_clock(context: &Context) -> crate::checks::Judgement {
    context.facts.clock().seen()?;
    Ok(Verdict::pass("it goes"))
}

check!(
    READER,
    "config.reader",
    Required,
    &[],
    reads_the_clock,
    reads: &[Source::Clock]
);

#[test]
fn a_check_sees_the_sources_that_it_declares() {
    let diagnosis = judged(&[&READER], selecting(&[], &[]), false);
    assert_eq!(
        diagnosis.findings[0].cause.as_deref(),
        Some("not-observed"),
        "{:?}",
        diagnosis.findings
    );
}

#[test]
fn a_finding_took_as_long_as_the_slowest_of_what_its_check_reads() {
    check!(BOTH, "config.both", Required, &[], passes, reads: &[Source::Clock, Source::Host]);
    let mut facts = nothing_observed();
    facts.durations_ms = [
        (Source::Clock, 7),
        (Source::Host, 40),
        (Source::Docker, 900),
    ]
    .into();
    let rules = Rules {
        selection: Selection::default(),
        strict: false,
        now: facts.observed_at,
    };
    let took: Vec<u64> = diagnose_by(&[&BOTH, &READER, &ROOT], &facts, &rules)
        .findings
        .iter()
        .map(|finding| finding.duration_ms)
        .collect();
    assert_eq!(took, [40, 7, 0]);
}

#[test]
fn what_selected_checks_and_those_before_them_read_is_observed() {
    let of = |only: &[&str]| sources(&selecting(only, &[]));
    // Its own, and what the checks read that it needs: where the data are, and the directory that it lies in.
    assert_eq!(
        of(&["license.format"]),
        BTreeSet::from([
            Source::Host,
            Source::Volumes,
            Source::Layout,
            Source::License,
            Source::Stack
        ])
    );
    let of_drift = of(&["container.sesam-node"]);
    for source in [Source::Host, Source::Docker, Source::Stack] {
        assert!(of_drift.contains(&source), "{source:?} {of_drift:?}");
    }
    assert!(!of_drift.contains(&Source::Clock), "{of_drift:?}");
    let all = of(&[]);
    assert!(all.is_superset(&of_drift) && all.len() > of_drift.len());
}

#[test]
fn a_chain_of_failures_has_one_root_cause() {
    let diagnosis = judged(
        &[&LEAF, &MIDDLE, &ROOT, &UNHARMED],
        Selection::default(),
        false,
    );
    assert_eq!(
        statuses(&diagnosis),
        [Status::Blocked, Status::Blocked, Status::Fail, Status::Pass]
    );
    assert_eq!(diagnosis.root_causes, ["config.root"]);
    for blocked in &diagnosis.findings[..2] {
        assert_eq!(blocked.because_of, ["config.root"]);
        assert!(blocked.advice.is_empty());
    }
}

#[test]
fn what_is_blocked_blocks_what_needs_it_in_turn() {
    check!(SECOND, "config.second", Required, &[&ROOT], cannot_tell);
    check!(THIRD, "config.third", Required, &[&SECOND], cannot_tell);
    let diagnosis = judged(&[&ROOT, &SECOND, &THIRD], Selection::default(), false);
    assert_eq!(
        statuses(&diagnosis),
        [Status::Fail, Status::Blocked, Status::Blocked]
    );
    assert_eq!(diagnosis.findings[2].because_of, ["config.root"]);
}

#[test]
fn a_failure_that_is_proven_by_itself_is_a_root_cause_beside_what_it_needs() {
    fn proven(_: &Context) -> crate::checks::Judgement {
        Ok(Verdict::fail(BAD, "broken by itself").stands_alone())
    }
    check!(PROVEN, "config.proven", Required, &[&ROOT], proven);
    let diagnosis = judged(&[&ROOT, &PROVEN], Selection::default(), false);
    assert_eq!(statuses(&diagnosis), [Status::Fail, Status::Fail]);
    assert_eq!(diagnosis.root_causes, ["config.root", "config.proven"]);
}

#[test]
fn levels_decide_what_an_unmet_requirement_is() {
    let checks: &[&'static Check] = &[&ADVICE, &NOTE, &WARNING];
    let lenient = judged(checks, Selection::default(), false);
    assert_eq!(
        statuses(&lenient),
        [Status::Warn, Status::Pass, Status::Warn]
    );
    assert_eq!(lenient.findings[1].cause, None);
    let strict = judged(checks, Selection::default(), true);
    assert_eq!(
        statuses(&strict),
        [Status::Fail, Status::Pass, Status::Fail]
    );
    assert_eq!(strict.root_causes, ["config.advice", "config.warning"]);
}

#[test]
fn an_unmet_recommendation_blocks_what_needs_it() {
    let diagnosis = judged(&[&ADVICE, &ADVISED], Selection::default(), false);
    assert_eq!(statuses(&diagnosis), [Status::Warn, Status::Blocked]);
    assert_eq!(diagnosis.findings[1].because_of, ["config.advice"]);
    assert!(diagnosis.root_causes.is_empty());
}

#[test]
fn not_knowing_blocks_nothing() {
    let diagnosis = judged(&[&UNKNOWN, &AFTER_UNKNOWN], Selection::default(), false);
    assert_eq!(statuses(&diagnosis), [Status::Unknown, Status::Fail]);
    assert_eq!(diagnosis.findings[0].cause.as_deref(), Some("needs-root"));
}

#[test]
fn a_finding_that_is_the_same_trouble_as_another_is_told_once() {
    let diagnosis = judged(&[&WARNING, &FOLLOWER], Selection::default(), false);
    assert_eq!(statuses(&diagnosis), [Status::Warn, Status::Blocked]);
    let alone = judged(&[&FOLLOWER], Selection::default(), false);
    assert_eq!(statuses(&alone), [Status::Warn]);
}

#[test]
fn a_warning_explains_what_is_not_known_and_no_failure() {
    fn fails_too(_: &Context) -> crate::checks::Judgement {
        Ok(Verdict::fail(BAD, "broken").follows(&WARNING))
    }
    fn cannot_tell_either(_: &Context) -> crate::checks::Judgement {
        Ok(Verdict::unknown(BAD, "cannot be told").follows(&WARNING))
    }
    check!(FAILS_TOO, "config.fails-too", Required, &[], fails_too);
    check!(
        UNTOLD_TOO,
        "config.untold-too",
        Required,
        &[],
        cannot_tell_either
    );
    let diagnosis = judged(
        &[&WARNING, &FAILS_TOO, &UNTOLD_TOO],
        Selection::default(),
        false,
    );
    assert_eq!(
        statuses(&diagnosis),
        [Status::Warn, Status::Fail, Status::Blocked]
    );
}

#[test]
fn a_finding_may_follow_from_one_cause_of_another_only() {
    const OTHER: Cause = Cause::new("other", "something else");
    fn of_this(_: &Context) -> crate::checks::Judgement {
        Ok(Verdict::warn(BAD, "nearly broken too").follows_cause(&WARNING, BAD))
    }
    fn of_another(_: &Context) -> crate::checks::Judgement {
        Ok(Verdict::warn(BAD, "nearly broken too").follows_cause(&WARNING, OTHER))
    }
    check!(THIS, "config.this", Required, &[], of_this);
    check!(ANOTHER, "config.another", Required, &[], of_another);
    let diagnosis = judged(&[&WARNING, &THIS, &ANOTHER], Selection::default(), false);
    assert_eq!(
        statuses(&diagnosis),
        [Status::Warn, Status::Blocked, Status::Warn]
    );
}

#[test]
fn what_is_unknown_explains_what_follows_from_its_very_cause() {
    fn not_told(_: &Context) -> crate::checks::Judgement {
        Ok(Verdict::unknown(BAD, "cannot be told"))
    }
    fn not_told_either(_: &Context) -> crate::checks::Judgement {
        Ok(Verdict::unknown(BAD, "cannot be told either").follows_cause(&UNTOLD, BAD))
    }
    fn for_any_cause(_: &Context) -> crate::checks::Judgement {
        Ok(Verdict::unknown(BAD, "cannot be told either").follows(&UNTOLD))
    }
    check!(UNTOLD, "config.untold", Required, &[], not_told);
    check!(SAME, "config.same", Required, &[], not_told_either);
    check!(ANY, "config.any", Required, &[], for_any_cause);
    let diagnosis = judged(&[&UNTOLD, &SAME, &ANY], Selection::default(), false);
    assert_eq!(
        statuses(&diagnosis),
        [Status::Unknown, Status::Blocked, Status::Unknown]
    );
}

#[test]
fn a_check_that_panics_is_unknown_and_the_others_are_judged() {
    let diagnosis = judged(&[&BROKEN_CHECK, &ROOT], Selection::default(), false);
    assert_eq!(statuses(&diagnosis), [Status::Unknown, Status::Fail]);
}

#[test]
fn a_selected_check_brings_its_cause_along() {
    let diagnosis = judged(
        &[&ROOT, &MIDDLE, &LEAF, &WARNING],
        selecting(&["config.leaf"], &[]),
        false,
    );
    assert_eq!(
        statuses(&diagnosis),
        [Status::Fail, Status::Skip, Status::Blocked, Status::Skip]
    );
    assert_eq!(diagnosis.root_causes, ["config.root"]);
    assert_eq!(diagnosis.findings[3].summary, "not selected");
}

#[test]
fn a_skipped_check_explains_nothing() {
    let diagnosis = judged(&[&ROOT, &MIDDLE], selecting(&[], &["config.root"]), false);
    assert_eq!(statuses(&diagnosis), [Status::Skip, Status::Fail]);
    assert_eq!(diagnosis.root_causes, ["config.middle"]);
    let both = judged(
        &[&ROOT],
        selecting(&["config.root"], &["config.root"]),
        false,
    );
    assert_eq!(statuses(&both), [Status::Skip]);
}

#[test]
fn a_waiver_holds_through_its_last_day_and_not_longer() {
    for (year, status, roots) in [(2026, Status::Waived, 0), (2025, Status::Fail, 1)] {
        let diagnosis = judged_with(
            &[&ROOT, &MIDDLE],
            Selection::default(),
            false,
            &[waiver("config.root", year)],
        );
        assert_eq!(statuses(&diagnosis), [status, Status::Blocked]);
        assert_eq!(diagnosis.root_causes.len(), roots);
        let finding = &diagnosis.findings[0];
        assert_eq!(
            finding.waiver.as_ref().map(|note| note.expired),
            Some(year == 2025)
        );
        assert_eq!(finding.cause.as_deref(), Some("bad"));
    }
}

#[test]
fn a_waiver_hides_no_unknown_and_says_where_it_is_not_needed() {
    static WELL: Check = Check {
        id: "config.well",
        mends: &[],
        judge: Judge::One(passes),
        title: "made for a test",
        category: Category::Config,
        level: Level::Required,
        needs: &[],
        reads: &[],
        reference: "",
        causes: &[],
        prose: PROSE,
    };
    let diagnosis = judged_with(
        &[&UNKNOWN, &WELL],
        Selection::default(),
        false,
        &[waiver("config.unknown", 2027), waiver("config.well", 2027)],
    );
    assert_eq!(statuses(&diagnosis), [Status::Unknown, Status::Pass]);
    assert!(diagnosis.findings[1].remarks[0].contains("not needed"));
}

/// In a process of its own, which has the hook of a release.
#[test]
fn where_nothing_unwinds_a_judge_that_panics_costs_its_own_finding_too() {
    const INSIDE: &str = "SESAM_DOCTOR_TEST_STAYS";
    static CHECKS: [&Check; 3] = [&UNHARMED, &ABORTING, &ROOT];
    const NAME: &str =
        "diagnosis::tests::where_nothing_unwinds_a_judge_that_panics_costs_its_own_finding_too";
    if std::env::var_os(INSIDE).is_none() {
        let inside = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        let said = format!("{inside:?}");
        assert!(inside.status.success() && said.contains("judged"), "{said}");
        return;
    }
    crate::defects::stay_after_panics();
    let facts = nothing_observed();
    let rules = Rules {
        selection: Selection::default(),
        strict: false,
        now: facts.observed_at,
    };
    let (_, diagnosis) = apart::apart(&CHECKS, facts, &rules);
    assert_eq!(
        statuses(&diagnosis),
        [Status::Pass, Status::Unknown, Status::Fail]
    );
    assert!(diagnosis.findings[1].summary.contains("please report this"));
    // Not through the harness, whose end waits for the threads that stay.
    println!("judged");
    std::process::exit(0);
}

#[test]
fn what_would_be_done_names_the_place_of_the_disk_that_holds_the_data() {
    use crate::checks::{Directory, Restricted};
    let failure = judged(&[&ROOT], selecting(&[], &[]), false)
        .findings
        .remove(0);
    let remedies = [
        Remedy::CreateDirectory(Directory::Data),
        Remedy::PlaceLicense,
        Remedy::RestrictMode(Restricted::License),
    ];
    for (root_disk_variant, place) in [
        (false, "/srv/data/sesam/node-00/data"),
        (true, "/sesam/node-00/data"),
    ] {
        let mut facts = nothing_observed();
        facts.volumes = crate::facts::Observed::Seen(crate::facts::volumes::Volumes {
            root_disk_variant,
            ..Default::default()
        });
        for words in mending::fix(&failure, &remedies, &facts).steps {
            assert!(words.contains(&format!(" {place}")), "{place}: {words}");
        }
    }
}
