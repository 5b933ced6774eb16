//! `hardware.cpu`

use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Limit, Measurement, Prose,
        Verdict,
    },
    facts::Source,
    units::counted,
};

const TOO_FEW: Cause = Cause::new("too-few", "fewer usable CPUs than the profile asks for");

/// See [`Prose::checks`] in the declaration.
pub static CPU: Check = Check {
    id: "hardware.cpu",
    title: "Enough CPUs",
    category: Category::Hardware,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Processors],
    reference: "Operator's manual, hardware requirements: CPUs",
    causes: &[TOO_FEW],
    prose: Prose {
        checks: "The logical CPUs that programs on this machine may use: those that are online, less any affinity mask and control group quota. Fewer than `hardware.cpus` of the profile fail.",
        why: "Pipes run in parallel. With fewer CPUs than the product is sized for, pipes queue up, the node's API answers late, and its own health check may restart it.",
        remedy: "Give the machine more CPUs, or lift the quota that keeps the doctor, and so the node, from using those it has. A site that has agreed on less lowers `hardware.cpus` in a profile of its own.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let required = context.profile.hardware.cpus;
    let processors = context.facts.processors().seen()?;
    let usable = processors.usable;
    let summary = if usable == processors.online {
        format!("{} usable", counted(usable.into(), "CPU"))
    } else {
        format!("{usable} of {} online CPUs usable", processors.online)
    };
    let verdict = if usable >= required {
        Verdict::pass(summary)
    } else if processors.online >= required {
        Verdict::fail(TOO_FEW, summary).advice(
            "lift the affinity mask or control group quota that limits this process (systemd: CPUQuota=, AllowedCPUs=)",
        )
    } else {
        Verdict::fail(TOO_FEW, summary).advice(format!(
            "give the machine at least {}",
            counted(required.into(), "CPU")
        ))
    };
    let verdict = verdict
        .observed(usable)
        .expected(format!("at least {}", counted(required.into(), "CPU")))
        .evidence("online CPUs", processors.online)
        .measure(
            Measurement::count("usable_cpus", usable.into()).fail(Limit::Below(required.into())),
        );
    Ok(match &processors.model {
        Some(model) => verdict.evidence("model", model),
        None => verdict,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
        },
        facts::{Facts, Observed, processors::Processors},
    };

    fn cpus(online: u32, usable: u32) -> impl Fn(&mut Facts) {
        move |facts| {
            facts.processors = Observed::Seen(Processors {
                online,
                usable,
                model: None,
            });
        }
    }

    #[test]
    fn cases() {
        judge_cases(
            &CPU,
            &[
                Case::new("as many as asked for", Status::Pass, None, cpus(4, 4)),
                Case::new("one too few", Status::Fail, Some("too-few"), cpus(3, 3)),
                Case::new(
                    "enough but for a quota",
                    Status::Fail,
                    Some("too-few"),
                    cpus(8, 2),
                ),
                Case::new(
                    "just enough but for a quota",
                    Status::Fail,
                    Some("too-few"),
                    cpus(4, 2),
                ),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "kernel refused",
                    Status::Unknown,
                    Some("observation-failed"),
                    |facts: &mut Facts| {
                        facts.processors = Observed::Failed("no /proc".into());
                    },
                ),
            ],
        );
    }
}
