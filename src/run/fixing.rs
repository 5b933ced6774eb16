//! `--fix`: plan, show, ask, apply, verify.

use std::{
    io::{self, IsTerminal},
    os::fd::AsFd,
    sync::Arc,
};

use super::{
    Examination, Exit, RunError, account, examined, finish, print, selection, show, site,
    terminal::Terminal,
};
use crate::{
    checks::{Selection, Status},
    cli::{Command, Format, RunOptions},
    diagnosis::{self, Rules},
    document::pretty,
    facts::Facts,
    profile::Profile,
    redact::Redactor,
    remediate::{
        self, Answers, Lock, Machine, Plan, Situation, StepResult, TakenBack, Unfinished, Work,
        answers::{self, MissingAnswers, Question},
    },
    report::{Remediation, RemediationStep, Report},
    screen::{self, Stderr},
};

/// Refuses options that mean nothing to the command that they stand with.
pub(super) fn require_meaning(
    command: Option<&Command>,
    options: &RunOptions,
) -> Result<(), RunError> {
    let is_run = matches!(command, None | Some(Command::Check { .. }));
    let is_undo = matches!(command, Some(Command::Undo { .. }));
    let is_bundle = matches!(command, Some(Command::Bundle(_)));
    let with_fix = [
        (options.answers.is_some(), "--answers"),
        (options.keep_old, "--keep-old"),
        (options.script.is_some(), "--script"),
        (options.dry_run && !is_undo && !is_bundle, "--dry-run"),
        (options.yes && !is_undo, "--yes"),
    ];
    if options.fix && !is_run {
        return Err(RunError::Usage(
            "--fix belongs to a run of checks: sesam-doctor [check ID…] --fix".into(),
        ));
    }
    match with_fix.iter().find(|(is_given, _)| *is_given) {
        Some((_, option)) if !options.fix => Err(RunError::Usage(format!(
            "{option} means something with --fix only"
        ))),
        _ if options.script.is_some() && !options.dry_run => Err(RunError::Usage(
            "--script is for a plan that is only shown: say --fix --dry-run --script FILE".into(),
        )),
        _ => Ok(()),
    }
}

pub(super) fn refused(words: impl Into<String>) -> RunError {
    RunError::Fix(words.into())
}

/// Refuses what cannot be mended, with the reason.
fn require_possible(options: &RunOptions) -> Result<(), RunError> {
    if !options.facts.is_empty() {
        return Err(refused(
            "recorded facts (--facts) are no machine that could be changed",
        ));
    }
    if options.at.is_some() {
        return Err(refused(
            "a machine is mended by what is so now, not by what would be at another time (--at)",
        ));
    }
    if options.dry_run && !matches!(options.format, Format::Table | Format::Json) {
        return Err(refused(
            "a plan can be shown as table or json (--format), and as a shell script (--script FILE)",
        ));
    }
    if !rustix::process::geteuid().is_root() && !options.dry_run {
        return Err(refused(
            "changing this machine needs root: run it with sudo; --dry-run shows the plan without",
        ));
    }
    Ok(())
}

/// Plan, show, ask, apply, verify.
pub(super) async fn fix(
    words: &[String],
    options: &RunOptions,
    redactor: &Redactor,
) -> Result<Exit, RunError> {
    require_possible(options)?;
    let selection = selection(words, options)?;
    let earlier = super::formats::earlier(options)?;
    let site = site(options, redactor)?;
    let answers = given_answers(options, &site.profile, redactor)?;
    let machine = Arc::new(Machine::new(
        site.root.clone(),
        redactor.clone(),
        Box::new(Terminal::new(options)),
    ));
    let held = if options.dry_run {
        None
    } else {
        Some(begin(&machine).await?)
    };
    let before = examined(&selection, options, redactor).await?;
    if !options.dry_run && site.root.is_machine() {
        require_supported(&before)?;
    }
    let job = Job {
        machine: Arc::clone(&machine),
        answers,
        options: options.clone(),
    };
    let Examination {
        report: report_before,
        facts,
        proposals,
        ..
    } = before;
    let facts = Arc::new(facts);
    let done = blocking(move || job.carry_out(&proposals, &facts, held)).await?;
    let work = match done {
        Carried::Shown => return Ok(Exit::Reported(report_before.exit_code)),
        Carried::Refused => None,
        Carried::Out { work, left } => Some((work, left)),
    };
    let Examination {
        mut report,
        settings,
        ..
    } = examined(&selection, options, redactor).await?;
    let failed = work.as_ref().is_some_and(|(work, _)| work.has_failed());
    report.remediation = Some(remediation(work, &report_before, &report));
    let report = report.redacted(redactor);
    let exit = finish(&report, &settings, options, earlier, redactor).await?;
    // A step that failed is a failure, even where no check sees what is missing.
    Ok(match exit {
        Exit::Reported(_) if failed => Exit::Reported(2),
        exit => exit,
    })
}

/// What was answered beforehand, in a file and in the environment.
fn given_answers(
    options: &RunOptions,
    profile: &Profile,
    redactor: &Redactor,
) -> Result<Answers, RunError> {
    let mut answers = match &options.answers {
        Some(file) => Answers::read(file, profile, redactor)?,
        None => Answers::default(),
    };
    answers.take_environment(profile, |name| std::env::var(name).ok(), redactor)?;
    Ok(answers)
}

/// The lock, and a run that was found interrupted.
type Held = (Lock, Option<Unfinished>);

/// Takes the lock, and takes over what an interrupted run left.
async fn begin(machine: &Arc<Machine>) -> Result<Held, RunError> {
    let machine = Arc::clone(machine);
    blocking(move || {
        let lock =
            Lock::take(machine.root(), account()).map_err(|error| refused(error.to_string()))?;
        let unfinished = remediate::take_over(&machine, &lock).map_err(|error| {
            refused(format!("an interrupted run cannot be taken over: {error}"))
        })?;
        if let Some(unfinished) = &unfinished {
            machine.watch().say(&format!(
                "the run {} was interrupted; it is carried on",
                unfinished.run
            ));
            say_taken_back(&machine, &unfinished.taken_back);
        }
        Ok((lock, unfinished))
    })
    .await
}

pub(super) fn say_taken_back(machine: &Machine, taken_back: &TakenBack) {
    for words in &taken_back.undone {
        machine.watch().say(&format!("  taken back: {words}"));
    }
    for words in &taken_back.kept {
        machine.watch().say(&format!("  stays: {words}"));
    }
}

/// An unsupported system is no place to install on: what is found there would be guessed at.
fn require_supported(before: &Examination) -> Result<(), RunError> {
    // Whatever was selected: it is judged by facts that every run observes.
    let rules = Rules {
        selection: Selection::new(&["system.os".to_owned()], [])?,
        strict: false,
        now: before.facts.observed_at,
    };
    let judged = diagnosis::diagnose(&before.facts, &rules).findings;
    let unsupported = judged
        .into_iter()
        .find(|finding| finding.id == "system.os" && finding.status == Status::Fail);
    match unsupported {
        Some(finding) => Err(refused(format!(
            "{}; nothing was changed. Where that is agreed, waive system.os in the settings",
            finding.summary
        ))),
        None => Ok(()),
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(RunError::Threads(io::Error::other(error))))
}

/// What is typed, unbuffered: what comes after a line is for whoever asks next.
struct Typed(io::Stdin);

impl io::Read for Typed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.0, buffer)?)
    }
}

/// What is carried out on a thread that may block.
struct Job {
    machine: Arc<Machine>,
    answers: Answers,
    options: RunOptions,
}

/// What came of it.
enum Carried {
    /// The plan was shown, and nothing else was to be done.
    Shown,
    /// A person did not want it.
    Refused,
    /// It was done, or there was nothing to do.
    Out { work: Work, left: Vec<String> },
}

impl Job {
    fn carry_out(
        &self,
        proposals: &[crate::diagnosis::Proposal],
        facts: &Facts,
        held: Option<Held>,
    ) -> Result<Carried, RunError> {
        let machine = &*self.machine;
        let answers = self.answered(proposals, facts, held.is_some())?;
        let situation = Situation::new(facts, &answers, self.options.keep_old, machine);
        let plan = Plan::make(proposals, &situation, machine);
        let Some((lock, unfinished)) = held else {
            self.show(&plan)?;
            return Ok(Carried::Shown);
        };
        let left = plan.left_to_a_person.clone();
        if plan.is_empty() {
            machine.watch().say("nothing to do");
            let run = unfinished.as_ref().map(|unfinished| unfinished.run.clone());
            if let Some(unfinished) = unfinished {
                remediate::conclude(unfinished).map_err(|error| refused(error.to_string()))?;
            }
            let work = Work {
                run,
                steps: Vec::new(),
                taken_back: None,
            };
            return Ok(Carried::Out { work, left });
        }
        machine
            .watch()
            .say(machine.redactor().text(&plan.table(machine)).trim_end());
        let ask = Terminal::new(&self.options);
        if !ask.agrees_to_plan()? {
            machine.watch().say("nothing was changed");
            return Ok(Carried::Refused);
        }
        let work = remediate::apply(&plan, machine, &lock, unfinished, account(), &ask)
            .map_err(|error| refused(error.to_string()));
        machine.watch().doing("");
        Ok(Carried::Out { work: work?, left })
    }

    /// The answers that the plan needs: given, asked for at the terminal, or the defaults.
    fn answered(
        &self,
        proposals: &[crate::diagnosis::Proposal],
        facts: &Facts,
        is_required: bool,
    ) -> Result<Answers, RunError> {
        let machine = &*self.machine;
        let (profile, redactor) = (&facts.profile, machine.redactor());
        let mut answers = self.answers.clone();
        // An answer can bring up another question, as that for the files of a certificate.
        loop {
            let situation = Situation::new(facts, &answers, self.options.keep_old, machine);
            let questions = remediate::questions(proposals, &situation, machine);
            let mut open: Vec<Question> = questions
                .into_iter()
                .filter(|question| !answers.has(&question.key))
                .collect();
            if open.is_empty() {
                return Ok(answers);
            }
            if self.options.yes {
                answers.take_defaults(&open, redactor);
                open.retain(|question| !answers.has(&question.key));
                if open.is_empty() {
                    continue;
                }
            }
            let is_interactive = io::stdin().is_terminal() && screen::is_watched();
            if is_required && is_interactive {
                let mut stdin = io::BufReader::with_capacity(1, Typed(io::stdin()));
                let device = io::stdin();
                answers::Terminal::new(&mut stdin, device.as_fd(), &mut Stderr)
                    .ask(&open, &mut answers, profile, redactor)
                    .map_err(|error| refused(error.to_string()))?;
                continue;
            }
            let missing = answers.missing(&open);
            answers.take_defaults(&open, redactor);
            if missing.is_empty() {
                continue;
            }
            let missing = MissingAnswers(missing);
            if is_required {
                return Err(refused(missing.to_string()));
            }
            machine.watch().say(&missing.to_string());
            return Ok(answers);
        }
    }

    /// Prints the plan, and writes it as a script where one was asked for.
    fn show(&self, plan: &Plan) -> Result<(), RunError> {
        let machine = &*self.machine;
        let redactor = machine.redactor();
        if let Some(file) = &self.options.script {
            let script = plan.script();
            let script = redactor.text(&script);
            if file.as_os_str() == "-" {
                return print(&script);
            }
            crate::output::write_file(file, script.as_bytes())?;
        }
        if self.options.format == Format::Json {
            let mut document = serde_json::to_value(plan.document(machine))?;
            redactor.document(&mut document);
            return print(&pretty(&document)?);
        }
        let text = if plan.is_empty() && plan.left_to_a_person.is_empty() {
            "There is nothing to do.\n".to_owned()
        } else {
            format!(
                "--fix would do this, in this order:\n\n{}\nNothing was changed.\n",
                plan.table(machine)
            )
        };
        show(&redactor.text(&text))
    }
}

fn remediation(work: Option<(Work, Vec<String>)>, before: &Report, after: &Report) -> Remediation {
    let (work, mut left) = work.unwrap_or_else(|| {
        (
            Work {
                run: None,
                steps: Vec::new(),
                taken_back: None,
            },
            Vec::new(),
        )
    });
    let taken_back = work.taken_back.unwrap_or_default();
    left.extend(taken_back.kept);
    let steps = work
        .steps
        .into_iter()
        .map(|done| {
            let (result, reason) = match done.result {
                StepResult::Done => ("done", None),
                StepResult::NotNeeded => ("not-needed", None),
                StepResult::Declined => ("declined", None),
                StepResult::NotReached => ("not-reached", None),
                StepResult::Failed(reason) => ("failed", Some(reason)),
            };
            RemediationStep {
                words: done.words,
                result: result.to_owned(),
                reason,
            }
        })
        .collect();
    Remediation {
        run: work.run,
        status_before: before.status,
        summary_before: before.summary,
        steps,
        changed: Remediation::changes(before, after),
        taken_back: taken_back.undone,
        left,
    }
}
