//! Base64 as `base64 -d` of GNU coreutils reads it.
//!
//! Crates decode all or nothing. Operators' scripts decode with coreutils, which ignores line feeds, gives out what it
//! decoded before the first wrong character, and accepts padded groups one after another; the doctor has to read what they read.

/// How the end of a text was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// After a whole group.
    Whole,
    /// Within a group: padding is missing, or the text was cut.
    Unpadded,
    /// At a character that is no base64 there.
    Invalid,
}

/// What was decoded, and how that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub bytes: Vec<u8>,
    pub ending: Ending,
}

/// Decodes until the end or the first wrong character, ignoring line feeds only.
pub(super) fn decode(text: &[u8]) -> Decoded {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut characters = text.iter().copied().filter(|byte| *byte != b'\n');
    let ending = loop {
        match decode_group(&mut characters, &mut bytes) {
            Group::Whole => {}
            Group::Nothing => break Ending::Whole,
            Group::Cut => break Ending::Unpadded,
            Group::Invalid => break Ending::Invalid,
        }
    };
    Decoded { bytes, ending }
}

/// Whether every byte is of the base64 alphabet or its padding.
pub(super) fn is_base64(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte == b'=' || value(byte).is_some())
}

enum Group {
    Whole,
    Nothing,
    Cut,
    Invalid,
}

fn decode_group(characters: &mut impl Iterator<Item = u8>, bytes: &mut Vec<u8>) -> Group {
    let Some(first) = characters.next() else {
        return Group::Nothing;
    };
    let second = characters.next();
    let third = characters.next();
    let fourth = characters.next();
    let Some(first) = value(first) else {
        return Group::Invalid;
    };
    let Some(second) = second else {
        return Group::Cut;
    };
    let Some(second) = value(second) else {
        return Group::Invalid;
    };
    bytes.push(first << 2 | second >> 4);
    let third = match (third, fourth) {
        (None, _) | (Some(b'='), None) => return Group::Cut,
        (Some(b'='), Some(b'=')) => return Group::Whole,
        (Some(third), _) => match value(third) {
            Some(third) => third,
            None => return Group::Invalid,
        },
    };
    bytes.push(second << 4 | third >> 2);
    match fourth {
        None => Group::Cut,
        Some(b'=') => Group::Whole,
        Some(fourth) => match value(fourth) {
            Some(fourth) => {
                bytes.push(third << 6 | fourth);
                Group::Whole
            }
            None => Group::Invalid,
        },
    }
}

fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_coreutils_gives_out_is_decoded() {
        // Each row was tried with `base64 -d` of coreutils 9.1.
        for (text, bytes, ending) in [
            ("QUJDRA==", "ABCD", Ending::Whole),
            ("QUJDRA", "ABCD", Ending::Unpadded),
            ("QUJDRA=", "ABCD", Ending::Unpadded),
            ("QUJDR", "ABC", Ending::Unpadded),
            ("QUJDRA==QUJD", "ABCDABC", Ending::Whole),
            ("QUJDRA=QUJD", "ABCD", Ending::Invalid),
            ("QUJD\r\nQUJD\r\n", "ABC", Ending::Invalid),
            ("QUJDQU!D", "ABCA", Ending::Invalid),
            ("QUJDQ!JD", "ABC", Ending::Invalid),
            ("QUJD\n=UJD", "ABC", Ending::Invalid),
            ("QU\nJD\nRA=\n=", "ABCD", Ending::Whole),
            (" QUJD", "", Ending::Invalid),
            ("QUJDRA=!", "ABCD", Ending::Invalid),
            ("", "", Ending::Whole),
        ] {
            let decoded = decode(text.as_bytes());
            assert_eq!(
                (decoded.bytes.as_slice(), decoded.ending),
                (bytes.as_bytes(), ending),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_was_encoded_is_decoded(bytes: Vec<u8>) {
            use base64::{Engine, engine::general_purpose::STANDARD};
            let decoded = decode(STANDARD.encode(&bytes).as_bytes());
            prop_assert_eq!(decoded, Decoded { bytes, ending: Ending::Whole });
        }

        #[test]
        fn no_input_makes_it_panic(text: Vec<u8>) {
            decode(&text);
        }
    }
}
