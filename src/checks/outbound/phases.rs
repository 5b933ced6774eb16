//! How long the phases of a probe took, for monitoring and the page.

use crate::{
    checks::Measurement,
    facts::outbound::{Attempt, Connect, Handshake, HostProbe, HttpOutcome, Names},
};

/// One figure for each phase that came to an end; a phase that failed or never began has none, since a deadline is no duration.
pub fn measured<'a>(
    group: &'a str,
    probe: &'a HostProbe,
) -> impl Iterator<Item = Measurement> + 'a {
    let resolve_ms = probe.names.as_ref().and_then(resolving);
    probe.paths.iter().flat_map(move |path| {
        let [connect, tls, http] = spoken(&path.attempt);
        [
            ("resolve", resolve_ms),
            ("connect", connect),
            ("tls", tls),
            ("http", http),
        ]
        .into_iter()
        .filter_map(move |(phase, took_ms)| {
            Some(
                Measurement::milliseconds("probe_phase_seconds", took_ms?)
                    .label("group", group)
                    .label("host", &probe.host.host)
                    .label("port", probe.host.port.to_string())
                    .label("family", path.family.word())
                    .label("phase", phase),
            )
        })
    })
}

/// Both families' addresses come from one resolution; a name without any has not resolved.
fn resolving(names: &Names) -> Option<u64> {
    (!names.addresses().is_empty()).then_some(names.took_ms)
}

fn spoken(attempt: &Attempt) -> [Option<u64>; 3] {
    let connect = (attempt.connect == Connect::Open).then_some(attempt.connect_ms);
    let tls = attempt.tls.as_ref();
    let http = attempt.http.as_ref();
    [
        connect,
        tls.filter(|tls| tls.handshake == Handshake::Done)
            .map(|tls| tls.took_ms),
        http.filter(|http| matches!(http.outcome, HttpOutcome::Answered(_)))
            .map(|http| http.took_ms),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            cases::{nothing_observed, verdict},
            outbound::{SESAM, arrange::*},
        },
        facts::Facts,
    };

    fn phases(arrange: impl Fn(&mut Facts)) -> Vec<String> {
        let mut facts = nothing_observed();
        arrange(&mut facts);
        verdict(&SESAM, &facts)
            .measurements
            .iter()
            .filter(|measurement| measurement.labels["host"] == "portal.sesam.io")
            .map(|measurement| {
                assert_eq!(measurement.name, "probe_phase_seconds");
                let label = |name: &str| &measurement.labels[name];
                assert_eq!([label("group"), label("port")], ["sesam", "443"]);
                format!(
                    "{} {} {}",
                    label("family"),
                    label("phase"),
                    measurement.value
                )
            })
            .collect()
    }

    #[test]
    fn every_phase_of_both_families_is_measured_in_seconds() {
        assert_eq!(
            phases(portal(|_| {})),
            [
                "IPv4 resolve 0.002",
                "IPv4 connect 0.01",
                "IPv4 tls 0.02",
                "IPv4 http 0.03",
                "IPv6 resolve 0.002",
                "IPv6 connect 0.01",
                "IPv6 tls 0.02",
                "IPv6 http 0.03",
            ]
        );
    }

    #[test]
    fn what_did_not_come_to_an_end_has_no_duration() {
        assert_eq!(
            phases(unconnected(Connect::Silent)),
            ["IPv4 resolve 0.002", "IPv6 resolve 0.002"]
        );
        assert_eq!(
            phases(portal(|probe| {
                probe.names = None;
                probe.paths.truncate(1);
                let attempt = &mut probe.paths[0].attempt;
                attempt.http = None;
                attempt.tls.as_mut().unwrap().handshake = Handshake::Silent;
            })),
            ["IPv4 connect 0.01"]
        );
        assert_eq!(phases(unresolved(Vec::new())), Vec::<String>::new());
    }
}
