//! The probed name, where it leads nowhere.

use super::causes;
use crate::{
    checks::Cause,
    facts::{
        dns::ReplyCode,
        outbound::{Lookup, Names},
    },
};

/// Why a name has no address; none where it has one.
#[must_use]
pub fn trouble(host: &str, names: &Names) -> Option<(Cause, String, String)> {
    if !names.addresses().is_empty() {
        return None;
    }
    let said = |code: ReplyCode| {
        names.servers.iter().find_map(|asked| {
            let reply = asked.reply()?;
            (reply.code == code).then_some(asked.server)
        })
    };
    let zone = format!("have whoever runs the zone enter {host} with the machine's public address");
    let told = if let Some(server) = said(ReplyCode::NxDomain) {
        (
            causes::DNS_NXDOMAIN,
            format!("{server} says that the name does not exist"),
            zone,
        )
    } else if let Some(server) = said(ReplyCode::ServFail) {
        (
            causes::DNS_SERVFAIL,
            format!("{server} fails on the name"),
            format!(
                "have whoever runs the zone of {host} look at its name servers and its DNSSEC signatures"
            ),
        )
    } else if let Some(server) = said(ReplyCode::NoError) {
        (
            causes::DNS_NO_ADDRESS,
            format!("{server} knows the name, which has neither an A nor an AAAA record"),
            zone,
        )
    } else if let Some(server) = said(ReplyCode::Refused) {
        (
            causes::DNS_REFUSED,
            format!("{server} refuses to say"),
            format!(
                "look at the name servers that this machine uses: {server} does not answer for others"
            ),
        )
    } else if let Some((server, code)) = names.servers.iter().find_map(|asked| {
        let reply = asked.reply()?;
        match reply.code {
            ReplyCode::Other(code) => Some((asked.server, code)),
            _ => None,
        }
    }) {
        (
            causes::DNS_SERVFAIL,
            format!("{server} answers with code {code}"),
            format!("ask whoever runs the name server {server} why it fails on {host}"),
        )
    } else {
        let system = match &names.system {
            Lookup::Failed(how) => format!(" (programs are told: {how})"),
            _ => String::new(),
        };
        (
            causes::DNS_UNREACHABLE,
            format!("no name server answers this machine{system}"),
            "look at the name servers that this machine uses: sesam-doctor check dns.resolvers"
                .into(),
        )
    };
    Some(told)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::{
        checks::cases::{asked, hold_to_words},
        facts::dns::{Answer, Asked, Reply},
    };

    fn said(server: u8, code: ReplyCode) -> Asked {
        asked(
            &format!("10.0.0.{server}"),
            Answer::Replied(Reply {
                code,
                ..Reply::default()
            }),
        )
    }

    #[test]
    fn where_a_name_leads() {
        use ReplyCode::{NoError, NxDomain, Other, Refused, ServFail};
        let failed = || Lookup::Failed("Temporary failure in name resolution".into());
        let mut words = String::new();
        for (name, system, codes, expected) in [
            (
                "unknown to the first",
                failed(),
                &[NxDomain, ServFail][..],
                Some("dns-nxdomain"),
            ),
            (
                "unknown to the second",
                failed(),
                &[Refused, NxDomain],
                Some("dns-nxdomain"),
            ),
            (
                "failing",
                failed(),
                &[Refused, ServFail],
                Some("dns-servfail"),
            ),
            (
                "without an address",
                failed(),
                &[Refused, NoError],
                Some("dns-no-address"),
            ),
            (
                "refused",
                failed(),
                &[Refused, Other(4)],
                Some("dns-refused"),
            ),
            (
                "something else said",
                failed(),
                &[Other(4)],
                Some("dns-servfail"),
            ),
            ("nobody answers", failed(), &[], Some("dns-unreachable")),
            (
                "nobody answers in time",
                Lookup::Pending,
                &[],
                Some("dns-unreachable"),
            ),
            (
                "known",
                Lookup::Found(vec!["203.0.113.7".parse().unwrap()]),
                &[NxDomain],
                None,
            ),
        ] {
            let names = Names {
                system,
                servers: (1..)
                    .zip(codes)
                    .map(|(server, code)| said(server, *code))
                    .collect(),
                ..Names::default()
            };
            let found = trouble("node.example.com", &names);
            let cause = found.as_ref().map(|(cause, ..)| cause.code);
            assert_eq!(cause, expected, "{name}");
            if let Some((cause, summary, advice)) = found {
                writeln!(
                    words,
                    "## {name}\n{}\n  {summary}\n  > {advice}",
                    cause.code
                )
                .unwrap();
            }
        }
        hold_to_words("probe", &words);
    }
}
