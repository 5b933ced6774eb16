//! What a person reads: nothing in it acts on the terminal, and nothing in it hides.
//!
//! All that goes to stderr goes through here, and so does every text on stdout that is no document.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};

/// Control characters, bidirectional overrides, zero-width characters, tags and what XML does not allow.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{fffe}'..='\u{ffff}'
        | '\u{e0000}'..='\u{e007f}' => true,
        other => other.is_control(),
    }
}

/// The text with its hidden characters spelled out, as in `\u{1b}`; line breaks and tabs stay.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut spelled = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            // Writing to a string does not fail.
            let _ = write!(spelled, "{}", character.escape_unicode());
        } else {
            spelled.push(character);
        }
    }
    Cow::Owned(spelled)
}

/// A line on stderr.
pub fn tell(line: &str) {
    // Where stderr is closed there is nobody to tell.
    let _ = Stderr.write_all(format!("{line}\n").as_bytes());
}

/// Whether a person may read stderr.
#[must_use]
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// The process's stderr. Each write has to be text that is whole by itself, as that of `write!` is.
#[derive(Clone, Copy, Debug)]
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let shown = String::from_utf8_lossy(text);
        io::stderr().write_all(harmless(&shown).as_bytes())?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_or_hides_is_spelled_out() {
        assert_eq!(
            harmless("a\u{1b}[31m\u{9b}2J\u{202e}b\r\n\tc\u{0}\u{7f}ä"),
            "a\\u{1b}[31m\\u{9b}2J\\u{202e}b\\u{d}\n\tc\\u{0}\\u{7f}ä"
        );
        assert!(matches!(harmless("nothing hides"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC*|.*") {
            prop_assert!(!harmless(&text).contains(is_hidden));
        }
    }
}
