//! How free space is judged, wherever it is.

use crate::{
    checks::{Cause, Context, Limit, Measurement, Verdict, command_line::quoted},
    facts::{Gap, volumes::Volume},
    units::Bytes,
};

pub(super) const LOW_SPACE: Cause = Cause::new("low-space", "less free space than advised");
pub(super) const ALMOST_FULL: Cause = Cause::new("almost-full", "hardly any space is free");

/// The verdict on the free space of a volume, by the name that measurements give it; `advice` says what to do about this one.
pub(super) fn judge(
    context: &Context,
    name: &str,
    volume: &Volume,
    advice: String,
) -> Result<Verdict, Gap> {
    let limits = &context.profile.storage;
    let space = volume.space.seen()?;
    let mount_point = &volume.mount.mount_point;
    if space.total_bytes == Bytes(0) {
        return Err(Gap::Failed(format!(
            "the {} file system at {mount_point} does not tell its size",
            volume.mount.fs_type
        )));
    }
    // What is reserved for root does not help the node, which runs as a user.
    let available = space.available_bytes;
    let percent = available.percent_of(space.total_bytes);
    let summary = format!(
        "{available} of {} free ({percent:.1} %) on the file system at {mount_point}",
        space.total_bytes
    );
    let verdict = if percent < limits.free_fail_percent {
        Verdict::fail(ALMOST_FULL, summary)
    } else if percent > limits.free_warn_percent && available > limits.free_warn_bytes {
        Verdict::pass(summary)
    } else {
        Verdict::warn(LOW_SPACE, summary)
    };
    let verdict = match verdict.cause {
        None => verdict,
        Some(_) => verdict.advice(advice).advice(format!(
            "find what takes the space: du -xh --max-depth=2 {} | sort -h | tail",
            quoted(mount_point)
        )),
    };
    let verdict = verdict
        .observed(available.0)
        .expected(format!(
            "more than {} % and more than {} free",
            limits.free_warn_percent, limits.free_warn_bytes
        ))
        .evidence("size", space.total_bytes)
        .evidence("free", space.free_bytes)
        .evidence("free without root's reserve", available)
        .measure(
            Measurement::bytes("storage_free_bytes", available)
                .label("volume", name)
                .warn(Limit::below(limits.warn_below(space.total_bytes)))
                .fail(Limit::below(limits.fail_below(space.total_bytes))),
        );
    Ok(examined(verdict, volume))
}

/// With the place that was examined, where it is not the one that matters.
pub(super) fn examined(verdict: Verdict, volume: &Volume) -> Verdict {
    let verdict = verdict.evidence(
        "file system",
        format!(
            "{}, {} mounted at {}",
            match volume.mount.fs_type.as_str() {
                "" => "of an unknown type",
                fs_type => fs_type,
            },
            volume.mount.source.as_deref().unwrap_or("no device"),
            volume.mount.mount_point
        ),
    );
    if volume.exists {
        verdict
    } else {
        verdict.remark(format!(
            "{} is not there yet, so {}, where it would be made, was examined",
            volume.asked, volume.examined
        ))
    }
}
