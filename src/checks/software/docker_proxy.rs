//! `software.docker-proxy`

use super::DOCKER;
use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
    },
    facts::{
        Gap, Observed, Source,
        docker::Proxies as EngineProxies,
        proxies::{Proxies, ProxyAddress, ProxySettings},
    },
};

const DAEMON_HAS_NONE: Cause = Cause::new(
    "daemon-has-none",
    "the shell goes through a proxy and the Docker daemon does not",
);
const DIFFERENT: Cause = Cause::new(
    "different",
    "the shell and the Docker daemon go through different proxies",
);

const NOT_RESTARTED: Cause = Cause::new(
    "not-restarted",
    "the Docker daemon's configuration names another proxy than the running engine uses",
);

/// See [`Prose::checks`] in the declaration.
pub static DOCKER_PROXY: Check = Check {
    id: "software.docker-proxy",
    title: "Docker uses the machine's proxy",
    category: Category::Software,
    level: Level::Required,
    needs: &[&DOCKER],
    reads: &[Source::Docker, Source::Proxies],
    reference: "docs.docker.com/engine/daemon/proxy",
    causes: &[NOT_RESTARTED, DAEMON_HAS_NONE, DIFFERENT],
    prose: Prose {
        checks: "The proxies that this run's environment names (HTTP_PROXY and HTTPS_PROXY in both spellings) or, where it names none, those of `/etc/environment`, against those that the running Docker engine says it uses (`docker info`); and these against what `daemon.json` or the drop-ins of `docker.service` say. A configuration that the running engine does not follow yet warns, since the engine was not restarted; a shell with a proxy and a daemon without one, or with another one, warns; a daemon alone with a proxy is a remark.",
        why: "The shell, the Docker daemon and each container have proxies of their own. Where only the shell has one, everything that a person tries works, and pulling images does not.",
        remedy: "Write the proxies into `daemon.json` (`\"proxies\": {\"http-proxy\": …, \"https-proxy\": …, \"no-proxy\": …}`, Docker 23 and later) or into `/etc/systemd/system/docker.service.d/http-proxy.conf` as `Environment=HTTPS_PROXY=…`, then `systemctl daemon-reload` and `systemctl restart docker`.",
    },
    mends: &[Mend::new(Remedy::WriteDaemonProxy, &[DAEMON_HAS_NONE])],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let engine = &context
        .facts
        .docker()
        .seen()?
        .engine()?
        .information
        .seen()?
        .proxies;
    let proxies = context.facts.proxies().seen()?;
    // Images are pulled over HTTPS; a proxy for plain HTTP alone decides nothing.
    let live = engine.https.as_str();
    let shell = of_the_shell(proxies)?;
    let person = shell.and_then(|settings| settings.https.as_ref().map(|proxy| (settings, proxy)));
    let configured = [&proxies.daemon_file, &proxies.daemon_unit]
        .into_iter()
        .filter_map(|settings| settings.seen().ok())
        .find_map(|settings| Some((settings, settings.https.as_ref()?)));
    let verdict = match (configured, person, live) {
        (Some((settings, proxy)), _, live) if !is_same(live, proxy) => {
            not_restarted(settings, proxy, live)
        }
        (_, None, "") => Verdict::pass("no proxy is set"),
        (_, None, live) => Verdict::pass(format!("the Docker daemon uses {live}")).remark(
            "the shell has no proxy; what a person tries there goes another way than Docker does",
        ),
        (_, Some((settings, proxy)), "") => daemon_has_none(settings, proxy),
        (_, Some((_, proxy)), live) if is_same(live, proxy) => {
            Verdict::pass(format!("the shell and the Docker daemon use {live}"))
        }
        (_, Some((settings, proxy)), live) => Verdict::warn(
            DIFFERENT,
            format!(
                "{} names the proxy {proxy}, and the Docker daemon uses {live}",
                settings.source
            ),
        )
        .advice("give both the same proxy: /etc/environment, and daemon.json or docker.service's drop-in"),
    };
    let nobody_says = configured.is_none()
        && [&proxies.daemon_file, &proxies.daemon_unit]
            .into_iter()
            .all(|place| matches!(place, Observed::Seen(_) | Observed::Absent));
    let verdict = if nobody_says && !live.is_empty() {
        verdict.remark("neither daemon.json nor a drop-in of docker.service names the proxy that the engine uses; systemctl show docker --property=Environment --property=EnvironmentFiles shows where it comes from")
    } else {
        verdict
    };
    let mut verdict = verdict
        .expected("the same proxy for the shell and the Docker daemon, or none")
        .evidence("shell", shell.map_or_else(|| "none".into(), named))
        .evidence("running Docker engine", running(engine));
    for (label, place) in [
        ("daemon.json", &proxies.daemon_file),
        ("drop-ins of docker.service", &proxies.daemon_unit),
    ] {
        if let Ok(settings) = place.seen() {
            verdict = verdict.evidence(label, named(settings));
        }
    }
    Ok(verdict)
}

/// The daemon is given its proxy by `HTTPS_PROXY` alone, whatever variable names it for the shell.
fn daemon_has_none(settings: &ProxySettings, proxy: &ProxyAddress) -> Verdict {
    let verdict = Verdict::warn(
        DAEMON_HAS_NONE,
        format!(
            "{} names the proxy {proxy}, and the Docker daemon has none",
            settings.source
        ),
    );
    let Some(scheme) = proxy.scheme.for_the_daemon() else {
        return verdict.by_hand().advice(format!(
            "if this machine needs the proxy, have it speak HTTP or SOCKS 5 for the Docker daemon, which does not speak to {proxy} as it is set"
        ));
    };
    verdict
        .advice(format!(
            "if this machine needs the proxy, write into /etc/systemd/system/docker.service.d/http-proxy.conf: [Service], Environment=HTTPS_PROXY={scheme}://{proxy}"
        ))
        .advice(RESTART)
}

const RESTART: &str =
    "then systemctl daemon-reload && systemctl restart docker, which restarts the containers";

fn not_restarted(settings: &ProxySettings, proxy: &ProxyAddress, live: &str) -> Verdict {
    let uses = if live.is_empty() { "none" } else { live };
    Verdict::warn(
        NOT_RESTARTED,
        format!(
            "{} names the proxy {proxy} for Docker, and the running engine uses {uses}: it was not restarted since",
            settings.source
        ),
    )
    .advice("make the engine read its configuration: systemctl daemon-reload && systemctl restart docker, which restarts the containers")
}

/// What a person's shell is told: this run's environment, else what every login gets, since `sudo` clears the environment.
fn of_the_shell(proxies: &Proxies) -> Result<Option<&ProxySettings>, Gap> {
    if proxies.shell.is_set() {
        return Ok(Some(&proxies.shell));
    }
    let login = proxies.login.seen_or_absent()?;
    Ok(login.filter(|settings| settings.is_set()))
}

fn is_same(live: &str, proxy: &ProxyAddress) -> bool {
    ProxyAddress::read(live).is_some_and(|live| live.is_same(proxy))
}

fn named(settings: &ProxySettings) -> String {
    let of = |name: &str, proxy: &Option<ProxyAddress>| {
        proxy.as_ref().map(|proxy| format!("{name} {proxy}"))
    };
    let mut parts: Vec<String> = [of("https", &settings.https), of("http", &settings.http)]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() {
        return "none".into();
    }
    if !settings.exceptions.is_empty() {
        parts.push(format!("not for {}", settings.exceptions));
    }
    format!("{} ({})", parts.join(", "), settings.source)
}

fn running(proxies: &EngineProxies) -> String {
    let parts: Vec<String> = [
        ("https", &proxies.https),
        ("http", &proxies.http),
        ("not for", &proxies.none_for),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| format!("{name} {value}"))
    .collect();
    if parts.is_empty() {
        "none".into()
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, engine, judge_cases, nothing_observed, verdict},
        },
        facts::{Facts, docker::Information},
    };

    fn settings(https: &str, source: &str) -> ProxySettings {
        ProxySettings {
            https: ProxyAddress::read(https),
            source: source.into(),
            ..ProxySettings::default()
        }
    }

    fn proxies(shell: &'static str, live: &'static str) -> impl Fn(&mut Facts) {
        configured(shell, live, Observed::Absent, Observed::Absent)
    }

    fn configured(
        shell: &'static str,
        live: &'static str,
        file: Observed<&'static str>,
        unit: Observed<&'static str>,
    ) -> impl Fn(&mut Facts) {
        move |facts: &mut Facts| {
            engine(|engine| {
                engine.information = Observed::Seen(Information {
                    proxies: EngineProxies {
                        https: live.into(),
                        ..EngineProxies::default()
                    },
                    ..Information::default()
                });
            })(facts);
            facts.proxies = Observed::Seen(Proxies {
                shell: settings(shell, "the environment"),
                login: Observed::Absent,
                daemon_file: file
                    .clone()
                    .map(|https| settings(https, "/etc/docker/daemon.json")),
                daemon_unit: unit.clone().map(|https| settings(https, "a drop-in")),
                containers: Observed::Absent,
            });
        }
    }

    #[test]
    fn cases() {
        judge_cases(
            &DOCKER_PROXY,
            &[
                Case::new("none", Status::Pass, None, proxies("", "")),
                Case::new(
                    "the same",
                    Status::Pass,
                    None,
                    proxies("http://proxy:3128/", "http://[redacted]@Proxy:3128/"),
                ),
                Case::new(
                    "the daemon only",
                    Status::Pass,
                    None,
                    proxies("", "http://proxy:3128"),
                ),
                Case::new(
                    "the shell only",
                    Status::Warn,
                    Some("daemon-has-none"),
                    proxies("http://proxy:3128", ""),
                ),
                Case::new(
                    "two",
                    Status::Warn,
                    Some("different"),
                    proxies("http://one:3128", "http://other:3128"),
                ),
                Case::new(
                    "the same place, spoken to differently",
                    Status::Warn,
                    Some("different"),
                    proxies("http://proxy:3128", "https://proxy:3128"),
                ),
                Case::new(
                    "what the engine says is no address",
                    Status::Warn,
                    Some("different"),
                    proxies("http://proxy:3128", "http://:0"),
                ),
                Case::new(
                    "nothing seen",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "what logins get may not be read",
                    Status::Unknown,
                    Some("needs-root"),
                    |facts: &mut Facts| {
                        proxies("", "")(facts);
                        if let Observed::Seen(proxies) = &mut facts.proxies {
                            proxies.login = Observed::Denied("/etc/environment".into());
                        }
                    },
                ),
                Case::new(
                    "no settings told",
                    Status::Unknown,
                    Some("timed-out"),
                    |facts: &mut Facts| {
                        proxies("", "")(facts);
                        engine(|engine| engine.information = Observed::TimedOut("x".into()))(facts);
                    },
                ),
            ],
        );
    }

    #[test]
    fn what_is_configured_is_told_apart_from_what_runs() {
        let proxy = "http://proxy:3128";
        judge_cases(
            &DOCKER_PROXY,
            &[
                Case::new(
                    "daemon.json, and running",
                    Status::Pass,
                    None,
                    configured(proxy, proxy, Observed::Seen(proxy), Observed::Absent),
                ),
                Case::new(
                    "a drop-in, not restarted",
                    Status::Warn,
                    Some("not-restarted"),
                    configured(proxy, "", Observed::Absent, Observed::Seen(proxy)),
                ),
                Case::new(
                    "daemon.json, which wins over the drop-in",
                    Status::Pass,
                    None,
                    configured(
                        "",
                        proxy,
                        Observed::Seen(proxy),
                        Observed::Seen("http://old:1"),
                    ),
                ),
                Case::new(
                    "daemon.json, restarted before it was changed",
                    Status::Warn,
                    Some("not-restarted"),
                    configured("", "http://old:1", Observed::Seen(proxy), Observed::Absent),
                ),
                Case::new(
                    "configuration that may not be read",
                    Status::Pass,
                    None,
                    configured("", proxy, Observed::Denied("x".into()), Observed::Absent),
                ),
            ],
        );
        let mut facts = nothing_observed();
        proxies("", proxy)(&mut facts);
        let found = verdict(&DOCKER_PROXY, &facts);
        assert!(
            found.remarks.concat().contains("systemctl show docker"),
            "{found:?}"
        );
    }

    #[test]
    fn the_advice_spells_the_proxy_as_the_daemon_reads_it() {
        for (shell, expected) in [
            ("http://proxy:3128", "HTTPS_PROXY=http://proxy:3128"),
            ("https://proxy:3128", "HTTPS_PROXY=https://proxy:3128"),
            ("socks5h://proxy", "HTTPS_PROXY=socks5://proxy:1080"),
            ("socks4://proxy", "have it speak HTTP or SOCKS 5"),
        ] {
            let mut facts = nothing_observed();
            proxies(shell, "")(&mut facts);
            let verdict = verdict(&DOCKER_PROXY, &facts);
            assert!(verdict.advice[0].contains(expected), "{:?}", verdict.advice);
            assert_eq!(verdict.by_hand, shell.starts_with("socks4"));
        }
    }
}
