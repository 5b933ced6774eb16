//! Questions and replies as they stand in a packet.

use std::{collections::BTreeSet, net::IpAddr};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{
        Name, RData, RecordType,
        rdata::opt::{EdnsCode, EdnsOption},
    },
};

use super::{CaaRecord, ExtendedError, RecordKind, Reply, ReplyCode};

/// What servers and the paths to them carry without fragments (DNS flag day 2020).
const LARGEST_DATAGRAM: u16 = 1232;
/// IANA's number of the option for extended errors.
const EXTENDED_ERROR: u16 = 15;
/// More names in a row, and more records, than any honest reply leads through.
const MOST_RECORDS: usize = 64;
/// Enough of what a server adds in words.
const LONGEST_TEXT: usize = 200;

/// A question, ready to be sent.
#[derive(Clone, Debug)]
pub struct Question {
    /// The packet.
    pub packet: Vec<u8>,
    id: u16,
    name: Name,
    record_type: RecordType,
}

/// How a question is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As modern resolvers do.
    Modern,
    /// Without extensions, which very old servers do not understand.
    Plain,
    /// With the request not to validate signatures.
    Unvalidated,
}

/// What came from a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The reply.
    Reply(Reply),
    /// The beginning of a reply that did not fit into its datagram.
    CutShort,
}

impl Question {
    /// The question for the records of a name.
    pub fn new(name: &str, kind: RecordKind, style: Style) -> Result<Self, String> {
        let mut name = Name::from_ascii(name).map_err(|error| format!("{name}: {error}"))?;
        name.set_fqdn(true);
        let record_type = match kind {
            RecordKind::A => RecordType::A,
            RecordKind::Aaaa => RecordType::AAAA,
            RecordKind::Caa => RecordType::CAA,
        };
        let mut message = Message::query();
        message.metadata.op_code = OpCode::Query;
        message.metadata.recursion_desired = true;
        message.metadata.checking_disabled = style == Style::Unvalidated;
        message.add_query(Query::query(name.clone(), record_type));
        if style != Style::Plain {
            let mut extensions = Edns::new();
            extensions.set_max_payload(LARGEST_DATAGRAM);
            message.set_edns(extensions);
        }
        let packet = message.to_vec().map_err(|error| error.to_string())?;
        Ok(Self {
            packet,
            id: message.metadata.id,
            name,
            record_type,
        })
    }

    /// What a packet says to this question; an error says why it is no reply to it.
    pub fn read(&self, packet: &[u8]) -> Result<Heard, String> {
        let message = Message::from_vec(packet)
            .map_err(|error| format!("{} bytes that are no DNS message ({error})", packet.len()))?;
        if message.metadata.id != self.id {
            return Err("a reply to another question".into());
        }
        if message.metadata.message_type != MessageType::Response {
            return Err("a question instead of a reply".into());
        }
        if message.queries.first().is_some_and(|query| {
            query.name() != &self.name || query.query_type() != self.record_type
        }) {
            return Err("a reply about another name".into());
        }
        if message.metadata.truncation {
            return Ok(Heard::CutShort);
        }
        Ok(Heard::Reply(self.reply(&message)))
    }

    fn reply(&self, message: &Message) -> Reply {
        let mut reply = Reply {
            code: code(message.metadata.response_code),
            extended_error: extended_error(message),
            ..Reply::default()
        };
        for record in message.answers.iter().take(MOST_RECORDS) {
            match &record.data {
                RData::A(address) => reply.addresses.push(IpAddr::V4(address.0)),
                RData::AAAA(address) => reply.addresses.push(IpAddr::V6(address.0)),
                RData::CAA(caa) => reply.caa.push(CaaRecord {
                    critical: caa.issuer_critical,
                    tag: clipped(&caa.tag.to_ascii_lowercase()),
                    value: clipped(&String::from_utf8_lossy(&caa.value)),
                }),
                _ => {}
            }
        }
        self.follow_aliases(message, &mut reply);
        reply
    }

    fn follow_aliases(&self, message: &Message, reply: &mut Reply) {
        let mut at = self.name.clone();
        let mut been = BTreeSet::from([at.to_lowercase().to_ascii()]);
        for _ in 0..MOST_RECORDS {
            let next = message
                .answers
                .iter()
                .find_map(|record| match &record.data {
                    RData::CNAME(target) if record.name == at => Some(target.0.clone()),
                    _ => None,
                });
            let Some(next) = next else {
                return;
            };
            let spelled = next.to_lowercase().to_ascii();
            reply.aliases.push(spelled.trim_end_matches('.').to_owned());
            if !been.insert(spelled) {
                reply.alias_loop = true;
                return;
            }
            at = next;
        }
    }
}

fn code(code: ResponseCode) -> ReplyCode {
    match code {
        ResponseCode::NoError => ReplyCode::NoError,
        ResponseCode::NXDomain => ReplyCode::NxDomain,
        ResponseCode::ServFail => ReplyCode::ServFail,
        ResponseCode::Refused => ReplyCode::Refused,
        other => ReplyCode::Other(other.into()),
    }
}

fn extended_error(message: &Message) -> Option<ExtendedError> {
    let EdnsOption::Unknown(_, payload) = message
        .edns
        .as_ref()?
        .option(EdnsCode::Unknown(EXTENDED_ERROR))?
    else {
        return None;
    };
    let (code, text) = payload.split_first_chunk::<2>()?;
    Some(ExtendedError {
        code: u16::from_be_bytes(*code),
        text: clipped(&String::from_utf8_lossy(text)),
    })
}

fn clipped(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(LONGEST_TEXT)
        .collect()
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::{
        Record,
        rdata::{A, CNAME},
    };
    use proptest::prelude::*;

    use super::*;

    fn question() -> Question {
        Question::new("a.example", RecordKind::A, Style::Modern).unwrap()
    }

    fn response(question: &Question, records: Vec<Record>) -> Vec<u8> {
        let mut message = Message::response(question.id, OpCode::Query);
        message.add_query(Query::query(question.name.clone(), question.record_type));
        message.add_answers(records);
        message.to_vec().unwrap()
    }

    fn alias(from: &str, to: &str) -> Record {
        Record::from_rdata(
            Name::from_ascii(from).unwrap(),
            60,
            RData::CNAME(CNAME(Name::from_ascii(to).unwrap())),
        )
    }

    #[test]
    fn aliases_are_followed_to_their_end() {
        let question = question();
        let packet = response(
            &question,
            vec![
                alias("a.example.", "B.example."),
                alias("b.example.", "c.example."),
                Record::from_rdata(
                    Name::from_ascii("c.example.").unwrap(),
                    60,
                    RData::A(A::new(203, 0, 113, 7)),
                ),
            ],
        );
        let Heard::Reply(reply) = question.read(&packet).unwrap() else {
            panic!("cut short");
        };
        assert_eq!(reply.aliases, ["b.example", "c.example"]);
        assert!(!reply.alias_loop);
        assert_eq!(reply.addresses, ["203.0.113.7".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn aliases_in_a_circle_are_noticed() {
        let question = question();
        let packet = response(
            &question,
            vec![
                alias("a.example.", "b.example."),
                alias("b.example.", "a.example."),
            ],
        );
        let Heard::Reply(reply) = question.read(&packet).unwrap() else {
            panic!("cut short");
        };
        assert!(reply.alias_loop);
        assert!(reply.addresses.is_empty());
    }

    #[test]
    fn what_is_no_reply_to_the_question_is_said() {
        let question = question();
        let other = Question::new("b.example", RecordKind::A, Style::Modern).unwrap();
        for packet in [
            Vec::new(),
            vec![0xff; 40],
            question.packet.clone(),
            response(&other, Vec::new()),
        ] {
            assert!(question.read(&packet).is_err());
        }
        assert!(Question::new(&"a".repeat(300), RecordKind::A, Style::Plain).is_err());
    }

    proptest! {
        #[test]
        fn no_packet_makes_it_panic(mut packet in proptest::collection::vec(any::<u8>(), 0..600)) {
            let question = question();
            let _ = question.read(&packet);
            // With the right id the reader gets further.
            if let Some(head) = packet.get_mut(..2) {
                head.copy_from_slice(&question.id.to_be_bytes());
            }
            let _ = question.read(&packet);
        }

        #[test]
        fn no_name_makes_it_panic(name in ".*") {
            let _ = Question::new(&name, RecordKind::Caa, Style::Unvalidated);
        }
    }
}
