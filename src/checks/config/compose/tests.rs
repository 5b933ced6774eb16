use std::path::PathBuf;

use super::*;
use crate::{
    checks::{
        Status,
        cases::{Case, judge_cases, nothing_observed, verdict},
    },
    facts::{Facts, FileKind, stack::compose_file::Problem},
    units::Bytes,
};

fn stack(compose: Observed<Content<ComposeFile>>) -> Stack {
    Stack {
        directory: "/srv/data".into(),
        searched: vec!["/srv/data".into(), "/sesam".into()],
        compose,
        environment: Observed::Absent,
        overrides: Vec::new(),
    }
}

fn with(change: impl Fn(&mut Stack, &mut ComposeFile)) -> impl Fn(&mut Facts) {
    move |facts| {
        let mut file = ComposeFile {
            path: "/srv/data/docker-compose.yml".into(),
            ..ComposeFile::default()
        };
        file.services.insert("traefik".into(), Service::default());
        // What the stack has to consist of has its own cases.
        facts.profile.stack.services.clear();
        let mut stack = stack(Observed::Absent);
        change(&mut stack, &mut file);
        if stack.compose == Observed::Absent {
            stack.compose = Observed::Seen(Content::File { content: file });
        }
        facts.stack = Observed::Seen(stack);
    }
}

fn problem(kind: ProblemKind) -> impl Fn(&mut Facts) {
    with(move |_, file| {
        file.problems.push(Problem {
            kind,
            place: "services.traefik".into(),
            position: None,
            message: "wrong".into(),
        });
    })
}

fn unset(name: &'static str) -> impl Fn(&mut Facts) {
    with(move |_, file| {
        file.variables.push(UsedVariable {
            name: name.into(),
            place: "services.traefik.image".into(),
            blank_places: vec!["services.traefik.image".into()],
        });
    })
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn cases() {
    let path = || PathBuf::from("/srv/data/docker-compose.yml");
    judge_cases(
        &COMPOSE,
        &[
            Case::new("as it should be", Status::Pass, None, with(|_, _| {})),
            Case::new(
                "none",
                Status::Fail,
                Some("missing"),
                |facts: &mut Facts| {
                    facts.stack = Observed::Seen(stack(Observed::Absent));
                },
            ),
            Case::new(
                "a directory",
                Status::Fail,
                Some("not-a-file"),
                with(move |stack, _| {
                    stack.compose = Observed::Seen(Content::NotAFile {
                        path: path(),
                        kind: FileKind::Directory,
                    });
                }),
            ),
            Case::new(
                "five gigabytes",
                Status::Fail,
                Some("too-large"),
                with(move |stack, _| {
                    stack.compose = Observed::Seen(Content::TooLarge {
                        path: path(),
                        size: Bytes(5_000_000_000),
                        limit: Bytes(5_000_000),
                    });
                }),
            ),
            Case::new(
                "no YAML",
                Status::Fail,
                Some("not-yaml"),
                problem(ProblemKind::NotYaml),
            ),
            Case::new(
                "refused reference",
                Status::Fail,
                Some("bad-interpolation"),
                problem(ProblemKind::BadInterpolation),
            ),
            Case::new(
                "malformed",
                Status::Fail,
                Some("bad-type"),
                problem(ProblemKind::BadType),
            ),
            Case::new(
                "no image",
                Status::Fail,
                Some("no-image"),
                problem(ProblemKind::NoImage),
            ),
            Case::new(
                "undefined",
                Status::Fail,
                Some("undefined"),
                problem(ProblemKind::Undefined),
            ),
            Case::new(
                "misspelled",
                Status::Warn,
                Some("unknown-key"),
                problem(ProblemKind::UnknownKey),
            ),
            Case::new(
                "unset",
                Status::Warn,
                Some("unset-variable"),
                unset("NODE_DOMAIN"),
            ),
            Case::new(
                "unset but of the session",
                Status::Pass,
                None,
                unset("HOME"),
            ),
            Case::new(
                "no YAML, and .env may not be read",
                Status::Fail,
                Some("not-yaml"),
                |facts: &mut Facts| {
                    problem(ProblemKind::NotYaml)(facts);
                    deny_environment(facts);
                },
            ),
            Case::new(
                ".env may not be read",
                Status::Unknown,
                Some("needs-root"),
                |facts: &mut Facts| {
                    unset("NODE_DOMAIN")(facts);
                    deny_environment(facts);
                },
            ),
            Case::new(
                "may not be read",
                Status::Unknown,
                Some("needs-root"),
                with(|stack, _| {
                    stack.compose = Observed::Denied("reading it needs root".into());
                }),
            ),
            Case::new(
                "not asked",
                Status::Unknown,
                Some("not-observed"),
                |_: &mut Facts| {},
            ),
        ],
    );
}

fn deny_environment(facts: &mut Facts) {
    if let Observed::Seen(stack) = &mut facts.stack {
        stack.environment = Observed::Denied("reading /srv/data/.env needs root".into());
    }
}

#[test]
fn what_is_not_followed_is_said() {
    let mut facts = nothing_observed();
    with(|stack, file| {
        file.not_followed.push("include: other.yml".into());
        stack
            .overrides
            .push("/srv/data/compose.override.yml".into());
    })(&mut facts);
    let verdict = verdict(&COMPOSE, &facts);
    assert_eq!(verdict.status, Status::Pass);
    assert_eq!(verdict.remarks.len(), 2, "{:?}", verdict.remarks);
}

#[test]
fn places_and_images_are_read_to_their_ends() {
    for (place, other, expected) in [
        ("services.a.ports[0]", "services.a.ports", true),
        ("services.a.ports", "services.a.ports", true),
        ("services.a.ports", "services.a", true),
        ("services.ab", "services.a", false),
        ("services.a", "services.a.ports", false),
        ("services.a", "", false),
    ] {
        assert_eq!(is_within(place, other), expected, "{place} in {other}");
    }
    for (image, expected) in [
        ("traefik:v2", false),
        ("registry.company.com:5000/traefik:v2", false),
        ("traefik:v2@sha256:0123", false),
        ("traefik:${TAG:-v2}", true),
    ] {
        let service = Service {
            image: Some(image.into()),
            ..Service::default()
        };
        assert_eq!(has_no_tag(&service), expected, "{image}");
    }
    assert!(!has_no_tag(&Service::default()));
}

#[test]
fn a_file_that_is_well_asks_for_nothing_and_other_problems_are_evidence() {
    let judged = |change: &dyn Fn(&mut Facts)| {
        let mut facts = nothing_observed();
        change(&mut facts);
        verdict(&COMPOSE, &facts)
    };
    let well = judged(&with(|_, _| {}));
    assert_eq!(well.advice, Vec::<String>::new());
    let twice = judged(&with(|_, file| {
        for message in ["first", "second"] {
            file.problems.push(Problem {
                kind: ProblemKind::BadType,
                place: "services.traefik".into(),
                position: None,
                message: message.into(),
            });
        }
    }));
    let also: Vec<&str> = twice
        .evidence
        .iter()
        .filter(|evidence| evidence.label == "also")
        .map(|evidence| evidence.value.as_str())
        .collect();
    assert!(twice.summary.contains("first"), "{}", twice.summary);
    assert_eq!(also.len(), 1, "{also:?}");
    assert!(also[0].contains("second"), "{also:?}");
}
