//! License files with every variation and damage that came to mind.

use super::{BEGIN, END, armoured, encoded, license, payload, signed, wrapped};

/// A license file and what it is a case of.
pub struct Sample {
    pub name: String,
    pub content: Vec<u8>,
}

/// Every sample, the same in every run.
pub fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut add = |name: String, content: &[u8]| {
        samples.push(Sample {
            name,
            content: content.to_vec(),
        });
    };
    let expires = "2999-01-01T00:00:00";
    let good_license = signed(&payload("\"12345\"", expires));

    for width in [
        0, 1, 2, 3, 4, 5, 7, 16, 48, 60, 63, 64, 65, 70, 76, 77, 100, 500, 10_000,
    ] {
        let body = encoded(good_license.as_bytes(), width);
        add(format!("lines of {width}"), armoured(&body).as_bytes());
        add(format!("lines of {width} without armour"), body.as_bytes());
        let windows = armoured(&body).replace('\n', "\r\n");
        add(format!("lines of {width} from Windows"), windows.as_bytes());
    }
    for id in ids() {
        let text = armoured(&encoded(signed(&payload(id, expires)).as_bytes(), 64));
        add(format!("_id is {id}"), text.as_bytes());
    }
    for license in licenses() {
        for armour in [true, false] {
            let body = encoded(&license, 76);
            let text = if armour { armoured(&body) } else { body };
            let shown = String::from_utf8_lossy(&license).into_owned();
            add(format!("license object {shown}"), text.as_bytes());
        }
    }
    for text in payloads() {
        let shown = String::from_utf8_lossy(&text).into_owned();
        let license = format!(r#"{{"payload":"{}"}}"#, encoded(&text, 0));
        let text = armoured(&encoded(license.as_bytes(), 64));
        add(format!("payload object {shown}"), text.as_bytes());
    }
    // Of this length the base64 ends in two signs of padding, which is the richest case.
    let to_be_padded = format!(
        "{good_license:<width$}",
        width = good_license.len().next_multiple_of(3) + 1
    );
    for (name, text) in armours(&encoded(to_be_padded.as_bytes(), 64)) {
        add(format!("armour: {name}"), &text);
    }
    damages(&mut add);
    samples
}

/// Ids as they may be written in JSON.
fn ids() -> Vec<&'static str> {
    vec![
        "\"12345\"",
        "12345",
        "12345.0",
        "1e3",
        "1E3",
        "0",
        "-7",
        "1.5",
        "0.0001",
        "0.00001",
        "123e-7",
        "1e15",
        "1e16",
        "1e17",
        "1e22",
        "12345678901234567",
        "123456789012345678",
        "12345678901234567890",
        "123456789012345678901234567890",
        "9007199254740993",
        "1e400",
        "007",
        "+5",
        ".5",
        "5.",
        "true",
        "false",
        "null",
        "nan",
        "NaN",
        "Infinity",
        "[]",
        "{}",
        "[1]",
        "{\"a\":1}",
        "\"\"",
        "\" \"",
        "\" 12345 \"",
        "\"null\"",
        "\"a b\"",
        "\"æøå\"",
        "\"\\u00e6\"",
        "\"\\u0031\\u0032\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"a\\nb\"",
        "\"a\\n\"",
        "\"\\na\"",
        "\"a\\tb\"",
        "\"a\\r\"",
        "\"a\\/b\"",
        "\"a\\\\b\"",
        "\"a\\\"b\"",
        "\"\\u0000\"",
        "\"a\\u007fb\"",
        "\"0b7d3c1e-5a52-4b0e-9d3f-0d9f6f1f7f11\"",
        "\"a\tb\"",
        "\"SESAM\"",
        "\"日本\"",
        "\"\\q\"",
        "'12345'",
        "12_345",
        "0x10",
    ]
}

/// License objects, good and odd.
fn licenses() -> Vec<Vec<u8>> {
    let inner = encoded(payload("\"12345\"", "2999-01-01T00:00:00").as_bytes(), 0);
    let unpadded = inner.trim_end_matches('=').to_owned();
    let with_newlines = wrapped(&inner, 60).replace('\n', "\\n");
    let with_windows_newlines = wrapped(&inner, 60).replace('\n', "\\r\\n");
    let escaped = inner.replace('e', "\\u0065");
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let mut licenses: Vec<Vec<u8>> = [
        format!(r#"{{"payload":"{inner}"}}"#),
        format!(r#" {{ "payload" : "{inner}" }} "#),
        format!("\n\t{{\r\n\"payload\":\n\"{inner}\"}}\n\n"),
        format!(r#"{{"payload":"{unpadded}"}}"#),
        format!(r#"{{"payload":"{with_newlines}"}}"#),
        format!(r#"{{"payload":"{with_windows_newlines}"}}"#),
        format!(r#"{{"payload":"{escaped}"}}"#),
        format!(r#"{{"payload":" {inner}"}}"#),
        format!(r#"{{"payload":"{inner} "}}"#),
        format!(r#"{{"payload":"{inner}\n"}}"#),
        format!(r#"{{"payload":"\n\n{inner}"}}"#),
        format!(r#"{{"payload":"{inner}!!"}}"#),
        format!(r#"{{"payload":"{inner}{inner}"}}"#),
        format!(r#"{{"signature":"x","payload":"{inner}","extra":{{"deep":[1,2,{{}}]}}}}"#),
        format!(r#"{{"payload":"b2xk","payload":"{inner}"}}"#),
        format!(r#"{{"payload":"{inner}","payload":null}}"#),
        format!(r#"{{"p\u0061yload":"{inner}"}}"#),
        format!(r#"{{"payload":"{inner}","a":NaN,"b":-Infinity,"c":nan}}"#),
        format!(r#"{{"payload":"{inner}","a":007,"b":+1,"c":.5,"d":5.,"e":1e999}}"#),
        format!(r#"{{"payload":"{inner}","a":"\ud800"}}"#),
        format!(r#"{{"payload":"{inner}","a":{}}}"#, nested(120)),
        format!(r#"{{"payload":"{inner}","a":{}}}"#, nested(200)),
        format!(r#"{{"payload":"{inner}"}} trailing"#),
        format!(r#"{{"payload":"{inner}"}}{{"#),
        format!(r#"{{"payload":"{inner}"}}{{"payload":null}}"#),
        format!(r#"{{"payload":"{inner}"}}{{"payload":"{inner}"}}"#),
        format!(r#"{{"payload":"{inner}"}},{{"payload":"{inner}"}}"#),
        format!(r#"[1] {{"payload":"{inner}"}}"#),
        format!(r#""text"{{"payload":"{inner}"}}"#),
        format!(r#"12{{"payload":"{inner}"}}"#),
        format!(r#"null {{"payload":"{inner}"}}"#),
        format!(r#"{{"payload":1}}{{"payload":"{inner}"}}"#),
        format!(r#"[{{"payload":"{inner}"}}]"#),
        format!(r#"{{"payload":"{inner}",}}"#),
        format!(r#"{{"payload":"{inner}""#),
        format!(r#"{{"payload":"{inner}"#),
        format!("{{\"payload\":\"{inner}\",\"a\":\"\u{FEFF}æ\"}}"),
        format!("\u{FEFF}{{\"payload\":\"{inner}\"}}"),
        format!("{{\"payload\":\"{inner}\"}}\0"),
        format!("\0{{\"payload\":\"{inner}\"}}"),
        r#"{"payload":""}"#.into(),
        r#"{"payload":{}}"#.into(),
        "{}".into(),
        "null".into(),
        String::new(),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect();
    let mut invalid_utf8 = format!(r#"{{"payload":"{inner}","a":""#).into_bytes();
    invalid_utf8.extend(b"\xFF\xC3\"}");
    licenses.push(invalid_utf8);
    licenses
}

/// Payload objects, good and odd.
fn payloads() -> Vec<Vec<u8>> {
    let mut payloads: Vec<Vec<u8>> = [
        r#"{"_id":"12345"}"#,
        r#" { "_id" : "12345" } "#,
        "\n{\n\t\"_id\":\r\n\"12345\"\n}\n",
        r#"{"_id":"1","_id":"2"}"#,
        r#"{"_id":"1","_id":null}"#,
        r#"{"\u005fid":"12345"}"#,
        r#"{"_ID":"12345"}"#,
        r#"{"_id":"12345"} {"other":1}"#,
        r#"{"other":1}{"_id":"12345"}"#,
        r#"{"_id":"12345"}{"_id":"12345"}"#,
        r#"[1]{"_id":"12345"}"#,
        r#"{"_id":"12345"}x"#,
        r#"{"_id":"12345""#,
        r#"{"_id":"12345","expires":nan}"#,
        r#"{"_id":"12345","expires":"soon"}"#,
        r#"{"_id":"12345","expires":null,"created":17}"#,
        "\u{FEFF}{\"_id\":\"12345\"}",
        "{\"_id\":\"a\u{7f}b\"}",
        "{\"_id\":\"a\nb\"}",
        "[]",
        "null",
        "12345",
        "",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    payloads.push(b"{\"_id\":\"a\xFFb\"}".to_vec());
    payloads.push(b"{\"_id\":\"\xE6\xF8\xE5\"}".to_vec());
    payloads
}

/// The lines around a license, good and odd.
fn armours(body: &str) -> Vec<(&'static str, Vec<u8>)> {
    let good = armoured(body);
    let mut texts: Vec<(&str, String)> = vec![
        ("byte order mark", format!("\u{FEFF}{good}")),
        ("byte order mark alone", format!("\u{FEFF}{body}")),
        ("no last line", format!("{BEGIN}{body}\n")),
        ("no last line end", format!("{BEGIN}{body}")),
        ("no first line", format!("{body}\n{END}")),
        ("last line cut", format!("{BEGIN}{body}\n-----END SES")),
        ("last line cut early", format!("{BEGIN}{body}\n---")),
        (
            "last line is another's",
            format!("{BEGIN}{body}\n-----END CERTIFICATE-----\n"),
        ),
        (
            "both lines are another's",
            good.replace("SESAM LICENSE", "CERTIFICATE"),
        ),
        ("other words", good.replace("LICENSE", "SUBSCRIPTION KEY")),
        ("no dashes", good.replace('-', "")),
        ("equals signs", good.replace('-', "=")),
        (
            "lower case",
            good.to_lowercase().replace(&body.to_lowercase(), body),
        ),
        (
            "lower-case lines",
            format!("-----begin sesam license-----\n{body}\n-----end sesam license-----\n"),
        ),
        ("blank lines", format!("\n\n{BEGIN}\n{body}\n\n{END}\n\n")),
        ("blanks at line ends", good.replace('\n', " \n")),
        (
            "blanks at line starts",
            format!("  {}", good.replace('\n', "\n  ")),
        ),
        ("tabs", good.replace('\n', "\t\n")),
        ("old Macintosh", good.replace('\n', "\r")),
        ("one line", good.replace('\n', " ")),
        (
            "license on the first line",
            format!("-----BEGIN SESAM LICENSE-----{body}\n{END}"),
        ),
        (
            "comment that names Sesam",
            format!("# license of SESAM\n{good}"),
        ),
        ("comment that does not", format!("# license\n{good}")),
        (
            "comment within",
            good.replacen('\n', "\nComment: for SESAM\n", 2),
        ),
        ("text behind", format!("{good}yours sincerely\n")),
        (
            "text behind without armour",
            format!("{body}\n!yours sincerely\n"),
        ),
        ("letters behind without armour", format!("{body}\nyours\n")),
        ("page around", format!("<pre>{good}</pre>\n")),
        (
            "page around on lines of its own",
            format!("<html><pre>\n{good}</pre></html>\n"),
        ),
    ];
    texts.extend(fillings(body, &good));
    let mut armours: Vec<(&str, Vec<u8>)> = texts
        .into_iter()
        .map(|(name, text)| (name, text.into_bytes()))
        .collect();
    let utf16 = good.encode_utf16().flat_map(u16::to_le_bytes);
    armours.push(("UTF-16", [0xFF, 0xFE].into_iter().chain(utf16).collect()));
    armours.push(("zero bytes", [good.as_bytes(), b"\0\0\0"].concat()));
    armours.push((
        "Latin 1 behind",
        [good.as_bytes(), b"\xE6\xF8\xE5\n"].concat(),
    ));
    armours.push((
        "Latin 1 within",
        [
            BEGIN.as_bytes(),
            b"\xE6",
            body.as_bytes(),
            b"\n",
            END.as_bytes(),
        ]
        .concat(),
    ));
    armours
}

/// What is between the lines and beside them, good and odd.
fn fillings(body: &str, good: &str) -> Vec<(&'static str, String)> {
    let flat = body.replace('\n', "");
    let padding = flat.len() - flat.trim_end_matches('=').len();
    assert!(
        padding > 0,
        "the sample has to be padded for its variations"
    );
    vec![
        (
            "no padding",
            format!("{BEGIN}{}\n{END}", flat.trim_end_matches('=')),
        ),
        ("too much padding", format!("{BEGIN}{flat}=\n{END}")),
        (
            "padding on its own line",
            format!(
                "{BEGIN}{}\n{}\n{END}",
                flat.trim_end_matches('='),
                "=".repeat(padding)
            ),
        ),
        ("twice", format!("{good}{good}")),
        ("twice without armour", format!("{body}\n{body}\n")),
        (
            "a second that is broken",
            format!("{good}{BEGIN}!!!!\n{END}"),
        ),
        ("a second that is cut", format!("{good}{}", &good[..100])),
        ("a second that is empty", format!("{good}{BEGIN}{END}")),
        ("first line twice", format!("{BEGIN}{good}")),
        ("last line twice", format!("{good}{END}")),
        ("last line first", format!("{END}{body}\n{BEGIN}")),
        (
            "certificate before",
            format!("-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n{good}"),
        ),
        (
            "certificate behind",
            format!("{good}-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n"),
        ),
        ("URL-safe letters", good.replace('+', "-").replace('/', "_")),
        ("quoted", good.replace('\n', "\n> ")),
        ("nothing", String::new()),
        ("line ends only", "\n\n\n".into()),
        ("first line only", BEGIN.into()),
        ("both lines only", format!("{BEGIN}{END}")),
    ]
}

/// Single damages at places that are as if drawn by lot, and the same in every run.
fn damages(add: &mut impl FnMut(String, &[u8])) {
    let good = license();
    let mut lot = Lot(7);
    for _ in 0..40 {
        let place = lot.below(good.len());
        let letters = b"Aa0+/=!\r\n -\0\xFF";
        let letter = letters[lot.below(letters.len())];
        let mut replaced = good.clone().into_bytes();
        replaced[place] = letter;
        add(format!("byte {place} replaced by {letter}"), &replaced);
        let mut inserted = good.clone().into_bytes();
        inserted.insert(place, letter);
        add(format!("{letter} inserted at {place}"), &inserted);
        let mut removed = good.clone().into_bytes();
        removed.remove(place);
        add(format!("byte {place} removed"), &removed);
        add(format!("cut at {place}"), &good.as_bytes()[..place]);
    }
    for cut in 1..40 {
        let end = good.len() - cut;
        add(format!("the last {cut} bytes cut"), &good.as_bytes()[..end]);
    }
}

/// Numbers as if drawn by lot (xorshift).
struct Lot(u64);

impl Lot {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}
