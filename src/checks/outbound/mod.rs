//! The hosts that the product needs: from their names to the service's own answer.

#[cfg(test)]
mod arrange;
pub mod causes;
mod group;
mod host;
mod http;
mod landscape;
mod names;
mod phases;
mod proxy;
mod proxy_hop;
mod request;
mod tls;
mod trouble;
mod way;

use crate::{
    checks::{Category, Check, Context, Judge, Judgement, Level, Prose, dns},
    facts::Source,
};

pub use proxy::PROXY;

const REFERENCE: &str = "Operator's manual, firewall: outbound";
const CHECKS: &str = "Every host of the group: its name resolves, over IPv4 and IPv6 the port opens, TLS presents a chain that this machine trusts, and one request gets an answer that only the service gives. Where the profile's users of the group have a proxy, all of it goes through that proxy. A failure that one lost packet explains is tried once more. Hosts that only certificates of Let's Encrypt need are skipped where the node serves a certificate of the customer's own or a self-signed one, as the profile (`[certificates] mode`) or the stack says.";
const REMEDY: &str = "Give the finding to whoever runs the firewall: it names the host, the address, the port, and what was seen. A wildcard in a rule may cover one label only, so the rule has to let the very hosts through that are named here.";

/// The hosts of one group of the built-in profiles.
macro_rules! group_check {
    ($name:ident, $id:literal, $title:literal, $why:literal) => {
        /// See [`Prose::checks`] in the declaration.
        pub static $name: Check = Check {
            id: concat!("outbound.", $id),
            title: $title,
            category: Category::Outbound,
            level: Level::Required,
            needs: &[&dns::RESOLVERS, &PROXY],
            reads: &[Source::Outbound, Source::Stack, Source::Certificates],
            reference: REFERENCE,
            causes: causes::ALL,
            prose: Prose {
                checks: CHECKS,
                why: $why,
                remedy: REMEDY,
            },
            mends: &[],
            judge: Judge::One(|context| group::judge(context, $id)),
        };
    };
}

group_check!(
    DOCKER,
    "docker",
    "Docker's registry can be reached",
    "Images of the node, of microservices and of the stack come from there. Without it nothing can be installed, and the service cannot update itself."
);
group_check!(
    LETSENCRYPT,
    "letsencrypt",
    "Let's Encrypt can be reached",
    "Where Let's Encrypt manages the certificates, they are neither issued nor renewed without it."
);
group_check!(
    SESAM,
    "sesam",
    "The Sesam portal can be reached",
    "Without it the portal has no data, no logs, metrics and notifications are sent, and billing breaks."
);
group_check!(
    PYPI,
    "pypi",
    "The Python package index can be reached",
    "The agent's Python dependencies come from there. Without it the agent cannot update itself."
);

/// The groups that have a check of their own.
const OWN_CHECKS: [&str; 4] = ["docker", "letsencrypt", "sesam", "pypi"];

/// Groups that a site's own profile adds.
pub static SITE_GROUPS: Check = Check {
    id: "outbound.*",
    title: "The site's own hosts can be reached",
    category: Category::Outbound,
    level: Level::Required,
    needs: &[&dns::RESOLVERS, &PROXY],
    reads: &[Source::Outbound, Source::Certificates],
    reference: "Site profile, [[outbound]]",
    causes: causes::ALL,
    prose: Prose {
        checks: CHECKS,
        why: "The site's profile says what each of its groups is needed for.",
        remedy: REMEDY,
    },
    mends: &[],
    judge: Judge::Family {
        members: site_groups,
        judge: site_group,
    },
};

fn site_groups(context: &Context) -> Vec<String> {
    context
        .profile
        .outbound
        .iter()
        .map(|group| group.id.clone())
        .filter(|id| !OWN_CHECKS.contains(&id.as_str()))
        .collect()
}

fn site_group(context: &Context, id: &str) -> Judgement {
    group::judge(context, id)
}

#[cfg(test)]
mod tests {
    use super::{LETSENCRYPT, SESAM, SITE_GROUPS, arrange::*};
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, nothing_observed, verdict, verdicts},
        },
        facts::{Facts, Observed, certificates::Certificates, outbound::Connect},
        profile::CertificateMode,
    };

    #[test]
    fn cases() {
        judge_cases(
            &SESAM,
            &[
                Case::new("well", Status::Pass, None, portal(|_| {})),
                Case::new(
                    "not observed",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
            ],
        );
    }

    /// Let's Encrypt cannot be reached, and these certificates are served.
    fn without_letsencrypt(mode: CertificateMode) -> impl Fn(&mut Facts) {
        move |facts| {
            let mut host = probe("acme-v02.api.letsencrypt.org");
            host.group = "letsencrypt".into();
            connects(&mut host.paths[0].attempt, Connect::Silent);
            facts.outbound = Observed::Seen(outbound(vec![host]));
            facts.certificates = Observed::Seen(Certificates {
                mode: Some(mode),
                ..Certificates::default()
            });
        }
    }

    #[test]
    fn letsencrypt_is_needed_for_its_own_certificates_only() {
        judge_cases(
            &LETSENCRYPT,
            &[
                Case::new(
                    "the customer's own",
                    Status::Skip,
                    None,
                    without_letsencrypt(CertificateMode::Own),
                ),
                Case::new(
                    "self-signed",
                    Status::Skip,
                    None,
                    without_letsencrypt(CertificateMode::SelfSigned),
                ),
                Case::new(
                    "Let's Encrypt's",
                    Status::Fail,
                    Some("tcp-timeout"),
                    without_letsencrypt(CertificateMode::LetsEncrypt),
                ),
            ],
        );
        for (mode, rows) in [(CertificateMode::Own, 0), (CertificateMode::LetsEncrypt, 1)] {
            for offline in [false, true] {
                let mut facts = nothing_observed();
                without_letsencrypt(mode)(&mut facts);
                facts.offline = offline;
                let asked = verdict(&LETSENCRYPT, &facts).connections;
                assert_eq!(asked.len(), rows, "{mode:?}, offline {offline}");
            }
        }
    }

    #[test]
    fn a_group_of_the_site_has_a_finding_of_its_own() {
        let mut facts = nothing_observed();
        let mut group = facts.profile.outbound[0].clone();
        group.id = "relay".into();
        facts.profile.outbound.push(group);
        let mut host = probe("relay.acme");
        host.group = "relay".into();
        facts.outbound = Observed::Seen(outbound(vec![host]));
        let found = verdicts(&SITE_GROUPS, &facts);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "relay");
        assert_eq!(found[0].1.status, Status::Pass);
    }
}
