//! The lab's internet, as tests start and command it.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

pub const PREFIX: &str = "sesam-doctor-lab-internet-";

const TOOLS: [&str; 11] = [
    "unshare",
    "ip",
    "nft",
    "nginx",
    "squid",
    "dnsmasq",
    "openssl",
    "python3",
    "faketime",
    "microsocks",
    "pebble",
];

/// A running lab; it ends with its stdin, and so with this process, however that ends.
pub struct Lab {
    directory: tempfile::TempDir,
    script: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

// Not every test uses all of it.
#[allow(dead_code)]
impl Lab {
    /// Starts one, with the doctor under test in it.
    pub fn start() -> Self {
        clear_away_what_dead_runs_left();
        let directory = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .tempdir()
            .unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/internet/lab.sh");
        let mut script = Command::new("unshare")
            .args([
                "--mount",
                "--net",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "bash",
            ])
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
        lab
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Runs a command of the lab, and gives its answer: `done STATUS`.
    pub fn run(&mut self, commands: &str) -> String {
        let line = commands.replace('\n', "; ");
        writeln!(self.commands.as_mut().unwrap(), "{line}").unwrap();
        self.answer()
    }

    /// A file of the lab's directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where the lab keeps its files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The root directory of the lab's processes, as seen from here.
    pub fn root(&self) -> PathBuf {
        let unshare = self.script.id();
        let children = format!("/proc/{unshare}/task/{unshare}/children");
        let child = std::fs::read_to_string(children).unwrap();
        Path::new("/proc").join(child.trim()).join("root")
    }

    /// Closes the lab's stdin, and waits until it has ended.
    pub fn hang_up(&mut self) {
        drop(self.commands.take());
        let _ = self.script.wait();
    }
}

/// A run that was killed leaves a directory of files behind, and nothing else.
fn clear_away_what_dead_runs_left() {
    for entry in std::fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('-'))
            .map(|(pid, _)| pid);
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The script ends when its stdin does, and with it everything that it started.
        self.hang_up();
    }
}

/// Whether a lab can be had here; where not, the reason is printed as what was left out.
pub fn may_run() -> bool {
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
    assert!(!required, "the lab needs root and {missing:?}");
    println!("left out: the lab of the network: it needs root and {missing:?}");
    false
}
