//! The end of a container's log, piece by piece, for those who keep it.

use std::{ops::ControlFlow, path::Path};

use tokio::{sync::mpsc::Sender, time::Instant};

use super::{
    logs::Frames,
    socket::{EngineSocket, Trouble},
};
use crate::units::Bytes;

/// Shorter than most lines: as many lines as this makes of the wanted bytes are asked for.
const SHORT_LINE: u64 = 50;

/// Sends the last `most` bytes of a container's log, whole lines only; returns how many were asked for and left out.
///
/// # Errors
/// A sentence on why the engine did not tell it.
pub(in crate::facts) async fn send_log(
    socket: &Path,
    id: &str,
    most: Bytes,
    pieces: &Sender<Vec<u8>>,
) -> Result<u64, String> {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("the engine named a container by what is no id".into());
    }
    // Whoever takes the pieces keeps the deadline.
    let engine = EngineSocket::new(socket, Instant::now());
    let lines = most.0 / SHORT_LINE + 1;
    let target = format!("/containers/{id}/logs?stdout=1&stderr=1&timestamps=1&tail={lines}");
    // The engine counts lines and not bytes, so the first time its bytes are counted.
    let (mut all, mut counting, mut text) = (0_u64, Frames::default(), Vec::new());
    engine
        .each(&target, Some(pieces), |data| {
            text.clear();
            counting.take(data, &mut text);
            all += text.len() as u64;
            // An empty piece tells that the engine is alive.
            ControlFlow::Continue(Vec::new())
        })
        .await
        .map_err(told)?;
    let mut skip = all.saturating_sub(most.0);
    let skipped = skip;
    let mut sent = 0_u64;
    let mut reading = Frames::default();
    engine
        .each(&target, Some(pieces), |data| {
            let mut text = Vec::new();
            reading.take(data, &mut text);
            let passed = usize::try_from(skip).unwrap_or(usize::MAX).min(text.len());
            skip -= passed as u64;
            if passed > 0 && skip == 0 {
                // The line that was cut into goes as a whole, so that no half of a secret is left of it.
                let behind = text.get(passed..).unwrap_or_default();
                let rest = behind.iter().position(|byte| *byte == b'\n');
                skip = u64::from(rest.is_none());
                text.drain(..passed + rest.map_or(behind.len(), |end| end + 1));
            } else {
                text.drain(..passed);
            }
            sent += text.len() as u64;
            // It may have grown meanwhile, but not without end.
            if sent <= most.0.saturating_mul(2) {
                ControlFlow::Continue(text)
            } else {
                ControlFlow::Break(())
            }
        })
        .await
        .map_err(told)?;
    Ok(skipped)
}

fn told(trouble: Trouble) -> String {
    match trouble.observed::<()>("its log").seen() {
        Err(gap) => gap.to_string(),
        Ok(()) => String::new(),
    }
}
