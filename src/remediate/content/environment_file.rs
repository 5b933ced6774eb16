//! `.env` with the stack's variables set, everything else in it left as it is.

use thiserror::Error;

use crate::{
    facts::stack::env_file::{self, EnvProblem, LineProblem},
    profile::Profile,
};

/// One variable that is to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Why a `.env` cannot be written. None of them carries a value, which could be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvironmentFault {
    /// Compose refuses the file that is there.
    #[error("{0}; correct that line, or move the file away, and begin again")]
    Broken(LineProblem),
    /// There is no spelling that both releases of Compose read as that value.
    #[error(
        "the value of {0} cannot be written so that Compose v1 and v2 read the same; use one without quotation marks, backslashes, dollar signs and line ends"
    )]
    Ambiguous(String),
    /// The name is none.
    #[error("“{0}” cannot be the name of a variable")]
    Name(String),
    /// What was written is read back as something else, because of another line of the file.
    #[error(
        "{0} would not be read back as written, because of other lines of the file; correct it by hand"
    )]
    NotReadBack(String),
}

/// The text of a `.env` in which each of `settings` holds: lines that say so already stay, others are replaced where they
/// stand, what is missing comes at the end, each with what the profile says it is for.
///
/// # Errors
/// See [`EnvironmentFault`].
pub fn written(
    profile: &Profile,
    existing: Option<&str>,
    settings: &[Setting],
) -> Result<String, EnvironmentFault> {
    let mut text = existing.map_or_else(
        || "# Variables of the stack; Docker Compose reads this file.\n".to_owned(),
        ToOwned::to_owned,
    );
    for setting in settings {
        let file = env_file::parse(&text);
        if let Some(problem) = file.problem {
            return Err(EnvironmentFault::Broken(problem));
        }
        let assignment = file.variables.get(&setting.name);
        let is_set = assignment.is_some_and(|assignment| {
            assignment.value.as_deref() == Some(&setting.value) && !assignment.v1_differs
        });
        if is_set {
            continue;
        }
        let line = line(setting)?;
        if let Some(assignment) = assignment {
            text = with_statement_replaced(&text, assignment.line, &line);
            continue;
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let known = profile
            .environment
            .iter()
            .find(|variable| variable.name == setting.name);
        if let Some(variable) = known {
            text.push_str("# ");
            text.push_str(&variable.why);
            text.push('\n');
        }
        text.push_str(&line);
        text.push('\n');
    }
    let file = env_file::parse(&text);
    if let Some(problem) = file.problem {
        return Err(EnvironmentFault::Broken(problem));
    }
    for setting in settings {
        let read = file.variables.get(&setting.name);
        if read.and_then(|assignment| assignment.value.as_deref()) != Some(&setting.value) {
            return Err(EnvironmentFault::NotReadBack(setting.name.clone()));
        }
    }
    Ok(text)
}

/// Why a value cannot stand in a `.env`; none where it can.
#[must_use]
pub fn value_fault(name: &str, value: &str) -> Option<String> {
    let setting = Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    line(&setting).err().map(|fault| fault.to_string())
}

/// The line that sets a variable, in the plainest spelling that both releases of Compose read alike.
fn line(setting: &Setting) -> Result<String, EnvironmentFault> {
    let Setting { name, value } = setting;
    let is_name = !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err(EnvironmentFault::Name(name.clone()));
    }
    let is_plain = !value.is_empty()
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.:/@+=,-".contains(&byte));
    let plain = format!("{name}={value}");
    let single = format!("{name}='{value}'");
    let double = format!("{name}=\"{value}\"");
    let spellings = if is_plain {
        [plain, single, double]
    } else {
        // Blanks and number signs are safest between quotation marks, for other readers too.
        [single, plain, double]
    };
    spellings
        .into_iter()
        .find(|line| !line.contains(['\n', '\r']) && means(line, name, value))
        .ok_or_else(|| EnvironmentFault::Ambiguous(name.clone()))
}

fn means(line: &str, name: &str, value: &str) -> bool {
    let file = env_file::parse(line);
    file.problem.is_none()
        && file.variables.len() == 1
        && file.variables.get(name).is_some_and(|assignment| {
            assignment.value.as_deref() == Some(value) && !assignment.v1_differs
        })
}

/// The text with the statement that begins on line `first` (counted from 1) replaced by one line.
fn with_statement_replaced(text: &str, first: usize, line: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let before = lines.get(..first.saturating_sub(1)).unwrap_or_default();
    let from = lines.get(first.saturating_sub(1)..).unwrap_or_default();
    // A value between quotation marks may go on over several lines.
    let statement = (1..=from.len())
        .find(|count| {
            let statement = from.get(..*count).unwrap_or_default().concat();
            let problem = env_file::parse(&statement).problem;
            problem.is_none_or(|problem| problem.problem != EnvProblem::Unterminated)
        })
        .unwrap_or(1);
    let after = from.get(statement..).unwrap_or_default();
    format!("{}{line}\n{}", before.concat(), after.concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile;

    fn settings(pairs: &[(&str, &str)]) -> Vec<Setting> {
        pairs
            .iter()
            .map(|(name, value)| Setting {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
            })
            .collect()
    }

    fn write(existing: Option<&str>, pairs: &[(&str, &str)]) -> Result<String, EnvironmentFault> {
        let profile = profile::load("2023").unwrap();
        written(&profile, existing, &settings(pairs))
    }

    #[test]
    fn what_is_there_stays_and_the_rest_is_added() {
        let existing = "# ours\nOTHER='kept # here'\n\nNODE_DOMAIN=old.company.com # was\nexport USER_ID=1001\nLONG=\"a\nb\"\n";
        let text = write(
            Some(existing),
            &[
                ("NODE_DOMAIN", "node.company.com"),
                ("USER_ID", "1001"),
                ("LONG", "short"),
                ("SUBSCRIPTION_ID", "12345"),
            ],
        )
        .unwrap();
        assert_eq!(
            text,
            "# ours\nOTHER='kept # here'\n\nNODE_DOMAIN=node.company.com\nexport USER_ID=1001\nLONG=short\n# the portal subscription that the license belongs to\nSUBSCRIPTION_ID=12345\n"
        );
        // What holds already is no change.
        assert_eq!(write(Some(&text), &[("LONG", "short")]).unwrap(), text);
    }

    #[test]
    fn a_last_line_without_an_end_gets_one() {
        assert_eq!(write(Some("A=1"), &[("B", "2")]).unwrap(), "A=1\nB=2\n");
        assert_eq!(
            write(Some("A"), &[])
                .unwrap_err()
                .to_string()
                .split(':')
                .next(),
            Some("line 1")
        );
    }

    #[test]
    fn the_later_of_two_lines_counts_and_is_replaced() {
        let text = write(Some("A=1\nB=0\nA=2\n"), &[("A", "3")]).unwrap();
        assert_eq!(text, "A=1\nB=0\nA=3\n");
    }

    #[test]
    fn a_broken_file_is_named_by_its_line_and_not_by_its_value() {
        let error = write(Some("A=1\nB=\"swordfish\n"), &[("A", "2")]).unwrap_err();
        let words = error.to_string();
        assert!(words.starts_with("line 2:"), "{words}");
        assert!(!words.contains("swordfish"), "{words}");
    }

    #[test]
    fn values_that_two_releases_read_differently_are_refused() {
        for (value, line) in [
            ("plain-1.2", Some("A=plain-1.2")),
            ("Basic abc=", Some("A='Basic abc='")),
            ("a # b", Some("A='a # b'")),
            ("a#b", Some("A='a#b'")),
            ("p$$x", Some("A='p$$x'")),
            ("say \"x\"", Some("A='say \"x\"'")),
            ("it's", Some("A=it's")),
            ("", Some("A=''")),
            (" padded ", Some("A=' padded '")),
            ("${B}", None),
            ("a\nb", None),
            ("it's # \"x\"", None),
            ("nul\0", None),
        ] {
            let text = write(Some(""), &[("A", value)]);
            match line {
                Some(line) => assert_eq!(text.unwrap(), format!("{line}\n"), "{value}"),
                None => assert_eq!(
                    text,
                    Err(EnvironmentFault::Ambiguous("A".into())),
                    "{value}"
                ),
            }
        }
        assert_eq!(
            write(None, &[("A B", "1")]),
            Err(EnvironmentFault::Name("A B".into()))
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            existing in r#"((A|B|C|#x|export A)=?("x"|'y z'|[a-z]{0,3})\n){0,6}"#,
            value in r#"[a-z '"$\\#{}]{0,12}"#,
        ) {
            if let Ok(text) = write(Some(&existing), &[("A", &value)]) {
                let file = env_file::parse(&text);
                prop_assert_eq!(file.problem, None);
                prop_assert_eq!(file.variables["A"].value.as_deref(), Some(value.as_str()));
                prop_assert!(!file.variables["A"].v1_differs);
                let before = env_file::parse(&existing);
                for name in ["B", "C"] {
                    prop_assert_eq!(
                        file.variables.get(name).map(|assignment| &assignment.value),
                        before.variables.get(name).map(|assignment| &assignment.value)
                    );
                }
            }
        }
    }
}
