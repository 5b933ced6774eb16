//! Layout.

use serde::{Deserialize, Serialize};

use super::{Observed, Site};

/// Layout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layout {}

/// Looks at it.
pub async fn observe(_site: Site) -> Observed<Layout> {
    Observed::NotAsked
}
