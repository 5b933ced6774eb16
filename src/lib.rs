//! `sesam-doctor` examines a machine that runs self-hosted Sesam and names what is wrong with it.
//!
//! A run goes through these rooms in this order: [`facts`] observes, [`checks`] judges,
//! [`diagnosis`] explains which failure follows from which, [`report`] shows it.

pub mod bundle;
pub mod checks;
pub mod cli;
pub mod defects;
pub mod diagnosis;
pub mod diff;
pub mod document;
pub mod facts;
pub mod files;
pub mod fleet;
pub mod output;
pub mod profile;
pub mod program;
pub mod progress;
pub use sesam_doctor_redact as redact;
pub mod reference;
pub mod remediate;
pub mod report;
pub mod run;
mod schemas;
pub mod screen;
pub mod seal;
pub mod serve;
pub mod settings;
pub mod spelling;
pub mod toml_document;
pub mod units;
pub mod utc;
pub mod vantage;
