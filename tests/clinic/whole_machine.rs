//! A whole customer's machine in the lab's internet: every check has something real to look at.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::Value;

use super::{internet::Lab, machine::Machine};

/// What the customer's own host is called, in the names of the internet as well as in the stack.
/// And Docker Hub is the one that has the stack's images.
const NAMES: &str = "at[sesam.company.com]='10.99.0.2 2001:db8:99::2'; at[registry-1.docker.io]=14; at[auth.docker.io]=15";

/// Secrets of the lab; no report may say one.
pub const SECRETS: [&str; 4] = [
    "swordfish",
    "Geheim-4711",
    "token-of-the-clinic",
    "dGhpcyBpcyBubyBzZWNyZXQ",
];

/// Files by which the lab's internet arranges how the customer's machine sees it.
const ARRANGED: [&str; 5] = [
    "etc/resolv.conf",
    "etc/hosts",
    "etc/nsswitch.conf",
    "etc/environment",
    "etc/ssl/certs/ca-certificates.crt",
];

/// A machine and its internet. Both are gone when this is.
pub struct WholeMachine {
    // The machine lives in a network of the internet's, so it goes first.
    machine: Machine,
    internet: Lab,
    edition: Option<String>,
}

/// One run of the doctor.
pub struct Examination {
    /// Its report.
    pub report: Value,
    /// How long the process took.
    pub seconds: f64,
}

impl WholeMachine {
    pub fn start() -> Self {
        let mut internet = Lab::start();
        let made = internet.run(&format!(
            "signed node root /CN=sesam.company.com DNS:sesam.company.com '' env; \
             {OTHER_CERTIFICATES}; \
             openssl genrsa 2048 2>/dev/null | openssl rsa -traditional -outform DER -out ca/account.key 2>/dev/null"
        ));
        assert_eq!(made, "done 0", "certificates of the node");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clinic");
        let hub = internet.run(&format!(". {}", source.join("hub.sh").display()));
        assert_eq!(hub, "done 0", "Docker Hub");
        let network = internet.root().join("run/netns/cust");
        let machine = Machine::boot_in(&network);
        let mut whole = Self {
            machine,
            internet,
            edition: None,
        };
        let place = whole.guest("usr/share/lab/clinic");
        std::fs::create_dir_all(place.join("ca")).unwrap();
        for directory in [source.join("guest"), whole.internet.directory().join("ca")] {
            let target = if directory.ends_with("ca") {
                place.join("ca")
            } else {
                place.clone()
            };
            for entry in std::fs::read_dir(directory).unwrap().flatten() {
                std::fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
            }
        }
        std::fs::copy(source.join("profile.toml"), place.join("profile.toml")).unwrap();
        if let Ok(library) = std::fs::read("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1") {
            std::fs::write(place.join("libfaketime.so.1"), library).unwrap();
        }
        // The engine reads whom it trusts when it starts.
        whole.arrange("").unwrap();
        whole
            .machine
            .sh("echo 'deb [trusted=yes] file:/usr/share/lab/packages ./' >/etc/apt/sources.list; apt-get update -q >/dev/null; systemctl restart docker; /usr/share/lab/clinic/images; hub publish");
        whole
    }

    fn guest(&self, path: &str) -> PathBuf {
        self.machine.root().join(path)
    }

    /// Makes the machine healthy again, in the form that an edition of the manual asks for.
    pub fn restore(&mut self, edition: &str, heals: &str) -> Result<(), String> {
        self.arrange("")?;
        if !heals.is_empty() {
            self.machine.try_sh(heals)?;
        }
        self.edition = Some(edition.to_owned());
        self.machine
            .try_sh(&format!("/usr/share/lab/clinic/restore {edition}"))
            .map(|_| ())
    }

    /// The edition that the machine was last restored to.
    pub fn edition(&self) -> Option<&str> {
        self.edition.as_deref()
    }

    /// Brings the internet into a state, and lets the machine see it.
    pub fn arrange(&mut self, commands: &str) -> Result<(), String> {
        let commands = match commands.trim() {
            "" => "true",
            some => some,
        };
        let said = self.internet.run(&format!(
            "reset && rm -f hub/unavailable hub/auth-unavailable hub/rate-limited && {NAMES} && {{ {commands}\n}} && names && printf '%s\\n' \"${{variables[@]}}\" >variables && printf '%s\\n' \"${{wrap[@]}}\" >wrap"
        ));
        if said != "done 0" {
            return Err(format!("the internet: {said}"));
        }
        for file in ARRANGED {
            let wanted = std::fs::read(self.internet.root().join(file)).ok();
            let place = self.guest(file);
            if wanted == std::fs::read(&place).ok() {
                continue;
            }
            match wanted {
                Some(content) => std::fs::write(&place, content),
                None => std::fs::remove_file(&place),
            }
            .map_err(|error| format!("{file}: {error}"))?;
        }
        Ok(())
    }

    /// Runs a script in the machine.
    pub fn sh(&self, script: &str) -> Result<String, String> {
        self.machine.try_sh(script)
    }

    /// Brings a folder into the machine.
    pub fn bring(&self, folder: &Path, place: &str) {
        let target = self.guest(place.trim_start_matches('/'));
        std::fs::create_dir_all(&target).unwrap();
        let copied = std::process::Command::new("cp")
            .args(["-rT"])
            .args([folder, &target])
            .status()
            .unwrap();
        assert!(copied.success(), "{}", folder.display());
    }

    /// A command with the environment that the internet arranged for the doctor: proxies, and a clock that is wrong.
    pub fn as_the_doctor_sees(&self, command: &str) -> String {
        let lines = |name: &str| {
            std::fs::read_to_string(self.internet.file(name))
                .unwrap_or_default()
                .lines()
                .filter(|line| !line.is_empty())
                .map(ToOwned::to_owned)
                .collect::<Vec<_>>()
        };
        let mut words = String::new();
        for variable in lines("variables") {
            words += &format!("export '{variable}'; ");
        }
        if let [_, _, offset] = lines("wrap").as_slice() {
            words += &format!(
                "export LD_PRELOAD=/usr/share/lab/clinic/libfaketime.so.1 FAKETIME='{offset}'; "
            );
        }
        format!("{words}{command}")
    }

    /// Runs the doctor on all of it, as root, with the arguments, through another program where one is named.
    pub fn examine(&self, through: &str, arguments: &str) -> Result<Examination, String> {
        // Where every machine has the processors for itself two seconds are plenty.
        let timeout = if arguments.contains("--timeout") {
            ""
        } else {
            "--timeout 4"
        };
        let line = self.as_the_doctor_sees(&format!(
            "{through} sesam-doctor {timeout} --no-progress --format json {arguments}"
        ));
        let began = Instant::now();
        let report = self.machine.try_json(&line)?;
        Ok(Examination {
            report,
            seconds: began.elapsed().as_secs_f64(),
        })
    }
}

impl WholeMachine {
    /// Lets `--fix` heal what it can, with the answers of that edition; gives what it said.
    pub fn fix(&self, edition: &str) -> Result<String, String> {
        self.machine.try_sh(&self.as_the_doctor_sees(&format!(
            "/usr/share/lab/clinic/answers {edition}; sesam-doctor --timeout 4 --no-progress --fix --yes --answers /root/answers.toml 2>&1 || true"
        )))
    }
}

/// Certificates of the node that are wrong in some way, beside the one that is right.
const OTHER_CERTIFICATES: &str = "\
    signed node-elsewhere root /CN=other.company.com DNS:other.company.com '' env; \
    days=30 signed node-expired root /CN=sesam.company.com DNS:sesam.company.com '' faketime '400 days ago'; \
    signed node-future root /CN=sesam.company.com DNS:sesam.company.com '' faketime '300 days'; \
    days=90 signed node-overdue root /CN=sesam.company.com DNS:sesam.company.com '' faketime '70 days ago'; \
    signed node-leaf middle /CN=sesam.company.com DNS:sesam.company.com '' env; \
    signed node-untrusted inspector /CN=sesam.company.com DNS:sesam.company.com '' env; \
    key node-alone; openssl req -x509 -new -key ca/node-alone.key -subj /CN=sesam.company.com -days 365 -addext subjectAltName=DNS:sesam.company.com -out ca/node-alone.pem 2>/dev/null; \
    cat ca/node-leaf.pem ca/middle.pem >ca/node-whole.pem; cat ca/middle.pem ca/node-leaf.pem >ca/node-disordered.pem; \
    openssl genrsa -out ca/node-weak.key 1024 2>/dev/null; openssl req -new -key ca/node-weak.key -subj /CN=sesam.company.com -out ca/node-weak.csr 2>/dev/null; \
    printf 'subjectAltName=DNS:sesam.company.com\\n' >ca/node-weak.ext; \
    openssl x509 -req -in ca/node-weak.csr -CA ca/root.pem -CAkey ca/root.key -CAcreateserial -days 365 -extfile ca/node-weak.ext -out ca/node-weak.pem 2>/dev/null; \
    cat ca/inspector.pem >>ca/node-untrusted.pem; for name in elsewhere expired alone leaf untrusted; do cat ca/node-$name.pem ca/node-$name.key >ca/node-$name-both.pem; done; \
    openssl ec -in ca/node.key -aes128 -passout pass:swordfish -out ca/node-locked.key 2>/dev/null";
