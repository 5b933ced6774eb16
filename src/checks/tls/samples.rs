//! Certificates for the tables of cases.

use jiff::Timestamp;

use crate::{
    checks::cases::NOW,
    facts::{
        Facts, FileKind, Observed,
        certificates::{
            AcmeContent, AcmeFile, Certificate, Certificates, Chain, ChainEnd, KeyState, PublicKey,
            Signature, StoredCertificate,
        },
    },
    profile::CertificateMode,
};

pub const DOMAIN: &str = "node.example.com";

/// A certificate for [`DOMAIN`] as Let's Encrypt gives one, with its key.
pub struct Sample {
    pub chain: Chain,
    pub key: KeyState,
}

impl Sample {
    /// With 60 of its 90 days left.
    pub fn good() -> Self {
        Self {
            chain: chain(),
            key: KeyState::Belongs,
        }
    }

    pub fn leaf(&mut self) -> &mut Certificate {
        &mut self.chain.certificates[0]
    }

    /// With a lifetime, and so much of it left, in hours.
    pub fn lasting(mut self, lifetime: i64, left: i64) -> Self {
        let leaf = self.leaf();
        leaf.not_after = hours_from_now(left);
        leaf.not_before = hours_from_now(left - lifetime);
        self
    }

    pub fn stored(self) -> StoredCertificate {
        StoredCertificate {
            resolver: Some("myleresolver".into()),
            main: DOMAIN.into(),
            chain: Some(self.chain),
            fault: None,
            key: self.key,
        }
    }
}

/// Its intermediate is not presented.
pub fn without_intermediate(sample: &mut Sample) {
    sample.chain.certificates.truncate(1);
    sample.chain.path = vec![0];
    sample.chain.end = ChainEnd::IssuerMissing {
        issuer: "CN=R10".into(),
    };
}

/// It was signed by nobody else.
pub fn self_signed(sample: &mut Sample) {
    sample.chain.path = vec![0];
    sample.chain.end = ChainEnd::SelfSigned;
}

pub fn hours_from_now(hours: i64) -> Timestamp {
    let now: Timestamp = NOW.parse().unwrap();
    now + jiff::SignedDuration::from_hours(hours)
}

fn certificate(subject: &str, issuer: &str) -> Certificate {
    Certificate {
        subject: subject.into(),
        issuer: issuer.into(),
        serial: "01".into(),
        sha256: format!("sha256 of {subject}"),
        not_before: hours_from_now(-30 * 24),
        not_after: hours_from_now(60 * 24),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        key: PublicKey::Rsa { bits: 2048 },
        signature: Signature::Sound,
        is_authority: false,
        self_signed: false,
    }
}

pub fn chain() -> Chain {
    let mut leaf = certificate("CN=node.example.com", "CN=R10");
    leaf.dns_names = vec![DOMAIN.into()];
    let mut intermediate = certificate("CN=R10", "CN=ISRG Root X1");
    intermediate.is_authority = true;
    intermediate.not_after = hours_from_now(500 * 24);
    Chain {
        certificates: vec![leaf, intermediate],
        path: vec![0, 1],
        end: ChainEnd::Trusted {
            authority: None,
            length: 2,
        },
        refusal: None,
    }
}

/// The facts' certificates, made where there were none.
pub fn certificates(facts: &mut Facts) -> &mut Certificates {
    if facts.certificates == Observed::NotAsked {
        facts.certificates = Observed::Seen(Certificates {
            node_domain: Some(DOMAIN.into()),
            mode: Some(CertificateMode::LetsEncrypt),
            acme: Observed::Absent,
            own: Observed::Absent,
            trust_store: Observed::Seen("/etc/ssl/certs/ca-certificates.crt".into()),
        });
    }
    let Observed::Seen(certificates) = &mut facts.certificates else {
        panic!("the certificates were made just now")
    };
    certificates
}

pub fn acme_file(content: Option<AcmeContent>) -> AcmeFile {
    AcmeFile {
        path: "/srv/data/traefik/letsencrypt/acme.json".into(),
        kind: FileKind::Regular,
        permissions: 0o600,
        content,
        fault: None,
    }
}

pub fn in_acme(facts: &mut Facts, file: AcmeFile) {
    certificates(facts).acme = Observed::Seen(file);
}

/// The chain from its wrong end.
pub fn reverse(sample: &mut Sample) {
    sample.chain.certificates.reverse();
    sample.chain.path = vec![1, 0];
}
