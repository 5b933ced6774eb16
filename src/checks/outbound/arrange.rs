//! Facts for the cases of this folder: two hosts on which all is well, and what is the matter with them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::net::{IpAddr, SocketAddr};

use crate::{
    checks::{
        Status,
        cases::{Case, asked},
    },
    facts::{
        Facts, Observed,
        dns::{Answer, Asked, Reply, ReplyCode},
        outbound::{
            Attempt, Certificate, Connect, Family, Handshake, HostProbe, Http, HttpAnswer,
            HttpOutcome, Lookup, Names, Outbound, Path, ProxyUse, Tls, TrustNote, TrustVerdict,
            Tunnel,
        },
        proxies::{Proxies, ProxyAddress, Scheme},
    },
    profile::OutboundHost,
};

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A way to a host on which all is well.
pub fn well(address: &str) -> Path {
    let address = ip(address);
    Path {
        family: Family::of(address),
        tries: 1,
        attempt: Attempt {
            address: SocketAddr::new(address, 443),
            from: Some(ip("198.51.100.7")),
            connect: Connect::Open,
            connect_ms: 10,
            proxy_tls: None,
            tunnel: None,
            tls: Some(Tls {
                handshake: Handshake::Done,
                chain: vec![Certificate {
                    subject: "CN=portal.sesam.io".into(),
                    issuer: "CN=Somebody".into(),
                    ..Certificate::default()
                }],
                trust: Some(TrustVerdict::Trusted),
                organization_is_trusted: false,
                version: Some("TLS 1.3".into()),
                took_ms: 20,
            }),
            http: Some(Http {
                outcome: HttpOutcome::Answered(HttpAnswer {
                    status: 200,
                    ..HttpAnswer::default()
                }),
                took_ms: 30,
            }),
        },
    }
}

pub fn said(code: ReplyCode, addresses: &[&str]) -> Asked {
    asked(
        "10.0.0.1",
        Answer::Replied(Reply {
            code,
            addresses: addresses.iter().map(|address| ip(address)).collect(),
            ..Reply::default()
        }),
    )
}

pub fn probe(name: &str) -> HostProbe {
    HostProbe {
        group: "sesam".into(),
        host: OutboundHost {
            host: name.into(),
            why: "the portal".into(),
            ..OutboundHost::default()
        },
        led_here: None,
        download: None,
        proxy: None,
        names: Some(Names {
            system: Lookup::Found(vec![ip("203.0.113.50")]),
            servers: vec![said(ReplyCode::NoError, &["203.0.113.50"])],
            took_ms: 2,
            ..Names::default()
        }),
        paths: vec![well("203.0.113.50"), well("2001:db8::50")],
    }
}

pub fn outbound(hosts: Vec<HostProbe>) -> Outbound {
    Outbound {
        hosts,
        trust: TrustNote {
            authorities: 140,
            ..TrustNote::default()
        },
        ..Outbound::default()
    }
}

/// What was seen of the hosts.
pub fn seen(facts: &mut Facts) -> &mut Outbound {
    match &mut facts.outbound {
        Observed::Seen(outbound) => outbound,
        _ => panic!("not seen"),
    }
}

/// Facts in which one host is as `change` makes it and another is well.
pub fn portal(change: impl Fn(&mut HostProbe) + 'static) -> impl Fn(&mut Facts) {
    move |facts| {
        let mut troubled = probe("portal.sesam.io");
        change(&mut troubled);
        facts.outbound = Observed::Seen(outbound(vec![troubled, probe("downloads.sesam.io")]));
        facts.proxies = Observed::Seen(Proxies::default());
    }
}

/// Nothing that comes after connecting.
pub fn connects(attempt: &mut Attempt, connect: Connect) {
    attempt.connect = connect;
    attempt.tls = None;
    attempt.http = None;
}

/// The same over both address families.
pub fn ways(change: impl Fn(&mut Attempt) + 'static) -> impl Fn(&mut Facts) {
    portal(move |probe| {
        for path in &mut probe.paths {
            change(&mut path.attempt);
        }
    })
}

pub fn unconnected(connect: Connect) -> impl Fn(&mut Facts) {
    ways(move |attempt| connects(attempt, connect.clone()))
}

pub fn handshake(handshake: Handshake) -> impl Fn(&mut Facts) {
    ways(move |attempt| {
        attempt.http = None;
        attempt.tls.as_mut().unwrap().handshake = handshake.clone();
    })
}

pub fn trust(trust: TrustVerdict) -> impl Fn(&mut Facts) {
    ways(move |attempt| attempt.tls.as_mut().unwrap().trust = Some(trust.clone()))
}

pub fn answer(change: impl Fn(&mut HttpAnswer) + 'static) -> impl Fn(&mut Facts) {
    ways(move |attempt| {
        let HttpOutcome::Answered(answer) = &mut attempt.http.as_mut().unwrap().outcome else {
            panic!("no answer");
        };
        change(answer);
    })
}

pub fn unresolved(asked: Vec<Asked>) -> impl Fn(&mut Facts) {
    portal(move |probe| {
        probe.paths.clear();
        probe.names = Some(Names {
            system: Lookup::Failed("Name or service not known".into()),
            servers: asked.clone(),
            ..Names::default()
        });
    })
}

pub fn through_proxy(tunnel: Option<Tunnel>, connect: Connect) -> impl Fn(&mut Facts) {
    move |facts| {
        let mut hosts = vec![probe("portal.sesam.io"), probe("downloads.sesam.io")];
        for probe in &mut hosts {
            probe.proxy = Some(ProxyUse {
                address: ProxyAddress {
                    scheme: Scheme::Http,
                    host: "proxy.acme".into(),
                    port: 3128,
                    has_login: false,
                },
                source: "the environment".into(),
            });
            for path in &mut probe.paths {
                match &tunnel {
                    Some(Tunnel::Open) => path.attempt.connect = connect.clone(),
                    _ => connects(&mut path.attempt, connect.clone()),
                }
                path.attempt.tunnel.clone_from(&tunnel);
            }
        }
        facts.outbound = Observed::Seen(outbound(hosts));
        facts.proxies = Observed::Seen(Proxies::default());
    }
}

/// Through a proxy of a kind that is not examined.
pub fn old_socks(facts: &mut Facts) {
    through_proxy(None, Connect::Open)(facts);
    for probe in &mut seen(facts).hosts {
        probe.proxy.as_mut().unwrap().address.scheme = Scheme::Socks;
        probe.paths.clear();
    }
}

/// Through a proxy that is itself spoken to over TLS.
pub fn over_tls(handshake: Handshake, trust: TrustVerdict) -> impl Fn(&mut Facts) {
    move |facts| {
        let is_well = handshake == Handshake::Done && trust == TrustVerdict::Trusted;
        through_proxy(is_well.then_some(Tunnel::Open), Connect::Open)(facts);
        for probe in &mut seen(facts).hosts {
            probe.proxy.as_mut().unwrap().address.scheme = Scheme::Https;
            for path in &mut probe.paths {
                let mut tls = well("203.0.113.40").attempt.tls.unwrap();
                tls.handshake = handshake.clone();
                tls.trust = Some(trust.clone());
                path.attempt.proxy_tls = Some(tls);
            }
        }
    }
}

pub fn refused(status: u16) -> Tunnel {
    Tunnel::Refused {
        status,
        reason: "No".into(),
        headers: std::collections::BTreeMap::new(),
    }
}

pub fn fail(
    name: &'static str,
    cause: &'static str,
    arrange: impl Fn(&mut Facts) + 'static,
) -> Case {
    Case::new(name, Status::Fail, Some(cause), arrange)
}

pub fn warn(
    name: &'static str,
    cause: &'static str,
    arrange: impl Fn(&mut Facts) + 'static,
) -> Case {
    Case::new(name, Status::Warn, Some(cause), arrange)
}
