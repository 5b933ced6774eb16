//! What changed between two reports, and how it reads.

use std::fmt::Write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{markdown::escaped, text};
use crate::{checks::Status, document::pretty, units::counted};

/// What changed between two reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// The older report.
    pub before: Side,
    /// The newer report.
    pub after: Side,
    /// Findings that are worse than before.
    pub broke: Vec<Change>,
    /// Findings that are better than before.
    pub healed: Vec<Change>,
    /// Findings of the same worth with another cause, summary or observation.
    pub drifted: Vec<Change>,
    /// Checks that only the newer report evaluated.
    pub appeared: Vec<Change>,
    /// Checks that only the older report evaluated.
    pub disappeared: Vec<Change>,
    /// How many findings are as they were.
    pub unchanged: usize,
}

/// One of the two reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// The machine's name.
    pub hostname: String,
    /// When the machine was observed.
    pub observed_at: Timestamp,
    /// The state of the machine in one word.
    pub status: Status,
    /// The profile's name.
    pub profile: String,
    /// The doctor's version.
    pub version: String,
}

/// One finding that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The check's id.
    pub id: String,
    /// The requirement in words.
    pub title: String,
    /// How it stood; none where it was not evaluated.
    pub before: Option<State>,
    /// How it stands; none where it was not evaluated.
    pub after: Option<State>,
    /// What differs beyond status and summary, one sentence each.
    pub details: Vec<String>,
}

/// How a finding stands in one of the reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The status.
    pub status: Status,
    /// The code of what was told apart.
    pub cause: Option<String>,
    /// The verdict in one sentence.
    pub summary: String,
}

impl State {
    fn words(&self) -> String {
        match &self.cause {
            Some(cause) => format!("{} ({cause})", self.status.word()),
            None => self.status.word().to_owned(),
        }
    }
}

impl Change {
    /// `pass → fail (too-small)`.
    #[must_use]
    pub fn step(&self) -> String {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) if before.words() == after.words() => after.words(),
            (Some(before), Some(after)) => format!("{} → {}", before.words(), after.words()),
            (Some(state), None) => format!("was {}", state.words()),
            (None, Some(state)) => state.words(),
            (None, None) => String::new(),
        }
    }

    /// The newest sentence on it.
    #[must_use]
    pub fn summary(&self) -> &str {
        self.after
            .as_ref()
            .or(self.before.as_ref())
            .map_or("", |state| state.summary.as_str())
    }
}

impl Changes {
    /// The kinds of change with their headings, the most urgent first.
    #[must_use]
    pub fn sections(&self) -> [(&'static str, &[Change]); 5] {
        [
            ("broke", &self.broke),
            ("healed", &self.healed),
            ("drifted", &self.drifted),
            ("newly evaluated", &self.appeared),
            ("no longer evaluated", &self.disappeared),
        ]
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sections().iter().all(|(_, list)| list.is_empty())
    }

    /// The exit code: how bad the worst of what broke is now, in the monitoring-plugin convention.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let worst = self
            .broke
            .iter()
            .filter_map(|change| change.after.as_ref())
            .map(|state| state.status)
            .max();
        match worst {
            Some(Status::Fail) => 2,
            Some(Status::Unknown) => 3,
            Some(_) => 1,
            None => 0,
        }
    }

    /// One line that counts.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut parts: Vec<String> = self
            .sections()
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(word, list)| format!("{} {word}", list.len()))
            .collect();
        let unchanged = u64::try_from(self.unchanged).unwrap_or(u64::MAX);
        parts.push(format!("{} unchanged", counted(unchanged, "finding")));
        parts.join(", ")
    }

    fn heading(&self) -> String {
        let side = |side: &Side| {
            format!(
                "{} {} ({})",
                side.hostname,
                side.observed_at.strftime("%Y-%m-%d %H:%M UTC"),
                side.status.word()
            )
        };
        format!("{} → {}", side(&self.before), side(&self.after))
    }

    /// As JSON.
    ///
    /// # Errors
    /// None that changes can cause; the serializer's own are passed on.
    pub fn json(&self) -> serde_json::Result<String> {
        pretty(self)
    }

    /// For a person at a terminal that is `width` columns wide.
    #[must_use]
    pub fn table(&self, width: usize) -> String {
        let mut page = String::new();
        let mut wrapped = |first: &str, rest: &str, words: &str| {
            let clean = text::readable(&text::one_line(words), usize::MAX);
            let options = textwrap::Options::new(width.clamp(40, 110))
                .initial_indent(first)
                .subsequent_indent(rest)
                .word_splitter(textwrap::WordSplitter::NoHyphenation);
            for line in textwrap::wrap(&clean, options) {
                let _ = writeln!(page, "{line}");
            }
        };
        wrapped("", "", &self.heading());
        wrapped("", "", &self.summary());
        for (word, list) in self.sections() {
            if list.is_empty() {
                continue;
            }
            wrapped("", "", "");
            wrapped("", "", &word.to_uppercase());
            for change in list {
                wrapped("  ", "      ", &format!("{}  {}", change.id, change.step()));
                wrapped("      ", "      ", change.summary());
                for detail in &change.details {
                    wrapped("      · ", "        ", detail);
                }
            }
        }
        page
    }

    /// For a ticket.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut page = format!(
            "## What changed\n\n{}\n\n{}\n",
            escaped(&self.heading()),
            escaped(&self.summary())
        );
        for (word, list) in self.sections() {
            if list.is_empty() {
                continue;
            }
            let _ = write!(page, "\n**{word}**\n\n");
            for change in list {
                let _ = writeln!(
                    page,
                    "- **{}** {}: {}",
                    escaped(&change.id),
                    escaped(&change.step()),
                    escaped(change.summary())
                );
                for detail in &change.details {
                    let _ = writeln!(page, "  - {}", escaped(detail));
                }
            }
        }
        page
    }
}
