//! `node.health`

use super::{
    Category, Cause, Check, Context, Judge, Judgement, Level, OFFLINE, Prose, Verdict, container,
    inbound, tls,
};
use crate::facts::{
    Gap, Source,
    handshake::NoConnection,
    node::{Answer, Node, Place, Reply, Stacktrace, Way},
};

const UNWELL: Cause = Cause::new("unwell", "the node answers, and says that it is unwell");
const SLOW: Cause = Cause::new("slow", "the node answers far slower than it should");
const NOT_ANSWERING: Cause = Cause::new(
    "not-answering",
    "the connection opens, and no complete answer comes, or Traefik finds no node behind it",
);
const WRONG_SERVICE: Cause = Cause::new(
    "wrong-service",
    "something answers that is not the node's API",
);
const REFUSED: Cause = Cause::new("refused", "nothing listens where the node's API should be");
const FRESH_STACKTRACE: Cause = Cause::new(
    "fresh-stacktrace",
    "the node's own health check failed not long ago: it left a stack trace",
);

/// See [`Prose::checks`] in the declaration.
pub static HEALTH: Check = Check {
    id: "node.health",
    title: "The node is well",
    category: Category::Node,
    level: Level::Required,
    needs: &[&container::SESAM_NODE],
    reads: &[Source::Node, Source::Stack],
    reference: "Sesam service API, /api/ping and /api/health; operator's manual, logs",
    causes: &[
        UNWELL,
        SLOW,
        NOT_ANSWERING,
        WRONG_SERVICE,
        REFUSED,
        FRESH_STACKTRACE,
    ],
    prose: Prose {
        checks: "`/api/ping` and `/api/health` answer 200 in time, wherever the API can be reached on this machine: on the published port, at the container's address, through Traefik by `NODE_DOMAIN`. The way that works best counts. A `stacktrace.html` in the logs directory that is younger than `node.stacktrace_fresh_hours` of the profile is a warning.",
        why: "A node that is unwell runs no pipes or runs them late, while its container looks healthy to Docker. The stack trace shows what every thread was doing when the node's own check failed.",
        remedy: "Look into `node.log` and `node_health.log` in the logs directory. A node short of memory, of disk or of CPUs shows in the checks of those. Send a fresh stack trace to Sesam support.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

/// What one way to the API says of the node, from good to bad news; the order is that of what counts most.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Well,
    Slow { took_ms: u64 },
    Unwell,
    NotAnswering { reason: String },
    WrongService { reason: String },
    Refused { reason: String },
}

fn judge(context: &Context) -> Judgement {
    if context.facts.is_offline() {
        return Ok(offline(context));
    }
    let node = context.facts.node().seen()?;
    let places = node.places.seen()?;
    let slow_ms = context.profile.node.slow_ms;
    let best = places
        .iter()
        .map(|place| (state(place, slow_ms), place))
        .min_by(|(one, _), (other, _)| one.cmp(other));
    let Some((state, place)) = best else {
        return Err(Gap::NotAsked);
    };
    let verdict = match state {
        State::Well => well(node, place, context),
        State::Slow { took_ms } => Verdict::warn(
            SLOW,
            format!("the node took {took_ms} ms to answer at {}", place.url),
        )
        .advice("look at the load (top, docker stats sesam-node) and at the checks of CPUs, memory pressure and storage"),
        State::Unwell => Verdict::fail(
            UNWELL,
            format!("the node answers at {} and says that it is unwell (503)", place.url),
        )
        .advice("look at the last lines of node_health.log and node.log in the logs directory, and at stacktrace.html beside them; send them to Sesam support"),
        State::NotAnswering { reason } => Verdict::fail(
            NOT_ANSWERING,
            format!("the node does not answer at {}: {reason}", place.url),
        )
        .advice("look whether it is still starting or stuck (docker logs --tail 50 sesam-node); where it stays so, restart it: docker restart sesam-node"),
        State::WrongService { reason } => Verdict::fail(
            WRONG_SERVICE,
            format!("what answers at {} is not the node: {reason}", place.url),
        )
        .advice(match place.way {
            Way::Traefik => "look that Traefik routes NODE_DOMAIN to sesam-node: the labels of the service in docker-compose.yml, and docker logs traefik",
            Way::Published | Way::Container => "look which program holds the port (ss -ltnp), and stop it or move it",
        }),
        State::Refused { reason } => Verdict::fail(
            REFUSED,
            format!("the node's API cannot be reached: {reason} at {}", place.url),
        )
        .advice("look whether the node runs (docker ps -a --filter name=sesam-node) and why not (docker logs --tail 50 sesam-node), then start it: docker compose up -d"),
    };
    // What is wrong with Traefik, its ports or its TLS shows here as well.
    let verdict = if depends_on_traefik(places, place) {
        verdict
            .follows(&container::TRAEFIK)
            .follows(&tls::ENDPOINT)
            .follows(&inbound::HTTP)
            .follows(&inbound::HTTPS)
    } else {
        verdict
    };
    let verdict = places.iter().fold(verdict, |verdict, place| {
        verdict.evidence(
            format!("by {}", place.way.words()),
            format!(
                "{} — ping: {}; health: {}",
                place.url,
                in_words(&place.ping),
                in_words(&place.health)
            ),
        )
    });
    let health = match &place.health {
        Answer::Answered(reply) => Some(reply.status),
        _ => None,
    };
    Ok(verdict
        .observed(health)
        .expected("/api/ping and /api/health answer 200 in time"))
}

/// Whether Traefik is the only way to the node that can be open: `best` leads through it, or no port is published, and the
/// container's own address, which tells of the node itself, was not asked.
fn depends_on_traefik(places: &[Place], best: &Place) -> bool {
    best.way == Way::Traefik
        || (places.iter().any(|place| place.way == Way::Traefik)
            && places
                .iter()
                .filter(|place| place.way != Way::Traefik)
                .all(|place| place.way == Way::Published && is_refused(&place.ping)))
}

fn is_refused(answer: &Answer) -> bool {
    matches!(
        answer,
        Answer::NoConnection {
            why: NoConnection::Refused | NoConnection::Unreachable { .. }
        }
    )
}

/// A node that answers well may have been unwell not long ago.
fn well(node: &Node, place: &Place, context: &Context) -> Verdict {
    let well = format!("the node answers at {}", place.url);
    match fresh_trace(node, context) {
        Ok(Some(trace)) => left_trace(trace, "the node answers now, but"),
        Ok(None) => Verdict::pass(well),
        Err(gap) => Verdict::pass(well).remark(format!(
            "whether it left a stack trace could not be seen: {gap}"
        )),
    }
}

/// What the logs directory tells without a connection.
fn offline(context: &Context) -> Verdict {
    let trace = context
        .facts
        .node()
        .seen()
        .and_then(|node| fresh_trace(node, context));
    match trace {
        Ok(Some(trace)) => left_trace(trace, "the node was not asked, and")
            .expected("no stack trace of late in the logs directory"),
        Ok(None) | Err(_) => Verdict::skip(OFFLINE),
    }
}

fn fresh_trace<'a>(node: &'a Node, context: &Context) -> Result<Option<&'a Stacktrace>, Gap> {
    let hours = i64::from(context.profile.node.stacktrace_fresh_hours);
    let trace = node.stacktrace.seen_or_absent()?;
    Ok(trace.filter(|trace| {
        let age = context.now.as_second() - trace.modified.as_second();
        age <= hours * 3600
    }))
}

fn left_trace(trace: &Stacktrace, how: &str) -> Verdict {
    let (path, time) = (trace.path.display(), trace.modified);
    Verdict::warn(
        FRESH_STACKTRACE,
        format!("{how} its own health check failed at {time}"),
    )
    .evidence("stack trace", &path)
    .advice(format!(
        "look at node_health.log around {time} and send {path} to Sesam support"
    ))
}

fn state(place: &Place, slow_ms: u64) -> State {
    // The worse of the two says how the node stands.
    one(&place.ping, place.way, slow_ms).max(one(&place.health, place.way, slow_ms))
}

fn one(answer: &Answer, way: Way, slow_ms: u64) -> State {
    match answer {
        Answer::Answered(reply) => replied(reply, way, slow_ms),
        Answer::TimedOut { .. }
        | Answer::NoConnection {
            why:
                NoConnection::TimedOut { .. } | NoConnection::Cut { .. } | NoConnection::Rejected { .. },
        } => State::NotAnswering {
            reason: in_words(answer),
        },
        Answer::NoConnection {
            why: NoConnection::Refused | NoConnection::Unreachable { .. },
        } => State::Refused {
            reason: in_words(answer),
        },
        Answer::NoConnection {
            why: NoConnection::NotTls { .. } | NoConnection::OldVersion { .. },
        }
        | Answer::NotHttp { .. }
        | Answer::TooLarge => State::WrongService {
            reason: in_words(answer),
        },
    }
}

fn replied(reply: &Reply, way: Way, slow_ms: u64) -> State {
    let excerpt = reply.excerpt.as_deref().unwrap_or_default();
    let is_page = reply.media_type.as_deref() == Some("text/html");
    match reply.status {
        200..=299 if is_page => State::WrongService {
            reason: "it answers with a web page".into(),
        },
        200..=299 if reply.took_ms > slow_ms => State::Slow {
            took_ms: reply.took_ms,
        },
        200..=299 => State::Well,
        502 | 504 => State::NotAnswering {
            reason: format!("a proxy says {} of it", reply.status),
        },
        // These are Traefik's own words where it has a router and nothing behind it.
        503 if way == Way::Traefik && excerpt.contains("no available server") => {
            State::NotAnswering {
                reason: "Traefik finds no node behind it".into(),
            }
        }
        503 => State::Unwell,
        500..=599 => State::NotAnswering {
            reason: format!("it says {}", reply.status),
        },
        other => State::WrongService {
            reason: format!("it says {other}"),
        },
    }
}

/// An answer in words.
pub(super) fn in_words(answer: &Answer) -> String {
    match answer {
        Answer::Answered(reply) => match &reply.excerpt {
            Some(excerpt) if reply.status != 200 => {
                let excerpt: String = excerpt.chars().take(100).collect();
                format!("{} in {} ms, “{excerpt}”", reply.status, reply.took_ms)
            }
            _ => format!("{} in {} ms", reply.status, reply.took_ms),
        },
        Answer::TimedOut { after_ms } => format!("no complete answer within {after_ms} ms"),
        Answer::NotHttp { reason } => format!("it speaks no HTTP ({reason})"),
        Answer::TooLarge => "it says more than the node ever would".into(),
        Answer::NoConnection { why } => why.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests;
