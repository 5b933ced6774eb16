//! `config check` and `schema`: what a person writes, before it is used.

use std::{
    fmt::{self, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use rustix::fs::{Access, FileType, Mode};
use serde::Serialize;

use super::{Exit, RunError, formats, judging_time, print, root};
use crate::{
    checks::{self, REGISTRY},
    cli::{ConfigCommand, Document, Format, RunOptions},
    document::pretty,
    files::{FileProblem, Root},
    profile::{self, Profile},
    redact::Redactor,
    report, screen,
    settings::{DEFAULT_FILE, Settings},
    spelling::nearest,
    toml_document::{self, DocumentError, place_of},
    utc::date_of,
};

/// The ids of a site's own checks begin so; which there are, only a run finds out.
const PLUGIN_PREFIX: &str = "plugin.";

/// The JSON Schema of a document, pretty.
pub(super) fn schema(document: Document) -> serde_json::Result<String> {
    let schema = match document {
        Document::Report => report::schema(),
        Document::Settings => Settings::schema(),
        Document::Profile => profile::schema(),
    };
    pretty(&schema)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    /// It does something else than what somebody who wrote it believes.
    Warning,
    /// A run would refuse it.
    Error,
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
struct Remark {
    file: String,
    line: Option<usize>,
    severity: Severity,
    message: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(formatter, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        write!(formatter, ": {severity}: {}", self.message)
    }
}

impl From<DocumentError> for Remark {
    fn from(error: DocumentError) -> Self {
        let whole = error.to_string();
        let (file, line) = match error {
            DocumentError::Unreadable { path, .. } | DocumentError::NotText { path } => {
                (path.display().to_string(), None)
            }
            DocumentError::Wrong { name, line, .. } => (name, Some(line)),
            DocumentError::Unfit { name, .. } => (name, None),
        };
        // The message repeats where it is, up to the first blank after a colon.
        let message = whole
            .strip_prefix(&file)
            .and_then(|rest| rest.split_once(": "))
            .map_or(whole.as_str(), |(_, message)| message)
            .to_owned();
        Self {
            file,
            line,
            severity: Severity::Error,
            message,
        }
    }
}

/// A document that was read, for remarks on it.
struct Written<'a> {
    name: &'a str,
    text: &'a str,
    root: &'a Root,
    remarks: &'a mut Vec<Remark>,
}

impl Written<'_> {
    /// Warns of what stands at `path`, see [`place_of`].
    fn warn(&mut self, path: &str, message: String) {
        self.remarks.push(Remark {
            file: self.name.to_owned(),
            line: place_of(self.text, path).map(|place| place.line),
            severity: Severity::Warning,
            message,
        });
    }
}

/// Carries out a command about settings and profiles.
pub(super) fn carry_out(
    command: &ConfigCommand,
    options: &RunOptions,
    redactor: &Redactor,
) -> Result<Exit, RunError> {
    let ConfigCommand::Check { file } = command;
    formats::require_plain(
        options.format,
        "config check",
        &[Format::Table, Format::Json],
    )?;
    let file = file.as_deref().or(options.config.as_deref());
    let now = judging_time(options.at, Timestamp::now())?;
    let root = root(options)?;
    let mut remarks = Vec::new();
    let mut documents = Vec::new();
    let settings = settings(file, &root, now, &mut documents, &mut remarks);
    let name = options
        .profile
        .clone()
        .or_else(|| settings.and_then(|settings| settings.profile))
        .unwrap_or_else(|| profile::DEFAULT.to_owned());
    site_profile(&name, &root, &mut documents, &mut remarks);
    if options.quiet {
        remarks.retain(|remark| remark.severity == Severity::Error);
    }
    let worst = remarks.iter().map(|remark| remark.severity).max();
    let mut answer = serde_json::json!({"documents": documents, "remarks": remarks});
    redactor.document(&mut answer);
    print(&match options.format {
        Format::Json => pretty(&answer)?,
        _ => screen::harmless(&redactor.text(&in_words(&documents, &remarks))).into_owned(),
    })?;
    Ok(match worst {
        None => Exit::Done,
        Some(Severity::Warning) => Exit::Reported(1),
        Some(Severity::Error) => Exit::Reported(3),
    })
}

fn in_words(documents: &[String], remarks: &[Remark]) -> String {
    let mut text = String::new();
    for remark in remarks {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{remark}");
    }
    let checked = documents.join(", ");
    let _ = match remarks.len() {
        0 => writeln!(text, "{checked}: nothing is wrong"),
        1 => writeln!(text, "{checked}: 1 thing is wrong"),
        more => writeln!(text, "{checked}: {more} things are wrong"),
    };
    text
}

/// The settings, as far as they can be understood.
fn settings(
    file: Option<&Path>,
    root: &Root,
    now: Timestamp,
    documents: &mut Vec<String>,
    remarks: &mut Vec<Remark>,
) -> Option<Settings> {
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    let name = path.display().to_string();
    // A file named on the command line is the caller's, not the examined machine's.
    let machine = Root::machine();
    let read = toml_document::read(if file.is_some() { &machine } else { root }, path);
    let text = match read {
        Ok(Some(text)) => text,
        Ok(None) if file.is_some() => {
            let message = "there is no such file".to_owned();
            remarks.push(DocumentError::Unfit { name, message }.into());
            return None;
        }
        Ok(None) => {
            documents.push(format!("{name} (absent)"));
            return None;
        }
        Err(error) => {
            remarks.push(error.into());
            return None;
        }
    };
    documents.push(name.clone());
    match Settings::parse(&name, &text) {
        Ok(settings) => {
            let mut written = Written {
                name: &name,
                text: &text,
                root,
                remarks,
            };
            waivers(&settings, now, &mut written);
            addresses(&settings, &mut written);
            named_files(&settings, &mut written);
            Some(settings)
        }
        Err(error) => {
            remarks.push(error.into());
            None
        }
    }
}

fn waivers(settings: &Settings, now: Timestamp, written: &mut Written) {
    let today = date_of(now);
    for (index, waiver) in settings.waivers.iter().enumerate() {
        let check = &waiver.check;
        if checks::find(check).is_none() && !check.starts_with(PLUGIN_PREFIX) {
            let meant = nearest(check, REGISTRY.iter().map(|check| check.id));
            let hint = meant.map_or_else(String::new, |id| format!("; did you mean `{id}`?"));
            let message = format!("no check has the id `{check}`: the waiver does nothing{hint}");
            written.warn(&format!("waivers.{index}.check"), message);
        }
        if waiver.until < today {
            let message = format!(
                "the waiver of `{check}` expired on {}: it does nothing",
                waiver.until
            );
            written.warn(&format!("waivers.{index}.until"), message);
        }
        let earlier = settings.waivers.iter().take(index);
        if earlier.into_iter().any(|earlier| earlier.check == *check) {
            let message = format!("`{check}` is waived a second time");
            written.warn(&format!("waivers.{index}.check"), message);
        }
    }
}

fn addresses(settings: &Settings, written: &mut Written) {
    for (index, address) in settings.public_addresses.iter().enumerate() {
        if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
            let message =
                format!("{address} is no address at which others could reach this machine");
            written.warn(&format!("public_addresses.{index}"), message);
        }
    }
}

/// What has to stand at a path that a document names.
#[derive(Clone, Copy)]
enum Wanted {
    File,
    /// A file that nobody but its owner and group may read.
    Secret,
    Directory,
}

fn named_files(settings: &Settings, written: &mut Written) {
    let named: [(&str, &Option<PathBuf>, Wanted); 5] = [
        ("stack_dir", &settings.stack_dir, Wanted::Directory),
        ("node_token_file", &settings.node_token_file, Wanted::Secret),
        ("plugins_dir", &settings.plugins_dir, Wanted::Directory),
        ("probe_report", &settings.probe_report, Wanted::File),
        ("templates_dir", &settings.templates_dir, Wanted::Directory),
    ];
    for (key, path, wanted) in named {
        if let Some(path) = path {
            named_file(key, path, wanted, written);
        }
    }
}

fn named_file(key: &str, path: &Path, wanted: Wanted, written: &mut Written) {
    let shown = path.display();
    let status = written
        .root
        .locate(path)
        .and_then(|located| Ok((rustix::fs::stat(&located)?, located)));
    let (status, located) = match status {
        Ok(found) => found,
        Err(error) => {
            return written.warn(key, format!("{shown}: {}", FileProblem::Io(error)));
        }
    };
    let kind = FileType::from_raw_mode(status.st_mode);
    let (is_wanted, word) = match wanted {
        Wanted::Directory => (kind == FileType::Directory, "directory"),
        Wanted::File | Wanted::Secret => (kind == FileType::RegularFile, "file"),
    };
    if !is_wanted {
        written.warn(key, format!("{shown} is no {word}"));
    } else if rustix::fs::access(&located, Access::READ_OK).is_err() {
        written.warn(key, format!("{shown} cannot be read by this account"));
    } else if matches!(wanted, Wanted::Secret)
        && Mode::from_raw_mode(status.st_mode).intersects(Mode::RWXO)
    {
        let message = format!("{shown} holds a secret, and every account may read it: chmod o= it");
        written.warn(key, message);
    }
}

fn site_profile(name: &str, root: &Root, documents: &mut Vec<String>, remarks: &mut Vec<Remark>) {
    match profile::load(name) {
        Ok(found) if found.source == profile::BUILT_IN_SOURCE => {
            documents.push(format!("profile {name} (built-in)"));
        }
        Ok(_) => {
            documents.push(name.to_owned());
            let text = toml_document::read(&Root::machine(), Path::new(name));
            let text = text.ok().flatten().unwrap_or_default();
            let mut written = Written {
                name,
                text: &text,
                root,
                remarks,
            };
            // The groups in the order of the site's own text.
            if let Ok(own) = toml_document::parse::<Profile>(name, &text) {
                authorities(&own, &mut written);
            }
        }
        Err(error) => {
            documents.push(name.to_owned());
            remarks.push(error.into());
        }
    }
}

/// Files of certificates that a profile trusts for one host each.
fn authorities(own: &Profile, written: &mut Written) {
    for (group, outbound) in own.outbound.iter().enumerate() {
        for (index, host) in outbound.hosts.iter().enumerate() {
            if let Some(path) = &host.ca_file {
                let key = format!("outbound.{group}.hosts.{index}.ca_file");
                named_file(&key, path, Wanted::File, written);
            }
        }
    }
}
