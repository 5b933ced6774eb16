//! The report for compliance systems: OSCAL assessment results, waivers as approved deviations.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Finding, Report, json as report_json, markdown::escaped, situation::Situation, text};
use crate::{checks::Status, document::pretty};

/// The version of the models that the tests hold the output to.
const OSCAL_VERSION: &str = "1.2.1";

/// The name space of this program's identifiers and properties.
const NAMESPACE: &str = "urn:sesam-doctor:oscal";

/// Longer texts than this are cut.
const LONGEST: usize = 4_000;

/// The report as an OSCAL assessment-results document. The same report gives the same bytes.
///
/// # Errors
/// None that a report can cause; the serializer's own are passed on.
pub fn oscal(report: &Report) -> serde_json::Result<String> {
    let identity = Identity::of(report)?;
    let report = text::harmless(report, LONGEST)?;
    let writer = Document {
        report: &report,
        identity,
    };
    pretty(&writer.assessment_results())
}

/// Identifiers that follow from the report alone.
struct Identity {
    document: Uuid,
}

impl Identity {
    fn of(report: &Report) -> serde_json::Result<Self> {
        let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, NAMESPACE.as_bytes());
        let content = text::sha256(report_json(report)?.as_bytes());
        Ok(Self {
            document: Uuid::new_v5(&space, content.as_bytes()),
        })
    }

    fn named(&self, role: &str, name: &str) -> String {
        let name = format!("{role}\u{0}{name}");
        Uuid::new_v5(&self.document, name.as_bytes()).to_string()
    }
}

struct Document<'a> {
    report: &'a Report,
    identity: Identity,
}

impl Document<'_> {
    fn assessment_results(&self) -> Value {
        let report = self.report;
        let profile = self.identity.named("profile", "");
        json!({"assessment-results": {
            "uuid": self.identity.document.to_string(),
            "metadata": {
                "title": format!("Assessment of {} for self-hosted Sesam", said(&report.host.hostname)),
                "last-modified": report.started_at,
                "version": report.started_at.to_string(),
                "oscal-version": OSCAL_VERSION,
            },
            "import-ap": {
                "href": format!("#{profile}"),
                "remarks": "The plan is the requirement profile that is described in the back matter.",
            },
            "results": [self.result()],
            "back-matter": {"resources": [{
                "uuid": profile,
                "title": format!("Requirement profile {}", said(&report.profile.name)),
                "description": format!("Edition {}, source {}.", said(&report.profile.edition), said(&report.profile.source)),
                "props": [property("sha256", &report.profile.sha256)],
            }]},
        }})
    }

    fn result(&self) -> Value {
        let report = self.report;
        let selected = || report.findings.iter().filter(|finding| finding.selected);
        let controls: Vec<Value> = selected()
            .filter(|finding| finding.status != Status::Skip)
            .map(|finding| json!({"control-id": token(&finding.id)}))
            .collect();
        let selection = if controls.is_empty() {
            json!({"include-all": {}})
        } else {
            json!({"include-controls": controls})
        };
        let mut result = json!({
            "uuid": self.identity.named("result", ""),
            "title": "Run of the doctor",
            "description": escaped(&super::situation::verdict(report)),
            "start": report.started_at,
            "end": self.end(),
            "props": [
                property("status", report.status.word()),
                property("exit-code", &report.exit_code.to_string()),
                property("judged-as-of", &report.judged_as_of.to_string()),
                property("facts-sha256", &report.facts_sha256),
            ],
            "local-definitions": self.local_definitions(),
            "reviewed-controls": {"control-selections": [selection]},
        });
        for (name, list) in [
            (
                "observations",
                selected()
                    .map(|finding| self.observation(finding))
                    .collect(),
            ),
            (
                "risks",
                selected()
                    .filter_map(|finding| self.risk(finding))
                    .collect::<Vec<_>>(),
            ),
            (
                "findings",
                selected()
                    .filter(|finding| finding.status != Status::Skip)
                    .map(|finding| self.finding(finding))
                    .collect(),
            ),
        ] {
            // The models know no empty lists.
            if let (false, Some(members)) = (list.is_empty(), result.as_object_mut()) {
                members.insert(name.to_owned(), list.into());
            }
        }
        result
    }

    fn end(&self) -> String {
        let took = i64::try_from(self.report.duration_ms).unwrap_or(i64::MAX);
        self.report
            .started_at
            .checked_add(jiff::SignedDuration::from_millis(took))
            .unwrap_or(self.report.started_at)
            .to_string()
    }

    fn local_definitions(&self) -> Value {
        let host = &self.report.host;
        let tool = &self.report.tool;
        json!({
            "inventory-items": [{
                "uuid": self.identity.named("host", ""),
                "description": format!("The machine {}", said(&host.hostname)),
                "props": [
                    property("hostname", &host.hostname),
                    property("operating-system", &host.os),
                    property("kernel", &host.kernel),
                    property("architecture", &host.architecture),
                ],
            }],
            "assessment-assets": {
                "components": [{
                    "uuid": self.identity.named("tool", ""),
                    "type": "software",
                    "title": said(&tool.name),
                    "description": "The program that observed and judged.",
                    "props": [property("version", &tool.version)],
                    "status": {"state": "operational"},
                }],
                "assessment-platforms": [{
                    "uuid": self.identity.named("platform", ""),
                    "title": said(&host.hostname),
                    "uses-components": [{"component-uuid": self.identity.named("tool", "")}],
                }],
            },
        })
    }

    fn origins(&self) -> Value {
        json!([{"actors": [{"type": "tool", "actor-uuid": self.identity.named("tool", "")}]}])
    }

    fn observation(&self, finding: &Finding) -> Value {
        let mut observation = json!({
            "uuid": self.identity.named("observation", &finding.id),
            "title": said(&finding.title),
            "description": said(&finding.summary),
            "props": properties(finding),
            "methods": ["TEST"],
            "types": ["control-objective"],
            "origins": self.origins(),
            "subjects": [{"subject-uuid": self.identity.named("host", ""), "type": "inventory-item"}],
            "collected": self.report.observed_at,
        });
        let evidence: Vec<Value> = finding
            .evidence
            .iter()
            .map(|evidence| format!("{}: {}", evidence.label, evidence.value))
            .chain(
                finding
                    .items
                    .iter()
                    .map(|item| format!("{}: {}: {}", item.name, item.status.word(), item.summary)),
            )
            .map(|words| json!({"description": said(&words)}))
            .collect();
        if let (false, Some(members)) = (evidence.is_empty(), observation.as_object_mut()) {
            members.insert("relevant-evidence".to_owned(), evidence.into());
        }
        observation
    }

    fn finding(&self, finding: &Finding) -> Value {
        let (state, reason) = match finding.status {
            Status::Pass => ("satisfied", "pass"),
            Status::Warn | Status::Fail | Status::Waived => ("not-satisfied", "fail"),
            Status::Unknown | Status::Blocked | Status::Skip => ("not-satisfied", "other"),
        };
        let mut document = json!({
            "uuid": self.identity.named("finding", &finding.id),
            "title": said(&finding.title),
            "description": said(&finding.summary),
            "props": properties(finding),
            "origins": self.origins(),
            "target": {
                "type": "objective-id",
                "target-id": token(&finding.id),
                "status": {"state": state, "reason": reason},
            },
            "related-observations": [{"observation-uuid": self.identity.named("observation", &finding.id)}],
        });
        if let (true, Some(members)) = (has_risk(finding), document.as_object_mut()) {
            let risk = json!([{"risk-uuid": self.identity.named("risk", &finding.id)}]);
            members.insert("related-risks".to_owned(), risk);
        }
        document
    }

    fn risk(&self, finding: &Finding) -> Option<Value> {
        if !has_risk(finding) {
            return None;
        }
        let status = match finding.status {
            Status::Waived => "deviation-approved",
            _ => "open",
        };
        let expected = finding.expected.as_deref().unwrap_or(&finding.title);
        let mut risk = json!({
            "uuid": self.identity.named("risk", &finding.id),
            "title": said(&finding.title),
            "description": said(&finding.summary),
            "statement": said(&format!("Expected: {expected}. Seen: {}", finding.summary)),
            "props": properties(finding),
            "status": status,
            "origins": self.origins(),
            "related-observations": [{"observation-uuid": self.identity.named("observation", &finding.id)}],
        });
        let members = risk.as_object_mut()?;
        if !finding.advice.is_empty() {
            let steps: Vec<Value> = finding
                .advice
                .iter()
                .enumerate()
                .map(|(number, step)| {
                    json!({
                        "uuid": self.identity.named("remediation", &format!("{} {number}", finding.id)),
                        "lifecycle": "recommendation",
                        "title": format!("Step {}", number + 1),
                        "description": said(step),
                    })
                })
                .collect();
            members.insert("remediations".to_owned(), steps.into());
        }
        if let Some(note) = &finding.waiver {
            let waiver = &note.waiver;
            let (title, status) = if note.expired {
                ("Deviation expired", "open")
            } else {
                ("Deviation approved", "deviation-approved")
            };
            let words = format!(
                "{}; approved by {}, until {}",
                waiver.reason, waiver.approved_by, waiver.until
            );
            let mut entry = json!({
                "uuid": self.identity.named("deviation", &finding.id),
                "title": title,
                "description": said(&words),
                "start": self.report.observed_at,
                "status-change": status,
            });
            if let Some(end) = note.end().filter(|_| !note.expired) {
                members.insert("deadline".to_owned(), json!(end));
                if let Some(entry) = entry.as_object_mut() {
                    entry.insert("end".to_owned(), json!(end));
                }
            }
            members.insert("risk-log".to_owned(), json!({"entries": [entry]}));
        }
        Some(risk)
    }
}

fn has_risk(finding: &Finding) -> bool {
    matches!(finding.status, Status::Fail | Status::Warn | Status::Waived)
}

fn properties(finding: &Finding) -> Vec<Value> {
    let mut properties = vec![
        property("check", &finding.id),
        property("situation", Situation::of(finding).word()),
        property("level", finding.level.word()),
        property("category", finding.category.word()),
        property("reference", &finding.reference),
    ];
    properties.extend(
        finding
            .cause
            .as_deref()
            .map(|cause| property("cause", cause)),
    );
    properties.extend(
        finding
            .because_of
            .iter()
            .map(|root| property("because-of", root)),
    );
    properties
}

fn property(name: &str, value: &str) -> Value {
    json!({"name": name, "ns": NAMESPACE, "value": filled(&text::one_line(value))})
}

/// Markdown, as the models want it for words: on one line and never empty.
fn said(words: &str) -> String {
    filled(&escaped(words))
}

fn filled(words: &str) -> String {
    if words.is_empty() {
        "not known".to_owned()
    } else {
        words.to_owned()
    }
}

/// A name in the alphabet of the models' tokens.
fn token(text: &str) -> String {
    let mut token: String = text
        .chars()
        .map(|character| match character {
            letter if letter.is_ascii_alphanumeric() => letter,
            '.' | '-' | '_' => character,
            _ => '_',
        })
        .collect();
    if !token.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        token.insert(0, '_');
    }
    token
}
