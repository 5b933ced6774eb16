//! A step that writes a file, whose content is made when it is written.

use std::path::{Path, PathBuf};

use super::{super::difference, ByHand, command, docker_service};
use crate::{
    checks::KEPT_SUFFIX,
    redact::MARK,
    remediate::{
        change::{Change, WayBack},
        files::FileAttributes,
        machine::Machine,
        step::{Step, StepError},
        walk::PlaceError,
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
    attributes: FileAttributes,
    content: Content,
    /// What would be written now, without secrets.
    preview: Option<String>,
    /// Whether the Docker engine reads it when it starts.
    is_of_docker: bool,
}

impl WrittenFile {
    /// The step; the file belongs to root, or to whom it belongs already, with no more than this mode.
    pub fn new(
        machine: &Machine,
        path: PathBuf,
        words: String,
        mode: u32,
        content: Content,
    ) -> Self {
        // A file that fewer may read than this has a reason for it, as a proxy's password in daemon.json; and whoever works
        // with it goes on working with it.
        let former = machine.entry(&path).ok().flatten();
        let attributes = FileAttributes {
            mode: former.as_ref().map_or(mode, |former| mode & former.mode()),
            owner: former.map_or((0, 0), |former| former.owner()),
        };
        let mut step = Self {
            path,
            words,
            attributes,
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

    /// The same, in a plan that goes on without the file where something stands there that is never written to.
    pub fn planned(self, machine: &Machine) -> Result<Self, ByHand> {
        let by_hand = |error: PlaceError| ByHand(error.to_string());
        match machine.entry(&self.path).map_err(by_hand)? {
            Some(there) => there.require_plain_file().map(|()| self).map_err(by_hand),
            None => Ok(self),
        }
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
        let kept = format!("{path}{KEPT_SUFFIX}");
        let there = |path: &str| format!("[ -e {} ]", command([path]));
        let mut lines = vec![
            command(["mkdir", "-p", "--", &directory.display().to_string()]),
            format!(
                "if {} && ! {}; then {}; fi",
                there(&path),
                there(&kept),
                command(["cp", "-p", "--", &path, &kept])
            ),
            // What is made later is to be seen by others.
            format!("(umask 077; cat >{quoted}) <<'{end}'"),
            shown.trim_end_matches('\n').to_owned(),
            end,
        ];
        if shown.contains(MARK) {
            let mark = MARK.replace('[', "\\[").replace(']', "\\]");
            let words = format!(
                "put the secrets into {path} (what was there before is {kept}), then go on from here"
            );
            lines.push(format!(
                "if grep -q '{mark}' {quoted}; then {} >&2; exit 1; fi",
                command(["echo", &words])
            ));
        }
        let mode = format!("{:o}", self.attributes.mode);
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
        if let Some(kept) = change.write_file(&self.path, wanted.as_bytes(), self.attributes)? {
            change
                .machine()
                .watch()
                .say(&format!("  what was there before is {}", kept.display()));
        }
        Ok(())
    }
}
