//! Compose's `.env`: what Compose v2 makes of each line.
//!
//! Pure: a text in, its variables out. The rules are those of Compose's own reader, oddities included, since what
//! counts is what the stack is really given; `tests/compose_agreement.rs` holds them against the real one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    env_file_v1::reads_the_same,
    interpolation::{Interpolation, InterpolationProblem, Variables},
};

/// More variables than any stack has.
const MOST_VARIABLES: usize = 10_000;

/// What a `.env` says, up to its end or to the first line that Compose refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvFile {
    /// The variables by name; of one that is set twice, the last.
    pub variables: BTreeMap<String, Assignment>,
    /// Why Compose refuses the file, and so starts nothing.
    pub problem: Option<LineProblem>,
}

/// What a line assigns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The value; none where the line names the variable only, and so leaves it to Compose's own environment.
    pub value: Option<String>,
    /// The line, counted from 1.
    pub line: usize,
    /// The line of an earlier assignment that this one supersedes.
    pub supersedes: Option<usize>,
    /// Whether Compose v1 reads another value.
    pub v1_differs: bool,
}

/// A line that Compose refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("line {line}: {problem}")]
pub struct LineProblem {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: EnvProblem,
}

/// Why Compose refuses a line. None of them carries a value, which could be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
pub enum EnvProblem {
    /// A name with a blank in it.
    #[error("the name of a variable cannot contain a space")]
    SpaceInName,
    /// A name with something else in it that cannot be there.
    #[error(
        "“{0}” cannot be in the name of a variable; where a value goes on after its closing quote, this is what Compose sees"
    )]
    CharacterInName(char),
    /// A value without a name.
    #[error("a value without a name, or a name that ends the file without “=” or a line end")]
    NoName,
    /// A quote that is opened and not closed.
    #[error("the value begins with a quotation mark that is never closed")]
    Unterminated,
    /// A NUL byte, which no environment variable can hold.
    #[error("there is a NUL byte; is this a text file?")]
    Nul,
    /// A value with a bad reference.
    #[error("{0}")]
    Interpolation(InterpolationProblem),
    /// More than anybody needs.
    #[error("there are more than {MOST_VARIABLES} variables")]
    TooMany,
}

impl Variables for BTreeMap<String, Assignment> {
    fn value(&self, name: &str) -> Option<&str> {
        self.get(name)?.value.as_deref()
    }
}

/// Reads a `.env`.
#[must_use]
pub fn parse(text: &str) -> EnvFile {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        text,
        rest: text,
        counted: 0,
        line: 1,
        statement: 1,
        interpolation: Interpolation::default(),
        file: EnvFile::default(),
    };
    if let Err(problem) = reader.statements() {
        let line = reader.statement;
        reader.file.problem = Some(LineProblem { line, problem });
    }
    reader.file
}

struct Reader<'t> {
    text: &'t str,
    /// What was not read yet.
    rest: &'t str,
    /// Bytes whose lines are counted.
    counted: usize,
    line: usize,
    /// The line of the statement at hand.
    statement: usize,
    interpolation: Interpolation,
    file: EnvFile,
}

impl<'t> Reader<'t> {
    fn statements(&mut self) -> Result<(), EnvProblem> {
        while self.next_statement() {
            self.count_lines();
            let line = self.statement;
            self.skip_export();
            let (name, separator) = self.name()?;
            if name.contains(' ') {
                return Err(EnvProblem::SpaceInName);
            }
            if self.file.variables.len() >= MOST_VARIABLES {
                return Err(EnvProblem::TooMany);
            }
            let (value, v1_differs) = match separator {
                Separator::None => (None, true),
                Separator::Equals | Separator::Colon => {
                    let (value, same) = self.value()?;
                    let differs = !same || separator == Separator::Colon;
                    (Some(value), differs)
                }
            };
            match (name, &value) {
                // `export` on a line of its own.
                ("", None) => continue,
                ("", Some(_)) => return Err(EnvProblem::NoName),
                (_, Some(value)) if value.contains('\0') => return Err(EnvProblem::Nul),
                _ => {}
            }
            // A bare name leaves an earlier value as it is.
            let earlier = self.file.variables.get(name);
            if value.is_none() && earlier.is_some() {
                continue;
            }
            let supersedes = earlier
                .filter(|earlier| earlier.value.is_some())
                .map(|earlier| earlier.line);
            let assignment = Assignment {
                value,
                line,
                supersedes,
                v1_differs,
            };
            self.file.variables.insert(name.to_owned(), assignment);
        }
        Ok(())
    }

    /// Goes to the next statement, past blanks, line ends and comments.
    fn next_statement(&mut self) -> bool {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                return !self.rest.is_empty();
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }

    fn skip_export(&mut self) {
        if let Some(after) = self.rest.strip_prefix("export")
            && after.starts_with(['\t', '\n', '\u{c}', '\r', ' '])
        {
            self.rest = after.trim_start_matches(is_blank);
        }
    }

    /// Reads a name and what ends it.
    fn name(&mut self) -> Result<(&'t str, Separator), EnvProblem> {
        for (index, character) in self.rest.char_indices() {
            let separator = match character {
                '=' => Separator::Equals,
                ':' => Separator::Colon,
                '\n' => Separator::None,
                '_' | '.' | '-' | '[' | ']' => continue,
                other if is_blank(other) || other.is_alphabetic() || other.is_numeric() => continue,
                other => return Err(EnvProblem::CharacterInName(other)),
            };
            let (name, rest) = self.rest.split_at(index);
            self.rest = rest
                .get(character.len_utf8()..)
                .unwrap_or_default()
                .trim_start_matches(is_blank);
            return Ok((name.trim_end(), separator));
        }
        Err(EnvProblem::NoName)
    }

    /// Reads a value, and says whether Compose v1 reads the same.
    fn value(&mut self) -> Result<(String, bool), EnvProblem> {
        let written = self.rest;
        let value = if let Some(quote @ ('"' | '\'')) = written.chars().next() {
            let (within, rest) = quoted(written, quote).ok_or(EnvProblem::Unterminated)?;
            self.rest = rest;
            if quote == '"' {
                self.expand(&escapes(&within))?
            } else {
                within
            }
        } else {
            let (line, rest) = written.split_once('\n').unwrap_or((written, ""));
            self.rest = rest;
            let value = line.split_once(" #").map_or(line, |(value, _)| value);
            self.expand(value.trim_end())?
        };
        let same = reads_the_same(written, &value, &self.file.variables);
        Ok((value, same))
    }

    fn expand(&mut self, text: &str) -> Result<String, EnvProblem> {
        self.interpolation
            .text(&self.file.variables, text)
            .map_err(EnvProblem::Interpolation)
    }

    /// Finds the line of what comes next.
    fn count_lines(&mut self) {
        let read = self.text.len() - self.rest.len();
        let passed = self.text.get(self.counted..read).unwrap_or_default();
        self.line += passed.matches('\n').count();
        self.counted = read;
        self.statement = self.line;
    }
}

/// What ends the name of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Separator {
    Equals,
    /// As in YAML.
    Colon,
    /// The line ends: the value is left to Compose's environment.
    None,
}

/// White space within a line, as Compose sees it.
fn is_blank(character: char) -> bool {
    matches!(
        character,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

/// What stands between the quotation marks at the beginning of a text, the escaped ones among it plain, and the rest.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut within = String::new();
    let mut escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
            if character != quote {
                within.push('\\');
            }
            within.push(character);
        } else if character == '\\' {
            escaped = true;
        } else if character == quote {
            return Some((within, text.get(index + 1..).unwrap_or_default()));
        } else {
            within.push(character);
        }
    }
    None
}

/// The escape sequences of a value in double quotation marks. `\$` becomes `$$`, which interpolation makes one of.
fn escapes(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        made.push_str(before);
        let mut characters = after.chars();
        let plain = match characters.next() {
            Some('a') => "\u{7}",
            Some('b') => "\u{8}",
            Some('f') => "\u{c}",
            Some('n') => "\n",
            Some('r') => "\r",
            Some('t') => "\t",
            Some('v') => "\u{b}",
            Some('$') => "$$",
            Some('"') => "\"",
            Some('\\') => "\\",
            Some('0') => {
                rest = octal(characters.as_str(), &mut made);
                continue;
            }
            _ => {
                made.push('\\');
                rest = after;
                continue;
            }
        };
        made.push_str(plain);
        rest = characters.as_str();
    }
    made.push_str(rest);
    made
}

/// Makes a character of up to three digits after `\0`; where they are no number of one, Compose drops the zero only.
fn octal<'t>(after: &'t str, made: &mut String) -> &'t str {
    let digits = after.bytes().take(3).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = after.split_at(digits);
    let number = (digits.len() == 3)
        .then(|| u8::from_str_radix(digits, 8).ok())
        .flatten();
    if let Some(number) = number {
        made.push(char::from(number));
    } else {
        made.push('\\');
        made.push_str(digits);
    }
    rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value<'a>(file: &'a EnvFile, name: &str) -> Option<&'a str> {
        file.variables.get(name)?.value.as_deref()
    }

    #[test]
    fn lines_are_read_as_compose_does() {
        for (text, a, b) in [
            ("A = 1 \nB: 2", Some("1"), Some("2")),
            ("export A=1\nexport\nB=2", Some("1"), Some("2")),
            ("\u{feff}A=1\r\nB=\"2\"\r\n", Some("1"), Some("2")),
            ("A=1 # c\nB=1#c", Some("1"), Some("1#c")),
            ("A= #c\nB=\"1\"#c", Some("#c"), Some("1")),
            ("A=\nB=''", Some(""), Some("")),
            ("A='a\nb'\nB=\"a\\nb\"", Some("a\nb"), Some("a\nb")),
            (
                "A='a\\'b\\n$B'\nB=\"\\\"\\q\\\\\"",
                Some("a'b\\n$B"),
                Some("\"\\q\\"),
            ),
            ("B=2\nA=\"${B}$B\\$B$$B\"", Some("22$B$B"), Some("2")),
            ("A=${B:-d}\nB=2", Some("d"), Some("2")),
            ("A=1\nA=2\nA\n", Some("2"), None),
            ("A\nB=2", None, Some("2")),
            ("A=\"a\" B=2", Some("a"), Some("2")),
            (
                "A=\"\\0123\\012\\0\"\n  B=x=y",
                Some("S\\12\\"),
                Some("x=y"),
            ),
        ] {
            let file = parse(text);
            assert_eq!(file.problem, None, "{text}");
            assert_eq!((value(&file, "A"), value(&file, "B")), (a, b), "{text}");
        }
    }

    #[test]
    fn what_compose_refuses_is_refused_with_its_line() {
        for (text, line, problem) in [
            ("A=1\nB C=1", 2, EnvProblem::SpaceInName),
            ("A=1\n\n# c\nB/C=1", 4, EnvProblem::CharacterInName('/')),
            ("A=1\nB=\"x\ny\n", 2, EnvProblem::Unterminated),
            ("A=1\nB", 2, EnvProblem::NoName),
            ("=1\n", 1, EnvProblem::NoName),
            ("A=\0", 1, EnvProblem::Nul),
            (
                "A=1\nB=${A\nC=1",
                2,
                EnvProblem::Interpolation(InterpolationProblem::Invalid),
            ),
        ] {
            let file = parse(text);
            assert_eq!(file.problem, Some(LineProblem { line, problem }), "{text}");
        }
        assert_eq!(value(&parse("A=1\nB C=1"), "A"), Some("1"));
    }

    #[test]
    fn lines_and_repetitions_are_remembered() {
        let file = parse("# c\n\nA=\"1\n2\"\nB=1\nA=3\n");
        assert_eq!(file.variables["B"].line, 5);
        assert_eq!(file.variables["A"].line, 6);
        assert_eq!(file.variables["A"].supersedes, Some(3));
    }

    #[test]
    fn values_that_double_each_other_are_bounded() {
        let lines: Vec<String> = (1..60)
            .map(|n| format!("V{n}=$V{}$V{}", n - 1, n - 1))
            .collect();
        let lines = lines.join("\n");
        let problem = parse(&format!("V0=xxxxxxxx\n{lines}")).problem.unwrap();
        assert_eq!(
            problem.problem,
            EnvProblem::Interpolation(InterpolationProblem::TooLarge)
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"([A-C]=|["'$#\\{}: \n\r\t=]|export |:-|\\0|[0-9]|.|\n){0,80}"#) {
            let _ = parse(&text);
        }

        #[test]
        fn a_single_quoted_value_is_taken_as_it_stands(text in r"[^'\\\x00]{0,40}") {
            let file = parse(&format!("A='{text}'"));
            prop_assert_eq!(value(&file, "A"), Some(text.as_str()));
        }
    }
}
