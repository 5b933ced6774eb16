//! One host: its name, then its ways, IPv4 and IPv6 together.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{
    causes,
    names::{difference, sinkhole, unresolved},
    trouble::Trouble,
    way::{self, Surroundings, Way},
};
use crate::{
    checks::{Item, Status},
    facts::{
        outbound::{Connect, Family, HostProbe, Names, Path},
        proxies::Scheme,
    },
};

/// The verdict on one host, in one item or one for each address family.
pub struct HostVerdict {
    /// What the finding lists.
    pub items: Vec<Item>,
    /// What to do.
    pub steps: Vec<String>,
    /// Worth knowing although it changes nothing.
    pub remarks: Vec<String>,
    /// Whether something that a firewall does keeps the host away.
    pub is_blocked_on_the_way: bool,
    /// Whether all that is wrong is this machine's clock.
    pub is_the_clock: bool,
}

/// Judges one host.
pub fn judge(around: Surroundings) -> HostVerdict {
    let name = item_name(around.probe);
    let mut verdict = HostVerdict {
        items: Vec::new(),
        steps: Vec::new(),
        remarks: Vec::new(),
        is_blocked_on_the_way: false,
        is_the_clock: true,
    };
    if let Some(trouble) = unexamined(around) {
        verdict.add(around, name, trouble);
        return verdict;
    }
    if around.probe.paths.is_empty() {
        let nobody_asked = Names::default();
        let names = around.probe.names.as_ref().unwrap_or(&nobody_asked);
        verdict.add(around, name, unresolved(around, names));
        return verdict;
    }
    judge_ways(around, &name, &mut verdict);
    if let Some(trouble) = around
        .probe
        .names
        .as_ref()
        .and_then(|names| difference(around, names))
        && verdict.items.iter().all(|item| item.status == Status::Pass)
    {
        verdict.items.clear();
        verdict.add(around, name, trouble);
    }
    verdict
}

/// What reports call a host.
pub fn item_name(probe: &HostProbe) -> String {
    match probe.host.port {
        443 => probe.host.host.clone(),
        port => format!("{}:{port}", probe.host.host),
    }
}

impl HostVerdict {
    fn add(&mut self, around: Surroundings, name: String, trouble: Trouble) {
        let item = trouble.item(name);
        let on_the_way = [
            causes::TCP_REFUSED,
            causes::TCP_TIMEOUT,
            causes::ADMIN_PROHIBITED,
            causes::NET_UNREACHABLE,
        ];
        self.is_the_clock &= trouble.is_the_clock;
        self.is_blocked_on_the_way |= on_the_way.contains(&trouble.cause);
        self.items.push(item.observed(observed(around.probe)));
        self.steps.push(trouble.advice);
    }
}

fn unexamined(around: Surroundings) -> Option<Trouble> {
    let proxy = around.probe.proxy.as_ref()?;
    if proxy.address.scheme != Scheme::Socks {
        return None;
    }
    Some(Trouble::unknown(
        causes::PROXY_UNSUPPORTED,
        format!(
            "it would be reached through {} ({}), a SOCKS proxy of a version before 5, which is not examined",
            proxy.address, proxy.source
        ),
        format!(
            "if the proxy {} speaks SOCKS 5, write socks5h:// for it in {}",
            proxy.address, proxy.source
        ),
    ))
}

fn judge_ways(around: Surroundings, name: &str, verdict: &mut HostVerdict) {
    let mut fine: Vec<&Path> = Vec::new();
    let mut routeless = Vec::new();
    let mut troubled = Vec::new();
    for path in &around.probe.paths {
        match way::judge(around, path) {
            Way::Fine => fine.push(path),
            Way::NoRoute(trouble) => routeless.push((path, trouble)),
            Way::Troubled(trouble) => {
                troubled.push((path, sinkhole(around, path).unwrap_or(trouble)));
            }
        }
    }
    if let Some(path) = fine.first() {
        let ways: Vec<&str> = fine.iter().map(|path| path.family.word()).collect();
        let item = Item::pass(name, answered(around.probe, path, &ways));
        verdict.items.push(item.observed(observed(around.probe)));
        for (path, trouble) in troubled {
            let only_half = one_family(around, path, trouble);
            verdict.add(
                around,
                format!("{name} ({})", path.family.word()),
                only_half,
            );
        }
        return;
    }
    if troubled.is_empty() {
        // No route in any family, or only in one and the name has no address there.
        for (path, trouble) in routeless.into_iter().take(1) {
            let trouble = sinkhole(around, path).unwrap_or(trouble);
            verdict.add(around, name.to_owned(), trouble);
        }
        return;
    }
    let same = troubled
        .windows(2)
        .all(|pair| matches!(pair, [(_, one), (_, other)] if one.cause == other.cause));
    if same {
        let both = troubled.len() > 1;
        for (_, mut trouble) in troubled.into_iter().take(1) {
            if both {
                trouble.summary.push_str("; the same over IPv6");
            }
            verdict.add(around, name.to_owned(), trouble);
        }
    } else {
        for (path, trouble) in troubled {
            verdict.add(around, format!("{name} ({})", path.family.word()), trouble);
        }
    }
}

/// A trouble over one address family while the other works.
fn one_family(around: Surroundings, path: &Path, trouble: Trouble) -> Trouble {
    if around.probe.proxy.is_none() && path.family == Family::V4 {
        // Containers usually have IPv4 only.
        return trouble;
    }
    if around.probe.proxy.is_none() && around.landscape.ipv6_reaches_nobody() {
        let from = path
            .attempt
            .from
            .map_or_else(|| "this machine".into(), |from| from.to_string());
        return Trouble::warn(
            causes::IPV6_BROKEN,
            format!(
                "IPv6 has addresses and a route but does not work, IPv4 does: {}",
                trouble.summary
            ),
            format!(
                "have the network team repair IPv6 from {from} (or take its default route away), since programs that prefer it wait for it on every connection"
            ),
        );
    }
    // Programs fall back to the other family, after a while.
    Trouble {
        status: Status::Warn,
        ..trouble
    }
}

fn answered(probe: &HostProbe, path: &Path, ways: &[&str]) -> String {
    let through = probe.proxy.as_ref().map_or_else(String::new, |proxy| {
        format!(" through the proxy {}", proxy.address)
    });
    format!(
        "answers over {}{through} in {} ms",
        ways.join(" and "),
        path.attempt.total_ms()
    )
}

/// What was seen of a host, for machines.
fn observed(probe: &HostProbe) -> Value {
    let paths: Vec<Value> = probe
        .paths
        .iter()
        .map(|path| {
            json!({
                "family": path.family.word(),
                "address": path.attempt.address.to_string(),
                "tries": path.tries,
                "connect_ms": path.attempt.connect_ms,
                "tls_ms": path.attempt.tls.as_ref().map(|tls| tls.took_ms),
                "http_ms": path.attempt.http.as_ref().map(|http| http.took_ms),
                "issuer": path.attempt.tls.as_ref().and_then(|tls| tls.chain.first()).map(|leaf| &leaf.issuer),
            })
        })
        .collect();
    json!({
        "resolve_ms": probe.names.as_ref().map(|names| names.took_ms),
        "proxy": probe.proxy.as_ref().map(|proxy| proxy.address.to_string()),
        "paths": paths,
    })
}

/// The way in words, with the milliseconds of each phase.
pub fn evidence(probe: &HostProbe) -> String {
    let resolve = probe
        .names
        .iter()
        .map(|names| format!("name {} ms", names.took_ms));
    let ways = probe.paths.iter().map(|path| {
        let attempt = &path.attempt;
        let connect = match attempt.connect {
            Connect::Open => "connect",
            _ => "no connection after",
        };
        // Writing to a string does not fail.
        let mut words = format!(
            "{} {}: {connect} {} ms",
            path.family.word(),
            attempt.address,
            attempt.connect_ms
        );
        if let Some(tls) = &attempt.proxy_tls {
            let _ = write!(words, ", TLS with the proxy {} ms", tls.took_ms);
        }
        if let Some(tls) = &attempt.tls {
            let _ = write!(words, ", TLS {} ms", tls.took_ms);
        }
        if let Some(http) = &attempt.http {
            let _ = write!(words, ", answer {} ms", http.took_ms);
        }
        if path.tries > 1 {
            words.push_str(", tried twice");
        }
        words
    });
    let phases: Vec<String> = resolve.chain(ways).collect();
    phases.join("; ")
}
