//! The report for a ticket: what is wrong first, then everything in a folded table.

use std::fmt::Write;

use super::{
    Changes, Finding, Report,
    situation::{Situation, verdict},
    text,
};
use crate::checks::Status;

/// Longer texts than this are cut: tickets have limits, and nobody reads them.
const LONGEST: usize = 2_000;

/// The report as Markdown that GitHub, GitLab and Jira read alike.
///
/// # Errors
/// None that a report can cause; the serializer's own are passed on.
pub fn markdown(report: &Report, since: Option<&Changes>) -> serde_json::Result<String> {
    let report = text::harmless(report, LONGEST)?;
    let mut page = format!("# {}\n\n", escaped(&verdict(&report)));
    head(&mut page, &report);
    root_causes(&mut page, &report);
    if let Some(changes) = since {
        page.push('\n');
        page.push_str(&changes.markdown());
    }
    every_finding(&mut page, &report);
    Ok(page)
}

fn head(page: &mut String, report: &Report) {
    let host = &report.host;
    let machine: Vec<String> = [&host.hostname, &host.os, &host.kernel, &host.architecture]
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| escaped(part))
        .collect();
    let counts: Vec<String> = Status::ALL
        .into_iter()
        .filter(|status| report.summary.count(*status) > 0)
        .map(|status| format!("{} {}", report.summary.count(status), status.word()))
        .collect();
    let _ = writeln!(page, "- machine: {}", machine.join(", "));
    let _ = writeln!(
        page,
        "- profile: {} `{}`",
        escaped(&report.profile.name),
        escaped(text::at_most(&report.profile.sha256, 12))
    );
    let _ = writeln!(
        page,
        "- observed: {}, judged as of {}",
        report.observed_at, report.judged_as_of
    );
    let _ = writeln!(
        page,
        "- tool: {} {}",
        escaped(&report.tool.name),
        escaped(&report.tool.version)
    );
    let _ = writeln!(page, "- findings: {}", counts.join(", "));
}

fn root_causes(page: &mut String, report: &Report) {
    let roots: Vec<&Finding> = report.roots().collect();
    if roots.is_empty() {
        return;
    }
    page.push_str("\n## Root causes\n");
    for (index, finding) in roots.into_iter().enumerate() {
        let _ = writeln!(
            page,
            "\n{}. **{}** {}\n",
            index + 1,
            escaped(&finding.id),
            escaped(&finding.title)
        );
        let _ = writeln!(page, "   - seen: {}", escaped(&finding.summary));
        if let Some(expected) = &finding.expected {
            let _ = writeln!(page, "   - expected: {}", escaped(expected));
        }
        for step in &finding.advice {
            let _ = writeln!(page, "   - do: {}", escaped(step));
        }
        for evidence in &finding.evidence {
            let _ = writeln!(
                page,
                "   - {}: {}",
                escaped(&evidence.label),
                escaped(&evidence.value)
            );
        }
        let blocked: Vec<String> = report
            .blocked_by(&finding.id)
            .map(|finding| escaped(&finding.id))
            .collect();
        if !blocked.is_empty() {
            let _ = writeln!(
                page,
                "   - also blocked: {} ({})",
                blocked.len(),
                blocked.join(", ")
            );
        }
    }
}

fn every_finding(page: &mut String, report: &Report) {
    let _ = write!(
        page,
        "\n<details>\n<summary>All {} findings</summary>\n\n| status | check | level | what was seen |\n| --- | --- | --- | --- |\n",
        report.findings.len()
    );
    for finding in &report.findings {
        let mut words = vec![escaped(&finding.summary)];
        words.extend(finding.remarks.iter().map(|remark| escaped(remark)));
        if let Some(note) = &finding.waiver {
            let waiver = &note.waiver;
            words.push(escaped(&format!(
                "waiver until {}, approved by {}: {}",
                waiver.until, waiver.approved_by, waiver.reason
            )));
        }
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} |",
            Situation::of(finding).word(),
            escaped(&finding.id),
            finding.level.word(),
            words.join("; ")
        );
    }
    page.push_str("\n</details>\n");
}

/// Text that a Markdown reader shows as it is: on one line, no markup, no link, no mention of a person or ticket.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text::readable(&text::one_line(text), LONGEST).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '@' => escaped.push_str("&#64;"),
            '#' => escaped.push_str("&#35;"),
            ':' if escaped.ends_with("http") || escaped.ends_with("https") => {
                escaped.push_str("&#58;");
            }
            '.' if escaped.ends_with("www") => escaped.push_str("&#46;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '!' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        for (text, expected) in [
            ("a | b\nc", "a \\| b c"),
            ("<img src=x> & `rm`", "&lt;img src=x&gt; &amp; \\`rm\\`"),
            (
                "[x](http://evil) @root #1",
                "\\[x\\](http&#58;//evil) &#64;root &#35;1",
            ),
            ("node_a.example.com", "node\\_a.example.com"),
            ("www.evil.com", "www&#46;evil.com"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
