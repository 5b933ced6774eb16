//! Many reports in one view.

use jiff::Timestamp;

use super::{DEFAULT_WIDTH, Exit, RunError, colored, deliver_report, formats, judging_time, width};
use crate::{
    cli::{FleetOptions, Format, RunOptions},
    diff,
    files::Root,
    fleet::{self, Fleet, Terms},
    redact::Redactor,
    report::{Detail, Look, Templates},
    settings::Settings,
};

/// The formats that a fleet has.
const FORMATS: [Format; 4] = [
    Format::Table,
    Format::Json,
    Format::Html,
    Format::Prometheus,
];

/// Reads the reports, and writes the view to stdout and to every file that was named.
pub(super) async fn view(
    asked: FleetOptions,
    options: RunOptions,
    redactor: Redactor,
) -> Result<Exit, RunError> {
    let wanted = options.report.iter().map(|target| target.format);
    for format in wanted.chain([options.format]) {
        formats::require_plain(format, "fleet", &FORMATS)?;
    }
    let terms = Terms {
        as_of: judging_time(options.at, Timestamp::now())?,
        stale_after: asked.stale_after,
        every_report: asked.every_report,
    };
    let settings = Settings::load(&Root::machine(), options.config.as_deref())?;
    let templates = formats::templates(&settings, &options)?;
    let signer = super::signer(&options)?;
    let making = tokio::task::spawn_blocking(move || {
        let fleet = fleet::gather(&asked.reports, terms, |file| {
            diff::read(file).map(|report| report.redacted(&redactor))
        });
        let files = options
            .report
            .iter()
            .map(|target| {
                let look = Look {
                    width: DEFAULT_WIDTH,
                    color: false,
                    detail: Detail::Verbose,
                };
                let text = formatted(&fleet, target.format, look, &templates)?;
                Ok((target.file.clone(), text))
            })
            .collect::<Result<Vec<_>, RunError>>()?;
        let look = Look {
            width: width(),
            color: colored(options.color),
            detail: match (options.quiet, options.verbose) {
                (true, _) => Detail::Quiet,
                (false, 0) => Detail::Normal,
                (false, _) => Detail::Verbose,
            },
        };
        let stdout = formatted(&fleet, options.format, look, &templates)?;
        Ok((files, stdout, fleet.exit_code))
    });
    let (files, stdout, exit_code) = making
        .await
        .unwrap_or_else(|error| Err(RunError::Threads(std::io::Error::other(error))))?;
    deliver_report(files, stdout, signer).await?;
    Ok(Exit::Reported(exit_code))
}

fn formatted(
    fleet: &Fleet,
    format: Format,
    look: Look,
    templates: &Templates,
) -> Result<String, RunError> {
    Ok(match format {
        Format::Json => fleet.json()?,
        Format::Html => fleet.html(templates)?,
        Format::Prometheus => fleet.prometheus(),
        _ => fleet.table(look),
    })
}
