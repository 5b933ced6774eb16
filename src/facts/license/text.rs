//! What the text of a license file says, or what is wrong with it.
//!
//! The rule for what is accepted: whatever
//! `grep -v SESAM FILE | base64 -d | jq -r .payload | base64 -d | jq -r ._id` reads, which is how operators read it, is read
//! here with the same id. Line ends of Windows, a byte order mark and text around the armour are accepted beyond that.

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    armour::{Armour, Block, Ended, OURS},
    base64_as_gnu, json_as_jq,
    json_as_jq::Members,
    unpack::{Blanks, Opened, Unpacked, unpack},
};

/// What a license file says. Neither its text nor its signature nor the e-mail address is in here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The subscription's id.
    pub id: Option<String>,
    /// When the license ends; a time without a zone is taken for UTC.
    pub expires: Option<Timestamp>,
    /// When the license was made; a time without a zone is taken for UTC.
    pub created: Option<Timestamp>,
    /// What is wrong, where anything is; what could be read all the same stands above.
    pub fault: Option<Fault>,
    /// What is unusual and does no harm.
    #[serde(default)]
    pub remarks: Vec<Remark>,
}

/// What is wrong with the text of a license file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fault {
    /// It holds nothing.
    Empty,
    /// It is a web page.
    Html,
    /// Its end or beginning is missing.
    Truncated {
        /// Where the cut was noticed.
        layer: Layer,
    },
    /// Its first or last line is that of something else.
    WrongArmour {
        /// What that line names; empty where it names nothing plain.
        found: String,
    },
    /// It holds more than one license.
    SeveralLicenses {
        /// How many.
        count: usize,
    },
    /// Something in it is no base64.
    NotBase64 {
        /// Where.
        layer: Layer,
        /// What stands there instead.
        instead: Instead,
    },
    /// What it decodes to is no JSON object.
    NotJson {
        /// Where.
        layer: Layer,
    },
    /// A member that has to be there is missing, null, empty, or of another type.
    MemberMissing {
        /// Which one.
        member: Member,
    },
    /// A date that is none.
    BadDate {
        /// Which one.
        member: Member,
    },
}

/// The two layers of a license.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The file's own text.
    License,
    /// The payload inside.
    Payload,
}

/// What stands where base64 should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Instead {
    /// Characters that base64 does not have.
    OtherCharacters,
    /// UTF-16, as some Windows programs save text.
    Utf16,
    /// JSON, which somebody has decoded already.
    Json,
}

/// The members that a license needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Member {
    /// What the license says, signed by its other members.
    Payload,
    /// The subscription's id.
    Id,
    /// When the license ends.
    Expires,
    /// When the license was made.
    Created,
}

impl Member {
    /// Its name in the license.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Id => "_id",
            Self::Expires => "expires",
            Self::Created => "created",
        }
    }
}

/// What is unusual about a license file that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remark {
    /// It begins with a UTF-8 byte order mark.
    ByteOrderMark,
    /// It has the line ends of Windows.
    CarriageReturns,
    /// Lines begin or end with blanks.
    Blanks,
    /// The first line is missing.
    BeginLineMissing,
    /// The last line is missing.
    EndLineMissing,
    /// There is other text around the license.
    SurroundingText,
    /// Base64 is not padded to its full length.
    PaddingMissing,
    /// Something follows what was read.
    TrailingData,
    /// The id is no text but a number or the like.
    IdIsNoText,
    /// There are no members beside the payload that could sign it.
    NotSigned,
}

/// Reads the bytes of a license file.
#[must_use]
pub fn read(content: &[u8]) -> Reading {
    if let Some(fault) = not_even_text(content) {
        return Reading::faulty(fault);
    }
    let text = String::from_utf8_lossy(content);
    let armour = Armour::of(&text);
    let nothing = Block::default();
    let first = armour.filled().next().unwrap_or(&nothing);
    let armour_fault = armour_fault(&armour, first);
    let as_operators = unpack_as_operators(content);
    if let Some((id, members)) = as_operators.single() {
        let remarks = remarks(&armour, first, &as_operators);
        return accepted(id, members, armour_fault, remarks);
    }
    if looks_like_html(&text) {
        return Reading::faulty(Fault::Html);
    }
    let licenses = as_operators.identified().len();
    if licenses > 1 {
        return Reading::faulty(Fault::SeveralLicenses { count: licenses });
    }
    if let Some(fault) = armour_fault {
        return Reading::faulty(fault);
    }
    let tidied = unpack(first.body.as_bytes(), Blanks::Removed);
    if let Some((id, members)) = tidied.single() {
        let remarks = remarks(&armour, first, &tidied);
        return accepted(id, members, None, remarks);
    }
    Reading::faulty(first_fault(&armour, first, &tidied))
}

impl Reading {
    fn faulty(fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            ..Self::default()
        }
    }
}

/// The reading of a license whose id was found; its other members may still be at fault.
fn accepted(
    id: String,
    members: &Members,
    fault: Option<Fault>,
    mut remarks: Vec<Remark>,
) -> Reading {
    if !matches!(members.id, Some(Value::String(_))) {
        remarks.push(Remark::IdIsNoText);
    }
    let expires = date(members.expires.as_ref(), Member::Expires);
    let created = date(members.created.as_ref(), Member::Created);
    let fault = [&expires, &created]
        .into_iter()
        .find_map(|date| date.as_ref().err().cloned())
        .or(fault);
    Reading {
        id: Some(id),
        expires: expires.ok(),
        created: created.ok(),
        fault,
        remarks,
    }
}

/// The time of ISO 8601 that a member holds; without a zone it is UTC.
fn date(value: Option<&Value>, member: Member) -> Result<Timestamp, Fault> {
    let text = match value {
        None | Some(Value::Null) => return Err(Fault::MemberMissing { member }),
        Some(Value::String(text)) if text.trim().is_empty() => {
            return Err(Fault::MemberMissing { member });
        }
        Some(Value::String(text)) => text.trim(),
        Some(_) => return Err(Fault::BadDate { member }),
    };
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| {
            let local: DateTime = text.parse().ok()?;
            Offset::UTC.to_timestamp(local).ok()
        })
        .ok_or(Fault::BadDate { member })
}

fn not_even_text(content: &[u8]) -> Option<Fault> {
    let is_utf16 = content.starts_with(b"\xFF\xFE") || content.starts_with(b"\xFE\xFF");
    if is_utf16 {
        return Some(Fault::NotBase64 {
            layer: Layer::License,
            instead: Instead::Utf16,
        });
    }
    let content = content
        .strip_prefix(b"\xEF\xBB\xBF".as_slice())
        .unwrap_or(content);
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    content.iter().all(is_blank).then_some(Fault::Empty)
}

/// Unpacks as operators' scripts do, in a locale of UTF-8; and where they come to nothing, in the plain one.
fn unpack_as_operators(content: &[u8]) -> Unpacked {
    let unpacked = |locale| unpack(&without_our_lines(content, locale), Blanks::Kept);
    let as_operators = unpacked(Locale::Utf8);
    if as_operators.single().is_none() && std::str::from_utf8(content).is_err() {
        return unpacked(Locale::C);
    }
    as_operators
}

/// The locale that grep runs in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Locale {
    Utf8,
    C,
}

/// What `grep -v SESAM` leaves of a file; where text is UTF-8, grep leaves out lines that are none.
fn without_our_lines(content: &[u8], locale: Locale) -> Vec<u8> {
    let names_us = |line: &[u8]| {
        line.windows(OURS.len())
            .any(|window| window == OURS.as_bytes())
    };
    let is_shown = |line: &[u8]| locale == Locale::C || std::str::from_utf8(line).is_ok();
    content
        .split(|byte| *byte == b'\n')
        .filter(|line| !names_us(line) && is_shown(line))
        .collect::<Vec<_>>()
        .join(&b'\n')
}

fn looks_like_html(text: &str) -> bool {
    let text = text.trim_start_matches('\u{FEFF}').trim_start();
    let lower = text.to_ascii_lowercase();
    let begins_a_tag = lower.strip_prefix('<').is_some_and(|rest| {
        rest.starts_with(|next: char| next.is_ascii_alphabetic() || "!?".contains(next))
    });
    begins_a_tag
        || ["<!doctype html", "<html", "<body", "</div>", "</form>"]
            .iter()
            .any(|tag| lower.contains(tag))
}

/// What is wrong with the file before anything is decoded.
fn armour_fault(armour: &Armour, first: &Block) -> Option<Fault> {
    let licenses = armour.filled().count();
    if licenses > 1 {
        return Some(Fault::SeveralLicenses { count: licenses });
    }
    if armour.crowded {
        return Some(Fault::WrongArmour {
            found: String::new(),
        });
    }
    match (&first.ended, &armour.foreign) {
        (Ended::Otherwise(found), _) => Some(Fault::WrongArmour {
            found: found.clone(),
        }),
        (_, Some(found)) if !first.begun => Some(Fault::WrongArmour {
            found: found.clone(),
        }),
        // Scripts may leave such a line out and still find the id.
        _ if first.body.contains(char::REPLACEMENT_CHARACTER) => Some(Fault::NotBase64 {
            layer: Layer::License,
            instead: Instead::OtherCharacters,
        }),
        _ => None,
    }
}

/// The first thing that kept a license without an id from being read.
fn first_fault(armour: &Armour, first: &Block, unpacked: &Unpacked) -> Fault {
    if first.body.is_empty() {
        return match armour.blocks.first() {
            Some(block) if block.ended == Ended::Well => Fault::Empty,
            Some(block) if block.begun => Fault::Truncated {
                layer: Layer::License,
            },
            _ => Fault::NotBase64 {
                layer: Layer::License,
                instead: Instead::OtherCharacters,
            },
        };
    }
    let starts_late = !first.begun && first.ended == Ended::Well;
    let license = match opened(&unpacked.license, Layer::License) {
        Ok(members) => members,
        // Where the beginning is missing, what is left decodes to anything.
        Err(Fault::NotJson { layer }) if starts_late => return Fault::Truncated { layer },
        Err(Fault::NotBase64 { layer, .. }) if is_json(first) => {
            return Fault::NotBase64 {
                layer,
                instead: Instead::Json,
            };
        }
        Err(fault) => return fault,
    };
    match &license.payload {
        Some(Value::String(payload)) if !payload.trim().is_empty() => {}
        _ => {
            return Fault::MemberMissing {
                member: Member::Payload,
            };
        }
    }
    match opened(&unpacked.payload, Layer::Payload) {
        Ok(_) => Fault::MemberMissing { member: Member::Id },
        Err(fault) => fault,
    }
}

/// The object of a layer, or why there is none.
fn opened(layer_opened: &Opened, layer: Layer) -> Result<&Members, Fault> {
    if let Some(members) = layer_opened.object() {
        return Ok(members);
    }
    if layer_opened.base64 == base64_as_gnu::Ending::Invalid {
        return Err(Fault::NotBase64 {
            layer,
            instead: Instead::OtherCharacters,
        });
    }
    let nothing_yet = layer_opened.documents.is_empty();
    let cut = layer_opened.json != json_as_jq::Ending::Invalid;
    Err(if nothing_yet && cut {
        Fault::Truncated { layer }
    } else {
        Fault::NotJson { layer }
    })
}

fn is_json(block: &Block) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(&block.body).is_ok()
}

fn remarks(armour: &Armour, first: &Block, unpacked: &Unpacked) -> Vec<Remark> {
    let license = &unpacked.license;
    let unpadded = [license, &unpacked.payload]
        .iter()
        .any(|opened| opened.base64 == base64_as_gnu::Ending::Unpadded);
    let stopped_early = [license, &unpacked.payload].iter().any(|opened| {
        opened.base64 == base64_as_gnu::Ending::Invalid || opened.json != json_as_jq::Ending::Whole
    });
    let stop_is_known = armour.carriage_returns
        || armour.blanks
        || armour.surrounding_text
        || first.ended != Ended::Well;
    let signed = license
        .object()
        .is_some_and(|members| members.besides_payload > 0);
    [
        (armour.byte_order_mark, Remark::ByteOrderMark),
        (armour.carriage_returns, Remark::CarriageReturns),
        (armour.blanks, Remark::Blanks),
        (!first.begun, Remark::BeginLineMissing),
        (first.ended == Ended::Nowhere, Remark::EndLineMissing),
        (armour.surrounding_text, Remark::SurroundingText),
        (unpadded, Remark::PaddingMissing),
        (stopped_early && !stop_is_known, Remark::TrailingData),
        (!signed, Remark::NotSigned),
    ]
    .into_iter()
    .filter_map(|(applies, remark)| applies.then_some(remark))
    .collect()
}

#[cfg(test)]
mod tests;
