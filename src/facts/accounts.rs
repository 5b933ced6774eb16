//! The user account that the product's files belong to.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::{
    Observed, Root, Site, bounded,
    program::{self, Ended},
    read_text,
};
use crate::units::Bytes;

/// Directories with a hundred thousand users keep them elsewhere.
const LARGEST_PASSWD: Bytes = Bytes(16_000_000);

/// A few lines and their comments.
const LARGEST_NSSWITCH: Bytes = Bytes(64_000);

/// What `getent` may say of one account.
const LARGEST_ANSWER: usize = 8_192;

/// The account that the profile names, wherever it may be known from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accounts {
    /// The account that was sought; none where the profile names none.
    pub name: Option<String>,
    /// The account in `/etc/passwd`; absent where the file has no such line.
    #[serde(default)]
    pub local: Observed<Account>,
    /// What the machine's name service says, which was asked where `/etc/passwd` has no such line.
    #[serde(default)]
    pub directory: Observed<Account>,
    /// Where `/etc/nsswitch.conf` has accounts sought, beyond the machine's own files: `sss`, `ldap`.
    #[serde(default)]
    pub elsewhere: Observed<Vec<String>>,
}

/// One line of `passwd(5)`, without its password field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its first group.
    pub gid: u32,
    /// Its home directory.
    pub home: String,
    /// Its shell.
    pub shell: String,
}

impl Accounts {
    /// The account, from wherever it is known.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        self.local.seen().or_else(|_| self.directory.seen()).ok()
    }
}

/// Looks the profile's account up in the examined root, and then asks the machine's name service.
pub async fn observe(site: Site) -> Observed<Accounts> {
    let Some(name) = site.profile.system.account.clone() else {
        return Observed::Seen(Accounts::default());
    };
    let (root, sought, of_root) = (site.root.clone(), name.clone(), site.root.clone());
    let (local, elsewhere) = tokio::join!(
        bounded(site.deadline, "/etc/passwd", move || local(&root, &sought)),
        bounded(site.deadline, "/etc/nsswitch.conf", move || elsewhere(
            &of_root
        )),
    );
    let directory = if local == Observed::Absent && site.root.is_machine() {
        ask_directory(&site, &name).await
    } else {
        Observed::NotAsked
    };
    Observed::Seen(Accounts {
        name: Some(name),
        local,
        directory,
        elsewhere,
    })
}

fn local(root: &Root, name: &str) -> Observed<Account> {
    let file = "/etc/passwd";
    match read_text(root, Path::new(file), LARGEST_PASSWD) {
        Ok(text) => find(&text, name).map_or(Observed::Absent, Observed::Seen),
        Err(problem) => match Observed::from_problem(&problem, file) {
            // Without the file nothing is known, which is another thing than an account that is not in it.
            Observed::Absent => Observed::Failed("there is no /etc/passwd".into()),
            gap => gap,
        },
    }
}

/// The first account of this name; lines that are no `passwd(5)` are passed over, as the system does.
fn find(text: &str, name: &str) -> Option<Account> {
    text.lines()
        .filter_map(account)
        .find(|account| account.name == name)
}

fn account(line: &str) -> Option<Account> {
    let mut fields = line.trim_end_matches('\r').split(':');
    let account = Account {
        name: fields.next()?.to_owned(),
        uid: fields.nth(1)?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
        home: fields.nth(1)?.to_owned(),
        shell: fields.next()?.to_owned(),
    };
    (fields.next().is_none() && !account.name.is_empty()).then_some(account)
}

/// The services of nsswitch's `passwd` line that are not this machine's own.
fn elsewhere(root: &Root) -> Observed<Vec<String>> {
    let file = "/etc/nsswitch.conf";
    match read_text(root, Path::new(file), LARGEST_NSSWITCH) {
        Ok(text) => Observed::Seen(foreign_services(&text)),
        Err(problem) => match Observed::from_problem(&problem, file) {
            // glibc's own default is the files.
            Observed::Absent => Observed::Seen(Vec::new()),
            gap => gap,
        },
    }
}

fn foreign_services(text: &str) -> Vec<String> {
    const OWN: [&str; 5] = ["files", "compat", "systemd", "altfiles", "db"];
    let services = text.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or("").trim();
        line.strip_prefix("passwd:")
    });
    services
        .unwrap_or("")
        .split_whitespace()
        // `[NOTFOUND=return]` and the like are what to do with an answer.
        .filter(|service| !service.starts_with('[') && !service.contains('='))
        .filter(|service| !service.ends_with(']') && !OWN.contains(service))
        .map(ToOwned::to_owned)
        .take(10)
        .collect()
}

/// Asks the machine's name service through its own program, since its modules are not ours to load.
async fn ask_directory(site: &Site, name: &str) -> Observed<Account> {
    let mut command = Command::new("getent");
    command.args(["passwd", "--", name]);
    let run = match program::run(command, LARGEST_ANSWER, site.deadline).await {
        Ok(run) => run,
        Err(error) => return Observed::Failed(format!("getent could not be started: {error}")),
    };
    match run.ended {
        // A number is looked up as a number, which is not the account of that name.
        Ended::Exited(0) => find(&run.stdout.text(), name).map_or(Observed::Absent, Observed::Seen),
        Ended::Exited(2) => Observed::Absent,
        Ended::Exited(code) => Observed::Failed(format!("getent ended with code {code}")),
        Ended::Signalled(signal) => Observed::Failed(format!("getent died of signal {signal}")),
        Ended::TimedOut => Observed::TimedOut(format!(
            "getent did not answer within {} s",
            site.deadline.as_secs_f64()
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n+@netgroup\nsesam:x:1001\n\nsesam:x:1001:1002:,,,:/home/sesam:/bin/sh\r\nbig:x:99999999999:1:::/bin/sh\nlong:x:1:1:a:b:c:d\n";

    #[test]
    fn an_account_is_found_among_damaged_lines() {
        let sesam = find(PASSWD, "sesam").unwrap();
        assert_eq!((sesam.uid, sesam.gid), (1001, 1002));
        assert_eq!(sesam.shell, "/bin/sh");
        for name in ["sesa", "big", "long", "+@netgroup", "", "1001"] {
            assert_eq!(find(PASSWD, name), None, "{name}");
        }
    }

    #[test]
    fn services_beyond_the_machine_are_named() {
        for (text, expected) in [
            ("passwd:         files systemd\n", vec![]),
            ("passwd: compat [NOTFOUND=return] db # ldap", vec![]),
            (
                "# passwd: ldap\npasswd: files sss [!UNAVAIL=return] ldap",
                vec!["sss", "ldap"],
            ),
            ("group: sss", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(foreign_services(text), expected, "{text}");
        }
    }

    #[test]
    fn a_root_without_accounts_is_no_answer() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::at(place.path()).unwrap();
        assert!(matches!(local(&root, "sesam"), Observed::Failed(_)));
        assert_eq!(elsewhere(&root), Observed::Seen(vec![]));
        std::fs::create_dir(place.path().join("etc")).unwrap();
        std::fs::write(place.path().join("etc/passwd"), PASSWD).unwrap();
        assert_eq!(local(&root, "sesam").seen().unwrap().uid, 1001);
        assert_eq!(local(&root, "nobody"), Observed::Absent);
    }

    async fn observed(account: Option<&str>, root: Root) -> Accounts {
        let mut profile = crate::profile::load("2025").unwrap();
        profile.system.account = account.map(ToOwned::to_owned);
        let site = Site {
            root,
            profile: profile.into(),
            settings: crate::settings::Settings::default().into(),
            deadline: std::time::Duration::from_mins(1),
            offline: false,
            redactor: crate::redact::Redactor::default(),
        };
        observe(site).await.seen().unwrap().clone()
    }

    #[tokio::test]
    async fn the_machine_is_asked_only_where_its_file_does_not_say() {
        let root = observed(Some("root"), Root::machine()).await;
        assert_eq!(root.account().unwrap().uid, 0);
        assert_eq!(root.directory, Observed::NotAsked);
        // `getent` takes a number for a number; that is no account of this name.
        for name in ["no-such-account-here", "0", "--help"] {
            let nobody = observed(Some(name), Root::machine()).await;
            assert_eq!(nobody.account(), None, "{name}");
            assert_eq!(nobody.directory, Observed::Absent, "{name}");
        }
        assert_eq!(observed(None, Root::machine()).await, Accounts::default());
    }

    #[tokio::test]
    async fn another_roots_accounts_are_not_this_machines() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("etc")).unwrap();
        std::fs::write(place.path().join("etc/passwd"), "x:x:1:1::/:/bin/sh\n").unwrap();
        let found = observed(Some("root"), Root::at(place.path()).unwrap()).await;
        assert_eq!(
            (found.local, found.directory),
            (Observed::Absent, Observed::NotAsked)
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?s).*|[a-z:0-9\n\r]*|passwd:.*", name in ".*") {
            find(&text, &name);
            foreign_services(&text);
        }
    }
}
