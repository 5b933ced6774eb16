//! The proxies that the shell, the Docker daemon and containers are told to use, each told apart.

pub(in crate::facts) mod address;
mod docker;
mod exceptions;

use std::{collections::BTreeMap, fmt, path::Path};

use serde::{Deserialize, Serialize};

pub use address::{Login, ProxyAddress, Scheme};
pub use exceptions::is_excepted;

use super::{Observed, Root, Site, bounded, read_text};
use crate::{profile::ProxyUser, redact::Redactor, units::Bytes};

/// Larger than any configuration that can name a proxy.
const LARGEST_FILE: Bytes = Bytes(1_000_000);

/// Which proxies are configured, for whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Proxies {
    /// The variables of the process that runs the doctor.
    pub shell: ProxySettings,
    /// What login shells get; `sudo` may withhold it from the doctor.
    pub login: Observed<ProxySettings>,
    /// `proxies` of the Docker daemon's own configuration.
    pub daemon_file: Observed<ProxySettings>,
    /// Variables that systemd gives the Docker daemon.
    pub daemon_unit: Observed<ProxySettings>,
    /// What the Docker client gives to containers.
    pub containers: Observed<ProxySettings>,
}

/// One place's word on proxies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProxySettings {
    /// The proxy for `https`.
    pub https: Option<ProxyAddress>,
    /// The proxy for `http`.
    pub http: Option<ProxyAddress>,
    /// Which hosts are reached without it, as it stands there.
    pub exceptions: String,
    /// The file or variable that says so.
    pub source: String,
    /// What is wrong with it; never the value itself, which may hold a password.
    #[serde(default)]
    pub problems: Vec<String>,
}

impl ProxySettings {
    /// Whether any proxy is named.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.https.is_some() || self.http.is_some()
    }
}

impl Proxies {
    /// What counts for one user: its own settings, else the shell's, else those of login shells.
    #[must_use]
    pub fn for_user(&self, user: ProxyUser) -> Option<&ProxySettings> {
        let own: &[&Observed<ProxySettings>] = match user {
            ProxyUser::Shell => &[],
            // The daemon's own configuration wins over its environment.
            ProxyUser::Daemon => &[&self.daemon_file, &self.daemon_unit],
            ProxyUser::Containers => &[&self.containers],
        };
        own.iter()
            .filter_map(|observed| observed.seen().ok())
            .chain([&self.shell])
            .chain(self.login.seen().ok())
            .find(|settings| settings.is_set())
    }
}

/// Names and passwords for proxies; they stay in the process.
#[derive(Clone, Default)]
pub struct Logins(BTreeMap<String, Login>);

impl Logins {
    /// The login for a proxy, where one is configured.
    #[must_use]
    pub fn of(&self, proxy: &ProxyAddress) -> Option<&Login> {
        self.0.get(&proxy.to_string())
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} logins", self.0.len())
    }
}

/// Looks at every place that can name a proxy.
pub async fn observe(site: Site) -> Observed<Proxies> {
    Observed::Seen(look(&site).await.0)
}

/// What [`observe`] sees, with the logins that are never recorded.
pub async fn look(site: &Site) -> (Proxies, Logins) {
    let network = &site.profile.network;
    let drop_ins = network.docker_drop_in_dirs.clone();
    let daemon_file = network.docker_daemon_file.clone();
    let client_files = network.docker_client_files.clone();
    let environment_file = network.environment_file.clone();
    let place = |what: &Path| what.display().to_string();
    let (login, daemon_file, daemon_unit, containers) = tokio::join!(
        reading(site, place(&environment_file), move |root, reader| {
            with_text(root, &environment_file, |text| {
                reader.variables(
                    &docker::assignments(text),
                    &environment_file.display().to_string(),
                )
            })
        }),
        reading(site, place(&daemon_file), move |root, reader| {
            with_text(root, &daemon_file, |text| {
                docker::daemon_file(reader, text, &daemon_file.display().to_string())
            })
        }),
        reading(
            site,
            "the Docker daemon's drop-ins".into(),
            move |root, reader| { docker::drop_ins(reader, root, &drop_ins) }
        ),
        reading(
            site,
            "the Docker client's configuration".into(),
            move |root, reader| {
                for file in &client_files {
                    let found = with_text(root, file, |text| {
                        docker::client_file(reader, text, &file.display().to_string())
                    });
                    if !matches!(found, Observed::Absent) {
                        return found;
                    }
                }
                Observed::Absent
            }
        ),
    );
    let mut reader = Reader::new(&site.redactor);
    let variables: Vec<(String, String)> = address::VARIABLES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
        .collect();
    let shell = reader.variables(&variables, "the environment");
    let mut logins = reader.logins;
    let mut keep = |(settings, found): (Observed<ProxySettings>, Logins)| {
        logins.0.extend(found.0);
        settings
    };
    let proxies = Proxies {
        shell,
        login: keep(login),
        daemon_file: keep(daemon_file),
        daemon_unit: keep(daemon_unit),
        containers: keep(containers),
    };
    (proxies, logins)
}

/// Reads one place on a thread of its own, under the deadline.
async fn reading(
    site: &Site,
    what: String,
    read: impl FnOnce(&Root, &mut Reader) -> Observed<ProxySettings> + Send + 'static,
) -> (Observed<ProxySettings>, Logins) {
    let root = site.root.clone();
    let redactor = site.redactor.clone();
    let observed = bounded(site.deadline, what, move || {
        let mut reader = Reader::new(&redactor);
        let settings = read(&root, &mut reader);
        Observed::Seen((settings, reader.logins))
    })
    .await;
    match observed {
        Observed::Seen(found) => found,
        other => (other.map(|_| ProxySettings::default()), Logins::default()),
    }
}

fn with_text(
    root: &Root,
    file: &Path,
    read: impl FnOnce(&str) -> ProxySettings,
) -> Observed<ProxySettings> {
    match read_text(root, file, LARGEST_FILE) {
        Ok(text) => Observed::Seen(read(&text)),
        Err(problem) => Observed::from_problem(&problem, &file.display().to_string()),
    }
}

/// Reads proxies' addresses, and keeps their passwords out of what is recorded.
#[derive(Debug)]
struct Reader {
    redactor: Redactor,
    logins: Logins,
}

impl Reader {
    fn new(redactor: &Redactor) -> Self {
        Self {
            redactor: redactor.clone(),
            logins: Logins::default(),
        }
    }

    /// An address as a variable or a configuration gives it; `name` is what problems call it.
    fn address(
        &mut self,
        value: &str,
        name: &str,
        settings: &mut ProxySettings,
    ) -> Option<ProxyAddress> {
        if value.trim().is_empty() {
            return None;
        }
        address::learn_secrets(value, &self.redactor);
        match address::parse(value) {
            Ok((address, login)) => {
                if let Some(login) = login {
                    self.logins.0.insert(address.to_string(), login);
                }
                Some(address)
            }
            Err(problem) => {
                settings.problems.push(format!("{name}: {problem}"));
                None
            }
        }
    }

    /// Settings from variables; where two spellings differ, the lower-case one counts, as for curl and pip.
    fn variables(&mut self, variables: &[(String, String)], source: &str) -> ProxySettings {
        let mut settings = ProxySettings {
            source: source.to_owned(),
            ..ProxySettings::default()
        };
        let value = |name: &str| {
            variables
                .iter()
                .rev()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
                .filter(|value| !value.trim().is_empty())
        };
        let chosen = |lower: &str, settings: &mut ProxySettings| {
            let upper = lower.to_ascii_uppercase();
            let (one, other) = (value(lower), value(&upper));
            if let (Some(one), Some(other)) = (one, other)
                && one != other
            {
                settings
                    .problems
                    .push(format!("{lower} and {upper} differ"));
            }
            one.map(|value| (lower.to_owned(), value.to_owned()))
                .or_else(|| other.map(|value| (upper, value.to_owned())))
        };
        let https = chosen("https_proxy", &mut settings);
        let http = chosen("http_proxy", &mut settings);
        let all = chosen("all_proxy", &mut settings);
        let exceptions = chosen("no_proxy", &mut settings);
        settings.exceptions = exceptions.map(|(_, value)| value).unwrap_or_default();
        for (found, is_https) in [(https.or(all.clone()), true), (http.or(all), false)] {
            let Some((name, value)) = found else {
                continue;
            };
            let address = self.address(&value, &name, &mut settings);
            if is_https {
                settings.https = address;
            } else {
                settings.http = address;
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> (ProxySettings, Logins, Redactor) {
        let redactor = Redactor::default();
        let mut reader = Reader::new(&redactor);
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let settings = reader.variables(&pairs, "the environment");
        (settings, reader.logins, redactor)
    }

    #[test]
    fn either_spelling_counts_and_a_difference_is_said() {
        let (settings, _, _) = variables(&[("HTTPS_PROXY", "http://one:3128")]);
        assert_eq!(settings.https.unwrap().host, "one");
        let (settings, _, _) = variables(&[
            ("HTTPS_PROXY", "http://one:3128"),
            ("https_proxy", "two:8080"),
        ]);
        let https = settings.https.unwrap();
        assert_eq!((https.host.as_str(), https.port), ("two", 8080));
        assert_eq!(settings.problems, ["https_proxy and HTTPS_PROXY differ"]);
    }

    #[test]
    fn a_password_is_kept_apart_and_never_shown() {
        let (settings, logins, redactor) =
            variables(&[("https_proxy", "http://user:sec%40ret77@proxy:3128")]);
        let https = settings.https.clone().unwrap();
        assert!(https.has_login);
        assert!(logins.of(&https).is_some());
        let shown = format!("{settings:?} {logins:?}");
        assert!(!shown.contains("sec"), "{shown}");
        assert!(!redactor.text("it is sec@ret77").contains("sec@ret77"));
        assert!(!redactor.text("it is sec%40ret77").contains("sec%40ret77"));
    }

    #[test]
    fn what_is_no_address_is_a_problem_without_its_text() {
        let (settings, _, _) = variables(&[("https_proxy", "http://user:hunter22@:99999")]);
        assert_eq!(settings.https, None);
        assert_eq!(settings.problems.len(), 1);
        assert!(!format!("{settings:?}").contains("hunter22"));
    }
}
