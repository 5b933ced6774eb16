//! `undo`: what runs did, and the way back.

use std::sync::Arc;

use super::{
    Exit, RunError, account,
    fixing::{blocking, say_taken_back},
    show, site,
    terminal::Terminal,
};
use crate::{
    cli::RunOptions,
    redact::Redactor,
    remediate::{self, JOURNAL_DIRECTORY, Lock, Machine, Outcome, Story},
};

/// Takes back what a run did.
pub(super) async fn undo(
    run: Option<String>,
    list: bool,
    options: &RunOptions,
    redactor: &Redactor,
) -> Result<Exit, RunError> {
    let wrong = |words: String| RunError::Undo(words);
    let site = site(options, redactor)?;
    if !rustix::process::geteuid().is_root() {
        return Err(wrong(
            "the journal can be read by root only: run it with sudo".into(),
        ));
    }
    let machine = Arc::new(Machine::new(
        site.root,
        redactor.clone(),
        Box::new(Terminal::new(options)),
    ));
    let options = options.clone();
    blocking(move || {
        let read = || {
            remediate::stories(machine.root())
                .map_err(|error| wrong(format!("the journal cannot be read: {error}")))
        };
        if list {
            let list = listed(&read()?, Lock::is_held(machine.root()));
            return show(&machine.redactor().text(&list)).map(|()| Exit::Done);
        }
        let lock =
            Lock::take(machine.root(), account()).map_err(|error| wrong(error.to_string()))?;
        let stories = read()?;
        let story = chosen(&stories, run.as_deref())?;
        let steps: Vec<String> = story
            .steps()
            .iter()
            .map(|step| format!("  {step}"))
            .collect();
        machine.watch().say(&machine.redactor().text(&format!(
            "the run {} of {} did this:\n{}",
            story.run,
            story.begun.strftime("%Y-%m-%d %H:%M UTC"),
            steps.join("\n")
        )));
        if options.dry_run {
            return Ok(Exit::Done);
        }
        let ask = Terminal::new(&options);
        if !options.yes && !ask.is_interactive() {
            return Err(wrong(
                "there is no terminal to ask on: say --yes to have it taken back, or --dry-run to see the run only; nothing was changed".into(),
            ));
        }
        if !options.yes && !ask.question("Take it back?")? {
            machine.watch().say("nothing was changed");
            return Ok(Exit::Done);
        }
        let taken_back =
            remediate::undo(&machine, &lock, story).map_err(|error| wrong(error.to_string()))?;
        machine.watch().doing("");
        say_taken_back(&machine, &taken_back);
        Ok(Exit::Done)
    })
    .await
}

fn chosen<'s>(stories: &'s [Story], run: Option<&str>) -> Result<&'s Story, RunError> {
    let is_standing = |story: &&Story| story.outcome() != Some(Outcome::Undone);
    match run {
        Some(name) => {
            let story = stories.iter().find(|story| story.run == name);
            let story = story.ok_or_else(|| {
                RunError::Undo(format!(
                    "there is no run {name} in {JOURNAL_DIRECTORY}; `sesam-doctor undo --list` shows them"
                ))
            })?;
            // What was kept then, since something stood in its way, may go now.
            if is_standing(&story) || story.can_be_taken_back() {
                Ok(story)
            } else {
                Err(RunError::Undo(format!(
                    "the run {name} was taken back already"
                )))
            }
        }
        None => stories
            .iter()
            .rev()
            .filter(is_standing)
            .find(|story| story.has_changes())
            .ok_or_else(|| {
                RunError::Undo(format!(
                    "there is no run in {JOURNAL_DIRECTORY} that could be taken back"
                ))
            }),
    }
}

fn listed(stories: &[Story], is_one_running: bool) -> String {
    use std::fmt::Write;
    if stories.is_empty() {
        return format!("no run is in {JOURNAL_DIRECTORY}\n");
    }
    let mut text = String::new();
    let unfinished = if is_one_running {
        "under way"
    } else {
        "interrupted"
    };
    for story in stories {
        let outcome = story.outcome().map_or(unfinished, Outcome::word);
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{}  {}  {outcome}, {} steps, by {}",
            story.run,
            story.begun.strftime("%Y-%m-%d %H:%M UTC"),
            story.steps().len(),
            story.by
        );
    }
    text
}
