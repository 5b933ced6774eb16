//! What `tls.store` says of certificates that the customer brings.

use super::{
    chain,
    store::{NO_CERTIFICATE, STORE_MISSING, STORE_UNREADABLE, domain_unknown},
};
use crate::{
    checks::{Context, Judgement, Verdict, command_line::quoted, layout},
    facts::{
        Gap,
        certificates::{Certificate, Certificates, KeyState, OwnCertificates, Pair, ServerName},
    },
    profile::CertificateMode,
};

pub(super) fn judge(certificates: &Certificates, context: &Context) -> Judgement {
    let mode = certificates.mode();
    let directory = &context.profile.layout.certificates_dir;
    let Some(own) = certificates.own.seen_or_absent()? else {
        if mode == CertificateMode::SelfSigned {
            return Ok(nothing_but_what_traefik_makes_up());
        }
        return Ok(Verdict::fail(
            STORE_MISSING,
            format!("{} does not exist", directory.display()),
        )
        .follows(&layout::LETSENCRYPT_DIR)
        .expected("a directory with the certificate, its chain and its key in PEM")
        .advice(format!(
            "make {} and put the certificate with its chain and its private key there, in PEM",
            directory.display()
        )));
    };
    let verdict = files(own, certificates, context);
    let unreadable = own.faults.iter().find(|fault| fault.denied);
    // Where not everything could be read, what seems to be wrong may be right.
    if let (Some(fault), true) = (unreadable, verdict.cause.is_some()) {
        return Err(Gap::Denied(format!(
            "reading {} needs root",
            fault.path.display()
        )));
    }
    let verdict = own
        .faults
        .iter()
        .fold(verdict, |verdict, fault| {
            verdict.evidence(fault.path.display().to_string(), &fault.reason)
        })
        .evidence("directory", own.directory.display());
    Ok(match &own.configured_by {
        Some(path) => verdict.evidence("named by", path.display()),
        None => verdict,
    })
}

fn nothing_but_what_traefik_makes_up() -> Verdict {
    Verdict::skip("the certificate is to be self-signed, and Traefik makes one up by itself")
}

fn files(own: &OwnCertificates, certificates: &Certificates, context: &Context) -> Verdict {
    if let (Some(path), Some(fault)) = (&own.configured_by, &own.configuration_fault) {
        return Verdict::fail(
            STORE_UNREADABLE,
            format!("{} is no configuration of Traefik: {fault}", path.display()),
        )
        .expected("YAML that names the certificate and its key")
        .advice(format!("mend {}, then restart Traefik", path.display()));
    }
    if own.pairs.is_empty() {
        return nothing_found(own, certificates.mode());
    }
    let Some(name) = certificates.server_name() else {
        return domain_unknown(certificates);
    };
    let matching = own
        .pairs
        .iter()
        .filter(|pair| pair.chain.leaf().is_some_and(|leaf| leaf.is_for(&name)))
        .max_by_key(|pair| {
            let end = pair.chain.leaf().map(|leaf| leaf.not_after);
            (pair.key == KeyState::Belongs, end)
        });
    let Some(pair) = matching else {
        let found: Vec<String> = own
            .pairs
            .iter()
            .filter_map(|pair| pair.chain.leaf())
            .map(Certificate::names)
            .collect();
        return Verdict::fail(
            chain::WRONG_NAME,
            chain::none_for(&name, &found),
        )
        .expected(format!("a certificate for {name}"))
        .advice(format!(
            "get a certificate that names {name} as a subject alternative name (a common name alone counts no more), or set NODE_DOMAIN to the name that it is for"
        ));
    };
    one(pair, &name, own, certificates.mode(), context)
}

fn nothing_found(own: &OwnCertificates, mode: CertificateMode) -> Verdict {
    let directory = own.directory.display();
    match own.faults.iter().find(|fault| !fault.denied) {
            Some(fault) => Verdict::fail(
                if own.configured_by.is_some() {
                    STORE_MISSING
                } else {
                    STORE_UNREADABLE
                },
                format!("{}: {}", fault.path.display(), fault.reason),
            )
            .expected("the certificate with its chain, in PEM")
            .advice(format!(
                "put the certificate with its chain there, in PEM, and its private key beside it, or name in Traefik's configuration the files that are in {directory}"
            )),
            None if mode == CertificateMode::SelfSigned => {
                nothing_but_what_traefik_makes_up()
            }
            None => Verdict::fail(NO_CERTIFICATE, format!("{directory} holds no certificate"))
                .expected("the certificate with its chain, and its private key")
                .advice(format!(
                    "put the certificate with its chain and its private key into {directory}, in PEM"
                )),
    }
}

fn one(
    pair: &Pair,
    name: &ServerName,
    own: &OwnCertificates,
    mode: CertificateMode,
    context: &Context,
) -> Verdict {
    let in_order = || {
        // Where the chain was put together from several files, nobody has put it in an order yet.
        let from_one_file = own.configured_by.is_some() || pair.issuer_file.is_none();
        from_one_file
            .then(|| chain::order_fault(&pair.chain))
            .flatten()
    };
    let fault = chain::key_fault(&pair.key)
        .or_else(in_order)
        .or_else(|| chain::weakness(&pair.chain, context.profile))
        .or_else(|| chain::trust_fault(&pair.chain, mode));
    let file = pair.certificate_file.display().to_string();
    let verdict = if let Some(fault) = fault {
        let fault = match &pair.issuer_file {
            // The file that has it is nearer than the authority that hands it out.
            Some(issuer) if fault.cause == chain::INCOMPLETE_CHAIN => {
                let issuer = issuer.display().to_string();
                let advice = format!(
                    "{issuer} holds the missing certificate: append it, on a line of its own ((echo; cat {}) >> {}), and restart Traefik",
                    quoted(&issuer),
                    quoted(&file)
                );
                chain::Fault { advice, ..fault }
            }
            _ => fault,
        };
        fault.verdict(&file)
    } else {
        let key = match &pair.key {
            KeyState::Unproven(_) => "",
            _ => ", and its key fits",
        };
        let verdict = Verdict::pass(format!("{file} is for {name}{key}"));
        match &pair.issuer_file {
            Some(issuer) if own.configured_by.is_none() => verdict.remark(format!(
                "its chain stands in {}; Traefik takes it only from the certificate's own file",
                issuer.display()
            )),
            _ => verdict,
        }
    };
    let verdict = match &pair.key {
        KeyState::Unproven(reason) => verdict.remark(format!(
            "that the key belongs to the certificate could not be proven: {reason}"
        )),
        _ => verdict,
    };
    let verdict = match &pair.key_file {
        Some(key) => verdict.evidence("key", key.display()),
        None => verdict,
    };
    let verdict = verdict.evidence("certificate", file);
    match pair.chain.leaf() {
        Some(leaf) => verdict
            .evidence("issuer", &leaf.issuer)
            .evidence("SHA-256", &leaf.sha256)
            .observed(leaf.sha256.clone()),
        None => verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
            tls::{
                STORE,
                samples::{self, Sample},
            },
        },
        facts::{
            Facts, Observed,
            certificates::{ChainEnd, FileFault, Signature},
        },
    };

    fn pair(sample: Sample) -> Pair {
        Pair {
            certificate_file: "/srv/data/traefik/certs/node.crt".into(),
            key_file: Some("/srv/data/traefik/certs/node.key".into()),
            chain: sample.chain,
            key: sample.key,
            issuer_file: None,
        }
    }

    fn own(pairs: Vec<Pair>) -> OwnCertificates {
        OwnCertificates {
            directory: "/srv/data/traefik/certs".into(),
            pairs,
            ..OwnCertificates::default()
        }
    }

    fn brought(make: impl Fn() -> OwnCertificates) -> impl Fn(&mut Facts) {
        move |facts| {
            let certificates = samples::certificates(facts);
            certificates.mode = Some(CertificateMode::Own);
            certificates.own = Observed::Seen(make());
        }
    }

    fn with(change: impl Fn(&mut Sample) + 'static) -> impl Fn(&mut Facts) {
        brought(move || {
            let mut sample = Sample::good();
            change(&mut sample);
            own(vec![pair(sample)])
        })
    }

    fn fault(reason: &str, denied: bool) -> FileFault {
        FileFault {
            path: "/srv/data/traefik/certs/node.key".into(),
            reason: reason.into(),
            denied,
        }
    }

    fn self_signed(sample: &mut Sample) {
        sample.chain.certificates.truncate(1);
        sample.chain.path = vec![0];
        sample.chain.end = ChainEnd::SelfSigned;
    }

    fn self_signed_over(signature: Signature) -> impl Fn(&mut Facts) {
        move |facts| {
            with(move |sample| {
                self_signed(sample);
                sample.leaf().self_signed = true;
                sample.leaf().signature = signature;
            })(facts);
            samples::certificates(facts).mode = Some(CertificateMode::SelfSigned);
        }
    }

    #[test]
    #[allow(clippy::too_many_lines)]
    fn cases() {
        use Status::{Fail, Pass, Skip, Unknown};
        judge_cases(
            &STORE,
            &[
                Case::new("good", Pass, None, with(|_| {})),
                Case::new(
                    "no directory",
                    Fail,
                    Some("store-missing"),
                    |facts: &mut Facts| {
                        samples::certificates(facts).mode = Some(CertificateMode::Own);
                    },
                ),
                Case::new(
                    "empty",
                    Fail,
                    Some("no-certificate"),
                    brought(|| own(vec![])),
                ),
                Case::new(
                    "named and missing",
                    Fail,
                    Some("store-missing"),
                    brought(|| OwnCertificates {
                        configured_by: Some("/srv/data/traefik/traefik.yml".into()),
                        faults: vec![fault("it is not there", false)],
                        ..own(vec![])
                    }),
                ),
                Case::new(
                    "no PEM",
                    Fail,
                    Some("store-unreadable"),
                    brought(|| OwnCertificates {
                        faults: vec![fault("it is no PEM", false)],
                        ..own(vec![])
                    }),
                ),
                Case::new(
                    "configuration is none",
                    Fail,
                    Some("store-unreadable"),
                    brought(|| OwnCertificates {
                        configured_by: Some("/srv/data/traefik/traefik.yml".into()),
                        configuration_fault: Some("bad indentation".into()),
                        ..own(vec![])
                    }),
                ),
                Case::new(
                    "key not readable without root",
                    Unknown,
                    Some("needs-root"),
                    brought(|| {
                        let mut sample = Sample::good();
                        sample.key = KeyState::Missing;
                        OwnCertificates {
                            faults: vec![fault("Permission denied", true)],
                            ..own(vec![pair(sample)])
                        }
                    }),
                ),
                Case::new(
                    "other name",
                    Fail,
                    Some("wrong-name"),
                    with(|sample| sample.leaf().dns_names.clear()),
                ),
                Case::new(
                    "wrong key",
                    Fail,
                    Some("key-mismatch"),
                    with(|sample| sample.key = KeyState::Differs),
                ),
                Case::new(
                    "key of an unknown kind",
                    Pass,
                    None,
                    with(|sample| sample.key = KeyState::Unproven("unknown".into())),
                ),
                Case::new(
                    "wrong key, and an issuer in another file",
                    Fail,
                    Some("key-mismatch"),
                    brought(|| {
                        let mut sample = Sample::good();
                        sample.key = KeyState::Differs;
                        let mut pair = pair(sample);
                        pair.issuer_file = Some("/srv/data/traefik/certs/chain.pem".into());
                        own(vec![pair])
                    }),
                ),
                Case::new(
                    "an older one with its key, and a newer one without",
                    Pass,
                    None,
                    brought(|| {
                        let mut newer = Sample::good().lasting(90 * 24, 80 * 24);
                        newer.key = KeyState::Differs;
                        let mut newer = pair(newer);
                        newer.certificate_file = "/srv/data/traefik/certs/new.crt".into();
                        own(vec![pair(Sample::good()), newer])
                    }),
                ),
                Case::new(
                    "other names",
                    Fail,
                    Some("wrong-name"),
                    brought(|| {
                        let named = |name: &str| {
                            let mut sample = Sample::good();
                            sample.leaf().dns_names = vec![name.into()];
                            pair(sample)
                        };
                        own(vec![named("a.example.com"), named("b.example.com")])
                    }),
                ),
                Case::new(
                    "passphrase",
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
                    "put together of several files",
                    Pass,
                    None,
                    brought(|| {
                        let mut pair = pair(Sample::good());
                        pair.chain.path = vec![1, 0];
                        pair.chain.certificates.reverse();
                        pair.issuer_file = Some("/srv/data/traefik/certs/chain.pem".into());
                        own(vec![pair])
                    }),
                ),
                Case::new(
                    "intermediate in another file than the one named",
                    Fail,
                    Some("incomplete-chain"),
                    brought(|| {
                        let mut pair = pair(Sample::good());
                        pair.chain.certificates.truncate(1);
                        pair.chain.path = vec![0];
                        pair.chain.end = ChainEnd::IssuerMissing {
                            issuer: "CN=R10".into(),
                        };
                        pair.issuer_file = Some("/srv/data/traefik/certs/chain.pem".into());
                        OwnCertificates {
                            configured_by: Some("/srv/data/traefik/traefik.yml".into()),
                            ..own(vec![pair])
                        }
                    }),
                ),
                Case::new(
                    "issuer in another file than the one named, which holds it too",
                    Pass,
                    None,
                    brought(|| {
                        let mut pair = pair(Sample::good());
                        pair.issuer_file = Some("/srv/data/traefik/certs/chain.pem".into());
                        OwnCertificates {
                            configured_by: Some("/srv/data/traefik/traefik.yml".into()),
                            ..own(vec![pair])
                        }
                    }),
                ),
                Case::new("self-signed", Fail, Some("self-signed"), with(self_signed)),
                Case::new("self-signed as meant", Pass, None, |facts: &mut Facts| {
                    with(self_signed)(facts);
                    samples::certificates(facts).mode = Some(CertificateMode::SelfSigned);
                }),
                Case::new(
                    "self-signed over SHA-1 as meant",
                    Pass,
                    None,
                    self_signed_over(Signature::Sha1),
                ),
                Case::new(
                    "self-signed over MD5 as meant",
                    Pass,
                    None,
                    self_signed_over(Signature::Md5),
                ),
                Case::new(
                    "self-signed as meant, and nothing there",
                    Skip,
                    None,
                    |facts: &mut Facts| {
                        brought(|| own(vec![]))(facts);
                        samples::certificates(facts).mode = Some(CertificateMode::SelfSigned);
                    },
                ),
                Case::new(
                    "self-signed by Traefik as meant",
                    Skip,
                    None,
                    |facts: &mut Facts| {
                        samples::certificates(facts).mode = Some(CertificateMode::SelfSigned);
                    },
                ),
            ],
        );
    }
}
