use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::*;

const PAYLOAD: &str = r#"{"_id":"12345","expires":"2017-09-24T00:00:00","email":"john.doe@example.com","created":"2016-06-24T09:38:51"}"#;

fn body_of(payload: &str) -> String {
    let license = format!(
        r#"{{"payload":"{}","signature":"c2lnbmF0dXJl","key":1}}"#,
        STANDARD.encode(payload)
    );
    let encoded = STANDARD.encode(license);
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join("\n")
}

fn armoured(body: &str) -> String {
    format!("-----BEGIN SESAM LICENSE-----\n{body}\n-----END SESAM LICENSE-----\n")
}

fn license() -> String {
    armoured(&body_of(PAYLOAD))
}

fn fault_of(text: &str) -> Option<Fault> {
    read(text.as_bytes()).fault
}

#[test]
fn a_license_is_read() {
    let reading = read(license().as_bytes());
    let expected = Reading {
        id: Some("12345".into()),
        expires: Some("2017-09-24T00:00:00Z".parse().unwrap()),
        created: Some("2016-06-24T09:38:51Z".parse().unwrap()),
        fault: None,
        remarks: Vec::new(),
    };
    assert_eq!(reading, expected);
}

#[test]
fn what_is_unusual_is_accepted_with_a_remark() {
    let text = license();
    let bare = body_of(PAYLOAD);
    let end = "-----END SESAM LICENSE-----\n";
    for (text, remarks) in [
        (text.replace('\n', "\r\n"), vec![Remark::CarriageReturns]),
        (format!("\u{FEFF}{text}"), vec![Remark::ByteOrderMark]),
        (
            bare.clone(),
            vec![Remark::BeginLineMissing, Remark::EndLineMissing],
        ),
        (
            format!("\u{FEFF}{bare}\r\n"),
            vec![
                Remark::ByteOrderMark,
                Remark::CarriageReturns,
                Remark::BeginLineMissing,
                Remark::EndLineMissing,
            ],
        ),
        (text.replace(end, ""), vec![Remark::EndLineMissing]),
        (
            text.replace(end, "-----END SE"),
            vec![Remark::EndLineMissing],
        ),
        (
            text.replace("-----BEGIN SESAM LICENSE-----\n", ""),
            vec![Remark::BeginLineMissing],
        ),
        (text.replace('\n', " \n"), vec![Remark::Blanks]),
        (
            format!("Dear customer,\nhere it is:\n{text}Yours\n"),
            vec![Remark::SurroundingText],
        ),
        (
            text.replace("=\n", "\n").replace("=\n", "\n"),
            vec![Remark::PaddingMissing],
        ),
    ] {
        let reading = read(text.as_bytes());
        assert_eq!(reading.id.as_deref(), Some("12345"), "{text}");
        assert_eq!(reading.fault, None, "{text}");
        assert_eq!(reading.remarks, remarks, "{text}");
    }
}

#[test]
fn damages_are_told_apart() {
    let text = license();
    let bare = body_of(PAYLOAD);
    let not_base64 = |layer, instead| Fault::NotBase64 { layer, instead };
    let truncated = Fault::Truncated {
        layer: Layer::License,
    };
    let cut = |length: usize| text.get(..length).unwrap().to_owned();
    let foreign = |found: &str| Fault::WrongArmour {
        found: found.into(),
    };
    for (text, fault) in [
        (String::new(), Fault::Empty),
        (" \r\n\t\n".into(), Fault::Empty),
        ("\u{FEFF}\n".into(), Fault::Empty),
        (armoured(""), Fault::Empty),
        (
            "<!DOCTYPE html>\n<html><body>Log in</body></html>".into(),
            Fault::Html,
        ),
        ("\n <HTML>".into(), Fault::Html),
        (format!("<html><pre>\n{text}</pre></html>"), Fault::Html),
        (cut(11), truncated.clone()),
        (cut(30), truncated.clone()),
        (cut(45), truncated.clone()),
        (cut(200), truncated.clone()),
        (
            armoured(&cut(200).replace("-----BEGIN SESAM LICENSE-----\n", "")),
            truncated.clone(),
        ),
        (
            text.replace("SESAM LICENSE", "CERTIFICATE"),
            foreign("CERTIFICATE"),
        ),
        (
            text.replace("END SESAM LICENSE", "END CERTIFICATE")
                .replace('\n', "\r\n"),
            foreign("CERTIFICATE"),
        ),
        (text.replace('\n', " "), foreign("")),
        (format!("{text}{text}"), Fault::SeveralLicenses { count: 2 }),
        (
            armoured("hello, world"),
            not_base64(Layer::License, Instead::OtherCharacters),
        ),
        (
            text.replace("ey", "e!"),
            not_base64(Layer::License, Instead::OtherCharacters),
        ),
        (PAYLOAD.into(), not_base64(Layer::License, Instead::Json)),
        (
            armoured(&STANDARD.encode("what is this")),
            Fault::NotJson {
                layer: Layer::License,
            },
        ),
        (
            armoured(&STANDARD.encode("[1]")),
            Fault::NotJson {
                layer: Layer::License,
            },
        ),
        (
            armoured(&body_of("what is this")),
            Fault::NotJson {
                layer: Layer::Payload,
            },
        ),
        (
            armoured(&body_of(PAYLOAD.get(..50).unwrap())),
            Fault::Truncated {
                layer: Layer::Payload,
            },
        ),
        (
            armoured(&STANDARD.encode(r#"{"payload":"a,b"}"#)),
            not_base64(Layer::Payload, Instead::OtherCharacters),
        ),
        (
            text.replace(bare.get(..65).unwrap(), "")
                .replace("-----BEGIN SESAM LICENSE-----\n", ""),
            truncated,
        ),
    ] {
        let reading = read(text.as_bytes());
        assert_eq!(reading.fault, Some(fault), "{text}");
        assert_eq!(reading.id, None, "{text}");
    }
    let utf16: Vec<u8> = std::iter::once(0xFEFF)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(
        read(&utf16).fault,
        Some(not_base64(Layer::License, Instead::Utf16))
    );
}

#[test]
fn missing_members_are_named() {
    let missing = |member| Some(Fault::MemberMissing { member });
    for outer in [
        r#"{"signature":"x"}"#,
        r#"{"payload":null}"#,
        r#"{"payload":""}"#,
        r#"{"payload":{}}"#,
        "{}",
    ] {
        let text = armoured(&STANDARD.encode(outer));
        assert_eq!(fault_of(&text), missing(Member::Payload), "{outer}");
    }
    for (from, to, member) in [
        ("_id", "id", Member::Id),
        ("\"12345\"", "null", Member::Id),
        ("\"12345\"", "\"\"", Member::Id),
        ("expires", "expiry", Member::Expires),
        ("\"2017-09-24T00:00:00\"", "null", Member::Expires),
        ("created", "made", Member::Created),
    ] {
        let text = armoured(&body_of(&PAYLOAD.replace(from, to)));
        assert_eq!(fault_of(&text), missing(member), "{from}");
    }
}

#[test]
fn a_fault_beside_a_readable_id_leaves_it_readable() {
    for (text, fault) in [
        (
            license().replace("END SESAM LICENSE", "END CERTIFICATE"),
            Fault::WrongArmour {
                found: "CERTIFICATE".into(),
            },
        ),
        (
            format!("{}{}", license(), armoured("!!!!")),
            Fault::SeveralLicenses { count: 2 },
        ),
        (
            armoured(&body_of(&PAYLOAD.replace("created", "made"))),
            Fault::MemberMissing {
                member: Member::Created,
            },
        ),
    ] {
        let reading = read(text.as_bytes());
        assert_eq!(reading.id.as_deref(), Some("12345"), "{text}");
        assert_eq!(reading.fault, Some(fault), "{text}");
    }
}

#[test]
fn dates_are_read_in_their_zone() {
    let utc = "2017-09-24T00:00:00Z";
    for (text, expected) in [
        ("2017-09-24T00:00:00", Some(utc)),
        ("2017-09-24T00:00:00.000", Some(utc)),
        ("2017-09-24 00:00:00", Some(utc)),
        ("2017-09-24T00:00", Some(utc)),
        ("2017-09-24", Some(utc)),
        ("20170924T000000", Some(utc)),
        ("2017-09-24T00:00:00Z", Some(utc)),
        ("2017-09-24T02:00:00+02:00", Some(utc)),
        ("2017-09-24T02:00:00.0+0200", Some(utc)),
        (" 2017-09-24T00:00:00 ", Some(utc)),
        ("2017-13-24T00:00:00", None),
        ("2017-02-29T00:00:00", None),
        ("24.09.2017", None),
        ("soon", None),
    ] {
        let text = armoured(&body_of(&PAYLOAD.replace("2017-09-24T00:00:00", text)));
        let reading = read(text.as_bytes());
        let expected = expected.map(|time| time.parse::<Timestamp>().unwrap());
        assert_eq!(reading.expires, expected, "{text}");
        let fault = expected.is_none().then_some(Fault::BadDate {
            member: Member::Expires,
        });
        assert_eq!(reading.fault, fault);
    }
    for number in ["1506211200", "true", "{}"] {
        let payload = PAYLOAD.replace("\"2017-09-24T00:00:00\"", number);
        assert_eq!(
            fault_of(&armoured(&body_of(&payload))),
            Some(Fault::BadDate {
                member: Member::Expires
            })
        );
    }
}

#[test]
fn a_reading_holds_nothing_of_the_text() {
    let text = license();
    for damage in [
        text.clone(),
        text.replace('\n', " "),
        format!("-----BEGIN {text}"),
    ] {
        let facts = serde_json::to_string(&read(damage.as_bytes())).unwrap();
        for secret in [
            "john",
            "signature",
            "c2ln",
            "eyJ",
            body_of(PAYLOAD).get(..24).unwrap(),
        ] {
            assert!(!facts.contains(secret), "{facts}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(content: Vec<u8>) {
        let _ = read(&content);
    }

    #[test]
    fn no_damage_makes_it_panic(place in 0..700_usize, byte: u8, length in 0..700_usize) {
        let mut content = license().into_bytes();
        let place = place % content.len();
        content[place] = byte;
        let _ = read(&content);
        content.truncate(length);
        let _ = read(&content);
    }

    #[test]
    fn no_payload_makes_it_panic(payload: String, wrapped: bool) {
        let body = body_of(&payload);
        let text = if wrapped { armoured(&body) } else { body };
        let reading = read(text.as_bytes());
        let json = serde_json::to_string(&reading).unwrap();
        prop_assert_eq!(serde_json::from_str::<Reading>(&json).unwrap(), reading);
    }

    #[test]
    fn any_id_is_read_as_it_is(id in "[^\n]{1,40}") {
        prop_assume!(id != "null");
        let quoted = serde_json::to_string(&id).unwrap();
        let text = armoured(&body_of(&PAYLOAD.replace("\"12345\"", &quoted)));
        let reading = read(text.as_bytes());
        prop_assert_eq!(reading.id, Some(id));
    }
}
