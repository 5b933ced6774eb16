//! Volumes.

use serde::{Deserialize, Serialize};

use super::{Observed, Site};

/// Volumes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Volumes {}

/// Looks at it.
pub async fn observe(_site: Site) -> Observed<Volumes> {
    Observed::NotAsked
}
