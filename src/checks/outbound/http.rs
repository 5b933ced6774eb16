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
    let proof = around.probe.host.proof;
    if proof != Proof::AnyHttp && proves(proof, answer) {
        return None;
    }
    let text = answer.text.as_deref().unwrap_or_default();
    let lower = text.to_lowercase();
    let says_so = around
        .network
        .block_page_words
        .iter()
        .any(|word| lower.contains(&word.to_lowercase()));
    // 511: the network wants a login first (RFC 6585), whatever its page says.
    if answer.status != 511 && !says_so {
        return None;
    }
    let (seen, named) = page_of(answer).map_or_else(Default::default, |page| {
        (format!(": “{page}”"), format!("; its page says “{page}”"))
    });
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
            "a block page or captive portal answers in its place with {}{seen}{signer}",
            answer.status
        ),
        format!("ask whoever runs the web filter to allow {HOSTS}{named}"),
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
        // Seconds, or a date.
        let wait = match answer.headers.get("retry-after") {
            None => String::new(),
            Some(wait) if wait.parse::<u64>().is_ok() => {
                format!(", to be tried again after {wait} s")
            }
            Some(date) => format!(", to be tried again after {date}"),
        };
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
    let page = page_of(answer).map_or_else(String::new, |page| format!(" “{page}”"));
    Some(Trouble::fail(
        causes::WRONG_SERVICE,
        format!(
            "something else than the service answers {path}: {}{page}",
            answer.status
        ),
        format!(
            "ask the network team what answers at {} in place of {host}",
            attempt.address
        ),
    ))
}

/// What the answer's page says to a person, where it says anything.
fn page_of(answer: &HttpAnswer) -> Option<String> {
    let page = quoted(answer.text.as_deref()?);
    (!page.is_empty()).then_some(page)
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
        Proof::AnyHttp => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::SESAM;
    use super::super::arrange::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
        },
        facts::{Facts, outbound::*},
        profile::Proof,
    };

    /// A host that has to prove itself, and what it answers.
    fn proving(
        proof: Proof,
        change: impl Fn(&mut HttpAnswer) + 'static,
    ) -> impl Fn(&mut Facts) + 'static {
        portal(move |probe| {
            probe.host.proof = proof;
            for path in &mut probe.paths {
                let HttpOutcome::Answered(answer) =
                    &mut path.attempt.http.as_mut().unwrap().outcome
                else {
                    panic!("no answer");
                };
                change(answer);
            }
        })
    }

    fn registry(status: u16, version: Option<&'static str>) -> impl Fn(&mut Facts) + 'static {
        proving(Proof::RegistryV2, move |answer| {
            answer.status = status;
            let header = "docker-distribution-api-version".to_owned();
            answer
                .headers
                .extend(version.map(|version| (header, version.to_owned())));
        })
    }

    fn member(proof: Proof, status: u16, member: &'static str) -> impl Fn(&mut Facts) + 'static {
        proving(proof, move |answer| {
            answer.status = status;
            answer.json_members = vec![member.to_owned()];
        })
    }

    fn page(proof: Proof, status: u16, text: &'static str) -> impl Fn(&mut Facts) + 'static {
        proving(proof, move |answer| {
            answer.status = status;
            answer.text = Some(text.to_owned());
        })
    }

    fn pass(name: &'static str, arrange: impl Fn(&mut Facts) + 'static) -> Case {
        Case::new(name, Status::Pass, None, arrange)
    }

    fn wrong(name: &'static str, arrange: impl Fn(&mut Facts) + 'static) -> Case {
        fail(name, "wrong-service", arrange)
    }

    #[test]
    fn proofs() {
        let version = Some("registry/2.0");
        judge_cases(
            &SESAM,
            &[
                pass("a registry", registry(200, version)),
                pass("a registry that wants a login", registry(401, version)),
                wrong("no registry", registry(200, None)),
                wrong("an older registry", registry(200, Some("registry/1.0"))),
                wrong("a registry that knows no such page", registry(404, version)),
                pass("a token", member(Proof::TokenEndpoint, 200, "token")),
                pass(
                    "a token by its other name",
                    member(Proof::TokenEndpoint, 200, "access_token"),
                ),
                wrong("no token", member(Proof::TokenEndpoint, 200, "details")),
                pass(
                    "an ACME directory",
                    member(Proof::AcmeDirectory, 200, "newNonce"),
                ),
                wrong(
                    "no ACME directory",
                    member(Proof::AcmeDirectory, 200, "newOrder"),
                ),
                wrong(
                    "an ACME directory that is not found",
                    member(Proof::AcmeDirectory, 404, "newNonce"),
                ),
                pass("an index as JSON", member(Proof::PypiSimple, 200, "files")),
                pass(
                    "an index as a page",
                    page(Proof::PypiSimple, 200, "<a href=x>blocked by</a>"),
                ),
                pass(
                    "an index by its header",
                    proving(Proof::PypiSimple, |answer| {
                        let serial = ("x-pypi-last-serial".to_owned(), "1".to_owned());
                        answer.headers.extend([serial]);
                    }),
                ),
                wrong("no index", page(Proof::PypiSimple, 200, "<p>It works!")),
                wrong("an empty page", page(Proof::PypiSimple, 200, "<p>")),
                wrong(
                    "an index that is not found",
                    member(Proof::PypiSimple, 404, "files"),
                ),
                fail(
                    "a block page in the place of a registry",
                    "block-page",
                    page(Proof::RegistryV2, 200, "<p>This page is blocked by Acme"),
                ),
            ],
        );
    }

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
                    "just down",
                    "service-error",
                    answer(|answer| answer.status = 500),
                ),
                warn(
                    "too often",
                    "rate-limited",
                    answer(|answer| answer.status = 429),
                ),
                warn(
                    "too often, for some seconds",
                    "rate-limited",
                    answer(|answer| {
                        answer.status = 429;
                        let wait = ("retry-after".to_owned(), "120".to_owned());
                        answer.headers.extend([wait]);
                    }),
                ),
                warn(
                    "too often, until a date",
                    "rate-limited",
                    answer(|answer| {
                        answer.status = 429;
                        let date = "Mon, 23 Nov 2026 16:00:00 GMT".to_owned();
                        answer.headers.extend([("retry-after".to_owned(), date)]);
                    }),
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
                    "captive without a page",
                    "block-page",
                    answer(|answer| answer.status = 511),
                ),
                fail(
                    "blocked as if all were well",
                    "block-page",
                    answer(|answer| answer.text = Some("blocked by Acme".into())),
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
