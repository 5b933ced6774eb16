//! Clock.

use serde::{Deserialize, Serialize};

use super::{Observed, Site};

/// Clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clock {}

/// Looks at it.
pub async fn observe(_site: Site) -> Observed<Clock> {
    Observed::NotAsked
}
