//! What a probe's report says of one port.

use jiff::{SignedDuration, Timestamp};

use super::{
    door::{self, DoorVerdict, Outside},
    port::node_domain,
};
use crate::{
    checks::Context,
    facts::{Gap, Observed, probe_report::Probe},
    units::roughly,
};

/// What a report from outside says.
pub enum View<'a> {
    /// There is none.
    None,
    /// There is one that does not count; says why.
    Useless(String),
    /// It counts.
    Seen(Seen<'a>),
}

/// What was seen at one port from outside.
pub struct Seen<'a> {
    /// The report.
    pub probe: &'a Probe,
    /// Every address at which it was looked, with the verdict.
    pub doors: Vec<(String, DoorVerdict)>,
    /// How long each phase took at the addresses that opened.
    pub phases: Vec<String>,
    /// How old it is, in words.
    pub age: String,
}

impl Seen<'_> {
    /// The addresses where one gets through (or where not), with the verdicts.
    pub fn ways(&self, open: bool) -> impl Iterator<Item = &(String, DoorVerdict)> {
        self.doors
            .iter()
            .filter(move |(_, verdict)| verdict.way_is_open == Some(open))
    }

    /// Who looked, at what, and when.
    pub fn source(&self) -> String {
        format!(
            "{} looked at {} {} ago ({})",
            self.probe.from, self.probe.host, self.age, self.probe.probed_at
        )
    }
}

/// What the report that the settings name says of a port.
pub fn view<'a>(context: &Context<'a>, port: u16) -> View<'a> {
    let probe = match context.facts.probe_report() {
        Observed::Seen(probe) => probe,
        Observed::NotAsked => return View::None,
        Observed::Absent => {
            return View::Useless(
                "the probe's report that the settings name (`probe_report`) is not there".into(),
            );
        }
        other => {
            let gap = other.seen().err().unwrap_or(Gap::NotAsked);
            return View::Useless(format!("the probe's report does not count: {gap}"));
        }
    };
    if let Some(node) = other_node(context, &probe.host) {
        return View::Useless(format!(
            "the probe's report does not count: it looked at {}, and this node is {node}",
            probe.host
        ));
    }
    let age = context.now.duration_since(probe.probed_at);
    let valid_hours = context.profile.vantage.report_valid_hours;
    if age > SignedDuration::from_hours(i64::from(valid_hours)) {
        return View::Useless(format!(
            "the probe's report is {} old and does not count any more (after {}): probe again",
            roughly(age),
            roughly(SignedDuration::from_hours(i64::from(valid_hours)))
        ));
    }
    if probe.probed_at > later(context.now) {
        return View::Useless(format!(
            "the probe's report is of a time to come ({}) and does not count: look at the clocks of both machines",
            probe.probed_at
        ));
    }
    let outside = Outside {
        probe,
        profile: context.profile,
    };
    let doors: Vec<(String, DoorVerdict)> = probe
        .doors
        .iter()
        .filter(|door| door.port == port)
        .map(|door| (door::name(door), door::judge(outside, door)))
        .collect();
    if doors
        .iter()
        .all(|(_, verdict)| verdict.way_is_open.is_none())
    {
        return View::Useless(format!(
            "the probe of {} did not look at port {port}",
            probe.host
        ));
    }
    let phases = probe
        .doors
        .iter()
        .filter(|door| door.port == port)
        .filter_map(|door| Some(format!("{}: {}", door::name(door), door::phases(door)?)))
        .collect();
    View::Seen(Seen {
        probe,
        phases,
        doors,
        age: roughly(age.max(SignedDuration::ZERO)),
    })
}

/// The node's name, where the probe looked at another one. An address may be anybody's behind NAT.
fn other_node<'a>(context: &Context<'a>, host: &str) -> Option<&'a str> {
    let bare = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    let node = node_domain(context)?;
    let is_address = host
        .trim_matches(['[', ']'])
        .parse::<std::net::IpAddr>()
        .is_ok();
    (!is_address && bare(host) != bare(node)).then_some(node)
}

/// By how much two machines' clocks may differ.
fn later(now: Timestamp) -> Timestamp {
    now.checked_add(SignedDuration::from_mins(10))
        .unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, nothing_observed, verdict},
            inbound::{
                HTTP,
                samples::{door, firewall, listening, probe, probed, ufw, with},
            },
        },
        facts::{Facts, certificates::Certificates, outbound::Connect},
    };

    #[test]
    fn what_was_seen_from_outside() {
        let (four, six) = ("203.0.113.7", "2001:db8::7");
        let well = || {
            vec![
                door(four, 80, Connect::Open),
                door(four, 443, Connect::Open),
            ]
        };
        let no_route = || {
            let mut door = door(
                six,
                80,
                Connect::Unreachable {
                    by: None,
                    how: "x".into(),
                },
            );
            door.from = None;
            door
        };
        judge_cases(
            &HTTP,
            &[
                Case::new("got through", Status::Pass, None, probed(1, well())),
                Case::new(
                    "got through, hours ago",
                    Status::Pass,
                    None,
                    probed(5, well()),
                ),
                Case::new(
                    "got through, just not too long ago",
                    Status::Pass,
                    None,
                    probed(168, well()),
                ),
                Case::new(
                    "just now, by a clock that is ahead",
                    Status::Pass,
                    None,
                    |facts: &mut Facts| {
                        let door = door("203.0.113.7", 80, Connect::Open);
                        probed(0, vec![door])(facts);
                        if let Observed::Seen(probe) = &mut facts.probe_report {
                            probe.probed_at = later(probe.probed_at);
                        }
                    },
                ),
                Case::new(
                    "did not",
                    Status::Fail,
                    Some("not-reachable"),
                    probed(1, vec![door(four, 80, Connect::Silent)]),
                ),
                Case::new(
                    "did at one address",
                    Status::Warn,
                    Some("partly-reachable"),
                    probed(
                        1,
                        vec![
                            door(four, 80, Connect::Open),
                            door(six, 80, Connect::Refused),
                        ],
                    ),
                ),
                Case::new(
                    "did where it could look",
                    Status::Pass,
                    None,
                    probed(1, vec![door(four, 80, Connect::Open), no_route()]),
                ),
                Case::new(
                    "could look nowhere",
                    Status::Pass,
                    None,
                    probed(1, vec![no_route()]),
                ),
            ],
        );
    }

    #[test]
    #[allow(clippy::too_many_lines)]
    fn a_view_that_does_not_count_or_not_alone() {
        let four = "203.0.113.7";
        let well = || {
            vec![
                door(four, 80, Connect::Open),
                door(four, 443, Connect::Open),
            ]
        };
        judge_cases(
            &HTTP,
            &[
                Case::new(
                    "did not, too long ago",
                    Status::Pass,
                    None,
                    probed(169, vec![door(four, 80, Connect::Silent)]),
                ),
                Case::new(
                    "did not, in time to come",
                    Status::Pass,
                    None,
                    probed(-2, vec![door(four, 80, Connect::Silent)]),
                ),
                Case::new(
                    "looked at another port",
                    Status::Pass,
                    None,
                    probed(1, vec![door(four, 443, Connect::Silent)]),
                ),
                Case::new(
                    "got through to somebody who cannot be seen on the machine",
                    Status::Pass,
                    None,
                    move |facts: &mut Facts| {
                        listening(&[(80, "0.0.0.0", "")])(facts);
                        facts.probe_report = Observed::Seen(probe(1, well()));
                    },
                ),
                Case::new(
                    "looked at another node",
                    Status::Pass,
                    None,
                    move |facts: &mut Facts| {
                        probed(1, vec![door(four, 80, Connect::Silent)])(facts);
                        facts.certificates = Observed::Seen(Certificates {
                            node_domain: Some("other.example.com".into()),
                            ..Certificates::default()
                        });
                    },
                ),
                Case::new(
                    "looked at this node, however it is spelled",
                    Status::Fail,
                    Some("not-reachable"),
                    move |facts: &mut Facts| {
                        probed(1, vec![door(four, 80, Connect::Silent)])(facts);
                        facts.certificates = Observed::Seen(Certificates {
                            node_domain: Some("Node.example.com.".into()),
                            ..Certificates::default()
                        });
                    },
                ),
                Case::new(
                    "its report is not there",
                    Status::Pass,
                    None,
                    with(|facts| facts.probe_report = Observed::Absent),
                ),
                Case::new(
                    "its report is none",
                    Status::Pass,
                    None,
                    with(|facts| facts.probe_report = Observed::Failed("garbage".into())),
                ),
                Case::new(
                    "got through a firewall that should not let it",
                    Status::Warn,
                    Some("firewall-closed"),
                    move |facts: &mut Facts| {
                        firewall(|firewall| firewall.ufw = ufw(&[]))(facts);
                        facts.probe_report = Observed::Seen(probe(1, well()));
                    },
                ),
                Case::new(
                    "did not get through a firewall that does not let it",
                    Status::Fail,
                    Some("firewall-closed"),
                    move |facts: &mut Facts| {
                        firewall(|firewall| firewall.ufw = ufw(&[]))(facts);
                        let door = door(four, 80, Connect::Silent);
                        facts.probe_report = Observed::Seen(probe(1, vec![door]));
                    },
                ),
                Case::new(
                    "got through where the firewall could not be looked at",
                    Status::Pass,
                    None,
                    move |facts: &mut Facts| {
                        probed(1, vec![door(four, 80, Connect::Open)])(facts);
                        facts.firewall = Observed::Denied("it needs root".into());
                    },
                ),
            ],
        );
    }

    #[test]
    fn what_is_not_known_from_outside_is_said() {
        let remarks = |arrange: &dyn Fn(&mut Facts)| {
            let mut facts = nothing_observed();
            arrange(&mut facts);
            verdict(&HTTP, &facts).remarks.concat()
        };
        assert!(remarks(&listening(&[])).contains("while sesam-doctor listen runs here"));
        assert!(remarks(&with(|_| {})).contains("never seen from outside"));
        let old = probed(200, vec![door("203.0.113.7", 80, Connect::Open)]);
        assert!(remarks(&old).contains("8 days old"));
    }
}
