//! How a check's cases are written down: facts in, status and cause out.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;

use super::{Check, Context, Evidence, GAP_CAUSES, Judge, Status, Verdict, verdict::Followed};
use crate::{
    facts::{
        Facts, Observed,
        dns::{Answer, Asked, RecordKind, Transport},
        docker::{Container, Docker, Engine, Reach, State},
        stack::{
            Content, EnvironmentFile, Stack, Variable, VariableValue,
            compose_file::{ComposeFile, Service},
        },
    },
    profile,
    settings::Settings,
};

/// The time by which cases are judged, unless they say otherwise.
pub const NOW: &str = "2026-11-23T15:00:00Z";

/// One row of a check's table of cases.
pub struct Case {
    name: &'static str,
    status: Status,
    cause: Option<&'static str>,
    arrange: Box<dyn Fn(&mut Facts)>,
}

impl Case {
    /// The facts that `arrange` makes of nothing, and the verdict on them.
    pub fn new(
        name: &'static str,
        status: Status,
        cause: Option<&'static str>,
        arrange: impl Fn(&mut Facts) + 'static,
    ) -> Self {
        Self {
            name,
            status,
            cause,
            arrange: Box::new(arrange),
        }
    }
}

/// Facts of a machine that nobody has looked at, under the 2023 profile.
pub fn nothing_observed() -> Facts {
    let profile = profile::load("2023").unwrap();
    Facts::unobserved(
        profile,
        Settings::default(),
        NOW.parse::<Timestamp>().unwrap(),
    )
}

/// Sets a variable of the `.env` in the facts, beside those that are set already.
pub fn set_variable(facts: &mut Facts, name: &str, value: &str) {
    let mut stack = match std::mem::take(&mut facts.stack) {
        Observed::Seen(stack) => stack,
        _ => Stack {
            directory: "/srv/data".into(),
            ..Stack::default()
        },
    };
    let mut file = match stack.environment {
        Observed::Seen(Content::File { content }) => content,
        _ => EnvironmentFile::default(),
    };
    file.variables.push(Variable {
        name: name.into(),
        value: VariableValue::Plain(value.into()),
        line: file.variables.len() + 1,
        supersedes: None,
        v1_differs: false,
    });
    stack.environment = Observed::Seen(Content::File { content: file });
    facts.stack = Observed::Seen(stack);
}

/// The verdicts of a check on facts, with the id of each.
pub fn verdicts(check: &Check, facts: &Facts) -> Vec<(String, Verdict)> {
    let context = Context::new(facts, check.reads, facts.observed_at);
    match check.judge {
        Judge::One(judge) => vec![(
            check.id.to_owned(),
            judge(&context).unwrap_or_else(Verdict::from),
        )],
        Judge::Family { members, judge } => members(&context)
            .into_iter()
            .map(|member| {
                let verdict = judge(&context, &member).unwrap_or_else(Verdict::from);
                (member, verdict)
            })
            .collect(),
    }
}

/// The one verdict of a check on facts.
pub fn verdict(check: &Check, facts: &Facts) -> Verdict {
    verdicts(check, facts).into_iter().next().unwrap().1
}

/// Judges every case, and holds what comes out to the declaration: causes listed, words present, advice given; and to
/// the words that were read and found good: see `tests/snapshots/cases`.
pub fn judge_cases(check: &Check, cases: &[Case]) {
    let mut words = String::new();
    for case in cases {
        let mut facts = nothing_observed();
        (case.arrange)(&mut facts);
        let verdict = verdict(check, &facts);
        let told = (verdict.status, verdict.cause.as_deref());
        assert_eq!(
            told,
            (case.status, case.cause),
            "{}, case “{}”: {}",
            check.id,
            case.name,
            verdict.summary
        );
        hold_to_declaration(check, case.name, &verdict);
        writeln!(words, "## {}", case.name).unwrap();
        in_words(&verdict, &mut words).unwrap();
    }
    hold_to_words(check.id, &words);
}

/// Compares with the recorded words of this test on a thing of this id; `INSTA_UPDATE=always` records them anew.
pub fn hold_to_words(id: &str, words: &str) {
    let thread = std::thread::current();
    let test: Vec<&str> = thread
        .name()
        .unwrap()
        .split("::")
        .filter(|part| !["checks", "tests"].contains(part))
        .collect();
    let name = format!("{}.{id}", test.join(".")).replace('*', "any");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/snapshots/cases"
    ));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, words));
}

/// All that a reader or a program would be told.
fn in_words(verdict: &Verdict, words: &mut String) -> std::fmt::Result {
    let cause = verdict.cause.as_deref().unwrap_or_default();
    writeln!(words, "{} {cause}", verdict.status.word())?;
    writeln!(words, "  {}", verdict.summary)?;
    if let Some(expected) = &verdict.expected {
        writeln!(words, "  expected: {expected}")?;
    }
    if !verdict.observed.is_null() {
        writeln!(words, "  observed: {}", verdict.observed)?;
    }
    for Evidence { label, value } in &verdict.evidence {
        writeln!(words, "  {label}: {value}")?;
    }
    for item in &verdict.items {
        let cause = item.cause.as_deref().unwrap_or_default();
        writeln!(words, "  * {}: {} {cause}", item.name, item.status.word())?;
        writeln!(words, "    {}", item.summary)?;
        if !item.observed.is_null() {
            writeln!(words, "    observed: {}", item.observed)?;
        }
    }
    for step in &verdict.advice {
        writeln!(words, "  > {step}")?;
    }
    for remark in &verdict.remarks {
        writeln!(words, "  remark: {remark}")?;
    }
    for measurement in &verdict.measurements {
        writeln!(words, "  {measurement:?}")?;
    }
    for connection in &verdict.connections {
        writeln!(words, "  {connection:?}")?;
    }
    for Followed { check, cause } in &verdict.follows {
        let cause = cause.unwrap_or_default();
        writeln!(words, "  follows from {} {cause}", check.id)?;
    }
    if verdict.by_hand {
        writeln!(words, "  by hand")?;
    }
    if verdict.stands_alone {
        writeln!(words, "  stands alone")?;
    }
    Ok(())
}

fn hold_to_declaration(check: &Check, case: &str, verdict: &Verdict) {
    let place = format!("{}, case “{case}”", check.id);
    assert!(!verdict.summary.is_empty(), "{place}: no summary");
    let causes = verdict
        .items
        .iter()
        .map(|item| item.cause.as_deref())
        .chain([verdict.cause.as_deref()]);
    for cause in causes.flatten() {
        assert!(
            check
                .causes
                .iter()
                .chain(&GAP_CAUSES)
                .any(|known| known.code == cause),
            "{place}: the cause “{cause}” is not in the declaration"
        );
    }
    match verdict.status {
        Status::Pass | Status::Skip => assert_eq!(verdict.cause, None, "{place}"),
        Status::Warn | Status::Fail => {
            assert!(
                !verdict.advice.is_empty(),
                "{place}: nothing to do about it"
            );
            assert!(verdict.expected.is_some(), "{place}: what would be right?");
            assert!(verdict.cause.is_some(), "{place}: no cause");
        }
        Status::Unknown => assert!(verdict.cause.is_some(), "{place}: no cause"),
        Status::Waived | Status::Blocked => panic!("{place}: not for a check to say"),
    }
}

/// A question for an address that a name server was asked, and what became of it.
pub fn asked(server: &str, answer: Answer) -> Asked {
    Asked {
        server: server.parse().unwrap(),
        kind: RecordKind::A,
        transport: Transport::Udp,
        tries: 1,
        udp_is_silent: false,
        took_ms: 1,
        answer,
    }
}

/// A running container as compose makes it of a service.
pub fn made_by_compose(project: &str, service: &str) -> Container {
    let label = |name: &str, value: &str| {
        let name = format!("com.docker.compose.{name}");
        (name, Some(value.to_owned()))
    };
    Container {
        name: service.into(),
        state: State::Running,
        labels: BTreeMap::from([label("project", project), label("service", service)]),
        ..Container::default()
    }
}

/// The engine keeps silent about its first container.
pub fn first_is_not_told(facts: &mut Facts) {
    engine(|engine| {
        if let Observed::Seen(containers) = &mut engine.containers {
            let name = containers[0].name.clone();
            containers[0].details = Observed::TimedOut(name);
        }
    })(facts);
}

/// Facts of an engine that answers, changed.
pub fn engine(change: impl Fn(&mut Engine)) -> impl Fn(&mut Facts) {
    move |facts: &mut Facts| {
        let mut docker = match std::mem::take(&mut facts.docker) {
            Observed::Seen(docker) => docker,
            _ => Docker::default(),
        };
        let mut engine = match std::mem::take(&mut docker.reach) {
            Reach::Answered { engine } => engine,
            _ => Box::default(),
        };
        if engine.version.is_empty() {
            "20.10.24".clone_into(&mut engine.version);
            "1.41".clone_into(&mut engine.api_version);
        }
        change(&mut engine);
        docker.reach = Reach::Answered { engine };
        facts.docker = Observed::Seen(docker);
    }
}

/// Facts of a compose file that has the services of the profile by name and image, changed.
pub fn stack_file(change: impl Fn(&mut ComposeFile)) -> impl Fn(&mut Facts) {
    move |facts: &mut Facts| {
        let mut file = ComposeFile {
            path: "/srv/data/docker-compose.yml".into(),
            project: "data".into(),
            ..ComposeFile::default()
        };
        for service in &facts.profile.stack.services {
            file.services.insert(
                service.name.clone(),
                Service {
                    image: Some(format!("{}:1.0", service.image)),
                    container_name: Some(service.name.clone()),
                    restart: Some(service.restart.clone()),
                    ..Service::default()
                },
            );
        }
        change(&mut file);
        facts.stack = Observed::Seen(Stack {
            directory: "/srv/data".into(),
            compose: Observed::Seen(Content::File { content: file }),
            ..Stack::default()
        });
    }
}
