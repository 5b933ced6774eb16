//! The report for build servers: one test case per finding.

use std::io;

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
    writer::ElementWriter,
};

use super::{Finding, Report, situation::Situation, text};
use crate::checks::{Category, Status};

/// Longer texts than this are cut.
const LONGEST: usize = 4_000;

/// The report as `JUnit` XML: a failure is a failure, what is unknown an error, what was not judged is skipped.
///
/// # Errors
/// None that a report can cause; the writer's own are passed on.
pub fn junit(report: &Report) -> io::Result<String> {
    let report = text::harmless(report, LONGEST)?;
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let findings: Vec<&Finding> = report.findings.iter().collect();
    let suites = writer
        .create_element("testsuites")
        .with_attribute(("name", report.tool.name.as_str()));
    with_totals(suites, &findings)
        .with_attribute(("time", seconds(report.duration_ms).as_str()))
        .write_inner_content(|writer| {
            for category in Category::ALL {
                suite(writer, &report, category)?;
            }
            Ok(())
        })?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn suite(writer: &mut Writer<Vec<u8>>, report: &Report, category: Category) -> io::Result<()> {
    let findings: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| finding.category == category)
        .collect();
    if findings.is_empty() {
        return Ok(());
    }
    // The format has times without a zone; ours are UTC.
    let started = report.started_at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let suite = writer
        .create_element("testsuite")
        .with_attribute(("name", category.word()));
    with_totals(suite, &findings)
        .with_attribute(("hostname", text::one_line(&report.host.hostname).as_str()))
        .with_attribute(("timestamp", started.as_str()))
        .with_attribute(("time", "0.000"))
        .write_inner_content(|writer| {
            for finding in findings {
                case(writer, finding)?;
            }
            Ok(())
        })?;
    Ok(())
}

fn case(writer: &mut Writer<Vec<u8>>, finding: &Finding) -> io::Result<()> {
    let name = text::one_line(&format!("{} {}", finding.id, finding.title));
    let classname = format!("sesam-doctor.{}", finding.category.word());
    writer
        .create_element("testcase")
        .with_attribute(("name", name.as_str()))
        .with_attribute(("classname", classname.as_str()))
        .with_attribute(("time", seconds(finding.duration_ms).as_str()))
        .write_inner_content(|writer| {
            let situation = Situation::of(finding);
            let message = text::one_line(&format!("{}: {}", situation.word(), finding.summary));
            let kind = finding.cause.as_deref().unwrap_or(situation.word());
            match outcome(finding.status) {
                Outcome::Passed => {}
                Outcome::Skipped => {
                    writer
                        .create_element("skipped")
                        .with_attribute(("message", message.as_str()))
                        .write_empty()?;
                }
                Outcome::Failure | Outcome::Error => {
                    let element = match outcome(finding.status) {
                        Outcome::Failure => "failure",
                        _ => "error",
                    };
                    writer
                        .create_element(element)
                        .with_attribute(("type", kind))
                        .with_attribute(("message", message.as_str()))
                        .write_text_content(BytesText::new(&body(finding)))?;
                }
            }
            if finding.status == Status::Warn || !finding.remarks.is_empty() {
                let mut words = Vec::new();
                if finding.status == Status::Warn {
                    words.push(format!("warning: {}", body(finding)));
                }
                words.extend(finding.remarks.clone());
                writer
                    .create_element("system-out")
                    .write_text_content(BytesText::new(&words.join("\n")))?;
            }
            Ok(())
        })?;
    Ok(())
}

fn body(finding: &Finding) -> String {
    let mut lines = vec![finding.summary.clone()];
    lines.extend(
        finding
            .expected
            .iter()
            .map(|expected| format!("expected: {expected}")),
    );
    lines.extend(
        finding
            .evidence
            .iter()
            .map(|evidence| format!("{}: {}", evidence.label, evidence.value)),
    );
    lines.extend(
        finding
            .items
            .iter()
            .filter(|item| item.status > Status::Pass)
            .map(|item| format!("{}: {}", item.name, item.summary)),
    );
    lines.extend(finding.advice.iter().map(|step| format!("do: {step}")));
    if let Some(note) = finding.waiver.as_ref().filter(|note| note.expired) {
        lines.push(format!("the waiver expired on {}", note.waiver.until));
    }
    lines.join("\n")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Skipped,
    Failure,
    Error,
}

fn outcome(status: Status) -> Outcome {
    match status {
        // The format knows no warnings; they stand in the case's output.
        Status::Pass | Status::Warn => Outcome::Passed,
        Status::Skip | Status::Blocked | Status::Waived => Outcome::Skipped,
        Status::Fail => Outcome::Failure,
        Status::Unknown => Outcome::Error,
    }
}

fn with_totals<'a>(
    element: ElementWriter<'a, Vec<u8>>,
    findings: &[&Finding],
) -> ElementWriter<'a, Vec<u8>> {
    let count = |wanted| {
        findings
            .iter()
            .filter(|finding| outcome(finding.status) == wanted)
            .count()
            .to_string()
    };
    element
        .with_attribute(("tests", findings.len().to_string().as_str()))
        .with_attribute(("failures", count(Outcome::Failure).as_str()))
        .with_attribute(("errors", count(Outcome::Error).as_str()))
        .with_attribute(("skipped", count(Outcome::Skipped).as_str()))
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}
