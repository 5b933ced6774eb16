//! Judging where a panic does not unwind: on a thread of its own, which is left behind where a judge panics.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use super::{Diagnosis, Rules, diagnose_by};
use crate::{
    checks::{Check, REGISTRY},
    defects::Watch,
    facts::Facts,
};

thread_local! {
    static DOCKET: RefCell<Docket> = RefCell::default();
}

/// What a judging thread knows.
#[derive(Clone, Default)]
struct Docket {
    /// The checks whose judges panicked.
    broken: BTreeSet<String>,
    /// The check that is being judged, for whoever finds the thread panicked.
    current: Arc<Mutex<String>>,
}

/// Notes that a check is about to be judged; false where its judge has panicked before.
pub(super) fn may_judge(id: &str) -> bool {
    DOCKET.with_borrow(|docket| {
        id.clone_into(
            &mut docket
                .current
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        !docket.broken.contains(id)
    })
}

/// Judges the facts as [`super::diagnose`] does; a judge that panics costs its own finding.
#[must_use]
pub fn diagnose_apart(facts: Facts, rules: &Rules) -> (Facts, Diagnosis) {
    apart(REGISTRY, facts, rules)
}

pub(super) fn apart(
    checks: &'static [&'static Check],
    facts: Facts,
    rules: &Rules,
) -> (Facts, Diagnosis) {
    let facts = Arc::new(facts);
    let mut broken = BTreeSet::new();
    let diagnosis = loop {
        let docket = Docket {
            broken: broken.clone(),
            current: Arc::default(),
        };
        let current = Arc::clone(&docket.current);
        if let Some(diagnosis) = attempt(checks, docket, Arc::clone(&facts), rules.clone()) {
            break diagnosis;
        }
        let id = mem::take(&mut *current.lock().unwrap_or_else(PoisonError::into_inner));
        if !broken.insert(id) {
            // Not a judge, but what is done with the findings; without them there is nothing to say.
            break diagnose_by(checks, &facts, rules);
        }
    };
    (Arc::unwrap_or_clone(facts), diagnosis)
}

/// Nothing where the thread panicked, or could not be had.
fn attempt(
    checks: &'static [&'static Check],
    docket: Docket,
    facts: Arc<Facts>,
    rules: Rules,
) -> Option<Diagnosis> {
    let (tell, hear) = mpsc::channel();
    let tell_panic = tell.clone();
    let watch = Watch::new(move || {
        let _ = tell_panic.send(None);
    });
    let judging = move || {
        DOCKET.set(docket);
        let _ = tell.send(Some(watch.over(|| diagnose_by(checks, &facts, &rules))));
    };
    thread::Builder::new().spawn(judging).ok()?;
    hear.recv().ok().flatten()
}
