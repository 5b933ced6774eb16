//! What can be typed, and nothing else.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// Diagnose a machine that runs, or is to run, self-hosted Sesam.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "sesam-doctor",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 all passed, 1 a warning, 2 a failure, 3 something could not be determined or the command line was wrong."
)]
pub struct Arguments {
    /// What to do; checks are run where nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of a run.
    #[command(flatten)]
    pub options: RunOptions,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run checks (the default command)
    Check {
        /// Ids or categories; all checks where none is named
        #[arg(value_name = "ID|CATEGORY")]
        words: Vec<String>,
    },
    /// Show every check: id, title, level, whether it can be fixed
    List,
    /// Explain a check: what it looks at, why, and what to do
    Explain {
        /// The id of a check
        id: String,
    },
    /// Show what was observed, as JSON, judged by nothing
    Facts {
        /// Write to FILE instead of stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// From another machine: is HOST reachable as a client, and as Let's Encrypt, would need it
    Probe {
        /// The name of the machine that runs, or is to run, Sesam; or an address
        host: String,
        /// The file with the one-time token that `listen` shows there; - reads it from stdin
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
    /// Before installing: answer a probe on the inbound ports
    Listen {
        /// The ports [default: those of the profile]
        #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
        ports: Vec<u16>,
        /// How long at most, as in 90s, 10m or 2h
        #[arg(long = "for", value_name = "DURATION", default_value = "10m", value_parser = duration)]
        duration: Duration,
    },
    /// Pack a support archive: facts, report, the relevant logs and configuration, secrets removed
    Bundle(BundleOptions),
    /// Show what changed between two reports (JSON, or the page that embeds it)
    Diff {
        /// The older report
        old: PathBuf,
        /// The newer report
        new: PathBuf,
    },
    /// Take back what a --fix run did
    Undo {
        /// The name of the run [default: the latest that still stands]
        run: Option<String>,
        /// Show the runs, and take nothing back
        #[arg(long)]
        list: bool,
    },
    /// Make one view of many reports: machines by requirements, the worst first
    Fleet(FleetOptions),
    /// Answer GET /metrics, /report.json, /report.html and /healthz
    Serve(ServeOptions),
    /// Check settings and profiles before they are used
    Config {
        /// What is wanted of them
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print the JSON Schema of the report, or of what a person writes
    Schema {
        /// Of which document
        #[arg(value_enum, default_value_t = Document::Report)]
        document: Document,
    },
    /// Print a completion script
    Completions {
        /// The shell that is to complete
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man {
        /// The command whose own page is wanted
        command: Option<String>,
    },
}

/// What is wanted of settings and profiles.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say what is wrong with the settings and the profile, and where
    Check {
        /// The settings [default: those of --config; --profile names a profile to check with them]
        file: Option<PathBuf>,
    },
}

/// A document that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// The JSON report.
    Report,
    /// The settings, `/etc/sesam-doctor/config.toml`.
    Settings,
    /// A profile.
    Profile,
}

/// The options of a run.
#[derive(Clone, Debug, Args)]
// Switches are booleans by nature, each its own option.
#[allow(clippy::struct_excessive_bools)]
pub struct RunOptions {
    /// What stdout gets
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write a format to a file as well, as in json=report.json; repeatable
    #[arg(long, global = true, value_name = "FORMAT=FILE", value_parser = report_target)]
    pub report: Vec<ReportTarget>,
    /// Say in html and markdown what changed since REPORT (JSON, or a page)
    #[arg(long, global = true, value_name = "REPORT")]
    pub since: Option<PathBuf>,
    /// Requirement profile: 2023 (default), 2025, or a file
    #[arg(long, global = true, value_name = "NAME|FILE")]
    pub profile: Option<String>,
    /// Local settings [default: /etc/sesam-doctor/config.toml, absent is fine]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Judge recorded facts, or a bundle, instead of this machine; a probe's report is evidence beside them
    #[arg(long, global = true, value_name = "FILE")]
    pub facts: Vec<PathBuf>,
    /// Take DIR for / when reading files
    #[arg(long, global = true, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Judge as if it were TIME (RFC 3339), or that far ahead (30d)
    #[arg(long, global = true, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    pub at: Option<Moment>,
    /// Limit for any one probe
    #[arg(long, global = true, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub timeout: Duration,
    /// Make no network connection except to the Docker socket
    #[arg(long, global = true)]
    pub offline: bool,
    /// Recommended requirements count as required, warnings as failures
    #[arg(long, global = true)]
    pub strict: bool,
    /// Run only these checks or categories
    #[arg(long, global = true, value_name = "ID", value_delimiter = ',', action = ArgAction::Append)]
    pub only: Vec<String>,
    /// Leave these checks or categories out; wins over --only
    #[arg(long, global = true, value_name = "ID", value_delimiter = ',', action = ArgAction::Append)]
    pub skip: Vec<String>,
    /// Plan what can be mended, show it, ask, do it, and check again
    #[arg(long, global = true)]
    pub fix: bool,
    /// With --fix: show the plan (--format table or json), and change nothing; with bundle: list it, and pack nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// With --fix and undo: take yes for an answer
    #[arg(long, global = true)]
    pub yes: bool,
    /// With --fix: what would be asked for, as TOML
    #[arg(long, global = true, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// With --fix: leave the containers of an old installation, stopped, when the new one is well
    #[arg(long, global = true)]
    pub keep_old: bool,
    /// With --fix --dry-run: write the plan as a shell script too, for doing it by hand; - is stdout
    #[arg(long, global = true, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Replace addresses of people and public addresses of machines, equal ones by equal ones
    #[arg(long, global = true)]
    pub mask_identity: bool,
    /// Sign every file that is written with this Ed25519 key of OpenSSH; the signature goes to FILE.sig
    #[arg(long, global = true, value_name = "KEYFILE")]
    pub sign: Option<PathBuf>,
    /// Show no progress on stderr
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Whether to use colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub color: Color,
    /// Show the verdict and the root causes only; of `config check`, errors and no warnings
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show passes too; twice: items, evidence and what each source took
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// Which reports make one view.
#[derive(Clone, Debug, Args)]
pub struct FleetOptions {
    /// Reports (JSON, or pages that embed one), or directories of them
    #[arg(required = true, value_name = "REPORT")]
    pub reports: Vec<PathBuf>,
    /// A report that is older says nothing of today: it counts as unknown, as in 36h or 7d
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = age)]
    pub stale_after: jiff::SignedDuration,
    /// Count older reports of a machine beside its newest
    #[arg(long)]
    pub every_report: bool,
}

/// What goes into a bundle, and where that goes.
#[derive(Clone, Debug, Args)]
pub struct BundleOptions {
    /// Write to FILE [default: sesam-bundle-HOST-TIME.tar.zst here]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How large the bundle may become, in MB
    #[arg(long, value_name = "MB", default_value = "100", value_parser = clap::value_parser!(u64).range(1..=16_000))]
    pub max_size: u64,
    /// How much of the end of each log is taken along, in MB
    #[arg(long, value_name = "MB", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=16_000))]
    pub log_size: u64,
    /// Do not encrypt, although the settings name a recipient
    #[arg(long)]
    pub plain: bool,
}

/// How reports are served.
#[derive(Clone, Debug, Args)]
pub struct ServeOptions {
    /// Address and port to listen on, unless systemd hands a socket over
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9815")]
    pub listen: std::net::SocketAddr,
    /// Time from the beginning of one run to that of the next
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = period)]
    pub period: Duration,
    /// Answer only those who send the token in FILE (Authorization: Bearer TOKEN); /healthz needs none
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// A format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person at a terminal.
    Table,
    /// For programs; see `sesam-doctor schema`.
    Json,
    /// One page for IT and auditors, offline and in print.
    Html,
    /// For a ticket.
    Markdown,
    /// Metrics, for the textfile collector.
    Prometheus,
    /// Monitoring plugin: one line, performance data, long output.
    Nagios,
    /// For build servers.
    Junit,
    /// OSCAL assessment results, for compliance systems.
    Oscal,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A format and the file it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportTarget {
    /// The format.
    pub format: Format,
    /// The file.
    pub file: PathBuf,
}

/// A time to judge by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Moment {
    /// This very time.
    At(jiff::Timestamp),
    /// That far from now, or from when the facts were recorded.
    Ahead(jiff::SignedDuration),
}

fn report_target(text: &str) -> Result<ReportTarget, String> {
    let (format, file) = text
        .split_once('=')
        .ok_or("say the format and the file, as in json=report.json")?;
    let format = Format::from_str(format, false).map_err(|_| {
        let known: Vec<String> = Format::value_variants()
            .iter()
            .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
            .collect();
        format!(
            "“{format}” is no format; the formats are {}",
            known.join(", ")
        )
    })?;
    if file.is_empty() {
        return Err("the name of the file is missing after =".into());
    }
    Ok(ReportTarget {
        format,
        file: file.into(),
    })
}

/// Days of `30d` are days of 24 hours: the doctor reckons in UTC.
fn moment(text: &str) -> Result<Moment, String> {
    let wrong = || {
        format!(
            "“{text}” is neither a time like 2027-03-31T00:00:00Z nor a distance like 30d or 12h"
        )
    };
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(Moment::At(time));
    }
    let span: jiff::Span = text.trim_start_matches('+').parse().map_err(|_| wrong())?;
    span.to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map(Moment::Ahead)
        .map_err(|_| wrong())
}

fn duration(text: &str) -> Result<Duration, String> {
    let longest = Duration::from_hours(24);
    let wrong = || format!("“{text}” is no duration between 1s and 24h, as in 90s, 10m or 2h");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let duration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    Duration::try_from(duration)
        .ok()
        .filter(|duration| (Duration::from_secs(1)..=longest).contains(duration))
        .ok_or_else(wrong)
}

fn age(text: &str) -> Result<jiff::SignedDuration, String> {
    let wrong = || format!("“{text}” is no age, as in 36h, 7d or 4w");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    span.to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .ok()
        .filter(jiff::SignedDuration::is_positive)
        .ok_or_else(wrong)
}

fn period(text: &str) -> Result<Duration, String> {
    const LONGEST: u64 = 86_400;
    match text.parse::<u64>() {
        Ok(seconds) if (1..=LONGEST).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!(
            "“{text}” is no whole number of seconds between 1 and {LONGEST}"
        )),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    const LONGEST: f64 = 3600.0;
    let wrong = || format!("“{text}” is no number of seconds between 0.1 and {LONGEST}");
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if !(0.1..=LONGEST).contains(&seconds) {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_may_stand_before_and_after_the_command() {
        let one = Arguments::try_parse_from(["sesam-doctor", "--strict", "check", "license"]);
        let other = Arguments::try_parse_from(["sesam-doctor", "check", "license", "--strict"]);
        assert!(one.unwrap().options.strict && other.unwrap().options.strict);
    }

    #[test]
    fn times_are_moments_or_distances() {
        assert_eq!(
            moment("30d").unwrap(),
            Moment::Ahead(jiff::SignedDuration::from_hours(720))
        );
        assert!(matches!(
            moment("2027-03-31T00:00:00Z").unwrap(),
            Moment::At(_)
        ));
        for wrong in ["", "soon", "30", "2027-03-31", "999999999999d"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn deadlines_are_sensible_numbers() {
        assert_eq!(seconds("0.5").unwrap(), Duration::from_millis(500));
        for wrong in ["0", "-1", "nan", "inf", "1e9", "five"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ages_are_positive() {
        assert_eq!(age("7d").unwrap(), jiff::SignedDuration::from_hours(168));
        for wrong in ["", "0s", "-5d", "7", "old"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_sensible() {
        assert_eq!(duration("10m").unwrap(), Duration::from_mins(10));
        for wrong in ["", "0s", "-5m", "25h", "10", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_report_target_names_format_and_file() {
        assert_eq!(
            report_target("json=a=b.json").unwrap(),
            ReportTarget {
                format: Format::Json,
                file: "a=b.json".into()
            }
        );
        for wrong in ["json", "json=", "yaml=x"] {
            assert!(report_target(wrong).is_err(), "{wrong}");
        }
    }
}
