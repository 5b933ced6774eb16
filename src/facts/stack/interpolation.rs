//! Compose's own interpolation: `$NAME`, `${NAME:-default}` and their kin, as Compose v2 reads them.
//!
//! Pure: a text and its variables in, a text out. The same rules serve the compose file and the values of `.env`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::redact::MARK;

/// Defaults within defaults; nobody nests them deeper, and each level costs a call.
const DEEPEST: usize = 32;

/// What all the texts of one document may grow to, in bytes: a few lines of `.env` can double each other for ever.
const LARGEST_TOTAL: usize = 16_000_000;

/// References of one text that are remembered.
const MOST_REFERENCES: usize = 10_000;

/// Why a text cannot be interpolated. None of them carries a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
pub enum InterpolationProblem {
    /// `${` that does not become a reference.
    #[error(
        "“${{” begins no valid reference: after it come a name and “}}”, or one of :- - :? ? :+ + before that; write “$$” for a plain dollar sign"
    )]
    Invalid,
    /// `${NAME:?why}` or `${NAME?why}` without a value.
    #[error("the required variable {name} has no value{}", because(.why))]
    Required {
        /// The variable.
        name: String,
        /// What the author of the file has to say about it.
        why: String,
    },
    /// Defaults within defaults without end.
    #[error("references are nested more than {DEEPEST} deep")]
    TooDeep,
    /// Variables that multiply each other.
    #[error("the values would grow beyond {LARGEST_TOTAL} bytes")]
    TooLarge,
}

fn because(why: &str) -> String {
    if why.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    }
}

/// The variables that a text may refer to.
pub trait Variables {
    /// The value, if the variable is set.
    fn value(&self, name: &str) -> Option<&str>;

    /// Whether the variable holds a secret, so that even its default is one.
    fn is_secret(&self, _name: &str) -> bool {
        false
    }
}

/// A variable that a text referred to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its name.
    pub name: String,
    /// Whether it had to be set and was not: nothing stood in for it.
    pub blank: bool,
}

/// The interpolation of one document: bounded in what it makes, and remembering what it met.
#[derive(Debug)]
pub struct Interpolation {
    /// How many bytes it may still make.
    remaining: usize,
    /// What the texts referred to since this was last taken.
    pub references: Vec<Reference>,
    /// Defaults of secret variables, which are secrets themselves.
    pub secrets: Vec<String>,
}

impl Default for Interpolation {
    fn default() -> Self {
        Self {
            remaining: LARGEST_TOTAL,
            references: Vec::new(),
            secrets: Vec::new(),
        }
    }
}

impl Interpolation {
    /// The text with its references to variables replaced.
    ///
    /// # Errors
    /// Where Compose refuses the text, and where it would grow without bound.
    pub fn text(
        &mut self,
        variables: &impl Variables,
        text: &str,
    ) -> Result<String, InterpolationProblem> {
        self.nested(variables, text, 0)
    }

    fn nested(
        &mut self,
        variables: &impl Variables,
        text: &str,
        depth: usize,
    ) -> Result<String, InterpolationProblem> {
        if depth > DEEPEST {
            return Err(InterpolationProblem::TooDeep);
        }
        let mut made = String::new();
        let mut line = LineEnds::default();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            self.put(&mut made, before)?;
            rest = if let Some(after) = after.strip_prefix('$') {
                self.put(&mut made, "$")?;
                after
            } else if let Some(after) = after.strip_prefix('{') {
                let reference = Braced::parse(after, &mut line)?;
                let value = self.braced(variables, &reference, depth)?;
                self.put(&mut made, &value)?;
                reference.rest
            } else {
                let (name, after) = split_name(after);
                if name.is_empty() {
                    self.put(&mut made, "$")?;
                } else {
                    let value = self.plain(variables, name);
                    self.put(&mut made, value)?;
                }
                after
            };
        }
        self.put(&mut made, rest)?;
        Ok(made)
    }

    fn put(&mut self, made: &mut String, text: &str) -> Result<(), InterpolationProblem> {
        self.remaining = self
            .remaining
            .checked_sub(text.len())
            .ok_or(InterpolationProblem::TooLarge)?;
        made.push_str(text);
        Ok(())
    }

    fn plain<'v>(&mut self, variables: &'v impl Variables, name: &str) -> &'v str {
        let value = variables.value(name);
        self.refer(name, value.is_none());
        value.unwrap_or_default()
    }

    fn refer(&mut self, name: &str, blank: bool) {
        if self.references.len() >= MOST_REFERENCES {
            return;
        }
        self.references.push(Reference {
            name: name.to_owned(),
            blank,
        });
    }

    fn braced(
        &mut self,
        variables: &impl Variables,
        reference: &Braced,
        depth: usize,
    ) -> Result<String, InterpolationProblem> {
        let name = reference.name;
        let Some(alternative) = &reference.alternative else {
            return Ok(self.plain(variables, name).to_owned());
        };
        self.refer(name, false);
        // Compose looks into the words even where it does not need them.
        let words = self.nested(variables, alternative.words, depth + 1)?;
        let value = variables.value(name);
        let usable = value.filter(|value| !(alternative.empty_is_unset && value.is_empty()));
        match (alternative.operator, usable) {
            (Operator::Default | Operator::Require, Some(value)) => Ok(value.to_owned()),
            (Operator::Default, None) | (Operator::Replace, Some(_)) => {
                Ok(self.stand_in(variables, name, words))
            }
            (Operator::Replace, None) => Ok(String::new()),
            (Operator::Require, None) => {
                self.refer(name, true);
                Err(InterpolationProblem::Required {
                    name: name.to_owned(),
                    why: self.stand_in(variables, name, words),
                })
            }
        }
    }

    /// Words in the place of a variable, which are as secret as it is.
    fn stand_in(&mut self, variables: &impl Variables, name: &str, words: String) -> String {
        if words.is_empty() || words == MARK || !variables.is_secret(name) {
            return words;
        }
        self.secrets.push(words);
        MARK.to_owned()
    }
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    /// `-`: the words where there is no value.
    Default,
    /// `?`: refused with the words where there is no value.
    Require,
    /// `+`: the words where there is a value.
    Replace,
}

#[derive(Debug)]
struct Alternative<'t> {
    operator: Operator,
    /// The colon before the operator: an empty value counts as none.
    empty_is_unset: bool,
    words: &'t str,
}

/// `${…}`, taken apart.
#[derive(Debug)]
struct Braced<'t> {
    name: &'t str,
    alternative: Option<Alternative<'t>>,
    /// What follows it.
    rest: &'t str,
}

impl<'t> Braced<'t> {
    /// Takes apart what follows `${`.
    fn parse(text: &'t str, line: &mut LineEnds) -> Result<Self, InterpolationProblem> {
        let (name, after) = split_name(text);
        if name.is_empty() {
            return Err(InterpolationProblem::Invalid);
        }
        if let Some(rest) = after.strip_prefix('}') {
            return Ok(Self {
                name,
                alternative: None,
                rest,
            });
        }
        let (empty_is_unset, after) = match after.strip_prefix(':') {
            Some(after) => (true, after),
            None => (false, after),
        };
        let (operator, words) = [
            ('-', Operator::Default),
            ('?', Operator::Require),
            ('+', Operator::Replace),
        ]
        .into_iter()
        .find_map(|(sign, operator)| Some((operator, after.strip_prefix(sign)?)))
        .ok_or(InterpolationProblem::Invalid)?;
        // A reference ends on its line: at the brace that balances its own or, where none does, at the line's last one.
        let last = line
            .last_brace(words)
            .ok_or(InterpolationProblem::Invalid)?;
        let within = words.get(..=last).unwrap_or_default();
        let end = balancing_brace(within).unwrap_or(last);
        Ok(Self {
            name,
            alternative: Some(Alternative {
                operator,
                empty_is_unset,
                words: words.get(..end).unwrap_or_default(),
            }),
            rest: words.get(end + 1..).unwrap_or_default(),
        })
    }
}

/// Where in `within` the brace stands that closes the reference. Compose takes no notice of what directly follows an
/// opening brace, so neither do we; the reference's own first character is a letter or `_` and does not matter.
fn balancing_brace(within: &str) -> Option<usize> {
    let mut open = 1_usize;
    let mut bytes = within.bytes().enumerate();
    while let Some((index, byte)) = bytes.next() {
        match byte {
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(index);
                }
            }
            b'{' => {
                open += 1;
                bytes.next();
            }
            _ => {}
        }
    }
    None
}

/// The last `}` of the line at hand, sought once per line and not once per reference.
#[derive(Debug, Default)]
struct LineEnds {
    /// How much of the text was left after the line, and after its last brace.
    known: Option<(usize, Option<usize>)>,
}

impl LineEnds {
    /// Where in `words`, an end of the text, the last `}` before the end of the line stands.
    fn last_brace(&mut self, words: &str) -> Option<usize> {
        let left = words.len();
        let (_, brace_left) = match self.known {
            Some(known) if left >= known.0 => known,
            _ => {
                let line = words.split('\n').next().unwrap_or_default();
                let after_line = left - line.len();
                let after_brace = line.rfind('}').map(|index| left - index);
                *self.known.insert((after_line, after_brace))
            }
        };
        left.checked_sub(brace_left?)
    }
}

/// The name at the beginning of a text, which may be empty, and the rest.
fn split_name(text: &str) -> (&str, &str) {
    let starts = text
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    let end = if starts {
        text.bytes()
            .position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_'))
            .unwrap_or(text.len())
    } else {
        0
    };
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    struct Known(BTreeMap<&'static str, &'static str>);

    impl Variables for Known {
        fn value(&self, name: &str) -> Option<&str> {
            self.0.get(name).copied()
        }

        fn is_secret(&self, name: &str) -> bool {
            name == "SECRET"
        }
    }

    fn known() -> Known {
        Known(BTreeMap::from([
            ("SET", "set"),
            ("EMPTY", ""),
            ("TWO", "two"),
        ]))
    }

    fn interpolated(text: &str) -> Result<String, InterpolationProblem> {
        Interpolation::default().text(&known(), text)
    }

    /// Taken down from Compose 2.26; `tests/compose_agreement.rs` asks the real one again.
    #[test]
    fn references_are_replaced_as_compose_does() {
        for (text, expected) in [
            ("x$SET-y ${SET}", "xset-y set"),
            ("${UN:-d}${UN-d}${EMPTY:-d}${EMPTY-d}", "ddd"),
            ("${SET:+r}${SET+r}${EMPTY:+r}${EMPTY+r}${UN+r}", "rrr"),
            ("${EMPTY?why}${SET:?why}", "set"),
            ("$$ $$$$ $$SET $${SET} $$$SET", "$ $$ $SET ${SET} $set"),
            ("$ x$ $1A $(x) $- $?", "$ x$ $1A $(x) $- $?"),
            ("${UN:-${UN2:-c}}x${SET}y", "cxsety"),
            ("${UN:-a}b} ${SET}}", "ab} set}"),
            ("${UN:-{a}} ${UN:-{{a}} ${SET:-a}{b}", "{a} {{a} set{b}"),
            ("${UN:-:?}${UN--}${UN:-+}${UN-:-x}", ":?-+:-x"),
            ("$S\u{c9}T", "\u{c9}T"),
            ("${UN:-a}\n${UN:-b}", "a\nb"),
            ("", ""),
        ] {
            assert_eq!(interpolated(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_compose_refuses_is_refused() {
        for text in [
            "${",
            "${}",
            "${SET",
            "${SET!}",
            "${1A}",
            "${SET x}",
            "${ SET}",
            "${SET:}",
            "${SET:x}",
            "${a.b}",
            "${\u{e9}}",
            "${UN:-a\nb}",
            "${SET}${",
            "${UN:-${}",
            "${UN:-${TWO}",
            "${SET:-${}}",
        ] {
            assert_eq!(
                interpolated(text),
                Err(InterpolationProblem::Invalid),
                "{text}"
            );
        }
        assert_eq!(
            interpolated("${SET-${UN?see ${TWO}}}"),
            Err(InterpolationProblem::Required {
                name: "UN".into(),
                why: "see two".into()
            })
        );
    }

    #[test]
    fn what_came_to_nothing_is_remembered() {
        let mut interpolation = Interpolation::default();
        interpolation
            .text(&known(), "$UN ${EMPTY} ${UN2:-} ${UN3:+${UN4}}")
            .unwrap();
        let blank: Vec<&str> = interpolation
            .references
            .iter()
            .filter(|reference| reference.blank)
            .map(|reference| reference.name.as_str())
            .collect();
        assert_eq!(blank, ["UN", "UN4"]);
        assert_eq!(interpolation.references.len(), 5);
    }

    #[test]
    fn the_default_of_a_secret_is_one() {
        let mut interpolation = Interpolation::default();
        let text = interpolation.text(&known(), "a ${SECRET:-hunter2} b ${SECRET-}");
        assert_eq!(text.as_deref(), Ok("a [redacted] b "));
        assert_eq!(interpolation.secrets, ["hunter2"]);
    }

    #[test]
    fn growth_and_depth_are_bounded() {
        let deep = format!("{}x{}", "${A:-".repeat(40), "}".repeat(40));
        assert_eq!(interpolated(&deep), Err(InterpolationProblem::TooDeep));
        let large: &'static str = Box::leak("x".repeat(1_000_000).into_boxed_str());
        let variables = Known(BTreeMap::from([("L", large)]));
        let problem = Interpolation::default()
            .text(&variables, &"$L".repeat(20))
            .unwrap_err();
        assert_eq!(problem, InterpolationProblem::TooLarge);
    }

    /// One brace at the end of a long line must not be sought anew for each reference.
    #[test]
    fn a_long_line_takes_no_longer_than_its_length() {
        let text = "${A:-}".repeat(300_000);
        assert_eq!(interpolated(&text).as_deref(), Ok(""));
        let text = format!("{}}}", "${A:-{".repeat(20_000));
        assert_eq!(interpolated(&text), Err(InterpolationProblem::Invalid));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"([${}:?+\-]|SET|UN|EMPTY|.|\n){0,60}") {
            let _ = interpolated(&text);
        }

        #[test]
        fn escaping_every_dollar_gives_the_text_back(text in ".{0,60}") {
            prop_assert_eq!(interpolated(&text.replace('$', "$$")), Ok(text));
        }
    }
}
