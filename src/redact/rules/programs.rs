//! Passwords in the arguments of programs that take them by a single letter.

use std::ops::Range;

use memchr::memmem;

use super::{byte_before, line_end, line_start, run, run_before, settings, values};

/// Arguments further on than this belong to something else.
const LONGEST_LINE: usize = 512;

/// How a program takes a password.
pub(crate) struct Program {
    /// Its name, at least four bytes.
    pub(crate) name: &'static str,
    /// What may follow the name, as in `mysqldump`.
    ends: &'static [&'static str],
    flag: u8,
    /// Whether the password may be the next word, and not only the rest of this one.
    is_apart: bool,
}

pub(crate) const PROGRAMS: &[Program] = &[
    Program {
        name: "mysql",
        ends: &["", "dump", "admin", "import", "show", "check"],
        flag: b'p',
        is_apart: false,
    },
    Program {
        name: "mariadb",
        ends: &["", "-dump", "-admin", "-import", "-check"],
        flag: b'p',
        is_apart: false,
    },
    Program {
        name: "sshpass",
        ends: &[""],
        flag: b'p',
        is_apart: true,
    },
    // `docker login` and its like.
    Program {
        name: "login",
        ends: &[""],
        flag: b'p',
        is_apart: true,
    },
    Program {
        name: "redis-cli",
        ends: &[""],
        flag: b'a',
        is_apart: true,
    },
    Program {
        name: "ldap",
        ends: &["search", "modify", "add", "delete", "whoami", "passwd"],
        flag: b'w',
        is_apart: true,
    },
    Program {
        name: "curl",
        ends: &[""],
        flag: b'u',
        is_apart: false,
    },
    Program {
        name: "htpasswd",
        ends: &[""],
        flag: b'b',
        is_apart: false,
    },
];

/// What `login` is a command of.
const REGISTRY_PROGRAMS: &[&[u8]] = &[
    b"docker",
    b"podman",
    b"nerdctl",
    b"registry",
    b"skopeo",
    b"crane",
];

fn is_between(byte: u8) -> bool {
    b" \t\"',\\".contains(&byte)
}

/// The password in the arguments of the program whose name is at the anchor.
pub(super) fn at(text: &[u8], at: usize, number: u8) -> Option<Range<usize>> {
    let program = PROGRAMS.get(usize::from(number))?;
    let rest = text.get(at..)?.strip_prefix(program.name.as_bytes())?;
    let end = program.ends.iter().map(|end| end.as_bytes()).find(|end| {
        rest.starts_with(end) && rest.get(end.len()).is_some_and(|byte| is_between(*byte))
    })?;
    if byte_before(text, at)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    {
        return None;
    }
    let start = at + program.name.len() + end.len();
    let line = start..start + arguments(text.get(start..line_end(text, start))?);
    let range = match program.name {
        "htpasswd" => last_of_batch(text, line)?,
        "curl" => {
            let login = of_flag(text, line, program)?;
            let colon = memchr::memchr(b':', text.get(login.clone())?)?;
            login.start + colon + 1..login.end
        }
        "login" => {
            if !is_of_registry(text, at) {
                return settings::netrc(text, at);
            }
            of_flag(text, line.clone(), program).or_else(|| piped(text, at, line))?
        }
        _ => of_flag(text, line, program)?,
    };
    let value = text.get(range.clone())?;
    (!value.is_empty() && !values::is_harmless(value)).then_some(range)
}

/// How far the arguments of one command go: to the next command, or to the end of the text or list that it stands in.
fn arguments(line: &[u8]) -> usize {
    let line = line.get(..LONGEST_LINE).unwrap_or(line);
    let is_list = line.first().is_some_and(|byte| b"\"'\\".contains(byte));
    let ends = |at: usize| match line.get(at..) {
        Some([b']', ..]) => is_list,
        Some([b';' | b'|' | b'&' | b'`' | b')', ..]) => true,
        Some([b',', b' ', ..] | [b'"', b',' | b']' | b'}', ..]) => !is_list,
        _ => false,
    };
    (0..line.len()).find(|at| ends(*at)).unwrap_or(line.len())
}

fn is_of_registry(text: &[u8], at: usize) -> bool {
    let gap = run_before(text, at, 8, is_between);
    let word = run_before(text, at - gap, 16, |byte| byte.is_ascii_lowercase());
    text.get(at - gap - word..at - gap)
        .is_some_and(|word| REGISTRY_PROGRAMS.contains(&word))
}

/// What the flag brings, in the same word or in the next.
fn of_flag(text: &[u8], line: Range<usize>, program: &Program) -> Option<Range<usize>> {
    let flag = [b'-', program.flag];
    let found = memmem::find_iter(text.get(line.clone())?, &flag)
        .map(|found| line.start + found)
        .find(|found| byte_before(text, *found).is_some_and(is_between))?;
    let after = found + flag.len();
    let gap = run(text, after, 6, |byte| is_between(byte) || byte == b'=');
    let between = text.get(after..after + gap)?;
    let is_apart = between.iter().any(|byte| b" \t,".contains(byte));
    // A quote and a comma end a word of a list.
    let is_next = !is_apart || program.is_apart;
    let start = after + gap;
    if !is_next || start >= line.end || text.get(start) == Some(&b'-') {
        return None;
    }
    let quote = between.last().filter(|byte| b"\"'".contains(byte));
    let length = run(text, start, line.end - start, |byte| match quote {
        Some(quote) => byte != *quote && byte != b'\\',
        None => !byte.is_ascii_whitespace() && !b"\"'\\".contains(&byte),
    });
    Some(start..start + length)
}

/// The last word of `htpasswd -b FILE USER PASSWORD` and `htpasswd -nb USER PASSWORD`.
fn last_of_batch(text: &[u8], line: Range<usize>) -> Option<Range<usize>> {
    let words: Vec<&[u8]> = text
        .get(line.clone())?
        .split(|byte| is_between(*byte) || b")|;>".contains(byte))
        .filter(|word| !word.is_empty())
        .collect();
    let (flags, names): (Vec<&[u8]>, Vec<&[u8]>) =
        words.iter().partition(|word| word.starts_with(b"-"));
    let has = |letter: u8| flags.iter().any(|flag| flag.contains(&letter));
    let wanted = if has(b'n') { 1 } else { 2 };
    let password = names.get(wanted).filter(|_| has(b'b'))?;
    let place = memmem::rfind(text.get(line.clone())?, password)?;
    Some(line.start + place..line.start + place + password.len())
}

/// `echo PASSWORD | docker login --password-stdin`
fn piped(text: &[u8], at: usize, line: Range<usize>) -> Option<Range<usize>> {
    memmem::find(text.get(line)?, b"--password-stdin")?;
    let begin = line_start(text, at).max(at.saturating_sub(LONGEST_LINE));
    let before = text.get(begin..at)?;
    let echo = memmem::rfind(before, b"echo ")? + 5;
    let pipe = echo + memchr::memchr(b'|', before.get(echo..)?)?;
    let words = before.get(echo..pipe)?;
    let is_around = |byte: &u8| b" \"'".contains(byte);
    let from = words.iter().position(|byte| !is_around(byte))?;
    let until = words.iter().rposition(|byte| !is_around(byte))? + 1;
    let option = words.get(from..)?.strip_prefix(b"-n ").map_or(0, |_| 3);
    let from = from + option + run(words, from + option, 4, |byte| is_around(&byte));
    (from < until).then_some(begin + echo + from..begin + echo + until)
}
