//! What `tls.endpoint` says where no certificate was presented at all.

use jiff::SignedDuration;

use crate::{
    checks::{Cause, Context, Verdict, container},
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

pub(super) const STARTING: Cause = Cause::new(
    "starting",
    "Traefik was started only seconds before, and does not answer yet",
);

/// Traefik binds its ports within a second or two; a machine that has just booted takes longer.
const TAKES_TO_START: SignedDuration = SignedDuration::from_secs(15);

/// What there is to say where nothing was served.
pub(super) fn not_served(endpoint: &Endpoint, context: &Context) -> Verdict {
    let verdict = nothing_served(endpoint);
    let runs_for = container::traefik_runs_for(context)
        .filter(|since| !since.is_negative() && *since < TAKES_TO_START);
    match runs_for {
        Some(since) if verdict.cause.as_deref() == Some(NOT_ANSWERING.code) => Verdict::unknown(
            STARTING,
            format!(
                "{}; but Traefik was started only {} s before",
                verdict.summary,
                since.as_secs()
            ),
        )
        .advice("look again in a minute"),
        _ => verdict,
    }
}

/// The place that came nearest to an answer says why there is none.
fn nothing_served(endpoint: &Endpoint) -> Verdict {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{engine, nothing_observed, verdict},
            tls::{ENDPOINT, samples::hours_from_now},
        },
        facts::{
            Facts, Observed,
            docker::{Container, Details, State},
        },
    };

    /// Facts with a Traefik that was started so many seconds ago and serves nothing.
    fn silent(why: NoConnection, state: State, seconds: i64) -> Facts {
        let mut facts = nothing_observed();
        engine(move |engine| {
            let details = Details {
                started: Some(hours_from_now(0) - SignedDuration::from_secs(seconds)),
                ..Details::default()
            };
            engine.containers = Observed::Seen(vec![Container {
                name: "traefik".into(),
                state,
                details: Observed::Seen(details),
                ..Container::default()
            }]);
        })(&mut facts);
        let place = Place {
            address: "127.0.0.1:443".parse().unwrap(),
            outcome: Outcome::None { why },
        };
        facts.endpoint = Observed::Seen(Endpoint {
            node_domain: None,
            mode: None,
            places: vec![place],
        });
        facts
    }

    #[test]
    fn a_traefik_that_was_only_just_started_is_given_time() {
        let closed = NoConnection::Refused;
        for (why, state, seconds, expected) in [
            (closed.clone(), State::Running, 1, STARTING),
            (closed.clone(), State::Running, 14, STARTING),
            (closed.clone(), State::Running, 15, NOT_ANSWERING),
            (closed.clone(), State::Running, -5, NOT_ANSWERING),
            (closed, State::Exited, 1, NOT_ANSWERING),
            (
                NoConnection::OldVersion {
                    reason: String::new(),
                },
                State::Running,
                1,
                TLS_VERSION,
            ),
        ] {
            let found = verdict(&ENDPOINT, &silent(why.clone(), state, seconds));
            assert_eq!(
                found.cause.as_deref(),
                Some(expected.code),
                "{why:?} {seconds}"
            );
            let is_open = expected == STARTING;
            assert_eq!(found.status == Status::Unknown, is_open, "{found:?}");
        }
        let words = verdict(&ENDPOINT, &silent(NoConnection::Refused, State::Running, 3)).summary;
        assert!(words.contains("started only 3 s before"), "{words}");
        assert_eq!(
            verdict(&ENDPOINT, &without_docker()).cause.as_deref(),
            Some(NOT_ANSWERING.code)
        );
    }

    fn without_docker() -> Facts {
        let mut facts = silent(NoConnection::Refused, State::Running, 1);
        facts.docker = Observed::NotAsked;
        facts
    }
}
