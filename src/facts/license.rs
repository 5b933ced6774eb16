//! License.

use serde::{Deserialize, Serialize};

use super::{Observed, Site};

/// License.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LicenseFile {}

/// Looks at it.
pub async fn observe(_site: Site) -> Observed<LicenseFile> {
    Observed::NotAsked
}
