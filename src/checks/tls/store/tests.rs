use super::*;
use crate::{
    checks::{
        Status,
        cases::{Case, judge_cases, nothing_observed, verdict},
        tls::samples::{self, Sample},
    },
    facts::{
        Facts, Observed,
        certificates::{AcmeLayout, ChainEnd, KeyState, PublicKey, Signature},
    },
};

fn store(certificates: Vec<StoredCertificate>) -> AcmeContent {
    AcmeContent::Store {
        layout: AcmeLayout::Traefik2,
        certificates,
        more: 0,
    }
}

fn holding(content: AcmeContent) -> impl Fn(&mut Facts) {
    move |facts| samples::in_acme(facts, samples::acme_file(Some(content.clone())))
}

fn with(change: impl Fn(&mut Sample) + 'static) -> impl Fn(&mut Facts) {
    move |facts| {
        let mut sample = Sample::good();
        change(&mut sample);
        let content = store(vec![sample.stored()]);
        samples::in_acme(facts, samples::acme_file(Some(content)));
    }
}

#[test]
fn without_traefiks_directory_a_missing_store_is_no_trouble_of_its_own() {
    let mut facts = nothing_observed();
    holding(store(Vec::new()))(&mut facts);
    assert!(verdict(&STORE, &facts).follows.is_empty());
    samples::certificates(&mut facts).acme = Observed::Absent;
    let follows = verdict(&STORE, &facts).follows;
    let names: Vec<_> = follows.iter().map(|followed| followed.check.id).collect();
    assert_eq!(names, ["layout.letsencrypt-dir", "container.traefik"]);
    samples::certificates(&mut facts).acme = Observed::Failed("too many links".into());
    let follows = verdict(&STORE, &facts).follows;
    let names: Vec<_> = follows.iter().map(|followed| followed.check.id).collect();
    assert_eq!(names, ["layout.letsencrypt-dir"]);
}

#[test]
#[allow(clippy::too_many_lines)]
fn cases() {
    use Status::{Fail, Pass, Unknown};
    judge_cases(
        &STORE,
        &[
            Case::new("good", Pass, None, with(|_| {})),
            Case::new("trust store not read", Pass, None, |facts: &mut Facts| {
                let mut sample = Sample::good();
                sample.chain.end = ChainEnd::Unjudged;
                samples::in_acme(
                    facts,
                    samples::acme_file(Some(store(vec![sample.stored()]))),
                );
                samples::certificates(facts).trust_store = Observed::Absent;
            }),
            Case::new(
                "missing",
                Fail,
                Some("store-missing"),
                |facts: &mut Facts| {
                    samples::certificates(facts).acme = Observed::Absent;
                },
            ),
            Case::new(
                "a directory",
                Fail,
                Some("store-unreadable"),
                |facts: &mut Facts| {
                    let mut file = samples::acme_file(None);
                    file.kind = FileKind::Directory;
                    file.fault = Some("it is a directory, not a file".into());
                    file.permissions = 0o755;
                    samples::in_acme(facts, file);
                },
            ),
            Case::new("mode 644", Fail, Some("store-mode"), |facts: &mut Facts| {
                let content = store(vec![Sample::good().stored()]);
                let mut file = samples::acme_file(Some(content));
                file.permissions = 0o644;
                samples::in_acme(facts, file);
            }),
            Case::new(
                "cut off",
                Fail,
                Some("store-truncated"),
                holding(AcmeContent::Truncated {
                    reason: "EOF while parsing an object at line 3 column 7".into(),
                }),
            ),
            Case::new(
                "other JSON",
                Fail,
                Some("store-unreadable"),
                holding(AcmeContent::Foreign {
                    reason: "a list".into(),
                }),
            ),
            Case::new(
                "empty",
                Fail,
                Some("no-certificate"),
                holding(AcmeContent::Empty),
            ),
            Case::new(
                "no certificate",
                Fail,
                Some("no-certificate"),
                holding(store(vec![])),
            ),
            Case::new(
                "damaged certificate",
                Fail,
                Some("store-unreadable"),
                |facts: &mut Facts| {
                    let mut stored = Sample::good().stored();
                    stored.chain = None;
                    stored.fault = Some("it is no X.509 certificate".into());
                    samples::in_acme(facts, samples::acme_file(Some(store(vec![stored]))));
                },
            ),
            Case::new(
                "other domain",
                Fail,
                Some("wrong-name"),
                with(|sample| sample.leaf().dns_names = vec!["other.example.com".into()]),
            ),
            Case::new(
                "key of another",
                Fail,
                Some("key-mismatch"),
                with(|sample| sample.key = KeyState::Differs),
            ),
            Case::new(
                "no key",
                Fail,
                Some("key-missing"),
                with(|sample| sample.key = KeyState::Missing),
            ),
            Case::new(
                "damaged key",
                Fail,
                Some("key-missing"),
                with(|sample| sample.key = KeyState::Unreadable("cut off".into())),
            ),
            Case::new(
                "encrypted key",
                Fail,
                Some("passphrase"),
                with(|sample| sample.key = KeyState::Passphrase),
            ),
            Case::new(
                "reversed",
                Fail,
                Some("wrong-order"),
                with(samples::reverse),
            ),
            Case::new(
                "intermediate missing",
                Fail,
                Some("incomplete-chain"),
                with(samples::without_intermediate),
            ),
            Case::new(
                "intermediate missing, and another one in its place",
                Fail,
                Some("incomplete-chain"),
                with(|sample| {
                    let other = sample.chain.certificates[1].clone();
                    sample.chain.certificates.push(other);
                    sample.chain.end = ChainEnd::IssuerMissing {
                        issuer: "CN=Sub CA".into(),
                    };
                }),
            ),
            Case::new(
                "staging authority",
                Fail,
                Some("untrusted"),
                with(|sample| {
                    sample.chain.end = ChainEnd::IssuerMissing {
                        issuer: "CN=(STAGING) Pretend Pear X1".into(),
                    };
                }),
            ),
            Case::new(
                "self-signed",
                Fail,
                Some("self-signed"),
                with(samples::self_signed),
            ),
            Case::new(
                "refused by clients",
                Fail,
                Some("untrusted"),
                with(|sample| sample.chain.refusal = Some("it is for no server".into())),
            ),
            Case::new(
                "SHA-1",
                Fail,
                Some("weak"),
                with(|sample| sample.leaf().signature = Signature::Sha1),
            ),
            Case::new(
                "MD5",
                Fail,
                Some("weak"),
                with(|sample| sample.leaf().signature = Signature::Md5),
            ),
            Case::new(
                "a small curve",
                Fail,
                Some("weak"),
                with(|sample| sample.leaf().key = PublicKey::Ecdsa { bits: 255 }),
            ),
            Case::new(
                "a curve that is just large enough",
                Pass,
                None,
                with(|sample| sample.leaf().key = PublicKey::Ecdsa { bits: 256 }),
            ),
            Case::new(
                "domain unknown",
                Unknown,
                Some("domain-unknown"),
                |facts: &mut Facts| {
                    with(|_| {})(facts);
                    samples::certificates(facts).node_domain = None;
                },
            ),
            Case::new(
                "domain is none",
                Unknown,
                Some("domain-unknown"),
                |facts: &mut Facts| {
                    with(|_| {})(facts);
                    samples::certificates(facts).node_domain = Some("https://x/".into());
                },
            ),
            Case::new(
                "not readable",
                Unknown,
                Some("needs-root"),
                |facts: &mut Facts| {
                    samples::certificates(facts).acme = Observed::Denied("needs root".into());
                },
            ),
            Case::new(
                "dead mount",
                Unknown,
                Some("timed-out"),
                |facts: &mut Facts| {
                    samples::certificates(facts).acme = Observed::TimedOut("too long".into());
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
