//! `system.clock`

use jiff::SignedDuration;

use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Limit, Measurement, Mend, Prose,
        Remedy, Verdict,
    },
    facts::{
        Source,
        clock::{Clock, TimeService},
        outbound::Outbound,
    },
    profile::Network,
    units::counted,
};

const UNSYNCHRONISED: Cause = Cause::new(
    "unsynchronised",
    "the kernel says that nobody keeps its clock",
);

const OFF: Cause = Cause::new(
    "off",
    "the clock differs from the outbound hosts' own by more than the profile allows",
);
const DRIFTING: Cause = Cause::new(
    "drifting",
    "the clock differs noticeably from the outbound hosts' own",
);

/// See [`Prose::checks`] in the declaration.
pub static CLOCK: Check = Check {
    id: "system.clock",
    title: "Clock is kept",
    category: Category::System,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Clock, Source::Outbound],
    reference: "TLS and the license are judged by the machine's clock",
    causes: &[OFF, DRIFTING, UNSYNCHRONISED],
    prose: Prose {
        checks: "What the kernel itself says of its clock (`adjtimex`, asked without changing anything): synchronised, unless a time service has given up or there is none; and the `Date` that the outbound hosts gave, the middle one of all of them. More than `network.clock_warn_seconds` apart warns, more than `network.clock_off_seconds` fails.",
        why: "A clock that nobody keeps drifts by seconds a day. Once it is off far enough, certificates and the license seem expired or not yet valid, and logs of different machines cannot be laid side by side.",
        remedy: "Enable the system's time service, and let it reach a time server: `timedatectl set-ntp true`, or install chrony. On a virtual machine whose host keeps the clock, enable the service all the same: the kernel believes nobody else.",
    },
    mends: &[Mend::new(Remedy::SynchroniseClock, &[UNSYNCHRONISED])],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let offsets = context
        .facts
        .outbound()
        .seen()
        .map(Outbound::clock_offsets)
        .unwrap_or_default();
    let ahead = context.clock_ahead;
    let limits = &context.profile.network;
    let measured = ahead.map(|ahead| apart(ahead, limits));
    if let Some(ahead) = ahead.filter(|ahead| exceeds(*ahead, limits.clock_warn_seconds)) {
        let verdict = off(ahead, &offsets, exceeds(ahead, limits.clock_off_seconds));
        return Ok(measured.into_iter().fold(verdict, Verdict::measure));
    }
    let clock = context.facts.clock().seen()?;
    let kernel = clock.kernel.seen()?;
    let verdict = if kernel.is_synchronised() {
        Verdict::pass("the kernel says that its clock is synchronised")
    } else {
        unsynchronised(clock)
    };
    let verdict = verdict
        .observed(kernel.is_synchronised())
        .expected("a clock that a time service keeps")
        .evidence("kernel's clock state", kernel.state)
        .evidence("status bits", format!("{:#06x}", kernel.status))
        .evidence(
            "estimated error",
            format!("{} µs", kernel.estimated_error_us),
        )
        .evidence("largest error", format!("{} µs", kernel.maximum_error_us));
    let verdict = match ahead {
        Some(ahead) => verdict.evidence(
            "ahead of the outbound hosts",
            format!(
                "{} s, by {}",
                ahead.as_secs(),
                counted(offsets.len() as u64, "answer")
            ),
        ),
        None => verdict,
    };
    let verdict = measured.into_iter().fold(verdict, Verdict::measure);
    Ok(match clock.running.seen() {
        Ok(running) => verdict.evidence("time services that run", names(running)),
        Err(_) => verdict,
    })
}

/// A judgement of dates, which follows from this clock where the time that the outbound hosts give finds them better.
///
/// # Errors
///
/// Those of `judge`.
pub fn blaming(context: &Context, judge: fn(&Context) -> Judgement) -> Judgement {
    let verdict = judge(context)?;
    let better = |ahead| {
        let theirs = Context {
            now: context.now - ahead,
            ..*context
        };
        judge(&theirs).is_ok_and(|other| other.status < verdict.status)
    };
    Ok(if context.clock_ahead.is_some_and(better) {
        verdict.follows(&CLOCK)
    } else {
        verdict
    })
}

/// How far the clocks are apart, whichever is ahead: that is what the limits are about.
fn apart(ahead: SignedDuration, limits: &Network) -> Measurement {
    Measurement::new("clock_offset_seconds", ahead.abs().as_secs_f64())
        .warn(Limit::Above(limits.clock_warn_seconds.into()))
        .fail(Limit::Above(limits.clock_off_seconds.into()))
}

fn exceeds(offset: SignedDuration, seconds: u32) -> bool {
    offset.abs() > SignedDuration::from_secs(seconds.into())
}

fn off(ahead: SignedDuration, offsets: &[(String, SignedDuration)], is_failure: bool) -> Verdict {
    let seconds = ahead.as_secs().unsigned_abs();
    let direction = if ahead.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    let summary = format!(
        "this machine's clock is {} {direction} the time that the outbound hosts give",
        counted(seconds, "second")
    );
    let verdict = if is_failure {
        Verdict::fail(OFF, summary)
    } else {
        Verdict::warn(DRIFTING, summary)
    };
    let verdict = verdict
        .observed(ahead.as_secs())
        .expected("the time that the outbound hosts give, to within some seconds")
        .advice("set the clock and enable time synchronisation: `timedatectl set-ntp true`, or `chronyc makestep` where chrony runs; a virtual machine may get its wrong time from its host");
    offsets.iter().fold(verdict, |verdict, (host, offset)| {
        verdict.evidence(
            format!("ahead of {host}"),
            format!("{} s", offset.as_secs()),
        )
    })
}

fn unsynchronised(clock: &Clock) -> Verdict {
    let running = services(clock.running.seen().ok());
    let installed = services(clock.installed.seen().ok());
    match (running.first(), installed.first()) {
        (Some(TimeService::Chrony), _) => Verdict::warn(
            UNSYNCHRONISED,
            "chrony runs, but the kernel says that its clock is not synchronised",
        )
        .advice("see with `chronyc tracking` and `chronyc sources` whether chrony reaches a time server (123/udp), and let it")
        .advice("where chrony is content, add `rtcsync` to its configuration, so that it tells the kernel"),
        (Some(TimeService::Timesyncd), _) => Verdict::warn(
            UNSYNCHRONISED,
            "systemd-timesyncd runs, but the kernel says that its clock is not synchronised",
        )
        .advice("see with `systemctl status systemd-timesyncd` whether it reaches a time server (123/udp), and name one that it reaches in /etc/systemd/timesyncd.conf"),
        (Some(other), _) => Verdict::warn(
            UNSYNCHRONISED,
            format!("{} runs, but the kernel says that its clock is not synchronised", name(*other)),
        )
        .advice(format!("see in the log of {} why, and whether it reaches its time source", name(*other))),
        (None, Some(TimeService::Timesyncd)) => {
            none_runs().advice("enable time synchronisation: `timedatectl set-ntp true`")
        }
        (None, Some(TimeService::Chrony)) => {
            none_runs().advice("start chrony: `systemctl enable --now chronyd` (`chrony` on Ubuntu)")
        }
        (None, Some(TimeService::Ntpd)) => {
            none_runs().advice("start ntpd: `systemctl enable --now ntpd` (`ntp` on Ubuntu)")
        }
        (None, Some(other)) => {
            none_runs().advice(format!("start {}: `systemctl enable --now {0}`", name(*other)))
        }
        (None, None) => none_runs()
            .advice("install a time service, for example chrony (`apt install chrony`, `yum install chrony`), and let it reach a time server (123/udp)"),
    }
}

fn none_runs() -> Verdict {
    Verdict::warn(
        UNSYNCHRONISED,
        "the kernel says that its clock is not synchronised",
    )
}

fn services(services: Option<&Vec<TimeService>>) -> &[TimeService] {
    services.map_or(&[], Vec::as_slice)
}

fn names(services: &[TimeService]) -> String {
    if services.is_empty() {
        return "none known".into();
    }
    let names: Vec<&str> = services.iter().map(|service| name(*service)).collect();
    names.join(", ")
}

fn name(service: TimeService) -> &'static str {
    match service {
        TimeService::Timesyncd => "systemd-timesyncd",
        TimeService::Chrony => "chronyd",
        TimeService::Ntpd => "ntpd",
        TimeService::Phc2sys => "phc2sys",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, nothing_observed, verdict},
        },
        facts::{Facts, Observed, clock::KernelClock},
    };

    fn clock(
        state: i32,
        status: i32,
        running: &'static [TimeService],
        installed: &'static [TimeService],
    ) -> impl Fn(&mut Facts) {
        move |facts| {
            facts.clock = Observed::Seen(Clock {
                kernel: Observed::Seen(KernelClock {
                    state,
                    status,
                    estimated_error_us: 12,
                    maximum_error_us: 16_000_000,
                }),
                running: Observed::Seen(running.to_vec()),
                installed: Observed::Seen(installed.to_vec()),
            });
        }
    }

    fn refused(kernel: Observed<KernelClock>) -> impl Fn(&mut Facts) {
        move |facts| {
            facts.clock = Observed::Seen(Clock {
                kernel: kernel.clone(),
                ..Clock::default()
            });
        }
    }

    #[test]
    fn cases() {
        use TimeService::{Chrony, Ntpd, Timesyncd};
        let warn = Some("unsynchronised");
        judge_cases(
            &CLOCK,
            &[
                Case::new(
                    "kept",
                    Status::Pass,
                    None,
                    clock(0, 0x2001, &[Chrony], &[Chrony]),
                ),
                Case::new(
                    "a leap second is due",
                    Status::Pass,
                    None,
                    clock(1, 0x2011, &[], &[]),
                ),
                Case::new(
                    "given up",
                    Status::Warn,
                    warn,
                    clock(5, 0x2041, &[Chrony], &[Chrony]),
                ),
                Case::new(
                    "bit only",
                    Status::Warn,
                    warn,
                    clock(0, 0x40, &[Timesyncd], &[]),
                ),
                Case::new("state only", Status::Warn, warn, clock(5, 0, &[Ntpd], &[])),
                Case::new(
                    "stopped",
                    Status::Warn,
                    warn,
                    clock(5, 0x40, &[], &[Timesyncd]),
                ),
                Case::new(
                    "chrony stopped",
                    Status::Warn,
                    warn,
                    clock(5, 0x40, &[], &[Chrony]),
                ),
                Case::new(
                    "ntpd stopped",
                    Status::Warn,
                    warn,
                    clock(5, 0x40, &[], &[Ntpd]),
                ),
                Case::new("bare", Status::Warn, warn, clock(5, 0x40, &[], &[])),
                Case::new(
                    "no such value",
                    Status::Warn,
                    warn,
                    clock(i32::MIN, -1, &[], &[]),
                ),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "refused by a sandbox",
                    Status::Unknown,
                    Some("needs-root"),
                    refused(Observed::Denied(
                        "reading the kernel's clock needs root".into(),
                    )),
                ),
                Case::new(
                    "failed",
                    Status::Unknown,
                    Some("observation-failed"),
                    refused(Observed::Failed("no".into())),
                ),
            ],
        );
    }

    #[test]
    fn the_advice_is_about_what_is_there() {
        for (running, installed, word) in [
            (&[TimeService::Chrony][..], &[][..], "chronyc"),
            (&[], &[TimeService::Timesyncd], "timedatectl set-ntp true"),
            (&[], &[], "install"),
        ] {
            let mut facts = nothing_observed();
            clock(5, 0x40, running, installed)(&mut facts);
            let advice = verdict(&CLOCK, &facts).advice.join("\n");
            assert!(advice.contains(word), "{advice}");
        }
    }

    #[test]
    fn the_hosts_tell_what_time_it_is() {
        use crate::facts::outbound::{
            Attempt, Connect, Family, HostProbe, Http, HttpAnswer, HttpOutcome, Outbound, Path,
        };
        for (ahead, status, cause) in [
            (0_i64, Status::Pass, None),
            (-4, Status::Pass, None),
            (5, Status::Pass, None),
            (-5, Status::Pass, None),
            (6, Status::Warn, Some("drifting")),
            (60, Status::Warn, Some("drifting")),
            (20, Status::Warn, Some("drifting")),
            (-20, Status::Warn, Some("drifting")),
            (61, Status::Fail, Some("off")),
            (-100_000_000, Status::Fail, Some("off")),
        ] {
            let mut facts = nothing_observed();
            clock(0, 0x2001, &[], &[])(&mut facts);
            let received = facts.observed_at;
            let date = received - SignedDuration::from_secs(ahead);
            facts.outbound = Observed::Seen(Outbound {
                hosts: vec![HostProbe {
                    group: "sesam".into(),
                    host: crate::profile::OutboundHost::default(),
                    led_here: None,
                    download: None,
                    proxy: None,
                    names: None,
                    paths: vec![Path {
                        family: Family::V4,
                        tries: 1,
                        attempt: Attempt {
                            address: "203.0.113.7:443".parse().unwrap(),
                            from: None,
                            connect: Connect::Open,
                            connect_ms: 1,
                            proxy_tls: None,
                            tunnel: None,
                            tls: None,
                            http: Some(Http {
                                outcome: HttpOutcome::Answered(HttpAnswer {
                                    date: Some(date),
                                    received_at: Some(received),
                                    ..HttpAnswer::default()
                                }),
                                took_ms: 1,
                            }),
                        },
                    }],
                }],
                ..Outbound::default()
            });
            let verdict = verdict(&CLOCK, &facts);
            assert_eq!(
                (verdict.status, verdict.cause.as_deref()),
                (status, cause),
                "{ahead}"
            );
            let apart = Measurement::count("clock_offset_seconds", ahead.unsigned_abs()).value;
            assert_eq!(
                verdict.measurements,
                [Measurement::new("clock_offset_seconds", apart)
                    .warn(Limit::Above(
                        facts.profile.network.clock_warn_seconds.into()
                    ))
                    .fail(Limit::Above(facts.profile.network.clock_off_seconds.into()))]
            );
        }
    }

    /// What a judgement of dates follows from, where the machine's clock is that many hours ahead of the hosts'.
    fn blamed(hours: i64, judge: fn(&Context) -> Judgement) -> Vec<&'static str> {
        let facts = nothing_observed();
        let mut context = Context::new(&facts, &[], facts.observed_at);
        context.clock_ahead = Some(SignedDuration::from_hours(hours));
        let verdict = blaming(&context, judge).unwrap();
        verdict
            .follows
            .iter()
            .map(|followed| followed.check.id)
            .collect()
    }

    #[test]
    fn dates_that_are_right_by_the_hosts_time_follow_from_the_clock() {
        /// Ends an hour before the cases' time.
        fn ended(context: &Context) -> Judgement {
            const GONE: Cause = Cause::new("gone", "");
            let end: jiff::Timestamp = "2026-11-23T14:00:00Z".parse().unwrap();
            Ok(if context.now < end {
                Verdict::pass("still there")
            } else {
                Verdict::fail(GONE, "gone")
            })
        }
        assert_eq!(blamed(2, ended), ["system.clock"]);
        assert!(blamed(0, ended).is_empty());
        assert!(blamed(-2, ended).is_empty());
        assert!(blamed(2, |_| Ok(Verdict::pass("well"))).is_empty());
    }
}
