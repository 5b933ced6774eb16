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
    units::roughly,
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
                            format!("no host name at all (subject {})", leaf.subject)
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
        TrustVerdict::Expired => dated(outside, door, tls, true),
        TrustVerdict::NotYetValid => dated(outside, door, tls, false),
        TrustVerdict::UnknownIssuer => unknown_issuer(outside, tls, &issuer, ""),
        TrustVerdict::Otherwise(how) => unknown_issuer(outside, tls, &issuer, &format!(" ({how})")),
    };
    Some(verdict)
}

fn unknown_issuer(outside: Outside, tls: &Tls, issuer: &str, how: &str) -> DoorVerdict {
    if outside.probe.trust.authorities == 0 {
        return DoorVerdict::faulty(
            causes::TLS_UNKNOWN_ISSUER,
            format!("the machine that probes trusts no authority at all, so not {issuer} either"),
            "install the system's authorities on the machine that probes (Ubuntu: apt install --reinstall ca-certificates; RHEL: yum reinstall ca-certificates)",
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
            format!(
                "the certificate is signed by {issuer}, whom the machine that probes does not trust{how}"
            )
        }
    };
    DoorVerdict::faulty(
        causes::TLS_UNKNOWN_ISSUER,
        summary,
        format!(
            "every client has to be told to trust {issuer}; if it is none of the customer's, something stands between the machine that probes and {}",
            outside.probe.host
        ),
    )
}

/// A certificate that is over, or has not begun; the prober's clock is examined before it is blamed.
fn dated(outside: Outside, door: &Door, tls: &Tls, is_over: bool) -> DoorVerdict {
    let (cause, what, at, advice) = if is_over {
        (
            causes::TLS_EXPIRED,
            "expired on",
            tls.chain.iter().filter_map(|link| link.not_after).min(),
            "look on the machine why it was not renewed: sesam-doctor check tls inbound.http",
        )
    } else {
        (
            causes::TLS_NOT_YET_VALID,
            "is valid only from",
            tls.chain.iter().filter_map(|link| link.not_before).max(),
            "look on the machine at its clock, and which certificate was put there: sesam-doctor check system.clock tls",
        )
    };
    let when = at.map_or_else(|| "an impossible date".into(), |at| at.to_string());
    let limit = SignedDuration::from_secs(i64::from(outside.profile.network.clock_off_seconds));
    let blamed = clocks(door).and_then(|(here, there)| {
        let ahead = here.duration_since(there);
        // A clock that is off by minutes does not make a certificate expire that ended days ago.
        let fits_there = is_over == (there < at?);
        (ahead.abs() > limit && fits_there).then_some(ahead)
    });
    match blamed {
        Some(ahead) => {
            let direction = if ahead.is_negative() {
                "behind"
            } else {
                "ahead of"
            };
            let by = roughly(ahead);
            DoorVerdict::faulty(
                cause,
                format!(
                    "the certificate seems wrong (it {what} {when}), but the clock of the machine that probes is {by} {direction} the other's"
                ),
                "set the clock of the machine that is wrong, and switch time synchronisation on (timedatectl set-ntp true)",
            )
        }
        None => DoorVerdict::faulty(
            cause,
            format!("the certificate, issued by {}, {what} {when}", issuer(door)),
            advice,
        ),
    }
}

/// What time it is for the prober, and for what answers.
fn clocks(door: &Door) -> Option<(Timestamp, Timestamp)> {
    door.visits
        .iter()
        .find_map(|visit| match &visit.http.outcome {
            HttpOutcome::Answered(answer) => Some((answer.received_at?, answer.date?)),
            _ => None,
        })
}
