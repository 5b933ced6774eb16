//! What `serve` promises, over real sockets on loopback.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use support::{doctor, text};

/// No answer on loopback takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running service, ended with the test however that ends.
struct Service {
    child: Child,
    address: SocketAddr,
}

impl Service {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .rsplit_once("http://")
            .unwrap_or_else(|| panic!("{line}"))
            .1
            .parse()
            .unwrap();
        // A pipe that nobody reads would fill up.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Self { child, address }
    }

    fn plain() -> Self {
        Self::start(&mut command(&["--only", "hardware.cpu"]))
    }

    fn send(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        // A refused client may be cut off while it is still sending.
        let _ = stream.read_to_end(&mut answer);
        text(&answer)
    }

    fn get(&self, path: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
    }

    /// Waits for the first report.
    fn ready(&self) {
        let begun = Instant::now();
        while !self.get("/healthz").starts_with("HTTP/1.1 200") {
            assert!(begun.elapsed() < PATIENCE, "no report was made");
            std::thread::yield_now();
        }
    }

    /// Resident memory in bytes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = doctor();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--period", "86400"])
        .args(arguments);
    command
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn every_path_is_answered_in_its_format() {
    let service = Service::plain();
    service.ready();
    let metrics = service.get("/metrics");
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    assert!(metrics.contains("text/plain; version=0.0.4"));
    assert!(body(&metrics).contains("sesam_doctor_check_status{check=\"hardware.cpu\""));
    let report: Value = serde_json::from_str(body(&service.get("/report.json"))).unwrap();
    assert_eq!(report["schema_version"], 1);
    let page = service.get("/report.html");
    assert!(page.contains("content-type: text/html") && page.ends_with("</html>\n"));
    assert_eq!(body(&service.get("/healthz")), "ok\n");
    let head = service.send(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(
        head.starts_with("HTTP/1.1 200") && body(&head).is_empty(),
        "{head}"
    );
    assert!(service.get("/etc/passwd").starts_with("HTTP/1.1 404"));
    let post = service.send(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    assert!(post.starts_with("HTTP/1.1 405"), "{post}");
}

#[test]
fn with_a_token_only_those_who_know_it_are_answered() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("token");
    std::fs::write(&file, "correct-horse-battery\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = command(&["--only", "hardware.cpu", "--token-file"]);
    let service = Service::start(command.arg(&file));
    service.ready();
    for (header, code) in [
        ("", "401"),
        ("Authorization: Bearer wrong-horse-battery\r\n", "401"),
        ("Authorization: Bearer correct-horse-battery\r\n", "200"),
    ] {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{header}\r\n");
        let answer = service.send(request.as_bytes());
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code}")),
            "{header}: {answer}"
        );
        assert!(code == "200" || !answer.contains("sesam_doctor_"));
    }
}

#[test]
fn malformed_and_slow_clients_cost_nothing() {
    let service = Service::plain();
    service.ready();
    // Clients that never finish asking, and are kept open while the others are answered.
    let slow: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(service.address).unwrap();
            stream
                .write_all(b"GET /metrics HTTP/1.1\r\nX-Slow: ")
                .unwrap();
            stream
        })
        .collect();
    for request in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET /metrics HTTP/9.9\r\n\r\n".to_vec(),
        [
            b"GET /".to_vec(),
            vec![b'a'; 100_000],
            b" HTTP/1.1\r\n\r\n".to_vec(),
        ]
        .concat(),
        [
            b"GET / HTTP/1.1\r\n".to_vec(),
            b"X: y\r\n".repeat(5_000),
            b"\r\n".to_vec(),
        ]
        .concat(),
        vec![0; 1_000],
    ] {
        let mut stream = TcpStream::connect(service.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The service may close before everything is sent.
        let _ = stream.write_all(&request);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = text(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
        assert!(service.get("/healthz").starts_with("HTTP/1.1 200"));
    }
    for mut stream in slow {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(
            !text(&answer).starts_with("HTTP/1.1 200"),
            "cut off at the deadline"
        );
    }
}

#[test]
fn two_hundred_clients_are_all_answered_and_memory_does_not_grow() {
    const CLIENTS: usize = 200;
    const REQUESTS: usize = 10;
    let service = Service::plain();
    service.ready();
    let round = || {
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| {
                    let path = ["/metrics", "/report.json", "/report.html", "/healthz"][number % 4];
                    let service = &service;
                    scope.spawn(move || {
                        (0..REQUESTS)
                            .filter(|_| service.get(path).starts_with("HTTP/1.1 200"))
                            .count()
                    })
                })
                .collect();
            clients
                .into_iter()
                .map(|client| client.join().unwrap())
                .sum::<usize>()
        })
    };
    assert_eq!(round(), CLIENTS * REQUESTS);
    let before = service.memory();
    for _ in 0..3 {
        assert_eq!(round(), CLIENTS * REQUESTS);
    }
    let after = service.memory();
    assert!(after < before + 8_000_000, "{before} bytes became {after}");
}

#[test]
fn the_service_ends_at_once_and_well() {
    let mut service = Service::plain();
    service.ready();
    let _waiting = TcpStream::connect(service.address).unwrap();
    let process = rustix::process::Pid::from_child(&service.child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    let status = service.child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn reports_are_made_anew_each_period() {
    let mut command = doctor();
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--period",
        "1",
        "--only",
        "hardware.cpu",
    ]);
    let service = Service::start(&mut command);
    service.ready();
    let started = || -> String {
        let report: Value = serde_json::from_str(body(&service.get("/report.json"))).unwrap();
        report["started_at"].as_str().unwrap().to_owned()
    };
    let first = started();
    let begun = Instant::now();
    while started() == first {
        assert!(begun.elapsed() < PATIENCE, "no second report was made");
        std::thread::yield_now();
    }
}

#[test]
fn what_a_service_cannot_do_is_refused() {
    for (arguments, expected) in [
        (vec!["serve", "--listen", "nowhere"], "--listen"),
        (vec!["serve", "--period", "0"], "86400"),
        (vec!["serve", "--facts", "x.json"], "has no --facts"),
        (vec!["serve", "--report", "json=x"], "has no --report"),
        (
            vec!["serve", "--token-file", "/nonexistent"],
            "/nonexistent",
        ),
        (vec!["serve", "--only", "nonsense"], "nonsense"),
        (vec!["serve", "--listen", "192.0.2.1:1"], "192.0.2.1:1"),
        (vec!["diff", "/nonexistent", "/nonexistent"], "/nonexistent"),
        (vec!["diff", "/etc/passwd", "/etc/passwd"], "no report"),
        (vec!["list", "--format", "html"], "table, json"),
        (vec!["--since", "/etc/passwd"], "--since adds"),
        (
            vec!["--since", "/etc/passwd", "--format", "html"],
            "no report",
        ),
    ] {
        let output = doctor().args(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}

#[test]
fn systemd_hears_that_the_service_is_ready_and_alive() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = command(&["--only", "hardware.cpu"]);
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000");
    let _service = Service::start(&mut command);
    let mut heard = String::new();
    while !(heard.contains("READY=1") && heard.matches("WATCHDOG=1").count() >= 2) {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        heard.push_str(&text(&buffer[..length]));
    }
}

#[test]
fn a_socket_that_systemd_hands_over_is_used() {
    // As systemd does it: the socket is descriptor 3, and the process is told so under its own id.
    const HAND_OVER: &str = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", HAND_OVER, "sh", env!("CARGO_BIN_EXE_sesam-doctor")])
        // An address that nobody could listen on: only the handed socket can answer.
        .args(["--offline", "serve", "--listen", "192.0.2.1:1"])
        .args(["--only", "hardware.cpu"])
        .stdin(std::os::fd::OwnedFd::from(listener))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let service = Service {
        child: command.spawn().unwrap(),
        address,
    };
    service.ready();
    assert!(service.get("/metrics").starts_with("HTTP/1.1 200"));
}
