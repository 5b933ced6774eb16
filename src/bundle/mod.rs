//! The support archive: what a customer attaches to a ticket, and its reading back.
//!
//! It is a tar in zstd. Each member is a zstd frame of its own, so that members are packed one by one as they come, in
//! constant memory, and the manifest with all their sizes and hashes can still stand first.

mod contents;
mod make;
mod manifest;
mod read;
mod spool;
mod tar;

pub use contents::{Planned, plan};
pub use make::{Archive, Limits, MakeError, Seal, Step, Text, Work, make};
pub use manifest::{LeftOut, Manifest, Member};
pub use read::{BundleError, Form, facts_in, form_of, read_facts};

/// The version of a bundle's own form; members are added, never renamed or removed, within one.
pub const SCHEMA_VERSION: u32 = 1;

/// Every name in the archive begins with this, so that unpacking makes one directory.
const DIRECTORY: &str = "sesam-bundle/";

/// The member that describes the others; it is the first.
const MANIFEST: &str = "manifest.json";

/// The member that `--facts` judges.
const FACTS: &str = "facts.json";

/// No bundle holds more than this, unpacked.
const MOST_UNPACKED: u64 = 16_000_000_000;

/// No log packs better than this; what does was made to fill the disk of whoever unpacks it.
const MOST_RATIO: u64 = 1_500;

/// What is smaller, unpacked, harms nobody.
const HARMLESS_BYTES: u64 = 64_000_000;
