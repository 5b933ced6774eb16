//! The stack's files as a whole run sees them: found, read, judged, and no secret in any output.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    collections::BTreeSet,
    fmt::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sesam_doctor::{
    checks::{Selection, Status},
    diagnosis::{Rules, diagnose},
    facts::{
        Facts, FileKind, Observed, Root, Site, Source, observe,
        stack::{Content, Stack, VariableValue, compose_file::ProblemKind},
    },
    profile,
    redact::Redactor,
    report::Finding,
    settings::Settings,
};

const SECRET: &str = "Basic dGhpcyBpcyBubyBzZWNyZXQ=";

/// A directory that stands for `/`.
struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    fn bare() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
        }
    }

    /// With the stack that an edition publishes.
    fn of_edition(edition: &str) -> Self {
        let machine = Self::bare();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stack");
        let text = |name: &str| std::fs::read_to_string(fixtures.join(edition).join(name)).unwrap();
        machine.write("srv/data/docker-compose.yml", &text("docker-compose.yml"));
        machine.write("srv/data/.env", &text("env"));
        machine
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn change(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(from), "{path} has no “{from}”");
        self.write(path, &text.replace(from, to));
    }

    fn observe(&self, edition: &str, settings: Settings) -> (Facts, Redactor) {
        let redactor = Redactor::default();
        let site = Site {
            root: Root::at(self.root.path()).unwrap(),
            profile: Arc::new(profile::load(edition).unwrap()),
            settings: Arc::new(settings),
            deadline: Duration::from_secs(30),
            offline: true,
            redactor: redactor.clone(),
        };
        let at = "2026-11-23T15:00:00Z".parse().unwrap();
        let facts = tokio::runtime::Runtime::new().unwrap().block_on(observe(
            &site,
            &BTreeSet::from([Source::Stack]),
            at,
            &|_| {},
        ));
        (facts, redactor)
    }

    fn facts(&self, edition: &str) -> Facts {
        self.observe(edition, Settings::default()).0
    }
}

fn stack(facts: &Facts) -> &Stack {
    facts.stack.seen().unwrap()
}

fn finding(facts: &Facts, id: &str) -> Finding {
    let rules = Rules {
        selection: Selection::default(),
        strict: false,
        now: facts.observed_at,
    };
    diagnose(facts, &rules)
        .findings
        .into_iter()
        .find(|finding| finding.id == id)
        .unwrap()
}

/// Status and cause of both checks.
fn told(facts: &Facts) -> [(Status, Option<String>); 2] {
    ["config.compose", "config.env"].map(|id| {
        let finding = finding(facts, id);
        (finding.status, finding.cause)
    })
}

#[test]
fn both_editions_stacks_are_read_without_complaint() {
    for (edition, ports_of_node) in [("2023", 1), ("2025", 0)] {
        let facts = Machine::of_edition(edition).facts(edition);
        let stack = stack(&facts);
        let file = stack.compose_file().unwrap();
        assert_eq!(file.problems, [], "{edition}");
        assert_eq!(file.project, "data");
        let services: Vec<&str> = file.services.keys().map(String::as_str).collect();
        assert_eq!(
            services,
            ["fluentbit", "sesam-node", "traefik", "watchtower"]
        );
        let node = &file.services["sesam-node"];
        assert_eq!(node.image.as_deref(), Some("sesam/sesam-node:weekly-prod"));
        assert_eq!(
            node.labels["traefik.http.routers.sesam-node.rule"],
            "Host(`sesam.company.com`)"
        );
        assert_eq!(node.environment["SESAM_UID"].as_deref(), Some("1001"));
        assert_eq!(node.ports.len(), ports_of_node);
        assert_eq!(node.restart.as_deref(), Some("always"));
        assert_eq!(node.networks, ["sesam", "microservices"]);
        assert!(file.networks["sesam"].external);
        assert!(!file.volumes["sesam-node-tmp"].external);
        let sources: Vec<_> = node
            .volumes
            .iter()
            .map(|mount| (mount.kind.as_str(), mount.target.as_str()))
            .collect();
        assert_eq!(
            sources,
            [
                ("bind", "/sesam/data"),
                ("volume", "/tmp"),
                ("bind", "/sesam"),
                ("bind", "/var/run/docker.sock")
            ]
        );
        assert!(file.services["traefik"].volumes[1].read_only);
        assert_eq!(
            file.services["watchtower"].command[1..3],
            ["--interval", "3600"]
        );
        assert_eq!(stack.user_id(), Some(1001));
        assert_eq!(stack.subscription_id(), Some("12345"));
        assert_eq!(stack.node_domain(), Some("sesam.company.com"));
        for (status, cause) in told(&facts) {
            assert_eq!((status, cause), (Status::Pass, None), "{edition}");
        }
    }
}

#[test]
fn no_secret_gets_into_the_facts() {
    let machine = Machine::of_edition("2023");
    // As it would look where a person wrote secrets into the compose file, short ones too.
    machine.change(
        "srv/data/docker-compose.yml",
        "      - TLS=on\n",
        "      - TLS=on\n      - API_TOKEN=q7z\n      - COPY=x ${FLUENTBIT_AUTH_HEADER} y\n      - \"ELSE=${OTHER_PASSWORD:-hunter2}\"\n      - AGAIN=${SHORT_SECRET} ${DERIVED}\n",
    );
    machine.change(
        "srv/data/.env",
        "USER_ID=1001\n",
        "USER_ID=1001\nSHORT_SECRET=k9\nDERIVED=\"${FLUENTBIT_AUTH_HEADER}!\"\n",
    );
    let (facts, redactor) = machine.observe("2023", Settings::default());
    let recorded = serde_json::to_string(&facts).unwrap();
    for secret in [SECRET, "dGhpcyBpcyBubyBzZWNyZXQ", "q7z", "hunter2", "k9"] {
        assert!(!recorded.contains(secret), "{secret} is in the facts");
    }
    let fluentbit = &stack(&facts).compose_file().unwrap().services["fluentbit"];
    assert_eq!(
        fluentbit.environment["AUTH_HEADER"].as_deref(),
        Some("[redacted]")
    );
    assert_eq!(
        fluentbit.environment["COPY"].as_deref(),
        Some("x [redacted] y")
    );
    assert_eq!(
        stack(&facts)
            .variable("FLUENTBIT_AUTH_HEADER")
            .unwrap()
            .value,
        VariableValue::Hidden {
            empty: false,
            placeholder: false
        }
    );
    // What leaves by another way is caught as well.
    assert_eq!(redactor.text(SECRET), "[redacted]");
    assert_eq!(told(&facts)[1], (Status::Pass, None));
}

#[test]
fn faults_of_the_files_are_named() {
    let compose = "srv/data/docker-compose.yml";
    let env = "srv/data/.env";
    for (path, from, to, expected) in [
        (compose, "services:", "services", ("fail not-yaml", "pass")),
        (
            compose,
            "  sesam-node:\n    image",
            "  sesam-node:\n    imgae",
            ("fail no-image", "pass"),
        ),
        (
            compose,
            "\"443:443\"",
            "\"443:https\"",
            ("fail bad-type", "pass"),
        ),
        (
            compose,
            "${NODE_DOMAIN}",
            "${NODE_DOMAIN",
            ("fail bad-interpolation", "pass"),
        ),
        (
            compose,
            "external: true\n  micro",
            "external: true\n  macro",
            ("fail undefined", "pass"),
        ),
        (
            compose,
            "container_name: traefik",
            "container-name: traefik",
            ("warn unknown-key", "pass"),
        ),
        // The blank variable is the consequence of the missing one.
        (
            env,
            "NODE_DOMAIN=",
            "NODE_DOMIAN=",
            ("blocked unset-variable", "fail missing"),
        ),
        (
            env,
            "NODE_DOMAIN=sesam.company.com",
            "NODE_DOMAIN=",
            ("pass", "fail empty"),
        ),
        (
            env,
            "sesam.company.com",
            "node.example.com",
            ("pass", "fail placeholder"),
        ),
        // A fault of its own stays one, whatever else is wrong with the variables.
        (
            compose,
            "\"443:443\"",
            "\"443:https\"\n      - \"${UNSET}:80\"",
            ("fail bad-type", "fail missing"),
        ),
        (
            compose,
            "${NODE_DOMAIN}",
            "${UNSET:?set it}",
            ("blocked bad-interpolation", "fail missing"),
        ),
        (env, "6f1ed002-", "", ("pass", "fail not-a-uuid")),
        (env, "USER_ID=1001", "USER_ID=0", ("pass", "fail root-uid")),
        (
            env,
            "weekly-prod",
            "1.2.3",
            ("pass", "warn unknown-channel"),
        ),
        (
            env,
            "USER_ID=1001",
            "USER_ID=\"1001",
            ("blocked unset-variable", "fail malformed"),
        ),
    ] {
        let machine = Machine::of_edition("2023");
        machine.change(path, from, to);
        let facts = machine.facts("2023");
        let shown = told(&facts).map(|(status, cause)| {
            let cause = cause.map_or_else(String::new, |cause| format!(" {cause}"));
            format!("{}{cause}", status.word())
        });
        assert_eq!(
            (shown[0].as_str(), shown[1].as_str()),
            expected,
            "{to}: {}",
            finding(&facts, "config.compose").summary
        );
    }
}

#[test]
fn a_bare_machine_lacks_both_files() {
    let facts = Machine::bare().facts("2023");
    let missing = (Status::Fail, Some("missing".to_owned()));
    assert_eq!(told(&facts), [missing.clone(), missing]);
    let summary = finding(&facts, "config.compose").summary;
    assert!(summary.contains("/srv/data or /sesam"), "{summary}");
}

#[test]
fn the_stack_is_where_the_settings_say_or_where_a_compose_file_is() {
    let machine = Machine::bare();
    machine.write("srv/data/.env", "A=1\n");
    machine.write("sesam/compose.yml", "services: {s: {image: x}}\n");
    machine.write("sesam/docker-compose.yml", "services: {t: {image: x}}\n");
    machine.write("sesam/compose.override.yml", "services: {}\n");
    machine.write(
        "opt/stack/docker-compose.yaml",
        "services: {u: {image: x}}\n",
    );
    let facts = machine.facts("2023");
    let found = stack(&facts);
    assert_eq!(found.directory, Path::new("/sesam"));
    let file = found.compose_file().unwrap();
    assert_eq!(file.path, Path::new("/sesam/compose.yml"));
    assert_eq!(found.overrides, [Path::new("/sesam/compose.override.yml")]);
    assert_eq!(found.environment, Observed::Absent);
    let settings = || Settings {
        stack_dir: Some("/opt/stack".into()),
        ..Settings::default()
    };
    let (facts, _) = machine.observe("2023", settings());
    let file = stack(&facts).compose_file().unwrap();
    assert_eq!(file.path, Path::new("/opt/stack/docker-compose.yaml"));
    assert_eq!(file.project, "stack");
    // The variable by which Compose is told other names than the usual ones.
    machine.write("opt/stack/sesam.yml", "services: {v: {image: x}}\n");
    machine.write("opt/stack/.env", "COMPOSE_FILE=sesam.yml:/etc/more.yml\n");
    let (facts, _) = machine.observe("2023", settings());
    let found = stack(&facts);
    let file = found.compose_file().unwrap();
    assert_eq!(file.path, Path::new("/opt/stack/sesam.yml"));
    assert_eq!(found.overrides, [Path::new("/etc/more.yml")]);
}

#[test]
fn what_is_no_file_and_what_is_too_large_is_said() {
    let machine = Machine::bare();
    std::fs::create_dir_all(machine.path("srv/data/docker-compose.yml")).unwrap();
    std::fs::File::create(machine.path("srv/data/.env"))
        .unwrap()
        .set_len(5_000_000_000)
        .unwrap();
    let facts = machine.facts("2023");
    assert!(matches!(
        stack(&facts).compose,
        Observed::Seen(Content::NotAFile {
            kind: FileKind::Directory,
            ..
        })
    ));
    assert_eq!(
        told(&facts),
        [
            (Status::Fail, Some("not-a-file".to_owned())),
            (Status::Fail, Some("too-large".to_owned()))
        ]
    );
}

#[test]
fn aliases_that_multiply_each_other_are_refused() {
    let mut bomb = String::from("x-a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        writeln!(bomb, "x-a{level}: &a{level} [{below}]").unwrap();
    }
    bomb.push_str("services: {s: {image: x}}\n");
    let machine = Machine::bare();
    machine.write("srv/data/docker-compose.yml", &bomb);
    machine.write("srv/data/.env", "A=1\n");
    let facts = machine.facts("2023");
    let file = stack(&facts).compose_file().unwrap();
    assert_eq!(file.problems[0].kind, ProblemKind::NotYaml);
    // Deep nesting is no better.
    machine.write("srv/data/docker-compose.yml", &"[".repeat(1_000_000));
    let facts = machine.facts("2023");
    let file = stack(&facts).compose_file().unwrap();
    assert_eq!(file.problems[0].kind, ProblemKind::NotYaml);
}

#[test]
fn a_yaml_error_names_line_and_column() {
    let machine = Machine::bare();
    machine.write(
        "srv/data/docker-compose.yml",
        "services:\n  s:\n    image: x\n    a: b: c\n",
    );
    machine.write("srv/data/.env", "A=1\n");
    let facts = machine.facts("2023");
    let problem = &stack(&facts).compose_file().unwrap().problems[0];
    assert_eq!(
        problem.position.map(|position| position.line),
        Some(4),
        "{problem}"
    );
    let summary = finding(&facts, "config.compose").summary;
    assert!(summary.contains("line 4"), "{summary}");
}

#[test]
fn facts_of_the_stack_survive_recording() {
    let facts = Machine::of_edition("2025").facts("2025");
    let text = serde_json::to_string(&facts).unwrap();
    let back: Facts = serde_json::from_str(&text).unwrap();
    assert_eq!(back, facts);
    assert_eq!(told(&back), told(&facts));
}

/// What is larger or odder than any stack's file costs no more than others do.
#[test]
fn monstrous_files_are_bounded() {
    let many = |line: &dyn Fn(usize) -> String| (0..90_000).map(line).collect::<Vec<_>>().concat();
    let names = (0..300_000).map(|n| format!("$V{n}")).collect::<Vec<_>>();
    for compose in [
        format!("services: {{s: {{image: \"{}\"}}}}\n", names.concat()),
        format!(
            "services:\n  s:\n{}",
            many(&|n| format!("    imgae{n}: 1\n"))
        ),
        format!("services:\n{}", many(&|n| format!("  s{n}: 1\n"))),
        format!(
            "services: {{s: {{image: x}}}}\nx-a:\n{}",
            many(&|n| format!("  a{n}: ${{\n"))
        ),
        format!("services:\n  ? {}\n  : {{}}\n", "x".repeat(1_000_000)),
        format!(
            "services: {{s: {{image: x, ports: [{}]}}}}\n",
            "\"1-1000\",".repeat(45_000)
        ),
    ] {
        let machine = Machine::bare();
        machine.write("srv/data/docker-compose.yml", &compose);
        machine.write("srv/data/.env", "A=1\n");
        let facts = machine.facts("2023");
        let file = stack(&facts).compose_file().unwrap();
        assert!(file.problems.len() <= 400, "{}", file.problems.len());
        assert!(file.variables.len() <= 1_000);
        let finding = finding(&facts, "config.compose");
        assert!(finding.summary.len() < 2_000, "{}", finding.summary.len());
    }
}
