//! `system.memory-pressure`

use jiff::Timestamp;

use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Prose, Status, Verdict,
    },
    facts::{
        Gap, Source,
        memory::{Kill, KilledFor, Memory},
    },
    units::counted,
};

const OOM_KILLED: Cause = Cause::new(
    "oom-killed",
    "the kernel has recently killed a process for want of memory",
);
const LITTLE_AVAILABLE: Cause =
    Cause::new("little-available", "hardly any memory is left for programs");
const PRESSURE: Cause = Cause::new(
    "pressure",
    "programs wait for memory a good part of the time",
);

/// Observing begins at the time by which is judged: what happens until it ends has happened too.
const OBSERVING_SECONDS: i64 = 60;

/// See [`Prose::checks`] in the declaration.
pub static MEMORY_PRESSURE: Check = Check {
    id: "system.memory-pressure",
    title: "Memory suffices",
    category: Category::System,
    level: Level::Recommended,
    needs: &[],
    reads: &[Source::Memory],
    reference: "Linux: out-of-memory killer, /proc/meminfo, pressure stall information",
    causes: &[OOM_KILLED, LITTLE_AVAILABLE, PRESSURE],
    prose: Prose {
        checks: "Three signs of want of memory: a process that the kernel killed for it within the last `memory.oom_recent_hours` (from the kernel's log, which only root can read; without root the kernel's counter tells at least when there was none), less than `memory.available_warn_percent` of the memory available, and tasks that waited for memory more than `memory.pressure_warn_percent` of the last five minutes (where the kernel measures that). Each of them warns.",
        why: "The kernel kills the largest process first, and that is the node. Before it comes to that, the machine spends its time moving memory to and from the disk.",
        remedy: "Find out what uses the memory (`ps --sort=-rss -eo rss,pid,comm | head`, `docker stats`), give the machine more, or limit what competes with the node.",
    },
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let memory = context.facts.memory().seen()?;
    let signs = [
        kills(context, memory),
        available(context, memory),
        pressure(context, memory),
    ];
    // A sign of want counts although another could not be looked for; only without any, not knowing does.
    let decisive = signs
        .iter()
        .find(|sign| sign.status == Status::Warn)
        .or_else(|| signs.iter().find(|sign| sign.status == Status::Unknown));
    let mut verdict = match decisive {
        Some(sign) => sign.clone(),
        None => {
            Verdict::pass("no recent out-of-memory kill, enough memory available, little waiting")
        }
    };
    verdict.evidence.clear();
    verdict.remarks.clear();
    let others = signs
        .iter()
        .filter(|sign| sign.status == Status::Warn && sign.cause != verdict.cause);
    for other in others {
        verdict.advice.extend(other.advice.iter().cloned());
    }
    verdict.items = ["kills", "available", "pressure"]
        .into_iter()
        .zip(&signs)
        .map(|(name, sign)| Item {
            name: name.into(),
            status: sign.status,
            cause: sign.cause.clone(),
            summary: sign.summary.clone(),
            observed: sign.observed.clone(),
        })
        .collect();
    for sign in signs {
        verdict.evidence.extend(sign.evidence);
        verdict.remarks.extend(sign.remarks);
    }
    let limits = &context.profile.memory;
    Ok(verdict.expected(format!(
        "no out-of-memory kill within {}, at least {} % of memory available, tasks waiting at most {} % of the time",
        counted(limits.oom_recent_hours.into(), "hour"),
        limits.available_warn_percent,
        limits.pressure_warn_percent
    )))
}

fn kills(context: &Context, memory: &Memory) -> Verdict {
    let hours = context.profile.memory.oom_recent_hours;
    let counted_kills = memory.kills_since_boot.seen().ok().copied();
    let log = match memory.kills.seen() {
        Ok(log) => log,
        // The log cannot be read, but the counter says that there is nothing in it.
        Err(_) if counted_kills == Some(0) => {
            return Verdict::pass("no process killed for want of memory since the start")
                .observed(0)
                .evidence("kills since the start", 0);
        }
        Err(gap) => return unread_log(gap, counted_kills),
    };
    let recent = log
        .kills
        .iter()
        .rev()
        .find(|kill| is_recent(kill.at, context.now, hours));
    let verdict = match recent {
        Some(kill) => killed(kill),
        None => Verdict::pass(format!(
            "no process killed for want of memory within {}",
            counted(hours.into(), "hour")
        )),
    };
    let verdict = verdict
        .observed(log.total)
        .evidence("kills in the kernel's log", log.total);
    let Some(count) = counted_kills else {
        return verdict;
    };
    let verdict = verdict.evidence("kills since the start", count);
    match log.complete_since {
        Some(since) if count > log.total && is_recent(since, context.now, hours) => {
            verdict.remark(format!(
                "the kernel's log reaches back to {since} only and has {} of {} since the start",
                log.total,
                counted(count, "kill")
            ))
        }
        _ => verdict,
    }
}

fn unread_log(gap: Gap, counted_kills: Option<u64>) -> Verdict {
    match counted_kills {
        None => Verdict::from(gap),
        Some(count) => {
            let mut verdict = Verdict::from(gap).evidence("kills since the start", count);
            verdict.summary = format!(
                "the kernel has killed for want of memory since its start ({count} times); when is in its log: {}",
                verdict.summary
            );
            verdict
        }
    }
}

fn killed(kill: &Kill) -> Verdict {
    let Kill {
        at, pid, process, ..
    } = kill;
    let verdict = Verdict::warn(
        OOM_KILLED,
        format!("the kernel killed “{process}” (process {pid}) at {at} for want of memory"),
    );
    match kill.killed_for {
        KilledFor::Machine => verdict.advice(
            "give the machine more memory, or find what uses it up: `journalctl -k --grep 'out of memory' -A 60` lists all processes of that moment",
        ),
        KilledFor::ControlGroup => verdict.advice(format!(
            "“{process}” ran into the limit of its own container or service: raise that limit, or find out why it needs so much"
        )),
    }
}

fn is_recent(at: Timestamp, now: Timestamp, hours: u32) -> bool {
    let age = now.duration_since(at).as_secs();
    (-OBSERVING_SECONDS..=i64::from(hours).saturating_mul(3_600)).contains(&age)
}

fn available(context: &Context, memory: &Memory) -> Verdict {
    let least = context.profile.memory.available_warn_percent;
    let amount = match memory.amount.seen() {
        Ok(amount) => amount,
        Err(gap) => return Verdict::from(gap),
    };
    let Some(available) = amount.available else {
        return Verdict::skip("this kernel does not say how much memory is available");
    };
    let percent = available.percent_of(amount.total);
    let summary = format!(
        "{available} of {} of memory available ({percent:.1} %)",
        amount.total
    );
    let verdict = if percent < least {
        Verdict::warn(LITTLE_AVAILABLE, summary).advice(
            "see what uses the memory: `ps --sort=-rss -eo rss,pid,comm | head`, `docker stats --no-stream`",
        )
    } else {
        Verdict::pass(summary)
    };
    verdict
        .observed(available.0)
        .evidence("memory available", format!("{available} ({percent:.1} %)"))
        .evidence(
            "swap",
            format!("{} of {} free", amount.swap_free, amount.swap_total),
        )
}

fn pressure(context: &Context, memory: &Memory) -> Verdict {
    let most = context.profile.memory.pressure_warn_percent;
    let pressure = match memory.pressure.seen_or_absent() {
        Ok(Some(pressure)) => pressure,
        Ok(None) => return Verdict::skip("this kernel does not measure pressure on memory"),
        Err(gap) => return Verdict::from(gap),
    };
    let waited = pressure.some_avg300;
    let summary = format!("tasks waited for memory {waited:.1} % of the last five minutes");
    let verdict = if waited > most {
        Verdict::warn(PRESSURE, summary).advice(
            "see what makes the machine swap (`vmstat 5`, columns si and so), and give it more memory",
        )
    } else {
        Verdict::pass(summary)
    };
    verdict
        .observed(waited)
        .evidence("pressure on memory (some avg300)", format!("{waited:.2} %"))
}

#[cfg(test)]
mod tests {
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
                    "nothing at all",
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
}
