//! One run, from what was typed to the exit code: observe, judge, explain, report.

mod bundling;
mod configuration;
mod delivery;
mod evidence;
mod examination;
mod fixing;
mod fleet;
mod formats;
mod interruption;
mod outside;
mod serving;
mod terminal;
mod undoing;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use jiff::Timestamp;
use thiserror::Error;

use delivery::{deliver, deliver_report, print, say, show, sign, signer};
use examination::{Examination, examined, gathered, judging_time, root, site};

use crate::{
    bundle::{BundleError, MakeError},
    checks::{Selection, UnknownWord},
    cli::{
        Arguments, BundleOptions, Color, Command, FleetOptions, Format, RunOptions, ServeOptions,
    },
    diff::{self, StoredReportError},
    document::pretty,
    facts,
    output::OutputError,
    redact::{MarkKey, Redactor},
    reference,
    remediate::AnswerError,
    report::{PageError, Report},
    screen,
    seal::{RecipientError, SignerError},
    serve::ServeError,
    settings::Settings,
    toml_document::DocumentError,
    vantage::listen::ListenError,
};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A command other than a run of checks did what it was asked.
    Done,
    /// A report was made; its exit code tells what of.
    Reported(u8),
    /// The command line, a profile or another input was bad, or an output could not be written.
    Refused,
    /// A signal of this number ended the run.
    Interrupted(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Reported(code) => Self::from(code),
            Exit::Refused => Self::from(3),
            // The shell's convention for a process that a signal ended.
            Exit::Interrupted(signal) => Self::from(128_u8.saturating_add(signal)),
        }
    }
}

/// Says why the command line is refused; `--help` and `--version` are no refusals.
#[must_use]
pub fn refuse(refusal: &clap::Error) -> Exit {
    let plain = refusal.render().to_string();
    let shown = Redactor::default().text(&plain);
    // What the message repeats may act on a terminal as its colours do.
    let acts = std::env::args_os().any(|word| word.to_string_lossy().contains(screen::is_hidden));
    if refusal.use_stderr() && (acts || shown != plain) {
        screen::tell(shown.trim_end());
    } else {
        // A closed stdout (`--help | head -1`) is no fault of the command line.
        let _ = refusal.print();
    }
    if refusal.use_stderr() {
        Exit::Refused
    } else {
        Exit::Done
    }
}

#[derive(Debug, Error)]
enum RunError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(transparent)]
    Word(#[from] UnknownWord),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Recording(#[from] facts::RecordingError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    NoBundle(#[from] MakeError),
    #[error("`bundle_recipient` of the settings: {0}")]
    Recipient(#[from] RecipientError),
    #[error(transparent)]
    Signer(#[from] SignerError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("--token-file {}: {cause}; give the file that holds what `listen` shows as its one-time token", path.display())]
    Token { path: PathBuf, cause: String },
    #[error("probe: --offline forbids every connection; leave it out")]
    OfflineProbe,
    #[error("probe: “{0}” is neither a host name nor an address, as in node.example.com")]
    Host(String),
    #[error("--root {}: {cause}", path.display())]
    Root { path: PathBuf, cause: io::Error },
    #[error("--at: the time is out of range; say one between the years 0 and 9999")]
    Moment,
    #[error("stdout could not be written: {0}")]
    Stdout(io::Error),
    #[error("the doctor could not start its threads: {0}")]
    Threads(io::Error),
    #[error("the report could not be put into words: {0}")]
    Format(#[from] serde_json::Error),
    #[error("the report could not be put into words: {0}")]
    Xml(io::Error),
    #[error(transparent)]
    Page(#[from] PageError),
    #[error(transparent)]
    Stored(#[from] StoredReportError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error("--fix: {0}")]
    Fix(String),
    #[error("undo: {0}")]
    Undo(String),
}

/// Carries out what was typed.
#[must_use]
pub fn run(arguments: Arguments) -> Exit {
    let mut redactor = Redactor::default();
    if arguments.options.mask_identity {
        redactor = redactor.masking_identity(MarkKey::random());
    }
    match carry_out(arguments, &redactor) {
        Ok(exit) => exit,
        Err(error) => {
            screen::tell(&redactor.text(&format!("sesam-doctor: {error}")));
            Exit::Refused
        }
    }
}

fn carry_out(arguments: Arguments, redactor: &Redactor) -> Result<Exit, RunError> {
    let Arguments { command, options } = arguments;
    fixing::require_meaning(command.as_ref(), &options)?;
    let asked = match command {
        Some(Command::List) => {
            formats::require_plain(options.format, "list", &[Format::Table, Format::Json])?;
            return say(&reference::list(options.format, width())?);
        }
        Some(Command::Explain { id }) => {
            let check = crate::checks::find(&id).ok_or_else(|| UnknownWord::about(&id))?;
            return say(&reference::explain(check, width()));
        }
        Some(Command::Config { command }) => {
            return configuration::carry_out(&command, &options, redactor);
        }
        Some(Command::Schema { document }) => return say(&configuration::schema(document)?),
        Some(Command::Diff { old, new }) => return compare(&old, &new, &options, redactor),
        Some(Command::Completions { shell }) => return say(&reference::completions(shell)),
        Some(Command::Man { command }) => {
            let page = reference::manual_page(command.as_deref());
            return say(&page.map_err(RunError::Usage)?);
        }
        Some(Command::Facts { output }) => Asked::Facts(output),
        Some(Command::Bundle(bundle)) => Asked::Bundle(bundle),
        Some(Command::Probe { host, token_file }) => Asked::Probe { host, token_file },
        Some(Command::Listen { ports, duration }) => Asked::Listen { ports, duration },
        Some(Command::Check { words }) if options.fix => Asked::Fix(words),
        Some(Command::Check { words }) => Asked::Report(words),
        Some(Command::Undo { run, list }) => Asked::Undo { run, list },
        Some(Command::Fleet(reports)) => Asked::Fleet(reports),
        Some(Command::Serve(service)) => Asked::Service(service),
        None if options.fix => Asked::Fix(Vec::new()),
        None => Asked::Report(Vec::new()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(RunError::Threads)?;
    let is_service = matches!(asked, Asked::Service(_));
    let changed = matches!(asked, Asked::Fix(_) | Asked::Undo { .. })
        .then(|| root(&options).ok())
        .flatten();
    let ending = runtime.block_on(async {
        tokio::select! {
            // The handlers stand before anything is begun.
            biased;
            signal = interruption::signalled() => {
                interruption::end(changed).await;
                Ok(if is_service {
                    // To be ended is how a service ends well.
                    Exit::Done
                } else {
                    Exit::Interrupted(signal)
                })
            }
            ending = attend(asked, options, redactor.clone()) => ending,
        }
    });
    if matches!(ending, Ok(Exit::Interrupted(_))) {
        // A thread that still waits for a program or a timer would find the ground gone and say so on the terminal.
        std::mem::forget(runtime);
    } else {
        // A look that hangs in the kernel must not keep the process.
        runtime.shutdown_background();
    }
    ending
}

/// What a run is to end in.
enum Asked {
    /// A report, on these checks.
    Report(Vec<String>),
    /// A mended machine, and a report on these checks afterwards.
    Fix(Vec<String>),
    /// A machine as it was before a run.
    Undo { run: Option<String>, list: bool },
    /// The facts, on stdout or in a file.
    Facts(Option<PathBuf>),
    /// The archive for support.
    Bundle(BundleOptions),
    /// The view of a host from outside.
    Probe {
        host: String,
        token_file: Option<PathBuf>,
    },
    /// Answers for a probe.
    Listen { ports: Vec<u16>, duration: Duration },
    /// Many reports in one view.
    Fleet(FleetOptions),
    /// Reports for whoever asks, until a signal comes.
    Service(ServeOptions),
}

async fn attend(asked: Asked, options: RunOptions, redactor: Redactor) -> Result<Exit, RunError> {
    match asked {
        Asked::Report(words) => report_on(&words, &options, &redactor).await,
        Asked::Fix(words) => fixing::fix(&words, &options, &redactor).await,
        Asked::Undo { run, list } => undoing::undo(run, list, &options, &redactor).await,
        Asked::Facts(output) => record(output, &options, &redactor).await,
        Asked::Bundle(bundle) => Box::pin(bundling::bundle(bundle, &options, &redactor)).await,
        Asked::Probe { host, token_file } => {
            outside::probe(&host, token_file.as_deref(), &options, &redactor).await
        }
        Asked::Listen { ports, duration } => {
            outside::listen(&ports, duration, &options, &redactor).await
        }
        Asked::Fleet(reports) => fleet::view(reports, options, redactor).await,
        Asked::Service(service) => serving::serve(service, options, redactor).await,
    }
}

async fn record(
    output: Option<PathBuf>,
    options: &RunOptions,
    redactor: &Redactor,
) -> Result<Exit, RunError> {
    let facts = gathered(
        &selection(&[], options)?,
        options,
        redactor,
        Timestamp::now(),
    )
    .await?;
    let mut document = serde_json::to_value(&facts)?;
    redactor.document(&mut document);
    let text = pretty(&document)?;
    let files = output
        .into_iter()
        .map(|file| (file, text.clone()))
        .collect();
    deliver(files, text, signer(options)?).await?;
    Ok(Exit::Done)
}

async fn report_on(
    words: &[String],
    options: &RunOptions,
    redactor: &Redactor,
) -> Result<Exit, RunError> {
    let selection = selection(words, options)?;
    let earlier = formats::earlier(options)?;
    let Examination {
        report, settings, ..
    } = examined(&selection, options, redactor).await?;
    finish(&report, &settings, options, earlier, redactor).await
}

/// Writes a report in every format that was asked for.
async fn finish(
    report: &Report,
    settings: &Settings,
    options: &RunOptions,
    earlier: Option<Report>,
    redactor: &Redactor,
) -> Result<Exit, RunError> {
    let writer = formats::Writer::new(report, settings, options, earlier, redactor)?;
    let files = options
        .report
        .iter()
        .map(|target| Ok((target.file.clone(), writer.for_file(target.format)?)))
        .collect::<Result<Vec<_>, RunError>>()?;
    deliver_report(files, writer.for_stdout(options)?, signer(options)?).await?;
    Ok(Exit::Reported(report.exit_code))
}

fn selection(words: &[String], options: &RunOptions) -> Result<Selection, RunError> {
    Ok(Selection::new(
        words.iter().chain(&options.only),
        &options.skip,
    )?)
}

/// The account that the process runs under, and whose it was before sudo.
fn account() -> String {
    let id = rustix::process::geteuid();
    let name = if id.is_root() { "root" } else { "user" };
    let account = format!("{name} (uid {})", id.as_raw());
    match std::env::var("SUDO_USER") {
        Ok(user) if !user.is_empty() => format!("{account}, with sudo by {user}"),
        _ => account,
    }
}

fn compare(
    old: &std::path::Path,
    new: &std::path::Path,
    options: &RunOptions,
    redactor: &Redactor,
) -> Result<Exit, RunError> {
    let formats = [Format::Table, Format::Json, Format::Markdown];
    formats::require_plain(options.format, "diff", &formats)?;
    let stored = |file| diff::read(file).map(|report| report.redacted(redactor));
    let changes = diff::compare(&stored(old)?, &stored(new)?);
    print(&match options.format {
        Format::Json => changes.json()?,
        Format::Markdown => changes.markdown(),
        _ => changes.table(width()),
    })?;
    Ok(Exit::Reported(changes.exit_code()))
}

/// Columns where there is no terminal that has a number of them.
const DEFAULT_WIDTH: usize = 80;

fn width() -> usize {
    terminal_size::terminal_size_of(io::stdout())
        .map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0))
}

/// See <https://no-color.org>: set and not empty, the variable turns colours off.
fn colored(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            io::stdout().is_terminal() && !unwanted
        }
    }
}
