//! `dns.caa`

use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, OFFLINE, Prose, Verdict,
        certificate_mode, outbound,
    },
    facts::{
        Gap, Source,
        dns::{CaaRecord, ReplyCode},
        node_names::{CaaAnswers, NodeNames},
    },
    profile::CertificateMode,
};

use super::{NODE_DOMAIN, NODE_DOMAIN_UNKNOWN};

const FORBIDDEN: Cause = Cause::new(
    "forbidden",
    "a CAA record lets other authorities issue, and not Let's Encrypt",
);
const METHOD: Cause = Cause::new(
    "method-forbidden",
    "a CAA record lets Let's Encrypt issue, but not by the HTTP challenge",
);
const CRITICAL: Cause = Cause::new(
    "unknown-critical",
    "a CAA record has a tag that is marked as critical and that nobody understands",
);
const SERVFAIL: Cause = Cause::new(
    "dns-servfail",
    "the name server fails on the question for CAA records, and then no authority issues",
);

const REFUSED: Cause = Cause::new(
    "dns-refused",
    "the name servers refuse the question for CAA records, so that nothing is known of them here",
);

/// See [`Prose::checks`] in the declaration.
pub static CAA: Check = Check {
    id: "dns.caa",
    title: "Let's Encrypt may issue certificates for the node's name",
    category: Category::Dns,
    level: Level::Required,
    needs: &[&NODE_DOMAIN],
    reads: &[Source::NodeNames, Source::Stack, Source::Certificates],
    reference: "RFC 8659; operator's manual, certificates by Let's Encrypt",
    causes: &[FORBIDDEN, METHOD, CRITICAL, SERVFAIL, REFUSED],
    prose: Prose {
        checks: "The CAA records of `NODE_DOMAIN` or, where it has none, of the nearest parent that has some. Without any record every authority may issue; with `issue` records one of them has to name letsencrypt.org, and to allow the HTTP challenge. Skipped where the node serves a certificate of the customer's own or a self-signed one, as the profile (`[certificates] mode`) or the stack says.",
        why: "An authority has to refuse a certificate that CAA records do not allow. Everything else can be right, and the certificate is neither issued nor renewed.",
        remedy: "Have whoever runs the zone add a CAA record for letsencrypt.org at the name that the finding gives.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    if context.facts.is_offline() {
        return Ok(Verdict::skip(OFFLINE));
    }
    let without_letsencrypt = [CertificateMode::Own, CertificateMode::SelfSigned];
    if let Some(why) = certificate_mode::not_needed(context, &without_letsencrypt) {
        return Ok(Verdict::skip(format!(
            "permission for Let's Encrypt is {why}"
        )));
    }
    let Some(node) = context.facts.node_names().seen_or_absent()? else {
        return Ok(Verdict::skip(NODE_DOMAIN_UNKNOWN));
    };
    let identity = &context.profile.network.caa_identity;
    let expected = format!("no CAA record, or one that says 0 issue \"{identity}\"");
    let mut is_known = false;
    for at in &node.caa {
        let said = at.answers.iter().find_map(|asked| {
            let reply = asked.reply()?;
            (reply.code != ReplyCode::Refused).then_some((asked.server, reply))
        });
        let Some((server, reply)) = said else {
            if at.answers.iter().all(|asked| asked.reply().is_none()) {
                // What a parent says counts only where the name below it is known to say nothing.
                return Err(Gap::Failed(format!(
                    "no name server answered for the CAA records of {}",
                    at.name
                )));
            }
            // A server for inner zones only refuses what is above them.
            continue;
        };
        is_known = true;
        if matches!(reply.code, ReplyCode::ServFail | ReplyCode::Other(_)) {
            return Ok(Verdict::fail(
                SERVFAIL,
                format!("the name server {server} fails on the CAA records of {}", at.name),
            )
            .expected(expected)
            .advice(format!(
                "have whoever runs the zone of {} make its name servers answer questions for CAA records",
                at.name
            )));
        }
        if !reply.caa.is_empty() {
            return Ok(judge_records(node, at, &reply.caa, identity).expected(expected));
        }
    }
    if !is_known {
        return Ok(refused(&node.domain).expected(expected));
    }
    Ok(Verdict::pass("no CAA record restricts who may issue").expected(expected))
}

/// Servers that refuse every name from outside refuse the hosts of the outbound checks too: that is one trouble.
fn refused(domain: &str) -> Verdict {
    let groups = [
        &outbound::DOCKER,
        &outbound::LETSENCRYPT,
        &outbound::SESAM,
        &outbound::PYPI,
    ];
    groups.into_iter().fold(
        Verdict::unknown(
            REFUSED,
            format!("the name servers refuse to give the CAA records of {domain}"),
        )
        .advice(format!(
            "look them up on the internet, where Let's Encrypt asks for them: dig CAA {domain}, and the same for the domains above it"
        )),
        |verdict, group| verdict.follows_cause(group, outbound::causes::DNS_REFUSED),
    )
}

fn judge_records(
    node: &NodeNames,
    at: &CaaAnswers,
    records: &[CaaRecord],
    identity: &str,
) -> Verdict {
    let advice = format!(
        "have whoever runs the zone add a record at {}, as in: {} CAA 0 issue \"{identity}\"",
        at.name, at.name
    );
    let shown: Vec<String> = records
        .iter()
        .map(|record| format!("{} \"{}\"", record.tag, record.value))
        .collect();
    let with = |verdict: Verdict| {
        verdict
            .observed(shown.clone())
            .evidence(format!("CAA at {}", at.name), shown.join(", "))
    };
    let known = [
        "issue",
        "issuewild",
        "iodef",
        "issuemail",
        "contactemail",
        "contactphone",
    ];
    if let Some(record) = records
        .iter()
        .find(|record| record.critical && !known.contains(&record.tag.as_str()))
    {
        return with(
            Verdict::fail(
                CRITICAL,
                format!(
                    "{} has the critical CAA tag “{}”, which no authority understands",
                    at.name, record.tag
                ),
            )
            .advice(format!(
                "have whoever runs the zone of {} take the tag “{}” away",
                at.name, record.tag
            )),
        );
    }
    let issuers: Vec<&CaaRecord> = records
        .iter()
        .filter(|record| record.tag == "issue")
        .collect();
    if issuers.is_empty() {
        return with(Verdict::pass(format!(
            "the CAA records of {} restrict no ordinary certificate",
            at.name
        )));
    }
    let named: Vec<&&CaaRecord> = issuers
        .iter()
        .filter(|record| issuer_of(record).eq_ignore_ascii_case(identity))
        .collect();
    if named.is_empty() {
        let others: Vec<&str> = issuers
            .iter()
            .map(|record| issuer_of(record))
            .filter(|issuer| !issuer.is_empty())
            .collect();
        let others = if others.is_empty() {
            "nobody".into()
        } else {
            others.join(", ")
        };
        return with(
            Verdict::fail(
                FORBIDDEN,
                format!(
                    "CAA at {} lets {others} issue for {}, and not {identity}",
                    at.name, node.domain
                ),
            )
            .advice(advice),
        );
    }
    if !named.iter().any(|record| allows_http(record)) {
        return with(
            Verdict::fail(
                METHOD,
                format!("CAA at {} lets {identity} issue, but not by the HTTP challenge", at.name),
            )
            .advice(format!(
                "have whoever runs the zone of {} add http-01 to the validationmethods of its CAA record",
                at.name
            )),
        );
    }
    with(Verdict::pass(format!(
        "CAA at {} lets {identity} issue",
        at.name
    )))
}

fn issuer_of(record: &CaaRecord) -> &str {
    record.value.split(';').next().unwrap_or_default().trim()
}

/// RFC 8657: without `validationmethods` every method is allowed.
fn allows_http(record: &CaaRecord) -> bool {
    record
        .value
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.trim().split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("validationmethods"))
        .all(|(_, methods)| methods.split(',').any(|method| method.trim() == "http-01"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, asked, judge_cases},
        },
        facts::{
            Facts, Observed,
            certificates::Certificates,
            dns::{Answer, Asked, RecordKind, Reply},
        },
    };

    /// What a name server says at `node.acme.example` and its parents.
    fn records(
        at: &'static [(&'static str, &'static [(&'static str, &'static str)])],
    ) -> impl Fn(&mut Facts) {
        replies(at, ReplyCode::NoError)
    }

    fn replies(
        at: &'static [(&'static str, &'static [(&'static str, &'static str)])],
        code: ReplyCode,
    ) -> impl Fn(&mut Facts) {
        move |facts| {
            let caa = at
                .iter()
                .map(|(name, records)| CaaAnswers {
                    name: (*name).to_owned(),
                    answers: vec![Asked {
                        kind: RecordKind::Caa,
                        ..asked(
                            "10.0.0.1",
                            Answer::Replied(Reply {
                                code,
                                caa: records
                                    .iter()
                                    .map(|(tag, value)| CaaRecord {
                                        critical: *tag == "odd",
                                        tag: (*tag).to_owned(),
                                        value: (*value).to_owned(),
                                    })
                                    .collect(),
                                ..Reply::default()
                            }),
                        )
                    }],
                })
                .collect();
            facts.node_names = Observed::Seen(NodeNames {
                domain: "node.acme.example".into(),
                caa,
                ..NodeNames::default()
            });
        }
    }

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn cases() {
        let pass = |name, at| Case::new(name, Status::Pass, None, records(at));
        let fail = |name, cause, at| Case::new(name, Status::Fail, Some(cause), records(at));
        judge_cases(
            &CAA,
            &[
                pass(
                    "no record",
                    &[("node.acme.example", &[]), ("acme.example", &[])],
                ),
                pass(
                    "allowed",
                    &[("node.acme.example", &[("issue", "letsencrypt.org")])],
                ),
                pass(
                    "allowed beside another",
                    &[(
                        "acme.example",
                        &[
                            ("issue", "ca.example"),
                            (
                                "issue",
                                " LetsEncrypt.org ; validationmethods=http-01,dns-01",
                            ),
                        ],
                    )],
                ),
                pass(
                    "only reports",
                    &[("acme.example", &[("iodef", "mailto:a@b")])],
                ),
                pass("wildcards only", &[("acme.example", &[("issuewild", ";")])]),
                pass(
                    "the nearest counts",
                    &[
                        ("node.acme.example", &[("issue", "letsencrypt.org")]),
                        ("acme.example", &[("issue", "ca.example")]),
                    ],
                ),
                fail(
                    "another authority",
                    "forbidden",
                    &[
                        ("node.acme.example", &[]),
                        ("acme.example", &[("issue", "ca.example")]),
                    ],
                ),
                fail(
                    "nobody",
                    "forbidden",
                    &[("acme.example", &[("issue", ";")])],
                ),
                fail(
                    "nobody, said beside another authority",
                    "forbidden",
                    &[("acme.example", &[("issue", ";"), ("issue", "ca.example")])],
                ),
                pass(
                    "an unknown tag that is not critical",
                    &[(
                        "acme.example",
                        &[("novel", "x"), ("issue", "letsencrypt.org")],
                    )],
                ),
                fail(
                    "a lookalike",
                    "forbidden",
                    &[("acme.example", &[("issue", "letsencrypt.org.example")])],
                ),
                fail(
                    "no HTTP",
                    "method-forbidden",
                    &[(
                        "acme.example",
                        &[("issue", "letsencrypt.org; validationmethods=dns-01")],
                    )],
                ),
                fail(
                    "critical",
                    "unknown-critical",
                    &[(
                        "acme.example",
                        &[("odd", "x"), ("issue", "letsencrypt.org")],
                    )],
                ),
                Case::new(
                    "the server fails",
                    Status::Fail,
                    Some("dns-servfail"),
                    replies(&[("node.acme.example", &[])], ReplyCode::ServFail),
                ),
                Case::new(
                    "no answer",
                    Status::Unknown,
                    Some("observation-failed"),
                    |facts: &mut Facts| {
                        records(&[("node.acme.example", &[]), ("acme.example", &[])])(facts);
                        let Observed::Seen(node) = &mut facts.node_names else {
                            panic!("not seen");
                        };
                        node.caa[0].answers[0].answer = Answer::Silent;
                    },
                ),
                Case::new(
                    "nobody wants to say",
                    Status::Unknown,
                    Some("dns-refused"),
                    replies(&[("node.acme.example", &[])], ReplyCode::Refused),
                ),
                Case::new(
                    "a server for the inner zone only",
                    Status::Pass,
                    None,
                    |facts: &mut Facts| {
                        records(&[("node.acme.example", &[]), ("acme.example", &[])])(facts);
                        let Observed::Seen(node) = &mut facts.node_names else {
                            panic!("not seen");
                        };
                        node.caa[1].answers[0].answer = Answer::Replied(Reply {
                            code: ReplyCode::Refused,
                            ..Reply::default()
                        });
                    },
                ),
                Case::new("no name", Status::Skip, None, |facts: &mut Facts| {
                    facts.node_names = Observed::Absent;
                }),
                Case::new("offline", Status::Skip, None, |facts: &mut Facts| {
                    facts.offline = true;
                }),
                Case::new(
                    "an older doctor",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
            ],
        );
    }

    #[test]
    fn without_certificates_of_letsencrypt_nothing_is_asked_of_caa() {
        judge_cases(
            &CAA,
            &[
                Case::new(
                    "a certificate of one's own, whatever CAA says",
                    Status::Skip,
                    None,
                    |facts: &mut Facts| {
                        records(&[("acme.example", &[("issue", "ca.example")])])(facts);
                        facts.profile.certificates.mode = Some(CertificateMode::Own);
                    },
                ),
                Case::new(
                    "a certificate of one's own, as the stack shows",
                    Status::Skip,
                    None,
                    |facts: &mut Facts| {
                        records(&[("acme.example", &[("issue", "ca.example")])])(facts);
                        facts.certificates = Observed::Seen(Certificates {
                            mode: Some(CertificateMode::Own),
                            ..Certificates::default()
                        });
                    },
                ),
            ],
        );
    }
}
