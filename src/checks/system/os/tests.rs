//! The release files of many systems (`tests/fixtures/os-release`), judged by both built-in profiles.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use super::*;
use crate::{
    checks::cases::{Case, judge_cases, nothing_observed, verdict},
    facts::{
        Facts, Observed, Root, Site,
        host::{self, Host},
    },
    profile,
    redact::Redactor,
    settings::Settings,
};

type Told = (Status, Option<&'static str>);

const PASS: Told = (Status::Pass, None);
const OLD: Told = (Status::Fail, Some("too-old"));
const OTHER: Told = (Status::Fail, Some("unsupported"));
const DERIVED: Told = (Status::Fail, Some("derivative"));
const NO_ID: Told = (Status::Unknown, Some("no-id"));
const NO_VERSION: Told = (Status::Unknown, Some("no-version"));
const BAD_VERSION: Told = (Status::Unknown, Some("bad-version"));

/// Each file, and what the 2023 and 2025 profiles say of it.
const TABLE: &[(&str, Told, Told)] = &[
    ("ubuntu-16.04", OLD, OLD),
    ("ubuntu-18.04", PASS, OLD),
    ("ubuntu-20.04", PASS, PASS),
    ("ubuntu-22.04", PASS, PASS),
    ("ubuntu-24.04", PASS, PASS),
    ("ubuntu-26.04", PASS, PASS),
    ("debian-10", OTHER, OTHER),
    ("debian-11", OTHER, OTHER),
    ("debian-12", OTHER, OTHER),
    ("debian-13", OTHER, OTHER),
    ("debian-testing", OTHER, OTHER),
    ("rhel-6.redhat-release", OLD, OLD),
    ("rhel-7.9", PASS, OLD),
    ("rhel-8.10", PASS, PASS),
    ("rhel-9.4", PASS, PASS),
    ("rhel-10.0", PASS, PASS),
    ("centos-6.redhat-release", OLD, OLD),
    ("centos-7", PASS, OLD),
    ("centos-8", PASS, PASS),
    ("centos-stream-9", PASS, PASS),
    ("centos-stream-10", PASS, PASS),
    ("rocky-8", PASS, PASS),
    ("rocky-9", PASS, PASS),
    ("alma-8", PASS, PASS),
    ("alma-9", PASS, PASS),
    ("oracle-7", PASS, OLD),
    ("oracle-8", PASS, PASS),
    ("oracle-9", PASS, PASS),
    ("scientific-7", PASS, OLD),
    ("fedora-41", OTHER, OTHER),
    ("sles-12", OTHER, OTHER),
    ("sles-15", OTHER, OTHER),
    ("opensuse-leap-15.6", OTHER, OTHER),
    ("amazon-2", DERIVED, DERIVED),
    ("amazon-2023", OTHER, OTHER),
    ("arch", OTHER, OTHER),
    ("alpine-3.20", OTHER, OTHER),
    ("mint-22", DERIVED, DERIVED),
    ("pop-22.04", DERIVED, DERIVED),
    ("damaged-empty", NO_ID, NO_ID),
    ("damaged-binary", NO_ID, NO_ID),
    ("damaged-unterminated", NO_VERSION, NO_VERSION),
    ("damaged-unterminated-id", NO_ID, NO_ID),
    ("damaged-huge-value", PASS, PASS),
    ("damaged-duplicate-keys", PASS, PASS),
    ("damaged-crlf", PASS, PASS),
    ("damaged-bom", PASS, PASS),
    ("damaged-version-garbage", BAD_VERSION, BAD_VERSION),
    ("damaged-no-version", NO_VERSION, NO_VERSION),
    ("damaged-version-with-name", PASS, OLD),
    ("damaged-version-9", OLD, OLD),
    ("damaged-unknown-line.redhat-release", NO_ID, NO_ID),
];

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/os-release")
}

/// The facts of a machine with this release file.
async fn facts_of(fixture: &str, edition: &str) -> Facts {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("etc")).unwrap();
    let file = if fixture.ends_with("redhat-release") {
        "redhat-release"
    } else {
        "os-release"
    };
    std::fs::copy(
        fixtures().join(fixture),
        place.path().join("etc").join(file),
    )
    .unwrap();
    let mut facts = nothing_observed();
    facts.profile = profile::load(edition).unwrap();
    facts.host = host::observe(Site {
        root: Root::at(place.path()).unwrap(),
        profile: Arc::new(facts.profile.clone()),
        settings: Arc::new(Settings::default()),
        deadline: Duration::from_mins(1),
        offline: false,
        redactor: Redactor::default(),
    })
    .await;
    facts
}

#[tokio::test]
async fn every_system_is_judged_rightly_by_both_profiles() {
    for (fixture, by_2023, by_2025) in TABLE {
        for (edition, expected) in [("2023", by_2023), ("2025", by_2025)] {
            let verdict = verdict(&OS, &facts_of(fixture, edition).await);
            let told = (verdict.status, verdict.cause.as_deref());
            assert_eq!(
                told, *expected,
                "{fixture} by {edition}: {}",
                verdict.summary
            );
            assert!(
                verdict.summary.chars().count() < 500,
                "{fixture}: the summary is too long"
            );
            assert_eq!(
                verdict.status == Status::Fail,
                !verdict.advice.is_empty(),
                "{fixture}"
            );
        }
    }
}

#[test]
fn every_fixture_is_in_the_table() {
    let present: BTreeSet<String> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let judged: BTreeSet<String> = TABLE
        .iter()
        .map(|(name, _, _)| (*name).to_owned())
        .collect();
    assert_eq!(present, judged);
}

#[tokio::test]
async fn rebuilds_and_second_choices_are_remarked_upon() {
    for (fixture, words) in [
        ("ubuntu-22.04", &[][..]),
        ("rhel-9.4", &["Ubuntu is preferred"]),
        ("oracle-9", &["rebuild", "Ubuntu is preferred"]),
        ("centos-6.redhat-release", &["rebuild"]),
        ("damaged-unterminated", &["line 3"]),
    ] {
        let remarks = verdict(&OS, &facts_of(fixture, "2023").await).remarks;
        assert_eq!(remarks.len(), words.len(), "{fixture}: {remarks:?}");
        for word in words {
            assert!(
                remarks.iter().any(|remark| remark.contains(word)),
                "{fixture}: {remarks:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_system_is_named_as_it_names_itself() {
    for (fixture, title) in [
        ("ubuntu-22.04", "Ubuntu 22.04.5 LTS"),
        ("centos-6.redhat-release", "CentOS release 6.10 (Final)"),
        ("damaged-empty", ""),
    ] {
        let facts = facts_of(fixture, "2023").await;
        let host = facts.host.seen().unwrap();
        assert_eq!(host.os_name(), title);
        assert!(!host.kernel.is_empty() && !host.architecture.is_empty());
    }
}

#[test]
fn cases() {
    let os = |os: Observed<OsRelease>| {
        move |facts: &mut Facts| {
            facts.host = Observed::Seen(Host {
                os: os.clone(),
                ..Host::default()
            });
        }
    };
    judge_cases(
        &OS,
        &[
            Case::new(
                "Ubuntu",
                Status::Pass,
                None,
                os(Observed::Seen(OsRelease {
                    id: Some("ubuntu".into()),
                    version_id: Some("22.04".into()),
                    ..OsRelease::default()
                })),
            ),
            Case::new(
                "no release file",
                Status::Unknown,
                Some("no-os-release"),
                os(Observed::Absent),
            ),
            Case::new(
                "refused",
                Status::Unknown,
                Some("needs-root"),
                os(Observed::Denied(
                    "reading /etc/os-release needs root".into(),
                )),
            ),
            Case::new(
                "a directory in its place",
                Status::Unknown,
                Some("observation-failed"),
                os(Observed::Failed("it is a directory".into())),
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
