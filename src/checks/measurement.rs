//! Figures that a check measured, for monitoring systems and graphics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// One figure, named by the conventions of Prometheus: the name ends in the base unit, as in `storage_free_bytes`.
///
/// The names in use are listed in `docs/decisions/0006-names-of-measurements.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Measurement {
    /// What was measured, in the unit that the name ends in: `_bytes`, `_seconds`, `_ratio` (0 to 1), `_celsius` …
    pub name: String,
    /// The figure; always finite.
    pub value: f64,
    /// Which one of several, as in `{"volume": "data"}`; a name has the same labels in every run.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Where the check begins to warn.
    #[serde(default)]
    pub warn: Option<Limit>,
    /// Where the check fails.
    #[serde(default)]
    pub fail: Option<Limit>,
}

/// A threshold, and the side of it that is bad.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Smaller figures are bad.
    Below(f64),
    /// Larger figures are bad.
    Above(f64),
}

impl Limit {
    /// Sizes smaller than this are bad.
    #[must_use]
    pub fn below(size: Bytes) -> Self {
        // Figures for monitoring are doubles everywhere.
        #[allow(clippy::cast_precision_loss)]
        Self::Below(size.0 as f64)
    }

    /// The threshold itself.
    #[must_use]
    pub fn value(self) -> f64 {
        match self {
            Self::Below(value) | Self::Above(value) => value,
        }
    }
}

impl Measurement {
    /// A figure without labels and thresholds.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Self {
            name: name.into(),
            value,
            labels: BTreeMap::new(),
            warn: None,
            fail: None,
        }
    }

    /// A number of things or bytes; whole numbers above 2⁵³ are rounded.
    pub fn count(name: impl Into<String>, value: u64) -> Self {
        // Figures for monitoring are doubles everywhere.
        #[allow(clippy::cast_precision_loss)]
        Self::new(name, value as f64)
    }

    /// A duration that was measured in milliseconds; the name ends in `_seconds`.
    pub fn milliseconds(name: impl Into<String>, value: u64) -> Self {
        // Figures for monitoring are doubles everywhere.
        #[allow(clippy::cast_precision_loss)]
        Self::new(name, value as f64 / 1000.0)
    }

    /// A size.
    pub fn bytes(name: impl Into<String>, value: Bytes) -> Self {
        Self::count(name, value.0)
    }

    /// Told apart from others of its name by this label.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// With the threshold at which the check warns.
    #[must_use]
    pub fn warn(mut self, limit: Limit) -> Self {
        self.warn = Some(limit).filter(|limit| limit.value().is_finite());
        self
    }

    /// With the threshold at which the check fails.
    #[must_use]
    pub fn fail(mut self, limit: Limit) -> Self {
        self.fail = Some(limit).filter(|limit| limit.value().is_finite());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_that_nothing_reaches_is_none() {
        for endless in [Limit::Above(f64::INFINITY), Limit::Below(f64::NAN)] {
            let measured = Measurement::new("x", 1.0).warn(endless).fail(endless);
            assert_eq!((measured.warn, measured.fail), (None, None));
        }
        let measured = Measurement::new("x", 1.0).warn(Limit::Above(0.5));
        assert_eq!(measured.warn.map(Limit::value), Some(0.5));
    }
}
