//! `config.env`

use super::{
    MISSING, NOT_A_FILE, TOO_LARGE,
    variable::{CAUSES, EMPTY, PLACEHOLDER, judge_value, right_value},
};
use crate::{
    checks::{
        Category, Cause, Check, Context, Item, Judge, Judgement, Level, Mend, Prose, Remedy,
        Status, Verdict,
        storage::{DATA_MOUNT, NOT_MOUNTED},
    },
    facts::{
        Source,
        stack::{Content, EnvironmentFile, Stack, VariableValue},
    },
    profile::VariableKind,
    units::counted,
};

const MALFORMED: Cause = Cause::new(
    "malformed",
    "Compose refuses a line of the file, and with it the whole stack",
);

/// See [`Prose::checks`] in the declaration.
pub static ENV: Check = Check {
    id: "config.env",
    title: "Variables of the stack are set and well-formed",
    category: Category::Config,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Stack],
    reference: "Operator's manual, installing the stack: .env",
    causes: &[
        MISSING, NOT_A_FILE, TOO_LARGE, MALFORMED, CAUSES[0], CAUSES[1], CAUSES[2], CAUSES[3],
        CAUSES[4], CAUSES[5], CAUSES[6], CAUSES[7], CAUSES[8], CAUSES[9],
    ],
    prose: Prose {
        checks: "The file `.env` beside the compose file, read by the rules of Compose v2: every variable that the profile names, and every other one that the compose file uses without a default, is set, is not empty, is no longer the template's placeholder, and is what it has to be: a UUID, a fully qualified domain name, the number of an account other than root, a tag, an e-mail address. A tag of the node's image that is no software channel is a warning. Secrets are looked at and never shown.",
        why: "Compose puts nothing in the place of a variable that is not set, and starts the stack all the same: the node is then unreachable under its name, its logs are lost, or its data belongs to the wrong account.",
        remedy: "Set what the summary names in `.env`, then bring the stack up again with `docker compose up -d` in its directory.",
    },
    mends: &[Mend::new(
        Remedy::WriteEnvironment,
        &[
            MISSING, CAUSES[0], CAUSES[1], CAUSES[2], CAUSES[3], CAUSES[4], CAUSES[5], CAUSES[6],
            CAUSES[7], CAUSES[8], CAUSES[9],
        ],
    )],
    judge: Judge::One(judge),
};

/// A variable that has to be set.
struct Required<'a> {
    name: &'a str,
    kind: VariableKind,
    why: String,
}

fn judge(context: &Context) -> Judgement {
    let stack = context.facts.stack().seen()?;
    let path = stack.directory.join(&context.profile.stack.env_file);
    let shown = path.display();
    let advice = format!("write the variables of the stack to {shown}, as the manual shows");
    let file_fault = match stack.environment.seen_or_absent()? {
        None => (MISSING, format!("there is no {shown}")),
        Some(Content::NotAFile { kind, .. }) => {
            (NOT_A_FILE, format!("{shown} is {kind}, not a file"))
        }
        Some(Content::TooLarge { size, limit, .. }) => (
            TOO_LARGE,
            format!("{shown} has {size}; no such file has more than {limit}"),
        ),
        Some(Content::File { content }) => return Ok(judge_file(context, stack, content)),
    };
    let (cause, summary) = file_fault;
    Ok(Verdict::fail(cause, summary)
        .expected("a file that sets the variables of the stack")
        .advice(advice)
        .follows_cause(&DATA_MOUNT, NOT_MOUNTED))
}

fn judge_file(context: &Context, stack: &Stack, file: &EnvironmentFile) -> Verdict {
    let path = file.path.display();
    if let Some(problem) = &file.problem {
        return Verdict::fail(MALFORMED, format!("{path}, {problem}"))
            .expected("lines of the form NAME=value")
            .advice(format!(
                "correct line {} of {path}; put a value with special characters between single quotation marks",
                problem.line
            ));
    }
    let required = required(context, stack);
    let items: Vec<Item> = required
        .iter()
        .map(|variable| judge_variable(context, file, variable))
        .collect();
    let unmet: Vec<String> = required
        .iter()
        .zip(&items)
        .filter(|(_, item)| item.status > Status::Pass)
        .map(|(variable, _)| {
            format!(
                "set {} ({}) in {path} to {}",
                variable.name,
                variable.why,
                right_value(&context.profile.stack, variable.kind)
            )
        })
        .collect();
    let all_well = format!(
        "{} set and well-formed",
        counted(items.len() as u64, "variable")
    );
    let verdict = Verdict::worst_of(items, all_well)
        .expected("every variable set and well-formed")
        .evidence("file", path);
    let verdict = unmet.into_iter().fold(verdict, Verdict::advice);
    remarks(file, verdict)
}

/// What the profile names, and then what else the compose file cannot do without.
fn required<'a>(context: &Context<'a>, stack: &'a Stack) -> Vec<Required<'a>> {
    let profile = context.profile;
    let mut required: Vec<Required> = profile
        .environment
        .iter()
        .map(|variable| Required {
            name: &variable.name,
            kind: variable.kind,
            why: variable.why.clone(),
        })
        .collect();
    let used = stack.compose_file().map_or(&[][..], |file| &file.variables);
    for variable in used {
        let Some(place) = variable.blank_place() else {
            continue;
        };
        let known = required.iter().any(|known| known.name == variable.name);
        if !known && !profile.stack.session_variables.contains(&variable.name) {
            required.push(Required {
                name: &variable.name,
                kind: VariableKind::Text,
                why: format!("{place} uses it"),
            });
        }
    }
    required
}

fn judge_variable(context: &Context, file: &EnvironmentFile, required: &Required) -> Item {
    let name = required.name;
    match file.variable(name).map(|variable| &variable.value) {
        None => Item::fail(name, MISSING, format!("not set ({})", required.why)),
        Some(VariableValue::Inherited) => Item::fail(
            name,
            MISSING,
            format!("named without a value ({})", required.why),
        ),
        Some(VariableValue::Hidden { empty: true, .. }) => Item::fail(name, EMPTY, "empty"),
        Some(VariableValue::Hidden {
            placeholder: true, ..
        }) => Item::fail(name, PLACEHOLDER, "still the template's"),
        Some(VariableValue::Hidden { .. }) => Item::pass(name, "set, and not shown"),
        Some(VariableValue::Plain(value)) => {
            judge_value(&context.profile.stack, required.kind, name, value)
        }
    }
}

fn remarks(file: &EnvironmentFile, mut verdict: Verdict) -> Verdict {
    let differing: Vec<&str> = file
        .variables
        .iter()
        .filter(|variable| variable.v1_differs)
        .map(|variable| variable.name.as_str())
        .collect();
    if !differing.is_empty() {
        verdict = verdict.remark(format!(
            "Compose v1 and v2 read {} differently; single quotation marks around a value, or no $, # and quotation marks in it, make them agree",
            differing.join(", ")
        ));
    }
    for variable in &file.variables {
        if let Some(earlier) = variable.supersedes {
            verdict = verdict.remark(format!(
                "{} is set twice, in lines {earlier} and {}; the second counts",
                variable.name, variable.line
            ));
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::cases::{Case, judge_cases, nothing_observed, verdict},
        facts::{
            Facts, FileKind, Observed,
            stack::{
                Variable,
                compose_file::{ComposeFile, UsedVariable},
                env_file::{EnvProblem, LineProblem},
            },
        },
        units::Bytes,
    };

    const GOOD: [(&str, &str); 8] = [
        ("TRAEFIK_DOCKER_IMAGE_TAG", "v3.1"),
        ("SESAM_NODE_IMAGE_TAG", "weekly-prod"),
        ("FLUENTBIT_IMAGE_TAG", "1.9.4"),
        ("FLUENTBIT_HOST", "logs.sesam.io"),
        ("USER_ID", "1000"),
        ("NODE_DOMAIN", "node.company.com"),
        ("APPLIANCE_ID", "6f1ed002-ab54-4bbc-9d0a-1c7d8a1b2c3d"),
        ("SUBSCRIPTION_ID", "12345"),
    ];

    fn variable(name: &str, value: VariableValue) -> Variable {
        Variable {
            name: name.into(),
            value,
            line: 1,
            supersedes: None,
            v1_differs: false,
        }
    }

    fn hidden(empty: bool, placeholder: bool) -> VariableValue {
        VariableValue::Hidden { empty, placeholder }
    }

    fn stack(environment: Observed<Content<EnvironmentFile>>) -> Stack {
        Stack {
            directory: "/srv/data".into(),
            environment,
            ..Stack::default()
        }
    }

    /// A sound file, changed.
    fn with(change: impl Fn(&mut EnvironmentFile)) -> impl Fn(&mut Facts) {
        move |facts| {
            let mut file = EnvironmentFile {
                path: "/srv/data/.env".into(),
                variables: GOOD
                    .iter()
                    .map(|(name, value)| variable(name, VariableValue::Plain((*value).into())))
                    .collect(),
                problem: None,
            };
            file.variables
                .push(variable("FLUENTBIT_AUTH_HEADER", hidden(false, false)));
            change(&mut file);
            let content = Content::File { content: file };
            facts.stack = Observed::Seen(stack(Observed::Seen(content)));
        }
    }

    fn set(name: &'static str, value: VariableValue) -> impl Fn(&mut Facts) {
        with(move |file| {
            file.variables.retain(|variable| variable.name != name);
            file.variables.push(variable(name, value.clone()));
        })
    }

    fn plain(name: &'static str, value: &'static str) -> impl Fn(&mut Facts) {
        set(name, VariableValue::Plain(value.into()))
    }

    fn environment(content: Observed<Content<EnvironmentFile>>) -> impl Fn(&mut Facts) {
        move |facts| facts.stack = Observed::Seen(stack(content.clone()))
    }

    fn using(name: &'static str) -> impl Fn(&mut Facts) {
        move |facts| {
            with(|_| {})(facts);
            if let Observed::Seen(stack) = &mut facts.stack {
                let mut content = ComposeFile::default();
                content.variables.push(UsedVariable {
                    name: name.into(),
                    place: "services.other.image".into(),
                    blank_places: vec!["services.other.image".into()],
                });
                stack.compose = Observed::Seen(Content::File { content });
            }
        }
    }

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn cases() {
        use Status::{Fail, Pass, Unknown, Warn};
        judge_cases(
            &ENV,
            &[
                Case::new("all as it should be", Pass, None, with(|_| {})),
                Case::new(
                    "no file",
                    Fail,
                    Some("missing"),
                    environment(Observed::Absent),
                ),
                Case::new(
                    "a directory",
                    Fail,
                    Some("not-a-file"),
                    environment(Observed::Seen(Content::NotAFile {
                        path: "/srv/data/.env".into(),
                        kind: FileKind::Directory,
                    })),
                ),
                Case::new(
                    "five gigabytes",
                    Fail,
                    Some("too-large"),
                    environment(Observed::Seen(Content::TooLarge {
                        path: "/srv/data/.env".into(),
                        size: Bytes(5_000_000_000),
                        limit: Bytes(1_000_000),
                    })),
                ),
                Case::new(
                    "malformed",
                    Fail,
                    Some("malformed"),
                    with(|file| {
                        file.problem = Some(LineProblem {
                            line: 3,
                            problem: EnvProblem::Unterminated,
                        });
                    }),
                ),
                Case::new(
                    "a variable missing",
                    Fail,
                    Some("missing"),
                    with(|file| file.variables.retain(|variable| variable.name != "USER_ID")),
                ),
                Case::new(
                    "without a value",
                    Fail,
                    Some("missing"),
                    set("USER_ID", VariableValue::Inherited),
                ),
                Case::new("empty", Fail, Some("empty"), plain("SUBSCRIPTION_ID", "")),
                Case::new(
                    "placeholder",
                    Fail,
                    Some("placeholder"),
                    plain("NODE_DOMAIN", "node.example.com"),
                ),
                Case::new(
                    "no domain",
                    Fail,
                    Some("not-a-domain"),
                    plain("NODE_DOMAIN", "node"),
                ),
                Case::new(
                    "no uuid",
                    Fail,
                    Some("not-a-uuid"),
                    plain("APPLIANCE_ID", "12345"),
                ),
                Case::new("no uid", Fail, Some("not-a-uid"), plain("USER_ID", "sesam")),
                Case::new("root", Fail, Some("root-uid"), plain("USER_ID", "0")),
                Case::new(
                    "no tag",
                    Fail,
                    Some("not-a-tag"),
                    plain("FLUENTBIT_IMAGE_TAG", "a b"),
                ),
                Case::new(
                    "no host",
                    Fail,
                    Some("not-a-host"),
                    plain("FLUENTBIT_HOST", "https://logs.sesam.io"),
                ),
                Case::new(
                    "no channel",
                    Warn,
                    Some("unknown-channel"),
                    plain("SESAM_NODE_IMAGE_TAG", "1.2.3"),
                ),
                Case::new(
                    "no e-mail address",
                    Fail,
                    Some("not-an-email"),
                    |facts: &mut Facts| {
                        facts.profile = crate::profile::load("2025").unwrap();
                        plain("DNS_ADMIN", "admin")(facts);
                    },
                ),
                Case::new(
                    "secret empty",
                    Fail,
                    Some("empty"),
                    set("FLUENTBIT_AUTH_HEADER", hidden(true, false)),
                ),
                Case::new(
                    "secret of the template",
                    Fail,
                    Some("placeholder"),
                    set("FLUENTBIT_AUTH_HEADER", hidden(false, true)),
                ),
                Case::new(
                    "one more that the compose file uses",
                    Fail,
                    Some("missing"),
                    using("OTHER"),
                ),
                Case::new("one that the session sets", Pass, None, using("HOME")),
                Case::new(
                    "not asked",
                    Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "may not be read",
                    Unknown,
                    Some("needs-root"),
                    environment(Observed::Denied("reading /srv/data/.env needs root".into())),
                ),
            ],
        );
    }

    #[test]
    fn each_unmet_variable_is_an_item_with_its_own_advice() {
        let mut facts = nothing_observed();
        with(|file| {
            file.variables
                .retain(|variable| !variable.name.ends_with("_ID"));
            if let Some(first) = file.variables.first_mut() {
                first.v1_differs = true;
                first.supersedes = Some(1);
            }
        })(&mut facts);
        let verdict = verdict(&ENV, &facts);
        assert_eq!(verdict.items.len(), 9);
        assert_eq!(verdict.advice.len(), 3);
        assert_eq!(verdict.remarks.len(), 2);
    }
}
