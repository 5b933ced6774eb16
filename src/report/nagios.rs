//! The report as a monitoring plugin says it: one line, performance data, long output.

use std::fmt::Write;

use super::{Finding, Report, text};
use crate::checks::{Limit, Measurement, Status};

/// The first line, with its performance data, is shorter than this.
const LONGEST_LINE: usize = 1_000;

/// Nagios reads no more than 8 KiB of a plugin; what stands behind would be lost.
const LONGEST_OUTPUT: usize = 8_000;

/// Room that long output always gets, whatever was measured.
const LONG_OUTPUT: usize = 3_500;

/// Texts longer than this are cut before they are laid out.
const LONGEST_TEXT: usize = 500;

/// The report in the monitoring-plugin convention.
///
/// # Errors
/// None that a report can cause; the serializer's own are passed on.
pub fn nagios(report: &Report) -> serde_json::Result<String> {
    let report = text::harmless(report, LONGEST_TEXT)?;
    let counts = counts(&report);
    let first = format!("SESAM {} - {}", state(report.exit_code), headline(&report));
    let room = LONGEST_LINE.saturating_sub(counts.len() + 3);
    let mut output = format!("{} | {counts}\n", text::at_most(&first, room).trim_end());
    let figures = figures(
        &report,
        LONGEST_OUTPUT.saturating_sub(output.len() + LONG_OUTPUT),
    );
    let end = LONGEST_OUTPUT.saturating_sub(figures.len() + 3);
    for line in long_output(&report) {
        if output.len() + line.len() + 1 > end {
            break;
        }
        output.push_str(&line);
        output.push('\n');
    }
    if !figures.is_empty() {
        // The bar ends the long output and begins more performance data.
        output.truncate(output.trim_end().len());
        let _ = writeln!(output, " | {figures}");
    }
    Ok(output)
}

fn state(exit_code: u8) -> &'static str {
    match exit_code {
        0 => "OK",
        1 => "WARNING",
        2 => "CRITICAL",
        _ => "UNKNOWN",
    }
}

fn headline(report: &Report) -> String {
    let roots: Vec<&Finding> = report.roots().collect();
    let blocked = report.summary.blocked;
    let mut words = match (roots.as_slice(), report.status) {
        ([], Status::Pass) => format!("{} checks passed", report.summary.pass),
        ([], status) => {
            let count = report.summary.count(status);
            let first = report
                .findings
                .iter()
                .find(|finding| finding.status == status);
            let first = first.map_or_else(String::new, |finding| {
                format!(", first {}: {}", finding.id, finding.summary)
            });
            format!("{count} {}{first}", status.word())
        }
        ([root], _) => format!("{}: {}", root.id, root.summary),
        ([root, ..], _) => format!(
            "{} root causes, first {}: {}",
            roots.len(),
            root.id,
            root.summary
        ),
    };
    if blocked > 0 {
        let _ = write!(words, " (also blocked: {blocked})");
    }
    plain(&words)
}

fn long_output(report: &Report) -> Vec<String> {
    let mut findings: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| {
            matches!(
                finding.status,
                Status::Fail | Status::Warn | Status::Unknown | Status::Blocked | Status::Waived
            )
        })
        .collect();
    // The worst first: what does not fit is the least.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.status));
    let head = plain(&format!(
        "profile {}, {} {}",
        report.profile.name, report.tool.name, report.tool.version
    ));
    let lines = findings.into_iter().map(|finding| {
        plain(&format!(
            "{} {}: {}",
            finding.status.word(),
            finding.id,
            finding.summary
        ))
    });
    // Never empty: more performance data may stand only behind a line of its own.
    std::iter::once(head).chain(lines).collect()
}

fn counts(report: &Report) -> String {
    let mut words: Vec<String> = Status::ALL
        .into_iter()
        .map(|status| format!("{}={}", status.word(), report.summary.count(status)))
        .collect();
    words.push(format!("duration={}ms", report.duration_ms));
    words.join(" ")
}

/// As many figures as there is room for.
fn figures(report: &Report, room: usize) -> String {
    let mut figures = String::new();
    for finding in &report.findings {
        for measurement in &finding.measurements {
            let Some(figure) = figure(&finding.id, measurement) else {
                continue;
            };
            if figures.len() + figure.len() + 1 > room {
                return figures;
            }
            if !figures.is_empty() {
                figures.push(' ');
            }
            figures.push_str(&figure);
        }
    }
    figures
}

/// `'storage.data-space storage_free_bytes data'=20B;15:;5:`.
fn figure(id: &str, measurement: &Measurement) -> Option<String> {
    if !measurement.value.is_finite() {
        return None;
    }
    let mut label = format!("{id} {}", measurement.name);
    for value in measurement.labels.values() {
        let _ = write!(label, " {value}");
    }
    let label: String = plain(&label)
        .chars()
        .filter(|character| !matches!(character, '\'' | '='))
        .collect();
    let mut figure = format!(
        "'{label}'={}{}",
        text::figure(measurement.value),
        unit(&measurement.name)
    );
    let warn = range(measurement.warn);
    let fail = range(measurement.fail);
    match (warn.is_empty(), fail.is_empty()) {
        (true, true) => {}
        (false, true) => {
            let _ = write!(figure, ";{warn}");
        }
        (_, false) => {
            let _ = write!(figure, ";{warn};{fail}");
        }
    }
    Some(figure)
}

/// The plugin convention has four units; a share is told in percent by the name alone.
fn unit(name: &str) -> &'static str {
    if name.ends_with("_seconds") {
        "s"
    } else if name.ends_with("_bytes") {
        "B"
    } else {
        ""
    }
}

/// A range outside of which is the alert: `20` alerts above, `20:` below.
fn range(limit: Option<Limit>) -> String {
    match limit {
        None => String::new(),
        Some(Limit::Above(value)) => text::figure(value),
        Some(Limit::Below(value)) => format!("{}:", text::figure(value)),
    }
}

/// One line without the bar, which is the convention's own.
fn plain(words: &str) -> String {
    text::one_line(words).replace('|', "/")
}
