//! The fleet for Prometheus: how each machine stands, and what is common to many.

use std::collections::BTreeSet;

use super::Fleet;
use crate::{checks::Status, report::Exposition};

/// The statuses that a whole report can have.
const STATUSES: [Status; 4] = [Status::Fail, Status::Unknown, Status::Warn, Status::Pass];

pub(super) fn metrics(fleet: &Fleet) -> String {
    let mut page = Exposition::default();
    about_all(&mut page, fleet);
    about_machines(&mut page, fleet);
    if !fleet.root_causes.is_empty() {
        page.family(
            "fleet_root_cause_machines",
            "On how many machines a check fails for no other reason.",
        );
        for cause in &fleet.root_causes {
            page.sample(
                "fleet_root_cause_machines",
                &[
                    ("check", &cause.check),
                    ("cause", cause.cause.as_deref().unwrap_or("")),
                ],
                Exposition::count(cause.machines.len()),
            );
        }
    }
    if !fleet.expiries.is_empty() {
        page.family(
            "fleet_expiry_timestamp_seconds",
            "When something expires, in seconds since 1970.",
        );
        let mut seen = BTreeSet::new();
        for expiry in &fleet.expiries {
            let labels = [
                ("machine", expiry.machine.as_str()),
                ("check", expiry.check.as_str()),
                ("what", expiry.what.as_str()),
            ];
            // Of equal ones the soonest comes first, and counts.
            if seen.insert(labels) {
                let at = Exposition::seconds(expiry.at.as_millisecond());
                page.sample("fleet_expiry_timestamp_seconds", &labels, at);
            }
        }
    }
    page.text
}

fn about_all(page: &mut Exposition, fleet: &Fleet) {
    page.family("fleet_machines", "How many machines have which status.");
    for status in STATUSES {
        let count = match status {
            Status::Fail => fleet.summary.fail,
            Status::Unknown => fleet.summary.unknown,
            Status::Warn => fleet.summary.warn,
            _ => fleet.summary.pass,
        };
        page.sample(
            "fleet_machines",
            &[("status", status.word())],
            Exposition::count(count),
        );
    }
    for (name, help, count) in [
        (
            "fleet_stale_machines",
            "How many machines have no report that is new enough.",
            fleet.summary.stale,
        ),
        (
            "fleet_unreadable_reports",
            "How many files are no report or could not be read.",
            fleet.summary.unreadable,
        ),
        (
            "fleet_exit_code",
            "How the view ended: 0 passed, 1 warning, 2 failure, 3 undetermined.",
            usize::from(fleet.exit_code),
        ),
    ] {
        page.family(name, help);
        page.sample(name, &[], Exposition::count(count));
    }
}

fn about_machines(page: &mut Exposition, fleet: &Fleet) {
    if fleet.machines.is_empty() {
        return;
    }
    page.family(
        "fleet_machine_status",
        "How a machine stands: 1 for its status, 0 for every other.",
    );
    for machine in &fleet.machines {
        for status in STATUSES {
            page.sample(
                "fleet_machine_status",
                &[("machine", &machine.name), ("status", status.word())],
                f64::from(u8::from(machine.status == status)),
            );
        }
    }
    page.family(
        "fleet_machine_root_causes",
        "How many failures of a machine no other failure explains.",
    );
    for machine in &fleet.machines {
        page.sample(
            "fleet_machine_root_causes",
            &[("machine", &machine.name)],
            Exposition::count(machine.root_causes.len()),
        );
    }
    page.family(
        "fleet_report_timestamp_seconds",
        "When a machine was observed, in seconds since 1970.",
    );
    for machine in &fleet.machines {
        page.sample(
            "fleet_report_timestamp_seconds",
            &[("machine", &machine.name)],
            Exposition::seconds(machine.observed_at.as_millisecond()),
        );
    }
}
