//! `NO_PROXY`: which hosts are reached without the proxy.

use std::net::IpAddr;

use ipnet::IpNet;

/// Whether `host` on `port` is reached without a proxy. Names match with their subdomains, as Go and curl have it;
/// `.example.com` and `*.example.com` match the subdomains, addresses match themselves and networks their members.
#[must_use]
pub fn is_excepted(exceptions: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    exceptions
        .split([',', ' ', '\t', '\n'])
        .map(str::trim)
        .filter(|exception| !exception.is_empty())
        .any(|exception| matches(&exception.to_ascii_lowercase(), &host, address, port))
}

fn matches(exception: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if exception == "*" {
        return true;
    }
    if let Ok(network) = exception.parse::<IpNet>() {
        return address.is_some_and(|address| network.contains(&address));
    }
    let (name, wanted_port) = split_port(exception);
    if wanted_port.is_some_and(|wanted| wanted != port) {
        return false;
    }
    if let Ok(known) = name.parse::<IpAddr>() {
        return address == Some(known);
    }
    let name = name.trim_end_matches('.');
    let subdomains = name.strip_prefix("*.").or_else(|| name.strip_prefix('.'));
    match subdomains {
        Some(parent) => is_below(host, parent),
        None => host == name || is_below(host, name),
    }
}

fn is_below(host: &str, parent: &str) -> bool {
    !parent.is_empty()
        && host
            .strip_suffix(parent)
            .is_some_and(|rest| rest.ends_with('.'))
}

fn split_port(exception: &str) -> (&str, Option<u16>) {
    if let Some(rest) = exception.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((address, after)) => (
                address,
                after.strip_prefix(':').and_then(|port| port.parse().ok()),
            ),
            None => (rest, None),
        };
    }
    match exception.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (exception, None),
        },
        _ => (exception, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exceptions_match_as_go_and_curl_have_them() {
        for (exceptions, host, excepted) in [
            ("", "portal.sesam.io", false),
            ("*", "portal.sesam.io", true),
            ("sesam.io", "portal.sesam.io", true),
            ("sesam.io", "sesam.io", true),
            ("sesam.io", "notsesam.io", false),
            (".sesam.io", "portal.sesam.io", true),
            (".sesam.io", "sesam.io", false),
            ("*.sesam.io", "portal.sesam.io", true),
            ("localhost, 127.0.0.1,SESAM.IO", "portal.sesam.io", true),
            ("localhost 10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("2001:db8::/32", "2001:db8::1", true),
            ("10.0.0.5", "10.0.0.5", true),
            ("sesam.io:443", "portal.sesam.io", true),
            ("sesam.io:8443", "portal.sesam.io", false),
            ("[2001:db8::1]:443", "2001:db8::1", true),
        ] {
            assert_eq!(
                is_excepted(exceptions, host, 443),
                excepted,
                "{exceptions} {host}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(exceptions in ".*", host in ".*", port: u16) {
            let _ = is_excepted(&exceptions, &host, port);
        }
    }
}
