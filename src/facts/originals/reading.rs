//! Taking an original from the task that reads it, within a deadline for each piece.

use std::{
    io::{self, Read},
    time::Duration,
};

use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};

/// An original that is being read.
pub struct Reading {
    what: String,
    pieces: mpsc::Receiver<Vec<u8>>,
    task: JoinHandle<Result<u64, String>>,
    deadline: Duration,
    runtime: Handle,
    piece: Vec<u8>,
    taken: usize,
}

impl Reading {
    pub(super) fn new(
        what: String,
        pieces: mpsc::Receiver<Vec<u8>>,
        task: JoinHandle<Result<u64, String>>,
        deadline: Duration,
        runtime: Handle,
    ) -> Self {
        Self {
            what,
            pieces,
            task,
            deadline,
            runtime,
            piece: Vec::new(),
            taken: 0,
        }
    }

    /// How many bytes before its first were left out; to be asked when all was read.
    ///
    /// # Errors
    /// Why it could not be read, or not to its end.
    pub fn finish(mut self) -> Result<u64, String> {
        let silent = self.silent();
        let ended = self
            .runtime
            .block_on(async { tokio::time::timeout(self.deadline, &mut self.task).await });
        match ended {
            Ok(Ok(ended)) => ended,
            Ok(Err(_panicked)) => {
                Err("reading it failed inside the doctor; please report this".into())
            }
            Err(_elapsed) => {
                self.task.abort();
                Err(silent)
            }
        }
    }

    fn silent(&self) -> String {
        format!(
            "{} said nothing for {} s",
            self.what,
            self.deadline.as_secs_f64()
        )
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken >= self.piece.len() {
            let next = self
                .runtime
                .block_on(async { tokio::time::timeout(self.deadline, self.pieces.recv()).await });
            match next {
                Ok(Some(piece)) => (self.piece, self.taken) = (piece, 0),
                Ok(None) => return Ok(0),
                Err(_elapsed) => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, self.silent()));
                }
            }
        }
        let left = self.piece.get(self.taken..).unwrap_or_default();
        let length = left.len().min(buffer.len());
        let (room, left) = (buffer.get_mut(..length), left.get(..length));
        if let (Some(room), Some(left)) = (room, left) {
            room.copy_from_slice(left);
        }
        self.taken += length;
        Ok(length)
    }
}
