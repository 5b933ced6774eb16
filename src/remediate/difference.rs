//! What a step writes, as a unified diff.

use std::fmt::Write;

/// Lines around a change that are shown with it.
const CONTEXT: usize = 3;

/// Comparing takes the product of both lengths; files of this many lines are none that a step writes.
const MOST_LINES: usize = 3_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'t> {
    Same(&'t str),
    Gone(&'t str),
    New(&'t str),
}

/// The difference between what is at `path` (nothing where nothing is) and what is to be.
#[must_use]
pub(super) fn unified(path: &str, before: Option<&str>, after: &str) -> String {
    let old: Vec<&str> = before.unwrap_or_default().lines().collect();
    let new: Vec<&str> = after.lines().collect();
    let mut text = String::new();
    let from = if before.is_some() { path } else { "/dev/null" };
    // Writing to a string does not fail.
    let _ = writeln!(text, "--- {from}\n+++ {path}");
    if old.len() > MOST_LINES || new.len() > MOST_LINES {
        let _ = writeln!(text, "{} lines become {}", old.len(), new.len());
        return text;
    }
    let lines = compare(&old, &new);
    let mut shown = 0;
    while let Some(first) = lines
        .iter()
        .skip(shown)
        .position(|line| !matches!(line, Line::Same(_)))
    {
        let first = shown + first;
        let end = end_of_hunk(&lines, first);
        let start = first.saturating_sub(CONTEXT).max(shown);
        hunk(&mut text, &lines, start, end);
        shown = end;
    }
    text
}

/// Where the lines end that are shown together with the change at `first`.
fn end_of_hunk(lines: &[Line], first: usize) -> usize {
    let mut last = first;
    for (index, line) in lines.iter().enumerate().skip(first) {
        if !matches!(line, Line::Same(_)) {
            last = index;
        } else if index - last > 2 * CONTEXT {
            break;
        }
    }
    (last + 1 + CONTEXT).min(lines.len())
}

fn hunk(text: &mut String, lines: &[Line], start: usize, end: usize) {
    let count =
        |lines: &[Line], other: fn(&Line) -> bool| lines.iter().filter(|line| !other(line)).count();
    let is_new = |line: &Line| matches!(line, Line::New(_));
    let is_gone = |line: &Line| matches!(line, Line::Gone(_));
    let (before, within) = (
        lines.get(..start).unwrap_or_default(),
        lines.get(start..end).unwrap_or_default(),
    );
    let range = |other: fn(&Line) -> bool| {
        let (first, length) = (count(before, other), count(within, other));
        // An empty range is counted from the line before it.
        format!("{},{length}", if length == 0 { first } else { first + 1 })
    };
    // Writing to a string does not fail.
    let _ = writeln!(text, "@@ -{} +{} @@", range(is_new), range(is_gone));
    for line in within {
        let _ = match line {
            Line::Same(line) => writeln!(text, " {line}"),
            Line::Gone(line) => writeln!(text, "-{line}"),
            Line::New(line) => writeln!(text, "+{line}"),
        };
    }
}

/// The lines of both, by their longest common subsequence.
fn compare<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    let width = new.len() + 1;
    // How many lines the rests of both have in common, by where the rests begin.
    let mut common = vec![0_u32; (old.len() + 1) * width];
    let at = |common: &[u32], row: usize, column: usize| {
        common.get(row * width + column).copied().unwrap_or(0)
    };
    for (row, line) in old.iter().enumerate().rev() {
        for (column, other) in new.iter().enumerate().rev() {
            let value = if line == other {
                at(&common, row + 1, column + 1) + 1
            } else {
                at(&common, row + 1, column).max(at(&common, row, column + 1))
            };
            if let Some(cell) = common.get_mut(row * width + column) {
                *cell = value;
            }
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut lines = Vec::new();
    loop {
        match (old.get(row), new.get(column)) {
            (None, None) => return lines,
            (Some(line), Some(other)) if line == other => {
                lines.push(Line::Same(line));
                row += 1;
                column += 1;
            }
            (Some(line), other)
                if other.is_none()
                    || at(&common, row + 1, column) >= at(&common, row, column + 1) =>
            {
                lines.push(Line::Gone(line));
                row += 1;
            }
            (_, Some(line)) => {
                lines.push(Line::New(line));
                column += 1;
            }
            (Some(line), None) => {
                lines.push(Line::Gone(line));
                row += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_new_file_is_all_new() {
        assert_eq!(
            unified("/a", None, "1\n2\n"),
            "--- /dev/null\n+++ /a\n@@ -0,0 +1,2 @@\n+1\n+2\n"
        );
    }

    #[test]
    fn changes_far_apart_are_shown_apart() {
        let lines: Vec<String> = (1..=30).map(|n| n.to_string()).collect();
        let before = lines.join("\n") + "\n";
        let after = before.replace("\n5\n", "\nfive\n").replace("\n25\n", "\n");
        assert_eq!(
            unified("/a", Some(&before), &after),
            "--- /a\n+++ /a\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -22,7 +22,6 @@\n 22\n 23\n 24\n-25\n 26\n 27\n 28\n"
        );
        assert_eq!(unified("/a", Some("x\n"), "x\n"), "--- /a\n+++ /a\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// The real `patch` makes the one of the other.
        #[test]
        fn patch_understands_it(old in "([a-d]\n){0,20}", new in "([a-d]\n){1,20}") {
            prop_assume!(old != new && !old.is_empty());
            let Ok(version) = Command::new("patch").arg("--version").output() else {
                println!("left out: patch is not installed");
                return Ok(());
            };
            assert!(version.status.success());
            let place = tempfile::tempdir().unwrap();
            let (file, patch) = (place.path().join("a"), place.path().join("patch"));
            std::fs::write(&file, &old).unwrap();
            std::fs::write(&patch, unified("/a", Some(&old), &new)).unwrap();
            let patched = Command::new("patch").arg("--silent").args([&file, &patch]).output().unwrap();
            prop_assert!(patched.status.success(), "{}", String::from_utf8_lossy(&patched.stdout));
            prop_assert_eq!(std::fs::read_to_string(&file).unwrap(), new);
        }
    }
}
