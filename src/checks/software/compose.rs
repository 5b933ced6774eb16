//! `software.compose`

use crate::{
    checks::{
        Category, Cause, Check, Context, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
        command_line::quoted,
    },
    facts::{
        Gap, Observed, Source,
        compose_programs::{ComposeKind, ComposeProgram},
    },
    profile::ReleaseNumber,
};

const MISSING: Cause = Cause::new("missing", "there is no compose on this machine");
const UNMAINTAINED: Cause = Cause::new(
    "unmaintained",
    "only a compose that is no longer maintained was found",
);
const NOT_EXECUTABLE: Cause =
    Cause::new("not-executable", "compose is there and may not be executed");

/// See [`Prose::checks`] in the declaration.
pub static COMPOSE: Check = Check {
    id: "software.compose",
    title: "Docker Compose is installed",
    category: Category::Software,
    level: Level::Required,
    needs: &[],
    reads: &[Source::ComposePrograms],
    reference: "Operator's manual, software requirements: docker-compose (2023), Docker with the compose plugin (2025)",
    causes: &[MISSING, NOT_EXECUTABLE, UNMAINTAINED],
    prose: Prose {
        checks: "A compose program is found, as a plugin of the docker client in the profile's `software.compose_plugin_directories` or as `docker-compose` where programs are, and names its version. None fails; only one older than `software.compose_maintained` (compose v1) warns.",
        why: "The stack is installed, changed and updated with compose. Compose v1 has had no updates since 2023, reads `.env` in its own way and fails with current engines.",
        remedy: "Install the plugin: `docker-compose-plugin` from Docker's own packages (`apt-get install`, `yum install`), or `docker-compose-v2` from Ubuntu's.",
    },
    mends: &[Mend::new(Remedy::InstallCompose, &[MISSING])],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let programs = context.facts.compose_programs().seen()?;
    let install = "install Compose v2: docker-compose-plugin from Docker's own packages (apt-get install, yum install), or docker-compose-v2 from Ubuntu's; see docs.docker.com/compose/install";
    let software = &context.profile.software;
    let expected = format!("Compose {} or later", software.compose_maintained);
    let usable: Vec<&ComposeProgram> = programs
        .found
        .iter()
        .filter(|program| program.executable)
        .collect();
    let verdict = if let Some(program) = usable
        .iter()
        .find(|program| is_maintained(program, context))
    {
        Verdict::pass(described(program))
    } else if let Some(program) = usable
        .iter()
        .find(|program| matches!(program.version, Observed::Seen(_)))
    {
        Verdict::warn(
            UNMAINTAINED,
            format!("{} is no longer maintained", described(program)),
        )
        .advice(install)
    } else if let Some(program) = usable.first() {
        // It is there, and that is all that is known.
        return Err(program.version.seen().err().unwrap_or(Gap::NotAsked));
    } else if let Some(program) = programs.found.first() {
        let path = program.path.display();
        Verdict::fail(NOT_EXECUTABLE, format!("{path} may not be executed")).advice(format!(
            "let it be executed: chmod 755 {}",
            quoted(&program.path)
        ))
    } else {
        Verdict::fail(MISSING, "no compose was found").advice(install)
    };
    let verdict = programs.found.iter().fold(verdict, |verdict, program| {
        verdict.evidence(program.kind.command(), program.path.display())
    });
    Ok(match usable.first().map(|program| &program.version) {
        Some(Observed::Seen(version)) => verdict.observed(version.as_str()),
        _ => verdict,
    }
    .expected(expected))
}

fn is_maintained(program: &ComposeProgram, context: &Context) -> bool {
    let Observed::Seen(version) = &program.version else {
        return false;
    };
    match (
        ReleaseNumber::parse(version.trim_start_matches('v')),
        ReleaseNumber::parse(&context.profile.software.compose_maintained),
    ) {
        (Some(version), Some(least)) => version >= least,
        // `dev` builds exist only of what is maintained.
        _ => true,
    }
}

fn described(program: &ComposeProgram) -> String {
    let command = match program.kind {
        ComposeKind::Plugin => "docker compose",
        ComposeKind::Standalone => "docker-compose",
    };
    match &program.version {
        Observed::Seen(version) => format!("{command} {version}"),
        _ => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
        },
        facts::{Facts, compose_programs::ComposePrograms},
    };

    fn found(programs: &'static [(ComposeKind, &'static str)]) -> impl Fn(&mut Facts) {
        move |facts| {
            facts.compose_programs = Observed::Seen(ComposePrograms {
                found: programs
                    .iter()
                    .map(|(kind, version)| ComposeProgram {
                        path: "/usr/bin/docker-compose".into(),
                        kind: *kind,
                        executable: !version.is_empty(),
                        version: match *version {
                            "" => Observed::NotAsked,
                            "hangs" => Observed::TimedOut("hangs".into()),
                            version => Observed::Seen(version.into()),
                        },
                    })
                    .collect(),
                searched: Vec::new(),
            });
        }
    }

    #[test]
    fn cases() {
        use ComposeKind::{Plugin, Standalone};
        judge_cases(
            &COMPOSE,
            &[
                Case::new("plugin", Status::Pass, None, found(&[(Plugin, "2.26.1-4")])),
                Case::new(
                    "v2 of its own",
                    Status::Pass,
                    None,
                    found(&[(Standalone, "v2.1.0")]),
                ),
                Case::new(
                    "the first that is maintained",
                    Status::Pass,
                    None,
                    found(&[(Plugin, "v2.0.0")]),
                ),
                Case::new(
                    "both",
                    Status::Pass,
                    None,
                    found(&[(Plugin, "2.26.1"), (Standalone, "1.29.2")]),
                ),
                Case::new(
                    "a build of one's own",
                    Status::Pass,
                    None,
                    found(&[(Plugin, "dev")]),
                ),
                Case::new(
                    "v1 only",
                    Status::Warn,
                    Some("unmaintained"),
                    found(&[(Standalone, "1.29.2")]),
                ),
                Case::new("none", Status::Fail, Some("missing"), found(&[])),
                Case::new(
                    "without its run bit",
                    Status::Fail,
                    Some("not-executable"),
                    found(&[(Plugin, "")]),
                ),
                Case::new(
                    "hangs",
                    Status::Unknown,
                    Some("timed-out"),
                    found(&[(Plugin, "hangs")]),
                ),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
            ],
        );
    }
}
