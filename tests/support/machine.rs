//! The lab's customer machine (`tests/lab/machine`): booted for a test, gone with it.
#![allow(dead_code)]

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// A machine that runs.
pub struct Machine {
    child: Child,
    init: String,
}

fn lab() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab")
}

/// Whether machines can be had here; where not, the reason is printed as what was left out.
pub fn available() -> bool {
    if !rustix::process::geteuid().is_root() {
        println!("left out: the lab's customer machine: it needs root");
        return false;
    }
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab-cache");
    std::fs::create_dir_all(&cache).unwrap();
    // One test builds, the others wait.
    let lock = File::create(cache.join("machine.lock")).unwrap();
    lock.lock().unwrap();
    for script in ["build-machine", "fetch-compose-v2"] {
        let built = Command::new(lab().join(script)).output().unwrap();
        if !built.status.success() {
            println!(
                "left out: the lab's customer machine: {}",
                String::from_utf8_lossy(&built.stderr).trim()
            );
            return false;
        }
    }
    true
}

/// What a machine's outside is made of, beyond the machine's own tools.
const OUTSIDE_TOOLS: [&str; 6] = [
    "docker-registry",
    "htpasswd",
    "nginx",
    "dnsmasq",
    "openssl",
    "python3",
];

/// The same for machines with an outside, see [`Machine::boot_with_outside`].
pub fn available_with_outside() -> bool {
    let search = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
    let missing = OUTSIDE_TOOLS
        .iter()
        .find(|tool| !std::env::split_paths(&search).any(|place| place.join(tool).exists()));
    if let Some(tool) = missing {
        println!("left out: the lab's customer machine with an outside: {tool} is missing");
        return false;
    }
    available()
}

impl Machine {
    /// Boots a machine with the doctor under test in it, and makes the images of the stack.
    pub fn boot() -> Self {
        Self::boot_as(&[])
    }

    /// The same with a network, on which there are Docker Hub, a registry of the customer's own and every other host that the
    /// product needs; the images of the stack are published there (`tests/lab/guest/hub` says what can become of it).
    pub fn boot_with_outside() -> Self {
        let machine = Self::boot_as(&[("OUTSIDE", "1")]);
        machine.sh("hub publish");
        machine
    }

    fn boot_as(variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(lab().join("machine"))
            .arg("run")
            .env("DOCTOR", env!("CARGO_BIN_EXE_sesam-doctor"))
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let init = line
            .trim()
            .strip_prefix("ready ")
            .unwrap_or_else(|| panic!("the machine did not boot: {line}"))
            .to_owned();
        let machine = Self { child, init };
        machine.sh("images");
        machine
    }

    /// Kills whoever holds the machine, as a test that is killed would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether the guest's first process still runs.
    pub fn lives(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.init));
        status.is_ok_and(|status| !status.contains("State:\tZ"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.entering(Command::new(lab().join("machine")), arguments)
    }

    /// `command` ends in the lab's `machine`.
    fn entering(&self, mut command: Command, arguments: &[&str]) -> Command {
        command
            .args(["enter", &self.init, "env", "-i", "HOME=/root"])
            .arg("PATH=/usr/share/lab/guest:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// The report of the doctor, run in the machine as on Linux 3.10.
    pub fn report_on_old_kernel(&self, arguments: &str) -> Value {
        let mut launcher = Command::new(old_kernel());
        launcher.arg(lab().join("machine"));
        let doctor = format!("sesam-doctor --offline --format json {arguments}");
        parsed(&doctor, self.entering(launcher, &["sh", "-c", &doctor]))
    }

    /// Runs a script in the machine, and fails with what it printed where it fails.
    pub fn sh(&self, script: &str) -> String {
        let output = self.command(&["sh", "-euc", script]).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{script}\n{said}");
        said
    }

    /// The report of the doctor, run in the machine.
    pub fn report(&self, arguments: &str) -> Value {
        self.json(&format!("sesam-doctor --offline --format json {arguments}"))
    }

    /// The same, run by an account that may nothing.
    pub fn report_as_nobody(&self, arguments: &str) -> Value {
        self.json(&format!(
            "setpriv --reuid 65534 --regid 65534 --clear-groups sesam-doctor --offline --format json {arguments}"
        ))
    }

    /// The report of a run that may use the network.
    pub fn online_report(&self, arguments: &str) -> Value {
        self.json(&format!("sesam-doctor --format json {arguments}"))
    }

    /// What the doctor observes in the machine.
    pub fn facts(&self, arguments: &str) -> Value {
        self.json(&format!("sesam-doctor --offline {arguments}"))
    }

    fn json(&self, doctor: &str) -> Value {
        parsed(doctor, self.command(&["sh", "-c", doctor]))
    }
}

/// What a command printed, as JSON; `said` is what a failure calls it.
fn parsed(said: &str, mut command: Command) -> Value {
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{said}: {error}\n{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// The program that runs another one without newer system calls.
pub fn old_kernel() -> PathBuf {
    lab().join("old_kernel.py")
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Its stdin closed, it ends by itself and takes everything along.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What a report finds wrong and not explained by anything else, as `id cause`.
pub fn troubles(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .filter(|finding| {
            ["fail", "warn", "unknown"].contains(&finding["status"].as_str().unwrap())
        })
        .map(|finding| {
            format!(
                "{} {}",
                finding["id"].as_str().unwrap(),
                finding["cause"].as_str().unwrap_or("-")
            )
        })
        .collect()
}
