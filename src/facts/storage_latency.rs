//! Storage latency.

use serde::{Deserialize, Serialize};

use super::{Observed, Site};

/// Storage latency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StorageLatency {}

/// Looks at it.
pub async fn observe(_site: Site) -> Observed<StorageLatency> {
    Observed::NotAsked
}
