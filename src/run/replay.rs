//! Judging what was recorded elsewhere: facts or a bundle, at another time perhaps.

use std::path::Path;

use jiff::Timestamp;

use super::{RunError, chosen_profile};
use crate::{
    bundle::{self, Form},
    cli::{Moment, RunOptions},
    facts::{self, Facts},
    files::Root,
    profile,
    settings::Settings,
};

/// Recorded facts carry the profile and the settings that they were recorded under; what is asked for here wins.
pub(super) fn read(file: &Path, options: &RunOptions) -> Result<Facts, RunError> {
    let mut facts = match bundle::form_of(file)? {
        Form::Other => facts::read_recording(file)?,
        Form::Bundle | Form::Encrypted => facts::recording_of(file, &bundle::read_facts(file)?)?,
    };
    // A recording must not name files of the machine that judges it.
    facts.settings.templates_dir = None;
    if let Some(config) = &options.config {
        facts.settings = Settings::load(&Root::machine(), Some(config))?;
        if let Some(profile) = chosen_profile(options, &facts.settings)? {
            facts.profile = profile;
        }
    } else if let Some(name) = &options.profile {
        facts.profile = profile::load(name)?;
    }
    Ok(facts)
}

pub(super) fn judging_time(
    moment: Option<Moment>,
    observed_at: Timestamp,
) -> Result<Timestamp, RunError> {
    match moment {
        None => Ok(observed_at),
        Some(Moment::At(time)) => Ok(time),
        Some(Moment::Ahead(distance)) => observed_at
            .checked_add(distance)
            .map_err(|_| RunError::Moment),
    }
}
