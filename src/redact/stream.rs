//! Taking secrets out of what is too long to be held, in constant memory.

use std::io::{self, Read, Write};

use super::{Redactor, rules::REACH};

/// Held at a time. Small enough for the processor's own memory, large enough that what is looked at twice does not count.
const WINDOW: usize = 1_048_576;

/// Kept of what has gone already, so that a rule sees the name before a value.
const BEHIND: usize = 8_192;

/// What went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Bytes that came.
    pub read: u64,
    /// Bytes that went.
    pub written: u64,
    /// Secrets that stayed.
    pub redacted: u64,
}

impl Redactor {
    /// Copies everything from `from` to `to`, without any secret.
    ///
    /// # Errors
    /// Where reading or writing fails; what was written until then is without secrets.
    pub fn stream(&self, from: &mut dyn Read, to: &mut dyn Write) -> io::Result<Passed> {
        let mut passed = Passed::default();
        let mut held = vec![0; WINDOW];
        // Of what is held: how much has gone already, and how much there is.
        let (mut gone, mut filled) = (0, 0);
        let mut clean = Vec::new();
        let mut is_last = false;
        while !is_last {
            let room = held.get_mut(filled..).unwrap_or_default();
            let length = fill(from, room)?;
            is_last = length < room.len();
            filled += length;
            passed.read += length as u64;
            let text = held.get(..filled).unwrap_or_default();
            let finds = self.finds(text);
            let mut cut = if is_last {
                filled
            } else {
                // What begins within a rule's reach of the end may look different with more to read.
                filled.saturating_sub(REACH * 2).max(gone)
            };
            if let Some(find) = finds
                .iter()
                .find(|find| find.range.start < cut && find.range.end > cut)
            {
                // Longer than a rule reaches is only what several finds made together: it may be cut, but not lost.
                cut = if find.range.start > gone {
                    find.range.start
                } else {
                    find.range.end
                };
            }
            clean.clear();
            let mut at = gone;
            for find in finds
                .iter()
                .filter(|find| find.range.end > gone && find.range.start < cut)
            {
                clean.extend_from_slice(text.get(at..find.range.start.max(at)).unwrap_or_default());
                self.mark(find, text, &mut clean);
                passed.redacted += 1;
                at = find.range.end;
            }
            clean.extend_from_slice(text.get(at..cut).unwrap_or_default());
            to.write_all(&clean)?;
            passed.written += clean.len() as u64;
            let kept_from = cut.max(at).saturating_sub(BEHIND);
            gone = cut.max(at) - kept_from;
            held.copy_within(kept_from..filled, 0);
            filled -= kept_from;
        }
        Ok(passed)
    }
}

fn fill(from: &mut dyn Read, mut room: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while !room.is_empty() {
        match from.read(room) {
            Ok(0) => break,
            Ok(length) => {
                filled += length;
                room = room.get_mut(length..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
