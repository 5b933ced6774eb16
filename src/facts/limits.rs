//! Limits.

use serde::{Deserialize, Serialize};

use super::{Observed, Site};

/// Limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {}

/// Looks at it.
pub async fn observe(_site: Site) -> Observed<Limits> {
    Observed::NotAsked
}
