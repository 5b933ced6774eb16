//! `system.os`

use crate::{
    checks::{Category, Cause, Check, Context, Judge, Judgement, Level, Prose, Status, Verdict},
    facts::{Source, host::OsRelease},
    profile::{ReleaseNumber, SupportedSystem},
};

const TOO_OLD: Cause = Cause::new(
    "too-old",
    "a supported system, but a release before the oldest supported one",
);
const UNSUPPORTED: Cause = Cause::new("unsupported", "another system than the supported ones");
const DERIVATIVE: Cause = Cause::new(
    "derivative",
    "derived from a supported system, but not counted as it",
);
const NO_RELEASE_FILE: Cause = Cause::new(
    "no-os-release",
    "no file says which operating system this is",
);
const NO_ID: Cause = Cause::new("no-id", "the release file names no operating system");
const NO_VERSION: Cause = Cause::new(
    "no-version",
    "a supported system that does not say which release it is",
);
const BAD_VERSION: Cause = Cause::new(
    "bad-version",
    "a supported system whose release is no number",
);

/// See [`Prose::checks`] in the declaration.
pub static OS: Check = Check {
    id: "system.os",
    title: "Supported operating system",
    category: Category::System,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Host],
    reference: "Operator's manual, software requirements: operating system",
    causes: &[
        TOO_OLD,
        UNSUPPORTED,
        DERIVATIVE,
        NO_RELEASE_FILE,
        NO_ID,
        NO_VERSION,
        BAD_VERSION,
    ],
    prose: Prose {
        checks: "`ID` and `VERSION_ID` of os-release (of `/etc/redhat-release` on systems that have nothing else), against `system.supported` of the profile. Releases are compared part by part as numbers. Rebuilds of Red Hat Enterprise Linux count as it. Systems that are derived from a supported one but number their releases themselves (Linux Mint, Amazon Linux) do not.",
        why: "Docker and the product are tested on the supported releases only; older ones bring kernels and libraries without security updates, on which current Docker packages cannot be installed.",
        remedy: "Upgrade the system to a supported release, or move the installation to a machine that has one. A site that knows better adds its system to `system.supported` in a profile of its own.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let supported = &context.profile.system.supported;
    let verdict = match context.facts.host().seen()?.os.seen_or_absent()? {
        None => Verdict::unknown(
            NO_RELEASE_FILE,
            "neither os-release nor redhat-release is there",
        ),
        Some(release) => {
            let verdict = match &release.id {
                None => Verdict::unknown(
                    NO_ID,
                    format!("{} does not say which system this is", release.file),
                ),
                Some(id) => judge_system(supported, release, id),
            };
            with_evidence(verdict, release)
        }
    };
    Ok(verdict.expected(words_for(supported)))
}

fn judge_system(supported: &[SupportedSystem], release: &OsRelease, id: &str) -> Verdict {
    let title = release.title();
    match supported
        .iter()
        .find_map(|system| Some((system, kinship(system, release, id)?)))
    {
        Some((system, Kinship::Derivative)) => Verdict::fail(
            DERIVATIVE,
            format!(
                "{title} is derived from {} but is not it, and is not supported",
                system.name
            ),
        )
        .advice(format!(
            "move to {} itself: a derivative numbers its releases and builds its packages in its own way",
            words_for(supported)
        )),
        None => Verdict::fail(UNSUPPORTED, format!("{title} is not a supported system"))
            .advice(format!("move to {}", words_for(supported))),
        Some((system, kinship)) => {
            let verdict = judge_release(system, release, &title);
            let verdict = match kinship {
                Kinship::Rebuild => {
                    verdict.remark(format!("{title} counts as {}, of which it is a rebuild", system.name))
                }
                Kinship::Itself | Kinship::Derivative => verdict,
            };
            with_preference(verdict, supported, system)
        }
    }
}

/// How an examined system stands to a supported one.
#[derive(Clone, Copy)]
enum Kinship {
    Itself,
    /// Counts as it.
    Rebuild,
    /// Comes from it, but does not count as it.
    Derivative,
}

fn kinship(system: &SupportedSystem, release: &OsRelease, id: &str) -> Option<Kinship> {
    let is_like = release.id_like.contains(&system.id);
    let is_one_of = |ids: &[String]| ids.iter().any(|known| known == id);
    if system.id == id {
        Some(Kinship::Itself)
    } else if is_one_of(&system.rebuilds)
        || (is_like && system.accept_like && !is_one_of(&system.unlike))
    {
        Some(Kinship::Rebuild)
    } else {
        is_like.then_some(Kinship::Derivative)
    }
}

fn judge_release(system: &SupportedSystem, release: &OsRelease, title: &str) -> Verdict {
    let Some(version) = &release.version_id else {
        return Verdict::unknown(
            NO_VERSION,
            format!("{} names {title}, but no release of it", release.file),
        );
    };
    let (Some(found), Some(minimum)) = (
        ReleaseNumber::parse(version),
        ReleaseNumber::parse(&system.minimum),
    ) else {
        return Verdict::unknown(
            BAD_VERSION,
            format!("the release “{version}” of {title} is no number"),
        );
    };
    if found < minimum {
        Verdict::fail(
            TOO_OLD,
            format!("{title} is older than {} {}", system.name, system.minimum),
        )
        .advice(format!(
            "upgrade to {} {} or newer, or move to a machine that has it",
            system.name, system.minimum
        ))
    } else {
        Verdict::pass(format!("{title} is supported"))
    }
}

fn with_preference(
    verdict: Verdict,
    supported: &[SupportedSystem],
    system: &SupportedSystem,
) -> Verdict {
    match supported.first() {
        Some(preferred) if preferred.id != system.id && verdict.status == Status::Pass => verdict
            .remark(format!(
                "{} is supported, {} is preferred",
                system.name, preferred.name
            )),
        _ => verdict,
    }
}

fn with_evidence(verdict: Verdict, release: &OsRelease) -> Verdict {
    let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "not said".into());
    let mut verdict = verdict
        .observed(release.title())
        .evidence("file", &release.file)
        .evidence("ID", said(&release.id))
        .evidence("VERSION_ID", said(&release.version_id));
    if !release.id_like.is_empty() {
        verdict = verdict.evidence("ID_LIKE", release.id_like.join(" "));
    }
    match release.damaged_lines.first() {
        None => verdict,
        Some(first) => verdict.remark(format!(
            "{} has {} that cannot be read, the first is line {first}",
            release.file,
            crate::units::counted(release.damaged_lines.len() as u64, "line")
        )),
    }
}

/// `Ubuntu 18.04 or newer, or Red Hat Enterprise Linux 7 or newer`
fn words_for(supported: &[SupportedSystem]) -> String {
    let systems: Vec<String> = supported
        .iter()
        .map(|system| format!("{} {} or newer", system.name, system.minimum))
        .collect();
    systems.join(", or ")
}

#[cfg(test)]
mod tests;
