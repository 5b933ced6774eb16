//! The lines around a license: what begins it, what ends it, and what else a file carries along.

use super::base64_as_gnu::is_base64;

const BEGIN_LINE: &str = "-----BEGIN SESAM LICENSE-----";
const END_LINE: &str = "-----END SESAM LICENSE-----";

/// What operators' scripts know the license's own lines by.
pub(super) const OURS: &str = "SESAM";

/// A file taken apart by its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
// Each is a peculiarity of its own, and any of them may go with any other.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Armour {
    pub byte_order_mark: bool,
    pub carriage_returns: bool,
    /// Whether a line begins or ends with blanks.
    pub blanks: bool,
    /// Whether there is text before the first block or after one.
    pub surrounding_text: bool,
    /// The licenses, each from its first line to its last; without any armour all lines are one block.
    pub blocks: Vec<Block>,
    /// What begins something else than a license, by its name.
    pub foreign: Option<String>,
    /// Whether more than its own words stands on a license's first line.
    pub crowded: bool,
}

/// The lines of one license.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// Whether a line says that it begins here.
    pub begun: bool,
    /// What its last line says.
    pub ended: Ended,
    /// The lines between, without blanks around them and without empty ones.
    pub body: String,
}

/// How a block ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Ended {
    /// Without a line that says so.
    #[default]
    Nowhere,
    /// With the line that belongs there.
    Well,
    /// With the end of something else, by its name.
    Otherwise(String),
}

impl Block {
    fn push(&mut self, line: &str) {
        if !self.body.is_empty() {
            self.body.push('\n');
        }
        self.body.push_str(line);
    }
}

enum Line<'a> {
    /// It begins what it names.
    Begin(Name),
    /// It ends what it names.
    End(Name),
    /// It names Sesam and is no base64; operators' scripts leave such lines out.
    Named,
    Text(&'a str),
}

/// What a first or last line is about.
enum Name {
    Ours,
    Foreign(String),
}

impl Armour {
    /// Takes a file's text apart.
    pub fn of(text: &str) -> Self {
        let unmarked = text.strip_prefix('\u{FEFF}');
        let mut sorter = Sorter::default();
        sorter.armour.byte_order_mark = unmarked.is_some();
        let text = unmarked.unwrap_or(text);
        sorter.armour.carriage_returns = text.contains('\r');
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let line = line.trim_end_matches('\r');
            let clean = line.trim();
            sorter.armour.blanks |= clean.len() != line.len();
            if lines.peek().is_none() && is_cut_mark(clean) {
                sorter.take_cut_mark(clean);
            } else {
                sorter.take(clean);
            }
        }
        sorter.finish()
    }

    /// The blocks that hold anything.
    pub fn filled(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| !block.body.is_empty())
    }
}

/// Sorts lines into blocks, one after another.
#[derive(Default)]
struct Sorter {
    armour: Armour,
    /// The block that has begun and not ended.
    open: Option<Block>,
    /// Lines in no block.
    outside: Block,
}

impl Sorter {
    fn take(&mut self, line: &str) {
        match classify(line) {
            Line::Begin(Name::Ours) => {
                self.armour.crowded |= line.trim_matches('-').contains("--");
                self.begin();
            }
            Line::Begin(Name::Foreign(name)) => {
                self.armour.blocks.extend(self.open.take());
                self.armour.foreign.get_or_insert(name);
            }
            Line::End(name) => self.end(name),
            Line::Named => self.armour.surrounding_text = true,
            Line::Text("") => {}
            Line::Text(line) => self.open.as_mut().unwrap_or(&mut self.outside).push(line),
        }
    }

    fn begin(&mut self) {
        let begun = Block {
            begun: true,
            ..Block::default()
        };
        self.armour.blocks.extend(self.open.replace(begun));
    }

    fn end(&mut self, name: Name) {
        let nothing_begun = self.open.is_none() && self.armour.blocks.is_empty();
        if nothing_begun && matches!(name, Name::Ours) {
            // A license whose first line is missing is what stands before its last one.
            self.open = Some(std::mem::take(&mut self.outside));
        }
        match (self.open.take(), name) {
            (Some(block), name) => {
                let ended = match name {
                    Name::Ours => Ended::Well,
                    Name::Foreign(name) => Ended::Otherwise(name),
                };
                self.armour.blocks.push(Block { ended, ..block });
            }
            (None, Name::Foreign(name)) => {
                self.armour.foreign.get_or_insert(name);
            }
            (None, Name::Ours) => {}
        }
    }

    /// Takes the last line, where that is the beginning of one of the license's own.
    fn take_cut_mark(&mut self, line: &str) {
        let nothing_yet =
            self.open.is_none() && self.armour.blocks.is_empty() && self.outside.body.is_empty();
        if nothing_yet && BEGIN_LINE.starts_with(line) {
            self.begin();
        }
    }

    fn finish(mut self) -> Armour {
        self.armour.blocks.extend(self.open);
        if self.armour.blocks.is_empty() {
            self.armour.blocks.push(self.outside);
        } else if !self.outside.body.is_empty() {
            self.armour.surrounding_text = true;
        }
        self.armour
    }
}

/// Whether a line is what is left of a first or last line after the file was cut there.
fn is_cut_mark(line: &str) -> bool {
    let is_part = |whole: &str| whole.starts_with(line) && whole.len() > line.len();
    !line.is_empty() && (is_part(BEGIN_LINE) || is_part(END_LINE))
}

fn classify(line: &str) -> Line<'_> {
    let names_us = line.contains(OURS);
    let bare = line.trim_matches(|edge: char| !edge.is_alphanumeric());
    let upper = bare.get(..6).unwrap_or(bare).to_ascii_uppercase();
    if names_us || line.starts_with("--") {
        let name = |skipped| {
            if names_us {
                Name::Ours
            } else {
                Name::Foreign(label(bare.get(skipped..).unwrap_or_default()))
            }
        };
        if upper.starts_with("BEGIN ") {
            return Line::Begin(name(6));
        }
        if upper.starts_with("END ") {
            return Line::End(name(4));
        }
    }
    if names_us && !is_base64(line) {
        return Line::Named;
    }
    Line::Text(line)
}

/// The name in a first or last line, as in `RSA PRIVATE KEY`. Anything else could be part of a license, and stays out of the facts.
fn label(text: &str) -> String {
    const LONGEST: usize = 40;
    let is_plain = |letter: char| letter.is_ascii_uppercase() || letter == ' ';
    let name = text.split("--").next().unwrap_or_default().trim();
    if name.len() <= LONGEST && name.chars().all(is_plain) {
        name.to_owned()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_license_is_what_stands_between_its_lines() {
        let armour = Armour::of(&format!("{BEGIN_LINE}\nAAAA\nBBBB\n{END_LINE}\n"));
        let block = Block {
            begun: true,
            ended: Ended::Well,
            body: "AAAA\nBBBB".into(),
        };
        assert_eq!(
            armour,
            Armour {
                blocks: vec![block],
                ..Armour::default()
            }
        );
    }

    #[test]
    fn endings_are_told_apart() {
        for (text, begun, ended) in [
            (format!("{BEGIN_LINE}\nAAAA\n"), true, Ended::Nowhere),
            (
                format!("{BEGIN_LINE}\nAAAA\n-----END SES"),
                true,
                Ended::Nowhere,
            ),
            (format!("{BEGIN_LINE}\nAAAA\n-----"), true, Ended::Nowhere),
            (format!("AAAA\n{END_LINE}"), false, Ended::Well),
            ("AAAA\n".into(), false, Ended::Nowhere),
            (
                format!("{BEGIN_LINE}\nAAAA\n-----END CERTIFICATE-----"),
                true,
                Ended::Otherwise("CERTIFICATE".into()),
            ),
        ] {
            let armour = Armour::of(&text);
            let block = armour.blocks.first().unwrap();
            assert_eq!((block.begun, &block.ended), (begun, &ended), "{text}");
            assert_eq!(block.body, "AAAA", "{text}");
        }
    }

    #[test]
    fn something_else_is_called_by_its_name() {
        let armour = Armour::of("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assert_eq!(armour.foreign.as_deref(), Some("CERTIFICATE"));
        let armour = Armour::of("-----BEGIN SESAM LICENSE-----eyJhIjoxfQ==\n");
        assert_eq!(armour.blocks.first().unwrap().body, "");
    }

    #[test]
    fn a_line_of_base64_may_happen_to_name_us() {
        let armour = Armour::of("AAAA\nxSESAMx=\nhello SESAM\n");
        assert_eq!(armour.blocks.first().unwrap().body, "AAAA\nxSESAMx=");
        assert!(armour.surrounding_text);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"(-----|BEGIN |END |SESAM|LICENSE|[a-z=é \r\n\x{FEFF}]|\n){0,30}") {
            Armour::of(&text);
        }
    }
}
