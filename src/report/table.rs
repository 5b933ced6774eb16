//! The report as a person at a terminal reads it: what is wrong and what to do first, all else after it.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use textwrap::{Options, WordSplitter};
use unicode_width::UnicodeWidthStr;

use super::{Finding, Report, text};
use crate::{
    checks::{Category, Level, Status},
    units::counted,
};

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The verdict and the root causes.
    Quiet,
    /// All that is not as it should be; passes are counted.
    Normal,
    /// Every finding.
    Verbose,
    /// Every finding with its items and evidence.
    Everything,
}

/// What the terminal can show.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// Whether colours are wanted.
    pub color: bool,
    /// How much is shown.
    pub detail: Detail,
}

/// Lines of prose longer than this are hard to read, however wide the terminal is.
const WIDEST_PROSE: usize = 110;

/// Narrower than this nothing is laid out well; the terminal will wrap.
const NARROWEST: usize = 40;

/// Longer texts than this are cut.
const LONGEST: usize = 4_000;

/// How many blocked checks are named where there is no room for more.
const BLOCKED_NAMES: usize = 3;

/// The report as text.
#[must_use]
pub fn table(report: &Report, look: Look) -> String {
    let mut page = Page {
        text: String::new(),
        width: look.width.max(NARROWEST),
        color: look.color,
    };
    page.head(report);
    page.remediation(report);
    page.root_causes(report, look.detail);
    if look.detail > Detail::Quiet {
        for category in Category::ALL {
            page.category(report, category, look.detail);
        }
    }
    page.foot(report);
    page.text
}

struct Page {
    text: String,
    width: usize,
    color: bool,
}

impl Page {
    fn head(&mut self, report: &Report) {
        let host = &report.host;
        let machine = [host.hostname.as_str(), host.os.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", ");
        let line = format!(
            "{} {} · profile {} · {machine}",
            report.tool.name, report.tool.version, report.profile.name
        );
        self.wrapped("", "", &line);
        if report.observed_at != report.judged_as_of {
            let line = format!(
                "observed {}, judged as of {}",
                report.observed_at.strftime("%Y-%m-%d %H:%M UTC"),
                report.judged_as_of.strftime("%Y-%m-%d %H:%M UTC")
            );
            self.wrapped("", "", &line);
        }
        self.text.push('\n');
    }

    fn remediation(&mut self, report: &Report) {
        let Some(remediation) = &report.remediation else {
            return;
        };
        let line = match &remediation.run {
            Some(run) => format!(
                "--fix changed this machine: run {run}, taken back by `sesam-doctor undo {run}`."
            ),
            None => "--fix changed nothing.".to_owned(),
        };
        self.wrapped("", "", &line);
        for step in &remediation.steps {
            let line = match &step.reason {
                Some(reason) => format!("{} — {reason}", step.words),
                None => step.words.clone(),
            };
            self.wrapped(&format!("  {:<11} ", step.result), "              ", &line);
        }
        for (heading, lines) in [
            ("Taken back, since a step failed:", &remediation.taken_back),
            ("Left:", &remediation.left),
        ] {
            if !lines.is_empty() {
                self.wrapped("", "", heading);
            }
            for line in lines {
                self.wrapped("  - ", "    ", line);
            }
        }
        let counts = |summary: &super::Summary| {
            format!(
                "{} passed, {} warned, {} failed, {} blocked, {} unknown",
                summary.pass, summary.warn, summary.fail, summary.blocked, summary.unknown
            )
        };
        let before = format!("Before: {}.", counts(&remediation.summary_before));
        let after = format!("After:  {}.", counts(&report.summary));
        self.wrapped("", "", &before);
        self.wrapped("", "", &after);
        for changed in &remediation.changed {
            let line = format!(
                "{}: {} → {}",
                changed.id,
                changed.before.word(),
                changed.after.word()
            );
            self.wrapped("  ", "  ", &line);
        }
        self.text.push('\n');
    }

    fn root_causes(&mut self, report: &Report, detail: Detail) {
        let roots: Vec<&Finding> = report
            .root_causes
            .iter()
            .filter_map(|id| report.findings.iter().find(|finding| finding.id == *id))
            .collect();
        let verdict = match (roots.len(), report.status) {
            (0, Status::Pass) => "No failure and no warning.".to_owned(),
            (0, Status::Warn) => "No failure, but there are warnings.".to_owned(),
            (0, _) => "No failure, but not everything could be determined.".to_owned(),
            (1, _) => "1 root cause:".to_owned(),
            (count, _) => format!("{count} root causes:"),
        };
        let verdict = self.styled(report.status, &verdict);
        let _ = writeln!(self.text, "{verdict}\n");
        for (number, finding) in roots.into_iter().enumerate() {
            self.root_cause(report, number + 1, finding, detail);
        }
    }

    fn root_cause(&mut self, report: &Report, number: usize, finding: &Finding, detail: Detail) {
        let number = format!("{number:>2}  ");
        let heading = plain(&format!("{}  {}", finding.id, finding.title));
        let options = options(self.width)
            .initial_indent(&number)
            .subsequent_indent("    ");
        for line in textwrap::wrap(&heading, options) {
            let line = self.strong(&line);
            let _ = writeln!(self.text, "{line}");
        }
        self.field("seen", &finding.summary);
        let troubled: Vec<_> = finding
            .items
            .iter()
            .filter(|item| item.status > Status::Pass)
            .collect();
        if troubled.len() > 1 && detail > Detail::Quiet {
            for item in troubled {
                let line = format!("{}: {}", item.name, item.summary);
                // A summary that says what one of them has does not need it twice.
                if !finding.summary.starts_with(&line) {
                    self.field("", &line);
                }
            }
        }
        if let Some(expected) = &finding.expected {
            self.field("expected", expected);
        }
        for step in &finding.advice {
            self.field("do", step);
        }
        let blocked: Vec<&str> = report
            .blocked_by(&finding.id)
            .map(|finding| finding.id.as_str())
            .collect();
        if !blocked.is_empty() {
            self.field("blocks", &some_of(&blocked, detail));
        }
        if let Some(note) = &finding.waiver {
            self.field(
                "waiver",
                &format!("expired on {}, and does nothing", note.waiver.until),
            );
        }
        self.text.push('\n');
    }

    fn category(&mut self, report: &Report, category: Category, detail: Detail) {
        let findings: Vec<&Finding> = report
            .findings
            .iter()
            .filter(|finding| finding.category == category && finding.selected)
            .collect();
        if findings.is_empty() {
            return;
        }
        let title = self.strong(&category.word().to_uppercase());
        let _ = writeln!(self.text, "{title}");
        let (shown, folded): (Vec<&Finding>, Vec<&Finding>) =
            findings.into_iter().partition(|finding| {
                detail > Detail::Normal || !matches!(finding.status, Status::Pass | Status::Skip)
            });
        let id_width = shown
            .iter()
            .map(|finding| finding.id.width())
            .max()
            .unwrap_or(0);
        for finding in shown {
            self.row(report, finding, id_width, detail);
        }
        let mut folds = Vec::new();
        for (status, remarked, phrase) in [
            (Status::Pass, false, "passed"),
            (Status::Pass, true, "passed with a remark (see -v)"),
            (Status::Skip, false, "not applicable"),
            (Status::Skip, true, "not applicable, with a remark (see -v)"),
        ] {
            let count = folded
                .iter()
                .filter(|finding| {
                    finding.status == status && finding.remarks.is_empty() != remarked
                })
                .count();
            if count > 0 {
                folds.push(format!("{count} {phrase}"));
            }
        }
        if !folds.is_empty() {
            let line = format!("  {}", folds.join(", "));
            let line = self.faint(&line);
            let _ = writeln!(self.text, "{line}");
        }
        self.text.push('\n');
    }

    fn row(&mut self, report: &Report, finding: &Finding, id_width: usize, detail: Detail) {
        let status = self.styled(finding.status, &format!("{:<7}", finding.status.word()));
        let id = plain(&finding.id);
        let root = report.root_causes.iter().position(|id| *id == finding.id);
        let text = match root {
            Some(index) => format!("see root cause {}", index + 1),
            None => summary_of(finding),
        };
        // A long id must not push the words off a narrow terminal: they go to a line of their own.
        let beside = id_width + 12 + 30 <= self.width;
        if beside {
            let lead_width = 2 + 7 + 1 + id_width + 1;
            let lead = format!(
                "  {status} {id}{} ",
                " ".repeat(id_width.saturating_sub(id.width()))
            );
            let summary = self.lines(&text, lead_width);
            for (index, line) in summary.iter().enumerate() {
                if index == 0 {
                    let _ = writeln!(self.text, "{lead}{line}");
                } else {
                    let _ = writeln!(self.text, "{}{line}", " ".repeat(lead_width));
                }
            }
        } else {
            let _ = writeln!(self.text, "  {status} {id}");
            self.wrapped("          ", "          ", &text);
        }
        for remark in &finding.remarks {
            self.wrapped("          remark: ", "          ", remark);
        }
        if root.is_none() && matches!(finding.status, Status::Warn | Status::Unknown) {
            for step in &finding.advice {
                self.wrapped("          → ", "            ", step);
            }
        }
        if let Some(note) = &finding.waiver {
            let waiver = &note.waiver;
            let line = if note.expired {
                format!("the waiver expired on {}: {}", waiver.until, waiver.reason)
            } else {
                format!(
                    "waived until {} by {}: {}",
                    waiver.until, waiver.approved_by, waiver.reason
                )
            };
            self.wrapped("          ", "          ", &line);
        }
        if detail == Detail::Everything {
            self.details(finding);
        }
    }

    fn details(&mut self, finding: &Finding) {
        for item in &finding.items {
            let line = format!("{} {}: {}", item.status.word(), item.name, item.summary);
            self.wrapped("          · ", "            ", &line);
        }
        for evidence in &finding.evidence {
            let line = format!("{}: {}", evidence.label, evidence.value);
            self.wrapped("          · ", "            ", &line);
        }
    }

    fn foot(&mut self, report: &Report) {
        let counts: Vec<(Status, String)> = Status::ALL
            .into_iter()
            .filter_map(|status| match report.summary.count(status) {
                0 => None,
                count => Some((status, format!("{count} {}", status.word()))),
            })
            .collect();
        let bare = |(_, count): &(Status, String)| count.clone();
        let line = counts.iter().map(bare).collect::<Vec<_>>().join(" · ");
        if line.width() <= self.width {
            let painted: Vec<String> = counts
                .iter()
                .map(|(status, count)| self.styled(*status, count))
                .collect();
            let _ = writeln!(self.text, "{}", painted.join(" · "));
        } else {
            self.wrapped("", "", &line);
        }
        let unmet = report
            .findings
            .iter()
            .filter(|finding| finding.level == Level::Required && finding.status == Status::Fail)
            .count();
        let verdict = match unmet {
            0 => "no required condition is known to be unmet".to_owned(),
            1 => "1 required condition is not met".to_owned(),
            unmet => format!("{unmet} required conditions are not met"),
        };
        let line = format!(
            "{verdict}; exit code {}; took {} ms",
            report.exit_code, report.duration_ms
        );
        self.wrapped("", "", &line);
    }

    /// One labelled field of a root cause.
    fn field(&mut self, label: &str, text: &str) {
        let first = format!("    {label:<9} ");
        self.wrapped(&first, &" ".repeat(14), text);
    }

    fn wrapped(&mut self, first: &str, rest: &str, text: &str) {
        let text = plain(text);
        let options = options(self.width)
            .initial_indent(first)
            .subsequent_indent(rest);
        for line in textwrap::wrap(&text, options) {
            let _ = writeln!(self.text, "{line}");
        }
    }

    fn lines(&self, text: &str, taken: usize) -> Vec<String> {
        let width = self.width.min(WIDEST_PROSE + taken).saturating_sub(taken);
        textwrap::wrap(&plain(text), options(width))
            .into_iter()
            .map(std::borrow::Cow::into_owned)
            .collect()
    }

    fn styled(&self, status: Status, text: &str) -> String {
        colored_status(self.color, status, text)
    }

    fn strong(&self, text: &str) -> String {
        self.painted(Style::new().bold(), text)
    }

    fn faint(&self, text: &str) -> String {
        self.painted(Style::new().dimmed(), text)
    }

    fn painted(&self, style: Style, text: &str) -> String {
        painted(self.color, style, text)
    }
}

/// Text in the colour of a status, where colours are wanted.
pub(crate) fn colored_status(color: bool, status: Status, text: &str) -> String {
    let hue = match status {
        Status::Fail => AnsiColor::Red,
        Status::Warn | Status::Unknown => AnsiColor::Yellow,
        Status::Pass => AnsiColor::Green,
        Status::Blocked | Status::Waived => AnsiColor::Cyan,
        Status::Skip => AnsiColor::BrightBlack,
    };
    painted(color, hue.on_default().bold(), text)
}

fn painted(color: bool, style: Style, text: &str) -> String {
    if color {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

fn options<'a>(width: usize) -> Options<'a> {
    // Paths and ids are copied from the terminal: they are never broken at a hyphen.
    Options::new(width.min(WIDEST_PROSE)).word_splitter(WordSplitter::NoHyphenation)
}

fn summary_of(finding: &Finding) -> String {
    match finding.status {
        Status::Pass | Status::Skip => format!("{}: {}", finding.title, finding.summary),
        _ => finding.summary.clone(),
    }
}

fn some_of(names: &[&str], detail: Detail) -> String {
    if names.len() <= BLOCKED_NAMES + 1 || detail > Detail::Normal {
        return names.join(", ");
    }
    let shown: Vec<&str> = names.iter().copied().take(BLOCKED_NAMES).collect();
    let others = u64::try_from(names.len() - BLOCKED_NAMES).unwrap_or(u64::MAX);
    format!("{} and {} more", shown.join(", "), counted(others, "check"))
}

/// Text from the machine without anything by which it could act on the terminal or change what is read.
fn plain(text: &str) -> String {
    text::readable(text, LONGEST).replace(['\n', '\t'], " ")
}
