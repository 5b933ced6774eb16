//! What the page's templates are given.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    changes,
    charts::{self, Chart},
    firewall, rows,
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
    changes: Option<changes::View>,
    scope: Vec<rows::Row>,
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
pub(crate) struct SituationView {
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
    pub(crate) fn of_status(status: Status) -> Self {
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
    rows: Vec<rows::Row>,
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

/// The place of each finding in the page. Ids can hold anything, so places are numbers.
pub(super) struct Anchors(BTreeMap<String, String>);

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

    /// Where the finding of this id stands, if it does.
    pub(super) fn place(&self, id: &str) -> Option<String> {
        self.0.get(id).cloned()
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
            changes: since.map(|changes| changes::view(changes, &anchors)),
            scope: rows::scope(report),
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
        rows: rows::of(report, finding),
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
