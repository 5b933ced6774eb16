//! What of a license may never leave the process.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{armour::Armour, base64_as_gnu};
use crate::redact::Redactor;

/// Shorter pieces tell nothing of a license, and hiding them could hide words of the report.
const SHORTEST: usize = 32;

/// A license has some two thousand bytes. More than this is not remembered, since remembering takes memory;
/// whatever carries its first line is known to the redactor by its form.
const LONGEST_PIECE: usize = 4_000;
const MOST_REMEMBERED: usize = 24_000;

/// Tells the redactor the text of a license, its lines, its payload and what signs it.
pub(super) fn teach(redactor: &Redactor, content: &[u8]) {
    let mut left = MOST_REMEMBERED;
    for piece in pieces(content) {
        let end = piece
            .char_indices()
            .map(|(start, letter)| start + letter.len_utf8())
            .take_while(|end| *end <= LONGEST_PIECE.min(left))
            .last()
            .unwrap_or(0);
        let piece = piece.get(..end).unwrap_or_default();
        if piece.len() >= SHORTEST {
            redactor.learn(piece);
            left = left.saturating_sub(piece.len());
        }
    }
}

fn pieces(content: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(content);
    let armour = Armour::of(&text);
    let mut pieces = Vec::new();
    for block in &armour.blocks {
        let unwrapped = block.body.replace('\n', "");
        let decoded = base64_as_gnu::decode(unwrapped.as_bytes());
        pieces.extend(signed_parts(&decoded.bytes));
        if let Ok(decoded) = String::from_utf8(decoded.bytes) {
            pieces.push(decoded);
        }
        pieces.push(unwrapped);
        // A page that was saved by mistake has lines too, and they are no secrets.
        let is_solid = |line: &&str| line.len() >= SHORTEST && !line.contains(char::is_whitespace);
        pieces.extend(block.body.lines().filter(is_solid).map(ToOwned::to_owned));
    }
    pieces
}

/// The payload, as it stands and decoded, and the members that sign it.
fn signed_parts(license: &[u8]) -> Vec<String> {
    let mut parts = Vec::new();
    let mut license = serde_json::Deserializer::from_slice(license).into_iter::<Value>();
    let Some(Ok(Value::Object(members))) = license.next() else {
        return parts;
    };
    for (name, member) in members {
        let Value::String(text) = member else {
            continue;
        };
        if name == "payload"
            && let Ok(payload) = STANDARD.decode(&text)
            && let Ok(payload) = String::from_utf8(payload)
        {
            parts.push(payload);
        }
        parts.push(text);
    }
    parts
}
