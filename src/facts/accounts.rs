//! Accounts.

use serde::{Deserialize, Serialize};

use super::{Observed, Site};

/// Accounts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accounts {}

/// Looks at it.
pub async fn observe(_site: Site) -> Observed<Accounts> {
    Observed::NotAsked
}
