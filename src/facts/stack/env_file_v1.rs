//! Where Compose v1 reads a value of `.env` differently.
//!
//! v1 is unmaintained but still installed; a value that means two things is worth a remark before somebody upgrades.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use regex::Regex;

use super::{env_file::Assignment, interpolation::Variables};

/// v1 knows these two forms of reference and takes every other `$` as it stands.
static REFERENCE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\$\{([^}:]*)(?::-([^}]*))?\}").ok());

static COMMENT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\s+#.*$").ok());

/// Whether Compose v1 makes `value` too of what was `written` after the equals sign.
pub(super) fn reads_the_same(
    written: &str,
    value: &str,
    earlier: &BTreeMap<String, Assignment>,
) -> bool {
    version_1(written).is_some_and(|text| expands_to(&text, value, earlier))
}

/// The value as v1 reads it, its references left in; none where v1 ignores the line.
fn version_1(written: &str) -> Option<String> {
    if let Some(quote @ ('"' | '\'')) = written.chars().next() {
        return quoted(written, quote);
    }
    let line = written.lines().next().unwrap_or_default();
    let value = match COMMENT.as_ref() {
        Some(comment) => comment.replace(line, ""),
        None => Cow::Borrowed(line),
    };
    Some(value.trim_end().to_owned())
}

/// A value in quotation marks, after which v1 suffers nothing but a comment.
fn quoted(written: &str, quote: char) -> Option<String> {
    let mut value = String::new();
    let mut characters = written.chars();
    characters.next();
    loop {
        match characters.next()? {
            '\\' => {
                let next = characters.next()?;
                value.push_str(&escape(next, quote));
            }
            character if character == quote => break,
            character => value.push(character),
        }
    }
    let after = characters.as_str().lines().next().unwrap_or_default();
    let after = after.trim_start();
    (after.is_empty() || after.starts_with('#')).then_some(value)
}

fn escape(next: char, quote: char) -> String {
    let plain = match (quote, next) {
        (_, '\\' | '\'') | ('"', '"') => next,
        ('"', 'a') => '\u{7}',
        ('"', 'b') => '\u{8}',
        ('"', 'f') => '\u{c}',
        ('"', 'n') => '\n',
        ('"', 'r') => '\r',
        ('"', 't') => '\t',
        ('"', 'v') => '\u{b}',
        _ => return format!("\\{next}"),
    };
    plain.into()
}

/// Whether `text` with v1's references replaced is `value`; makes nothing larger than `value` to find out.
fn expands_to(text: &str, value: &str, earlier: &BTreeMap<String, Assignment>) -> bool {
    let Some(reference) = REFERENCE.as_ref() else {
        return false;
    };
    let mut expected = value;
    let mut rest = 0;
    for captures in reference.captures_iter(text) {
        let Some(whole) = captures.get(0) else {
            return false;
        };
        let part = |group| captures.get(group).map_or("", |found| found.as_str());
        let before = text.get(rest..whole.start()).unwrap_or_default();
        let replaced = earlier.value(part(1)).unwrap_or(part(2));
        let Some(after) = expected
            .strip_prefix(before)
            .and_then(|after| after.strip_prefix(replaced))
        else {
            return false;
        };
        expected = after;
        rest = whole.end();
    }
    text.get(rest..) == Some(expected)
}

#[cfg(test)]
mod tests {
    use super::super::env_file::parse;

    /// Taken down from docker-compose 1.29.2 and Compose 2.26.
    #[test]
    fn values_that_two_versions_read_differently_are_known() {
        for (line, differs) in [
            ("A=1", false),
            ("A=1 #c", false),
            ("A=1#c", false),
            ("A=\"a # b\" # c", false),
            ("A='a\"b'", false),
            ("A=\"a\\nb\"", false),
            ("A=$", false),
            ("A=${B:-d}", false),
            ("A=1\t#c", true),
            ("A: 1", true),
            ("A=$B", true),
            ("A=a$$b", true),
            ("A='a$$b'", false),
            ("A='${B}'", true),
            ("A=\"a\\$b\"", true),
            ("A=${B:+x}y", true),
            ("A=\"1\"x\nB=2", true),
            ("A=\"\\0123\"", true),
            ("A=\"a\\'b\"", true),
            ("A\n", true),
        ] {
            let file = parse(line);
            assert_eq!(file.problem, None, "{line}");
            assert_eq!(file.variables["A"].v1_differs, differs, "{line}");
        }
    }
}
