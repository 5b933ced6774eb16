use super::*;
use crate::{
    checks::cases::{Case, judge_cases, nothing_observed, verdict},
    facts::{
        Facts, Observed,
        memory::{Amount, OutOfMemoryKills, Pressure},
    },
    units::Bytes,
};

const DENIED: &str = "reading the kernel's log needs root";

fn healthy() -> Memory {
    Memory {
        amount: Observed::Seen(Amount {
            total: Bytes(16_000_000_000),
            available: Some(Bytes(8_000_000_000)),
            ..Amount::default()
        }),
        pressure: Observed::Seen(Pressure::default()),
        kills: Observed::Seen(OutOfMemoryKills::default()),
        kills_since_boot: Observed::Seen(0),
    }
}

fn but(change: impl Fn(&mut Memory)) -> impl Fn(&mut Facts) {
    move |facts| {
        let mut memory = healthy();
        change(&mut memory);
        facts.memory = Observed::Seen(memory);
    }
}

fn killed_at(at: &str) -> Observed<OutOfMemoryKills> {
    Observed::Seen(OutOfMemoryKills {
        kills: vec![Kill {
            at: at.parse().unwrap(),
            pid: 7,
            process: "lake".into(),
            killed_for: KilledFor::Machine,
        }],
        total: 1,
        records: 900,
        complete_since: None,
    })
}

/// A log without all of the kernel's beginning, which has one old kill of so many.
fn reaching_back_to(since: &str, kills: u64) -> impl Fn(&mut Memory) {
    move |memory| {
        memory.kills = killed_at("2026-11-21T13:00:00Z").map(|log| OutOfMemoryKills {
            complete_since: since.parse().ok(),
            ..log
        });
        memory.kills_since_boot = Observed::Seen(kills);
    }
}

fn available_bytes(bytes: Option<u64>) -> impl Fn(&mut Memory) {
    move |memory| {
        memory.amount = Observed::Seen(Amount {
            total: Bytes(16_000_000_000),
            available: bytes.map(Bytes),
            ..Amount::default()
        });
    }
}

fn waiting(some_avg300: f64) -> impl Fn(&mut Memory) {
    move |memory| {
        memory.pressure = Observed::Seen(Pressure {
            some_avg300,
            ..Pressure::default()
        });
    }
}

#[test]
fn cases() {
    let oom = Some("oom-killed");
    judge_cases(
        &MEMORY_PRESSURE,
        &[
            Case::new("healthy", Status::Pass, None, but(|_| {})),
            Case::new(
                "killed an hour ago",
                Status::Warn,
                oom,
                but(|memory| memory.kills = killed_at("2026-11-23T14:00:00Z")),
            ),
            Case::new(
                "killed while observing",
                Status::Warn,
                oom,
                but(|memory| memory.kills = killed_at("2026-11-23T15:00:03Z")),
            ),
            Case::new(
                "killed two days ago",
                Status::Pass,
                None,
                but(|memory| memory.kills = killed_at("2026-11-21T14:00:00Z")),
            ),
            Case::new(
                "killed in a far future",
                Status::Pass,
                None,
                but(|memory| memory.kills = killed_at("2036-11-21T14:00:00Z")),
            ),
            Case::new(
                "5 % available",
                Status::Pass,
                None,
                but(available_bytes(Some(800_000_000))),
            ),
            Case::new(
                "less",
                Status::Warn,
                Some("little-available"),
                but(available_bytes(Some(799_999_999))),
            ),
            Case::new(
                "old kernel, does not say",
                Status::Pass,
                None,
                but(available_bytes(None)),
            ),
            Case::new("waiting a little", Status::Pass, None, but(waiting(10.0))),
            Case::new(
                "waiting much",
                Status::Warn,
                Some("pressure"),
                but(waiting(10.1)),
            ),
            Case::new(
                "no figure at all",
                Status::Pass,
                None,
                but(waiting(f64::NAN)),
            ),
            Case::new(
                "pressure not measured",
                Status::Pass,
                None,
                but(|memory| memory.pressure = Observed::Absent),
            ),
        ],
    );
}

#[test]
fn what_cannot_be_seen() {
    judge_cases(
        &MEMORY_PRESSURE,
        &[
            Case::new(
                "log refused, none killed",
                Status::Pass,
                None,
                but(|memory| memory.kills = Observed::Denied(DENIED.into())),
            ),
            Case::new(
                "log refused, some killed",
                Status::Unknown,
                Some("needs-root"),
                but(|memory| {
                    memory.kills = Observed::Denied(DENIED.into());
                    memory.kills_since_boot = Observed::Seen(3);
                }),
            ),
            Case::new(
                "log refused, one killed",
                Status::Unknown,
                Some("needs-root"),
                but(|memory| {
                    memory.kills = Observed::Denied(DENIED.into());
                    memory.kills_since_boot = Observed::Seen(1);
                }),
            ),
            Case::new(
                "the log reaches back an hour only and lacks some",
                Status::Pass,
                None,
                but(reaching_back_to("2026-11-23T14:00:00Z", 3)),
            ),
            Case::new(
                "the log reaches back an hour only and lacks none",
                Status::Pass,
                None,
                but(reaching_back_to("2026-11-23T14:00:00Z", 1)),
            ),
            Case::new(
                "the log lacks some of long ago",
                Status::Pass,
                None,
                but(reaching_back_to("2026-11-21T14:00:00Z", 3)),
            ),
            Case::new(
                "log refused, no counter",
                Status::Unknown,
                Some("needs-root"),
                but(|memory| {
                    memory.kills = Observed::Denied(DENIED.into());
                    memory.kills_since_boot = Observed::Absent;
                }),
            ),
            Case::new(
                "log refused, but little available",
                Status::Warn,
                Some("little-available"),
                but(|memory| {
                    available_bytes(Some(1))(memory);
                    memory.kills = Observed::Denied(DENIED.into());
                    memory.kills_since_boot = Observed::Absent;
                }),
            ),
            Case::new(
                "amount failed",
                Status::Unknown,
                Some("observation-failed"),
                but(|memory| memory.amount = Observed::Failed("no".into())),
            ),
            Case::new(
                "more available than there is",
                Status::Pass,
                None,
                but(available_bytes(Some(u64::MAX))),
            ),
            Case::new(
                "not asked",
                Status::Unknown,
                Some("not-observed"),
                |_: &mut Facts| {},
            ),
        ],
    );
}

#[test]
fn the_killed_process_is_named_and_every_trouble_is_shown() {
    let mut facts = nothing_observed();
    but(|memory| {
        memory.kills = killed_at("2026-11-23T14:00:00Z");
        waiting(60.0)(memory);
    })(&mut facts);
    let verdict = verdict(&MEMORY_PRESSURE, &facts);
    assert!(verdict.summary.contains("“lake”"), "{}", verdict.summary);
    let causes: Vec<_> = verdict
        .items
        .iter()
        .map(|item| item.cause.as_deref())
        .collect();
    assert_eq!(causes, [Some("oom-killed"), None, Some("pressure")]);
    assert_eq!(verdict.advice.len(), 2);
}

#[test]
fn what_is_available_and_how_long_tasks_wait_is_measured() {
    let mut facts = nothing_observed();
    but(|memory| {
        available_bytes(Some(8_000_000_000))(memory);
        waiting(25.0)(memory);
        memory.kills = killed_at("2026-11-23T14:00:00Z");
    })(&mut facts);
    let limits = facts.profile.memory.clone();
    let measured = verdict(&MEMORY_PRESSURE, &facts).measurements;
    let least = limits.available_warn_below(Bytes(16_000_000_000));
    assert_eq!(
        measured,
        [
            Measurement::count("memory_available_bytes", 8_000_000_000).warn(Limit::below(least)),
            Measurement::new("memory_pressure_ratio", 0.25)
                .warn(Limit::Above(limits.pressure_warn_percent / 100.0)),
        ]
    );
    but(|memory| {
        available_bytes(None)(memory);
        memory.pressure = Observed::Absent;
    })(&mut facts);
    assert_eq!(verdict(&MEMORY_PRESSURE, &facts).measurements, []);
}
