//! What the page's templates are given.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{
    charts::{self, Chart},
    firewall,
};
use crate::{
    checks::{Category, Level, Status},
    report::{Changes, Finding, Report, Situation, situation, text},
};

/// More findings than this are laid out only as they come into view.
const MANY: usize = 200;

/// All that the templates see besides style, policy and the embedded report.
#[derive(Serialize)]
pub(super) struct Page {
    title: String,
    tool: String,
    many: bool,
    status: SituationView,
    verdict: String,
    glance: Vec<String>,
    levels: Vec<&'static str>,
    counts: Vec<CountRow>,
    roots: Vec<RootView>,
    changes: Option<ChangesView>,
    scope: Vec<Row>,
    not_evaluated: Vec<NotEvaluated>,
    charts: Vec<Chart>,
    categories: Vec<CategoryView>,
    connection_columns: [&'static str; 8],
    connections: Vec<firewall::Row>,
    csv: String,
    waivers: Vec<WaiverView>,
    timeline: Option<Chart>,
}

/// A situation as the templates need it: the word, and the name of its symbol and colour.
#[derive(Clone, Copy, Serialize)]
pub(super) struct SituationView {
    slug: &'static str,
    word: &'static str,
}

impl SituationView {
    fn of(situation: Situation) -> Self {
        Self {
            slug: situation.slug(),
            word: situation.word(),
        }
    }

    /// The situation of a thing that has a status only.
    pub(super) fn of_status(status: Status) -> Self {
        Self {
            slug: status.word(),
            word: status.word(),
        }
    }

    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        self.word
    }
}

#[derive(Serialize)]
struct CountRow {
    situation: SituationView,
    by_level: Vec<usize>,
    all: usize,
}

#[derive(Serialize)]
struct Row {
    label: String,
    value: String,
}

#[derive(Serialize)]
struct Link {
    id: String,
    anchor: String,
}

#[derive(Serialize)]
struct RootView {
    id: String,
    anchor: String,
    title: String,
    summary: String,
    expected: Option<String>,
    advice: Vec<String>,
    blocked: Vec<Link>,
}

#[derive(Serialize)]
struct NotEvaluated {
    situation: SituationView,
    id: String,
    anchor: String,
    why: String,
}

#[derive(Serialize)]
struct CategoryView {
    word: &'static str,
    findings: Vec<FindingView>,
}

#[derive(Serialize)]
struct FindingView {
    id: String,
    anchor: String,
    title: String,
    level: &'static str,
    situation: SituationView,
    open: bool,
    summary: String,
    because_of: Vec<Link>,
    rows: Vec<Row>,
    advice: Vec<String>,
    fix: Vec<String>,
    items: Vec<ItemView>,
}

#[derive(Serialize)]
struct ItemView {
    situation: SituationView,
    name: String,
    summary: String,
}

#[derive(Serialize)]
struct WaiverView {
    situation: SituationView,
    id: String,
    anchor: String,
    reason: String,
    approved_by: String,
    until: String,
}

#[derive(Serialize)]
struct ChangesView {
    before: String,
    summary: String,
    sections: Vec<ChangeSection>,
}

#[derive(Serialize)]
struct ChangeSection {
    heading: String,
    changes: Vec<ChangeView>,
}

#[derive(Serialize)]
struct ChangeView {
    id: String,
    anchor: Option<String>,
    step: String,
    summary: String,
    details: Vec<String>,
}

/// The place of each finding in the page. Ids can hold anything, so places are numbers.
struct Anchors(BTreeMap<String, String>);

impl Anchors {
    fn of(report: &Report) -> Self {
        Self(
            report
                .findings
                .iter()
                .enumerate()
                .map(|(number, finding)| (finding.id.clone(), format!("finding-{}", number + 1)))
                .collect(),
        )
    }

    fn link(&self, id: &str) -> Link {
        Link {
            id: id.to_owned(),
            anchor: self.0.get(id).cloned().unwrap_or_default(),
        }
    }
}

impl Page {
    /// The page of a report whose texts are harmless already.
    pub(super) fn of(report: &Report, since: Option<&Changes>) -> Self {
        let anchors = Anchors::of(report);
        let connections = firewall::rows(report);
        let hostname = text::one_line(&report.host.hostname);
        Self {
            title: if hostname.is_empty() {
                "A machine without a name".to_owned()
            } else {
                hostname
            },
            tool: format!("{} {}", report.tool.name, report.tool.version),
            many: report.findings.len() > MANY,
            status: SituationView::of_status(report.status),
            verdict: situation::verdict(report),
            glance: glance(report),
            levels: LEVELS.iter().map(|level| level.word()).collect(),
            counts: counts(report),
            roots: report
                .roots()
                .map(|root| self::root(report, root, &anchors))
                .collect(),
            changes: since.map(|changes| changes_view(changes, &anchors)),
            scope: scope(report),
            not_evaluated: not_evaluated(report, &anchors),
            charts: charts::requirements(report),
            categories: categories(report, &anchors),
            connection_columns: firewall::COLUMNS,
            csv: firewall::csv(&connections),
            connections,
            waivers: waivers(report, &anchors),
            timeline: charts::timeline(report),
        }
    }
}

const LEVELS: [Level; 3] = [Level::Required, Level::Recommended, Level::Information];

fn glance(report: &Report) -> Vec<String> {
    let mut facts = vec![
        format!("profile {}", report.profile.name),
        format!(
            "observed {}",
            report.observed_at.strftime("%Y-%m-%d %H:%M UTC")
        ),
    ];
    if report.judged_as_of != report.observed_at {
        facts.push(format!(
            "judged as of {}",
            report.judged_as_of.strftime("%Y-%m-%d %H:%M UTC")
        ));
    }
    facts.push(format!("exit code {}", report.exit_code));
    facts
}

fn counts(report: &Report) -> Vec<CountRow> {
    Situation::ALL
        .into_iter()
        .map(|situation| {
            let count = |level: Option<Level>| {
                report
                    .findings
                    .iter()
                    .filter(|finding| Situation::of(finding) == situation)
                    .filter(|finding| level.is_none_or(|level| finding.level == level))
                    .count()
            };
            CountRow {
                situation: SituationView::of(situation),
                by_level: LEVELS.into_iter().map(|level| count(Some(level))).collect(),
                all: count(None),
            }
        })
        .collect()
}

fn root(report: &Report, root: &Finding, anchors: &Anchors) -> RootView {
    let link = anchors.link(&root.id);
    RootView {
        id: link.id,
        anchor: link.anchor,
        title: root.title.clone(),
        summary: root.summary.clone(),
        expected: root.expected.clone(),
        advice: root.advice.clone(),
        blocked: report
            .blocked_by(&root.id)
            .map(|finding| anchors.link(&finding.id))
            .collect(),
    }
}

fn scope(report: &Report) -> Vec<Row> {
    let host = &report.host;
    let or_unknown = |value: &str| {
        if value.is_empty() {
            "not known".to_owned()
        } else {
            value.to_owned()
        }
    };
    let time = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let took = jiff::SignedDuration::from_millis(i64::try_from(report.duration_ms).unwrap_or(0));
    let finished = report
        .started_at
        .checked_add(took)
        .unwrap_or(report.started_at);
    let profile = &report.profile;
    [
        ("Machine", or_unknown(&host.hostname)),
        ("Addresses", or_unknown(&host.addresses.join(", "))),
        (
            "Operating system",
            format!(
                "{}, kernel {}, {}",
                or_unknown(&host.os),
                or_unknown(&host.kernel),
                or_unknown(&host.architecture)
            ),
        ),
        (
            "Product edition",
            format!(
                "self-hosted Sesam, manual of {}",
                or_unknown(&profile.edition)
            ),
        ),
        (
            "Requirement profile",
            format!(
                "{} ({}), SHA-256 {}",
                profile.name, profile.source, profile.sha256
            ),
        ),
        (
            "Judged by",
            format!("{} {}", report.tool.name, report.tool.version),
        ),
        (
            "Run by",
            or_unknown(report.run_by.as_deref().unwrap_or_default()),
        ),
        ("Started", time(report.started_at)),
        ("Finished", time(finished)),
        ("Observed", time(report.observed_at)),
        ("Judged as of", time(report.judged_as_of)),
        ("Facts, SHA-256", or_unknown(&report.facts_sha256)),
    ]
    .into_iter()
    .map(|(label, value)| Row {
        label: label.to_owned(),
        value,
    })
    .collect()
}

fn not_evaluated(report: &Report, anchors: &Anchors) -> Vec<NotEvaluated> {
    report
        .findings
        .iter()
        .filter_map(|finding| {
            let situation = Situation::of(finding);
            let link = anchors.link(&finding.id);
            (!situation.is_evaluated()).then(|| NotEvaluated {
                situation: SituationView::of(situation),
                id: link.id,
                anchor: link.anchor,
                why: finding.summary.clone(),
            })
        })
        .collect()
}

fn categories(report: &Report, anchors: &Anchors) -> Vec<CategoryView> {
    Category::ALL
        .into_iter()
        .map(|category| CategoryView {
            word: category.word(),
            findings: report
                .findings
                .iter()
                .filter(|finding| finding.category == category)
                .map(|finding| view(report, finding, anchors))
                .collect(),
        })
        .filter(|category| !category.findings.is_empty())
        .collect()
}

fn view(report: &Report, finding: &Finding, anchors: &Anchors) -> FindingView {
    let link = anchors.link(&finding.id);
    FindingView {
        id: link.id,
        anchor: link.anchor,
        title: finding.title.clone(),
        level: finding.level.word(),
        situation: SituationView::of(Situation::of(finding)),
        open: matches!(
            finding.status,
            Status::Fail | Status::Warn | Status::Unknown
        ),
        summary: finding.summary.clone(),
        because_of: finding
            .because_of
            .iter()
            .map(|id| anchors.link(id))
            .collect(),
        rows: rows(report, finding),
        advice: finding.advice.clone(),
        fix: finding.fix.steps.clone(),
        items: finding
            .items
            .iter()
            .map(|item| ItemView {
                situation: SituationView::of_status(item.status),
                name: item.name.clone(),
                summary: item.summary.clone(),
            })
            .collect(),
    }
}

fn rows(report: &Report, finding: &Finding) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |label: &str, value: String| {
        if !value.is_empty() {
            rows.push(Row {
                label: label.to_owned(),
                value,
            });
        }
    };
    row("Expected", finding.expected.clone().unwrap_or_default());
    row("Observed", observed(&finding.observed));
    for evidence in &finding.evidence {
        row(&evidence.label, evidence.value.clone());
    }
    for measurement in &finding.measurements {
        row(
            &charts::named(measurement),
            charts::quantity(&measurement.name, measurement.value),
        );
    }
    for remark in &finding.remarks {
        row("Remark", remark.clone());
    }
    if let Some(note) = &finding.waiver {
        let waiver = &note.waiver;
        let ended = if note.expired { "expired on" } else { "until" };
        row(
            "Waiver",
            format!(
                "{ended} {}, approved by {}: {}",
                waiver.until, waiver.approved_by, waiver.reason
            ),
        );
    }
    row("Code", finding.cause.clone().unwrap_or_default());
    row("Reference", finding.reference.clone());
    if finding.selected {
        let sources = match finding.sources.is_empty() {
            true => "profile and settings".to_owned(),
            false => finding.sources.join(", ").replace('_', " "),
        };
        row(
            "Collected",
            format!(
                "{} from {sources}, in {} ms",
                report.observed_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
                finding.duration_ms
            ),
        );
    }
    rows
}

/// What was seen, as a person reads it; what has members of its own stands in the items.
fn observed(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn waivers(report: &Report, anchors: &Anchors) -> Vec<WaiverView> {
    report
        .findings
        .iter()
        .filter_map(|finding| {
            let note = finding.waiver.as_ref()?;
            let link = anchors.link(&finding.id);
            Some(WaiverView {
                situation: SituationView::of(Situation::of(finding)),
                id: link.id,
                anchor: link.anchor,
                reason: note.waiver.reason.clone(),
                approved_by: note.waiver.approved_by.clone(),
                until: note.waiver.until.to_string(),
            })
        })
        .collect()
}

fn changes_view(changes: &Changes, anchors: &Anchors) -> ChangesView {
    let clean = |words: &str| text::readable(words, super::LONGEST);
    ChangesView {
        before: clean(&format!(
            "the report on {} of {}",
            changes.before.hostname,
            changes.before.observed_at.strftime("%Y-%m-%d %H:%M UTC")
        )),
        summary: changes.summary(),
        sections: changes
            .sections()
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(heading, list)| ChangeSection {
                heading: capitalized(heading),
                changes: list
                    .iter()
                    .map(|change| ChangeView {
                        id: clean(&change.id),
                        anchor: anchors.0.get(&clean(&change.id)).cloned(),
                        step: clean(&change.step()),
                        summary: clean(change.summary()),
                        details: change.details.iter().map(|detail| clean(detail)).collect(),
                    })
                    .collect(),
            })
            .collect(),
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
