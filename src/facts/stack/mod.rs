//! Stack.
pub mod env_file;
mod env_file_v1;
pub mod interpolation;

use serde::{Deserialize, Serialize};

use super::{Observed, Site};

/// Stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stack {}

/// Looks at it.
pub async fn observe(_site: Site) -> Observed<Stack> {
    Observed::NotAsked
}
