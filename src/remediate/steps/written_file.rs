//! A step that writes a file, whose content is made when it is written.

use std::path::{Path, PathBuf};

use super::{super::difference, command, docker_service};
use crate::{
    redact::MARK,
    remediate::{
        change::{Change, WayBack},
        files::FileAttributes,
        machine::Machine,
        step::{Step, StepError},
    },
};

/// No such file is larger.
const LARGEST: u64 = 1_000_000;

/// Makes a content from the machine and from what is there; none where that will do.
pub(super) type Content =
    Box<dyn Fn(&Machine, Option<&str>) -> Result<Option<String>, StepError> + Send>;

/// Writes one file.
pub(super) struct WrittenFile {
    path: PathBuf,
    words: String,
    mode: u32,
    content: Content,
    /// What would be written now, without secrets.
    preview: Option<String>,
    /// Whether the Docker engine reads it when it starts.
    is_of_docker: bool,
}

impl WrittenFile {
    /// The step; it belongs to root.
    pub fn new(
        machine: &Machine,
        path: PathBuf,
        words: String,
        mode: u32,
        content: Content,
    ) -> Self {
        let mut step = Self {
            path,
            words,
            mode,
            content,
            preview: None,
            is_of_docker: false,
        };
        if let Ok(Some((_, wanted))) = step.wanted(machine) {
            step.preview = Some(machine.redactor().text(&wanted).into_owned());
        }
        step
    }

    /// Of a file that the Docker engine reads when it starts: once it was taken back, the engine is to read it again.
    pub fn of_docker(mut self) -> Self {
        self.is_of_docker = true;
        self
    }

    fn existing(&self, machine: &Machine) -> Result<Option<String>, StepError> {
        machine
            .read(&self.path, LARGEST)?
            .map(|bytes| {
                String::from_utf8(bytes).map_err(|_| {
                    StepError::Other(format!(
                        "{} is no UTF-8 text; move it away, and begin again",
                        self.path.display()
                    ))
                })
            })
            .transpose()
    }

    /// What is to be written instead of what is there.
    fn wanted(&self, machine: &Machine) -> Result<Option<(Option<String>, String)>, StepError> {
        let existing = self.existing(machine)?;
        let wanted = (self.content)(machine, existing.as_deref())?;
        Ok(wanted
            .filter(|wanted| existing.as_ref() != Some(wanted))
            .map(|wanted| (existing, wanted)))
    }
}

impl Step for WrittenFile {
    fn words(&self) -> String {
        self.words.clone()
    }

    fn difference(&self, machine: &Machine) -> Option<String> {
        let (existing, wanted) = self.wanted(machine).ok()??;
        let path = self.path.display().to_string();
        let text = difference::unified(&path, existing.as_deref(), &wanted);
        Some(machine.redactor().text(&text).into_owned())
    }

    fn script(&self) -> Vec<String> {
        let path = self.path.display().to_string();
        let Some(shown) = &self.preview else {
            return vec![format!(
                "# What {path} has to say depends on the steps before it: sesam-doctor --fix --dry-run shows it then."
            )];
        };
        let quoted = shlex::try_quote(&path).map_or_else(|_| path.clone(), Into::into);
        let mut end = String::from("END");
        while shown.lines().any(|line| line == end) {
            end.push('_');
        }
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        let mut lines = vec![
            command(["mkdir", "-p", "--", &directory.display().to_string()]),
            // What is made later is to be seen by others.
            format!("(umask 077; cat >{quoted}) <<'{end}'"),
            shown.trim_end_matches('\n').to_owned(),
            end,
        ];
        if shown.contains(MARK) {
            let mark = MARK.replace('[', "\\[").replace(']', "\\]");
            lines.push(format!(
                "if grep -q '{mark}' {quoted}; then echo 'put the secrets into {path}, then go on from here' >&2; exit 1; fi"
            ));
        }
        let mode = format!("{:o}", self.mode);
        lines.push(command(["chmod", &mode, &path]));
        lines
    }

    fn is_needed(&self, machine: &Machine) -> Result<bool, StepError> {
        Ok(self.wanted(machine)?.is_some())
    }

    fn apply(&self, change: &mut Change) -> Result<(), StepError> {
        let Some((_, wanted)) = self.wanted(change.machine())? else {
            return Ok(());
        };
        // Taken back after the file, since it is noted before.
        if self.is_of_docker
            && let Some(call) = docker_service::restart_call(change.machine())
        {
            let way_back = WayBack::Program {
                words: "restart Docker, so that it takes its former settings".into(),
                call,
                is_safe: true,
            };
            change.act(way_back, |_| Ok(()))?;
        }
        if let Some(directory) = self.path.parent()
            && !change.machine().has_directory(directory)?
        {
            let attributes = FileAttributes {
                mode: 0o755,
                owner: (0, 0),
            };
            change.make_directory(directory, attributes)?;
        }
        let attributes = FileAttributes {
            mode: self.mode,
            owner: (0, 0),
        };
        if let Some(kept) = change.write_file(&self.path, wanted.as_bytes(), attributes)? {
            change
                .machine()
                .watch()
                .say(&format!("  what was there before is {}", kept.display()));
        }
        Ok(())
    }
}
