//! What `--fix` can do about what was found.

use super::Instance;
use crate::{
    checks::{Remedy, Safety, Status},
    facts::Facts,
    report::{Finding, Fix},
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

    #[test]
    fn nothing_is_rewritten_about_what_could_not_be_judged() {
        let facts = cases::nothing_observed();
        let rules = Rules {
            selection: Selection::default(),
            strict: false,
            now: facts.observed_at,
        };
        let proposals = diagnose_by(&[&ENGINE, &STACK], &facts, &rules).proposals;
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
