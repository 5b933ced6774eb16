//! Doors that do not open, and TLS that does not come about.

use super::{DoorVerdict, causes, name, opened};
use crate::{
    checks::Status,
    facts::{
        outbound::{Connect, Handshake, Tls},
        probe_report::Door,
    },
};

/// Words for who looks from outside: the same are read there, and on the node in whose report they are repeated.
fn prober() -> String {
    "the machine that probes".to_owned()
}

/// A door that does not open.
pub(super) fn unconnected(door: &Door) -> DoorVerdict {
    let (to, port) = (name(door), door.port);
    if door.from.is_none() {
        return DoorVerdict {
            status: Status::Skip,
            way_is_open: None,
            ..DoorVerdict::pass(format!(
                "not looked at: the machine that probes has no {} to go there by",
                door.family().word()
            ))
        };
    }
    let tries = if door.tries > 1 { ", tried twice" } else { "" };
    let forwarded = format!(
        "whether {port}/tcp is forwarded to the machine and let through to it, and on the machine whether something listens (sesam-doctor check inbound; before the installation: sesam-doctor listen)"
    );
    match &door.connect {
        Connect::Open => DoorVerdict::pass(opened(door)),
        Connect::Refused => DoorVerdict::closed(
            causes::TCP_REFUSED,
            format!(
                "the connection is reset after {} ms{tries}",
                door.connect_ms
            ),
            format!(
                "either nothing listens on port {port} there or a firewall resets connections: have the network team look {forwarded}"
            ),
        ),
        Connect::Silent => DoorVerdict::closed(
            causes::TCP_TIMEOUT,
            format!("no answer within {} ms{tries}", door.connect_ms),
            format!(
                "a firewall drops packets to {to} without a word, or the address is not the machine's: have the network team look {forwarded}"
            ),
        ),
        Connect::Filtered { by, how } => {
            let by = by.map_or_else(prober, |by| by.to_string());
            DoorVerdict::closed(
                causes::ADMIN_PROHIBITED,
                format!("{by} says that it is forbidden: {how}"),
                format!(
                    "have whoever runs the filter at {by} let {port}/tcp in to {}",
                    door.address
                ),
            )
        }
        Connect::Unreachable { by, how } => {
            let by = by.map_or_else(prober, |by| by.to_string());
            DoorVerdict::closed(
                causes::NET_UNREACHABLE,
                format!("{by} has no way there: {how}"),
                format!(
                    "have the network team look at the routes to {}",
                    door.address
                ),
            )
        }
        Connect::Failed { how } => DoorVerdict::closed(
            causes::NET_UNREACHABLE,
            format!("connecting failed: {how}"),
            format!("look on the machine that probes at what its kernel says of {to}: {how}"),
        ),
    }
}

/// A door that opens, and TLS does not come about.
pub(super) fn without_tls(door: &Door, tls: &Tls) -> DoorVerdict {
    let opened = opened(door);
    let ask = format!(
        "have the network team look what answers at {} in place of the machine",
        name(door)
    );
    match &tls.handshake {
        Handshake::Silent => DoorVerdict::closed(
            causes::TLS_TIMEOUT,
            format!(
                "{opened}, then TLS gets no answer within {} ms",
                tls.took_ms
            ),
            format!(
                "large packets may not get through (path MTU; do not filter ICMP “fragmentation needed”), or something takes connections and never answers: {ask}"
            ),
        ),
        Handshake::NotTls(how) => DoorVerdict::closed(
            causes::NOT_TLS,
            format!("what answers does not speak TLS: {how}"),
            ask,
        ),
        Handshake::Version(how) => DoorVerdict::faulty(
            causes::TLS_VERSION,
            format!("no common version of TLS: {how}"),
            format!("Traefik speaks TLS 1.2 and 1.3: {ask}"),
        ),
        Handshake::Cut(how) | Handshake::Failed(how) | Handshake::Alert(how) => {
            DoorVerdict::closed(
                causes::TLS_CUT,
                format!(
                    "{opened}, then it is cut {} ms into the TLS handshake: {how}",
                    tls.took_ms
                ),
                format!(
                    "a filter that reads the server name may cut connections, or nothing is behind the port: {ask}"
                ),
            )
        }
        Handshake::Done => DoorVerdict::pass(opened),
    }
}
