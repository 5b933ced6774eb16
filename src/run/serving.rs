//! One report after another, for `serve`.

use std::io;

use super::{Examination, Exit, RunError, examined, formats, selection};
use crate::{
    cli::{Format, RunOptions, ServeOptions},
    redact::Redactor,
    screen,
    serve::{self, Answers, Service, Token},
};

/// Serves until a signal comes.
pub(super) async fn serve(
    asked: ServeOptions,
    mut options: RunOptions,
    redactor: Redactor,
) -> Result<Exit, RunError> {
    refuse_what_is_for_one_run(&options)?;
    // A progress line for each period would fill the log.
    options.no_progress = true;
    let token = asked
        .token_file
        .map(|file| Token::read(&file, &redactor))
        .transpose()?;
    // A word that names no check is told before anybody is served.
    selection(&[], &options)?;
    let service = Service {
        listen: asked.listen,
        period: asked.period,
        token,
    };
    let make = async || {
        answers(&options, &redactor)
            .await
            .map_err(|error| redactor.text(&error.to_string()).into_owned())
    };
    serve::serve(service, make, tell).await?;
    Ok(Exit::Done)
}

fn refuse_what_is_for_one_run(options: &RunOptions) -> Result<(), RunError> {
    let refused = [
        (!options.facts.is_empty(), "--facts"),
        (options.since.is_some(), "--since"),
        (!options.report.is_empty(), "--report"),
        (options.format != Format::Table, "--format"),
    ];
    match refused.iter().find(|(is_given, _)| *is_given) {
        None => Ok(()),
        Some((_, option)) => Err(RunError::Usage(format!(
            "`serve` makes its own reports of this machine and has no {option}"
        ))),
    }
}

async fn answers(options: &RunOptions, redactor: &Redactor) -> Result<Answers, RunError> {
    let Examination {
        report, settings, ..
    } = examined(&selection(&[], options)?, options, redactor).await?;
    let templates = formats::templates(&settings, options)?;
    let writing = tokio::task::spawn_blocking(move || {
        let writer = formats::Writer::plain(&report, templates);
        Ok(Answers {
            metrics: writer.for_file(Format::Prometheus)?.into(),
            json: writer.for_file(Format::Json)?.into(),
            html: writer.for_file(Format::Html)?.into(),
        })
    });
    writing
        .await
        .unwrap_or_else(|error| Err(RunError::Threads(io::Error::other(error))))
}

fn tell(words: &str) {
    screen::tell(&format!("sesam-doctor: {words}"));
}
