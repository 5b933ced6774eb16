//! What a look at a host amounts to: an answer that can be trusted, or why there is none, in words.

use std::collections::BTreeMap;

use super::Trouble;
use crate::facts::outbound::{
    Attempt, Connect, Handshake, HostProbe, HttpOutcome, TrustVerdict, Tunnel,
};

/// An answer of a host that this machine trusts.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Who answered.
    pub host: String,
    /// The HTTP status.
    pub status: u16,
    /// Some headers, by their lower-case names.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// The answer, where a trusted one came.
pub(super) fn answer(probe: &HostProbe, body: Vec<u8>) -> Result<Answer, Trouble> {
    let host = probe.host.host.clone();
    let no_way = |how: String| {
        Err(Trouble::NoWay {
            how: format!("{host}: {how}"),
        })
    };
    let answered = probe
        .paths
        .iter()
        .find(|path| path.attempt.got_an_answer())
        .or(probe.paths.first());
    let Some(path) = answered else {
        return no_way(without_address(probe));
    };
    let attempt = &path.attempt;
    let trust = attempt.tls.as_ref().and_then(|tls| tls.trust.as_ref());
    if let Some(trust) = trust
        && *trust != TrustVerdict::Trusted
    {
        return Err(Trouble::Untrusted {
            how: format!("{host}: {}", distrust(trust)),
        });
    }
    match attempt.http.as_ref().map(|http| &http.outcome) {
        Some(HttpOutcome::Answered(answer)) => Ok(Answer {
            host,
            status: answer.status,
            headers: answer.headers.clone(),
            body,
        }),
        Some(HttpOutcome::Silent) => no_way("it took the question and did not answer".into()),
        Some(HttpOutcome::Cut(_)) => no_way("it closed the connection without an answer".into()),
        Some(HttpOutcome::NotHttp(_)) => Err(Trouble::Unexpected {
            how: format!("{host} answers what is no HTTP"),
        }),
        None => no_way(unconnected(attempt)),
    }
}

fn without_address(probe: &HostProbe) -> String {
    match &probe.proxy {
        Some(proxy) => format!(
            "the proxy {} ({}) is of a kind that is not used here, or its name does not resolve",
            proxy.address, proxy.source
        ),
        None => "its name does not resolve".into(),
    }
}

fn unconnected(attempt: &Attempt) -> String {
    let address = attempt.address;
    match &attempt.connect {
        Connect::Refused => return format!("{address} refuses the connection"),
        Connect::Silent => return format!("{address} did not answer in time"),
        Connect::Filtered { how, .. }
        | Connect::Unreachable { how, .. }
        | Connect::Failed { how } => return format!("{address} cannot be reached: {how}"),
        Connect::Open => {}
    }
    match &attempt.tunnel {
        None | Some(Tunnel::Open) => {}
        Some(Tunnel::Refused { status, .. }) => {
            return format!("the proxy {address} refuses the way there ({status})");
        }
        Some(_) => return format!("the proxy {address} gives no usable answer"),
    }
    match attempt.tls.as_ref().map(|tls| &tls.handshake) {
        Some(Handshake::Silent) => format!("{address} stopped answering within TLS"),
        Some(Handshake::Cut(_)) => format!("{address} cut the connection within TLS"),
        Some(Handshake::NotTls(_)) => format!("{address} does not speak TLS"),
        Some(Handshake::Version(how) | Handshake::Alert(how) | Handshake::Failed(how)) => {
            format!("{address} ended TLS: {how}")
        }
        Some(Handshake::Done) | None => format!("{address} did not answer in time"),
    }
}

fn distrust(trust: &TrustVerdict) -> String {
    match trust {
        TrustVerdict::Trusted => "its certificate is trusted".into(),
        TrustVerdict::UnknownIssuer => {
            "its certificate is signed by an authority that this machine does not trust".into()
        }
        TrustVerdict::WrongName => "its certificate is for other names".into(),
        TrustVerdict::Expired => "its certificate has expired".into(),
        TrustVerdict::NotYetValid => "its certificate is not valid yet".into(),
        TrustVerdict::Otherwise(how) => how.clone(),
    }
}
