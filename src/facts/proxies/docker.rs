//! Proxies in the configuration of the Docker daemon, of its systemd unit, and of the Docker client.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{LARGEST_FILE, ProxySettings, Reader};
use crate::{
    facts::{Observed, Root, read_text},
    profile::AbsolutePath,
};

/// More drop-ins than any unit has.
const MOST_DROP_INS: usize = 100;

/// `proxies` of `daemon.json`, where Docker 23 and later look.
pub fn daemon_file(reader: &mut Reader, text: &str, source: &str) -> ProxySettings {
    members(
        reader,
        text,
        source,
        "/proxies",
        ["https-proxy", "http-proxy", "no-proxy"],
    )
}

/// `proxies.default` of the client's `config.json`, which new containers get as variables.
pub fn client_file(reader: &mut Reader, text: &str, source: &str) -> ProxySettings {
    members(
        reader,
        text,
        source,
        "/proxies/default",
        ["httpsProxy", "httpProxy", "noProxy"],
    )
}

fn members(
    reader: &mut Reader,
    text: &str,
    source: &str,
    place: &str,
    [https, http, exceptions]: [&str; 3],
) -> ProxySettings {
    let mut settings = ProxySettings {
        source: source.to_owned(),
        ..ProxySettings::default()
    };
    let document: Value = match serde_json::from_str(text) {
        Ok(document) => document,
        // The parser's own message names the place and none of the content.
        Err(error) => {
            settings.problems.push(format!(
                "{source}:{}:{}: no JSON",
                error.line(),
                error.column()
            ));
            return settings;
        }
    };
    let Some(proxies) = document.pointer(place) else {
        return settings;
    };
    let value = |name: &str| {
        proxies
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    settings.https = reader.address(value(https), https, &mut settings);
    settings.http = reader.address(value(http), http, &mut settings);
    value(exceptions).clone_into(&mut settings.exceptions);
    settings
}

/// `Environment=` and `EnvironmentFile=` of the unit's drop-ins; later files win, as systemd has it.
pub fn drop_ins(
    reader: &mut Reader,
    root: &Root,
    directories: &[AbsolutePath],
) -> Observed<ProxySettings> {
    let mut files: Vec<PathBuf> = Vec::new();
    for directory in directories {
        let Ok(located) = root.locate(directory) else {
            continue;
        };
        let Ok(entries) = std::fs::read_dir(located) else {
            continue;
        };
        let names = entries
            .filter_map(Result::ok)
            .map(|entry| entry.file_name())
            .filter(|name| Path::new(name).extension().is_some_and(|end| end == "conf"));
        files.extend(names.take(MOST_DROP_INS).map(|name| directory.join(name)));
    }
    // A file of the same name in a later directory replaces the earlier one; all are read in the order of their names.
    let mut effective: Vec<PathBuf> = Vec::new();
    for file in files {
        effective.retain(|known| known.file_name() != file.file_name());
        effective.push(file);
    }
    effective.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
    let mut variables = Vec::new();
    let mut sources = Vec::new();
    for file in &effective {
        let text = match read_text(root, file, LARGEST_FILE) {
            Ok(text) => text,
            Err(problem) => return Observed::from_problem(&problem, &file.display().to_string()),
        };
        let found = unit_variables(root, &text);
        if !found.is_empty() {
            sources.push(file.display().to_string());
        }
        variables.extend(found);
    }
    if variables.is_empty() {
        return Observed::Absent;
    }
    Observed::Seen(reader.variables(&variables, &sources.join(", ")))
}

fn unit_variables(root: &Root, text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\n", " ");
    let mut variables = Vec::new();
    for line in joined.lines() {
        let line = line.trim();
        if let Some(value) = line.strip_prefix("Environment=") {
            variables.extend(words(value).iter().filter_map(|word| assignment(word)));
        } else if let Some(file) = line.strip_prefix("EnvironmentFile=") {
            let file = file.trim().trim_start_matches('-');
            if let Ok(text) = read_text(root, Path::new(file), LARGEST_FILE) {
                variables.extend(assignments(&text));
            }
        }
    }
    variables
}

/// Lines of the form `NAME=value`, with or without quotes and `export`.
pub fn assignments(text: &str) -> Vec<(String, String)> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| assignment(line.strip_prefix("export ").unwrap_or(line)))
        .collect()
}

fn assignment(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let value = value.trim();
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value);
    Some((name.trim().to_owned(), unquoted.to_owned()))
}

/// Words between blanks; quotes hold a word together, as in systemd's unit files.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, ' ' | '\t') => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::redact::Redactor;

    #[test]
    fn the_daemons_and_the_clients_files_are_read() {
        let redactor = Redactor::default();
        let mut reader = Reader::new(&redactor);
        let settings = daemon_file(
            &mut reader,
            r#"{"proxies": {"https-proxy": "http://u:hunter22@p:3128", "no-proxy": "localhost"}}"#,
            "daemon.json",
        );
        assert_eq!(settings.https.as_ref().unwrap().to_string(), "p:3128");
        assert_eq!(settings.exceptions, "localhost");
        assert!(!redactor.text("hunter22").contains("hunter22"));
        let settings = client_file(
            &mut reader,
            r#"{"proxies": {"default": {"httpProxy": "http://q:3128"}}}"#,
            "config.json",
        );
        assert_eq!(settings.http.unwrap().host, "q");
        let settings = daemon_file(&mut reader, "{", "daemon.json");
        assert_eq!(settings.problems.len(), 1);
    }

    #[test]
    fn a_later_drop_in_wins() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::at(place.path()).unwrap();
        let directory = place.path().join("etc/docker.service.d");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(
            directory.join("10-proxy.conf"),
            "[Service]\nEnvironment=\"HTTPS_PROXY=http://one:1\" \"NO_PROXY=a, b\"\n",
        )
        .unwrap();
        std::fs::write(
            directory.join("20-proxy.conf"),
            "[Service]\nEnvironmentFile=-/etc/docker.env\n",
        )
        .unwrap();
        std::fs::write(
            place.path().join("etc/docker.env"),
            "# proxy\nexport HTTPS_PROXY='http://two:2'\n",
        )
        .unwrap();
        let mut reader = Reader::new(&Redactor::default());
        let directories = [AbsolutePath::new("/etc/docker.service.d").unwrap()];
        let Observed::Seen(settings) = drop_ins(&mut reader, &root, &directories) else {
            panic!("not seen");
        };
        assert_eq!(settings.https.unwrap().host, "two");
        assert_eq!(settings.exceptions, "a, b");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(Environment=|[\"'\\\\ \n=#]|.)*") {
            let place = Root::machine();
            let _ = words(&text);
            let _ = assignments(&text);
            if !text.contains("EnvironmentFile") {
                let _ = unit_variables(&place, &text);
            }
            let mut reader = Reader::new(&Redactor::default());
            let _ = daemon_file(&mut reader, &text, "x");
        }
    }
}
