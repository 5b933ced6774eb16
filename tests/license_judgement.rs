//! License files on disk, judged by the program: every damage is named as itself, and none of their text gets out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use tempfile::TempDir;

mod license_text;
mod support;

use license_text::{
    BEGIN, EMAIL, END, SIGNATURE, armoured, encoded, license, license_until, payload, signed,
};

const PLACE: &str = "srv/data/sesam/node-00/data/license.key";

/// A directory that stands for `/`, with a place for the license.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join(PLACE).parent().unwrap()).unwrap();
        Self(root)
    }

    fn with_license(content: &[u8]) -> Self {
        let machine = Self::new();
        fs::write(machine.license(), content).unwrap();
        machine.chmod(0o640);
        machine
    }

    fn license(&self) -> PathBuf {
        self.0.path().join(PLACE)
    }

    fn chmod(&self, mode: u32) {
        fs::set_permissions(self.license(), Permissions::from_mode(mode)).unwrap();
    }

    fn doctor(&self) -> Command {
        let mut doctor = support::doctor();
        doctor.arg("--root").arg(self.0.path());
        doctor
    }

    /// The status and the cause of a check.
    fn judged(&self, id: &str, options: &[&str]) -> (String, Option<String>) {
        let finding = self.finding(id, options);
        let text = |name: &str| finding[name].as_str().map(ToOwned::to_owned);
        (text("status").unwrap(), text("cause"))
    }

    fn finding(&self, id: &str, options: &[&str]) -> Value {
        let output = self
            .doctor()
            .args(["--only", "license", "--format", "json"])
            .args(options)
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        findings
            .iter()
            .find(|finding| finding["id"] == id)
            .unwrap()
            .clone()
    }
}

fn fails(cause: &str) -> (String, Option<String>) {
    ("fail".into(), Some(cause.into()))
}

fn warns(cause: &str) -> (String, Option<String>) {
    ("warn".into(), Some(cause.into()))
}

fn passes() -> (String, Option<String>) {
    ("pass".into(), None)
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/license");
    fs::read(folder.join(name)).unwrap()
}

#[test]
fn a_good_license_passes() {
    let machine = Machine::with_license(license().as_bytes());
    for id in ["license.file", "license.format", "license.expiry"] {
        assert_eq!(machine.judged(id, &[]), passes(), "{id}");
    }
}

#[test]
fn what_is_tolerated_passes_with_a_remark() {
    let good = license();
    for (content, remark) in [
        (
            good.replace('\n', "\r\n").into_bytes(),
            "line ends of Windows",
        ),
        (format!("\u{FEFF}{good}").into_bytes(), "byte order mark"),
        (fixture("windows.key"), "byte order mark"),
        (
            good.replace(BEGIN, "").replace(END, "").into_bytes(),
            "is missing",
        ),
        (
            good.replace(END, "").into_bytes(),
            "-----END SESAM LICENSE----- is missing",
        ),
        (
            format!("Dear customer,\n{good}").into_bytes(),
            "other text around",
        ),
        (good.clone().into_bytes(), "signature not checked here"),
    ] {
        let finding = Machine::with_license(&content).finding("license.format", &[]);
        assert_eq!(finding["status"], "pass", "{finding}");
        let remarks = finding["remarks"].to_string();
        assert!(remarks.contains(remark), "{remark}: {remarks}");
    }
}

#[test]
fn every_damage_of_the_text_is_named_as_itself() {
    let good = license();
    let object = |license: &str| armoured(&encoded(license.as_bytes(), 64));
    let expires = "2999-01-01T00:00:00";
    let with_payload = |payload: &str| object(&signed(payload));
    let good_payload = payload("\"12345\"", expires);
    let rows: Vec<(Vec<u8>, &str)> = vec![
        (fixture("login-page.html"), "html"),
        (good.as_bytes()[..300].to_vec(), "truncated"),
        (good.as_bytes()[..BEGIN.len()].to_vec(), "truncated"),
        (
            object(&signed(&good_payload)[..100]).into_bytes(),
            "truncated",
        ),
        (with_payload(&good_payload[..40]).into_bytes(), "truncated"),
        (fixture("certificate.pem"), "wrong-armour"),
        (
            good.replace("SESAM LICENSE", "CERTIFICATE").into_bytes(),
            "wrong-armour",
        ),
        (good.repeat(2).into_bytes(), "several-licenses"),
        (
            format!("{good}{}", license_until("2031-01-01")).into_bytes(),
            "several-licenses",
        ),
        (
            armoured("this is, well, no base64!").into_bytes(),
            "not-base64",
        ),
        (good.replacen('e', "?", 1).into_bytes(), "not-base64"),
        (signed(&good_payload).into_bytes(), "not-base64"),
        (object("{\"payload\": \"?\"}").into_bytes(), "not-base64"),
        (object("no JSON").into_bytes(), "not-json"),
        (with_payload("no JSON").into_bytes(), "not-json"),
        (
            object("{\"signature\": \"x\"}").into_bytes(),
            "member-missing",
        ),
        (
            with_payload(&good_payload.replace("_id", "id")).into_bytes(),
            "member-missing",
        ),
        (
            with_payload(&good_payload.replace("expires", "until")).into_bytes(),
            "member-missing",
        ),
        (
            with_payload(&good_payload.replace("created", "made")).into_bytes(),
            "member-missing",
        ),
        (
            with_payload(&payload("\"12345\"", "soon")).into_bytes(),
            "bad-date",
        ),
        (
            with_payload(&payload("\"12345\"", "2999-02-30T00:00:00")).into_bytes(),
            "bad-date",
        ),
    ];
    for (content, cause) in rows {
        let machine = Machine::with_license(&content);
        let shown = String::from_utf8_lossy(&content).into_owned();
        assert_eq!(machine.judged("license.file", &[]), passes(), "{shown}");
        assert_eq!(
            machine.judged("license.format", &[]),
            fails(cause),
            "{shown}"
        );
        // What follows from it is said to follow from it, unless it can be judged all the same.
        let expiry = machine.finding("license.expiry", &[]);
        match expiry["status"].as_str().unwrap() {
            "pass" => {}
            "blocked" => assert_eq!(expiry["because_of"][0], "license.format", "{shown}"),
            other => panic!("{other}: {shown}"),
        }
    }
}

#[test]
fn what_operators_can_read_is_warned_of_and_no_failure() {
    let good = license();
    for (content, cause) in [
        (
            good.replace("END SESAM LICENSE", "END CERTIFICATE"),
            "wrong-armour",
        ),
        (format!("{good}{BEGIN}!!!!\n{END}"), "several-licenses"),
    ] {
        let machine = Machine::with_license(content.as_bytes());
        assert_eq!(machine.judged("license.format", &[]), warns(cause));
    }
}

#[test]
fn what_is_no_readable_file_is_told_apart() {
    let machine = Machine::new();
    assert_eq!(machine.judged("license.file", &[]), fails("missing"));
    assert_eq!(
        machine.finding("license.format", &[])["because_of"][0],
        "license.file"
    );

    symlink("/nowhere", machine.license()).unwrap();
    assert_eq!(machine.judged("license.file", &[]), fails("missing"));
    fs::remove_file(machine.license()).unwrap();

    symlink("license.key", machine.license()).unwrap();
    assert_eq!(machine.judged("license.file", &[]), fails("missing"));
    fs::remove_file(machine.license()).unwrap();

    fs::create_dir(machine.license()).unwrap();
    assert_eq!(machine.judged("license.file", &[]), fails("not-a-file"));
    fs::remove_dir(machine.license()).unwrap();

    rustix::fs::mknodat(
        rustix::fs::CWD,
        machine.license(),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o640),
        0,
    )
    .unwrap();
    assert_eq!(machine.judged("license.file", &[]), fails("not-a-file"));

    for blank in ["", "\n", " \r\n\u{FEFF}".trim_end_matches('\u{FEFF}')] {
        let machine = Machine::with_license(blank.as_bytes());
        assert_eq!(machine.judged("license.file", &[]), fails("empty"));
    }

    let machine = Machine::with_license(b"");
    // A file with a hole: five billion bytes that nobody may read.
    File::options()
        .write(true)
        .open(machine.license())
        .unwrap()
        .set_len(5_000_000_000)
        .unwrap();
    assert_eq!(machine.judged("license.file", &[]), fails("too-large"));
}

/// Remembering such a text as a secret once took minutes.
#[test]
fn a_large_license_that_repeats_itself_is_judged() {
    let license = format!(
        r#"{{"payload": "{}", "signature": "{}"}}"#,
        STANDARD.encode(payload("\"12345\"", "2999-01-01T00:00:00")),
        "A".repeat(700_000)
    );
    let machine = Machine::with_license(armoured(&encoded(license.as_bytes(), 64)).as_bytes());
    assert_eq!(machine.judged("license.file", &[]), passes());
    assert_eq!(machine.judged("license.format", &[]), passes());
}

#[test]
fn rights_are_judged() {
    let machine = Machine::with_license(license().as_bytes());
    machine.chmod(0o644);
    assert_eq!(machine.judged("license.file", &[]), warns("world-readable"));
    machine.chmod(0o666);
    assert_eq!(machine.judged("license.file", &[]), warns("world-writable"));
    machine.chmod(0);
    assert_eq!(machine.judged("license.file", &[]), fails("not-readable"));
}

#[test]
fn a_link_inside_the_root_leads_to_the_license() {
    let machine = Machine::with_license(license().as_bytes());
    fs::rename(machine.license(), machine.0.path().join("elsewhere.key")).unwrap();
    symlink("/elsewhere.key", machine.license()).unwrap();
    assert_eq!(machine.judged("license.file", &[]), passes());
    assert_eq!(machine.judged("license.format", &[]), passes());
}

#[test]
fn another_time_is_judged_on_demand() {
    let machine = Machine::with_license(license_until("2031-03-01T00:00:00").as_bytes());
    for (at, expected) in [
        ("2031-01-29T23:59:59Z", passes()),
        ("2031-01-30T00:00:00Z", warns("expiring")),
        ("2031-02-28T23:59:59Z", warns("expiring")),
        ("2031-03-01T00:00:00Z", fails("expired")),
        ("2016-06-23T09:38:51Z", passes()),
        ("2016-06-23T09:38:50Z", fails("created-in-future")),
    ] {
        assert_eq!(
            machine.judged("license.expiry", &["--at", at]),
            expected,
            "{at}"
        );
    }
    let finding = machine.finding("license.expiry", &["--at", "2031-02-17T00:00:00Z"]);
    assert_eq!(finding["summary"], "the license expires in 12 days");
    assert_eq!(finding["observed"], "2031-03-01T00:00:00Z");
    assert_eq!(finding["expected"], "more than 30 days left");
}

#[test]
fn a_distance_ahead_tells_what_will_have_expired() {
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(40 * 24);
    let machine = Machine::with_license(license_until(&soon.to_string()).as_bytes());
    assert_eq!(machine.judged("license.expiry", &[]), passes());
    assert_eq!(
        machine.judged("license.expiry", &["--at", "30d"]),
        warns("expiring")
    );
    assert_eq!(
        machine.judged("license.expiry", &["--at", "41d"]),
        fails("expired")
    );
}

#[test]
fn recorded_facts_are_judged_as_the_machine_was() {
    for content in [
        license(),
        license_until("2017-09-24T00:00:00"),
        license()[..300].to_owned(),
    ] {
        let machine = Machine::with_license(content.as_bytes());
        let recording = machine.0.path().join("facts.json");
        let recorded = machine
            .doctor()
            .args(["facts", "-o"])
            .arg(&recording)
            .output()
            .unwrap();
        assert!(recorded.status.success());
        for id in [
            "license.file",
            "license.format",
            "license.expiry",
            "license.subscription",
        ] {
            let output = support::doctor()
                .args(["--only", id, "--format", "json", "--facts"])
                .arg(&recording)
                .output()
                .unwrap();
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            let findings = report["findings"].as_array().unwrap();
            let replayed = findings.iter().find(|finding| finding["id"] == id).unwrap();
            let (status, cause) = machine.judged(id, &["--only", id]);
            assert_eq!(replayed["status"], status, "{id}");
            assert_eq!(
                replayed["cause"].as_str().map(ToOwned::to_owned),
                cause,
                "{id}"
            );
        }
    }
}

#[test]
fn nothing_of_the_text_leaves_the_program() {
    let good = license();
    let inner = payload("\"12345\"", "2999-01-01T00:00:00");
    let body = good.replace(BEGIN, "").replace(END, "");
    let mut secrets: Vec<String> = body.lines().map(ToOwned::to_owned).collect();
    secrets.extend([
        body.replace('\n', ""),
        STANDARD.encode(&inner),
        inner,
        SIGNATURE.to_owned(),
        STANDARD.encode(EMAIL),
        EMAIL.to_owned(),
        "eyJ".to_owned(),
    ]);
    for content in [
        good.clone(),
        good.replace('\n', "\r\n"),
        good.replace('\n', " "),
        good[..300].to_owned(),
        body.clone(),
        format!("{BEGIN}{}!{END}", &body[..200]),
        format!("-----BEGIN {body}-----\n"),
        signed(&payload("\"12345\"", "soon")),
        good.repeat(2),
    ] {
        let machine = Machine::with_license(content.as_bytes());
        for arguments in [
            &["-vv", "--only", "license"][..],
            &["--only", "license", "--format", "json"],
            &["facts"],
            &["facts", "-vv", "--only", "license"],
        ] {
            let output = machine.doctor().args(arguments).output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8(said).unwrap();
            assert!(said.contains("license"), "{said}");
            for secret in &secrets {
                assert!(!said.contains(secret), "{secret} in {said}");
            }
        }
    }
}

#[test]
fn what_the_doctor_shows_for_itself_hides_a_license_that_it_met() {
    // The subscription's id is shown. Where a license carries its own signature there, it is not.
    let text = signed(&payload(&format!("\"{SIGNATURE}\""), "2999-01-01T00:00:00"));
    let machine = Machine::with_license(armoured(&encoded(text.as_bytes(), 64)).as_bytes());
    let output = machine
        .doctor()
        .args(["--only", "license", "--format", "json"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        !said.contains(SIGNATURE) && said.contains("[redacted]"),
        "{said}"
    );
}
