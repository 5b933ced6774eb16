//! The license key: its file, its text, its dates, and whose it is.

mod expiry;
mod file;
mod format;
mod node;
mod subscription;

pub use expiry::EXPIRY;
pub use file::FILE;
pub use format::{FORMAT, license_fault};
pub use node::NODE;
#[cfg(test)]
pub(super) use node::tests::saying;
pub(super) use node::{Word, word};
pub use subscription::SUBSCRIPTION;

use super::Cause;

const EMPTY: Cause = Cause::new("empty", "the file holds no license");

/// What a person does to get a good license into its place.
fn replace(path: &std::path::Path) -> String {
    format!(
        "download the license of this subscription from the Sesam portal again, as a file and not by copying text, and put it in place of {}",
        path.display()
    )
}

#[cfg(test)]
mod arranging {
    //! License files for the tables of cases.

    use crate::{
        facts::{
            Facts, FileKind, Observed,
            license::{LicenseFile, Reading},
        },
        units::Bytes,
    };

    /// A license file as it should be, as of [`crate::checks::cases::NOW`].
    pub fn good() -> LicenseFile {
        LicenseFile {
            path: "/srv/data/sesam/node-00/data/license.key".into(),
            link: None,
            kind: FileKind::Regular,
            size_bytes: Bytes(700),
            owner: 1000,
            group: 1000,
            permissions: 0o640,
            reading: Observed::Seen(Reading {
                id: Some("12345".into()),
                expires: "2027-11-23T15:00:00Z".parse().ok(),
                created: "2026-10-01T00:00:00Z".parse().ok(),
                fault: None,
                remarks: Vec::new(),
            }),
        }
    }

    /// Facts with a license file that was good before `change`.
    pub fn file(change: impl Fn(&mut LicenseFile)) -> impl Fn(&mut Facts) {
        move |facts| {
            let mut license = good();
            change(&mut license);
            facts.license = Observed::Seen(license);
        }
    }

    /// Facts with a license whose reading was good before `change`.
    pub fn reading(change: impl Fn(&mut Reading)) -> impl Fn(&mut Facts) {
        file(move |license| {
            if let Observed::Seen(reading) = &mut license.reading {
                change(reading);
            }
        })
    }
}
