//! The spellings in which a secret may turn up.

use std::{collections::BTreeSet, fmt::Write};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use data_encoding::HEXLOWER;

/// Secrets up to this length are also sought in hex and with every character escaped.
const LONGEST_FULLY_ESCAPED: usize = 300;

/// Fewer characters of base64 than these turn up by chance.
const SHORTEST_BASE64: usize = 5;

/// Of a secret of several lines, lines of this length are known by themselves: a log puts something before each.
const SHORTEST_LINE: usize = 24;

/// One spelling of a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spelling {
    /// What is sought.
    pub(super) text: Vec<u8>,
    /// Whether the character before holds bits of the secret too, as in base64 that begins before it.
    pub(super) begins_inside: bool,
    /// Whether the character after does.
    pub(super) ends_inside: bool,
}

impl Spelling {
    fn whole(text: impl Into<Vec<u8>>) -> Self {
        Self {
            text: text.into(),
            begins_inside: false,
            ends_inside: false,
        }
    }
}

/// Every spelling of a secret, each once.
pub(super) fn of(secret: &str) -> BTreeSet<Spelling> {
    let mut spellings: BTreeSet<Spelling> = texts(secret)
        .into_iter()
        .map(|text| Spelling::whole(text.into_bytes()))
        .collect();
    for before in 0..3 {
        spellings.extend(in_base64(secret, before));
    }
    spellings
}

fn texts(secret: &str) -> BTreeSet<String> {
    let mut texts = BTreeSet::from([secret.to_owned()]);
    texts.extend(in_json(secret));
    texts.extend(in_urls(secret));
    texts.extend(in_markup(secret));
    if secret.len() <= LONGEST_FULLY_ESCAPED {
        let hex = HEXLOWER.encode(secret.as_bytes());
        texts.insert(hex.to_uppercase());
        texts.insert(hex);
    }
    // Compose doubles the dollar, YAML the quote, and a shell leaves its quotes for it.
    texts.insert(secret.replace('$', "$$"));
    texts.insert(secret.replace('\'', "''"));
    texts.insert(secret.replace('\'', "'\\''"));
    if secret.contains('\n') {
        texts.insert(secret.replace('\n', "\r\n"));
        texts.extend(
            secret
                .lines()
                .map(str::trim)
                .filter(|line| line.len() >= SHORTEST_LINE && !line.contains(char::is_whitespace))
                .map(ToOwned::to_owned),
        );
    }
    texts
}

fn in_json(secret: &str) -> Vec<String> {
    let Ok(quoted) = serde_json::to_string(secret) else {
        return Vec::new();
    };
    let plain = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(&quoted)
        .to_owned();
    // Go's encoder, and so Docker's, escapes what HTML would mistake.
    let go = plain
        .replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e");
    let mut spellings = vec![plain.replace('/', "\\/")];
    for text in [&plain, &go] {
        let ascii = unicode_escaped(text, |character| !character.is_ascii());
        spellings.push(upper_escapes(&ascii));
        spellings.push(ascii.replace('/', "\\/"));
        spellings.push(ascii);
        // A document within a document is escaped twice.
        spellings.push(text.replace('\\', "\\\\").replace('"', "\\\""));
    }
    if secret.len() <= LONGEST_FULLY_ESCAPED {
        let all = unicode_escaped(secret, |_| true);
        spellings.push(upper_escapes(&all));
        spellings.push(all);
    }
    spellings.push(go);
    spellings.push(plain);
    spellings
}

fn unicode_escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if is_escaped(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// The same with the hexadecimal digits of `\u` in capitals.
fn upper_escapes(text: &str) -> String {
    let mut pieces = text.split("\\u");
    let mut upper = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(4).unwrap_or((piece, ""));
        upper.push_str("\\u");
        upper.push_str(&digits.to_uppercase());
        upper.push_str(rest);
    }
    upper
}

/// What encoders leave as it is: RFC 3986, JavaScript's `encodeURIComponent` and `encodeURI`, HTML's forms, and none at all.
const LEFT_IN_URLS: [&str; 5] = ["-._~", "-._~!'()*", "-._~!'()*;/?:@&=+$,#", "-._*", "-._/~"];

fn in_urls(secret: &str) -> BTreeSet<String> {
    let mut spellings = BTreeSet::new();
    for left in LEFT_IN_URLS {
        for upper in [true, false] {
            let percent = percent_encoded(secret, upper, |byte| {
                byte.is_ascii_alphanumeric() || left.as_bytes().contains(&byte)
            });
            spellings.insert(percent.replace("%20", "+"));
            spellings.insert(percent.replace('%', "%25"));
            spellings.insert(percent);
        }
    }
    if secret.len() <= LONGEST_FULLY_ESCAPED {
        for upper in [true, false] {
            spellings.insert(percent_encoded(secret, upper, |_| false));
        }
    }
    spellings
}

fn percent_encoded(secret: &str, upper: bool, is_left: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::new();
    for byte in secret.bytes() {
        // Writing to a string does not fail.
        let _ = match (is_left(byte), upper) {
            (true, _) => write!(encoded, "{}", char::from(byte)),
            (false, true) => write!(encoded, "%{byte:02X}"),
            (false, false) => write!(encoded, "%{byte:02x}"),
        };
    }
    encoded
}

fn in_markup(secret: &str) -> Vec<String> {
    let escaped = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    vec![
        escaped.replace('"', "&quot;").replace('\'', "&#39;"),
        escaped.replace('"', "&#34;").replace('\'', "&#39;"),
        escaped
            .replace('"', "&quot;")
            .replace('\'', "&#x27;")
            .replace('/', "&#x2f;"),
        escaped
            .replace('"', "&quot;")
            .replace('\'', "&#x27;")
            .replace('/', "&#x2F;"),
        escaped.replace('"', "&quot;").replace('\'', "&apos;"),
        escaped,
    ]
}

/// The characters that a secret makes in base64 where it begins `before` bytes after a group of three, both alphabets.
/// Those that also hold bits of what stands before or after it depend on that and are not sought.
fn in_base64(secret: &str, before: usize) -> Vec<Spelling> {
    let mut bytes = vec![0; before];
    bytes.extend(secret.bytes());
    let encoded = STANDARD_NO_PAD.encode(&bytes);
    let bits = bytes.len() * 8;
    let own = (before * 8).div_ceil(6)..bits / 6;
    let Some(stable) = encoded.get(own).filter(|own| own.len() >= SHORTEST_BASE64) else {
        return Vec::new();
    };
    let spelling = |text: String| Spelling {
        text: text.into_bytes(),
        begins_inside: before > 0,
        ends_inside: !bits.is_multiple_of(6),
    };
    vec![
        spelling(stable.to_owned()),
        spelling(stable.replace('+', "-").replace('/', "_")),
    ]
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    fn is_known_as(secret: &str, text: &str) -> bool {
        of(secret).iter().any(|spelling| {
            text.as_bytes()
                .windows(spelling.text.len())
                .any(|window| window == spelling.text)
        })
    }

    #[test]
    fn a_secret_is_known_in_base64_wherever_it_lies() {
        let secret = "s\u{fc}?p>er/se+cret";
        for before in ["", "u", "us", "user:", "{\"a\":\""] {
            for after in ["", "x", "xy", "\"}"] {
                let text = format!("{before}{secret}{after}");
                for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                    assert!(is_known_as(secret, &encoded), "{text} {encoded}");
                }
            }
        }
    }

    #[test]
    fn a_secret_is_known_as_others_escape_it() {
        let secret = "p\"a's<s>&/ w\\\u{f6}$1";
        for text in [
            serde_json::to_string(secret).unwrap(),
            r#"p\"a's\u003cs\u003e\u0026/ w\\ö$1"#.to_owned(),
            r#"p\"a's<s>&\/ w\\\u00f6$1"#.to_owned(),
            r#"p\"a's<s>&\/ w\\\u00f6$1"#.to_uppercase().replace('P', "p").replace("A'S<S>&", "a's<s>&").replace('W', "w").replace("\\U", "\\u").replace("\\/", "/"),
            "p%22a%27s%3Cs%3E%26%2F%20w%5C%C3%B6%241".to_owned(),
            "p%22a%27s%3cs%3e%26%2f+w%5c%c3%b6%241".to_owned(),
            "p%22a's%3Cs%3E%26%2F%20w%5C%C3%B6%241".to_owned(),
            "p&quot;a&#39;s&lt;s&gt;&amp;/ w\\\u{f6}$1".to_owned(),
            "7022612773".to_owned() + "3c733e262f20775cc3b62431",
            "p\"a's<s>&/ w\\\u{f6}$$1".to_owned(),
        ] {
            assert!(is_known_as(secret, &text), "{text}");
        }
    }
}
