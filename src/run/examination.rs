//! Looking at a machine once: observe, judge, explain.

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;

use super::{RunError, account, evidence};
use crate::{
    bundle,
    checks::Selection,
    cli::{Moment, RunOptions},
    diagnosis::{self, Proposal, Rules},
    facts::{self, Facts, Observed, Site},
    files::Root,
    profile::{self, Profile},
    progress::Progress,
    redact::Redactor,
    report::{Report, Timing},
    settings::Settings,
    toml_document::DocumentError,
};

/// What looking at a machine once came to.
pub(super) struct Examination {
    /// The report, without secrets.
    pub(super) report: Report,
    /// The settings that were in force.
    pub(super) settings: Settings,
    /// What was observed.
    pub(super) facts: Facts,
    /// What can be mended.
    pub(super) proposals: Vec<Proposal>,
}

/// Observe, judge, explain.
pub(super) async fn examined(
    selection: &Selection,
    options: &RunOptions,
    redactor: &Redactor,
) -> Result<Examination, RunError> {
    let begun = Instant::now();
    let started_at = Timestamp::now();
    let facts = gathered(selection, options, redactor, started_at).await?;
    judged(facts, selection, options, redactor, (started_at, begun))
}

/// Judge and explain what was observed from that moment on.
pub(super) fn judged(
    facts: Facts,
    selection: &Selection,
    options: &RunOptions,
    redactor: &Redactor,
    (started_at, begun): (Timestamp, Instant),
) -> Result<Examination, RunError> {
    let rules = Rules {
        selection: selection.clone(),
        strict: options.strict,
        now: judging_time(options.at, facts.observed_at)?,
    };
    let (facts, diagnosis) = diagnosis::diagnose_apart(facts, &rules);
    let timing = Timing {
        started_at,
        judged_as_of: rules.now,
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    let proposals = diagnosis.proposals.clone();
    let mut report = Report::new(&facts, diagnosis, timing);
    report.run_by = Some(account());
    Ok(Examination {
        report: report.redacted(redactor),
        settings: facts.settings.clone(),
        facts,
        proposals,
    })
}

pub(super) async fn gathered(
    selection: &Selection,
    options: &RunOptions,
    redactor: &Redactor,
    at: Timestamp,
) -> Result<Facts, RunError> {
    let evidence = evidence::sorted(options)?;
    let mut facts = match evidence.recording {
        Some(file) => replayed(file, options)?,
        None => observed(selection, options, redactor, at).await?,
    };
    if let Some(probe) = evidence.probe {
        facts.probe_report = Observed::Seen(probe);
    }
    Ok(facts)
}

async fn observed(
    selection: &Selection,
    options: &RunOptions,
    redactor: &Redactor,
    at: Timestamp,
) -> Result<Facts, RunError> {
    let site = site(options, redactor)?;
    let wanted = diagnosis::sources(selection);
    let progress = Progress::new(wanted.len(), options);
    // As many futures as there are sources: on the heap, not in every caller's own.
    let notify = |event| progress.hear(&event);
    let facts = Box::pin(facts::observe(&site, &wanted, at, &notify)).await;
    progress.finish();
    Ok(facts)
}

/// The machine that the options name, and how they let it be looked at.
pub(super) fn site(options: &RunOptions, redactor: &Redactor) -> Result<Site, RunError> {
    let root = root(options)?;
    let settings = Settings::load(&root, options.config.as_deref())?;
    let profile = chosen_profile(options, &settings)?.unwrap_or(profile::load(profile::DEFAULT)?);
    Ok(Site {
        root,
        profile: Arc::new(profile),
        settings: Arc::new(settings),
        deadline: options.timeout,
        offline: options.offline,
        // What is asked of a masked address answers nothing.
        redactor: redactor.observing(),
    })
}

/// What is to be taken for `/`.
pub(super) fn root(options: &RunOptions) -> Result<Root, RunError> {
    let Some(directory) = &options.root else {
        return Ok(Root::machine());
    };
    Root::at(directory).map_err(|cause| RunError::Root {
        path: directory.clone(),
        cause,
    })
}

/// Recorded facts carry the profile and the settings that they were recorded under; what is asked for here wins.
fn replayed(file: &std::path::Path, options: &RunOptions) -> Result<Facts, RunError> {
    let mut facts = match bundle::form_of(file)? {
        bundle::Form::Other => facts::read_recording(file)?,
        bundle::Form::Bundle | bundle::Form::Encrypted => {
            facts::recording_of(file, &bundle::read_facts(file)?)?
        }
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

fn chosen_profile(
    options: &RunOptions,
    settings: &Settings,
) -> Result<Option<Profile>, DocumentError> {
    options
        .profile
        .as_ref()
        .or(settings.profile.as_ref())
        .map(|name| profile::load(name))
        .transpose()
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
