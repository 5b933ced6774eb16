//! `system.memory-pressure`

use jiff::Timestamp;

use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Limit, Measurement, Prose,
        Status, Verdict,
    },
    facts::{
        Gap, Source,
        memory::{Kill, KilledFor, Memory},
    },
    units::{Bytes, counted},
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
    mends: &[],
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
    verdict.measurements.clear();
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
        verdict.measurements.extend(sign.measurements);
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
                "the kernel has killed for want of memory since its start ({}); when is in its log: {}",
                counted(count, "time"),
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
            "give the machine more memory, or find what uses it up: `journalctl -k | grep -A 60 'invoked oom-killer'` lists all processes of that moment",
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
    let limits = &context.profile.memory;
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
    let verdict = if percent < limits.available_warn_percent {
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
            match amount.swap_total {
                Bytes(0) => "none".to_owned(),
                total => format!("{} of {total} free", amount.swap_free),
            },
        )
        .measure(
            Measurement::bytes("memory_available_bytes", available)
                .warn(Limit::below(limits.available_warn_below(amount.total))),
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
        .measure(
            Measurement::new("memory_pressure_ratio", waited / 100.0)
                .warn(Limit::Above(most / 100.0)),
        )
}

#[cfg(test)]
mod tests;
