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
                instance.check.remedies().collect()
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
