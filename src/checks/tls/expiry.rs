//! `tls.expiry`

use super::{
    STORE,
    chain::{self, Dates},
};
use crate::{
    checks::{
        Category, Check, Context, Item, Judge, Judgement, Level, Limit, Measurement, Prose, Status,
        Verdict, system::clock,
    },
    facts::{
        Source,
        certificates::{AcmeContent, Certificate, Certificates, Chain, KeyState, OwnCertificates},
    },
    profile::CertificateMode,
    units::counted,
};

/// See [`Prose::checks`] in the declaration.
pub static EXPIRY: Check = Check {
    id: "tls.expiry",
    title: "Certificates are in date, and renewed in time",
    category: Category::Tls,
    level: Level::Required,
    needs: &[&STORE],
    reads: &[Source::Certificates, Source::Stack],
    reference: "Let's Encrypt, renewal at a third of the lifetime; RFC 5280 for dates",
    causes: &[chain::EXPIRED, chain::NOT_YET_VALID, chain::RENEWAL_OVERDUE],
    prose: Prose {
        checks: "Every certificate of the store, with the intermediates that it needs and the authority that it leads to: none has expired or is yet to begin, and none has less of its lifetime left than `certificates.renewal_left_percent` of the profile, a third, so that certificates of 90, 45 and 6 days are all judged rightly.",
        why: "Nobody is warned by mail any more, and lifetimes shrink. Traefik renews by itself while two thirds of a lifetime pass; what it has not renewed by then it most likely cannot, and when the certificate ends every client refuses to connect.",
        remedy: "With Let's Encrypt: look why Traefik could not renew (`docker logs traefik 2>&1 | grep -i acme`); most often port 80 is closed from outside or the name resolves elsewhere. With a certificate of your own: request a new one, put it in place of the old one, restart Traefik.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    clock::blaming(context, judge_dates)
}

fn judge_dates(context: &Context) -> Judgement {
    let certificates = context.facts.certificates().seen()?;
    let mode = certificates.mode();
    let chains = chains(certificates, mode)?;
    if chains.is_empty() {
        return Ok(Verdict::skip(
            "there is no certificate whose dates could be judged",
        ));
    }
    let mut advice = Vec::new();
    let items: Vec<Item> = chains
        .iter()
        .map(|chain| {
            let (item, step) = item(chain, mode, context);
            if let Some(step) = step
                && !advice.contains(&step)
            {
                advice.push(step);
            }
            item
        })
        .collect();
    let expected = if items.iter().all(|item| item.status == Status::Pass) {
        "every certificate in date".to_owned()
    } else {
        // A third has no end of decimals.
        let left = context.profile.certificates.renewal_left_percent;
        format!("every certificate in date, with at least {left:.0} % of its lifetime left")
    };
    let all_well = format!(
        "{} in date, renewal not overdue",
        counted(chains.len() as u64, "certificate")
    );
    let ends = chains
        .iter()
        .filter_map(|chain| Some(chain.leaf()?.not_after));
    let verdict = Verdict::worst_of(items, all_well).expected(expected);
    let verdict = match ends.min() {
        Some(end) => verdict.observed(end.to_string()),
        None => verdict,
    };
    let verdict = chains
        .iter()
        .filter_map(|chain| remaining(chain.leaf()?, context))
        .fold(verdict, Verdict::measure);
    Ok(advice.into_iter().fold(verdict, Verdict::advice))
}

/// How long a certificate still holds; one without a name cannot be told from others.
fn remaining(leaf: &Certificate, context: &Context) -> Option<Measurement> {
    let left = leaf.not_after.duration_since(context.now).as_secs_f64();
    let name = leaf.dns_names.first()?;
    Some(
        Measurement::new("certificate_remaining_seconds", left)
            .label("name", name)
            .warn(Limit::Below(chain::renewal_due(leaf, context.profile)))
            .fail(Limit::Below(0.0)),
    )
}

fn chains(
    certificates: &Certificates,
    mode: CertificateMode,
) -> Result<Vec<&Chain>, crate::facts::Gap> {
    Ok(match mode {
        CertificateMode::LetsEncrypt => {
            match certificates
                .acme
                .seen_or_absent()?
                .and_then(|file| file.content.as_ref())
            {
                Some(AcmeContent::Store { certificates, .. }) => certificates
                    .iter()
                    .filter_map(|entry| entry.chain.as_ref())
                    .collect(),
                _ => Vec::new(),
            }
        }
        CertificateMode::Own | CertificateMode::SelfSigned => certificates
            .own
            .seen_or_absent()?
            .map(in_use)
            .unwrap_or_default(),
    })
}

/// The customer's certificates that count: those that Traefik's configuration names; without one, those that no newer
/// certificate for the same names supersedes.
fn in_use(own: &OwnCertificates) -> Vec<&Chain> {
    let chains: Vec<&Chain> = own.pairs.iter().map(|pair| &pair.chain).collect();
    if own.configured_by.is_some() {
        return chains;
    }
    let superseded = |chain: &Chain| {
        own.pairs.iter().any(|other| {
            other.key == KeyState::Belongs
                && matches!((chain.leaf(), other.chain.leaf()), (Some(old), Some(new))
                    if old.dns_names == new.dns_names
                        && old.ip_addresses == new.ip_addresses
                        && old.not_after < new.not_after)
        })
    };
    chains
        .into_iter()
        .filter(|chain| !superseded(chain))
        .collect()
}

fn item(chain: &Chain, mode: CertificateMode, context: &Context) -> (Item, Option<String>) {
    let name = chain.leaf().map_or_else(String::new, Certificate::names);
    let end = chain.leaf().map(|leaf| leaf.not_after.to_string());
    let (item, step) = match chain::dates(chain, context.profile, context.now) {
        Dates::Good { days } => {
            let days = counted(u64::try_from(days).unwrap_or(0), "day");
            (Item::pass(name, format!("in date for {days} more")), None)
        }
        Dates::Overdue { left, lifetime } => {
            let summary = format!("{left} left of {lifetime}, and it has not been renewed");
            let step = if mode == CertificateMode::LetsEncrypt {
                "look why Traefik does not renew it (docker logs traefik 2>&1 | grep -i acme): most often port 80 is closed from outside, or the name resolves elsewhere"
            } else {
                "request a new certificate now, put it in place of the old one, and restart Traefik"
            };
            (
                Item::warn(name, chain::RENEWAL_OVERDUE, summary),
                Some(step.to_owned()),
            )
        }
        Dates::Fault(fault) => (
            Item::fail(name, fault.cause, fault.summary),
            Some(fault.advice),
        ),
    };
    (item.observed(end), step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            cases::{Case, judge_cases},
            tls::samples::{self, Sample, hours_from_now},
        },
        facts::{
            Facts, Observed,
            certificates::{AcmeLayout, Authority, ChainEnd, Pair},
        },
    };

    fn holding(make: impl Fn() -> Vec<Sample> + 'static) -> impl Fn(&mut Facts) {
        move |facts| {
            let content = AcmeContent::Store {
                layout: AcmeLayout::Traefik2,
                certificates: make().into_iter().map(Sample::stored).collect(),
                more: 0,
            };
            samples::in_acme(facts, samples::acme_file(Some(content)));
        }
    }

    fn lasting(lifetime_hours: i64, left_hours: i64) -> impl Fn(&mut Facts) {
        holding(move || vec![Sample::good().lasting(lifetime_hours, left_hours)])
    }

    #[test]
    #[allow(clippy::too_many_lines)]
    fn cases() {
        use Status::{Fail, Pass, Skip, Unknown, Warn};
        let overdue = Some("renewal-overdue");
        judge_cases(
            &EXPIRY,
            &[
                Case::new("90 days, 31 left", Pass, None, lasting(90 * 24, 31 * 24)),
                Case::new("90 days, 29 left", Warn, overdue, lasting(90 * 24, 29 * 24)),
                Case::new("45 days, 16 left", Pass, None, lasting(45 * 24, 16 * 24)),
                Case::new("45 days, 14 left", Warn, overdue, lasting(45 * 24, 14 * 24)),
                Case::new(
                    "6 days, 2 left and an hour",
                    Pass,
                    None,
                    lasting(6 * 24, 2 * 24 + 1),
                ),
                Case::new("6 days, 47 hours left", Warn, overdue, lasting(6 * 24, 47)),
                Case::new(
                    "two days left but for a minute",
                    Warn,
                    overdue,
                    holding(|| {
                        let mut sample = Sample::good().lasting(90 * 24, 48);
                        sample.leaf().not_after -= jiff::SignedDuration::from_secs(60);
                        vec![sample]
                    }),
                ),
                Case::new(
                    "just as much left as is asked for",
                    Pass,
                    None,
                    |facts: &mut Facts| {
                        facts.profile.certificates.renewal_left_percent = 25.0;
                        lasting(80 * 24, 20 * 24)(facts);
                    },
                ),
                Case::new(
                    "less left than another profile asks for",
                    Warn,
                    overdue,
                    |facts: &mut Facts| {
                        facts.profile.certificates.renewal_left_percent = 50.0;
                        lasting(90 * 24, 44 * 24)(facts);
                    },
                ),
                Case::new("an hour left", Warn, overdue, lasting(90 * 24, 1)),
                Case::new(
                    "at its very end",
                    Fail,
                    Some("expired"),
                    lasting(90 * 24, 0),
                ),
                Case::new("expired", Fail, Some("expired"), lasting(90 * 24, -1)),
                Case::new("to come", Fail, Some("not-yet-valid"), lasting(24, 25)),
                Case::new("no lifetime at all", Fail, Some("expired"), lasting(0, 0)),
                Case::new(
                    "expired intermediate",
                    Fail,
                    Some("expired"),
                    holding(|| {
                        let mut sample = Sample::good();
                        sample.chain.certificates[1].not_after = hours_from_now(-1);
                        vec![sample]
                    }),
                ),
                Case::new(
                    "expired authority",
                    Fail,
                    Some("expired"),
                    holding(|| {
                        let mut sample = Sample::good();
                        sample.chain.end = ChainEnd::Trusted {
                            authority: Some(Authority {
                                subject: "CN=DST Root CA X3".into(),
                                not_before: hours_from_now(-9000),
                                not_after: hours_from_now(-24),
                            }),
                            length: 2,
                        };
                        vec![sample]
                    }),
                ),
                Case::new(
                    "the worst of several",
                    Fail,
                    Some("expired"),
                    holding(|| {
                        vec![
                            Sample::good(),
                            Sample::good().lasting(90 * 24, 24),
                            Sample::good().lasting(90 * 24, -24),
                        ]
                    }),
                ),
                Case::new(
                    "last year's certificate beside this year's",
                    Pass,
                    None,
                    |facts: &mut Facts| {
                        let pair = |sample: Sample| Pair {
                            certificate_file: "/srv/data/traefik/certs/node.crt".into(),
                            key_file: None,
                            chain: sample.chain,
                            key: sample.key,
                            issuer_file: None,
                        };
                        let old = Sample::good().lasting(90 * 24, -24);
                        let certificates = samples::certificates(facts);
                        certificates.mode = Some(CertificateMode::Own);
                        certificates.own = Observed::Seen(OwnCertificates {
                            pairs: vec![pair(old), pair(Sample::good())],
                            ..OwnCertificates::default()
                        });
                    },
                ),
                Case::new("none", Skip, None, holding(Vec::new)),
                Case::new(
                    "not readable",
                    Unknown,
                    Some("needs-root"),
                    |facts: &mut Facts| {
                        samples::certificates(facts).acme = Observed::Denied("needs root".into());
                    },
                ),
                Case::new(
                    "not asked",
                    Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
            ],
        );
    }
}
