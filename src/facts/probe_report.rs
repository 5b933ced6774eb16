//! What a probe saw from outside: what `probe` observes, and what the probed machine reads back from its report.

use std::{net::IpAddr, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{
    Observed, Root, Site, bounded,
    outbound::{Connect, Family, Http, HttpOutcome, Names, Tls, TrustNote},
    read_text,
};
use crate::{profile::Speaks, units::Bytes};

/// What the report says it is.
pub const KIND: &str = "probe";
/// The version of the report's schema; fields are added, never renamed or removed, within one.
pub const SCHEMA_VERSION: u32 = 1;
/// Larger than any probe's report.
const LARGEST_REPORT: Bytes = Bytes(10_000_000);

/// What was seen of one machine from another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The name or address that was probed.
    pub host: String,
    /// The name of the machine that looked.
    pub from: String,
    /// When it began to look.
    pub probed_at: Timestamp,
    /// How the name resolves there; none for an address.
    #[serde(default)]
    pub names: Option<Names>,
    /// Whom that machine trusts.
    #[serde(default)]
    pub trust: TrustNote,
    /// Whether the one-time token of a `listen` was known.
    #[serde(default)]
    pub has_token: bool,
    /// What was found at each address and port, IPv4 first.
    pub doors: Vec<Door>,
}

/// One port at one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// What is to be spoken there.
    pub speaks: Speaks,
    /// The prober's own address towards it; none where it has no route.
    #[serde(default)]
    pub from: Option<IpAddr>,
    /// How often it was tried.
    pub tries: u8,
    /// Whether the connection opened.
    pub connect: Connect,
    /// How long that took, in milliseconds.
    pub connect_ms: u64,
    /// What became of TLS; none for plain HTTP, and where it did not come to it.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// What became of the requests, in their order; for plain HTTP the first is for `/`.
    #[serde(default)]
    pub visits: Vec<Visit>,
}

impl Door {
    /// The family of its address.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of(self.address)
    }

    /// The last word of a doctor that listens there, where one does.
    #[must_use]
    pub fn doctor(&self) -> Option<DoctorsWord> {
        self.visits.iter().filter_map(|visit| visit.doctor).max()
    }
}

/// One request and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// What was asked for.
    pub purpose: Purpose,
    /// The redirects that were followed, and what ended that.
    #[serde(default)]
    pub redirects: Redirects,
    /// What came back at last.
    pub http: Http,
    /// What it says of itself where it is a doctor that listens.
    #[serde(default)]
    pub doctor: Option<DoctorsWord>,
}

impl Visit {
    /// The status of the answer, where one came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match &self.http.outcome {
            HttpOutcome::Answered(answer) => Some(answer.status),
            _ => None,
        }
    }
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// `/`, to see where a browser is sent.
    Front,
    /// What Let's Encrypt would ask for.
    Challenge,
    /// The node's API.
    Api,
}

/// Redirects, as far as they were followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirects {
    /// Where each led.
    pub followed: Vec<String>,
    /// Why the next one was not followed; none where there was no next one.
    #[serde(default)]
    pub stopped: Option<RedirectStop>,
}

/// Why a redirect was not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "location", rename_all = "kebab-case")]
pub enum RedirectStop {
    /// There were too many.
    TooMany(String),
    /// It leads to a port that Let's Encrypt does not go to.
    OtherPort(String),
    /// It leads to something that is no HTTP or HTTPS address.
    NotHttp(String),
    /// It leads to another host, which is another matter.
    OtherHost(String),
}

/// What something that answers as a doctor's `listen` has proven. The order is from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DoctorsWord {
    /// It is another one: the token does not fit.
    WrongToken,
    /// Nothing: the prober has no token.
    Unproven,
    /// It knows the token, but presents another certificate than was seen here: TLS is broken open on the way.
    OtherCertificate,
    /// It knows the token, and what was seen here is what it sent.
    Proven,
}

/// A report file, as far as it is evidence.
#[derive(Debug, Deserialize)]
struct ReportFile {
    kind: String,
    schema_version: u32,
    probe: Probe,
}

/// Reads the report that the settings name.
pub async fn observe(site: Site) -> Observed<Probe> {
    let Some(file) = site.settings.probe_report.clone() else {
        return Observed::NotAsked;
    };
    let root = site.root.clone();
    let name = file.display().to_string();
    bounded(site.deadline, name.clone(), move || {
        match read_text(&root, &file, LARGEST_REPORT) {
            Ok(text) => parse(&text).map_or_else(
                |problem| Observed::Failed(format!("{name} is no report of a probe: {problem}")),
                Observed::Seen,
            ),
            Err(problem) => Observed::from_problem(&problem, &name),
        }
    })
    .await
}

/// What a file that a person names turns out to be.
#[derive(Debug)]
pub enum FileKind {
    /// A probe's report, or what is wrong with it.
    Probe(Result<Box<Probe>, String>),
    /// The report of a run.
    Report,
    /// Anything else, readable or not.
    Other,
}

/// The members by which a probe's report and the report of a run are known.
#[derive(Deserialize)]
struct Marks {
    kind: Option<IgnoredAny>,
    probe: Option<IgnoredAny>,
    findings: Option<IgnoredAny>,
    root_causes: Option<IgnoredAny>,
}

/// Tells by its members what a file is. Blocks.
#[must_use]
pub fn kind_of(file: &Path) -> FileKind {
    let Ok(text) = read_text(&Root::machine(), file, LARGEST_REPORT) else {
        return FileKind::Other;
    };
    match serde_json::from_str::<Marks>(&text) {
        Ok(Marks {
            kind: Some(_),
            probe: Some(_),
            ..
        }) => FileKind::Probe(parse(&text).map(Box::new)),
        Ok(Marks {
            findings: Some(_),
            root_causes: Some(_),
            ..
        }) => FileKind::Report,
        _ => FileKind::Other,
    }
}

pub(in crate::facts) fn parse(text: &str) -> Result<Probe, String> {
    let report: ReportFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if report.kind != KIND {
        let kind: String = report.kind.chars().take(50).collect();
        return Err(format!("its kind is “{kind}”, not “{KIND}”"));
    }
    if report.schema_version != SCHEMA_VERSION {
        return Err(format!(
            "its schema version is {}, this doctor reads {SCHEMA_VERSION}",
            report.schema_version
        ));
    }
    Ok(report.probe)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_probes_report_is_one() {
        let probe = r#"{"host": "node.example.com", "from": "outside", "probed_at": "2026-11-23T12:00:00Z", "doors": []}"#;
        let report = |kind: &str, version: u32| {
            format!(
                r#"{{"kind": "{kind}", "schema_version": {version}, "status": "pass", "probe": {probe}}}"#
            )
        };
        assert_eq!(parse(&report("probe", 1)).unwrap().host, "node.example.com");
        for (text, expected) in [
            (report("report", 1), "“report”"),
            (report("probe", 2), "version is 2"),
            ("{}".to_owned(), "missing field"),
            (String::new(), "EOF"),
        ] {
            let problem = parse(&text).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"(\{"kind": "probe", "schema_version": 1, "probe": )?.*"#) {
            let _ = parse(&text);
        }
    }
}
