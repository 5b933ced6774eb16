//! What is served on loopback, by real servers: certificates, and the node's API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use sesam_doctor::{
    checks::Selection,
    diagnosis::{self, Rules},
    facts::{
        Facts, Observed, Root, Site,
        certificates::StackWord,
        endpoint,
        node::{self, NodeWhereabouts},
    },
    profile::{self, Profile},
    redact::Redactor,
    settings::Settings,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};
use tokio_rustls::TlsAcceptor;

const DOMAIN: &str = "node.example.com";
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJuYW1lIjoibm9kZS10b2tlbiJ9.c2lnbmF0dXJl";

/// A machine whose files lie in a directory, and whose ports are these tests' own.
struct Machine {
    place: tempfile::TempDir,
    profile: Profile,
    settings: Settings,
    deadline: Duration,
    offline: bool,
}

impl Machine {
    fn new() -> Self {
        Self {
            place: tempfile::tempdir().unwrap(),
            profile: profile::load("2025").unwrap(),
            settings: Settings::default(),
            deadline: Duration::from_secs(20),
            offline: false,
        }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.place.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn site(&self) -> Site {
        Site {
            root: Root::at(self.place.path()).unwrap(),
            profile: Arc::new(self.profile.clone()),
            settings: Arc::new(self.settings.clone()),
            deadline: self.deadline,
            offline: self.offline,
            redactor: Redactor::default(),
        }
    }

    fn facts(&self) -> Facts {
        let (profile, settings) = (self.profile.clone(), self.settings.clone());
        let mut facts = Facts::unobserved(profile, settings, Timestamp::now());
        facts.offline = self.offline;
        facts
    }

    /// What `tls.endpoint` says: status and cause.
    async fn endpoint(&self) -> (String, String) {
        let word = StackWord {
            node_domain: Some(DOMAIN.into()),
            mode: None,
        };
        let mut facts = self.facts();
        facts.endpoint = endpoint::observe(self.site(), word).await;
        judged(&facts, "tls.endpoint")
    }

    async fn node(&self, domain: Option<&str>) -> Facts {
        let whereabouts = NodeWhereabouts {
            node_domain: domain.map(ToOwned::to_owned),
            container: None,
        };
        let mut facts = self.facts();
        facts.node = node::observe(self.site(), whereabouts).await;
        facts
    }
}

fn judged(facts: &Facts, id: &str) -> (String, String) {
    let ids: BTreeSet<String> = [id.to_owned()].into();
    let rules = Rules {
        selection: Selection::new(&ids, &[]).unwrap(),
        strict: false,
        now: facts.observed_at,
    };
    let diagnosis = diagnosis::diagnose(facts, &rules);
    let finding = diagnosis
        .findings
        .iter()
        .find(|finding| finding.id == id)
        .unwrap();
    println!("{id}: {}", finding.summary);
    (
        finding.status.word().to_owned(),
        finding.cause.clone().unwrap_or_default(),
    )
}

fn told(status: &str, cause: &str) -> (String, String) {
    (status.into(), cause.into())
}

/// An authority with an intermediate, and servers' certificates of its.
struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    between: CertifiedIssuer<'static, KeyPair>,
}

fn named(name: &str, authority: bool) -> CertificateParams {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.use_authority_key_identifier_extension = true;
    if authority {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    parameters
}

/// A chain of certificates with the first one's key.
struct Chain {
    certificates: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Chain {
    fn configuration(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let configuration = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.certificates.clone(), key)
            .unwrap();
        Arc::new(configuration)
    }
}

impl Authority {
    fn new() -> Self {
        let root = CertifiedIssuer::self_signed(named("Root", true), KeyPair::generate().unwrap())
            .unwrap();
        let between =
            CertifiedIssuer::signed_by(named("Between", true), KeyPair::generate().unwrap(), &root)
                .unwrap();
        Self { root, between }
    }

    /// A server's certificate, in date for a year unless it is changed.
    fn server(&self, change: impl FnOnce(&mut CertificateParams)) -> Chain {
        let mut parameters = named(DOMAIN, false);
        parameters.subject_alt_names = vec![rcgen::SanType::DnsName(DOMAIN.try_into().unwrap())];
        let year = i32::from(sesam_doctor::utc::date_of(Timestamp::now()).year());
        parameters.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(year + 2, 1, 1);
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        let leaf = parameters.signed_by(&key, &self.between).unwrap();
        Chain {
            certificates: vec![leaf.der().clone(), self.between.der().clone()],
            key,
        }
    }

    fn trusted_by(&self, machine: &Machine) {
        machine.write("/etc/ssl/certs/ca-certificates.crt", &self.root.pem());
    }
}

/// Listens on a free port of loopback and hands every connection to `serve`.
async fn listening<Serve, Serving>(serve: Serve) -> SocketAddr
where
    Serve: Fn(tokio::net::TcpStream) -> Serving + Send + 'static,
    Serving: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// A port of loopback on which nothing listens, held so that nobody else does either.
struct ClosedPort(TcpSocket);

impl ClosedPort {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    fn number(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}

async fn serving_tls(chain: &Chain) -> SocketAddr {
    let acceptor = TlsAcceptor::from(chain.configuration());
    listening(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 1]).await;
            }
        }
    })
    .await
}

async fn endpoint_of(chain: &Chain, authority: &Authority) -> (String, String) {
    let mut machine = Machine::new();
    authority.trusted_by(&machine);
    machine.profile.certificates.port = serving_tls(chain).await.port();
    machine.endpoint().await
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_judged_as_they_are_served() {
    let authority = Authority::new();
    let good = authority.server(|_| {});
    assert_eq!(endpoint_of(&good, &authority).await, told("pass", ""));

    let mut alone = authority.server(|_| {});
    alone.certificates.truncate(1);
    assert_eq!(
        endpoint_of(&alone, &authority).await,
        told("fail", "incomplete-chain")
    );

    let mut disordered = authority.server(|_| {});
    disordered
        .certificates
        .insert(1, authority.root.der().clone());
    assert_eq!(
        endpoint_of(&disordered, &authority).await,
        told("fail", "wrong-order")
    );

    let other = authority.server(|parameters| {
        parameters.subject_alt_names = vec![rcgen::SanType::DnsName(
            "other.example.com".try_into().unwrap(),
        )];
    });
    assert_eq!(
        endpoint_of(&other, &authority).await,
        told("fail", "wrong-name")
    );

    let expired = authority.server(|parameters| {
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2020, 4, 1);
    });
    assert_eq!(
        endpoint_of(&expired, &authority).await,
        told("fail", "expired")
    );

    let foreign = Authority::new().server(|_| {});
    assert_eq!(
        endpoint_of(&foreign, &authority).await,
        told("fail", "untrusted")
    );
}

fn self_signed(subject: &str, name: &str) -> Chain {
    let key = KeyPair::generate().unwrap();
    let mut parameters = named(subject, false);
    parameters.subject_alt_names = vec![rcgen::SanType::DnsName(name.try_into().unwrap())];
    let certificate = parameters.self_signed(&key).unwrap();
    Chain {
        certificates: vec![certificate.der().clone()],
        key,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_vouch_for_themselves_are_told_apart() {
    let authority = Authority::new();
    let own = self_signed(DOMAIN, DOMAIN);
    assert_eq!(
        endpoint_of(&own, &authority).await,
        told("fail", "self-signed")
    );
    let default = self_signed("TRAEFIK DEFAULT CERT", "0a1b.2c3d.traefik.default");
    assert_eq!(
        endpoint_of(&default, &authority).await,
        told("fail", "default-certificate")
    );
    // Put among the trusted ones, it is trusted.
    let machine = &mut Machine::new();
    let pem = {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(&own.certificates[0]);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    };
    machine.write("/etc/pki/tls/certs/ca-bundle.crt", &pem);
    machine.profile.certificates.port = serving_tls(&own).await.port();
    assert_eq!(machine.endpoint().await, told("pass", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tls_server_is_told_apart() {
    let mut machine = Machine::new();
    let closed = ClosedPort::new();
    machine.profile.certificates.port = closed.number();
    assert_eq!(machine.endpoint().await, told("fail", "not-answering"));

    let plain = listening(|mut stream| async move {
        let _ = stream.read(&mut [0; 512]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            .await;
    });
    machine.profile.certificates.port = plain.await.port();
    assert_eq!(machine.endpoint().await, told("fail", "not-tls"));

    let cut = listening(|stream| async move { drop(stream) });
    machine.profile.certificates.port = cut.await.port();
    assert_eq!(machine.endpoint().await, told("fail", "not-answering"));

    machine.deadline = Duration::from_millis(200);
    let hung = listening(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    machine.profile.certificates.port = hung.await.port();
    assert_eq!(machine.endpoint().await, told("fail", "not-answering"));
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_nothing_is_connected_to() {
    let mut machine = Machine::new();
    machine.offline = true;
    let heard = Arc::new(Mutex::new(0));
    let count = Arc::clone(&heard);
    let port = listening(move |_| {
        *count.lock().unwrap() += 1;
        async {}
    })
    .await
    .port();
    machine.profile.certificates.port = port;
    machine.profile.node.port = port;
    assert_eq!(machine.endpoint().await, told("skip", ""));
    let facts = machine.node(Some(DOMAIN)).await;
    assert_eq!(judged(&facts, "node.health"), told("skip", ""));
    assert_eq!(judged(&facts, "license.node"), told("skip", ""));
    assert_eq!(*heard.lock().unwrap(), 0);
}

/// An old server, which only the program `openssl` still plays; it ends with its test.
struct OldServer(std::process::Child);

impl Drop for OldServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_old_tls_only_is_named() {
    let chain = self_signed(DOMAIN, DOMAIN);
    let mut machine = Machine::new();
    let place = machine.place.path().join("old");
    std::fs::create_dir(&place).unwrap();
    let pem = rcgen_pem(&chain);
    std::fs::write(place.join("server.pem"), pem).unwrap();
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "openssl", "s_server", "-tls1_1"])
        .args(["-cipher", "ALL:@SECLEVEL=0", "-cert", "server.pem"])
        .args(["-key", "server.pem", "-accept", "127.0.0.1:0"])
        .current_dir(&place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this test needs the programs setpriv and openssl");
    let said = BufReader::new(child.stdout.take().unwrap());
    let _server = OldServer(child);
    let port = said
        .lines()
        .find_map(|line| {
            let address = line.ok()?.strip_prefix("ACCEPT ")?.to_owned();
            Some(address.parse::<SocketAddr>().ok()?.port())
        })
        .unwrap();
    machine.profile.certificates.port = port;
    assert_eq!(machine.endpoint().await, told("fail", "tls-version"));
}

fn rcgen_pem(chain: &Chain) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(&chain.certificates[0]);
    format!(
        "-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n{}",
        chain.key.serialize_pem()
    )
}

/// What a node says to each path, as raw bytes of HTTP; nothing means that it never answers.
type Script = fn(&str) -> Option<&'static str>;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n{\"status\": \"ok\"}\n";
const UNWELL: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 19\r\n\r\n404 page not found\n";

async fn play<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, script: Script) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    match script(&request) {
        Some(said) => {
            let _ = stream.write_all(said.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        None => std::future::pending().await,
    }
}

async fn node_saying(script: Script) -> u16 {
    let address = listening(move |mut stream| async move { play(&mut stream, script).await });
    address.await.port()
}

/// What `node.health` says of a node on the published port.
async fn health_of(script: Script, deadline: Duration) -> (String, String) {
    let mut machine = Machine::new();
    machine.deadline = deadline;
    machine.profile.node.port = node_saying(script).await;
    judged(&machine.node(None).await, "node.health")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_is_judged_by_what_it_answers() {
    let long = Duration::from_secs(20);
    let short = Duration::from_millis(200);
    let rows: [(&str, Script, Duration, (&str, &str)); 9] = [
        ("well", |_| Some(OK), long, ("pass", "")),
        (
            "pings and is unwell",
            |request| {
                Some(if request.contains("/api/health ") {
                    UNWELL
                } else {
                    OK
                })
            },
            long,
            ("fail", "unwell"),
        ),
        ("hung", |_| None, short, ("fail", "not-answering")),
        (
            "health hangs",
            |request| request.contains("/api/ping ").then_some(OK),
            short,
            ("fail", "not-answering"),
        ),
        ("cut", |_| Some(""), long, ("fail", "not-answering")),
        (
            "cut in the middle",
            |_| Some("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
            long,
            ("fail", "not-answering"),
        ),
        (
            "another protocol",
            |_| Some("SSH-2.0-OpenSSH_9.2\r\n"),
            long,
            ("fail", "wrong-service"),
        ),
        (
            "a web page",
            |_| {
                Some(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: 6\r\n\r\n<html>",
                )
            },
            long,
            ("fail", "wrong-service"),
        ),
        (
            "no such path",
            |_| Some(NOT_FOUND),
            long,
            ("fail", "wrong-service"),
        ),
    ];
    for (name, script, deadline, (status, cause)) in rows {
        assert_eq!(
            health_of(script, deadline).await,
            told(status, cause),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_is_cut_off() {
    let address = listening(|mut stream| async move {
        let _ = stream.read(&mut [0; 1024]).await;
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut well = stream.write_all(head).await;
        while well.is_ok() {
            let chunk = [b"1000\r\n".as_slice(), &[b'x'; 0x1000], b"\r\n"].concat();
            well = stream.write_all(&chunk).await;
        }
    });
    let mut machine = Machine::new();
    machine.profile.node.port = address.await.port();
    let facts = machine.node(None).await;
    assert_eq!(judged(&facts, "node.health"), told("fail", "wrong-service"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_published_is_reached_through_traefik() {
    let chain = self_signed(DOMAIN, DOMAIN);
    let acceptor = TlsAcceptor::from(chain.configuration());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&asked);
    let address = listening(move |stream| {
        let (acceptor, hear) = (acceptor.clone(), Arc::clone(&hear));
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let name = stream.get_ref().1.server_name().map(ToOwned::to_owned);
            hear.lock().unwrap().push(name);
            play(&mut stream, |request| {
                Some(if request.contains("host: node.example.com\r\n") {
                    OK
                } else {
                    NOT_FOUND
                })
            })
            .await;
        }
    })
    .await;
    let mut machine = Machine::new();
    let closed = ClosedPort::new();
    machine.profile.node.port = closed.number();
    machine.profile.certificates.port = address.port();
    let facts = machine.node(Some(DOMAIN)).await;
    assert_eq!(judged(&facts, "node.health"), told("pass", ""));
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked, vec![Some(DOMAIN.to_owned()); 3]);
    // Nothing listens at all.
    machine.profile.certificates.port = closed.number();
    let facts = machine.node(Some(DOMAIN)).await;
    assert_eq!(judged(&facts, "node.health"), told("fail", "refused"));
}

fn licensed(request: &str) -> Option<&'static str> {
    let with_token = request.contains(&format!("authorization: Bearer {TOKEN}\r\n"));
    Some(match (request.contains("/api/license "), with_token) {
        (true, true) => {
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 19\r\n\r\n{\"status\": \"valid\"}"
        }
        (true, false) => "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
        // The token goes to the one question that needs it.
        (false, true) => NOT_FOUND,
        (false, false) => OK,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_license_is_asked_for_with_the_token_which_is_shown_to_nobody() {
    let mut machine = Machine::new();
    machine.profile.node.port = node_saying(licensed).await;
    let facts = machine.node(None).await;
    assert_eq!(judged(&facts, "license.node"), told("skip", ""));
    assert_eq!(judged(&facts, "node.health"), told("pass", ""));

    machine.settings.node_token_file = Some("/etc/sesam-doctor/node.jwt".into());
    machine.write("/etc/sesam-doctor/node.jwt", &format!("{TOKEN}\n"));
    let facts = machine.node(None).await;
    assert_eq!(judged(&facts, "license.node"), told("pass", ""));
    assert_eq!(judged(&facts, "install.portal"), told("pass", ""));
    assert_eq!(judged(&facts, "node.health"), told("pass", ""));
    assert!(!serde_json::to_string(&facts).unwrap().contains(TOKEN));

    machine.write("/etc/sesam-doctor/node.jwt", "another-token\n");
    let facts = machine.node(None).await;
    assert_eq!(
        judged(&facts, "license.node"),
        told("unknown", "token-refused")
    );

    machine.settings.node_token_file = Some("/etc/sesam-doctor/none".into());
    let facts = machine.node(None).await;
    assert_eq!(
        judged(&facts, "license.node"),
        told("unknown", "observation-failed")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_an_answer_stays_behind_the_door() {
    let mut machine = Machine::new();
    machine.profile.node.port = node_saying(|_| {
        Some("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 52\r\n\r\n-----BEGIN SESAM LICENSE-----\nc2VjcmV0IGxpY2Vuc2U=\nx\n")
    })
    .await;
    let facts = machine.node(None).await;
    assert!(!serde_json::to_string(&facts).unwrap().contains("c2VjcmV0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_stack_trace_is_told_although_the_node_is_well_again() {
    let mut machine = Machine::new();
    machine.profile.node.port = node_saying(|_| Some(OK)).await;
    machine.write("/sesam/node-00/logs/stacktrace.html", "<html>");
    let facts = machine.node(None).await;
    assert_eq!(
        judged(&facts, "node.health"),
        told("warn", "fresh-stacktrace")
    );
    let Observed::Seen(node) = &facts.node else {
        panic!("the node was observed")
    };
    assert!(matches!(node.stacktrace, Observed::Seen(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_node_is_told() {
    let address = listening(|mut stream| async move {
        // The server is what is slow here; nobody waits for it by the clock.
        tokio::time::sleep(Duration::from_millis(30)).await;
        play(&mut stream, |_| Some(OK)).await;
    });
    let mut machine = Machine::new();
    machine.profile.node.port = address.await.port();
    machine.profile.node.slow_ms = 10;
    let facts = machine.node(None).await;
    assert_eq!(judged(&facts, "node.health"), told("warn", "slow"));
}
