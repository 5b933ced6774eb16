//! Secrets are taken out of a report's words before any format sees it.
//!
//! Only words that came from the machine are looked at. Ids, causes and statuses are the doctor's own: a secret that
//! happens to be the word “pass” must not change what a report says.

use super::{Finding, Report};
use crate::redact::Redactor;

impl Report {
    /// The same report without any secret.
    #[must_use]
    pub fn redacted(mut self, redactor: &Redactor) -> Self {
        let host = &mut self.host;
        for text in [
            &mut host.hostname,
            &mut host.os,
            &mut host.kernel,
            &mut host.architecture,
            &mut self.profile.name,
            &mut self.profile.source,
            &mut self.profile.edition,
        ]
        .into_iter()
        .chain(&mut host.addresses)
        .chain(&mut self.run_by)
        {
            clean(text, redactor);
        }
        for finding in &mut self.findings {
            clean_finding(finding, redactor);
        }
        if let Some(remediation) = &mut self.remediation {
            let of_steps = remediation
                .steps
                .iter_mut()
                .flat_map(|step| [Some(&mut step.words), step.reason.as_mut()])
                .flatten();
            for text in of_steps
                .chain(&mut remediation.taken_back)
                .chain(&mut remediation.left)
            {
                clean(text, redactor);
            }
        }
        self
    }
}

fn clean_finding(finding: &mut Finding, redactor: &Redactor) {
    clean(&mut finding.summary, redactor);
    redactor.document(&mut finding.observed);
    for text in finding
        .expected
        .iter_mut()
        .chain(&mut finding.advice)
        .chain(&mut finding.remarks)
        .chain(&mut finding.fix.steps)
    {
        clean(text, redactor);
    }
    for evidence in &mut finding.evidence {
        clean(&mut evidence.label, redactor);
        clean(&mut evidence.value, redactor);
    }
    for item in &mut finding.items {
        clean(&mut item.name, redactor);
        clean(&mut item.summary, redactor);
        redactor.document(&mut item.observed);
    }
    for text in finding
        .measurements
        .iter_mut()
        .flat_map(|measurement| measurement.labels.values_mut())
    {
        clean(text, redactor);
    }
    for connection in &mut finding.connections {
        for text in [
            &mut connection.protocol,
            &mut connection.source,
            &mut connection.destination,
            &mut connection.purpose,
            &mut connection.consequence,
            &mut connection.state,
        ] {
            clean(text, redactor);
        }
    }
    if let Some(note) = &mut finding.waiver {
        clean(&mut note.waiver.reason, redactor);
        clean(&mut note.waiver.approved_by, redactor);
    }
}

fn clean(text: &mut String, redactor: &Redactor) {
    if let std::borrow::Cow::Owned(without) = redactor.text(text) {
        *text = without;
    }
}
