//! When the value of a variable is well-formed, by what it is to hold.

use std::net::IpAddr;

use crate::{
    checks::{Cause, Item},
    profile::{StackFiles, VariableKind},
};

pub(super) const EMPTY: Cause = Cause::new("empty", "the variable is set to nothing");
pub(super) const PLACEHOLDER: Cause =
    Cause::new("placeholder", "the value is still the template's");
const NOT_A_UUID: Cause = Cause::new("not-a-uuid", "the value is no UUID");
const NOT_A_DOMAIN: Cause = Cause::new(
    "not-a-domain",
    "the value is no fully qualified domain name",
);
const NOT_A_HOST: Cause = Cause::new(
    "not-a-host",
    "the value is neither a host name nor an address",
);
const NOT_A_UID: Cause = Cause::new("not-a-uid", "the value is no number of a user account");
const ROOT_UID: Cause = Cause::new("root-uid", "the account is root's");
const NOT_A_TAG: Cause = Cause::new("not-a-tag", "the value cannot be the tag of an image");
const UNKNOWN_CHANNEL: Cause = Cause::new("unknown-channel", "the tag is no software channel");
const NOT_AN_EMAIL: Cause = Cause::new("not-an-email", "the value is no e-mail address");

/// Everything that is told apart here.
pub(super) const CAUSES: [Cause; 10] = [
    EMPTY,
    PLACEHOLDER,
    NOT_A_UUID,
    NOT_A_DOMAIN,
    NOT_A_HOST,
    NOT_A_UID,
    ROOT_UID,
    NOT_A_TAG,
    UNKNOWN_CHANNEL,
    NOT_AN_EMAIL,
];

/// What is wrong with a value: the cause, and what is wrong in words.
type Fault = (Cause, String);

/// The item about a variable with a value that may be shown.
pub(super) fn judge_value(stack: &StackFiles, kind: VariableKind, name: &str, value: &str) -> Item {
    let item = match fault(stack, kind, value) {
        None => Item::pass(name, "set"),
        Some((cause, words)) if cause == UNKNOWN_CHANNEL => Item::warn(name, cause, words),
        Some((cause, words)) => Item::fail(name, cause, words),
    };
    item.observed(value)
}

/// What a variable of this kind should be, for the person who is to set it.
pub(super) fn right_value(stack: &StackFiles, kind: VariableKind) -> String {
    match kind {
        VariableKind::Text => "a text".into(),
        VariableKind::Secret => "the secret that Sesam gave you".into(),
        VariableKind::Tag => "the tag of an image".into(),
        VariableKind::Channel => format!("a software channel ({})", stack.channels.join(", ")),
        VariableKind::Host => "a host name".into(),
        VariableKind::Domain => "the machine's fully qualified name, as in node.company.com".into(),
        VariableKind::Uid => "the number of the account that owns the data (`id -u`)".into(),
        VariableKind::Uuid => "a UUID (`uuidgen` makes one)".into(),
        VariableKind::Email => "an e-mail address".into(),
    }
}

/// Why a value is not what a variable of this kind has to be, in words; none where it is, or may be.
#[must_use]
pub fn value_fault(stack: &StackFiles, kind: VariableKind, value: &str) -> Option<String> {
    fault(stack, kind, value)
        .filter(|(cause, _)| *cause != UNKNOWN_CHANNEL)
        .map(|(_, words)| words)
}

fn fault(stack: &StackFiles, kind: VariableKind, value: &str) -> Option<Fault> {
    if value.trim().is_empty() {
        return Some((EMPTY, "empty".into()));
    }
    if stack.is_placeholder(value) {
        return Some((PLACEHOLDER, format!("still the template's “{value}”")));
    }
    let not = |cause, why: Option<String>, what: &str| {
        why.map(|why| (cause, format!("no {what}: {why}")))
    };
    match kind {
        VariableKind::Text | VariableKind::Secret => None,
        VariableKind::Tag => not(NOT_A_TAG, tag_fault(value), "tag of an image"),
        VariableKind::Channel => {
            not(NOT_A_TAG, tag_fault(value), "tag of an image").or_else(|| {
                let known = stack.channels.iter().any(|channel| channel == value);
                (!known).then(|| {
                    let words = format!(
                        "“{value}” is no software channel; those are {}",
                        stack.channels.join(", ")
                    );
                    (UNKNOWN_CHANNEL, words)
                })
            })
        }
        VariableKind::Host => not(NOT_A_HOST, host_fault(value), "host name"),
        VariableKind::Domain => not(
            NOT_A_DOMAIN,
            domain_fault(value),
            "fully qualified domain name",
        ),
        VariableKind::Uid => uid_fault(value),
        VariableKind::Uuid => uuid_fault(value),
        VariableKind::Email => not(NOT_AN_EMAIL, email_fault(value), "e-mail address"),
    }
}

/// The grammar of tags in the registry's protocol.
fn tag_fault(value: &str) -> Option<String> {
    const LONGEST: usize = 128;
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if value.len() > LONGEST {
        return Some(format!("it has more than {LONGEST} characters"));
    }
    if !value.starts_with(is_word) {
        return Some("it begins with neither a letter nor a digit".into());
    }
    value
        .chars()
        .find(|character| !(is_word(*character) || matches!(character, '.' | '-')))
        .map(|character| format!("“{character}” cannot be in one"))
}

fn host_fault(value: &str) -> Option<String> {
    if value.parse::<IpAddr>().is_ok() {
        return None;
    }
    name_fault(value)
}

fn domain_fault(value: &str) -> Option<String> {
    if value.parse::<IpAddr>().is_ok() {
        return Some("it is an IP address".into());
    }
    if let Some(fault) = name_fault(value) {
        return Some(fault);
    }
    let labels: Vec<&str> = value.trim_end_matches('.').split('.').collect();
    match labels.as_slice() {
        [] | [_] => Some("it has no domain after the machine's name".into()),
        [.., last] if last.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some("it ends in a number".into())
        }
        _ => None,
    }
}

/// What is wrong with a host name; names in other alphabets are taken in their ASCII form.
fn name_fault(value: &str) -> Option<String> {
    const LONGEST_NAME: usize = 253;
    const LONGEST_LABEL: usize = 63;
    if value.contains("://") {
        return Some("it has a scheme; give the name alone".into());
    }
    if value.contains('/') {
        return Some("it has a path; give the name alone".into());
    }
    if value.contains('@') {
        return Some("it has an @ in it".into());
    }
    if value.contains(':') {
        return Some("it has a port; give the name alone".into());
    }
    if value.contains(char::is_whitespace) {
        return Some("there is a space in it".into());
    }
    if value.starts_with('*') {
        return Some("it is a wildcard".into());
    }
    let Ok(ascii) = idna::domain_to_ascii(value) else {
        return Some("it is spelled in a way that cannot be a name".into());
    };
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    if name.len() > LONGEST_NAME {
        return Some(format!("it has more than {LONGEST_NAME} characters"));
    }
    name.split('.').find_map(|label| {
        if label.is_empty() {
            Some("two dots follow each other, or it begins with one".into())
        } else if label.len() > LONGEST_LABEL {
            Some(format!(
                "“{label}” has more than {LONGEST_LABEL} characters"
            ))
        } else if label.starts_with('-') || label.ends_with('-') {
            Some(format!("“{label}” begins or ends with a hyphen"))
        } else {
            label
                .chars()
                .find(|character| !(character.is_ascii_alphanumeric() || *character == '-'))
                .map(|character| format!("“{character}” cannot be in one"))
        }
    })
}

fn uid_fault(value: &str) -> Option<Fault> {
    // The kernel's own “no such account” is the largest number.
    let number = value
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| value.parse::<u32>().ok())
        .flatten()
        .filter(|number| *number != u32::MAX);
    match number {
        None => Some((
            NOT_A_UID,
            format!("“{value}” is no number of a user account"),
        )),
        Some(0) => Some((
            ROOT_UID,
            "0 is root: everything in the data would belong to root".into(),
        )),
        Some(_) => None,
    }
}

fn uuid_fault(value: &str) -> Option<Fault> {
    const HYPHENATED: usize = 36;
    match uuid::Uuid::try_parse(value) {
        Ok(uuid) if uuid.is_nil() => {
            Some((PLACEHOLDER, "the nil UUID, which identifies nothing".into()))
        }
        Ok(_) if value.len() == HYPHENATED => None,
        Ok(_) => Some((
            NOT_A_UUID,
            "a UUID in another spelling; write it as 8-4-4-4-12 digits with hyphens".into(),
        )),
        Err(_) => Some((NOT_A_UUID, format!("“{value}” is no UUID"))),
    }
}

fn email_fault(value: &str) -> Option<String> {
    let Some((account, domain)) = value.rsplit_once('@') else {
        return Some("it has no @".into());
    };
    if account.is_empty() {
        return Some("there is nothing before the @".into());
    }
    if account.contains(|character: char| {
        character.is_whitespace() || "<>()[],;:\\\"@".contains(character)
    }) {
        return Some("what stands before the @ cannot be an account".into());
    }
    domain_fault(domain).map(|why| format!("of “{domain}” {why}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile;

    fn told(kind: VariableKind, value: &str) -> Option<&'static str> {
        let stack = profile::load("2023").unwrap().stack;
        fault(&stack, kind, value).map(|(cause, _)| cause.code)
    }

    #[test]
    fn values_are_judged_by_what_they_are_to_hold() {
        use VariableKind::{Channel, Domain, Email, Host, Tag, Text, Uid, Uuid};
        let long_label = format!("{}.company.com", "a".repeat(64));
        let long_name = format!("{}com", "abcdefgh.".repeat(31));
        let long_tag = "a".repeat(129);
        // 253 characters, as many as a name may have.
        let longest_name = format!("{}a.com", "abcdefgh.".repeat(27) + "abcd.");
        for (kind, value, expected) in [
            (Text, "12345", None),
            (Text, "", Some("empty")),
            (Text, " ", Some("empty")),
            (Text, "ChangeMe", Some("placeholder")),
            (Text, "<subscription id>", Some("placeholder")),
            (Text, "${SUBSCRIPTION_ID}", Some("placeholder")),
            (Text, "your-subscription", Some("placeholder")),
            (Text, "xxxx", Some("placeholder")),
            (Tag, "v2.10", None),
            (Tag, "_1.9.4-debug", None),
            (Tag, "-1", Some("not-a-tag")),
            (Tag, "2:1", Some("not-a-tag")),
            (Tag, long_tag.as_str(), Some("not-a-tag")),
            (Tag, &long_tag[1..], None),
            (Domain, &long_label[1..], None),
            (Domain, &longest_name, None),
            (Channel, "weekly-prod", None),
            (Channel, "nightly", None),
            (Channel, "2.3.4", Some("unknown-channel")),
            (Channel, "weekly prod", Some("not-a-tag")),
            (Host, "logs.sesam.io", None),
            (Host, "relay", None),
            (Host, "10.0.0.5", None),
            (Host, "https://logs.sesam.io", Some("not-a-host")),
            (Host, "logs.sesam.io:443", Some("not-a-host")),
            (Domain, "node.company.com", None),
            (Domain, "node.company.com.", None),
            (Domain, "blåbær.firma.no", None),
            (Domain, "xn--blbr-roah.firma.no", None),
            (Domain, "NODE.Company.COM", None),
            (Domain, "node.example.com", Some("placeholder")),
            (Domain, "sesam.example.com", Some("placeholder")),
            (Domain, "node", Some("not-a-domain")),
            (Domain, "10.0.0.5", Some("not-a-domain")),
            (Domain, "::1", Some("not-a-domain")),
            (Domain, "http://node.company.com", Some("not-a-domain")),
            (Domain, "node.company.com/", Some("not-a-domain")),
            (Domain, "node.company.com:443", Some("not-a-domain")),
            (Domain, "no_de.company.com", Some("not-a-domain")),
            (Domain, "-node.company.com", Some("not-a-domain")),
            (Domain, "node..company.com", Some("not-a-domain")),
            (Domain, "node company.com", Some("not-a-domain")),
            (Domain, "*.company.com", Some("not-a-domain")),
            (Domain, "1.2.3", Some("not-a-domain")),
            (Domain, long_label.as_str(), Some("not-a-domain")),
            (Domain, long_name.as_str(), Some("not-a-domain")),
            (Uid, "1000", None),
            (Uid, "0", Some("root-uid")),
            (Uid, "sesam", Some("not-a-uid")),
            (Uid, "-1", Some("not-a-uid")),
            (Uid, "+5", Some("not-a-uid")),
            (Uid, "4294967295", Some("not-a-uid")),
            (Uid, "99999999999999999999", Some("not-a-uid")),
            (Uuid, "6f1ed002-ab54-4bbc-9d0a-1c7d8a1b2c3d", None),
            (Uuid, "6F1ED002-AB54-4BBC-9D0A-1C7D8A1B2C3D", None),
            (Uuid, "6f1ed002ab544bbc9d0a1c7d8a1b2c3d", Some("not-a-uuid")),
            (
                Uuid,
                "{6f1ed002-ab54-4bbc-9d0a-1c7d8a1b2c3d}",
                Some("not-a-uuid"),
            ),
            (
                Uuid,
                "6f1ed002-ab54-4bbc-9d0a-1c7d8a1b2c3g",
                Some("not-a-uuid"),
            ),
            (
                Uuid,
                "00000000-0000-0000-0000-000000000000",
                Some("placeholder"),
            ),
            (Email, "admin@company.com", None),
            (Email, "first.last+tag@mail.company.com", None),
            (Email, "admin@example.com", Some("placeholder")),
            (Email, "admin", Some("not-an-email")),
            (Email, "@company.com", Some("not-an-email")),
            (Email, "a b@company.com", Some("not-an-email")),
            (Email, "admin@localhost", Some("not-an-email")),
        ] {
            assert_eq!(told(kind, value), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(value in r"([a-z0-9]|[.:@/*-]|xn--|.){0,70}") {
            use VariableKind::{Channel, Domain, Email, Host, Secret, Tag, Text, Uid, Uuid};
            for kind in [Channel, Domain, Email, Host, Secret, Tag, Text, Uid, Uuid] {
                let _ = told(kind, &value);
            }
        }
    }
}
