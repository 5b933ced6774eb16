//! Logs as machines write them, without end and without a secret, made from the lines in `tests/fixtures/logs`: what stands
//! between « and » there is another number, name or hash each time.

use std::io::{self, Read};

const KINDS: &[&str] = &[
    include_str!("../fixtures/logs/docker.txt"),
    include_str!("../fixtures/logs/java.txt"),
    include_str!("../fixtures/logs/kernel.txt"),
    include_str!("../fixtures/logs/nginx.txt"),
    include_str!("../fixtures/logs/node.txt"),
    include_str!("../fixtures/logs/other.txt"),
    include_str!("../fixtures/logs/python.txt"),
    include_str!("../fixtures/logs/syslog.txt"),
    include_str!("../fixtures/logs/traefik.txt"),
];

const USERS: &[&str] = &[
    "admin",
    "deploy",
    "ubuntu",
    "kari",
    "ola.nordmann",
    "svc_backup",
    "postgres",
    "anne-marie",
    "git",
    "oracle",
];

const WORDS: &[&str] = &[
    "customer",
    "orders",
    "crm",
    "hr-person",
    "invoice",
    "salesforce",
    "global",
    "employee",
    "contact",
    "geo",
    "dynamics",
    "product",
    "sharepoint",
    "webhook",
    "archive",
    "master-data",
];

const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const CAPITAL_HEX: &[u8] = b"0123456789ABCDEF";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_OF_URLS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SMALL: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

enum Piece {
    Text(&'static str),
    Run(&'static [u8], usize),
    One(&'static [&'static str]),
    Address,
    /// What stands before and after the time of day.
    Time(&'static str, &'static str),
}

/// A log without end.
pub struct Logs {
    kinds: Vec<Vec<Vec<Piece>>>,
    random: u64,
    /// Milliseconds since midnight.
    now: u64,
    made: Vec<u8>,
    given: usize,
}

impl Logs {
    /// The same seed makes the same log.
    pub fn new(seed: u64) -> Self {
        Self {
            kinds: KINDS.iter().map(|kind| records(kind)).collect(),
            random: seed | 1,
            now: 0,
            made: Vec::new(),
            given: 0,
        }
    }

    /// The first records, of at least so many bytes.
    pub fn text(seed: u64, least: usize) -> String {
        let mut logs = Self::new(seed);
        while logs.made.len() < least {
            logs.record();
        }
        String::from_utf8(logs.made).unwrap()
    }

    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next()).unwrap() % count
    }

    fn digits_of(&mut self, alphabet: &[u8], count: usize) {
        let mut noise = 0;
        for index in 0..count {
            if index % 6 == 0 {
                noise = self.next();
            }
            self.made
                .push(alphabet[((noise & 0xff) as usize * alphabet.len()) >> 8]);
            noise >>= 8;
        }
    }

    fn record(&mut self) {
        self.now += self.next() % 400;
        let kind = self.below(self.kinds.len());
        let record = self.below(self.kinds[kind].len());
        // Taken out while the rest of it is changed.
        let pieces = std::mem::take(&mut self.kinds[kind][record]);
        for piece in &pieces {
            match piece {
                Piece::Text(text) => self.made.extend_from_slice(text.as_bytes()),
                Piece::Run(alphabet, count) => self.digits_of(alphabet, *count),
                Piece::One(list) => {
                    let one = self.below(list.len());
                    self.made.extend_from_slice(list[one].as_bytes());
                }
                Piece::Address => {
                    let [a, b, c, d, ..] = self.next().to_le_bytes();
                    self.made
                        .extend_from_slice(format!("{a}.{b}.{c}.{d}").as_bytes());
                }
                Piece::Time(before, after) => self.time(before, after),
            }
        }
        self.kinds[kind][record] = pieces;
    }

    fn time(&mut self, before: &str, after: &str) {
        let seconds = self.now / 1_000 % 86_400;
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        self.made.extend_from_slice(
            format!("{before}{hour:02}:{minute:02}:{second:02}{after}").as_bytes(),
        );
    }
}

impl Read for Logs {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.made.len() {
            self.made.clear();
            self.given = 0;
            while self.made.len() < 65_536 {
                self.record();
            }
        }
        let length = buffer.len().min(self.made.len() - self.given);
        buffer[..length].copy_from_slice(&self.made[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

/// Each paragraph is a record, and ends with the line.
fn records(kind: &'static str) -> Vec<Vec<Piece>> {
    kind.trim_end()
        .split("\n\n")
        .map(|record| {
            let mut pieces = Vec::new();
            for (index, part) in record.split(['«', '»']).enumerate() {
                pieces.push(if index % 2 == 0 {
                    Piece::Text(part)
                } else {
                    piece(part)
                });
            }
            pieces.push(Piece::Text("\n"));
            pieces
        })
        .collect()
}

fn piece(name: &'static str) -> Piece {
    match name {
        "user" => Piece::One(USERS),
        "word" => Piece::One(WORDS),
        "ip" => Piece::Address,
        "clock" => Piece::Time("", ""),
        "iso" => Piece::Time("2024-06-12T", "Z"),
        "syslog" | "haproxy" => Piece::Time("Jun 12 ", ""),
        "clf" => Piece::Time("12/Jun/2024:", " +0000"),
        "nginx" => Piece::Time("2024/06/12 ", ""),
        "apache" => Piece::Time("Wed Jun 12 ", ".123456 2024"),
        "haproxytime" => Piece::Time("12/Jun/2024:", ".123"),
        "pid" | "port" => Piece::Run(DIGITS, 5),
        "epoch" => Piece::Run(DIGITS, 10),
        _ => {
            let (alphabet, count) =
                name.split_at(name.find(|letter: char| letter.is_ascii_digit()).unwrap());
            let alphabet = match alphabet {
                "n" => DIGITS,
                "hex" => HEX,
                "HEX" => CAPITAL_HEX,
                "b" => BASE64,
                "url" => BASE64_OF_URLS,
                "alnum" => LETTERS,
                "low" => SMALL,
                other => panic!("no kind of noise: {other}"),
            };
            Piece::Run(alphabet, count.parse().unwrap())
        }
    }
}
