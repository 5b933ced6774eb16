//! Memory, the pressure on it, and processes killed for want of it.

pub(in crate::facts) mod kernel_log;

use jiff::Timestamp;
use procfs::Current;
use serde::{Deserialize, Serialize};

pub use kernel_log::{Kill, KilledFor, OutOfMemoryKills};

use super::{Observed, Site, bounded, proc};
use crate::units::Bytes;

/// Memory, as the kernel counts it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// How much there is.
    #[serde(default)]
    pub amount: Observed<Amount>,
    /// How long programs wait for it; absent before Linux 4.20 and where it is switched off.
    #[serde(default)]
    pub pressure: Observed<Pressure>,
    /// Which processes the kernel says it killed for want of it; its log can be read by root only.
    #[serde(default)]
    pub kills: Observed<OutOfMemoryKills>,
    /// How many processes the kernel has killed for want of memory since its start; absent before Linux 4.13.
    #[serde(default)]
    pub kills_since_boot: Observed<u64>,
}

/// How much memory there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// `MemTotal`: what the kernel manages, a little less than what is built in.
    pub total: Bytes,
    /// `MemAvailable`: what programs could have without swapping; kernels before 3.14 do not say.
    pub available: Option<Bytes>,
    /// Swap space.
    pub swap_total: Bytes,
    /// Swap space that is free.
    pub swap_free: Bytes,
}

/// Share of the time in which some task waited for memory, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// Over the last ten seconds.
    pub some_avg10: f64,
    /// Over the last minute.
    pub some_avg60: f64,
    /// Over the last five minutes.
    pub some_avg300: f64,
}

/// Asks the running kernel; no file of `--root` tells.
pub async fn observe(site: Site) -> Observed<Memory> {
    let (amount, pressure, kills, kills_since_boot) = tokio::join!(
        bounded(site.deadline, "/proc/meminfo", amount),
        bounded(site.deadline, "/proc/pressure/memory", pressure),
        bounded(site.deadline, "the kernel's log", kills),
        bounded(site.deadline, "/proc/vmstat", kills_since_boot),
    );
    Observed::Seen(Memory {
        amount,
        pressure,
        kills,
        kills_since_boot,
    })
}

fn amount() -> Observed<Amount> {
    proc::observed(procfs::Meminfo::current(), "/proc/meminfo").map(|memory| Amount {
        total: Bytes(memory.mem_total),
        available: memory.mem_available.map(Bytes),
        swap_total: Bytes(memory.swap_total),
        swap_free: Bytes(memory.swap_free),
    })
}

fn pressure() -> Observed<Pressure> {
    let answer = procfs::MemoryPressure::current();
    if let Err(procfs::ProcError::Io(error, _)) = &answer
        && error.raw_os_error() == Some(rustix::io::Errno::OPNOTSUPP.raw_os_error())
    {
        // The kernel can measure it and was started without (`psi=0`, the default of RHEL 8 and 9).
        return Observed::Absent;
    }
    proc::observed(answer, "/proc/pressure/memory").map(|pressure| Pressure {
        some_avg10: pressure.some.avg10.into(),
        some_avg60: pressure.some.avg60.into(),
        some_avg300: pressure.some.avg300.into(),
    })
}

fn kills() -> Observed<OutOfMemoryKills> {
    let uptime = match proc::observed(procfs::Uptime::current(), "/proc/uptime") {
        Observed::Seen(uptime) => uptime.uptime_duration(),
        other => return other.map(|_| OutOfMemoryKills::default()),
    };
    let now = Timestamp::now();
    let Ok(booted_at) = now.checked_sub(uptime) else {
        return Observed::Failed("the clock is before the machine's start".into());
    };
    kernel_log::read(booted_at)
}

fn kills_since_boot() -> Observed<u64> {
    match proc::observed(procfs::vmstat(), "/proc/vmstat") {
        Observed::Seen(counters) => match counters.get("oom_kill") {
            Some(count) => Observed::Seen(u64::try_from(*count).unwrap_or(0)),
            None => Observed::Absent,
        },
        other => other.map(|_| 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory() {
        let amount = *amount().seen().unwrap();
        assert!(amount.total > Bytes(100_000_000), "{amount:?}");
        assert!(amount.available.unwrap() <= amount.total, "{amount:?}");
    }

    #[test]
    fn what_the_kernel_may_not_have_is_seen_or_absent() {
        assert!(pressure().seen_or_absent().is_ok());
        assert!(kills_since_boot().seen_or_absent().is_ok());
    }

    #[test]
    fn the_kernels_log_is_read_or_refused() {
        match kills() {
            Observed::Seen(kills) => assert!(kills.records > 0),
            Observed::Denied(what) => assert!(what.contains("root"), "{what}"),
            other => panic!("{other:?}"),
        }
    }
}
