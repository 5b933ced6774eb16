//! `config.compose`

use super::{ENV, MISSING, NOT_A_FILE, TOO_LARGE, expected};
use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Prose, Verdict,
        storage::{DATA_MOUNT, NOT_MOUNTED},
    },
    facts::{
        Observed, Source,
        stack::{
            Content, Stack,
            compose_file::{ComposeFile, ProblemKind, Service, UsedVariable},
        },
    },
    units::counted,
};

const NOT_YAML: Cause = Cause::new(
    "not-yaml",
    "the text is no YAML; the summary names line and column",
);
const BAD_INTERPOLATION: Cause = Cause::new(
    "bad-interpolation",
    "a ${…} that Compose refuses, or a required variable without a value",
);
const BAD_TYPE: Cause = Cause::new(
    "bad-type",
    "a list where a mapping belongs, a port that is no number, and the like",
);
const NO_IMAGE: Cause = Cause::new("no-image", "a service has neither an image nor a build");
const UNDEFINED: Cause = Cause::new(
    "undefined",
    "a network, volume or service is referred to and defined nowhere",
);
const UNKNOWN_KEY: Cause = Cause::new("unknown-key", "a key that Compose does not know");
const UNSET_VARIABLE: Cause = Cause::new(
    "unset-variable",
    "a variable is not set, so Compose puts nothing in its place",
);

static CAUSES: [Cause; 10 + expected::CAUSES.len()] = {
    let mut causes = [MISSING; 10 + expected::CAUSES.len()];
    let own = [
        MISSING,
        NOT_A_FILE,
        TOO_LARGE,
        NOT_YAML,
        BAD_INTERPOLATION,
        BAD_TYPE,
        NO_IMAGE,
        UNDEFINED,
        UNKNOWN_KEY,
        UNSET_VARIABLE,
    ];
    let (first, rest) = causes.split_at_mut(own.len());
    first.copy_from_slice(&own);
    rest.copy_from_slice(&expected::CAUSES);
    causes
};

const EXPECTED: &str = "a compose file that Compose can read";

/// See [`Prose::checks`] in the declaration.
pub static COMPOSE: Check = Check {
    id: "config.compose",
    title: "Compose file is the manual's stack",
    category: Category::Config,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Stack],
    reference: "Operator's manual, installing the stack: docker-compose.yml",
    causes: &CAUSES,
    prose: Prose {
        checks: "The stack's compose file: that it is in `stack_dir` of the settings or in one of the profile's `stack.directories`, that it is YAML, that every `${…}` in it can be replaced from the `.env` beside it as Compose would do it, and that services, ports, volumes and networks have the shape that Compose expects. A variable that is set nowhere, and a key that Compose does not know, is a warning; everything that Compose refuses is a failure. Files that the compose file includes or extends, and files that are laid over it (override files, `COMPOSE_FILE`, `-f`), are named and not followed: what the compose file lacks and they may say is remarked on. A file that Compose takes is then held against the profile's `stack.services`: images, published ports, mounts, networks, arguments and labels that are missing fail; a missing variable, restart policy or container name warns; more services, labels and variables, and another order, are no matter.",
        why: "Compose refuses a file as a whole: with one wrong line nothing is started, updated or stopped any more. An unset variable is worse, since Compose only warns, puts nothing in its place and starts a container with an empty host name or an image without a tag.",
        remedy: "Correct the place that the summary names; `docker compose config` in the stack's directory shows what Compose itself makes of the file.",
    },
    mends: &expected::MENDS,
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let stack = context.facts.stack().seen()?;
    let Some(found) = stack.compose.seen_or_absent()? else {
        return Ok(missing(stack));
    };
    match found {
        Content::NotAFile { path, kind } => Ok(Verdict::fail(
            NOT_A_FILE,
            format!("{} is {kind}, not a file", path.display()),
        )
        .expected(EXPECTED)
        .advice(format!("put the compose file at {}", path.display()))),
        Content::TooLarge { path, size, limit } => Ok(Verdict::fail(
            TOO_LARGE,
            format!(
                "{} has {size}; no compose file has more than {limit}",
                path.display()
            ),
        )
        .expected(EXPECTED)
        .advice(format!("put the compose file at {}", path.display()))),
        Content::File { content } => judge_file(context, stack, content),
    }
}

fn missing(stack: &Stack) -> Verdict {
    let searched: Vec<String> = stack
        .searched
        .iter()
        .map(|directory| directory.display().to_string())
        .collect();
    Verdict::fail(
        MISSING,
        format!("there is no compose file in {}", searched.join(" or ")),
    )
    .expected(EXPECTED)
    .advice(format!(
        "put the manual's docker-compose.yml into {}, or name the stack's directory as `stack_dir` in the settings",
        stack.directory.display()
    ))
    // The stack's files may lie on the disk that is missing.
    .follows_cause(&DATA_MOUNT, NOT_MOUNTED)
}

fn judge_file(context: &Context, stack: &Stack, file: &ComposeFile) -> Judgement {
    let path = file.path.display();
    let verdict = if let Some(verdict) = refused(file, &[(ProblemKind::NotYaml, NOT_YAML)]) {
        verdict
    } else {
        // Without the variables nothing that comes after is certain: a port can be one.
        if !matches!(stack.environment, Observed::Absent) {
            stack.environment.seen()?;
        }
        judge_content(context, stack, file)
    };
    let verdict = verdict
        .observed(path.to_string())
        .evidence("file", path)
        .evidence("project", &file.project);
    let verdict = file.not_followed.iter().fold(verdict, |verdict, what| {
        verdict.remark(format!("not followed, so not checked: {what}"))
    });
    Ok(stack.overrides.iter().fold(verdict, |verdict, path| {
        verdict.remark(format!(
            "not followed, so not checked: {}, which Compose lays over the file",
            path.display()
        ))
    }))
}

fn judge_content(context: &Context, stack: &Stack, file: &ComposeFile) -> Verdict {
    const REFUSED: [(ProblemKind, Cause); 4] = [
        (ProblemKind::BadInterpolation, BAD_INTERPOLATION),
        (ProblemKind::BadType, BAD_TYPE),
        (ProblemKind::NoImage, NO_IMAGE),
        (ProblemKind::Undefined, UNDEFINED),
    ];
    let (session, unset): (Vec<&UsedVariable>, Vec<&UsedVariable>) = file
        .variables
        .iter()
        .filter(|variable| variable.blank_place().is_some())
        .partition(|variable| {
            context
                .profile
                .stack
                .session_variables
                .contains(&variable.name)
        });
    let verdict = if let Some(verdict) = refused(file, &REFUSED) {
        verdict
    } else if let Some(first) = unset.first() {
        unset_variables(file, first, &unset)
    } else if let Some(problem) = file.problem(ProblemKind::UnknownKey) {
        Verdict::warn(UNKNOWN_KEY, format!("{}: {problem}", file.path.display()))
            .expected("keys that Compose knows")
            .advice(format!(
                "correct or remove {} in {}; begin it with x- where it is meant for another program",
                problem.place,
                file.path.display()
            ))
    } else {
        against_profile(context, stack, file)
    };
    session.iter().fold(verdict, |verdict, variable| {
        verdict.remark(format!(
            "{} is not in .env: {} gets it from the shell or service manager that starts Compose",
            variable.name,
            shown_place(variable)
        ))
    })
}

/// The verdict on a file that Compose takes: whether it is the stack that the profile describes.
fn against_profile(context: &Context, stack: &Stack, file: &ComposeFile) -> Verdict {
    let path = file.path.display();
    let comparison = expected::compare(context.profile, stack, file);
    let services = counted(file.services.len() as u64, "service");
    let well = if comparison.is_partial {
        format!(
            "{path} defines {services}; what it lacks may be said in files that were not followed"
        )
    } else {
        format!("{path} defines {services}, as the manual has them")
    };
    let advice: Vec<String> = comparison
        .differences
        .iter()
        .map(|difference| format!("in {path}: {}", difference.advice))
        .collect();
    let items = comparison
        .differences
        .into_iter()
        .map(|difference| difference.item)
        .collect();
    let mut verdict = Verdict::worst_of(items, well);
    if file.services.values().any(has_no_tag) {
        verdict = verdict.follows(&ENV);
    }
    if !advice.is_empty() {
        verdict = verdict
            .expected("the stack as the manual has it")
            .advice_all(advice)
            .advice("then apply it with `docker compose up -d` in that directory");
    }
    comparison
        .remarks
        .into_iter()
        .fold(verdict, Verdict::remark)
}

/// Whether what stands behind the image's colon is no tag, as a variable with a colon of its own makes it.
fn has_no_tag(service: &Service) -> bool {
    service.image.as_deref().is_some_and(|image| {
        let name = image.rsplit('/').next().unwrap_or(image);
        let name = name.split('@').next().unwrap_or(name);
        name.matches(':').count() > 1
    })
}

/// The verdict on the first problem of the first of these kinds that the file has.
fn refused(file: &ComposeFile, kinds: &[(ProblemKind, Cause)]) -> Option<Verdict> {
    let (cause, problem) = kinds
        .iter()
        .find_map(|(kind, cause)| Some((*cause, file.problem(*kind)?)))?;
    let path = file.path.display();
    let verdict = Verdict::fail(cause, format!("{path}: {problem}"))
        .expected(EXPECTED)
        .advice(format!(
            "correct it in {path}, and see with `docker compose config` whether Compose takes the file"
        ));
    // A variable that is not set makes a port or an image what it should not be.
    let from_blank = file
        .variables
        .iter()
        .flat_map(|variable| &variable.blank_places)
        .any(|place| is_within(place, &problem.place));
    let verdict = if from_blank {
        verdict.follows(&ENV)
    } else {
        verdict
    };
    // The first stands in the summary.
    let others = file
        .problems
        .iter()
        .filter(|other| *other != problem)
        .take(10);
    Some(others.fold(verdict, |verdict, other| verdict.evidence("also", other)))
}

/// Whether a place is `other` or in it: `services.a.ports[0]` is in `services.a.ports`.
fn is_within(place: &str, other: &str) -> bool {
    place
        .strip_prefix(other)
        .is_some_and(|rest| !other.is_empty() && (rest.is_empty() || rest.starts_with(['.', '['])))
}

fn shown_place(variable: &UsedVariable) -> &str {
    variable.blank_place().unwrap_or(&variable.place)
}

fn unset_variables(file: &ComposeFile, first: &UsedVariable, unset: &[&UsedVariable]) -> Verdict {
    let more = match unset.len() - 1 {
        0 => String::new(),
        more => format!(", and {}", counted(more as u64, "more variable")),
    };
    let verdict = Verdict::warn(
        UNSET_VARIABLE,
        format!(
            "{} is not set, so {} is left blank{more}",
            first.name,
            shown_place(first)
        ),
    )
    .expected("every variable is set, or has a default in the compose file")
    .advice(format!(
        "set {} in the .env beside {}, or give it a default: ${{{}:-…}}",
        first.name,
        file.path.display(),
        first.name
    ))
    .follows(&ENV);
    unset.iter().take(20).fold(verdict, |verdict, variable| {
        verdict.evidence(
            format!("{} is used in", variable.name),
            variable.blank_places.join(", "),
        )
    })
}

#[cfg(test)]
mod tests;
