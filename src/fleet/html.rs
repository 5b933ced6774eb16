//! The fleet as one page that needs nothing but itself: it works without its script, which only searches.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use minijinja::{Value, value::Serde};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{CommonCause, Expiry, Fleet, Machine, Requirement, count_of, distance, table::counts};
use crate::{
    checks::Status,
    report::{PageError, Situation, SituationView, Templates, sha256},
};

/// The script of the page: it searches, and does nothing else.
const SCRIPT: &str = include_str!("../../report-templates/fleet.js");

/// How many names a list shows before it says how many more there are.
const MOST_NAMES: usize = 3;

/// More columns than this are no matrix that anybody can read.
const MOST_COLUMNS: usize = 120;

/// How many expiries are listed.
const MOST_EXPIRIES: usize = 100;

/// How many files that do not count are named.
const MOST_FILES: usize = 200;

/// All that the templates see besides style, policy and script.
#[derive(Serialize)]
struct Page<'a> {
    title: String,
    tool: String,
    many: bool,
    status: SituationView,
    verdict: String,
    glance: Vec<String>,
    counts: Vec<Count>,
    stale: usize,
    roots: Vec<Root<'a>>,
    roots_left_out: usize,
    machines: Vec<Row<'a>>,
    columns: Vec<Column<'a>>,
    columns_left_out: usize,
    matrix: Vec<MatrixRow<'a>>,
    legend: Vec<Legend>,
    met_everywhere: Vec<&'a str>,
    expiries: Vec<Due<'a>>,
    expiries_left_out: usize,
    versions: &'a [super::Version],
    unreadable: &'a [super::Unreadable],
    unreadable_left_out: usize,
    superseded: &'a [super::Superseded],
    superseded_left_out: usize,
}

#[derive(Serialize)]
struct Count {
    situation: SituationView,
    machines: usize,
}

#[derive(Serialize)]
struct Root<'a> {
    check: &'a str,
    cause: Option<&'a str>,
    title: &'a str,
    count: String,
    token: String,
    names: &'a [String],
    more: usize,
    blocked: usize,
}

#[derive(Serialize)]
struct Row<'a> {
    status: SituationView,
    stale: bool,
    name: &'a str,
    about: String,
    counts: String,
    roots: &'a [String],
    more_roots: usize,
    /// What the search finds besides what is shown.
    tokens: String,
    expired: usize,
    next: Option<String>,
    observed: String,
    age: String,
    judged_by: String,
}

#[derive(Serialize)]
struct Column<'a> {
    check: &'a str,
    title: &'a str,
    unmet: usize,
}

#[derive(Serialize)]
struct MatrixRow<'a> {
    /// The place of the machine in the list.
    machine: usize,
    status: SituationView,
    stale: bool,
    name: &'a str,
    cells: Vec<Cell>,
}

/// One letter and the class that colours it.
#[derive(Clone, Copy, Serialize)]
struct Cell {
    slug: &'static str,
    letter: &'static str,
}

#[derive(Serialize)]
struct Legend {
    cell: Cell,
    word: &'static str,
}

#[derive(Serialize)]
struct Due<'a> {
    date: String,
    when: String,
    is_over: bool,
    what: &'a str,
    /// Where the words do not say it.
    check: Option<&'a str>,
    names: Vec<&'a str>,
    more: usize,
}

pub(super) fn page(fleet: &Fleet, templates: &Templates) -> Result<String, PageError> {
    let sha256 = sha256(fleet.json()?.as_bytes());
    let style = templates.fleet_style(&sha256)?;
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(&style),
        hash(SCRIPT)
    );
    let page = Page::of(fleet);
    let mut text = templates.fleet(minijinja::context! {
        policy,
        style,
        sha256,
        script => Value::from_safe_string(SCRIPT.to_owned()),
        ..Value::from(Serde(&page))
    })?;
    text.push('\n');
    Ok(text)
}

impl<'a> Page<'a> {
    fn of(fleet: &'a Fleet) -> Self {
        let unmet: Vec<&Requirement> = fleet
            .requirements
            .iter()
            .filter(|requirement| !requirement.is_met_everywhere)
            .collect();
        let shown = unmet.get(..MOST_COLUMNS).unwrap_or(&unmet);
        let mut expiries = dues(fleet);
        let expiries_left_out = expiries.len().saturating_sub(MOST_EXPIRIES);
        expiries.truncate(MOST_EXPIRIES);
        Self {
            title: count_of(fleet.summary.machines, "machine"),
            tool: format!("sesam-doctor {}", fleet.tool_version),
            many: fleet.summary.machines > 200,
            status: SituationView::of_status(fleet.status),
            verdict: fleet.verdict(),
            glance: glance(fleet),
            counts: status_counts(fleet),
            stale: fleet.summary.stale,
            roots: roots(fleet),
            roots_left_out: fleet.root_causes.len().saturating_sub(MOST_COLUMNS),
            machines: rows(fleet),
            columns: shown
                .iter()
                .map(|requirement| column(requirement))
                .collect(),
            columns_left_out: unmet.len() - shown.len(),
            matrix: matrix(fleet, shown),
            legend: Situation::ALL
                .into_iter()
                .map(|situation| Legend {
                    cell: cell(situation),
                    word: situation.word(),
                })
                .collect(),
            met_everywhere: fleet
                .requirements
                .iter()
                .filter(|requirement| requirement.is_met_everywhere)
                .map(|requirement| requirement.check.as_str())
                .take(MOST_COLUMNS)
                .collect(),
            expiries,
            expiries_left_out,
            versions: &fleet.versions,
            unreadable: fleet
                .unreadable
                .get(..MOST_FILES)
                .unwrap_or(&fleet.unreadable),
            unreadable_left_out: fleet.unreadable.len().saturating_sub(MOST_FILES),
            superseded: fleet
                .superseded
                .get(..MOST_FILES)
                .unwrap_or(&fleet.superseded),
            superseded_left_out: fleet.superseded.len().saturating_sub(MOST_FILES),
        }
    }
}

fn glance(fleet: &Fleet) -> Vec<String> {
    let mut facts = vec![
        format!("as of {}", fleet.as_of.strftime("%Y-%m-%d %H:%M UTC")),
        format!("stale after {}", distance(fleet.stale_after_seconds)),
        format!("exit code {}", fleet.exit_code),
    ];
    if fleet.summary.unreadable > 0 {
        facts.push(format!(
            "{} could not be read",
            count_of(fleet.summary.unreadable, "file")
        ));
    }
    facts
}

fn status_counts(fleet: &Fleet) -> Vec<Count> {
    let summary = &fleet.summary;
    [
        (Status::Fail, summary.fail),
        (Status::Unknown, summary.unknown),
        (Status::Warn, summary.warn),
        (Status::Pass, summary.pass),
    ]
    .into_iter()
    .map(|(status, machines)| Count {
        situation: SituationView::of_status(status),
        machines,
    })
    .collect()
}

fn roots(fleet: &Fleet) -> Vec<Root<'_>> {
    fleet
        .root_causes
        .iter()
        .take(MOST_COLUMNS)
        .map(|cause| Root {
            check: &cause.check,
            cause: cause.cause.as_deref(),
            title: &cause.title,
            count: count_of(cause.machines.len(), "machine"),
            token: token(cause),
            names: cause.machines.get(..MOST_NAMES).unwrap_or(&cause.machines),
            more: cause.machines.len().saturating_sub(MOST_NAMES),
            blocked: cause.blocked,
        })
        .collect()
}

/// By what the search finds the machines of a root cause, and no others.
fn token(cause: &CommonCause) -> String {
    match &cause.cause {
        Some(name) => format!("{}/{name}", cause.check),
        None => format!("{}/", cause.check),
    }
}

/// What the lists of the fleet say of one machine.
#[derive(Default)]
struct Mentions<'a> {
    expired: usize,
    next: Option<&'a Expiry>,
    tokens: Vec<String>,
}

fn mentions(fleet: &Fleet) -> HashMap<&str, Mentions<'_>> {
    let mut all: HashMap<&str, Mentions> = HashMap::new();
    // They come the soonest first.
    for expiry in &fleet.expiries {
        let of_machine = all.entry(&expiry.machine).or_default();
        if expiry.remaining_seconds < 0 {
            of_machine.expired += 1;
        } else {
            of_machine.next.get_or_insert(expiry);
        }
    }
    for cause in &fleet.root_causes {
        for machine in &cause.machines {
            all.entry(machine).or_default().tokens.push(token(cause));
        }
    }
    all
}

fn rows(fleet: &Fleet) -> Vec<Row<'_>> {
    let mut mentions = mentions(fleet);
    fleet
        .machines
        .iter()
        .map(|machine| {
            let of_machine = mentions.remove(machine.name.as_str());
            row(machine, &of_machine.unwrap_or_default())
        })
        .collect()
}

fn row<'a>(machine: &'a Machine, mentions: &Mentions) -> Row<'a> {
    const MOST_ROOTS: usize = 6;
    Row {
        status: SituationView::of_status(machine.status),
        stale: machine.is_stale,
        name: &machine.name,
        about: [machine.os.as_str(), &machine.addresses.join(", ")]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" · "),
        counts: counts(machine),
        roots: machine
            .root_causes
            .get(..MOST_ROOTS)
            .unwrap_or(&machine.root_causes),
        more_roots: machine.root_causes.len().saturating_sub(MOST_ROOTS),
        tokens: mentions.tokens.join(" "),
        expired: mentions.expired,
        next: mentions
            .next
            .map(|expiry| format!("{}: {}", expiry.at.strftime("%Y-%m-%d"), expiry.what)),
        observed: machine
            .observed_at
            .strftime("%Y-%m-%d %H:%M UTC")
            .to_string(),
        age: if machine.age_seconds < 0 {
            "in the future".to_owned()
        } else {
            format!("{} ago", distance(machine.age_seconds))
        },
        judged_by: format!("{}, doctor {}", machine.profile, machine.tool_version),
    }
}

fn column(requirement: &Requirement) -> Column<'_> {
    let met: usize = [Situation::Pass, Situation::Skip, Situation::NotSelected]
        .iter()
        .filter_map(|situation| requirement.machines.get(situation.word()))
        .sum();
    Column {
        check: &requirement.check,
        title: &requirement.title,
        unmet: requirement.machines.values().sum::<usize>() - met,
    }
}

/// The machines on which anything is to be seen; those on which all is well have no row.
fn matrix<'a>(fleet: &'a Fleet, columns: &[&Requirement]) -> Vec<MatrixRow<'a>> {
    let place: HashMap<&str, usize> = columns
        .iter()
        .enumerate()
        .map(|(place, requirement)| (requirement.check.as_str(), place))
        .collect();
    fleet
        .machines
        .iter()
        .enumerate()
        .filter(|(_, machine)| machine.status != Status::Pass)
        .map(|(number, machine)| {
            let mut cells = vec![
                Cell {
                    slug: "none",
                    letter: "",
                };
                columns.len()
            ];
            for outcome in &machine.outcomes {
                let place = place.get(outcome.check.as_str());
                if let Some(shown) = place.and_then(|place| cells.get_mut(*place)) {
                    *shown = cell(outcome.situation);
                }
            }
            MatrixRow {
                machine: number + 1,
                status: SituationView::of_status(machine.status),
                stale: machine.is_stale,
                name: &machine.name,
                cells,
            }
        })
        .collect()
}

fn cell(situation: Situation) -> Cell {
    let letter = match situation {
        Situation::Fail => "F",
        Situation::WaiverExpired => "E",
        Situation::Unknown => "?",
        Situation::Warn => "W",
        Situation::Blocked => "B",
        Situation::Waived => "A",
        Situation::Pass => "·",
        Situation::Skip => "–",
        Situation::NotSelected => "○",
    };
    Cell {
        slug: situation.slug(),
        letter,
    }
}

/// What expires on the same day on many machines is one line.
fn dues(fleet: &Fleet) -> Vec<Due<'_>> {
    let mut dues: Vec<Due> = Vec::new();
    let mut places = HashMap::new();
    for expiry in &fleet.expiries {
        let new = due(expiry);
        let key = (new.date.clone(), new.is_over, &expiry.what, &expiry.check);
        let place = *places.entry(key).or_insert(dues.len());
        match dues.get_mut(place) {
            Some(known) if known.names.len() < MOST_NAMES => known.names.push(&expiry.machine),
            Some(known) => known.more += 1,
            None => dues.push(new),
        }
    }
    dues
}

fn due(expiry: &Expiry) -> Due<'_> {
    let is_over = expiry.remaining_seconds < 0;
    let apart = distance(expiry.remaining_seconds);
    Due {
        date: expiry.at.strftime("%Y-%m-%d").to_string(),
        when: if is_over {
            format!("{apart} ago")
        } else {
            format!("in {apart}")
        },
        is_over,
        what: &expiry.what,
        check: Some(expiry.check.as_str()).filter(|check| !expiry.what.contains(check)),
        names: vec![&expiry.machine],
        more: 0,
    }
}
