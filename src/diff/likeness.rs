//! Whether two observations are the same but for noise.

use serde_json::Value;

/// Figures whose difference is at most this share of the larger one are the same.
const NOISE: f64 = 0.1;

/// Words after a figure that make it a measured quantity. A port, a user id or an exit code has none and is exact.
const UNITS: &[&str] = &[
    "%", "bytes", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "µs", "us", "ms", "s",
    "second", "seconds", "minute", "minutes", "hour", "hours", "day", "days", "°C",
];

/// Endings of a member's name that make its figure a measured quantity.
const UNIT_ENDINGS: &[&str] = &[
    "bytes", "_ms", "_us", "_s", "seconds", "percent", "ratio", "celsius", "days", "hours",
];

/// Whether two sentences are the same, but for measured quantities that differ by noise.
pub(super) fn same_text(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let words =
        |text: &'_ str| -> Vec<String> { text.split_whitespace().map(ToOwned::to_owned).collect() };
    let (one, other) = (words(one), words(other));
    one.len() == other.len()
        && one.iter().zip(&other).enumerate().all(|(index, (a, b))| {
            a == b || {
                let next = one.get(index + 1).map_or("", String::as_str);
                same_quantity(a, b, next)
            }
        })
}

fn same_quantity(one: &str, other: &str, next: &str) -> bool {
    let (Some((one, unit)), Some((other, other_unit))) = (quantity(one), quantity(other)) else {
        return false;
    };
    let unit_word = if unit.is_empty() { trimmed(next) } else { unit };
    unit == other_unit && UNITS.contains(&unit_word) && close(one, other)
}

/// The figure at the beginning of a word and what is written behind it without a space.
fn quantity(word: &str) -> Option<(f64, &str)> {
    let word = trimmed(word);
    let end = word
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(word.len());
    let (figure, unit) = word.split_at_checked(end)?;
    Some((figure.parse().ok()?, unit))
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|character| matches!(character, '(' | ')' | ',' | ';' | ':' | '.'))
}

/// Whether two observations are the same, but for measured quantities that differ by noise.
pub(super) fn same_value(name: Option<&str>, one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => {
            a == b
                || matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b))
                    if is_measured(name, a, b) && close(a, b))
        }
        (Value::String(a), Value::String(b)) => same_text(a, b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(name, a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| same_value(Some(name), a, b)))
        }
        _ => one == other,
    }
}

/// Small whole numbers without a unit are counts, ports or ids, and exact.
fn is_measured(name: Option<&str>, one: f64, other: f64) -> bool {
    const LARGEST_ID: f64 = 4_194_304.0;
    let has_unit = name.is_some_and(|name| UNIT_ENDINGS.iter().any(|unit| name.ends_with(unit)));
    let has_fraction = one.fract() != 0.0 || other.fract() != 0.0;
    has_unit || has_fraction || one.abs().min(other.abs()) > LARGEST_ID
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= NOISE * one.abs().max(other.abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn noise_is_no_difference_and_everything_else_is_one() {
        for (one, other, same) in [
            ("16.6 GB free (12 %)", "16.4 GB free (12 %)", true),
            ("p99 9.8ms, median 1ms", "p99 9.2ms, median 1ms", true),
            ("expires in 12 days", "expires in 11 days", true),
            ("expires in 12 days", "expires in 3 days", false),
            ("listens on port 9042", "listens on port 9043", false),
            ("exit code 137", "exit code 139", false),
            ("uid 1000 GB", "uid 1001 GB", true),
            ("2026-12-05 is the day", "2026-12-06 is the day", false),
            ("version 29.0.1", "version 29.0.2", false),
            ("4 usable", "3 usable", false),
            ("gone", "here", false),
            ("a b", "a b c", false),
        ] {
            assert_eq!(same_text(one, other), same, "{one} / {other}");
        }
        for (one, other, same) in [
            (json!(350_000_000_000_u64), json!(349_000_000_000_u64), true),
            (json!(4), json!(3), false),
            (json!(9042), json!(9043), false),
            (json!({"p99_ms": 10}), json!({"p99_ms": 11}), true),
            (json!({"port": 443}), json!({"port": 444}), false),
            (json!([1.01]), json!([1.02]), true),
            (json!(null), json!(0), false),
        ] {
            assert_eq!(same_value(None, &one, &other), same, "{one} / {other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(one in ".*", other in ".*") {
            prop_assert!(same_text(&one, &one));
            prop_assert_eq!(same_text(&one, &other), same_text(&other, &one));
        }
    }
}
