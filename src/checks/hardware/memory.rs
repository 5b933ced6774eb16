//! `hardware.memory`

use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Limit, Measurement, Prose,
        Verdict,
    },
    facts::Source,
};

const TOO_LITTLE: Cause = Cause::new("too-little", "less memory than the profile asks for");

/// See [`Prose::checks`] in the declaration.
pub static MEMORY: Check = Check {
    id: "hardware.memory",
    title: "Enough memory",
    category: Category::Hardware,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Memory],
    reference: "Operator's manual, hardware requirements: memory",
    causes: &[TOO_LITTLE],
    prose: Prose {
        checks: "The memory that the kernel manages (`MemTotal`). Less than `hardware.memory_bytes` of the profile fails. The figure is in decimal units, and what the firmware and the kernel keep for themselves is allowed for: a virtual machine sold as 16 GiB passes 16 GB.",
        why: "The node keeps indexes and the datasets that pipes work on in memory. With too little of it the kernel kills the node in the middle of its work, and it starts again with cold caches.",
        remedy: "Give the machine more memory. A site that has agreed on less lowers `hardware.memory_bytes` in a profile of its own.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let required = context.profile.hardware.memory_bytes;
    let amount = context.facts.memory().seen()?.amount.seen()?;
    let summary = format!("{} of memory", amount.total);
    let verdict = if amount.total >= required {
        Verdict::pass(summary)
    } else {
        Verdict::fail(TOO_LITTLE, summary).advice(format!(
            "give the machine at least {required} of memory, with some to spare for firmware and kernel: 16 GiB leave about 16.6 GB"
        ))
    };
    Ok(verdict
        .observed(amount.total.0)
        .expected(format!("at least {required}"))
        .evidence("MemTotal", format!("{} bytes", amount.total.0))
        .measure(
            Measurement::bytes("memory_size_bytes", amount.total).fail(Limit::below(required)),
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
        },
        facts::{
            Facts, Observed,
            memory::{Amount, Memory},
        },
        units::Bytes,
    };

    fn memory(amount: Observed<Amount>) -> impl Fn(&mut Facts) {
        move |facts| {
            facts.memory = Observed::Seen(Memory {
                amount: amount.clone(),
                ..Memory::default()
            });
        }
    }

    fn bytes(total: u64) -> impl Fn(&mut Facts) {
        memory(Observed::Seen(Amount {
            total: Bytes(total),
            ..Amount::default()
        }))
    }

    #[test]
    fn cases() {
        judge_cases(
            &MEMORY,
            &[
                Case::new(
                    "sold as 16 GiB",
                    Status::Pass,
                    None,
                    bytes(31 * (1 << 30) / 2),
                ),
                Case::new("exactly enough", Status::Pass, None, bytes(16_000_000_000)),
                Case::new(
                    "one byte short",
                    Status::Fail,
                    Some("too-little"),
                    bytes(15_999_999_999),
                ),
                Case::new(
                    "15 GB",
                    Status::Fail,
                    Some("too-little"),
                    bytes(15_000_000_000),
                ),
                Case::new("none", Status::Fail, Some("too-little"), bytes(0)),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "/proc hangs",
                    Status::Unknown,
                    Some("timed-out"),
                    memory(Observed::TimedOut("/proc/meminfo did not answer".into())),
                ),
                Case::new(
                    "/proc is refused",
                    Status::Unknown,
                    Some("needs-root"),
                    memory(Observed::Denied("reading /proc/meminfo needs root".into())),
                ),
                Case::new(
                    "/proc is damaged",
                    Status::Unknown,
                    Some("observation-failed"),
                    memory(Observed::Failed("reading /proc/meminfo failed".into())),
                ),
            ],
        );
    }
}
