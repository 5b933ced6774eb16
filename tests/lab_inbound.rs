//! `listen`, `probe` and the inbound checks between two machines joined by a cable, with a real packet filter between them.
//!
//! The lab (`tests/lab/inbound`) lives in namespaces of its own: nothing here reaches the network of the machine that it runs
//! on. It needs root; without it the test says so, and fails only where `SESAM_DOCTOR_LAB=required` asks for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;

const TOOLS: [&str; 5] = ["unshare", "nsenter", "ip", "nft", "python3"];

/// A running lab; it ends with its stdin, and so with this process, however that ends.
struct Lab {
    directory: tempfile::TempDir,
    script: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Lab {
    /// A lab with certificates; `None` where this test may not make one, which is said.
    fn start() -> Option<Self> {
        if !may_run() {
            return None;
        }
        let directory = tempfile::Builder::new()
            .prefix("sesam-doctor-inbound-")
            .tempdir()
            .unwrap();
        certificates(directory.path());
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/inbound/lab.sh");
        let mut script = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--fork", "--kill-child"])
            .args(["--mount-proc", "bash"])
            .arg(source)
            .arg(directory.path())
            .arg(env!("CARGO_BIN_EXE_sesam-doctor"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = script.stdin.take();
        let answers = BufReader::new(script.stdout.take().unwrap());
        let mut lab = Self {
            directory,
            script,
            commands,
            answers,
        };
        assert_eq!(lab.answer(), "ready", "the lab did not start");
        Some(lab)
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn try_run(&mut self, commands: &str) -> String {
        writeln!(self.commands.as_mut().unwrap(), "{commands}").unwrap();
        self.answer()
    }

    fn run(&mut self, commands: &str) {
        let answer = self.try_run(commands);
        assert_eq!(answer, "done 0", "{commands}: {}", self.text("server.log"));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.text(name)).unwrap_or_else(|error| {
            panic!(
                "{name}: {error}: {} {}",
                self.text("probe.err"),
                self.text("report.err")
            )
        })
    }

    /// What the doctor said while it listened.
    fn events(&self) -> Vec<Value> {
        self.text("listen.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Brings the lab into a state and probes the machine.
    fn probe(&mut self, arrange: &str, arguments: &str) -> Value {
        self.run(&format!("reset; {arrange}"));
        self.run(&format!("probe {arguments}"));
        self.json("probe.json")
    }

    /// The machine's own findings, as it is now.
    fn check(&mut self, arguments: &str) -> Value {
        self.run(&format!("check {arguments}"));
        self.json("report.json")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The script ends when its stdin does, and with it everything that it started.
        drop(self.commands.take());
        let _ = self.script.wait();
    }
}

fn may_run() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    let missing: Vec<&str> = TOOLS
        .into_iter()
        .filter(|tool| {
            !["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"]
                .iter()
                .any(|place| Path::new(place).join(tool).exists())
        })
        .collect();
    if is_root && missing.is_empty() {
        return true;
    }
    let required = std::env::var("SESAM_DOCTOR_LAB").is_ok_and(|value| value == "required");
    assert!(!required, "the inbound lab needs root and {missing:?}");
    println!("left out: the inbound lab: it needs root and {missing:?}");
    false
}

/// An authority that the prober trusts, and certificates of servers.
fn certificates(directory: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    let named = |name: &str, hosts: &[&str]| {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut parameters = CertificateParams::new(hosts).unwrap();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters
    };
    let authority = |name: &str| {
        let mut parameters = named(name, &[]);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
    };
    let write = |name: &str, text: String| std::fs::write(directory.join(name), text).unwrap();
    let (trusted, stranger) = (authority("Lab Authority"), authority("Inspector"));
    write("ca.pem", trusted.pem());
    let hosts = ["node.example.com", "four.example.com", "six.example.com"];
    let mut expired = named("expired", &hosts);
    expired.not_before = rcgen::date_time_ymd(2020, 1, 1);
    expired.not_after = rcgen::date_time_ymd(2021, 1, 1);
    for (name, parameters, issuer) in [
        ("good", named("good", &hosts), &trusted),
        ("other", named("other", &["www.example.org"]), &trusted),
        ("expired", expired, &trusted),
        ("inspected", named("inspected", &hosts), &stranger),
    ] {
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, issuer).unwrap();
        write(&format!("{name}.pem"), certificate.pem());
        write(&format!("{name}.key"), key.serialize_pem());
    }
    let key = KeyPair::generate().unwrap();
    let default = named("TRAEFIK DEFAULT CERT", &["x.traefik.default"]);
    write("default.pem", default.self_signed(&key).unwrap().pem());
    write("default.key", key.serialize_pem());
}

/// The items of a probe's report: name, status, cause.
fn items(report: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    report["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            (
                text(&item["name"]),
                text(&item["status"]),
                text(&item["cause"]),
            )
        })
        .collect()
}

fn item<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

fn finding<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["id"] == id)
        .unwrap()
}

const FOUR_80: &str = "10.99.1.2:80";
const FOUR_443: &str = "10.99.1.2:443";
const SIX_80: &str = "[2001:db8:1::2]:80";
const SIX_443: &str = "[2001:db8:1::2]:443";

/// A running stack: Traefik on both ports and both families, with a node behind it.
const STACK: &str = "serve traefik redirect :: 80; serve traefik node :: 443 good";

#[test]
fn a_machine_that_listens_is_seen_through_every_door_and_listening_ends_by_itself() {
    let Some(mut lab) = Lab::start() else { return };
    let report = lab.probe("listen --for 10m", "node.example.com --token-file token");
    assert_eq!(report["kind"], "probe");
    assert_eq!(
        (&report["status"], lab.text("probe.status").trim()),
        (&"pass".into(), "0")
    );
    let expected: Vec<_> = [FOUR_80, FOUR_443, SIX_80, SIX_443]
        .map(|door| (door.to_owned(), "pass".to_owned(), String::new()))
        .into();
    assert_eq!(items(&report), expected);
    for door in [FOUR_80, SIX_443] {
        let summary = item(&report, door)["summary"].as_str().unwrap();
        assert!(summary.contains("its token fits"), "{summary}");
    }
    lab.run("listened");
    assert_eq!(
        lab.text("listen.status").trim(),
        "0",
        "{}",
        lab.text("listen.err")
    );
    let events = lab.events();
    let end = events.last().unwrap();
    assert_eq!(
        (&end["event"], &end["reason"]),
        (&"ended".into(), &"probed".into())
    );
    let probed: Vec<&Value> = events
        .iter()
        .filter(|event| event["did"] == "probed")
        .collect();
    for (to, tls) in [
        (FOUR_80, false),
        (FOUR_443, true),
        (SIX_80, false),
        (SIX_443, true),
    ] {
        assert!(
            probed.iter().any(|visit| visit["to"] == to
                && visit["tls"] == tls
                && visit["from"]
                    .as_str()
                    .unwrap()
                    .contains(if to.starts_with('[') {
                        "2001:db8:1::1"
                    } else {
                        "10.99.1.1"
                    })),
            "{to}: {events:#?}"
        );
    }
    // The token is shown to the person who carries it, and is in no report.
    let token = lab.text("token");
    assert_eq!(token.trim().len(), 32);
    assert!(!lab.text("probe.json").contains(token.trim()));
}

#[test]
fn listening_ends_when_its_time_is_over_and_on_a_signal() {
    let Some(mut lab) = Lab::start() else { return };
    lab.run("reset; listen --for 1s");
    lab.run("listened");
    assert_eq!(lab.text("listen.status").trim(), "1");
    let events = lab.events();
    let end = events.last().unwrap();
    assert_eq!(end["reason"], "time-over");
    assert_eq!(end["not_probed"], serde_json::json!([80, 443]));
    lab.run("reset; listen --for 1h --ports 80");
    lab.run("stop_listening");
    assert_eq!(lab.text("listen.status").trim(), "143");
    // A second run right after the first gets the ports again, connections of the first notwithstanding.
    let report = lab.probe("listen", "node.example.com --token-file token");
    assert_eq!(report["status"], "pass");
    lab.run("stop_listening; listen; stop_listening");
}

#[test]
fn a_port_that_somebody_holds_is_left_alone_and_its_holder_is_named() {
    let Some(mut lab) = Lab::start() else { return };
    for (address, also_443) in [
        ("0.0.0.0", false),
        ("::", false),
        ("127.0.0.1", false),
        ("10.99.1.2", true),
    ] {
        lab.run(&format!("reset; serve webserver plain {address} 80"));
        if also_443 {
            lab.run("serve webserver plain :: 443");
            lab.run("fail_listen; echo $? > listen.status");
            assert_eq!(lab.text("listen.status").trim(), "2");
        } else {
            lab.run("listen --for 1s; listened");
            assert_eq!(lab.text("listen.status").trim(), "1");
        }
        let events = lab.events();
        let held = events
            .iter()
            .find(|event| event["event"] == "held" && event["port"] == 80)
            .unwrap();
        let by = held["by"][0].as_str().unwrap();
        assert!(
            by.starts_with("webserver (pid ") && by.ends_with(&format!("at {address}")),
            "{by}"
        );
    }
}

#[test]
fn whoever_else_comes_is_shown_and_gets_no_further() {
    let Some(mut lab) = Lab::start() else { return };
    lab.run("reset; listen --for 10m");
    // Somebody who looks around, one who does not speak HTTP, one who says nothing, one whose head has no end.
    lab.run(r"exec 3<>/dev/tcp/10.99.1.2/80; printf 'GET /\033[31madmin HTTP/1.1\r\nHost: x\r\n\r\n' >&3; cat <&3 > answer; exec 3>&-");
    assert!(
        lab.text("answer").starts_with("HTTP/1.1 400"),
        "{}",
        lab.text("answer")
    );
    lab.run(r"exec 3<>/dev/tcp/10.99.1.2/80; printf 'GET /admin HTTP/1.1\r\nHost: shop.example\r\n\r\n' >&3; cat <&3 > answer; exec 3>&-");
    assert!(lab.text("answer").starts_with("HTTP/1.1 404"));
    lab.run(r"exec 3<>/dev/tcp/10.99.1.2/443; printf '\026\003\001garbage' >&3; exec 3>&-");
    lab.run(r"exec 3<>/dev/tcp/10.99.1.2/80; exec 3>&-");
    lab.run(r"exec 3<>/dev/tcp/10.99.1.2/80; (printf 'GET / HTTP/1.1\r\n'; head -c 300000 /dev/zero | tr '\0' a) >&3 2>/dev/null; exec 3>&-; true");
    lab.run("await grep -q said-nothing listen.jsonl");
    lab.run("await grep -q 'GET /admin' listen.jsonl");
    lab.run("await heard 2 babbled");
    assert!(!lab.text("listen.jsonl").contains('\u{1b}'));
    // Without the token a probe is recognised, and does not end the listening.
    lab.run("probe node.example.com");
    let report = lab.json("probe.json");
    assert_eq!(report["status"], "pass");
    let summary = item(&report, FOUR_443)["summary"].as_str().unwrap();
    assert!(summary.contains("not proven"), "{summary}");
    lab.run("await grep -q probed-without-token listen.jsonl");
    // A wrong token is as good as none to the listener, and a wrong service to the prober.
    lab.run(
        "echo 00000000000000000000000000000000 > wrong; probe four.example.com --token-file wrong",
    );
    let report = lab.json("probe.json");
    assert_eq!(item(&report, FOUR_80)["cause"], "wrong-service");
    assert!(!lab.text("listen.jsonl").contains("\"ended\""));
    lab.run("stop_listening");
}

#[test]
fn many_who_say_nothing_do_not_keep_a_probe_out_for_long() {
    let Some(mut lab) = Lab::start() else { return };
    lab.run("reset; listen --for 10m");
    // More than are received at a time; they are sent away at once, or when their patience is over.
    lab.run(r#"python3 -c 'import socket,time; s=[socket.create_connection(("10.99.1.2",80)) for _ in range(200)]; open("crowd","w"); time.sleep(3600)' & await test -e crowd"#);
    lab.run("await heard 32 said-nothing");
    lab.run("probe four.example.com --token-file token");
    assert_eq!(lab.json("probe.json")["status"], "pass");
}

#[test]
fn a_running_stack_is_seen_as_a_client_and_as_lets_encrypt_see_it() {
    let Some(mut lab) = Lab::start() else { return };
    let report = lab.probe(STACK, "node.example.com --report json=copy.json");
    assert_eq!(report["status"], "pass", "{report:#}");
    assert_eq!(items(&report).len(), 4);
    let summary = item(&report, SIX_80)["summary"].as_str().unwrap();
    assert!(
        summary.contains("redirects to HTTPS") && summary.contains("/.well-known/acme-challenge/"),
        "{summary}"
    );
    let summary = item(&report, FOUR_443)["summary"].as_str().unwrap();
    assert!(summary.contains("/api/ping answers"), "{summary}");
    let phases = item(&report, FOUR_443)["phases"].as_str().unwrap();
    for phase in ["connect ", ", TLS ", ", API "] {
        assert!(phases.contains(phase), "{phases}");
    }
    assert_eq!(lab.text("copy.json"), lab.text("probe.json"));
    // An address instead of a name: the certificate is for another name.
    lab.run("probe 10.99.1.2");
    assert_eq!(
        item(&lab.json("probe.json"), FOUR_443)["cause"],
        "tls-wrong-name"
    );
    lab.run("probe '[2001:db8:1::2]'");
    assert_eq!(item(&lab.json("probe.json"), SIX_80)["status"], "pass");
}

/// What is in the way, and what has to be said at a door: arrange, host, door, status, cause, what the advice names.
const TROUBLES: &[(&str, &str, &str, &str, &str, &str, &str)] = &[
    (
        "nothing listens",
        "true",
        "four.example.com",
        FOUR_80,
        "fail",
        "tcp-refused",
        "sesam-doctor listen",
    ),
    (
        "a filter drops",
        "filter 'tcp dport { 80, 443 } drop'",
        "four.example.com",
        FOUR_443,
        "fail",
        "tcp-timeout",
        "443/tcp",
    ),
    (
        "a filter resets",
        "filter 'tcp dport 80 reject with tcp reset'",
        "four.example.com",
        FOUR_80,
        "fail",
        "tcp-refused",
        "80/tcp",
    ),
    (
        "a filter forbids",
        "filter 'ip protocol tcp tcp dport 443 reject with icmp type admin-prohibited'",
        "four.example.com",
        FOUR_443,
        "fail",
        "admin-prohibited",
        "10.99.1.2",
    ),
    (
        "a filter forbids IPv6",
        "filter 'meta nfproto ipv6 tcp dport 443 reject with icmpv6 type admin-prohibited'",
        "six.example.com",
        SIX_443,
        "fail",
        "admin-prohibited",
        "2001:db8:1::2",
    ),
    (
        "IPv6 leads nowhere, IPv4 works",
        "filter 'meta nfproto ipv6 tcp dport 443 drop'",
        "node.example.com",
        SIX_443,
        "warn",
        "ipv6-broken",
        "AAAA",
    ),
    (
        "IPv6 leads nowhere, and IPv4 is well",
        "filter 'meta nfproto ipv6 tcp dport 443 drop'",
        "node.example.com",
        FOUR_443,
        "pass",
        "",
        "",
    ),
    (
        "port 80 redirects to a port 443 that is closed",
        "filter 'tcp dport 443 drop'",
        "four.example.com",
        FOUR_80,
        "fail",
        "http-timeout",
        "10.99.1.2:80",
    ),
    (
        "IPv6 is redirected to where it leads nowhere",
        "filter 'meta nfproto ipv6 tcp dport 443 drop'",
        "node.example.com",
        SIX_80,
        "warn",
        "ipv6-broken",
        "AAAA",
    ),
    (
        "something on 80 does not redirect",
        "serve traefik plain 10.99.1.2 80",
        "four.example.com",
        FOUR_80,
        "warn",
        "no-redirect",
        "websecure",
    ),
    (
        "redirects in a circle",
        "serve traefik circle 10.99.1.2 80",
        "four.example.com",
        FOUR_80,
        "fail",
        "redirect-loop",
        "Traefik",
    ),
    (
        "a redirect to another port",
        "serve traefik other-port 10.99.1.2 80",
        "four.example.com",
        FOUR_80,
        "fail",
        "redirect-elsewhere",
        "443 only",
    ),
    (
        "a redirect to another host",
        "serve traefik other-host 10.99.1.2 80",
        "four.example.com",
        FOUR_80,
        "fail",
        "redirect-elsewhere",
        "same host",
    ),
    (
        "a block page on 80",
        "serve traefik blocked 10.99.1.2 80",
        "four.example.com",
        FOUR_80,
        "fail",
        "block-page",
        "filter",
    ),
    (
        "something on 80 that is no HTTP",
        "serve traefik babble 10.99.1.2 80",
        "four.example.com",
        FOUR_80,
        "fail",
        "wrong-service",
        "10.99.1.2:80",
    ),
    (
        "something on 80 that never answers",
        "serve traefik silent 10.99.1.2 80",
        "four.example.com",
        FOUR_80,
        "fail",
        "http-timeout",
        "10.99.1.2:80",
    ),
    (
        "a head without end on 80",
        "serve traefik head-without-end 10.99.1.2 80",
        "four.example.com",
        FOUR_80,
        "fail",
        "wrong-service",
        "10.99.1.2:80",
    ),
    (
        "a certificate for another name",
        "serve traefik node 10.99.1.2 443 other",
        "four.example.com",
        FOUR_443,
        "fail",
        "tls-wrong-name",
        "NODE_DOMAIN",
    ),
    (
        "an expired certificate",
        "serve traefik node 10.99.1.2 443 expired",
        "four.example.com",
        FOUR_443,
        "fail",
        "tls-expired",
        "renewed",
    ),
    (
        "an authority that nobody trusts",
        "serve traefik node 10.99.1.2 443 inspected",
        "four.example.com",
        FOUR_443,
        "fail",
        "tls-unknown-issuer",
        "Inspector",
    ),
    (
        "Traefik's default certificate",
        "serve traefik node 10.99.1.2 443 default",
        "four.example.com",
        FOUR_443,
        "fail",
        "default-certificate",
        "sesam-doctor check tls",
    ),
    (
        "plain HTTP on 443",
        "serve traefik plain 10.99.1.2 443",
        "four.example.com",
        FOUR_443,
        "fail",
        "not-tls",
        "10.99.1.2:443",
    ),
    (
        "TLS is cut",
        "serve traefik cut 10.99.1.2 443",
        "four.example.com",
        FOUR_443,
        "fail",
        "tls-cut",
        "10.99.1.2:443",
    ),
    (
        "TLS hangs",
        "serve traefik silent 10.99.1.2 443",
        "four.example.com",
        FOUR_443,
        "fail",
        "tls-timeout",
        "path MTU",
    ),
    (
        "the node is unwell",
        "serve traefik node 10.99.1.2 443 good '503 Service Unavailable'",
        "four.example.com",
        FOUR_443,
        "warn",
        "service-error",
        "sesam-doctor check",
    ),
    (
        "Traefik has no node behind the name",
        "serve traefik node 10.99.1.2 443 good '404 Not Found'",
        "four.example.com",
        FOUR_443,
        "fail",
        "wrong-service",
        "NODE_DOMAIN",
    ),
];

#[test]
fn every_trouble_on_the_way_is_named() {
    let Some(mut lab) = Lab::start() else { return };
    lab.run("timeout=3");
    for (name, trouble, host, door, status, cause, advice) in TROUBLES {
        // Where the trouble is not a server, the stack is there and well but for it.
        let arrange = if trouble.starts_with("filter") {
            format!("{STACK}; {trouble}")
        } else {
            (*trouble).to_owned()
        };
        let report = lab.probe(&arrange, host);
        let found = item(&report, door);
        let told = (
            found["status"].as_str().unwrap(),
            found["cause"].as_str().unwrap_or_default(),
        );
        assert_eq!(told, (*status, *cause), "{name}: {found:#}");
        let said = found["advice"].as_str().unwrap_or_default();
        assert!(said.contains(advice), "{name}: {said}");
        assert!(report["exit_code"] != 3, "{name}");
    }
}

#[test]
fn what_stands_before_the_machine_is_found_by_the_token() {
    let Some(mut lab) = Lab::start() else { return };
    // NAT to something else, on one port: the token of the one who listens does not fit what answers.
    let elsewhere = |port: u16, to: u16| {
        format!(
            "listen; serve webserver other-doctor 10.99.1.2 8080; serve webserver router 10.99.1.2 8081; serve webserver other-doctor 10.99.1.2 8443 inspected; $in_node nft 'add table ip turn; add chain ip turn pre {{ type nat hook prerouting priority -100; }}; add rule ip turn pre tcp dport {port} redirect to :{to}'"
        )
    };
    let report = lab.probe(&elsewhere(80, 8080), "node.example.com --token-file token");
    assert_eq!(item(&report, FOUR_80)["cause"], "wrong-service");
    assert!(
        item(&report, FOUR_80)["summary"]
            .as_str()
            .unwrap()
            .contains("another doctor")
    );
    assert_eq!(item(&report, SIX_80)["status"], "pass");
    assert_eq!(item(&report, FOUR_443)["status"], "pass");
    let report = lab.probe(&elsewhere(80, 8081), "four.example.com --token-file token");
    assert_eq!(item(&report, FOUR_80)["cause"], "wrong-service");
    let summary = item(&report, FOUR_80)["summary"].as_str().unwrap();
    assert!(summary.contains("Router administration"), "{summary}");
    let report = lab.probe(&elsewhere(443, 8443), "four.example.com --token-file token");
    assert_eq!(item(&report, FOUR_443)["cause"], "wrong-service");
    assert_eq!(item(&report, FOUR_80)["status"], "pass");
}

#[test]
fn tls_that_is_broken_open_on_the_way_is_found_by_the_token() {
    let Some(mut lab) = Lab::start() else { return };
    lab.run("reset; listen");
    // An inspection device: it ends TLS with a certificate of its own, and speaks TLS to the machine itself.
    lab.run("$in_node nft 'add table ip turn; add chain ip turn pre { type nat hook prerouting priority -100; }; add rule ip turn pre tcp dport 443 redirect to :8443'");
    lab.run(&format!(
        "$in_node python3 {}/tests/lab/inbound/inspector.py . 10.99.1.2 8443 inspected 127.0.0.1 443 & await test -e inspecting",
        env!("CARGO_MANIFEST_DIR")
    ));
    lab.run("probe four.example.com --token-file token");
    let report = lab.json("probe.json");
    let found = item(&report, FOUR_443);
    assert_eq!(found["cause"], "tls-intercepted", "{report:#}");
    assert!(found["summary"].as_str().unwrap().contains("Inspector"));
    assert_eq!(item(&report, FOUR_80)["status"], "pass");
}

#[test]
fn a_name_that_leads_nowhere_is_said_and_bad_input_is_refused() {
    let Some(mut lab) = Lab::start() else { return };
    let report = lab.probe("true", "nowhere.example.com");
    assert_eq!(
        items(&report),
        [(
            "nowhere.example.com".into(),
            "fail".into(),
            "dns-unreachable".into()
        )]
    );
    for (arguments, expected) in [
        ("'bad name'", "neither a host name nor an address"),
        (
            "'http://node.example.com/'",
            "neither a host name nor an address",
        ),
        ("node.example.com --offline", "--offline"),
        ("node.example.com --token-file missing", "missing"),
        ("node.example.com --token-file ca.pem", "token"),
        (
            "node.example.com --report json=/nowhere/x.json",
            "/nowhere/x.json",
        ),
    ] {
        lab.run(&format!("probe {arguments}"));
        assert_eq!(lab.text("probe.status").trim(), "3", "{arguments}");
        assert!(
            lab.text("probe.err").contains(expected),
            "{arguments}: {}",
            lab.text("probe.err")
        );
        assert_eq!(lab.text("probe.json"), "", "{arguments}");
    }
}

/// The machine's own view: arrange, check, status, cause, what the summary says.
const MACHINES: &[(&str, &str, &str, &str, &str, &str)] = &[
    (
        "nothing is there yet",
        "true",
        "inbound.http",
        "pass",
        "",
        "nothing listens on port 80",
    ),
    (
        "Traefik",
        STACK,
        "inbound.https",
        "pass",
        "",
        "traefik (pid ",
    ),
    (
        "Docker's proxy",
        "serve docker-proxy plain 0.0.0.0 80",
        "inbound.http",
        "pass",
        "",
        "docker-proxy (pid ",
    ),
    (
        "another program",
        "serve webserver plain 0.0.0.0 80",
        "inbound.http",
        "fail",
        "port-taken",
        "webserver (pid ",
    ),
    (
        "another program on IPv6",
        "serve webserver plain 2001:db8:1::2 443",
        "inbound.https",
        "fail",
        "port-taken",
        "webserver (pid ",
    ),
    (
        "Traefik for itself",
        "serve traefik plain 127.0.0.1 443",
        "inbound.https",
        "fail",
        "loopback-only",
        "127.0.0.1:443",
    ),
    (
        "ufw lets in",
        "ufw '### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 in\\n'",
        "inbound.http",
        "pass",
        "",
        "nothing listens",
    ),
    (
        "ufw does not",
        "ufw '### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\\n'",
        "inbound.https",
        "fail",
        "firewall-closed",
        "443/tcp",
    ),
    (
        "ufw does not, Docker goes around it",
        "ufw '### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\\n'; serve docker-proxy plain 0.0.0.0 80",
        "inbound.http",
        "pass",
        "",
        "docker-proxy",
    ),
    (
        "firewalld does not",
        "firewalld '<zone><service name=\"ssh\"/></zone>'",
        "inbound.http",
        "fail",
        "firewall-closed",
        "public",
    ),
    (
        "firewalld lets in",
        "firewalld '<zone><port port=\"443\" protocol=\"tcp\"/></zone>'",
        "inbound.https",
        "pass",
        "",
        "nothing listens",
    ),
];

#[test]
fn the_machine_says_who_holds_its_ports_and_what_its_firewall_does() {
    let Some(mut lab) = Lab::start() else { return };
    for (name, arrange, id, status, cause, says) in MACHINES {
        lab.run(&format!("reset; {arrange}"));
        let report = lab.check("");
        let found = finding(&report, id);
        let told = (
            found["status"].as_str().unwrap(),
            found["cause"].as_str().unwrap_or_default(),
        );
        assert_eq!(told, (*status, *cause), "{name}: {found:#}");
        assert!(
            found["summary"].as_str().unwrap().contains(says),
            "{name}: {found:#}"
        );
    }
    // A rule set of its own is named, and not judged.
    lab.run("reset; $in_node nft 'add table inet own; add chain inet own come_in { type filter hook input priority 0; policy drop; }'");
    let report = lab.check("");
    let text = finding(&report, "inbound.http").to_string();
    assert!(text.contains("inet own come_in (policy drop)"), "{text}");
    assert_eq!(finding(&report, "inbound.http")["status"], "pass");
}

#[test]
fn what_a_probe_saw_is_evidence_on_the_machine() {
    let Some(mut lab) = Lab::start() else { return };
    lab.probe(STACK, "node.example.com");
    lab.run("report_at_hand");
    let report = lab.check("");
    for (id, doors) in [
        ("inbound.http", [FOUR_80, SIX_80]),
        ("inbound.https", [FOUR_443, SIX_443]),
    ] {
        let found = finding(&report, id);
        assert_eq!(found["status"], "pass", "{found:#}");
        assert!(
            found["summary"]
                .as_str()
                .unwrap()
                .contains("a probe got through"),
            "{found:#}"
        );
        let times = found["evidence"]
            .as_array()
            .unwrap()
            .iter()
            .find(|evidence| evidence["label"] == "from outside, times")
            .unwrap();
        for door in doors {
            let phase = format!("{door}: connect ");
            assert!(times["value"].as_str().unwrap().contains(&phase), "{times}");
        }
    }
    // Too old: it does not count, which is said.
    let report = lab.check("--at 8d");
    let text = finding(&report, "inbound.http").to_string();
    assert!(text.contains("8 days old"), "{text}");
    lab.run("timeout=3");
    // Everything dropped: from inside nothing can be seen of it, the report shows it.
    lab.probe(
        &format!("{STACK}; filter 'tcp dport {{ 80, 443 }} drop'"),
        "node.example.com",
    );
    lab.run("report_at_hand");
    let report = lab.check("");
    let found = finding(&report, "inbound.https");
    assert_eq!(
        (&found["status"], &found["cause"]),
        (&"fail".into(), &"not-reachable".into())
    );
    assert!(found.to_string().contains("tcp-timeout"), "{found:#}");
    // One family only.
    lab.probe(
        &format!("{STACK}; filter 'meta nfproto ipv6 tcp dport 80 drop'"),
        "node.example.com",
    );
    lab.run("report_at_hand");
    let report = lab.check("");
    let found = finding(&report, "inbound.http");
    assert_eq!(
        (&found["status"], &found["cause"]),
        (&"warn".into(), &"partly-reachable".into())
    );
    // A file that is none.
    lab.run("echo '{\"kind\": \"report\"}' > root/var/probe.json");
    let report = lab.check("");
    let found = finding(&report, "inbound.http");
    assert_eq!(found["status"], "pass");
    assert!(
        found.to_string().contains("is no report of a probe"),
        "{found:#}"
    );
}
