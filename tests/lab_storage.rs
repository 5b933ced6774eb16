//! Real file systems in a private mount namespace: small, full, read-only, dead.
//!
//! Needs root, `unshare` and `setpriv` (util-linux), and for single tests e2fsprogs, xfsprogs or Python. What is not
//! there is left out, and the test says so on stdout. Every mount is gone with the process that made it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// A place of its own, and a profile that has the product's paths in it.
struct Lab {
    place: TempDir,
}

/// The tools without which no test here can run.
const ALWAYS: &[&str] = &["unshare", "setpriv", "mount", "timeout", "sh"];

impl Lab {
    /// Nothing, and a word on stdout, where this machine cannot do what the test needs.
    fn new(test: &str, tools: &[&str]) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("left out: {test}: it needs root");
            return None;
        }
        if let Some(tool) = ALWAYS.iter().chain(tools).find(|tool| !is_there(tool)) {
            println!("left out: {test}: {tool} is not installed");
            return None;
        }
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let lab = Self { place };
        for directory in ["data", "docker", "sesam/node-00/logs", "agent", "units"] {
            fs::create_dir_all(lab.path(directory)).unwrap();
        }
        fs::write(lab.path("fstab"), "# none\n").unwrap();
        fs::write(lab.path("profile.toml"), lab.profile()).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_sesam-doctor"), lab.path("doctor")).unwrap();
        Some(lab)
    }

    fn path(&self, below: &str) -> PathBuf {
        self.place.path().canonicalize().unwrap().join(below)
    }

    fn profile(&self) -> String {
        let root = self.path("").display().to_string();
        let root = root.trim_end_matches('/');
        format!(
            r#"
            extends = "2023"
            name = "lab"
            [hardware]
            cpus = 1
            memory_bytes = 1
            data_partition_bytes = 60_000_000
            fdatasync_writes = 20
            [storage]
            free_warn_bytes = 1_000_000
            docker_root = "{root}/docker"
            [layout]
            data_mount = "{root}/data"
            data_dir = "{root}/data/sesam/node-00/data"
            node_dir = "{root}/sesam/node-00"
            data_link = "{root}/sesam/node-00/data"
            logs_dir = "{root}/sesam/node-00/logs"
            agent_dir = "{root}/agent"
            letsencrypt_dir = "{root}/data/traefik/letsencrypt"
            certificates_dir = "{root}/data/traefik/certs"
            license_file = "{root}/data/sesam/node-00/data/license.key"
            "#
        )
    }

    /// An empty file for a file system of that many bytes.
    fn image(&self, bytes: u64) -> PathBuf {
        let path = self.path("image");
        fs::File::create(&path).unwrap().set_len(bytes).unwrap();
        path
    }

    /// Runs a script in a mount namespace of its own, with the lab's fstab and units for the machine's.
    fn run(&self, script: &str) -> Output {
        let prelude = "set -e; cd \"$LAB\"; mount --bind fstab /etc/fstab; \
                       if [ -d /etc/systemd/system ]; then mount --bind units /etc/systemd/system; fi;";
        let output = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "timeout", "--kill-after=5", "120"])
            .args(["unshare", "--mount", "--propagation", "private"])
            .args(["sh", "-c", &format!("{prelude}\n{script}")])
            .env("LAB", self.path(""))
            .env(
                "DOCTOR",
                format!(
                    "{} --offline --profile {} --config {} --no-progress --format json",
                    self.path("doctor").display(),
                    self.path("profile.toml").display(),
                    self.config().display()
                ),
            )
            .output()
            .unwrap();
        assert!(
            output.status.code() != Some(124),
            "the run did not end: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    fn config(&self) -> PathBuf {
        let path = self.path("config.toml");
        fs::write(&path, "").unwrap();
        path
    }

    /// The report that a script ends in.
    fn report(&self, script: &str) -> Report {
        let output = self.run(script);
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "no report ({error}): {}",
                String::from_utf8_lossy(&output.stderr)
            )
        });
        Report(report)
    }
}

fn is_there(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|directory: PathBuf| directory.join(tool).exists())
}

/// What stands on a laid-out data disk.
const LAY_OUT: &str = "mkdir -p data/sesam/node-00/data data/traefik/letsencrypt; \
                       ln -s ../../data/sesam/node-00/data sesam/node-00/data;";

const EXT4: &str = "mkfs.ext4 -q -F -m 0 image; mount -o loop image data;";

const REPORT: &str = "$DOCTOR --timeout 5 || true";

struct Report(Value);

impl Report {
    fn finding(&self, id: &str) -> &Value {
        self.0["findings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|finding| finding["id"] == id)
            .unwrap_or_else(|| panic!("no finding {id}"))
    }

    /// Holds findings to a status and a cause.
    fn expect(&self, expected: &[(&str, &str, Option<&str>)]) {
        for (id, status, cause) in expected {
            let finding = self.finding(id);
            assert_eq!(
                (
                    finding["status"].as_str().unwrap(),
                    finding["cause"].as_str()
                ),
                (*status, *cause),
                "{id}: {}",
                finding["summary"]
            );
        }
    }
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

#[test]
fn a_data_disk_laid_out_by_the_manual_passes() {
    let Some(lab) = Lab::new("ext4 data disk", &["mkfs.ext4"]) else {
        return;
    };
    lab.image(64 << 20);
    let report = lab.report(&format!(
        "echo \"/dev/x $PWD/data/ ext4 defaults 0 2\" > /etc/fstab; {EXT4} {LAY_OUT} {REPORT}; find data -name '*tmp*' > left"
    ));
    report.expect(&[
        ("hardware.data-partition", "pass", None),
        ("storage.data-space", "pass", None),
        ("storage.data-mount", "pass", None),
        ("storage.data-writable", "pass", None),
        ("layout.data-dir", "pass", None),
        ("layout.node-dir", "pass", None),
        ("layout.data-link", "pass", None),
        ("layout.logs-dir", "pass", None),
        ("layout.agent-dir", "pass", None),
        ("layout.letsencrypt-dir", "pass", None),
    ]);
    let partition = report.finding("hardware.data-partition");
    assert_eq!(partition["observed"], 64 << 20);
    // How fast this machine is nobody can promise; that it was measured, one can.
    let labels: Vec<&str> = report.finding("hardware.storage-speed")["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|evidence| evidence["label"].as_str().unwrap())
        .collect();
    for label in ["p50", "p99", "max"] {
        assert!(labels.contains(&label), "{labels:?}");
    }
    assert_eq!(fs::read_to_string(lab.path("left")).unwrap(), "");
    assert!(
        is_empty(&lab.path("data")),
        "the mount outlived its namespace"
    );
}

#[test]
fn a_data_disk_that_is_mounted_nearer_to_the_data_is_the_data_disk() {
    let Some(lab) = Lab::new("ext4 below the data mount", &["mkfs.ext4"]) else {
        return;
    };
    lab.image(64 << 20);
    let report = lab.report(&format!(
        "echo \"/dev/x $PWD/data/sesam ext4 defaults 0 2\" > /etc/fstab; mkfs.ext4 -q -F -m 0 image; mkdir data/sesam; \
         mount -o loop image data/sesam; {LAY_OUT} {REPORT}; umount data/sesam; rm -r data/*"
    ));
    report.expect(&[
        ("hardware.data-partition", "pass", None),
        ("storage.data-space", "pass", None),
        ("storage.data-mount", "pass", None),
        ("layout.data-link", "pass", None),
    ]);
    let partition = report.finding("hardware.data-partition");
    assert_eq!(partition["observed"], 64 << 20);
}

#[test]
fn xfs_tells_the_types_of_its_entries() {
    let Some(lab) = Lab::new("xfs data disk", &["mkfs.xfs"]) else {
        return;
    };
    lab.image(320 << 20);
    let output = lab.run(&format!(
        "mkfs.xfs -q -f image; mount -o loop image data; {LAY_OUT} $DOCTOR facts"
    ));
    let facts: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let data = &facts["volumes"]["value"]["data"]["value"];
    assert_eq!(data["mount"]["fs_type"], "xfs");
    assert_eq!(data["entry_types"]["value"], true);
}

#[test]
fn xfs_without_ftype_is_warned_of() {
    let Some(lab) = Lab::new("xfs without ftype", &["mkfs.xfs"]) else {
        return;
    };
    lab.image(320 << 20);
    let output = lab.run(&format!(
        "mkfs.xfs -q -f -m crc=0 -n ftype=0 image >&2 && mount -o loop image data >&2 || exit 77; {LAY_OUT} {REPORT}"
    ));
    if output.status.code() == Some(77) {
        println!("left out: xfs without ftype: this kernel or mkfs.xfs no longer knows it");
        return;
    }
    let report = Report(serde_json::from_slice(&output.stdout).unwrap());
    report.expect(&[("storage.data-writable", "warn", Some("no-ftype"))]);
}

#[test]
fn a_read_only_data_disk_fails_and_explains_what_follows() {
    let Some(lab) = Lab::new("read-only data disk", &["mkfs.ext4"]) else {
        return;
    };
    lab.image(64 << 20);
    let report = lab.report(&format!("{EXT4} mount -o remount,ro data; {REPORT}"));
    report.expect(&[
        ("storage.data-writable", "fail", Some("read-only")),
        (
            "hardware.storage-speed",
            "blocked",
            Some("observation-failed"),
        ),
        ("layout.data-dir", "blocked", Some("missing")),
    ]);
    assert_eq!(
        report.finding("layout.data-dir")["because_of"][0],
        "storage.data-writable"
    );
}

#[test]
fn a_full_data_disk_fails_and_cannot_be_measured() {
    let Some(lab) = Lab::new("full data disk", &["mkfs.ext4", "dd"]) else {
        return;
    };
    lab.image(64 << 20);
    let report = lab.report(&format!(
        "{EXT4} {LAY_OUT} for part in 1 2 3; do dd if=/dev/zero of=data/$part bs=1k 2>/dev/null || true; sync; done; {REPORT}"
    ));
    report.expect(&[
        ("storage.data-space", "fail", Some("almost-full")),
        (
            "hardware.storage-speed",
            "unknown",
            Some("observation-failed"),
        ),
        ("layout.data-dir", "pass", None),
    ]);
    let speed = report.finding("hardware.storage-speed")["summary"].to_string();
    assert!(speed.contains("no space is left"), "{speed}");
}

#[test]
fn a_data_disk_without_inodes_fails() {
    let Some(lab) = Lab::new("few inodes", &[]) else {
        return;
    };
    let report = lab.report(&format!(
        "mount -t tmpfs -o nr_inodes=10,size=64m few data; {LAY_OUT} touch data/1 data/2 data/3 data/4 || true; {REPORT}"
    ));
    report.expect(&[
        ("storage.inodes", "fail", Some("out-of-inodes")),
        (
            "storage.data-writable",
            "warn",
            Some("unsupported-file-system"),
        ),
        ("hardware.data-partition", "pass", None),
    ]);
}

#[test]
fn only_what_is_mounted_at_boot_is_persistent() {
    let Some(lab) = Lab::new("persistence", &[]) else {
        return;
    };
    let bind = "mkdir -p disk; mount --bind disk data;";
    let by_hand = ("storage.data-mount", "warn", Some("not-persistent"));
    lab.report(&format!("{bind} {REPORT}")).expect(&[by_hand]);
    lab.report(&format!(
        "{bind} echo \"/dev/x $PWD/data none bind,noauto 0 0\" > /etc/fstab; {REPORT}"
    ))
    .expect(&[by_hand]);
    lab.report(&format!(
        "{bind} echo \"/disk $PWD/data none bind 0 0\" > /etc/fstab; {REPORT}"
    ))
    .expect(&[("storage.data-mount", "pass", None)]);
    if Path::new("/etc/systemd/system").is_dir() {
        lab.report(&format!(
            "{bind} echo '# none' > /etc/fstab; printf '[Mount]\\nWhere=%s/data\\n' \"$PWD\" > units/x.mount; {REPORT}"
        ))
        .expect(&[("storage.data-mount", "pass", None)]);
    } else {
        println!("left out: persistence by a unit: this machine has no /etc/systemd/system");
    }
}

#[test]
fn an_ordinary_directory_is_no_mount() {
    let Some(lab) = Lab::new("no mount", &[]) else {
        return;
    };
    let report = lab.report(&format!("{LAY_OUT} {REPORT}"));
    report.expect(&[
        ("storage.data-mount", "warn", Some("not-a-mount")),
        ("hardware.data-partition", "warn", Some("on-root-disk")),
        ("layout.data-link", "pass", None),
    ]);
}

#[test]
fn the_root_disk_variant_is_recognised() {
    let Some(lab) = Lab::new("root-disk variant", &[]) else {
        return;
    };
    let report = lab.report(&format!(
        "rmdir data; mkdir sesam/node-00/data; printf x >sesam/node-00/data/license.key; {REPORT}"
    ));
    report.expect(&[
        // The license lies with the data.
        ("license.file", "warn", Some("world-readable")),
        ("storage.data-mount", "warn", Some("not-a-mount")),
        ("layout.data-dir", "skip", None),
        ("layout.data-link", "pass", None),
        // There is no `.env` here, so nobody knows whose the data should be.
        ("layout.ownership", "blocked", Some("observation-failed")),
    ]);
    let mount = report.finding("storage.data-mount")["summary"].to_string();
    assert!(mount.contains("root-disk variant"), "{mount}");
}

#[test]
fn a_dead_mount_costs_only_itself() {
    let Some(lab) = Lab::new("dead mount", &["python3", "mkfifo"]) else {
        return;
    };
    if !Path::new("/dev/fuse").exists() {
        println!("left out: dead mount: this machine has no /dev/fuse");
        return;
    }
    let helper = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/dead_fuse.py");
    let output = lab.run(&format!(
        "mkfifo ready; python3 {} \"$PWD/data\" ready >&2 & read answer < ready; \
         [ \"$answer\" = ready ] || {{ echo \"$answer\" >&2; exit 77; }}; \
         $DOCTOR --timeout 0.5 || true; kill %1 2>/dev/null || kill $!",
        helper.display()
    ));
    if output.status.code() == Some(77) {
        println!(
            "left out: dead mount: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    let report = Report(
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))),
    );
    let silent = |id| (id, "unknown", Some("timed-out"));
    report.expect(&[
        silent("hardware.data-partition"),
        silent("hardware.storage-speed"),
        silent("storage.data-space"),
        silent("storage.data-mount"),
        silent("storage.data-writable"),
        silent("layout.data-dir"),
        silent("layout.letsencrypt-dir"),
        // There is no `.env` here either, and that is known.
        ("layout.ownership", "blocked", Some("timed-out")),
        ("layout.node-dir", "pass", None),
        ("layout.agent-dir", "pass", None),
        ("layout.logs-dir", "pass", None),
    ]);
    for id in ["storage.root-space", "storage.docker-space"] {
        let status = &report.finding(id)["status"];
        assert!(status != "unknown" && status != "skip", "{id} is {status}");
    }
    let summary = report.finding("storage.data-space")["summary"].to_string();
    assert!(summary.contains("fuse mounted at"), "{summary}");
}

#[test]
fn links_that_lead_nowhere_are_told_apart() {
    let Some(lab) = Lab::new("links", &[]) else {
        return;
    };
    let link = lab.path("sesam/node-00/data");
    let lay_out = "mkdir -p data/sesam/node-00/data;";
    fs::create_dir_all(lab.path("elsewhere")).unwrap();
    for (target, status, cause) in [
        ("data", "fail", Some("loop")),
        ("/nowhere/at/all", "fail", Some("dangling")),
        ("../../elsewhere", "fail", Some("wrong-target")),
        ("../../sesam/../data//sesam/node-00/data/", "pass", None),
    ] {
        let _ = fs::remove_file(&link);
        symlink(target, &link).unwrap();
        lab.report(&format!("{lay_out} {REPORT}"))
            .expect(&[("layout.data-link", status, cause)]);
    }
    fs::remove_file(&link).unwrap();
    fs::create_dir(&link).unwrap();
    fs::write(lab.path("data/sesam/node-00/data/file"), "").unwrap();
    lab.report(REPORT)
        .expect(&[("layout.data-link", "fail", Some("real-directory"))]);
}

#[test]
fn without_root_what_cannot_be_seen_is_unknown_and_the_rest_is_judged() {
    let Some(lab) = Lab::new("without root", &["chmod"]) else {
        return;
    };
    let report = lab.report(&format!(
        "{LAY_OUT} chmod 700 sesam; \
         setpriv --reuid 65534 --regid 65534 --clear-groups {REPORT}"
    ));
    let hidden = |id| (id, "unknown", Some("needs-root"));
    report.expect(&[
        hidden("layout.node-dir"),
        hidden("layout.data-link"),
        hidden("hardware.storage-speed"),
        ("layout.data-dir", "pass", None),
        ("storage.data-mount", "warn", Some("not-a-mount")),
    ]);
}
