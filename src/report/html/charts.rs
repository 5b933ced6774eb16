//! The few things that are better seen than read, as bars beside their figures.

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;

use crate::{
    checks::{Limit, Measurement, Status},
    report::{Finding, Report, Situation},
    units::{Bytes, counted},
};

/// More bars than this are no picture any more.
const MOST_BARS: usize = 24;

/// What the names of times until an expiry end in.
const REMAINING: &str = "_remaining_seconds";

/// The name of the time that a phase of a probe took.
pub(super) const PHASE: &str = "probe_phase_seconds";

/// The units that names end in.
const UNITS: [&str; 4] = ["_bytes", "_seconds", "_ratio", "_celsius"];

/// The phases of a probe in their order.
const PHASES: [&str; 4] = ["resolve", "connect", "tls", "http"];

/// Bars under a heading.
#[derive(Serialize)]
pub(super) struct Chart {
    title: &'static str,
    bars: Vec<Bar>,
    /// How many bars were left out.
    left_out: usize,
}

/// One bar: where its parts begin and how wide they are, in percent of the whole.
#[derive(Serialize)]
struct Bar {
    label: String,
    words: String,
    parts: Vec<Part>,
    marks: Vec<String>,
}

#[derive(Serialize)]
struct Part {
    slug: &'static str,
    from: String,
    width: String,
}

impl Chart {
    fn of(title: &'static str, mut bars: Vec<Bar>) -> Option<Self> {
        let left_out = bars.len().saturating_sub(MOST_BARS);
        bars.truncate(MOST_BARS);
        (!bars.is_empty()).then_some(Self {
            title,
            bars,
            left_out,
        })
    }
}

type Measured<'a> = (&'a Finding, &'a Measurement);

fn measured(report: &Report) -> impl Iterator<Item = Measured<'_>> {
    report.findings.iter().flat_map(|finding| {
        finding
            .measurements
            .iter()
            .filter(|measurement| measurement.value.is_finite())
            .map(move |measurement| (finding, measurement))
    })
}

/// What is measured against a requirement, and how long probes took.
pub(super) fn requirements(report: &Report) -> Vec<Chart> {
    let against = |below: bool| {
        measured(report)
            .filter(|(_, measurement)| !measurement.name.ends_with(REMAINING))
            .filter(|(_, measurement)| match limits(measurement).next() {
                Some(Limit::Below(_)) => below,
                Some(Limit::Above(_)) => !below,
                None => false,
            })
            .map(against_limits)
            .collect()
    };
    [
        Chart::of("Against the requirement: longer is better", against(true)),
        Chart::of("Against the limit: shorter is better", against(false)),
        Chart::of(
            "How long the probes took, the slowest first",
            phases(report),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What expires when, the soonest first.
pub(super) fn timeline(report: &Report) -> Option<Chart> {
    let mut expiries: Vec<Measured> = measured(report)
        .filter(|(_, measurement)| measurement.name.ends_with(REMAINING))
        .collect();
    expiries.sort_by(|(_, one), (_, other)| one.value.total_cmp(&other.value));
    let longest = expiries
        .iter()
        .flat_map(|(_, measurement)| {
            limits(measurement)
                .map(Limit::value)
                .chain([measurement.value])
        })
        .fold(0.0, f64::max);
    let bars = expiries
        .into_iter()
        .map(|(finding, measurement)| Bar {
            label: named(measurement),
            words: expiry(report, measurement.value),
            parts: vec![part(slug(finding), 0.0, measurement.value, longest)],
            marks: marks(measurement, longest),
        })
        .collect();
    Chart::of(
        "What expires when, from the day of the judgement; the marks are thresholds",
        bars,
    )
}

fn expiry(report: &Report, seconds: f64) -> String {
    const DAY: f64 = 86_400.0;
    let date = jiff::SignedDuration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|distance| report.judged_as_of.checked_add(distance).ok())
        .map_or_else(
            || "out of the calendar".to_owned(),
            |time| time.strftime("%Y-%m-%d").to_string(),
        );
    // Days are shown whole; a saturating cast is what is wanted.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let days = counted((seconds.abs() / DAY) as u64, "day");
    if seconds < 0.0 {
        format!("expired on {date}, {days} ago")
    } else {
        format!("{date}, in {days}")
    }
}

fn against_limits((finding, measurement): Measured) -> Bar {
    let longest = limits(measurement)
        .map(Limit::value)
        .chain([measurement.value])
        .fold(0.0, f64::max)
        * 1.1;
    let mut words = quantity(&measurement.name, measurement.value);
    for (what, limit) in [("warns", measurement.warn), ("fails", measurement.fail)] {
        let (side, value) = match limit {
            Some(Limit::Below(value)) => ("below", value),
            Some(Limit::Above(value)) => ("above", value),
            None => continue,
        };
        let threshold = quantity(&measurement.name, value);
        // Writing to a string does not fail.
        let _ = write!(words, "; {what} {side} {threshold}");
    }
    Bar {
        label: named(measurement),
        words,
        parts: vec![part(slug(finding), 0.0, measurement.value, longest)],
        marks: marks(measurement, longest),
    }
}

/// One bar for each probe, its phases one behind the other.
fn phases(report: &Report) -> Vec<Bar> {
    let mut probes: BTreeMap<String, Vec<(&str, f64)>> = BTreeMap::new();
    for (_, measurement) in measured(report).filter(|(_, measurement)| measurement.name == PHASE) {
        let label = |name: &str| measurement.labels.get(name).map_or("", String::as_str);
        let host = match label("port") {
            "" | "443" => label("host").to_owned(),
            port => format!("{}:{port}", label("host")),
        };
        probes
            .entry(format!("{host} {}", label("family")))
            .or_default()
            .push((label("phase"), measurement.value.max(0.0)));
    }
    let total = |phases: &[(&str, f64)]| phases.iter().map(|(_, seconds)| seconds).sum::<f64>();
    let mut probes: Vec<_> = probes.into_iter().collect();
    // The slowest are worth a look, and the first to be left out are the fastest.
    probes.sort_by(|(_, one), (_, other)| total(other).total_cmp(&total(one)));
    let longest = probes.first().map_or(0.0, |(_, phases)| total(phases));
    probes
        .into_iter()
        .map(|(label, phases)| {
            let mut from = 0.0;
            let mut parts = Vec::new();
            let mut words = Vec::new();
            for slug in PHASES {
                for (_, seconds) in phases.iter().filter(|(phase, _)| *phase == slug) {
                    parts.push(part(slug, from, *seconds, longest));
                    words.push(format!("{slug} {}", quantity(PHASE, *seconds)));
                    from += seconds;
                }
            }
            Bar {
                label,
                words: words.join(", "),
                parts,
                marks: Vec::new(),
            }
        })
        .collect()
}

fn limits(measurement: &Measurement) -> impl Iterator<Item = Limit> {
    [measurement.fail, measurement.warn].into_iter().flatten()
}

fn marks(measurement: &Measurement, longest: f64) -> Vec<String> {
    limits(measurement)
        .map(|limit| percent(limit.value(), longest))
        .collect()
}

fn part(slug: &'static str, from: f64, length: f64, longest: f64) -> Part {
    Part {
        slug,
        from: percent(from, longest),
        width: percent(length, longest),
    }
}

/// A share of the whole in percent, between 0 and 100.
fn percent(part: f64, whole: f64) -> String {
    let share = if whole > 0.0 { part / whole } else { 0.0 };
    format!("{:.1}", (share * 100.0).clamp(0.0, 100.0))
}

fn slug(finding: &Finding) -> &'static str {
    match finding.status {
        Status::Fail | Status::Warn | Status::Pass => Situation::of(finding).slug(),
        _ => Situation::Blocked.slug(),
    }
}

/// The figure's name in words, without its unit, and what tells it from others of its name.
pub(crate) fn named(measurement: &Measurement) -> String {
    let name = std::iter::once(REMAINING)
        .chain(UNITS)
        .find_map(|unit| measurement.name.strip_suffix(unit))
        .unwrap_or(&measurement.name);
    let mut words = name.replace('_', " ");
    for (label, value) in &measurement.labels {
        words.push_str(", ");
        if label == "percentile" {
            words.push('p');
        }
        words.push_str(value);
    }
    words
}

/// A figure with the unit that its name ends in.
pub(super) fn quantity(name: &str, value: f64) -> String {
    let precise = |value: f64, unit: &str| {
        let digits = usize::from(value.abs() < 100.0);
        let figure = format!("{value:.digits$}");
        let figure = figure.strip_suffix(".0").unwrap_or(&figure);
        format!("{figure} {unit}")
    };
    if name.ends_with("_bytes") && value >= 0.0 {
        // Bytes are shown with one decimal of their unit; a saturating cast is what is wanted.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        return Bytes(value as u64).to_string();
    }
    if name.ends_with("_seconds") {
        return match value.abs() {
            small if small < 1.0 => precise(value * 1000.0, "ms"),
            large if large >= 172_800.0 => precise(value / 86_400.0, "days"),
            _ => precise(value, "s"),
        };
    }
    if name.ends_with("_ratio") {
        return precise(value * 100.0, "%");
    }
    if name.ends_with("_celsius") {
        return precise(value, "°C");
    }
    format!("{value}")
}
