//! How long the data partition takes to make a small write durable.

use std::{
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{Observed, Site, bounded, volumes::data_place};
use crate::profile::Hardware;

/// Fewer measured writes say nothing about a 99th percentile.
const FEWEST_WRITES: usize = 10;

/// Whether and what was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "measurement", rename_all = "kebab-case")]
pub enum StorageLatency {
    /// The site's settings forbid to measure.
    SwitchedOff,
    /// Another directory stands for `/`, and nothing is written there.
    OtherRoot,
    /// The writes were measured.
    Measured(Latency),
}

/// Latency of `write` plus `fdatasync`, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// The directory in which a file without a name was written.
    pub directory: String,
    /// Bytes of each write.
    pub write_bytes: u64,
    /// Writes that were measured.
    pub writes: u32,
    /// Writes that were asked for; more than were measured where the deadline came first.
    pub writes_wanted: u32,
    /// The median.
    pub p50_us: u64,
    /// The 99th percentile.
    pub p99_us: u64,
    /// The slowest.
    pub max_us: u64,
}

/// Measures where it may.
pub async fn observe(site: Site) -> Observed<StorageLatency> {
    if site.settings.measure_storage == Some(false) {
        return Observed::Seen(StorageLatency::SwitchedOff);
    }
    if !site.root.is_machine() {
        return Observed::Seen(StorageLatency::OtherRoot);
    }
    let deadline = site.deadline;
    let what = format!(
        "a small write to the file system of {}",
        site.profile.layout.data_mount.display()
    );
    bounded(deadline, what, move || {
        // Some time is left to say what was measured before the deadline cuts in.
        let until = Instant::now() + deadline.mul_f64(0.8);
        match data_place(&site).locate(&site) {
            Ok(located) => {
                measure(&located.path, &site.profile.hardware, until).map(StorageLatency::Measured)
            }
            Err(gap) => gap.into(),
        }
    })
    .await
}

fn measure(directory: &Path, requirements: &Hardware, until: Instant) -> Observed<Latency> {
    let wanted = requirements.fdatasync_writes;
    let size = requirements.fdatasync_write_bytes;
    match write_durably(directory, size.0, wanted, until) {
        Err(error) => failure(&error, directory),
        Ok(samples) if samples.len() < FEWEST_WRITES.min(wanted as usize) => {
            Observed::TimedOut(format!(
                "only {} of {wanted} writes in {} became durable before the deadline; --timeout gives them longer",
                samples.len(),
                directory.display()
            ))
        }
        Ok(mut samples) => {
            samples.sort_unstable();
            Observed::Seen(Latency {
                directory: directory.to_string_lossy().into_owned(),
                write_bytes: size.0,
                writes: u32::try_from(samples.len()).unwrap_or(u32::MAX),
                writes_wanted: wanted,
                p50_us: percentile(&samples, 50),
                p99_us: percentile(&samples, 99),
                max_us: percentile(&samples, 100),
            })
        }
    }
}

/// The file has no name from the first moment (or loses it at once, where the file system knows no nameless files),
/// so that nothing can be left behind, however the doctor ends.
fn write_durably(
    directory: &Path,
    size: u64,
    wanted: u32,
    until: Instant,
) -> io::Result<Vec<Duration>> {
    /// A larger write is no small one; the profile's figure is bounded so that it cannot ask for all memory.
    const LARGEST_WRITE: u64 = 16_000_000;
    let size = usize::try_from(size.min(LARGEST_WRITE)).unwrap_or(0);
    let content = vec![0x5a_u8; size];
    let mut file = tempfile::tempfile_in(directory)?;
    let mut samples = Vec::new();
    for _ in 0..wanted {
        let begun = Instant::now();
        if begun >= until {
            break;
        }
        file.write_all(&content)?;
        rustix::fs::fdatasync(&file)?;
        samples.push(begun.elapsed());
    }
    Ok(samples)
}

fn failure(error: &io::Error, directory: &Path) -> Observed<Latency> {
    let directory = directory.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Observed::Denied(format!("measuring writes in {directory} needs root"))
        }
        io::ErrorKind::StorageFull => Observed::Failed(format!(
            "no write could be measured in {directory}: no space is left"
        )),
        io::ErrorKind::ReadOnlyFilesystem => Observed::Failed(format!(
            "no write could be measured in {directory}: the file system is read-only"
        )),
        _ => Observed::Failed(format!("measuring writes in {directory} failed: {error}")),
    }
}

/// The smallest sample that at least `percent` per cent of all do not exceed, in microseconds (nearest rank).
fn percentile(sorted: &[Duration], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).map_or(0, |sample| {
        u64::try_from(sample.as_micros()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;

    fn far_off() -> Instant {
        Instant::now() + Duration::from_mins(10)
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let samples: Vec<Duration> = (1..=200).map(Duration::from_micros).collect();
        assert_eq!(percentile(&samples, 50), 100);
        assert_eq!(percentile(&samples, 99), 198);
        assert_eq!(percentile(&samples, 100), 200);
        assert_eq!(percentile(&[], 99), 0);
    }

    #[test]
    fn writes_are_measured_and_leave_nothing_behind() {
        let place = tempfile::tempdir().unwrap();
        let mut hardware = profile::load("2023").unwrap().hardware;
        hardware.fdatasync_writes = 20;
        let Observed::Seen(latency) = measure(place.path(), &hardware, far_off()) else {
            panic!("not measured");
        };
        assert_eq!((latency.writes, latency.write_bytes), (20, 2_300));
        assert!(latency.p50_us <= latency.p99_us && latency.p99_us <= latency.max_us);
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn too_few_writes_before_the_deadline_are_no_measurement() {
        let place = tempfile::tempdir().unwrap();
        let hardware = profile::load("2023").unwrap().hardware;
        assert!(matches!(
            measure(place.path(), &hardware, Instant::now()),
            Observed::TimedOut(_)
        ));
    }

    #[test]
    fn a_directory_that_is_gone_is_a_failure_with_its_reason() {
        let hardware = profile::load("2023").unwrap().hardware;
        let observed = measure(Path::new("/nonexistent"), &hardware, far_off());
        assert!(matches!(observed, Observed::Failed(reason) if reason.contains("/nonexistent")));
    }
}
