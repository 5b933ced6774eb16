//! The lab's customer machine (`tests/lab/machine`): booted for a test, gone with it.
#![allow(dead_code)]

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// A machine that runs.
pub struct Machine {
    child: Child,
    init: String,
}

/// The doctor under test; the clinic may name one that is built for speed.
fn doctor() -> PathBuf {
    std::env::var_os("SESAM_DOCTOR_UNDER_TEST")
        .map_or_else(|| env!("CARGO_BIN_EXE_sesam-doctor").into(), PathBuf::from)
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

/// The same for machines with Docker Engine 26, see [`Machine::boot_with_engine_26`].
pub fn available_with_engine_26() -> bool {
    if !available() {
        return false;
    }
    let fetched = Command::new(lab().join("fetch-engine-26"))
        .output()
        .unwrap();
    if !fetched.status.success() {
        let why = String::from_utf8_lossy(&fetched.stderr).trim().to_owned();
        println!("left out: the lab's customer machine with Docker Engine 26: {why}");
    }
    fetched.status.success()
}

/// What a machine's outside is made of, beyond the machine's own tools.
#[allow(dead_code)]
const OUTSIDE_TOOLS: [&str; 8] = [
    "docker-registry",
    "htpasswd",
    "nginx",
    "dnsmasq",
    "openssl",
    "python3",
    "pebble",
    "lego",
];

/// The same for machines with an outside, see [`Machine::boot_with_outside`].
#[allow(dead_code)]
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

/// Whether Docker's packages can be had for a machine without them.
pub fn packages_available() -> bool {
    let fetched = Command::new(lab().join("fetch-packages")).output().unwrap();
    if !fetched.status.success() {
        println!(
            "left out: machines without Docker: {}",
            String::from_utf8_lossy(&fetched.stderr).trim()
        );
    }
    fetched.status.success()
}

// Not every test uses all of it.
#[allow(dead_code)]
impl Machine {
    /// Boots a machine with the doctor under test in it, and makes the images of the stack.
    pub fn boot() -> Self {
        Self::boot_as(&[])
    }

    /// The same with Debian trixie's Docker in place of bookworm's.
    pub fn boot_with_engine_26() -> Self {
        Self::boot_as(&[("ENGINE", "26")])
    }

    /// The same with a network, on which there are Docker Hub, a registry of the customer's own and every other host that the
    /// product needs; the images of the stack are published there (`tests/lab/guest/hub` says what can become of it).
    pub fn boot_with_outside() -> Self {
        let machine = Self::boot_as(&[("OUTSIDE", "1")]);
        machine.sh("hub publish");
        machine
    }

    /// Boots one in the network namespace of a file, and makes no images.
    pub fn boot_in(network: &Path) -> Self {
        Self::started(&[("NETWORK", network.to_str().unwrap())])
    }

    fn boot_as(variables: &[(&str, &str)]) -> Self {
        let machine = Self::started(variables);
        machine.sh("images");
        machine
    }

    fn started(variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(lab().join("machine"))
            .arg("run")
            .env("DOCTOR", doctor())
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
        Self { child, init }
    }

    /// Its root directory, as seen from here.
    pub fn root(&self) -> PathBuf {
        Path::new("/proc").join(&self.init).join("root")
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
            .unwrap_or_else(|said| panic!("{said}"))
    }

    /// Runs a script in the machine, and fails with what it printed where it fails.
    pub fn sh(&self, script: &str) -> String {
        self.try_sh(script).unwrap_or_else(|said| panic!("{said}"))
    }

    /// The same; what it printed is the error where it fails.
    pub fn try_sh(&self, script: &str) -> Result<String, String> {
        let output = self.command(&["sh", "-euc", script]).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        if output.status.success() {
            Ok(said)
        } else {
            Err(format!("{script}\n{said}"))
        }
    }

    /// Writes a file in the machine.
    pub fn write(&self, path: &str, content: &str) {
        let mut child = self
            .command(&["sh", "-euc", "cat >\"$1\"", "sh", path])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(content.as_bytes())
            .unwrap();
        assert!(child.wait().unwrap().success(), "{path}");
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
        self.try_json(doctor)
            .unwrap_or_else(|said| panic!("{said}"))
    }

    /// What a command prints, as JSON; what it says else is the error where that is none.
    pub fn try_json(&self, command: &str) -> Result<Value, String> {
        parsed(command, self.command(&["sh", "-c", command]))
    }
}

/// What a command printed, as JSON; `said` is what a failure calls it.
fn parsed(doctor: &str, mut command: Command) -> Result<Value, String> {
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!("{doctor}: {error}\n{said}")
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
