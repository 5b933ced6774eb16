//! The fleet as a person at a terminal reads it: what is common first, then the machines, the worst first.

use std::fmt::Write;

use textwrap::{Options, WordSplitter};
use unicode_width::UnicodeWidthStr;

use super::{Fleet, Machine, count_of, distance};
use crate::{
    checks::Status,
    report::{Detail, Look, colored_status},
};

/// Lines of prose longer than this are hard to read, however wide the terminal is.
const WIDEST: usize = 110;

/// Narrower than this nothing is laid out well; the terminal will wrap.
const NARROWEST: usize = 40;

/// How many names of a list are shown without `-v`.
const FEW: usize = 5;

/// How many root causes, expiries and machines are shown without `-v`.
const SOME: usize = 20;

/// What expires within this many seconds is shown: a quarter of a year.
const SOON: i64 = 90 * 86_400;

pub(super) fn table(fleet: &Fleet, look: Look) -> String {
    let mut page = Page {
        text: String::new(),
        width: look.width.clamp(NARROWEST, WIDEST),
        color: look.color,
        is_short: look.detail < Detail::Verbose,
    };
    page.head(fleet);
    page.root_causes(fleet);
    if look.detail > Detail::Quiet {
        page.machines(fleet);
        page.expiries(fleet);
    }
    page.not_counted(fleet);
    page.text
}

struct Page {
    text: String,
    width: usize,
    color: bool,
    is_short: bool,
}

impl Page {
    fn head(&mut self, fleet: &Fleet) {
        let summary = &fleet.summary;
        self.wrapped(
            "",
            &format!(
                "sesam-doctor {} · {} · as of {}",
                fleet.tool_version,
                count_of(summary.machines, "machine"),
                fleet.as_of.strftime("%Y-%m-%d %H:%M UTC")
            ),
        );
        let mut parts: Vec<String> = [
            (summary.fail, "fail"),
            (summary.unknown, "unknown"),
            (summary.warn, "warn"),
            (summary.pass, "pass"),
            (summary.stale, "stale"),
            (summary.unreadable, "unreadable"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
        parts.push(format!("exit code {}", fleet.exit_code));
        self.wrapped("", &parts.join(" · "));
        let verdict = colored_status(self.color, fleet.status, &fleet.verdict());
        let _ = writeln!(self.text, "\n{verdict}");
    }

    fn root_causes(&mut self, fleet: &Fleet) {
        if fleet.root_causes.is_empty() {
            return;
        }
        self.heading("COMMON ROOT CAUSES");
        for cause in self.some(&fleet.root_causes) {
            let code = cause
                .cause
                .as_ref()
                .map_or_else(String::new, |code| format!(" {code}"));
            let count = count_of(cause.machines.len(), "machine");
            self.entry(
                &count,
                13,
                &format!("{}{code}: {}", cause.check, cause.title),
            );
            let blocked = match cause.blocked {
                0 => String::new(),
                count => format!("; blocks {}", count_of(count, "finding")),
            };
            let names = self.names(&cause.machines);
            self.wrapped(&" ".repeat(17), &format!("{names}{blocked}"));
        }
        self.more(fleet.root_causes.len());
    }

    fn machines(&mut self, fleet: &Fleet) {
        if fleet.machines.is_empty() {
            return;
        }
        self.heading("MACHINES");
        for machine in self.some(&fleet.machines) {
            let status = machine.status;
            let mut words = format!("{}: {}", machine.name, counts(machine));
            if machine.is_stale {
                let _ = write!(
                    words,
                    "; stale, observed {} ago",
                    distance(machine.age_seconds)
                );
            }
            if !machine.root_causes.is_empty() {
                let _ = write!(words, "; {}", self.names(&machine.root_causes));
            }
            self.status_entry(status, &words);
        }
        self.more(fleet.machines.len());
    }

    fn expiries(&mut self, fleet: &Fleet) {
        let soon: Vec<_> = fleet
            .expiries
            .iter()
            .filter(|expiry| expiry.remaining_seconds < SOON)
            .collect();
        if soon.is_empty() {
            return;
        }
        self.heading("EXPIRES WITHIN 90 DAYS");
        for expiry in self.some(&soon) {
            let when = if expiry.remaining_seconds < 0 {
                format!("{} ago", distance(expiry.remaining_seconds))
            } else {
                format!("in {}", distance(expiry.remaining_seconds))
            };
            let date = expiry.at.strftime("%Y-%m-%d").to_string();
            self.entry(
                &date,
                10,
                &format!("{when}: {} of {}", expiry.what, expiry.machine),
            );
        }
        self.more(soon.len());
    }

    fn not_counted(&mut self, fleet: &Fleet) {
        if !fleet.unreadable.is_empty() {
            self.heading("COULD NOT BE READ");
            for bad in self.some(&fleet.unreadable) {
                self.wrapped("  ", &format!("{}: {}", bad.file, bad.reason));
            }
            self.more(fleet.unreadable.len());
        }
        if !fleet.superseded.is_empty() {
            self.heading("NOT COUNTED: A NEWER REPORT, OR ANOTHER FORM OF THE SAME");
            for old in self.some(&fleet.superseded) {
                self.wrapped("  ", &format!("{}, since {} counts", old.file, old.by));
            }
            self.more(fleet.superseded.len());
        }
    }

    fn heading(&mut self, words: &str) {
        let _ = writeln!(self.text, "\n{words}");
    }

    fn some<'a, T>(&self, all: &'a [T]) -> impl Iterator<Item = &'a T> + use<'a, T> {
        let most = if self.is_short { SOME } else { usize::MAX };
        all.iter().take(most)
    }

    fn more(&mut self, all: usize) {
        if self.is_short && all > SOME {
            self.wrapped("  ", &format!("and {} more (see -v)", all - SOME));
        }
    }

    fn names(&self, names: &[String]) -> String {
        let most = if self.is_short { FEW } else { usize::MAX };
        let mut words = names
            .iter()
            .take(most)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        if names.len() > most {
            let _ = write!(words, " and {} more", names.len() - most);
        }
        words
    }

    fn status_entry(&mut self, status: Status, words: &str) {
        let mut lines = Vec::new();
        self.lay_out(&mut lines, 7, words);
        for (number, line) in lines.into_iter().enumerate() {
            let label = if number == 0 { status.word() } else { "" };
            let padding = " ".repeat(7_usize.saturating_sub(label.width()));
            let label = colored_status(self.color, status, label);
            let _ = writeln!(self.text, "  {label}{padding}  {line}");
        }
    }

    fn entry(&mut self, label: &str, label_width: usize, words: &str) {
        let mut lines = Vec::new();
        self.lay_out(&mut lines, label_width, words);
        for (number, line) in lines.into_iter().enumerate() {
            let label = if number == 0 { label } else { "" };
            let _ = writeln!(self.text, "  {label:<label_width$}  {line}");
        }
    }

    fn lay_out(&self, lines: &mut Vec<String>, label_width: usize, words: &str) {
        let width = self.width.saturating_sub(label_width + 4);
        let options = Options::new(width.max(20)).word_splitter(WordSplitter::NoHyphenation);
        lines.extend(
            textwrap::wrap(words, options)
                .into_iter()
                .map(std::borrow::Cow::into_owned),
        );
    }

    fn wrapped(&mut self, indent: &str, words: &str) {
        let options = Options::new(self.width)
            .initial_indent(indent)
            .subsequent_indent(indent)
            .word_splitter(WordSplitter::NoHyphenation);
        for line in textwrap::wrap(words, options) {
            let _ = writeln!(self.text, "{line}");
        }
    }
}

/// `2 fail, 1 warn`, or that all passed.
pub(super) fn counts(machine: &Machine) -> String {
    let summary = &machine.summary;
    let parts: Vec<String> = [
        (summary.fail, "fail"),
        (summary.unknown, "unknown"),
        (summary.warn, "warn"),
        (summary.blocked, "blocked"),
        (summary.waived, "waived"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    if parts.is_empty() {
        format!("{} passed", summary.pass)
    } else {
        parts.join(", ")
    }
}
