//! What the contract promises of bundles: nothing secret leaves, and what was packed can be judged elsewhere, or is refused.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::format_collect,
    clippy::format_push_string
)]

mod canaries;
mod support;

use std::{
    io::Write,
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use canaries::{Canary, Search, by_form, marker, of_known, planted};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use support::{doctor, text};

/// Secrets that stand in configuration files, where the doctor meets them, and what they stand in.
const KNOWN: [&str; 6] = [
    "Kn1/q\"<&9-fluentbit known+header",
    "Kn2-known&more=of/it",
    "Kn3KnownTokenValue0123456789abcdef",
    "Kn4-known-proxy-password",
    "Kn5-known-registry:password",
    "Kn6knowndaemonpassword",
];

const LOGS: &str = "sesam/node-00/logs";

struct Machine {
    place: tempfile::TempDir,
}

impl Machine {
    fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.place.path().join("root").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A machine's files, with a known secret wherever one belongs.
    fn new() -> Self {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let machine = Self {
            place: tempfile::tempdir().unwrap(),
        };
        machine.write(
            "etc/os-release",
            "ID=ubuntu\nVERSION_ID=\"22.04\"\nNAME=Ubuntu\n",
        );
        machine.write("etc/resolv.conf", "nameserver 192.0.2.1\n");
        machine.write(
            "srv/data/.env",
            format!(
                "NODE_DOMAIN=node.example.com\nSUBSCRIPTION_ID=12345\nFLUENTBIT_AUTH_HEADER='{}'\nEXTRA_PASSWORD='{}'\n",
                KNOWN[0], KNOWN[1]
            ),
        );
        machine.write(
            "srv/data/docker-compose.yml",
            format!(
                "services:\n  sesam-node:\n    image: sesam/sesam-node:weekly-prod\n    environment:\n      SERVICE_TOKEN: {}\n",
                KNOWN[2]
            ),
        );
        machine.write(
            "etc/environment",
            format!("HTTPS_PROXY=\"http://robot:{}@proxy:3128\"\n", KNOWN[3]),
        );
        let login = STANDARD.encode(format!("robot:{}", KNOWN[4]));
        machine.write(
            "root/.docker/config.json",
            format!("{{\"auths\":{{\"https://index.docker.io/v1/\":{{\"auth\":\"{login}\"}}}}}}"),
        );
        machine.write(
            "etc/docker/daemon.json",
            format!(
                "{{\"proxies\":{{\"http-proxy\":\"http://u:{}@proxy:1\"}}}}",
                KNOWN[5]
            ),
        );
        machine.write(&format!("{LOGS}/node.log"), "an ordinary line\n");
        machine
    }

    fn doctor(&self) -> Command {
        let mut command = doctor();
        // Not the engine of the machine that tests.
        command
            .env("DOCKER_HOST", "unix:///nonexistent.sock")
            .args([
                "--skip",
                "hardware.storage-speed,plugin",
                "--timeout",
                "10",
                "--root",
            ])
            .arg(self.place.path().join("root"));
        command
    }

    fn bundle(&self, arguments: &[&str]) -> Bundle {
        let file = self.place.path().join("bundle.tar.zst");
        let output = self
            .doctor()
            .args(["bundle", "-o"])
            .arg(&file)
            .args(arguments)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert_eq!(output.status.code(), Some(0), "{}", text(&said));
        Bundle::unpacked(file, said)
    }
}

/// A bundle, unpacked by others' programs.
struct Bundle {
    file: PathBuf,
    said: Vec<u8>,
    place: tempfile::TempDir,
}

impl Bundle {
    fn unpacked(file: PathBuf, said: Vec<u8>) -> Self {
        let place = tempfile::tempdir().unwrap();
        let tar = zstd::decode_all(std::fs::File::open(&file).unwrap()).unwrap();
        let mut child = Command::new("tar")
            .args(["-xf", "-", "-C"])
            .arg(place.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&tar).unwrap();
        assert!(child.wait().unwrap().success());
        Self { file, said, place }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join("sesam-bundle").join(name)
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.path("manifest.json")).unwrap()).unwrap()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Every file with its name.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        let mut pending = vec![self.place.path().to_path_buf()];
        while let Some(directory) = pending.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    pending.push(path);
                } else {
                    files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
                }
            }
        }
        files
    }

    fn reason(&self, name: &str) -> String {
        let manifest = self.manifest();
        let left = manifest["left_out"].as_array().unwrap();
        let entry = left.iter().find(|entry| entry["name"] == name);
        entry.map_or(String::new(), |entry| {
            entry["reason"].as_str().unwrap().to_owned()
        })
    }

    /// The same members packed anew, after something was done to them.
    fn repacked(&self, change: impl FnOnce(&Path), names: &[&str]) -> PathBuf {
        change(&self.place.path().join("sesam-bundle"));
        let packed = Command::new("tar")
            .args(["--format=ustar", "-cf", "-", "-C"])
            .arg(self.place.path())
            .args(names)
            .output()
            .unwrap();
        assert!(packed.status.success(), "{}", text(&packed.stderr));
        let file = self.file.with_extension("repacked");
        std::fs::write(&file, zstd::encode_all(&packed.stdout[..], 3).unwrap()).unwrap();
        file
    }

    /// All names in the order of the archive.
    fn names(&self) -> Vec<String> {
        let manifest = self.manifest();
        let members = manifest["members"].as_array().unwrap();
        std::iter::once("manifest.json")
            .chain(
                members
                    .iter()
                    .map(|member| member["name"].as_str().unwrap()),
            )
            .map(|name| format!("sesam-bundle/{name}"))
            .collect()
    }
}

#[test]
fn no_canary_comes_out_and_every_place_was_visited() {
    let machine = Machine::new();
    let canaries: Vec<Canary> = KNOWN
        .iter()
        .flat_map(|secret| of_known(secret))
        .chain(by_form(4))
        .collect();
    assert!(canaries.len() >= 300, "{}", canaries.len());
    let search = Search::new(&canaries);
    let planted_text = planted(&canaries, 0);
    // The search itself finds what it is to find.
    assert!(search.leaks("planted", planted_text.as_bytes()).len() >= 200);
    machine.write(&format!("{LOGS}/node.log"), planted(&canaries, 0));
    // Once more around the borders of what is held at a time.
    let filler = "2026-11-25T10:00:00.000Z INFO pipe example ran in 12 ms, nothing to report\n";
    let mut long = String::new();
    for (number, canary) in canaries.iter().enumerate() {
        let border = (number + 1) * 65_536 - 20;
        while long.len() + filler.len() < border {
            long.push_str(filler);
        }
        long.push_str(&format!("{}\n{}\n", marker(number), canary.planted));
    }
    machine.write(&format!("{LOGS}/node_access.log"), &long);
    machine.write(&format!("{LOGS}/stacktrace.html"), planted(&canaries, 0));
    machine.write("etc/hosts", planted(&canaries, 0));
    machine.write("srv/data/traefik/traefik.yml", planted(&canaries, 0));
    for secret in &KNOWN[1..] {
        let name = secret.replace(['/', '&'], "");
        machine.write(&format!("{LOGS}/a-{}-{name}.log", KNOWN[2]), "x\n");
    }

    let bundle = machine.bundle(&["--log-size", "100"]);
    let mut found = search.leaks("message", &bundle.said);
    for (name, content) in bundle.files() {
        found.extend(search.leaks(&name, &content));
        found.extend(search.leaks("name of a file", name.as_bytes()));
    }
    for format in [
        "table",
        "json",
        "html",
        "markdown",
        "prometheus",
        "nagios",
        "junit",
        "oscal",
    ] {
        let output = machine
            .doctor()
            .args(["-vv", "--format", format])
            .output()
            .unwrap();
        found.extend(search.leaks(format, &output.stdout));
        found.extend(search.leaks("stderr", &output.stderr));
    }
    let facts = machine.doctor().arg("facts").output().unwrap();
    found.extend(search.leaks("facts", &facts.stdout));
    let listing = machine
        .doctor()
        .args(["bundle", "--dry-run"])
        .output()
        .unwrap();
    found.extend(search.leaks("listing", &listing.stdout));
    assert!(
        found.is_empty(),
        "{} leaks:\n{}",
        found.len(),
        found.join("\n")
    );

    for place in [
        "node/node.log",
        "node/node_access.log",
        "node/stacktrace.html",
        "etc/hosts",
        "traefik/traefik.yml",
    ] {
        let content = bundle.read(place);
        let missed: Vec<usize> = (0..canaries.len())
            .filter(|number| !content.contains(&marker(*number)))
            .collect();
        assert!(missed.is_empty(), "{place} was not visited at {missed:?}");
    }
    let redacted = bundle.manifest()["redacted"].as_u64().unwrap();
    assert!(redacted >= 5 * canaries.len() as u64, "{redacted}");
    for place in [
        "stack/.env",
        "stack/docker-compose.yml",
        "etc/environment",
        "docker/daemon.json",
    ] {
        assert!(bundle.read(place).contains("[redacted:"), "{place}");
    }
}

#[test]
fn the_same_secret_has_the_same_mark_in_one_bundle_and_another_in_the_next() {
    let machine = Machine::new();
    machine.write(
        &format!("{LOGS}/node.log"),
        format!("a {} b\nc {} d\n", KNOWN[2], KNOWN[2]),
    );
    let marks = || {
        let log = machine.bundle(&[]).read("node/node.log");
        let words: Vec<String> = log.split_whitespace().map(ToOwned::to_owned).collect();
        assert!(words[1].starts_with("[redacted:"), "{log}");
        assert_eq!(words[1], words[4]);
        words[1].clone()
    };
    assert_ne!(marks(), marks());
}

#[test]
fn a_bundle_is_judged_elsewhere_as_it_was_where_it_was_made() {
    let machine = Machine::new();
    let bundle = machine.bundle(&[]);
    let mode = std::fs::metadata(&bundle.file)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let there: Value = serde_json::from_str(&bundle.read("report.json")).unwrap();
    let judge = |file: &Path, as_user: bool| {
        let mut command = doctor();
        command
            .args([
                "--skip",
                "hardware.storage-speed,plugin",
                "--format",
                "json",
                "--facts",
            ])
            .arg(file)
            .current_dir("/");
        if as_user && rustix::process::geteuid().is_root() {
            // The program itself has to be reachable for the account that may nothing.
            let place = tempfile::tempdir_in("/var/tmp").unwrap();
            for path in [place.path(), file] {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
            }
            let copy = place.path().join("bundle.tar.zst");
            let program = place.path().join("sesam-doctor");
            std::fs::copy(file, &copy).unwrap();
            std::fs::copy(env!("CARGO_BIN_EXE_sesam-doctor"), &program).unwrap();
            let output = Command::new(&program)
                .args([
                    "--skip",
                    "hardware.storage-speed,plugin",
                    "--format",
                    "json",
                    "--facts",
                ])
                .arg(&copy)
                .uid(65_534)
                .gid(65_534)
                .current_dir("/")
                .output()
                .unwrap();
            return serde_json::from_slice::<Value>(&output.stdout)
                .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
        }
        let output = command.output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
    };
    assert_eq!(judge(&bundle.file, false)["findings"], there["findings"]);
    assert_eq!(judge(&bundle.file, true)["findings"], there["findings"]);

    // Of another doctor: what is more is ignored, what is less is unknown.
    let hash = |path: &Path| {
        let output = Command::new("sha256sum").arg(path).output().unwrap();
        text(&output.stdout)
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned()
    };
    let other = bundle.repacked(
        |directory| {
            let facts = directory.join("facts.json");
            let mut content: Value =
                serde_json::from_slice(&std::fs::read(&facts).unwrap()).unwrap();
            content["schema_version"] = json!(2);
            content["quantum"] = json!({"state": "seen"});
            content.as_object_mut().unwrap().remove("layout");
            std::fs::write(&facts, content.to_string()).unwrap();
            let manifest = directory.join("manifest.json");
            let mut content: Value =
                serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
            content["schema_version"] = json!(2);
            content["colour"] = json!("blue");
            let size = std::fs::metadata(&facts).unwrap().len();
            content["members"] =
                json!([{"name": "facts.json", "source": "x", "bytes": size, "sha256": hash(&facts), "smell": 1}]);
            content.as_object_mut().unwrap().remove("left_out");
            std::fs::write(&manifest, content.to_string()).unwrap();
        },
        &["sesam-bundle/manifest.json", "sesam-bundle/facts.json"],
    );
    let report = judge(&other, false);
    let status = |id: &str| {
        let findings = report["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["id"] == id).unwrap();
        finding["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status("layout.data-dir"), "unknown");
    assert_ne!(status("license.file"), "unknown");
}

fn refusal(file: &Path) -> String {
    let output = doctor().arg("--facts").arg(file).output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert_eq!(text(&output.stdout), "");
    assert!(message.contains(&file.display().to_string()), "{message}");
    message
}

#[test]
fn damaged_bundles_are_refused_and_say_why() {
    let machine = Machine::new();
    let bundle = machine.bundle(&[]);
    let whole = std::fs::read(&bundle.file).unwrap();
    let damaged = machine.place.path().join("damaged");
    for length in [5, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&damaged, &whole[..length]).unwrap();
        let message = refusal(&damaged);
        assert!(message.contains("cut short"), "{length}: {message}");
    }
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    std::fs::write(&damaged, &flipped).unwrap();
    assert!(refusal(&damaged).contains("damaged"));

    let names = bundle.names();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let log = bundle.path("node/node.log");
    let content = std::fs::read(&log).unwrap();
    let other = bundle.repacked(
        |_| std::fs::write(&log, "x".repeat(content.len())).unwrap(),
        &all,
    );
    let message = refusal(&other);
    assert!(
        message.contains("node/node.log") && message.contains("SHA-256"),
        "{message}"
    );
    let other = bundle.repacked(
        |_| std::fs::write(&log, "longer than before, by far").unwrap(),
        &all,
    );
    assert!(refusal(&other).contains("its manifest says"));
    let other = bundle.repacked(
        |_| {
            std::fs::remove_file(&log).unwrap();
            symlink("/etc/passwd", &log).unwrap();
        },
        &all,
    );
    assert!(refusal(&other).contains("a symbolic link"));
    let other = bundle.repacked(
        |directory| {
            let manifest = directory.join("manifest.json");
            let content = std::fs::read_to_string(&manifest).unwrap();
            let acting = content.replace("node/node.log\"", "a\\u001b[2J\\u202eb\"");
            assert_ne!(acting, content);
            std::fs::write(&manifest, acting).unwrap();
        },
        &all,
    );
    let message = refusal(&other);
    assert!(!message.contains(['\u{1b}', '\u{202e}']), "{message:?}");
    std::fs::remove_file(&log).unwrap();
    std::fs::write(&log, &content).unwrap();
    let without: Vec<&str> = all
        .iter()
        .copied()
        .filter(|name| !name.ends_with("node.log"))
        .collect();
    assert!(refusal(&bundle.repacked(|_| {}, &without)).contains("which is not in it"));
    let reversed: Vec<&str> = all.iter().rev().copied().collect();
    assert!(refusal(&bundle.repacked(|_| {}, &reversed)).contains("does not begin with"));
    for extra in [
        "--transform=s,^sesam-bundle/node,sesam-bundle/../node,",
        "--transform=s,^sesam-bundle/node,/node,",
        "--transform=s,^sesam-bundle/node,sesam-bundle/\u{1b}[31mnode,",
    ] {
        let mut names = vec!["-P", extra];
        names.extend(&all);
        let said = refusal(&bundle.repacked(|_| {}, &names));
        assert!(said.contains("a name that no bundle has"), "{said}");
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }
    let link = ["--hard-dereference", "sesam-bundle"];
    assert!(refusal(&bundle.repacked(|_| {}, &link)).contains("a directory"));
}

#[test]
fn what_would_fill_a_disk_is_not_unpacked() {
    let machine = Machine::new();
    let bundle = machine.bundle(&[]);
    let names = ["sesam-bundle/manifest.json", "sesam-bundle/facts.json"];
    let bomb = |bytes: u64| {
        bundle.repacked(
            |directory| {
                let facts = std::fs::File::create(directory.join("facts.json")).unwrap();
                facts.set_len(200_000_000).unwrap();
                let manifest = json!({
                    "schema_version": 1, "tool": {"name": "sesam-doctor", "version": "0"}, "made_at": "2026-11-25T00:00:00Z",
                    "members": [{"name": "facts.json", "source": "x", "bytes": bytes, "sha256": ""}],
                });
                std::fs::write(directory.join("manifest.json"), manifest.to_string()).unwrap();
            },
            &names,
        )
    };
    assert!(refusal(&bomb(200_000_000)).contains("it was not unpacked"));
    assert!(refusal(&bomb(1_000)).contains("its manifest says"));
    assert!(refusal(&bomb(u64::MAX)).contains("it was not unpacked"));
}

#[test]
fn what_is_no_file_in_a_log_directory_is_neither_read_nor_waited_for() {
    let machine = Machine::new();
    let secret = machine.place.path().join("elsewhere");
    std::fs::write(&secret, "elsewhere-content").unwrap();
    let logs = machine.place.path().join("root").join(LOGS);
    symlink(&secret, logs.join("link.log")).unwrap();
    symlink("/etc/passwd", logs.join("absolute.log")).unwrap();
    std::fs::create_dir(logs.join("directory.log")).unwrap();
    mknodat(
        CWD,
        logs.join("pipe.log"),
        FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let bundle = machine.bundle(&["--timeout", "2"]);
    for (name, kind) in [
        ("node/link.log", "a symbolic link"),
        ("node/absolute.log", "a symbolic link"),
        ("node/directory.log", "a directory"),
        ("node/pipe.log", "a named pipe"),
    ] {
        assert!(
            bundle.reason(name).contains(kind),
            "{name}: {}",
            bundle.reason(name)
        );
        assert!(!bundle.path(name).exists());
    }
    for (name, content) in bundle.files() {
        assert!(!text(&content).contains("elsewhere-content"), "{name}");
    }
    assert!(bundle.reason("license.key").contains("secret"));
}

#[test]
fn sizes_are_kept_and_what_is_missing_is_said() {
    let machine = Machine::new();
    let noise: String = (0..400_000_u64)
        .map(|n| format!("line {n} {:016x}\n", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        .collect();
    machine.write(&format!("{LOGS}/node.log"), &noise);
    let bundle = machine.bundle(&["--log-size", "1"]);
    let log = bundle.read("node/node.log");
    assert!(
        log.len() <= 1_000_000 && log.len() > 990_000,
        "{}",
        log.len()
    );
    assert!(
        noise.ends_with(&log),
        "the end is what counts, whole lines only"
    );
    assert!(bundle.reason("node/node.log").contains("left out"));
    let small = machine.bundle(&["--log-size", "100", "--max-size", "1"]);
    assert!(std::fs::metadata(&small.file).unwrap().len() <= 1_100_000);
    assert!(small.reason("node/node.log").contains("--max-size"));
    assert!(small.path("doctor.log").exists() && small.path("report.html").exists());
    let listing = machine
        .doctor()
        .args(["bundle", "--dry-run"])
        .output()
        .unwrap();
    let listing = text(&listing.stdout);
    assert!(
        listing.contains("node/node.log") && listing.contains("facts.json"),
        "{listing}"
    );
}

#[test]
fn people_and_machines_are_hidden_where_asked_for() {
    let machine = Machine::new();
    machine.write(
        &format!("{LOGS}/node.log"),
        "jane.doe@example.com from 8.8.4.4 and 10.0.0.1, again 8.8.4.4\n",
    );
    let log = machine.bundle(&[]).read("node/node.log");
    assert!(log.contains("jane.doe@example.com") && log.contains("8.8.4.4"));
    let bundle = machine.bundle(&["--mask-identity"]);
    let log = bundle.read("node/node.log");
    assert!(
        !log.contains("jane") && !log.contains("8.8.4.4") && log.contains("10.0.0.1"),
        "{log}"
    );
    assert_eq!(bundle.manifest()["identity_masked"], true);
    let output = doctor()
        .args(["--format", "json", "--facts"])
        .arg(&bundle.file)
        .output()
        .unwrap();
    assert!(
        serde_json::from_slice::<Value>(&output.stdout).is_ok(),
        "{}",
        text(&output.stderr)
    );
}

fn is_here(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--help")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        println!("left out: {program} is not installed");
    }
    found.is_ok()
}

#[test]
fn openssh_verifies_what_was_signed() {
    if !is_here("ssh-keygen") {
        return;
    }
    let machine = Machine::new();
    let key = machine.place.path().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status()
        .unwrap();
    assert!(made.success());
    let bundle = machine.bundle(&["--sign", key.to_str().unwrap()]);
    let report = machine.place.path().join("report.json");
    let run = machine
        .doctor()
        .args(["--only", "system.os", "--sign"])
        .arg(&key)
        .arg(format!("--report=json={}", report.display()))
        .output()
        .unwrap();
    assert!(report.exists(), "{}", text(&run.stderr));
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let signers = machine.place.path().join("signers");
    std::fs::write(&signers, format!("customer@example.com {public}")).unwrap();
    let verify = |file: &Path, content: Vec<u8>| {
        let mut child = Command::new("ssh-keygen")
            .args([
                "-Y",
                "verify",
                "-I",
                "customer@example.com",
                "-n",
                "sesam-doctor",
                "-f",
            ])
            .arg(&signers)
            .arg("-s")
            .arg(format!("{}.sig", file.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(&content);
        child.wait().unwrap().success()
    };
    for file in [&bundle.file, &report] {
        let content = std::fs::read(file).unwrap();
        assert!(verify(file, content.clone()), "{}", file.display());
        assert!(!verify(file, [content, b"x".to_vec()].concat()));
    }
}

#[test]
fn age_decrypts_what_was_encrypted() {
    if !is_here("age-keygen") {
        return;
    }
    let machine = Machine::new();
    let key = machine.place.path().join("key.txt");
    let made = Command::new("age-keygen")
        .arg("-o")
        .arg(&key)
        .output()
        .unwrap();
    let public = text(&made.stderr)
        .trim()
        .rsplit(' ')
        .next()
        .unwrap()
        .to_owned();
    machine.write(
        "etc/sesam-doctor/config.toml",
        format!("bundle_recipient = \"{public}\"\n"),
    );
    let file = machine.place.path().join("bundle.age");
    let output = machine
        .doctor()
        .args(["bundle", "-o"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(refusal(&file).contains("it is encrypted"));
    let plain = machine.place.path().join("plain.tar.zst");
    let decrypted = Command::new("age")
        .args(["--decrypt", "-i"])
        .arg(&key)
        .arg("-o")
        .arg(&plain)
        .arg(&file)
        .output()
        .unwrap();
    assert!(decrypted.status.success(), "{}", text(&decrypted.stderr));
    let bundle = Bundle::unpacked(plain, Vec::new());
    assert!(bundle.path("facts.json").exists());
    let open = machine.bundle(&["--plain"]);
    assert!(open.path("facts.json").exists());
}

#[test]
fn what_is_left_out_of_a_root_disk_is_named_where_it_is() {
    let machine = Machine::new();
    machine.write("sesam/node-00/data/license.key", "x");
    let manifest = machine.bundle(&[]).manifest();
    let left_out = manifest["left_out"].as_array().unwrap();
    let license = left_out
        .iter()
        .find(|left| left["name"] == "license.key")
        .unwrap();
    assert_eq!(license["source"], "/sesam/node-00/data/license.key");
}
