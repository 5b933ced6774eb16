//! A TOML document as JSON values, for types that JSON is read into too: each type is then compiled for one format only.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeArray, DeString, DeTable, DeValue},
};

/// What is wrong with a document, and at which byte.
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) message: String,
}

/// A member of a document's first level.
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) value: Value,
    /// The byte at which the value begins.
    pub(crate) offset: usize,
}

/// How often a document is read anew to find what an error is about; no person's file says so much.
const MOST_TRIES: usize = 2_000;

/// Reads a document's first level, in the order of the text.
pub(super) fn read_members(text: &str) -> Result<Vec<Member>, Fault> {
    let table = table_of(text)?;
    in_order(&table)
        .into_iter()
        .map(|(key, value)| {
            let offset = value.span().start;
            Ok(Member {
                key: key.get_ref().clone().into_owned(),
                value: value_of(value.get_ref(), offset, usize::MAX)?,
                offset,
            })
        })
        .collect()
}

fn table_of(text: &str) -> Result<DeTable<'_>, Fault> {
    DeTable::parse(text)
        .map(Spanned::into_inner)
        .map_err(|error| Fault {
            offset: error.span().map_or(0, |span| span.start),
            message: error.message().to_owned(),
        })
}

/// Reads a document of the given type.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    let table = table_of(text)?;
    let whole = members(&table, 0, usize::MAX)?;
    serde_json::from_value(whole).map_err(|error| {
        let message = error.to_string();
        let offset = culprit::<T>(&table, &message);
        Fault { offset, message }
    })
}

/// Where it stands what an error is about: all that begins before it is no reason for this error.
fn culprit<T: DeserializeOwned>(table: &DeTable, message: &str) -> usize {
    let mut offsets = Vec::new();
    offsets_of_members(table, 0, &mut offsets);
    offsets.sort_unstable();
    offsets.dedup();
    let is_reason = |offset: usize| {
        members(table, 0, offset).is_ok_and(|beginning| {
            serde_json::from_value::<T>(beginning).is_err_and(|error| error.to_string() == message)
        })
    };
    offsets
        .into_iter()
        .rev()
        .take(MOST_TRIES)
        .take_while(|offset| is_reason(*offset))
        .last()
        .unwrap_or_default()
}

/// The offsets at which keys and values begin; nothing begins before that which it is a part of.
fn offsets_of_members(table: &DeTable, begin: usize, offsets: &mut Vec<usize>) {
    for (key, value) in table {
        let key_begin = begin.max(key.span().start);
        offsets.push(key_begin);
        offsets_of_value(value.get_ref(), key_begin.max(value.span().start), offsets);
    }
}

fn offsets_of_value(value: &DeValue, begin: usize, offsets: &mut Vec<usize>) {
    offsets.push(begin);
    match value {
        DeValue::Table(table) => offsets_of_members(table, begin, offsets),
        DeValue::Array(list) => {
            for element in list {
                offsets_of_value(element.get_ref(), begin.max(element.span().start), offsets);
            }
        }
        _ => {}
    }
}

type Entry<'t, 'text> = (&'t Spanned<DeString<'text>>, &'t Spanned<DeValue<'text>>);

/// The members of a table as the text has them.
fn in_order<'t, 'text>(table: &'t DeTable<'text>) -> Vec<Entry<'t, 'text>> {
    let mut members: Vec<_> = table.iter().collect();
    members.sort_unstable_by_key(|(key, _)| key.span().start);
    members
}

/// The members of a table that begin at `last` or before, in the order of the text. A key whose value begins later is null.
fn members(table: &DeTable, begin: usize, last: usize) -> Result<Value, Fault> {
    let mut members = Map::new();
    for (key, value) in in_order(table) {
        let key_begin = begin.max(key.span().start);
        if key_begin > last {
            continue;
        }
        let value_begin = key_begin.max(value.span().start);
        let value = if value_begin > last {
            Value::Null
        } else {
            value_of(value.get_ref(), value_begin, last)?
        };
        members.insert(key.get_ref().clone().into_owned(), value);
    }
    Ok(Value::Object(members))
}

fn elements(array: &DeArray, begin: usize, last: usize) -> Result<Value, Fault> {
    array
        .iter()
        .map(|element| (element, begin.max(element.span().start)))
        .filter(|(_, begin)| *begin <= last)
        .map(|(element, begin)| value_of(element.get_ref(), begin, last))
        .collect()
}

fn value_of(value: &DeValue, begin: usize, last: usize) -> Result<Value, Fault> {
    let unfit = |what: &str| Fault {
        offset: begin,
        message: what.to_owned(),
    };
    Ok(match value {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_err(|_| unfit("the number is larger than any that is understood"))?
            .into(),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| unfit("the number has to be finite"))?,
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Datetime(moment) => Value::String(moment.to_string()),
        DeValue::Array(array) => elements(array, begin, last)?,
        DeValue::Table(table) => members(table, begin, last)?,
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Document {
        #[serde(rename = "groups")]
        _groups: Vec<Group>,
        limit: Option<u8>,
        until: Option<String>,
        rest: std::collections::BTreeMap<String, f64>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Group {
        #[serde(rename = "id")]
        _id: String,
        #[serde(rename = "port")]
        _port: u16,
    }

    /// What stands where the fault is said to be.
    fn blamed(text: &str) -> (&str, String) {
        let fault = read::<Document>(text).unwrap_err();
        (text[fault.offset..].lines().next().unwrap(), fault.message)
    }

    #[test]
    fn what_is_wrong_is_found_where_it_stands() {
        for (text, place, word) in [
            (
                "limit = 1\nlimits = 2",
                "limits = 2",
                "unknown field `limits`",
            ),
            ("until = \"x\"\nlimit = 300", "300", "integer `300`"),
            ("limit = -1", "-1", "integer `-1`"),
            (
                "groups = [{id = \"a\", port = 1}, {id = \"b\", port = \"x\"}]",
                "\"x\"}]",
                "string \"x\"",
            ),
            ("[rest]\nlimit = 1.0\nmore = \"x\"", "\"x\"", "string \"x\""),
            (
                "[[groups]]\nid = \"a\"\nport = 1\n[[groups]]\nid = \"b\"\nprt = 1\n",
                "prt = 1",
                "unknown field `prt`",
            ),
            ("rest.a = inf", "inf", "finite"),
            (
                "limit = 99999999999999999999",
                "99999999999999999999",
                "larger",
            ),
            ("limit = [1]", "[1]", "sequence"),
        ] {
            let (found, message) = blamed(text);
            assert_eq!(found, place, "{text}: {message}");
            assert!(message.contains(word), "{text}: {message}");
        }
    }

    #[test]
    fn a_member_that_is_missing_is_missed_in_its_own_table() {
        let text = "groups = [{id = \"a\", port = 1}, {id = \"b\"}, {id = \"c\", port = 2}]";
        let (found, message) = blamed(text);
        assert!(
            found.contains("\"b\"") || found.starts_with("id = \"b\""),
            "{found}: {message}"
        );
        assert!(!found.contains("\"a\""), "{found}");
        assert!(message.contains("missing field `port`"), "{message}");
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let text = "limit = 0xff\nuntil = 2027-03-31\nrest = {a = 1.5, b = -2}\ngroups = [{id = 'a', port = 0}]";
        let document = read::<Document>(text)
            .map_err(|fault| fault.message)
            .unwrap();
        assert_eq!(document.limit, Some(255));
        assert_eq!(document.until.as_deref(), Some("2027-03-31"));
        let rest: Vec<(&str, f64)> = document
            .rest
            .iter()
            .map(|(key, value)| (key.as_str(), *value))
            .collect();
        assert_eq!(rest, [("a", 1.5), ("b", -2.0)]);
    }
}
