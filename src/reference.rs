//! What the registry says of itself: the list, the explanations, the check reference, the manual page.

use std::fmt::Write;

use clap::CommandFactory;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use crate::{
    checks::{Category, Check, GAP_CAUSES, REGISTRY, Safety},
    cli::{Arguments, Format},
    document::pretty,
    profile,
    spelling::nearest,
};

/// Every check: id, title, level, whether it can be fixed.
///
/// # Errors
/// None that the registry can cause; the serializer's own are passed on.
pub fn list(format: Format, width: usize) -> serde_json::Result<String> {
    match format {
        Format::Json => {
            let checks: Vec<_> = REGISTRY
                .iter()
                .map(|check| {
                    json!({
                        "id": check.id,
                        "title": check.title,
                        "category": check.category,
                        "level": check.level,
                        "fixable": !check.mends.is_empty(),
                        "fix": way(check),
                    })
                })
                .collect();
            Ok(pretty(&checks)?)
        }
        _ => Ok(list_table(width)),
    }
}

fn list_table(width: usize) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(["id", "title", "level", "fix"]);
    for check in REGISTRY {
        table.add_row([check.id, check.title, check.level.word(), way(check)]);
    }
    let mut text = String::new();
    for line in table.lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// How it can be mended, in a word.
fn way(check: &Check) -> &'static str {
    if check.mends.is_empty() {
        "by hand"
    } else if check
        .remedies()
        .any(|remedy| remedy.safety() == Safety::AsksFirst)
    {
        "--fix, asks first"
    } else {
        "--fix"
    }
}

/// What `--fix` would do, with the codes for which it would; paths are those of the default profile.
fn fix(check: &Check) -> String {
    let Ok(profile) = profile::load(profile::DEFAULT) else {
        return String::new();
    };
    if check.mends.is_empty() {
        return "Nothing: this is for a person to decide.".into();
    }
    let sentences: Vec<String> = check
        .mends
        .iter()
        .map(|mend| {
            let codes: Vec<&str> = mend.causes.iter().map(|cause| cause.code).collect();
            let cut = mend.remedy.cuts().map_or_else(String::new, |cut| {
                format!("; it asks first, since it {cut}")
            });
            format!(
                "For {}: {}{cut}.",
                codes.join(", "),
                mend.remedy.words(&profile, false)
            )
        })
        .collect();
    sentences.join(" ")
}

/// One check, for a person at a terminal.
#[must_use]
pub fn explain(check: &Check, width: usize) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} — {}\n", check.id, check.title);
    let needs: Vec<&str> = check.needs.iter().map(|check| check.id).collect();
    let needs = if needs.is_empty() {
        "nothing".to_owned()
    } else {
        needs.join(", ")
    };
    for (label, value) in [
        ("level", check.level.word()),
        ("reference", check.reference),
        ("needs", needs.as_str()),
    ] {
        let _ = writeln!(text, "{label:<10} {value}");
    }
    for (heading, prose) in sections(check) {
        let _ = writeln!(text, "\n{heading}");
        let options = textwrap::Options::new(width.min(100))
            .initial_indent("  ")
            .subsequent_indent("  ")
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        let _ = writeln!(text, "{}", textwrap::fill(&prose, options));
    }
    if !check.causes.is_empty() {
        let _ = writeln!(text, "\nCodes");
    }
    let longest = check
        .causes
        .iter()
        .map(|cause| cause.code.len())
        .max()
        .unwrap_or(0);
    for cause in check.causes {
        let lead = format!("  {:<longest$}  ", cause.code);
        let rest = " ".repeat(lead.len());
        let options = textwrap::Options::new(width.min(100))
            .initial_indent(&lead)
            .subsequent_indent(&rest)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        let _ = writeln!(text, "{}", textwrap::fill(cause.meaning, options));
    }
    text
}

fn sections(check: &Check) -> [(&'static str, String); 4] {
    [
        ("What is checked", check.prose.checks.to_owned()),
        ("Why", check.prose.why.to_owned()),
        ("What to do", check.prose.remedy.to_owned()),
        ("What --fix would do", fix(check)),
    ]
}

/// The check reference, in Markdown; `docs/checks.md` is this text.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "# The checks\n\nGenerated from the registry; `sesam-doctor explain ID` says the same at a terminal.\n",
    );
    for category in Category::ALL {
        let checks: Vec<&&Check> = REGISTRY
            .iter()
            .filter(|check| check.category == category)
            .collect();
        if checks.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n## {}", category.word());
        for check in checks {
            let _ = writeln!(text, "\n### `{}`\n\n**{}.**", check.id, check.title);
            let _ = writeln!(
                text,
                "Level: {}. Reference: {}.",
                check.level.word(),
                check.reference
            );
            let needs: Vec<String> = check
                .needs
                .iter()
                .map(|check| format!("`{}`", check.id))
                .collect();
            if !needs.is_empty() {
                let _ = writeln!(text, "Needs: {}.", needs.join(", "));
            }
            for (heading, prose) in sections(check) {
                let _ = writeln!(text, "\n*{heading}.* {prose}");
            }
            if !check.causes.is_empty() {
                let _ = writeln!(text, "\n| code | what was seen |\n| --- | --- |");
                for cause in check.causes {
                    let _ = writeln!(text, "| `{}` | {} |", cause.code, cause.meaning);
                }
            }
        }
    }
    text.push_str("\n## Codes of `unknown`\n\nAny check can be `unknown` with one of these.\n\n| code | meaning |\n| --- | --- |\n");
    for cause in GAP_CAUSES {
        let _ = writeln!(text, "| `{}` | {} |", cause.code, cause.meaning);
    }
    text
}

/// A completion script for a shell.
#[must_use]
pub fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut Arguments::command(),
        env!("CARGO_PKG_NAME"),
        &mut script,
    );
    String::from_utf8_lossy(&script).into_owned()
}

/// The manual page of the program or of one of its commands, in roff.
///
/// # Errors
/// Where there is no such command: in words, with the one that was probably meant.
pub fn manual_page(command: Option<&str>) -> Result<String, String> {
    let mut program = Arguments::command();
    // Options that every command has are then part of each command's own page.
    program.build();
    let described = match command {
        None => program,
        Some(name) => command_called(&program, name)?.clone(),
    };
    let mut page = Vec::new();
    // Writing to memory does not fail.
    let _ = clap_mangen::Man::new(described).render(&mut page);
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn command_called<'a>(program: &'a clap::Command, name: &str) -> Result<&'a clap::Command, String> {
    program.find_subcommand(name).ok_or_else(|| {
        let known: Vec<&str> = program
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        let meant = nearest(name, known.iter().copied());
        let hint = meant.map_or_else(String::new, |meant| format!("; did you mean “{meant}”?"));
        format!(
            "man: there is no command “{name}”{hint}; the commands are {}",
            known.join(", ")
        )
    })
}
