//! Memory.

use serde::{Deserialize, Serialize};

use super::{Observed, Site};

/// Memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {}

/// Looks at it.
pub async fn observe(_site: Site) -> Observed<Memory> {
    Observed::NotAsked
}
