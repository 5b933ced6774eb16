//! Unpacking a license: base64, in it JSON, in that the payload's base64, and in that JSON again.

use serde_json::Value;

use super::{
    base64_as_gnu,
    json_as_jq::{self, Document, Members, printed},
};

/// One of the two layers of base64 and JSON, and how far reading it came.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub base64: base64_as_gnu::Ending,
    pub documents: Vec<Document>,
    pub json: json_as_jq::Ending,
}

/// Both layers.
#[derive(Clone, Debug)]
pub(super) struct Unpacked {
    pub license: Opened,
    pub payload: Opened,
}

impl Opened {
    fn of(body: &[u8]) -> Self {
        let decoded = base64_as_gnu::decode(body);
        let (documents, json) = json_as_jq::read(&decoded.bytes);
        Self {
            base64: decoded.ending,
            documents,
            json,
        }
    }

    /// The members of the first value, where that is an object.
    pub fn object(&self) -> Option<&Members> {
        match self.documents.first() {
            Some(Document::Object(members)) => Some(members),
            _ => None,
        }
    }
}

/// What happens to blanks within a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blanks {
    /// They end it, as they do for `base64 -d`.
    Kept,
    /// They are left out.
    Removed,
}

/// Unpacks as `base64 -d | jq -r .payload | base64 -d | jq -r ._id` does, but for blanks.
pub(super) fn unpack(body: &[u8], blanks: Blanks) -> Unpacked {
    let license = Opened::of(body);
    let mut payloads = String::new();
    for document in &license.documents {
        if let Some(line) = printed_member(document, |members| members.payload.as_ref()) {
            match blanks {
                Blanks::Kept => payloads.push_str(&line),
                Blanks::Removed => payloads.extend(line.split_whitespace()),
            }
            payloads.push('\n');
        }
    }
    let payload = Opened::of(payloads.as_bytes());
    Unpacked { license, payload }
}

impl Unpacked {
    /// The payloads that have an id, each with it.
    pub fn identified(&self) -> Vec<(String, &Members)> {
        self.payload
            .documents
            .iter()
            .filter_map(|document| match document {
                Document::Object(members) => Some((id(members)?, members.as_ref())),
                _ => None,
            })
            .collect()
    }

    /// The one payload that has an id.
    pub fn single(&self) -> Option<(String, &Members)> {
        let mut identified = self.identified().into_iter();
        identified.next().filter(|_| identified.next().is_none())
    }
}

/// The id as a script gets it from `jq -r`, which ends lines; none where it is missing, null or empty.
fn id(members: &Members) -> Option<String> {
    let id = printed(members.id.as_ref()?);
    let id = id.trim_matches('\n');
    (!id.is_empty() && id != "null").then(|| id.to_owned())
}

/// What `jq -r .member` prints of a value; nothing of those that have no members.
fn printed_member(
    document: &Document,
    member: impl Fn(&Members) -> Option<&Value>,
) -> Option<String> {
    match document {
        Document::Object(members) => Some(member(members).map_or("null".into(), printed)),
        Document::Null => Some("null".into()),
        Document::Other => None,
    }
}
