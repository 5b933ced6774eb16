//! Prometheus' text exposition format: families of gauges, each with its help, type and unit.

use std::fmt::Write;

use super::text;

/// What every name begins with.
const PREFIX: &str = "sesam_doctor";

/// Units that a name can end in, for the `UNIT` comment.
const UNITS: [&str; 4] = ["seconds", "bytes", "ratio", "celsius"];

/// A page of metrics.
#[derive(Default)]
pub(crate) struct Exposition {
    /// What was written so far.
    pub(crate) text: String,
}

impl Exposition {
    /// Begins a family; its samples follow.
    pub(crate) fn family(&mut self, name: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {PREFIX}_{name} {help}");
        let _ = writeln!(self.text, "# TYPE {PREFIX}_{name} gauge");
        if let Some(unit) = UNITS.iter().find(|unit| {
            name.strip_suffix(**unit)
                .is_some_and(|rest| rest.ends_with('_'))
        }) {
            let _ = writeln!(self.text, "# UNIT {PREFIX}_{name} {unit}");
        }
    }

    /// One sample of the family that was begun last.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.text, "{PREFIX}_{name}");
        for (index, (label, value)) in labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{open}{label}=\"{}\"", label_value(value));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {}", text::figure(value));
    }

    /// Milliseconds as the seconds that Prometheus wants.
    pub(crate) fn seconds(milliseconds: i64) -> f64 {
        // Milliseconds since 1970 fit a double exactly for the next 280,000 years.
        #[allow(clippy::cast_precision_loss)]
        {
            milliseconds as f64 / 1000.0
        }
    }

    /// A number of things.
    pub(crate) fn count(number: usize) -> f64 {
        u32::try_from(number).map_or(f64::MAX, f64::from)
    }
}

/// A name that Prometheus takes, whatever a site's own check calls its figure.
pub(super) fn name_of(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|character| match character {
            letter if letter.is_ascii_alphanumeric() => letter.to_ascii_lowercase(),
            _ => '_',
        })
        .collect();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, '_');
    }
    // Names of labels that begin with two are the server's own.
    let inner = name.trim_start_matches('_');
    if name.starts_with("__") {
        return format!("_{inner}");
    }
    name
}

/// The three escapes that the exposition format has.
fn label_value(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_ones_that_prometheus_takes() {
        assert_eq!(name_of("Disk Free %"), "disk_free__");
        assert_eq!(name_of("9lives"), "_9lives");
        assert_eq!(name_of("__name__"), "_name__");
        assert_eq!(name_of(""), "_");
        assert_eq!(label_value("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
