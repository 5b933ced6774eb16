//! Plugins.

use serde::{Deserialize, Serialize};

use super::{Observed, Site};

/// Plugins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PluginRun {}

/// Looks at it.
pub async fn observe(_site: Site) -> Observed<Vec<PluginRun>> {
    Observed::NotAsked
}
