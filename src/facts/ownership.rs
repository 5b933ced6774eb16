//! Ownership.

use serde::{Deserialize, Serialize};

use super::{Observed, Site};

/// Ownership.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ownership {}

/// Looks at it.
pub async fn observe(_site: Site) -> Observed<Ownership> {
    Observed::NotAsked
}
