//! The answer to the request: whether it is the service's own.

use super::{
    causes,
    trouble::{HOSTS, Trouble},
    way::Surroundings,
};
use crate::{
    checks::page_text::quoted,
    facts::outbound::{Attempt, HttpAnswer, HttpOutcome},
    profile::Proof,
};

/// A page that says that somebody blocks, where one answers.
pub fn block_page(around: Surroundings, attempt: &Attempt) -> Option<Trouble> {
    let HttpOutcome::Answered(answer) = &attempt.http.as_ref()?.outcome else {
        return None;
    };
    if proves(around.probe.host.proof, answer)
        && answer.status < 400
        && around.probe.host.proof != Proof::AnyHttp
    {
        return None;
    }
    let text = answer.text.as_ref()?;
    let lower = text.to_lowercase();
    let word = around
        .network
        .block_page_words
        .iter()
        .find(|word| lower.contains(&word.to_lowercase()))
        .cloned();
    let captive = answer.status == 511;
    if word.is_none() && !captive {
        return None;
    }
    let signer = attempt
        .tls
        .as_ref()
        .and_then(|tls| tls.chain.first())
        .map_or_else(String::new, |leaf| {
            format!(", with a certificate issued by “{}”", leaf.issuer)
        });
    Some(Trouble::fail(
        causes::BLOCK_PAGE,
        format!(
            "a block page or captive portal answers in its place with {}: “{}”{signer}",
            answer.status,
            quoted(text)
        ),
        format!(
            "ask whoever runs the web filter to allow {}; its page says “{}”",
            HOSTS,
            quoted(text)
        ),
    ))
}

/// What is wrong with the answer; none where the service itself gave it.
pub fn judge(around: Surroundings, attempt: &Attempt) -> Option<Trouble> {
    let http = attempt.http.as_ref()?;
    let host = HOSTS;
    let path = around.probe.host.path();
    let answer = match &http.outcome {
        HttpOutcome::Answered(answer) => answer,
        HttpOutcome::Silent => {
            return Some(Trouble::fail(
                causes::HTTP_TIMEOUT,
                format!(
                    "TLS is done, and the request for {path} is not answered within {} ms",
                    http.took_ms
                ),
                format!(
                    "ask the network team whether an inspection device holds up answers of {host}"
                ),
            ));
        }
        HttpOutcome::Cut(how) => {
            return Some(Trouble::fail(
                causes::WRONG_SERVICE,
                format!("the connection is closed instead of an answer to {path}: {how}"),
                format!("ask the network team what ends connections to {host} after TLS"),
            ));
        }
        HttpOutcome::NotHttp(how) => {
            return Some(Trouble::fail(
                causes::WRONG_SERVICE,
                format!("what answers does not speak HTTP: {how}"),
                format!("ask the network team what answers in place of {host}"),
            ));
        }
    };
    if answer.status == 429 {
        let wait = answer
            .headers
            .get("retry-after")
            .map_or_else(String::new, |wait| {
                format!(", to be tried again after {wait} s")
            });
        return Some(Trouble::warn(
            causes::RATE_LIMITED,
            format!("the way is open, but the service was asked too often (429{wait})"),
            format!(
                "wait; if many machines share this address towards {host}, log in to the service or ask it for a higher limit"
            ),
        ));
    }
    if answer.status >= 500 {
        return Some(Trouble::warn(
            causes::SERVICE_ERROR,
            format!(
                "the way is open, but the service answers {} to {path}",
                answer.status
            ),
            format!(
                "nothing has to be changed here: the trouble is the service's own; try again later, and look at the state page of whoever runs {}",
                around.probe.host.host
            ),
        ));
    }
    if proves(around.probe.host.proof, answer) {
        return None;
    }
    Some(Trouble::fail(
        causes::WRONG_SERVICE,
        format!(
            "something else than the service answers {path}: {} {}",
            answer.status,
            answer
                .text
                .as_deref()
                .map_or_else(String::new, |text| format!("“{}”", quoted(text)))
        ),
        format!(
            "ask the network team what answers at {} in place of {host}",
            attempt.address
        ),
    ))
}

/// Whether only the service itself answers like this.
fn proves(proof: Proof, answer: &HttpAnswer) -> bool {
    let has_member = |name: &str| answer.json_members.iter().any(|member| member == name);
    match proof {
        Proof::RegistryV2 => {
            matches!(answer.status, 200 | 401)
                && answer
                    .headers
                    .get("docker-distribution-api-version")
                    .is_some_and(|version| version.starts_with("registry/2"))
        }
        Proof::TokenEndpoint => has_member("token") || has_member("access_token"),
        Proof::AcmeDirectory => answer.status == 200 && has_member("newNonce"),
        Proof::PypiSimple => {
            answer.status == 200
                && (answer.headers.contains_key("x-pypi-last-serial")
                    || has_member("files")
                    || answer
                        .text
                        .as_ref()
                        .is_some_and(|text| text.contains("<a ")))
        }
        Proof::AnyHttp => answer.status < 500,
    }
}

#[cfg(test)]
mod tests {
    use super::super::SESAM;
    use super::super::arrange::*;
    use crate::{checks::cases::judge_cases, facts::outbound::*};

    #[test]
    fn answers() {
        judge_cases(
            &SESAM,
            &[
                warn(
                    "down",
                    "service-error",
                    answer(|answer| answer.status = 503),
                ),
                warn(
                    "too often",
                    "rate-limited",
                    answer(|answer| answer.status = 429),
                ),
                warn(
                    "slow",
                    "slow",
                    ways(|attempt| attempt.http.as_mut().unwrap().took_ms = 60_000),
                ),
                fail(
                    "blocked",
                    "block-page",
                    answer(|answer| {
                        answer.status = 403;
                        answer.text = Some("<p>This page is BLOCKED BY Acme".into());
                    }),
                ),
                fail(
                    "captive",
                    "block-page",
                    answer(|answer| {
                        answer.status = 511;
                        answer.text = Some("log in".into());
                    }),
                ),
                fail(
                    "never",
                    "http-timeout",
                    ways(|attempt| attempt.http.as_mut().unwrap().outcome = HttpOutcome::Silent),
                ),
                fail(
                    "closed",
                    "wrong-service",
                    ways(|attempt| {
                        attempt.http.as_mut().unwrap().outcome = HttpOutcome::Cut("closed".into());
                    }),
                ),
                fail(
                    "no HTTP",
                    "wrong-service",
                    ways(|attempt| {
                        attempt.http.as_mut().unwrap().outcome =
                            HttpOutcome::NotHttp("binary".into());
                    }),
                ),
            ],
        );
    }
}
