//! Quantities with their unit in the type, and how a person reads them.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// The share of `self` in `whole`, in percent; zero where `whole` is empty.
    #[must_use]
    pub fn percent_of(self, whole: Self) -> f64 {
        percent(self.0, whole.0)
    }
}

/// `part` of `whole` in percent; zero where `whole` is zero.
#[must_use]
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    // Percentages are shown with one decimal: the precision of a double is ample.
    #[allow(clippy::cast_precision_loss)]
    {
        part as f64 * 100.0 / whole as f64
    }
}

impl fmt::Display for Bytes {
    /// Decimal units, as disks and the manual's figures are sold: `350 GB`, `16.6 GB`, `512 bytes`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [
            (1_000_000_000_000, "TB"),
            (1_000_000_000, "GB"),
            (1_000_000, "MB"),
            (1_000, "kB"),
        ];
        for (size, unit) in UNITS {
            if self.0 >= size {
                let tenths = self.0 / (size / 10);
                return match tenths % 10 {
                    0 => write!(formatter, "{} {unit}", tenths / 10),
                    tenth => write!(formatter, "{}.{tenth} {unit}", tenths / 10),
                };
            }
        }
        formatter.write_str(&counted(self.0, "byte"))
    }
}

/// `1 day`, `12 days`: a count with its noun.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// `90 seconds`, `5 hours`, `12 days`: whole ones, in the unit that a person would take; ahead or ago is not said.
#[must_use]
pub fn roughly(duration: SignedDuration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = duration.as_secs().unsigned_abs();
    match seconds {
        0..120 => counted(seconds, "second"),
        120..7_200 => counted(seconds / MINUTE, "minute"),
        7_200..172_800 => counted(seconds / HOUR, "hour"),
        _ => counted(seconds / DAY, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_a_person_says_them() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7_199, "119 minutes"),
            (7_200, "2 hours"),
            (172_799, "47 hours"),
            (172_800, "2 days"),
            (31_536_000, "365 days"),
        ] {
            assert_eq!(roughly(SignedDuration::from_secs(seconds)), text);
            assert_eq!(roughly(SignedDuration::from_secs(-seconds)), text);
        }
    }

    #[test]
    fn bytes_read_as_a_person_writes_them() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (350_000_000_000, "350 GB"),
            (16_640_000_000, "16.6 GB"),
            (1_500, "1.5 kB"),
            (18_446_744_073_709_551_615, "18446744 TB"),
        ] {
            assert_eq!(Bytes(bytes).to_string().replace(".0", ""), text);
        }
    }

    #[test]
    fn a_share_of_nothing_is_nothing() {
        assert!(percent(5, 0).abs() < f64::EPSILON);
        assert!((percent(1, 4) - 25.0).abs() < f64::EPSILON);
    }
}
