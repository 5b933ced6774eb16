//! The operating system and the machine's names.

use serde::{Deserialize, Serialize};

use super::{Observed, Site};

/// The operating system and the machine's names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// The machine's own name.
    pub hostname: String,
    /// The release of the kernel.
    pub kernel: String,
    /// The kind of the CPUs, as in `x86_64`.
    pub architecture: String,
}

impl Host {
    /// What the operating system calls itself.
    #[must_use]
    pub fn os_name(&self) -> String {
        String::new()
    }
}

/// Looks at it.
pub async fn observe(_site: Site) -> Observed<Host> {
    Observed::Seen(Host::default())
}
