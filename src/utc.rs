//! Calendar dates in UTC, by which everything is judged.

use jiff::{Timestamp, civil::Date, tz::Offset};

/// The day of a time.
#[must_use]
pub fn date_of(time: Timestamp) -> Date {
    Offset::UTC.to_datetime(time).date()
}
