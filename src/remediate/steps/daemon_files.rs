//! Docker's own configuration: `daemon.json`, and the drop-in by which systemd tells it of a proxy.

use std::path::Path;

use super::{
    ByHand, Made, one,
    written_file::{Content, WrittenFile},
};
use crate::remediate::{
    content::{
        daemon_file,
        proxy_drop_in::{DaemonProxies, drop_in},
    },
    machine::Machine,
    step::{Situation, StepError},
};

/// The name of the drop-in, the one that Docker's manual uses.
pub(super) const DROP_IN: &str = "http-proxy.conf";

/// The step that limits containers' logs.
pub(super) fn daemon_config(situation: &Situation, machine: &Machine) -> Made {
    let profile = situation.facts.profile.clone();
    let path = profile.software.daemon_file.to_path_buf();
    let words = format!(
        "set limits for containers' logs in {}, keeping what is there",
        path.display()
    );
    let content: Content = Box::new(move |_, existing| {
        daemon_file::with_log_limits(&profile, existing)
            .map_err(|fault| StepError::Other(format!("daemon.json: {fault}")))
    });
    one(WrittenFile::new(machine, path, words, 0o644, content)
        .of_docker()
        .planned(machine)?)
}

/// The step that gives the daemon the machine's proxy.
pub(super) fn daemon_proxy(situation: &Situation, machine: &Machine) -> Made {
    let Some(directory) = situation.facts.profile.network.docker_drop_in_dirs.last() else {
        return Err(ByHand("the profile names no directory for drop-ins".into()));
    };
    let proxies = proxies(situation, machine);
    for password in proxies.passwords() {
        machine.redactor().learn(&password);
    }
    if proxies.https.is_none() && proxies.http.is_none() {
        // Nothing says that this machine needs one.
        return Ok(Vec::new());
    }
    if machine.program(&["systemctl"]).is_none() {
        return Err(ByHand(
            "there is no systemd here; write the proxy into the init script's configuration, as /etc/default/docker"
                .into(),
        ));
    }
    let mode = if proxies.has_login() { 0o600 } else { 0o644 };
    let path = directory.join(DROP_IN);
    let words = format!(
        "give the Docker daemon the machine's proxy in {} (mode {mode:o})",
        path.display()
    );
    let content: Content = Box::new(move |_, existing| {
        drop_in(&proxies, existing)
            .map(Some)
            .map_err(|error| StepError::Other(error.to_string()))
    });
    one(WrittenFile::new(machine, path, words, mode, content)
        .of_docker()
        .planned(machine)?)
}

/// The proxies as they were answered, else as this run's environment has them, else as every login gets them.
fn proxies(situation: &Situation, machine: &Machine) -> DaemonProxies {
    const LARGEST: u64 = 64_000;
    let file = &situation.facts.profile.network.environment_file;
    let text = machine
        .read(Path::new(file.as_ref() as &Path), LARGEST)
        .ok()
        .flatten()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let one = |name: &str| {
        let key = name.to_ascii_lowercase();
        let answers = situation.answers;
        let answered = answers
            .secret(&key)
            .map(|secret| secret.exposed().to_owned())
            .or_else(|| answers.get(&key).map(ToOwned::to_owned));
        answered
            .or_else(|| from_environment(&key))
            .or_else(|| from_environment(name))
            .or_else(|| assigned(&text, &key))
            .or_else(|| assigned(&text, name))
    };
    // The daemon does not read ALL_PROXY.
    let for_daemon = |name: &str| {
        one(name)
            .or_else(|| one("ALL_PROXY"))
            .map(as_the_daemon_reads)
    };
    DaemonProxies {
        http: for_daemon("HTTP_PROXY"),
        https: for_daemon("HTTPS_PROXY"),
        none_for: one("NO_PROXY"),
    }
}

/// See [`Scheme::for_the_daemon`].
fn as_the_daemon_reads(address: String) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("socks5h") => {
            format!("socks5://{rest}")
        }
        _ => address,
    }
}

fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable of `/etc/environment`, which `pam_env(8)` reads.
fn assigned(text: &str, name: &str) -> Option<String> {
    text.lines().rev().find_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let value = line.strip_prefix(name)?.strip_prefix('=')?;
        let value = value.trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::as_the_daemon_reads;

    #[test]
    fn names_are_left_to_a_socks_proxy_under_the_older_spelling() {
        for (written, read) in [
            ("socks5h://proxy:1080", "socks5://proxy:1080"),
            ("SOCKS5H://a:b@proxy", "socks5://a:b@proxy"),
            ("socks5://proxy", "socks5://proxy"),
            ("http://proxy:3128", "http://proxy:3128"),
            ("proxy:3128", "proxy:3128"),
        ] {
            assert_eq!(as_the_daemon_reads(written.into()), read);
        }
    }
}
