//! What `tls.endpoint` says where no certificate was presented at all.

use crate::{
    checks::{Cause, Verdict},
    facts::{
        endpoint::{Endpoint, Outcome, Place},
        handshake::NoConnection,
    },
};

pub(super) const NOT_ANSWERING: Cause = Cause::new(
    "not-answering",
    "nothing listens, or it does not answer or cuts the connection",
);
pub(super) const NOT_TLS: Cause = Cause::new("not-tls", "what answers does not speak TLS");
pub(super) const TLS_VERSION: Cause =
    Cause::new("tls-version", "it speaks no TLS of version 1.2 or later");
pub(super) const UNREADABLE: Cause = Cause::new("unreadable", "what is served is no certificate");

/// The place that came nearest to an answer says why there is none.
pub(super) fn nothing_served(endpoint: &Endpoint) -> Verdict {
    let refused = |place: &&Place| {
        matches!(
            &place.outcome,
            Outcome::None {
                why: NoConnection::Refused | NoConnection::Unreachable { .. }
            }
        )
    };
    let telling = endpoint
        .places
        .iter()
        .find(|place| !refused(place))
        .or(endpoint.places.first());
    let (cause, summary) = match telling.map(|place| (&place.outcome, place.address)) {
        Some((Outcome::Unreadable { reason }, address)) => {
            (UNREADABLE, format!("{address}: {reason}"))
        }
        Some((Outcome::None { why }, address)) => {
            let cause = match why {
                NoConnection::NotTls { .. } => NOT_TLS,
                NoConnection::OldVersion { .. } => TLS_VERSION,
                _ => NOT_ANSWERING,
            };
            (cause, format!("{address}: {why}"))
        }
        _ => (
            NOT_ANSWERING,
            "no address of this machine answers".to_owned(),
        ),
    };
    let advice = if cause == TLS_VERSION {
        "set minVersion to VersionTLS12 in Traefik's TLS options, or remove the option: 1.2 is its default"
    } else if cause == NOT_TLS {
        "look which program holds the port (ss -ltnp), and that Traefik's entry point websecure is meant for it and its router has TLS switched on"
    } else {
        "look that the traefik container is running and publishes the port (docker ps --filter name=traefik), and at its log (docker logs traefik)"
    };
    Verdict::fail(cause, summary)
        .expected("a TLS server with a certificate for NODE_DOMAIN")
        .advice(advice)
}
