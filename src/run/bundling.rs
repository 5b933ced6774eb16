//! The archive for support: observe, judge, and pack what that was made of.

use std::{
    fmt::Write,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use jiff::Timestamp;
use tokio::runtime::Handle;

use super::{Exit, RunError, examination::judged, formats, selection, show, sign, signer, site};
use crate::{
    bundle::{self, Archive, Limits, MakeError, Manifest, Step, Text, Work},
    cli::{BundleOptions, RunOptions},
    diagnosis,
    document::pretty,
    facts::{self, Event, Facts, Site},
    progress::Progress,
    redact::{MarkKey, Redactor},
    report,
    seal::{self, Recipient},
    units::{Bytes, counted},
};

const MEGABYTE: u64 = 1_000_000;

/// Packs a bundle of the machine, or says what it would hold.
pub(super) async fn bundle(
    asked: BundleOptions,
    options: &RunOptions,
    redactor: &Redactor,
) -> Result<Exit, RunError> {
    if !options.facts.is_empty() {
        return Err(RunError::Usage(
            "bundle packs what this machine is like; `--facts` has no part in that, `facts --facts FILE -o FILE` makes a recording anew".into(),
        ));
    }
    let signer = signer(options)?;
    let selection = selection(&[], options)?;
    let site = site(options, redactor)?;
    let recipient = match &site.settings.bundle_recipient {
        Some(key) if !asked.plain => Some(Recipient::parse(key)?),
        _ => None,
    };
    let (begun, started_at) = (Instant::now(), Timestamp::now());
    let log = Log::new(started_at);
    let wanted = diagnosis::sources(&selection);
    let progress = Progress::new(wanted.len(), options);
    let notify = |event| {
        log.hear(&event, begun);
        progress.hear(&event);
    };
    let facts = Box::pin(facts::observe(&site, &wanted, started_at, &notify)).await;
    progress.finish();
    let judged = judged(facts, &selection, options, redactor, (started_at, begun))?;
    let (facts, report) = (judged.facts, judged.report);
    let templates = formats::templates(&facts.settings, options)?;
    let texts = vec![
        Text {
            name: "facts.json",
            content: facts_text(&facts, redactor)?,
        },
        Text {
            name: "report.json",
            content: report::json(&report)?,
        },
        Text {
            name: "report.html",
            content: report::html(&report, None, &templates)?,
        },
    ];
    let output = asked
        .output
        .clone()
        .unwrap_or_else(|| default_name(&report.host.hostname, started_at, recipient.is_some()));
    let packing = Packing {
        site,
        facts,
        texts,
        log: log.text(),
        redactor: redactor.with_marks(MarkKey::random()),
        asked,
        options: options.clone(),
        recipient,
        output,
    };
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        if packing.options.dry_run {
            return show(&packing.listing(&runtime));
        }
        let manifest = packing.make(&runtime)?;
        sign(signer.as_ref(), &packing.output)?;
        show(&packing.summary(&manifest))
    })
    .await
    .unwrap_or_else(|error| Err(RunError::Stdout(io::Error::other(error))))?;
    Ok(Exit::Done)
}

fn facts_text(facts: &Facts, redactor: &Redactor) -> Result<String, RunError> {
    let mut document = serde_json::to_value(facts)?;
    redactor.document(&mut document);
    Ok(pretty(&document)?)
}

fn default_name(host: &str, at: Timestamp, is_encrypted: bool) -> PathBuf {
    let host: String = host
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || letter == '-' {
                letter
            } else {
                '_'
            }
        })
        .take(64)
        .collect();
    let time = at.strftime("%Y%m%dT%H%M%SZ");
    let ending = if is_encrypted { ".age" } else { "" };
    PathBuf::from(format!("sesam-bundle-{host}-{time}.tar.zst{ending}"))
}

/// Everything that packing needs, on a thread of its own.
struct Packing {
    site: Site,
    facts: Facts,
    texts: Vec<Text>,
    log: String,
    redactor: Redactor,
    asked: BundleOptions,
    options: RunOptions,
    recipient: Option<Recipient>,
    output: PathBuf,
}

impl Packing {
    fn listing(&self, runtime: &Handle) -> String {
        let (members, left_out) = bundle::plan(&self.site, &self.facts, &self.redactor, runtime);
        let mut listing = String::new();
        for text in &self.texts {
            let _ = writeln!(listing, "{:<40} sesam-doctor", text.name);
        }
        for member in &members {
            let source = member.original.to_string();
            let source = self.redactor.text(&source);
            let _ = writeln!(listing, "{:<40} {source}", member.name);
        }
        for left in &left_out {
            let _ = writeln!(
                listing,
                "left out: {} ({}): {}",
                left.name, left.source, left.reason
            );
        }
        listing
    }

    fn make(&self, runtime: &Handle) -> Result<Manifest, MakeError> {
        let progress = Progress::packing(&self.options);
        let work = Work {
            site: &self.site,
            facts: &self.facts,
            texts: &self.texts,
            log: self.log.clone(),
            redactor: &self.redactor,
            identity_masked: self.options.mask_identity,
            limits: Limits {
                bundle: Bytes(self.asked.max_size * MEGABYTE),
                log: Bytes(self.asked.log_size * MEGABYTE),
            },
            runtime,
        };
        let notify = |step: Step<'_>| match step {
            Step::Planned(members) => progress.expect(members),
            Step::Packing(name) => progress.pack(name),
        };
        let mut seal = |content: &mut Archive<'_>, file: &mut File| match &self.recipient {
            None => content(file),
            Some(recipient) => seal::encrypt(recipient, file, content),
        };
        let made = bundle::make(&work, &self.output, &notify, &mut seal);
        progress.finish();
        made
    }

    fn summary(&self, manifest: &Manifest) -> String {
        let size = size_of(&self.output);
        let mut summary = format!(
            "{}: {size}, {}, {} taken out\n",
            self.output.display(),
            counted(manifest.members.len() as u64, "member"),
            counted(manifest.redacted, "secret"),
        );
        if self.recipient.is_some() {
            summary.push_str("encrypted: only support can read it\n");
        } else {
            let _ = writeln!(
                summary,
                "look at it before you send it (zstd has to be installed): tar --zstd -xf {}",
                self.output.display()
            );
        }
        if self.options.quiet {
            return summary;
        }
        for left in &manifest.left_out {
            if self.options.verbose > 0 || !is_expected(&left.reason) {
                let _ = writeln!(summary, "left out: {}: {}", left.name, left.reason);
            }
        }
        summary
    }
}

/// Most files and programs that may explain something are missing on a given machine.
fn is_expected(reason: &str) -> bool {
    reason.contains("there is no such file") || reason.contains("is not installed")
}

fn size_of(path: &Path) -> Bytes {
    Bytes(
        crate::files::open_regular(
            &crate::files::Root::machine(),
            path,
            crate::files::LastLink::Followed,
        )
        .map_or(0, |(_, size)| size.0),
    )
}

/// The doctor's own log of the run.
struct Log(Mutex<String>);

impl Log {
    fn new(at: Timestamp) -> Self {
        Self(Mutex::new(format!(
            "sesam-doctor {} began at {at}\n",
            env!("CARGO_PKG_VERSION")
        )))
    }

    fn hear(&self, event: &Event, begun: Instant) {
        let Event::Finished { source, took, gap } = event else {
            return;
        };
        let gap = gap.as_ref().map_or(String::new(), |gap| format!(": {gap}"));
        let line = format!(
            "{:6} ms: {} took {} ms{gap}\n",
            begun.elapsed().as_millis(),
            source.name(),
            took.as_millis()
        );
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
    }

    fn text(&self) -> String {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.clone()
    }
}
