use super::*;
use crate::{
    checks::{
        Status,
        cases::{Case, judge_cases, nothing_observed, verdict, verdicts},
    },
    facts::{Facts, Observed},
};

fn said(output: &str) -> Said {
    Said {
        output: output.into(),
        cut: false,
        is_utf8: true,
        complaint: String::new(),
    }
}

fn became(outcome: Outcome) -> impl Fn(&mut Facts) {
    move |facts| {
        facts.plugins = Observed::Seen(vec![PluginRun {
            id: "backup".into(),
            path: "/etc/sesam-doctor/checks.d/backup.sh".into(),
            outcome: outcome.clone(),
        }]);
    }
}

fn exited(code: i32, said: Said) -> impl Fn(&mut Facts) {
    became(Outcome::Exited { code, said })
}

fn cut(said: Said) -> Said {
    Said { cut: true, ..said }
}

fn garbled(said: Said) -> Said {
    Said {
        is_utf8: false,
        ..said
    }
}

#[test]
fn cases() {
    judge_cases(
        &PLUGIN,
        &[
            Case::new("well", Status::Pass, None, exited(0, said("OK | age=3h"))),
            Case::new(
                "well, with figures that cannot be read",
                Status::Pass,
                None,
                exited(0, said("OK | age=3h size=")),
            ),
            Case::new("says nothing", Status::Pass, None, exited(0, said(""))),
            Case::new(
                "warns",
                Status::Warn,
                Some("warning"),
                exited(1, said("old")),
            ),
            Case::new(
                "critical",
                Status::Fail,
                Some("critical"),
                exited(2, said("none")),
            ),
            Case::new(
                "critical in many words",
                Status::Fail,
                Some("critical"),
                exited(2, cut(garbled(said("none")))),
            ),
            Case::new(
                "undetermined",
                Status::Unknown,
                Some("undetermined"),
                exited(3, said("?")),
            ),
            Case::new(
                "no such code",
                Status::Unknown,
                Some("bad-exit-code"),
                exited(127, said("")),
            ),
            Case::new(
                "no such code, and a word",
                Status::Unknown,
                Some("bad-exit-code"),
                exited(126, said("permission denied")),
            ),
            Case::new(
                "negative code",
                Status::Unknown,
                Some("bad-exit-code"),
                exited(-1, said("")),
            ),
            Case::new(
                "flood",
                Status::Unknown,
                Some("too-much-output"),
                exited(0, cut(said("OK"))),
            ),
            Case::new(
                "no text",
                Status::Unknown,
                Some("not-utf8"),
                exited(0, garbled(said("OK �"))),
            ),
        ],
    );
}

#[test]
fn what_did_not_come_to_a_verdict() {
    let path = || "/etc/sesam-doctor/checks.d".to_owned();
    judge_cases(
        &PLUGIN,
        &[
            Case::new(
                "crash",
                Status::Unknown,
                Some("crashed"),
                became(Outcome::Crashed {
                    signal: 11,
                    said: said(""),
                }),
            ),
            Case::new(
                "hang",
                Status::Unknown,
                Some("timed-out"),
                became(Outcome::TimedOut("5 s".into())),
            ),
            Case::new(
                "not ours to run",
                Status::Unknown,
                Some("needs-root"),
                became(Outcome::Denied("x".into())),
            ),
            Case::new(
                "no interpreter",
                Status::Unknown,
                Some("not-started"),
                became(Outcome::NotStarted("x".into())),
            ),
            Case::new(
                "a README",
                Status::Skip,
                None,
                became(Outcome::NotExecutable),
            ),
            Case::new(
                "somebody's",
                Status::Unknown,
                Some("not-root-owned"),
                became(Outcome::Refused(Refusal::NotRootOwned {
                    path: path(),
                    uid: 1000,
                })),
            ),
            Case::new(
                "everybody's",
                Status::Unknown,
                Some("writable-by-others"),
                became(Outcome::Refused(Refusal::WritableByOthers {
                    path: path(),
                    mode: 0o777,
                })),
            ),
            Case::new(
                "in /tmp",
                Status::Unknown,
                Some("writable-by-others"),
                became(Outcome::Refused(Refusal::WritableByOthers {
                    path: path(),
                    mode: 0o1777,
                })),
            ),
            Case::new(
                "set-user-ID",
                Status::Unknown,
                Some("set-user-id"),
                became(Outcome::Refused(Refusal::ForeignRights {
                    path: path(),
                    mode: 0o4755,
                })),
            ),
            Case::new(
                "directory refused",
                Status::Unknown,
                Some("needs-root"),
                |facts: &mut Facts| facts.plugins = Observed::Denied("x".into()),
            ),
            Case::new(
                "directory failed",
                Status::Unknown,
                Some("observation-failed"),
                |facts: &mut Facts| facts.plugins = Observed::Failed("x".into()),
            ),
            Case::new(
                "directory hangs",
                Status::Unknown,
                Some("timed-out"),
                |facts: &mut Facts| facts.plugins = Observed::TimedOut("x".into()),
            ),
        ],
    );
}

#[test]
fn without_plugins_there_is_nothing_to_say() {
    for plugins in [
        Observed::Absent,
        Observed::NotAsked,
        Observed::Seen(Vec::new()),
    ] {
        let mut facts = nothing_observed();
        facts.plugins = plugins;
        assert!(verdicts(&PLUGIN, &facts).is_empty());
    }
}

#[test]
fn performance_data_is_evidence() {
    let mut facts = nothing_observed();
    exited(0, said("OK | 'last age'=3.5h;24;48 n=U\nmore"))(&mut facts);
    let verdict = verdict(&PLUGIN, &facts);
    let evidence: Vec<(&str, &str)> = verdict
        .evidence
        .iter()
        .map(|evidence| (evidence.label.as_str(), evidence.value.as_str()))
        .collect();
    assert_eq!(
        evidence,
        [
            ("last age", "3.5h (warn 24, critical 48)"),
            ("n", "undetermined"),
            ("further output", "more"),
            ("plugin", "/etc/sesam-doctor/checks.d/backup.sh"),
        ]
    );
}
