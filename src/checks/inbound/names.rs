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
