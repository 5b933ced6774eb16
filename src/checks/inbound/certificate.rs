//! The certificate that a probe was shown, as a client judges it.

use jiff::{SignedDuration, Timestamp};

use super::{
    causes,
    door::{DoorVerdict, Outside},
};
use crate::{
    facts::{
        outbound::{HttpOutcome, Tls, TrustVerdict},
        probe_report::Door,
    },
    units::counted,
};

/// Who issued the certificate that a door presents.
pub fn issuer(door: &Door) -> String {
    door.tls
        .as_ref()
        .and_then(|tls| tls.chain.first())
        .map_or_else(|| "nobody".into(), |leaf| format!("“{}”", leaf.issuer))
}

/// Why a client would not trust what the door presents; none where it would.
pub fn distrust(outside: Outside, door: &Door) -> Option<DoorVerdict> {
    let tls = door.tls.as_ref()?;
    let host = &outside.probe.host;
    let issuer = issuer(door);
    let leaf = tls.chain.first();
    let default_subject = &outside.profile.certificates.default_subject;
    let verdict = match tls.trust.as_ref()? {
        TrustVerdict::Trusted => return None,
        _ if !default_subject.is_empty()
            && leaf.is_some_and(|leaf| leaf.subject.contains(default_subject)) =>
        {
            DoorVerdict::faulty(
                causes::DEFAULT_CERTIFICATE,
                "Traefik answers with the certificate that it makes up where it has none",
                "look on the machine why Traefik has no certificate: sesam-doctor check tls container.traefik",
            )
        }
        TrustVerdict::WrongName => DoorVerdict::faulty(
            causes::TLS_WRONG_NAME,
            format!(
                "the certificate is for {}, not for {host}, issued by {issuer}",
                leaf.map_or_else(
                    || "nothing".into(),
                    |leaf| {
                        if leaf.names.is_empty() {
                            leaf.subject.clone()
                        } else {
                            leaf.names.join(", ")
                        }
                    }
                )
            ),
            format!(
                "either {host} leads to another machine, or the certificate there was made for another name: compare NODE_DOMAIN with {host}"
            ),
        ),
        TrustVerdict::Expired => dated(
            outside,
            door,
            causes::TLS_EXPIRED,
            "expired on",
            tls.chain.iter().filter_map(|link| link.not_after).min(),
        ),
        TrustVerdict::NotYetValid => dated(
            outside,
            door,
            causes::TLS_NOT_YET_VALID,
            "is valid only from",
            tls.chain.iter().filter_map(|link| link.not_before).max(),
        ),
        TrustVerdict::UnknownIssuer => unknown_issuer(outside, tls, &issuer, ""),
        TrustVerdict::Otherwise(how) => unknown_issuer(outside, tls, &issuer, &format!(" ({how})")),
    };
    Some(verdict)
}

fn unknown_issuer(outside: Outside, tls: &Tls, issuer: &str, how: &str) -> DoorVerdict {
    if outside.probe.trust.authorities == 0 {
        return DoorVerdict::faulty(
            causes::TLS_UNKNOWN_ISSUER,
            format!("this machine trusts no authority at all, so not {issuer} either"),
            "install the system's authorities on the machine that probes (Ubuntu: apt install --reinstall ca-certificates; RHEL: dnf reinstall ca-certificates)",
        );
    }
    let missing = tls.chain.last().filter(|last| {
        !last.self_issued && (tls.organization_is_trusted || last.names_issuer_location)
    });
    if let Some(last) = missing {
        return DoorVerdict::faulty(
            causes::TLS_INCOMPLETE_CHAIN,
            format!(
                "the intermediate certificate of “{}” is not sent",
                last.issuer
            ),
            "put the whole chain into the certificate file on the machine, the server's own certificate first",
        );
    }
    let summary = match tls.chain.first() {
        Some(leaf) if leaf.self_issued => {
            format!("the certificate is self-signed by {issuer}{how}")
        }
        _ => {
            format!("the certificate is signed by {issuer}, whom this machine does not trust{how}")
        }
    };
    DoorVerdict::faulty(
        causes::TLS_UNKNOWN_ISSUER,
        summary,
        format!(
            "every client has to be told to trust {issuer}; if it is none of the customer's, something stands between this machine and {}",
            outside.probe.host
        ),
    )
}

/// A certificate whose dates do not fit; the prober's clock is examined before it is blamed.
fn dated(
    outside: Outside,
    door: &Door,
    cause: crate::checks::Cause,
    what: &str,
    at: Option<Timestamp>,
) -> DoorVerdict {
    let when = at.map_or_else(|| "an impossible date".into(), |at| at.to_string());
    let limit = SignedDuration::from_secs(i64::from(outside.profile.network.clock_off_seconds));
    match clock_ahead(door).filter(|ahead| ahead.abs() > limit) {
        Some(ahead) => {
            let direction = if ahead.is_negative() {
                "behind"
            } else {
                "ahead of"
            };
            let by = counted(ahead.as_secs().unsigned_abs(), "second");
            DoorVerdict::faulty(
                cause,
                format!(
                    "the certificate seems wrong ({what} {when}), but this machine's clock is {by} {direction} the other's"
                ),
                "set the clock of the machine that is wrong, and switch time synchronisation on (timedatectl set-ntp true)",
            )
        }
        None => DoorVerdict::faulty(
            cause,
            format!("the certificate, issued by {}, {what} {when}", issuer(door)),
            "look on the machine why it was not renewed: sesam-doctor check tls inbound.http",
        ),
    }
}

/// How far the prober's clock is ahead of what answers.
fn clock_ahead(door: &Door) -> Option<SignedDuration> {
    door.visits
        .iter()
        .find_map(|visit| match &visit.http.outcome {
            HttpOutcome::Answered(answer) => Some(answer.received_at?.duration_since(answer.date?)),
            _ => None,
        })
}
