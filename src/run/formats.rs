//! A finished report in the formats that were asked for.

use std::collections::BTreeMap;

use clap::ValueEnum;

use super::{DEFAULT_WIDTH, RunError, colored, width};
use crate::{
    cli::{Format, RunOptions},
    diff,
    files::{self, Root},
    redact::Redactor,
    report::{self, BUILT_IN_TEMPLATES, Changes, Detail, Look, Report, Templates},
    settings::Settings,
    toml_document::DocumentError,
    units::Bytes,
};

/// A template is text that a person wrote.
const LARGEST_TEMPLATE: Bytes = Bytes(1_000_000);

/// Puts one report into any format.
pub(super) struct Writer<'a> {
    report: &'a Report,
    changes: Option<Changes>,
    templates: Templates,
}

impl<'a> Writer<'a> {
    /// Reads what the asked-for formats need besides the report.
    pub(super) fn new(
        report: &'a Report,
        settings: &Settings,
        options: &RunOptions,
        earlier: Option<Report>,
        redactor: &Redactor,
    ) -> Result<Self, RunError> {
        let changes = earlier.map(|earlier| diff::compare(&earlier.redacted(redactor), report));
        let templates = if is_wanted(options, &[Format::Html]) {
            templates(settings, options)?
        } else {
            Templates::default()
        };
        Ok(Self {
            report,
            changes,
            templates,
        })
    }

    /// A writer for pages that nobody asked to compare.
    pub(super) fn plain(report: &'a Report, templates: Templates) -> Self {
        Self {
            report,
            changes: None,
            templates,
        }
    }

    /// The report as a file gets it.
    pub(super) fn for_file(&self, format: Format) -> Result<String, RunError> {
        let look = Look {
            width: DEFAULT_WIDTH,
            color: false,
            detail: Detail::Verbose,
        };
        self.formatted(format, look)
    }

    /// The report as stdout gets it.
    pub(super) fn for_stdout(&self, options: &RunOptions) -> Result<String, RunError> {
        let look = Look {
            width: width(),
            color: colored(options.color),
            detail: match (options.quiet, options.verbose) {
                (true, _) => Detail::Quiet,
                (false, 0) => Detail::Normal,
                (false, 1) => Detail::Verbose,
                (false, _) => Detail::Everything,
            },
        };
        self.formatted(options.format, look)
    }

    fn formatted(&self, format: Format, look: Look) -> Result<String, RunError> {
        let report = self.report;
        let changes = self.changes.as_ref();
        Ok(match format {
            Format::Table => report::table(report, look),
            Format::Json => report::json(report)?,
            Format::Html => report::html(report, changes, &self.templates)?,
            Format::Markdown => report::markdown(report, changes)?,
            Format::Prometheus => report::prometheus(report)?,
            Format::Nagios => report::nagios(report)?,
            Format::Junit => report::junit(report).map_err(RunError::Xml)?,
            Format::Oscal => report::oscal(report)?,
        })
    }
}

fn is_wanted(options: &RunOptions, formats: &[Format]) -> bool {
    formats.contains(&options.format)
        || options
            .report
            .iter()
            .any(|target| formats.contains(&target.format))
}

/// The report that `--since` names.
pub(super) fn earlier(options: &RunOptions) -> Result<Option<Report>, RunError> {
    let Some(file) = &options.since else {
        return Ok(None);
    };
    if !is_wanted(options, &[Format::Html, Format::Markdown]) {
        return Err(RunError::Usage(
            "--since adds a section to html and markdown: say --report html=FILE or --format markdown; to see only what changed, use `sesam-doctor diff`"
                .into(),
        ));
    }
    Ok(Some(diff::read(file)?))
}

/// Refuses a format that a command does not have.
pub(super) fn require_plain(
    format: Format,
    command: &str,
    known: &[Format],
) -> Result<(), RunError> {
    if known.contains(&format) {
        return Ok(());
    }
    let names: Vec<String> = known
        .iter()
        .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
        .collect();
    Err(RunError::Usage(format!(
        "`{command}` has the formats {}",
        names.join(", ")
    )))
}

/// The page's templates, some of them replaced by the site's own.
pub(super) fn templates(settings: &Settings, options: &RunOptions) -> Result<Templates, RunError> {
    let Some(directory) = &settings.templates_dir else {
        return Ok(Templates::default());
    };
    let root = match &options.root {
        Some(root) if options.config.is_none() => {
            Root::at(root).map_err(|cause| RunError::Root {
                path: root.clone(),
                cause,
            })?
        }
        _ => Root::machine(),
    };
    let mut replaced = BTreeMap::new();
    for (name, _) in BUILT_IN_TEMPLATES {
        let file = directory.join(name);
        match files::read_text(&root, &file, LARGEST_TEMPLATE) {
            Ok(text) => {
                replaced.insert((*name).to_owned(), text);
            }
            Err(files::FileProblem::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(problem) => {
                return Err(RunError::Document(DocumentError::Unfit {
                    name: file.display().to_string(),
                    message: problem.to_string(),
                }));
            }
        }
    }
    if replaced.is_empty() {
        return Err(RunError::Document(DocumentError::Unfit {
            name: directory.display().to_string(),
            message: format!(
                "`templates_dir` holds none of the templates; they are called {}",
                BUILT_IN_TEMPLATES
                    .iter()
                    .map(|(name, _)| *name)
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }));
    }
    Ok(Templates::with(directory.clone(), replaced))
}
