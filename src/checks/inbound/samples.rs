//! Facts for the cases of the inbound checks.
#![allow(clippy::unwrap_used)]

use crate::{
    checks::cases::NOW,
    facts::{
        Facts, Observed,
        firewall::{
            Firewall, Firewalld, FirewalldSource, InputChain, PortRange, RuleSet, Ufw, UfwAction,
            UfwFamily, UfwRule, Zone,
        },
        listeners::{Holder, Listener, Listeners},
        outbound::{
            Certificate, Connect, Handshake, Http, HttpAnswer, HttpOutcome, Tls, TrustNote,
            TrustVerdict,
        },
        probe_report::{Door, Probe, Purpose, Redirects, Visit},
    },
    profile::{CertificateMode, Speaks},
};

/// A machine without a firewall, on which these listen (port, address, command).
pub fn listening(sockets: &[(u16, &str, &str)]) -> impl Fn(&mut Facts) + use<> {
    let sockets: Vec<Listener> = sockets
        .iter()
        .map(|(port, address, command)| Listener {
            port: *port,
            address: address.parse().unwrap(),
            holder: (!command.is_empty()).then(|| Holder {
                pid: 4711,
                command: (*command).to_owned(),
                ..Holder::default()
            }),
        })
        .collect();
    move |facts| {
        facts.listeners = Observed::Seen(Listeners {
            sockets: sockets.clone(),
            processes_hidden: false,
        });
        facts.firewall = Observed::Seen(Firewall {
            ufw: Observed::Absent,
            firewalld: Observed::Absent,
            rule_set: Observed::Absent,
        });
    }
}

/// A machine on which Traefik listens, with this change.
pub fn with(change: impl Fn(&mut Facts) + 'static) -> impl Fn(&mut Facts) {
    let listening = listening(&[(80, "0.0.0.0", "traefik"), (443, "::", "traefik")]);
    move |facts| {
        listening(facts);
        change(facts);
    }
}

/// Changes what was seen of the firewall.
pub fn firewall(change: impl Fn(&mut Firewall) + 'static) -> impl Fn(&mut Facts) {
    with(move |facts| {
        if let Observed::Seen(firewall) = &mut facts.firewall {
            change(firewall);
        }
    })
}

/// ufw is enabled and has these rules for both versions of IP: action, first and last port, source.
pub fn ufw(rules: &[(UfwAction, u16, u16, &str)]) -> Observed<Ufw> {
    Observed::Seen(Ufw {
        enabled: true,
        lets_in_by_default: false,
        filters_ipv6: true,
        rules: Observed::Seen(
            [UfwFamily::V4, UfwFamily::V6]
                .iter()
                .flat_map(|family| rules.iter().map(move |rule| (family, rule)))
                .map(|(family, (action, first, last, from))| UfwRule {
                    family: *family,
                    action: *action,
                    protocol: "tcp".into(),
                    ports: vec![PortRange {
                        first: *first,
                        last: *last,
                    }],
                    from: (!from.is_empty()).then(|| (*from).to_owned()),
                    to: None,
                    interface: None,
                })
                .collect(),
        ),
    })
}

/// firewalld runs with these zones: name, first and last port, rich rules.
pub fn firewalld(zones: &[(&str, u16, u16, usize)]) -> Observed<Firewalld> {
    Observed::Seen(Firewalld {
        zones: zones
            .iter()
            .map(|(name, first, last, rich_rules)| Zone {
                name: (*name).to_owned(),
                tcp_ports: vec![PortRange {
                    first: *first,
                    last: *last,
                }],
                rich_rules: *rich_rules,
                ..Zone::default()
            })
            .collect(),
        learned_from: FirewalldSource::Daemon,
    })
}

/// A packet filter that drops what no rule speaks of.
pub fn own_rules() -> Observed<RuleSet> {
    Observed::Seen(RuleSet {
        input_chains: vec![InputChain {
            table: "inet filter".into(),
            chain: "input".into(),
            drops_by_default: true,
        }],
        has_docker_chains: false,
    })
}

/// Certificates that are not Let's Encrypt's.
pub fn mode(mode: CertificateMode) -> impl Fn(&mut Facts) {
    with(move |facts| facts.profile.certificates.mode = Some(mode))
}

/// A probe that found these doors, so many hours before judging.
pub fn probed(hours_ago: i64, doors: Vec<Door>) -> impl Fn(&mut Facts) {
    with(move |facts| facts.probe_report = Observed::Seen(probe(hours_ago, doors.clone())))
}

/// A probe that found these doors, so many hours before judging.
pub fn probe(hours_ago: i64, doors: Vec<Door>) -> Probe {
    let now: jiff::Timestamp = NOW.parse().unwrap();
    Probe {
        host: "node.example.com".into(),
        from: "outside".into(),
        probed_at: now
            .checked_sub(jiff::SignedDuration::from_hours(hours_ago))
            .unwrap(),
        names: None,
        trust: TrustNote {
            authorities: 140,
            ..TrustNote::default()
        },
        has_token: false,
        doors,
    }
}

/// A door through which nobody gets, or everybody.
pub fn door(address: &str, port: u16, connect: Connect) -> Door {
    let address: std::net::IpAddr = address.parse().unwrap();
    let speaks = if port == 443 {
        Speaks::Https
    } else {
        Speaks::Http
    };
    let is_open = connect == Connect::Open;
    let mut door = Door {
        address,
        port,
        speaks,
        from: Some("198.51.100.1".parse().unwrap()),
        tries: 1,
        connect,
        connect_ms: 12,
        tls: None,
        visits: Vec::new(),
    };
    if is_open && speaks == Speaks::Https {
        door.tls = Some(trusted());
        door.visits = vec![visit(Purpose::Api, 200, "pong")];
    }
    if is_open && speaks == Speaks::Http {
        let mut front = visit(Purpose::Front, 301, "");
        front.redirects.followed = vec!["https://node.example.com/".into()];
        let mut challenge = visit(Purpose::Challenge, 404, "404 page not found");
        challenge.redirects.followed = vec!["https://node.example.com/x".into()];
        door.visits = vec![front, challenge];
    }
    door
}

/// A handshake with a trusted certificate.
pub fn trusted() -> Tls {
    Tls {
        handshake: Handshake::Done,
        chain: vec![Certificate {
            subject: "CN=node.example.com".into(),
            issuer: "O=Let's Encrypt, CN=R11".into(),
            names: vec!["node.example.com".into()],
            ..Certificate::default()
        }],
        trust: Some(TrustVerdict::Trusted),
        organization_is_trusted: true,
        version: Some("TLS 1.3".into()),
        took_ms: 20,
    }
}

/// A request and its answer.
pub fn visit(purpose: Purpose, status: u16, text: &str) -> Visit {
    Visit {
        purpose,
        redirects: Redirects::default(),
        http: Http {
            outcome: HttpOutcome::Answered(HttpAnswer {
                status,
                text: Some(text.to_owned()),
                ..HttpAnswer::default()
            }),
            took_ms: 5,
        },
        doctor: None,
    }
}
