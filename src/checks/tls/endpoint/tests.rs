use super::*;
use crate::{
    checks::{
        Status,
        cases::{Case, judge_cases},
        tls::samples::{self, DOMAIN, Sample, hours_from_now},
    },
    facts::{
        Facts, Observed,
        certificates::{AcmeLayout, ChainEnd, PublicKey},
        handshake::NoConnection,
    },
};

fn endpoint(outcomes: Vec<Outcome>) -> Endpoint {
    let addresses = ["127.0.0.1:443", "192.0.2.7:443", "[::1]:443"];
    Endpoint {
        node_domain: Some(DOMAIN.into()),
        mode: Some(CertificateMode::LetsEncrypt),
        places: outcomes
            .into_iter()
            .zip(addresses)
            .map(|(outcome, address)| Place {
                address: address.parse().unwrap(),
                outcome,
            })
            .collect(),
    }
}

fn served(sample: Sample) -> Outcome {
    Outcome::Served {
        version: Version::Tls13,
        chain: sample.chain,
    }
}

fn none(why: NoConnection) -> Outcome {
    Outcome::None { why }
}

fn with(change: impl Fn(&mut Sample) + 'static) -> impl Fn(&mut Facts) {
    move |facts| {
        let mut sample = Sample::good();
        change(&mut sample);
        facts.endpoint = Observed::Seen(endpoint(vec![served(sample)]));
    }
}

fn without(why: NoConnection) -> impl Fn(&mut Facts) {
    move |facts| {
        let outcomes = vec![none(why.clone()), none(NoConnection::Refused)];
        facts.endpoint = Observed::Seen(endpoint(outcomes));
    }
}

fn reason() -> String {
    "so it was".into()
}

fn stored(facts: &mut Facts, sample: Sample) {
    let content = AcmeContent::Store {
        layout: AcmeLayout::Traefik2,
        certificates: vec![sample.stored()],
        more: 0,
    };
    samples::in_acme(facts, samples::acme_file(Some(content)));
}

fn default_one(sample: &mut Sample) {
    sample.leaf().subject = "CN=TRAEFIK DEFAULT CERT".into();
    sample.leaf().dns_names = vec!["0a1b.traefik.default".into()];
    sample.chain.end = ChainEnd::SelfSigned;
    sample.chain.path = vec![0];
}

#[test]
#[allow(clippy::too_many_lines)]
fn cases() {
    use Status::{Fail, Pass, Skip, Unknown, Warn};
    judge_cases(
        &ENDPOINT,
        &[
            Case::new("good", Pass, None, with(|_| {})),
            Case::new("good and stored", Pass, None, |facts: &mut Facts| {
                with(|_| {})(facts);
                stored(facts, Sample::good());
            }),
            Case::new(
                "refused on loopback only",
                Pass,
                None,
                |facts: &mut Facts| {
                    let outcomes = vec![none(NoConnection::Refused), served(Sample::good())];
                    facts.endpoint = Observed::Seen(endpoint(outcomes));
                },
            ),
            Case::new(
                "other than stored",
                Warn,
                Some("differs-from-store"),
                |facts: &mut Facts| {
                    with(|_| {})(facts);
                    let mut newer = Sample::good();
                    newer.leaf().sha256 = "another".into();
                    stored(facts, newer);
                },
            ),
            Case::new(
                "nothing listens",
                Fail,
                Some("not-answering"),
                without(NoConnection::Refused),
            ),
            Case::new(
                "hangs",
                Fail,
                Some("not-answering"),
                without(NoConnection::TimedOut { after_ms: 5000 }),
            ),
            Case::new(
                "cut",
                Fail,
                Some("not-answering"),
                without(NoConnection::Cut { reason: reason() }),
            ),
            Case::new(
                "alert",
                Fail,
                Some("not-answering"),
                without(NoConnection::Rejected { reason: reason() }),
            ),
            Case::new(
                "plain HTTP",
                Fail,
                Some("not-tls"),
                without(NoConnection::NotTls { reason: reason() }),
            ),
            Case::new(
                "TLS 1.0",
                Fail,
                Some("tls-version"),
                without(NoConnection::OldVersion { reason: reason() }),
            ),
            Case::new(
                "no addresses",
                Fail,
                Some("not-answering"),
                |facts: &mut Facts| {
                    facts.endpoint = Observed::Seen(endpoint(vec![]));
                },
            ),
            Case::new("garbage", Fail, Some("unreadable"), |facts: &mut Facts| {
                let outcome = Outcome::Unreadable { reason: reason() };
                facts.endpoint = Observed::Seen(endpoint(vec![outcome]));
            }),
            Case::new(
                "default certificate",
                Fail,
                Some("default-certificate"),
                with(default_one),
            ),
            Case::new(
                "default certificate as meant",
                Pass,
                None,
                |facts: &mut Facts| {
                    with(default_one)(facts);
                    if let Observed::Seen(endpoint) = &mut facts.endpoint {
                        endpoint.mode = Some(CertificateMode::SelfSigned);
                    }
                },
            ),
            Case::new(
                "wrong name",
                Fail,
                Some("wrong-name"),
                with(|sample| {
                    sample.leaf().dns_names = vec!["*.node.example.com".into()];
                }),
            ),
            Case::new(
                "expired",
                Fail,
                Some("expired"),
                with(|sample| {
                    sample.leaf().not_after = hours_from_now(-1);
                }),
            ),
            Case::new(
                "not yet valid",
                Fail,
                Some("not-yet-valid"),
                with(|sample| {
                    sample.leaf().not_before = hours_from_now(1);
                }),
            ),
            Case::new(
                "root between",
                Fail,
                Some("wrong-order"),
                with(|sample| {
                    sample.chain.path = vec![0, 2, 1];
                }),
            ),
            Case::new(
                "intermediate missing",
                Fail,
                Some("incomplete-chain"),
                with(samples::without_intermediate),
            ),
            Case::new(
                "self-signed",
                Fail,
                Some("self-signed"),
                with(samples::self_signed),
            ),
            Case::new(
                "own authority",
                Fail,
                Some("untrusted"),
                with(|sample| {
                    sample.chain.end = ChainEnd::SelfSigned;
                }),
            ),
            Case::new(
                "short key",
                Fail,
                Some("weak"),
                with(|sample| {
                    sample.leaf().key = PublicKey::Rsa { bits: 1024 };
                }),
            ),
            Case::new(
                "domain unknown",
                Unknown,
                Some("domain-unknown"),
                |facts: &mut Facts| {
                    with(|_| {})(facts);
                    if let Observed::Seen(endpoint) = &mut facts.endpoint {
                        endpoint.node_domain = None;
                    }
                },
            ),
            Case::new(
                "domain is none",
                Unknown,
                Some("domain-unknown"),
                |facts: &mut Facts| {
                    with(|_| {})(facts);
                    if let Observed::Seen(endpoint) = &mut facts.endpoint {
                        endpoint.node_domain = Some("https://x/".into());
                    }
                },
            ),
            Case::new(
                "nobody to trust",
                Pass,
                None,
                with(|sample| sample.chain.end = ChainEnd::Unjudged),
            ),
            Case::new("offline", Skip, None, |facts: &mut Facts| {
                facts.offline = true;
            }),
            Case::new(
                "not observed",
                Unknown,
                Some("not-observed"),
                |_: &mut Facts| {},
            ),
        ],
    );
}
