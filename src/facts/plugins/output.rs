//! What a monitoring plugin writes: a first line for people, performance data behind `|`, and more text below
//! (see the monitoring plugins' development guidelines).

use serde::{Deserialize, Serialize};

/// More measurements than any plugin has to say.
const MOST_MEASUREMENTS: usize = 200;

/// A plugin's output, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PluginText {
    /// The first line, without its performance data.
    pub summary: String,
    /// The further lines.
    pub long: String,
    /// What was measured.
    pub measurements: Vec<Measurement>,
    /// How many words of the performance data are none.
    pub damaged: usize,
}

/// One measurement of a plugin's performance data: `label=value[unit];[warn];[crit];[min];[max]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What was measured.
    pub label: String,
    /// The figure; none where the plugin could not determine it (`U`).
    pub value: Option<f64>,
    /// The unit, as the plugin writes it: `s`, `%`, `B`, `c`.
    pub unit: String,
    /// The range outside of which the plugin warns.
    pub warn: Option<String>,
    /// The range outside of which it is critical.
    pub critical: Option<String>,
    /// The least that is possible.
    pub minimum: Option<String>,
    /// The most that is possible.
    pub maximum: Option<String>,
}

/// Takes a plugin's output apart.
#[must_use]
pub fn parse(output: &str) -> PluginText {
    let mut lines = output.lines();
    let (summary, mut data) = split(lines.next().unwrap_or(""));
    let mut long = Vec::new();
    let mut in_data = false;
    for line in lines {
        if in_data {
            data.push(' ');
            data.push_str(line);
            continue;
        }
        let (text, behind) = split(line);
        long.push(text);
        if line.contains('|') {
            // From the second `|` on, everything is performance data.
            in_data = true;
            data.push(' ');
            data.push_str(&behind);
        }
    }
    let (measurements, damaged) = measurements(&data);
    PluginText {
        summary,
        long: long.join("\n").trim().to_owned(),
        measurements,
        damaged,
    }
}

/// What is before the first `|`, and what is behind it.
fn split(line: &str) -> (String, String) {
    let (text, data) = line.split_once('|').unwrap_or((line, ""));
    (printable(text), data.to_owned())
}

/// Without what could disturb a terminal.
fn printable(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|letter| if letter == '\t' { ' ' } else { letter })
        .filter(|letter| !letter.is_control())
        .collect();
    text.trim().to_owned()
}

fn measurements(data: &str) -> (Vec<Measurement>, usize) {
    let mut found = Vec::new();
    let mut damaged = 0;
    for word in words(data) {
        match measurement(&word) {
            Some(measurement) if found.len() < MOST_MEASUREMENTS => found.push(measurement),
            _ => damaged += 1,
        }
    }
    (found, damaged)
}

/// The words of performance data; spaces between single quotes separate nothing.
fn words(data: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for letter in data.chars() {
        if letter == '\'' {
            quoted = !quoted;
        }
        if letter.is_whitespace() && !quoted {
            words.push(std::mem::take(&mut word));
        } else {
            word.push(letter);
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn measurement(word: &str) -> Option<Measurement> {
    let (label, rest) = label(word)?;
    let mut parts = rest.split(';');
    let (value, unit) = figure(parts.next()?)?;
    let mut part = || parts.next().map(printable).filter(|text| !text.is_empty());
    Some(Measurement {
        label: Some(printable(&label)).filter(|label| !label.is_empty())?,
        value,
        unit: printable(unit),
        warn: part(),
        critical: part(),
        minimum: part(),
        maximum: part(),
    })
}

/// The label and what is behind its `=`; a quoted one may hold spaces, `=`, and `''` for a quote.
fn label(word: &str) -> Option<(String, &str)> {
    let Some(quoted) = word.strip_prefix('\'') else {
        return word
            .split_once('=')
            .map(|(label, rest)| (label.to_owned(), rest));
    };
    let mut label = String::new();
    let mut letters = quoted.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        if letter != '\'' {
            label.push(letter);
        } else if letters.next_if(|(_, next)| *next == '\'').is_some() {
            label.push('\'');
        } else {
            let rest = quoted.get(place + 1..)?.strip_prefix('=')?;
            return Some((label, rest));
        }
    }
    None
}

/// A figure and its unit; `U` says that there is none.
fn figure(text: &str) -> Option<(Option<f64>, &str)> {
    if text == "U" {
        return Some((None, ""));
    }
    let end = text
        .find(|letter: char| !(letter.is_ascii_digit() || "+-.".contains(letter)))
        .unwrap_or(text.len());
    let (figure, unit) = text.split_at_checked(end)?;
    let value: f64 = figure.parse().ok()?;
    value.is_finite().then_some((Some(value), unit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_guidelines_own_example() {
        let text = parse(
            "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n/ 15272 MB (77%);\n/boot 68 MB (69%);\n/home 69357 MB (27%);\n/var/log 819 MB (84%); | /boot=68MB;88;93;0;98\n/home=69357MB;253404;253409;0;253414 \n/var/log=818MB;970;975;0;980\n",
        );
        assert_eq!(text.summary, "DISK OK - free space: / 3326 MB (56%);");
        assert!(
            text.long.ends_with("/var/log 819 MB (84%);"),
            "{}",
            text.long
        );
        let labels: Vec<&str> = text
            .measurements
            .iter()
            .map(|measurement| measurement.label.as_str())
            .collect();
        assert_eq!(labels, ["/", "/boot", "/home", "/var/log"]);
        assert_eq!(
            text.measurements[0],
            Measurement {
                label: "/".into(),
                value: Some(2643.0),
                unit: "MB".into(),
                warn: Some("5948".into()),
                critical: Some("5958".into()),
                minimum: Some("0".into()),
                maximum: Some("5968".into()),
            }
        );
        assert_eq!(text.damaged, 0);
    }

    #[test]
    fn one_measurement_in_all_its_spellings() {
        for (word, label, value, unit) in [
            ("time=0.25s", "time", Some(0.25), "s"),
            ("'free space'=-7.5%;10:;@5:6", "free space", Some(-7.5), "%"),
            ("'it''s'=1c", "it's", Some(1.0), "c"),
            ("'a=b'=2", "a=b", Some(2.0), ""),
            ("load=U", "load", None, ""),
        ] {
            let found = measurement(word).unwrap();
            assert_eq!(
                (found.label.as_str(), found.value, found.unit.as_str()),
                (label, value, unit),
                "{word}"
            );
        }
        for word in [
            "", "=1", "a", "a=", "a=x", "'a=1", "'a'1", "a=--1", "a=1.2.3",
        ] {
            assert_eq!(measurement(word), None, "{word}");
        }
        let ranges = measurement("a=1;10:;@5:6;;9").unwrap();
        assert_eq!(ranges.warn.as_deref(), Some("10:"));
        assert_eq!(ranges.critical.as_deref(), Some("@5:6"));
        assert_eq!(
            (ranges.minimum, ranges.maximum.as_deref()),
            (None, Some("9"))
        );
    }

    #[test]
    fn damaged_data_costs_only_itself() {
        let text = parse("\u{1b}[31mOK\tfine | a=1 oops b=2 'c=3");
        assert_eq!(text.summary, "[31mOK fine");
        assert_eq!((text.measurements.len(), text.damaged), (2, 2));
        assert_eq!(parse(""), PluginText::default());
    }

    proptest! {
        #[test]
        fn no_output_makes_it_panic(output in "(?s).*|OK \\|( ?'?[a-z=' ]*'?=-?[0-9.]{0,400}[a-z%]*;[0-9:@~]*;*)*\n?.*\\|.*") {
            let text = parse(&output);
            prop_assert!(text.measurements.len() <= MOST_MEASUREMENTS);
            prop_assert!(!text.summary.chars().any(char::is_control));
        }
    }
}
