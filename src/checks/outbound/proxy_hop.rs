//! The proxy before a host: TLS with it where it is spoken to over TLS, and what it says to the request for a way.

use super::{
    causes,
    tls::names_of,
    trouble::{HOSTS, Trouble},
    way::Surroundings,
};
use crate::facts::{
    outbound::{Attempt, Handshake, ProxyUse, Tls, TrustVerdict, Tunnel},
    proxies::Scheme,
};

/// What is wrong with the proxy; none where there is none, and where the way is open.
pub fn judge(around: Surroundings, attempt: &Attempt) -> Option<Trouble> {
    let proxy = around.probe.proxy.as_ref()?;
    let of_tls = attempt
        .proxy_tls
        .as_ref()
        .and_then(|tls| untrusted(proxy, tls));
    of_tls.or_else(|| refused(proxy, attempt, attempt.tunnel.as_ref()?))
}

fn named(proxy: &ProxyUse) -> String {
    format!("the proxy {} ({})", proxy.address, proxy.source)
}

/// TLS with the proxy itself that does not come about, or with somebody whom this machine does not trust.
fn untrusted(proxy: &ProxyUse, tls: &Tls) -> Option<Trouble> {
    let name = named(proxy);
    let ask = format!(
        "ask whoever runs the proxy {} to look at its TLS",
        proxy.address
    );
    let (summary, advice) = match &tls.handshake {
        Handshake::Done => return distrusted(proxy, tls),
        Handshake::NotTls(how) => (
            format!("{name} is to be spoken to over TLS and does not speak it: {how}"),
            format!(
                "if it is a plain HTTP proxy, write http:// instead of https:// for it in {}",
                proxy.source
            ),
        ),
        Handshake::Silent => (
            format!(
                "{name} takes the connection, and TLS with it gets no answer within {} ms",
                tls.took_ms
            ),
            ask,
        ),
        Handshake::Version(how) => (
            format!("{name} and this machine have no version of TLS in common: {how}"),
            ask,
        ),
        Handshake::Alert(how) | Handshake::Cut(how) | Handshake::Failed(how) => {
            (format!("TLS with {name} fails: {how}"), ask)
        }
    };
    Some(Trouble::fail(causes::PROXY_ERROR, summary, advice))
}

fn distrusted(proxy: &ProxyUse, tls: &Tls) -> Option<Trouble> {
    let leaf = tls.chain.first();
    let issuer = leaf.map_or("nobody", |leaf| leaf.issuer.as_str());
    let install = format!(", or install the authority that issued it (“{issuer}”) on this machine");
    let clock = ", and look whether this machine's clock is right (timedatectl)".to_owned();
    let (why, other_way) = match tls.trust.as_ref()? {
        TrustVerdict::Trusted => return None,
        TrustVerdict::UnknownIssuer => (
            format!("nobody whom this machine trusts issued it, but “{issuer}”"),
            install,
        ),
        TrustVerdict::WrongName => {
            let names = leaf.map_or_else(|| "nobody".into(), names_of);
            let host = &proxy.address.host;
            (format!("it is for {names}, not for {host}"), String::new())
        }
        TrustVerdict::Expired => ("it has expired".into(), clock),
        TrustVerdict::NotYetValid => ("it is not valid yet".into(), clock),
        TrustVerdict::Otherwise(how) => (how.clone(), install),
    };
    Some(Trouble::fail(
        causes::PROXY_ERROR,
        format!(
            "{} is spoken to over TLS, and its own certificate is not trusted: {why}",
            named(proxy)
        ),
        format!(
            "have the proxy {} present a certificate that is valid for {}{other_way}",
            proxy.address, proxy.address.host
        ),
    ))
}

fn login(proxy: &ProxyUse, is_set: bool, detail: &str) -> Trouble {
    let (seen, todo) = if is_set {
        (
            "refuses the login that is set for it",
            "correct the name and password",
        )
    } else {
        (
            "asks for a login and none is set",
            "set a name and password",
        )
    };
    Trouble::fail(
        causes::PROXY_AUTH,
        format!("{} {seen}{detail}", named(proxy)),
        format!(
            "{todo} for the proxy {} in {} (and wherever else it is configured), or ask the network team to let this machine through without one",
            proxy.address, proxy.source
        ),
    )
}

fn cannot_connect(proxy: &ProxyUse) -> String {
    format!(
        "ask whoever runs the proxy {} why it cannot connect to {HOSTS}: its own name servers or firewall may stand in the way",
        proxy.address
    )
}

fn no_answer(proxy: &ProxyUse) -> String {
    format!(
        "ask whoever runs the proxy {} why it does not answer the request for a way to {HOSTS}",
        proxy.address
    )
}

fn refused(proxy: &ProxyUse, attempt: &Attempt, tunnel: &Tunnel) -> Option<Trouble> {
    let name = named(proxy);
    let host = HOSTS;
    let trouble = match tunnel {
        Tunnel::Open => return None,
        Tunnel::Refused {
            status: 407,
            headers,
            ..
        } => {
            let wanted = headers
                .get("proxy-authenticate")
                .map_or_else(String::new, |header| format!(", it wants “{header}”"));
            login(proxy, proxy.address.has_login, &format!(" (407{wanted})"))
        }
        Tunnel::Refused {
            status: 403,
            headers,
            ..
        } => Trouble::fail(
            causes::PROXY_FORBIDDEN,
            format!("{name} forbids the connection (403{})", detail(headers)),
            format!(
                "ask whoever runs the proxy {} to allow CONNECT to {host}",
                proxy.address
            ),
        ),
        Tunnel::LoginWanted => login(proxy, false, ""),
        Tunnel::LoginRefused => login(proxy, true, ""),
        Tunnel::Forbidden => Trouble::fail(
            causes::PROXY_FORBIDDEN,
            format!("{name} forbids the connection by its rules"),
            format!(
                "ask whoever runs the proxy {} to allow {host}",
                proxy.address
            ),
        ),
        Tunnel::NoWay { how } => Trouble::fail(
            causes::PROXY_ERROR,
            format!("{name} finds no way to the host: {how}"),
            cannot_connect(proxy),
        ),
        Tunnel::Refused {
            status,
            reason,
            headers,
        } => Trouble::fail(
            causes::PROXY_ERROR,
            format!("{name} answers {status} {reason}{}", detail(headers)),
            cannot_connect(proxy),
        ),
        Tunnel::Silent => Trouble::fail(
            causes::PROXY_ERROR,
            format!(
                "{name} takes the connection ({} ms) and never answers the request for a way",
                attempt.connect_ms
            ),
            if proxy.address.scheme == Scheme::Socks5 {
                format!(
                    "check that {} is a SOCKS 5 proxy at all (for an HTTP proxy write http:// in {}); if it is, {}",
                    proxy.address,
                    proxy.source,
                    no_answer(proxy)
                )
            } else {
                no_answer(proxy)
            },
        ),
        Tunnel::Cut { how } => Trouble::fail(
            causes::PROXY_ERROR,
            format!("{name} takes the connection and ends it without an answer: {how}"),
            no_answer(proxy),
        ),
        Tunnel::NotHttp { what } => Trouble::fail(
            causes::PROXY_ERROR,
            format!("{name} answers something that is no HTTP: {what}"),
            format!(
                "check that {} is an HTTP proxy; what answers there speaks something else",
                proxy.address
            ),
        ),
        Tunnel::NotSocks { what } => Trouble::fail(
            causes::PROXY_ERROR,
            format!("{name} answers something that is not SOCKS 5: {what}"),
            format!(
                "check that {} is a SOCKS 5 proxy; what answers there speaks something else (for an HTTP proxy write http:// in {})",
                proxy.address, proxy.source
            ),
        ),
        Tunnel::Unsupported { what } => Trouble::unknown(
            causes::PROXY_UNSUPPORTED,
            format!("{name} is of a kind that is not examined: {what}"),
            format!(
                "name an HTTP or SOCKS 5 proxy in {}, or see by hand that {} opens a way to {HOSTS}",
                proxy.source, proxy.address
            ),
        ),
    };
    Some(trouble)
}

fn detail(headers: &std::collections::BTreeMap<String, String>) -> String {
    ["x-squid-error", "proxy-status", "server", "via"]
        .iter()
        .find_map(|name| headers.get(*name))
        .map_or_else(String::new, |value| format!(", {value}"))
}
