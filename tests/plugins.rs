//! The site's own checks, with real programs: what each of them does, and which are never executed.
//!
//! Nothing is executed that others than root could have written, so these tests need root, and a directory that
//! only root can change; without either they say so and do nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    collections::BTreeMap,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use sesam_doctor::{
    facts::{
        Observed, Root, Site,
        plugins::{self, Outcome, PluginRun, Refusal},
    },
    profile,
    redact::Redactor,
    settings::Settings,
};
use tempfile::TempDir;

/// A directory that only root can change, with all directories above it.
fn roots_own_directory() -> Option<TempDir> {
    let base = Path::new("/var/lib");
    let is_roots = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|status| status.uid() == 0 && status.mode() & 0o022 == 0)
    };
    if !rustix::process::geteuid().is_root() || !base.ancestors().all(is_roots) {
        println!("left out: this needs root, and a /var/lib that only root can change");
        return None;
    }
    let place = tempfile::tempdir_in(base).unwrap();
    set_mode(place.path(), 0o755);
    Some(place)
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn write(directory: &Path, name: &str, script: impl AsRef<[u8]>, mode: u32) {
    let path = directory.join(name);
    std::fs::write(&path, script).unwrap();
    set_mode(&path, mode);
}

fn script(directory: &Path, name: &str, lines: &str) {
    write(directory, name, format!("#!/bin/sh\n{lines}\n"), 0o755);
}

/// Waits as long as this test runs, and not longer, however the test ends.
fn waiting() -> String {
    let test = std::process::id();
    format!("while kill -0 {test} 2>/dev/null; do sleep 0.2; done")
}

/// A program that hangs, as does another that it starts; both have the pipe open.
fn hanging(pipe: &Path) -> String {
    format!(
        "exec 3<>{}; ({}) & {}",
        pipe.display(),
        waiting(),
        waiting()
    )
}

fn site(directory: &Path, deadline: Duration) -> Site {
    Site {
        root: Root::machine(),
        profile: Arc::new(profile::load(profile::DEFAULT).unwrap()),
        settings: Arc::new(Settings {
            plugins_dir: Some(directory.to_path_buf()),
            ..Settings::default()
        }),
        deadline,
        redactor: Redactor::default(),
    }
}

async fn observe(directory: &Path, deadline: Duration) -> BTreeMap<String, Outcome> {
    match plugins::observe(site(directory, deadline)).await {
        Observed::Seen(runs) => runs
            .into_iter()
            .map(|PluginRun { id, outcome, .. }| (id, outcome))
            .collect(),
        other => panic!("{other:?}"),
    }
}

const PLENTY: Duration = Duration::from_mins(2);

#[tokio::test]
async fn each_way_to_end_is_told() {
    let Some(place) = roots_own_directory() else {
        return;
    };
    let directory = place.path();
    script(directory, "well", "echo 'OK | a=1'");
    script(
        directory,
        "bad.sh",
        "echo 'CRITICAL: none' >&1; echo why >&2; exit 2",
    );
    script(directory, "odd", "exit 77");
    script(directory, "crash", "kill -SEGV $$");
    script(
        directory,
        "flood",
        "head -c 1000000 /dev/zero | tr '\\0' x; exit 1",
    );
    script(directory, "latin", "printf 'OK \\344\\n'");
    let held = pipe(place.path());
    let daemon = format!("exec 3<>{}; {} & echo started", held.display(), waiting());
    script(directory, "daemon", &daemon);
    script(
        directory,
        "surroundings",
        "cat; pwd; echo \"$HOME$USER$#\"; echo $LC_ALL",
    );
    write(directory, "no-interpreter", "echo hello\n", 0o755);
    write(directory, "lost-interpreter", "#!/no/such/shell\n", 0o755);
    let found = observe(directory, PLENTY).await;
    let exited = |name: &str| match &found[name] {
        Outcome::Exited { code, said } => (*code, said.clone()),
        other => panic!("{name}: {other:?}"),
    };
    let (code, said) = exited("well");
    assert_eq!((code, said.output.as_str()), (0, "OK | a=1\n"));
    let (code, said) = exited("bad");
    assert_eq!((code, said.complaint.as_str()), (2, "why\n"));
    assert_eq!(exited("odd").0, 77);
    let (code, said) = exited("flood");
    assert_eq!((code, said.output.len(), said.cut), (1, 65_536, true));
    let (code, said) = exited("latin");
    assert_eq!(
        (code, said.output.as_str(), said.is_utf8),
        (0, "OK \u{fffd}\n", false)
    );
    assert_eq!(exited("daemon").1.output, "started\n");
    while is_held(&held) {
        tokio::task::yield_now().await;
    }
    assert_eq!(exited("surroundings").1.output, "/\n0\nC\n");
    assert!(matches!(
        found["crash"],
        Outcome::Crashed { signal: 11, .. }
    ));
    for (name, word) in [
        ("no-interpreter", "no program"),
        ("lost-interpreter", "missing"),
    ] {
        assert!(
            matches!(&found[name], Outcome::NotStarted(why) if why.contains(word)),
            "{:?}",
            found[name]
        );
    }
}

#[tokio::test]
async fn what_others_could_have_written_is_never_executed() {
    let Some(place) = roots_own_directory() else {
        return;
    };
    let directory = &place.path().join("checks.d");
    std::fs::create_dir(directory).unwrap();
    set_mode(directory, 0o755);
    let witness = place.path().join("executed");
    let lines = format!("touch {}", witness.display());
    for name in ["group", "world", "somebody", "setuid", "readme"] {
        script(directory, name, &lines);
    }
    set_mode(&directory.join("group"), 0o775);
    set_mode(&directory.join("world"), 0o757);
    chown(directory.join("somebody"), Some(1_000), None).unwrap();
    set_mode(&directory.join("setuid"), 0o4755);
    set_mode(&directory.join("readme"), 0o644);
    let outside = tempfile::tempdir_in("/tmp").unwrap();
    script(outside.path(), "target", &lines);
    symlink(outside.path().join("target"), directory.join("link")).unwrap();
    let open = place.path().join("open");
    std::fs::create_dir(&open).unwrap();
    script(&open, "target", &lines);
    set_mode(&open, 0o777);
    symlink("../open/target", directory.join("climbing")).unwrap();
    symlink("turn", directory.join("turn")).unwrap();
    symlink("nowhere", directory.join("dangling")).unwrap();
    std::fs::create_dir(directory.join("folder")).unwrap();
    script(directory, ".hidden", &lines);
    script(directory, "copy~", &lines);
    symlink("/bin/true", directory.join("trusted")).unwrap();

    let found = observe(directory, PLENTY).await;
    assert!(!witness.exists());
    let told: Vec<(&str, &str)> = found
        .iter()
        .map(|(name, outcome)| {
            let told = match outcome {
                Outcome::Refused(Refusal::NotRootOwned { .. }) => "not root's",
                Outcome::Refused(Refusal::WritableByOthers { .. }) => "writable",
                Outcome::Refused(Refusal::ForeignRights { .. }) => "rights",
                Outcome::NotExecutable => "not executable",
                Outcome::NotStarted(_) => "not started",
                Outcome::Exited { code: 0, .. } => "executed",
                other => panic!("{name}: {other:?}"),
            };
            (name.as_str(), told)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("climbing", "writable"),
            ("dangling", "not started"),
            ("group", "writable"),
            ("link", "writable"),
            ("readme", "not executable"),
            ("setuid", "rights"),
            ("somebody", "not root's"),
            ("trusted", "executed"),
            ("turn", "not started"),
            ("world", "writable"),
        ]
    );
    // A directory above that others can write makes all of it theirs.
    set_mode(place.path(), 0o1777);
    for (name, outcome) in observe(directory, PLENTY).await {
        assert!(
            matches!(outcome, Outcome::Refused(Refusal::WritableByOthers { .. })),
            "{name}: {outcome:?}"
        );
    }
    assert!(!witness.exists());
}

#[tokio::test]
async fn plugins_that_hang_share_one_deadline_and_leave_nobody_behind() {
    let Some(place) = roots_own_directory() else {
        return;
    };
    let directory = &place.path().join("checks.d");
    std::fs::create_dir(directory).unwrap();
    set_mode(directory, 0o755);
    let held = pipe(place.path());
    for number in 0..9 {
        script(directory, &format!("hang-{number}"), &hanging(&held));
    }
    let found = observe(directory, Duration::from_millis(500)).await;
    assert_eq!(found.len(), 9);
    assert!(
        found
            .values()
            .all(|outcome| matches!(outcome, Outcome::TimedOut(_))),
        "{found:?}"
    );
    while is_held(&held) {
        tokio::task::yield_now().await;
    }
}

#[test]
fn an_interrupted_run_takes_its_plugins_along() {
    let Some(place) = roots_own_directory() else {
        return;
    };
    let directory = &place.path().join("checks.d");
    std::fs::create_dir(directory).unwrap();
    set_mode(directory, 0o755);
    let held = pipe(place.path());
    script(directory, "hang", &hanging(&held));
    let config = place.path().join("config.toml");
    std::fs::write(
        &config,
        format!("plugins_dir = \"{}\"\n", directory.display()),
    )
    .unwrap();
    let reports = place.path().join("reports");
    std::fs::create_dir(&reports).unwrap();
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_sesam-doctor"))
        .args(["--no-progress", "--timeout", "100", "check", "plugin"])
        .arg("--config")
        .arg(&config)
        .arg("--report")
        .arg(format!("json={}", reports.join("report.json").display()))
        .spawn()
        .unwrap();
    while !is_held(&held) {
        assert!(doctor.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_child(&doctor);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(doctor.wait().unwrap().code(), Some(143));
    let left = std::fs::read_dir(&reports).unwrap().count();
    assert_eq!(
        left, 0,
        "an interrupted run leaves no report, whole or half"
    );
    while is_held(&held) {
        std::thread::yield_now();
    }
}

fn pipe(directory: &Path) -> PathBuf {
    let pipe = directory.join("held");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    pipe
}

/// Whether anybody reads from a pipe: where nobody does, a writer that does not wait is refused.
fn is_held(pipe: &Path) -> bool {
    rustix::fs::open(
        pipe,
        rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK,
        rustix::fs::Mode::empty(),
    )
    .is_ok()
}

#[tokio::test]
async fn a_directory_that_cannot_be_listed_is_not_an_empty_one() {
    let place = tempfile::tempdir().unwrap();
    let missing = plugins::observe(site(&place.path().join("none"), PLENTY)).await;
    assert_eq!(missing, Observed::Absent);
    let file = place.path().join("file");
    std::fs::write(&file, "").unwrap();
    let wrong = plugins::observe(site(&file, PLENTY)).await;
    assert!(matches!(wrong, Observed::Failed(why) if why.contains("not a directory")));
    let mut elsewhere = site(place.path(), PLENTY);
    elsewhere.root = Root::at(place.path()).unwrap();
    assert_eq!(plugins::observe(elsewhere).await, Observed::NotAsked);
}

/// Runs the doctor on the plugins of a directory; with `uid`, as that user.
fn doctor(
    directory: &Path,
    arguments: &[&str],
    uid: Option<u32>,
) -> Option<(i32, serde_json::Value)> {
    let config = directory.with_extension("toml");
    std::fs::write(
        &config,
        format!("plugins_dir = \"{}\"\n", directory.display()),
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sesam-doctor"));
    command
        .args(["--no-progress", "--format", "json", "--config"])
        .arg(&config)
        .args(arguments);
    if let Some(uid) = uid {
        command.uid(uid).gid(uid);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            println!("left out: the doctor cannot be started as user {uid:?}: {error}");
            return None;
        }
    };
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    Some((output.status.code().unwrap(), report))
}

fn told(report: &serde_json::Value) -> Vec<(String, String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["category"] == "plugin")
        .map(|finding| {
            (
                text(&finding["id"]),
                text(&finding["status"]),
                text(&finding["cause"]),
            )
        })
        .collect()
}

fn row(id: &str, status: &str, cause: &str) -> (String, String, String) {
    (id.to_owned(), status.to_owned(), cause.to_owned())
}

#[test]
fn a_report_has_a_finding_for_each_and_recorded_facts_the_same() {
    let Some(place) = roots_own_directory() else {
        return;
    };
    let directory = &place.path().join("checks.d");
    std::fs::create_dir(directory).unwrap();
    set_mode(directory, 0o755);
    script(
        directory,
        "backup.sh",
        "echo 'CRITICAL: 3 days old | age=72h'; exit 2",
    );
    script(directory, "tunnel.sh", "echo up");
    write(directory, "private", "#!/bin/sh\nexit 0\n", 0o700);
    let expected = [
        row("plugin.backup", "fail", "critical"),
        row("plugin.private", "pass", ""),
        row("plugin.tunnel", "pass", ""),
    ];
    let (code, report) = doctor(directory, &["check", "plugin"], None).unwrap();
    assert_eq!((code, told(&report)), (2, expected.to_vec()));

    let facts = place.path().join("facts.json");
    let recorded = facts.to_str().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_sesam-doctor"))
        .args(["--no-progress", "--only", "plugin", "--config"])
        .arg(directory.with_extension("toml"))
        .args(["facts", "-o", recorded])
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::remove_dir_all(directory).unwrap();
    let (code, replayed) =
        doctor(directory, &["check", "plugin", "--facts", recorded], None).unwrap();
    assert_eq!((code, told(&replayed)), (2, expected.to_vec()));
}

#[test]
fn a_user_who_may_not_run_a_plugin_hears_that_root_may() {
    let Some(place) = roots_own_directory() else {
        return;
    };
    let directory = &place.path().join("checks.d");
    std::fs::create_dir(directory).unwrap();
    set_mode(directory, 0o755);
    write(directory, "private", "#!/bin/sh\nexit 0\n", 0o700);
    script(directory, "public", "echo fine");
    let Some((code, report)) = doctor(directory, &["check", "plugin"], Some(65_534)) else {
        return;
    };
    let expected = [
        row("plugin.private", "unknown", "needs-root"),
        row("plugin.public", "pass", ""),
    ];
    assert_eq!((code, told(&report)), (3, expected.to_vec()));
    set_mode(directory, 0o700);
    let (_, report) = doctor(directory, &["check", "plugin"], Some(65_534)).unwrap();
    assert_eq!(
        told(&report),
        [row("plugin.directory", "unknown", "needs-root")]
    );
}
