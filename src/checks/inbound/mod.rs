//! Ports that others come to: who holds them, whether they are let in, and what was seen from outside.

pub mod causes;
pub mod door;
pub mod names;

mod certificate;
mod firewall;
mod outside;
mod port;

use crate::{
    checks::{Category, Cause, Check, Judge, Level, Mend, Port, Prose, Remedy},
    facts::Source,
};

const CAUSES: &[Cause] = &[
    causes::PORT_TAKEN,
    causes::LOOPBACK_ONLY,
    causes::FIREWALL_CLOSED,
    causes::NOT_REACHABLE,
    causes::PARTLY_REACHABLE,
];
const READS: &[Source] = &[
    Source::Listeners,
    Source::Firewall,
    Source::ProbeReport,
    Source::Certificates,
    Source::NodeNames,
];
const REFERENCE: &str = "Operator's manual, firewall: inbound";
const CHECKS: &str = "Who listens on the port: Traefik, Docker itself for it (`docker-proxy`, or `dockerd` where `userland-proxy` is off), or nothing yet is right; another program, or one that is bound to the machine itself, fails. Then what ufw and firewalld were told; where ufw lets it in over IPv4 only and the node's name has an IPv6 address, that warns. Then, where `--facts` or the settings name the report of a `sesam-doctor probe` that is not too old, what was seen from outside: without one the port passes with a remark, since only an outside view shows that others get through.";
const REMEDY: &str = "Free the port, open it in the firewall that the finding names, and have the network team forward it. `sesam-doctor listen` here and `sesam-doctor probe` on another machine show whether it worked, also before anything is installed.";

/// See [`Prose::checks`] in the declaration.
pub static HTTP: Check = Check {
    id: "inbound.http",
    title: "Port 80 is free for Traefik and let in",
    category: Category::Inbound,
    level: Level::Required,
    needs: &[],
    reads: READS,
    reference: REFERENCE,
    causes: CAUSES,
    prose: Prose {
        checks: CHECKS,
        why: "Let's Encrypt validates the node's name over plain HTTP, for issue and for every renewal, from addresses that nobody knows beforehand. Where certificates are brought by the customer or self-signed, the port is not needed.",
        remedy: REMEDY,
    },
    mends: &[Mend::new(
        Remedy::OpenPort(Port::Http),
        &[causes::FIREWALL_CLOSED],
    )],
    judge: Judge::One(|context| port::judge(context, "http")),
};

/// See [`Prose::checks`] in the declaration.
pub static HTTPS: Check = Check {
    id: "inbound.https",
    title: "Port 443 is free for Traefik and let in",
    category: Category::Inbound,
    level: Level::Required,
    needs: &[],
    reads: READS,
    reference: REFERENCE,
    causes: CAUSES,
    prose: Prose {
        checks: CHECKS,
        why: "Every client of the node's API, the portal's user interface among them, comes to this port. They may come over a VPN or the local network only.",
        remedy: REMEDY,
    },
    mends: &[Mend::new(
        Remedy::OpenPort(Port::Https),
        &[causes::FIREWALL_CLOSED],
    )],
    judge: Judge::One(|context| port::judge(context, "https")),
};

#[cfg(test)]
mod samples;

#[cfg(test)]
mod tests {
    use super::samples::{listening, mode, with};
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, nothing_observed, verdict},
        },
        facts::{Facts, Observed, certificates::Certificates},
        profile::CertificateMode,
    };

    #[test]
    #[allow(clippy::too_many_lines)]
    fn who_holds_the_port() {
        judge_cases(
            &HTTP,
            &[
                Case::new("nobody yet", Status::Pass, None, listening(&[])),
                Case::new("Traefik", Status::Pass, None, with(|_| {})),
                Case::new(
                    "Traefik, for a name that is known",
                    Status::Pass,
                    None,
                    with(|facts| {
                        facts.certificates = Observed::Seen(Certificates {
                            node_domain: Some("node.example.com".into()),
                            ..Certificates::default()
                        });
                    }),
                ),
                Case::new(
                    "Docker for a container",
                    Status::Pass,
                    None,
                    listening(&[(80, "0.0.0.0", "docker-proxy"), (80, "::", "docker-proxy")]),
                ),
                Case::new(
                    "Docker of Red Hat 7 for a container, whose programs' names the kernel cuts",
                    Status::Pass,
                    None,
                    listening(&[(80, "::", "docker-proxy-cu")]),
                ),
                Case::new(
                    "the daemon itself, where `userland-proxy` is off",
                    Status::Pass,
                    None,
                    listening(&[(80, "0.0.0.0", "dockerd"), (80, "::", "dockerd")]),
                ),
                Case::new(
                    "the doctor itself",
                    Status::Pass,
                    None,
                    listening(&[(80, "0.0.0.0", "sesam-doctor")]),
                ),
                Case::new(
                    "somebody whom root cannot see either",
                    Status::Unknown,
                    Some("observation-failed"),
                    listening(&[(80, "0.0.0.0", "")]),
                ),
                Case::new(
                    "somebody who needs root to be seen",
                    Status::Unknown,
                    Some("needs-root"),
                    |facts: &mut Facts| {
                        listening(&[(80, "0.0.0.0", "")])(facts);
                        if let Observed::Seen(listeners) = &mut facts.listeners {
                            listeners.processes_hidden = true;
                        }
                    },
                ),
                Case::new(
                    "another program",
                    Status::Fail,
                    Some("port-taken"),
                    listening(&[(80, "0.0.0.0", "nginx")]),
                ),
                Case::new(
                    "another container",
                    Status::Fail,
                    Some("port-taken"),
                    |facts: &mut Facts| {
                        listening(&[(80, "0.0.0.0", "nginx")])(facts);
                        if let Observed::Seen(listeners) = &mut facts.listeners {
                            for socket in &mut listeners.sockets {
                                if let Some(holder) = &mut socket.holder {
                                    holder.program = Some("/usr/sbin/nginx".into());
                                    holder.container = Some("0123456789abcdef".repeat(4));
                                }
                            }
                        }
                    },
                ),
                Case::new(
                    "another program beside Traefik",
                    Status::Fail,
                    Some("port-taken"),
                    listening(&[(80, "0.0.0.0", "traefik"), (80, "::", "apache2")]),
                ),
                Case::new(
                    "another program, on loopback",
                    Status::Fail,
                    Some("port-taken"),
                    listening(&[(80, "127.0.0.1", "nginx")]),
                ),
                Case::new(
                    "another program, on another port",
                    Status::Pass,
                    None,
                    listening(&[(443, "0.0.0.0", "nginx")]),
                ),
                Case::new(
                    "Traefik for itself only",
                    Status::Fail,
                    Some("loopback-only"),
                    listening(&[(80, "127.0.0.1", "docker-proxy"), (80, "::1", "traefik")]),
                ),
                Case::new(
                    "somebody for themselves, who cannot be seen",
                    Status::Fail,
                    Some("loopback-only"),
                    listening(&[(80, "127.0.0.1", "")]),
                ),
                Case::new(
                    "nobody looked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "the kernel refused",
                    Status::Unknown,
                    Some("observation-failed"),
                    |facts: &mut Facts| facts.listeners = Observed::Failed("no /proc".into()),
                ),
            ],
        );
    }

    #[test]
    fn the_finding_names_the_holder() {
        let mut facts = nothing_observed();
        listening(&[(443, "0.0.0.0", "nginx")])(&mut facts);
        let verdict = verdict(&HTTPS, &facts);
        assert!(verdict.summary.contains("nginx (pid 4711)"), "{verdict:?}");
        assert!(verdict.advice.concat().contains("systemctl status 4711"));
    }

    #[test]
    fn port_80_is_not_needed_with_certificates_of_ones_own() {
        judge_cases(
            &HTTP,
            &[
                Case::new("own", Status::Skip, None, mode(CertificateMode::Own)),
                Case::new(
                    "self-signed, whatever holds the port",
                    Status::Skip,
                    None,
                    |facts: &mut Facts| {
                        mode(CertificateMode::SelfSigned)(facts);
                        listening(&[(80, "0.0.0.0", "nginx")])(facts);
                    },
                ),
                Case::new(
                    "Let's Encrypt",
                    Status::Pass,
                    None,
                    mode(CertificateMode::LetsEncrypt),
                ),
            ],
        );
        judge_cases(
            &HTTPS,
            &[Case::new(
                "443 is always needed",
                Status::Pass,
                None,
                mode(CertificateMode::Own),
            )],
        );
    }
}
