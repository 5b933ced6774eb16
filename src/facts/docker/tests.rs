//! The engine's socket against engines that misbehave, each played by a listener of the test's own.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixListener,
};

use super::*;
use crate::{facts::Root, profile, redact::Redactor, settings::Settings};

/// Shorter than any test's patience, longer than any answer takes.
const PLENTY: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

fn site(deadline: Duration) -> Site {
    Site {
        root: Root::machine(),
        profile: Arc::new(profile::load("2023").unwrap()),
        settings: Arc::new(Settings::default()),
        deadline,
        offline: true,
        redactor: Redactor::default(),
    }
}

/// Serves every connection with the bytes that `answer` makes of the request's path.
fn serve(listener: UnixListener, answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) {
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let mut request = vec![0; 4_096];
                let length = stream.read(&mut request).await.unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = text.split_whitespace().nth(1).unwrap_or("").to_owned();
                // A client that has seen enough closes early.
                let _ = stream.write_all(&answer(&path)).await;
            });
        }
    });
}

fn http(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn asked(
    deadline: Duration,
    answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> Reach {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("docker.sock");
    serve(UnixListener::bind(&path).unwrap(), answer);
    reach(&site(deadline), &path).await
}

fn engine_of(reach: Reach) -> Engine {
    match reach {
        Reach::Answered { engine } => *engine,
        other => panic!("{other:?}"),
    }
}

const VERSION: &str = r#"{"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}"#;

#[tokio::test]
async fn an_engine_that_accepts_and_never_answers_costs_the_deadline() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let reached = reach(&site(SHORT), &path).await;
    assert_eq!(reached, Reach::Silent { waited_ms: 200 });
    drop(listener);
    assert_eq!(reach(&site(PLENTY), &path).await, Reach::Refused);
    assert_eq!(
        reach(&site(PLENTY), &place.path().join("none")).await,
        Reach::NoSocket
    );
}

#[tokio::test]
async fn an_engine_that_hangs_on_one_question_answers_the_others() {
    let reached = asked(SHORT, |path| match path {
        "/version" => http("200 OK", VERSION),
        path if path.ends_with("/networks") => http("200 OK", r#"[{"Name": "sesam"}]"#),
        // Less than was promised, and then nothing.
        _ => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec(),
    });
    let engine = engine_of(reached.await);
    assert_eq!(engine.networks.seen().unwrap().len(), 1);
    assert!(matches!(
        engine.containers,
        Observed::Failed(_) | Observed::TimedOut(_)
    ));
}

#[tokio::test]
async fn an_engine_that_answers_with_an_error_is_quoted() {
    let reached = asked(PLENTY, |_| {
        http(
            "500 Internal Server Error",
            r#"{"message": "no space left on device"}"#,
        )
    });
    assert_eq!(
        reached.await,
        Reach::ErrorAnswer {
            status: 500,
            message: "no space left on device".into()
        }
    );
}

#[tokio::test]
async fn garbage_is_named_and_bounded() {
    for answer in [
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        http("200 OK", "<html>"),
        http("200 OK", "{}"),
        http("200 OK", "null"),
        Vec::new(),
        // Ten megabytes of JSON.
        http(
            "200 OK",
            &format!("{{\"Version\": \"{}\"}}", "x".repeat(10_000_000)),
        ),
        // A head without an end.
        [
            b"HTTP/1.1 200 OK\r\n".to_vec(),
            b"X: y\r\n".repeat(1_000_000),
        ]
        .concat(),
    ] {
        let reached = asked(PLENTY, move |_| answer.clone()).await;
        assert!(matches!(reached, Reach::Broken { .. }), "{reached:?}");
    }
}

#[tokio::test]
async fn ten_megabytes_of_containers_cost_the_containers_only() {
    let reached = asked(PLENTY, |path| match path {
        "/version" => http("200 OK", VERSION),
        path if path.contains("/containers/json") => {
            http("200 OK", &format!("[\"{}\"]", "x".repeat(10_000_000)))
        }
        path if path.ends_with("/info") => http("200 OK", r#"{"Driver": "overlay2"}"#),
        _ => http("404 Not Found", ""),
    });
    let engine = engine_of(reached.await);
    assert!(matches!(&engine.containers, Observed::Failed(how) if how.contains("4 MB")));
    assert_eq!(
        engine.information.seen().unwrap().storage_driver,
        "overlay2"
    );
    assert_eq!(engine.networks, Observed::Absent);
}

#[tokio::test]
async fn an_engine_is_asked_in_an_api_that_it_speaks() {
    for (api, oldest, expected) in [
        ("1.24", None, "/v1.24/"),
        ("1.26", Some("1.12"), "/v1.26/"),
        ("1.41", Some("1.12"), "/v1.41/"),
        ("1.52", Some("1.44"), "/v1.44/"),
        ("1.70", Some("1.60"), "/v1.60/"),
        ("nonsense", None, "/v1.44/"),
    ] {
        let version =
            serde_json::json!({"Version": "1", "ApiVersion": api, "MinAPIVersion": oldest})
                .to_string();
        let reached = asked(PLENTY, move |path| match path {
            "/version" => http("200 OK", &version),
            path if path.starts_with(expected) && path.ends_with("/volumes") => http(
                "200 OK",
                r#"{"Volumes": [{"Name": "sesam-node-tmp", "Status": {"odd": 1}}]}"#,
            ),
            path if path.starts_with(expected) => http("200 OK", "null"),
            _ => http(
                "400 Bad Request",
                r#"{"message": "client version is too new"}"#,
            ),
        });
        let engine = engine_of(reached.await);
        assert_eq!(engine.volumes.seen().unwrap().len(), 1, "{api}");
    }
}

#[tokio::test]
async fn a_container_is_told_without_its_secrets() {
    let list = r#"[{"Id": "0123456789abcdef", "Names": ["/other/alias", "/sesam-node"], "Image": "sesam/sesam-node:weekly-prod",
        "State": "exited", "Labels": {"com.docker.compose.service": "sesam-node", "api.token": "swordfish1"}}]"#;
    let inspection = r#"{"Created": "2026-11-01T10:00:00.123456789Z", "Path": "lake", "Args": ["--jwt-secret", "swordfish2", "--enforce-license"],
        "Image": "sha256:11", "RestartCount": 3,
        "State": {"Status": "exited", "OOMKilled": true, "ExitCode": 137, "StartedAt": "0001-01-01T00:00:00Z"},
        "HostConfig": {"RestartPolicy": {"Name": "always"}, "NetworkMode": "sesam",
            "PortBindings": {"9042/tcp": [{"HostIp": "", "HostPort": "9042"}, {"HostIp": "127.0.0.1", "HostPort": "9043"}], "80/tcp": null},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}}},
        "Config": {"Env": ["PATH=/bin", "DB_PASSWORD=swordfish3", "BARE"], "Cmd": null, "Tty": true},
        "Mounts": [{"Type": "volume", "Name": "sesam-node-tmp", "Source": "/var/lib/docker/volumes/x", "Destination": "/tmp", "RW": true}],
        "NetworkSettings": {"Networks": {"sesam": {"IPAddress": "172.18.0.2"}, "microservices": {"IPAddress": ""}}}}"#;
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("docker.sock");
    serve(UnixListener::bind(&path).unwrap(), move |path| match path {
        "/version" => http("200 OK", VERSION),
        path if path.contains("/containers/json") => http("200 OK", list),
        path if path.contains("/logs") => http("200 OK", "said swordfish3\n"),
        path if path.contains("/containers/0123456789abcdef/json") => http("200 OK", inspection),
        _ => http("200 OK", "null"),
    });
    let site = site(PLENTY);
    let engine = engine_of(reach(&site, &path).await);
    let container = &engine.containers.seen().unwrap()[0];
    assert_eq!(container.name, "sesam-node");
    assert_eq!(container.state, State::Exited);
    let details = container.details.seen().unwrap();
    assert!(details.oom_killed);
    assert_eq!((details.exit_code, details.restart_count), (137, 3));
    assert_eq!(details.started, None);
    assert_eq!(details.ports.len(), 2);
    assert_eq!(details.ports[0].address, None);
    assert_eq!(details.environment["DB_PASSWORD"], None);
    assert_eq!(details.mounts[0].source, "sesam-node-tmp");
    assert_eq!(details.networks["sesam"], "172.18.0.2".parse().ok());
    assert_eq!(
        details.last_log_lines,
        Observed::Seen(vec!["said swordfish3".into()])
    );
    let mut facts = serde_json::to_value(&engine).unwrap();
    let before = facts.to_string();
    assert!(
        !before.contains("swordfish1") && !before.contains("swordfish2"),
        "{before}"
    );
    // The log is cleaned where everything leaves.
    site.redactor.document(&mut facts);
    assert!(!facts.to_string().contains("swordfish"), "{facts}");
    let again: Engine = serde_json::from_str(&before).unwrap();
    assert_eq!(again, engine);
}

#[test]
fn the_socket_is_the_environments_or_the_usual_one() {
    let usual = || PathBuf::from("/var/run/docker.sock");
    assert_eq!(chosen_socket(None), (usual(), None));
    assert_eq!(chosen_socket(Some("")), (usual(), None));
    assert_eq!(
        chosen_socket(Some("unix:///run/user/1000/docker.sock")),
        ("/run/user/1000/docker.sock".into(), None)
    );
    assert_eq!(
        chosen_socket(Some("tcp://10.0.0.1:2376")),
        (usual(), Some("tcp://10.0.0.1:2376".into()))
    );
}

#[test]
fn the_installation_is_read_from_files() {
    let place = tempfile::tempdir().unwrap();
    let systemd = place.path().join("etc/systemd/system");
    std::fs::create_dir_all(&systemd).unwrap();
    std::fs::create_dir_all(place.path().join("usr/bin")).unwrap();
    std::fs::write(place.path().join("usr/bin/dockerd"), "").unwrap();
    std::os::unix::fs::symlink("/dev/null", systemd.join("docker.service")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let site = Site {
        root: Root::at(place.path()).unwrap(),
        ..site(PLENTY)
    };
    let installation = runtime.block_on(installation::observe(&site));
    let installation = installation.seen().unwrap();
    assert!(installation.masked && installation.is_installed() && !installation.enabled);
    assert_eq!(installation.daemon, Some("/usr/bin/dockerd".into()));
    assert_eq!(installation.client, None);
    assert_eq!(
        runtime.block_on(installation::observe_daemon_file(&site)),
        Observed::Absent
    );
}

#[tokio::test]
async fn an_engine_of_snap_is_found_by_its_unit() {
    let place = tempfile::tempdir().unwrap();
    let units = place.path().join("etc/systemd/system");
    std::fs::create_dir_all(&units).unwrap();
    let site = Site {
        root: Root::at(place.path()).unwrap(),
        ..site(Duration::from_secs(5))
    };
    std::fs::write(units.join("snap.docker.dockerd.service"), "").unwrap();
    let found = installation::observe(&site).await;
    assert!(found.seen().unwrap().is_of_snap());
    assert!(found.seen().unwrap().is_installed());
    std::fs::write(units.join("docker.service"), "").unwrap();
    let found = installation::observe(&site).await;
    assert!(!found.seen().unwrap().is_of_snap());
}
