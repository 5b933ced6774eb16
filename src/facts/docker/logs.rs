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
    Frames::default().take(raw, &mut text);
    text
}

/// Takes the frames of a log apart, however they come in pieces.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// What of a header has come.
    header: Vec<u8>,
    /// What of a frame is still to come.
    left: usize,
    /// Whether these are no frames after all, but the text itself.
    is_plain: bool,
}

impl Frames {
    /// Appends the text of what has come.
    pub(super) fn take(&mut self, raw: &[u8], text: &mut Vec<u8>) {
        let mut rest = raw;
        while !rest.is_empty() {
            if self.is_plain {
                text.extend(rest);
                return;
            }
            if self.left > 0 {
                let (frame, behind) = rest.split_at(self.left.min(rest.len()));
                text.extend(frame);
                self.left -= frame.len();
                rest = behind;
                continue;
            }
            let (more, behind) = rest.split_at((HEADER - self.header.len()).min(rest.len()));
            self.header.extend(more);
            rest = behind;
            match self.header.as_slice() {
                [stream, 0, 0, 0, a, b, c, d] if *stream <= 2 => {
                    let length = u32::from_be_bytes([*a, *b, *c, *d]);
                    self.left = usize::try_from(length).unwrap_or(usize::MAX);
                    self.header.clear();
                }
                header if header.len() >= HEADER => {
                    text.append(&mut self.header);
                    self.is_plain = true;
                }
                _ => {}
            }
        }
    }
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

    #[test]
    fn frames_that_come_in_pieces_are_the_same_text() {
        let raw = [frame(1, "one\n"), frame(2, ""), frame(2, "two two\n")].concat();
        for size in 1..raw.len() {
            let (mut frames, mut text) = (Frames::default(), Vec::new());
            for piece in raw.chunks(size) {
                frames.take(piece, &mut text);
            }
            assert_eq!(text, b"one\ntwo two\n", "{size}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(raw: Vec<u8>, tty: bool, most in 0_usize..30) {
            let lines = last_lines(&raw, tty, most);
            prop_assert!(lines.len() <= most);
        }
    }
}
