//! What is a secret by its form or by the name that it stands under. Each rule reads around the anchor that found it.

mod apart;
mod assignment;
mod blocks;
mod headers;
mod names;
mod programs;
mod settings;
mod shapes;
mod tokens;
mod urls;
mod values;

use std::ops::Range;

use super::kind::Kind;

pub(super) use programs::PROGRAMS;
pub(super) use shapes::SHAPES;
pub(super) use urls::{encoded_login, login, mail_address};

/// No rule looks further than this from its anchor, so that a stream knows how much to keep.
pub(super) const REACH: usize = 32_768;

/// A rule, as its anchor names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// A value under a name that promises a secret.
    Name,
    /// `sig=` of a shared access signature.
    Signature,
    /// `-u user:password`
    Login,
    /// `Bearer` and a token.
    Bearer,
    /// `Basic` and a login.
    Basic,
    /// A private key or a license in PEM.
    Pem,
    /// The same in base64.
    PemInBase64,
    /// A JSON Web Token, or a JSON document in base64.
    Jwt,
    /// A URL with a login, encoded.
    EncodedUrl,
    /// A password in the arguments of a program; the number of the program.
    Program(u8),
    /// A setting of a server that has no sign before its value.
    Setting,
    /// `ENV` or `setenv` at the beginning of a line.
    Environment,
    /// A hash of crypt(5) behind what separates it.
    Crypt,
    /// `IDENTIFIED BY` of SQL.
    Identified,
    /// A token of a known issuer; the number of its shape.
    Shape(u8),
}

/// Where the secret stands that the rule is about, if there is one that nobody has taken out yet.
pub(super) fn apply(rule: Rule, text: &[u8], at: usize) -> Option<Range<usize>> {
    let range = match rule {
        Rule::Name => assignment::at(text, at),
        Rule::Signature => tokens::signature(text, at),
        Rule::Login => tokens::login(text, at),
        Rule::Bearer => headers::bearer(text, at),
        Rule::Basic => headers::basic(text, at),
        Rule::Pem => blocks::pem(text, at),
        Rule::PemInBase64 => blocks::pem_in_base64(text, at),
        Rule::Jwt => tokens::json_web_token(text, at),
        Rule::EncodedUrl => encoded_login(text, at),
        Rule::Program(number) => programs::at(text, at, number),
        Rule::Setting => settings::bare(text, at),
        Rule::Environment => settings::environment(text, at),
        Rule::Crypt => tokens::crypt(text, at),
        Rule::Identified => tokens::identified(text, at),
        Rule::Shape(number) => shapes::at(text, at, number),
    }?;
    (!starts_with(text, range.start, b"[redacted")).then_some(range)
}

/// How many bytes from `at` on are of a kind.
fn run(text: &[u8], at: usize, most: usize, is_of_it: impl Fn(u8) -> bool) -> usize {
    text.get(at..).map_or(0, |rest| {
        rest.iter()
            .take(most)
            .take_while(|byte| is_of_it(**byte))
            .count()
    })
}

/// How many bytes just before `at` are of a kind.
fn run_before(text: &[u8], at: usize, most: usize, is_of_it: impl Fn(u8) -> bool) -> usize {
    text.get(..at).map_or(0, |rest| {
        rest.iter()
            .rev()
            .take(most)
            .take_while(|byte| is_of_it(**byte))
            .count()
    })
}

fn starts_with(text: &[u8], at: usize, prefix: &[u8]) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(prefix))
}

fn byte_before(text: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1)
        .and_then(|before| text.get(before))
        .copied()
}

static BASE64: Kind = Kind::letters_digits_and(b"+/-_");

fn is_base64(byte: u8) -> bool {
    BASE64.has(byte)
}

/// Where the line ends that `at` is in; at most as far as a rule reaches.
fn line_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let rest = rest.get(..REACH).unwrap_or(rest);
    at + memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())
}

/// Where the line begins that `at` is in; at most as far as a rule reaches.
fn line_start(text: &[u8], at: usize) -> usize {
    let floor = at.saturating_sub(REACH);
    text.get(floor..at)
        .and_then(|before| memchr::memrchr(b'\n', before))
        .map_or(floor, |found| floor + found + 1)
}

/// Where a run of base64 ends.
pub(super) fn solid_end(text: &[u8], at: usize) -> usize {
    at + run(text, at, REACH, is_base64)
}
