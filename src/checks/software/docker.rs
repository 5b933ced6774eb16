//! `software.docker`

use super::DOCKER_CONFIG;
use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
    },
    facts::{
        Observed, Source,
        docker::{Docker, Engine, Installation, Reach},
    },
    profile::ReleaseNumber,
};

const NOT_INSTALLED: Cause = Cause::new("not-installed", "there is no Docker on this machine");
const NOT_RUNNING: Cause = Cause::new("not-running", "Docker is installed and does not run");
const MASKED: Cause = Cause::new("masked", "Docker's unit is masked, so it cannot be started");
const NO_PERMISSION: Cause = Cause::new(
    "no-permission",
    "this account may not use the engine's socket",
);
const NOT_ANSWERING: Cause = Cause::new(
    "not-answering",
    "the engine takes questions and does not answer them",
);
const ERROR_ANSWER: Cause = Cause::new("error-answer", "the engine answers with an error");
const NOT_DOCKER: Cause = Cause::new(
    "not-docker",
    "something else than a Docker engine answers on its socket",
);
const TOO_OLD: Cause = Cause::new("too-old", "the engine is older than the profile asks for");

/// See [`Prose::checks`] in the declaration.
pub static DOCKER: Check = Check {
    id: "software.docker",
    title: "Docker runs, and is recent enough",
    category: Category::Software,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Docker],
    reference: "Operator's manual, software requirements: Docker",
    causes: &[
        NOT_INSTALLED,
        MASKED,
        NOT_RUNNING,
        NO_PERMISSION,
        NOT_ANSWERING,
        ERROR_ANSWER,
        NOT_DOCKER,
        TOO_OLD,
    ],
    prose: Prose {
        checks: "The Docker engine answers on its socket (`/var/run/docker.sock`, or the Unix socket that DOCKER_HOST names) within `--timeout`, and its version is at least `software.docker_minimum` of the profile. Not installed, masked, not running, no permission, no answer, an error answer, something else on the socket, and too old are told apart, and each fails.",
        why: "The whole product runs in containers. Without an engine that answers nothing runs, and nothing about containers can be examined.",
        remedy: "Install Docker from the distribution or from docs.docker.com/engine/install, and start it: `systemctl enable --now docker`. An engine that does not answer or answers with errors says why in `journalctl -u docker`; a restart of it restarts the containers.",
    },
    mends: &[
        Mend::new(Remedy::InstallDocker, &[NOT_INSTALLED]),
        Mend::new(Remedy::EnableDocker, &[NOT_RUNNING, MASKED]),
        Mend::new(Remedy::StartDocker, &[NOT_RUNNING, MASKED]),
    ],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let docker = context.facts.docker().seen()?;
    let socket = docker.socket.display();
    let verdict = match &docker.reach {
        Reach::Answered { engine } => answered(context, engine),
        Reach::NotAsked => return Err(crate::facts::Gap::NotAsked),
        Reach::NoSocket => absent(docker, &format!("there is no socket {socket}")),
        Reach::Refused => absent(docker, &format!("nobody listens on {socket}")),
        Reach::Denied => Verdict::fail(
            NO_PERMISSION,
            format!("this account may not use {socket}"),
        )
        .advice("run the doctor as root, for example with sudo")
        .advice("an account that runs compose itself needs to be in the group docker: usermod -aG docker ACCOUNT, and a new login"),
        Reach::Silent { waited_ms } => Verdict::fail(
            NOT_ANSWERING,
            format!("the engine took the question on {socket} and had not answered after {} s", seconds(*waited_ms)),
        )
        .advice("see why in the engine's log: journalctl -u docker -n 100")
        .advice("restart it, which restarts the containers too: systemctl restart docker"),
        Reach::ErrorAnswer { status, message } => Verdict::fail(
            ERROR_ANSWER,
            format!("the engine answers with the error {status}: {message}"),
        )
        .advice("see why in the engine's log: journalctl -u docker -n 100"),
        Reach::Broken { how } => Verdict::fail(
            NOT_DOCKER,
            format!("what listens on {socket} {how}"),
        )
        .advice(format!("see what holds the socket: ss -xlp | grep {socket}"))
        .advice("restart Docker: systemctl restart docker.socket docker"),
    };
    // An engine that does not take its settings does not start.
    let verdict = match docker.reach {
        Reach::Answered { .. } => verdict,
        _ => verdict.follows(&DOCKER_CONFIG),
    };
    let verdict = verdict
        .expected(format!(
            "Docker {} or later, answering on {socket}",
            context.profile.software.docker_minimum
        ))
        .evidence("socket", socket);
    Ok(match &docker.other_host {
        Some(host) => verdict.remark(format!(
            "DOCKER_HOST names {host}; this machine's own engine was asked"
        )),
        None => verdict,
    })
}

fn seconds(milliseconds: u64) -> String {
    let tenths = milliseconds / 100;
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        tenth => format!("{}.{tenth}", tenths / 10),
    }
}

fn answered(context: &Context, engine: &Engine) -> Verdict {
    let minimum = &context.profile.software.docker_minimum;
    let version = &engine.version;
    if engine.product.to_ascii_lowercase().contains("podman") {
        return Verdict::fail(
            NOT_DOCKER,
            format!("Podman {version} answers in place of Docker"),
        )
        .observed(version.as_str())
        .advice(
            "replace podman-docker by Docker's own engine, see docs.docker.com/engine/install",
        );
    }
    let verdict = match (ReleaseNumber::parse(version), ReleaseNumber::parse(minimum)) {
        (Some(number), Some(least)) if number < least => {
            Verdict::fail(TOO_OLD, format!("Docker {version} is older than {minimum}"))
                .advice("update Docker, see docs.docker.com/engine/install")
        }
        // A build of one's own may be called anything; it answers, and that is what counts.
        _ => Verdict::pass(format!("Docker {version} answers")),
    };
    verdict
        .observed(version.as_str())
        .evidence("API", &engine.api_version)
}

fn absent(docker: &Docker, seen: &str) -> Verdict {
    match &docker.installation {
        Observed::Seen(installation) if installation.is_installed() || installation.masked => {
            stopped(installation, seen)
        }
        Observed::Seen(installation) => {
            let verdict = Verdict::fail(
                NOT_INSTALLED,
                format!("Docker is not installed: {seen}, and there is no dockerd"),
            )
            .advice("install Docker: apt-get install docker.io on Debian and Ubuntu, or see docs.docker.com/engine/install");
            match &installation.client {
                Some(client) => {
                    verdict.remark(format!("only the client is here: {}", client.display()))
                }
                None => verdict,
            }
        }
        // Whether it is installed could not be seen; that it does not run is certain.
        _ => Verdict::fail(
            NOT_RUNNING,
            format!("Docker does not run ({seen}); whether it is installed could not be seen"),
        )
        .advice("start it, where it is installed: systemctl enable --now docker")
        .advice(LOG),
    }
}

const LOG: &str = "if it ends again, its log says why: journalctl -u docker -n 50";

fn stopped(installation: &Installation, seen: &str) -> Verdict {
    if installation.masked {
        return Verdict::fail(
            MASKED,
            format!("Docker is installed and masked, so it cannot start: {seen}"),
        )
        .advice("unmask and start it: systemctl unmask docker.service docker.socket && systemctl enable --now docker");
    }
    let verdict = Verdict::fail(
        NOT_RUNNING,
        format!("Docker is installed and does not run: {seen}"),
    );
    let verdict = match (&installation.unit, &installation.daemon) {
        // What the doctor's own steps start is docker.service.
        _ if installation.is_of_snap() => verdict
            .by_hand()
            .advice("start it: snap start --enable docker")
            .advice("if it ends again, its log says why: snap logs docker -n 50")
            .remark("snap's Docker sees no files outside of home directories; the stack needs Docker from the distribution or from docs.docker.com/engine/install"),
        (None, Some(daemon)) => verdict.advice(format!(
            "start {} as services are started here: there is no docker.service for systemd",
            daemon.display()
        )),
        _ => verdict
            .advice("start it: systemctl enable --now docker")
            .advice(LOG),
    };
    let verdict = match &installation.daemon {
        Some(daemon) => verdict.evidence("engine", daemon.display()),
        None => verdict,
    };
    if installation.unit.is_some() && !installation.enabled {
        verdict.remark("it is not enabled either, so it would not start at boot")
    } else {
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, engine, judge_cases},
        },
        facts::Facts,
    };

    fn reach(reach: Reach, installation: Installation) -> impl Fn(&mut Facts) {
        move |facts| {
            facts.docker = Observed::Seen(Docker {
                socket: "/var/run/docker.sock".into(),
                reach: reach.clone(),
                installation: Observed::Seen(installation.clone()),
                ..Docker::default()
            });
        }
    }

    fn installed() -> Installation {
        Installation {
            daemon: Some("/usr/sbin/dockerd".into()),
            unit: Some("/lib/systemd/system/docker.service".into()),
            ..Installation::default()
        }
    }

    fn version(version: &'static str, product: &'static str) -> impl Fn(&mut Facts) {
        engine(move |engine: &mut Engine| {
            version.clone_into(&mut engine.version);
            product.clone_into(&mut engine.product);
        })
    }

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn cases() {
        let none = Installation::default;
        let error = Reach::ErrorAnswer {
            status: 500,
            message: "no space left on device".into(),
        };
        let broken = Reach::Broken {
            how: "answered what is not HTTP".into(),
        };
        let masked = Installation {
            masked: true,
            ..installed()
        };
        judge_cases(
            &DOCKER,
            &[
                Case::new(
                    "answers",
                    Status::Pass,
                    None,
                    version("20.10.24+dfsg1", "Engine"),
                ),
                Case::new("the oldest", Status::Pass, None, version("1.13.1", "")),
                Case::new(
                    "a build of one's own",
                    Status::Pass,
                    None,
                    version("dev", "Engine"),
                ),
                Case::new(
                    "too old",
                    Status::Fail,
                    Some("too-old"),
                    version("1.12.6", ""),
                ),
                Case::new(
                    "podman",
                    Status::Fail,
                    Some("not-docker"),
                    version("4.9.4", "Podman Engine"),
                ),
                Case::new(
                    "not installed",
                    Status::Fail,
                    Some("not-installed"),
                    reach(Reach::NoSocket, none()),
                ),
                Case::new(
                    "of snap, stopped",
                    Status::Fail,
                    Some("not-running"),
                    reach(
                        Reach::NoSocket,
                        Installation {
                            client: Some("/snap/bin/docker".into()),
                            unit: Some("/etc/systemd/system/snap.docker.dockerd.service".into()),
                            ..Installation::default()
                        },
                    ),
                ),
                Case::new(
                    "stopped",
                    Status::Fail,
                    Some("not-running"),
                    reach(Reach::NoSocket, installed()),
                ),
                Case::new(
                    "stopped, and would start at boot",
                    Status::Fail,
                    Some("not-running"),
                    reach(
                        Reach::NoSocket,
                        Installation {
                            enabled: true,
                            ..installed()
                        },
                    ),
                ),
                Case::new(
                    "stopped, and of no package",
                    Status::Fail,
                    Some("not-running"),
                    reach(
                        Reach::NoSocket,
                        Installation {
                            unit: None,
                            ..installed()
                        },
                    ),
                ),
                Case::new(
                    "whether it is installed could not be seen",
                    Status::Fail,
                    Some("not-running"),
                    |facts: &mut Facts| {
                        reach(Reach::NoSocket, installed())(facts);
                        if let Observed::Seen(docker) = &mut facts.docker {
                            docker.installation = Observed::Failed("x".into());
                        }
                    },
                ),
                Case::new(
                    "crashed",
                    Status::Fail,
                    Some("not-running"),
                    reach(Reach::Refused, installed()),
                ),
                Case::new(
                    "masked",
                    Status::Fail,
                    Some("masked"),
                    reach(Reach::NoSocket, masked),
                ),
                Case::new(
                    "denied",
                    Status::Fail,
                    Some("no-permission"),
                    reach(Reach::Denied, installed()),
                ),
                Case::new(
                    "hangs",
                    Status::Fail,
                    Some("not-answering"),
                    reach(Reach::Silent { waited_ms: 5_000 }, installed()),
                ),
                Case::new(
                    "error",
                    Status::Fail,
                    Some("error-answer"),
                    reach(error, installed()),
                ),
                Case::new(
                    "garbage",
                    Status::Fail,
                    Some("not-docker"),
                    reach(broken, installed()),
                ),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "not asked, but looked for",
                    Status::Unknown,
                    Some("not-observed"),
                    reach(Reach::NotAsked, installed()),
                ),
            ],
        );
    }
}
