//! The file of answers.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{AnswerError, Answers, Question, known};
use crate::{
    files::{Root, read_text},
    profile::Profile,
    redact::Redactor,
    spelling::nearest,
    toml_document::{self, DocumentError, Member},
    units::Bytes,
};

/// A password is one line.
const LONGEST_SECRET: Bytes = Bytes(4_096);

impl Answers {
    /// Reads a file of answers, and the files with secrets that it names.
    ///
    /// # Errors
    /// No TOML, an unknown key (with the nearest known one), a value that cannot be meant, each with its line; and files
    /// with secrets that cannot be used.
    pub fn read(path: &Path, profile: &Profile, redactor: &Redactor) -> Result<Self, AnswerError> {
        let name = path.display().to_string();
        let Some(text) = toml_document::read(&Root::machine(), path)? else {
            return Err(AnswerError::Document(DocumentError::Unfit {
                name,
                message: "there is no such file".into(),
            }));
        };
        Self::parse(&name, &text, profile, redactor)
    }

    /// Reads the text of such a file; `name` is what errors call it.
    ///
    /// # Errors
    /// As for [`Answers::read`].
    pub fn parse(
        name: &str,
        text: &str,
        profile: &Profile,
        redactor: &Redactor,
    ) -> Result<Self, AnswerError> {
        let known = known(profile);
        let mut answers = Self::default();
        for Member { key, value, offset } in toml_document::members(name, text)? {
            let wrong = |message: String, nearest: Option<&str>| {
                AnswerError::Document(toml_document::wrong_at(
                    name, text, offset, message, nearest,
                ))
            };
            if let Some(question) = known
                .iter()
                .find(|question| question.is_secret() && question.file_key() == key)
            {
                let path = written(&value)
                    .filter(|path| path.starts_with('/'))
                    .map(PathBuf::from)
                    .ok_or_else(|| wrong(format!("`{key}` has to be an absolute path"), None))?;
                let secret = secret_in(&path, redactor)
                    .and_then(|secret| match question.fault(profile, &secret) {
                        None => Ok(secret),
                        Some(fault) => Err(format!("{}: {fault}", path.display())),
                    })
                    .map_err(|fault| wrong(format!("`{key}`: {fault}"), None))?;
                answers.give(question, &secret, redactor);
                continue;
            }
            let Some(question) = known.iter().find(|question| question.key == key) else {
                let names = names(&known);
                let near = nearest(&key, names.iter().map(String::as_str));
                return Err(wrong(format!("there is no answer `{key}`"), near));
            };
            if question.is_secret() {
                if let Some(value) = value.as_str() {
                    // It should not be here; it is kept out of the message all the same.
                    redactor.learn(value);
                }
                return Err(wrong(
                    format!(
                        "`{key}` does not belong here; put it alone into a file of mode 600 and name that with `{}`, or set {}",
                        question.file_key(),
                        question.variable()
                    ),
                    None,
                ));
            }
            let answer = written(&value).ok_or_else(|| {
                wrong(
                    format!("`{key}` has to be a text, between quotation marks"),
                    None,
                )
            })?;
            if let Some(fault) = question.fault(profile, &answer) {
                return Err(wrong(format!("`{key}`: {fault}"), None));
            }
            if let Some(fault) = question.file_fault(profile, &answer) {
                return Err(wrong(format!("`{key}`: {answer}: {fault}"), None));
            }
            answers.give(question, &answer, redactor);
        }
        Ok(answers)
    }
}

/// A text, or a number as it is written.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn names(known: &[Question]) -> Vec<String> {
    known
        .iter()
        .map(|question| {
            if question.is_secret() {
                question.file_key()
            } else {
                question.key.clone()
            }
        })
        .collect()
}

/// The one line of a file that nobody but its owner reads.
fn secret_in(path: &Path, redactor: &Redactor) -> Result<String, String> {
    let shown = path.display();
    let text = read_text(&Root::machine(), path, LONGEST_SECRET)
        .map_err(|problem| format!("{shown}: {problem}"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    redactor.learn(line);
    let status = rustix::fs::stat(path).map_err(|error| format!("{shown}: {error}"))?;
    if status.st_mode & 0o077 != 0 {
        return Err(format!(
            "{shown} can be read by others than its owner; chmod 600 {shown}"
        ));
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::profile;

    fn parse(text: &str) -> Result<Answers, AnswerError> {
        parse_with(text, &Redactor::default())
    }

    fn parse_with(text: &str, redactor: &Redactor) -> Result<Answers, AnswerError> {
        let profile = profile::load("2023").unwrap();
        Answers::parse("answers.toml", text, &profile, redactor)
    }

    fn secret_file(content: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn answers_are_read() {
        let password = secret_file("sword fish#1\n", 0o600);
        let answers = parse(&format!(
            "node_domain = \"node.company.com\"\nuser_id = 1001\ncertificates = \"own\"\nregistry_username = \"acme\"\nregistry_password_file = \"{}\"\n",
            password.path().display()
        ))
        .unwrap();
        assert_eq!(answers.get("node_domain"), Some("node.company.com"));
        assert_eq!(answers.variable("USER_ID"), Some("1001"));
        let secret = answers.secret("registry_password").unwrap();
        assert_eq!(secret.exposed(), "sword fish#1");
        assert!(
            !format!("{answers:?}").contains("sword fish"),
            "{answers:?}"
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_line() {
        for (text, expected) in [
            (
                "# x\nnode_domian = \"a.b.no\"",
                "answers.toml:2:15: there is no answer `node_domian`; did you mean `node_domain`?",
            ),
            (
                "node_domain = \"node\"",
                "answers.toml:1:15: `node_domain`: no fully qualified domain name",
            ),
            (
                "dns_admin = \"a@b.no\"",
                "answers.toml:1:13: there is no answer `dns_admin`",
            ),
            ("user_id = 0", "answers.toml:1:11: `user_id`: 0 is root"),
            (
                "node_domain = [1]",
                "answers.toml:1:15: `node_domain` has to be a text",
            ),
            (
                "node_domain = \"a.b.no\"\nnode_domain = \"a.b.no\"",
                "answers.toml:2:1: duplicate key",
            ),
            (
                "certificates = \"selfmade\"",
                "“selfmade” is none of letsencrypt, own",
            ),
            (
                "license_file = \"license.key\"",
                "it has to be an absolute path",
            ),
            (
                "license_file = \"/no/such/file\"",
                "/no/such/file: No such file",
            ),
            (
                "license_file = \"/etc\"",
                "`license_file`: /etc: it is a directory, not a file",
            ),
            (
                "certificate_file = \"/dev/zero\"",
                "`certificate_file`: /dev/zero: it is a device, not a file",
            ),
            (
                "license_file = \"/etc/passwd\"",
                "`license_file`: /etc/passwd: the license has characters that base64 does not have",
            ),
            (
                "certificate_file = \"/etc/passwd\"",
                "/etc/passwd: there is no certificate in PEM in it",
            ),
            (
                "certificate_key_file = \"/etc/passwd\"",
                "/etc/passwd: there is no private key in PEM in it",
            ),
            ("registry_username = \"a:b\"", "neither a colon nor a space"),
            (
                "fluentbit_image_tag = \"1.9\\n\"",
                "`fluentbit_image_tag`: it has a line end in it",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}\n{error}");
        }
    }

    /// Every key of the documented example is one, those that are commented out too.
    #[test]
    fn the_example_has_keys_that_are_known() {
        let text = include_str!("../../../docs/answers.example.toml");
        let mut names = Vec::new();
        for edition in ["2023", "2025"] {
            names.extend(super::names(&known(&profile::load(edition).unwrap())));
        }
        let mut seen = 0;
        for line in text.lines() {
            let line = line.strip_prefix("# ").unwrap_or(line);
            let Some((key, _)) = line.split_once(" = ") else {
                continue;
            };
            assert!(names.iter().any(|name| name == key), "{key}");
            seen += 1;
        }
        assert!(seen > 10, "{seen}");
    }

    #[test]
    fn a_password_has_no_place_in_the_file() {
        let redactor = Redactor::default();
        let error = parse_with("registry_password = \"swordfish\"", &redactor).unwrap_err();
        let words = error.to_string();
        assert!(
            words.contains("name that with `registry_password_file`"),
            "{words}"
        );
        assert!(!words.contains("swordfish"), "{words}");
        assert_eq!(redactor.text("swordfish"), "[redacted]");
    }

    #[test]
    fn files_with_secrets_have_to_be_for_their_owner_only() {
        for (content, mode, expected) in [
            ("swordfish\n", 0o644, "chmod 600"),
            ("", 0o600, "it is empty"),
            ("sword\nfish\n", 0o600, "it has a line end in it"),
            (
                "sword'fi$sh\n",
                0o600,
                "cannot be written so that Compose v1 and v2 read the same",
            ),
        ] {
            let file = secret_file(content, mode);
            let text = format!("fluentbit_auth_header_file = \"{}\"", file.path().display());
            let words = parse(&text).unwrap_err().to_string();
            assert!(words.contains(expected), "{words}");
            assert!(!words.contains("fish"), "{words}");
        }
    }

    #[test]
    fn secrets_can_come_from_the_environment_and_a_file_wins() {
        let profile = profile::load("2023").unwrap();
        let redactor = Redactor::default();
        let mut answers = Answers::default();
        let environment = |name: &str| match name {
            "SESAM_DOCTOR_REGISTRY_PASSWORD" => Some("swordfish".to_owned()),
            "SESAM_DOCTOR_NODE_DOMAIN" => Some("not.asked.here".to_owned()),
            _ => None,
        };
        answers
            .take_environment(&profile, environment, &redactor)
            .unwrap();
        assert_eq!(
            answers.secret("registry_password").unwrap().exposed(),
            "swordfish"
        );
        assert!(!answers.has("node_domain"));
        assert_eq!(redactor.text("x swordfish"), "x [redacted]");
        let wrong = |name: &str| {
            (name == "SESAM_DOCTOR_HTTPS_PROXY").then(|| "user:swordfish2@proxy".to_owned())
        };
        let error = Answers::default()
            .take_environment(&profile, wrong, &redactor)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("it has no scheme") && !error.contains("swordfish2"),
            "{error}"
        );
    }

    #[test]
    fn what_is_missing_is_listed_whole() {
        let profile = profile::load("2025").unwrap();
        let answers = parse("node_domain = \"a.b.no\"").unwrap();
        let questions: Vec<Question> = known(&profile)
            .into_iter()
            .filter(|question| {
                ["node_domain", "dns_admin", "registry_password", "disk"]
                    .contains(&question.key.as_str())
            })
            .collect();
        let missing = super::super::MissingAnswers(answers.missing(&questions));
        assert_eq!(
            missing.to_string(),
            "the plan needs 2 answers that nobody gave; name a file with --answers that has:\n  dns_admin = \"…\"   # address that Let's Encrypt knows the operator by\n  registry_password_file = \"/…\"   # file with the password of that account; or set SESAM_DOCTOR_REGISTRY_PASSWORD\nnothing was changed"
        );
    }
}
