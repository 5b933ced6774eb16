//! Where the manual puts what.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::AbsolutePath;

/// Directories and files of the manual.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Layout {
    /// Mount point of the data disk.
    pub data_mount: AbsolutePath,
    /// The node's data on the data disk.
    pub data_dir: AbsolutePath,
    /// The node's base directory.
    pub node_dir: AbsolutePath,
    /// The link to [`Layout::data_dir`]; a real directory in the root-disk variant.
    pub data_link: AbsolutePath,
    /// The node's logs.
    pub logs_dir: AbsolutePath,
    /// Whether the manual has the logs directory made by hand before the first start.
    pub logs_dir_required: bool,
    /// The agent's configuration directory, where the edition has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_dir: Option<AbsolutePath>,
    /// Traefik's ACME directory.
    pub letsencrypt_dir: AbsolutePath,
    /// Where the customer's own certificate is put.
    pub certificates_dir: AbsolutePath,
    /// The license.
    pub license_file: AbsolutePath,
}

impl Layout {
    /// Where the license is: with the node's data, which without a disk of their own are where the link would be.
    #[must_use]
    pub fn license_file_on(&self, root_disk: bool) -> PathBuf {
        match self.license_file.strip_prefix(&self.data_dir) {
            Ok(inside) if root_disk => self.data_link.join(inside),
            _ => self.license_file.to_path_buf(),
        }
    }
}
