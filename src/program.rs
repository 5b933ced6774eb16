//! Running one program, bounded in time and in output, with nothing left behind.

use std::{
    collections::BTreeMap,
    io,
    os::unix::process::ExitStatusExt,
    process::Stdio,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, Command},
    sync::Notify,
    time::{Instant, sleep_until, timeout_at},
};

/// The search path of programs that are run; nothing of the caller's environment reaches them.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// How long a file may still be open for writing that is to be executed, as when it is just being replaced.
const BUSY_RETRIES: u32 = 10;
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// The process groups of all programs that run, so that an interrupted run can take them along.
static RUNNING: Mutex<Running> = Mutex::new(Running {
    leaders: BTreeMap::new(),
    is_over: false,
});

/// Told whenever a program has ended.
static ENDED: Notify = Notify::const_new();

struct Running {
    leaders: BTreeMap<i32, Interruption>,
    is_over: bool,
}

/// What becomes of a program when the run is interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interruption {
    /// It is killed.
    #[default]
    Kills,
    /// It is left to finish, since it would leave the machine in pieces: a package manager is one.
    Waits,
}

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every program that can be, with all it started, and starts no other: the doctor is about to end. Whether there
/// is one that has to be waited for.
#[must_use]
pub fn end_all() -> bool {
    let mut running = running();
    running.is_over = true;
    running.leaders.retain(|leader, interruption| {
        if *interruption == Interruption::Kills {
            kill(*leader);
        }
        *interruption == Interruption::Waits
    });
    !running.leaders.is_empty()
}

/// Waits until the programs that were left to finish have.
pub async fn all_ended() {
    loop {
        let ended = ENDED.notified();
        tokio::pin!(ended);
        // Before looking, so that an end in between is not missed.
        ended.as_mut().enable();
        if running().leaders.is_empty() {
            return;
        }
        ended.await;
    }
}

/// Kills those too that were left to finish.
pub fn break_off() {
    for leader in std::mem::take(&mut running().leaders).into_keys() {
        kill(leader);
    }
}

/// Returns where the run goes on; where it is being ended, the thread is held until the process is gone, so that
/// nothing is begun meanwhile.
pub fn hold_where_ending() {
    while running().is_over {
        std::thread::park();
    }
}

fn kill(leader: i32) {
    if let Some(leader) = Pid::from_raw(leader) {
        // Nobody left to kill is no error.
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

/// What became of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// How it ended.
    pub ended: Ended,
    /// What it said.
    pub stdout: Captured,
    /// What it complained of.
    pub stderr: Captured,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal, not ours.
    Signalled(i32),
    /// By us, at its deadline.
    TimedOut,
}

/// What a program wrote, as far as it was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The first bytes.
    pub bytes: Vec<u8>,
    /// Whether there was more, which was dropped.
    pub cut: bool,
}

impl Captured {
    /// As text; bytes that are no UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Runs a program with an empty environment, without input, in `/`, in a process group of its own that is killed
/// when the program ends or its deadline comes; keeps at most `most` bytes of each of its outputs.
///
/// # Errors
/// Where the program could not be started.
pub async fn run(command: Command, most: usize, deadline: Duration) -> io::Result<Run> {
    converse(command, Talk::default(), most, deadline).await
}

/// What a program is given beside its arguments, and who hears what it says.
#[derive(Default)]
pub struct Talk<'a> {
    /// Variables of its environment, beside the search path and a language that is the same everywhere.
    pub environment: Vec<(String, String)>,
    /// What it reads on its stdin; a secret goes this way and never into an argument.
    pub input: Option<Vec<u8>>,
    /// Told every line that it writes, while it runs.
    pub hear: Option<&'a (dyn Fn(&str) + Send + Sync)>,
    /// What becomes of it when the run is interrupted.
    pub interruption: Interruption,
}

/// Like [`run`], with a say in what the program is given.
///
/// # Errors
/// As for [`run`].
pub async fn converse(
    mut command: Command,
    talk: Talk<'_>,
    most: usize,
    deadline: Duration,
) -> io::Result<Run> {
    let limit = Instant::now() + deadline;
    command.env_clear().envs(talk.environment);
    let (mut child, group) = start(command, talk.input.is_some(), talk.interruption, limit).await?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("its outputs are not connected"));
    };
    let stdin = child.stdin.take();
    let hear = talk.hear;
    let mut said = Captured::default();
    let mut complained = Captured::default();
    let in_time = {
        let reading = async {
            tokio::join!(
                capture(stdout, most, &mut said, hear),
                capture(stderr, most, &mut complained, hear),
                feed(stdin, talk.input),
            )
        };
        tokio::pin!(reading);
        let ending = group.leader_ended();
        tokio::pin!(ending);
        let mut all_read = false;
        // Reading goes on while the program runs: one whose pipe is full would wait for us for ever.
        let in_time = loop {
            tokio::select! {
                _ = &mut reading, if !all_read => all_read = true,
                () = &mut ending => break true,
                () = sleep_until(limit) => break false,
            }
        };
        // Whoever it left behind goes too, and lets go of the pipes by that.
        group.kill();
        if !all_read {
            // What has left the group may still hold a pipe: its deadline is the program's.
            let _ = timeout_at(limit, &mut reading).await;
        }
        in_time
    };
    // From here on the number can become another's.
    group.forget();
    let ended = if in_time {
        let status = child.wait().await?;
        match (status.code(), status.signal()) {
            (Some(code), _) => Ended::Exited(code),
            (None, signal) => Ended::Signalled(signal.unwrap_or(0)),
        }
    } else {
        // Even a killed program can hang in the kernel; whoever reaps it need not be waited for.
        drop(child);
        Ended::TimedOut
    };
    Ok(Run {
        ended,
        stdout: said,
        stderr: complained,
    })
}

/// A program that does not read to the end has its own reasons.
async fn feed(stdin: Option<ChildStdin>, input: Option<Vec<u8>>) {
    if let (Some(mut stdin), Some(input)) = (stdin, input) {
        let _ = stdin.write_all(&input).await;
        let _ = stdin.shutdown().await;
    }
}

async fn start(
    mut command: Command,
    is_fed: bool,
    interruption: Interruption,
    limit: Instant,
) -> io::Result<(Child, Group)> {
    command
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(if is_fed {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut tries = 0;
    loop {
        match spawn(&mut command, interruption) {
            Err(error)
                if error.kind() == io::ErrorKind::ExecutableFileBusy
                    && tries < BUSY_RETRIES
                    && Instant::now() < limit =>
            {
                tries += 1;
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            result => return result,
        }
    }
}

/// Starts the program and notes its group, with nothing in between that could miss it.
fn spawn(command: &mut Command, interruption: Interruption) -> io::Result<(Child, Group)> {
    let mut running = running();
    if running.is_over {
        return Err(io::Error::other("the run is being ended"));
    }
    let child = command.spawn()?;
    let leader = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .ok_or_else(|| io::Error::other("it has no process id"))?;
    running.leaders.insert(leader, interruption);
    Ok((child, Group { leader }))
}

async fn capture(
    mut pipe: impl AsyncRead + Unpin,
    most: usize,
    captured: &mut Captured,
    hear: Option<&(dyn Fn(&str) + Send + Sync)>,
) {
    let mut buffer = vec![0; 8_192];
    let mut line = Vec::new();
    // A pipe that cannot be read has ended.
    while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
        let room = most.saturating_sub(captured.bytes.len());
        let kept = buffer.get(..length.min(room)).unwrap_or_default();
        captured.bytes.extend_from_slice(kept);
        captured.cut |= length > room;
        if let Some(hear) = hear {
            tell_lines(buffer.get(..length).unwrap_or_default(), &mut line, hear);
        }
    }
}

/// A program that draws its progress ends a line with a carriage return.
fn tell_lines(bytes: &[u8], line: &mut Vec<u8>, hear: &(dyn Fn(&str) + Send + Sync)) {
    const LONGEST: usize = 4_096;
    for byte in bytes {
        if matches!(byte, b'\n' | b'\r') {
            if !line.is_empty() {
                hear(&String::from_utf8_lossy(line));
            }
            line.clear();
        } else if line.len() < LONGEST {
            line.push(*byte);
        }
    }
}

/// The process group of a program that was started; killed when this is dropped.
struct Group {
    leader: i32,
}

impl Group {
    /// Waits until the leader has ended, and leaves it unreaped: its number, and so the group's, stays taken.
    async fn leader_ended(&self) {
        let Some(leader) = Pid::from_raw(self.leader) else {
            return;
        };
        let wait = move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while waitid(WaitId::Pid(leader), options).err() == Some(Errno::INTR) {}
        };
        // Only a panic is an error here, and waiting has none.
        let _ = tokio::task::spawn_blocking(wait).await;
    }

    /// The leader is about to be reaped.
    fn forget(self) {
        running().leaders.remove(&self.leader);
        ENDED.notify_waiters();
        std::mem::forget(self);
    }

    fn kill(&self) {
        kill(self.leader);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if running().leaders.remove(&self.leader).is_some() {
            self.kill();
        }
        ENDED.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLENTY: Duration = Duration::from_mins(1);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    /// Waits as long as this test runs, and not longer, however the test ends.
    fn waiting() -> String {
        let test = std::process::id();
        format!("while kill -0 {test} 2>/dev/null; do sleep 0.2; done")
    }

    async fn run_shell(script: &str, deadline: Duration) -> Run {
        run(shell(script), 100, deadline).await.unwrap()
    }

    #[tokio::test]
    async fn what_it_says_and_how_it_ends_is_told() {
        let run = run_shell("echo out; echo err >&2; exit 3", PLENTY).await;
        assert_eq!(run.ended, Ended::Exited(3));
        assert_eq!(
            (run.stdout.text(), run.stderr.text()),
            ("out\n".into(), "err\n".into())
        );
        let run = run_shell("kill -9 $$", PLENTY).await;
        assert_eq!(run.ended, Ended::Signalled(9));
        assert!(
            super::run(Command::new("/no/such/program"), 1, PLENTY)
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn nothing_of_the_callers_surroundings_reaches_it() {
        let run = run_shell(
            "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort; pwd; cat",
            PLENTY,
        )
        .await;
        assert_eq!(run.stdout.text(), format!("LC_ALL=C\nPATH={PATH}\n/\n"));
    }

    #[tokio::test]
    async fn a_flood_is_cut_and_does_not_stop_the_program() {
        let run = run_shell("head -c 300000 /dev/zero; exit 1", PLENTY).await;
        assert_eq!(run.ended, Ended::Exited(1));
        assert_eq!((run.stdout.bytes.len(), run.stdout.cut), (100, true));
    }

    #[tokio::test]
    async fn what_hangs_is_killed_with_all_it_started() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("held");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let wait = waiting();
        let script = format!("exec 3<>{}; ({wait}) & {wait}", pipe.display());
        let run = run_shell(&script, Duration::from_millis(300)).await;
        assert_eq!(run.ended, Ended::TimedOut);
        wait_until_nobody_reads(&pipe);
    }

    #[tokio::test]
    async fn a_grandchild_that_keeps_the_pipe_does_not_keep_the_answer() {
        let run = run_shell(&format!("({}) & echo done", waiting()), PLENTY).await;
        assert_eq!(run.ended, Ended::Exited(0));
        assert_eq!(run.stdout.text(), "done\n");
    }

    /// A pipe that only the killed program had open refuses a writer that does not wait.
    fn wait_until_nobody_reads(pipe: &std::path::Path) {
        use rustix::fs::{Mode, OFlags, open};
        while open(pipe, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty()).is_ok() {
            std::thread::yield_now();
        }
    }
}
