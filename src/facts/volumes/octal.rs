//! The escapes of mountinfo and fstab: `\040` stands for a space.

/// The text with each backslash and three octal digits replaced by the byte they stand for; anything else is kept.
pub(super) fn unescape(text: &str) -> String {
    let mut clean = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = escaped(rest).unwrap_or((*first, after));
        clean.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&clean).into_owned()
}

fn escaped(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let [
        b'\\',
        a @ b'0'..=b'3',
        b @ b'0'..=b'7',
        c @ b'0'..=b'7',
        rest @ ..,
    ] = bytes
    else {
        return None;
    };
    let digit = |byte: &u8| byte - b'0';
    Some((digit(a) << 6 | digit(b) << 3 | digit(c), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_replaced_and_the_rest_is_kept() {
        for (text, expected) in [
            (r"/mnt/with\040space", "/mnt/with space"),
            (r"\134\011\012\043", "\\\t\n#"),
            (r"\303\245", "å"),
            (r"\9\04", r"\9\04"),
            (r"\777", r"\777"),
            ("ends\\", "ends\\"),
        ] {
            assert_eq!(unescape(text), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = unescape(&text);
        }

        #[test]
        fn what_has_no_escapes_is_kept(text in "[^\\\\]*") {
            prop_assert_eq!(unescape(&text), text);
        }
    }
}
