//! `plugin.*`

use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Prose, Verdict,
        command_line::quoted,
    },
    facts::{
        Gap, Source,
        plugins::{DIRECTORY, Measurement, Outcome, PluginRun, Refusal, Said, parse},
    },
};

const WARNING: Cause = Cause::new("warning", "the plugin warns (exit code 1)");
const CRITICAL: Cause = Cause::new("critical", "the plugin calls it critical (exit code 2)");
const UNDETERMINED: Cause = Cause::new(
    "undetermined",
    "the plugin could not determine it (exit code 3)",
);
const BAD_EXIT_CODE: Cause = Cause::new(
    "bad-exit-code",
    "the plugin ended with a code that the convention does not know",
);
const CRASHED: Cause = Cause::new("crashed", "the plugin was ended by a signal");
const NOT_STARTED: Cause = Cause::new("not-started", "the plugin could not be started");
const TOO_MUCH_OUTPUT: Cause = Cause::new(
    "too-much-output",
    "the plugin says that all is well, but wrote more than is read",
);
const NOT_UTF8: Cause = Cause::new(
    "not-utf8",
    "the plugin says that all is well, but what it wrote is no text",
);
const NOT_ROOT_OWNED: Cause = Cause::new(
    "not-root-owned",
    "the plugin, or a directory above it, belongs to somebody else than root; not executed",
);
const WRITABLE_BY_OTHERS: Cause = Cause::new(
    "writable-by-others",
    "others than root could change the plugin, or a directory above it; not executed",
);
const FOREIGN_RIGHTS: Cause = Cause::new(
    "set-user-id",
    "the plugin would run with other rights than the doctor's; not executed",
);

/// Of a plugin's first line, this many characters are shown.
const LONGEST_SUMMARY: usize = 300;

/// Of its further lines, this many; the facts have them all.
const LONGEST_EVIDENCE: usize = 4_000;

/// See [`Prose::checks`] in the declaration.
pub static PLUGIN: Check = Check {
    id: "plugin.*",
    title: "The site's own check is content",
    category: Category::Plugin,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Plugins],
    reference: "Monitoring Plugins Development Guidelines",
    causes: &[
        WARNING,
        CRITICAL,
        UNDETERMINED,
        BAD_EXIT_CODE,
        CRASHED,
        NOT_STARTED,
        TOO_MUCH_OUTPUT,
        NOT_UTF8,
        NOT_ROOT_OWNED,
        WRITABLE_BY_OTHERS,
        FOREIGN_RIGHTS,
    ],
    prose: Prose {
        checks: "Every executable file in the settings' `plugins_dir` (`/etc/sesam-doctor/checks.d`) is run, without arguments, input or environment, and its exit code is the verdict: 0 well, 1 warning, 2 critical, 3 undetermined. Its first line is shown, and its performance data with it. A plugin is killed at the deadline with all it has started; one whose file, or any directory above it, others than root own or could write, is not executed at all. Hidden files and those ending in `~` are passed over.",
        why: "A site knows requirements of its own: a backup that has to be fresh, a tunnel that has to be up. As plugins they stand in the same report, with the same exit code.",
        remedy: "See what the plugin says, and run it by hand. Where it was not executed: `chown root:root` and `chmod 755` the file and the directories above it.",
    },
    mends: &[],
    judge: Judge::Family { members, judge },
};

fn members(context: &Context) -> Vec<String> {
    match context.facts.plugins().seen() {
        Ok(runs) => runs.iter().map(|run| run.id.clone()).collect(),
        Err(Gap::Absent | Gap::NotAsked) => Vec::new(),
        // Plugins that could not be listed are not the same as none.
        Err(Gap::Denied(_) | Gap::TimedOut(_) | Gap::Failed(_)) => vec![DIRECTORY.to_owned()],
    }
}

fn judge(context: &Context, member: &str) -> Judgement {
    let runs = context.facts.plugins().seen()?;
    let run = runs
        .iter()
        .find(|run| run.id == member)
        .ok_or(Gap::Absent)?;
    let verdict = match &run.outcome {
        Outcome::Exited { code, said } => exited(run, *code, said),
        Outcome::Crashed { signal, said } => with_output(
            Verdict::unknown(CRASHED, format!("it was ended by signal {signal}")),
            said,
        )
        .advice(by_hand(run)),
        Outcome::TimedOut(reason) => return Err(Gap::TimedOut(reason.clone())),
        Outcome::Denied(what) => return Err(Gap::Denied(what.clone())),
        Outcome::NotStarted(reason) => {
            Verdict::unknown(NOT_STARTED, reason.clone()).advice(by_hand(run))
        }
        Outcome::NotExecutable => Verdict::skip("it is not executable").remark(format!(
            "`chmod 755 {}` makes it one of the site's checks",
            quoted(&run.path)
        )),
        Outcome::Refused(refusal) => refused(refusal),
    };
    Ok(verdict
        .expected("a plugin that ends with code 0")
        .evidence("plugin", &run.path))
}

fn exited(run: &PluginRun, code: i32, said: &Said) -> Verdict {
    let text = parse(&said.output);
    let words = shortened(&text.summary, LONGEST_SUMMARY);
    let summary = if words.is_empty() {
        format!("it ended with code {code} and said nothing")
    } else {
        words.clone()
    };
    let verdict = match code {
        2 => Verdict::fail(CRITICAL, summary).advice(by_hand(run)),
        1 => Verdict::warn(WARNING, summary).advice(by_hand(run)),
        // A bad verdict is one however it is worded; a good one has to be told properly.
        0 | 3 if said.cut => Verdict::unknown(
            TOO_MUCH_OUTPUT,
            format!(
                "it ended with code {code}, but wrote more than the {} bytes that are read",
                said.output.len()
            ),
        )
        .advice(by_hand(run)),
        0 | 3 if !said.is_utf8 => Verdict::unknown(
            NOT_UTF8,
            format!("it ended with code {code}, but what it wrote is no UTF-8 text"),
        )
        .advice("let it write plain ASCII or UTF-8: it runs with LC_ALL=C"),
        0 => Verdict::pass(summary),
        3 => Verdict::unknown(UNDETERMINED, summary).advice(by_hand(run)),
        _ => Verdict::unknown(
            BAD_EXIT_CODE,
            if words.is_empty() {
                format!("{summary}; the convention has codes 0 to 3 only")
            } else {
                format!("it ended with code {code}, and the convention has 0 to 3 only; it said: {words}")
            },
        )
        .advice(by_hand(run)),
    };
    with_output(verdict.observed(code), said)
}

fn with_output(mut verdict: Verdict, said: &Said) -> Verdict {
    let text = parse(&said.output);
    for measurement in &text.measurements {
        verdict = verdict.evidence(&measurement.label, figure(measurement));
    }
    if !text.long.is_empty() {
        verdict = verdict.evidence("further output", shortened(&text.long, LONGEST_EVIDENCE));
    }
    if !said.complaint.trim().is_empty() {
        verdict = verdict.evidence("stderr", said.complaint.trim());
    }
    if said.cut {
        verdict = verdict.remark("it wrote more than is read; the rest was dropped");
    }
    if !said.is_utf8 {
        verdict = verdict.remark("what it wrote is no UTF-8; what could not be read is shown as �");
    }
    if text.damaged > 0 {
        verdict = verdict.remark("some of its performance data could not be read");
    }
    verdict
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

fn figure(measurement: &Measurement) -> String {
    let value = measurement
        .value
        .map_or_else(|| "undetermined".to_owned(), |value| value.to_string());
    let bounds: Vec<String> = [
        ("warn", &measurement.warn),
        ("critical", &measurement.critical),
    ]
    .into_iter()
    .filter_map(|(name, bound)| Some(format!("{name} {}", bound.as_ref()?)))
    .collect();
    let bounds = if bounds.is_empty() {
        String::new()
    } else {
        format!(" ({})", bounds.join(", "))
    };
    format!("{value}{}{bounds}", measurement.unit)
}

fn refused(refusal: &Refusal) -> Verdict {
    match refusal {
        Refusal::NotRootOwned { path, uid } => Verdict::unknown(
            NOT_ROOT_OWNED,
            format!("not executed: {path} belongs to user {uid} and not to root"),
        )
        .advice(format!(
            "see that the plugin is what it should be, then `chown root:root {}`",
            quoted(path)
        )),
        Refusal::WritableByOthers { path, mode } => Verdict::unknown(
            WRITABLE_BY_OTHERS,
            format!("not executed: {path} can be written by others than root (mode {mode:04o})"),
        )
        .advice(if mode & 0o1000 == 0 {
            format!(
                "see that the plugin is what it should be, then `chmod go-w {}`",
                quoted(path)
            )
        } else {
            format!("keep plugins elsewhere than in {path}, which is for all to write")
        }),
        Refusal::ForeignRights { path, mode } => Verdict::unknown(
            FOREIGN_RIGHTS,
            format!(
                "not executed: {path} would run with the rights of its owner (mode {mode:04o})"
            ),
        )
        .advice(format!("`chmod u-s,g-s {}`", quoted(path))),
    }
}

fn by_hand(run: &PluginRun) -> String {
    format!(
        "run it by hand as the doctor does: `env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C {}`",
        quoted(&run.path)
    )
}

#[cfg(test)]
mod tests;
