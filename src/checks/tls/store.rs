//! `tls.store`

use super::{chain, own};
use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Mend, Prose, Remedy, Restricted,
        Verdict, command_line::quoted, config, container, layout,
    },
    facts::{
        FileKind, Source,
        certificates::{AcmeContent, AcmeFile, Certificate, Certificates, StoredCertificate},
    },
    profile::CertificateMode,
    units::counted,
};

pub(super) const STORE_MISSING: Cause =
    Cause::new("store-missing", "the certificates' file is not there");
pub(super) const STORE_UNREADABLE: Cause = Cause::new(
    "store-unreadable",
    "what stands in the certificates' place cannot be read as such",
);
const STORE_TRUNCATED: Cause = Cause::new(
    "store-truncated",
    "the ACME store is damaged, as after a crash while it was written",
);
const STORE_MODE: Cause = Cause::new(
    "store-mode",
    "the ACME store's permissions are wider than 600, so that Traefik ignores it",
);
pub(super) const NO_CERTIFICATE: Cause =
    Cause::new("no-certificate", "there is no certificate yet");

/// See [`Prose::checks`] in the declaration.
pub static STORE: Check = Check {
    id: "tls.store",
    title: "The certificate for NODE_DOMAIN is in its place",
    category: Category::Tls,
    level: Level::Required,
    needs: &[&config::ENV],
    reads: &[Source::Certificates, Source::Stack],
    reference: "Operator's manual, Traefik and certificates; RFC 9525 for names",
    causes: &[
        STORE_MISSING,
        STORE_UNREADABLE,
        STORE_TRUNCATED,
        STORE_MODE,
        NO_CERTIFICATE,
        chain::WRONG_NAME,
        chain::KEY_MISMATCH,
        chain::KEY_MISSING,
        chain::PASSPHRASE,
        chain::WRONG_ORDER,
        chain::INCOMPLETE_CHAIN,
        chain::SELF_SIGNED,
        chain::UNTRUSTED,
        chain::WEAK,
        chain::NO_DOMAIN,
    ],
    prose: Prose {
        checks: "With Let's Encrypt: Traefik's ACME store (`acme.json` of Traefik 1, 2 or 3) is there, has mode 600, is complete JSON, and holds a certificate for `NODE_DOMAIN`. With a certificate of the customer's own: the files that Traefik's configuration names, or else the ones that fit together, are there. In both cases: the private key is the certificate's and has no passphrase, the chain is complete, in order and leads to an authority that the system trusts, and no key or signature in it is weak. Whose certificates they are comes from `certificates.mode` of the profile, else from the stack.",
        why: "Traefik says nothing a customer would see when it cannot use a certificate: it serves one that it made up itself, and every client refuses to connect.",
        remedy: "The finding names the file and what is wrong with it. A damaged or unreadable `acme.json` may be moved away while Traefik is stopped: it gets a new certificate at its next start, for which port 80 has to be reachable from the internet.",
    },
    mends: &[Mend::new(
        Remedy::RestrictMode(Restricted::AcmeStore),
        &[STORE_MODE],
    )],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let certificates = context.facts.certificates().seen()?;
    let verdict = match certificates.mode() {
        CertificateMode::LetsEncrypt => acme(certificates, context),
        CertificateMode::Own | CertificateMode::SelfSigned => own::judge(certificates, context),
    }?;
    Ok(match certificates.trust_store.seen() {
        Ok(_) => verdict,
        Err(gap) => verdict.remark(format!(
            "whether the chain leads to a trusted authority was not judged: the system's trust store could not be read ({gap})"
        )),
    })
}

fn acme(certificates: &Certificates, context: &Context) -> Judgement {
    let found = match certificates.acme.seen_or_absent() {
        Ok(found) => found,
        Err(gap) => return Ok(Verdict::from(gap).follows(&layout::LETSENCRYPT_DIR)),
    };
    let Some(file) = found else {
        let path = context.profile.layout.letsencrypt_dir.join("acme.json");
        return Ok(Verdict::fail(
            STORE_MISSING,
            format!("{} does not exist", path.display()),
        )
        // Traefik makes it, where its directory is.
        .follows(&layout::LETSENCRYPT_DIR)
        .follows(&container::TRAEFIK)
        .expected("an ACME store with a certificate for NODE_DOMAIN")
        .advice("start the stack (docker compose up -d): Traefik makes the file when it first asks for a certificate, for which port 80 has to be reachable from the internet")
        .advice("look that the stack mounts the directory of that file at /letsencrypt in the traefik service"));
    };
    let verdict = acme_file(file, certificates, context)?;
    Ok(verdict.evidence("file", file.path.display()))
}

fn acme_file(file: &AcmeFile, certificates: &Certificates, context: &Context) -> Judgement {
    /// Permissions for group and others, any of which Traefik refuses.
    const OTHERS: u32 = 0o077;
    let path = file.path.display();
    let word = quoted(&file.path);
    if let Some(fault) = &file.fault {
        let advice = if file.kind == FileKind::Directory {
            format!(
                "Docker makes a directory where a file to be mounted is missing: stop Traefik, remove the directory (rmdir {word}), mount the directory above it instead, and start the stack"
            )
        } else {
            format!("stop Traefik, move {path} away, and start it again")
        };
        return Ok(
            Verdict::fail(STORE_UNREADABLE, format!("{path} cannot be read: {fault}"))
                .expected("a regular file with Traefik's ACME store")
                .advice(advice),
        );
    }
    if file.permissions & OTHERS != 0 {
        return Ok(Verdict::fail(
            STORE_MODE,
            format!(
                "{path} has mode {:o}, so that Traefik ignores the resolver",
                file.permissions
            ),
        )
        .observed(format!("{:o}", file.permissions))
        .expected("mode 600")
        .advice(format!("chmod 600 {word}, then restart Traefik")));
    }
    let stored = match &file.content {
        None => return Err(crate::facts::Gap::NotAsked),
        Some(AcmeContent::Truncated { reason }) => {
            return Ok(
                Verdict::fail(STORE_TRUNCATED, format!("{path} is damaged: {reason}"))
                    .expected("complete JSON")
                    .advice(anew(&path.to_string())),
            );
        }
        Some(AcmeContent::Foreign { reason }) => {
            return Ok(Verdict::fail(
                STORE_UNREADABLE,
                format!("{path} is JSON, but no ACME store: it holds {reason}"),
            )
            .expected("Traefik's ACME store")
            .advice(format!(
                "stop Traefik, move {path} away, and start it again"
            )));
        }
        Some(AcmeContent::Empty) => &[],
        Some(AcmeContent::Store { certificates, .. }) => certificates.as_slice(),
    };
    if stored.is_empty() {
        return Ok(no_certificate(&format!("{path} holds no certificate yet")));
    }
    Ok(certificate_for_domain(
        stored,
        certificates,
        context,
        &path.to_string(),
    ))
}

/// How Traefik comes to have a new certificate.
fn anew(path: &str) -> String {
    format!(
        "stop Traefik, move {path} away, and start it again: it gets a new certificate, for which port 80 has to be reachable from the internet (Let's Encrypt allows five of the same a week)"
    )
}

/// What to do about a certificate that Traefik got by itself: nobody puts keys or intermediates into its store by hand.
fn traefiks_way(fault: &chain::Fault, path: &str) -> String {
    if fault.cause == chain::UNTRUSTED {
        fault.advice.clone()
    } else if fault.cause == chain::INCOMPLETE_CHAIN {
        format!(
            "{}; where the missing one is an authority of your own, add it to the system's trust store",
            anew(path)
        )
    } else {
        anew(path)
    }
}

fn no_certificate(summary: &str) -> Verdict {
    Verdict::fail(NO_CERTIFICATE, summary)
        .expected("a certificate for NODE_DOMAIN")
        .advice("look why Traefik got none (docker logs traefik 2>&1 | grep -i acme): most often port 80 is not reachable from the internet, the name does not resolve to this machine, or no container asks for the name")
}

fn certificate_for_domain(
    stored: &[StoredCertificate],
    certificates: &Certificates,
    context: &Context,
    path: &str,
) -> Verdict {
    let Some(name) = certificates.server_name() else {
        return domain_unknown(certificates);
    };
    let matching = stored
        .iter()
        .filter(|entry| leaf(entry).is_some_and(|leaf| leaf.is_for(&name)))
        .max_by_key(|entry| leaf(entry).map(|leaf| leaf.not_after));
    let Some(entry) = matching else {
        if let Some(broken) = stored.iter().find(|entry| entry.chain.is_none()) {
            let fault = broken.fault.as_deref().unwrap_or("it cannot be read");
            return Verdict::fail(
                STORE_UNREADABLE,
                format!("the certificate for “{}” is damaged: {fault}", broken.main),
            )
            .expected("a certificate for NODE_DOMAIN that can be read")
            .advice(anew(path));
        }
        let found: Vec<String> = stored
            .iter()
            .filter_map(leaf)
            .map(Certificate::names)
            .collect();
        return Verdict::fail(
            chain::WRONG_NAME,
            chain::none_for(&name, &found),
        )
        .expected(format!("a certificate for {name}"))
        .advice("look that NODE_DOMAIN in .env is the name that clients use, and that Traefik's router for sesam-node has the rule Host(`${NODE_DOMAIN}`) and names the certificate resolver; then restart the stack");
    };
    let fault = chain::key_fault(&entry.key).or_else(|| {
        let chain = entry.chain.as_ref()?;
        chain::order_fault(chain)
            .or_else(|| chain::weakness(chain, context.profile))
            .or_else(|| chain::trust_fault(chain, CertificateMode::LetsEncrypt))
    });
    let of = format!("the certificate for {name}");
    let verdict = fault.map_or_else(
        || Verdict::pass(format!("{of} and its key are in the store")),
        |fault| {
            let advice = traefiks_way(&fault, path);
            chain::Fault { advice, ..fault }.verdict(&of)
        },
    );
    let others = stored.len().saturating_sub(1);
    let verdict = match others {
        0 => verdict,
        others => verdict.remark(format!(
            "the store holds {} more, for other names or of earlier times",
            counted(others as u64, "certificate")
        )),
    };
    with_evidence(verdict, entry)
}

fn leaf(entry: &StoredCertificate) -> Option<&Certificate> {
    entry.chain.as_ref()?.leaf()
}

fn with_evidence(verdict: Verdict, entry: &StoredCertificate) -> Verdict {
    let verdict = match &entry.resolver {
        Some(resolver) => verdict.evidence("resolver", resolver),
        None => verdict,
    };
    match leaf(entry) {
        Some(leaf) => verdict
            .evidence("issuer", &leaf.issuer)
            .evidence("names", leaf.names())
            .evidence("SHA-256", &leaf.sha256)
            .observed(leaf.sha256.clone()),
        None => verdict,
    }
}

pub(super) fn domain_unknown(certificates: &Certificates) -> Verdict {
    Verdict::unknown(
        chain::NO_DOMAIN,
        match &certificates.node_domain {
            None => {
                "NODE_DOMAIN is not known, so that no certificate can be held against it".into()
            }
            Some(text) => format!("NODE_DOMAIN is “{text}”, which is no host name"),
        },
    )
    .advice(chain::SET_DOMAIN)
}

#[cfg(test)]
mod tests;
