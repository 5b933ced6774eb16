//! What can be wrong with a chain of certificates, wherever it was found.

use jiff::Timestamp;

use crate::{
    checks::{Cause, Verdict},
    facts::certificates::{
        Certificate, Chain, ChainEnd, KeyState, PublicKey, ServerName, Signature,
    },
    profile::{CertificateMode, Profile},
    units::counted,
    utc::date_of,
};

pub(super) const WRONG_NAME: Cause = Cause::new(
    "wrong-name",
    "there are certificates, and none is for NODE_DOMAIN",
);
pub(super) const KEY_MISMATCH: Cause =
    Cause::new("key-mismatch", "the private key is not the certificate's");
pub(super) const KEY_MISSING: Cause = Cause::new(
    "key-missing",
    "there is no private key, or it cannot be read",
);
pub(super) const PASSPHRASE: Cause = Cause::new(
    "passphrase",
    "the private key is encrypted, and nobody is there to type its passphrase",
);
pub(super) const WRONG_ORDER: Cause = Cause::new(
    "wrong-order",
    "the certificates stand in the wrong order: the server's own comes first, then each one's issuer",
);
pub(super) const INCOMPLETE_CHAIN: Cause = Cause::new(
    "incomplete-chain",
    "an intermediate certificate is missing between the server's and a trusted authority",
);
pub(super) const SELF_SIGNED: Cause = Cause::new(
    "self-signed",
    "the certificate vouches for itself, so that no client trusts it",
);
pub(super) const UNTRUSTED: Cause = Cause::new(
    "untrusted",
    "the chain leads to no authority that the system trusts, or clients refuse it",
);
pub(super) const WEAK: Cause = Cause::new(
    "weak",
    "a key is too short or a signature rests on a broken digest, so that clients refuse it",
);
pub(super) const EXPIRED: Cause = Cause::new("expired", "a certificate is past its end");
pub(super) const NOT_YET_VALID: Cause =
    Cause::new("not-yet-valid", "a certificate's time has not begun");
pub(super) const RENEWAL_OVERDUE: Cause = Cause::new(
    "renewal-overdue",
    "the certificate should have been renewed by now",
);
pub(super) const NO_DOMAIN: Cause = Cause::new(
    "domain-unknown",
    "NODE_DOMAIN is not known or is no host name, so that no certificate can be held against it",
);

pub(super) const SET_DOMAIN: &str =
    "set NODE_DOMAIN in .env to this machine's fully qualified name";

/// One thing that is wrong: what, in words, and what to do.
pub(super) struct Fault {
    pub cause: Cause,
    pub summary: String,
    pub expected: String,
    pub advice: String,
}

impl Fault {
    fn new(
        cause: Cause,
        summary: impl Into<String>,
        expected: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            cause,
            summary: summary.into(),
            expected: expected.into(),
            advice: advice.into(),
        }
    }

    /// As the verdict of a check, on the thing of this name.
    pub fn verdict(self, of: &str) -> Verdict {
        Verdict::fail(self.cause, format!("{of}: {}", self.summary))
            .expected(self.expected)
            .advice(self.advice)
    }
}

/// Says that none of the certificates that were found is for a name.
pub(super) fn none_for(name: &ServerName, found: &[String]) -> String {
    match found {
        [only] => format!("the only certificate is for {only}, not for {name}"),
        found => format!(
            "no certificate is for {name}, only for {}",
            found.join("; ")
        ),
    }
}

/// What is wrong with the order of the certificates.
pub(super) fn order_fault(chain: &Chain) -> Option<Fault> {
    if chain.is_in_order() {
        return None;
    }
    let summary = match chain.path.first() {
        Some(0) => "the intermediate certificates stand in the wrong order".to_owned(),
        _ => format!(
            "the server's certificate ({}) does not come first",
            chain.leaf().map_or_else(String::new, Certificate::names)
        ),
    };
    Some(Fault::new(
        WRONG_ORDER,
        summary,
        "the server's certificate first, then its issuer, then that one's issuer",
        "put the certificates into that order in the file, and restart Traefik",
    ))
}

/// What is wrong with a private key.
pub(super) fn key_fault(key: &KeyState) -> Option<Fault> {
    match key {
        KeyState::Belongs | KeyState::Unproven(_) => None,
        KeyState::Differs => Some(Fault::new(
            KEY_MISMATCH,
            "the private key belongs to another certificate",
            "the private key that the certificate was requested with",
            "put the key beside it that the certificate was requested with; where that is lost, request a new certificate",
        )),
        KeyState::Passphrase => Some(Fault::new(
            PASSPHRASE,
            "the private key is encrypted with a passphrase, which Traefik cannot ask for",
            "a private key without passphrase, readable by root only",
            "take the passphrase away (openssl pkey -in KEY -out KEY.plain), put the result in its place with mode 600, and restart Traefik",
        )),
        KeyState::Missing => Some(Fault::new(
            KEY_MISSING,
            "there is no private key for it",
            "a private key beside the certificate",
            "put the private key that the certificate was requested with beside it, in PEM and with mode 600",
        )),
        KeyState::Unreadable(reason) => Some(Fault::new(
            KEY_MISSING,
            format!("the private key cannot be read: {reason}"),
            "a private key in PEM beside the certificate",
            "put the private key there again, from where it was made, in PEM and with mode 600",
        )),
    }
}

/// What is wrong with whom the chain leads to, dates aside.
pub(super) fn trust_fault(chain: &Chain, mode: CertificateMode) -> Option<Fault> {
    let lenient = mode == CertificateMode::SelfSigned;
    match &chain.end {
        ChainEnd::Trusted { .. } => chain.refusal.as_ref().map(|refusal| {
            Fault::new(
                UNTRUSTED,
                format!("clients refuse the chain: {refusal}"),
                "a chain that every TLS client accepts",
                "have the authority issue the certificate anew, for a server and with its whole chain",
            )
        }),
        ChainEnd::Unjudged => None,
        ChainEnd::SelfSigned | ChainEnd::IssuerMissing { .. } if lenient => None,
        ChainEnd::SelfSigned if chain.path.len() <= 1 => Some(Fault::new(
            SELF_SIGNED,
            "it is self-signed",
            "a certificate of an authority that clients trust",
            "get a certificate from an authority; where a self-signed one is meant, say so in a profile: [certificates] mode = \"self-signed\"",
        )),
        ChainEnd::SelfSigned => {
            let authority = chain
                .path
                .last()
                .and_then(|place| chain.certificates.get(*place))
                .map_or("", |certificate| certificate.subject.as_str());
            Some(untrusted(authority))
        }
        // A server's certificate that comes alone lacks its intermediate; one whose intermediate came leads to an unknown root.
        ChainEnd::IssuerMissing { issuer } if chain.path.len() <= 1 || chain.extras() > 0 => {
            Some(Fault::new(
                INCOMPLETE_CHAIN,
                format!("its chain is incomplete: the certificate of “{issuer}” is missing, which is no authority that the system trusts either"),
                "the server's certificate and every intermediate, in one file",
                format!("append the certificate of “{issuer}” to the file (the authority hands it out as “chain” or “intermediate”), and restart Traefik; where that is an authority of your own, add it to the system's trust store"),
            ))
        }
        ChainEnd::IssuerMissing { issuer } => Some(untrusted(issuer)),
    }
}

fn untrusted(authority: &str) -> Fault {
    Fault::new(
        UNTRUSTED,
        format!("it leads to “{authority}”, which the system does not trust"),
        "a chain to an authority that the system trusts",
        if authority.to_uppercase().contains("STAGING") {
            "this is Let's Encrypt's staging authority: remove caServer from Traefik's resolver, delete the certificate from the store, and restart Traefik".to_owned()
        } else {
            format!(
                "where “{authority}” is an authority of your own, add its certificate to the system's trust store (Debian and Ubuntu: /usr/local/share/ca-certificates, then update-ca-certificates; Red Hat: /etc/pki/ca-trust/source/anchors, then update-ca-trust); otherwise get a certificate of a public authority"
            )
        },
    )
}

/// The first key or signature of a chain that is too weak for clients.
pub(super) fn weakness(chain: &Chain, profile: &Profile) -> Option<Fault> {
    chain.needed().find_map(|certificate| {
        let limits = &profile.certificates;
        let why = match (&certificate.key, certificate.signature) {
            (PublicKey::Rsa { bits }, _) if *bits < limits.rsa_bits => {
                format!("an RSA key of {bits} bits")
            }
            (PublicKey::Ecdsa { bits }, _) if *bits < limits.ecdsa_bits => {
                format!("a key of {bits} bits on an elliptic curve")
            }
            // Who vouches for itself is trusted by being known, and not by its signature.
            (_, Signature::Md5) if !certificate.self_signed => "a signature over MD5".into(),
            (_, Signature::Sha1) if !certificate.self_signed => "a signature over SHA-1".into(),
            _ => return None,
        };
        Some(Fault::new(
            WEAK,
            format!("“{}” has {why}, which clients refuse", certificate.subject),
            format!(
                "RSA keys of {} bits or more, or keys of {} bits or more on an elliptic curve, and signatures over SHA-256 or better",
                limits.rsa_bits, limits.ecdsa_bits
            ),
            format!(
                "get a new certificate, for a new key of at least {} bits of RSA or {} bits on an elliptic curve",
                limits.rsa_bits, limits.ecdsa_bits
            ),
        ))
    })
}

/// Whether the dates of a chain are right.
pub(super) enum Dates {
    /// In date, with so many days left.
    Good {
        /// Whole days until the server's own certificate ends.
        days: i64,
    },
    /// In date, but past the time for renewal.
    Overdue {
        /// Until it ends, in words.
        left: String,
        /// The whole lifetime, in words.
        lifetime: String,
    },
    /// Out of date.
    Fault(Fault),
}

/// Holds the dates of a chain against the time to judge by.
pub(super) fn dates(chain: &Chain, profile: &Profile, now: Timestamp) -> Dates {
    let authority = match &chain.end {
        ChainEnd::Trusted {
            authority: Some(authority),
            ..
        } => Some((
            &authority.subject,
            authority.not_before,
            authority.not_after,
        )),
        _ => None,
    };
    let along = chain
        .needed()
        .map(|it| (&it.subject, it.not_before, it.not_after))
        .chain(authority);
    let of_authority = chain.needed().count();
    for (place, (subject, begin, end)) in along.enumerate() {
        let what = match place {
            0 => "it".to_owned(),
            _ => format!("the certificate of its issuer “{subject}”"),
        };
        if now < begin {
            return Dates::Fault(Fault::new(
                NOT_YET_VALID,
                format!("{what} is valid only from {} on", day(begin, now)),
                "certificates whose time has begun",
                "look at this machine's clock first (timedatectl); where it is right, wait, or get a certificate that is valid now",
            ));
        }
        if now >= end {
            return Dates::Fault(Fault::new(
                EXPIRED,
                format!("{what} expired on {}", day(end, now)),
                "certificates in date",
                if place == 0 {
                    "renew the certificate: Let's Encrypt's by restarting Traefik with port 80 open to the internet (its log says why it could not), your own by requesting a new one"
                } else if place == of_authority {
                    "update the system's authorities (Debian and Ubuntu: apt-get install --only-upgrade ca-certificates; Red Hat: yum upgrade ca-certificates), and get a certificate that leads to an authority that is in date"
                } else {
                    "get the authority's current intermediate certificates, and put them in place of the old ones"
                },
            ));
        }
    }
    chain
        .leaf()
        .map_or(Dates::Good { days: 0 }, |leaf| validity(leaf, profile, now))
}

fn validity(leaf: &Certificate, profile: &Profile, now: Timestamp) -> Dates {
    let left = leaf.not_after.as_second() - now.as_second();
    let lifetime = leaf.not_after.as_second() - leaf.not_before.as_second();
    // Seconds of a few thousand years are far within what a double counts exactly.
    #[expect(clippy::cast_precision_loss)]
    let percent_left = left as f64 / lifetime.max(1) as f64 * 100.0;
    if percent_left < profile.certificates.renewal_left_percent {
        Dates::Overdue {
            left: in_words(left),
            lifetime: in_words(lifetime),
        }
    } else {
        Dates::Good { days: left / DAY }
    }
}

/// How many seconds before its end a certificate's renewal is overdue.
pub fn renewal_due(leaf: &Certificate, profile: &Profile) -> f64 {
    let lifetime = leaf.not_after.duration_since(leaf.not_before);
    lifetime.as_secs_f64().max(0.0) * profile.certificates.renewal_left_percent / 100.0
}

const DAY: i64 = 24 * 60 * 60;

/// The day of a time; where that is today, the time of day too.
fn day(time: Timestamp, now: Timestamp) -> String {
    if date_of(time) == date_of(now) {
        time.to_string()
    } else {
        date_of(time).to_string()
    }
}

/// A span of seconds as a person would say it.
fn in_words(seconds: i64) -> String {
    // Authorities take a second off, so that nothing is ever a day too long.
    let rounded = seconds.saturating_add(60);
    let count = |units: i64, unit: &str| counted(u64::try_from(units).unwrap_or(0), unit);
    if rounded >= 2 * DAY {
        count(rounded / DAY, "day")
    } else {
        count(rounded / 3600, "hour")
    }
}
