//! `hardware.storage-speed`

use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Limit, Measurement, Prose,
        Verdict, storage::DATA_WRITABLE,
    },
    facts::{
        Source,
        storage_latency::{Latency, StorageLatency},
    },
};

const SLOW: Cause = Cause::new(
    "slow",
    "small durable writes are slower than they should be",
);
const TOO_SLOW: Cause = Cause::new("too-slow", "small durable writes are far too slow");

/// See [`Prose::checks`] in the declaration.
pub static STORAGE_SPEED: Check = Check {
    id: "hardware.storage-speed",
    title: "Storage makes small writes durable fast enough",
    category: Category::Hardware,
    level: Level::Required,
    needs: &[&DATA_WRITABLE],
    reads: &[Source::StorageLatency],
    reference: "Operator's manual, hardware requirements: fast storage; the measure is the one etcd uses for its disks",
    causes: &[SLOW, TOO_SLOW],
    prose: Prose {
        checks: "Writes `hardware.fdatasync_write_bytes` bytes `hardware.fdatasync_writes` times to a file without a name in the data directory, each time followed by `fdatasync`, and takes the 99th percentile. More than `hardware.fdatasync_p99_warn_ms` warns, more than `hardware.fdatasync_p99_fail_ms` fails. The file has no name, so nothing is left, however the doctor ends. `measure_storage = false` in the settings turns the measurement off.",
        why: "The database makes every batch durable before it goes on. On slow storage pipes queue up, whatever the CPUs and the memory are.",
        remedy: "Use local SSDs, or a faster class of virtual disk. On a machine that is busy measure again at a quiet time: other programs' writes are measured with one's own.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    match context.facts.storage_latency().seen()? {
        StorageLatency::SwitchedOff => Ok(Verdict::skip(
            "not measured: the settings say measure_storage = false",
        )),
        StorageLatency::OtherRoot => Ok(Verdict::skip(
            "not measured: nothing is written below another root",
        )),
        StorageLatency::Measured(latency) => Ok(judge_latency(context, latency)),
    }
}

fn judge_latency(context: &Context, latency: &Latency) -> Verdict {
    let limits = &context.profile.hardware;
    let p99 = milliseconds(latency.p99_us);
    let summary = format!(
        "the 99th percentile of durable small writes in {} is {} ms",
        latency.directory,
        tenths_of_milliseconds(latency.p99_us)
    );
    let verdict = if p99 > limits.fdatasync_p99_fail_ms {
        Verdict::fail(TOO_SLOW, summary)
            .advice("move the data to a local SSD, or to a faster class of virtual disk")
            .advice("where the disk should be fast: look for a failing disk (dmesg -T, smartctl -a) and for other programs that write (iotop, pidstat -d 1)")
    } else if p99 > limits.fdatasync_p99_warn_ms {
        Verdict::warn(SLOW, summary).advice(
            "measure again at a quiet time; where it stays slow, use a faster disk for the data",
        )
    } else {
        Verdict::pass(summary)
    };
    let verdict = verdict
        .observed(p99)
        .expected(format!("at most {} ms", limits.fdatasync_p99_warn_ms))
        .evidence("p50", format!("{:.3} ms", milliseconds(latency.p50_us)))
        .evidence("p99", format!("{p99:.3} ms"))
        .evidence("max", format!("{:.3} ms", milliseconds(latency.max_us)))
        .evidence(
            "writes",
            format!("{} of {} bytes", latency.writes, latency.write_bytes),
        )
        .evidence("directory", &latency.directory)
        .measure(percentile("50", latency.p50_us))
        .measure(
            percentile("99", latency.p99_us)
                .warn(Limit::Above(limits.fdatasync_p99_warn_ms / 1000.0))
                .fail(Limit::Above(limits.fdatasync_p99_fail_ms / 1000.0)),
        );
    if latency.writes < latency.writes_wanted {
        verdict.remark(format!(
            "the deadline left time for {} of {} writes only",
            latency.writes, latency.writes_wanted
        ))
    } else {
        verdict
    }
}

fn percentile(which: &str, microseconds: u64) -> Measurement {
    Measurement::new(
        "storage_fdatasync_seconds",
        milliseconds(microseconds) / 1000.0,
    )
    .label("volume", "data")
    .label("percentile", which)
}

/// Rounded up, so that what is above a limit does not read as if it were at it.
fn tenths_of_milliseconds(microseconds: u64) -> String {
    let tenths = microseconds.div_ceil(100);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn milliseconds(microseconds: u64) -> f64 {
    // Above 2⁵³ µs, some 285 years, precision would be lost.
    #[allow(clippy::cast_precision_loss)]
    {
        microseconds as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
        },
        facts::{Facts, Observed},
    };

    fn latency(p99_us: u64) -> impl Fn(&mut Facts) {
        move |facts| {
            facts.storage_latency = Observed::Seen(StorageLatency::Measured(Latency {
                directory: "/srv/data".into(),
                write_bytes: 2_300,
                writes: 200,
                writes_wanted: 200,
                p50_us: 500,
                p99_us,
                max_us: p99_us,
            }));
        }
    }

    #[test]
    fn cases() {
        judge_cases(
            &STORAGE_SPEED,
            &[
                Case::new("fast", Status::Pass, None, latency(900)),
                Case::new("at the limit", Status::Pass, None, latency(10_000)),
                Case::new("slow", Status::Warn, Some("slow"), latency(10_001)),
                Case::new(
                    "as slow as may be",
                    Status::Warn,
                    Some("slow"),
                    latency(50_000),
                ),
                Case::new(
                    "cut short by the deadline",
                    Status::Fail,
                    Some("too-slow"),
                    |facts: &mut Facts| {
                        latency(6_000_000)(facts);
                        if let Observed::Seen(StorageLatency::Measured(latency)) =
                            &mut facts.storage_latency
                        {
                            latency.writes = 1;
                        }
                    },
                ),
                Case::new("too slow", Status::Fail, Some("too-slow"), latency(50_001)),
                Case::new("absurd", Status::Fail, Some("too-slow"), latency(u64::MAX)),
                Case::new("switched off", Status::Skip, None, |facts: &mut Facts| {
                    facts.storage_latency = Observed::Seen(StorageLatency::SwitchedOff);
                }),
                Case::new("another root", Status::Skip, None, |facts: &mut Facts| {
                    facts.storage_latency = Observed::Seen(StorageLatency::OtherRoot);
                }),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "disk full",
                    Status::Unknown,
                    Some("observation-failed"),
                    |facts: &mut Facts| {
                        facts.storage_latency = Observed::Failed("no space is left".into());
                    },
                ),
                Case::new(
                    "no root",
                    Status::Unknown,
                    Some("needs-root"),
                    |facts: &mut Facts| {
                        facts.storage_latency = Observed::Denied("needs root".into());
                    },
                ),
            ],
        );
    }
}
