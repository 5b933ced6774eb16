//! The report of a probe: what was seen, judged, and put for people or for the probed machine's own run.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use textwrap::{Options, WordSplitter};

use crate::{
    checks::{
        Status,
        inbound::{
            door::{self, Outside},
            names,
        },
    },
    document::pretty,
    facts::{
        Tool,
        probe_report::{KIND, Probe, SCHEMA_VERSION},
    },
    profile::Profile,
};

/// The report of a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// Always `probe`.
    pub kind: String,
    /// The version of this schema; fields are added, never renamed or removed, within one.
    pub schema_version: u32,
    /// The doctor that looked.
    pub tool: Tool,
    /// The worst of all items.
    pub status: Status,
    /// The process's exit code.
    pub exit_code: u8,
    /// The verdicts, one for the name where it leads nowhere, and one for each address and port.
    pub items: Vec<ProbeItem>,
    /// What was seen.
    pub probe: Probe,
}

/// The verdict on one address and port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeItem {
    /// The address and port, or the name.
    pub name: String,
    /// Pass, warn, fail, or skip where this machine has no way to look.
    pub status: Status,
    /// The stable code of what was told apart; null on pass and skip.
    pub cause: Option<String>,
    /// The verdict in one sentence.
    pub summary: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// How long each phase took, in words; null where nothing opened. The figures are in `probe`.
    #[serde(default)]
    pub phases: Option<String>,
}

impl ProbeReport {
    /// Judges what was seen.
    #[must_use]
    pub fn new(probe: Probe, profile: &Profile) -> Self {
        let mut items = Vec::new();
        let unresolved = probe
            .names
            .as_ref()
            .and_then(|found| names::trouble(&probe.host, found))
            .filter(|_| probe.doors.is_empty());
        if let Some((cause, summary, advice)) = unresolved {
            items.push(ProbeItem {
                name: probe.host.clone(),
                status: Status::Fail,
                cause: Some(cause.code.to_owned()),
                summary,
                advice: Some(advice),
                phases: None,
            });
        }
        let outside = Outside {
            probe: &probe,
            profile,
        };
        for seen in &probe.doors {
            let verdict = door::judge(outside, seen);
            items.push(ProbeItem {
                name: door::name(seen),
                status: verdict.status,
                cause: verdict.cause.map(|cause| cause.code.to_owned()),
                summary: verdict.summary,
                advice: verdict.advice,
                phases: door::phases(seen),
            });
        }
        let worst = items.iter().map(|item| item.status).max();
        // Nothing that could be looked at is nothing that is known.
        let status = worst
            .filter(|status| *status != Status::Skip)
            .unwrap_or(Status::Unknown);
        Self {
            kind: KIND.to_owned(),
            schema_version: SCHEMA_VERSION,
            tool: Tool::this(),
            status,
            exit_code: match status {
                Status::Fail => 2,
                Status::Warn => 1,
                Status::Unknown => 3,
                _ => 0,
            },
            items,
            probe,
        }
    }

    /// The report as JSON, with a final newline.
    ///
    /// # Errors
    /// None that a report can cause; the serializer's own are passed on.
    pub fn json(&self) -> serde_json::Result<String> {
        pretty(self)
    }

    /// The report for a person.
    #[must_use]
    pub fn table(&self, width: usize) -> String {
        let mut text = String::new();
        let probe = &self.probe;
        let addresses: std::collections::BTreeSet<String> = probe
            .doors
            .iter()
            .map(|door| door.address.to_string())
            .collect();
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{} {} · {} seen from {} at {}\n",
            self.tool.name,
            self.tool.version,
            probe.host,
            probe.from,
            probe.probed_at.strftime("%Y-%m-%d %H:%M UTC")
        );
        if let Some(names) = probe.names.as_ref().filter(|_| !addresses.is_empty()) {
            let listed: Vec<String> = addresses.into_iter().collect();
            let _ = writeln!(
                text,
                "{} resolves to {} (in {} ms)\n",
                probe.host,
                listed.join(", "),
                names.took_ms
            );
        }
        let mut advice: Vec<&str> = Vec::new();
        for item in &self.items {
            let lead = format!("{:<5} {}  ", item.status.word(), item.name);
            let cause = item
                .cause
                .as_ref()
                .map_or_else(String::new, |cause| format!(" ({cause})"));
            wrapped(
                &mut text,
                &lead,
                "      ",
                &format!("{}{cause}", item.summary),
                width,
            );
            if let Some(phases) = &item.phases {
                wrapped(&mut text, "      ", "      ", phases, width);
            }
            if let Some(step) = item.advice.as_deref().filter(|step| !advice.contains(step)) {
                advice.push(step);
            }
        }
        if !advice.is_empty() {
            text.push_str("\nWhat to do\n");
            for step in advice {
                wrapped(&mut text, "  - ", "    ", step, width);
            }
        }
        let _ = writeln!(text, "\n{}", self.verdict());
        text
    }

    fn verdict(&self) -> &'static str {
        match self.status {
            Status::Fail => "Not everybody who has to get through does.",
            Status::Warn => "Everybody gets through, but there are warnings.",
            Status::Unknown => "Nothing could be looked at from here.",
            _ if self.probe.has_token => "The way to the machine is open.",
            _ => "Everybody who has to get through does, as seen from here.",
        }
    }
}

fn wrapped(text: &mut String, lead: &str, rest: &str, prose: &str, width: usize) {
    let options = Options::new(width.clamp(40, 110))
        .initial_indent(lead)
        .subsequent_indent(rest)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    let plain: String = prose
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    let _ = writeln!(text, "{}", textwrap::fill(&plain, options));
}
