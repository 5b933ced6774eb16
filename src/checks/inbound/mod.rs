//! Ports that others come to: who holds them, whether they are let in, and what was seen from outside.

pub mod causes;
pub mod door;
pub mod names;

mod certificate;
mod firewall;
mod outside;
mod port;

use crate::{
    checks::{Category, Cause, Check, Judge, Level, Prose},
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
];
const REFERENCE: &str = "Operator's manual, firewall: inbound";
const CHECKS: &str = "Who listens on the port: Traefik, Docker's own `docker-proxy` for it, or nothing yet is right; another program, or one that is bound to the machine itself, fails. Then what ufw and firewalld were told. Then, where the settings name the report of a `sesam-doctor probe` that is not too old, what was seen from outside: without one the port passes with a remark, since only an outside view shows that others get through.";
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
    judge: Judge::One(|context| port::judge(context, "https")),
};

#[cfg(test)]
mod tests;
