//! Asking a person at the terminal.

use std::{
    io::{self, BufRead, Write},
    os::fd::{AsFd, BorrowedFd},
};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use thiserror::Error;

use super::{Answers, Asks, Question};
use crate::{profile::Profile, redact::Redactor, units::counted};

/// Why nothing was answered.
#[derive(Debug, Error)]
pub enum PromptError {
    /// The person ended the questions.
    #[error("the questions were ended; nothing was changed")]
    Ended,
    /// The terminal failed.
    #[error("the terminal could not be asked: {0}")]
    Terminal(#[from] io::Error),
}

/// A person, by what they type and what they are shown.
pub struct Terminal<'a> {
    input: &'a mut dyn BufRead,
    /// The terminal behind the input, whose echo is turned off for secrets.
    device: BorrowedFd<'a>,
    output: &'a mut dyn Write,
}

impl<'a> Terminal<'a> {
    /// The person behind a terminal. The input must hold nothing that was typed ahead of a secret.
    pub fn new(
        input: &'a mut dyn BufRead,
        device: BorrowedFd<'a>,
        output: &'a mut dyn Write,
    ) -> Self {
        Self {
            input,
            device,
            output,
        }
    }

    /// Asks all that was not answered yet; what cannot be meant is asked again, with what is wrong.
    ///
    /// # Errors
    /// The person ended it, or the terminal failed.
    pub fn ask(
        &mut self,
        questions: &[Question],
        answers: &mut Answers,
        profile: &Profile,
        redactor: &Redactor,
    ) -> Result<(), PromptError> {
        let open: Vec<&Question> = questions
            .iter()
            .filter(|question| !answers.has(&question.key))
            .collect();
        if !open.is_empty() {
            writeln!(
                self.output,
                "The plan needs {}; nothing is changed before you have seen it and agreed. Ctrl-C ends.",
                counted(open.len() as u64, "answer")
            )?;
        }
        for question in open {
            let answer = self.ask_one(question, profile, redactor)?;
            answers.give(question, &answer, redactor);
        }
        Ok(())
    }

    fn ask_one(
        &mut self,
        question: &Question,
        profile: &Profile,
        redactor: &Redactor,
    ) -> Result<String, PromptError> {
        loop {
            // The terminal is silent before anybody can know that a secret is wanted.
            let silence = question
                .is_secret()
                .then(|| Silence::begin(self.device))
                .transpose()?;
            self.show(question)?;
            let typed = if let Some(silence) = silence {
                let typed = self.hidden_line(silence)?;
                redactor.learn(&typed);
                typed
            } else {
                self.line()?.trim().to_owned()
            };
            let answer = match &question.default {
                Some(default) if typed.is_empty() => default.clone(),
                _ => typed,
            };
            let fault = question.fault(profile, &answer).or_else(|| {
                let fault = question.file_fault(profile, &answer)?;
                Some(format!("{answer}: {fault}"))
            });
            let Some(fault) = fault else {
                return Ok(answer);
            };
            writeln!(self.output, "  {}", redactor.text(&fault))?;
        }
    }

    fn show(&mut self, question: &Question) -> io::Result<()> {
        write!(self.output, "{}", capitalised(&question.why))?;
        if let Asks::OneOf(words) = question.asks {
            write!(self.output, " ({})", words.join(" or "))?;
        }
        if let Some(default) = &question.default {
            write!(self.output, " [{default}]")?;
        }
        if question.is_secret() {
            write!(self.output, " (not shown)")?;
        }
        write!(self.output, ": ")?;
        self.output.flush()
    }

    fn line(&mut self) -> Result<String, PromptError> {
        let mut line = String::new();
        if self.input.read_line(&mut line)? == 0 {
            return Err(PromptError::Ended);
        }
        Ok(line)
    }

    /// A line that the terminal does not show. Its special keys are read here, so that even an interruption finds the
    /// terminal as it was.
    fn hidden_line(&mut self, silence: Silence) -> Result<String, PromptError> {
        const INTERRUPT: u8 = 0x03;
        const END: u8 = 0x04;
        const ERASE_LINE: u8 = 0x15;
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            if io::Read::read(self.input, &mut byte)? == 0 {
                return Err(PromptError::Ended);
            }
            match byte {
                [b'\n' | b'\r'] => break,
                [INTERRUPT] => return Err(PromptError::Ended),
                [END] if line.is_empty() => return Err(PromptError::Ended),
                [0x08 | 0x7f] => {
                    // The last character, which may have several bytes.
                    while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
                }
                [ERASE_LINE] => line.clear(),
                [byte] => line.push(byte),
            }
        }
        drop(silence);
        writeln!(self.output)?;
        String::from_utf8(line).map_err(|_| {
            PromptError::Terminal(io::Error::new(
                io::ErrorKind::InvalidData,
                "what was typed is no UTF-8",
            ))
        })
    }
}

/// A terminal that shows nothing of what is typed, for as long as this lives.
struct Silence<'a> {
    device: BorrowedFd<'a>,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn begin(device: BorrowedFd<'a>) -> io::Result<Self> {
        let before = tcgetattr(device.as_fd())?;
        let mut silent = before.clone();
        silent
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(device, OptionalActions::Now, &silent)?;
        Ok(Self { device, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // Where the terminal is gone there is nothing to restore.
        let _ = tcsetattr(self.device, OptionalActions::Now, &self.before);
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, fs::File, io::BufReader, os::fd::OwnedFd};

    use rustix::{
        fs::{Mode, OFlags},
        pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    };

    use super::{super::find, *};
    use crate::profile;

    /// A terminal, and the other end of it.
    fn terminal() -> (OwnedFd, OwnedFd) {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let device = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        (person, device)
    }

    /// Somebody who reads a prompt and then types the next thing.
    struct Person {
        keyboard: OwnedFd,
        types: VecDeque<&'static str>,
        shown: Vec<u8>,
    }

    impl Write for Person {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.shown.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            let keys = self.types.pop_front().unwrap();
            rustix::io::write(&self.keyboard, keys.as_bytes())?;
            Ok(())
        }
    }

    /// What came of the questions, the answers, and everything that was to be seen on the terminal.
    fn asked(keys: &[&str], types: &[&'static str]) -> (Result<(), PromptError>, Answers, String) {
        let profile = profile::load("2023").unwrap();
        let questions: Vec<Question> = keys
            .iter()
            .map(|key| find(&profile, key).unwrap())
            .collect();
        let (keyboard, device) = terminal();
        let mut person = Person {
            keyboard,
            types: types.iter().copied().collect(),
            shown: Vec::new(),
        };
        let mut answers = Answers::default();
        let mut input = BufReader::with_capacity(1, File::from(device.try_clone().unwrap()));
        let ended = Terminal::new(&mut input, device.as_fd(), &mut person).ask(
            &questions,
            &mut answers,
            &profile,
            &Redactor::default(),
        );
        // The terminal shows what is typed again.
        let modes = tcgetattr(&device).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
        // What the terminal itself has shown of the keys.
        rustix::io::ioctl_fionbio(&person.keyboard, true).unwrap();
        let mut echo = [0; 1_000];
        let length = rustix::io::read(&person.keyboard, &mut echo).unwrap_or(0);
        person.shown.extend(&echo[..length]);
        (
            ended,
            answers,
            String::from_utf8_lossy(&person.shown).into_owned(),
        )
    }

    #[test]
    fn what_cannot_be_meant_is_asked_again() {
        let (ended, answers, shown) = asked(
            &["node_domain", "certificates"],
            &["node\n", "node.company.com\n", "\n"],
        );
        ended.unwrap();
        assert_eq!(answers.get("node_domain"), Some("node.company.com"));
        assert_eq!(answers.get("certificates"), Some("letsencrypt"));
        assert!(
            shown.contains("no fully qualified domain name: it has no domain"),
            "{shown}"
        );
        assert!(
            shown.contains("Whose certificate is served (letsencrypt or own) [letsencrypt]: "),
            "{shown}"
        );
        assert!(shown.contains("node.company.com\r\n"), "{shown}");
        assert!(
            shown.starts_with("The plan needs 2 answers; nothing is changed"),
            "{shown}"
        );
    }

    #[test]
    fn a_password_is_read_with_its_corrections_and_not_shown() {
        let (ended, answers, shown) = asked(
            &["registry_password"],
            &["wrong\u{15}sw\u{e5}\u{7f}ordfish\r"],
        );
        ended.unwrap();
        assert_eq!(
            answers.secret("registry_password").unwrap().exposed(),
            "swordfish"
        );
        assert!(!shown.contains("fish"), "{shown}");
    }

    #[test]
    fn questions_can_be_ended() {
        let (ended, answers, _) = asked(&["registry_password"], &["half\u{3}"]);
        assert!(matches!(ended, Err(PromptError::Ended)));
        assert_eq!(answers, Answers::default());
        let (ended, _, _) = asked(&["node_domain"], &["\u{4}"]);
        assert!(matches!(ended, Err(PromptError::Ended)));
    }
}
