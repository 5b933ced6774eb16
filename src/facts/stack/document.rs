//! A compose file's text as a document: YAML read as Compose reads it, and interpolated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::{
    compose_file::{MOST_PROBLEMS, Problem, ProblemKind, UsedVariable},
    interpolation::{Interpolation, Variables},
};

/// More nodes than any stack's file has; what aliases repeat counts each time.
const MOST_NODES: usize = 100_000;

/// Deeper than any stack's file goes.
const DEEPEST: usize = 64;

/// Scalars of one document with everything that aliases repeat.
const MOST_SCALAR_BYTES: usize = 16_000_000;

/// Variables of one document that are remembered.
const MOST_VARIABLES: usize = 1_000;

/// Places that are remembered of one variable.
const MOST_PLACES: usize = 50;

/// A message longer than this quotes more of the file than helps.
pub(super) const LONGEST_MESSAGE: usize = 500;

/// Where in a file something is, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

/// Reads YAML. Anchors, aliases and merge keys are resolved, a key given twice is refused.
///
/// # Errors
/// What is no YAML, or is more of it than any stack needs.
pub fn read_yaml(text: &str) -> Result<Value, Problem> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST,
            flow_nesting_limit: DEEPEST,
            max_nodes: MOST_NODES,
            max_events: MOST_NODES * 4,
            max_total_scalar_bytes: MOST_SCALAR_BYTES,
            max_recorded_anchor_bytes: MOST_SCALAR_BYTES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MOST_NODES,
        },
        // Compose's library reads 0644 as an octal number, and `yes`, `no`, `on` and `off` as words.
        legacy_octal_numbers: true,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let position = error.location().map(|location| Position {
            line: location.line(),
            column: location.column(),
        });
        Problem {
            kind: ProblemKind::NotYaml,
            place: String::new(),
            position,
            message: shortened(&error.without_snippet().to_string(), LONGEST_MESSAGE),
        }
    })
}

/// One step on the way to a value.
#[derive(Clone, Debug)]
enum Step {
    Member(String),
    Element(usize),
}

/// Interpolates every value of a document, never its keys.
pub struct Walk<'v, V> {
    variables: &'v V,
    interpolation: Interpolation,
    place: Vec<Step>,
    /// What Compose refuses.
    pub problems: Vec<Problem>,
    /// The variables that the document refers to, each with its places.
    pub used: Vec<UsedVariable>,
    /// Where in `used` each variable is.
    known: BTreeMap<String, usize>,
}

impl<'v, V: Variables> Walk<'v, V> {
    /// A walk with these variables.
    pub fn new(variables: &'v V) -> Self {
        Self {
            variables,
            interpolation: Interpolation::default(),
            place: Vec::new(),
            problems: Vec::new(),
            used: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    /// Defaults of secret variables that the document carries itself.
    #[must_use]
    pub fn secrets(&self) -> &[String] {
        &self.interpolation.secrets
    }

    /// Interpolates a value and all that is in it. The depth is the YAML reader's, which bounds it.
    pub fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if text.contains('$') {
                    *text = self.text(text);
                }
            }
            Value::Array(elements) => {
                for (index, element) in elements.iter_mut().enumerate() {
                    self.place.push(Step::Element(index));
                    self.value(element);
                    self.place.pop();
                }
            }
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    self.place.push(Step::Member(name.clone()));
                    self.value(member);
                    self.place.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, text: &str) -> String {
        let made = self.interpolation.text(self.variables, text);
        for reference in std::mem::take(&mut self.interpolation.references) {
            let known = self.known.get(&reference.name).copied();
            let position = known.unwrap_or(self.used.len());
            if known.is_none() && position < MOST_VARIABLES {
                self.known.insert(reference.name.clone(), position);
                self.used.push(UsedVariable {
                    name: reference.name,
                    place: place_name(&self.place),
                    blank_places: Vec::new(),
                });
            }
            if let Some(used) = self.used.get_mut(position)
                && reference.blank
                && used.blank_places.len() < MOST_PLACES
            {
                used.blank_places.push(place_name(&self.place));
            }
        }
        made.unwrap_or_else(|problem| {
            if self.problems.len() < MOST_PROBLEMS {
                self.problems.push(Problem {
                    kind: ProblemKind::BadInterpolation,
                    place: place_name(&self.place),
                    position: None,
                    message: shortened(&problem.to_string(), LONGEST_MESSAGE),
                });
            }
            text.to_owned()
        })
    }
}

fn place_name(steps: &[Step]) -> String {
    let mut name = String::new();
    for step in steps {
        match step {
            Step::Member(member) => name = member_of(&name, member),
            Step::Element(index) => name = element_of(&name, *index),
        }
    }
    name
}

/// A text that is no longer than anybody would read.
pub(super) fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// `services.traefik`
#[must_use]
pub fn member_of(place: &str, member: &str) -> String {
    const LONGEST: usize = 100;
    let member = shortened(member, LONGEST);
    if place.is_empty() {
        member
    } else {
        format!("{place}.{member}")
    }
}

/// `services.traefik.labels[2]`
#[must_use]
pub fn element_of(place: &str, index: usize) -> String {
    format!("{place}[{index}]")
}

/// A scalar as the text that Compose makes of it; none where it is null or no scalar.
#[must_use]
pub fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number_text(number)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number as Go's `%v` writes it: `1.50` is `1.5`, `1.0` is `1`, and from a million on floats have exponents.
fn number_text(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    let scientific = format!("{float:e}");
    let Some((digits, exponent)) = scientific
        .split_once('e')
        .and_then(|(digits, exponent)| Some((digits, exponent.parse::<i32>().ok()?)))
    else {
        return scientific;
    };
    if (-4..6).contains(&exponent) {
        return float.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

/// Takes secrets out of a document that carries them itself: what stands under a name that `is_secret`, as a member
/// or as `NAME=value` in a list. Calls `found` with each.
pub fn conceal(
    value: &mut Value,
    is_secret: &dyn Fn(&str) -> bool,
    found: &mut dyn FnMut(&str) -> String,
) {
    match value {
        Value::Object(members) => conceal_members(members, is_secret, found),
        Value::Array(elements) => {
            for element in elements {
                match element {
                    Value::String(text) => {
                        let concealed = text
                            .split_once('=')
                            .filter(|(name, value)| is_secret(name) && !value.is_empty())
                            .map(|(name, value)| format!("{name}={}", found(value)));
                        if let Some(concealed) = concealed {
                            *text = concealed;
                        }
                    }
                    other => conceal(other, is_secret, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn conceal_members(
    members: &mut Map<String, Value>,
    is_secret: &dyn Fn(&str) -> bool,
    found: &mut dyn FnMut(&str) -> String,
) {
    for (name, member) in members.iter_mut() {
        match scalar_text(member) {
            Some(text) if is_secret(name) && !text.is_empty() => {
                *member = Value::String(found(&text));
            }
            Some(_) => {}
            None => conceal(member, is_secret, found),
        }
    }
}
