//! Reports that no machine made: rich ones, hostile ones, large ones.

use jiff::Timestamp;
use serde_json::json;
use sesam_doctor::{
    checks::{Category, Connection, Direction, Evidence, Item, Level, Limit, Measurement, Status},
    facts::Tool,
    report::{Finding, Fix, HostNote, ProfileNote, Report, SCHEMA_VERSION, Summary, WaiverNote},
    settings::Waiver,
};

const BEGUN: &str = "2026-11-23T15:00:00Z";

/// Markup, control characters, a bidirectional override, template and CSV syntax, and an end of everything.
pub const HOSTILE: &str = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)> \u{1b}[31m\u{0}\u{7}\u{202e}gnp.exe\u{2066} {{ 7*7 }} {% raw %} ]]> --> </style></textarea> \"'`|;=cmd|' /C calc'!A0 @everyone [x](javascript:alert(1)) \u{fffe}\u{e0041}\u{200b}";

/// A finding of no interest, to be changed at will.
pub fn finding(id: &str, category: Category, status: Status) -> Finding {
    let (name, cause) = match status {
        Status::Pass | Status::Skip => ("as it should be", None),
        _ => (
            "not as it should be",
            Some("not-as-it-should-be".to_owned()),
        ),
    };
    Finding {
        id: id.to_owned(),
        category,
        title: format!("Requirement {id} is met"),
        level: Level::Required,
        status,
        selected: true,
        cause,
        items: Vec::new(),
        summary: format!("/srv/data/sesam/node-00/{id} is {name}"),
        observed: json!({"path": format!("/srv/data/{id}"), "count": 3}),
        expected: Some("a directory that the account 5003 may enter".into()),
        evidence: vec![
            Evidence {
                label: "path".into(),
                value: format!("/srv/data/sesam/node-00/{id}"),
            },
            Evidence {
                label: "owner and mode".into(),
                value: "5003:5003 0750".into(),
            },
        ],
        measurements: Vec::new(),
        connections: Vec::new(),
        because_of: Vec::new(),
        advice: match status {
            Status::Fail | Status::Warn => vec![
                format!("create it: sudo mkdir -p /srv/data/{id}"),
                "hand it to the node's account: sudo chown 5003:5003 /srv/data".into(),
            ],
            _ => Vec::new(),
        },
        remarks: Vec::new(),
        fix: Fix::default(),
        reference: "Operator's manual, preparing the machine: directories".into(),
        sources: vec!["layout".into(), "volumes".into()],
        waiver: None,
        duration_ms: 4,
    }
}

/// A report of these findings.
pub fn report_of(findings: Vec<Finding>) -> Report {
    let mut summary = Summary::default();
    for finding in &findings {
        *match finding.status {
            Status::Pass => &mut summary.pass,
            Status::Warn => &mut summary.warn,
            Status::Fail => &mut summary.fail,
            Status::Skip => &mut summary.skip,
            Status::Unknown => &mut summary.unknown,
            Status::Blocked => &mut summary.blocked,
            Status::Waived => &mut summary.waived,
        } += 1;
    }
    let (status, exit_code) = match () {
        () if summary.fail > 0 => (Status::Fail, 2),
        () if summary.unknown > 0 => (Status::Unknown, 3),
        () if summary.warn > 0 => (Status::Warn, 1),
        () => (Status::Pass, 0),
    };
    Report {
        schema_version: SCHEMA_VERSION,
        remediation: None,
        tool: Tool::this(),
        profile: ProfileNote {
            name: "2023".into(),
            source: "built-in".into(),
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
            edition: "2023".into(),
        },
        host: HostNote {
            hostname: "sesam01.customer.example".into(),
            os: "Ubuntu 22.04.5 LTS".into(),
            kernel: "5.15.0-125-generic".into(),
            architecture: "x86_64".into(),
            addresses: vec!["10.20.30.40".into(), "2001:db8::40".into()],
        },
        facts_sha256: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".into(),
        run_by: Some("root (uid 0), with sudo by kari".into()),
        started_at: BEGUN.parse().unwrap(),
        observed_at: BEGUN.parse().unwrap(),
        judged_as_of: BEGUN.parse::<Timestamp>().unwrap(),
        duration_ms: 812,
        status,
        exit_code,
        root_causes: findings
            .iter()
            .filter(|finding| finding.status == Status::Fail)
            .map(|finding| finding.id.clone())
            .collect(),
        summary,
        findings,
    }
}

fn waiver(finding: &mut Finding, year: i16, expired: bool) {
    finding.waiver = Some(WaiverNote {
        waiver: Waiver {
            check: finding.id.clone(),
            reason: "pilot with 200 GB agreed, see contract 4711".into(),
            approved_by: "customer IT".into(),
            until: jiff::civil::date(year, 3, 31),
        },
        expired,
    });
}

/// 60 findings over all categories, levels and the nine situations, with everything that a finding can have.
pub fn rich() -> Report {
    const STATUSES: [Status; 10] = [
        Status::Pass,
        Status::Pass,
        Status::Pass,
        Status::Warn,
        Status::Pass,
        Status::Unknown,
        Status::Blocked,
        Status::Pass,
        Status::Skip,
        Status::Pass,
    ];
    let mut findings: Vec<Finding> = (0..60)
        .map(|number| {
            let category = Category::ALL[number * Category::ALL.len() / 60];
            let status = STATUSES[number % STATUSES.len()];
            let mut finding = finding(
                &format!("{}.requirement-{number}", category.word()),
                category,
                status,
            );
            finding.level = [Level::Required, Level::Recommended, Level::Information][number % 3];
            if status == Status::Blocked {
                finding.because_of = vec!["hardware.requirement-2".into()];
                finding.summary = format!(
                    "not judged because of hardware.requirement-2: {}",
                    finding.summary
                );
            }
            if number % 7 == 0 {
                finding
                    .remarks
                    .push("upstream calls the file both ways".into());
                finding.items = vec![
                    Item::pass("downloads.sesam.io", "answers in 31 ms"),
                    Item::pass("portal.sesam.io", "answers in 28 ms"),
                ];
            }
            finding
        })
        .collect();
    findings[2].status = Status::Fail;
    findings[2].level = Level::Required;
    findings[2].cause = Some("dns-unreachable".into());
    findings[2].title = "Every configured name server answers".into();
    findings[2].summary = "no name server answers: 10.0.0.2 and 10.0.0.3 time out".into();
    findings[2].advice = vec!["ask the network's administrator for name servers that this machine may reach, and put them into /etc/netplan".into()];
    findings[2].fix = Fix {
        automatic: false,
        steps: vec!["nothing by itself".into()],
    };
    findings[12].status = Status::Waived;
    waiver(&mut findings[12], 2027, false);
    findings[22].status = Status::Fail;
    findings[22].level = Level::Required;
    waiver(&mut findings[22], 2026, true);
    findings[28].selected = false;
    findings[28].summary = "not selected".into();
    measured(&mut findings);
    findings[30].connections = connections();
    report_of(findings)
}

fn measured(findings: &mut [Finding]) {
    findings[0].measurements = vec![
        Measurement::count("usable_cpus", 4).fail(Limit::Below(4.0)),
        Measurement::count("memory_size_bytes", 33_700_000_000)
            .fail(Limit::Below(16_000_000_000.0)),
    ];
    findings[3].title = "The data partition is large enough".into();
    findings[3].measurements = vec![
        Measurement::count("storage_size_bytes", 380_000_000_000)
            .label("volume", "data")
            .fail(Limit::Below(350_000_000_000.0)),
        Measurement::count("storage_free_bytes", 41_000_000_000)
            .label("volume", "data")
            .warn(Limit::Below(57_000_000_000.0))
            .fail(Limit::Below(19_000_000_000.0)),
    ];
    findings[4].title = "Storage makes writes durable fast enough".into();
    findings[4].measurements = [("50", 0.0021), ("99", 0.0114)]
        .map(|(percentile, seconds)| {
            Measurement::new("storage_fdatasync_seconds", seconds)
                .label("volume", "data")
                .label("percentile", percentile)
                .warn(Limit::Above(0.010))
                .fail(Limit::Above(0.050))
        })
        .to_vec();
    findings[13].title = "License is in date".into();
    findings[13].measurements = vec![
        Measurement::new("license_remaining_seconds", 12.0 * 86_400.0)
            .warn(Limit::Below(30.0 * 86_400.0))
            .fail(Limit::Below(0.0)),
    ];
    findings[14].title = "Every certificate is in date".into();
    findings[14].measurements = [
        ("node.customer.example", 61.0),
        ("old.customer.example", -3.5),
    ]
    .map(|(name, days)| {
        Measurement::new("certificate_remaining_seconds", days * 86_400.0).label("name", name)
    })
    .to_vec();
    for host in [
        "portal.sesam.io",
        "registry-1.docker.io",
        "acme-v02.api.letsencrypt.org",
    ] {
        for (phase, seconds) in [
            ("resolve", 0.012),
            ("connect", 0.031),
            ("tls", 0.064),
            ("http", 0.110),
        ] {
            findings[31].measurements.push(
                Measurement::new("probe_phase_seconds", seconds)
                    .label("group", "sesam")
                    .label("host", host)
                    .label("port", "443")
                    .label("family", "IPv4")
                    .label("phase", phase),
            );
        }
    }
}

fn connections() -> Vec<Connection> {
    let row =
        |direction, port, source: &str, destination: &str, purpose: &str, status, state: &str| {
            Connection {
                direction,
                protocol: "TCP".into(),
                port,
                source: source.into(),
                destination: destination.into(),
                purpose: purpose.into(),
                consequence: "the agent cannot update itself".into(),
                status,
                state: state.into(),
            }
        };
    vec![
        row(
            Direction::Outbound,
            443,
            "10.20.30.40",
            "portal.sesam.io",
            "portal",
            Status::Pass,
            "answers in 28 ms",
        ),
        row(
            Direction::Outbound,
            443,
            "10.20.30.40",
            "production.cloudflare.docker.com",
            "image layers",
            Status::Fail,
            "no answer within 5 s: dropped on the way",
        ),
        row(
            Direction::Outbound,
            443,
            "10.20.30.40",
            "acme-v02.api.letsencrypt.org",
            "certificates",
            Status::Unknown,
            "not asked: offline",
        ),
        row(
            Direction::Inbound,
            80,
            "any client, and Let's Encrypt",
            "sesam01.customer.example",
            "certificate challenge",
            Status::Pass,
            "Traefik listens",
        ),
    ]
}

/// The rich report with hostile text in every place that a machine fills.
pub fn hostile() -> Report {
    let mut report = rich();
    report.host.hostname = format!("host{HOSTILE}");
    report.host.os = HOSTILE.into();
    report.host.addresses = vec![HOSTILE.into()];
    report.run_by = Some(HOSTILE.into());
    report.profile.name = HOSTILE.into();
    for (number, finding) in report.findings.iter_mut().enumerate() {
        if finding.category == Category::Plugin {
            let id = format!("plugin.{number}{HOSTILE}");
            for root in &mut report.root_causes {
                if *root == finding.id {
                    root.clone_from(&id);
                }
            }
            finding.id = id;
        }
        finding.summary = HOSTILE.into();
        finding.observed = json!({HOSTILE: [HOSTILE]});
        finding.evidence.push(Evidence {
            label: HOSTILE.into(),
            value: HOSTILE.into(),
        });
        finding.advice.push(HOSTILE.into());
        finding.remarks.push(HOSTILE.into());
        finding.items.push(Item::pass(HOSTILE, HOSTILE));
        finding.measurements.push(
            Measurement::new(format!("9 {HOSTILE}"), 1.5)
                .label("__name__", HOSTILE)
                .label(HOSTILE, "x"),
        );
        if let Some(note) = &mut finding.waiver {
            note.waiver.reason = HOSTILE.into();
            note.waiver.approved_by = HOSTILE.into();
        }
        for connection in &mut finding.connections {
            connection.destination = format!("={HOSTILE}");
        }
    }
    report.findings[1].evidence[0].value = "A".repeat(1_000_000);
    report.findings[2].summary = "B ".repeat(500_000);
    report
}

/// A fleet's worth of findings.
pub fn large(count: usize) -> Report {
    let template = rich().findings;
    let findings = (0..count)
        .map(|number| {
            let mut finding = template[number % template.len()].clone();
            finding.id = format!("{}-{number}", finding.id);
            finding
        })
        .collect();
    report_of(findings)
}

/// Everything passed.
pub fn healthy() -> Report {
    let findings = rich()
        .findings
        .into_iter()
        .filter(|finding| finding.status == Status::Pass)
        .collect();
    report_of(findings)
}

/// Nothing was judged.
pub fn empty() -> Report {
    let mut report = report_of(Vec::new());
    report.status = Status::Unknown;
    report.exit_code = 3;
    report.host = HostNote::default();
    report
}

/// Every report of this file, by name.
pub fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("rich", rich()),
        ("hostile", hostile()),
        ("healthy", healthy()),
        ("empty", empty()),
        ("large", large(2_000)),
    ]
}
