//! JSON as jq reads it, as far as a license can depend on it.
//!
//! jq reads values one after another, gives out those before the first error, takes numbers and characters that the standard
//! forbids, and prints numbers its own way. `serde_json` reads; this module makes its input as strict as it wants it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A license is one value. What comes after this many is not read, since keeping it would take memory.
const MOST_DOCUMENTS: usize = 1_000;

/// How the end of a stream of values was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// After a whole value, or there was none.
    Whole,
    /// Within a value.
    Cut,
    /// At something that is no JSON.
    Invalid,
}

/// One value of a stream.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Document {
    /// An object, of which only the members of licenses are kept.
    Object(Box<Members>),
    /// `null`, of which jq says that any member is `null`.
    Null,
    /// Anything else; it has no members.
    Other,
}

/// The members by which a license is judged, of either of its two objects. Of a name that comes twice the last counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Members {
    pub payload: Option<Value>,
    pub id: Option<Value>,
    pub expires: Option<Value>,
    pub created: Option<Value>,
    /// How many members there are besides `payload`.
    pub besides_payload: usize,
}

/// Reads values until the end or the first error.
pub(super) fn read(content: &[u8]) -> (Vec<Document>, Ending) {
    let strict = make_strict(content);
    let mut documents = Vec::new();
    for document in serde_json::Deserializer::from_str(&strict).into_iter::<Document>() {
        match document {
            Ok(_) if documents.len() == MOST_DOCUMENTS => return (documents, Ending::Invalid),
            Ok(document) => documents.push(document),
            Err(error) if error.is_eof() => return (documents, Ending::Cut),
            Err(_) => return (documents, Ending::Invalid),
        }
    }
    (documents, Ending::Whole)
}

/// What `jq -r` prints for a value. Of lists and objects that are not empty only that they take several lines matters.
pub(super) fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(String::new, printed_number),
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Array(elements) if elements.is_empty() => "[]".into(),
        Value::Object(members) if members.is_empty() => "{}".into(),
        Value::Array(_) => "[\n]".into(),
        Value::Object(_) => "{\n}".into(),
    }
}

/// The shortest digits that give this number, as jq 1.6 lays them out.
fn printed_number(number: f64) -> String {
    const MOST_ZEROS: i32 = 15;
    let shortest = format!("{:e}", number.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let point = exponent.saturating_add(1);
    if number == 0.0 {
        return format!("{sign}0");
    }
    if point <= -4 || point > count + MOST_ZEROS {
        let direction = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{mantissa}e{direction}{:02}", exponent.unsigned_abs());
    }
    // Within these bounds a double prints plainly with the same digits.
    format!("{sign}{}", number.abs())
}

/// The same text in the words of the standard, where jq would have understood it.
fn make_strict(content: &[u8]) -> String {
    let content = content
        .strip_prefix(b"\xEF\xBB\xBF".as_slice())
        .unwrap_or(content);
    let text = String::from_utf8_lossy(content);
    let mut strict = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '"' => copy_string(rest, &mut strict),
            '{' | '}' | '[' | ']' | ',' | ':' | ' ' | '\t' | '\r' | '\n' => {
                strict.push(first);
                after(rest, first.len_utf8())
            }
            _ => copy_literal(rest, &mut strict),
        };
    }
    strict
}

fn after(text: &str, length: usize) -> &str {
    text.get(length..).unwrap_or_default()
}

/// Copies a string up to its closing quote, with what the standard wants escaped or paired; returns what follows.
fn copy_string<'a>(text: &'a str, strict: &mut String) -> &'a str {
    strict.push('"');
    let mut rest = after(text, 1);
    while let Some(next) = rest.chars().next() {
        match next {
            '"' => {
                strict.push('"');
                return after(rest, 1);
            }
            '\\' => rest = copy_escape(rest, strict),
            '\0' => {
                strict.push_str("\\u0000");
                rest = after(rest, 1);
            }
            other => {
                strict.push(other);
                rest = after(rest, other.len_utf8());
            }
        }
    }
    rest
}

/// Copies one escape; half a surrogate pair becomes U+FFFD.
fn copy_escape<'a>(text: &'a str, strict: &mut String) -> &'a str {
    const ONE: usize = 6;
    const PAIR: usize = 12;
    let length = match (code_unit(text), code_unit(after(text, ONE))) {
        (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => PAIR,
        (Some(0xD800..=0xDFFF), _) => {
            strict.push('\u{FFFD}');
            return after(text, ONE);
        }
        (Some(_), _) => ONE,
        (None, _) => 1 + text.chars().nth(1).map_or(0, char::len_utf8),
    };
    strict.push_str(text.get(..length).unwrap_or(text));
    after(text, length)
}

/// The code unit of an escape like `\u0041` at the beginning of a text.
fn code_unit(text: &str) -> Option<u16> {
    let hexadecimal = text.strip_prefix("\\u")?.get(..4)?;
    let is_plain = hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_plain.then(|| u16::from_str_radix(hexadecimal, 16).ok())?
}

/// Copies a number or word, spelled as the standard wants it; returns what follows.
fn copy_literal<'a>(text: &'a str, strict: &mut String) -> &'a str {
    let length = text
        .find(['{', '}', '[', ']', ',', ':', ' ', '\t', '\r', '\n', '"'])
        .unwrap_or(text.len());
    let literal = text.get(..length).unwrap_or(text);
    // jq takes two values that touch for two values; the standard's readers want them apart.
    strict.push(' ');
    strict.push_str(&strict_literal(literal));
    strict.push(' ');
    after(text, length)
}

fn strict_literal(literal: &str) -> String {
    // jq ends a literal at a zero byte, and takes an empty one for zero.
    let literal = literal.split('\0').next().unwrap_or_default();
    let is_whole = literal.bytes().all(|byte| byte.is_ascii_digit());
    if literal.is_empty() {
        return "0".into();
    }
    if is_whole && let Ok(number) = literal.parse::<u64>() {
        return number.to_string();
    }
    let may_be_number = literal.starts_with(|first: char| "+-.0123456789iInN".contains(first));
    match literal.parse::<f64>() {
        Ok(number) if may_be_number && number.is_nan() => "null".into(),
        Ok(number) if may_be_number => format!("{:e}", number.clamp(f64::MIN, f64::MAX)),
        _ => literal.to_owned(),
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key::<String>()? {
            if name != "payload" {
                members.besides_payload += 1;
            }
            let place = match name.as_str() {
                "payload" => &mut members.payload,
                "_id" => &mut members.id,
                "expires" => &mut members.expires,
                "created" => &mut members.created,
                // Whatever else there is may be nested as deeply as it likes.
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *place = map.next_value::<Option<Value>>()?;
        }
        Ok(Document::Object(Box::new(members)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Document, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Document::Other)
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Document, E> {
        Ok(Document::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Document, E> {
        Ok(Document::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Document, E> {
        Ok(Document::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Document, E> {
        Ok(Document::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Document, E> {
        Ok(Document::Other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What `jq -r ._id` prints, with `|` at line ends.
    fn ids(text: &[u8]) -> String {
        let (documents, _) = read(text);
        documents
            .iter()
            .filter_map(|document| match document {
                Document::Object(members) => {
                    Some(members.id.as_ref().map_or("null".into(), printed))
                }
                Document::Null => Some("null".into()),
                Document::Other => None,
            })
            .map(|line| line + "|")
            .collect()
    }

    #[test]
    fn what_jq_prints_is_read() {
        // Each row was tried with jq 1.6.
        for (text, expected) in [
            (r#"{"_id":"x"} trailing"#, "x|"),
            (r#"[1]{"_id":"x"} 5 {"_id":"y"}"#, "x|y|"),
            (r#""s"{"_id":"x"}"#, "x|"),
            (r#"1{"_id":"x"}"#, "x|"),
            (r#"null{"_id":"x"}"#, "null|x|"),
            (r#"{"_id":"x","_id":null}"#, "null|"),
            (r#"{"_id":"x","a":NaN,"b":-Infinity}"#, "x|"),
            (r#"{"_id":nan}"#, "null|"),
            (r#"{"_id":0123}"#, "123|"),
            (r#"{"_id":+1}"#, "1|"),
            (r#"{"_id":.5}"#, "0.5|"),
            (r#"{"_id":1.}"#, "1|"),
            (r#"{"_id":"\ud83d\ude00"}"#, "😀|"),
            (r#"{"_id":"\udc00"}"#, "\u{FFFD}|"),
            ("\u{FEFF}{\"_id\":\"x\"}", "x|"),
            ("\0{\"_id\":\"x\"}", "x|"),
            ("{\"_id\":1\0}", "1|"),
            ("{\"_id\":\"x\0y\"}", "x\0y|"),
            (r#"{"_id":"x",}"#, ""),
            (r#"{"_id":"x" "b":1}"#, ""),
            (r#"{"_id":"x""#, ""),
            (r#"{"_id":"\q"}"#, ""),
            (r#"{"_id":"x","a":1e}"#, ""),
            (r#"{"_id":TRUE}"#, ""),
            ("{\"_id\":\"a\nb\"}", ""),
        ] {
            assert_eq!(ids(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(ids(b"{\"_id\":\"a\xFFb\xE2\x82\"}"), "a\u{FFFD}b\u{FFFD}|");
        let deep = format!(
            "{{\"_id\":\"x\",\"a\":{}{}}}",
            "[".repeat(250),
            "]".repeat(250)
        );
        assert_eq!(ids(deep.as_bytes()), "x|");
    }

    #[test]
    fn numbers_print_as_jq_prints_them() {
        for (number, expected) in [
            ("12345", "12345"),
            ("1e3", "1000"),
            ("1.0", "1"),
            ("12345678901234567890", "12345678901234567000"),
            ("123456789012345678", "123456789012345680"),
            (
                "123456789012345678901234567890",
                "123456789012345680000000000000",
            ),
            ("1e15", "1000000000000000"),
            ("1e16", "1e+16"),
            ("1.5e300", "1.5e+300"),
            ("12345e20", "1.2345e+24"),
            ("1e999", "1.7976931348623157e+308"),
            ("Infinity", "1.7976931348623157e+308"),
            ("-0", "-0"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("123e-5", "0.00123"),
            ("123e-7", "1.23e-05"),
            ("1.10", "1.1"),
            ("-17", "-17"),
            ("true", "true"),
            ("[]", "[]"),
            ("{}", "{}"),
        ] {
            assert_eq!(
                ids(format!("{{\"_id\":{number}}}").as_bytes()),
                format!("{expected}|")
            );
        }
    }

    #[test]
    fn the_end_tells_cut_from_wrong() {
        for (text, ending) in [
            (r#"{"a":1}"#, Ending::Whole),
            ("", Ending::Whole),
            (r#"{"a":1"#, Ending::Cut),
            (r#"{"a":"b"#, Ending::Cut),
            (r#"{"a":"b\"#, Ending::Cut),
            (r#"{"a":"b\u00"#, Ending::Cut),
            (r#"{"a":"#, Ending::Cut),
            (r#"{"a" 1}"#, Ending::Invalid),
            ("<html>", Ending::Invalid),
        ] {
            assert_eq!(read(text.as_bytes()).1, ending, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_input_makes_it_panic(content: Vec<u8>) {
            read(&content);
        }

        #[test]
        fn nothing_like_json_makes_it_panic(content in r#"([{}\[\]:,"\\u0-9a-fdDeE+\-. \x00-\x1F]|\\u[dD][89abcdef][0-9]{2}|nan|null|"_id":|é|😀){0,40}"#) {
            read(content.as_bytes());
        }
    }
}
