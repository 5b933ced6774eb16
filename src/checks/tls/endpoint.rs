//! `tls.endpoint`

use super::{
    EXPIRY, STORE,
    chain::{self, Dates},
    no_handshake::{NOT_ANSWERING, NOT_TLS, STARTING, TLS_VERSION, UNREADABLE, not_served},
};
use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, OFFLINE, Prose, Verdict,
        container,
    },
    facts::{
        Source,
        certificates::{AcmeContent, Certificate, Certificates, Chain, ServerName},
        endpoint::{Endpoint, Outcome, Place},
        handshake::Version,
    },
    profile::CertificateMode,
};

const DEFAULT_CERTIFICATE: Cause = Cause::new(
    "default-certificate",
    "Traefik serves the certificate that it makes up where it has none",
);
const DIFFERS_FROM_STORE: Cause = Cause::new(
    "differs-from-store",
    "another certificate is served than the one in the store",
);

/// See [`Prose::checks`] in the declaration.
pub static ENDPOINT: Check = Check {
    id: "tls.endpoint",
    title: "Clients are served the right certificate",
    category: Category::Tls,
    level: Level::Required,
    needs: &[&container::TRAEFIK],
    reads: &[
        Source::Endpoint,
        Source::Certificates,
        Source::Docker,
        Source::Stack,
    ],
    reference: "Operator's manual, Traefik; RFC 9525 for names, RFC 8996 for versions",
    causes: &[
        NOT_ANSWERING,
        STARTING,
        NOT_TLS,
        TLS_VERSION,
        UNREADABLE,
        DEFAULT_CERTIFICATE,
        chain::WRONG_NAME,
        chain::EXPIRED,
        chain::NOT_YET_VALID,
        chain::WRONG_ORDER,
        chain::INCOMPLETE_CHAIN,
        chain::SELF_SIGNED,
        chain::UNTRUSTED,
        chain::WEAK,
        DIFFERS_FROM_STORE,
        chain::NO_DOMAIN,
    ],
    prose: Prose {
        checks: "What this machine serves on port 443 to a client that asks for `NODE_DOMAIN`, over loopback and over its own address: the name matches, the certificate is in date, its chain is complete and leads to a trusted authority, nothing in it is weak, the version is TLS 1.2 or later, and it is the certificate of the store.",
        why: "The store may be right and the service still wrong: Traefik that does not see its containers serves a certificate that it made up, and one that was not restarted serves the old one.",
        remedy: "Where the store is faulty as well, mend that first. Otherwise look into Traefik's log (`docker logs traefik`), and restart it after certificates were replaced. Traefik's default certificate means that it has no router or no certificate for the name.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    if context.facts.is_offline() {
        return Ok(Verdict::skip(OFFLINE));
    }
    let endpoint = context.facts.endpoint().seen()?;
    let served = endpoint
        .places
        .iter()
        .find_map(|place| match &place.outcome {
            Outcome::Served { version, chain } => Some((place, *version, chain)),
            _ => None,
        });
    let verdict = match served {
        Some((place, version, chain)) => presented(place, chain, endpoint, context).evidence(
            "version",
            match version {
                Version::Tls12 => "TLS 1.2",
                Version::Tls13 => "TLS 1.3",
            },
        ),
        None => not_served(endpoint, context),
    };
    let verdict = endpoint.places.iter().fold(verdict, |verdict, place| {
        verdict.evidence(place.address.to_string(), outcome(&place.outcome))
    });
    Ok(verdict.follows(&STORE).follows(&EXPIRY))
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Served { chain, .. } => chain.leaf().map_or_else(String::new, |leaf| {
            format!("a certificate for {}", leaf.names())
        }),
        Outcome::Unreadable { reason } => reason.clone(),
        Outcome::None { why } => why.to_string(),
    }
}

fn presented(place: &Place, chain: &Chain, endpoint: &Endpoint, context: &Context) -> Verdict {
    let mode = endpoint.mode.unwrap_or_else(|| {
        let certificates = context.facts.certificates().seen();
        certificates.map_or(CertificateMode::LetsEncrypt, Certificates::mode)
    });
    let of = place.address.to_string();
    let Some(leaf) = chain.leaf() else {
        return Verdict::fail(UNREADABLE, format!("{of}: no certificate was presented"))
            .expected("a certificate for NODE_DOMAIN")
            .advice("look into Traefik's log (docker logs traefik)");
    };
    let verdict = if leaf
        .subject
        .contains(&context.profile.certificates.default_subject)
    {
        default_certificate(&of, mode)
    } else {
        match endpoint.node_domain.as_deref().and_then(ServerName::read) {
            None => {
                let domain = endpoint.node_domain.as_ref().map_or_else(
                    || "is not known".to_owned(),
                    |text| format!("is “{text}”, which is no host name"),
                );
                Verdict::unknown(
                    chain::NO_DOMAIN,
                    format!(
                        "{of} serves a certificate for {}, and NODE_DOMAIN {domain}",
                        leaf.names()
                    ),
                )
                .advice(chain::SET_DOMAIN)
            }
            Some(name) => for_name(&of, &name, chain, leaf, mode, context),
        }
    };
    verdict
        .observed(leaf.sha256.clone())
        .evidence("issuer", &leaf.issuer)
}

fn default_certificate(of: &str, mode: CertificateMode) -> Verdict {
    if mode == CertificateMode::SelfSigned {
        return Verdict::pass("Traefik's own self-signed certificate is served, as was meant")
            .remark("it names no host, so that clients cannot even be told to trust it: a self-signed certificate for NODE_DOMAIN would serve better");
    }
    Verdict::fail(
        DEFAULT_CERTIFICATE,
        format!("{of}: Traefik serves its default certificate, since it has none for the name"),
    )
    .expected("a certificate for NODE_DOMAIN")
    .advice("look that Traefik sees its containers (docker logs traefik 2>&1 | grep -i provider): an old Traefik cannot talk to Docker Engine 29 or later")
    .advice("look that the router's rule names NODE_DOMAIN as it is in .env, and that a certificate for it is in the store (tls.store)")
}

fn for_name(
    of: &str,
    name: &ServerName,
    chain: &Chain,
    leaf: &Certificate,
    mode: CertificateMode,
    context: &Context,
) -> Verdict {
    if !leaf.is_for(name) {
        return Verdict::fail(
            chain::WRONG_NAME,
            format!("{of} serves a certificate for {}, not for {name}", leaf.names()),
        )
        .expected(format!("a certificate for {name}"))
        .advice("look that NODE_DOMAIN in .env is the name that clients use, and that the certificate is for it; then restart the stack");
    }
    let fault = match chain::dates(chain, context.profile, context.now) {
        Dates::Fault(fault) => Some(fault),
        Dates::Good { .. } | Dates::Overdue { .. } => chain::order_fault(chain)
            .or_else(|| chain::weakness(chain, context.profile))
            .or_else(|| chain::trust_fault(chain, mode)),
    };
    if let Some(fault) = fault {
        return fault.verdict(&format!("the certificate that {of} serves"));
    }
    let stored = context
        .facts
        .certificates()
        .seen()
        .map(|certificates| in_store(certificates, name))
        .unwrap_or_default();
    if !stored.is_empty() && !stored.contains(&leaf.sha256.as_str()) {
        return Verdict::warn(
            DIFFERS_FROM_STORE,
            format!("{of} serves another certificate for {name} than the one in the store"),
        )
        .expected("the certificate of the store")
        .advice("restart Traefik, so that it takes up the certificate that was put there: docker restart traefik");
    }
    let verdict = Verdict::pass(format!(
        "{of} serves a certificate for {name} that clients accept"
    ));
    match &chain.end {
        crate::facts::certificates::ChainEnd::Unjudged => {
            verdict.remark("whether it leads to a trusted authority was not judged: the system's trust store could not be read")
        }
        _ => verdict,
    }
}

/// The fingerprints of the certificates for a name that lie on disk.
fn in_store<'a>(certificates: &'a Certificates, name: &ServerName) -> Vec<&'a str> {
    let own = certificates.own.seen().ok();
    let acme = certificates.acme.seen().ok();
    let acme = acme.and_then(|file| match &file.content {
        Some(AcmeContent::Store { certificates, .. }) => Some(certificates),
        _ => None,
    });
    let own = own
        .into_iter()
        .flat_map(|own| &own.pairs)
        .map(|pair| &pair.chain);
    let acme = acme
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.chain.as_ref());
    own.chain(acme)
        .filter_map(Chain::leaf)
        .filter(|leaf| leaf.is_for(name))
        .map(|leaf| leaf.sha256.as_str())
        .collect()
}

#[cfg(test)]
mod tests;
