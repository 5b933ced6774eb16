//! The person at the terminal, where there is one.

use std::io::{self, BufRead, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{RunError, fixing::refused};
use crate::{
    cli::RunOptions,
    remediate::{Ask, Watch},
    screen::{self, Stderr},
};

/// The person at the terminal, where there is one.
pub(super) struct Terminal {
    bar: ProgressBar,
    yes: bool,
}

impl Terminal {
    pub(super) fn new(options: &RunOptions) -> Self {
        let wanted = !options.no_progress && !options.quiet && screen::is_watched();
        let bar = if wanted {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        } else {
            ProgressBar::hidden()
        };
        Self {
            bar,
            yes: options.yes,
        }
    }

    pub(super) fn is_interactive(&self) -> bool {
        let _ = self;
        io::stdin().is_terminal() && screen::is_watched()
    }

    pub(super) fn agrees_to_plan(&self) -> Result<bool, RunError> {
        if self.yes {
            return Ok(true);
        }
        if !self.is_interactive() {
            return Err(refused(
                "there is no terminal to ask on: say --yes to let it be done, or --dry-run to see the plan only; nothing was changed",
            ));
        }
        self.question("Do all this?")
    }

    pub(super) fn question(&self, words: &str) -> Result<bool, RunError> {
        self.asked(words)
            .map_err(|error| refused(format!("the answer could not be read: {error}")))
    }

    /// A yes has to be typed: Enter alone, or the end of input, is a no.
    fn asked(&self, words: &str) -> io::Result<bool> {
        let _ = self;
        let mut stderr = Stderr;
        loop {
            write!(stderr, "{words} [yes/no] ")?;
            stderr.flush()?;
            let mut answer = String::new();
            if io::stdin().lock().read_line(&mut answer)? == 0 {
                return Ok(false);
            }
            match answer.trim().to_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "n" | "no" | "" => return Ok(false),
                _ => writeln!(stderr, "say yes or no")?,
            }
        }
    }
}

impl Watch for Terminal {
    fn doing(&self, line: &str) {
        if line.is_empty() {
            self.bar.finish_and_clear();
            return;
        }
        if self.bar.is_finished() {
            self.bar.reset();
        }
        self.bar.set_message(screen::harmless(line).into_owned());
        self.bar.tick();
    }

    fn say(&self, line: &str) {
        self.bar.finish_and_clear();
        screen::tell(line);
    }
}

impl Ask for Terminal {
    fn permits(&self, words: &str, cut: &str) -> io::Result<bool> {
        if self.yes {
            return Ok(true);
        }
        self.asked(&format!("{words}: this {cut}. Do it?"))
    }
}
