//! What changed between two reports; figures count as the same where they differ by no more than noise.

mod likeness;
mod stored;

use std::collections::BTreeMap;

pub use stored::{StoredReportError, read, read_text};

use crate::{
    checks::Status,
    report::{Change, Changes, Finding, Report, Side, State},
};
use likeness::{same_text, same_value};

/// How many differing items of one finding are named.
const MOST_ITEMS: usize = 20;

/// Compares two reports, of one machine at two times or of two machines.
#[must_use]
pub fn compare(before: &Report, after: &Report) -> Changes {
    let mut changes = Changes {
        before: side(before),
        after: side(after),
        broke: Vec::new(),
        healed: Vec::new(),
        drifted: Vec::new(),
        appeared: Vec::new(),
        disappeared: Vec::new(),
        unchanged: 0,
    };
    let mut former: BTreeMap<&str, &Finding> = evaluated(before).collect();
    for (id, finding) in evaluated(after) {
        match former.remove(id) {
            None => changes.appeared.push(change(None, Some(finding))),
            Some(old) => sort_in(&mut changes, old, finding),
        }
    }
    // In the order of the older report, as the rest stands in that of the newer one.
    let gone = evaluated(before).filter(|(id, _)| former.contains_key(id));
    changes
        .disappeared
        .extend(gone.map(|(_, finding)| change(Some(finding), None)));
    changes
}

fn evaluated(report: &Report) -> impl Iterator<Item = (&str, &Finding)> {
    report
        .findings
        .iter()
        .filter(|finding| finding.selected)
        .map(|finding| (finding.id.as_str(), finding))
}

fn side(report: &Report) -> Side {
    Side {
        hostname: report.host.hostname.clone(),
        observed_at: report.observed_at,
        status: report.status,
        profile: report.profile.name.clone(),
        version: report.tool.version.clone(),
    }
}

fn sort_in(changes: &mut Changes, old: &Finding, new: &Finding) {
    let change = change(Some(old), Some(new));
    match (trouble(old.status), trouble(new.status)) {
        // A failure that is now hidden by another or accepted by somebody is not healed.
        (was, is) if is > was => changes.broke.push(change),
        (was, is) if is < was && new.status == Status::Pass => changes.healed.push(change),
        (was, is) if is < was && is > 1 => changes.healed.push(change),
        _ if old.status != new.status || differs(old, new) || !change.details.is_empty() => {
            changes.drifted.push(change);
        }
        _ => changes.unchanged += 1,
    }
}

/// How much a status troubles; what does not trouble at all is zero.
fn trouble(status: Status) -> u8 {
    match status {
        Status::Skip | Status::Pass | Status::Waived => 0,
        Status::Blocked => 1,
        Status::Warn => 2,
        Status::Unknown => 3,
        Status::Fail => 4,
    }
}

fn differs(old: &Finding, new: &Finding) -> bool {
    old.cause != new.cause
        || !same_text(&old.summary, &new.summary)
        || !same_value(None, &old.observed, &new.observed)
}

fn change(before: Option<&Finding>, after: Option<&Finding>) -> Change {
    let finding = after.or(before);
    Change {
        id: finding
            .map(|finding| finding.id.clone())
            .unwrap_or_default(),
        title: finding
            .map(|finding| finding.title.clone())
            .unwrap_or_default(),
        details: match (before, after) {
            (Some(old), Some(new)) => details(old, new),
            _ => Vec::new(),
        },
        before: before.map(state),
        after: after.map(state),
    }
}

fn state(finding: &Finding) -> State {
    State {
        status: finding.status,
        cause: finding.cause.clone(),
        summary: finding.summary.clone(),
    }
}

/// What differs beyond status and summary.
fn details(old: &Finding, new: &Finding) -> Vec<String> {
    let mut details = Vec::new();
    if !same_text(&old.summary, &new.summary) {
        details.push(format!("before: {}", old.summary));
    }
    if old.because_of != new.because_of && !new.because_of.is_empty() {
        details.push(format!("because of {}", new.because_of.join(", ")));
    }
    if old.expected != new.expected {
        let words =
            |expected: &Option<String>| expected.clone().unwrap_or_else(|| "nothing".into());
        details.push(format!(
            "expected: {} → {}",
            words(&old.expected),
            words(&new.expected)
        ));
    }
    if old.level != new.level {
        details.push(format!(
            "level: {} → {}",
            old.level.word(),
            new.level.word()
        ));
    }
    let items = items(old, new);
    let left_out = items.len().saturating_sub(MOST_ITEMS);
    details.extend(items.into_iter().take(MOST_ITEMS));
    if left_out > 0 {
        details.push(format!("and {left_out} more"));
    }
    details
}

fn items(old: &Finding, new: &Finding) -> Vec<String> {
    let mut former: BTreeMap<&str, _> = old
        .items
        .iter()
        .map(|item| (item.name.as_str(), item))
        .collect();
    let mut words = Vec::new();
    for item in &new.items {
        match former.remove(item.name.as_str()) {
            None => words.push(format!("{}: new, {}", item.name, item.status.word())),
            Some(was) if was.status != item.status || was.cause != item.cause => {
                words.push(format!(
                    "{}: {} → {}: {}",
                    item.name,
                    was.status.word(),
                    item.status.word(),
                    item.summary
                ));
            }
            Some(was)
                if !same_text(&was.summary, &item.summary)
                    || !same_value(None, &was.observed, &item.observed) =>
            {
                words.push(format!("{}: {} → {}", item.name, was.summary, item.summary));
            }
            Some(_) => {}
        }
    }
    words.extend(former.into_keys().map(|name| format!("{name}: gone")));
    words
}
