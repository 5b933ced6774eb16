//! The machine as steps see it: files are read and programs asked here; what changes it is in [`super::change`].

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

use super::{
    files,
    step::StepError,
    walk::{Directory, Entry, PlaceError},
};
use crate::{
    files::{FileKind, Root},
    program::{self, Ended, Interruption, Talk},
    redact::Redactor,
};

/// What is kept of what a program says.
const MOST_SAID: usize = 1_000_000;

/// Who is told what a run is doing, while it does it.
pub trait Watch: Send + Sync {
    /// A line on what is happening now; it replaces the one before, and an empty one takes it away.
    fn doing(&self, line: &str);
    /// A line that stays.
    fn say(&self, line: &str);
}

/// The machine that is mended, or a directory that stands for its files.
pub struct Machine {
    root: Root,
    runtime: Handle,
    redactor: Redactor,
    watch: Box<dyn Watch>,
    /// When the service was stopped by this run.
    stopped: OnceLock<Instant>,
}

/// One program that is to be run.
#[derive(Clone, Debug)]
pub struct Call {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    input: Option<Vec<u8>>,
    deadline: Duration,
    is_told: bool,
    interruption: Interruption,
}

impl Call {
    /// A program, by its path or by a name that is sought where programs are. It gets an environment of nothing but
    /// a search path and `LC_ALL=C`, an empty stdin, and a minute.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            input: None,
            deadline: Duration::from_mins(1),
            is_told: false,
            interruption: Interruption::Kills,
        }
    }

    /// With more arguments. A secret is never one: everybody can read them.
    #[must_use]
    pub fn arguments<S: AsRef<str>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments
            .extend(arguments.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// With something to read on its stdin, as for `docker login --password-stdin`.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// With another limit than a minute.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// With every line that it writes shown as what is happening.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.is_told = true;
        self
    }

    /// Left to finish where the run is interrupted.
    #[must_use]
    pub fn to_its_end(mut self) -> Self {
        self.interruption = Interruption::Waits;
        self
    }

    pub(super) fn into_parts(self) -> (PathBuf, Vec<String>, Option<Vec<u8>>) {
        (self.program, self.arguments, self.input)
    }

    /// The command as a person would type it.
    #[must_use]
    pub fn line(&self) -> String {
        let program = self.program.display().to_string();
        let words = [program.as_str()]
            .into_iter()
            .chain(self.arguments.iter().map(String::as_str));
        shlex::try_join(words).unwrap_or_else(|_| program.clone())
    }
}

/// What a program that went well said.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// On stdout.
    pub stdout: String,
    /// On stderr.
    pub stderr: String,
}

impl Machine {
    /// The machine behind `root`. Must be made within a runtime, and be used on a thread that may block.
    #[must_use]
    pub fn new(root: Root, redactor: Redactor, watch: Box<dyn Watch>) -> Self {
        Self {
            root,
            runtime: Handle::current(),
            redactor,
            watch,
            stopped: OnceLock::new(),
        }
    }

    /// Waits for something on the runtime.
    pub(super) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Takes down that the service stops now.
    pub(super) fn note_stop(&self) {
        // The first stop counts.
        let _ = self.stopped.set(Instant::now());
    }

    /// How long ago this run stopped the service, where it did.
    pub(super) fn stopped_for(&self) -> Option<Duration> {
        self.stopped.get().map(Instant::elapsed)
    }

    /// A number that neither an account nor a group has in the machine's own files; none where those cannot be read.
    pub(super) fn free_user(&self) -> Option<u32> {
        const LARGEST: u64 = 16_000_000;
        // Where accounts of people begin, and end (`login.defs(5)`).
        const NUMBERS: std::ops::Range<u32> = 1_000..60_000;
        let mut taken = std::collections::BTreeSet::new();
        for file in ["/etc/passwd", "/etc/group"] {
            let content = self
                .read(Path::new(file), LARGEST)
                .ok()?
                .unwrap_or_default();
            let text = String::from_utf8_lossy(&content).into_owned();
            let numbers = text
                .lines()
                .filter_map(|line| line.split(':').nth(2)?.parse::<u32>().ok());
            taken.extend(numbers);
        }
        NUMBERS.into_iter().find(|number| !taken.contains(number))
    }

    /// User and group of an account in the machine's own file; none where there is no such account.
    ///
    /// # Errors
    /// Where that file cannot be read.
    pub(super) fn account(&self, name: &str) -> Result<Option<(u32, u32)>, StepError> {
        let entry = self.named_in("/etc/passwd", name)?;
        Ok(entry
            .and_then(|fields| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))))
    }

    /// The account with this number in the machine's own file; none where there is no such account.
    ///
    /// # Errors
    /// Where that file cannot be read.
    pub(super) fn name_of(&self, user: u32) -> Result<Option<String>, StepError> {
        let number = user.to_string();
        let entry = self.found_in("/etc/passwd", |fields| fields.get(2) == Some(&number))?;
        Ok(entry.and_then(|fields| fields.into_iter().next()))
    }

    /// The number of a group, where it is in the machine's own file.
    ///
    /// # Errors
    /// Where that file cannot be read.
    pub(super) fn group_number(&self, name: &str) -> Result<Option<String>, StepError> {
        // group(5): name, password, number, members.
        let fields = self.named_in("/etc/group", name)?;
        Ok(fields.and_then(|fields| fields.into_iter().nth(2)))
    }

    /// The fields of a name's line in a file like passwd(5).
    fn named_in(&self, file: &str, name: &str) -> Result<Option<Vec<String>>, StepError> {
        self.found_in(file, |fields| {
            fields.first().is_some_and(|first| first == name)
        })
    }

    /// The fields of the first line of a file like passwd(5) that is so.
    fn found_in(
        &self,
        file: &str,
        is_sought: impl Fn(&[String]) -> bool,
    ) -> Result<Option<Vec<String>>, StepError> {
        const LARGEST: u64 = 16_000_000;
        let text = self.read(Path::new(file), LARGEST)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&text)
            .lines()
            .map(|line| line.split(':').map(ToOwned::to_owned).collect::<Vec<_>>())
            .find(|fields| is_sought(fields)))
    }

    /// What is taken for `/`.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Whether programs may act: a directory that stands for `/` has files, and no engine, services or packages.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.root.is_machine()
    }

    /// Who is told what is going on.
    #[must_use]
    pub fn watch(&self) -> &dyn Watch {
        self.watch.as_ref()
    }

    /// Where secrets that are met are told, so that they leave nowhere.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// What is at a path, links not followed; nothing where nothing is there.
    ///
    /// # Errors
    /// Where the way there is not safe, and the system's.
    pub(super) fn entry(&self, path: &Path) -> Result<Option<Entry>, PlaceError> {
        files::find(&self.root, path)
    }

    /// Whether a directory is at a path, links of root's followed.
    ///
    /// # Errors
    /// Where the way there is not safe, and the system's.
    pub fn has_directory(&self, path: &Path) -> Result<bool, StepError> {
        match Directory::open(&self.root, path) {
            Ok(_) => Ok(true),
            Err(PlaceError::NotADirectory { path: at, .. }) if at == path => Ok(false),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The content of the file at a path; nothing where nothing is there.
    ///
    /// # Errors
    /// Where something else than a file stands there, it is larger than `limit` bytes, or the system refuses.
    pub fn read(&self, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, StepError> {
        match self.entry(path)? {
            None => Ok(None),
            Some(entry) if entry.kind() == FileKind::Symlink => {
                Err(PlaceError::Link(entry.path).into())
            }
            Some(entry) => Ok(Some(files::read(&entry, limit)?)),
        }
    }

    /// The first of these programs that is there, by names that are sought where programs are.
    #[must_use]
    pub fn program(&self, names: &[&str]) -> Option<PathBuf> {
        const PLACES: [&str; 6] = [
            "/usr/local/sbin",
            "/usr/local/bin",
            "/usr/sbin",
            "/usr/bin",
            "/sbin",
            "/bin",
        ];
        names.iter().find_map(|name| {
            PLACES
                .iter()
                .map(|place| Path::new(place).join(name))
                .find(|path| {
                    self.root
                        .locate(path)
                        .is_ok_and(|located| located.is_file())
                })
        })
    }

    /// Runs a program to ask it something, or as part of a change.
    ///
    /// # Errors
    /// Where it cannot be started, fails (with the last lines that it wrote), or is not done by its deadline.
    pub fn run(&self, call: &Call) -> Result<Said, StepError> {
        self.run_heard(call, &mut |_| {})
    }

    /// The same; what the program said is told to `keep`, however it ended.
    pub(super) fn run_heard(
        &self,
        call: &Call,
        keep: &mut dyn FnMut(&Said),
    ) -> Result<Said, StepError> {
        let line = call.line();
        if !self.is_whole() {
            return Err(StepError::NotHere(format!(
                "`{line}` would act on this machine and not on --root"
            )));
        }
        let mut command = tokio::process::Command::new(&call.program);
        command.args(&call.arguments);
        let hear = |said: &str| self.watch.doing(&self.redactor.text(said));
        let talk = Talk {
            environment: call.environment.clone(),
            input: call.input.clone(),
            hear: if call.is_told { Some(&hear) } else { None },
            interruption: call.interruption,
        };
        let run = self
            .runtime
            .block_on(program::converse(command, talk, MOST_SAID, call.deadline))
            .map_err(|error| StepError::Program {
                line: line.clone(),
                how: format!("could not be started: {error}"),
            })?;
        let said = Said {
            stdout: run.stdout.text(),
            stderr: run.stderr.text(),
        };
        keep(&said);
        let how = match run.ended {
            Ended::Exited(0) => return Ok(said),
            Ended::Exited(code) => format!("ended with {code}: {}", last_lines(&said)),
            Ended::Signalled(signal) => format!("was ended by signal {signal}"),
            Ended::TimedOut => format!("was not done after {} s", call.deadline.as_secs()),
        };
        Err(StepError::Program {
            line,
            how: self.redactor.text(&how).into_owned(),
        })
    }
}

fn last_lines(said: &Said) -> String {
    const LINES: usize = 4;
    let text = if said.stderr.trim().is_empty() {
        &said.stdout
    } else {
        &said.stderr
    };
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let first = lines.len().saturating_sub(LINES);
    lines.get(first..).unwrap_or_default().join("; ")
}
