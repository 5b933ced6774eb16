//! A container's log as the engine sends it: frames of stdout and stderr, or, with a terminal, the text itself.

/// The kind of stream, three zeros, and the length of what follows, big-endian.
const HEADER: usize = 8;

/// The last lines of a log; a frame that is cut short gives what there is of it.
pub(in crate::facts) fn last_lines(raw: &[u8], tty: bool, most: usize) -> Vec<String> {
    let text = if tty {
        raw.to_vec()
    } else {
        joined_frames(raw)
    };
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(most))
        .map(|line| printable(line))
        .collect()
}

fn joined_frames(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut rest = raw;
    while let Some((header, after)) = rest.split_first_chunk::<HEADER>() {
        let [stream, 0, 0, 0, a, b, c, d] = *header else {
            // Not framed after all.
            text.extend(rest);
            return text;
        };
        if stream > 2 {
            text.extend(rest);
            return text;
        }
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let (frame, behind) = after.split_at(length.min(after.len()));
        text.extend(frame);
        rest = behind;
    }
    text
}

/// Longer lines say no more to a person.
const LONGEST_LINE: usize = 500;

/// A line without the control characters that would colour or move what shows it.
pub(super) fn printable(line: &str) -> String {
    let mut clean = String::new();
    let mut escaped = false;
    for character in line.chars().take(LONGEST_LINE * 4) {
        match character {
            '\u{1b}' => escaped = true,
            // An escape sequence ends with a letter.
            letter if escaped => escaped = !letter.is_ascii_alphabetic(),
            '\t' => clean.push(' '),
            control if control.is_control() => {}
            other => clean.push(other),
        }
        if clean.chars().count() >= LONGEST_LINE {
            clean.push('…');
            break;
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(stream: u8, text: &str) -> Vec<u8> {
        let mut frame = vec![stream, 0, 0, 0];
        frame.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        frame.extend(text.as_bytes());
        frame
    }

    #[test]
    fn frames_become_lines() {
        let raw = [
            frame(1, "one\ntw"),
            frame(2, "oops\n"),
            frame(1, "\u{1b}[31mthree\u{1b}[0m\n"),
        ]
        .concat();
        assert_eq!(last_lines(&raw, false, 20), ["one", "twoops", "three"]);
        assert_eq!(last_lines(&raw, false, 1), ["three"]);
        assert_eq!(last_lines(b"plain\ntext", true, 20), ["plain", "text"]);
        assert_eq!(
            last_lines(b"plain text, longer than a header", false, 20),
            ["plain text, longer than a header"]
        );
    }

    #[test]
    fn a_frame_that_is_cut_short_gives_what_there_is() {
        let mut raw = frame(1, "whole\nnot whole");
        raw.truncate(raw.len() - 5);
        assert_eq!(last_lines(&raw, false, 20), ["whole", "not "]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(raw: Vec<u8>, tty: bool, most in 0_usize..30) {
            let lines = last_lines(&raw, tty, most);
            prop_assert!(lines.len() <= most);
        }
    }
}
