//! What `--fix` can do about what was found.

use super::{Finding, Fix, Instance};
use crate::{
    checks::{Remedy, Safety, Status},
    facts::Facts,
};

/// What can be done about each instance. One that follows from others is mended only where all of these can be: what
/// cannot be judged yet contributes all that its check may propose, so that the plan for a bare machine is complete.
pub(super) fn remedies(instances: &[Instance], because: &[Vec<usize>]) -> Vec<Vec<Remedy>> {
    let own: Vec<Vec<Remedy>> = instances
        .iter()
        .map(|instance| match &instance.verdict {
            Some(verdict) if matches!(instance.status, Status::Fail | Status::Warn) => {
                instance.check.remedies_for(verdict)
            }
            _ => Vec::new(),
        })
        .collect();
    instances
        .iter()
        .zip(because)
        .zip(&own)
        .map(|((instance, roots), own_remedies)| {
            let is_mendable = |root: &usize| own.get(*root).is_some_and(|own| !own.is_empty());
            if roots.is_empty() {
                own_remedies.clone()
            } else if !roots.iter().all(is_mendable) {
                Vec::new()
            } else if own_remedies.is_empty() {
                instance
                    .check
                    .remedies()
                    .filter(|remedy| !remedy.rewrites())
                    .collect()
            } else {
                own_remedies.clone()
            }
        })
        .collect()
}

/// How that is told to a person.
pub(super) fn fix(finding: &Finding, remedies: &[Remedy], facts: &Facts) -> Fix {
    if !matches!(
        finding.status,
        Status::Fail | Status::Warn | Status::Blocked
    ) {
        return Fix::default();
    }
    let on_root_disk = facts
        .volumes
        .seen()
        .is_ok_and(|volumes| volumes.root_disk_variant);
    Fix {
        automatic: !remedies.is_empty()
            && remedies
                .iter()
                .all(|remedy| remedy.safety() == Safety::Automatic),
        steps: remedies
            .iter()
            .map(|remedy| remedy.words(&facts.profile, on_root_disk))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        checks::{Cause, Check, Judge, Level, Mend, Prose, Remedy, Selection, Verdict, cases},
        diagnosis::{Proposal, Rules, diagnose_by},
    };

    const BROKEN: Cause = Cause::new("broken", "made to fail");
    const PLAIN: Check = Check {
        id: "config.engine",
        title: "made for a test",
        category: crate::checks::Category::Config,
        level: Level::Required,
        needs: &[],
        reads: &[],
        reference: "",
        causes: &[BROKEN],
        prose: Prose {
            checks: "",
            why: "",
            remedy: "",
        },
        mends: &[Mend::new(Remedy::StartDocker, &[BROKEN])],
        judge: Judge::One(|_| Ok(Verdict::fail(BROKEN, "broken"))),
    };
    static ENGINE: Check = PLAIN;
    static STACK: Check = Check {
        id: "config.stack",
        needs: &[&ENGINE],
        mends: &[
            Mend::new(Remedy::WriteComposeFile, &[BROKEN]),
            Mend::new(Remedy::CreateNetworks, &[BROKEN]),
        ],
        judge: Judge::One(|_| Err(crate::facts::Gap::Failed("no engine".into()))),
        ..PLAIN
    };

    fn judged(checks: &[&'static Check]) -> crate::diagnosis::Diagnosis {
        let facts = cases::nothing_observed();
        let rules = Rules {
            selection: Selection::default(),
            strict: false,
            now: facts.observed_at,
        };
        diagnose_by(checks, &facts, &rules)
    }

    const OTHER: Cause = Cause::new("other", "made to fail in another way");
    const RESTART: &[Mend] = &[
        Mend::new(Remedy::StartDocker, &[BROKEN]),
        Mend::new(Remedy::RestartDocker, &[BROKEN]),
    ];
    static RESTARTED: Check = Check {
        mends: RESTART,
        ..PLAIN
    };
    static WARNED: Check = Check {
        judge: Judge::One(|_| Ok(Verdict::warn(BROKEN, "nearly broken"))),
        ..PLAIN
    };
    static WELL: Check = Check {
        judge: Judge::One(|_| Ok(Verdict::pass("well"))),
        ..PLAIN
    };
    static OTHERWISE: Check = Check {
        causes: &[BROKEN, OTHER],
        judge: Judge::One(|_| Ok(Verdict::fail(OTHER, "broken otherwise"))),
        ..PLAIN
    };
    static AFTER_OTHERWISE: Check = Check {
        id: "config.after",
        needs: &[&OTHERWISE],
        ..PLAIN
    };
    static AFTER: Check = Check {
        id: "config.after",
        needs: &[&ENGINE],
        ..PLAIN
    };

    #[test]
    fn a_finding_says_what_would_be_done_and_whether_that_asks() {
        let start = || {
            let facts = cases::nothing_observed();
            Remedy::StartDocker.words(&facts.profile, false)
        };
        for (check, automatic, steps) in [
            (&ENGINE, true, vec![start()]),
            (&WARNED, true, vec![start()]),
            (&WELL, false, vec![]),
            (&OTHERWISE, false, vec![]),
        ] {
            let diagnosis = judged(&[check]);
            let fix = &diagnosis.findings[0].fix;
            assert_eq!(fix.automatic, automatic, "{fix:?}");
            assert_eq!(fix.steps, steps);
            assert_eq!(diagnosis.proposals.len(), steps.len());
        }
        let diagnosis = judged(&[&RESTARTED]);
        let fix = &diagnosis.findings[0].fix;
        assert!(!fix.automatic, "{fix:?}");
        assert_eq!(fix.steps.len(), 2);
    }

    #[test]
    fn what_could_not_be_judged_itself_is_left_as_it_is_with_what_follows_from_it() {
        static UNTOLD: Check = Check {
            judge: Judge::One(|_| Ok(Verdict::unknown(BROKEN, "cannot be told"))),
            ..PLAIN
        };
        static FOLLOWING: Check = Check {
            id: "config.following",
            judge: Judge::One(|_| {
                Ok(Verdict::warn(BROKEN, "nearly broken").follows_cause(&UNTOLD, BROKEN))
            }),
            ..PLAIN
        };
        assert_eq!(judged(&[&FOLLOWING]).proposals.len(), 1);
        assert_eq!(judged(&[&UNTOLD]).proposals, []);
        assert_eq!(judged(&[&UNTOLD, &FOLLOWING]).proposals, []);
    }

    #[test]
    fn what_follows_is_mended_where_what_it_follows_from_can_be() {
        let remedies = |checks: &[&'static Check]| -> Vec<(String, Remedy)> {
            let proposals = judged(checks).proposals;
            let pairs = proposals.into_iter();
            pairs.map(|one| (one.finding, one.remedy)).collect()
        };
        let start = |finding: &str| (finding.to_owned(), Remedy::StartDocker);
        assert_eq!(
            remedies(&[&ENGINE, &AFTER]),
            [start("config.engine"), start("config.after")]
        );
        assert_eq!(remedies(&[&OTHERWISE, &AFTER_OTHERWISE]), []);
    }

    #[test]
    fn nothing_is_rewritten_about_what_could_not_be_judged() {
        let proposals = judged(&[&ENGINE, &STACK]).proposals;
        let proposed = |finding: &str, remedy| Proposal {
            finding: finding.into(),
            remedy,
        };
        assert_eq!(
            proposals,
            [
                proposed("config.engine", Remedy::StartDocker),
                proposed("config.stack", Remedy::CreateNetworks)
            ]
        );
    }
}
