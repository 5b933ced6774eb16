//! One address and port as a probe saw them: how far one gets from outside, and what stands in the way.

mod connection;
mod phases;

use std::net::SocketAddr;

pub use phases::phases;

use super::{causes, certificate};
use crate::{
    checks::{Cause, Status, page_text::quoted},
    facts::{
        outbound::{Connect, Family, Handshake, HttpOutcome},
        probe_report::{DoctorsWord, Door, Probe, Purpose, RedirectStop, Visit},
    },
    profile::{Profile, Speaks},
};

/// The verdict on one door.
#[derive(Clone, Debug)]
pub struct DoorVerdict {
    /// Pass, warn, fail, or skip where the prober has no way to look.
    pub status: Status,
    /// What was told apart; none on pass and skip.
    pub cause: Option<Cause>,
    /// The verdict in one sentence.
    pub summary: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// Whether packets get to what is to answer there; none where that was not seen.
    pub way_is_open: Option<bool>,
}

impl DoorVerdict {
    fn pass(summary: impl Into<String>) -> Self {
        Self {
            status: Status::Pass,
            cause: None,
            summary: summary.into(),
            advice: None,
            way_is_open: Some(true),
        }
    }

    /// Nobody gets through.
    fn closed(cause: Cause, summary: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            status: Status::Fail,
            cause: Some(cause),
            summary: summary.into(),
            advice: Some(advice.into()),
            way_is_open: Some(false),
        }
    }

    /// One gets through, and what answers is not as it should be.
    pub(super) fn faulty(
        cause: Cause,
        summary: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            way_is_open: Some(true),
            ..Self::closed(cause, summary, advice)
        }
    }

    fn warn(mut self) -> Self {
        self.status = Status::Warn;
        self
    }
}

/// What the judgement of a door needs to know.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// Everything that the probe saw.
    pub probe: &'a Probe,
    /// How it is judged.
    pub profile: &'a Profile,
}

/// What reports call a door.
#[must_use]
pub fn name(door: &Door) -> String {
    SocketAddr::new(door.address, door.port).to_string()
}

/// What a client, and Let's Encrypt, answers with trying IPv4 where IPv6 does it.
const TRIED_ELSEWHERE: [Cause; 7] = [
    causes::TCP_REFUSED,
    causes::TCP_TIMEOUT,
    causes::NET_UNREACHABLE,
    causes::ADMIN_PROHIBITED,
    causes::TLS_CUT,
    causes::TLS_TIMEOUT,
    causes::HTTP_TIMEOUT,
];

/// Judges one door.
#[must_use]
pub fn judge(outside: Outside, door: &Door) -> DoorVerdict {
    let verdict = judge_alone(outside, door);
    let is_closed = verdict
        .cause
        .is_some_and(|cause| TRIED_ELSEWHERE.contains(&cause));
    let ipv4_works = || {
        outside.probe.doors.iter().any(|other| {
            other.family() == Family::V4
                && other.port == door.port
                && judge_alone(outside, other).way_is_open == Some(true)
        })
    };
    if door.family() == Family::V6 && is_closed && ipv4_works() {
        return DoorVerdict::closed(
            causes::IPV6_BROKEN,
            format!("IPv4 works, IPv6 does not: {}", verdict.summary),
            format!(
                "Let's Encrypt and many clients go to the IPv6 address first: let {}/tcp in to {} too, or take the AAAA record away (and look from another network too, whose IPv6 may be better than that of the machine that probes)",
                door.port, door.address
            ),
        )
        .warn();
    }
    verdict
}

/// Judges one door by itself, in the order in which a person would look.
fn judge_alone(outside: Outside, door: &Door) -> DoorVerdict {
    if door.connect != Connect::Open {
        return connection::unconnected(door);
    }
    if let Some(tls) = &door.tls
        && tls.handshake != Handshake::Done
    {
        return connection::without_tls(door, tls);
    }
    if let Some(verdict) = doctor(outside, door) {
        return verdict;
    }
    if let Some(verdict) = block_page(outside, door) {
        return verdict;
    }
    match door.speaks {
        Speaks::Http => challenge(outside, door),
        Speaks::Https => api(outside, door),
    }
}

fn opened(door: &Door) -> String {
    format!("the connection opens in {} ms", door.connect_ms)
}

/// The verdict where the token of a `listen` decides.
fn doctor(outside: Outside, door: &Door) -> Option<DoorVerdict> {
    let to = name(door);
    let token_file = "give probe the token that listen shows, with --token-file";
    let verdict = match door.doctor() {
        Some(DoctorsWord::Proven) => DoorVerdict::pass(format!(
            "the doctor that listens there answers, and its token fits ({})",
            opened(door)
        )),
        Some(DoctorsWord::Unproven) => DoorVerdict::pass(format!(
            "what answers says that it is a doctor that listens; without its token that is not proven ({token_file})"
        )),
        Some(DoctorsWord::WrongToken) => DoorVerdict::closed(
            causes::WRONG_SERVICE,
            "another doctor answers than the one whose token was given",
            format!(
                "look which machine {to} leads to: name or port forwarding lead to another one, or the token is of an earlier listen"
            ),
        ),
        Some(DoctorsWord::OtherCertificate) => DoorVerdict::closed(
            causes::TLS_INTERCEPTED,
            format!(
                "TLS is broken open on the way: the certificate that arrives is issued by {}, not the one that the doctor there sends",
                certificate::issuer(door)
            ),
            format!(
                "have the network team pass {}/tcp through to the machine without ending TLS on the way",
                door.port
            ),
        ),
        None if outside.probe.has_token => {
            let path = &outside.profile.vantage.challenge_path;
            let unanswered = visit(door, Purpose::Challenge)
                .and_then(|challenge| unanswered(door, challenge, path));
            unanswered.unwrap_or_else(|| DoorVerdict::closed(
            causes::WRONG_SERVICE,
            format!(
                "something else answers than the doctor that listens{}",
                what_answers(door)
            ),
            format!(
                "look which machine {to} leads to; where listen said that another program holds the port, probe without the token"
            ),
        ))
        }
        None => return None,
    };
    Some(verdict)
}

/// The last answer of a door in a few words, to recognise who gave it.
fn what_answers(door: &Door) -> String {
    let mut answers = door
        .visits
        .iter()
        .filter_map(|visit| match &visit.http.outcome {
            HttpOutcome::Answered(answer) => Some(answer),
            _ => None,
        });
    answers.next_back().map_or_else(String::new, |answer| {
        let server = answer
            .headers
            .get("server")
            .map_or_else(String::new, |server| format!(" from “{server}”"));
        let text = answer
            .text
            .as_deref()
            .map(quoted)
            .filter(|text| !text.is_empty())
            .map_or_else(String::new, |text| format!(": “{text}”"));
        format!(" (status {}{server}{text})", answer.status)
    })
}

fn block_page(outside: Outside, door: &Door) -> Option<DoorVerdict> {
    let words = &outside.profile.network.block_page_words;
    door.visits.iter().find_map(|visit| {
        let HttpOutcome::Answered(answer) = &visit.http.outcome else {
            return None;
        };
        let text = answer.text.as_ref()?;
        let lower = text.to_lowercase();
        let blocks = answer.status == 511
            || (answer.status >= 400
                && words
                    .iter()
                    .any(|word| lower.contains(&word.to_lowercase())));
        blocks.then(|| {
            DoorVerdict::closed(
                causes::BLOCK_PAGE,
                format!(
                    "a block page or captive portal answers with {}: “{}”",
                    answer.status,
                    quoted(text)
                ),
                format!(
                    "have whoever runs that filter let {}/tcp through to {}",
                    door.port, door.address
                ),
            )
        })
    })
}

fn visit(door: &Door, purpose: Purpose) -> Option<&Visit> {
    door.visits.iter().find(|visit| visit.purpose == purpose)
}

/// A request that got no answer.
fn unanswered(door: &Door, visit: &Visit, what: &str) -> Option<DoorVerdict> {
    let look = format!(
        "have the network team look what takes connections at {} and does not answer",
        name(door)
    );
    match &visit.http.outcome {
        HttpOutcome::Answered(_) => None,
        HttpOutcome::Silent => Some(DoorVerdict::closed(
            causes::HTTP_TIMEOUT,
            format!(
                "{}, and the request for {what} is not answered within {} ms",
                opened(door),
                visit.http.took_ms
            ),
            look,
        )),
        HttpOutcome::Cut(how) => Some(DoorVerdict::closed(
            causes::WRONG_SERVICE,
            format!("the connection is closed instead of an answer to {what}: {how}"),
            look,
        )),
        HttpOutcome::NotHttp(how) => Some(DoorVerdict::closed(
            causes::WRONG_SERVICE,
            format!("what answers does not speak HTTP: {how}"),
            look,
        )),
    }
}

/// Port 80: what Let's Encrypt would find.
fn challenge(outside: Outside, door: &Door) -> DoorVerdict {
    let Some(challenge) = visit(door, Purpose::Challenge) else {
        return DoorVerdict::pass(opened(door));
    };
    let path = &outside.profile.vantage.challenge_path;
    let followed = challenge.redirects.followed.join(", then to ");
    if let Some(stop) = &challenge.redirects.stopped {
        let (cause, summary) = match stop {
            RedirectStop::TooMany(to) => (
                causes::REDIRECT_LOOP,
                format!(
                    "more than {} redirects, the next one to {to}",
                    outside.profile.vantage.most_redirects
                ),
            ),
            RedirectStop::OtherPort(to) => (
                causes::REDIRECT_ELSEWHERE,
                format!(
                    "the request for {path} is redirected to {to}, and Let's Encrypt goes to ports 80 and 443 only"
                ),
            ),
            RedirectStop::NotHttp(to) => (
                causes::REDIRECT_ELSEWHERE,
                format!("the request for {path} is redirected to “{to}”, which is no web address"),
            ),
            RedirectStop::OtherHost(to) => (
                causes::REDIRECT_ELSEWHERE,
                format!(
                    "the request for {path} is redirected to another host, {to}, which cannot answer the challenge for this one"
                ),
            ),
        };
        return DoorVerdict::closed(
            cause,
            summary,
            format!(
                "have {} answered at {} by Traefik itself, or redirected to https on the same host and port 443 only",
                path,
                name(door)
            ),
        );
    }
    let asked_for = match challenge.redirects.followed.last() {
        None => path.clone(),
        Some(last) => format!("{last} (where {path} is redirected to)"),
    };
    if let Some(verdict) = unanswered(door, challenge, &asked_for) {
        return verdict;
    }
    let status = challenge.status().unwrap_or_default();
    if status >= 500 {
        return DoorVerdict::faulty(
            causes::SERVICE_ERROR,
            format!("the way is open, and {path} is answered with {status}"),
            "look at the containers on the machine: sesam-doctor check container node",
        )
        .warn();
    }
    let lets_encrypt = if followed.is_empty() {
        format!("{path} is answered with {status}")
    } else {
        format!("{path} is redirected to {followed} and answered with {status}")
    };
    let front_is_redirected = visit(door, Purpose::Front).is_none_or(|front| {
        front
            .redirects
            .followed
            .first()
            .is_some_and(|to| to.to_ascii_lowercase().starts_with("https://"))
    });
    if front_is_redirected {
        DoorVerdict::pass(format!("it redirects to HTTPS, and {lets_encrypt}"))
    } else {
        DoorVerdict::faulty(
            causes::NO_REDIRECT,
            format!("{lets_encrypt}, but “/” is not redirected to HTTPS{}", what_answers(door)),
            "have Traefik redirect the entry point web to websecure, as the manual's compose file does; if it is not Traefik that answers there, look which machine the address leads to",
        )
        .warn()
    }
}

/// Port 443: what a client of the node would find.
fn api(outside: Outside, door: &Door) -> DoorVerdict {
    let path = &outside.profile.vantage.api_path;
    let Some(api) = visit(door, Purpose::Api) else {
        return DoorVerdict::pass(opened(door));
    };
    let answers = api.status() == Some(200);
    if let Some(mut verdict) = certificate::distrust(outside, door) {
        // Somebody else's certificate and somebody else's answer: that is not this machine.
        if !answers && verdict.cause != Some(causes::DEFAULT_CERTIFICATE) {
            verdict.way_is_open = Some(false);
            verdict.summary = format!(
                "{}; {path} is not answered by a node{}",
                verdict.summary,
                what_answers(door)
            );
        }
        return verdict;
    }
    if let Some(verdict) = unanswered(door, api, path) {
        return verdict;
    }
    match api.status().unwrap_or_default() {
        200 => DoorVerdict::pass(format!(
            "the certificate is trusted, and {path} answers in {} ms",
            api.http.took_ms
        )),
        status @ 500.. => DoorVerdict::faulty(
            causes::SERVICE_ERROR,
            format!("the way is open and the certificate is trusted, but {path} answers {status}"),
            "look at the node on the machine: sesam-doctor check container node",
        )
        .warn(),
        _ => DoorVerdict::faulty(
            causes::WRONG_SERVICE,
            format!(
                "the certificate is trusted, but {path} is not answered by a node{}",
                what_answers(door)
            ),
            "Traefik has no node behind this name: compare NODE_DOMAIN with the name that was probed, and look at the containers (sesam-doctor check container config.env)",
        ),
    }
}

#[cfg(test)]
mod tests;
