//! `software.docker-proxy`

use super::DOCKER;
use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
    },
    facts::{Source, docker::Proxies},
};

const DAEMON_HAS_NONE: Cause = Cause::new(
    "daemon-has-none",
    "the shell goes through a proxy and the Docker daemon does not",
);
const DIFFERENT: Cause = Cause::new(
    "different",
    "the shell and the Docker daemon go through different proxies",
);

/// See [`Prose::checks`] in the declaration.
pub static DOCKER_PROXY: Check = Check {
    id: "software.docker-proxy",
    title: "Docker uses the machine's proxy",
    category: Category::Software,
    level: Level::Required,
    needs: &[&DOCKER],
    reads: &[Source::Docker],
    reference: "docs.docker.com/engine/daemon/proxy",
    causes: &[DAEMON_HAS_NONE, DIFFERENT],
    prose: Prose {
        checks: "The proxies that this run's environment names (HTTP_PROXY and HTTPS_PROXY in both spellings) or, where it names none, those of `/etc/environment`, against those that the running Docker daemon uses. A shell with a proxy and a daemon without one, or with another one, warns; a daemon alone with a proxy is a remark.",
        why: "The shell, the Docker daemon and each container have proxies of their own. Where only the shell has one, everything that a person tries works, and pulling images does not.",
        remedy: "Write the proxies into `daemon.json` (`\"proxies\": {\"http-proxy\": …, \"https-proxy\": …, \"no-proxy\": …}`, Docker 23 and later) or into `/etc/systemd/system/docker.service.d/http-proxy.conf` as `Environment=HTTPS_PROXY=…`, then `systemctl daemon-reload` and `systemctl restart docker`.",
    },
    mends: &[Mend::new(Remedy::WriteDaemonProxy, &[DAEMON_HAS_NONE])],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let docker = context.facts.docker().seen()?;
    let shell = docker.shell_proxies.seen()?;
    let daemon = &docker.engine()?.information.seen()?.proxies;
    let source = shell.source.as_deref().unwrap_or("the shell");
    // Images are pulled over HTTPS; a proxy for plain HTTP alone decides nothing.
    let (of_shell, of_daemon) = (shell.https.as_str(), daemon.https.as_str());
    let verdict = match (of_shell, of_daemon) {
        ("", "") => Verdict::pass("no proxy is set"),
        ("", proxy) => Verdict::pass(format!("the Docker daemon uses {proxy}")).remark(
            "the shell has no proxy; what a person tries there goes another way than Docker does",
        ),
        (proxy, "") => Verdict::warn(
            DAEMON_HAS_NONE,
            format!("{source} names the proxy {proxy}, and the Docker daemon has none"),
        )
        .advice(format!(
            "if this machine needs the proxy, write into /etc/systemd/system/docker.service.d/http-proxy.conf: [Service], Environment=HTTPS_PROXY={proxy}"
        ))
        .advice("then systemctl daemon-reload && systemctl restart docker, which restarts the containers"),
        (one, other) if same(one, other) => {
            Verdict::pass(format!("the shell and the Docker daemon use {other}"))
        }
        (one, other) => Verdict::warn(
            DIFFERENT,
            format!("{source} names the proxy {one}, and the Docker daemon uses {other}"),
        )
        .advice("give both the same proxy: /etc/environment, and daemon.json or docker.service's drop-in"),
    };
    Ok(verdict
        .expected("the same proxy for the shell and the Docker daemon, or none")
        .evidence("shell", shown(shell))
        .evidence("Docker daemon", shown(daemon)))
}

fn same(one: &str, other: &str) -> bool {
    let bare = |proxy: &str| {
        let proxy = proxy.trim_end_matches('/').to_ascii_lowercase();
        proxy
            .split_once("://")
            .map_or(proxy.clone(), |(_, rest)| rest.to_owned())
    };
    bare(one) == bare(other)
}

fn shown(proxies: &Proxies) -> String {
    if proxies.is_none() {
        return "none".to_owned();
    }
    let mut parts = Vec::new();
    for (name, value) in [
        ("http", &proxies.http),
        ("https", &proxies.https),
        ("not for", &proxies.none_for),
    ] {
        if !value.is_empty() {
            parts.push(format!("{name} {value}"));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, engine, judge_cases},
        },
        facts::{Facts, Observed, docker::Information},
    };

    fn proxies(shell: &'static str, daemon: &'static str) -> impl Fn(&mut Facts) {
        let of = |https: &str| Proxies {
            https: https.into(),
            ..Proxies::default()
        };
        move |facts: &mut Facts| {
            engine(|engine| {
                engine.information = Observed::Seen(Information {
                    proxies: of(daemon),
                    ..Information::default()
                });
            })(facts);
            if let Observed::Seen(docker) = &mut facts.docker {
                docker.shell_proxies = Observed::Seen(of(shell));
            }
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
                    proxies("http://proxy:3128/", "proxy:3128"),
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
                    "nothing seen",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
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
}
