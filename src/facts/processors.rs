//! The CPUs that this machine may use.

use serde::{Deserialize, Serialize};
use sysinfo::{CpuRefreshKind, RefreshKind, System};

use super::{Observed, Site, bounded};

/// Logical CPUs, as the kernel counts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processors {
    /// CPUs that are online.
    pub online: u32,
    /// CPUs that programs may use: those online, less any affinity mask and control group quota.
    pub usable: u32,
    /// The first CPU's name, for the evidence.
    pub model: Option<String>,
}

/// Counts the CPUs of the running kernel; no file of `--root` tells.
pub async fn observe(site: Site) -> Observed<Processors> {
    bounded(site.deadline, "the kernel's list of CPUs", look).await
}

fn look() -> Observed<Processors> {
    let usable = match std::thread::available_parallelism() {
        Ok(count) => count.get(),
        Err(error) => return Observed::from_error(&error, "the number of usable CPUs"),
    };
    let system = match System::new_with_specifics(
        RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()),
    ) {
        Ok(system) => system,
        Err(error) => return Observed::Failed(format!("reading the CPUs failed: {error}")),
    };
    let cpus = system.cpus();
    Observed::Seen(Processors {
        online: u32::try_from(cpus.len().max(usable)).unwrap_or(u32::MAX),
        usable: u32::try_from(usable).unwrap_or(u32::MAX),
        model: cpus
            .first()
            .map(|cpu| cpu.brand().trim().to_owned())
            .filter(|brand| !brand.is_empty()),
    })
}
